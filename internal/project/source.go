package project

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/template/sam"
	"github.com/furl-dev/furl/internal/template/tree"
)

// What a function has that no template says more of. Lambda's own 3 seconds and 128 MB are little for a person who
// tries things.
const (
	timeout  = "30"
	memoryMB = "512"
)

// candidate is a handler that a source directory may have.
type candidate struct {
	handler, language, why string
}

// The languages, as the names of runtimes begin.
const (
	python   = "python"
	node     = "nodejs"
	provided = "provided.al2023"
)

// handlerFiles are the files that are looked at for a handler, without their ending; handlerEndings are the endings.
var (
	handlerFiles   = []string{"app", "main", "lambda_function", "index", "handler"}
	handlerEndings = map[string]string{".py": python, ".js": node, ".mjs": node, ".cjs": node}
)

var pythonHandler = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(?:(?:async[ \t]+)?def[ \t]+(handler|lambda_handler)[ \t]*\(` +
		`|(handler|lambda_handler)[ \t]*(?::[^=\n]*)?=[^=])`)
})

// What esbuild makes exports behind "0 && (". A comment exports nothing.
var nodeHandler = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[^/*\n]*?\b(?:(?:module\.)?exports\.handler[ \t]*=[^=]` +
		`|module\.exports[ \t]*=[ \t]*\{[^}]*\bhandler\b` +
		`|export[ \t]+(?:(?:const|let|var)|(?:async[ \t]+)?function\*?)[ \t]+handler\b` +
		`|export[ \t]*\{[^}]*\bhandler\b)`)
})

// source opens a directory of source code as one function.
func (p *Project) source(dir string, o Options) (*Project, error) {
	p.Form = Source
	f := &o.Function
	all, err := handlers(dir)
	if err != nil {
		return nil, err
	}
	if f.Handler == "" {
		if strings.HasPrefix(f.Runtime, "provided") {
			f.Handler = "bootstrap"
		} else if err := p.guessHandler(dir, f, all); err != nil {
			return nil, err
		}
	}
	if f.Runtime == "" {
		if err := p.guessRuntime(dir, f, all, o.Version); err != nil {
			return nil, err
		}
	}
	if strings.HasPrefix(f.Runtime, "provided") {
		if err := hasBootstrap(dir); err != nil {
			return nil, err
		}
	}
	if f.Name == "" {
		f.Name = stackName(filepath.Base(dir))
	}
	pos := tree.Position{File: dir, Line: 1, Column: 1}
	return p.synthesize(dir, o, tree.Text(pos, "."))
}

// webServer opens a web server as one function.
func (p *Project) webServer(o Options) (*Project, error) {
	p.Form = WebServer
	f := &o.Function
	f.Name = cmp.Or(f.Name, stackName(filepath.Base(p.Root)))
	f.Handler, f.Runtime = "bootstrap", provided
	pos := tree.Position{File: p.Root, Line: 1, Column: 1}
	return p.synthesize(p.Root, o,
		tree.Object(pos, "Bucket", tree.Text(pos, "http-server"), "Key", tree.Text(pos, f.Upstream)))
}

// synthesize makes the stack of one function, with its role, its URL and, if it is public, the two permissions.
func (p *Project) synthesize(dir string, o Options, code *tree.Node) (*Project, error) {
	f := o.Function
	text := func(value string) *tree.Node { return tree.Text(code.Pos, value) }
	number := func(value string) *tree.Node { return &tree.Node{Pos: code.Pos, Kind: tree.Number, Text: value} }
	root := tree.Object(code.Pos, "Transform", text(sam.Name), "Resources", tree.Object(code.Pos, "Function", tree.Object(
		code.Pos, "Type", text("AWS::Serverless::Function"), "Properties", tree.Object(code.Pos,
			"FunctionName", text(f.Name), "CodeUri", code, "Handler", text(f.Handler), "Runtime", text(f.Runtime),
			"Timeout", number(timeout), "MemorySize", number(memoryMB), "FunctionUrlConfig", tree.Object(code.Pos,
				"AuthType", text(cmp.Or(f.AuthType, "AWS_IAM")),
				"InvokeMode", text(cmp.Or(f.InvokeMode, "BUFFERED")))))))
	o.Template.Stack = cmp.Or(o.Template.Stack, stackName(f.Name))
	err := p.load(root, dir, o.Template)
	if faults := (tree.Faults)(nil); errors.As(err, &faults) {
		// There is no file that a position would be in: what is wrong came with flags.
		lines := make([]string, len(faults))
		for i, fault := range faults {
			lines[i] = fault.What
		}
		return nil, errors.New(strings.Join(lines, "\n"))
	}
	return p, err
}

// handlers finds the handlers of a directory.
func handlers(dir string) ([]candidate, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []candidate
	for _, entry := range entries {
		name := entry.Name()
		ending := filepath.Ext(name)
		module := strings.TrimSuffix(name, ending)
		language := handlerEndings[ending]
		if language == "" || !slices.Contains(handlerFiles, module) || !isFile(filepath.Join(dir, name)) {
			continue
		}
		text, err := readFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if language == node && nodeHandler().Match(text) {
			all = append(all, candidate{module + ".handler", node, name + " exports handler"})
		}
		if language != python {
			continue
		}
		var seen []string
		for _, match := range pythonHandler().FindAllSubmatch(text, -1) {
			if function := string(match[1]) + string(match[2]); !slices.Contains(seen, function) {
				seen = append(seen, function)
				all = append(all, candidate{module + "." + function, python, name + " has " + function})
			}
		}
	}
	if hasBootstrap(dir) == nil {
		all = append(all, candidate{"bootstrap", provided, "there is a program bootstrap"})
	}
	return all, nil
}

// hasBootstrap says why a directory has no program bootstrap.
func hasBootstrap(dir string) error {
	info, err := os.Stat(filepath.Join(dir, "bootstrap"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		build := "COMMAND"
		switch {
		case isFile(filepath.Join(dir, "go.mod")):
			build = "'go build -o bootstrap .'"
		case isFile(filepath.Join(dir, "Cargo.toml")):
			build = "'cargo build --release && cp target/release/NAME bootstrap'"
		}
		return fmt.Errorf("%s has no program bootstrap: say how to build one with --build %s", dir, build)
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("%s is no program: make it one with chmod +x", filepath.Join(dir, "bootstrap"))
	}
	return nil
}

// guessHandler takes the one handler of a directory that there is, of the runtime if that is given.
func (p *Project) guessHandler(dir string, f *Function, all []candidate) error {
	if f.Runtime != "" {
		all = slices.DeleteFunc(all, func(c candidate) bool { return !strings.HasPrefix(f.Runtime, c.language) })
	}
	switch len(all) {
	case 1:
		f.Handler = all[0].handler
		p.guess("The handler is %s: %s.", f.Handler, all[0].why)
		return nil
	case 0:
		for _, name := range []string{"go.mod", "Cargo.toml"} {
			if f.Runtime == "" && isFile(filepath.Join(dir, name)) {
				return hasBootstrap(dir)
			}
		}
		for _, module := range handlerFiles {
			for _, ending := range []string{".ts", ".mts", ".cts"} {
				if isFile(filepath.Join(dir, module+ending)) {
					return fmt.Errorf("%s is TypeScript, which Lambda does not run: make JavaScript of it with --build 'npx "+
						"esbuild %s --bundle --platform=node --outfile=%s.js'", filepath.Join(dir, module+ending), module+ending,
						module)
				}
			}
		}
		return fmt.Errorf("%s has nothing that furl knows how to run. It looked for %s, a samconfig.toml, a cdk.json or a "+
			"cdk.out, a %s, a function handler or lambda_handler in %s (.py, .js, .mjs, .cjs), and a program bootstrap. "+
			"Name a declaration, or the handler with --handler app.handler, or a web server with --http", dir,
			strings.Join(templateNames, ", "), serverlessNames[0], strings.Join(handlerFiles, ", "))
	}
	lines := make([]string, len(all))
	for i, c := range all {
		lines[i] = "--handler " + c.handler
		if c.language != provided {
			lines[i] += " (" + c.why + ")"
		} else {
			lines[i] = "--runtime " + provided + " (" + c.why + ")"
		}
	}
	return fmt.Errorf("%s has several handlers: choose one with %s", dir, strings.Join(lines, ", or "))
}

// guessRuntime takes the runtime of the language that the handler is written in.
func (p *Project) guessRuntime(dir string, f *Function, all []candidate, version func(string) string) error {
	language := ""
	for _, c := range all {
		if c.handler == f.Handler && language == "" {
			language = c.language
		}
	}
	// A handler that is given may be in another file, or in a directory, which Lambda takes with slashes or dots.
	module := strings.TrimSuffix(f.Handler, filepath.Ext(f.Handler))
	var tried []string
	for _, ending := range []string{".py", ".js", ".mjs", ".cjs"} {
		for _, path := range []string{module, strings.ReplaceAll(module, ".", "/")} {
			if language == "" && isFile(filepath.Join(dir, filepath.FromSlash(path+ending))) {
				language = handlerEndings[ending]
			}
		}
		tried = append(tried, module+ending)
	}
	var interpreter, newest string
	switch language {
	case provided:
		f.Runtime = provided
		return nil
	case python:
		interpreter, newest = "python3", "3.13"
	case node:
		interpreter, newest = "node", "22"
	default:
		return fmt.Errorf("%s has no %s for the handler %s: name the runtime with --runtime, or another handler", dir,
			strings.Join(tried, ", "), f.Handler)
	}
	where := "the newest that furl guesses"
	if version != nil {
		if newest = strings.TrimPrefix(version(interpreter), "v"); newest == "" {
			return fmt.Errorf("the handler %s needs %s, which is not on PATH: install it, or name another runtime with "+
				"--runtime", f.Handler, interpreter)
		}
		where = interpreter + " is version " + newest
	}
	major, rest, _ := strings.Cut(newest, ".")
	minor, _, _ := strings.Cut(rest, ".")
	if language == python {
		f.Runtime = python + major + "." + minor
	} else {
		// Lambda has runtimes of even versions of Node.js only.
		number, err := strconv.Atoi(major)
		if err != nil {
			return fmt.Errorf("the version of %s is %q, which is no number: name the runtime with --runtime", interpreter,
				newest)
		}
		f.Runtime = node + strconv.Itoa(number&^1) + ".x"
	}
	p.guess("The runtime is %s: %s.", f.Runtime, where)
	return nil
}
