//go:build unix

package invoke

import (
	"cmp"
	"slices"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
)

// maxPrepared bounds how many environments a reload starts ahead of calls, since one directory may have the code of
// hundreds of functions.
const maxPrepared = 4

// Reload has all functions and versions whose code is in place in a directory run what is in it now: the next call gets
// a new environment, and those that run finish in the old one. For the versions that were used last an environment is
// prepared at once. If that does not initialize, nothing tries again before the next call, which says so.
func (s *Service) Reload(dir string) {
	s.functions.advance(dir)
	world := s.State.Now()
	type use struct {
		target resolve.Target
		last   int64
	}
	var used []use
	for key, value := range s.functions.byVersion.Range {
		name, known := key.(versionName), value.(*described)
		function, ok := world.Function(name.function)
		if !ok {
			continue
		}
		target, err := resolve.Of(world, function, name.number)
		if err != nil || target.Version.CodeDir != dir {
			continue
		}
		if s.functions.byVersion.CompareAndDelete(key, value) {
			s.Runner.Retire(known.to.Key)
		}
		used = append(used, use{target, known.used.Load()})
	}
	slices.SortFunc(used, func(a, b use) int { return cmp.Compare(b.last, a.last) })
	for i, use := range used {
		function := use.target.Function
		if described, err := s.functions.get(function, use.target.Version, s.describe); err == nil && i < maxPrepared {
			s.Runner.Prepare(described)
		}
		if len(function.Provisioned) > 0 {
			s.Provision(function.ARN)
		}
	}
}

// CodeDirs are the directories that functions and versions use in place.
func (s *Service) CodeDirs() map[string]bool {
	dirs := map[string]bool{}
	note := func(c *lambda.Configuration) {
		if c.CodeDir != "" {
			dirs[c.CodeDir] = true
		}
	}
	world := s.State.Now()
	for _, function := range world.Functions.All() {
		note(&function.Configuration)
	}
	for _, version := range world.Versions.All() {
		note(&version.Configuration)
	}
	return dirs
}

// ReloadChanged is Reload for those of the CodeDirs that have changed. It answers them.
func (s *Service) ReloadChanged(changed func(dir string) bool) (reloaded []string) {
	for dir := range s.CodeDirs() {
		if changed(dir) {
			s.Reload(dir)
			reloaded = append(reloaded, dir)
		}
	}
	slices.Sort(reloaded)
	return reloaded
}
