package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// commandsIn are the commands of furl in a pipeline: the texts that begin with its name.
func commandsIn(value any) (commands []string) {
	switch value := value.(type) {
	case map[string]any:
		for _, member := range value {
			commands = append(commands, commandsIn(member)...)
		}
	case []any:
		for _, item := range value {
			commands = append(commands, commandsIn(item)...)
		}
	case string:
		if strings.HasPrefix(value, "furl ") {
			commands = append(commands, value)
		}
	}
	return commands
}

// The pipelines of docs/ci.md are YAML, and their commands run, on a project whose function everyone of a role may call,
// and on a server.
func TestPipelinesOfTheDocuments(t *testing.T) {
	s := startLocalServer(t, "json")
	s.deploy(t)
	document, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	project, err := os.ReadFile("testdata/ci/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for _, block := range regexp.MustCompile("(?ms)^```yaml$(.*?)^```$").FindAllSubmatch(document, -1) {
		var pipeline map[string]any
		if err := yaml.Unmarshal(block[1], &pipeline); err != nil {
			t.Errorf("%v:%s", err, block[1])
		}
		found := commandsIn(pipeline)
		if len(found) == 0 {
			t.Errorf("a pipeline does not run furl: %s", block[1])
		}
		commands = append(commands, found...)
	}
	if len(commands) < 6 {
		t.Fatalf("the documents have the commands %q only", commands)
	}
	for _, command := range commands {
		if command == "furl policy lint" {
			command += " template.yaml" // which pre-commit adds
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "template.yaml"), project, 0o600); err != nil {
			t.Fatal(err)
		}
		shell := exec.CommandContext(t.Context(), "sh", "-ec", command)
		shell.Dir, shell.Env = dir, append(os.Environ(), s.env...)
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", command, err, out)
		}
		if _, file, ok := strings.Cut(command, " > "); ok {
			if text, err := os.ReadFile(filepath.Join(dir, file)); err != nil || len(text) == 0 {
				t.Errorf("%s wrote nothing: %v", command, err)
			}
		}
	}
}
