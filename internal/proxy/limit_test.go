package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/proxy"
)

// fake is a function URL that a test decides about, without a network.
type fake struct {
	answer func(n int, r *http.Request) (*http.Response, error)
	bodies []string // that it received
	at     []time.Time
}

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err = errors.Join(err, r.Body.Close()); err != nil {
			return nil, fmt.Errorf("%w: %w", furl.ErrBody, err)
		}
		body = string(text)
	}
	f.bodies, f.at = append(f.bodies, body), append(f.at, time.Now())
	return f.answer(len(f.bodies), r)
}

func response(status int, header ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("answer"))}
	for i := 0; i < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

// always is a function URL that answers with these statuses, and then with the last of them; 0 is no answer.
func always(statuses ...int) *fake {
	return &fake{answer: func(n int, r *http.Request) (*http.Response, error) {
		status := statuses[min(n, len(statuses))-1]
		if status == 0 {
			return nil, errors.New("connection refused")
		}
		resp := response(status)
		resp.Request = r
		return resp, nil
	}}
}

// limited is a proxy with one route that has the limits.
func limited(t *testing.T, f http.RoundTripper, limits proxy.Limits) *proxy.Proxy {
	t.Helper()
	p, err := proxy.New(proxy.Config{Routes: []proxy.Route{{Upstream: "https://function.example", Transport: f, Limits: limits}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ask sends a request to a proxy.
func ask(p http.Handler, method, body string, header ...string) *httptest.ResponseRecorder {
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, "/", content)
	r.Host = "localhost"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

func TestRetries(t *testing.T) {
	for name, test := range map[string]struct {
		method, body string
		header       []string
		statuses     []int
		retries      int
		status, sent int
	}{
		"off by default":               {"GET", "", nil, []int{503, 200}, 0, 503, 1},
		"one failure":                  {"GET", "", nil, []int{503, 200}, 2, 200, 2},
		"no answer":                    {"GET", "", nil, []int{0, 200}, 2, 200, 2},
		"a throttled function":         {"GET", "", nil, []int{429, 200}, 2, 200, 2},
		"a bad gateway, then a slow":   {"DELETE", "", nil, []int{502, 504, 200}, 2, 200, 3},
		"as often as may be":           {"GET", "", nil, []int{503}, 2, 503, 3},
		"an answer of the function":    {"GET", "", nil, []int{500, 200}, 2, 500, 1},
		"a refusal":                    {"GET", "", nil, []int{403, 200}, 2, 403, 1},
		"a POST":                       {"POST", "body", nil, []int{503, 200}, 2, 503, 1},
		"a POST that may be repeated":  {"POST", "body", []string{"Idempotency-Key", "1"}, []int{503, 200}, 2, 200, 2},
		"a PUT with its body":          {"PUT", "body", nil, []int{503, 0, 200}, 2, 200, 3},
		"a PUT with a large body":      {"PUT", strings.Repeat("x", 1<<20+1), nil, []int{503, 200}, 2, 503, 1},
		"a PUT of the largest to keep": {"PUT", strings.Repeat("x", 1<<20), nil, []int{503, 200}, 2, 200, 2},
		"a PATCH":                      {"PATCH", "body", nil, []int{503, 200}, 2, 503, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := always(test.statuses...)
				got := ask(limited(t, f, proxy.Limits{Retries: test.retries, RetryBudget: 1}), test.method, test.body, test.header...)
				if got.Code != test.status || len(f.bodies) != test.sent {
					t.Errorf("status %d after %d, want %d after %d", got.Code, len(f.bodies), test.status, test.sent)
				}
				for n, body := range f.bodies {
					if body != test.body {
						t.Errorf("attempt %d had a body of %d bytes", n, len(body))
					}
				}
			})
		})
	}
}

// A request whose body has no length is sent once.
func TestRetriesNeedALength(t *testing.T) {
	f := always(503)
	r := httptest.NewRequest(http.MethodPut, "/", io.MultiReader(strings.NewReader("body")))
	r.Host, r.ContentLength = "localhost", -1
	limited(t, f, proxy.Limits{Retries: 3, RetryBudget: 1}).ServeHTTP(httptest.NewRecorder(), r)
	if len(f.bodies) != 1 || f.bodies[0] != "body" {
		t.Errorf("sent %q", f.bodies)
	}
}

// The proxy waits longer each time, as long as the function URL asks for, and not at all if that is too long.
func TestRetriesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := always(503)
		ask(limited(t, f, proxy.Limits{Retries: 3, RetryBudget: 1}), http.MethodGet, "")
		bound := 50 * time.Millisecond
		for n := 1; n < len(f.at); n, bound = n+1, bound*2 {
			if waited := f.at[n].Sub(f.at[n-1]); waited < bound/2 || waited > bound {
				t.Errorf("retry %d came after %s, want %s to %s", n, waited, bound/2, bound)
			}
		}
	})
	for after, want := range map[string]time.Duration{"3": 3 * time.Second, "0": 0, "11": -1, "tomorrow": -1} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{answer: func(n int, r *http.Request) (*http.Response, error) {
				resp := response(503, "Retry-After", after)
				resp.Request = r
				return resp, nil
			}}
			ask(limited(t, f, proxy.Limits{Retries: 1, RetryBudget: 1}), http.MethodGet, "")
			if len(f.at) == 1 != (want < 0) || want >= 0 && f.at[1].Sub(f.at[0]) != want {
				t.Errorf("Retry-After: %s: sent at %v", after, f.at)
			}
		})
	}
}

// Retries stay a share of the requests: a function that is down gets few more requests than there are.
func TestRetryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := always(503)
		p := limited(t, f, proxy.Limits{Retries: 3, RetryBudget: 0.1})
		const requests, first = 200, 10
		for range requests {
			ask(p, http.MethodGet, "")
		}
		if most := requests + requests/10 + first; len(f.bodies) > most || len(f.bodies) < most-2 {
			t.Errorf("%d requests were sent %d times, want %d", requests, len(f.bodies), most)
		}
	})
}

func TestCircuitBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := 503
		f := &fake{}
		f.answer = func(_ int, r *http.Request) (*http.Response, error) {
			resp := response(status)
			resp.Request = r
			return resp, nil
		}
		p := limited(t, f, proxy.Limits{BreakerFailures: 3, BreakerTimeout: 10 * time.Second})
		expect := func(what string, want, sent int) {
			t.Helper()
			before := len(f.bodies)
			got := ask(p, http.MethodGet, "")
			if got.Code != want || len(f.bodies)-before != sent {
				t.Errorf("%s: status %d, sent %d; want %d, %d", what, got.Code, len(f.bodies)-before, want, sent)
			}
			if open := got.Header().Get("Furl-Proxy-Error") == "breaker"; open != (sent == 0) || open && got.Header().Get("Retry-After") == "" {
				t.Errorf("%s: headers %v", what, got.Header())
			}
		}
		expect("first failure", 503, 1)
		expect("second failure", 503, 1)
		status = 200
		expect("a success between", 200, 1)
		status = 502
		for range 3 {
			expect("failure in a row", 502, 1)
		}
		expect("open", 503, 0)
		time.Sleep(9 * time.Second)
		expect("still open", 503, 0)
		time.Sleep(time.Second)
		expect("a trial fails", 502, 1)
		expect("open again", 503, 0)
		time.Sleep(10 * time.Second)
		status = 404
		expect("a trial succeeds", 404, 1)
		status = 502
		expect("closed", 502, 1)
		expect("closed", 502, 1)
	})
}

// While a trial is on its way, other requests wait for its result. A trial whose client leaves is none.
func TestCircuitBreakerMakesOneTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wait chan struct{}
		f := &fake{}
		f.answer = func(_ int, r *http.Request) (*http.Response, error) {
			if wait == nil {
				return nil, errors.New("connection refused")
			}
			select {
			case <-wait:
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
			resp := response(200)
			resp.Request = r
			return resp, nil
		}
		p := limited(t, f, proxy.Limits{BreakerFailures: 1, BreakerTimeout: time.Second})
		ask(p, http.MethodGet, "")
		time.Sleep(time.Second)
		wait = make(chan struct{})
		ctx, leave := context.WithCancel(t.Context())
		trial := func(ctx context.Context) chan int {
			ended := make(chan int, 1)
			go func() {
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
				r.Host = "localhost"
				w := httptest.NewRecorder()
				p.ServeHTTP(w, r)
				ended <- w.Code
			}()
			synctest.Wait()
			return ended
		}
		first := trial(ctx)
		if got := ask(p, http.MethodGet, ""); got.Code != 503 || got.Header().Get("Furl-Proxy-Error") != "breaker" {
			t.Errorf("beside the trial: %d", got.Code)
		}
		leave()
		if status := <-first; status != 499 {
			t.Errorf("the trial of a client that left: %d", status)
		}
		second := trial(t.Context())
		close(wait)
		if status := <-second; status != 200 {
			t.Errorf("the next trial: %d", status)
		}
		if got := ask(p, http.MethodGet, ""); got.Code != 200 {
			t.Errorf("after the trial: %d", got.Code)
		}
	})
}

// What a client does wrong, or a function refuses, does not open a circuit breaker.
func TestCircuitBreakerCountsFailuresOnly(t *testing.T) {
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"refused":        func(*http.Request) (*http.Response, error) { return response(403), nil },
		"throttled":      func(*http.Request) (*http.Response, error) { return response(429), nil },
		"own error":      func(*http.Request) (*http.Response, error) { return response(500), nil },
		"bad request":    func(*http.Request) (*http.Response, error) { return nil, furl.ErrRequest },
		"no credentials": func(*http.Request) (*http.Response, error) { return nil, furl.ErrCredentials },
		"large body":     func(*http.Request) (*http.Response, error) { return nil, furl.ErrBodyTooLarge },
	} {
		f := &fake{answer: func(_ int, r *http.Request) (*http.Response, error) {
			resp, err := answer(r)
			if resp != nil {
				resp.Request = r
			}
			return resp, err
		}}
		p := limited(t, f, proxy.Limits{BreakerFailures: 1, BreakerTimeout: time.Hour})
		for range 3 {
			ask(p, http.MethodGet, "")
		}
		if len(f.bodies) != 3 {
			t.Errorf("%s: %d of 3 went on", name, len(f.bodies))
		}
	}
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := limited(t, always(200), proxy.Limits{Rate: 2, Burst: 3})
		passed := func(n int) (passed int, last *httptest.ResponseRecorder) {
			for range n {
				if last = ask(p, http.MethodGet, ""); last.Code == http.StatusOK {
					passed++
				}
			}
			return passed, last
		}
		got, last := passed(10)
		if got != 3 || last.Code != http.StatusTooManyRequests || last.Header().Get("Retry-After") != "1" || last.Header().Get("Furl-Proxy-Error") != "rate" {
			t.Errorf("%d of 10 at once passed, then %d %v", got, last.Code, last.Header())
		}
		time.Sleep(time.Second)
		if got, _ := passed(10); got != 2 {
			t.Errorf("%d passed after a second, want 2", got)
		}
		time.Sleep(time.Hour)
		if got, _ := passed(10); got != 3 {
			t.Errorf("%d passed after an hour, want 3", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p := limited(t, always(200), proxy.Limits{Rate: 0.1})
		ask(p, http.MethodGet, "")
		if got := ask(p, http.MethodGet, ""); got.Header().Get("Retry-After") != "10" {
			t.Errorf("one in ten seconds: %d %v", got.Code, got.Header())
		}
	})
}

// A function that does not answer in time is left; the time begins when the request has arrived.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(_ int, r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(5 * time.Second):
				resp := response(200)
				resp.Request = r
				return resp, nil
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}}
		if got := ask(limited(t, f, proxy.Limits{Timeout: 4 * time.Second}), http.MethodGet, ""); got.Code != http.StatusGatewayTimeout ||
			got.Header().Get("Furl-Proxy-Error") != "timeout" || !strings.Contains(got.Body.String(), "not answered in time") {
			t.Errorf("too late: %d %v %s", got.Code, got.Header(), got.Body)
		}
		if got := ask(limited(t, f, proxy.Limits{Timeout: 6 * time.Second}), http.MethodGet, ""); got.Code != http.StatusOK || got.Body.String() != "answer" {
			t.Errorf("in time: %d %s", got.Code, got.Body)
		}
		slow := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(pause(10*time.Second), bytes.NewReader([]byte("body"))))
		slow.Host = "localhost"
		w := httptest.NewRecorder()
		limited(t, f, proxy.Limits{Timeout: 6 * time.Second}).ServeHTTP(w, slow)
		if w.Code != http.StatusOK {
			t.Errorf("a body that took long to arrive: %d %s", w.Code, w.Body)
		}
	})
}

// pause is a reader that takes its time.
type pause time.Duration

func (p pause) Read([]byte) (int, error) {
	time.Sleep(time.Duration(p))
	return 0, io.EOF
}

// A response that pauses for too long ends, one that goes on does not, however long it takes.
func TestIdleTimeout(t *testing.T) {
	stream := func(pauses ...time.Duration) *fake {
		return &fake{answer: func(_ int, r *http.Request) (*http.Response, error) {
			resp := response(200)
			resp.Request, resp.ContentLength = r, -1
			resp.Body = &pausing{ctx: r.Context(), pauses: pauses}
			return resp, nil
		}}
	}
	synctest.Test(t, func(t *testing.T) {
		p := limited(t, stream(2*time.Second, 2*time.Second, 2*time.Second), proxy.Limits{IdleTimeout: 3 * time.Second, Timeout: time.Second})
		if got := ask(p, http.MethodGet, ""); got.Body.String() != "xxx" {
			t.Errorf("a response that goes on: %q", got.Body)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p := limited(t, stream(time.Second, time.Hour), proxy.Limits{IdleTimeout: 3 * time.Second})
		begin := time.Now()
		got := ask(p, http.MethodGet, "")
		if took := time.Since(begin); took != 4*time.Second || got.Body.String() != "x" {
			t.Errorf("a response that pauses: %q after %s", got.Body, took)
		}
	})
}

// pausing is a body with a byte after each pause.
type pausing struct {
	ctx    context.Context
	pauses []time.Duration
}

func (p *pausing) Read(b []byte) (int, error) {
	if len(p.pauses) == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(p.pauses[0]):
	case <-p.ctx.Done():
		return 0, p.ctx.Err()
	}
	p.pauses = p.pauses[1:]
	return copy(b, "x"), nil
}

func (p *pausing) Close() error { return nil }

// A route has room of its own, beside that of the proxy.
func TestConcurrencyOfARoute(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	f := &fake{answer: func(_ int, r *http.Request) (*http.Response, error) {
		close(begun)
		<-end
		resp := response(200)
		resp.Request = r
		return resp, nil
	}}
	p, err := proxy.New(proxy.Config{Routes: []proxy.Route{
		{Path: "/one", Upstream: "https://a.example", Transport: f, MaxConcurrent: 1},
		{Upstream: "https://b.example", Transport: always(200)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) int {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w.Code
	}
	first := make(chan int, 1)
	go func() { first <- get("/one") }()
	<-begun
	if status := get("/one"); status != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d", status)
	}
	if status := get("/two"); status != http.StatusOK {
		t.Errorf("another route: %d", status)
	}
	close(end)
	if status := <-first; status != http.StatusOK {
		t.Errorf("the first: %d", status)
	}
}
