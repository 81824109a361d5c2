package diagnose_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// client signs a request with the package's own signer, and damages it afterwards.
type client struct {
	name                 string
	method, target, body string // signed
	header               http.Header
	credentials          sigv4.Credentials
	link                 bool           // presigned, for five minutes
	kind                 sigv4.Kind     // of the refusal; 0: InvalidSignature
	damage               func(*arrival) // what happens to it on the way
	want, and            diagnose.Fault
	says                 string // a piece of the explanation
	unproven             bool
}

// arrival is a request as it arrives at a server.
type arrival struct {
	method, target, host string
	header               http.Header
	body                 string
}

func (a *arrival) request() *http.Request {
	r := &http.Request{Method: a.method, RequestURI: a.target, Host: a.host, Header: a.header, ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(a.body)), Body: http.NoBody}
	if a.body != "" {
		r.Body = readCloser{bytes.NewReader([]byte(a.body))}
	}
	return r
}

// arrives is the request as it arrives undamaged.
func (c client) arrives(t *testing.T) *arrival {
	t.Helper()
	method, credentials := c.method, c.credentials
	if method == "" {
		method = "POST"
	}
	if credentials.AccessKeyID == "" {
		credentials = alice
	}
	target := c.target
	if target == "" {
		target = "/a/b?x=1&y=2"
	}
	r := newRequest(t, method, origin+target, c.body)
	for name, values := range c.header {
		r.Header[name] = values
	}
	if c.link {
		signed, err := newSigner().Presign(r, credentials, 5*time.Minute, sigv4.PayloadBytes([]byte(c.body)))
		if err != nil {
			t.Fatal(err)
		}
		target = strings.TrimPrefix(signed.URL, origin)
	} else if _, err := newSigner().Sign(r, credentials, sigv4.PayloadBytes([]byte(c.body))); err != nil {
		t.Fatal(err)
	} else {
		target = r.URL.RequestURI()
	}
	return &arrival{method, target, host, r.Header, c.body}
}

// diagnosed signs, damages, and has it diagnosed. As a control, the request that is not damaged is accepted.
func (c client) diagnosed(t *testing.T) diagnose.Diagnosis {
	t.Helper()
	if _, err := newVerifier().Verify(c.arrives(t).request()); err != nil {
		t.Fatalf("the request is refused before it is damaged: %v", err)
	}
	a := c.arrives(t)
	c.damage(a)
	r := a.request()
	_, err := newVerifier().Verify(r)
	kind := c.kind
	if kind == 0 {
		kind = sigv4.InvalidSignature
	}
	e := wantKind(t, err, kind)
	key, _ := lookup(t.Context(), e.AccessKeyID)
	return diagnose.Diagnose(t.Context(), diagnose.Evidence{
		Request: r, Refusal: e, Key: key, Region: region, Service: service, Now: clock, Lookup: lookup,
		Others: []sigv4.Key{{Credentials: bob}, {Credentials: alice}},
	})
}

func testClients(t *testing.T, clients []client) {
	t.Helper()
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			d := c.diagnosed(t)
			if d.Fault != c.want || d.And != c.and || d.Proven == c.unproven || !strings.Contains(d.Explanation, c.says) {
				t.Errorf("got %+v\nwant %s %s: %s", d, c.want, c.and, c.says)
			}
			if d.Proven != (d.CanonicalRequest != "") || d.Explanation == "" || d.Fix == "" {
				t.Errorf("not explained: %+v", d)
			}
			for _, secret := range []string{alice.Secret.Reveal(), bob.Secret.Reveal(), bob.SessionToken} {
				if strings.Contains(d.Explanation+d.Fix, secret) {
					t.Errorf("the diagnosis has a secret in it: %+v", d)
				}
			}
		})
	}
}

func sent(target string) func(*arrival) { return func(a *arrival) { a.target = target } }

// TestDamagedTargets: URLs split into path and query in other ways than the server splits them.
func TestDamagedTargets(t *testing.T) {
	testClients(t, []client{
		{name: "query in the path, encoded", target: "/book%3Fpage=5&lang=en", damage: sent("/book?page=5&lang=en"),
			want: diagnose.QueryInPath},
		{name: "query in the path, root", target: "/%3Fpage=5", damage: sent("/?page=5"), want: diagnose.QueryInPath},
		{name: "query in both", target: "/book%3Fpage=5?page=5", damage: sent("/book?page=5"), want: diagnose.QueryInPath,
			says: "twice"},
		{name: "without query", target: "/book", damage: sent("/book?page=5"), want: diagnose.QueryUnsigned},
		{name: "%3F decoded", target: "/book?page=5&lang=en", damage: sent("/book%3Fpage=5&lang=en"), want: diagnose.QueryMark},
		{name: "%3f and more", target: "/book?page=5&lang=en", damage: sent("/book%3fpage%3D5%26lang=en"),
			want: diagnose.QueryMark},
		{name: "%3F and a query", target: "/book?page=5&lang=en", damage: sent("/book%3Fpage=5?lang=en"),
			want: diagnose.QueryMark},
		{name: "mark at the end signed", target: "/book%3F", damage: sent("/book?"), want: diagnose.QueryMark},
		{name: "mark at the end lost", target: "/book%3F", damage: sent("/book"), want: diagnose.QueryMark},
		{name: "second mark taken for &", target: "/book?a=1&b=2", damage: sent("/book?a=1?b=2"), want: diagnose.QueryMark},
		{name: "cut at the second mark", target: "/book?a=1", damage: sent("/book?a=1?b=2"), want: diagnose.QueryMark,
			says: "second '?'"},
		{name: "split at the last mark", target: "/book%3Fa=1?b=2", damage: sent("/book?a=1?b=2"), want: diagnose.QueryMark},
		{name: "only after the last mark", target: "/book?b=2", damage: sent("/book?a=1?b=2"), want: diagnose.QueryMark},
		{name: "mark in the name", target: "/book?%3Fpage=5", damage: sent("/book?page=5"), want: diagnose.QueryMark,
			says: "first parameter's name"},
		{name: "semicolons", target: "/book?a=1&b=2", damage: sent("/book?a=1;b=2"), want: diagnose.QueryMark, says: "';'"},
		{name: "second equals sign", target: "/book?cursor=abc", damage: sent("/book?cursor=abc=="), want: diagnose.QueryMark,
			says: "second '='"},
		{name: "decoded before the split", target: "/?a=1&b=2", damage: sent("/?a=1%26b%3D2"), want: diagnose.QueryReencoded},
		{name: "last of one name", target: "/?a=2&b=3", damage: sent("/?a=1&a=2&b=3"), want: diagnose.QueryParameter},
		{name: "last of three of one name", target: "/?a=3", damage: sent("/?a=1&a=2&a=3"), want: diagnose.QueryRepeated},
		{name: "first of three of one name", target: "/?b=0&a=1", damage: sent("/?b=0&a=1&a=2&a=3"), want: diagnose.QueryParameter},
		{name: "first of one name, twice", target: "/?a=1&b=1", damage: sent("/?a=1&a=2&b=1&b=2"), want: diagnose.QueryRepeated},
		{name: "values together", target: "/?a=1%2C2", damage: sent("/?a=1&a=2"), want: diagnose.QueryRepeated},
		{name: "fragment sent", target: "/book?page=5", damage: sent("/book?page=5#top"), want: diagnose.TargetFragment},
		{name: "fragment of a path sent", target: "/book", damage: sent("/book#top"), want: diagnose.TargetFragment},
		{name: "fragment of a path encoded", target: "/book", damage: sent("/book%23top"), want: diagnose.TargetFragment},
		{name: "empty fragment signed", target: "/book?page=5%23", damage: sent("/book?page=5"), want: diagnose.TargetFragment},
		{name: "path not signed", target: "/?page=5", damage: sent("/book/list?page=5"), want: diagnose.PathUnsigned},
		{name: "nothing of the target signed", target: "/", damage: sent("/book/list?page=5"), want: diagnose.PathUnsigned},
		{name: "query signed as the body", target: "/book", body: "lang=en&page=5",
			damage: func(a *arrival) { a.target, a.body = "/book?page=5&lang=en", "" }, want: diagnose.QueryInBody},
		{name: "& escaped for HTML", target: "/?a=1&b=2", damage: sent("/?a=1&amp;b=2"), want: diagnose.QueryHTML},
		{name: "query in the path of a link", target: "/book%3Fpage=5", link: true,
			damage: func(a *arrival) { a.target = strings.Replace(strings.Replace(a.target, "?", "&", 1), "%3F", "?", 1) },
			want:   diagnose.QueryInPath},

		{name: "tilde decoded", target: "/%7Euser/a", damage: sent("/~user/a"), want: diagnose.PathUnreserved, says: "'~'"},
		{name: "dots decoded", target: "/v1%2e2/a", damage: sent("/v1.2/a"), want: diagnose.PathUnreserved},
		{name: "stage before the path", target: "/orders?a=1", damage: sent("/prod/orders?a=1"), want: diagnose.PathPrefix,
			says: `"/prod/"`},
		{name: "stage before the root", target: "/", damage: sent("/prod"), want: diagnose.PathUnsigned},
		{name: "two segments", target: "/orders/", damage: sent("/api/v1/orders/"), want: diagnose.PathPrefix},
		{name: "five segments", target: "/orders", damage: sent("/a/b/c/d/e/orders"), want: diagnose.PathPrefix},
		{name: "path style", target: "/orders", damage: sent("/_furl/url/abc/orders"), want: diagnose.PathPrefix},
		{name: "path style and a stage", target: "/_furl/url/abc/orders", damage: sent("/_furl/url/abc/prod/orders"),
			want: diagnose.PathPrefix, says: `"/prod"`},
		{name: "stage before path style", target: "/_furl/url/abc/orders", damage: sent("/prod/_furl/url/abc/orders"),
			want: diagnose.PathPrefix},
		{name: "document of a directory", target: "/docs/", damage: sent("/docs/index.html"), want: diagnose.PathPrefix,
			says: "index.html"},
		{name: "prefix and its slash", target: "/orders", damage: sent("/prod//orders"), want: diagnose.PathPrefix},
		{name: "escapes after the prefix", target: "/a%20b", damage: sent("/prod/a%20b"), want: diagnose.PathPrefix},
		{name: "prefix and host", target: "/orders", damage: func(a *arrival) {
			a.target, a.host = "/_furl/url/abc/orders", "127.0.0.1:9000"
			a.header.Set("X-Forwarded-Host", host)
		}, want: diagnose.PathPrefix, and: diagnose.HostName},
		{name: "prefix and charset", target: "/orders", body: "{}", header: header("Content-Type", "application/json"),
			damage: func(a *arrival) {
				a.target = "/prod/orders"
				a.header.Set("Content-Type", "application/json; charset=utf-8")
			}, want: diagnose.PathPrefix, and: diagnose.ContentType},
		{name: "stage taken off", target: "/prod/orders?a=1", damage: sent("/orders?a=1"), want: diagnose.PathStripped,
			says: `"/prod/orders"`},
		{name: "stage taken off the root", target: "/v1", damage: sent("/"), want: diagnose.PathStripped},
		{name: "prefix told", target: "/shop/orders?a=1", damage: func(a *arrival) {
			a.target = "/orders?a=1"
			a.header.Set("X-Forwarded-Prefix", "/shop")
		}, want: diagnose.PathStripped},
		{name: "target told", target: "/shop/orders?b=1&a=2", damage: func(a *arrival) {
			a.target = "/index.php?route=orders"
			a.header.Set("X-Original-Uri", "/shop/orders?b=1&a=2")
		}, want: diagnose.PathStripped},
		{name: "path told", target: "/shop/orders?a=1", damage: func(a *arrival) {
			a.target = "/other?a=1"
			a.header.Set("X-Envoy-Original-Path", "/shop/orders")
		}, want: diagnose.PathStripped},
		{name: "too much told", target: "/shop/orders", damage: func(a *arrival) {
			a.target = "/other"
			a.header.Set("X-Original-Url", "/shop/orders?"+strings.Repeat("x", 10_000))
			a.header.Set("X-Rewrite-Url", "/other")
		}, want: diagnose.Unknown, unproven: true},
		{name: "prefix and link", target: "/orders", link: true,
			damage: func(a *arrival) { a.target = "/prod" + a.target }, want: diagnose.PathPrefix},
	})
}

// TestURLAsPath: signers that get the whole URL for the path. This package's takes none such.
func TestURLAsPath(t *testing.T) {
	const whole = "https://127.0.0.1:9000"
	for name, client := range map[string]faulty{
		"as it is":        {signPath: func(p string) string { return whole + p }},
		"encoded":         {signPath: func(p string) string { return strings.ReplaceAll(whole, ":", "%3A") + p }},
		"without scheme":  {signPath: func(p string) string { return "127.0.0.1:9000" + p }},
		"with its query":  {signPath: func(p string) string { return whole + p + "?x=1&y=2" }, signQuery: query(func([][2]string) string { return "" })},
		"without a query": {target: "/a", signPath: func(p string) string { return whole + p }},
		"after a slash":   {target: "/a", signPath: func(p string) string { return "/https%3A/127.0.0.1%3A9000" + p }},
	} {
		if d := diagnosed(t, client.request(), sigv4.InvalidSignature); d.Fault != diagnose.TargetHost || !d.Proven {
			t.Errorf("%s: got %+v", name, d)
		}
	}
}

func compressed(text string, open func(io.Writer) io.WriteCloser) string {
	var out bytes.Buffer
	w := open(&out)
	io.WriteString(w, text)
	w.Close()
	return out.String()
}

func gz(w io.Writer) io.WriteCloser   { return gzip.NewWriter(w) }
func zz(w io.Writer) io.WriteCloser   { return zlib.NewWriter(w) }
func zraw(w io.Writer) io.WriteCloser { f, _ := flate.NewWriter(w, 9); return f }
func units(text string, order string, mark bool) string {
	var out []byte
	list := utf16.Encode([]rune(text))
	if mark {
		list = append([]uint16{0xfeff}, list...)
	}
	for _, c := range list {
		if order == "LE" {
			out = append(out, byte(c), byte(c>>8))
		} else {
			out = append(out, byte(c>>8), byte(c))
		}
	}
	return string(out)
}

// TestDamagedBodies: bodies that a layer changed after they had been signed. The first text was signed, the second came.
func TestDamagedBodies(t *testing.T) {
	const (
		json   = diagnose.PayloadJSON
		form   = diagnose.PayloadForm
		text   = "The quick brown fox jumps over the lazy dog, and over the lazy dog again. "
		accent = "{\"name\": \"caf\u00e9\"}"
	)
	long := strings.Repeat(text, 20)
	var clients []client
	for _, tt := range []struct {
		name, signed, came string
		want, and          diagnose.Fault
	}{
		{"gzip", long, compressed(long, gz), diagnose.PayloadCompressed, ""},
		{"gzip with a name", long, gzipped(long), diagnose.PayloadCompressed, ""},
		{"zlib", long, compressed(long, zz), diagnose.PayloadCompressed, ""},
		{"raw deflate", long, compressed(long, zraw), diagnose.PayloadCompressed, ""},
		{"decompressed", compressed(long, gz), long, diagnose.PayloadCompressed, ""},
		{"zlib decompressed", compressed(long, zz), long, diagnose.PayloadCompressed, ""},
		{"newline and gzip", "a\n", compressed("a", gz), diagnose.PayloadCompressed, diagnose.PayloadNewline},
		{"JSON and gzip", `{"a": 1}`, compressed(`{"a":1}`, gz), diagnose.PayloadCompressed, json},

		{"UTF-8 to Latin-1", accent, "{\"name\": \"caf\xe9\"}", diagnose.PayloadCharset, ""},
		{"Latin-1 to UTF-8", "{\"name\": \"caf\xe9\"}", accent, diagnose.PayloadCharset, ""},
		{"UTF-8 to windows-1252", "\u201ccaf\u00e9\u201d costs 3 \u20ac", "\x93caf\xe9\x94 costs 3 \x80",
			diagnose.PayloadCharset, ""},
		{"windows-1252 to UTF-8", "\x93caf\xe9\x94 costs 3 \x80", "\u201ccaf\u00e9\u201d costs 3 \u20ac",
			diagnose.PayloadCharset, ""},
		{"UTF-8 read as Latin-1", "caf\u00e9", "caf\u00c3\u00a9", diagnose.PayloadCharset, ""},
		{"UTF-8 read as windows-1252", "\u20ac", "\u00e2\u201a\u00ac", diagnose.PayloadCharset, ""},
		{"UTF-8 to UTF-16 LE", "caf\u00e9 \U0001f600", units("caf\u00e9 \U0001f600", "LE", false), diagnose.PayloadCharset, ""},
		{"UTF-8 to UTF-16 BE", "caf\u00e9 \U0001f600", units("caf\u00e9 \U0001f600", "BE", false), diagnose.PayloadCharset, ""},
		{"UTF-8 to UTF-16 LE, marked", "ascii", units("ascii", "LE", true), diagnose.PayloadCharset, ""},
		{"UTF-8 to UTF-16 BE, marked", "ascii", units("ascii", "BE", true), diagnose.PayloadCharset, ""},
		{"UTF-16 LE to UTF-8", units("caf\u00e9 \U0001f600", "LE", false), "caf\u00e9 \U0001f600", diagnose.PayloadCharset, ""},
		{"UTF-16 BE to UTF-8", units("ascii", "BE", false), "ascii", diagnose.PayloadCharset, ""},
		{"UTF-16 LE to UTF-8, marked", units("caf\u00e9", "LE", true), "caf\u00e9", diagnose.PayloadCharset, ""},
		{"UTF-16 BE to UTF-8, marked", units("caf\u00e9", "BE", true), "caf\u00e9", diagnose.PayloadCharset, ""},
		{"UTF-16 marked on the way", units("ascii", "LE", false), units("ascii", "LE", true), diagnose.PayloadCharset, ""},
		{"UTF-16 turned around", units("ascii", "LE", false), units("ascii", "BE", false), diagnose.PayloadCharset, ""},
		{"UTF-16 to Latin-1", units("caf\u00e9", "LE", false), "caf\xe9", diagnose.PayloadCharset, ""},
		{"newline and UTF-16", "ascii\n", units("ascii", "LE", false), diagnose.PayloadCharset, diagnose.PayloadNewline},
		{"mark added", "ascii", "\ufeffascii", diagnose.PayloadBOM, ""},
		{"mark removed", "\ufeff{}", "{}", diagnose.PayloadBOM, ""},
		{"mark added to JSON written anew", `{"a": 1}`, "\ufeff{\"a\":1}", diagnose.PayloadBOM, json},

		{"base64", "hello, world", base64.StdEncoding.EncodeToString([]byte("hello, world")), diagnose.PayloadBase64, ""},
		{"base64 of bytes", "\x00\xff\xfe?>", base64.URLEncoding.EncodeToString([]byte("\x00\xff\xfe?>")),
			diagnose.PayloadBase64, ""},
		{"base64 without padding", "hello", base64.RawStdEncoding.EncodeToString([]byte("hello")), diagnose.PayloadBase64, ""},
		{"base64 in lines", long, inLines(base64.StdEncoding.EncodeToString([]byte(long))), diagnose.PayloadBase64, ""},
		{"base64 decoded", base64.StdEncoding.EncodeToString([]byte("hello")), "hello", diagnose.PayloadBase64, ""},
		{"base64 in lines decoded", inLines(base64.StdEncoding.EncodeToString([]byte(long))), long, diagnose.PayloadBase64, ""},
		{"base64 of URLs decoded", base64.RawURLEncoding.EncodeToString([]byte("\xff\xfe\xfd?")), "\xff\xfe\xfd?",
			diagnose.PayloadBase64, ""},
		{"JSON and base64", `{"a": 1}`, base64.StdEncoding.EncodeToString([]byte(`{"a":1}`)), diagnose.PayloadBase64, json},

		{"order: two", `{"b":1,"a":2}`, `{"a":2,"b":1}`, json, ""},
		{"order: sorted for signing", `{"a":2,"b":1,"c":3,"d":4,"e":5,"f":6}`, `{"c":3,"f":6,"b":1,"a":2,"e":5,"d":4}`, json, ""},
		{"order: five", `{"user":"x","age":3,"city":"y","job":"z","ok":true}`,
			`{"age":3,"city":"y","job":"z","ok":true,"user":"x"}`, json, ""},
		{"order: six", `{"user":"x","age":3,"city":"y","job":"z","ok":true,"b":[]}`,
			`{"age":3,"b":[],"city":"y","job":"z","ok":true,"user":"x"}`, json, ""},
		{"order: within", `{"x":{"b":1,"a":[{"d":1,"c":2}]},"y":0}`, `{"x":{"a":[{"c":2,"d":1}],"b":1},"y":0}`, json, ""},
		{"order above what is nested too deep", `{"b":` + strings.Repeat("[", 40) + `{"x":",]"}` + strings.Repeat("]", 40) + `,"a":2}`,
			`{"a":2,"b":` + strings.Repeat("[", 40) + `{"x":",]"}` + strings.Repeat("]", 40) + `}`, json, ""},
		{"order and spaces", `{"b": 1, "a": 2}`, `{"a":2,"b":1}`, json, ""},
		{"order and no spaces", `{"b":1,"a":2}`, `{"a": 2, "b": 1}`, json, ""},
		{"order of indented", "{\n  \"b\": 1,\n  \"a\": 2\n}", "{\n  \"a\": 2,\n  \"b\": 1\n}", json, ""},
		{"order of jq -S", "{\n  \"a\": 2,\n  \"b\": 1\n}\n", `{"b":1,"a":2}`, json, ""},
		{"order and escapes", `{"b": "caf\u00e9", "a": 2}`, `{"a":2,"b":"` + "caf\u00e9" + `"}`, json, ""},
		{"escapes: Python signed", `{"name": "caf\u00e9 \ud83d\ude00"}`, "{\"name\": \"caf\u00e9 \U0001f600\"}", json, ""},
		{"escapes: Python sent", "{\"name\":\"caf\u00e9 \U0001f600\"}", `{"name":"caf\u00e9 \ud83d\ude00"}`, json, ""},
		{"escapes: capitals", `{"name":"caf\u00E9"}`, "{\"name\":\"caf\u00e9\"}", json, ""},
		{"escapes: slash signed", `{"url":"http:\/\/x\/y"}`, `{"url":"http://x/y"}`, json, ""},
		{"escapes: slash sent", `{"url":"http://x/y"}`, `{"url":"http:\/\/x\/y"}`, json, ""},
		{"escapes: PHP", `{"url":"http:\/\/x","n":"caf\u00e9"}`, "{\"url\":\"http://x\",\"n\":\"caf\u00e9\"}", json, ""},
		{"escapes: Go signed", `{"html":"\u003cb\u003e \u0026 c"}`, `{"html":"<b> & c"}`, json, ""},
		{"escapes: Go sent", `{"html":"<b> & c"}`, `{"html":"\u003cb\u003e \u0026 c"}`, json, ""},
		{"escapes: Go's Encoder", `{"html":"\u003cb\u003e"}` + "\n", `{"html": "<b>"}`, json, ""},
		{"escapes: .NET", `{"s":"\u003Cb\u003E it\u0027s \u0022\u00E9\u0022 1\u002B1"}`, `{"s":"<b> it's \"` + "\u00e9" + `\" 1+1"}`,
			json, ""},
		{"escapes: Gson", `{"s":"a\u003db \u0027c\u0027"}`, `{"s":"a=b 'c'"}`, json, ""},
		{"escapes: control characters", `{"s":"a\tb\u0001"}`, `{"s":"a\u0009b\u0001"}`, json, ""},
		{"spacing: compact signed", `{"a":[1,2,{"b":null}]}`, `{"a": [1, 2, {"b": null}]}`, json, ""},
		{"spacing: Python signed", `{"a": [1, 2, {"b": null}]}`, `{"a":[1,2,{"b":null}]}`, json, ""},
		{"spacing: two", "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n  \"c\": []\n}", `{"a":[1,2],"b":{},"c":[]}`, json, ""},
		{"spacing: four", "{\n    \"a\": 1,\n    \"b\": 2\n}", `{"a":1,"b":2}`, json, ""},
		{"spacing: tab", "{\n\t\"a\": 1\n}", `{"a":1}`, json, ""},
		{"spacing: jq", "{\n  \"a\": 1\n}\n", `{"a":1}`, json, ""},
		{"spacing: indented sent", `{"a":1}`, "{\r\n    \"a\":  1\r\n}\r\n", json, ""},
		{"numbers", `{"a":1,"b":100,"c":0.5}`, `{"a":1.0,"b":1e2,"c":5e-1}`, json, ""},
		{"string of JSON sent", `{"a":"b"}`, `"{\"a\":\"b\"}"`, json, ""},
		{"string of JSON signed", `"{\"a\":\"b\"}"`, `{"a":"b"}`, json, ""},

		{"fields reordered", "user=x&page=5", "page=5&user=x", form, ""},
		{"fields sorted for signing", "a=1&b=2&c=3&d=4&e=5&f=6&g=7", "g=7&c=3&a=1&f=6&b=2&e=5&d=4", form, ""},
		{"six fields reordered", "d=4&b=2&f=6&a=1&c=3&e=5", "a=1&b=2&c=3&d=4&e=5&f=6", form, ""},
		{"fields reordered and encoded", "to=a%40b.c&from=x+y", "from=x%20y&to=a@b.c", form, ""},
		{"fields: encodeURIComponent signed", "a=it's(1)*!&b=%20", "a=it%27s%281%29%2A%21&b=+", form, ""},
		{"fields: Java signed", "a=*%7E+x", "a=%2A~%20x", form, ""},
		{"fields: PHP signed", "a=%7E+%2A", "a=~%20*", form, ""},
		{"fields: small escapes signed", "a=%c3%a9", "a=%C3%A9", form, ""},
		{"fields: capital escapes signed", "a=%C3%A9", "a=%c3%a9", form, ""},
		{"fields: unencoded signed", "a=b c&d=e@f", "a=b+c&d=e%40f", form, ""},

		{"CR for LF", "a\rb", "a\nb", diagnose.PayloadLineEnds, ""},
		{"LF for CR", "a\nb", "a\rb", diagnose.PayloadLineEnds, ""},
		{"mixed ends", "a\nb\nc", "a\r\nb\rc", diagnose.PayloadLineEnds, ""},
		{"trimmed", "a b", "\n a b \n", diagnose.PayloadNewline, ""},
	} {
		clients = append(clients, client{name: tt.name, body: tt.signed, damage: func(a *arrival) { a.body = tt.came },
			want: tt.want, and: tt.and},
			// With the hash declared, the same is said, and not only that it is another.
			client{name: tt.name + ", declared", body: tt.signed, header: header("X-Amz-Content-Sha256", hashOf(tt.signed)),
				damage: func(a *arrival) { a.body = tt.came }, want: tt.want, and: tt.and})
	}
	testClients(t, append(clients, []client{
		{name: "gzip and Content-Encoding", body: long, header: header("Content-Type", "text/plain"), damage: func(a *arrival) {
			a.body = compressed(long, gz)
			a.header.Set("Content-Encoding", "gzip")
		}, want: diagnose.PayloadCompressed},
		{name: "decompressed, by nobody knows what", body: "\x1f\x8b\x08 compressed", header: header("Content-Encoding", "gzip"),
			damage: func(a *arrival) { a.body = "text" }, want: diagnose.PayloadCompressed, unproven: true, says: "decompressed"},
		{name: "decompressed, declared", body: "\x1f\x8b\x08 compressed", damage: func(a *arrival) { a.body = "text" },
			header: header("Content-Encoding", "gzip", "X-Amz-Content-Sha256", hashOf("\x1f\x8b\x08 compressed")),
			want:   diagnose.PayloadCompressed, says: "decompressed"},
		{name: "characters lost, declared", body: "caf\xe9", header: header("X-Amz-Content-Sha256", hashOf("caf\xe9")),
			damage: func(a *arrival) { a.body = "caf\ufffd" }, want: diagnose.PayloadCharset, says: "U+FFFD"},
		{name: "Content-Encoding lost", body: "\x1f\x8b\x08 compressed", header: header("Content-Encoding", "zstd"),
			damage: func(a *arrival) { a.body = "text"; a.header.Del("Content-Encoding") }, want: diagnose.HeaderAbsent,
			unproven: true, says: "decompressed"},
		{name: "brotli decompressed", body: "\x0b compressed", header: header("Content-Encoding", "br"),
			damage: func(a *arrival) { a.body = `{"a":1}` }, want: diagnose.PayloadCompressed, unproven: true},
		{name: "not compressed at all", body: "text", header: header("Content-Encoding", "identity"),
			damage: func(a *arrival) { a.body = "another" }, want: diagnose.Unknown, unproven: true, says: "content-encoding"},
		{name: "length of what was signed", body: "a\n", header: header("Content-Length", "2"), damage: func(a *arrival) {
			a.body = "a"
			a.header.Set("Content-Length", "1")
		}, want: diagnose.PayloadNewline},
		{name: "length kept", body: "a\n", header: header("Content-Length", "2"),
			damage: func(a *arrival) { a.body = "a" }, want: diagnose.PayloadNewline},
		{name: "charset in both", body: "caf\xe9", header: header("Content-Type", "text/plain"), damage: func(a *arrival) {
			a.body = "caf\u00e9"
			a.header.Set("Content-Type", "text/plain; charset=utf-8")
		}, want: diagnose.PayloadCharset, and: diagnose.ContentType},
		{name: "JSON and charset", body: `{"a": 1}`, header: header("Content-Type", "application/json"),
			damage: func(a *arrival) {
				a.body = `{"a":1}`
				a.header.Set("Content-Type", "application/json; charset=utf-8")
			}, want: json, and: diagnose.ContentType},
		{name: "newline and host", body: "a\n", damage: func(a *arrival) {
			a.body, a.host = "a", "localhost:9000"
			a.header.Set("X-Forwarded-Host", host)
		}, want: diagnose.PayloadNewline, and: diagnose.HostName},
		{name: "characters lost", body: "caf\xe9", damage: func(a *arrival) { a.body = "caf\ufffd" },
			want: diagnose.PayloadCharset, unproven: true, says: "U+FFFD"},
		{name: "cut in a character", body: "{\"a\":\"caf\u00e9\"}", damage: func(a *arrival) { a.body = "{\"a\":\"caf\xc3" },
			want: diagnose.LengthCharacters, unproven: true},
		{name: "cut after characters", body: "{\"a\":\"caf\u00e9\"}", damage: func(a *arrival) { a.body = "{\"a\":\"caf\u00e9\"" },
			want: diagnose.LengthCharacters, unproven: true},
	}...))
}

func inLines(text string) string {
	var out strings.Builder
	for len(text) > 76 {
		out.WriteString(text[:76] + "\n")
		text = text[76:]
	}
	return out.String() + text + "\n"
}

// TestLengthInCharacters: the signer refuses such a length, so that another has to sign.
func TestLengthInCharacters(t *testing.T) {
	for _, tt := range []struct{ body, length string }{{"caf\u00e9", "4"}, {"\U0001f600!", "2"}, {"\U0001f600!", "3"}} {
		r := faulty{body: tt.body, header: header("Content-Length", strconv.Itoa(len(tt.body))),
			signHeaders: setLine("content-length", tt.length)}.request()
		if d := diagnosed(t, r, sigv4.InvalidSignature); d.Fault != diagnose.LengthCharacters || !d.Proven ||
			!strings.Contains(d.Explanation, "as "+tt.length+",") {
			t.Errorf("%q: got %+v", tt.body, d)
		}
	}
}

// set returns damage to one header.
func set(name string, values ...string) func(*arrival) {
	return func(a *arrival) { a.header[http.CanonicalHeaderKey(name)] = values }
}

// TestDamagedHeaders: headers that something on the way adds to or writes anew.
func TestDamagedHeaders(t *testing.T) {
	const appended = diagnose.HeaderAppended
	testClients(t, []client{
		{name: "address appended", header: header("X-Forwarded-For", "203.0.113.7"),
			damage: set("X-Forwarded-For", "203.0.113.7, 10.0.0.1"), want: appended, says: `"203.0.113.7"`},
		{name: "two addresses appended", header: header("X-Forwarded-For", "203.0.113.7"),
			damage: set("X-Forwarded-For", "203.0.113.7, 10.0.0.1,10.0.0.2"), want: appended},
		{name: "address in a line of its own", header: header("X-Forwarded-For", "203.0.113.7"),
			damage: set("X-Forwarded-For", "203.0.113.7", "10.0.0.1"), want: appended},
		{name: "proxy appended", header: header("Via", "1.1 a"), damage: set("Via", "1.1 a, 1.1 b"), want: appended},
		{name: "forwarded", header: header("Forwarded", "for=a"), damage: set("Forwarded", "for=a, for=b;proto=https"),
			want: appended},
		{name: "prepended", header: header("X-Amz-Meta-Trace", "Root=1"), damage: set("X-Amz-Meta-Trace", "Self=2;Root=1"),
			want: appended, says: "before it"},
		{name: "cookie appended", header: header("Cookie", "a=b"), damage: set("Cookie", "a=b; session=c"), want: appended},
		{name: "any header", header: header("My-Header", "a"), damage: set("My-Header", "a; b"), want: appended},
		{name: "encoding appended", header: header("Accept-Encoding", "zstd"), damage: set("Accept-Encoding", "zstd, br"),
			want: appended},
		{name: "without a separator", header: header("My-Header", "release"), damage: set("My-Header", "release/proxied"),
			want: appended},
		{name: "two headers", header: header("X-Forwarded-For", "a", "Via", "1.1 x"), damage: func(a *arrival) {
			set("X-Forwarded-For", "a, b")(a)
			set("Via", "1.1 x, 1.1 y")(a)
		}, want: appended},
		{name: "two headers, twice", header: header("X-Forwarded-For", "a", "Via", "1.1 x"), damage: func(a *arrival) {
			set("X-Forwarded-For", "a, b, c")(a)
			set("Via", "1.1 x, 1.1 y, 1.1 z")(a)
		}, want: appended},
		{name: "appended, and the path", target: "/orders", header: header("X-Forwarded-For", "a"), damage: func(a *arrival) {
			set("X-Forwarded-For", "a, b")(a)
			a.target = "/prod/orders"
		}, want: diagnose.PathPrefix, and: appended},
		{name: "appended, and the host", header: header("X-Forwarded-For", "a"), damage: func(a *arrival) {
			set("X-Forwarded-For", "a, b")(a)
			a.host = "127.0.0.1:9000"
			set("X-Forwarded-Host", host)(a)
		}, want: diagnose.HostName, and: appended},
		{name: "cookie and address", header: header("X-Forwarded-For", "a", "Cookie", "a=b"), damage: func(a *arrival) {
			set("X-Forwarded-For", "a, b")(a)
			set("Cookie", "a=b; c=d")(a)
		}, want: appended, and: appended},
		{name: "scheme", header: header("X-Forwarded-Proto", "http"), damage: set("X-Forwarded-Proto", "https"),
			want: diagnose.HeaderChanged},
		{name: "sent in Latin-1", header: header("My-Header", "caf\u00e9"), damage: set("My-Header", "caf\xe9"),
			want: diagnose.HeaderChanged},
		{name: "sent in UTF-8", header: header("My-Header", "caf\xe9"), damage: set("My-Header", "caf\u00e9"),
			want: diagnose.HeaderChanged},
		{name: "rewritten", header: header("My-Header", "a", "Content-Type", "text/plain"), damage: set("My-Header", "z"),
			want: diagnose.Unknown, unproven: true, says: "content-type, my-header"},
		{name: "two dropped", header: header("My-Header", "a", "Other", "b"), damage: func(a *arrival) {
			a.header.Del("My-Header")
			a.header.Del("Other")
		}, want: diagnose.HeaderAbsent, unproven: true, says: "my-header, other"},
	})
}

// TestFragileHeaders: where nothing is proven, the headers that anything on the way may change are named.
func TestFragileHeaders(t *testing.T) {
	d := client{header: header("X-Amz-Cf-Id", "a", "X-Amz-Meta-A", "b", "Accept", "c"), damage: set("Accept", "d")}.diagnosed(t)
	if !strings.Contains(d.Explanation, "accept, x-amz-cf-id.") || !strings.Contains(d.Fix, "Sign host and x-amz-* headers only") ||
		strings.Contains(d.Explanation+d.Fix, "secret access key") {
		t.Errorf("got %+v", d)
	}
}

// TestAnotherSecret: that is said only once everything else was tried, and not of what leaves more to try.
func TestAnotherSecret(t *testing.T) {
	const another = "all of them were tried: most likely the secret access key is another"
	wrong := func(string) string { return "quite another secret" }
	for _, tt := range []struct {
		name   string
		client faulty
		said   bool
	}{
		{"everything tried", faulty{secret: wrong}, true},
		{"with a body", faulty{secret: wrong, body: `{"a":1}`}, true},
		{"a signed header that changes", faulty{secret: wrong, header: header("Content-Type", "text/plain")}, false},
		{"a large body", faulty{secret: wrong, body: strings.Repeat("x=", 4<<20>>1)}, false},
		{"a large body that is vouched for", faulty{secret: wrong, body: strings.Repeat("x=", 4<<20>>1),
			header: header("X-Amz-Content-Sha256", hashOf(strings.Repeat("x=", 4<<20>>1)))}, true},
		{"more members than can be ordered", faulty{secret: wrong, body: `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7}`}, false},
		{"more fields than can be ordered", faulty{secret: wrong, body: "a=1&b=2&c=3&d=4&e=5&f=6&g=7"}, false},
		{"a header that is absent", faulty{secret: wrong, header: header("My-Header", "a"),
			way: func(r *http.Request) { r.Header.Del("My-Header") }}, false},
		{"too many hypotheses", faulty{secret: wrong, header: http.Header{"X-Amz-Meta-A": {strings.Repeat("a b, ", 800)},
			"X-Amz-Meta-B": {strings.Repeat("x", 8000)}, "X-Amz-Meta-C": {strings.Repeat("x", 8000)},
			"X-Amz-Meta-D": {strings.Repeat("x", 8000)}, "X-Amz-Meta-E": {strings.Repeat("x", 8000)}},
			body: `{"a":1,"b":[2,"é"],"c":{"d":4,"e":5},"f":6,"g":"<a/>"}`}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := diagnosed(t, tt.client.request(), sigv4.InvalidSignature)
			if got := strings.Contains(d.Explanation, another); got != tt.said || d.Proven || d.Exhausted && tt.said {
				t.Errorf("got %+v", d)
			}
			if d.Fault == diagnose.Unknown && (!strings.Contains(d.Fix, "furl call -v") ||
				!strings.Contains(d.Fix, "print the canonical request")) {
				t.Errorf("the fix is %q", d.Fix)
			}
		})
	}
}

// TestDamagedDates: X-Amz-Date replaced after signing.
func TestDamagedDates(t *testing.T) {
	for _, off := range []time.Duration{time.Second, 7 * time.Second, 4 * time.Minute, -3 * time.Second} {
		text := clock.Add(off).Format("20060102T150405Z")
		testClients(t, []client{
			{name: "header " + off.String(), damage: set("X-Amz-Date", text), want: diagnose.DateReplaced,
				says: clock.Format("20060102T150405Z")},
			{name: "link " + off.String(), link: true, damage: func(a *arrival) {
				a.target = strings.Replace(a.target, clock.Format("20060102T150405Z"), text, 1)
			}, want: diagnose.DateReplaced},
		})
	}
	// A date that is out of the window, too.
	for off, kind := range map[time.Duration]sigv4.Kind{-6 * time.Minute: sigv4.SignatureExpired,
		2 * time.Hour: sigv4.SignatureNotYetCurrent, -330 * time.Minute: sigv4.SignatureExpired} {
		testClients(t, []client{{name: off.String(), damage: set("X-Amz-Date", clock.Add(off).Format("20060102T150405Z")),
			kind: kind, want: diagnose.DateReplaced}})
	}
	// The time that was signed stands in another header, or is that of a zone.
	r := faulty{at: clock.Add(-40 * time.Minute), unsigned: header("Date", clock.Add(-40*time.Minute).Format(http.TimeFormat)),
		way: func(r *http.Request) { r.Header.Set("X-Amz-Date", clock.Format("20060102T150405Z")) }}.request()
	if d := diagnosed(t, r, sigv4.InvalidSignature); d.Fault != diagnose.DateReplaced || !d.Proven {
		t.Errorf("got %+v", d)
	}
	r = faulty{at: clock.Add(-2 * time.Hour),
		way: func(r *http.Request) { r.Header.Set("X-Amz-Date", clock.Format("20060102T150405Z")) }}.request()
	if d := diagnosed(t, r, sigv4.InvalidSignature); d.Fault != diagnose.DateReplaced || !d.Proven {
		t.Errorf("got %+v", d)
	}
	// Without X-Amz-Date there is none to replace.
	r = faulty{secret: func(string) string { return "another" }, unsigned: header("Date", clock.Format(http.TimeFormat)),
		listNames: func(string) string { return "host" }, way: func(r *http.Request) { r.Header.Del("X-Amz-Date") }}.request()
	if d := diagnosed(t, r, sigv4.InvalidSignature); d.Fault != diagnose.Unknown {
		t.Errorf("got %+v", d)
	}
}

// TestDamagedTokens: session tokens that were encoded or decoded once more, cut off, or lost.
func TestDamagedTokens(t *testing.T) {
	const encoded = diagnose.TokenEncoded
	token := bob.SessionToken
	inLink := func(text string) func(*arrival) {
		return func(a *arrival) { a.target = strings.Replace(a.target, url.QueryEscape(token), text, 1) }
	}
	var clients []client
	for _, tt := range []struct{ name, header, link string }{
		{"percent-encoded", url.QueryEscape(token), url.QueryEscape(url.QueryEscape(token))},
		{"decoded", strings.ReplaceAll(token, "+", " "), token},
		{"without padding", strings.TrimRight(token, "="), url.QueryEscape(strings.TrimRight(token, "="))},
		{"of JSON", strings.ReplaceAll(token, "/", `\/`), url.QueryEscape(strings.ReplaceAll(token, "/", `\/`))},
		{"of .NET", strings.ReplaceAll(token, "+", `\u002B`), url.QueryEscape(strings.ReplaceAll(token, "+", `\u002B`))},
		{"quoted", `"` + token + `"`, "%22" + url.QueryEscape(token) + "%22"},
		{"cut off", token[:18], url.QueryEscape(token[:18])},
	} {
		clients = append(clients,
			client{name: "header, " + tt.name, credentials: bob, kind: sigv4.InvalidToken,
				damage: set("X-Amz-Security-Token", tt.header), want: encoded},
			client{name: "link, " + tt.name, credentials: bob, link: true, kind: sigv4.InvalidToken, damage: inLink(tt.link),
				want: encoded})
	}
	testClients(t, append(clients,
		client{name: "header lost", credentials: bob, kind: sigv4.InvalidToken, want: diagnose.TokenMissing, says: "got lost",
			damage: func(a *arrival) { a.header.Del("X-Amz-Security-Token") }},
		client{name: "parameter lost", credentials: bob, link: true, kind: sigv4.InvalidToken, want: diagnose.TokenMissing,
			says: "got lost", damage: func(a *arrival) {
				a.target = strings.Replace(a.target, "&X-Amz-Security-Token="+url.QueryEscape(token), "", 1)
			}},
		client{name: "of another", credentials: bob, kind: sigv4.InvalidToken, want: diagnose.TokenForeign, says: "changed on the way",
			damage: set("X-Amz-Security-Token", carol.SessionToken)},
	))
	// Signed and sent the same way, the signature is right; signed otherwise than sent, it is not.
	for _, text := range []string{url.QueryEscape(token), strings.ReplaceAll(token, "+", " ")} {
		who := bob
		who.SessionToken = text
		r := faulty{credentials: who}.request()
		if d := diagnosed(t, r, sigv4.InvalidToken); d.Fault != encoded || !d.Proven || strings.Contains(d.Explanation, "on the way") {
			t.Errorf("%s: got %+v", text, d)
		}
		r = faulty{credentials: bob, signHeaders: setLine("x-amz-security-token", text)}.request()
		if d := diagnosed(t, r, sigv4.InvalidSignature); d.Fault != encoded || !d.Proven {
			t.Errorf("%s: got %+v", text, d)
		}
	}
	// A body that was not read leaves the signature open.
	r := faulty{credentials: sigv4.Credentials{AccessKeyID: bob.AccessKeyID, Secret: bob.Secret, SessionToken: token[:18]},
		body: "x"}.request()
	if d := diagnosed(t, r, sigv4.InvalidToken); d.Fault != encoded || d.Proven {
		t.Errorf("got %+v", d)
	}
	// Unless the request says what it is.
	r = faulty{credentials: sigv4.Credentials{AccessKeyID: bob.AccessKeyID, Secret: bob.Secret, SessionToken: token[:18]},
		body: "x", header: header("X-Amz-Content-Sha256", hashOf("x"))}.request()
	if d := diagnosed(t, r, sigv4.InvalidToken); d.Fault != encoded || !d.Proven {
		t.Errorf("got %+v", d)
	}
}

// TestNoClock: without the time of the refusal nothing is said about clocks.
func TestNoClock(t *testing.T) {
	r := faulty{at: clock.Add(-time.Hour)}.request()
	_, err := newVerifier().Verify(r)
	d := diagnose.Diagnose(t.Context(), diagnose.Evidence{Request: r, Refusal: wantKind(t, err, sigv4.SignatureExpired),
		Key: sigv4.Key{Credentials: alice}, Region: region, Service: service})
	if d.Fault != "" {
		t.Errorf("got %+v", d)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r = faulty{secret: func(string) string { return "another" }}.request()
	_, err = newVerifier().Verify(r)
	if d := diagnose.Diagnose(ctx, diagnose.Evidence{Request: r, Refusal: wantKind(t, err, sigv4.InvalidSignature),
		Key: sigv4.Key{Credentials: alice}, Region: region, Service: service, Now: clock}); d.Tested > 0 || !d.Exhausted {
		t.Errorf("got %+v", d)
	}
}
