//go:build unix

package apply_test

import (
	"archive/zip"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/dev/apply"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
)

const (
	account = roster.DefaultAccount
	other   = "210987654321"
	region  = "us-east-1"
)

// world is a running server with a project beside it.
type world struct {
	testing.TB
	server *app.Server
	dir    string // of the project
	lambda *awslambda.Client
	iam    *awsiam.Client

	applier    *apply.Applier
	parameters map[string]string
}

func newWorld(t testing.TB, change ...func(*app.Config)) *world {
	t.Helper()
	w := &world{TB: t, dir: t.TempDir()}
	w.dir, _ = filepath.EvalSymlinks(w.dir)
	w.write("src/app.py", "def handler(event, context):\n    return 'hello'\n")
	config := app.Default()
	config.Data, config.Listen, config.WatchCode = app.InMemory, "127.0.0.1:0", false
	config.Accounts, config.CodeDirs = []string{account, other}, []string{w.dir}
	for _, change := range change {
		change(&config)
	}
	server, err := app.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, context.Background()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	w.server = server
	w.lambda, w.iam = awslambda.NewFromConfig(w.aws(account)), awsiam.NewFromConfig(w.aws(account))
	w.restart(nil)
	return w
}

// restart has a new Applier, as a new process has one.
func (w *world) restart(change func(*apply.Config)) {
	w.Helper()
	config := apply.Config{
		AWS: w.aws(account), Account: account, Region: region,
		Code: func(_ *template.Stack, code template.Code) (string, error) {
			return filepath.Join(w.dir, code.Path), nil
		},
		Others: map[string]aws.CredentialsProvider{other: w.aws(other).Credentials},
	}
	if change != nil {
		change(&config)
	}
	var err error
	if w.applier, err = apply.New(config); err != nil {
		w.Fatal(err)
	}
}

// aws is the configuration of the root user of an account.
func (w *world) aws(account string) aws.Config {
	root, _ := w.server.RootKey(account)
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(w.server.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(root.AccessKeyID, root.SecretAccessKey, ""),
	}
}

// write writes a file of the project.
func (w *world) write(name, text string) {
	w.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.Fatal(err)
	}
}

// executable writes a script of the project.
func (w *world) executable(name string) {
	w.Helper()
	w.write(name, "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(w.dir, name), 0o755); err != nil {
		w.Fatal(err)
	}
}

// zip writes a package with one file.
func (w *world) zip(name, file, text string) {
	w.Helper()
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	entry, err := writer.Create(file)
	if err != nil {
		w.Fatal(err)
	}
	if _, err := entry.Write([]byte(text)); err != nil {
		w.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		w.Fatal(err)
	}
	w.write(name, archive.String())
}

// stack reads a template: its resources, each indented by two spaces, or the whole if it begins with another section.
func (w *world) stack(name, text string) *template.Stack {
	w.Helper()
	if strings.HasPrefix(text, "\n  ") {
		text = "Resources:" + text
	}
	root, err := tree.Parse("template.yaml", []byte(text))
	if err != nil {
		w.Fatal(err)
	}
	stack, err := template.Load(root, template.Options{
		Stack: name, Account: account, Region: region, Parameters: w.parameters,
		Imports: map[string]string{"api-url": template.Unknown, "api-name": template.Unknown},
	})
	if err != nil {
		w.Fatal(err)
	}
	return stack
}

// plan plans the stack "demo".
func (w *world) plan(resources string) *apply.Plan {
	w.Helper()
	plan, err := w.applier.Plan(w.Context(), w.stack("demo", resources))
	if err != nil {
		w.Fatal(err)
	}
	return plan
}

// refuse plans the stack "demo", which must be refused, and returns the error's text.
func (w *world) refuse(resources string) string {
	w.Helper()
	_, err := w.applier.Plan(w.Context(), w.stack("demo", resources))
	if err == nil {
		w.Fatal("the plan is not refused")
	}
	return err.Error()
}

// apply makes the server equal to the stack "demo", and makes sure that nothing is to be done after that.
func (w *world) apply(resources string) apply.Result {
	w.Helper()
	return w.applyAs("demo", resources)
}

func (w *world) applyAs(stack, resources string) apply.Result {
	w.Helper()
	plan, err := w.applier.Plan(w.Context(), w.stack(stack, resources))
	if err != nil {
		w.Fatal(err)
	}
	var reported []string
	result, err := plan.Apply(w.Context(), func(step apply.Step) { reported = append(reported, step.String()) })
	if err != nil {
		w.Fatal(err)
	}
	for _, step := range plan.Steps {
		if !slices.Contains(reported, step.String()) {
			w.Errorf("the step %s is not reported", step)
		}
	}
	again, err := w.applier.Plan(w.Context(), w.stack(stack, resources))
	if err != nil {
		w.Fatal(err)
	}
	if !again.IsEmpty() {
		w.Errorf("after it was applied there is still to do:\n%s%s", again.Diff(), apply.Notes(again))
	}
	return result
}

// steps are the steps of a plan, in order.
func steps(plan *apply.Plan) (all []string) {
	for _, step := range plan.Steps {
		all = append(all, string(step.Action)+" "+step.What)
	}
	return all
}

// onDisk has the server keep its data in a directory.
func onDisk(t testing.TB) func(*app.Config) {
	return func(config *app.Config) { config.Data = t.TempDir() }
}

// leftovers are the roles, users, groups and managed policies of an account, but for the user "nobody" and the
// administrator that a server begins with.
func (w *world) leftovers(config aws.Config) (names []string) {
	w.Helper()
	got, err := awsiam.NewFromConfig(config).GetAccountAuthorizationDetails(w.Context(), &awsiam.GetAccountAuthorizationDetailsInput{})
	if err != nil {
		w.Fatal(err)
	}
	for _, r := range got.RoleDetailList {
		names = append(names, "role "+aws.ToString(r.RoleName))
	}
	for _, u := range got.UserDetailList {
		if name := aws.ToString(u.UserName); name != "nobody" && name != "admin" {
			names = append(names, "user "+name)
		}
	}
	for _, g := range got.GroupDetailList {
		names = append(names, "group "+aws.ToString(g.GroupName))
	}
	for _, p := range got.Policies {
		if name := aws.ToString(p.PolicyName); name != "AdministratorAccess" {
			names = append(names, "policy "+name)
		}
	}
	return names
}
