//go:build unix

package interop_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documented is a code block of a document: a file with its name, or commands.
var documented = regexp.MustCompile("(?ms)^```(\\w+)(?: (\\S+))?\n(.*?)^```$")

// TestDocumentedTests runs the examples of docs/testing.md as they stand there.
func TestDocumentedTests(t *testing.T) {
	need(t, "python", "testing")
	needProgram(t, "node")
	text, err := os.ReadFile("../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	furl := must(t, buildFurl)
	project, home := t.TempDir(), t.TempDir()
	var commands []string
	for _, block := range documented.FindAllStringSubmatch(string(text), -1) {
		language, name, content := block[1], block[2], block[3]
		switch {
		case language == "sh":
			commands = append(commands, content)
		case name != "":
			file := filepath.Join(project, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Symlink(installed(t, "testing", "node", "node_modules"), filepath.Join(project, "node_modules")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(project, "package.json"), []byte(`{"type":"module"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	// pytest is beside the packages that it tests with, as in a project's own environment.
	bin := filepath.Join(project, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	pytest := "#!/bin/sh\nexec '" + python(t) + "' -m pytest -p no:cacheprovider \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "pytest"), []byte(pytest), 0o755); err != nil {
		t.Fatal(err)
	}
	env := baseEnv(home)
	for i, entry := range env {
		if path, ok := strings.CutPrefix(entry, "PATH="); ok {
			env[i] = "PATH=" + strings.Join([]string{filepath.Dir(furl), bin, path}, string(os.PathListSeparator))
		}
	}
	env = append(env, "PYTHONPATH="+installed(t, "testing", "python"), "CI=1")
	wanted := map[string]string{"pytest": "2 passed", "vitest": "2 passed", "furl serve": "listening on"}
	for _, command := range commands {
		t.Run(strings.Fields(command)[0]+"-"+lastWord(command), func(t *testing.T) {
			env := env
			if !strings.Contains(command, "env-file") { // which does not unset what would contradict it
				env = append(slices.Clone(env), "AWS_PROFILE=nobody")
			}
			done := run(t, env, nil, "sh", "-ec", "cd '"+project+"'\n"+command)
			if done.code != 0 {
				t.Fatalf("%s: exit %d\n%s\n%s", command, done.code, done.stdout, done.stderr)
			}
			for program, want := range wanted {
				if strings.Contains(command, program) && !strings.Contains(done.stdout+done.stderr, want) {
					t.Errorf("%s: no %q in\n%s\n%s", command, want, done.stdout, done.stderr)
				}
			}
		})
	}
	if _, err := os.Stat(filepath.Join(project, "furl.env")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the server has left its file: %v", err)
	}
	if len(commands) != 5 {
		t.Errorf("there are %d commands", len(commands))
	}
	t.Run("go", func(t *testing.T) {
		// From the module, whose packages the file imports.
		done := run(t, os.Environ(), nil, "go", "test", "-run", "TestClient", filepath.Join(project, "client_test.go"))
		if done.code != 0 || !strings.HasPrefix(done.stdout, "ok") {
			t.Errorf("exit %d\n%s\n%s", done.code, done.stdout, done.stderr)
		}
	})
}

func lastWord(text string) string {
	words := strings.Fields(text)
	return words[len(words)-1]
}
