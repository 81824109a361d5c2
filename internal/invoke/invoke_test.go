//go:build unix

package invoke_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
)

const account = "111111111111"

// runner is a pool that answers what a test tells it to.
type runner struct {
	mu      sync.Mutex
	calls   []call
	retired []string
	wanted  map[*runtime.Function]int            // provisioned
	ahead   []*runtime.Function                  // prepared
	answer  func(n int) (*runtime.Result, error) // n counts from 1
}

type call struct {
	function   *runtime.Function
	invocation runtime.Invocation
	at         time.Time
}

func (r *runner) Invoke(_ context.Context, function *runtime.Function, invocation runtime.Invocation) (*runtime.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call{function, invocation, time.Now()})
	return r.answer(len(r.calls))
}

func (r *runner) Retire(key string) { r.retired = append(r.retired, key) }

func (r *runner) Provision(_, _, _ string, wanted map[*runtime.Function]int) { r.wanted = wanted }

func (r *runner) Prepare(function *runtime.Function) { r.ahead = append(r.ahead, function) }

func (r *runner) Provisioned(key string) (ready int, failed bool) {
	for function, count := range r.wanted {
		if function.Key == key {
			return count, false
		}
	}
	return 0, false
}

func (r *runner) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.calls)
}

func succeeds(int) (*runtime.Result, error) {
	return &runtime.Result{Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

func fails(int) (*runtime.Result, error) {
	return &runtime.Result{Body: io.NopCloser(strings.NewReader("{}")), FunctionError: &runtime.FunctionError{Type: "Oops", Reason: runtime.ReasonError}}, nil
}

type noStore struct{}

func (noStore) Load(context.Context, func(store.Record) error) (store.Revision, error) { return 0, nil }

func (noStore) Commit(context.Context, store.Revision, []store.Change) (store.Revision, error) {
	return 0, nil
}

type code struct{ error }

func (c code) Dir(hex string) (string, error) { return "/code/" + hex, c.error }

func (c code) Layers(_ context.Context, hexes []string) (string, error) {
	return "/code/" + strings.Join(hexes, "+"), c.error
}

// newService is a service in a world with a role and a function of that role.
func newService(t *testing.T, answer func(int) (*runtime.Result, error)) (*invoke.Service, *runner, *lambda.Function) {
	t.Helper()
	world, err := state.Load(t.Context(), noStore{})
	if err != nil {
		t.Fatal(err)
	}
	pool := &runner{answer: answer}
	service := &invoke.Service{Runner: pool, Code: code{}, State: world, Log: slog.New(slog.DiscardHandler)}
	function := &lambda.Function{
		ARN: lambda.ARN{Region: "eu-central-1", Account: account, Name: "web"},
		Configuration: lambda.Configuration{
			Runtime: "provided.al2023", Role: "arn:aws:iam::" + account + ":role/r", RoleID: "AROAAAAAAAAAAAAAAAAA2", CodeHex: "abc", Timeout: time.Second,
		},
	}
	put(t, service, function)
	update(t, service, func(tx *state.Tx) error {
		return tx.Put(&iam.Role{Account: account, Name: "r", Path: "/", ID: function.RoleID})
	})
	return service, pool, function
}

func update(t *testing.T, service *invoke.Service, change func(*state.Tx) error) {
	t.Helper()
	if err := service.State.Update(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, service *invoke.Service, function *lambda.Function) {
	t.Helper()
	update(t, service, func(tx *state.Tx) error { return tx.Put(function) })
}

func qualified(t *testing.T, service *invoke.Service, qualifier string) resolve.Target {
	t.Helper()
	target, err := resolve.Find(service.State.Now(), lambda.ARN{Region: "eu-central-1", Account: account, Name: "web", Qualifier: qualifier})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestInvokeSaysWhatTheFunctionIs(t *testing.T) {
	service, pool, function := newService(t, succeeds)
	function = function.Clone()
	function.LogGroup = "/own/group"
	put(t, service, function)
	_, err := service.Invoke(t.Context(), invoke.Request{Target: qualified(t, service, "$LATEST"), Payload: []byte("{}"), RequestID: "id", Stream: true})
	if err != nil {
		t.Fatal(err)
	}
	got := pool.calls[0]
	if got.function.CodeDir != "/code/abc" || got.function.Version != "$LATEST" || got.function.Timeout != time.Second ||
		got.function.LogGroup != "/own/group" ||
		got.invocation.InvokedFunctionARN != function.ARN.String()+":$LATEST" || got.invocation.RequestID != "id" || !got.invocation.Stream {
		t.Errorf("the pool was asked for %+v of %+v", got.invocation, got.function)
	}
}

// A function gets its layers in the order of its list. One without content here, such as the public layer of the Web
// Adapter, is none.
func TestInvokeGivesAFunctionItsLayers(t *testing.T) {
	service, pool, function := newService(t, succeeds)
	for _, row := range []struct {
		layers []lambda.LayerRef
		want   string
	}{
		{nil, ""},
		{[]lambda.LayerRef{{ARN: "l:2", CodeHex: "b"}, {ARN: "adapter:1"}, {ARN: "k:1", CodeHex: "a"}}, "/code/b+a"},
		{[]lambda.LayerRef{{ARN: "adapter:1"}}, ""},
	} {
		function = function.Clone()
		function.Layers = row.layers
		put(t, service, function)
		if _, err := service.Invoke(t.Context(), invoke.Request{Target: qualified(t, service, "")}); err != nil {
			t.Fatal(err)
		}
		if got := pool.calls[len(pool.calls)-1].function.Opt; got != row.want {
			t.Errorf("%v: %q, want %q", row.layers, got, row.want)
		}
	}
}

func TestEnvironmentsOutliveChangesThatTheyDoNotSee(t *testing.T) {
	service, pool, function := newService(t, succeeds)
	key := func(function *lambda.Function) string {
		t.Helper()
		if _, err := service.Invoke(t.Context(), invoke.Request{Target: resolve.Latest(function)}); err != nil {
			t.Fatal(err)
		}
		return pool.calls[len(pool.calls)-1].function.Key
	}
	first := key(function)
	tagged := function.Clone()
	tagged.Tags = map[string]string{"a": "b"}
	tagged.RevisionID = "other"
	if key(tagged) != first {
		t.Error("a tag makes new environments")
	}
	for name, change := range map[string]func(*lambda.Function){
		"code":        func(f *lambda.Function) { f.CodeHex = "def" },
		"handler":     func(f *lambda.Function) { f.Handler = "other" },
		"environment": func(f *lambda.Function) { f.Environment = map[string]string{"A": "1"} },
		"timeout":     func(f *lambda.Function) { f.Timeout = time.Minute },
		"log group":   func(f *lambda.Function) { f.LogGroup = "/other" },
		"role":        func(f *lambda.Function) { f.RoleID = "AROAAAAAAAAAAAAAAAAA3" },
		"layers":      func(f *lambda.Function) { f.Layers = []lambda.LayerRef{{ARN: "l:1", CodeHex: "a"}} },
	} {
		changed := function.Clone()
		change(changed)
		if key(changed) == first {
			t.Errorf("a change of the %s keeps the environments", name)
		}
	}
	last := key(function)
	service.Retire(function.ARN)
	if len(pool.retired) != 1 || pool.retired[0] != last {
		t.Errorf("retired %q, want %q", pool.retired, last)
	}
}

// Two concurrent environments of one function have different access keys, secrets and tokens (recorded from AWS).
func TestEnvironmentsHaveSessionsOfTheRole(t *testing.T) {
	service, pool, function := newService(t, succeeds)
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	service.Now = func() time.Time { return now }
	if _, err := service.Invoke(t.Context(), invoke.Request{Target: resolve.Latest(function)}); err != nil {
		t.Fatal(err)
	}
	credentials := func() runtime.Credentials {
		t.Helper()
		got, err := pool.calls[0].function.Credentials(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := credentials()
	identity, ok := service.State.Now().Identity(first.AccessKeyID)
	if !ok || identity.Role.Name != "r" || identity.Session.SessionName != "web" || identity.Token != first.SessionToken {
		t.Errorf("the credentials stand for %+v, %v", identity, ok)
	}
	second := credentials()
	if second.AccessKeyID == first.AccessKeyID || second.SecretAccessKey == first.SecretAccessKey ||
		second.SessionToken == first.SessionToken {
		t.Error("a second environment gets the keys of the first")
	}
	first.Release()
	if credentials().AccessKeyID != first.AccessKeyID {
		t.Error("the session of an environment that has ended is not given to the next")
	}
	first.Release()
	now = now.Add(7 * time.Hour)
	if later := credentials(); later.AccessKeyID == first.AccessKeyID || !later.Expires.After(now.Add(11*time.Hour)) {
		t.Errorf("an old session is given to a new environment: until %s", later.Expires)
	}

	role, _ := service.State.Now().Role(account, "r")
	update(t, service, func(tx *state.Tx) error { tx.Delete(role); return nil })
	now = now.Add(13 * time.Hour)
	if _, err := pool.calls[0].function.Credentials(t.Context()); !errors.Is(err, invoke.ErrRole) || !strings.Contains(err.Error(), "aws lambda update-function-configuration") {
		t.Errorf("without its role the function gets %v", err)
	}
}

// TestSessionsDoNotPileUp: twelve hours of changes would be as many sessions, of which an account can have 10,000.
func TestSessionsDoNotPileUp(t *testing.T) {
	service, pool, function := newService(t, succeeds)
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	service.Now = func() time.Time { return now }
	start := func(function *lambda.Function) (sessionID string) {
		t.Helper()
		if _, err := service.Invoke(t.Context(), invoke.Request{Target: resolve.Latest(function)}); err != nil {
			t.Fatal(err)
		}
		got, err := pool.calls[len(pool.calls)-1].function.Credentials(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got.Release()
		return got.AccessKeyID
	}
	later := func(by time.Duration) (sessions int) {
		t.Helper()
		now = now.Add(by)
		if err := service.State.DropExpired(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		return service.State.Now().Sessions.Len()
	}
	change := func(edit func(*lambda.Function)) {
		t.Helper()
		function = function.Clone()
		edit(function)
		put(t, service, function)
		service.Retire(function.ARN)
	}

	for i := range 20 {
		change(func(f *lambda.Function) { f.Environment = map[string]string{"N": fmt.Sprint(i)} })
		start(function)
	}
	if n := later(0); n != 1 {
		t.Errorf("20 changes made %d sessions", n)
	}

	update(t, service, func(tx *state.Tx) error {
		return tx.Put(&iam.Role{Account: account, Name: "other", Path: "/", ID: "AROAAAAAAAAAAAAAAAAA3"})
	})
	change(func(f *lambda.Function) {
		f.Role, f.RoleID = "arn:aws:iam::"+account+":role/other", "AROAAAAAAAAAAAAAAAAA3"
	})
	start(function)
	if soon, after := later(lambda.MaxTimeout), later(2*time.Minute); soon != 2 || after != 1 {
		t.Errorf("%d sessions while an environment may still use the old role, %d after that; want 2 and 1", soon, after)
	}

	last := start(function)
	update(t, service, func(tx *state.Tx) error { tx.Delete(function); return nil })
	service.Retire(function.ARN)
	if late := start(function); late == last { // of an invocation that began before
		t.Error("the session of a deleted function is given out again")
	}
	if soon, after := later(lambda.MaxTimeout), later(2*time.Minute); soon != 2 || after != 0 {
		t.Errorf("%d sessions while the deleted function may still run, %d after that; want 2 and 0", soon, after)
	}
}

// A session's name has at least two characters (recorded from AWS).
func TestSessionOfAFunctionWithAShortName(t *testing.T) {
	service, pool, function := newService(t, succeeds)
	function = function.Clone()
	function.ARN.Name = "e"
	put(t, service, function)
	if _, err := service.Invoke(t.Context(), invoke.Request{Target: resolve.Latest(function)}); err != nil {
		t.Fatal(err)
	}
	got, err := pool.calls[0].function.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if identity, _ := service.State.Now().Identity(got.AccessKeyID); identity.Session.SessionName != "e@lambda_function" {
		t.Errorf("the session's name is %q", identity.Session.SessionName)
	}
}

func TestAFunctionWithoutItsCodeCanNotBeRun(t *testing.T) {
	service, _, function := newService(t, succeeds)
	service.Code = code{errors.New("gone")}
	if _, err := service.Invoke(t.Context(), invoke.Request{Target: resolve.Latest(function)}); !errors.Is(err, invoke.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestCodeThatTheMachineHasNoRoomToOpenIsThrottled(t *testing.T) {
	service, _, function := newService(t, succeeds)
	service.Code = code{&fs.PathError{Op: "stat", Path: "/code", Err: syscall.ENOMEM}}
	if _, err := service.Invoke(t.Context(), invoke.Request{Target: resolve.Latest(function)}); !errors.Is(err, runtime.ErrBusy) {
		t.Errorf("got %v", err)
	}
}

// Asynchronous invocations are tried three times, after one minute and after two more.
func TestAsynchronousInvocations(t *testing.T) {
	busyTwice := func(n int) (*runtime.Result, error) {
		if n <= 2 {
			return nil, runtime.ErrBusy
		}
		return succeeds(n)
	}
	tests := []struct {
		name   string
		answer func(int) (*runtime.Result, error)
		want   []time.Duration // of the attempts, from the start
	}{
		{"succeeds", succeeds, []time.Duration{0}},
		{"fails", fails, []time.Duration{0, time.Minute, 3 * time.Minute}},
		{"throttled", busyTwice, []time.Duration{0, time.Second, 3 * time.Second}},
		{"shutting down", func(int) (*runtime.Result, error) { return nil, runtime.ErrClosed }, []time.Duration{0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service, pool, function := newService(t, test.answer)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error)
				go func() { ended <- service.Run(ctx) }()
				start := time.Now()
				if err := service.Enqueue(invoke.Request{Target: resolve.Latest(function), RequestID: "id"}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				cancel()
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
				if len(pool.calls) != len(test.want) {
					t.Fatalf("%d attempts, want %d", len(pool.calls), len(test.want))
				}
				for i, want := range test.want {
					if got := pool.calls[i].at.Sub(start); got != want {
						t.Errorf("attempt %d after %s, want %s", i+1, got, want)
					}
				}
			})
		})
	}
}

// TestThrottledEventsAreGivenUp: the waits grow to five minutes, and after six hours there is no further attempt.
func TestThrottledEventsAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service, pool, function := newService(t, func(int) (*runtime.Result, error) { return nil, runtime.ErrBusy })
		var log strings.Builder
		service.Log = slog.New(slog.NewTextHandler(&log, nil))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- service.Run(ctx) }()
		start := time.Now()
		if err := service.Enqueue(invoke.Request{Target: resolve.Latest(function), RequestID: "id"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		last := pool.calls[len(pool.calls)-1].at.Sub(start)
		if last > 6*time.Hour || last < 6*time.Hour-5*time.Minute || strings.Count(log.String(), "it is too old") != 1 {
			t.Errorf("the last of %d attempts was after %s\n%s", len(pool.calls), last, log.String())
		}
		for i, call := range pool.calls[1:] {
			if wait := call.at.Sub(pool.calls[i].at); wait > 5*time.Minute {
				t.Errorf("attempt %d came %s after the one before", i+2, wait)
			}
		}
	})
}

// TestAnswersThatCannotBeRead: the log says why an asynchronous invocation is tried again.
func TestAnswersThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service, pool, function := newService(t, func(int) (*runtime.Result, error) {
			return &runtime.Result{Body: io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))}, nil
		})
		var log strings.Builder
		service.Log = slog.New(slog.NewTextHandler(&log, nil))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- service.Run(ctx) }()
		if err := service.Enqueue(invoke.Request{Target: resolve.Latest(function), RequestID: "id"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if len(pool.calls) != 3 || strings.Count(log.String(), io.ErrUnexpectedEOF.Error()) != 3 {
			t.Errorf("%d attempts\n%s", len(pool.calls), log.String())
		}
	})
}

func TestAsynchronousInvocationsOfADeletedFunctionAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service, pool, function := newService(t, fails)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- service.Run(ctx) }()
		if err := service.Enqueue(invoke.Request{Target: resolve.Latest(function)}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		update(t, service, func(tx *state.Tx) error { tx.Delete(function); return nil })
		time.Sleep(time.Hour)
		cancel()
		<-ended
		if pool.count() != 1 {
			t.Errorf("%d attempts, want the first alone", pool.count())
		}
	})
}

func TestTheQueueIsBounded(t *testing.T) {
	service, _, function := newService(t, succeeds)
	request := invoke.Request{Target: resolve.Latest(function), Payload: make([]byte, 1<<20)}
	taken := 0
	for service.Enqueue(request) == nil {
		taken++
		if taken > 1000 {
			t.Fatal("a gigabyte is taken")
		}
	}
	if err := service.Enqueue(request); !errors.Is(err, invoke.ErrQueueFull) || taken != 64 {
		t.Errorf("took %d MiB, then %v", taken, err)
	}
}
