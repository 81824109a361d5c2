//go:build unix

package interop_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// fixes types what furl explain --fix prints into the programs that it is written for.
type fixes struct {
	*server
	url string
}

// TestFixes has callers refused, and types the fix of the refusal, in each form that a program here takes. After that the
// same call is answered.
func TestFixes(t *testing.T) {
	needProgram(t, "sh")
	need(t, "python")
	f := &fixes{server: startServer(t)}
	f.url = f.createFunction(t, "web", types.RuntimeProvidedal2023, "bootstrap", echoZip(t), types.InvokeModeBuffered)
	const trust = `{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}`
	callers := map[string]func(t *testing.T, name string) *server{
		"user": func(t *testing.T, name string) *server { return f.newUser(t, name) },
		"role": func(t *testing.T, name string) *server {
			f.createRole(t, name, trust)
			may := f.newUser(t, name+"-user")
			f.shell(t, `aws iam put-user-policy --user-name "$NAME-user" --policy-name assume --policy-document "$MAY"`,
				"NAME="+name, "MAY="+mayDo("sts:AssumeRole"))
			return may.as(t, may.shell(t, `aws sts assume-role --role-session-name session --role-arn arn:aws:iam::`+account+`:role/`+name))
		},
	}
	refusals := map[string]func(t *testing.T, caller *server) bool{"--last": f.calls, "--last-api": f.asks}
	forms := map[string]func(t *testing.T, fix, kind, name string){
		"cli": f.typeCLI, "json": f.typeJSON, "terraform": f.typeTerraform,
	}
	for _, row := range []struct{ caller, last, form string }{
		{"user", "--last", "cli"},
		{"role", "--last-api", "cli"},
		{"user", "--last-api", "json"},
		{"role", "--last-api", "terraform"}, // of a function URL it takes a provider that is newer than many have
	} {
		name := row.caller + row.last + "-" + row.form
		t.Run(name, func(t *testing.T) {
			caller, answered := callers[row.caller](t, name), refusals[row.last]
			if answered(t, caller) {
				t.Fatal("the caller needs nothing")
			}
			fix := f.shell(t, must(t, buildFurl)+" explain "+row.last+" --data "+f.data+" --fix "+row.form)
			forms[row.form](t, fix, row.caller, name)
			if !answered(t, caller) {
				t.Errorf("the caller is still refused after\n%s", fix)
			}
		})
	}
}

// calls calls the function URL, and reports whether it is answered.
func (f *fixes) calls(t *testing.T, caller *server) bool {
	t.Helper()
	response, _ := caller.call(t, http.MethodGet, f.url, "")
	return response.StatusCode == http.StatusOK
}

// asks calls an API, and reports whether it is answered.
func (f *fixes) asks(t *testing.T, caller *server) bool {
	t.Helper()
	got := caller.tryShell(t, "aws lambda get-function --function-name web")
	if got.code != 0 && !strings.Contains(got.stderr, "AccessDenied") {
		t.Fatal(got.stderr)
	}
	return got.code == 0
}

func (f *fixes) typeCLI(t *testing.T, fix, _, _ string) {
	t.Helper()
	f.shell(t, fix)
}

func (f *fixes) typeJSON(t *testing.T, fix, kind, name string) {
	t.Helper()
	f.shell(t, `aws iam put-`+kind+`-policy --`+kind+`-name `+name+` --policy-name fix --policy-document "$DOCUMENT"`,
		`DOCUMENT={"Version":"2012-10-17","Statement":[`+fix+`]}`)
}

func (f *fixes) typeTerraform(t *testing.T, fix, _, _ string) {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("no terraform on PATH")
	}
	tf := newTerraform(t, f.server)
	provider := "terraform {\n  required_providers {\n    aws = { source = \"hashicorp/aws\" }\n  }\n}\nprovider \"aws\" {}\n"
	if err := os.WriteFile(filepath.Join(tf.dir, "main.tf"), []byte(provider+fix), 0o600); err != nil {
		t.Fatal(err)
	}
	tf.must("apply", "-auto-approve")
}
