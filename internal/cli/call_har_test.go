package cli_test

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// archive is what HTTP Archive 1.2 has, as far as the test reads it.
type archive struct {
	Log struct {
		Version string
		Creator struct{ Name, Version string }
		Entries []struct {
			StartedDateTime string
			Time            float64
			Request         struct {
				Method, URL, HTTPVersion      string
				Headers, Cookies, QueryString []harField
				PostData                      *struct{ MimeType, Text, Encoding string }
				BodySize                      int64
			}
			Response struct {
				Status                               int
				StatusText, HTTPVersion, RedirectURL string
				Headers, Cookies                     []harField
				Content                              struct {
					Size                     int64
					MimeType, Text, Encoding string
				}
			}
			Timings         map[string]float64
			ServerIPAddress string
		}
	}
}

type harField struct{ Name, Value string }

func valueIn(fields []harField, name string) string {
	for _, field := range fields {
		if strings.EqualFold(field.Name, name) {
			return field.Value
		}
	}
	return ""
}

// har runs call with --har, and returns the text of the file and what it says.
func har(t *testing.T, args ...string) (string, archive) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "calls.har")
	if code, _, stderr := run(t, nil, append([]string{"call", "--har", file}, args...)...); code == 2 {
		t.Fatalf("exit status %d: %s", code, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("%v, %v", info, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	checkHAR(t, text)
	var read archive
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	return string(text), read
}

// checkHAR holds the text to what the specification requires (HTTP Archive 1.2, w3c.github.io/web-performance/specs/HAR).
func checkHAR(t *testing.T, text []byte) {
	t.Helper()
	var whole map[string]map[string]any
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	need := func(what string, value any, names ...string) map[string]any {
		object, _ := value.(map[string]any)
		for _, name := range names {
			if object[name] == nil {
				t.Errorf("%s has no %s", what, name)
			}
		}
		return object
	}
	log := whole["log"]
	need("log", any(log), "version", "creator", "entries")
	need("creator", log["creator"], "name", "version")
	for _, entry := range log["entries"].([]any) {
		e := need("entry", entry, "startedDateTime", "time", "request", "response", "cache", "timings")
		if _, err := time.Parse(time.RFC3339, e["startedDateTime"].(string)); err != nil {
			t.Error(err)
		}
		r := need("request", e["request"], "method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize")
		s := need("response", e["response"], "status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL",
			"headersSize", "bodySize")
		need("content", s["content"], "size", "mimeType")
		if r["postData"] != nil {
			need("postData", r["postData"], "mimeType", "text")
		}
		for _, list := range []any{r["cookies"], r["headers"], r["queryString"], s["cookies"], s["headers"]} {
			for _, pair := range list.([]any) {
				need("pair", pair, "name", "value")
			}
		}
		timings, sum := need("timings", e["timings"], "send", "wait", "receive"), 0.0
		for name, value := range timings {
			if took := value.(float64); took >= 0 && name != "ssl" { // which connect includes
				sum += took
			} else if took != -1 && took < 0 || took < 0 && (name == "send" || name == "wait" || name == "receive") {
				t.Errorf("%s is %v", name, took)
			}
		}
		if whole := e["time"].(float64); whole < sum-0.01 || whole > sum+0.01 {
			t.Errorf("time is %v, and the steps are %v", whole, sum)
		}
	}
}

func TestHAR(t *testing.T) {
	environment(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "s3cr3t-cookie"})
		switch r.URL.Path {
		case "/moved":
			w.Header().Set("Location", "/end?WebIdentityToken=s3cr3t-signature&page=6")
			w.WriteHeader(http.StatusTemporaryRedirect)
		case "/zipped":
			w.Header().Set("Content-Encoding", "gzip")
			zipped := gzip.NewWriter(w)
			io.WriteString(zipped, strings.Repeat("plain ", 1000))
			zipped.Close()
		default:
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("X-Odd-name", "kept")
			w.Write([]byte{0xff, 0, 1})
		}
	}))
	t.Cleanup(server.Close)
	region := []string{"--region", "eu-central-1"}
	with := func(args ...string) []string { return append(args, region...) }

	text, read := har(t, with(server.URL+"/moved?a=1&a=2&b=%C3%A9&WebIdentityToken=s3cr3t-token", "-L", "-d", "x=ü", "-b", "own=s3cr3t-own",
		"-H", "X-Custom: seen")...)
	if len(read.Log.Entries) != 2 || read.Log.Version != "1.2" || read.Log.Creator.Name != "furl" || read.Log.Creator.Version == "" {
		t.Fatalf("%s", text)
	}
	if strings.Contains(text, "s3cr3t") || strings.Contains(text, os.Getenv("AWS_SESSION_TOKEN")) || strings.Contains(text, os.Getenv("AWS_SECRET_ACCESS_KEY")) {
		t.Errorf("a secret is in\n%s", text)
	}
	first, second := read.Log.Entries[0], read.Log.Entries[1]
	if first.Request.Method != "POST" || first.Response.Status != 307 || second.Response.Status != 200 || first.Request.HTTPVersion != "HTTP/1.1" {
		t.Errorf("%+v\n%+v", first.Request, second.Response)
	}
	if valueIn(first.Request.Headers, "X-Custom") != "seen" || valueIn(second.Response.Headers, "X-Odd-Name") != "kept" {
		t.Errorf("headers %v, %v", first.Request.Headers, second.Response.Headers)
	}
	if authorization := valueIn(first.Request.Headers, "Authorization"); !strings.Contains(authorization, "Credential=") ||
		!strings.HasSuffix(authorization, "(hidden)") {
		t.Errorf("Authorization: %s", authorization)
	}
	if got := first.Request.QueryString; len(got) != 4 || got[1] != (harField{"a", "2"}) || got[2] != (harField{"b", "é"}) || got[3].Value != "(hidden)" {
		t.Errorf("query %v", got)
	}
	if p := first.Request.PostData; p == nil || p.Text != "x=ü" || p.MimeType != "application/x-www-form-urlencoded" || first.Request.BodySize != 4 {
		t.Errorf("body %+v", p)
	}
	if valueIn(first.Request.Cookies, "own") != "(hidden)" || valueIn(first.Response.Cookies, "session") != "(hidden)" {
		t.Errorf("cookies %v, %v", first.Request.Cookies, first.Response.Cookies)
	}
	if first.Response.RedirectURL != "/end?WebIdentityToken=(hidden)&page=6" {
		t.Errorf("redirect to %s", first.Response.RedirectURL)
	}
	if c := second.Response.Content; c.Encoding != "base64" || c.Text != base64.StdEncoding.EncodeToString([]byte{0xff, 0, 1}) || c.Size != 3 {
		t.Errorf("content %+v", c)
	}
	if first.ServerIPAddress != "127.0.0.1" || first.Timings["connect"] < 0 || first.Timings["dns"] != -1 || first.Timings["ssl"] != -1 {
		t.Errorf("%s, %v", first.ServerIPAddress, first.Timings)
	}

	_, read = har(t, with(server.URL+"/zipped", server.URL+"/end", "-H", "Accept-Encoding: gzip")...)
	if c := read.Log.Entries[0].Response.Content; len(read.Log.Entries) != 2 || c.Text != strings.Repeat("plain ", 1000) || c.Size != 6000 {
		t.Errorf("%d entries, content %+v", len(read.Log.Entries), c)
	}
	_, read = har(t, with("http://127.0.0.1:1/")...)
	if len(read.Log.Entries) != 1 || read.Log.Entries[0].Response.Status != 0 {
		t.Errorf("of a call without a connection: %+v", read.Log.Entries)
	}
}

// The requests that furl repeats by itself are kept, too.
func TestHARKeepsRepetitions(t *testing.T) {
	environment(t)
	answers := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if answers++; answers < 2 {
			w.Header().Set("X-Answer", "first")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	_, read := har(t, server.URL, "--region", "eu-central-1", "--retry", "3")
	if n := len(read.Log.Entries); n != 2 || read.Log.Entries[0].Response.Status != 503 || read.Log.Entries[1].Response.Status != 200 ||
		valueIn(read.Log.Entries[0].Response.Headers, "X-Answer") != "first" {
		t.Errorf("%d entries: %+v", n, read.Log.Entries)
	}
}

func TestHARIsForTheStandardOutput(t *testing.T) {
	environment(t)
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	code, stdout, _ := run(t, nil, "call", server.URL, "--region", "eu-central-1", "--har", "-", "-o", filepath.Join(t.TempDir(), "body"))
	if code != 0 || !json.Valid([]byte(stdout)) {
		t.Errorf("exit status %d: %s", code, stdout)
	}
	for _, args := range [][]string{{"--har", "-"}, {"--har", "x", "--repeat", "2"}} {
		if code, _, stderr := run(t, nil, append([]string{"call", server.URL, "--region", "eu-central-1"}, args...)...); code != 2 {
			t.Errorf("%q: exit status %d: %s", args, code, stderr)
		}
	}
	directory := t.TempDir()
	if code, _, stderr := run(t, nil, "call", server.URL, "--region", "eu-central-1", "--har", filepath.Join(directory, "none", "x")); code != 1 ||
		!strings.Contains(stderr, "not kept") {
		t.Errorf("exit status %d: %s", code, stderr)
	}
}
