package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/declared"
	"github.com/furl-dev/furl/internal/project"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/template"
)

// declaration is how commands read what a project declares, without a server.
type declaration struct {
	p              *program
	command        *cobra.Command
	stack, account string
	region         string // for commands that have no other flag for it
	parameters     []string
}

func (d *declaration) register(p *program, command *cobra.Command) {
	d.p, d.command = p, command
	f := command.Flags()
	f.StringArrayVar(&d.parameters, "param", nil, "value of a parameter of the template, NAME=VALUE; may be repeated")
	f.StringVar(&d.stack, "stack", "",
		"name of the stack, or the one of a CDK project to read (default the directory's name, or all)")
	f.StringVar(&d.account, "account", "", "account that the template is read for (default "+roster.DefaultAccount+")")
}

// given are the flags as a shell takes them.
func (d *declaration) given() (flags string) {
	add := func(flag, value string) {
		if value != "" {
			flags += " --" + flag + " " + snippet.Quote(value)
		}
	}
	for _, parameter := range d.parameters {
		add("param", parameter)
	}
	add("stack", d.stack)
	add("account", d.account)
	return flags
}

// isDeclared reports whether a path is a project's declaration, and not a policy or a saved answer: what a file has in
// it says so, not its name. text is that of a file.
func isDeclared(path string, text []byte) bool {
	if is, err := project.IsDeclared(path); path != "-" && err == nil && is {
		return true
	}
	isYAML := slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(path)) // no policy is
	return text != nil && (isYAML || project.IsTemplate(text))
}

// readDeclared reads a file, and says whether it is a project's declaration. A directory has no text.
func (p *program) readDeclared(path string) (text []byte, is bool, err error) {
	info, err := os.Stat(path)
	if path != "-" && (err != nil || info.IsDir()) {
		return nil, err == nil && isDeclared(path, nil), err
	}
	text, err = p.readPolicy(path)
	return text, err == nil && isDeclared(path, text), err
}

// declaredTypes are the endings of the files that package project takes by their names.
var declaredTypes = []string{".yaml", ".yml", ".json", ".template", ".ts", ".js"}

// open reads a project. text is that of a file; nil for a directory.
func (d *declaration) open(path, region string, text []byte) (*declared.World, error) {
	if text == nil && !isDeclared(path, nil) {
		return nil, fmt.Errorf("%s has no declaration: furl reads a template of SAM or CloudFormation, .aws-sam/build, a "+
			"cdk.out, or a Serverless project", path)
	}
	parameters, err := pairs("param", d.parameters, "NAME=VALUE")
	if err != nil {
		return nil, usage(d.command, err)
	}
	// The region is the one that the AWS SDK would take, else that of a local server.
	region = cmp.Or(region, d.p.getenv("AWS_REGION"), d.p.getenv("AWS_DEFAULT_REGION"), roster.DefaultRegion)
	o := project.Options{Path: path, Template: template.Options{
		Stack: d.stack, Account: cmp.Or(d.account, roster.DefaultAccount), Region: region, Parameters: parameters,
	}}
	var opened *project.Project
	if path == "-" || text != nil && !slices.Contains(declaredTypes, filepath.Ext(path)) {
		opened, err = project.OpenText(path, text, o)
	} else {
		opened, err = project.Open(o)
	}
	if err != nil {
		return nil, err
	}
	for _, guess := range opened.Guessed {
		d.p.note("note: %s", guess)
	}
	return declared.New(opened.Stacks, o.Template.Account, region)
}

// pairs are the values of a flag by name.
func pairs(flag string, texts []string, form string) (map[string]string, error) {
	values := map[string]string{}
	var faults []error
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			faults = append(faults, fmt.Errorf("--%s %q is not %s", flag, text, form))
			continue
		}
		values[name] = value
	}
	return values, errors.Join(faults...)
}
