package cli_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/urltest"
)

// A host in front of the function URL sends the function URL's own name to it, whatever the client's request says.
func TestSignHost(t *testing.T) {
	environment(t)
	t.Setenv("AWS_REGION", "us-east-1") // the function URL's own region counts
	server := urltest.Start(t, nil)
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(&httputil.ReverseProxy{
		Transport: furl.NewBase(), Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
	})
	t.Cleanup(front.Close)
	if code, _, _ := run(t, nil, "call", front.URL+"/x", "-d", "body"); code != 4 {
		t.Errorf("without the flag: exit status %d, want 4", code)
	}
	code, stdout, stderr := run(t, nil, "call", front.URL+"/x", "-d", "body", "--sign-host", to.Host)
	if code != 0 || stdout != "body" {
		t.Errorf("exit status %d, %q: %s", code, stdout, stderr)
	}
	code, stdout, stderr = run(t, nil, "sign", front.URL+"/x", "--as", "url", "--sign-host", to.Host)
	if code != 0 || !strings.HasPrefix(stdout, front.URL+"/x?") || stderr != "" {
		t.Fatalf("exit status %d, %q: %s", code, stdout, stderr)
	}
	resp, err := http.Get(strings.TrimSpace(stdout))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the link: %v, %v", resp, err)
	}
	at := strings.TrimPrefix(front.URL, "http://")
	for language, want := range map[string][]string{
		"python": {`AWSRequest("GET", "https://` + to.Host + `/x", `, `requests.Request("GET", url, `, `url = "` + front.URL + `/x"`},
		"js":     {`url: "https://` + to.Host + `/x",`, `await fetch("` + front.URL + `/x", `},
		"go":     {`transport.SignHosts = map[string]string{"` + at + `": "` + to.Host + `"}`, `"GET", "` + front.URL + `/x", nil)`},
	} {
		code, stdout, stderr := run(t, nil, "sign", front.URL+"/x", "--as", language, "--sign-host", to.Host)
		if code != 0 || stderr != "" {
			t.Errorf("%s: exit status %d: %s", language, code, stderr)
		}
		for _, part := range want {
			if !strings.Contains(stdout, part) {
				t.Errorf("%s: %q is not in\n%s", language, part, stdout)
			}
		}
	}
	for _, host := range []string{"https://" + to.Host, to.Host + "/path", "user@" + to.Host, "a b"} {
		if code, _, stderr := run(t, nil, "call", front.URL, "--sign-host", host); code != 2 || !strings.Contains(stderr, "is not a host") {
			t.Errorf("%q: exit status %d, %s", host, code, stderr)
		}
	}
	code, _, stderr = run(t, nil, "proxy", "--route", "/a="+front.URL, "--route", "/b="+server.URL, "--sign-host", to.Host)
	if code != 2 || !strings.Contains(stderr, "one function URL") {
		t.Errorf("two upstreams: exit status %d, %s", code, stderr)
	}
}

// The Host header may be all that names the function URL, and so its region.
func TestRegionOfTheHostHeader(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	named, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, region := range []string{"", "us-east-1"} {
		t.Setenv("AWS_REGION", region)
		address := "http://127.0.0.1:" + named.Port() + "/x"
		if code, stdout, stderr := run(t, nil, "call", address, "-H", "Host: "+named.Host, "-d", "body"); code != 0 || stdout != "body" {
			t.Errorf("AWS_REGION %q: exit status %d, %q: %s", region, code, stdout, stderr)
		}
	}
	t.Setenv("AWS_REGION", "")
	if code, _, stderr := run(t, nil, "call", "http://127.0.0.1:"+named.Port()+"/x", "-H", "Host: app.example"); code != 2 ||
		!strings.Contains(stderr, "--region") {
		t.Errorf("no region anywhere: exit status %d: %s", code, stderr)
	}
}

func TestVerboseSaysWhyItRepeats(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	server.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	code, _, stderr := run(t, nil, "call", server.URL, "-v")
	if code != 0 || !strings.Contains(stderr, "behind this machine's: signed again with the server's time") {
		t.Errorf("exit status %d: %s", code, stderr)
	}
	// A key in a file that somebody has replaced since: the next call reads it anyway, and a proxy after a refusal.
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		t.Setenv(name, "")
	}
	file := filepath.Join(t.TempDir(), "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	write := func(secret string) {
		text := "[default]\naws_access_key_id = " + urltest.AccessKeyID + "\naws_secret_access_key = " + secret +
			"\naws_session_token = " + urltest.Token + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	server.Now = time.Now
	write("old")
	variables, _ := startProxy(t, server.URL, "--listen", "127.0.0.1:0")
	get := func() int {
		resp, err := http.Get(variables["FURL_PROXY_URL"])
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := get(); got != http.StatusForbidden {
		t.Errorf("status %d with another secret", got)
	}
	write(urltest.Secret)
	if got := get(); got != http.StatusOK {
		t.Errorf("status %d after the key in the file was replaced", got)
	}
}

func TestFollowsToPresignedLinks(t *testing.T) {
	environment(t)
	link := ""
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/start" {
			http.Redirect(w, r, link, http.StatusSeeOther)
			return
		}
		w.Write([]byte("file"))
	}))
	code, stdout, stderr := run(t, nil, "sign", server.URL+"/file", "--as", "url")
	if link = strings.TrimSpace(stdout); code != 0 {
		t.Fatal(stderr)
	}
	if code, stdout, stderr := run(t, nil, "call", "-L", server.URL+"/start", "-d", "x"); code != 0 || stdout != "file" {
		t.Errorf("exit status %d, %q: %s", code, stdout, stderr)
	}
	// Who reads what -v shows must not be able to call the link, nor one that stands in a query.
	_, signature, _ := strings.Cut(link, "X-Amz-Signature=")
	within := "?to=" + url.QueryEscape(link)
	code, _, stderr = run(t, nil, "call", "-v", "-L", server.URL+"/start"+within)
	if code != 0 || !strings.Contains(stderr, "X-Amz-Signature=(hidden)") || strings.Contains(stderr, signature) ||
		strings.Contains(stderr, urltest.Token) || strings.Contains(stderr, url.QueryEscape(urltest.Token)) {
		t.Errorf("exit status %d, %s", code, stderr)
	}
}
