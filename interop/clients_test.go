//go:build unix

package interop_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// outcome is what became of a case: an HTTP response, a presigned URL, or what the client said instead.
type outcome struct {
	ID        int
	URL       string
	Status    int
	ErrorType string
	RequestID string
	Body      string
	Error     string
}

// client is a program that signs and sends cases.
type client struct {
	name string
	need func(t *testing.T)
	run  func(t *testing.T, env []string, cases []signCase) []outcome
}

func clients() []client {
	return []client{
		inPython(viaRequests),
		inPython(viaHTTPX),
		inPython(viaAWS4Auth),
		inPython(viaAWSCurl),
		inNode(viaAWS4Fetch),
		inNode(viaSmithy),
		inRust(viaRust),
		{name: viaCurl, need: func(t *testing.T) { needProgram(t, "curl") }, run: runCurl},
	}
}

func inPython(name string) client {
	return inScript(name, "python", func(t *testing.T) []string { return []string{python(t), "python/clients.py", name} })
}

func inNode(name string) client {
	return inScript(name, "node", func(*testing.T) []string { return []string{"node", "node/clients.mjs", name} })
}

func inRust(name string) client {
	return inScript(name, "rust", func(t *testing.T) []string { return []string{installed(t, "rust", "debug", "client")} })
}

// inScript is a client that install.sh installs in the step.
func inScript(name, step string, command func(t *testing.T) []string) client {
	return client{
		name: name,
		need: func(t *testing.T) { need(t, step) },
		run: func(t *testing.T, env []string, cases []signCase) []outcome {
			command := command(t)
			return runScript(t, env, cases, command[0], command[1:]...)
		},
	}
}

// runScript gives the cases to a program as lines of JSON, and reads the outcomes.
func runScript(t *testing.T, env []string, cases []signCase, name string, arguments ...string) []outcome {
	t.Helper()
	var stdin bytes.Buffer
	encoder := json.NewEncoder(&stdin)
	for _, c := range cases {
		if err := encoder.Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	done := run(t, env, &stdin, name, arguments...)
	if done.code != 0 {
		t.Fatalf("%s: exit %d: %s", name, done.code, done.stderr)
	}
	var outcomes []outcome
	for lines := bufio.NewScanner(strings.NewReader(done.stdout)); lines.Scan(); {
		outcomes = append(outcomes, decode[outcome](t, lines.Text()))
	}
	return outcomes
}

// runCurl sends all cases with one curl. Its options go through standard input: they hold a secret.
func runCurl(t *testing.T, env []string, cases []signCase) []outcome {
	t.Helper()
	dir := t.TempDir()
	var config bytes.Buffer
	option := func(name, value string) {
		fmt.Fprintf(&config, "%s = %s\n", name, quoteCurl(value))
	}
	for i, c := range cases {
		if i > 0 {
			config.WriteString("next\n")
		}
		config.WriteString("silent\ngloboff\n")
		option("aws-sigv4", "aws:amz:"+region+":lambda")
		option("user", variable(env, "AWS_ACCESS_KEY_ID")+":"+variable(env, "AWS_SECRET_ACCESS_KEY"))
		if token := variable(env, "AWS_SESSION_TOKEN"); token != "" {
			option("header", "X-Amz-Security-Token: "+token)
		}
		for name, value := range c.Headers {
			option("header", name+": "+value)
		}
		if len(c.body) > 0 {
			body := filepath.Join(dir, strconv.Itoa(i)+".body")
			if err := os.WriteFile(body, c.body, 0o600); err != nil {
				t.Fatal(err)
			}
			option("data-binary", "@"+body)
		}
		if c.Method == "HEAD" {
			config.WriteString("head\n")
		} else {
			option("request", c.Method)
		}
		option("max-time", "30")
		option("output", filepath.Join(dir, strconv.Itoa(i)))
		option("write-out", `%{response_code}\t%header{x-amzn-errortype}\t%header{x-amzn-requestid}\t%{errormsg}\n`)
		option("url", c.URL)
	}
	done := run(t, env, &config, "curl", "--disable", "--config", "-")
	var outcomes []outcome
	for line := range strings.Lines(done.stdout) {
		fields := strings.Split(strings.TrimRight(line, "\n"), "\t")
		i := len(outcomes)
		if len(fields) != 4 || i == len(cases) {
			t.Fatalf("curl printed %q\n%s", line, done.stderr)
		}
		status, err := strconv.Atoi(fields[0])
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i)))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		outcomes = append(outcomes, outcome{
			ID: cases[i].ID, Status: status, ErrorType: fields[1], RequestID: fields[2], Body: string(text), Error: fields[3],
		})
	}
	return outcomes
}

// variable is the value of a variable in an environment, of which the last assignment counts.
func variable(env []string, name string) string {
	for _, assignment := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(assignment, name+"="); ok {
			return value
		}
	}
	return ""
}

// quoteCurl quotes a value for a file of curl's options.
func quoteCurl(value string) string {
	return `"` + strings.NewReplacer(`\t`, `\t`, `\n`, `\n`, `\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// TestClients has eight clients sign and send the same requests to a function URL. What arrives must be accepted and be
// what was meant, but for the mistakes in the table of quirks: those have to show, and furl explain has to know them.
func TestClients(t *testing.T) {
	s := startServer(t)
	url := s.createFunction(t, "echo", types.RuntimeProvidedal2023, "bootstrap", echoZip(t), types.InvokeModeBuffered)
	cases := makeCases(url, 800)
	session := s.sessionEnv(t)

	// The clients are rivals for the server, as they would be.
	t.Run("sign", func(t *testing.T) {
		for _, c := range clients() {
			t.Run(c.name, func(t *testing.T) {
				c.need(t)
				t.Parallel()
				judge(t, c, cases, c.run(t, session, cases))
				few := cases[:60]
				judge(t, c, few, c.run(t, s.env(), few)) // keys without a session token
			})
		}
		t.Run("curl by host name", func(t *testing.T) {
			needProgram(t, "curl") // which finds names below localhost by itself
			t.Parallel()
			_, port, _ := strings.Cut(strings.TrimPrefix(s.endpoint(), "http://"), ":")
			byName := makeCases("http://"+urlID(url)+".lambda-url."+region+".localhost:"+port+"/", 200)
			judge(t, client{name: viaCurl}, byName, runCurl(t, session, byName))
		})
	})
	t.Run("explain", func(t *testing.T) {
		for _, c := range clients() {
			t.Run(c.name, func(t *testing.T) {
				c.need(t)
				s.explainQuirks(t, c, session, cases)
			})
		}
	})
}

// TestAWSCurlCommand types awscurl's command line in the environment that furl env prints. TestClients has the same code
// in one process for all cases.
func TestAWSCurlCommand(t *testing.T) {
	need(t, "python")
	s := startServer(t)
	url := s.createFunction(t, "typed", types.RuntimeProvidedal2023, "bootstrap", echoZip(t), types.InvokeModeBuffered)
	const line = "awscurl --service lambda --fail-with-body -X POST -H 'X-Amz-Meta: one' "

	t.Run("accepted", func(t *testing.T) {
		const body = `{"title":"café"}`
		got := decode[echo](t, s.shell(t, line+"-d '"+body+"' '"+url+"a%20path?a=1&b=2'"))
		got.Headers = nil
		hash := sha256.Sum256([]byte(body))
		want := echo{
			Method: "POST", RawPath: "/a%20path", RawQuery: "a=1&b=2", Body: hex.EncodeToString(hash[:]),
			Caller: "arn:aws:iam::" + account + ":root",
		}
		if !got.equal(want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
	t.Run("refused", func(t *testing.T) {
		const exitOfFail = 22 // as curl's
		if done := s.tryShell(t, line+"'"+url+"?q=hello%20world'"); done.code != exitOfFail || done.stdout != mismatch {
			t.Errorf("exit %d: %s%s", done.code, done.stdout, done.stderr)
		}
	})
}

// judge holds the outcomes to what the table of quirks says.
func judge(t *testing.T, c client, cases []signCase, outcomes []outcome) {
	t.Helper()
	if len(outcomes) != len(cases) {
		t.Fatalf("%d outcomes of %d cases", len(outcomes), len(cases))
	}
	mayDoBetter := c.name == viaCurl && !isKnownCurl(t)
	counts, complaints := map[verdict]int{}, 0
	for i, o := range outcomes {
		met := quirksOf(c.name, &cases[i])
		got, note := cases[i].verdict(o)
		counts[got]++
		if want := cases[i].expected(met); o.ID != cases[i].ID || got != want && !(mayDoBetter && want != accepted && got == accepted) {
			if complaints++; complaints <= 5 {
				t.Errorf("%s %s (%s): %s %s, want %s", cases[i].Method, cases[i].URL, cases[i].names(), got, note, want)
			}
		}
	}
	t.Logf("%d cases: %v", len(cases), counts)
	if complaints > 5 {
		t.Errorf("%d cases in all came out wrong", complaints)
	}
}

// explainQuirks sends the first two requests of each quirk that gets one refused, on its own, and asks furl why.
func (s *server) explainQuirks(t *testing.T, c client, env []string, cases []signCase) {
	type probe struct {
		quirk
		signCase
	}
	var probes []probe
	for _, q := range quirks {
		if !slices.Contains(q.clients, c.name) || q.verdict != refused {
			continue
		}
		for _, name := range []string{q.parts[0], q.parts[len(q.parts)-1]} {
			i := slices.IndexFunc(cases, func(c signCase) bool {
				return slices.ContainsFunc(c.parts, func(p part) bool { return p.name == name })
			})
			probes = append(probes, probe{q, cases[i]}) // the first case of a part has nothing else that is special
		}
	}
	if len(probes) == 0 {
		return
	}
	time.Sleep(time.Second) // furl makes at most twenty diagnoses a second
	var sent []signCase
	for _, p := range probes {
		sent = append(sent, p.signCase)
	}
	for i, o := range c.run(t, env, sent) {
		if c.name == viaCurl && !isKnownCurl(t) && o.Status == 200 {
			continue
		}
		want := []string{probes[i].explain}
		problem := missing(s.explain(t, o.RequestID), want)
		for try := 0; outOfTime(problem) && try < 10; try++ {
			o = c.run(t, env, sent[i:i+1])[0]
			problem = missing(s.explain(t, o.RequestID), want)
		}
		if problem != "" {
			t.Errorf("%s %s: %s", sent[i].Method, sent[i].URL, problem)
		}
	}
}

// isKnownCurl reports whether the curl on PATH is the one whose quirks are known.
func isKnownCurl(t *testing.T) bool {
	t.Helper()
	return strings.HasPrefix(run(t, baseEnv(t.TempDir()), nil, "curl", "--version").stdout, "curl "+curlVersion+".")
}

// sessionEnv is the environment of a client that has the credentials of an assumed role, which may call every URL.
func (s *server) sessionEnv(t *testing.T) []string {
	t.Helper()
	ctx := t.Context()
	const name = "clients"
	allow := func(action string) *string {
		return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"*"}]}`)
	}
	config := s.config()
	root := iam.NewFromConfig(config)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}]}`
	role, err := root.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: &trust})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := root.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String(name), PolicyName: aws.String("call"), PolicyDocument: allow("lambda:InvokeFunction*")}); err != nil {
		t.Fatal(err)
	}
	if _, err := root.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(name)}); err != nil {
		t.Fatal(err)
	}
	if _, err := root.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String(name), PolicyName: aws.String("assume"), PolicyDocument: allow("sts:AssumeRole")}); err != nil {
		t.Fatal(err)
	}
	key, err := root.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	config.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	session, err := sts.NewFromConfig(config).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: aws.String("interop")})
	if err != nil {
		t.Fatal(err)
	}
	return append(s.env(), "AWS_ACCESS_KEY_ID="+*session.Credentials.AccessKeyId,
		"AWS_SECRET_ACCESS_KEY="+*session.Credentials.SecretAccessKey, "AWS_SESSION_TOKEN="+*session.Credentials.SessionToken)
}
