//go:build unix

package runtime_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
)

// upstream is a function that is a web server of this test.
func (b *bench) upstream(handler http.HandlerFunc, changes ...func(*runtime.Function)) (*runtime.Function, *httptest.Server) {
	b.Helper()
	server := httptest.NewServer(handler)
	b.Cleanup(server.Close)
	changes = append([]func(*runtime.Function){func(fn *runtime.Function) {
		fn.Upstream, fn.CodeDir, fn.Credentials, fn.Concurrency = server.URL, "", nil, 4
	}}, changes...)
	return b.function("bootstrap", changes...), server
}

func TestUpstreamGetsTheRequest(t *testing.T) {
	b := newBench(t, confined)
	fn, _ := b.upstream(func(w http.ResponseWriter, r *http.Request) { serveWeb(w, r, 0) })
	s := b.see(fn, "POST", "/a%20b?x=1&x=2", []byte("text"), "Content-Type", "text/plain", "X-Own", "yes")
	if s.Method != "POST" || s.Target != "/a%20b?x=1&x=2" || s.Length != 4 || s.Host != "abc.lambda-url.eu-west-1.on.aws" {
		t.Errorf("%+v", s)
	}
	var context struct{ AccountID, RequestID string }
	if err := json.Unmarshal([]byte(strings.Join(s.Header["X-Amzn-Request-Context"], "")), &context); err != nil || context.RequestID != "web-1" {
		t.Errorf("x-amzn-request-context: %v", s.Header)
	}
	if strings.Join(s.Header["X-Own"], "") != "yes" {
		t.Errorf("the headers are %v", s.Header)
	}
	if log := b.log.String(); !strings.Contains(log, "START RequestId: web-1") || !strings.Contains(log, "REPORT RequestId: web-1") {
		t.Errorf("the log is\n%s", log)
	}
}

// Who the caller is says furl alone, also to an application that gets its headers as variables of CGI or WSGI, where
// X_Amzn_Request_Context and X-Amzn-Request-Context are one.
func TestUpstreamIsNotToldOfAnotherCaller(t *testing.T) {
	b := newBench(t, confined)
	fn, _ := b.upstream(func(w http.ResponseWriter, r *http.Request) { serveWeb(w, r, 0) })
	s := b.see(fn, "GET", "/", nil, "x-amzn-request-context", "forged", "x_amzn_request_context", "forged",
		"x-amzn_request-context", "forged", "x-amzn-lambda-context", "forged", "x_amzn_lambda_context", "forged", "x_own", "yes")
	var names []string
	for name, values := range s.Header {
		if values := strings.Join(values, ""); strings.Contains(values, "forged") {
			t.Errorf("%s: %s", name, values)
		}
		if strings.EqualFold(strings.ReplaceAll(name, "_", "-"), "x-amzn-request-context") {
			names = append(names, name)
		}
	}
	if len(names) != 1 {
		t.Errorf("%q say who the caller is", names)
	}
	if len(s.Header["X_own"]) == 0 {
		t.Errorf("a header of the caller's own is gone: %v", s.Header)
	}
}

// One server gets as many requests at one time as there are invocations.
func TestUpstreamTakesRequestsAtTheSameTime(t *testing.T) {
	const most = 12
	b := newBench(t)
	var arrived sync.WaitGroup
	arrived.Add(most)
	fn, _ := b.upstream(func(w http.ResponseWriter, _ *http.Request) {
		arrived.Done()
		arrived.Wait()                // each answer needs all the others
		io.WriteString(w, "together") //nolint:errcheck // the test sees it
	}, func(fn *runtime.Function) { fn.Concurrency = most })
	var calls sync.WaitGroup
	for range most {
		calls.Go(func() {
			if response, result := b.call(fn, "GET", "/", nil); response == nil || string(response.Body) != "together" {
				t.Errorf("%+v %+v", response, result)
			}
		})
	}
	calls.Wait()
}

func TestUpstreamKeepsReservedConcurrency(t *testing.T) {
	b := newBench(t)
	held, release := make(chan struct{}), make(chan struct{})
	fn, _ := b.upstream(func(http.ResponseWriter, *http.Request) {
		held <- struct{}{}
		<-release
	}, func(fn *runtime.Function) { fn.Concurrency = 1 })
	var first sync.WaitGroup
	first.Go(func() { b.call(fn, "GET", "/", nil) })
	<-held
	_, err := b.pool.Invoke(t.Context(), fn, runtime.Invocation{RequestID: "web-2", Payload: httpEvent("GET", "/", nil)})
	if !errors.Is(err, runtime.ErrReserved) {
		t.Errorf("a second request: %v", err)
	}
	close(release)
	first.Wait()
}

func TestUpstreamStreams(t *testing.T) {
	b := newBench(t)
	next := make(chan struct{})
	fn, _ := b.upstream(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 2 {
			fmt.Fprintf(w, "part %d\n", i)
			http.NewResponseController(w).Flush() //nolint:errcheck // the test sees it
			<-next
		}
	})
	result, err := b.pool.Invoke(t.Context(), fn, runtime.Invocation{
		RequestID: "web-2", Payload: httpEvent("GET", "/", nil), Stream: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	buffer, got := make([]byte, 4096), ""
	for !strings.Contains(got, "part 0\n") {
		n, err := result.Body.Read(buffer)
		if err != nil {
			t.Fatalf("%q, %v", got, err)
		}
		got += string(buffer[:n])
	}
	close(next)
	rest, err := io.ReadAll(result.Body)
	if all := got + string(rest); err != nil || !strings.HasSuffix(all, "part 0\npart 1\n") {
		t.Errorf("%q, %v", all, err)
	}
	if log := b.log.String(); strings.Contains(log, "AWS_LWA_") {
		t.Errorf("a remark about the adapter, which the function does not have:\n%s", log)
	}
}

// A server that is started again, such as by its own reloader, gets the calls that came meanwhile.
func TestUpstreamIsAwaited(t *testing.T) {
	b := newBench(t)
	host := "127.0.0.1"
	if goruntime.GOOS == "linux" {
		host = "127.9.8.7" // where no other test takes the port meanwhile
	}
	listener, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	fn := b.function("bootstrap", func(fn *runtime.Function) {
		fn.Upstream, fn.CodeDir, fn.Credentials, fn.Timeout = "http://"+address, "", nil, time.Minute
	})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "up") })} //nolint:errcheck,gosec // a test
	t.Cleanup(func() { server.Close() })
	time.AfterFunc(300*time.Millisecond, func() {
		again, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		go server.Serve(again) //nolint:errcheck // it is closed
	})
	if response, result := b.call(fn, "GET", "/", nil); response == nil || string(response.Body) != "up" {
		t.Errorf("%+v %+v\n%s", response, result, b.log)
	}
}

func TestUpstreamThatIsNotThere(t *testing.T) {
	b := newBench(t)
	const address = "http://127.0.0.1:1" // a port that no other test gets
	fn, _ := b.upstream(func(http.ResponseWriter, *http.Request) {}, func(fn *runtime.Function) { fn.Upstream = address })
	response, result := b.call(fn, "GET", "/", nil)
	if response != nil || result.FunctionError == nil {
		t.Fatalf("%+v", response)
	}
	want := "no web server listens at " + address
	if log := b.log.String(); !strings.Contains(log, want) {
		t.Errorf("the log is without %q\n%s", want, log)
	}
}

func TestUpstreamThatHangs(t *testing.T) {
	b := newBench(t)
	gone := make(chan struct{})
	fn, _ := b.upstream(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-r.Context().Done() // the connection is closed
			close(gone)
		}
	}, func(fn *runtime.Function) { fn.Timeout = time.Second })
	if _, result := b.call(fn, "GET", "/hang", nil); result.FunctionError == nil || result.FunctionError.Reason != runtime.ReasonTimeout {
		t.Errorf("%+v", result.FunctionError)
	}
	<-gone
	if response, result := b.call(fn, "GET", "/", nil); response == nil {
		t.Errorf("the next call: %+v", result.FunctionError)
	}
}

// A pool that ends does not wait for a server that is not its own.
func TestUpstreamAtTheEnd(t *testing.T) {
	b := newBench(t)
	fn, _ := b.upstream(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-r.Context().Done()
		}
	})
	b.call(fn, "GET", "/", nil)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if _, result := b.call(fn, "GET", "/hang", nil); result.FunctionError == nil || result.FunctionError.Reason != runtime.ReasonShutdown {
			t.Errorf("%+v", result.FunctionError)
		}
	})
	for !strings.Contains(b.log.String(), "REPORT") || strings.Count(b.log.String(), "START") < 2 {
		time.Sleep(time.Millisecond)
	}
	if err := b.pool.Close(); err != nil {
		t.Error(err)
	}
	waiting.Wait()
}
