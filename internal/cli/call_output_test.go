package cli_test

import (
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/urltest"
)

// statuses answers with the status that the path names.
func statuses(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	fmt.Sscanf(r.URL.Path, "/%d", &status)
	w.Header().Set("X-Answer", "yes")
	w.Header().Add("X-Answer", "and no")
	if r.URL.Path == "/302" {
		w.Header().Set("Location", "/201")
	}
	w.WriteHeader(status)
	io.WriteString(w, "body\n")
}

func TestCallTargetsGoOutAsTyped(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	var want []string
	for i, target := range urltest.Targets() {
		base, prefix := server.URL, ""
		if i%2 == 1 {
			base, prefix = server.Path, "/_furl/url/"+urltest.ID
		}
		if code, _, stderr := run(t, nil, "call", base+target); code != 0 || stderr != "" {
			t.Errorf("%s: exit status %d: %s", target, code, stderr)
		}
		want = append(want, "GET "+prefix+target)
	}
	if diff := cmp.Diff(want, server.Lines()); diff != "" {
		t.Errorf("(-typed +received)\n%s", diff)
	}
}

func TestCallExitStatus(t *testing.T) {
	environment(t)
	server := urltest.Start(t, http.HandlerFunc(statuses))
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	noTLS := strings.Replace(server.Path, "http://", "https://", 1)
	for _, test := range []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr []string
	}{
		{"answered", []string{server.URL + "/200"}, 0, "body\n", nil},
		{"error status", []string{server.URL + "/500"}, 0, "body\n", nil},
		{"--fail", []string{"-f", server.URL + "/500"}, 3, "", []string{"the function answered 500"}},
		{"--fail, fine", []string{"-f", server.URL + "/399"}, 0, "body\n", nil},
		{"--fail-with-body", []string{"--fail-with-body", server.URL + "/404"}, 3, "body\n", []string{"the function answered 404"}},
		{"the function's own 403", []string{server.URL + "/403"}, 0, "body\n", []string{"the function itself answered 403"}},
		{"the function's own 403, silent", []string{"-s", server.URL + "/403"}, 0, "body\n", nil},
		{"no connection", []string{"http://" + closed.Addr().String(), "--region", "eu-central-1"}, 5, "", []string{"cannot connect to 127.0.0.1"}},
		{"no such host", []string{"https://x.invalid", "--region", "eu-central-1"}, 5, "", []string{"cannot connect to x.invalid"}},
		{"no TLS", []string{noTLS}, 5, "", []string{"cannot connect"}},
		{"silent failure", []string{"-s", noTLS}, 5, "", nil},
		{"silent failure, shown", []string{"-sS", noTLS}, 5, "", []string{"cannot connect"}},
		{"wrong service", []string{server.URL, "--service", "s3"}, 4, "", []string{"refused by authentication (InvalidSignatureException): Credential should be scoped to correct service", "hint: furl check http://" + urltest.ID}},
		{"wrong region", []string{server.URL, "--region", "us-east-1"}, 4, "", []string{"valid region"}},
		{"no region", []string{"https://example.com/"}, 5, "", nil},
		{"bad flag", []string{server.URL, "--nonsense"}, 2, "", []string{"unknown flag"}},
		{"bad URL", []string{"https://example.com/a b"}, 2, "", []string{"space"}},
		{"bad target", []string{"a b"}, 2, "", []string{"neither a URL nor the name of a function"}},
		{"path above the root", []string{server.URL + "/.."}, 2, "", []string{"climbs above the root"}},
		{"presigned", []string{server.URL + "/?X-Amz-Signature=1"}, 2, "", []string{"presigned"}},
		{"missing file", []string{server.URL, "-T", "nothing-here"}, 2, "", []string{"nothing-here"}},
		{"missing file of --data", []string{server.URL, "-d", "@nothing-here"}, 2, "", []string{"nothing-here"}},
		{"missing file of --data-urlencode", []string{server.URL, "--data-urlencode", "a@nothing-here"}, 2, "", []string{"nothing-here"}},
		{"a directory", []string{server.URL, "-T", t.TempDir()}, 2, "", []string{"is a directory"}},
		{"two bodies", []string{server.URL, "-d", "x", "-F", "a=b"}, 2, "", []string{"one body"}},
		{"own authorization", []string{server.URL, "-H", "authorization: x"}, 4, "", []string{"went out unsigned (the header Authorization)", "hint: leave out what keeps"}},
		{"signed header", []string{server.URL, "-H", "x-amz-date: x"}, 2, "", []string{"part of the signature"}},
		{"unsigned", []string{server.URL, "--no-sign"}, 4, "", []string{"went out unsigned (--no-sign)"}},
		{"framing header", []string{server.URL, "-H", "Transfer-Encoding: chunked"}, 2, "", []string{"cannot be set"}},
		{"bad header", []string{server.URL, "-H", "nonsense"}, 2, "", []string{"is not NAME: VALUE"}},
		{"bad header name", []string{server.URL, "-H", "a b: c"}, 2, "", []string{"is not the name of a header"}},
		{"bad form", []string{server.URL, "-F", "nonsense"}, 2, "", []string{"is not NAME=CONTENT"}},
		{"bad --resolve", []string{server.URL, "--resolve", "nonsense"}, 2, "", []string{"is not HOST:PORT:ADDRESS"}},
		{"bad --cacert", []string{server.URL, "--cacert", "call_test.go"}, 2, "", []string{"no certificate"}},
		{"no file name", []string{server.URL, "-O"}, 2, "", []string{"no file name"}},
		{"--rate alone", []string{server.URL, "--rate", "1"}, 2, "", []string{"go with --repeat"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := run(t, nil, append([]string{"call"}, test.args...)...)
			if test.name == "no region" {
				t.Setenv("AWS_REGION", "")
				code, stdout, stderr = run(t, nil, append([]string{"call"}, test.args...)...)
				test.code, test.stderr = 2, []string{"does not say its region", "hint: --region"}
			}
			if test.code == 4 {
				stdout = ""
			}
			if code != test.code || stdout != test.stdout {
				t.Errorf("exit status %d, want %d; printed %q, want %q; %s", code, test.code, stdout, test.stdout, stderr)
			}
			for _, want := range test.stderr {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q does not say %q", stderr, want)
				}
			}
			if test.stderr == nil && stderr != "" {
				t.Errorf("said %q, want silence", stderr)
			}
		})
	}
}

func TestCallSaysWhoRefused(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	for _, test := range []struct {
		errorType, body string
		want            string
	}{
		{"AccessDeniedException", `{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: x"}`, "refused by authorization: the signature is right"},
		{"AccessDeniedException", `{"Message":null}`, "there is no such function URL"},
		{"AccessDeniedException", `{"Message":"Forbidden"}`, "the signature did not reach Lambda"},
		{"UnrecognizedClientException", `{"message":"The security token included in the request is invalid."}`, "refused by authentication (UnrecognizedClientException): The security token"},
	} {
		server.Refuse = func(*http.Request) (string, string) { return test.errorType, test.body }
		code, stdout, stderr := run(t, nil, "call", server.URL+"/x")
		if code != 4 || stdout != test.body || !strings.Contains(stderr, test.want) || !strings.Contains(stderr, "furl: hint: furl check "+server.URL+"/\n") {
			t.Errorf("%s: exit status %d, printed %q, %s", test.body, code, stdout, stderr)
		}
		if strings.Contains(stderr, "furl explain") {
			t.Errorf("%s names furl explain, which knows nothing of it", stderr)
		}
	}
	// A local server knows more.
	server.Now = func() time.Time { return time.Now().Add(time.Duration(len(server.Lines())) * time.Hour) }
	_, _, stderr := run(t, nil, "call", server.URL+"/x")
	if !strings.Contains(stderr, "furl: hint: furl explain 00000000-0000-4000-8000-000000000000\nfurl: hint: furl check ") {
		t.Errorf("%s does not name furl explain", stderr)
	}
}

func TestCallWithoutCredentials(t *testing.T) {
	environment(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	server := urltest.Start(t, nil)
	code, _, stderr := run(t, nil, "call", server.URL)
	if code != 6 || !strings.Contains(stderr, "no credentials") || !strings.Contains(stderr, "furl: hint: ") {
		t.Errorf("exit status %d: %s", code, stderr)
	}
	if len(server.Lines()) != 0 {
		t.Error("the request was sent all the same")
	}
	code, _, stderr = run(t, nil, "call", "my-function")
	if code != 6 {
		t.Errorf("by name: exit status %d: %s", code, stderr)
	}
}

func TestCallVerboseHidesSecrets(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	code, stdout, stderr := run(t, nil, "call", "-v", server.URL+"/a|b?x=%2f", "-d", "body")
	if code != 0 || stdout != "body" {
		t.Fatalf("exit status %d, printed %q: %s", code, stdout, stderr)
	}
	for _, want := range []string{
		"* signed with " + urltest.AccessKeyID + " for lambda in eu-central-1\n", "canonical request:", "/a%7Cb\n", "x=%2F\n",
		"string to sign:\n*   AWS4-HMAC-SHA256\n", "> POST /a|b?x=%2f HTTP/1.1\n", "> Content-Length: 4\n", "… (hidden)\n",
		"> X-Amz-Security-Token: (hidden, 32 bytes)\n", "< HTTP/1.1 200 OK\n", "first byte ",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("does not say %q:\n%s", want, stderr)
		}
	}
	for _, secret := range []string{urltest.Token, urltest.Secret} {
		if strings.Contains(stderr, secret) {
			t.Errorf("shows %q:\n%s", secret, stderr)
		}
	}
}

func TestCallWritesFiles(t *testing.T) {
	environment(t)
	t.Chdir(t.TempDir())
	server := urltest.Start(t, http.HandlerFunc(statuses))
	long := strings.Repeat("0123456789abcdef", 200<<10)
	echo := urltest.Start(t, nil)
	if err := os.WriteFile("in", []byte(long), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(name, want string) {
		t.Helper()
		got, err := os.ReadFile(name)
		if err != nil || string(got) != want {
			t.Errorf("%s has %d bytes, %v; want %d", name, len(got), err, len(want))
		}
	}
	for _, args := range [][]string{
		{"-o", "out", echo.URL, "-T", "in"}, {"-O", echo.URL + "/remote?x", "-T", "in"}, {"-o", "no-body", server.URL + "/204"},
	} {
		if code, stdout, stderr := run(t, nil, append([]string{"call"}, args...)...); code != 0 || stdout != "" || stderr != "" {
			t.Errorf("%q: exit status %d, %q, %s", args, code, stdout, stderr)
		}
	}
	check("out", long)
	check("remote", long)
	check("no-body", "")
	// What was there before stays if there is nothing to put in its place.
	if code, _, _ := run(t, nil, "call", "-f", "-o", "out", server.URL+"/500"); code != 3 {
		t.Errorf("exit status %d", code)
	}
	if code, _, _ := run(t, nil, "call", "-o", "out", "http://127.0.0.1:1", "--region", "eu-central-1"); code != 5 {
		t.Errorf("exit status %d", code)
	}
	check("out", long)
	if code, stdout, _ := run(t, nil, "call", "-i", server.URL+"/201"); code != 0 ||
		!strings.HasPrefix(stdout, "HTTP/1.1 201 Created\r\n") || !strings.Contains(stdout, "\r\nX-Answer: yes\r\n") || !strings.HasSuffix(stdout, "\r\n\r\nbody\n") {
		t.Errorf("exit status %d, printed %q", code, stdout)
	}
	if code, stdout, _ := run(t, nil, "call", "-I", server.URL+"/201"); code != 0 ||
		!strings.HasPrefix(stdout, "HTTP/1.1 201 Created\r\n") || !strings.HasSuffix(stdout, "\r\n\r\n") {
		t.Errorf("exit status %d, printed %q", code, stdout)
	}
	if code, stdout, _ := run(t, nil, "call", "-iL", "-o", "out", server.URL+"/302"); code != 0 || stdout != "" {
		t.Errorf("exit status %d, printed %q", code, stdout)
	}
	both, err := os.ReadFile("out")
	if err != nil || !regexp.MustCompile(`(?s)^HTTP/1.1 302 Found\r\n.*\r\n\r\nHTTP/1.1 201 Created\r\n.*\r\n\r\nbody\n$`).Match(both) {
		t.Errorf("%v, wrote %q", err, both)
	}
}

func TestCallWriteOut(t *testing.T) {
	environment(t)
	server := urltest.Start(t, http.HandlerFunc(statuses))
	format := filepath.Join(t.TempDir(), "format")
	if err := os.WriteFile(format, []byte("%{method}\r\n%{http_code}\\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ format, want string }{
		{`%{http_code}\n%{response_code}\t%%\\`, "201\n201\t%\\"},
		{"%{size_download} %{size_upload} %{method} %{scheme} %{http_version} %{num_redirects}", "5 4 POST http 1.1 0"},
		{"%header{x-answer}%header{none}%{content_type}", "yestext/plain; charset=utf-8"},
		{"%{remote_ip} %{refused_by}|%{request_id}", "127.0.0.1 |00000000-0000-4000-8000-000000000000"},
		{"%{url} %{num_headers}", server.URL + "/201 6"},
		{"a%{stderr}b%{stdout}c", "ac"},
		{"@" + format, "POST201\n"},
		{"%{open", "%{open"}, {"%header{open", "%header{open"}, {"%", "%"}, {`\`, `\`}, {"%x", "%x"},
	} {
		code, stdout, stderr := run(t, nil, "call", server.URL+"/201", "-d", "1234", "-w", test.format)
		if code != 0 || stdout != "body\n"+test.want {
			t.Errorf("%s: exit status %d, printed %q, want %q; %s", test.format, code, stdout, test.want, stderr)
		}
	}
	_, stdout, _ := run(t, nil, "call", server.URL+"/201", "-w", "%{json}")
	var variables map[string]any
	if err := json.Unmarshal([]byte(strings.TrimPrefix(stdout, "body\n")), &variables); err != nil || variables["http_code"] != 201.0 || !isNumber(variables["remote_port"]) || variables["time_total"].(float64) <= 0 {
		t.Errorf("%s: %v", stdout, err)
	}
	var headers map[string][]string
	_, stdout, _ = run(t, nil, "call", server.URL+"/201", "-w", "%{header_json}")
	if err := json.Unmarshal([]byte(strings.TrimPrefix(stdout, "body\n")), &headers); err != nil || !slices.Equal(headers["x-answer"], []string{"yes", "and no"}) {
		t.Errorf("%s: %v", stdout, err)
	}
	if _, _, stderr := run(t, nil, "call", server.URL, "-w", "%{nonsense}"); !strings.Contains(stderr, `no variable "nonsense"`) {
		t.Errorf("said %q", stderr)
	}
	if _, stdout, _ := run(t, nil, "call", "http://127.0.0.1:1", "--region", "eu-central-1", "-w", "%{http_code} %{errormsg}"); !strings.HasPrefix(stdout, "000 cannot connect") {
		t.Errorf("printed %q", stdout)
	}
}

func TestCallDecompresses(t *testing.T) {
	environment(t)
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		encoding := r.URL.Query().Get("as")
		w.Header().Set("Content-Encoding", encoding)
		var to io.WriteCloser
		switch encoding {
		case "gzip":
			to = gzip.NewWriter(w)
		case "deflate":
			to = zlib.NewWriter(w)
		default:
			return
		}
		io.WriteString(to, "unpacked")
		to.Close()
	}))
	for _, encoding := range []string{"gzip", "deflate"} {
		if code, stdout, stderr := run(t, nil, "call", "--compressed", server.URL+"?as="+encoding); code != 0 || stdout != "unpacked" {
			t.Errorf("%s: exit status %d, printed %q, %s", encoding, code, stdout, stderr)
		}
		if code, stdout, _ := run(t, nil, "call", server.URL+"?as="+encoding); code != 0 || stdout == "unpacked" {
			t.Errorf("%s: decompressed without being asked", encoding)
		}
	}
	if code, _, stderr := run(t, nil, "call", "--compressed", server.URL+"?as=br"); code != 1 || !strings.Contains(stderr, `"br"`) {
		t.Errorf("exit status %d, %s", code, stderr)
	}
}

func TestCallTimeoutAndRetry(t *testing.T) {
	environment(t)
	var calls atomic.Int32
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
			return
		}
		if calls.Add(1) < 3 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		io.Copy(w, r.Body)
	}))
	start := time.Now()
	code, _, stderr := run(t, nil, "call", server.URL+"/slow", "--max-time", "0.2")
	if code != 1 || !strings.Contains(stderr, "longer than --max-time") || time.Since(start) > 5*time.Second {
		t.Errorf("exit status %d after %s: %s", code, time.Since(start), stderr)
	}
	if code, stdout, stderr := run(t, nil, "call", server.URL+"/", "--retry", "2", "-f"); code != 0 || calls.Load() != 3 {
		t.Errorf("exit status %d after %d calls: %s %s", code, calls.Load(), stdout, stderr)
	}
	calls.Store(0)
	if code, _, _ := run(t, nil, "call", server.URL+"/", "-f"); code != 3 || calls.Load() != 1 {
		t.Errorf("without --retry: exit status %d after %d calls", code, calls.Load())
	}
}

func TestCallOverTLS(t *testing.T) {
	environment(t)
	server, tls := urltest.StartTLS(t, nil)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	port := server.URL[strings.LastIndexByte(server.URL, ':')+1:]
	code, _, stderr := run(t, nil, "call", server.Path+"/x")
	if code != 5 || !strings.Contains(stderr, "certificate") {
		t.Errorf("untrusted: exit status %d: %s", code, stderr)
	}
	for _, args := range [][]string{
		{"-k", server.URL + "/x"}, {"--cacert", ca, server.Path + "/x"},
		{"--cacert", ca, "--resolve", "example.com:" + port + ":127.0.0.1", "https://example.com:" + port + "/x"},
		{"--cacert", ca, "--resolve", "*:" + port + ":[::1],127.0.0.1", "https://Example.com:" + port + "//a|b"},
	} {
		if code, _, stderr := run(t, nil, append([]string{"call"}, args...)...); code != 0 {
			t.Errorf("%q: exit status %d: %s", args, code, stderr)
		}
	}
}

func TestCallLooksUpFunctions(t *testing.T) {
	environment(t)
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RequestURI) }))
	var asked []string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.RequestURI)
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.Contains(r.URL.Path, "no-url"):
			w.Header().Set("X-Amzn-ErrorType", "ResourceNotFoundException")
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"Message":"The resource you requested does not exist."}`)
		case strings.Contains(r.URL.Path, "denied"):
			w.Header().Set("X-Amzn-ErrorType", "AccessDeniedException")
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"Message":"User: x is not authorized to perform: lambda:GetFunctionUrlConfig"}`)
		default:
			json.NewEncoder(w).Encode(map[string]string{"FunctionUrl": server.URL + "/", "AuthType": "AWS_IAM"})
		}
	}))
	defer api.Close()
	t.Setenv("AWS_ENDPOINT_URL", api.URL)
	for _, test := range []struct {
		target, asked, path string
	}{
		{"my-fn", "/my-fn/url", "/"},
		{"my-fn:live/a//b?c=%2f", "/my-fn/url?Qualifier=live", "/a//b?c=%2f"},
		{"my-fn?x", "/my-fn/url", "/?x"},
		{"arn:aws:lambda:eu-central-1:123456789012:function:f:live/x", "/arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Af/url?Qualifier=live", "/x"},
	} {
		asked = nil
		code, stdout, stderr := run(t, nil, "call", test.target)
		if code != 0 || stdout != test.path {
			t.Errorf("%s: exit status %d, printed %q: %s", test.target, code, stdout, stderr)
		}
		if want := []string{"GET /2021-10-31/functions" + test.asked}; !cmp.Equal(want, asked) {
			t.Errorf("%s: asked %q, want %q", test.target, asked, want)
		}
	}
	for target, want := range map[string]struct {
		code int
		says string
	}{
		"no-url": {1, "furl: hint: furl url create no-url"}, "denied": {4, "not authorized"},
		"arn:aws:s3:::x": {2, "is not the ARN of a Lambda function"},
	} {
		if code, _, stderr := run(t, nil, "call", target); code != want.code || !strings.Contains(stderr, want.says) {
			t.Errorf("%s: exit status %d: %s", target, code, stderr)
		}
	}
	if code, _, stderr := run(t, nil, "call", "my-fn", "--endpoint-url", "http://127.0.0.1:1"); code != 5 {
		t.Errorf("exit status %d: %s", code, stderr)
	}
	if code, _, stderr := run(t, nil, "call", "my-fn", "--endpoint-url", "nonsense"); code == 0 || !strings.Contains(stderr, "is not an address") {
		t.Errorf("exit status %d: %s", code, stderr)
	}
}

func TestCallRepeats(t *testing.T) {
	environment(t)
	var calls, running, most atomic.Int32
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := running.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(2 * time.Millisecond)
		running.Add(-1)
		if calls.Add(1)%10 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
		io.Copy(w, r.Body)
	}))
	code, stdout, stderr := run(t, strings.NewReader("from stdin"), "call", server.URL, "--repeat", "50", "--concurrency", "5", "-d", "@-")
	if code != 0 || calls.Load() != 50 || most.Load() > 5 || most.Load() < 2 {
		t.Errorf("exit status %d, %d calls, %d at one time: %s", code, calls.Load(), most.Load(), stderr)
	}
	for _, want := range []string{"50 requests in ", "      45  200 OK\n", "       5  500 Internal Server Error\n", "p50  ", "p99  ", "####"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("does not report %q:\n%s", want, stdout)
		}
	}
	code, stdout, stderr = run(t, nil, "call", server.URL, "--repeat", "10", "--rate", "100", "--report", "json", "--fail")
	var report struct {
		Requests int
		Seconds  float64
		Statuses map[string]int
		TimesMs  map[string]float64
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	if code != 3 || report.Requests != 10 || report.Seconds < 0.09 || report.Statuses["500"] != 1 || report.TimesMs["p50"] < 2 {
		t.Errorf("exit status %d: %s\n%s", code, stderr, stdout)
	}
	server.Refuse = func(*http.Request) (string, string) { return "AccessDeniedException", `{"Message":"Forbidden. x"}` }
	if code, stdout, stderr = run(t, nil, "call", server.URL, "--repeat", "3"); code != 4 || !strings.Contains(stdout, "3  of them refused by authorization") {
		t.Errorf("exit status %d: %s\n%s", code, stderr, stdout)
	}
	if code, stdout, _ = run(t, nil, "call", "http://127.0.0.1:1", "--region", "x", "--repeat", "3"); code != 1 || !strings.Contains(stdout, "3  dial tcp 127.0.0.1:1") {
		t.Errorf("exit status %d: %s", code, stdout)
	}
	for _, args := range [][]string{{"--repeat", "0"}, {"--repeat", "1000001"}, {"--repeat", "1", "--concurrency", "0"}, {"--repeat", "1", "--concurrency", "1025"},
		{"--repeat", "1", "--rate", "-1"}, {"--repeat", "1", "-o", "x"}, {"--repeat", "1", "--report", "xml"}} {
		if code, _, _ := run(t, nil, append([]string{"call", server.URL}, args...)...); code != 2 {
			t.Errorf("%q: exit status %d, want 2", args, code)
		}
	}
}

func isNumber(v any) bool { _, ok := v.(float64); return ok }
