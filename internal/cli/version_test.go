package cli_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/cli"
)

func TestBuildOfALine(t *testing.T) {
	const commit = "30a8941b2c3d4e5f60718293a4b5c6d7e8f90a1b"
	const day = "2026-11-30T21:18:12Z"
	const counted = "0.0.0-dev.20261130211812+g30a8941b2c3d"
	for _, test := range []struct{ line, version, commit, date string }{
		{commit + " " + day + " v1.2.3", "1.2.3", commit, day},
		{commit + " " + day + " 1.2.3-rc.1\n", "1.2.3-rc.1", commit, day},
		{commit + " 2026-11-30T22:18:12+01:00 v1.2.3", "1.2.3", commit, day},
		{commit + " " + day + " v1.2.3-5-g30a8941", counted, commit, day},
		{commit + " " + day + " v1.2.3-rc.1-5-g30a8941", counted, commit, day},
		{commit + " " + day + " %(describe:tags=true)", counted, commit, day}, // of a git that does not know it
		{commit + " " + day + " nightly", counted, commit, day},
		{commit + " " + day + " " + counted + ".dirty", counted + ".dirty", commit, day},
		{commit + " " + day + " ", counted, commit, day},
		{"- - 1.2.3", "1.2.3", "", ""},
		{"- -", "0.0.0-dev", "", ""},
	} {
		build, ok := cli.BuildOf(test.line)
		want := cli.Build{Version: test.version, Commit: test.commit, Date: test.date,
			Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
		if !ok || build != want {
			t.Errorf("%q: %+v, want %+v", test.line, build, want)
		}
	}
	for _, line := range []string{"", "\n", "$Format:%H %cI %(describe:tags=true,match=v[0-9]*)$\n"} {
		if build, ok := cli.BuildOf(line); ok {
			t.Errorf("%q: %+v, want none", line, build)
		}
	}
}

// git is what git answers about the repository of this module.
func git(t *testing.T, args ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), "git", args...)
	command.Dir = filepath.Join("..", "..")
	out, err := command.Output()
	if err != nil {
		t.Skip("there is no repository to ask: ", err)
	}
	return out
}

// An archive of the source knows its commit without a repository.
func TestArchiveOfTheSourceKnowsItsCommit(t *testing.T) {
	commit := strings.TrimSpace(string(git(t, "rev-parse", "HEAD")))
	if strings.TrimSpace(string(git(t, "rev-parse", "--show-cdup"))) != "" {
		t.Skip("this module is below another repository")
	}
	packed := git(t, "archive", "--worktree-attributes", "HEAD", "internal/cli/source.txt")
	_, line, ok := strings.Cut(string(packed), "\n"+commit) // of the file; the archive itself names the commit, too
	if !ok {
		_, line, ok = strings.Cut(string(packed), "\x00"+commit)
	}
	line, _, _ = strings.Cut(line, "\n")
	build, known := cli.BuildOf(commit + line)
	if !ok || !known || build.Commit != commit || build.Date == "" || build.Version == "0.0.0-dev" {
		t.Errorf("the archive has the line %q: %+v", commit+line, build)
	}
}

func TestVersionAsJSON(t *testing.T) {
	var out, trouble strings.Builder
	streams := cli.Streams{In: strings.NewReader(""), Out: &out, Err: &trouble}
	if status := cli.Run(t.Context(), t.Context(), []string{"version", "--json"}, os.Getenv, streams); status != 0 {
		t.Fatalf("status %d: %s", status, trouble.String())
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if got["version"] != cli.Built().Version || got["go"] != runtime.Version() ||
		got["os"] != runtime.GOOS || got["arch"] != runtime.GOARCH {
		t.Errorf("got %v", got)
	}
}

// Scripts that complete a shell's words go where the caller wants them.
func TestCompletionGoesToTheStream(t *testing.T) {
	var out, trouble strings.Builder
	streams := cli.Streams{In: strings.NewReader(""), Out: &out, Err: &trouble}
	if status := cli.Run(t.Context(), t.Context(), []string{"completion", "fish"}, os.Getenv, streams); status != 0 {
		t.Fatalf("status %d: %s", status, trouble.String())
	}
	if !strings.Contains(out.String(), "complete -c furl") {
		t.Errorf("got %q", out.String())
	}
}
