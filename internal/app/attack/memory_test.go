//go:build unix

package attack_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/trace"
)

// alone runs a test again in a process of its own, and reports whether this is that process: the memory of the whole
// process is measured, and other tests leave things behind that go when they like.
func alone(t *testing.T) bool {
	t.Helper()
	const variable = "FURL_TEST_ALONE"
	if os.Getenv(variable) != "" {
		return true
	}
	cmd := exec.Command(testProgram(t), "-test.run=^"+t.Name()+"$", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), variable+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// maxOfTraces is what a thousand traces may cost, whatever the requests were.
const maxOfTraces = 16 * megabyte

// Calls of 5 MB, however they end, leave nothing of their bodies behind.
func TestMemoryOfAnswers(t *testing.T) {
	if !alone(t) {
		return
	}
	w := newWorld(t, bodiesWithin(10*time.Second))
	wrong := w.alice.wrong().signing("lambda")
	large := strings.Repeat("x", 5*megabyte)
	call := func(url, target string) request {
		return w.url(url, "POST", target, large).with("Content-Type: text/plain")
	}
	invocation := w.api("POST", "/2015-03-31/functions/target/invocations", `"`+large+`"`)
	alice, mallory := w.alice.signing("lambda"), w.mallory.signing("lambda")
	for _, test := range []struct {
		name   string
		status int
		make   func() request
	}{
		{"answers", 200, func() request { return call(w.openURL, "/") }},
		{"errors of the function", 502, func() request { return call(w.openURL, "/fail") }},
		{"signed calls", 200, func() request { return call(w.iamURL, "/").signed(alice) }},
		{"denied calls", 403, func() request { return call(w.iamURL, "/").signed(mallory) }},
		{"wrong signatures", 403, func() request { return call(w.iamURL, "/").signed(wrong) }},
		{"Invoke", 200, func() request { return invocation.signed(alice) }},
		{"Invoke, denied", 403, func() request { return invocation.signed(mallory) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			const calls = 3
			w.lambdaIsWarm(t)
			before := live()
			for range calls {
				a := w.send(t, test.make())
				if a.status != test.status {
					t.Fatalf("%d, %.300s", a.status, a.body)
				}
				w.mean(a)
			}
			// The last one may still be looked into.
			eventually(t, "nothing is left of the calls but small traces", func() bool {
				return live()-before <= megabyte+calls*maxOfTraces/trace.Kept
			})
		})
	}
}

// While functions run, the server holds nothing of the bodies that it has handed to them.
func TestMemoryOfRunningCalls(t *testing.T) {
	if !alone(t) {
		return
	}
	w := newWorld(t, bodiesWithin(10*time.Second))
	const calls = 4
	large := strings.Repeat("x", 5*megabyte)
	text := w.url(w.openURL, "POST", "/hold", large).with("Content-Type: text/plain").wire()
	invoked := w.api("POST", "/2015-03-31/functions/target/invocations", `{"rawPath":"/hold","body":"`+large+`"}`).
		signed(w.alice.signing("lambda")).wire()
	before := live()
	var all sync.WaitGroup
	for i := range calls {
		all.Go(func() {
			if i%2 == 1 {
				w.mean(exchange(t, w.address, "POST", invoked))
				return
			}
			w.mean(exchange(t, w.address, "POST", text))
		})
	}
	eventually(t, "all functions have their event", func() bool { return len(w.executed(t)) == calls })
	eventually(t, "the bodies are let go", func() bool { return live()-before < 8*megabyte })
	if err := os.WriteFile(w.ledger+".go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	all.Wait()
}

// While clients are slow to read, the server holds of each answer what it is writing, and no second copy.
func TestMemoryOfSlowReaders(t *testing.T) {
	if !alone(t) {
		return
	}
	w := newWorld(t, bodiesWithin(10*time.Second))
	const clients, size = 4, 5 * megabyte
	text := w.url(w.openURL, "POST", "/", strings.Repeat("x", size)).with("Content-Type: text/plain").wire()
	before := live()
	connections := make([]*connection, clients)
	for i := range connections {
		connections[i] = dial(t, w.address)
		go connections[i].write(text)
	}
	eventually(t, "all functions have run", func() bool { return len(w.executed(t)) == clients })
	for _, c := range connections {
		if _, err := c.reader.Peek(1); err != nil { // the answer has begun
			t.Fatal(err)
		}
	}
	eventually(t, "there is one copy of each answer", func() bool { return live()-before < clients*size+clients*megabyte })
	for _, c := range connections {
		a, err := c.read("POST")
		if err != nil || a.status != 200 {
			t.Fatalf("%d, %v", a.status, err)
		}
		w.mean(a)
	}
}

// A thousand traces of requests that fill them.
func TestMemoryOfTraces(t *testing.T) {
	if !alone(t) {
		return
	}
	w := newWorld(t, bodiesWithin(10*time.Second))
	name := strings.Repeat("n", 100)
	many := make([]string, 0, 12)
	for i := range 12 { // statements that deny, and some that nearly allow
		many = append(many, fmt.Sprintf(`{"Sid":"s%d%s","Effect":"Deny","Action":"lambda:*","Resource":"*"}`, i, name),
			fmt.Sprintf(`{"Sid":"a%d%s","Effect":"Allow","Action":"lambda:*","Resource":"arn:*:%s"}`, i, name, name))
	}
	denied := document(many...)
	nearly := strings.ReplaceAll(denied, `"Deny"`, `"Allow"`)
	nearly = strings.ReplaceAll(nearly, `"Resource":"*"`, `"Resource":"arn:aws:lambda:*:*:function:x"`)
	w.rootA.iam(t, "CreateUser", "UserName", "denied")
	w.rootA.iam(t, "CreateUser", "UserName", "nearly")
	for i := range 5 {
		for user, document := range map[string]string{"denied": denied, "nearly": nearly} {
			arn := fmt.Sprintf("arn:aws:iam::%s:policy/%s%s%d", accountA, name, user, i)
			w.rootA.iam(t, "CreatePolicy", "PolicyName", fmt.Sprintf("%s%s%d", name, user, i), "PolicyDocument", document)
			w.rootA.iam(t, "AttachUserPolicy", "UserName", user, "PolicyArn", arn)
		}
	}
	deniedKey, nearlyKey := w.rootA.createKey(t, "denied"), w.rootA.createKey(t, "nearly")
	wrong := w.alice.wrong().signing("lambda")
	byMallory := w.mallory.signing("lambda")
	long, header := "/"+strings.Repeat("t", 3000), strings.Repeat("x", 100<<10)
	get := func(target string) request { return w.url(w.iamURL, "GET", target, "") }
	for _, test := range []struct {
		name  string
		count int // of a thousand
		make  func() request
	}{
		{"wrong signatures", 1000, func() request {
			r := get(long)
			for i := range 60 {
				r = r.with(fmt.Sprintf("X-Amz-%d: %s", i, strings.Repeat("v", 500)))
			}
			return r.signed(wrong)
		}},
		{"denied calls", 1000, func() request { return get(long).signed(deniedKey.signing("lambda")) }},
		{"nearly allowed calls", 1000, func() request { return get(long).signed(nearlyKey.signing("lambda")) }},
		{"warnings", 200, func() request {
			r := get(long).signed(byMallory)
			for i := range 500 {
				r = r.with(fmt.Sprintf("X-Amz-%d-%s: v", i, strings.Repeat("h", 100)))
			}
			return r
		}},
		{"long headers", 200, func() request { return get("/").with("X-A: " + header).signed(byMallory) }},
		{"long methods", 200, func() request { return w.url(w.iamURL, header, "/short", "") }},
		{"long hosts", 200, func() request { r := get("/"); r.host = header; return r }},
		{"long absolute targets", 200, func() request {
			return get("http://" + strings.Repeat("a", 32) + ".lambda-url." + region + ".localhost/" + header[:60<<10])
		}},
		{"long query of an API", 200, func() request {
			return w.api("GET", "/2015-03-31/functions?x="+header[:60<<10], "").signed(byMallory)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			// The store of exchanges is full of such requests from the beginning, and the traces are the smallest: those of no
			// function URL.
			w.refused(t, trace.KeptExchanges, test.make)
			w.refused(t, trace.Kept, func() request { return w.url(strings.Repeat("a", 32), "GET", "/", "") })
			before := live()
			w.refused(t, test.count, test.make)
			most, used := int64(test.count)*maxOfTraces/trace.Kept, int64(0)
			defer func() { t.Logf("%d bytes for each", used/int64(test.count)) }()
			eventually(t, "the last one has been looked into", func() bool { used = live() - before; return used <= most })
		})
	}
}

// refused sends requests that are all refused.
func (w *world) refused(t *testing.T, count int, makeOne func() request) {
	t.Helper()
	c := dial(t, w.address)
	for range count {
		r := makeOne()
		go c.write(r.wire())
		a, err := c.read(r.method)
		if err != nil || a.status != 403 {
			t.Fatalf("%v, %v", a, err)
		}
		if a.close {
			c.Close()
			c = dial(t, w.address)
		}
		c.SetDeadline(time.Now().Add(patience)) //nolint:errcheck // a connection that is closed fails at once
	}
}

// lambdaIsWarm has both functions have an environment, which counts for what comes after.
func (w *world) lambdaIsWarm(t *testing.T) {
	t.Helper()
	w.ran(t, w.unsigned.call(t, w.openURL))
	w.ran(t, w.alice.call(t, w.iamURL))
}

// live is the memory that is in use, in bytes, once the garbage is gone.
func live() int64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools let go
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// The memory of the whole process is measured: these tests do not run in parallel to others.

// Many large bodies of clients that nobody knows.
func TestMemoryOfBodies(t *testing.T) { // MinIO CVE-2018-1000538
	const room, clients = 16, 12
	w := newWorld(t, bodiesWithin(4*time.Second), func(c *app.Config) { c.BodyRoom = room })
	body := bytes.Repeat([]byte("x"), 6*megabyte-1)
	unknown := signing{key: key{"AKIAIOSFODNN7EXAMPLE", "secret", ""}, service: "lambda", region: region}
	wrong := w.alice.wrong().signing("lambda")
	for _, test := range []struct {
		name string
		r    request
		size int
		most int64 // MB
	}{
		{"unknown keys to a function URL", w.url(w.iamURL, "POST", "/", "").signed(unknown).with("Content-Length: 6291456"),
			len(body), 2 * room},
		{"wrong signatures to a function URL", w.url(w.iamURL, "POST", "/", "").signed(wrong).with("Content-Length: 6291456"),
			len(body), 2 * room},
		{"an open function URL", w.url(w.openURL, "POST", "/", "").with("Content-Length: 6291456"), len(body), 2 * room},
		{"chunks without end", w.url(w.openURL, "POST", "/", "600000\r\n").with("Transfer-Encoding: chunked"), len(body),
			2 * room},
		{"claims of packages", w.api("POST", "/2015-03-31/functions", "").signed(unknown).with("Content-Length: 70000000"),
			megabyte, 100}, // one of them finds room
	} {
		t.Run(test.name, func(t *testing.T) {
			before := live()
			test.r.framed = true
			connections := make([]*connection, clients)
			for i := range connections {
				connections[i] = dial(t, w.address)
				go func(c *connection) {
					c.write(test.r.wire())
					c.Write(body[:test.size]) //nolint:errcheck // the server may have closed already
				}(connections[i])
			}
			time.Sleep(300 * time.Millisecond)
			if used := live() - before; used > test.most*megabyte {
				t.Errorf("%d clients have the server hold %d MB", clients, used/megabyte)
			}
			// Who sends nothing in this time is a small one, and is served.
			w.ran(t, w.alice.post(t, w.iamURL, "/", "hello"))
			for _, c := range connections {
				c.Close()
			}
			eventually(t, "the memory is free again", func() bool { return live()-before < 20*megabyte })
		})
	}
	// The room is free again, too.
	large := strings.Repeat("x", 3*megabyte)
	w.ran(t, w.alice.post(t, w.iamURL, "/", large))
}

// Requests that each have something new to remember.
func TestMemoryOfRefusals(t *testing.T) {
	w := newWorld(t)
	c := dial(t, w.address)
	for _, test := range []struct {
		name   string
		status int
		count  int
		make   func(i int) request
	}{
		{"regions", 403, 300, func(i int) request {
			s := w.alice.signing("lambda")
			s.region = fmt.Sprintf("eu-%d-%s", i, strings.Repeat("x", 9000))
			return w.api("GET", "/2015-03-31/functions", "").signed(s)
		}},
		{"regions of a header too long", 400, 40, func(i int) request {
			return w.api("GET", "/",
				"").with(fmt.Sprintf("Authorization: AWS4-HMAC-SHA256 Credential=A/20260101/%d%s/lambda/aws4_request", i,
				strings.Repeat("x", 300_000)))
		}},
		{"keys", 403, 300, func(i int) request {
			s := signing{key: key{fmt.Sprintf("AKIA%016d%s", i, strings.Repeat("X", 9000)), "secret", ""}, service: "lambda",
				region: region}
			return w.url(w.iamURL, "GET", "/", "").signed(s)
		}},
		{"targets of function URLs that are none", 403, 40, func(i int) request {
			return w.url(strings.Repeat("a", 32), "GET", fmt.Sprintf("/%d/%s", i, strings.Repeat("x", 300_000)), "")
		}},
		{"absolute targets", 400, 40, func(i int) request {
			r := w.api("GET", "", "")
			r.target = fmt.Sprintf("http://%s/%d/%s", w.address, i, strings.Repeat("x", 300_000))
			return r
		}},
		{"canonical requests", 403, 40, func(i int) request {
			s := w.alice.wrong().signing("lambda")
			return w.url(w.iamURL, "GET", fmt.Sprintf("/?%d=%s", i, strings.Repeat("=", 60_000)), "").signed(s)
		}},
		{"headers", 403, 40, func(i int) request {
			return w.mallory.signs(w.url(w.iamURL, "GET", "/", "").with(fmt.Sprintf("X-%d: %s", i, strings.Repeat("x", 300_000)),
				"User-Agent: "+strings.Repeat("y", 90_000)))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := live()
			for i := range test.count {
				r := test.make(i)
				go c.write(r.wire())
				a, err := c.read(r.method)
				if err != nil || a.status != test.status {
					t.Fatalf("%v, %v", a, err)
				}
				if a.close {
					c = dial(t, w.address)
				}
				if i%50 == 0 {
					c.SetDeadline(time.Now().Add(patience)) //nolint:errcheck // a connection that is closed fails at once
				}
			}
			if used := live() - before; used > 8*megabyte {
				t.Errorf("%d requests left %d MB behind", test.count, used/megabyte)
			}
		})
	}
}

// Many clients that begin a request and do not go on.
func TestMemoryOfHalves(t *testing.T) {
	w := newWorld(t)
	routines := runtime.NumGoroutine()
	const clients = 200
	for name, text := range map[string]string{
		"nothing":       "",
		"half a line":   "GET / HT",
		"half a header": "GET / HTTP/1.1\r\nHost: " + w.address + "\r\nX-A: " + strings.Repeat("a", 4000),
		"headers only":  "POST / HTTP/1.1\r\nHost: " + w.address + "\r\nContent-Length: 100\r\n\r\n",
		"half a body":   w.alice.signs(w.url(w.iamURL, "POST", "/", "")).with("Content-Length: 100").wire() + "hello",
		"half a chunk": w.alice.signs(w.url(w.iamURL, "POST", "/",
			"")).with("Transfer-Encoding: chunked").wire() + "ff\r\nhello",
		"asks to go on": w.alice.signs(w.url(w.iamURL, "POST", "/", "")).with("Content-Length: 100",
			"Expect: 100-continue").wire(),
		"a whole answer": "GET /_furl/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			before := live()
			connections := make([]net.Conn, clients)
			for i := range connections {
				c, err := net.DialTimeout("tcp", w.address, patience)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				connections[i] = c
				io.WriteString(c, text) //nolint:errcheck // the server may have closed already
			}
			time.Sleep(100 * time.Millisecond)
			if used := live() - before; used > 40*megabyte {
				t.Errorf("%d clients have the server hold %d MB", clients, used/megabyte)
			}
			if a := w.unsigned.ask(t, "GET", "/_furl/health", ""); a.status != 200 {
				t.Errorf("others are not served: %v", a)
			}
		})
	}
	eventually(t, "the connections' goroutines end", func() bool { return runtime.NumGoroutine() < routines+40 })
}

const megabyte = 1 << 20
