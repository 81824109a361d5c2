//go:build unix

package runtime_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/runtime/peer"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

const runtimePath = "/2018-06-01/runtime/"

// attack does what a process can do that has found the port of an environment, and answers what it was told. The
// address may have the id of a running invocation after a slash, as it stands in a log.
func attack(target string) []string {
	address, id, _ := strings.Cut(target, "/")
	if id == "" {
		id = "guessed"
	}
	var told []string
	for _, request := range []struct{ method, path, body string }{
		{http.MethodGet, "invocation/next", ""},
		{http.MethodPost, "invocation/" + id + "/response", `"forged"`},
		{http.MethodPost, "invocation/" + id + "/error", `{"errorMessage":"forged"}`},
		{http.MethodPost, "init/error", `{"errorMessage":"forged"}`},
	} {
		url := "http://" + address + runtimePath + request.path
		req, err := http.NewRequest(request.method, url, strings.NewReader(request.body))
		must(err)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			told = append(told, err.Error())
			continue
		}
		body, err := io.ReadAll(resp.Body)
		must(err)
		resp.Body.Close()
		told = append(told, fmt.Sprintf("%d %s", resp.StatusCode, body))
	}
	return told
}

// strangerMain is a process that is no function: it attacks and prints what it was told. With a number of connections
// in FURL_TEST_FLOOD it opens so many at once, and then prints how many were answered.
func strangerMain(target string) {
	flood, err := strconv.Atoi(os.Getenv("FURL_TEST_FLOOD"))
	if err != nil {
		must(json.NewEncoder(os.Stdout).Encode(attack(target)))
		return
	}
	var all sync.WaitGroup
	for range flood {
		all.Go(func() {
			conn, err := net.Dial("tcp", target)
			if err != nil {
				return
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET %sinvocation/next HTTP/1.1\r\nHost: x\r\n\r\n", runtimePath)
			io.Copy(io.Discard, conn) //nolint:errcheck // until it is turned away
		})
	}
	all.Wait()
}

// stranger prepares a process that is none of the pool's.
func (b *bench) stranger(target string, attributes *syscall.SysProcAttr, variables ...string) *exec.Cmd {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), self)
	cmd.Env = append(os.Environ(), append(variables, "FURL_TEST_STRANGER="+target)...)
	cmd.SysProcAttr = attributes
	cmd.Stderr = b.Output()
	if attributes != nil && attributes.Credential != nil {
		// The other user may not enter the directory of this program.
		program, err := os.Open(self)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { program.Close() })
		cmd.ExtraFiles = []*os.File{program}
		cmd.Path = "/proc/self/fd/3"
	}
	return cmd
}

// warnings is a log of the pool that can be asked for its lines.
type warnings struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *warnings) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(line)
}

// line is what the pool logs of a refusal.
type line struct {
	Level, Msg       string
	Function, Client string
	PID, UID         int
	Command, Program string
	Reason           string
	LeftOut          int `json:"left_out"`
}

func (w *warnings) lines(t testing.TB) []line {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []line
	for decoder := json.NewDecoder(bytes.NewReader(w.text.Bytes())); ; {
		one := line{UID: -1}
		if err := decoder.Decode(&one); err == io.EOF {
			return lines
		} else if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, one)
	}
}

// modes are the two ways in which functions run here.
func modes() []sandbox.Mode { return []sandbox.Mode{sandbox.Off, sandbox.Auto} }

func newWatchedBench(t testing.TB, mode sandbox.Mode) (*bench, *warnings) {
	t.Helper()
	if !peer.Supported {
		t.Skip("this system does not tell who opens a connection")
	}
	w := &warnings{}
	return newBench(t, func(c *runtime.Config) {
		c.Sandbox.Mode = mode
		c.Logger = slog.New(slog.NewJSONHandler(w, nil))
	}), w
}

// address answers where the Runtime API of a function's environment is, and its process.
func (b *bench) address(fn *runtime.Function) (string, int) {
	b.Helper()
	body, _, _ := b.invoke(fn, order{Do: "environment"})
	var variables []string
	if err := json.Unmarshal([]byte(body), &variables); err != nil {
		b.Fatal(err)
	}
	for _, variable := range variables {
		if address, ok := strings.CutPrefix(variable, "AWS_LAMBDA_RUNTIME_API="); ok {
			body, _, _ := b.invoke(fn, order{Do: "pid"})
			pid, err := strconv.Atoi(body)
			if err != nil {
				b.Fatal(err)
			}
			return address, pid
		}
	}
	b.Fatalf("no address in %s", body)
	return "", 0
}

// refusals is what an attack is told.
func refusals() []string {
	const one = `403 {"errorMessage":"the Runtime API is for the function's own processes","errorType":"Forbidden"}`
	return []string{one, one, one, one}
}

// outsiders are the processes that attack.
func (b *bench) outsiders() map[string]*syscall.SysProcAttr {
	all := map[string]*syscall.SysProcAttr{"the same user": nil, "the same user, in its own session": {Setsid: true}}
	if _, err := os.Stat("/proc/self/fd"); err == nil && os.Getuid() == 0 {
		all["another user"] = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	return all
}

// A process that finds the port takes no event and answers none, not even with the id of a running invocation.
func TestStrangersGetNothing(t *testing.T) {
	for who, attributes := range newBench(t).outsiders() {
		for _, mode := range modes() {
			t.Run(who+"/sandbox="+string(mode), func(t *testing.T) {
				b, log := newWatchedBench(t, mode)
				fn := b.function("main")
				address, _ := b.address(fn)
				attackers := []int{}
				for _, busy := range []bool{false, true} {
					target, answer := address, make(chan string, 1)
					if busy {
						target += "/" + b.begin(fn, answer)
					}
					cmd := b.stranger(target, attributes)
					out, err := cmd.Output()
					if err != nil {
						t.Fatal(err)
					}
					var told []string
					if err := json.Unmarshal(out, &told); err != nil {
						t.Fatalf("%s: %v", out, err)
					}
					if diff := cmp.Diff(refusals(), told); diff != "" {
						t.Errorf("busy = %t: %s", busy, diff)
					}
					if busy {
						if got := <-answer; got != slowEvent {
							t.Errorf("the running call was answered %s", got)
						}
					}
					attackers = append(attackers, cmd.Process.Pid)
				}
				if body, result, _ := b.invoke(fn, order{Do: "echo"}); result.ColdStart || body != `{"do":"echo"}` {
					t.Errorf("afterwards the function answers %s, cold start %t", body, result.ColdStart)
				}
				uid := os.Getuid()
				if attributes != nil && attributes.Credential != nil {
					uid = int(attributes.Credential.Uid)
				}
				lines := log.lines(t)
				if len(lines) != 2*len(refusals()) {
					t.Fatalf("%d lines for %d refused connections: %+v", len(lines), 2*len(refusals()), lines)
				}
				for i, got := range lines {
					want := attackers[i/len(refusals())]
					if got.Level != "WARN" || got.PID != want || got.UID != uid || got.Command == "" ||
						got.Function != fn.ARN || got.Reason == "" || !strings.Contains(got.Msg, "Runtime API") {
						t.Errorf("logged %+v, want process %d of user %d", got, want, uid)
					}
				}
			})
		}
	}
}

// slowEvent keeps a function busy for longer than an attack takes.
const slowEvent = `{"do":"echo","ms":1500}`

// begin starts an invocation that takes a while, and answers its id once it runs.
func (b *bench) begin(fn *runtime.Function, answer chan<- string) string {
	b.Helper()
	const id = "8f5d1c1e-0000-4000-8000-999999999999"
	go func() {
		result, err := b.pool.Invoke(b.Context(), fn, runtime.Invocation{RequestID: id, Payload: []byte(slowEvent)})
		if err != nil {
			answer <- err.Error()
			return
		}
		body, err := result.ReadAll(0)
		if err != nil {
			body = []byte(err.Error())
		}
		answer <- string(body)
	}()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(b.log.String(), "START RequestId: "+id); {
		if time.Now().After(deadline) {
			b.Fatal("the invocation does not start")
		}
		time.Sleep(time.Millisecond)
	}
	return id
}

func (b *bench) awaitFile(path string) {
	b.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("%s does not appear", path)
		}
	}
}

// A function is a stranger to every other one.
func TestFunctionsAreStrangersToEachOther(t *testing.T) {
	for _, mode := range modes() {
		b, log := newWatchedBench(t, mode)
		victim := b.function("main", named("victim"))
		address, _ := b.address(victim)
		mallory := b.function("main", named("mallory"), func(fn *runtime.Function) { fn.ARN += ":mallory" })
		body, _, _ := b.invoke(mallory, order{Do: "attack", Text: address})
		var told []string
		if err := json.Unmarshal([]byte(body), &told); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(refusals(), told); diff != "" {
			t.Errorf("sandbox %s: %s", mode, diff)
		}
		_, pid := b.address(mallory)
		lines := log.lines(t)
		if len(lines) != len(told) {
			t.Fatalf("sandbox %s: %d lines for %d refused connections: %+v", mode, len(lines), len(told), lines)
		}
		for _, got := range lines {
			if mode != sandbox.Off {
				pid = got.PID // the function sees another id of its own
			}
			if got.PID == 0 || got.PID != pid || got.UID != os.Getuid() || got.Command == "" || got.Function != victim.ARN {
				t.Errorf("sandbox %s: logged %+v, want process %d and %s", mode, got, pid, victim.ARN)
			}
		}
		if body, result, _ := b.invoke(victim, order{Do: "echo"}); result.FunctionError != nil || result.ColdStart {
			t.Errorf("sandbox %s: afterwards the function answers %s", mode, body)
		}
	}
}

// Nobody joins the process group of a function.
func TestGroupOfAFunctionIsClosed(t *testing.T) {
	b := newBench(t)
	_, pid := b.address(b.function("main"))
	cmd := b.stranger("127.0.0.1:1", &syscall.SysProcAttr{Setpgid: true, Pgid: pid})
	if err := cmd.Start(); err == nil {
		cmd.Wait() //nolint:errcheck // it is a failure anyway
		t.Error("a process of the server's session is in it")
	}
}

// Functions in shell, where each request comes from another process. The scripts get curl's arguments.
func TestRequestsOfChildProcesses(t *testing.T) {
	needs(t, "curl")
	const loop = `#!/bin/sh
set -eu
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
%s
while :; do
	answer=$(request -sS -i "$api/next")
	event=$(echo "$answer" | tail -n 1)
	id=$(echo "$answer" | grep -i '^lambda-runtime-aws-request-id:' | tr -d '[:space:]' | cut -d: -f2)
	request -sS -d "$event" "$api/$id/response" >/dev/null
done
`
	scripts := map[string]string{
		"child":      `request() { curl "$@"; }`,
		"subshell":   `request() { (curl "$@" | cat); }`,
		"wrapped":    `request() { sh -c 'env curl "$@"; :' - "$@"; }`,
		"other Host": `request() { curl -H 'Host: sidecar.internal:9001' "$@"; }`,
		// The shell that starts curl is gone when the request comes.
		"orphan": `request() {
	rm -f "$TMPDIR/done" && mkfifo "$TMPDIR/done"
	(sh -c 'sleep 0.1; curl "$@"; echo >"$TMPDIR/done"' - "$@" &)
	read -r _ <"$TMPDIR/done"
}`,
	}
	if _, err := exec.LookPath("setsid"); err == nil {
		scripts["orphan in its own session"] = strings.ReplaceAll(scripts["orphan"], "(sh -c", "(setsid sh -c")
		scripts["own session"] = `request() { setsid -w curl "$@"; }`
	}
	if _, err := exec.LookPath("setpriv"); err == nil && os.Getuid() == 0 {
		scripts["another user"] = `request() { setpriv --reuid 65534 --regid 65534 --clear-groups curl "$@"; }`
	}
	for name, request := range scripts {
		for _, mode := range modes() {
			if name == "another user" && mode != sandbox.Off {
				continue // functions have no right to become another user
			}
			t.Run(name+"/sandbox="+string(mode), func(t *testing.T) {
				t.Parallel()
				b, log := newWatchedBench(t, mode)
				fn := b.function("main", withBootstrap(t, fmt.Sprintf(loop, request), 0o755))
				for i := range 3 {
					want := fmt.Sprintf(`{"do":"echo","text":"%d"}`, i)
					if body, _, _ := b.invoke(fn, order{Do: "echo", Text: strconv.Itoa(i)}); body != want {
						t.Errorf("body = %s, want %s\n%s", body, want, b.log)
					}
				}
				if lines := log.lines(t); len(lines) > 0 {
					t.Errorf("logged %+v", lines)
				}
			})
		}
	}
}

// ask sends a request for the next event on a connection of its own.
func ask() net.Conn {
	conn, err := net.Dial("tcp", os.Getenv("AWS_LAMBDA_RUNTIME_API"))
	must(err)
	fmt.Fprintf(conn, "GET %sinvocation/next HTTP/1.1\r\nHost: x\r\n\r\n", runtimePath)
	return conn
}

func told(conn net.Conn) (*http.Response, string) {
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(err)
	body, err := io.ReadAll(resp.Body)
	must(err)
	return resp, string(body)
}

// nextTwiceMain asks for an event on two connections at once, and answers with what the one was told that got none.
func nextTwiceMain() {
	for {
		type reply struct {
			resp *http.Response
			body string
		}
		replies := make(chan reply, 2)
		for range 2 {
			conn := ask()
			go func() {
				resp, body := told(conn)
				conn.Close()
				replies <- reply{resp, body}
			}()
		}
		event, refusal := <-replies, <-replies
		if event.resp.StatusCode != http.StatusOK {
			event, refusal = refusal, event
		}
		post("invocation/"+event.resp.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json",
			fmt.Sprintf("%d %s", refusal.resp.StatusCode, refusal.body))
	}
}

func TestSecondRequestForTheNextEvent(t *testing.T) {
	b, log := newWatchedBench(t, sandbox.Auto)
	fn := b.function("next-twice")
	const want = `403 {"errorMessage":"next is not allowed in the current state (another connection is waiting for the ` +
		`next event)","errorType":"InvalidStateTransition"}`
	// The event of the first call is there when the first request comes, so that no request waits.
	if body, _, _ := b.invoke(fn, order{}); !strings.HasPrefix(body, "403 ") || !strings.Contains(body, "(busy)") {
		t.Errorf("body = %s", body)
	}
	for deadline := time.Now().Add(20 * time.Second); len(log.lines(t)) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no second request is refused")
		}
	}
	if body, _, _ := b.invoke(fn, order{}); body != want {
		t.Errorf("body = %s, want %s", body, want)
	}
	lines := log.lines(t)
	if len(lines) != 1 || lines[0].Level != "WARN" || !strings.Contains(lines[0].Msg, "second request") ||
		lines[0].Client == "" || lines[0].Function != fn.ARN {
		t.Errorf("logged %+v", lines)
	}
}

// nextBrokenMain asks for an event on a connection that it closes when the server has seen the request, and at once
// again on another one. It says so in a file, and takes what comes there.
func nextBrokenMain() {
	first := ask()
	for round := 0; ; round++ {
		resp, event := told(first)
		if resp.StatusCode != http.StatusOK {
			fmt.Println("refused:", event)
			os.Exit(1)
		}
		first.Close()
		post("invocation/"+resp.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", event)
		broken := ask()
		time.Sleep(20 * time.Millisecond)
		broken.Close()
		first = ask()
		must(os.WriteFile(fmt.Sprintf("%s.%d", os.Getenv("MARK"), round), nil, 0o600))
	}
}

// Who asks again because the connection broke is no second one, and gets the event that comes then.
func TestNextAfterABrokenConnection(t *testing.T) {
	b, log := newWatchedBench(t, sandbox.Off)
	mark := filepath.Join(t.TempDir(), "mark")
	fn := b.function("next-broken", func(fn *runtime.Function) { fn.Environment["MARK"] = mark })
	for round := range 20 {
		if body, _, _ := b.invoke(fn, order{Do: "echo"}); body != `{"do":"echo"}` {
			t.Fatalf("body = %s\n%s", body, b.log)
		}
		b.awaitFile(fmt.Sprintf("%s.%d", mark, round))
	}
	if lines := log.lines(t); len(lines) > 0 {
		t.Errorf("logged %+v", lines)
	}
}

// A crowd of strangers disturbs no call and fills no log.
func TestManyStrangers(t *testing.T) {
	b, log := newWatchedBench(t, sandbox.Auto)
	fn := b.function("main")
	address, _ := b.address(fn)
	const processes, each = 4, 400
	begin := time.Now()
	var strangers sync.WaitGroup
	for range processes {
		cmd := b.stranger(address, nil, "FURL_TEST_FLOOD="+strconv.Itoa(each))
		strangers.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
		})
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		strangers.Wait()
	}()
	calls := 0
	for done := false; !done || calls < 20; calls++ {
		if body, result, _ := b.invoke(fn, order{Do: "echo"}); body != `{"do":"echo"}` || result.ColdStart {
			t.Fatalf("call %d: %s, cold start %t", calls, body, result.ColdStart)
		}
		select {
		case <-over:
			done = true
		default:
		}
	}
	// The function's own connections are all free still.
	fresh := b.function("main", named("fresh"))
	if body, result, _ := b.invoke(fresh, order{Do: "echo"}); result.FunctionError != nil {
		t.Errorf("another function answers %s", body)
	}
	if err := b.pool.Close(); err != nil {
		t.Fatal(err)
	}
	written, leftOut := 0, 0
	for _, one := range log.lines(t) {
		if one.LeftOut > 0 {
			leftOut += one.LeftOut
		} else {
			written++
		}
	}
	most := 20 * (2 + int(time.Since(begin)/(10*time.Second)))
	if written > most || written+leftOut != processes*each {
		t.Errorf("%d refusals logged (at most %d), %d said to be left out, of %d", written, most, leftOut, processes*each)
	}
	t.Logf("%d calls meanwhile, %d lines", calls, written)
}

func TestLogOfRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &warnings{}
		warn, flush := runtime.RefusalLog(slog.New(slog.NewJSONHandler(w, nil)))
		flush() // of nothing
		expect := func(when string, written, leftOut int) {
			t.Helper()
			synctest.Wait()
			gotWritten, gotLeftOut := 0, 0
			for _, one := range w.lines(t) {
				if one.LeftOut == 0 {
					gotWritten++
				}
				gotLeftOut += one.LeftOut
			}
			if gotWritten != written || gotLeftOut != leftOut {
				t.Errorf("%s: %d lines, %d left out, want %d and %d", when, gotWritten, gotLeftOut, written, leftOut)
			}
		}
		for range 1000 {
			warn("refused", slog.Int("pid", 7))
		}
		expect("at once", 20, 0)
		time.Sleep(11 * time.Second)
		expect("after the window", 20, 980)
		for range 5 {
			warn("refused", slog.Int("pid", 7))
		}
		expect("in a new window", 25, 980)
		time.Sleep(11 * time.Second)
		expect("after a window with few", 25, 980)
		for range 30 {
			warn("refused", slog.Int("pid", 7))
		}
		flush()
		expect("at the end", 45, 990)
	})
}
