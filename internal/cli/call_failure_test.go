package cli_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/urltest"
)

// AWS names neither the function nor its error in the 502 of a function that failed, so the hint leads to the log group.
// Body and headers are those of real function URLs. A function may answer 502 itself.
func TestFailureAtAWS(t *testing.T) {
	environment(t)
	host := urltest.ID + ".lambda-url." + urltest.Region + ".on.aws"
	var port string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/url") {
			fmt.Fprintf(w, `{"FunctionUrl":"http://%s:%s/","AuthType":"AWS_IAM"}`, host, port)
			return
		}
		w.Header().Set("X-Amzn-Requestid", "the-id")
		status, body := http.StatusBadGateway, "Internal Server Error"
		switch r.URL.Path {
		case "/own":
			body = "Internal Server Error!"
		case "/json":
			body = `{"message":"Internal Server Error"}`
		case "/500":
			status = http.StatusInternalServerError
		case "/typed":
			w.Header().Set("X-Amzn-Errortype", "ServiceException")
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	defer server.Close()
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(address.Host)
	at := "http://" + host + ":" + port
	const says = "furl: the function failed, and Lambda instead of the function answered 502\n"
	const hint = "furl: hint: aws logs tail /aws/lambda/%s --since 10m --region " + urltest.Region + "   # the log group of the function, for request the-id\n"
	tests := []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"by URL", []string{at + "/"}, 0, "Internal Server Error", says + fmt.Sprintf(hint, "NAME")},
		{"by name", []string{"web/", "--endpoint-url", server.URL}, 0, "Internal Server Error", says + fmt.Sprintf(hint, "web")},
		{"by ARN", []string{"arn:aws:lambda:" + urltest.Region + ":123456789012:function:web", "--endpoint-url", server.URL}, 0, "Internal Server Error", says + fmt.Sprintf(hint, "web")},
		{"with --fail", []string{at + "/", "--fail"}, 3, "", strings.Replace(says, "furl: ", "furl: error: ", 1) + fmt.Sprintf(hint, "NAME")},
		{"silent", []string{at + "/", "-s"}, 0, "Internal Server Error", ""},
		{"silent with --fail", []string{at + "/", "-s", "--fail"}, 3, "", ""},
		{"another text", []string{at + "/own"}, 0, "Internal Server Error!", ""},
		{"another body", []string{at + "/json"}, 0, `{"message":"Internal Server Error"}`, ""},
		{"another status", []string{at + "/500"}, 0, "Internal Server Error", ""},
		{"an error of Lambda", []string{at + "/typed"}, 0, "Internal Server Error", ""},
		{"on this machine without a mark", []string{server.URL + "/", "--region", urltest.Region}, 0, "Internal Server Error", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := run(t, nil, append(append([]string{"call"}, test.args...), "--resolve", host+":"+port+":127.0.0.1")...)
			if code != test.code || stdout != test.stdout || stderr != test.stderr {
				t.Errorf("exit %d, printed %q and said\n%s", code, stdout, stderr)
			}
		})
	}
	if code, stdout, stderr := run(t, nil, "call", "-I", at+"/", "--resolve", host+":"+port+":127.0.0.1"); code != 0 || !strings.HasPrefix(stdout, "HTTP/1.1 502") || !strings.Contains(stderr, says) {
		t.Errorf("HEAD: exit %d, printed %q and said\n%s", code, stdout, stderr)
	}
}

// Whatever a server says of a function, nothing else than a name gets into a command.
func TestFailureNamesOnlyFunctions(t *testing.T) {
	environment(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Requestid", "the-id")
		w.Header().Set("Furl-Explain", "http://127.0.0.1/")
		w.Header().Set("Furl-Function", "web; rm -r /")
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer server.Close()
	_, _, stderr := run(t, nil, "call", server.URL, "--region", urltest.Region)
	if !strings.Contains(stderr, "furl: hint: furl logs NAME\nfurl: hint: furl explain the-id\n") || strings.Contains(stderr, "rm") {
		t.Errorf("said\n%s", stderr)
	}
}

// A body that looks like JSON is sent with curl's type, as curl does; where the function refuses it, the hint says so.
func TestUntypedJSON(t *testing.T) {
	environment(t)
	status := http.StatusUnprocessableEntity
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			w.Header().Set("Location", "/")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	body := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, []byte(` [{"a":1}] `), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		args   []string
		status int
		told   string // the content type, or "" if nothing is said
	}{
		{"-d", []string{"-d", `{"user":"a"}`}, 422, "application/x-www-form-urlencoded, which curl -d sends"},
		{"a file", []string{"--data-binary", "@" + body}, 422, "application/x-www-form-urlencoded, which curl -d sends"},
		{"-T", []string{"-T", body}, 400, "no Content-Type"},
		{"text", []string{"-d", `{}`, "-H", "Content-Type: text/plain"}, 415, "text/plain"},
		{"redirected", []string{"-d", `{}`, "-L", "/moved"}, 422, "application/x-www-form-urlencoded"},
		{"--json", []string{"--json", `{"user":"a"}`}, 422, ""},
		{"with the type", []string{"-d", `{}`, "-H", "content-type: application/json"}, 422, ""},
		{"a form", []string{"-d", "user=a"}, 422, ""},
		{"nothing", nil, 404, ""},
		{"accepted", []string{"-d", `{"user":"a"}`}, 200, ""},
		{"failed", []string{"-d", `{"user":"a"}`}, 500, ""},
		{"silent", []string{"-d", `{"user":"a"}`, "-s"}, 422, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status = test.status
			target, args := server.URL+"/x", test.args
			if test.name == "redirected" {
				target, args = server.URL+"/moved", args[:len(args)-1]
			}
			_, _, stderr := run(t, nil, append([]string{"call", target, "--region", urltest.Region}, args...)...)
			if (stderr != "") != (test.told != "") || !strings.Contains(stderr, test.told) {
				t.Errorf("said\n%s", stderr)
			}
			if test.told != "" && !strings.Contains(stderr, "furl: hint: send the header Content-Type: application/json") {
				t.Errorf("said\n%s", stderr)
			}
		})
	}
}
