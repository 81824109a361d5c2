package diagnose_test

import (
	"bytes"
	"compress/gzip"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// resigned puts another signature into a request.
func resigned(r *http.Request, signature string) {
	if auth := r.Header.Get("Authorization"); auth != "" {
		i := strings.LastIndex(auth, "Signature=")
		r.Header.Set("Authorization", auth[:i]+"Signature="+signature)
		return
	}
	i := strings.LastIndex(r.RequestURI, "X-Amz-Signature=")
	r.RequestURI = r.RequestURI[:i] + "X-Amz-Signature=" + url.QueryEscape(signature)
}

// TestDiagnoseEach: all that is tried for a request is found, if a client signs just that way. Together the requests
// have every fault there is, and every sentence is said to one of them.
func TestDiagnoseEach(t *testing.T) {
	drop := func(name string) func(*http.Request) { return func(r *http.Request) { r.Header.Del(name) } }
	shapes := map[string]func() *http.Request{
		"plain":     faulty{}.request,
		"root":      faulty{method: "GET", target: "/"}.request,
		"HEAD":      faulty{method: "HEAD", target: "/a/"}.request,
		"OPTIONS":   faulty{method: "OPTIONS", target: "*/"[1:]}.request,
		"path":      faulty{target: "/a%20b//%c3%a9/c%2Fd/../e;f"}.request,
		"slash":     faulty{target: "/a//b/./%C3%A9/"}.request,
		"query":     faulty{target: "/?b=1&a=2&a=1&c=%20%2B(~*:'%2f!&a-b=1&%C3%A9=1"}.request,
		"plus":      faulty{target: "/?q=a+b&r=%2B"}.request,
		"bare":      faulty{target: "/?k&a=1&&b=2&l=%2525"}.request,
		"reserved":  faulty{target: "/?t=12:30/4&u=(x)*&r=%2f"}.request,
		"leftover":  faulty{target: "/?a=1&X-Amz-Signature=00"}.request,
		"presigned": func() *http.Request { return faulty{target: "/?a=1&b", body: "x"}.presigned(false, false) },
		"session":   func() *http.Request { return faulty{credentials: bob, target: "/"}.presigned(true, true) },
		"token":     faulty{credentials: bob}.request,
		"tokens": faulty{credentials: bob, way: func(r *http.Request) {
			r.Header.Add("X-Amz-Security-Token", bob.SessionToken)
		}}.request,
		"text": faulty{body: "a b\nc+d%20e\r\n", header: header("Content-Type", "text/plain")}.request,
		"form": faulty{body: "a=b+c&d=%28e%29", header: header("Content-Type",
			"application/x-www-form-urlencoded")}.request,
		"JSON": faulty{body: `{"user": "my user", "page": 5}`,
			header: header("Content-Type", "application/json; charset=utf-8")}.request,
		"stale":    faulty{body: "hello", header: header("X-Amz-Content-Sha256", hashOf("hullo"))}.request,
		"unsigned": faulty{method: "GET", target: "/", header: header("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")}.request,
		"host":     faulty{host: "Example.org", unsigned: header("X-Forwarded-Host", "public.example:8443")}.request,
		"IPv6":     faulty{host: "[::1]:9000"}.request,
		"headers": faulty{header: http.Header{"Accept": {"text/html"}, "Cache-Control": {"no-store"}, "Pragma": {"x"},
			"My-Header": {"b  a", "a"}},
			unsigned: header("User-Agent", "x")}.request,
		"encoding": faulty{header: header("Accept-Encoding", "zstd", "Connection", "upgrade")}.request,
		"length":   faulty{method: "GET", header: header("Content-Length", "0"), way: drop("Content-Length")}.request,
		"type":     faulty{header: header("Content-Type", "text/html"), way: drop("Content-Type")}.request,
		"chunked":  faulty{header: header("Transfer-Encoding", "chunked"), way: drop("Transfer-Encoding")}.request,
		"cookie":   faulty{header: header("Cookie", "a=b; c=d")}.request,
		"order": faulty{header: header("My-Header", "a"),
			listNames: func(string) string { return "x-amz-date;my-header;host" }}.request,
		"marks":          faulty{target: "/a?a=1?b=2?c=3"}.request,
		"mark":           faulty{target: "/a/b?"}.request,
		"%3F":            faulty{target: "/a%3Fx=1&y=2"}.request,
		"%3f":            faulty{target: "/a%3fx%3D1"}.request,
		"equals":         faulty{target: "/?cursor=abc==&k=v;w=x"}.request,
		"fragment":       faulty{target: "/a?b=1#c"}.request,
		"anchor":         faulty{target: "/a%23c"}.request,
		"spaces":         faulty{body: "  a  "}.request,
		"CR":             faulty{body: "a\rb"}.request,
		"gzip":           faulty{body: gzipped("{\"a\": 1}")}.request,
		"zlib":           faulty{body: "\x78\x9c\x4b\x04\x00\x00\x62\x00\x62"}.request,
		"deflate":        faulty{body: "\x4b\x04\x00"}.request,
		"base64":         faulty{body: "Y2Fmw6kge30="}.request,
		"base64 of URLs": faulty{body: "-_-_"}.request,
		"mark of order":  faulty{body: "\ufeffa"}.request,
		"windows-1252":   faulty{body: "caf\xe9 \x80"}.request,
		"UTF-16":         faulty{body: "a\x00\xe9\x00\x3d\xd8\x00\xde"}.request,
		"BE":             faulty{body: "\xfe\xff\x00a\xd8\x3d\xde\x00"}.request,
		"escapes":        faulty{body: `{"a":"é/<b>&\u0001\n😀","b":{"d":[1,2,[]],"c":{}}}`}.request,
		"numbers":        faulty{body: `{"a":1.0,"b":1e2}`}.request,
		"string":         faulty{body: `"{\"a\":1}"`}.request,
		"pretty":         faulty{body: "{\n  \"b\": 1,\n  \"a\": 2\n}\n"}.request,
		"fields":         faulty{body: "b=1&a=2&c=(~"}.request,
		"nothing":        faulty{target: "/?b=1&a=2"}.request,
		"stage":          faulty{target: "/_furl/url/abc/prod/orders"}.request,
		"not compressed": faulty{body: "text", header: header("Content-Encoding", "gzip", "X-Amz-Content-Sha256",
			hashOf("another"))}.request,
		"not decoded": faulty{body: "caf\ufffd", header: header("X-Amz-Content-Sha256", hashOf("another"))}.request,
		"cut off":     faulty{body: "caf\xc3", header: header("X-Amz-Content-Sha256", hashOf("another"))}.request,
		"tilde":       faulty{target: "/~a"}.request,
		"tracked":     faulty{target: "/?utm_source=x&a=1&fbclid=y"}.request,
		"escaped":     faulty{target: "/?a=1&amp;b=2"}.request,
		"hops":        faulty{header: header("X-Forwarded-For", "10.0.0.1, 10.0.0.2", "Via", "1.1 a, 1.1 b")}.request,
		"count":       faulty{body: "é", header: header("Content-Length", "2")}.request,
		"Latin-1":     faulty{header: header("My-Header", "caf\xe9")}.request,
		"UTF-8":       faulty{header: header("My-Header", "café")}.request,
		"capitals":    faulty{listNames: func(string) string { return "host;X-Amz-Date" }}.request,
	}
	own := regexp.MustCompile(`"(\\.|[^"\\])*"|[0-9TZ]+`) // what a sentence takes from the request
	found := map[diagnose.Fault]bool{}
	met := map[string]int{}
	var said strings.Builder
	for _, name := range slices.Sorted(maps.Keys(shapes)) { // in an order that stays
		request := shapes[name]
		t.Run(name, func(t *testing.T) {
			evidence := func(r *http.Request) (diagnose.Evidence, bool) {
				_, err := newVerifier().Verify(r)
				if err == nil {
					return diagnose.Evidence{}, false
				}
				e := wantKind(t, err, sigv4.InvalidSignature)
				key, _ := lookup(t.Context(), e.AccessKeyID)
				return diagnose.Evidence{
					Request: r, Refusal: e, Key: key, Region: region, Service: service, Now: clock,
					Others: []sigv4.Key{{Credentials: carol}}, Hosts: []string{"abc.example:9000"},
				}, true
			}
			r := request()
			resigned(r, "no signature")
			ev, _ := evidence(r)
			seen := map[string]bool{}
			tried := 0
			for f := range diagnose.Forgeries(t.Context(), ev) {
				if tried++; tried > diagnose.MaxHypotheses {
					break
				}
				known := seen[f.Signature]
				seen[f.Signature] = true
				// the same again and again, and not all of the pairs, but of the fault that there is in pairs only
				sentence := string(f.Fault) + own.ReplaceAllString(f.Explanation+f.Fix, "")
				if known || met[sentence] == 1 || f.And != "" && f.Fault != diagnose.PathNotNormal && tried%32 != 0 {
					continue
				}
				met[sentence]++
				r := request()
				resigned(r, f.Signature)
				ev, refused := evidence(r)
				if !refused {
					t.Errorf("accepted: %s %s: %s", f.Fault, f.And, f.Explanation)
					continue
				}
				d := diagnose.Diagnose(t.Context(), ev)
				if d.Fault != f.Fault || d.And != f.And || d.Explanation != f.Explanation || !d.Proven ||
					d.CanonicalRequest != f.CanonicalRequest {
					t.Errorf("got %+v\nof a request with %s %s: %s", d, f.Fault, f.And, f.Explanation)
				}
				found[f.Fault], found[f.And] = true, true
				said.WriteString(d.Explanation + "\n" + d.Fix + "\n")
			}
		})
	}
	for _, text := range literals(t, "fault.go") {
		if fault := diagnose.Fault(text); !found[fault] && !slices.Contains(concluded, fault) {
			t.Errorf("%s was never found", fault)
		}
	}
	for _, file := range []string{"path.go", "query.go", "target.go", "header.go", "payload.go", "reading.go",
		"json.go", "key.go"} {
		for _, text := range literals(t, file) {
			if strings.Contains(text, " ") && strings.HasSuffix(text, ".") && !strings.Contains(said.String(), text) {
				t.Errorf("%s: no request is told %q", file, text)
			}
		}
	}
}

// gzipped compresses as curl and Python do, with another name and time than Go.
func gzipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Name, w.ModTime = "a", clock
	io.WriteString(w, text)
	w.Close()
	return out.String()
}

// concluded are the faults that are not found by trying.
var concluded = []diagnose.Fault{
	diagnose.Terminator, diagnose.Clock, diagnose.URLExpired, diagnose.TokenMissing, diagnose.TokenUnwanted,
	diagnose.TokenForeign, diagnose.SessionExpired, diagnose.Contradiction, diagnose.Unknown,
	diagnose.LinkCut, diagnose.LinkPunctuation, diagnose.LinkHTML, diagnose.LinkJSON, diagnose.LinkEncoded,
	diagnose.LinkWrapped, diagnose.LinkShell, diagnose.LinkCase, diagnose.LinkParameter, diagnose.LinkAuthorization, // by TestDamagedLinks
}

// literals are the texts in a file of the package.
func literals(t *testing.T, file string) (texts []string) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for node := range ast.Preorder(tree) {
		if lit, ok := node.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, text)
		}
	}
	if len(texts) < 10 {
		t.Fatalf("only %d texts in %s", len(texts), file)
	}
	return texts
}
