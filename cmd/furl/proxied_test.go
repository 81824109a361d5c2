//go:build unix

package main_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// proxied starts furl proxy with these arguments on a free port, and sets URL to its address. It runs until the script
// ends.
func proxied(ts *testscript.TestScript, _ bool, args []string) {
	command := exec.Command("furl", append([]string{"proxy", "--listen", "127.0.0.1:0", "--print-env"}, args...)...)
	command.Dir = ts.MkAbs(".")
	command.Env = os.Environ()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"} {
		command.Env = append(command.Env, name+"="+ts.Getenv(name))
	}
	log, err := os.Create(ts.MkAbs("proxy.log"))
	ts.Check(err)
	command.Stderr = log
	stdout, err := command.StdoutPipe()
	ts.Check(err)
	ts.Check(command.Start())
	ts.Defer(func() {
		command.Process.Signal(os.Interrupt)
		command.Wait()
		log.Close()
	})
	lines := bufio.NewReader(stdout)
	first, err := lines.ReadString('\n')
	ts.Check(err)
	go io.Copy(io.Discard, lines)
	address, ok := strings.CutPrefix(strings.TrimSpace(first), "export FURL_PROXY_URL=")
	if !ok {
		ts.Fatalf("furl proxy printed %q", first)
	}
	ts.Setenv("URL", strings.Trim(address, "'"))
}
