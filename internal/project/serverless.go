package project

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
)

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
