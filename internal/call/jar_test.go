package call_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/call"
)

func request(t *testing.T, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// received has the jar receive cookies from an address.
func received(t *testing.T, jar *call.Jar, address string, cookies ...string) {
	t.Helper()
	jar.Receive(&http.Response{Request: request(t, address), Header: http.Header{"Set-Cookie": cookies}})
}

// RFC 6265, sections 5.1.3 (domains), 5.1.4 (paths), 5.3 (what is kept) and 5.4 (what is sent), and RFC 6265bis, section
// 4.1.3 (prefixes) and 5.6 (secure cookies stay). The public suffixes are those of publicsuffix.org.
func TestJarRules(t *testing.T) {
	for _, test := range []struct {
		from, cookie, to string
		want             string
	}{
		{"https://a.example.com/x/y", "c=1", "https://a.example.com/x/z", "c=1"},
		{"https://a.example.com/x/y", "c=1", "https://a.example.com/x", "c=1"},
		{"https://a.example.com/x/y", "c=1", "https://a.example.com/xy", ""},
		{"https://a.example.com/x/y", "c=1", "https://a.example.com/", ""},
		{"https://a.example.com/", "c=1", "https://b.a.example.com/", ""},
		{"https://a.example.com/", "c=1; Domain=example.com", "https://b.example.com/", "c=1"},
		{"https://a.example.com/", "c=1; Domain=.Example.COM", "https://example.com/", "c=1"},
		{"https://a.example.com/", "c=1; Domain=example.com", "https://notexample.com/", ""},
		{"https://a.example.com/", "c=1; Domain=b.example.com", "https://b.example.com/", ""},
		{"https://a.example.com/", "c=1; Domain=com", "https://other.com/", ""},
		{"https://a.example.co.uk/", "c=1; Domain=co.uk", "https://other.co.uk/", ""},
		{"https://me.github.io/", "c=1; Domain=github.io", "https://you.github.io/", ""},
		{"https://abc.lambda-url.eu-central-1.on.aws/", "c=1; Domain=lambda-url.eu-central-1.on.aws", "https://def.lambda-url.eu-central-1.on.aws/", ""},
		{"https://abc.lambda-url.eu-central-1.on.aws/", "c=1", "https://def.lambda-url.eu-central-1.on.aws/", ""},
		{"http://abc.lambda-url.eu-central-1.localhost:9000/", "c=1", "http://abc.lambda-url.eu-central-1.localhost:9000/x", "c=1"},
		{"http://10.0.0.1/", "c=1; Domain=0.0.1", "http://10.0.0.1/", ""},
		{"http://[::1]:8080/", "c=1", "http://[::1]:8080/", "c=1"},
		{"https://a.example.com/", "c=1; Secure", "http://a.example.com/", ""},
		{"http://a.example.com/", "c=1; Secure", "https://a.example.com/", ""},
		{"http://localhost:1/", "c=1; Secure", "http://localhost:2/", "c=1"},
		{"https://a.example.com/", "__Secure-c=1", "https://a.example.com/", ""},
		{"https://a.example.com/", "__Secure-c=1; Secure", "https://a.example.com/", "__Secure-c=1"},
		{"https://a.example.com/", "__Host-c=1; Secure; Path=/", "https://a.example.com/", "__Host-c=1"},
		{"https://a.example.com/x", "__Host-c=1; Secure; Path=/x", "https://a.example.com/x", ""},
		{"https://a.example.com/", "__Host-c=1; Secure; Path=/; Domain=example.com", "https://a.example.com/", ""},
		{"https://a.example.com/", "c=1; Max-Age=0", "https://a.example.com/", ""},
		{"https://a.example.com/", "c=1; Max-Age=-1; Expires=Fri, 01 Jan 2100 00:00:00 GMT", "https://a.example.com/", ""},
		{"https://a.example.com/", "c=1; Expires=Fri, 01 Jan 1999 00:00:00 GMT; Max-Age=100", "https://a.example.com/", "c=1"},
		{"https://a.example.com/", "c=1; Max-Age=99999999999999", "https://a.example.com/", "c=1"},
		{"https://a.example.com/", "c=a\x01b", "https://a.example.com/", ""},
		{"https://a.example.com/", "c=" + strings.Repeat("x", 4100), "https://a.example.com/", ""},
		{"https://a.example.com/", "c=1; Path=" + strings.Repeat("x", 5100), "https://a.example.com/", ""},
	} {
		jar := &call.Jar{}
		received(t, jar, test.from, test.cookie)
		if got := jar.Cookies(request(t, test.to)); got != test.want {
			t.Errorf("%.80q from %s: %s gets %.80q, want %q", test.cookie, test.from, test.to, got, test.want)
		}
	}
}

// A server over http changes no cookie that came over TLS.
func TestJarKeepsSecureCookies(t *testing.T) {
	jar := &call.Jar{}
	received(t, jar, "https://a.example.com/", "c=1; Secure; Path=/")
	received(t, jar, "http://a.example.com/", "c=2; Path=/", "c=3; Domain=example.com; Path=/", "c=4; Path=/; Max-Age=0")
	if got := jar.Cookies(request(t, "https://a.example.com/")); got != "c=1" {
		t.Errorf("sends %q", got)
	}
}

// What a server or a file can make the jar hold and send has bounds.
func TestJarIsBounded(t *testing.T) {
	jar := &call.Jar{}
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprintf("c%03d=%s; Path=/", i, strings.Repeat("x", 100)))
	}
	received(t, jar, "https://a.example.com/", many...)
	if got := strings.Count(jar.Cookies(request(t, "https://a.example.com/")), "="); got != 50 {
		t.Errorf("%d cookies of one response", got)
	}
	var file strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&file, "a.example.com\tFALSE\t/\tFALSE\t0\tf%04d\t%s\n", i, strings.Repeat("y", 50))
	}
	name := filepath.Join(t.TempDir(), "jar")
	if err := os.WriteFile(name, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := jar.Read(name, "a.example.com", false, nil); err != nil {
		t.Fatal(err)
	}
	if got := jar.Cookies(request(t, "https://a.example.com/")); len(got) > 8190 || len(got) < 4000 {
		t.Errorf("sends %d bytes", len(got))
	}
	var out strings.Builder
	if err := jar.Write("-", &out); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\ta.example.com") + strings.Count(out.String(), "\na.example.com"); lines > 3000 {
		t.Errorf("keeps %d cookies", lines)
	}
}

// What the jar writes it reads again.
func TestJarReadsWhatItWrites(t *testing.T) {
	jar := &call.Jar{}
	received(t, jar, "https://a.example.com/x/", "a=1; Path=/", "b=x y; HttpOnly; Secure", "c==; Domain=example.com; Max-Age=1000", `d="q"; Path=/z/`, "e=; Path=/")
	name := filepath.Join(t.TempDir(), "jar")
	if err := jar.Write(name, nil); err != nil {
		t.Fatal(err)
	}
	again := &call.Jar{}
	if err := again.Read(name, "", false, nil); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"https://a.example.com/x/", "http://a.example.com/x/", "https://b.example.com/x/", "https://a.example.com/z"} {
		if want, got := jar.Cookies(request(t, address)), again.Cookies(request(t, address)); len(want) != len(got) {
			t.Errorf("%s: wrote %q, read %q", address, want, got)
		}
	}
	session := &call.Jar{}
	if err := session.Read(name, "", true, nil); err != nil {
		t.Fatal(err)
	}
	if got := session.Cookies(request(t, "https://a.example.com/x/")); got != "c==" {
		t.Errorf("without those of the session: %q", got)
	}
}

// FuzzJar reads anything, and sends only what can stand in a header.
func FuzzJar(f *testing.F) {
	f.Add("a.example\tTRUE\t/\tFALSE\t0\tn\tv", "n=v; Path=/; Domain=a.example")
	f.Add("#HttpOnly_a.example\tFALSE\t/x\tTRUE\t99999999999999999999\tn", "=; ; Expires=x; Max-Age=9223372036854775807")
	f.Fuzz(func(t *testing.T, file, header string) {
		jar := &call.Jar{}
		if err := jar.Read("-", "a.example", false, strings.NewReader(file)); err != nil {
			t.Skip()
		}
		to := &http.Request{URL: &url.URL{Scheme: "https", Host: "a.example", Path: "/"}}
		jar.Receive(&http.Response{Request: to, Header: http.Header{"Set-Cookie": {header}}})
		if sent := jar.Cookies(to); strings.ContainsAny(sent, "\r\n\x00") {
			t.Errorf("sends %q", sent)
		}
		var out strings.Builder
		if err := jar.Write("-", &out); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "# ") && strings.Count(line, "\t") != 6 {
				t.Errorf("writes the line %q", line)
			}
		}
	})
}

// Cookies end when their time is over.
func TestJarForgets(t *testing.T) {
	jar := &call.Jar{}
	expires := time.Now().Add(-time.Minute).Unix()
	line := fmt.Sprintf("a.example.com\tFALSE\t/\tFALSE\t%d\tn\tv\n", expires)
	if err := jar.Read("-", "", false, strings.NewReader(line)); err != nil {
		t.Fatal(err)
	}
	if got := jar.Cookies(request(t, "https://a.example.com/")); got != "" {
		t.Errorf("sends %q", got)
	}
}

// A tab in an attribute would be one more field of the cookie's line in the file.
func TestJarHasNoForgedFields(t *testing.T) {
	u := &url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/"}
	jar := &call.Jar{}
	jar.Receive(&http.Response{
		Header:  http.Header{"Set-Cookie": {"a=1; path=/\tFALSE\t0\tforged", "b=2; path=/"}},
		Request: &http.Request{URL: u},
	})
	var file strings.Builder
	if err := jar.Write("-", &file); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file.String(), "forged") || !strings.Contains(file.String(), "\tb\t2\n") {
		t.Errorf("%s", file.String())
	}
}
