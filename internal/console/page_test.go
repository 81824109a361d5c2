//go:build unix

package console_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/console"
)

func getPage(t *testing.T, c *console.Console, method, name string, headers ...string) *http.Response {
	t.Helper()
	request := httptest.NewRequest(method, "/_furl/"+name, nil)
	for _, line := range headers {
		key, value, _ := strings.Cut(line, ": ")
		request.Header.Add(key, value)
	}
	recorder := httptest.NewRecorder()
	if !c.ServePage(recorder, request, name) {
		return nil
	}
	return recorder.Result()
}

func read(t *testing.T, response *http.Response) []byte {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Every part of the page that is built is served as what it is, as it is and in gzip.
func TestPage(t *testing.T) {
	c := &console.Console{}
	c.Open()
	types := map[string]string{
		".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
		".svg": "image/svg+xml",
	}
	names, err := filepath.Glob("dist/assets/*")
	if err != nil || len(names) < 2 {
		t.Fatal(names, err)
	}
	total := 0
	for _, file := range append(names, "dist/index.html") {
		name := strings.TrimPrefix(filepath.ToSlash(file), "dist/")
		if name == "index.html" {
			name = ""
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		plain := getPage(t, c, "GET", name)
		if plain == nil || plain.StatusCode != http.StatusOK || plain.Header.Get("Content-Type") != types[filepath.Ext(file)] ||
			plain.Header.Get("Content-Encoding") != "" || plain.Header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%s: %+v", name, plain)
		}
		if got := read(t, plain); !bytes.Equal(got, want) {
			t.Errorf("%s: got %s", name, got)
		}
		for _, takes := range []string{"gzip, deflate, br, zstd", "br;q=1.0, GZIP;q=0.5", "gzip; q=1"} {
			zipped := getPage(t, c, "GET", name, "Accept-Encoding: "+takes)
			text := read(t, zipped)
			unzipped, err := gzip.NewReader(bytes.NewReader(text))
			if err != nil || zipped.Header.Get("Content-Encoding") != "gzip" || zipped.Header.Get("Content-Type") != types[filepath.Ext(file)] {
				t.Fatalf("%s, %s: %v (%v)", name, takes, zipped.Header, err)
			}
			if got, err := io.ReadAll(unzipped); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: got %s in gzip (%v)", name, got, err)
			}
			if takes == "gzip; q=1" {
				total += len(text)
			}
		}
		for _, takes := range []string{"br", "gzip;q=0", "gzip; q=0.00", "xgzip", "identity"} {
			if got := getPage(t, c, "GET", name, "Accept-Encoding: "+takes); got.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s: in gzip for %q", name, takes)
			}
		}
		if head := getPage(t, c, "HEAD", name); head.StatusCode != http.StatusOK || len(read(t, head)) > 0 {
			t.Errorf("%s: %+v", name, head)
		}
	}
	if most := 120 << 10; total > most {
		t.Errorf("the page has %d bytes in gzip, more than 120 KB", total)
	}
	for _, name := range []string{"index.htm", "assets/", "assets", "assets/nothing.js", "assets/../index.html", "../page.go", "assets\\console.js"} {
		if got := getPage(t, c, "GET", name); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A browser asks again for each part, and gets it again only if it has changed.
func TestPageIsKept(t *testing.T) {
	c := &console.Console{}
	c.Open()
	const script = "assets/console.js"
	plain, zipped := getPage(t, c, "GET", script), getPage(t, c, "GET", script, "Accept-Encoding: gzip")
	etag := plain.Header.Get("ETag")
	if etag == "" || etag == zipped.Header.Get("ETag") || plain.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("%v and %v", plain.Header, zipped.Header)
	}
	again := getPage(t, c, "GET", script, "If-None-Match: "+etag)
	if again.StatusCode != http.StatusNotModified || len(read(t, again)) > 0 {
		t.Errorf("%+v", again)
	}
	if other := getPage(t, c, "GET", script, "If-None-Match: "+etag, "Accept-Encoding: gzip"); other.StatusCode != http.StatusOK {
		t.Errorf("the other coding: %d", other.StatusCode)
	}
	index := getPage(t, c, "GET", "")
	if index.Header.Get("ETag") != "" || index.Header.Get("Cache-Control") != "" { // pages sets no-store
		t.Errorf("%v", index.Header)
	}
}

// The built page keeps to the policy that it is served with: nothing in the line, nothing from elsewhere.
func TestPageKeepsToItsPolicy(t *testing.T) {
	text, err := os.ReadFile("dist/index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{`<script(>|[^>]*[^>]>\s*[^<\s])`, `<style`, `\sstyle=`, `\son[a-z]+=`, `https?://`, `(src|href)="(//|data:|/)`} {
		if found := regexp.MustCompile(`(?i)` + wrong).Find(text); found != nil {
			t.Errorf("index.html has %s", found)
		}
	}
	scripts, err := filepath.Glob("dist/assets/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range scripts {
		script, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := regexp.MustCompile(`\beval\(|new Function\(|\bimport\(["']https?:|document\.write`).Find(script); found != nil {
			t.Errorf("%s has %s", name, found)
		}
	}
}
