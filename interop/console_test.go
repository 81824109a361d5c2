//go:build unix

package interop_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// consoleWorld is what the scripts of the console get to know.
type consoleWorld struct {
	Region   string                 `json:"region"`
	Slowness int                    `json:"slowness"` // bounds of time are so many times as wide
	URLs     map[string]string      `json:"urls"`
	ARNs     map[string]string      `json:"arns"` // of functions
	Users    map[string]consoleUser `json:"users"`
	Fixes    []consoleFix           `json:"fixes"`
	Pictures string                 `json:"pictures"` // a directory to write them to; "" for none
}

type consoleUser struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// consoleFix is a form of a fix, by the name of its tab, and the user and the URL whose refusal it mends.
type consoleFix struct {
	Form string `json:"form"`
	User string `json:"user"`
	URL  string `json:"url"`
}

// consoleSlowness allows for a machine that runs other tests meanwhile. What is measured is printed.
const consoleSlowness = 10

// browse runs a script of console/ against the server. Each check of it is a test. It returns the values that the script
// tells.
func (s *server) browse(t *testing.T, script string, world consoleWorld) map[string]json.RawMessage {
	t.Helper()
	need(t, "console")
	needProgram(t, "chromium")
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() // modules want their packages beside them
	copyInto(t, dir, "console")
	if err := os.Symlink(installed(t, "console", "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	world.Region, world.Slowness = region, consoleSlowness
	told, err := json.Marshal(world)
	if err != nil {
		t.Fatal(err)
	}
	env := append(baseEnv(t.TempDir()), "WORLD="+string(told), "FURL="+must(t, buildFurl), "DATA="+s.data, "CHROMIUM="+chromium)
	done := run(t, env, nil, "node", filepath.Join(dir, script+".mjs"))
	if done.code != 0 {
		t.Errorf("%s: exit %d: %s", script, done.code, done.stderr)
	}
	values, checks := map[string]json.RawMessage{}, 0
	lines := bufio.NewScanner(strings.NewReader(done.stdout))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		said := decode[struct {
			Name, Detail string
			OK           bool
			Value        json.RawMessage
		}](t, lines.Text())
		if said.Value != nil {
			values[said.Name] = said.Value
			continue
		}
		checks++
		t.Run(said.Name, func(t *testing.T) {
			if !said.OK {
				t.Error(said.Detail)
			} else if said.Detail != "" {
				t.Log(said.Detail)
			}
		})
	}
	if checks == 0 {
		t.Errorf("%s has checked nothing", script)
	}
	return values
}

// consoleUser creates a user with an access key and an inline policy, if there is one.
func (s *server) consoleUser(t *testing.T, name, policy string) consoleUser {
	t.Helper()
	client := iam.NewFromConfig(s.config())
	if _, err := client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}); err != nil {
		t.Fatal(err)
	}
	if policy != "" {
		_, err := client.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("call"), PolicyDocument: &policy})
		if err != nil {
			t.Fatal(err)
		}
	}
	made, err := client.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return consoleUser{*made.AccessKey.AccessKeyId, *made.AccessKey.SecretAccessKey}
}

// consoleCalls is a policy that allows calls of all function URLs, under a condition.
func consoleCalls(condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"nearly","Effect":"Allow",` +
		`"Action":["lambda:InvokeFunctionUrl","lambda:InvokeFunction"],"Resource":"*"` + condition + `}]}`
}

// TestConsole drives the console with Chromium: each script of console/ is a topic.
func TestConsole(t *testing.T) {
	need(t, "console", "python")
	needProgram(t, "chromium")
	s := startServer(t, "--console=edit", "--url-style=path")
	world := consoleWorld{URLs: map[string]string{}, Users: map[string]consoleUser{
		"alice": s.consoleUser(t, "alice", ""),
		"bob":   s.consoleUser(t, "bob", consoleCalls(`,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`)),
		"carol": s.consoleUser(t, "carol", consoleCalls("")),
	}}
	world.URLs["echo"] = s.createFunction(t, "echo", types.RuntimeProvidedal2023, "bootstrap", echoZip(t), types.InvokeModeBuffered)
	hostile := writeZip(t, []string{"testdata/function/hostile"}, nil)
	world.URLs["hostile"] = s.createFunction(t, "hostile", nodeRuntime(t), "index.handler", hostile, types.InvokeModeBuffered)
	t.Run("token", func(t *testing.T) { s.browse(t, "token", world) })
	t.Run("requests", func(t *testing.T) { s.browse(t, "requests", world) })
	t.Run("mismatch", func(t *testing.T) { s.browse(t, "mismatch", world) })
	world.URLs["page"] = s.consolePage(t, hostile)
	t.Run("hostile", func(t *testing.T) { s.browse(t, "hostile", world) })
	t.Run("views", func(t *testing.T) {
		world := world
		if *update { // the pictures of docs/console.md
			world.Pictures = filepath.Join("..", "docs", "console")
		}
		s.browse(t, "views", world)
	})
	t.Run("change", func(t *testing.T) { s.typeCodes(t, world, s.browse(t, "change", world)) })
	t.Run("fixes", func(t *testing.T) {
		forms := []string{"AWS CLI", "Terraform", "CDK"}
		s.copyFixes(t, world, forms, func(string) string { return world.URLs["echo"] }, func(t *testing.T, fix consoleFix, text string) bool {
			switch fix.Form {
			case "AWS CLI":
				s.shell(t, text)
			case "Terraform":
				return s.terraformFix(t, text)
			case "CDK":
				path := filepath.Join(t.TempDir(), "fix.mjs")
				write(t, path, text)
				if checked := run(t, baseEnv(t.TempDir()), nil, "node", "--check", path); checked.code != 0 {
					t.Error(checked.stderr)
				}
				return false // that Node.js reads it is all that can be seen here: nobody deploys it
			}
			return true
		})
	})
}

// consolePage is the URL of a function that anybody may call, in path style: the host name that browsers open.
func (s *server) consolePage(t *testing.T, code string) string {
	t.Helper()
	s.createFunction(t, "page", nodeRuntime(t), "index.handler", code, types.InvokeModeBuffered)
	client := lambda.NewFromConfig(s.config())
	config, err := client.UpdateFunctionUrlConfig(t.Context(), &lambda.UpdateFunctionUrlConfigInput{
		FunctionName: aws.String("page"), AuthType: types.FunctionUrlAuthTypeNone,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, input := range []*lambda.AddPermissionInput{
		{StatementId: aws.String("url"), Action: aws.String("lambda:InvokeFunctionUrl"), FunctionUrlAuthType: types.FunctionUrlAuthTypeNone},
		{StatementId: aws.String("invoke"), Action: aws.String("lambda:InvokeFunction"), InvokedViaFunctionUrl: aws.Bool(true)},
	} {
		input.FunctionName, input.Principal = aws.String("page"), aws.String("*")
		if _, err := client.AddPermission(t.Context(), input); err != nil {
			t.Fatal(err)
		}
	}
	return *config.FunctionUrl
}

// typeCodes runs the commands and programs that were copied from the page of a request, as a user who may call.
func (s *server) typeCodes(t *testing.T, world consoleWorld, copied map[string]json.RawMessage) {
	carol := world.Users["carol"]
	for form, command := range map[string][]string{
		"furl": {"sh", "-c"}, "curl": {"sh", "-c"}, "python": {installed(t, "python", "bin", "python"), "-c"}, "js": nil,
	} {
		t.Run(form+" typed", func(t *testing.T) {
			text := decode[string](t, string(copied[form]))
			env := append(baseEnv(t.TempDir()), "AWS_ACCESS_KEY_ID="+carol.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+carol.SecretAccessKey,
				"PATH="+filepath.Dir(must(t, buildFurl))+":"+os.Getenv("PATH"))
			args := append(command, text)
			if form == "js" {
				dir := t.TempDir()
				if err := os.Symlink(installed(t, "console", "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, "call.mjs")
				write(t, path, text)
				args = []string{"node", path}
			}
			done := run(t, env, nil, args[0], args[1:]...)
			sum := fmt.Sprintf("%x", sha256.Sum256([]byte(`{"page":5}`))) // which the function answers with
			if done.code != 0 || !strings.Contains(done.stdout, `"/again"`) || !strings.Contains(done.stdout, sum) {
				t.Errorf("exit %d: %s%s\n%s", done.code, done.stdout, done.stderr, text)
			}
		})
	}
}

// TestConsoleReadOnly opens a console that may change nothing.
func TestConsoleReadOnly(t *testing.T) {
	t.Parallel()
	need(t, "console")
	needProgram(t, "chromium")
	s := startServer(t)
	world := consoleWorld{URLs: map[string]string{}, Users: map[string]consoleUser{"alice": s.consoleUser(t, "alice", "")}}
	world.URLs["echo"] = s.createFunction(t, "echo", types.RuntimeProvidedal2023, "bootstrap", echoZip(t), types.InvokeModeBuffered)
	world.ARNs = map[string]string{"echo": "arn:aws:lambda:" + region + ":" + account + ":function:echo"}
	s.browse(t, "readonly", world)
}

// TestConsoleOfDev copies what mends a template from the console of furl dev into the template.
func TestConsoleOfDev(t *testing.T) {
	t.Parallel()
	need(t, "console")
	needProgram(t, "chromium")
	dir := t.TempDir()
	template := "Transform: AWS::Serverless-2016-10-31\nResources:\n"
	forms := []string{"SAM", "CloudFormation"}
	for _, form := range forms {
		template += fmt.Sprintf("  %[1]s:\n    Type: AWS::Serverless::Function\n    Properties:\n      FunctionName: %[1]s\n"+
			"      CodeUri: src\n      Handler: index.handler\n      Runtime: %[2]s\n      FunctionUrlConfig:\n        AuthType: AWS_IAM\n",
			form, nodeRuntime(t))
	}
	path := filepath.Join(dir, "template.yaml")
	write(t, path, template)
	copyInto(t, filepath.Join(dir, "src"), "testdata/function/hostile")
	d := startDev(t, dir)
	d.copyFixes(t, consoleWorld{}, forms, func(form string) string { return d.url(t, form).URL }, func(t *testing.T, _ consoleFix, text string) bool {
		template += "  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n" // one resource more
		write(t, path, template)
		return true
	})
}

// copyFixes has a user for each form refused by a URL, copies what mends that from the console, and types it. After that
// the same call is answered, unless typed says that nothing was applied.
func (s *server) copyFixes(
	t *testing.T, world consoleWorld, forms []string, url func(form string) string, typed func(*testing.T, consoleFix, string) bool,
) {
	world.Users = map[string]consoleUser{}
	for _, form := range forms {
		name := "types-" + strings.ReplaceAll(form, " ", "-")
		world.Users[name] = s.consoleUser(t, name, "")
		world.Fixes = append(world.Fixes, consoleFix{form, name, url(form)})
	}
	copied := s.browse(t, "fixes", world)
	for _, fix := range world.Fixes {
		t.Run(fix.Form+" typed", func(t *testing.T) {
			text := strings.Join(decode[[]string](t, string(copied[fix.Form])), "\n")
			if !typed(t, fix, text) {
				return
			}
			caller := *s
			caller.vars = maps.Clone(s.vars)
			caller.vars["AWS_ACCESS_KEY_ID"], caller.vars["AWS_SECRET_ACCESS_KEY"] = world.Users[fix.User].AccessKeyID, world.Users[fix.User].SecretAccessKey
			for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) { // furl dev takes the file up
				response, _ := caller.call(t, http.MethodGet, fix.URL, "")
				if response.StatusCode == http.StatusOK {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("the caller is still refused after\n%s", text)
				}
			}
		})
	}
}

// terraformFix applies a permission. It reports false if the provider is older than such permissions, and has nothing else to
// say against the text.
func (s *server) terraformFix(t *testing.T, text string) bool {
	t.Helper()
	needProgram(t, "terraform")
	tf := newTerraform(t, s)
	provider := "terraform {\n  required_providers {\n    aws = { source = \"hashicorp/aws\" }\n  }\n}\nprovider \"aws\" {}\n"
	write(t, filepath.Join(tf.dir, "main.tf"), provider+text)
	if done := tf.run("validate"); strings.Contains(done.stderr, "invoked_via_function_url") {
		if faults := strings.Count(done.stderr, "Error:"); faults != 1 {
			t.Errorf("terraform validate: %s", done.stderr)
		}
		return false
	}
	tf.must("apply", "-auto-approve")
	return true
}
