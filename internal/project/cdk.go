package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// assemblyManifest is what a manifest.json of CDK says (AWS Cloud Development Kit, cloud-assembly-schema).
type assemblyManifest struct {
	Artifacts map[string]struct {
		Type, Environment, DisplayName string
		Dependencies                   []string
		Properties                     struct {
			TemplateFile, StackName, DirectoryName string
			Parameters                             map[string]string
		}
	}
}

// cdkStack is a stack of a cdk.out.
type cdkStack struct {
	id, name, display string
	environment       string // aws://ACCOUNT/REGION
	dir, file         string
	needs             []string // ids
	parameters        map[string]string
}

// isAssembly reports whether a directory's manifest.json is one of CDK. What is wrong with it is said when it is
// opened.
func (p *Project) isAssembly(dir string) bool {
	text, err := readFile(filepath.Join(dir, manifestName))
	if err != nil {
		return true
	}
	var manifest map[string]json.RawMessage
	if json.Unmarshal(text, &manifest) != nil {
		return filepath.Base(dir) == cdkOut
	}
	return manifest["artifacts"] != nil || filepath.Base(dir) == cdkOut
}

// cdkProject opens the cdk.out of a CDK project.
func (p *Project) cdkProject(dir string, o Options) (*Project, error) {
	var settings struct{ Output string }
	file := filepath.Join(dir, "cdk.json")
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &settings); err != nil {
		return nil, fmt.Errorf("%s: this is not JSON: %w", p.shown(file), err)
	}
	p.Files = append(p.Files, file)
	out := settings.Output
	if out == "" {
		out = cdkOut
	}
	if !filepath.IsAbs(out) {
		out = filepath.Join(dir, out)
	}
	if !isFile(filepath.Join(out, manifestName)) {
		return nil, fmt.Errorf("%s has a cdk.json, and %s has no manifest.json yet: run \"npx cdk synth -q\", or have furl "+
			"do it on each change with --build 'npx cdk synth -q'", dir, out)
	}
	return p.assembly(out, o)
}

// assembly opens a cdk.out: all its stacks, or the one that is asked for with those that it depends on.
func (p *Project) assembly(dir string, o Options) (*Project, error) {
	return p.assemblyStacks(dir, o, func(s *cdkStack) bool {
		return o.Template.Stack == "" || slices.Contains([]string{s.name, s.id, s.display}, o.Template.Stack)
	})
}

// assemblyTemplate opens the stack of one template of a cdk.out.
func (p *Project) assemblyTemplate(dir, name string, o Options) (*Project, error) {
	file := filepath.Join(dir, name)
	_, err := p.assemblyStacks(dir, o, func(s *cdkStack) bool { return s.file == file })
	if errors.Is(err, errNoStack) {
		return nil, fmt.Errorf("%s is the template of no stack of %s", file, manifestName)
	}
	return p, err
}

var errNoStack = errors.New("no stack")

// assemblyStacks opens the stacks that are wanted, after those that they depend on.
func (p *Project) assemblyStacks(dir string, o Options, wanted func(*cdkStack) bool) (*Project, error) {
	p.Form = CDK
	all := map[string]*cdkStack{}
	if err := p.readAssembly(dir, all, 0); err != nil {
		return nil, err
	}
	var order []*cdkStack
	done := map[string]bool{}
	var visit func(id string)
	visit = func(id string) {
		stack := all[id]
		if stack == nil || done[id] { // a dependency may be another kind of artifact
			return
		}
		done[id] = true
		for _, need := range stack.needs {
			visit(need)
		}
		order = append(order, stack)
	}
	names := make([]string, 0, len(all))
	for _, id := range slices.Sorted(maps.Keys(all)) {
		names = append(names, all[id].name)
		if wanted(all[id]) {
			visit(id)
		}
	}
	switch {
	case len(all) == 0:
		return nil, fmt.Errorf("%s has no stacks", filepath.Join(dir, manifestName))
	case len(order) == 0:
		return nil, fmt.Errorf("%s has %w %s; it has %s", filepath.Join(dir, manifestName), errNoStack, o.Template.Stack,
			strings.Join(names, ", "))
	}
	unused := maps.Clone(o.Template.Parameters)
	for _, stack := range order {
		root, err := p.parse(stack.file)
		if err != nil {
			return nil, err
		}
		options := o.Template
		options.Stack = stack.name
		options.Parameters = maps.Clone(stack.parameters)
		if options.Parameters == nil {
			options.Parameters = map[string]string{}
		}
		declared := root.Get("Parameters")
		for name, value := range o.Template.Parameters {
			// With several stacks, a parameter is for those that have it.
			if len(order) == 1 || declared.Get(name) != nil {
				options.Parameters[name] = value
				delete(unused, name)
			}
		}
		account, region, _ := strings.Cut(strings.TrimPrefix(stack.environment, "aws://"), "/")
		if account != "" && account != "unknown-account" && account != options.Account ||
			region != "" && region != "unknown-region" && region != options.Region {
			p.guess("The stack %s is made for %s; here it is in account %s and region %s.", stack.name, stack.environment,
				options.Account, options.Region)
		}
		if err := p.load(root, stack.dir, options); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(unused)) {
		return nil, fmt.Errorf("%s has no stack with a parameter %s", filepath.Join(dir, manifestName), name)
	}
	return p, nil
}

// maxAssemblies bounds how deep assemblies are in each other: a stage of CDK is one.
const maxAssemblies = 10

// readAssembly reads the stacks of a manifest.json and of those below it.
func (p *Project) readAssembly(dir string, all map[string]*cdkStack, depth int) error {
	file := filepath.Join(dir, manifestName)
	text, err := readFile(file)
	if err != nil {
		return err
	}
	var manifest assemblyManifest
	if err := json.Unmarshal(text, &manifest); err != nil {
		return fmt.Errorf("%s: this is no manifest of CDK: %w", p.shown(file), err)
	}
	if depth > maxAssemblies {
		return fmt.Errorf("%s: it has more than %d manifests in each other", p.shown(file), maxAssemblies)
	}
	p.Files = append(p.Files, file)
	for _, id := range slices.Sorted(maps.Keys(manifest.Artifacts)) {
		artifact := manifest.Artifacts[id]
		of := artifact.Properties
		switch artifact.Type {
		case "cdk:cloud-assembly":
			if of.DirectoryName == "" || !filepath.IsLocal(filepath.FromSlash(of.DirectoryName)) {
				return fmt.Errorf("%s: %s names the directory %q, which is not below it", p.shown(file), id, of.DirectoryName)
			}
			if err := p.readAssembly(filepath.Join(dir, filepath.FromSlash(of.DirectoryName)), all, depth+1); err != nil {
				return err
			}
		case "aws:cloudformation:stack":
			if of.TemplateFile == "" || !filepath.IsLocal(filepath.FromSlash(of.TemplateFile)) {
				return fmt.Errorf("%s: %s names the template %q, which is not below it", p.shown(file), id, of.TemplateFile)
			}
			name := of.StackName
			if name == "" {
				name = id
			}
			all[id] = &cdkStack{
				id: id, name: name, display: artifact.DisplayName, environment: artifact.Environment, dir: dir,
				file: filepath.Join(dir, filepath.FromSlash(of.TemplateFile)), needs: artifact.Dependencies,
				parameters: of.Parameters,
			}
		}
	}
	return nil
}
