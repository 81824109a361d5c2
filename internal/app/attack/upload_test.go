//go:build unix

package attack_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// upload is a large request that is refused before its body has been read, or at its limit.
type upload struct {
	name   string
	r      request // without its body
	status int
}

func (w *world) uploads() []upload {
	old, wrong := w.alice.signing("lambda"), w.alice.signing("lambda")
	old.at, wrong.key.secret = old.at.Add(-1e12), "wrong"
	package64 := w.api("POST", "/2015-03-31/functions", "")
	return []upload{
		{"without a signature", w.url(w.iamURL, "POST", "/", ""), 403},
		{"with an old signature", w.url(w.iamURL, "POST", "/", "").signed(old), 403},
		{"with a wrong signature", w.url(w.iamURL, "POST", "/", "").signed(wrong), 413},
		{"to an open function URL", w.url(w.openURL, "POST", "/", ""), 413},
		{"to no function URL", w.url(strings.Repeat("a", 32), "POST", "/", ""), 403},
		{"to a path style URL", w.api("POST", "/_furl/url/"+w.iamURL+"/", ""), 403},
		{"of a package without a signature", package64, 403},
		{"of a package with an old signature", package64.signed(old), 403},
		{"above the limit of an API", w.api("POST", "/2015-03-31/functions/target/invocations", "").signed(wrong), 413},
		{"to a page", w.api("POST", "/_furl/requests", ""), 405},
	}
}

// Each of 200 clients that send 7 to 20 MB without looking up, as most do, can send all of it and reads the answer.
func TestUploads(t *testing.T) {
	w := newWorld(t, bodiesWithin(5*patience)) // bodies of unknown length wait for each other
	uploads := w.uploads()
	piece := bytes.Repeat([]byte("x"), megabyte)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			u, size := uploads[i%len(uploads)], 7+i*14/200
			name := fmt.Sprintf("%d MB %s", size, u.name)
			framing, before, after, end := fmt.Sprintf("Content-Length: %d", size*megabyte+1), "", "", "x"
			if i/len(uploads)%2 == 1 {
				framing, before, after, end = "Transfer-Encoding: chunked", "100000\r\n", "\r\n", "0\r\n\r\n"
			}
			text := u.r.with(framing)
			if i/len(uploads)%4 == 3 {
				text = text.with("Connection: close")
			}
			text.framed = true
			c := dial(t, w.address)
			defer c.Close()
			c.SetDeadline(time.Now().Add(5 * patience)) //nolint:errcheck // they are many
			_, err := io.WriteString(c, text.wire())
			for range size {
				for _, part := range [][]byte{[]byte(before), piece, []byte(after)} {
					if err == nil {
						_, err = c.Write(part)
					}
				}
			}
			if err == nil {
				_, err = io.WriteString(c, end)
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			if a, err := c.read("POST"); err != nil || a.status != u.status || !a.close {
				t.Errorf("%s: want %d, got %v, %v", name, u.status, a, err)
			}
			if rest, err := io.ReadAll(c.reader); err != nil || len(rest) > 0 {
				t.Errorf("%s: after the answer %q, %v", name, rest, err)
			}
		})
	}
	all.Wait()
	open := w.connections(t)
	eventually(t, "no connection lingers", func() bool { return open() <= 1 })
}

// Clients that people use see the answer, too.
func TestUploadsOfRealClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := bytes.Repeat([]byte("x"), 20*megabyte)
	t.Run("net/http", func(t *testing.T) {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		for i := range 20 {
			for _, u := range w.uploads() {
				reader := io.Reader(bytes.NewReader(body))
				if i%2 == 1 {
					reader = io.MultiReader(reader) // of unknown length
				}
				r, err := http.NewRequestWithContext(t.Context(), u.r.method, "http://"+w.address+u.r.target, reader)
				if err != nil {
					t.Fatal(err)
				}
				r.Host = u.r.host
				for _, line := range u.r.lines {
					name, value, _ := strings.Cut(line, ": ")
					r.Header.Set(name, value)
				}
				response, err := transport.RoundTrip(r)
				if err != nil {
					t.Errorf("%s: %v", u.name, err)
					continue
				}
				if response.Body.Close(); response.StatusCode != u.status {
					t.Errorf("%s: want %d, got %s", u.name, u.status, response.Status)
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
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, u := range w.uploads() {
			arguments := []string{
				"--silent", "--noproxy", "*", "--max-time", "20", "--output", os.DevNull,
				"--write-out", "%{http_code} %{size_upload}", "--data-binary", "@" + file,
				"--header", "Host: " + u.r.host,
			}
			for _, line := range u.r.lines {
				arguments = append(arguments, "--header", line)
			}
			for _, expect := range []string{"Expect:", "Expect: 100-continue"} {
				all := append(slices.Clone(arguments), "--header", expect, "http://"+w.address+u.r.target)
				out, err := exec.CommandContext(t.Context(), curl, all...).CombinedOutput()
				var status, sent int
				fmt.Sscan(string(out), &status, &sent) //nolint:errcheck // the status says it
				if err != nil || status != u.status || expect != "Expect:" && sent > 0 {
					t.Errorf("%s, %s: %s, %v; want %d", u.name, expect, out, err, u.status)
				}
			}
		}
	})
}

// A client that asks whether to send its body is told the answer, and not to go on.
func TestUploadsThatAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, u := range w.uploads() {
		r := u.r.with("Content-Length: 20000000", "Expect: 100-continue")
		r.framed = true
		c := dial(t, w.address)
		c.write(r.wire())
		if a, err := c.read("POST"); err != nil || a.status != u.status || !a.close {
			t.Errorf("%s: want %d, got %v, %v", u.name, u.status, a, err)
		}
	}
	// One that does not wait for the answer reads it nevertheless.
	for _, u := range w.uploads() {
		r := u.r.with("Content-Length: 10485760", "Expect: 100-continue")
		r.framed = true
		c := dial(t, w.address)
		if _, err := io.WriteString(c, r.wire()+strings.Repeat("x", 10*megabyte)); err != nil {
			t.Errorf("%s: %v", u.name, err)
		}
		if a, err := c.read("POST"); err != nil || a.status != u.status {
			t.Errorf("%s: want %d, got %v, %v", u.name, u.status, a, err)
		}
	}
}

// What net/http refuses by itself reaches the client, too, whatever follows it.
func TestUploadsThatAreNoHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n"
	for text, status := range map[string]int{
		post + "X A: b\r\n\r\n":                                         400,
		post + "Content-Length: 3\r\n\r\n":                              400,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n": 501,
		post + "Expect: 200-ok\r\n\r\n":                                 417,
		post + "X-A: ":                                                  431,
	} {
		c := dial(t, w.address)
		if _, err := io.WriteString(c, text+strings.Repeat("x", 10*megabyte)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if a, err := c.read("POST"); err != nil || a.status != status {
			t.Errorf("%q: want %d, got %v, %v", text, status, a, err)
		}
	}
}

// A client that never stops sending is cut off.
func TestUploadWithoutEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, line := range []string{"Content-Length: 100000000000", "Transfer-Encoding: chunked"} {
		r := w.url(w.iamURL, "POST", "/", "").with(line)
		r.framed = true
		c := dial(t, w.address)
		sent, err := io.WriteString(c, r.wire())
		if line == "Transfer-Encoding: chunked" && err == nil {
			_, err = io.WriteString(c, "fffffffff\r\n")
		}
		for piece := make([]byte, megabyte); err == nil && sent < 1<<30; {
			var n int
			n, err = c.Write(piece)
			sent += n
		}
		if err == nil || sent < 20*megabyte || sent > 200*megabyte {
			t.Errorf("%s: the server took %d bytes, %v", line, sent, err)
		}
	}
	open := w.connections(t)
	eventually(t, "no connection lingers", func() bool { return open() <= 1 })
}

// Bodies above the limit are refused before they are authenticated, in the plane's own words.
func TestOversize(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		plane  int
		target string
		size   int64
		text   string
	}{
		{0, "/", 6291457, "Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
		{2, "/2015-03-31/functions/target/invocations", 6291457,
			"Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
		{2, "/2015-03-31/functions", 70167212,
			"Request must be smaller than 70167211 bytes for the CreateFunction operation"},
		{2, "/2015-03-31/functions/target/policy", 1<<20 + 1,
			"Request must be smaller than 1048576 bytes for the AddPermission operation"},
		{3, "/", 10_000_001, ""},
		{4, "/", 10_000_001, ""},
	} {
		p := w.planes()[test.plane]
		t.Run(fmt.Sprint(p.name, test.target), func(t *testing.T) {
			unknown := w.good(p)
			unknown.key.id = "AKIAIOSFODNN7EXAMPLE"
			for _, s := range []signing{w.good(p), unknown} {
				// Nothing is sent of it: who waited for it would not answer.
				r := p.request
				r.target, r.body = test.target, ""
				r = r.signed(s).with(fmt.Sprintf("Content-Length: %d", test.size))
				r.framed = true
				start := time.Now()
				p.refuses(t, w.send(t, r), tooLarge, test.text)
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("it took %s", took)
				}
			}
		})
	}
	t.Run("chunked", func(t *testing.T) {
		p := w.planes()[0]
		r := p.request.signed(w.good(p)).with("Transfer-Encoding: chunked")
		r.framed, r.body = true, strings.Repeat(chunk(strings.Repeat("x", 1<<20)), 7)+"0\r\n\r\n"
		p.refuses(t, w.send(t, r), tooLarge, "Request must be smaller than 6291456 bytes for the InvokeFunction operation")
	})
}
