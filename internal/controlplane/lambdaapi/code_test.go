//go:build unix

package lambdaapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
)

// places has one directory, which a link leads to, and one web server.
type places struct{}

func (places) CodeDir(path string) (string, error) {
	if path != "/project/link" && path != "/project/app dir" {
		return "", errors.New("start it with furl serve --code-dir " + path)
	}
	return "/project/app dir", nil
}

func (places) Upstream(url string) (string, error) {
	if url != "http://127.0.0.1:8000/" {
		return "", errors.New("start it with furl serve --http-upstream " + url)
	}
	return "http://127.0.0.1:8000", nil
}

func startWithPlaces(t *testing.T) *server {
	return startWith(t, func(c *lambdaapi.Config) { c.Places = places{} })
}

const (
	functionsPath = "/2015-03-31/functions"
	booksCode     = "/2015-03-31/functions/books/code"
)

func inBucket(bucket, key string) string { return `"S3Bucket":"` + bucket + `","S3Key":"` + key + `"` }

// createInPlace creates the function books.
func createInPlace(code, more string) string {
	return `{"FunctionName":"books","Runtime":"python3.13","Handler":"app.handler","Role":"` + role + `","Code":{` + code + `}` + more + `}`
}

func TestCodeInPlace(t *testing.T) {
	for _, test := range []struct {
		bucket, key, place, location string
	}{
		{"hot-reload", "/project/link", "/project/app dir", "file:///project/app%20dir"},
		{"http-server", "http://127.0.0.1:8000/", "http://127.0.0.1:8000", "http://127.0.0.1:8000"},
	} {
		s := startWithPlaces(t)
		s.must(request{method: "POST", path: functionsPath, body: createInPlace(inBucket(test.bucket, test.key), ``)})
		function := s.function("books")
		if function.CodeDir+function.Upstream != test.place || function.CodeHex != "" || function.CodeSize != 0 {
			t.Errorf("%s: the function has %+v", test.bucket, function.Configuration)
		}
		sum := sha256.Sum256([]byte(test.bucket + "\n" + test.place))
		got := s.must(request{method: "GET", path: functionsPath + "/books"})
		want := map[string]any{"RepositoryType": test.bucket, "Location": test.location}
		if diff := cmp.Diff(want, parse(t, got.body)["Code"]); diff != "" {
			t.Errorf("%s: Code:\n%s", test.bucket, diff)
		}
		configuration := parse(t, got.body)["Configuration"].(map[string]any)
		if configuration["CodeSha256"] != base64.StdEncoding.EncodeToString(sum[:]) || configuration["CodeSize"] != 0.0 {
			t.Errorf("%s: the API shows %v", test.bucket, configuration)
		}
		if s.code.puts != 0 {
			t.Errorf("%s: a package was kept", test.bucket)
		}
	}
}

func TestCodeMovesBetweenPackageAndPlace(t *testing.T) {
	s := startWithPlaces(t)
	s.must(request{method: "POST", path: functionsPath, body: createBody("books", "")})
	kept := s.function("books")
	s.must(request{method: "PUT", path: booksCode, body: `{` + inBucket("hot-reload", "/project/link") + `}`})
	if diff := cmp.Diff([]string{"/project/app dir"}, s.invoker.reloaded); diff != "" || len(s.invoker.retired) != 0 {
		t.Errorf("reloaded: %s; retired: %q", diff, s.invoker.retired)
	}
	if f := s.function("books"); f.CodeDir != "/project/app dir" || f.CodeHex != "" || f.CodeSHA256 == kept.CodeSHA256 {
		t.Errorf("in place: %+v", f.Configuration)
	}
	s.must(request{method: "PUT", path: booksCode, body: `{` + inBucket("http-server", "http://127.0.0.1:8000/") + `}`})
	if f := s.function("books"); f.CodeDir != "" || f.Upstream != "http://127.0.0.1:8000" {
		t.Errorf("as a web server: %+v", f.Configuration)
	}
	s.must(request{method: "PUT", path: booksCode, body: `{"ZipFile":"UEs="}`})
	if len(s.invoker.reloaded) != 1 || len(s.invoker.retired) != 2 {
		t.Errorf("reloaded: %q; retired: %q", s.invoker.reloaded, s.invoker.retired)
	}
	if f := s.function("books"); f.CodeDir != "" || f.Upstream != "" || f.CodeHex == "" {
		t.Errorf("a package again: %+v", f.Configuration)
	}
}

// A change of the directory's content is not one of the function's: its versions run the same directory.
func TestVersionOfCodeInPlace(t *testing.T) {
	s := startWithPlaces(t)
	s.must(request{method: "POST", path: functionsPath, body: createInPlace(inBucket("hot-reload", "/project/link"), `,"Publish":true`)})
	before := s.function("books")
	got := s.must(request{method: "PUT", path: booksCode, body: `{"Publish":true,` + inBucket("hot-reload", "/project/link") + `}`})
	if version := member(t, got.body, "Version"); version != "1" {
		t.Errorf("published version %s", version)
	}
	if after := s.function("books"); after.RevisionID == before.RevisionID || after.CodeSHA256 != before.CodeSHA256 {
		t.Errorf("$LATEST was %+v and is %+v", before.Configuration, after.Configuration)
	}
}

func TestCodeInPlaceIsRefused(t *testing.T) {
	const noS3 = "it has no S3. Send the package as ZipFile, or have the server use a directory in place: " +
		"S3Bucket hot-reload with the directory as S3Key."
	for _, test := range []struct{ code, want string }{
		{inBucket("hot-reload", "/etc"), "S3Bucket hot-reload: start it with furl serve --code-dir /etc"},
		{inBucket("http-server", "http://10.0.0.1"), "S3Bucket http-server: start it with furl serve --http-upstream http://10.0.0.1"},
		{inBucket("hot-reload", "/project/link") + `,"ZipFile":"UEs="`,
			"Please do not provide other FunctionCode parameters when providing a ZipFile."},
		{`"S3Bucket":"hot-reload"`, "Please provide a source for function code."},
		{`"S3Key":"/project/link"`, "Please provide a source for function code."},
		{inBucket("__local__", "/project/link"), "furl does not support %sS3Bucket: " + noS3},
		{inBucket("hot-reload", "/project/link") + `,"S3ObjectVersion":"1"`,
			"furl does not support %sS3ObjectVersion: the S3Bucket hot-reload has no versions of its objects."},
	} {
		s := startWithPlaces(t)
		s.expect(request{method: "POST", path: functionsPath, body: createInPlace(test.code, ``)},
			invalid(strings.ReplaceAll(test.want, "%s", "Code.")))
		s.must(request{method: "POST", path: functionsPath, body: createBody("books", "")})
		before := s.function("books")
		s.expect(request{method: "PUT", path: booksCode, body: `{` + test.code + `}`}, invalid(strings.ReplaceAll(test.want, "%s", "")))
		if s.function("books") != before {
			t.Errorf("%s: a refused update changed the function", test.code)
		}
	}
}

// A server that is told of no places has none.
func TestNoPlaces(t *testing.T) {
	s := start(t)
	s.expect(request{method: "POST", path: functionsPath, body: createInPlace(inBucket("hot-reload", "/project"), ``)},
		invalid("S3Bucket hot-reload: the server uses directories in place only below those that it was started with: "+
			"start it with furl serve --code-dir /project"))
	s.expect(request{method: "POST", path: functionsPath, body: createInPlace(inBucket("http-server", "http://127.0.0.1:8000"), ``)},
		invalid("S3Bucket http-server: the server passes requests on only to the web servers that it was started with: "+
			"start it with furl serve --http-upstream http://127.0.0.1:8000"))
}
