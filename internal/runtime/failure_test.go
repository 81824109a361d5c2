//go:build unix

package runtime_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
)

// step is one request of the "raw" function.
type step struct {
	Path   string   `json:",omitempty"`
	Body   string   `json:",omitempty"`
	Header []string `json:",omitempty"`
	Exit   bool     `json:",omitempty"`
	Cut    bool     `json:",omitempty"`
	Next   bool     `json:",omitempty"`
	Sleep  int      `json:",omitempty"`
}

const respond = "invocation/{id}/response"

func within(d time.Duration) func(*runtime.Function) {
	return func(fn *runtime.Function) { fn.Timeout = d }
}

func withEnv(name, value string) func(*runtime.Function) {
	return func(fn *runtime.Function) { fn.Environment[name] = value }
}

func TestFailures(t *testing.T) {
	b := newBench(t, func(c *runtime.Config) { c.InitTimeout = time.Second })
	// Recorded: test_lambda_too_large_response in LocalStack's snapshots.
	tooLarge := `{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}`
	for _, row := range []struct {
		name   string
		fn     *runtime.Function
		event  any
		reason runtime.Reason
		typ    string
		body   string // {id} is the request id
		log    string // regular expression for lines of the invocation's log
		lives  bool   // the environment is used again
	}{
		{
			name: "error", fn: b.function("main"), event: order{Do: "error", Text: "no good"},
			reason: runtime.ReasonError, typ: "errorString", body: `{"errorMessage":"no good","errorType":"errorString"}`,
			log: `REPORT RequestId: {id}\tDuration: [0-9.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t(Max Memory Used: \d+ MB\t)?Init Duration: [0-9.]+ ms\t$`, lives: true,
		},
		{
			name: "timeout", fn: b.function("main", within(300*time.Millisecond)), event: order{Do: "echo", Ms: 60_000},
			reason: runtime.ReasonTimeout, typ: "Sandbox.Timedout",
			body: `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: {id} Error: Task timed out after 0.30 seconds"}`,
			log: `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z {id} Task timed out after 0\.30 seconds\n` +
				`END RequestId: {id}\nREPORT RequestId: {id}\tDuration: 300\.00 ms\tBilled Duration: \d+ ms\t.*Status: timeout$`,
		},
		{
			name: "exit 0", fn: b.function("main"), event: order{Do: "exit"},
			reason: runtime.ReasonExit, typ: "Runtime.ExitError",
			body: `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: {id} Error: Runtime exited without providing a reason"}`,
			log:  `RequestId: {id} Error: Runtime exited without providing a reason\nRuntime.ExitError\nEND .*\nREPORT .*\tStatus: error\tError Type: Runtime.ExitError$`,
		},
		{
			name: "exit 127", fn: b.function("main"), event: order{Do: "exit", N: 127},
			reason: runtime.ReasonExit, typ: "Runtime.ExitError",
			body: `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: {id} Error: Runtime exited with error: exit status 127"}`,
		},
		{
			name: "killed", fn: b.function("main"), event: order{Do: "kill"},
			reason: runtime.ReasonCrash, typ: "Runtime.ExitError",
			body: `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: {id} Error: Runtime exited with error: signal: killed"}`,
		},
		{
			// aws-lambda-go reports a panic and then exits.
			name: "panic", fn: b.function("main"), event: order{Do: "panic", Text: "aaah"},
			reason: runtime.ReasonError, typ: "string", body: `{"errorMessage":"aaah","errorType":"string","stackTrace":[`,
		},
		{
			name: "13 MB", fn: b.function("main"), event: order{Do: "big", N: 13_000_000},
			reason: runtime.ReasonTooLarge, typ: "Function.ResponseSizeTooLarge", body: tooLarge,
		},
		{
			name: "too large by one, length known", fn: b.function("raw"),
			event:  []step{{Path: respond, Body: strings.Repeat("x", runtime.MaxBufferedResponse+1)}},
			reason: runtime.ReasonTooLarge, typ: "Function.ResponseSizeTooLarge", body: tooLarge, lives: true,
		},
		{
			name: "response cut short", fn: b.function("raw"), event: []step{{Cut: true}},
			reason: runtime.ReasonBadResponse, typ: "Runtime.TruncatedResponse", body: `{"errorType":"Runtime.TruncatedResponse",`, lives: true,
		},
		{
			name: "unknown response mode", fn: b.function("raw"),
			event:  []step{{Path: respond, Body: "x", Header: []string{"Lambda-Runtime-Function-Response-Mode", "drip"}}},
			reason: runtime.ReasonBadResponse, typ: "Runtime.InvalidResponseModeHeader", body: `{"errorType":"Runtime.InvalidResponseModeHeader",`, lives: true,
		},
		{
			name: "error of a kind of its own", fn: b.function("raw"),
			event: []step{{Path: "invocation/{id}/error", Body: `{"errorMessage":"m","errorType":"Mine"}`,
				Header: []string{"Lambda-Runtime-Function-Error-Type", "Function.Mine"}}},
			reason: runtime.ReasonError, typ: "Function.Mine", body: `{"errorMessage":"m","errorType":"Mine"}`, lives: true,
		},
		{
			name: "error without a body", fn: b.function("raw"), event: []step{{Path: "invocation/{id}/error"}},
			reason: runtime.ReasonError, typ: "Runtime.Unknown", body: `{"errorType":"Runtime.Unknown",`, lives: true,
		},
		{
			name: "init exits", fn: b.function("init-exit"),
			reason: runtime.ReasonInit, typ: "Runtime.ExitError",
			body: `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: {id} Error: Runtime exited with error: exit status 3"}`,
			log: `^about to exit\nINIT_REPORT Init Duration: [0-9.]+ ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError\n` +
				`START RequestId: {id} Version: \$LATEST\nRequestId: {id} Error: Runtime exited with error: exit status 3\nRuntime.ExitError\nEND RequestId: {id}\n`,
		},
		{
			name: "init error", fn: b.function("init-error"),
			reason: runtime.ReasonInit, typ: "Function.SetupFailed", body: `{"errorMessage":"no database","errorType":"Setup.Failed","stackTrace":[]}`,
			log: `Status: error\tError Type: Function.SetupFailed$`,
		},
		{
			name: "init error without exit", fn: b.function("init-error-hangs"),
			reason: runtime.ReasonInit, typ: "Setup.Failed", body: `{"errorMessage":"no database","errorType":"Setup.Failed"}`,
		},
		{
			name: "init hangs", fn: b.function("init-hangs", within(500*time.Millisecond)),
			reason: runtime.ReasonInitTimeout, typ: "Sandbox.Timedout",
			body: `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: {id} Error: Task timed out after 0.50 seconds"}`,
			log:  `START RequestId: {id} Version: \$LATEST\n.* {id} Task timed out after 0.50 seconds\nEND .*\nREPORT .*Duration: 500.00 ms`,
		},
		{
			name: "no bootstrap", fn: b.function("main", func(fn *runtime.Function) { fn.CodeDir = t.TempDir() }),
			reason: runtime.ReasonInit, typ: "Runtime.InvalidEntrypoint",
			body: `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: {id} Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"}`,
		},
		{
			name: "bootstrap not executable", fn: b.function("main", withBootstrap(t, "#!/bin/sh\n", 0o644)),
			reason: runtime.ReasonInit, typ: "Runtime.InvalidEntrypoint",
			body: `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: {id} Error: fork/exec /var/task/bootstrap: permission denied"}`,
		},
		{
			name: "bootstrap no program", fn: b.function("main", withBootstrap(t, "\x00\x01", 0o755)),
			reason: runtime.ReasonInit, typ: "Runtime.InvalidEntrypoint",
			body: `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: {id} Error: fork/exec /var/task/bootstrap: exec format error"}`,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.fn.Name = strings.ReplaceAll(row.name, " ", "-")
			row.fn.Key = row.fn.Name
			body, result, id := b.invoke(row.fn, row.event)
			failed := result.FunctionError
			if failed == nil {
				t.Fatalf("no FunctionError; body %.200s", body)
			}
			if failed.Reason != row.reason || failed.Type != row.typ || failed.Kind != "Unhandled" {
				t.Errorf("FunctionError = %s %s %s, want %s %s", failed.Reason, failed.Type, failed.Kind, row.reason, row.typ)
			}
			if want := strings.ReplaceAll(row.body, "{id}", id); body != want && !(strings.HasPrefix(body, want) && strings.HasSuffix(want, `,`) || strings.HasSuffix(want, `[`)) {
				t.Errorf("body = %s\nwant   %s", body, want)
			}
			if string(failed.Payload) != body {
				t.Errorf("Payload differs from the body: %s", failed.Payload)
			}
			tail := strings.TrimSuffix(string(result.LogTail()), "\n")
			if pattern := strings.ReplaceAll(row.log, "{id}", id); !regexp.MustCompile(pattern).MatchString(tail) {
				t.Errorf("log:\n%s\nwant it to match\n%s", tail, pattern)
			}
			if row.lives {
				if _, again, _ := b.invoke(row.fn, row.event); again.ColdStart {
					t.Error("the environment was not used again")
				}
			}
		})
	}
}

func withBootstrap(t *testing.T, content string, mode os.FileMode) func(*runtime.Function) {
	return func(fn *runtime.Function) {
		fn.CodeDir = t.TempDir()
		if err := os.WriteFile(filepath.Join(fn.CodeDir, "bootstrap"), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInitTimeoutIsRetriedWithinTheFunctionsTimeout(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *runtime.Config) { c.InitTimeout = 300 * time.Millisecond })
	fn := b.function("init-hangs-once", withEnv("MARK", filepath.Join(t.TempDir(), "mark")))
	body, result, _ := b.invoke(fn, order{Do: "echo"})
	if result.FunctionError != nil || !result.ColdStart {
		t.Fatalf("%s (%+v)", body, result.FunctionError)
	}
	if report := result.Report(); report.InitDuration != 0 {
		t.Errorf("the second initialization belongs to the invocation: %+v", report)
	}
	if log := b.log.String(); !regexp.MustCompile(`^INIT_REPORT Init Duration: \d{3,}\.\d\d ms\tPhase: init\tStatus: timeout\nSTART `).MatchString(log) {
		t.Errorf("log:\n%s", log)
	}
}

func TestTimeoutKillsGrandchildren(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fn := b.function("main", within(500*time.Millisecond))
	pids := filepath.Join(t.TempDir(), "pid")
	_, result, _ := b.invoke(fn, order{Do: "grandchild", Ms: 60_000, Text: pids})
	if result.FunctionError == nil || result.FunctionError.Reason != runtime.ReasonTimeout {
		t.Fatalf("FunctionError = %+v", result.FunctionError)
	}
	awaitGone(t, readPID(t, pids))
}

func TestExitTakesGrandchildrenAlong(t *testing.T) {
	b := newBench(t)
	pids := filepath.Join(t.TempDir(), "pid")
	_, result, _ := b.invoke(b.function("main"), order{Do: "grandchild", Text: pids, N: 1})
	if result.FunctionError == nil || result.FunctionError.Reason != runtime.ReasonExit {
		t.Fatalf("FunctionError = %+v", result.FunctionError)
	}
	awaitGone(t, readPID(t, pids))
}

func TestStoppedEnvironmentTakesItsChildrenAlong(t *testing.T) {
	b := newBench(t)
	pids := filepath.Join(t.TempDir(), "pid")
	fn := b.function("main")
	b.invoke(fn, order{Do: "grandchild", Text: pids})
	pid := readPID(t, pids)
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the grandchild is gone while its environment is idle: %v", err)
	}
	b.pool.Retire(fn.Key)
	awaitGone(t, pid)
}

func readPID(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// awaitGone waits until a process does not run any more. One whose parent was killed may stay as a zombie until init
// looks after it.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return
		}
		if stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives on", pid)
		}
	}
}

func TestCrashIsReplaced(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", func(fn *runtime.Function) { fn.Concurrency = 1 })
	first, _, _ := b.invoke(fn, order{Do: "pid"})
	b.invoke(fn, order{Do: "kill"})
	second, result, _ := b.invoke(fn, order{Do: "pid"})
	if result.FunctionError != nil || first == second || !result.ColdStart {
		t.Errorf("after a crash: pid %s, then %s (%+v)", first, second, result.FunctionError)
	}
}

func TestExitBetweenInvocationsIsNoticed(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", func(fn *runtime.Function) { fn.Concurrency = 1 })
	if body, _, _ := b.invoke(fn, order{Do: "exit-later", Ms: 30}); body != `"bye"` {
		t.Fatalf("body = %s", body)
	}
	b.await(0)
	if body, result, _ := b.invoke(fn, order{Do: "echo"}); result.FunctionError != nil || !result.ColdStart {
		t.Errorf("next invocation: %s (cold start %t)", body, result.ColdStart)
	}
}

// The statuses that a function sees when it speaks the API wrongly.
func TestRuntimeAPIStatuses(t *testing.T) {
	b := newBench(t)
	fn := b.function("raw")
	for _, row := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"accepted", []step{{Path: respond, Body: "1"}}, `202 {"status":"OK"}`},
		{"answered twice", []step{{Path: respond, Body: "1"}, {Path: respond, Body: "2"}},
			`202 {"status":"OK"} 403 {"errorMessage":"response is not allowed in the current state (settling)","errorType":"InvalidStateTransition"}`},
		{"wrong id", []step{{Path: "invocation/other/response", Body: "1"}, {Path: respond, Body: "1"}},
			`400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"} 202 {"status":"OK"}`},
		{"init error too late", []step{{Path: "init/error", Body: "{}"}, {Path: respond, Body: "1"}},
			`403 {"errorMessage":"init/error is not allowed in the current state (busy)","errorType":"InvalidStateTransition"} 202 {"status":"OK"}`},
		{"next in the middle", []step{{Next: true}, {Path: respond, Body: "1"}},
			`403 {"errorMessage":"next is not allowed in the current state (busy)","errorType":"InvalidStateTransition"} 202 {"status":"OK"}`},
		{"too large", []step{{Path: respond, Body: strings.Repeat("x", runtime.MaxBufferedResponse+1)}},
			`413 {"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}`},
		{"wrong mode", []step{{Path: respond, Body: "x", Header: []string{"Lambda-Runtime-Function-Response-Mode", "drip"}}},
			`400 {"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}`},
		{"extension", []step{{Path: "/2020-01-01/extension/register"}, {Path: respond, Body: "1"}},
			`403 {"errorMessage":"Empty extension name","errorType":"Extension.InvalidExtensionName"} 202 {"status":"OK"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			b.invoke(fn, row.steps)
			b.await(1)
			if got, _, _ := b.invoke(fn, []step{{Path: respond, Body: "{statuses}"}}); got != row.want {
				t.Errorf("the function saw\n%s\nwant\n%s", got, row.want)
			}
		})
	}
}

// Lambda bills, and ends, a function until it asks for its next event, even if it has answered long before.
func TestTimeoutAfterTheResponse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	fn := b.function("raw", within(300*time.Millisecond))
	body, result, id := b.invoke(fn, []step{{Path: respond, Body: "early"}, {Sleep: 60_000}})
	if body != "early" || result.FunctionError != nil {
		t.Fatalf("%s (%+v)", body, result.FunctionError)
	}
	want := regexp.MustCompile(id + ` Task timed out after 0\.30 seconds\nEND .*\nREPORT .*\tDuration: 300\.00 ms\t.*Status: timeout\n$`)
	if tail := result.LogTail(); !want.Match(tail) {
		t.Errorf("log:\n%s", tail)
	}
	if body, result, _ := b.invoke(fn, []step{{Path: respond, Body: "again"}}); body != "again" || !result.ColdStart {
		t.Errorf("%s, cold start %t", body, result.ColdStart)
	}
}

// A function that does something after its response keeps its environment, not the next caller.
func TestWorkAfterTheResponse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	linger := []step{{Path: respond, Body: "1"}, {Sleep: 3000}}
	many := b.function("raw", named("many"), limit(-1))
	b.invoke(many, linger)
	begin := time.Now()
	if body, result, _ := b.invoke(many, []step{{Path: respond, Body: "2"}}); body != "2" || !result.ColdStart {
		t.Errorf("%s, cold start %t", body, result.ColdStart)
	}
	if waited := time.Since(begin); waited > 2*time.Second {
		t.Errorf("another environment was started after %v only", waited)
	}
	one := b.function("raw", named("one"), limit(1))
	b.invoke(one, linger)
	if _, _, err := b.start(one, linger); !errors.Is(err, runtime.ErrBusy) {
		t.Errorf("err = %v, want ErrBusy", err)
	}
}

func TestBootstrapThatIsStillBeingWritten(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", withBootstrap(t, "#!/bin/sh\nexit 3\n", 0o755))
	file, err := os.OpenFile(filepath.Join(fn.CodeDir, "bootstrap"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { file.Close() })
	if body, _, _ := b.invoke(fn, nil); !strings.Contains(body, "exit status 3") {
		t.Errorf("body = %s", body)
	}
}
