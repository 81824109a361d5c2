package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/runtime"
)

func limit(n int) func(*runtime.Function) {
	return func(fn *runtime.Function) { fn.Concurrency = n }
}

// await waits until the pool has n environments, all of them idle.
func (b *bench) await(n int) {
	b.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		all, idle := b.pool.Environments()
		if all == n && idle == n {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("the pool has %d environments, %d of them idle, want %d", all, idle, n)
		}
	}
}

// together runs n invocations at the same time and answers their bodies.
func (b *bench) together(n int, fn *runtime.Function, event any) []string {
	b.Helper()
	bodies := make([]string, n)
	var all sync.WaitGroup
	for i := range bodies {
		all.Go(func() {
			result, _, err := b.start(fn, event)
			if err != nil {
				b.Error(err)
				return
			}
			body, err := result.ReadAll(0)
			if err != nil {
				b.Error(err)
			}
			bodies[i] = string(body)
		})
	}
	all.Wait()
	return bodies
}

func TestConcurrencyLimit(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", limit(2))
	bodies := make(chan string, 2)
	for range 2 {
		go func() {
			result, _, err := b.start(fn, order{Do: "pid", Ms: 500})
			if err != nil {
				bodies <- err.Error()
				return
			}
			body, _ := result.ReadAll(0)
			bodies <- string(body)
		}()
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if all, _ := b.pool.Environments(); all == 2 || time.Now().After(deadline) {
			break
		}
	}
	begin := time.Now()
	_, _, err := b.start(fn, order{Do: "echo"})
	if !errors.Is(err, runtime.ErrBusy) || errors.Is(err, runtime.ErrFull) {
		t.Errorf("third invocation: %v, want ErrBusy", err)
	}
	if waited := time.Since(begin); waited > 100*time.Millisecond {
		t.Errorf("refused after %v", waited)
	}
	if one, two := <-bodies, <-bodies; one == two || one == "" || two == "" {
		t.Errorf("two invocations at a time ran in processes %q and %q", one, two)
	}
	for _, none := range []int{0} {
		if _, _, err := b.start(b.function("main", limit(none)), order{Do: "echo"}); !errors.Is(err, runtime.ErrBusy) {
			t.Errorf("concurrency %d: %v, want ErrBusy", none, err)
		}
	}
}

// A client that sends its next request as soon as it has an answer must not be throttled or start another process.
func TestOneEnvironmentServesOneClient(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", limit(1))
	for range 200 {
		if _, result, _ := b.invoke(fn, order{Do: "echo"}); result.FunctionError != nil {
			t.Fatal(result.FunctionError)
		}
	}
	if all, _ := b.pool.Environments(); all != 1 {
		t.Errorf("%d environments", all)
	}
}

func TestMostRecentlyUsedFirst(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", limit(-1))
	b.together(3, fn, order{Do: "pid", Ms: 100})
	b.await(3)
	last, _, _ := b.invoke(fn, order{Do: "pid"})
	for range 10 {
		b.await(3)
		if next, _, _ := b.invoke(fn, order{Do: "pid"}); next != last {
			t.Errorf("process %s, want the one used last, %s", next, last)
		}
	}
}

func TestIdleEnvironmentsAreReaped(t *testing.T) {
	b := newBench(t, func(c *runtime.Config) { c.IdleTimeout = 50 * time.Millisecond })
	pid := 0
	body, _, _ := b.invoke(b.function("main"), order{Do: "pid"})
	if err := json.Unmarshal([]byte(body), &pid); err != nil {
		t.Fatal(err)
	}
	b.await(0)
	awaitGone(t, pid)
}

func TestFullPoolEvictsIdleEnvironments(t *testing.T) {
	b := newBench(t, func(c *runtime.Config) { c.MaxEnvironments = 2 })
	one, two, three := b.function("main", named("one"), limit(-1)), b.function("main", named("two"), limit(-1)), b.function("main", named("three"), limit(-1))
	b.invoke(one, order{Do: "echo"})
	b.await(1)
	b.invoke(two, order{Do: "echo"})
	b.await(2)
	b.invoke(three, order{Do: "echo"})
	b.await(2)
	if _, result, _ := b.invoke(two, order{Do: "echo"}); result.ColdStart {
		t.Error("the environment that was used last had to go")
	}
	b.await(2)
	done := make(chan []string)
	go func() { done <- b.together(2, two, order{Do: "pid", Ms: 300}) }()
	time.Sleep(150 * time.Millisecond)
	if _, _, err := b.start(one, order{Do: "echo"}); !errors.Is(err, runtime.ErrFull) || !errors.Is(err, runtime.ErrBusy) {
		t.Errorf("in a pool full of busy environments: %v, want ErrFull", err)
	}
	<-done
}

func named(name string) func(*runtime.Function) {
	return func(fn *runtime.Function) { fn.Name, fn.Key = name, name }
}

func TestNewKeyRetiresOldEnvironments(t *testing.T) {
	b := newBench(t)
	old := b.function("main", limit(-1))
	before, _, _ := b.invoke(old, order{Do: "pid"})
	b.await(1)
	slow := make(chan string)
	go func() {
		body, _, _ := b.invoke(old, order{Do: "pid", Ms: 300})
		slow <- body
	}()
	time.Sleep(100 * time.Millisecond)
	changed := *old
	changed.Key += "-2"
	after, result, _ := b.invoke(&changed, order{Do: "pid"})
	if !result.ColdStart || after == before {
		t.Errorf("new code ran in process %s, the old one's was %s", after, before)
	}
	if body := <-slow; body != before {
		t.Errorf("the running invocation was disturbed: %s", body)
	}
	b.await(1)
	other := changed
	other.Version, other.Key = "7", "main-7"
	b.invoke(&other, order{Do: "pid"})
	b.await(2) // another version retires nothing
	b.pool.Retire(changed.Key)
	b.await(1)
}

func TestExpiringCredentialsReplaceTheEnvironment(t *testing.T) {
	b := newBench(t)
	expires := time.Now().Add(4 * time.Minute) // less than the margin
	fn := b.function("main", func(fn *runtime.Function) {
		fn.Credentials = func(context.Context) (runtime.Credentials, error) {
			return runtime.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "s", SessionToken: "t", Expires: expires}, nil
		}
	})
	b.invoke(fn, order{Do: "pid"})
	b.await(0)
	expires = time.Now().Add(time.Hour)
	b.invoke(fn, order{Do: "pid"})
	b.await(1)
}

func TestCredentialsThatFail(t *testing.T) {
	b := newBench(t)
	cause := errors.New("no such role")
	fn := b.function("main", func(fn *runtime.Function) {
		fn.Credentials = func(context.Context) (runtime.Credentials, error) { return runtime.Credentials{}, cause }
	})
	if _, _, err := b.start(fn, order{Do: "pid"}); !errors.Is(err, cause) {
		t.Errorf("err = %v, want %v", err, cause)
	}
	b.await(0)
}

func TestCallerThatLeavesDoesNotStopTheFunction(t *testing.T) {
	b := newBench(t)
	fn := b.function("main")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err := b.pool.Invoke(ctx, fn, runtime.Invocation{RequestID: "left", Payload: []byte(`{"do":"echo","ms":400}`)})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v", err)
	}
	b.await(1)
	if log := b.log.String(); !strings.Contains(log, "END RequestId: left") || strings.Contains(log, "Status:") {
		t.Errorf("log:\n%s", log)
	}
}

func TestDrain(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", limit(-1))
	idle := b.together(2, fn, order{Do: "pid", Ms: 50})
	b.await(2)
	running := make(chan string)
	go func() {
		body, _, _ := b.invoke(fn, order{Do: "echo", Ms: 300})
		running <- body
	}()
	time.Sleep(100 * time.Millisecond)
	drained := make(chan error)
	go func() { drained <- b.pool.Drain(t.Context()) }()
	time.Sleep(50 * time.Millisecond)
	if _, _, err := b.start(fn, order{Do: "echo"}); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("invocation while draining: %v, want ErrClosed", err)
	}
	select {
	case err := <-drained:
		t.Fatalf("drained before the running invocation was over: %v", err)
	case body := <-running:
		if body != `{"do":"echo","ms":300}` {
			t.Errorf("running invocation: %s", body)
		}
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	for _, pid := range idle {
		n := 0
		if err := json.Unmarshal([]byte(pid), &n); err != nil {
			t.Fatal(err)
		}
		awaitGone(t, n)
	}
}

func TestDrainDeadlineKills(t *testing.T) {
	b := newBench(t)
	fn := b.function("main")
	running := make(chan *runtime.Result)
	go func() {
		_, result, _ := b.invoke(fn, order{Do: "echo", Ms: 60_000})
		running <- result
	}()
	time.Sleep(100 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.pool.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Drain = %v", err)
	}
	if result := <-running; result.FunctionError == nil || result.FunctionError.Reason != runtime.ReasonShutdown {
		t.Errorf("FunctionError = %+v", result.FunctionError)
	}
}

func TestCloseDuringStarts(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", limit(-1))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				result, _, err := b.start(fn, order{Do: "echo"})
				if err != nil {
					if !errors.Is(err, runtime.ErrClosed) {
						t.Error(err)
					}
					return
				}
				if result.FunctionError != nil {
					return
				}
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	if err := b.pool.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
}

func TestManyClients(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", limit(4))
	var all sync.WaitGroup
	for client := range 4 {
		all.Go(func() {
			for i := range 100 {
				want := fmt.Sprintf(`{"do":"echo","text":"%d/%d"}`, client, i)
				result, _, err := b.start(fn, order{Do: "echo", Text: fmt.Sprintf("%d/%d", client, i)})
				if err != nil {
					t.Error(err)
					return
				}
				if body, err := result.ReadAll(0); err != nil || string(body) != want {
					t.Errorf("%s (%v), want %s", body, err, want)
				}
			}
		})
	}
	all.Wait()
}

func TestEnvironmentVariables(t *testing.T) {
	t.Setenv("FURL_TEST_SECRET", "of the server")
	b := newBench(t, func(c *runtime.Config) {
		c.ExtraEnv = map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:9000", "SHADOWED": "by the user"}
	})
	fn := b.function("main", func(fn *runtime.Function) {
		fn.Environment = map[string]string{"TABLE": "books", "TZ": "Europe/Berlin", "SHADOWED": "", "AWS_REGION": "mars-1", "_HANDLER": "evil"}
		fn.Credentials = func(context.Context) (runtime.Credentials, error) {
			return runtime.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret", SessionToken: "token"}, nil
		}
	})
	body, _, _ := b.invoke(fn, order{Do: "environment"})
	var list []string
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, assignment := range list {
		name, value, _ := strings.Cut(assignment, "=")
		got[name] = value
	}
	home := got["HOME"]
	want := map[string]string{
		"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
		"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
		"AWS_LAMBDA_FUNCTION_NAME": "fn-main", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/fn-main",
		"AWS_LAMBDA_LOG_STREAM_NAME": got["AWS_LAMBDA_LOG_STREAM_NAME"], "AWS_LAMBDA_RUNTIME_API": got["AWS_LAMBDA_RUNTIME_API"],
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR", "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
		"_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1", "_AWS_XRAY_DAEMON_PORT": "2000",
		"HOME": home, "TMPDIR": home, "LANG": "en_US.UTF-8", "TZ": "Europe/Berlin",
		"LAMBDA_RUNTIME_DIR": got["LAMBDA_RUNTIME_DIR"], "LAMBDA_TASK_ROOT": fn.CodeDir,
		"LD_LIBRARY_PATH": fn.CodeDir + ":" + fn.CodeDir + "/lib", "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"SHADOWED": "", "TABLE": "books", "_HANDLER": "main",
	}
	delete(got, "_X_AMZN_TRACE_ID") // set by the runtime, with every event
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(got["AWS_LAMBDA_RUNTIME_API"], "127.0.0.1:") {
		t.Errorf("AWS_LAMBDA_RUNTIME_API = %q", got["AWS_LAMBDA_RUNTIME_API"])
	}
	if cwd, _, _ := b.invoke(fn, order{Do: "cwd"}); cwd != `"`+fn.CodeDir+`"` {
		t.Errorf("working directory = %s, want %s", cwd, fn.CodeDir)
	}
}

func TestReserved(t *testing.T) {
	for name, want := range map[string]bool{
		"AWS_REGION": true, "_HANDLER": true, "LAMBDA_TASK_ROOT": true, "AWS_SESSION_TOKEN": true, "_X_AMZN_TRACE_ID": true,
		"TZ": false, "PATH": false, "aws_region": false, "": false, "AWS_LAMBDA_EXEC_WRAPPER": false,
	} {
		if got := runtime.Reserved(name); got != want {
			t.Errorf("Reserved(%q) = %t", name, got)
		}
	}
}

func TestDeadline(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", within(3*time.Second))
	for range 2 {
		body, _, _ := b.invoke(fn, order{Do: "deadline"})
		left := 0
		if err := json.Unmarshal([]byte(body), &left); err != nil || left < 2500 || left > 3000 {
			t.Errorf("%s ms left, want almost 3000", body)
		}
	}
}

// The process groups of a pool must be those of its environments, and gone with it.
func TestProcessGroups(t *testing.T) {
	b := newBench(t)
	var pids []int
	for _, body := range b.together(3, b.function("main", limit(-1)), order{Do: "pid", Ms: 50}) {
		pid := 0
		if err := json.Unmarshal([]byte(body), &pid); err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
		if group, err := syscall.Getpgid(pid); err != nil || group != pid {
			t.Errorf("process %d is in group %d (%v)", pid, group, err)
		}
	}
	if slices.Sort(pids); len(slices.Compact(pids)) != 3 {
		t.Errorf("three invocations at a time ran in %v", pids)
	}
	if err := b.pool.Close(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		awaitGone(t, pid)
	}
}
