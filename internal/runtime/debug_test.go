//go:build unix

package runtime_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
)

// debugPort is a port of loopback that nothing listens on.
func debugPort(t *testing.T) int {
	t.Helper()
	port, err := strconv.Atoi(freePort(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// debugged is for bench.interpreted: the function runs under a debugger.
func debugged(port int) func(*runtime.Function) {
	return func(fn *runtime.Function) {
		fn.Debug, fn.Timeout, fn.Concurrency = &runtime.Debug{Port: port}, time.Minute, -1
	}
}

// inspected is what Node's inspector lists, once one listens that is not the last (Node.js documentation, "Debugging
// Node.js").
func inspected(t *testing.T, port int, last string) (socket string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/json/list", port))
		if err != nil {
			continue
		}
		defer answer.Body.Close()
		var list []struct{ WebSocketDebuggerURL string }
		if err := json.NewDecoder(answer.Body).Decode(&list); err != nil || len(list) != 1 {
			t.Fatalf("the inspector lists %+v, %v", list, err)
		}
		if socket := list[0].WebSocketDebuggerURL; socket != last {
			return socket
		}
	}
	t.Fatal("nothing listens on the debugger's port")
	return ""
}

// resume tells Node to go on, as an editor does when it has set its breakpoints, and answers the connection.
func resume(t *testing.T, socket string) net.Conn {
	t.Helper()
	u, err := url.Parse(socket)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", u.Path, u.Host)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the inspector answers %v to %s, %v", answer, socket, err)
	}
	const command = `{"id":1,"method":"Runtime.runIfWaitingForDebugger"}`
	frame := append([]byte{0x81, 0x80 | byte(len(command)), 0, 0, 0, 0}, command...) // masked with zeros (RFC 6455)
	if _, err := conn.Write(frame); err != nil {
		t.Fatal(err)
	}
	return conn
}

// A Node.js function waits for its editor, longer than it may take to start otherwise. It has one environment, which
// another takes the place of after a reload, at the same port.
func TestDebugNode(t *testing.T) {
	needs(t, "node")
	b := newBench(t, confined, func(c *runtime.Config) { c.InitTimeout, c.IdleTimeout = 300*time.Millisecond, 50*time.Millisecond })
	port := debugPort(t)
	fn := b.interpreted("nodejs20.x", "node", "index.handler", debugged(port))
	last := ""
	for _, key := range []string{"first", "second"} {
		next := *fn
		next.Key = key
		type answer struct {
			body string
			cold bool
		}
		answers := make(chan answer, 2)
		for range 2 {
			go func() {
				body, result, _ := b.invoke(&next, order{Do: "echo"})
				answers <- answer{body, result.ColdStart}
			}()
		}
		socket := inspected(t, port, last)
		last = socket
		time.Sleep(time.Second)
		if all, _ := b.pool.Environments(); all != 1 {
			t.Errorf("%s: %d environments", key, all)
		}
		conn := resume(t, socket)
		one, two := <-answers, <-answers
		if one.body != `{"do":"echo"}` || one.body != two.body || one.cold == two.cold {
			t.Errorf("%s: the calls went to %+v and %+v", key, one, two)
		}
		conn.Close()
		time.Sleep(200 * time.Millisecond) // it is not ended for being idle
		if all, _ := b.pool.Environments(); all != 1 {
			t.Errorf("%s: %d environments after a while", key, all)
		}
		b.pool.Retire(key)
	}
}

// hasDebugpy reports whether the interpreter that functions get has debugpy.
func hasDebugpy() bool {
	return exec.Command("python3", "-c", "import debugpy").Run() == nil
}

// What is missing is said in the answer, with what to type.
func TestDebugThatIsNotPossible(t *testing.T) {
	needs(t, "python3")
	needs(t, "node")
	t.Setenv("HOME", t.TempDir())
	b := newBench(t)
	fails := func(fn *runtime.Function, want string) {
		t.Helper()
		body, result, _ := b.invoke(fn, order{Do: "echo"})
		if result.FunctionError == nil || !strings.Contains(body, want) || !strings.Contains(body, "Runtime.InvalidEntrypoint") {
			t.Errorf("%s: %s; want %s", fn.Runtime, body, want)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	fails(b.interpreted("nodejs20.x", "node", "index.handler", debugged(port)),
		fmt.Sprintf("cannot listen on 127.0.0.1:%d", port))
	fails(b.interpreted("java21", "python", "app.handler", debugged(debugPort(t))), "not of the runtime java21")
	if _, _, _, err := b.pool.Command(t.Context(), b.interpreted("python3.11", "python", "app.handler")); err != nil {
		t.Fatal(err)
	}
	if !hasDebugpy() {
		fails(b.interpreted("python3.11", "python", "app.handler", debugged(debugPort(t))), "-m pip install debugpy")
	}
	t.Setenv("PATH", t.TempDir())
	fails(b.function("main", debugged(debugPort(t))), "go install github.com/go-delve/delve/cmd/dlv@latest")
}

// How dlv is started, which a script stands for.
func TestDebugGo(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\necho \"dlv $*\"\nfor last; do :; done\nexec \"$last\"\n"
	if err := os.WriteFile(filepath.Join(bin, "dlv"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	b := newBench(t)
	fn := b.function("main", debugged(2345))
	command, _, _, err := b.pool.Command(t.Context(), fn)
	if err != nil {
		t.Fatal(err)
	}
	want := bin + "/dlv exec --headless --listen=127.0.0.1:2345 --api-version=2 --accept-multiclient --check-go-version=false " +
		fn.CodeDir + "/bootstrap"
	if got := strings.Join(command, " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	fn.Debug.Port = debugPort(t)
	if body, _, _ := b.invoke(fn, order{Do: "echo"}); body != `{"do":"echo"}` {
		t.Errorf("the function that the script starts answers %s", body)
	}
}

// A Python function waits for its editor, as debugpy does it.
func TestDebugPython(t *testing.T) {
	needs(t, "python3")
	packages, err := filepath.Abs("../../interop/.env/testing/python")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(packages, "debugpy")); err != nil {
		skip(t, "debugpy is not installed: run interop/install.sh testing")
	}
	b := newBench(t, confined, func(c *runtime.Config) {
		c.InitTimeout, c.PythonPackages, c.LimitMemory = 300*time.Millisecond, packages, true
		c.Sandbox.Read = []string{packages}
	})
	port := debugPort(t)
	fn := b.interpreted("python3.11", "python", "app.handler", debugged(port), func(fn *runtime.Function) { fn.MemoryMB = 16 })
	answer := make(chan string, 1)
	go func() {
		body, _, _ := b.invoke(fn, order{Do: "echo"})
		answer <- body
	}()
	var conn net.Conn
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var err error
		if conn, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("debugpy does not listen")
		}
	}
	defer conn.Close()
	time.Sleep(time.Second) // more than initialization may take otherwise
	reader := bufio.NewReader(conn)
	// The Debug Adapter Protocol: what an editor sends to attach and to go on.
	say := func(seq int, command, arguments string) {
		text := fmt.Sprintf(`{"seq":%d,"type":"request","command":%q,"arguments":%s}`, seq, command, arguments)
		fmt.Fprintf(conn, "Content-Length: %d\r\n\r\n%s", len(text), text)
	}
	hear := func(what string) {
		t.Helper()
		for {
			var length int
			for {
				line, err := reader.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if line == "\r\n" {
					break
				}
				fmt.Sscanf(line, "Content-Length: %d", &length)
			}
			text := make([]byte, length)
			if _, err := io.ReadFull(reader, text); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), what) {
				return
			}
		}
	}
	say(1, "initialize", `{"adapterID":"debugpy","pathFormat":"path"}`)
	hear(`"command": "initialize"`)
	say(2, "attach", `{"name":"test"}`)
	hear(`"event": "initialized"`)
	say(3, "configurationDone", `{}`)
	select {
	case body := <-answer:
		if body != `{"do": "echo"}` {
			t.Errorf("the function answers %s", body)
		}
	case <-time.After(30 * time.Second):
		t.Error("the function does not go on")
	}
}

// How debugpy is started, which a package of the same name stands for: it runs what it is told to, with its arguments.
func TestDebugPythonWithAnyDebugpy(t *testing.T) {
	needs(t, "python3")
	packages := t.TempDir()
	const main = "import runpy, sys\nat = sys.argv.index('--wait-for-client')\nprint('debugpy', *sys.argv[1:at])\n" +
		"sys.argv = sys.argv[at + 1:]\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
	for name, text := range map[string]string{"__init__.py": "", "__main__.py": main} {
		if err := os.MkdirAll(filepath.Join(packages, "debugpy"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(packages, "debugpy", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b := newBench(t, func(c *runtime.Config) { c.PythonPackages = packages })
	port := debugPort(t)
	fn := b.interpreted("python3.11", "python", "app.handler", debugged(port))
	if body, _, _ := b.invoke(fn, order{Do: "echo"}); body != `{"do": "echo"}` {
		t.Errorf("the function answers %s", body)
	}
	if want := fmt.Sprintf("debugpy --listen 127.0.0.1:%d", port); !strings.Contains(b.log.String(), want) {
		t.Errorf("the log has no line %q:\n%s", want, b.log.String())
	}
}
