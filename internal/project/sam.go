package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/furl-dev/furl/internal/template/tree"
)

// samConfig is what a samconfig.toml or samconfig.yaml says.
type samConfig struct {
	path, template, stack string
}

// configNames are the names of SAM's configuration, in the order in which they count (AWS SAM Developer Guide, "AWS SAM
// CLI configuration file").
var configNames = []string{"samconfig.toml", "samconfig.yaml", "samconfig.yml"}

// samConfig reads the configuration of SAM in a directory, if it has one.
func (p *Project) samConfig(dir string) (config samConfig, err error) {
	for _, name := range configNames {
		config.path = filepath.Join(dir, name)
		if _, err := os.Lstat(config.path); err == nil {
			break
		}
		config.path = ""
	}
	if config.path == "" {
		return config, nil
	}
	setting, err := p.readConfig(config.path)
	if err != nil {
		return config, err
	}
	p.Files = append(p.Files, config.path)
	for _, command := range []string{"global", "build", "local_start_api", "local_invoke", "validate", "deploy"} {
		for _, key := range []string{"template_file", "template"} {
			name := setting(command, key)
			file := filepath.Join(dir, filepath.FromSlash(name))
			// What is deployed may be what another command writes.
			if command == "deploy" && (!isFile(file) || strings.HasPrefix(name, ".aws-sam")) {
				continue
			}
			if config.template == "" {
				config.template = name
			}
		}
		if config.stack == "" {
			config.stack = setting(command, "stack_name")
		}
	}
	return config, nil
}

// readConfig reads a configuration of SAM: parameters of commands, of the environment that is the default.
func (p *Project) readConfig(path string) (setting func(command, key string) string, err error) {
	if filepath.Ext(path) != ".toml" {
		root, err := p.peek(path)
		return func(command, key string) string {
			if value := root.Path("default", command, "parameters", key); value.Is(tree.String) {
				return value.Text
			}
			return ""
		}, err
	}
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	var file map[string]any
	if err := toml.Unmarshal(text, &file); err != nil {
		if fault := (toml.ParseError{}); errors.As(err, &fault) {
			return nil, fmt.Errorf("%s:%d:%d: this is not TOML: %s", p.shown(path), fault.Position.Line, fault.Position.Col,
				fault.Message)
		}
		return nil, fmt.Errorf("%s: %w", p.shown(path), err)
	}
	return func(command, key string) string {
		var value any = file
		for _, name := range []string{"default", command, "parameters", key} {
			table, _ := value.(map[string]any)
			value = table[name]
		}
		text, _ := value.(string)
		return text
	}, nil
}

// templateOrBuilt opens a template, or what `sam build` made of it. sam local takes the built one wherever there is
// one (AWS SAM Developer Guide, "sam local invoke"); here changes of the source shall be seen, so the source counts
// unless a function needs its build.
func (p *Project) templateOrBuilt(file string, o Options) (*Project, error) {
	root, err := p.peek(file)
	if err != nil {
		return nil, err
	}
	if formOf(root) != SAM {
		return p.template(file, o)
	}
	needs := buildNeeds(root, filepath.Dir(file))
	built := filepath.Join(filepath.Dir(file), ".aws-sam", "build", "template.yaml")
	switch {
	case !isFile(built):
		if len(needs) > 0 {
			p.guess(`%s is used as it is, without a build: %s. Run "sam build" if a function misses something.`,
				filepath.Base(file), strings.Join(needs, ", "))
		}
		return p.template(file, o)
	case len(needs) == 0:
		p.guess("%s is used, and not .aws-sam/build, so that changes are seen at once: no function needs a build.",
			filepath.Base(file))
		return p.template(file, o)
	}
	p.guess(`.aws-sam/build is used, so changes are seen after "sam build": %s. Name %s to use the source.`,
		strings.Join(needs, ", "), filepath.Base(file))
	if source, err := os.Stat(file); err == nil {
		if made, err := os.Stat(built); err == nil && made.ModTime().Before(source.ModTime()) {
			p.guess(`.aws-sam/build is older than %s: run "sam build".`, filepath.Base(file))
		}
	}
	p.Files = append(p.Files, file)
	return p.template(built, o)
}

// buildNeeds says why functions of a template need a build, sorted.
func buildNeeds(root *tree.Node, dir string) []string {
	var needs []string
	resources := root.Get("Resources")
	if !resources.Is(tree.Map) {
		return nil
	}
	for _, resource := range resources.Members {
		kind := resource.Value.Get("Type")
		if !kind.Is(tree.String) || kind.Text != "AWS::Serverless::Function" {
			continue
		}
		property := func(name string) string {
			value := resource.Value.Path("Properties", name)
			if value == nil {
				value = root.Path("Globals", "Function", name)
			}
			if value.Is(tree.String) {
				return value.Text
			}
			return ""
		}
		uri := property("CodeUri")
		if property("InlineCode") != "" || strings.HasPrefix(uri, "s3://") {
			continue
		}
		method := resource.Value.Path("Metadata", "BuildMethod")
		if why := buildNeed(filepath.Join(dir, filepath.FromSlash(uri)), property("Runtime")); why != "" {
			needs = append(needs, resource.Name+" has "+why)
		} else if method.Is(tree.String) {
			needs = append(needs, resource.Name+" has the BuildMethod "+method.Text)
		}
	}
	slices.Sort(needs)
	return needs
}

// buildNeed is what in the code of a function makes it need a build, "" for nothing.
func buildNeed(code, runtime string) string {
	has := func(name string) bool { return isFile(filepath.Join(code, name)) }
	switch {
	case strings.HasPrefix(runtime, "python"):
		text, err := readFile(filepath.Join(code, "requirements.txt"))
		if err != nil {
			return ""
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				return "a requirements.txt"
			}
		}
	case strings.HasPrefix(runtime, "nodejs"):
		var manifest struct{ Dependencies map[string]string }
		text, err := readFile(filepath.Join(code, "package.json"))
		if err == nil && json.Unmarshal(text, &manifest) == nil && len(manifest.Dependencies) > 0 {
			if _, err := os.Stat(filepath.Join(code, "node_modules")); err != nil {
				return "dependencies in its package.json, and no node_modules"
			}
		}
		if has("tsconfig.json") {
			return "a tsconfig.json"
		}
	case strings.HasPrefix(runtime, "provided"), strings.HasPrefix(runtime, "go"):
		for _, name := range []string{"go.mod", "Cargo.toml", "Makefile"} {
			if has(name) && !has("bootstrap") {
				return "a " + name + ", and no bootstrap"
			}
		}
	case strings.HasPrefix(runtime, "ruby"):
		if has("Gemfile") {
			return "a Gemfile"
		}
	case strings.HasPrefix(runtime, "java"), strings.HasPrefix(runtime, "dotnet"):
		return "the runtime " + runtime
	}
	return ""
}
