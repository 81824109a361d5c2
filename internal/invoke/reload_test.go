//go:build unix

package invoke_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
)

// inPlace is a service with functions whose code is in the directory, each with version 1.
func inPlace(t *testing.T, dir string, names ...string) (*invoke.Service, *runner) {
	t.Helper()
	service, pool, function := newService(t, succeeds)
	service.RootOf = func(dir string) string {
		if strings.HasPrefix(dir, "/project/") {
			return "/project"
		}
		return ""
	}
	for _, name := range names {
		f := function.Clone()
		f.ARN.Name, f.CodeHex, f.CodeDir = name, "", dir
		put(t, service, f)
		version := &lambda.Version{ARN: f.ARN, Configuration: f.Configuration.Clone()}
		version.ARN.Qualifier = "1"
		update(t, service, func(tx *state.Tx) error { return tx.Put(version) })
	}
	return service, pool
}

func call1(t *testing.T, service *invoke.Service, pool *runner, name, qualifier string) (key string) {
	t.Helper()
	target, err := resolve.Find(service.State.Now(),
		lambda.ARN{Region: "eu-central-1", Account: account, Name: name, Qualifier: qualifier})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.Invoke(t.Context(), invoke.Request{Target: target}); err != nil {
		t.Fatal(err)
	}
	function := pool.calls[len(pool.calls)-1].function
	if function.CodeDir != "/project/a" || function.Root != "/project" {
		t.Errorf("%s runs in %s of %s", name, function.CodeDir, function.Root)
	}
	return function.Key
}

func TestReload(t *testing.T) {
	service, pool := inPlace(t, "/project/a", "f")
	latest, version := call1(t, service, pool, "f", ""), call1(t, service, pool, "f", "1")
	if call1(t, service, pool, "f", "") != latest {
		t.Error("a call after a call gets another environment")
	}
	service.Reload("/project/b")
	if pool.retired != nil || pool.ahead != nil || call1(t, service, pool, "f", "") != latest {
		t.Error("the reload of another directory has an effect")
	}
	service.Reload("/project/a")
	retired := map[string]bool{}
	for _, key := range pool.retired {
		retired[key] = true
	}
	if diff := cmp.Diff(map[string]bool{latest: true, version: true}, retired); diff != "" {
		t.Errorf("retired: %s", diff)
	}
	prepared := map[string]bool{}
	for _, function := range pool.ahead {
		prepared[function.Key] = true
	}
	now := map[string]bool{call1(t, service, pool, "f", ""): true, call1(t, service, pool, "f", "1"): true}
	if diff := cmp.Diff(now, prepared); diff != "" || now[latest] || now[version] {
		t.Errorf("called, and prepared: %s", diff)
	}
}

// What nobody has called is not prepared, and of very many only those that were called last.
func TestReloadOfManyFunctions(t *testing.T) {
	var names []string
	for n := range 20 {
		names = append(names, "f"+strconv.Itoa(n))
	}
	service, pool := inPlace(t, "/project/a", names...)
	service.Reload("/project/a")
	if len(pool.ahead) != 0 {
		t.Errorf("%d environments are prepared for functions that nobody has called", len(pool.ahead))
	}
	for _, name := range names {
		call1(t, service, pool, name, "")
	}
	call1(t, service, pool, "f3", "")
	service.Reload("/project/a")
	var got []string
	for _, function := range pool.ahead {
		got = append(got, function.Name)
	}
	if diff := cmp.Diff([]string{"f3", "f19", "f18", "f17"}, got); diff != "" {
		t.Errorf("prepared: %s", diff)
	}
	if len(pool.retired) != 20 {
		t.Errorf("%d functions are retired, want all", len(pool.retired))
	}
}

// A deleted function is not prepared, nor is one that has its code elsewhere by now; the other way round it is.
func TestReloadAfterAChange(t *testing.T) {
	service, pool := inPlace(t, "/project/a", "gone", "moved")
	call1(t, service, pool, "gone", "")
	call1(t, service, pool, "moved", "")
	if _, err := service.Invoke(t.Context(), invoke.Request{Target: qualified(t, service, "")}); err != nil {
		t.Fatal(err)
	}
	world := service.State.Now()
	gone, _ := world.Function(lambda.ARN{Region: "eu-central-1", Account: account, Name: "gone"})
	update(t, service, func(tx *state.Tx) error { tx.Delete(gone); return nil })
	moved, _ := world.Function(lambda.ARN{Region: "eu-central-1", Account: account, Name: "moved"})
	moved = moved.Clone()
	moved.CodeDir = "/project/b"
	put(t, service, moved)
	web := qualified(t, service, "").Function.Clone()
	web.CodeHex, web.CodeDir = "", "/project/a"
	put(t, service, web)
	service.Reload("/project/a")
	if len(pool.ahead) != 1 || pool.ahead[0].Name != "web" || len(pool.retired) != 1 {
		t.Errorf("prepared: %+v; retired: %q", pool.ahead, pool.retired)
	}
}

func TestReloadChanged(t *testing.T) {
	service, _ := inPlace(t, "/project/a", "f")
	seen := 0
	got := service.ReloadChanged(func(dir string) bool { seen++; return dir == "/project/a" })
	if diff := cmp.Diff([]string{"/project/a"}, got); diff != "" || seen != 1 {
		t.Errorf("reloaded after %d questions: %s", seen, diff)
	}
	if got := service.ReloadChanged(func(string) bool { return false }); got != nil {
		t.Errorf("reloaded: %q", got)
	}
}

// A directory that the server was not started with is not run, however it came into the state.
func TestDirectoryThatMayNotBeUsed(t *testing.T) {
	service, _ := inPlace(t, "/elsewhere/a", "f")
	target, err := resolve.Find(service.State.Now(), lambda.ARN{Region: "eu-central-1", Account: account, Name: "f"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = service.Invoke(t.Context(), invoke.Request{Target: target})
	if err == nil || !strings.Contains(err.Error(), "furl serve --code-dir /elsewhere/a") {
		t.Errorf("error %v", err)
	}
}

// A function under a debugger stops where its developer wants, for as long as that takes.
func TestFunctionUnderADebugger(t *testing.T) {
	service, pool := inPlace(t, "/project/a", "web", "other")
	service.Debug = map[string]int{"web": 9230}
	for name, want := range map[string]bool{"web": true, "other": false} {
		call1(t, service, pool, name, "")
		got := pool.calls[len(pool.calls)-1].function
		if (got.Debug != nil) != want || want && got.Debug.Port != 9230 {
			t.Errorf("%s: %+v", name, got.Debug)
		}
		if (got.Timeout > 24*time.Hour) != want {
			t.Errorf("%s has a timeout of %s", name, got.Timeout)
		}
	}
}
