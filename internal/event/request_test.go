package event_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/event"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

var (
	user = event.Caller{
		AccessKey: "AKIAIOSFODNN7EXAMPLE", AccountID: "111122223333", CallerID: "AIDACKCEVSQ6C2EXAMPLE",
		UserARN: "arn:aws:iam::111122223333:user/alice", UserID: "AIDACKCEVSQ6C2EXAMPLE",
	}
	role = event.Caller{
		AccessKey: "ASIAIOSFODNN7EXAMPLE", AccountID: "111122223333", CallerID: "AROACKCEVSQ6C2EXAMPLE:my-calling-function",
		UserARN: "arn:aws:sts::111122223333:assumed-role/calling-role/my-calling-function",
		UserID:  "AROACKCEVSQ6C2EXAMPLE:my-calling-function", PrincipalOrgID: "o-a1b2c3d4e5",
	}
)

// TestEvents makes the event for each raw request in testdata/event/NAME.http and compares it with NAME.json.
func TestEvents(t *testing.T) {
	for _, test := range []struct {
		name   string
		caller *event.Caller
		https  bool
	}{
		{name: "get"},
		{name: "get-signed-by-role", caller: &role, https: true},
		{name: "post-json-signed-by-user", caller: &user, https: true},
		{name: "authorization-without-iam"},
		{name: "query"},
		{name: "query-without-parameters"},
		{name: "path"},
		{name: "path-with-bad-escapes"},
		{name: "path-not-utf8"},
		{name: "cookies"},
		{name: "repeated-headers"},
		{name: "hop-by-hop"},
		{name: "forwarded-by-client"},
		{name: "trace-from-client"},
		{name: "tls-headers-forged"},
		{name: "body-empty"},
		{name: "body-form"},
		{name: "body-without-type"},
		{name: "body-plus-json"},
		{name: "body-text-utf8"},
		{name: "body-text-latin1"},
		{name: "body-chunked"},
		{name: "body-escapes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := readRequest(t, test.name)
			r.Caller = test.caller
			if test.https {
				r.HTTPS, r.Port, r.TLSVersion, r.TLSCipher = true, "443", "TLSv1.3", "TLS_AES_128_GCM_SHA256"
			}
			got := event.Append(nil, r)
			var indented bytes.Buffer
			if err := json.Indent(&indented, got, "", "  "); err != nil {
				t.Fatalf("not JSON: %v\n%s", err, got)
			}
			compare(t, filepath.Join("testdata", "event", test.name+".json"), indented.String()+"\n")
			decode(t, got)
		})
	}
}

// decode reads the event the way a Go function does.
func decode(t *testing.T, payload []byte) events.LambdaFunctionURLRequest {
	t.Helper()
	var decoded events.LambdaFunctionURLRequest
	if err := json.Unmarshal(payload, &decoded); err != nil {
		t.Fatalf("%v\n%.1000s", err, payload)
	}
	return decoded
}

// readRequest reads a raw request as a server would. Lines end in LF in the file.
func readRequest(t *testing.T, name string) *event.Request {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "event", name+".http"))
	if err != nil {
		t.Fatal(err)
	}
	target := strings.Fields(string(raw))[1]
	raw = bytes.Replace(raw, []byte(target), []byte("/"), 1) // net/http refuses to parse some that reach a function
	in, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(in.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &event.Request{
		Method: in.Method, Target: target, Proto: in.Proto, Host: in.Host, Header: in.Header, Body: body,
		SourceIP: "203.0.113.7", Port: "9000",
		URLID: "kuceaiz55k7soeki4u5oy4w6uy0ntbky", DomainName: "kuceaiz55k7soeki4u5oy4w6uy0ntbky.lambda-url.eu-central-1.on.aws",
		RequestID: "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", TraceID: "1-6a512cea-2f1b0c9d8e7f6a5b4c3d2e1f",
		Time: time.Date(2026, time.July, 10, 21, 19, 6, 123_456_789, time.FixedZone("CEST", 2*60*60)),
	}
}

func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v: run with -update to write it, and read what it wrote", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
}

// TestManyParameters: the time for a query must not grow with the square of its length.
func TestManyParameters(t *testing.T) {
	r := readRequest(t, "get")
	r.Target = "/?" + strings.Repeat("a&b&", 100_000)
	start := time.Now()
	decoded := decode(t, event.Append(nil, r))
	if got, want := len(decoded.QueryStringParameters["a"]), 99_999; got != want {
		t.Errorf("a has %d commas, want %d", got, want)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("200,000 parameters took %v", took)
	}
}

// TestLimitCountsTheEnvelope: a binary body of less than six megabytes makes a larger event.
func TestLimitCountsTheEnvelope(t *testing.T) {
	r := readRequest(t, "body-form")
	r.Body = make([]byte, event.MaxEvent*3/4)
	if got := len(event.Append(nil, r)); got <= event.MaxEvent {
		t.Errorf("event is %d bytes, want more than %d", got, event.MaxEvent)
	}
}

// FuzzAppend: whatever the request, the event is JSON from which the raw parts come back.
func FuzzAppend(f *testing.F) {
	f.Add("GET", "/book?page=5", "text/plain", "a=b; c", "X-Custom", "value", []byte("body"), true)
	f.Add("POST", "/%zz?a=%2&a=+&=&%ff=%fe", "application/octet-stream", ";;", "connection", "x-custom", []byte{0, 0xff}, false)
	f.Add("", "?%ff=1&%fe=2&%ff=3", "", "", "", "", []byte(nil), false)
	f.Add("P\x00T", "/\"\\\n\u2028", "TEXT/", "=", "Authorization", "\xff\x01", []byte("\xe2\x80"), true)
	f.Fuzz(func(t *testing.T, method, target, contentType, cookie, name, value string, body []byte, signed bool) {
		r := readRequest(t, "get")
		r.Method, r.Target, r.Body = method, target, body
		r.Header = http.Header{}
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Cookie", cookie)
		if name == http.CanonicalHeaderKey(strings.ToLower(name)) { // or else net/http would not have it
			r.Header.Add(name, value)
			r.Header.Add(name, value)
		}
		if signed {
			r.Caller = &role
		}
		payload := event.Append(nil, r)
		if !utf8.Valid(payload) {
			t.Fatalf("not UTF-8: %q", payload)
		}
		decoded := decode(t, payload)

		var members map[string]json.RawMessage
		if err := json.Unmarshal(payload, &members); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]int{"headers": len(decoded.Headers), "queryStringParameters": len(decoded.QueryStringParameters)} {
			got := 0
			if object, ok := members[name]; ok {
				for range event.Members(object) {
					got++
				}
			}
			if got != want {
				t.Errorf("%s has %d names, %d of them different", name, got, want)
			}
		}

		path, query, _ := strings.Cut(target, "?")
		if path == "" {
			path = "/"
		}
		if want := legible(path); decoded.RawPath != want {
			t.Errorf("rawPath = %q, want %q", decoded.RawPath, want)
		}
		if want := legible(query); decoded.RawQueryString != want {
			t.Errorf("rawQueryString = %q, want %q", decoded.RawQueryString, want)
		}
		got := []byte(decoded.Body)
		if decoded.IsBase64Encoded {
			var err error
			if got, err = base64.StdEncoding.DecodeString(decoded.Body); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got, body) {
			t.Errorf("body = %q, want %q", got, body)
		}
		if _, kept := decoded.Headers["authorization"]; kept && signed {
			t.Error("authorization reached the function")
		}
		if decoded.RequestContext.HTTP.SourceIP != r.SourceIP {
			t.Errorf("sourceIp = %q", decoded.RequestContext.HTTP.SourceIP)
		}
	})
}

// FuzzMake: what comes with an event is what a reader of the event finds in it.
func FuzzMake(f *testing.F) {
	f.Add("GET", "/book?page=5", "text/plain", "a=b; c", "X-Custom", "value", []byte("body"), true)
	f.Add("POST", "/%zz?a=%2", "application/json", ";;", "Connection", "x-custom", []byte("\xff\xed\xa0\x80"), false)
	f.Add("PUT", "?", "application/octet-stream", "", "X-A\xffÄ", "", []byte("{}"), true)
	f.Add("", "\xff\xff/a\\b", "", "\xfe", "X-\u0130", "\x7f\t\"\xe2\x80", []byte(nil), false)
	f.Fuzz(func(t *testing.T, method, target, contentType, cookie, name, value string, body []byte, signed bool) {
		r := readRequest(t, "get")
		r.Method, r.Target, r.Body = method, target, body
		r.Header = http.Header{name: {value, "second", value}, "X-None": {}}
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		if signed {
			r.Caller = &role
		}
		payload, read := event.Make(r)
		if want := event.Append(nil, r); string(payload) != string(want) {
			t.Errorf("event (-want +got):\n%s", cmp.Diff(string(want), string(payload)))
		}
		want, err := event.Read(payload)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, read()); diff != "" {
			t.Errorf("read (-want +got):\n%s", diff)
		}
	})
}

// legible is s as JSON can hold it, one U+FFFD for every byte that is not UTF-8.
func legible(s string) string { return string([]rune(s)) }

func BenchmarkAppend(b *testing.B) {
	header := http.Header{
		"Accept": {"*/*"}, "Accept-Encoding": {"gzip, deflate"}, "User-Agent": {"python-requests/2.32.3"},
		"Authorization": {strings.Repeat("x", 250)}, "X-Amz-Date": {"20260710T191906Z"},
		"X-Amz-Security-Token": {strings.Repeat("t", 400)}, "Content-Type": {"application/json"},
	}
	for _, benchmark := range []struct {
		name string
		body []byte
		kind string
	}{
		{"get", nil, ""},
		{"json-1KiB", bytes.Repeat([]byte(`{"key":"value"},`), 64), "application/json"},
		{"json-1MiB", bytes.Repeat([]byte(`{"key":"value"},`), 64<<10), "application/json"},
		{"binary-1MiB", make([]byte, 1<<20), "application/octet-stream"},
	} {
		b.Run(benchmark.name, func(b *testing.B) {
			header.Set("Content-Type", benchmark.kind)
			r := &event.Request{
				Method: "GET", Target: "/book?page=5", Proto: "HTTP/1.1", Host: "x.lambda-url.eu-central-1.on.aws",
				Header: header, Body: benchmark.body, SourceIP: "127.0.0.1", Port: "9000",
				URLID: "x", DomainName: "x.lambda-url.eu-central-1.on.aws", RequestID: "r", TraceID: "1-2-3", Caller: &role,
			}
			var buffer []byte
			b.ReportAllocs()
			b.SetBytes(int64(len(event.Append(nil, r))))
			for b.Loop() {
				buffer = event.Append(buffer[:0], r)
			}
		})
	}
}

// TestAppendAllocatesLittle holds the hot path to what it needs: nothing but the fields that must be made new.
func TestAppendAllocatesLittle(t *testing.T) {
	r := readRequest(t, "post-json-signed-by-user")
	r.Caller = &user
	buffer := event.Append(nil, r)
	if got := testing.AllocsPerRun(100, func() { buffer = event.Append(buffer[:0], r) }); got > 4 {
		t.Errorf("%v allocations for an event, want at most 4", got)
	}
}

// TestAppendAppends: what is in dst already stays.
func TestAppendAppends(t *testing.T) {
	r := readRequest(t, "get")
	alone := event.Append(nil, r)
	if got := event.Append([]byte("before"), r); !slices.Equal(got, append([]byte("before"), alone...)) {
		t.Errorf("got %q", got)
	}
}

// A Connection header is never signed. Added on the way, it must not take away what the caller signed.
func TestConnectionHidesNoSignedHeader(t *testing.T) {
	header := http.Header{"Connection": {"close, X-Role, x-free"}, "X-Role": {"reader"}, "X-Free": {"gone"}, "Keep-Alive": {"5"}}
	payload := event.Append(nil, &event.Request{
		Method: "GET", Target: "/", Header: header, Caller: &user, Signed: []string{"host", "keep-alive", "x-role"},
	})
	var seen struct{ Headers map[string]string }
	if err := json.Unmarshal(payload, &seen); err != nil {
		t.Fatal(err)
	}
	_, free := seen.Headers["x-free"]
	_, hop := seen.Headers["keep-alive"]
	if seen.Headers["x-role"] != "reader" || free || hop {
		t.Errorf("the function sees %v", seen.Headers)
	}
}

// TestCanonicalRequestStays: what furl call tells furl serve is not for the function.
func TestCanonicalRequestStays(t *testing.T) {
	payload := event.Append(nil, &event.Request{Method: "GET", Target: "/", Header: http.Header{"Furl-Canonical-Request": {"R0VU"}}})
	if strings.Contains(strings.ToLower(string(payload)), "canonical") {
		t.Errorf("the function sees %s", payload)
	}
}
