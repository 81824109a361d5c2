//go:build unix

package dev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"golang.org/x/sync/errgroup"

	"github.com/furl-dev/furl/internal/dev/apply"
	"github.com/furl-dev/furl/internal/project"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
	"github.com/furl-dev/furl/internal/tomlfile"
)

// newApplier is what makes the server equal to the project.
func (s *Session) newApplier(w *world) (*apply.Applier, error) {
	environments := map[string]map[string]string{}
	for named, settings := range s.set.Functions {
		function, err := w.find(named)
		if err != nil {
			return nil, s.placed(named, err)
		}
		environments[function.name] = settings.Environment
	}
	return apply.New(apply.Config{
		AWS: s.server.AWS, Account: s.Account, Region: s.Region, Code: w.project.CodePath,
		Environment: s.environ, Environments: environments,
		Others: s.server.Others, KeyFile: s.server.KeyFile, Secret: s.server.Secret, Strict: s.set.Strict,
	})
}

// find is the function with a name or a logical id.
func (w *world) find(named string) (*function, error) {
	var names []string
	for _, function := range w.functions {
		if function.name == "" {
			continue
		}
		if function.name == named || function.id == named {
			return function, nil
		}
		names = append(names, function.id)
	}
	return nil, fmt.Errorf("the project has no function %s, but %s", named, strings.Join(names, ", "))
}

// placed says where the settings of a function stand.
func (s *Session) placed(named string, err error) error {
	path := filepath.Join(s.Root, SettingsFile)
	if _, flag := s.Flags.Functions[named]; !flag {
		if text, readErr := os.ReadFile(path); readErr == nil {
			return &FileError{Path: path, Line: tomlfile.LineOf(text, "dev", "functions", named), Text: err.Error()}
		}
	}
	return fmt.Errorf("--debug: %w", err)
}

// debugs reports whether a function runs under a debugger.
func (s Settings) debugs() bool {
	for _, function := range s.Functions {
		if function.Debug.On {
			return true
		}
	}
	return false
}

// debugged are the functions that run under a debugger, as the server takes them.
func (s *Session) debugged(p *project.Project) (all []string, err error) {
	world, err := s.survey(p)
	if err != nil {
		return nil, err
	}
	for _, named := range slices.Sorted(maps.Keys(s.set.Functions)) {
		debug := s.set.Functions[named].Debug
		if !debug.On {
			continue
		}
		function, err := world.find(named)
		if err != nil {
			return nil, s.placed(named, err)
		}
		text := function.name
		if debug.Port != 0 {
			text += "=" + strconv.Itoa(debug.Port)
		}
		all = append(all, text)
	}
	return all, nil
}

// tellDebuggers tells what an editor needs to find the functions that run under a debugger.
func (s *Session) tellDebuggers() {
	for _, named := range slices.Sorted(maps.Keys(s.set.Functions)) {
		function, err := s.world.find(named)
		debug := s.set.Functions[named].Debug
		if err != nil || !debug.On {
			continue
		}
		text := "there is no debugger for the runtime " + function.runtime
		if launch := snippet.Launch(function.name, function.runtime, debug.Port); launch != "" {
			text = launch
		}
		s.emit(Event{Event: EventDebug, Function: function.name, LogicalID: function.id, Text: text})
	}
}

// apply makes the server equal to the project, and shows what there is then.
func (s *Session) apply(ctx context.Context, p *project.Project) error {
	world, err := s.survey(p)
	if err != nil {
		return err
	}
	before := s.world
	s.world = world
	var names []string
	for _, function := range world.functions {
		if function.name != "" {
			names = append(names, function.name)
		}
	}
	slices.Sort(names)
	s.names.Store(&names)
	s.watcher.Watch(s.roots()...) // before code is read, so that no change falls in between
	s.notice(p)
	applier, err := s.newApplier(world)
	if err != nil {
		return err
	}
	for _, stack := range p.Stacks {
		plan, err := applier.Plan(ctx, stack)
		if err != nil {
			return s.explained(err)
		}
		if len(plan.Steps) > 0 {
			s.emit(Event{Event: EventPlanned, Stack: stack.Name, Steps: texts(plan.Steps), Diff: plan.Diff()})
		}
		var done []string
		result, err := plan.Apply(ctx, func(step apply.Step) { done = append(done, step.String()) })
		if err != nil {
			if before != nil {
				world.urls = before.urls
			}
			if len(done) > 0 {
				s.emit(Event{Event: EventApplied, Stack: stack.Name, Steps: done})
			}
			return s.explained(err)
		}
		if len(plan.Steps) > 0 {
			s.emit(Event{Event: EventApplied, Stack: stack.Name, Steps: done})
		}
		for _, notice := range plan.Notices {
			s.emit(Event{
				Event: EventNotice, Stack: stack.Name, File: notice.Pos.File, Line: notice.Pos.Line, Column: notice.Pos.Column, Text: notice.Text,
			})
		}
		for _, url := range result.URLs {
			world.urls = append(world.urls, Event{
				Event: EventURL, Function: url.Function, Qualifier: url.Qualifier, LogicalID: url.LogicalID, URL: url.Address,
				AuthType: string(url.AuthType), InvokeMode: cmp.Or(string(url.InvokeMode), "BUFFERED"),
			})
		}
	}
	s.urls.Store(&world.urls)
	if before == nil || !slices.EqualFunc(before.urls, world.urls, func(a, b Event) bool { return a.URL == b.URL && a.AuthType == b.AuthType }) {
		s.tellURLs(ctx)
	}
	if before == nil {
		s.tellDebuggers()
	}
	return nil
}

// texts are steps in words.
func texts(steps []apply.Step) (all []string) {
	for _, step := range steps {
		all = append(all, step.String())
	}
	return all
}

// explained names the flag of the server that an error is about.
func (s *Session) explained(err error) error {
	for _, flag := range []string{"--code-dir", "--http-upstream"} {
		if strings.Contains(err.Error(), flag) {
			return &closedError{s.server, flag, err}
		}
	}
	return err
}

// survey finds the functions of the project, and where their code is.
func (s *Session) survey(p *project.Project) (*world, error) {
	found := &world{project: p}
	var faults tree.Faults
	for _, stack := range p.Stacks {
		for _, resource := range stack.Resources {
			value, err := stack.Value(resource, template.Attributes{})
			if more, ok := errors.AsType[tree.Faults](err); ok {
				faults = append(faults, more...)
				continue
			} else if err != nil {
				return nil, err
			}
			code, name, runtime := template.Code{}, "", ""
			switch value := value.(type) {
			case *template.Function:
				code, name, runtime = value.Code, value.Name, value.Runtime
			case *template.Layer:
				code = value.Code
			default:
				continue
			}
			one := &function{name: name, runtime: runtime, id: cmp.Or(resource.Origin, resource.ID)}
			if code.Inline == "" && code.Bucket != inPlace && code.Bucket != webServer {
				path, err := p.CodePath(stack, code)
				if err != nil {
					faults.Add(resource.Pos, "%s: %v", resource.ID, err)
					continue
				}
				one.file = path
				if info, err := os.Stat(path); err == nil && info.IsDir() && name != "" {
					one.dir, one.file = path, ""
				}
			}
			if code.Bucket == inPlace {
				one.dir = code.Key
			}
			found.functions = append(found.functions, one)
		}
	}
	return found, faults.Err()
}

// Buckets that stand for code in place (see package lambdaapi).
const (
	inPlace   = "hot-reload"
	webServer = "http-server"
)

// tellURLs tells the function URLs, with who may call them as things stand.
func (s *Session) tellURLs(ctx context.Context) {
	who, err := s.server.MayCall(ctx)
	if err != nil && ctx.Err() == nil {
		s.emit(Event{Event: EventNotice, Text: fmt.Sprintf("who may call could not be found out: %v", err)})
	}
	for _, event := range s.world.urls {
		key := event.Function
		if event.Qualifier != "" {
			key += ":" + event.Qualifier
		}
		event.MayCall = who[key]
		event.Call = s.server.Call(event.URL)
		s.emit(event)
	}
}

// notice tells what a user may expect otherwise, once, and again when it changes.
func (s *Session) notice(p *project.Project) {
	var events []Event
	for _, text := range p.Guessed {
		events = append(events, Event{Event: EventNotice, Text: text})
	}
	versions := false
	for _, stack := range p.Stacks {
		byType := map[string][]string{}
		var types []string
		for _, one := range stack.NotRun {
			if byType[one.Type] == nil {
				types = append(types, one.Type)
			}
			byType[one.Type] = append(byType[one.Type], one.ID)
		}
		for _, name := range types {
			events = append(events, Event{
				Event: EventNotice, Stack: stack.Name, Text: "not run here: " + name + " " + strings.Join(byType[name], ", "),
			})
		}
		for _, one := range stack.Notices {
			events = append(events, Event{
				Event: EventNotice, Stack: stack.Name, File: one.Pos.File, Line: one.Pos.Line, Column: one.Pos.Column, Text: one.Text,
			})
		}
		for _, resource := range stack.Resources {
			versions = versions || resource.Type == "AWS::Lambda::Version"
		}
	}
	if versions && s.world != nil && slices.ContainsFunc(s.world.functions, func(f *function) bool { return f.dir != "" }) {
		events = append(events, Event{
			Event: EventNotice, Text: "versions and aliases of code in place are live: a reload changes what they run",
		})
	}
	if now := fmt.Sprint(events); now != s.notices {
		s.notices = now
		for _, event := range events {
			s.emit(event)
		}
	}
}

// roots are what is watched.
func (s *Session) roots() []string {
	paths := s.declared()
	if s.set.Build != "" || s.failed {
		paths = append(paths, s.Root)
	}
	if s.world == nil {
		return paths
	}
	for _, function := range s.world.functions {
		for _, path := range []string{function.dir, function.file} {
			if path != "" {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// isBelow reports whether a path is a directory or in it.
func isBelow(dir, path string) bool {
	if dir == "" {
		return false
	}
	rest, err := filepath.Rel(dir, path)
	return err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}

// change does what changed files ask for.
func (s *Session) change(ctx context.Context, paths []string) {
	paths = slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && slices.ContainsFunc(s.Output, func(own fs.FileInfo) bool { return os.SameFile(own, info) })
	})
	if len(paths) == 0 {
		return
	}
	if s.set.Build != "" {
		paths = s.sort(ctx, paths)
	}
	s.take(ctx, paths)
}

// take reads the declaration again if it changed, and has functions run changed code.
func (s *Session) take(ctx context.Context, paths []string) {
	if len(paths) == 0 || ctx.Err() != nil {
		return
	}
	declared := s.declared()
	if s.failed || slices.ContainsFunc(paths, func(path string) bool {
		return slices.Contains(declared, path) || slices.ContainsFunc(s.world.functions, func(f *function) bool {
			return isBelow(f.file, path)
		})
	}) {
		s.again(ctx)
	}
	changed := map[*function][]string{}
	for _, function := range s.world.functions { // as they are now
		for _, path := range paths {
			if isBelow(function.dir, path) && !slices.Contains(declared, path) {
				changed[function] = append(changed[function], path)
			}
		}
	}
	s.reload(ctx, changed)
}

// again reads the project again and applies it. If that fails, what is there stays.
func (s *Session) again(ctx context.Context) {
	s.failed = false
	http := s.set.HTTP
	if err := s.readSettings(); err != nil {
		s.unsettled(err)
		return
	}
	if s.set.HTTP != http {
		s.set.HTTP = http
		s.emit(Event{Event: EventNotice, Text: SettingsFile + ": the setting http counts from the next start of furl dev"})
	}
	opened, err := s.openProject()
	if err == nil {
		err = s.apply(ctx, opened)
	}
	if err != nil && ctx.Err() == nil {
		s.unsettled(err)
	}
}

// unsettled tells an error that keeps the server from being what the project declares. What mends it may be any file of
// the project, such as code that was not there.
func (s *Session) unsettled(err error) {
	s.failed = true
	s.watcher.Watch(s.roots()...) // before the user is told, and mends it
	s.fail(err)
}

// reload has functions run the code that is in their directories now.
func (s *Session) reload(ctx context.Context, changed map[*function][]string) {
	const atOnce = 8
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, one := range s.world.functions {
		files, ok := changed[one]
		if !ok {
			continue
		}
		group.Go(func() error {
			_, err := s.lambda.UpdateFunctionCode(ctx, &awslambda.UpdateFunctionCodeInput{
				FunctionName: &one.name, S3Bucket: aws.String(inPlace), S3Key: &one.dir,
			})
			_, absent := errors.AsType[*types.ResourceNotFoundException](err)
			if absent && s.failed { // as was told
				return nil
			}
			if err == nil {
				s.emit(Event{Event: EventReloaded, Function: one.name, LogicalID: one.id, Files: files})
			} else if ctx.Err() == nil {
				s.fail(fmt.Errorf("function %s was not reloaded: %w", one.name, err))
			}
			return nil
		})
	}
	group.Wait() //nolint:errcheck // each has told its own
}

// press does what the user asks for.
func (s *Session) press(ctx context.Context, key Key) {
	switch key {
	case KeyReload:
		if s.set.Build != "" {
			s.startBuild(ctx)
			return
		}
		s.again(ctx)
		all := map[*function][]string{}
		for _, function := range s.world.functions {
			if function.dir != "" && function.name != "" {
				all[function] = nil
			}
		}
		s.reload(ctx, all)
	case KeyURLs:
		s.tellURLs(ctx)
	case KeyLogs:
		s.nextLog()
	case KeyExplain:
		s.explainLast(ctx)
	}
}
