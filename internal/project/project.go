// Package project finds out what a person has on disk: a template of SAM or CloudFormation, what `sam build` made of
// it, a cdk.out, a Serverless project, a source directory, or a plain web server. It reads the files and answers the
// stack that they declare, with the place of each function's code.
//
//	p, err := project.Open(project.Options{Path: ".", Template: template.Options{Account: …, Region: …}})
//	for _, stack := range p.Stacks { … p.CodePath(stack, code) … }
//
// It changes nothing and runs nothing.
package project

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/sam"
	"github.com/furl-dev/furl/internal/template/tree"
)

// Form is what a project is declared with.
type Form string

// The forms.
const (
	CloudFormation Form = "CloudFormation"
	SAM            Form = "SAM"
	CDK            Form = "CDK"
	Serverless     Form = "Serverless"
	Source         Form = "source directory"
	WebServer      Form = "web server"
)

// Options say what to read, and what a template needs besides.
type Options struct {
	Path string // a file or a directory; "" is the working directory

	// Template is what each template needs. Its Stack names the stack of a template, or selects one of a cdk.out with
	// those that it depends on; "" is a name made of the directory's, or all of them.
	Template template.Options
	Function Function // for a source directory or a web server
	// CodeDirs are further directories that code may be in, outside of the project.
	CodeDirs []string

	// Version answers the version of an interpreter that the machine has, "python3" or "node", such as 3.13.1, and ""
	// if it has none. It is asked when a runtime is guessed; without it, the newest that Lambda has is.
	Version func(interpreter string) string
}

// Function is the one function of a source directory or a web server.
type Function struct {
	Name, Handler, Runtime string // guessed where it is plain what is meant
	AuthType, InvokeMode   string // AWS_IAM and BUFFERED if they are empty
	Upstream               string // address of the web server, "" for a source directory
}

// Project is what was found. Its stacks are in the order in which they must be made.
type Project struct {
	Form    Form
	Root    string   // absolute directory of the project, where furl.toml may be
	Files   []string // absolute paths of the files that declare it: when one changes, it is read again
	Stacks  []*template.Stack
	Guessed []string // what was guessed or decided, a sentence each

	code     map[*template.Stack]string // the directory that code paths are relative to
	codeDirs []string                   // outside of the project, without links
	read     map[string]*tree.Node      // files that were read, by their paths
}

// The files of the tools, in the order in which they count where a directory has several.
var (
	templateNames   = []string{"template.yaml", "template.yml", "template.json"}
	serverlessNames = []string{"serverless.yml", "serverless.yaml", "serverless.json", "serverless.ts", "serverless.js"}
)

const (
	manifestName = "manifest.json"
	cdkOut       = "cdk.out"
	packaged     = ".serverless"
	updateName   = "cloudformation-template-update-stack.json"
)

// maxFile bounds the files that are read: a little more than package tree takes, which says so.
const maxFile = 8<<20 + 1

// Open reads a project. Where a directory has the files of several tools, a template counts first, then CDK, then
// Serverless, then a handler; a handler or a runtime that is given, or a web server, counts before all.
func Open(o Options) (*Project, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	p := &Project{Root: path, code: map[*template.Stack]string{}, read: map[string]*tree.Node{}}
	for _, dir := range o.CodeDirs {
		if dir, err := filepath.Abs(dir); err == nil {
			p.codeDirs = append(p.codeDirs, realPath(dir))
		}
	}
	if !info.IsDir() {
		return p.openFile(path, o)
	}
	p.Root = rootOf(path)
	if o.Function.Upstream != "" {
		return p.webServer(o)
	}
	if o.Function.Handler != "" || o.Function.Runtime != "" {
		return p.source(path, o)
	}
	found, err := p.look(path)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return p.source(path, o)
	}
	if len(found) > 1 {
		names := make([]string, len(found))
		for i, other := range found {
			names[i] = filepath.Base(other.path)
		}
		p.guess("%s is used, and %s is not: name a file or a directory to use another one.", names[0],
			strings.Join(names[1:], " and "))
	}
	return found[0].open(found[0].path, o)
}

// found is a form that a directory has.
type found struct {
	path string
	open func(path string, o Options) (*Project, error)
}

// look finds the forms that a directory has, in the order in which they count.
func (p *Project) look(dir string) ([]found, error) {
	if isFile(filepath.Join(dir, manifestName)) && p.isAssembly(dir) {
		return []found{{dir, p.assembly}}, nil
	}
	switch filepath.Base(dir) {
	case packaged:
		return []found{{dir, p.serverless}}, nil
	case ".aws-sam":
		dir = filepath.Join(dir, "build")
	}
	if built := filepath.Join(dir, templateNames[0]); dir != p.Root && isFile(built) {
		return []found{{built, p.template}}, nil
	}
	var all []found
	config, err := p.samConfig(dir)
	if err != nil {
		return nil, err
	}
	names := templateNames
	if config.template != "" {
		names = []string{config.template}
	}
	for _, name := range names {
		file := name
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, name)
		}
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			if config.template != "" {
				return nil, fmt.Errorf("%s names the template %s, which is not there", config.path, name)
			}
			continue
		}
		if config.template != "" || p.looksDeclared(file) {
			all = append(all, found{file, func(file string, o Options) (*Project, error) {
				o.Template.Stack = cmp.Or(o.Template.Stack, config.stack)
				return p.templateOrBuilt(file, o)
			}})
			break
		}
	}
	switch {
	case isFile(filepath.Join(dir, "cdk.json")):
		all = append(all, found{filepath.Join(dir, "cdk.json"), func(file string, o Options) (*Project, error) {
			return p.cdkProject(filepath.Dir(file), o)
		}})
	case isFile(filepath.Join(dir, cdkOut, manifestName)):
		all = append(all, found{filepath.Join(dir, cdkOut), p.assembly})
	}
	for _, name := range serverlessNames {
		if isFile(filepath.Join(dir, name)) {
			all = append(all, found{filepath.Join(dir, name), func(file string, o Options) (*Project, error) {
				return p.serverless(filepath.Join(filepath.Dir(file), packaged), o)
			}})
			break
		}
	}
	if built := filepath.Join(dir, ".aws-sam", "build", "template.yaml"); len(all) == 0 && isFile(built) {
		all = append(all, found{built, p.template})
	}
	if len(all) == 0 && isFile(filepath.Join(dir, packaged, updateName)) {
		all = append(all, found{filepath.Join(dir, packaged), p.serverless})
	}
	return all, nil
}

// openFile opens a project by one of its files.
func (p *Project) openFile(path string, o Options) (*Project, error) {
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir)
	p.Root = rootOf(dir)
	switch {
	case o.Function.Upstream != "":
		return p.webServer(o)
	case name == manifestName && p.isAssembly(dir):
		return p.assembly(dir, o)
	case name == "cdk.json":
		return p.cdkProject(dir, o)
	case slices.Contains(serverlessNames, name):
		return p.serverless(filepath.Join(dir, packaged), o)
	case name == updateName:
		return p.serverless(dir, o)
	case strings.HasSuffix(name, ".template.json") && isFile(filepath.Join(dir, manifestName)) && p.isAssembly(dir):
		return p.assemblyTemplate(dir, name, o)
	}
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json", ".template":
		return p.template(path, o)
	}
	return nil, fmt.Errorf("%s is no declaration: furl takes a template of SAM or CloudFormation (.yaml, .yml, .json or "+
		".template), a manifest.json of CDK, a cdk.json, a serverless.yml, or a directory", path)
}

// OpenText opens a template that is read already. The name of its file is for errors.
func OpenText(file string, text []byte, o Options) (*Project, error) {
	root, err := tree.Parse(file, text)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	p := &Project{Root: dir, Form: formOf(root), code: map[*template.Stack]string{}}
	o.Template.Stack = cmp.Or(o.Template.Stack, stackName(filepath.Base(dir)))
	return p, p.load(root, dir, o.Template)
}

// IsTemplate reports whether a text is a template, whatever its file is called: a map with one of the sections that no
// other file has.
func IsTemplate(text []byte) bool {
	root, err := tree.Parse("", text)
	return err == nil && isTemplate(root)
}

func isTemplate(root *tree.Node) bool {
	for _, name := range []string{"AWSTemplateFormatVersion", "Resources", "Transform"} {
		if root.Get(name) != nil {
			return true
		}
	}
	return false
}

// IsDeclared reports whether a path is a project with a declaration, and not one of sources only: a directory with a
// template or the files of a tool, or a file of one of these tools that is no template itself.
func IsDeclared(path string) (bool, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	p := &Project{read: map[string]*tree.Node{}}
	if info.IsDir() {
		found, err := p.look(path)
		return len(found) > 0 || err != nil, nil // opening it says what is wrong
	}
	dir, name := filepath.Split(path)
	return slices.Contains(serverlessNames, name) || name == "cdk.json" || name == manifestName && p.isAssembly(dir), nil
}

// rootOf is the directory of the project that a directory is of, which is above what tools write.
func rootOf(dir string) string {
	above := filepath.Dir(dir)
	switch base := filepath.Base(dir); {
	case base == cdkOut || base == packaged || base == ".aws-sam":
		return above
	case base == "build" && filepath.Base(above) == ".aws-sam":
		return filepath.Dir(above)
	}
	return dir
}

// template opens one template.
func (p *Project) template(file string, o Options) (*Project, error) {
	root, err := p.parse(file)
	if err != nil {
		return nil, err
	}
	p.Form = formOf(root)
	o.Template.Stack = cmp.Or(o.Template.Stack, stackName(filepath.Base(p.Root)))
	return p, p.load(root, filepath.Dir(file), o.Template)
}

// serverless opens what `serverless package` wrote into a directory .serverless.
func (p *Project) serverless(dir string, o Options) (*Project, error) {
	p.Form = Serverless
	file := filepath.Join(dir, updateName)
	if !isFile(file) {
		return nil, fmt.Errorf("%s is not there: run \"serverless package\", or have furl do it on each change with "+
			"--build 'npx serverless package'", file)
	}
	made, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	for _, name := range serverlessNames {
		source := filepath.Join(filepath.Dir(dir), name)
		if info, err := os.Stat(source); err == nil {
			p.Files = append(p.Files, source)
			if made.ModTime().Before(info.ModTime()) {
				p.guess(`%s is older than %s: run "serverless package".`, filepath.Base(dir), name)
			}
		}
	}
	root, err := p.parse(file)
	if err != nil {
		return nil, err
	}
	o.Template.Stack = cmp.Or(o.Template.Stack, stackName(filepath.Base(p.Root)))
	return p, p.load(root, dir, o.Template)
}

// formOf is the form of a template.
func formOf(root *tree.Node) Form {
	named := root.Get("Transform")
	if named.Is(tree.List) {
		for _, item := range named.Items {
			if item.Text == sam.Name {
				return SAM
			}
		}
	}
	if named.Is(tree.String) && named.Text == sam.Name {
		return SAM
	}
	return CloudFormation
}

// parse reads a file that declares the project.
func (p *Project) parse(file string) (*tree.Node, error) {
	p.Files = append(p.Files, file)
	return p.peek(file)
}

// peek reads a file that may declare the project, once.
func (p *Project) peek(file string) (*tree.Node, error) {
	if root := p.read[file]; root != nil {
		return root, nil
	}
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	root, err := tree.Parse(p.shown(file), text)
	if err == nil {
		p.read[file] = root
	}
	return root, err
}

// shown is the path of a file in errors: relative to the working directory where that is shorter.
func (p *Project) shown(file string) string {
	if working, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(working, file); err == nil && len(short) < len(file) {
			return short
		}
	}
	return file
}

// load adds the stack of a template, whose exports those that come after it may import.
func (p *Project) load(root *tree.Node, dir string, o template.Options) error {
	imports := maps.Clone(o.Imports)
	if imports == nil {
		imports = map[string]string{}
	}
	for _, stack := range p.Stacks {
		outputs, err := stack.Outputs(nil)
		if err != nil {
			return err
		}
		for _, output := range outputs {
			if output.Export == "" {
				continue
			}
			if _, given := o.Imports[output.Export]; !given {
				imports[output.Export] = output.Value
				if strings.Contains(output.Value, template.Unknown) {
					imports[output.Export] = template.Unknown
				}
			}
		}
	}
	o.Imports = imports
	stack, err := template.Load(root, o)
	if err != nil {
		return err
	}
	p.Stacks = append(p.Stacks, stack)
	p.code[stack] = dir
	return nil
}

// guess notes what was guessed or decided.
func (p *Project) guess(format string, arguments ...any) {
	p.Guessed = append(p.Guessed, fmt.Sprintf(format, arguments...))
}

// isFile reports whether a path is a file, of whatever kind.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// readFile reads a file of bounded size. It waits for nobody: a pipe is refused.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file, but %s", path, kindOf(info.Mode()))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxFile))
}

// kindOf is what a file is that is not a regular one.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// looksDeclared reports whether a file is a template, and not a file of another tool that has the same name. Opening it
// says what is wrong with one that cannot be read.
func (p *Project) looksDeclared(file string) bool {
	root, err := p.peek(file)
	return err != nil || isTemplate(root)
}

// stackName makes the name of a stack, or of a function, of a directory's.
func stackName(text string) string {
	const most = 40
	clean := strings.Map(func(r rune) rune {
		if r < 128 && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return r
		}
		return '-'
	}, text)
	clean = strings.TrimLeft(clean, "-0123456789")
	return cmp.Or(strings.Trim(clean[:min(most, len(clean))], "-"), "app")
}
