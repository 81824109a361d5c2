//go:build !unix

package cli_test

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/cli"
)

// say runs a command line.
func say(args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	streams := cli.Streams{In: strings.NewReader(""), Out: &out, Err: &err}
	status = cli.Run(context.Background(), context.Background(), args, func(string) string { return "" }, streams)
	return status, out.String(), err.String()
}

// A command that needs the server says in one line what it needs, whatever its arguments are, and has its help.
func TestCommandsOfOtherSystems(t *testing.T) {
	for _, line := range []string{
		"serve", "serve --data .furl --tls", "dev", "dev --http x .", "exec -- go test ./...", "exec --dev . npm test",
		"demo", "demo --keep", "ca", "ca path", "ca install",
	} {
		args := strings.Fields(line)
		status, stdout, stderr := say(args...)
		want := "furl: error: furl " + args[0] + " needs Linux, macOS or WSL, and this is " + runtime.GOOS + "\n"
		if status != 2 || stdout != "" || stderr != want {
			t.Errorf("furl %s: status %d\n%s%s", line, status, stdout, stderr)
		}
		status, stdout, stderr = say(args[0], "--help")
		if status != 0 || stderr != "" || !strings.HasPrefix(stdout, "This command needs Linux, macOS or WSL.") {
			t.Errorf("furl %s --help: status %d\n%s%s", args[0], status, stdout, stderr)
		}
	}
	if status, stdout, _ := say("version"); status != 0 || !strings.HasPrefix(stdout, "furl ") {
		t.Errorf("furl version: status %d\n%s", status, stdout)
	}
}
