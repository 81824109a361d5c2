package call_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/call"
)

func TestParseTarget(t *testing.T) {
	const arn = "arn:aws:lambda:eu-central-1:123456789012:function:my_fn"
	for argument, want := range map[string]call.Target{
		"https://x.lambda-url.eu-central-1.on.aws/a?b": {URL: "https://x.lambda-url.eu-central-1.on.aws/a?b"},
		"x.lambda-url.eu-central-1.on.aws/a//b?c":      {URL: "https://x.lambda-url.eu-central-1.on.aws/a//b?c"},
		"x.lambda-url.eu-central-1.localhost:9000?c":   {URL: "http://x.lambda-url.eu-central-1.localhost:9000?c"},
		"localhost/a":                 {URL: "http://localhost/a"},
		"localhost:9000":              {URL: "http://localhost:9000"},
		"127.0.0.1:9000/_furl/url/x/": {URL: "http://127.0.0.1:9000/_furl/url/x/"},
		"[::1]:9000/":                 {URL: "http://[::1]:9000/"},
		"10.0.0.1/":                   {URL: "https://10.0.0.1/"},
		"build-host:8080/x":           {URL: "https://build-host:8080/x"},
		"my-fn":                       {Function: "my-fn", Rest: "/"},
		"my_fn/":                      {Function: "my_fn", Rest: "/"},
		"my-fn:live":                  {Function: "my-fn", Qualifier: "live", Rest: "/"},
		"my-fn:v2/a//b?c=%2f":         {Function: "my-fn", Qualifier: "v2", Rest: "/a//b?c=%2f"},
		"my-fn?x=a.b":                 {Function: "my-fn", Rest: "/?x=a.b"},
		arn:                           {Function: arn, Region: "eu-central-1", Rest: "/"},
		"function:my_fn/x":            {Function: "function:my_fn", Rest: "/x"},
		"123456789012:function:my_fn": {Function: "123456789012:function:my_fn", Rest: "/"},
		arn + ":live/x":               {Function: arn, Region: "eu-central-1", Qualifier: "live", Rest: "/x"},
		"arn:aws-cn:lambda:cn-north-1:123456789012:function:f/?a:b": {
			Function: "arn:aws-cn:lambda:cn-north-1:123456789012:function:f", Region: "cn-north-1", Rest: "/?a:b",
		},
	} {
		got, err := call.ParseTarget(argument)
		if err != nil {
			t.Errorf("%s: %v", argument, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", argument, diff)
		}
	}
	for _, argument := range []string{"", "/", "a b", "ü", "arn:aws:s3:::x", arn + ":1", arn + ":a:b",
		strings.Repeat("x", 65), "arn:aws:lambda::1:function:f",
		"arn:aws:lambda::123456789012:function:f", "arn:aws:lambda:cn-north-1:123456789012:function:f", arn + ":$LATEST",
		"arn:aws:lambda:eu-central-1:1:function:f",
	} {
		if got, err := call.ParseTarget(argument); err == nil {
			t.Errorf("%q: taken for %+v", argument, got)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"my-fn:live/x?y", "https://x/", "localhost:1/a", "arn:aws:lambda:r:1:function:f:a/b",
		"[::1]", "a:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, argument string) {
		target, err := call.ParseTarget(argument)
		if err != nil {
			return
		}
		if (target.URL == "") == (target.Function == "") {
			t.Fatalf("%q: %+v", argument, target)
		}
		if target.URL == "" && !strings.HasPrefix(target.Rest, "/") {
			t.Errorf("%q: rest %q", argument, target.Rest)
		}
		url, err := target.Resolve(t.Context(), func(_ context.Context, function, qualifier string) (string, error) {
			if function != target.Function || qualifier != target.Qualifier {
				t.Errorf("%q: looked up %q %q", argument, function, qualifier)
			}
			return "https://found/", nil
		})
		if err != nil || !strings.Contains(url, "://") ||
			!strings.HasSuffix(url, strings.TrimPrefix(argument[strings.IndexAny(argument+"/", "/?"):], "/")) {
			t.Errorf("%q: resolved to %q, %v", argument, url, err)
		}
	})
}

func TestResolvePassesErrorsOn(t *testing.T) {
	nothing := errors.New("nothing there")
	_, err := call.Target{Function: "f"}.Resolve(t.Context(), func(context.Context, string, string) (string, error) {
		return "", nothing
	})
	if !errors.Is(err, nothing) {
		t.Errorf("error %v", err)
	}
}

func TestRemoteName(t *testing.T) {
	for raw, want := range map[string]string{
		"https://x/a/b.txt?c/d": "b.txt", "https://x/a%2fb": "a%2fb", "http://127.0.0.1/_furl/url/id/report": "report",
		"https://x/": "", "https://x/a/": "", "https://x/..": "", `https://x/a\b`: "", "https://x/C:": "",
		"http://127.0.0.1/_furl/url/id": "",
	} {
		u, err := furl.ParseURL(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := call.RemoteName(u); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", raw, got, err, want)
		}
	}
}
