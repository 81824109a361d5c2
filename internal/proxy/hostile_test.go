package proxy_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/proxy"
	"github.com/furl-dev/furl/internal/urltest"
	"github.com/furl-dev/furl/sigv4"
)

// seenBy sends a request with these header lines and returns the headers that the function sees.
func seenBy(t *testing.T, c proxy.Config, send func(p *running) *http.Response) http.Header {
	t.Helper()
	var seen http.Header
	server := urltest.Start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) //nolint:errcheck // trailers come behind it
		seen = r.Header.Clone()
		for name, values := range r.Trailer {
			seen["Trailer "+name] = values
		}
	}))
	resp := send(start(t, server, c))
	if text := body(t, resp); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", resp.Status, text)
	}
	return seen
}

// No function sees an X-Forwarded-Authorization that the client made up, under any spelling and in any place. With
// --forward-authorization it sees the client's Authorization there, and never the proxy's token.
func TestHostileForwardedAuthorization(t *testing.T) {
	const (
		forged  = "X-Forwarded-Authorization: forged\r\n"
		digest  = "Authorization: Digest x\r\n"
		chunked = "Transfer-Encoding: chunked\r\n"
	)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:secret"))
	for name, test := range map[string]struct {
		lines string
		want  []string // with --forward-authorization
	}{
		"forged":                 {forged, nil},
		"in lower case":          {strings.ToLower(forged), nil},
		"in odd case":            {"X-FORWARDED-authorization: forged\r\n", nil},
		"twice":                  {forged + forged, nil},
		"beside the real one":    {digest + forged, []string{"Digest x"}},
		"with underscores":       {"X_Forwarded_Authorization: forged\r\nx_forwarded-authorization: forged\r\n", nil},
		"folded":                 {"X-Forwarded-Authorization:\r\n forged\r\n", nil},
		"empty":                  {"X-Forwarded-Authorization:\r\n", nil},
		"in Connection":          {"Connection: X-Forwarded-Authorization\r\n" + forged + digest, []string{"Digest x"}},
		"Authorization, as well": {"Connection: close, Authorization\r\n" + forged + digest, nil},
		"a trailer":              {chunked + "Trailer: X-Forwarded-Authorization\r\n\r\n0\r\n" + forged, nil},
		"a trailer not declared": {chunked + "\r\n0\r\n" + forged, nil},
		"two real ones":          {digest + "Authorization: Digest y\r\n", []string{"Digest x", "Digest y"}},
		"the token":              {"Authorization: Bearer secret\r\n", nil},
		"the token twice":        {"Authorization: Bearer secret\r\nAuthorization: " + basic + "\r\n", nil},
		"the token second":       {digest + "Authorization: bearer  secret\r\n", []string{"Digest x"}},
	} {
		for _, forward := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, forward), func(t *testing.T) {
				c := proxy.Config{ForwardAuthorization: forward, Token: sigv4.NewSecret("secret")}
				seen := seenBy(t, c, func(p *running) *http.Response {
					return p.raw(t, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Furl-Token: secret\r\n"+test.lines+"\r\n")
				})
				want := test.want
				if !forward {
					want = nil
				}
				if diff := cmp.Diff(want, seen["X-Forwarded-Authorization"]); diff != "" {
					t.Error(diff)
				}
				for _, secret := range []string{"forged", "secret", basic} {
					if text := fmt.Sprint(seen); strings.Contains(text, secret) {
						t.Errorf("%s went on: %s", secret, text)
					}
				}
			})
		}
	}
}

// Over HTTP/2, where names are in lower case.
func TestHostileForwardedAuthorizationOverHTTP2(t *testing.T) {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	seen := seenBy(t, proxy.Config{ForwardAuthorization: true}, func(p *running) *http.Response {
		body := io.MultiReader(strings.NewReader("body"))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.address, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["X-Forwarded-Authorization"] = []string{"forged", "forged"}
		r.Header["x_forwarded_authorization"] = []string{"forged"}
		r.Header.Set("Authorization", "Digest x")
		r.Trailer = http.Header{"X-Forwarded-Authorization": {"forged"}}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if resp.ProtoMajor != 2 {
			t.Fatalf("over %s", resp.Proto)
		}
		return resp
	})
	if diff := cmp.Diff([]string{"Digest x"}, seen["X-Forwarded-Authorization"]); diff != "" {
		t.Error(diff)
	}
	if text := fmt.Sprint(seen); strings.Contains(text, "forged") {
		t.Errorf("went on: %s", text)
	}
}

// The proxy does not sign and pass on a client's headers about a signature, an AWS service or another proxy.
func TestHostileHeadersOfOthers(t *testing.T) {
	seen := seenBy(t, proxy.Config{}, func(p *running) *http.Response {
		lines := "X-Kept: kept\r\nConnection: X-Hop, X-Amz-Date, keep-alive\r\n"
		for _, name := range []string{
			"Authorization", "x-amz-date", "X-AMZ-DATE", "X-Amz-Security-Token", "X-Amz-Content-Sha256",
			"X-Amz-Source-Account", "x-amz-source-arn", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host",
			"X-Forwarded-Proto", "X-Hop", "Proxy-Authorization", "Proxy-Connection",
		} {
			lines += name + ": forged\r\n"
		}
		return p.raw(t, "GET / HTTP/1.1\r\nHost: localhost\r\n"+lines+"\r\n")
	})
	if text := fmt.Sprint(seen); strings.Contains(text, "forged") {
		t.Errorf("went on: %s", text)
	}
	if seen.Get("X-Kept") != "kept" || seen.Get("X-Amz-Date") == "" {
		t.Errorf("seen: %v", seen)
	}
}

// A request with both a length and a coding is answered, and then the connection is closed.
func TestHostileLengthAndCoding(t *testing.T) {
	server := urltest.Start(t, nil)
	p := start(t, server, proxy.Config{})
	const chunks = "5\r\nhello\r\n0\r\n\r\n"
	for _, lines := range []string{
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 15\r\n",
		"tRANSFER-eNCODING: chunked\r\nConnection: keep-alive\r\ncONTENT-lENGTH:\r\n 5\r\n",
	} {
		for _, host := range []string{"localhost", "evil.example"} {
			before := len(server.Lines())
			conn, err := net.Dial("tcp", p.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			go io.WriteString(conn, "POST /first HTTP/1.1\r\nHost: "+host+"\r\nContent-Length: 5\r\n\r\nhello"+
				"POST /second HTTP/1.1\r\nHost: "+host+"\r\n"+lines+"\r\n"+chunks+
				"GET /third HTTP/1.1\r\nHost: localhost\r\n\r\n")
			in := bufio.NewReader(conn)
			for _, last := range []bool{false, true} {
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				if text := body(t, resp); resp.Close != last || host == "localhost" && text != "hello" {
					t.Errorf("%q: %v, %s", lines, resp, text)
				}
			}
			if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
				t.Errorf("%q: after the last answer %q, %v", lines, rest, err)
			}
			want := map[string]int{"localhost": 2, "evil.example": 0}[host]
			if went := server.Lines()[before:]; len(went) != want {
				t.Errorf("%q: %q went on", lines, went)
			}
		}
	}
}

// Each of 200 clients that send 7 to 20 MB before they read can send all of it and then reads why it was refused.
func TestHostileUploads(t *testing.T) {
	server := urltest.Start(t, nil)
	transport := furl.NewTransport(server.Config())
	transport.MaxSpool = 6 << 20
	p := start(t, server, proxy.Config{Transport: transport, Upstream: server.URL, Token: sigv4.NewSecret("secret")})
	uploads := []struct {
		lines  string
		status int
	}{
		{"Host: evil.example\r\n", 403},
		{"Host: localhost\r\nOrigin: http://evil.example\r\n", 403},
		{"Host: localhost\r\n", 401},
		{"Host: localhost\r\nAuthorization: Bearer secret\r\n", 413},
		{"Host: localhost\r\nUpgrade: websocket\r\n", 501},
	}
	piece := bytes.Repeat([]byte("x"), 1<<20)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			u, size := uploads[i%len(uploads)], 7+i*14/200
			conn, err := net.Dial("tcp", p.address)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(100 * time.Second))
			framing, before, after, end := fmt.Sprintf("Content-Length: %d", size<<20), "", "", ""
			if i/len(uploads)%2 == 1 {
				framing, before, after, end = "Transfer-Encoding: chunked", "100000\r\n", "\r\n", "0\r\n\r\n"
			}
			_, err = io.WriteString(conn, "POST / HTTP/1.1\r\n"+u.lines+framing+"\r\n\r\n")
			for range size {
				for _, part := range [][]byte{[]byte(before), piece, []byte(after)} {
					if err == nil {
						_, err = conn.Write(part)
					}
				}
			}
			if err == nil {
				_, err = io.WriteString(conn, end)
			}
			if err != nil {
				t.Errorf("%q, %s, %d MB: %v", u.lines, framing, size, err)
				return
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || resp.StatusCode != u.status {
				t.Errorf("%q, %s, %d MB: want %d, got %v, %v", u.lines, framing, size, u.status, resp, err)
			}
		})
	}
	all.Wait()

	t.Run("a client that asks", func(t *testing.T) {
		for _, u := range uploads {
			conn, err := net.Dial("tcp", p.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			const asks = "Content-Length: 20000000\r\nExpect: 100-continue\r\n\r\n"
			io.WriteString(conn, "POST / HTTP/1.1\r\n"+u.lines+asks)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || resp.StatusCode != u.status {
				t.Errorf("%q: want %d, got %v, %v", u.lines, u.status, resp, err)
			}
		}
	})
	t.Run("net/http", func(t *testing.T) {
		large := bytes.Repeat(piece, 20)
		for _, h2 := range []bool{false, true} {
			protocols := new(http.Protocols)
			protocols.SetHTTP1(!h2)
			protocols.SetUnencryptedHTTP2(h2)
			client := &http.Transport{Protocols: protocols}
			defer client.CloseIdleConnections()
			for range 5 {
				for _, u := range uploads[:4] {
					body := bytes.NewReader(large)
					r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.address, body)
					if err != nil {
						t.Fatal(err)
					}
					for line := range strings.Lines(u.lines) {
						name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
						if r.Header.Set(name, value); name == "Host" {
							r.Host = value
						}
					}
					resp, err := client.RoundTrip(r)
					if err != nil {
						t.Errorf("%q, HTTP/2 %v: %v", u.lines, h2, err)
						continue
					}
					if resp.Body.Close(); resp.StatusCode != u.status {
						t.Errorf("%q, HTTP/2 %v: %s", u.lines, h2, resp.Status)
					}
				}
			}
		}
	})
	t.Run("curl", func(t *testing.T) {
		curl, err := exec.LookPath("curl")
		if err != nil && os.Getenv("FURL_STRICT") != "" {
			t.Fatal("curl is not installed")
		} else if err != nil {
			if os.Getenv("FURL_STRICT") != "" {
				t.Fatal("curl is not on PATH, and FURL_STRICT is set")
			}
			t.Skip("SKIPPED: curl is not on PATH")
		}
		file := filepath.Join(t.TempDir(), "body")
		if err := os.WriteFile(file, bytes.Repeat(piece, 20), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, u := range uploads[:4] {
			arguments := []string{
				"--silent", "--noproxy", "*", "--max-time", "20", "--output", os.DevNull,
				"--write-out", "%{http_code}", "--data-binary", "@" + file, "http://" + p.address,
			}
			for line := range strings.Lines(u.lines) {
				arguments = append(arguments, "--header", strings.TrimSpace(line))
			}
			out, err := exec.CommandContext(t.Context(), curl, arguments...).CombinedOutput()
			if err != nil || string(out) != fmt.Sprint(u.status) {
				t.Errorf("%q: %s, %v", u.lines, out, err)
			}
		}
	})
}
