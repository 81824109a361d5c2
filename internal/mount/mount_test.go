package mount_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/mount"
)

// below is an application below a path of its own host, as path style has it.
var below = mount.Mount{
	Hosts: []string{"127.0.0.1:9000", "id.lambda-url.eu-west-1.on.aws"}, Apart: "/_furl/",
	Origin: "http://127.0.0.1:9000", Base: "/_furl/url/id",
}

// elsewhere is one that a proxy passes on to, from a path to a path.
var elsewhere = mount.Mount{
	Hosts: []string{"127.0.0.1:9000"}, Prefix: "/_furl/url/id", Origin: "http://localhost:8080", Base: "/orders",
}

func TestReferences(t *testing.T) {
	for _, test := range []struct {
		m        mount.Mount
		in, want string
	}{
		{below, "/login?next=/x#top", "/_furl/url/id/login?next=/x#top"},
		{below, "/", "/_furl/url/id/"},
		{below, "http://127.0.0.1:9000/x", "http://127.0.0.1:9000/_furl/url/id/x"},
		{below, "HTTP://127.0.0.1:9000", "http://127.0.0.1:9000/_furl/url/id/"},
		{below, "http://127.0.0.1:9000?a=b", "http://127.0.0.1:9000/_furl/url/id/?a=b"},
		{below, "https://ID.lambda-url.eu-west-1.on.aws/x", "http://127.0.0.1:9000/_furl/url/id/x"},
		{below, "https://id.lambda-url.eu-west-1.on.aws:443/x", "http://127.0.0.1:9000/_furl/url/id/x"},
		{below, "//id.lambda-url.eu-west-1.on.aws/x", "http://127.0.0.1:9000/_furl/url/id/x"},
		{below, "/_furl/url/id/x", "/_furl/url/id/x"},
		{below, "http://127.0.0.1:9000/_furl/url/other/", "http://127.0.0.1:9000/_furl/url/other/"},
		{below, "login", "login"},
		{below, "?page=2", "?page=2"},
		{below, "", ""},
		{below, "https://example.com/x", "https://example.com/x"},
		{below, "//example.com/x", "//example.com/x"},
		{below, "http://127.0.0.1:9000@example.com/x", "http://127.0.0.1:9000@example.com/x"},
		{below, "http://127.0.0.1:9001/x", "http://127.0.0.1:9001/x"},
		{below, "mailto:a@127.0.0.1:9000", "mailto:a@127.0.0.1:9000"},
		{below, "ftp://127.0.0.1:9000/x", "ftp://127.0.0.1:9000/x"},
		{below, "/a//b", "/_furl/url/id/a//b"},
		{elsewhere, "/_furl/url/id/login", "/orders/login"},
		{elsewhere, "/_furl/url/id", "/orders"},
		{elsewhere, "/_furl/url/id?a=b", "/orders?a=b"},
		{elsewhere, "/_furl/url/identity", "/_furl/url/identity"},
		{elsewhere, "http://127.0.0.1:9000/_furl/url/id/x", "http://localhost:8080/orders/x"},
		{elsewhere, "/login", "/login"},
	} {
		if got := test.m.Reference(test.in); got != test.want {
			t.Errorf("%q: got %q, want %q", test.in, got, test.want)
		}
	}
}

func TestResponse(t *testing.T) {
	h := http.Header{
		"Location": {"/a"}, "Content-Location": {"/b"},
		"Refresh": {"5; url=/c", "0;URL='http://127.0.0.1:9000/d'", `3, "/e" rest`, "7", "1; url=https://example.com/"},
		"Set-Cookie": {
			"a=/b; Path=/; HttpOnly", "b=1; path = /app ;Domain=.127.0.0.1", "c=1; Domain=on.aws; Secure",
			"__Host-d=1; Path=/; Secure", "e=1; Domain=example.com", "f=1", "g=1; Path=relative",
		},
		"X-Other": {"/x"},
	}
	below.Response(h)
	want := http.Header{
		"Location": {"/_furl/url/id/a"}, "Content-Location": {"/_furl/url/id/b"},
		"Refresh": {
			"5; url=/_furl/url/id/c", "0;URL='http://127.0.0.1:9000/_furl/url/id/d'", `3, "/_furl/url/id/e" rest`, "7",
			"1; url=https://example.com/",
		},
		"Set-Cookie": {
			"a=/b; Path=/_furl/url/id/; HttpOnly", "b=1; path =/_furl/url/id/app", "c=1; Secure",
			"__Host-d=1; Path=/; Secure", "e=1; Domain=example.com", "f=1", "g=1; Path=relative",
		},
		"X-Other": {"/x"},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A service worker answers for nothing but its own application. Browsers read the header as a URL relative to the script
// (Service Workers, "Update", step 8), where %2e%2e and \ mean what .. and / do.
func TestScope(t *testing.T) {
	for in, want := range map[string]string{
		"/": "/_furl/url/id/", "/app/": "/_furl/url/id/app/", "/_furl/url/id/app/": "/_furl/url/id/app/",
		"http://127.0.0.1:9000/app/": "http://127.0.0.1:9000/_furl/url/id/app/",
		"/_furl/":                    "/_furl/url/id/", "/_furl/url/": "/_furl/url/id/", "/_furl/url/other/": "/_furl/url/id/", "/_furl/url/id": "/_furl/url/id/",
		"../../": "/_furl/url/id/", "": "/_furl/url/id/", "//127.0.0.1:9000/": "http://127.0.0.1:9000/_furl/url/id/",
		"/..": "/_furl/url/id/", "/%2e%2e/%2E./": "/_furl/url/id/", `/\..\`: "/_furl/url/id/", `\`: "/_furl/url/id/",
		"https://example.com/": "/_furl/url/id/", " / ": "/_furl/url/id/",
	} {
		h := http.Header{"Service-Worker-Allowed": {in}}
		below.Response(h)
		if got := h.Get("Service-Worker-Allowed"); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	h := http.Header{"Service-Worker-Allowed": {"/"}}
	if (&mount.Mount{Origin: "http://localhost:8080"}).Response(h); h.Get("Service-Worker-Allowed") != "/" {
		t.Errorf("without a base: %v", h)
	}
}

// What comes out never leads to another host than what went in, unless that is the client's.
func FuzzReference(f *testing.F) {
	for _, text := range []string{"/", "//h/", "http://127.0.0.1:9000\\@example.com/", "/\\example.com", "https:///x", "\t/x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := below.Reference(text)
		if got != text && !strings.HasPrefix(got, below.Base) && !strings.HasPrefix(got, below.Origin+below.Base) {
			t.Errorf("%q became %q", text, got)
		}
		if again := below.Reference(got); again != got {
			t.Errorf("%q became %q and then %q", text, got, again)
		}
	})
}
