//go:build unix

package invoke_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
)

func pointer[V any](value V) *V { return &value }

// changed changes the function of a service, and answers its target.
func changed(t *testing.T, service *invoke.Service, change func(*lambda.Function)) resolve.Target {
	t.Helper()
	target := qualified(t, service, "")
	function := target.Function.Clone()
	change(function)
	put(t, service, function)
	return qualified(t, service, "")
}

func TestReservedConcurrencyReachesThePool(t *testing.T) {
	service, pool, function := newService(t, succeeds)
	service.Concurrency = 50
	invokeOnce := func(target resolve.Target) call {
		t.Helper()
		if _, err := service.Invoke(t.Context(), invoke.Request{Target: target}); err != nil {
			t.Fatal(err)
		}
		return pool.calls[len(pool.calls)-1]
	}
	if got := invokeOnce(resolve.Latest(function)); got.function.Concurrency != -1 || got.invocation.Unreserved != 50 {
		t.Errorf("without: %d, %d", got.function.Concurrency, got.invocation.Unreserved)
	}
	target := changed(t, service, func(f *lambda.Function) { f.Reserved = pointer(7) })
	if got := invokeOnce(target); got.function.Concurrency != 7 || got.invocation.Unreserved != 43 {
		t.Errorf("with: %d, %d", got.function.Concurrency, got.invocation.Unreserved)
	}
	if pool.calls[0].function.Key != pool.calls[1].function.Key {
		t.Error("a change of the concurrency ends environments")
	}
}

// Ten requests for each unit at once, and from then on ten in each second.
func TestRequestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service, _, _ := newService(t, succeeds)
		target := changed(t, service, func(f *lambda.Function) { f.Reserved = pointer(2) })
		allowed := func() int {
			t.Helper()
			for n := 0; ; n++ {
				switch _, err := service.Invoke(t.Context(), invoke.Request{Target: target}); {
				case errors.Is(err, invoke.ErrRate) && errors.Is(err, runtime.ErrBusy):
					return n
				case err != nil:
					t.Fatal(err)
				case n > 1000:
					t.Fatal("there is no limit")
				}
			}
		}
		for _, step := range []struct {
			wait time.Duration
			want int
		}{{0, 20}, {0, 0}, {time.Second / 2, 10}, {time.Second / 20, 1}, {time.Hour, 20}} {
			time.Sleep(step.wait)
			if got := allowed(); got != step.want {
				t.Errorf("after %s: %d requests, want %d", step.wait, got, step.want)
			}
		}
		target = changed(t, service, func(f *lambda.Function) { f.Reserved = nil })
		for range 100 {
			if _, err := service.Invoke(t.Context(), invoke.Request{Target: target}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestThrottleReasons(t *testing.T) {
	for want, err := range map[string]error{
		"ConcurrentInvocationLimitExceeded":                 runtime.ErrFull,
		"ReservedFunctionConcurrentInvocationLimitExceeded": runtime.ErrReserved,
		"ReservedFunctionInvocationRateLimitExceeded":       invoke.ErrRate,
	} {
		if got := invoke.ThrottleReason(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
	if got := invoke.ThrottleReason(runtime.ErrUnreserved); got != "ConcurrentInvocationLimitExceeded" {
		t.Error(got)
	}
}

func TestProvision(t *testing.T) {
	service, pool, function := newService(t, succeeds)
	named := func(qualifier string) lambda.ARN {
		arn := function.ARN
		arn.Qualifier = qualifier
		return arn
	}
	update(t, service, func(tx *state.Tx) error {
		return errors.Join(
			tx.Put(&lambda.Version{ARN: named("1"), Configuration: function.Configuration}),
			tx.Put(&lambda.Version{ARN: named("2"), Configuration: function.Configuration}),
			tx.Put(&lambda.Alias{ARN: named("both"), Target: "1", Weights: map[string]float64{"2": 0.25}}),
		)
	})
	changed(t, service, func(f *lambda.Function) {
		f.Provisioned = map[string]lambda.Provisioned{"both": {Concurrency: 4}, "gone": {Concurrency: 9}}
	})
	service.Provision(named("both"))
	got := map[string]int{}
	for described, count := range pool.wanted {
		got[described.Version] = count
	}
	if diff := cmp.Diff(map[string]int{"1": 3, "2": 1}, got); diff != "" {
		t.Error(diff)
	}
	for concurrency, want := range map[int]int{1: 1, 2: 2, 5: 5, 6: 6} { // a quarter of 2 and of 6 is rounded up
		changed(t, service, func(f *lambda.Function) { f.Provisioned["both"] = lambda.Provisioned{Concurrency: concurrency} })
		service.Provision(named("both"))
		total := 0
		for _, count := range pool.wanted {
			total += count
		}
		if total != want {
			t.Errorf("%d environments for a provisioned concurrency of %d", total, concurrency)
		}
	}
	changed(t, service, func(f *lambda.Function) { f.Provisioned["both"] = lambda.Provisioned{Concurrency: 4} })
	service.Provision(named("both"))
	if ready, failed := service.Provisioned(named("both")); ready != 4 || failed {
		t.Errorf("%d are ready, failed %t", ready, failed)
	}
	if _, failed := service.Provisioned(named("gone")); !failed {
		t.Error("an alias that is not there is ready")
	}
	update(t, service, func(tx *state.Tx) error { tx.Delete(function); return nil })
	service.Provision(named("both"))
	if len(pool.wanted) != 0 {
		t.Errorf("a deleted function keeps %v", pool.wanted)
	}
}

// output keeps the lines of functions' logs.
type output struct{ lines []string }

func (o *output) WriteLog(line runtime.LogLine) { o.lines = append(o.lines, string(line.Text)) }

// Each outcome of an event reaches the destination that is set for it, in the form that AWS was recorded to send.
func TestDestinations(t *testing.T) {
	const (
		prefix = "arn:aws:lambda:eu-central-1:" + account + ":function:"
		queue  = "arn:aws:sqs:eu-central-1:" + account + ":q"
		bus    = "arn:aws:events:eu-central-1:" + account + ":event-bus/b"
	)
	fails := func(int) (*runtime.Result, error) {
		const text = `{"errorMessage":"no"}`
		return &runtime.Result{Version: "$LATEST", Body: io.NopCloser(strings.NewReader(text)),
			FunctionError: &runtime.FunctionError{Kind: "Unhandled", Type: "Oops", Payload: []byte(text)}}, nil
	}
	succeeds := func(int) (*runtime.Result, error) {
		return &runtime.Result{Version: "$LATEST", Body: io.NopCloser(strings.NewReader(`"yes"`))}, nil
	}
	busy := func(int) (*runtime.Result, error) { return nil, runtime.ErrBusy }
	const context0 = `"requestContext":{"requestId":"id","functionArn":"` + prefix + `web:$LATEST","condition":`
	const failure = `,"requestPayload":{"a":1},"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"responsePayload":{"errorMessage":"no"}}`
	for _, test := range []struct {
		name     string
		answer   func(int) (*runtime.Result, error)
		config   lambda.EventInvoke
		reserved *int
		attempts int
		want     string // the record after its time
	}{
		{"success", succeeds, lambda.EventInvoke{OnSuccess: pointer(queue), OnFailure: pointer(bus)}, nil, 1,
			context0 + `"Success","approximateInvokeCount":1},"requestPayload":{"a":1},"responseContext":{"statusCode":200,"executedVersion":"$LATEST"},"responsePayload":"yes"}`},
		{"failure", fails, lambda.EventInvoke{OnFailure: pointer(queue)}, nil, 3, context0 + `"RetriesExhausted","approximateInvokeCount":3}` + failure},
		{"failure without retries", fails, lambda.EventInvoke{OnFailure: pointer(queue), MaxRetries: pointer(0)}, nil, 1,
			context0 + `"RetriesExhausted","approximateInvokeCount":1}` + failure},
		{"old age", busy, lambda.EventInvoke{OnFailure: pointer(queue), MaxAge: pointer(time.Minute)}, nil, 6,
			context0 + `"EventAgeExceeded","approximateInvokeCount":0},"requestPayload":{"a":1}}`},
		{"no concurrency", succeeds, lambda.EventInvoke{OnFailure: pointer(queue)}, pointer(0), 0,
			context0 + `"ZeroReservedConcurrency","approximateInvokeCount":0},"requestPayload":{"a":1}}`},
		{"no destination for it", fails, lambda.EventInvoke{OnSuccess: pointer(queue)}, nil, 3, ""},
		{"empty destination", fails, lambda.EventInvoke{OnFailure: pointer("")}, nil, 3, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service, pool, _ := newService(t, test.answer)
				log := &output{}
				service.Output = log
				target := changed(t, service, func(f *lambda.Function) {
					f.Reserved = test.reserved
					f.EventInvoke = map[string]*lambda.EventInvoke{"": &test.config}
				})
				runFor(t, service, invoke.Request{Target: target, RequestID: "id", Payload: []byte(`{"a":1}`)})
				if pool.count() != test.attempts {
					t.Errorf("%d attempts, want %d", pool.count(), test.attempts)
				}
				got := strings.Join(log.lines, "")
				if test.want == "" {
					if got != "" {
						t.Errorf("sent %s", got)
					}
					return
				}
				_, got, _ = strings.Cut(got, queue+": ")
				if !json.Valid([]byte(got)) || !strings.HasPrefix(got, `{"version":"1.0","timestamp":"2000-01-01T`) || !strings.HasSuffix(got, test.want) {
					t.Errorf("sent %s\nwant the end %s", got, test.want)
				}
			})
		})
	}
}

// runFor takes an event and works for a day.
func runFor(t *testing.T, service *invoke.Service, request invoke.Request) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- service.Run(ctx) }()
	if err := service.Enqueue(request); err != nil {
		t.Fatal(err)
	}
	time.Sleep(24 * time.Hour)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestEventBusGetsAnEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service, _, _ := newService(t, succeeds)
		log := &output{}
		service.Output = log
		const bus = "arn:aws:events:eu-central-1:" + account + ":event-bus/b"
		target := changed(t, service, func(f *lambda.Function) {
			f.EventInvoke = map[string]*lambda.EventInvoke{"": {OnSuccess: pointer(bus)}}
		})
		runFor(t, service, invoke.Request{Target: target, RequestID: "id", Payload: []byte(`{}`)})
		want := `{"source":"lambda","detail-type":"Lambda Function Invocation Result - Success","resources":["` + bus + `","` +
			target.Function.ARN.String() + `:$LATEST"],"detail":{"version":"1.0"`
		if got := strings.Join(log.lines, ""); !strings.Contains(got, want) {
			t.Errorf("%s\nwant %s", got, want)
		}
	})
}

// A destination that is a function is invoked with the record, if the execution role may, and a loop ends.
func TestFunctionsAsDestinations(t *testing.T) {
	for _, test := range []struct {
		name  string
		may   bool
		loop  bool
		calls int
		log   string
	}{
		{"allowed", true, false, 2, ""},
		{"denied", false, false, 1, "may not invoke the destination"},
		{"loop", true, true, 17, "loop of functions"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service, pool, _ := newService(t, succeeds)
				var text strings.Builder
				service.Log = slog.New(slog.NewTextHandler(&text, nil))
				service.MaySend = func(from, to resolve.Target) bool { return test.may && from.Version.Number == "$LATEST" }
				target := changed(t, service, func(f *lambda.Function) {
					f.EventInvoke = map[string]*lambda.EventInvoke{"": {OnSuccess: pointer(f.ARN.String() + "2")}}
				})
				second := target.Function.Clone()
				second.ARN.Name += "2"
				second.EventInvoke = nil
				if test.loop {
					second.EventInvoke = map[string]*lambda.EventInvoke{"": {OnSuccess: pointer(target.Function.ARN.String())}}
				}
				put(t, service, second)
				runFor(t, service, invoke.Request{Target: target, RequestID: "id", Payload: []byte(`{"a":1}`)})
				if pool.count() != test.calls || !strings.Contains(text.String(), test.log) {
					t.Errorf("%d calls, want %d\n%s", pool.count(), test.calls, text.String())
				}
				if test.calls > 1 && !strings.HasPrefix(string(pool.calls[1].invocation.Payload), `{"version":"1.0",`) {
					t.Errorf("the destination got %s", pool.calls[1].invocation.Payload)
				}
			})
		})
	}
}
