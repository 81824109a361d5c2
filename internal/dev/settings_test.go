//go:build unix

package dev_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/dev"
)

// project makes a directory with files, and answers it.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSettingsFile(t *testing.T) {
	dir := project(t, map[string]string{"furl.toml": `
[dev]
path = "infra/template.yaml"
stack = "demo"
params = {Stage = "local"}
env-files = [".env", "/etc/env"]
build = "make"
strict = true

[dev.endpoints]
dynamodb = "http://127.0.0.1:8000"

[dev.functions]
web = {debug = true}

[dev.functions.api]
debug = 5678
`})
	got, err := dev.ReadSettings(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := dev.Settings{
		Path: filepath.Join(dir, "infra/template.yaml"), Stack: "demo", Parameters: map[string]string{"Stage": "local"},
		EnvFiles: []string{filepath.Join(dir, ".env"), "/etc/env"}, Build: "make", Strict: true,
		Endpoints: map[string]string{"dynamodb": "http://127.0.0.1:8000"},
		Functions: map[string]dev.FunctionSettings{"api": {Debug: dev.Debug{On: true, Port: 5678}}, "web": {Debug: dev.Debug{On: true}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestOneEnvironmentFile(t *testing.T) {
	dir := project(t, map[string]string{"furl.toml": "[dev]\nenv-files = '.env'\n"})
	got, err := dev.ReadSettings(dir)
	if diff := cmp.Diff([]string{filepath.Join(dir, ".env")}, []string(got.EnvFiles)); diff != "" || err != nil {
		t.Errorf("error %v (-want +got)\n%s", err, diff)
	}
}

func TestNoSettingsFile(t *testing.T) {
	got, err := dev.ReadSettings(t.TempDir())
	if diff := cmp.Diff(dev.Settings{}, got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got)\n%s", err, diff)
	}
}

func TestSettingsFileFaults(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"unknown key", "[dev]\npath = '.'\nbuilt = 'make'\n", ":3: there is no setting dev.built"},
		{"unknown table", "[dev]\n\n[deploy]\nx = 1\ny = 2\n", ":3: there is no setting deploy"},
		{"unknown key of a function", "[dev.functions.api]\ndebug = 1\ndebugger = 2\n",
			":3: there is no setting dev.functions.api.debugger; the settings of [dev] are functions.NAME.debug"},
		{"unknown key in one line", "dev = {path = '.', paht = '.'}\n", ":1: there is no setting dev.paht"},
		{"unknown key with quotes", "[dev]\n\"bu ild\" = 'make'\n", `:2: there is no setting dev."bu ild"`},
		{"another case", "[dev]\nenv_files = []\n", ":2: there is no setting dev.env_files"},
		{"no TOML", "[dev]\npath = \n", ":2"},
		{"a number for a text", "[dev]\nbuild = 3\n", ":2"},
		{"a debugger without a port", "[dev.functions.api]\ndebug = 70000\n", "want true or a port, not 70000"},
		{"a number in a list", "[dev]\nenv-files = [3]\n", "want a text or a list of texts, not 3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := project(t, map[string]string{"furl.toml": test.text})
			_, err := dev.ReadSettings(dir)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), filepath.Join(dir, "furl.toml")+":") {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestUnknownKeysAreToldAllAtOnce(t *testing.T) {
	dir := project(t, map[string]string{"furl.toml": "[dev]\na = 1\nb = 2\n"})
	_, err := dev.ReadSettings(dir)
	events := dev.ErrorEvents(err)
	if len(events) != 2 || events[0].Line != 2 || events[1].Line != 3 {
		t.Errorf("events %+v", events)
	}
}

func TestFlagsOutrankTheFile(t *testing.T) {
	flags := dev.Settings{
		Build: "flag", Parameters: map[string]string{"A": "flag"}, EnvFiles: []string{"flag"},
		Functions: map[string]dev.FunctionSettings{"f": {Debug: dev.Debug{On: true, Port: 1}}},
	}
	file := dev.Settings{
		Build: "file", HTTP: "file", Parameters: map[string]string{"A": "file", "B": "file"}, EnvFiles: []string{"file"},
		Functions: map[string]dev.FunctionSettings{"f": {Debug: dev.Debug{On: true}, Environment: map[string]string{"X": "1"}}, "g": {Debug: dev.Debug{On: true}}},
	}
	want := dev.Settings{
		Build: "flag", HTTP: "file", Parameters: map[string]string{"A": "flag", "B": "file"},
		EnvFiles:  []string{"file", "flag"}, // the later one counts
		Endpoints: map[string]string{},
		Functions: map[string]dev.FunctionSettings{"f": {Debug: dev.Debug{On: true, Port: 1}, Environment: map[string]string{"X": "1"}}, "g": {Debug: dev.Debug{On: true}}},
	}
	if diff := cmp.Diff(want, flags.Over(file)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings dev.Settings
		want     string
	}{
		{"auth", dev.Settings{AuthType: "none"}, `"none" is neither AWS_IAM nor NONE`},
		{"invoke mode", dev.Settings{InvokeMode: "stream"}, `"stream" is neither BUFFERED nor RESPONSE_STREAM`},
		{"address", dev.Settings{Endpoints: map[string]string{"s3": "127.0.0.1:9"}}, `"127.0.0.1:9" is not the address of s3`},
		{"web server with a handler", dev.Settings{HTTP: "x", Handler: "app.handler"}, "has no handler"},
		{"web server with a build", dev.Settings{HTTP: "http://127.0.0.1:1", Build: "make"}, "already runs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.settings.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestRoot(t *testing.T) {
	dir := project(t, map[string]string{
		"template.yaml": "", ".aws-sam/build/template.yaml": "", "cdk.out/manifest.json": "", ".serverless/x.json": "", "build/x": "",
	})
	for path, want := range map[string]string{
		"": dir, "template.yaml": dir, ".aws-sam/build": dir, ".aws-sam/build/template.yaml": dir, "cdk.out": dir,
		"cdk.out/manifest.json": dir, ".serverless": dir, "build": filepath.Join(dir, "build"), ".aws-sam": dir,
	} {
		if got, err := dev.Root(filepath.Join(dir, path)); got != want || err != nil {
			t.Errorf("%q: %s, %v, want %s", path, got, err, want)
		}
	}
	if _, err := dev.Root(filepath.Join(dir, "absent")); err == nil {
		t.Error("a path that is not there has a root")
	}
}
