//go:build unix

package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/runtime"
)

const integrationType = "application/vnd.awslambda.http-integration-response"

// stream begins a streamed invocation.
func (b *bench) stream(fn *runtime.Function, payload string) *runtime.Result {
	b.Helper()
	result, err := b.pool.Invoke(b.Context(), fn, runtime.Invocation{RequestID: "stream-1", Payload: []byte(payload), Stream: true})
	if err != nil {
		b.Fatal(err)
	}
	if result.FunctionError != nil {
		b.Fatalf("FunctionError = %s", result.FunctionError.Payload)
	}
	return result
}

func TestStreamIsNotDelayed(t *testing.T) {
	for _, row := range []struct{ name, program, runtime, dir, handler, payload string }{
		{"go", "", "", "", "main", `{"do":"stream","text":"first second","ms":700}`},
		{"node", "node", "nodejs20.x", "node", "stream.handler", `{"do":"words","words":["first","second"],"pause":700}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			fn := b.function(row.handler)
			if row.program != "" {
				needs(t, row.program)
				fn = b.interpreted(row.runtime, row.dir, row.handler)
			}
			result := b.stream(fn, row.payload)
			defer result.Body.Close()
			begin := time.Now()
			buffer := make([]byte, 64)
			n, err := result.Body.Read(buffer)
			if err != nil || string(buffer[:n]) != "first " {
				t.Fatalf("first read: %q, %v", buffer[:n], err)
			}
			if waited := time.Since(begin); waited > 500*time.Millisecond {
				t.Errorf("the first bytes came after %v, as late as the second ones", waited)
			}
			rest, err := io.ReadAll(result.Body)
			if err != nil || string(rest) != "second " {
				t.Errorf("rest: %q, %v", rest, err)
			}
			if failed := result.StreamError(); failed != nil {
				t.Errorf("StreamError = %v", failed)
			}
		})
	}
}

func TestLongStreams(t *testing.T) {
	b := newBench(t)
	result := b.stream(b.function("main"), `{"do":"stream","n":20000000}`)
	if n, err := io.Copy(io.Discard, result.Body); n != 20_000_000 || err != nil {
		t.Errorf("go: %d bytes, %v", n, err)
	}
	needs(t, "node")
	result = b.stream(b.interpreted("nodejs20.x", "node", "stream.handler"), `{"do":"many","blocks":320}`)
	if n, err := io.Copy(io.Discard, result.Body); n != 320*64*1024 || err != nil {
		t.Errorf("node: %d bytes, %v", n, err)
	}
}

// Recorded from AWS (radkawar/stackd, streaming.json, over_200_mib_streaming): of 201 MiB a caller gets 200 MiB and a byte,
// and no error.
func TestStreamLimit(t *testing.T) {
	b := newBench(t)
	result := b.stream(b.function("main"), `{"do":"stream","n":210763776}`)
	n, err := io.Copy(io.Discard, result.Body)
	if n != runtime.MaxStreamedResponse+1 || err != nil {
		t.Errorf("%d bytes, %v; want %d", n, err, runtime.MaxStreamedResponse+1)
	}
	if failed := result.StreamError(); failed == nil || failed.Reason != runtime.ReasonTooLarge {
		t.Errorf("StreamError = %+v", failed)
	}
}

// A function that does not stream may not send more to a streaming caller than to any other.
func TestBufferedFunctionInAStreamedInvocation(t *testing.T) {
	b := newBench(t)
	fn := b.function("raw")
	result := b.stream(fn, `[{"Path":"invocation/{id}/response","Body":"{\"statusCode\":200}"}]`)
	if body, err := result.ReadAll(0); err != nil || string(body) != `{"statusCode":200}` || result.ResponseMode != runtime.ModeBuffered {
		t.Errorf("%q (%s), %v", body, result.ResponseMode, err)
	}
	_, tooLarge, _ := b.invoke(fn, []step{{Path: respond, Body: strings.Repeat("x", runtime.MaxBufferedResponse+1)}})
	if tooLarge.FunctionError == nil || tooLarge.FunctionError.Reason != runtime.ReasonTooLarge {
		t.Errorf("FunctionError = %+v", tooLarge.FunctionError)
	}
}

// A function that streams answers a caller that does not take streams with everything at once.
func TestStreamingFunctionInABufferedInvocation(t *testing.T) {
	needs(t, "node")
	b := newBench(t)
	fn := b.interpreted("nodejs20.x", "node", "stream.handler")
	for _, row := range []struct {
		event             object
		contentType, body string
	}{
		{object{"do": "words", "words": []string{"a", "b"}}, "text/plain", "a b "},
		{object{"do": "prelude"}, integrationType,
			`{"statusCode":418,"headers":{"X-Kind":"teapot"},"cookies":["a=b"]}` + "\x00\x00\x00\x00\x00\x00\x00\x00short and stout"},
		{object{"do": "empty"}, integrationType, ""},
		{object{"do": "objects"}, "application/octet-stream", `{"a":1}`},
		{object{"do": "pipeline"}, "application/octet-stream", "piped text"},
	} {
		body, result, _ := b.invoke(fn, row.event)
		if result.FunctionError != nil || body != row.body || result.ContentType != row.contentType || result.ResponseMode != runtime.ModeStreaming {
			t.Errorf("%v: %q (%s, %s), want %q (%s)", row.event, body, result.ContentType, result.ResponseMode, row.body, row.contentType)
		}
	}
}

// Recorded from AWS (radkawar/stackd, streaming.json): whatever a function does that has begun to stream, even if it has not
// sent a byte, what it has sent is its answer, without an error, in an invocation that takes no stream, too.
func TestBrokenStreamInABufferedInvocation(t *testing.T) {
	node := func(b *bench) *runtime.Function {
		needs(b, "node")
		return b.interpreted("nodejs20.x", "node", "stream.handler")
	}
	sync := func(b *bench) *runtime.Function {
		needs(b, "node")
		return b.interpreted("nodejs20.x", "node", "stream.sync")
	}
	main := func(b *bench) *runtime.Function { return b.function("main", within(2*time.Second)) }
	for _, row := range []struct {
		name   string
		fn     func(*bench) *runtime.Function
		event  any
		body   string
		reason runtime.Reason
		typ    string
	}{
		{"ordinary_throw_after", node, object{"do": "torn"}, "half a ", runtime.ReasonError, "RangeError"},
		{"ordinary_throw_before", node, object{"do": "torn-at-once"}, "", runtime.ReasonError, "RangeError"},
		{"a misuse of the stream", node, object{"do": "late-type"}, "x", runtime.ReasonError, "Runtime.InvalidStreamingOperation"},
		{"a handler that is not async", sync, nil, "x", runtime.ReasonError, "Error"},
		{"explicit_trailer_ordinary", main, order{Do: "stream", Text: "half a", N: -1}, "half a ", runtime.ReasonError, "errorString"},
		{"timeout_after_ordinary", main, order{Do: "stream", Text: "half a", Ms: 60000}, "half ", runtime.ReasonTimeout, "Sandbox.Timedout"},
		{"an exit (assumed)", main, order{Do: "stream-and-exit", Text: "half a"}, "half ", runtime.ReasonExit, "Runtime.ExitError"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			body, result, _ := b.invoke(row.fn(b), row.event)
			if body != row.body || result.FunctionError != nil || result.ResponseMode != runtime.ModeStreaming {
				t.Errorf("%q (%s), %+v; want %q and no error", body, result.ResponseMode, result.FunctionError, row.body)
			}
			if failed := result.StreamError(); failed == nil || failed.Reason != row.reason || failed.Type != row.typ {
				t.Errorf("StreamError = %+v", failed)
			}
		})
	}
	b := newBench(t)
	_, result, _ := b.invoke(b.function("main"), order{Do: "stream", N: runtime.MaxBufferedResponse + 1})
	if failed := result.FunctionError; failed == nil || failed.Reason != runtime.ReasonTooLarge { // seven_mib_ordinary
		t.Errorf("a response that is too large: %+v", failed)
	}
}

func TestErrorInTheMiddleOfAStream(t *testing.T) {
	for _, row := range []struct{ name, program, handler, payload, typ, message string }{
		{"go", "", "main", `{"do":"stream","text":"half a","n":-1}`, "errorString", "torn"},
		{"node", "node", "stream.handler", `{"do":"torn"}`, "RangeError", "torn"},
		{"node pipeline", "node", "stream.handler", `{"do":"torn-pipeline"}`, "RangeError", "torn source"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			fn := b.function(row.handler)
			if row.program != "" {
				needs(t, row.program)
				fn = b.interpreted("nodejs20.x", "node", row.handler)
			}
			for range 2 { // the second time the same environment
				result := b.stream(fn, row.payload)
				body, err := io.ReadAll(result.Body)
				if err != nil || string(body) != "half a " {
					t.Errorf("body = %q, %v", body, err)
				}
				failed := result.StreamError()
				if failed == nil || failed.Reason != runtime.ReasonError || failed.Type != row.typ || parseError(t, string(failed.Payload)).ErrorMessage != row.message {
					t.Errorf("StreamError = %+v", failed)
				}
				b.await(1)
			}
		})
	}
}

func TestStreamCutOff(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		event  string
		reason runtime.Reason
	}{
		{"timeout", `{"do":"stream","text":"half a","ms":60000}`, runtime.ReasonTimeout},
		{"exit", `{"do":"stream-and-exit","text":"half a"}`, runtime.ReasonExit},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			result := b.stream(b.function("main", within(500*time.Millisecond)), row.event)
			body, err := io.ReadAll(result.Body)
			if err != nil || string(body) != "half " { // as at AWS
				t.Errorf("body = %q, %v", body, err)
			}
			if failed := result.StreamError(); failed == nil || failed.Reason != row.reason {
				t.Errorf("StreamError = %+v, want reason %s", failed, row.reason)
			}
			if _, err := result.Body.Read(make([]byte, 1)); err == nil {
				t.Error("a read after the end succeeds")
			}
		})
	}
}

func TestReaderSlowsDownTheFunction(t *testing.T) {
	b := newBench(t)
	fn := b.function("main")
	result := b.stream(fn, `{"do":"stream","n":60000000}`)
	time.Sleep(300 * time.Millisecond)
	if all, idle := b.pool.Environments(); all != 1 || idle != 0 {
		t.Errorf("60 MB were taken in without a reader (%d environments, %d idle)", all, idle)
	}
	if n, err := io.Copy(io.Discard, result.Body); n != 60_000_000 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestReaderThatLeavesDoesNotStopTheFunction(t *testing.T) {
	b := newBench(t)
	fn := b.function("main")
	result := b.stream(fn, `{"do":"stream","text":"a b c d","ms":50,"n":30000000}`)
	if _, err := io.ReadFull(result.Body, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	result.Body.Close()
	if _, err := result.Body.Read(make([]byte, 1)); err == nil {
		t.Error("read of a closed body succeeds")
	}
	if report := result.Report(); report.Duration < 200*time.Millisecond {
		t.Errorf("it ran for %v only", report.Duration)
	}
	if log := b.log.String(); strings.Contains(log, "Status:") || !strings.Contains(log, "wrote all of it") {
		t.Errorf("log:\n%s", log)
	}
	if _, again, _ := b.invoke(fn, order{Do: "echo"}); again.ColdStart {
		t.Error("the environment was not used again")
	}
}

func TestReadAllLimit(t *testing.T) {
	b := newBench(t)
	fn := b.function("main")
	for _, stream := range []bool{false, true} {
		result, err := b.pool.Invoke(t.Context(), fn, runtime.Invocation{RequestID: "id", Payload: []byte(`{"do":"big","n":1000}`), Stream: stream})
		if err != nil {
			t.Fatal(err)
		}
		body, err := result.ReadAll(999)
		if err != nil || result.FunctionError == nil || result.FunctionError.Reason != runtime.ReasonTooLarge || !strings.Contains(string(body), "(999 bytes)") {
			t.Errorf("stream %t: %s (%+v), %v", stream, body, result.FunctionError, err)
		}
	}
}

func TestCallerThatLeavesBeforeTheStreamBegins(t *testing.T) {
	b := newBench(t)
	fn := b.function("main")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := b.pool.Invoke(ctx, fn, runtime.Invocation{RequestID: "left", Payload: []byte(`{"do":"echo","ms":300}`), Stream: true})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("err = %v", err)
	}
	b.await(1)
}

// The end of a stream frees the environment for the next call.
func TestOneEnvironmentServesOneClientsStreams(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", limit(1))
	for range 200 {
		if body, err := b.stream(fn, `{"do":"stream","text":"x"}`).ReadAll(0); err != nil || string(body) != "x " {
			t.Fatalf("%q, %v", body, err)
		}
	}
}

// The figures are those of Lambda's emulator: 6 MiB at once, then 2 MiB a second in parts of an eighth of a second.
func TestBandwidth(t *testing.T) {
	const all = 1 << 30
	start := time.Unix(1_800_000_000, 0)
	pace := runtime.NewBandwidth(2<<20, start)
	for _, step := range []struct {
		after    time.Duration // since the start
		n, taken int
		unused   int // of what was taken
		wait     time.Duration
	}{
		{0, 1000, 1000, 1000, 0},
		{0, all, 6 << 20, 0, 0},
		{0, all, 0, 0, 125 * time.Millisecond},
		{100 * time.Millisecond, all, 0, 0, 25 * time.Millisecond},
		{125 * time.Millisecond, 1000, 1000, 0, 0},
		{125 * time.Millisecond, all, 256<<10 - 1000, 0, 0},
		{130 * time.Millisecond, all, 0, 0, 120 * time.Millisecond},
		{time.Second, all, 7 * 256 << 10, 256 << 10, 0},
		{time.Second, all, 256 << 10, 0, 0},
		{time.Minute, all, 6 << 20, 0, 0}, // no more is saved up than there was at the start
	} {
		taken, wait := pace.Take(step.n, start.Add(step.after))
		if taken != step.taken || wait != step.wait {
			t.Errorf("after %v: %d bytes, then %v; want %d, %v", step.after, taken, wait, step.taken, step.wait)
		}
		pace.GiveBack(step.unused)
	}
}

func TestStreamBandwidth(t *testing.T) {
	const free, more = 6 << 20, 64 << 10
	b := newBench(t, func(c *runtime.Config) { c.StreamBandwidth = 128 << 10 })
	begin := time.Now()
	result := b.stream(b.function("main"), fmt.Sprintf(`{"do":"stream","n":%d}`, free+more))
	n, err := io.Copy(io.Discard, result.Body)
	if took := time.Since(begin); n != free+more || err != nil || took < 3*time.Second/8 {
		t.Errorf("%d bytes, %v, within %v; want at least three eighths of a second", n, err, took)
	}
	// A reader that leaves waits for nothing, and neither does the function.
	result = b.stream(b.function("main"), fmt.Sprintf(`{"do":"stream","n":%d}`, 100<<20))
	if _, err := io.CopyN(io.Discard, result.Body, free); err != nil {
		t.Fatal(err)
	}
	result.Body.Close()
	if report := result.Report(); report.Duration > 30*time.Second {
		t.Errorf("the function ran for %v", report.Duration)
	}
	// Nobody waits for what is not streamed.
	if _, whole, _ := b.invoke(b.function("main"), order{Do: "big", N: free}); whole.FunctionError != nil {
		t.Errorf("a whole answer: %+v", whole.FunctionError)
	}
}

// pieces are what a body yields, one for each Read, after a while.
type pieces []struct {
	after time.Duration
	size  int
}

func (p *pieces) Read(buffer []byte) (int, error) {
	if len(*p) == 0 {
		return 0, io.EOF
	}
	next := (*p)[0]
	*p = (*p)[1:]
	time.Sleep(next.after)
	return min(next.size, len(buffer)), nil
}

// A small piece goes out at once and a large one within a millisecond, with those that have come by then.
func TestRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const all = 32 << 10
		start := time.Now()
		var got []string
		note := func(what string) { got = append(got, fmt.Sprintf("%v %s", time.Since(start), what)) }
		sending, reading := runtime.Relay(
			&pieces{{0, 5}, {0, all}, {0, all}, {10 * time.Millisecond, all}, {0, 7}, {10 * time.Millisecond, all}},
			func(piece []byte) error { note(fmt.Sprint(len(piece))); return nil },
			func() error { note("flushed"); return nil },
		)
		time.Sleep(time.Second) // nothing is flushed after the end
		want := []string{"0s 5", "0s flushed", "0s 32768", "0s 32768", "1ms flushed", "10ms 32768", "10ms 7", "10ms flushed", "20ms 32768"}
		if diff := cmp.Diff(want, got); diff != "" || sending != nil || reading != nil {
			t.Errorf("%v, %v, %s", sending, reading, diff)
		}
	})
}

func TestRelayEndsWithAnError(t *testing.T) {
	fails, nothing := errors.New("gone"), func() error { return nil }
	fine := func([]byte) error { return nil }
	for _, row := range []struct {
		body             io.Reader
		send             func([]byte) error
		flush            func() error
		sending, reading error
	}{
		{strings.NewReader("x"), func([]byte) error { return fails }, nothing, fails, nil},
		{strings.NewReader("x"), fine, func() error { return fails }, fails, nil},
		{io.MultiReader(strings.NewReader("x"), iotest.ErrReader(fails)), fine, nothing, nil, fails},
		{strings.NewReader(""), fine, func() error { return fails }, nil, nil},
	} {
		if sending, reading := runtime.Relay(row.body, row.send, row.flush); sending != row.sending || reading != row.reading { //nolint:errorlint // the very same
			t.Errorf("%v, %v; want %v, %v", sending, reading, row.sending, row.reading)
		}
	}
}
