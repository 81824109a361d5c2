package main_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/furl-dev/furl/sigv4"
)

// terminal is a program that runs on a terminal of its own, and all that it sent there.
type terminal struct {
	command *exec.Cmd
	ended   chan struct{} // closed when the program and its output have ended
	mu      sync.Mutex
	sent    bytes.Buffer
}

// startOnTerminal starts furl with both output streams on a terminal that changes no byte.
func startOnTerminal(t *testing.T, env []string, args ...string) *terminal {
	t.Helper()
	near, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	if err := unix.IoctlSetPointerInt(int(near.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(near.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	far, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if _, err := term.MakeRaw(int(far.Fd())); err != nil {
		t.Fatal(err)
	}
	tty := &terminal{command: exec.Command("furl", args...), ended: make(chan struct{})}
	tty.command.Dir, tty.command.Env = t.TempDir(), append(os.Environ(), env...)
	tty.command.Stdout, tty.command.Stderr = far, far
	if err := tty.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(tty.ended)
		io.Copy(tty, near) // ends with an error when the program is the last to close the terminal
		tty.command.Wait()
	}()
	t.Cleanup(func() {
		tty.command.Process.Kill()
		<-tty.ended
	})
	return tty
}

func (tty *terminal) Write(b []byte) (int, error) {
	tty.mu.Lock()
	defer tty.mu.Unlock()
	return tty.sent.Write(b)
}

func (tty *terminal) String() string {
	tty.mu.Lock()
	defer tty.mu.Unlock()
	return tty.sent.String()
}

// await waits until the program has sent the text.
func (tty *terminal) await(t *testing.T, text string) string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if sent := tty.String(); strings.Contains(sent, text) {
			return sent
		}
	}
	t.Fatalf("%q never came, but %q", text, tty)
	return ""
}

// onTerminal runs furl on a terminal to its end.
func onTerminal(t *testing.T, env []string, args ...string) string {
	t.Helper()
	tty := startOnTerminal(t, env, args...)
	select {
	case <-tty.ended:
	case <-time.After(2 * time.Minute):
		t.Fatalf("%q has not ended; it sent %q", args, tty)
	}
	return tty.String()
}

// steering is everything that a terminal could obey.
var steering = regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

// ownStyle is what furl itself sets: a style, text without another one, and the end of the style.
var ownStyle = regexp.MustCompile("\x1b\\[(?:1|2|3[256]|9[123])m([^\x1b]+)\x1b\\[0m")

// checkHarmless fails for text that steers a terminal, or lacks what ought to be shown.
func checkHarmless(t *testing.T, sent string, want ...string) {
	t.Helper()
	sent = ownStyle.ReplaceAllString(sent, "$1")
	if found := steering.FindStringIndex(sent); found != nil || !utf8.ValidString(sent) {
		t.Errorf("a terminal would obey %q of\n%q", steering.FindAllString(sent, -1), sent)
	}
	for _, text := range want {
		if !strings.Contains(sent, text) {
			t.Errorf("%q was not shown, but\n%s", text, sent)
		}
	}
}

// evilPath is what a server of HTTP lets through in a target.
const (
	evilPath  = "/\x9b2J\u009b5n\u202e"
	shownPath = `/\x9b2J\u009b5n\u202e`
)

// shownEvil is how evil is shown.
const shownEvil = `\u001b]0;pwned\u0007\u001b[2J\u001b[31m\u009b5n\u007f\u000d\u0008\u0000\u202e\u2066\u2028`

// localServer is furl serve on a terminal, with a hostile function of a URL.
type localServer struct {
	*terminal
	bootstrap           string // this program
	data, endpoint, url string
	env                 []string // root keys and address
	keyID, secret       string
}

func startLocalServer(t *testing.T, format string) *localServer {
	t.Helper()
	s := &localServer{data: filepath.Join(t.TempDir(), "data")}
	var err error
	if s.bootstrap, err = exec.LookPath("bootstrap"); err != nil {
		t.Fatal(err)
	}
	s.terminal = startOnTerminal(t, []string{"NO_COLOR=", "FURL_SANDBOX_READ=" + s.bootstrap}, "serve", "--data", s.data, "--listen", "127.0.0.1:0",
		"--region", "eu-central-1", "--log-level", "debug", "--log-format", format)
	s.await(t, "furl: in another shell: ")
	file := filepath.Join(s.data, "server.json")
	for deadline := time.Now().Add(time.Minute); !isFile(file) && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	var running struct{ Endpoint, Account string }
	readJSON(t, file, &running)
	var keys struct {
		Accounts map[string]struct{ AccessKeyID, SecretAccessKey string }
	}
	readJSON(t, filepath.Join(s.data, "root-credentials.json"), &keys)
	root := keys.Accounts[running.Account]
	s.endpoint, s.keyID, s.secret = running.Endpoint, root.AccessKeyID, root.SecretAccessKey
	s.env = append(anyCaller(),
		"AWS_ENDPOINT_URL="+s.endpoint, "AWS_ACCESS_KEY_ID="+s.keyID, "AWS_SECRET_ACCESS_KEY="+s.secret)
	return s
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// request sends a request with the signature of root.
func (s *localServer) request(t *testing.T, service, method, target string, body []byte) string {
	t.Helper()
	request, err := http.NewRequest(method, target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if service == "iam" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	signer := sigv4.Signer{Region: "eu-central-1", Service: service}
	credentials := sigv4.Credentials{AccessKeyID: s.keyID, Secret: sigv4.NewSecret(s.secret)}
	if _, err := signer.Sign(request, credentials, sigv4.PayloadBytes(body)); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// deploy makes the hostile function and its URL.
func (s *localServer) deploy(t *testing.T) {
	t.Helper()
	const trust = `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	form := url.Values{
		"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {"r"}, "AssumeRolePolicyDocument": {trust},
	}
	s.request(t, "iam", "POST", s.endpoint+"/", []byte(form.Encode()))
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	header := &zip.FileHeader{Name: "bootstrap"}
	header.SetMode(0o755)
	entry, err := writer.CreateHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(entry, "#!/bin/sh\nexec '%s'\n", s.bootstrap)
	writer.Close()
	function, err := json.Marshal(map[string]any{
		"FunctionName": "web", "Runtime": "provided.al2023", "Handler": "hostile", "Role": "arn:aws:iam::123456789012:role/r",
		"Timeout": 30, "Code": map[string]any{"ZipFile": archive.Bytes()},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.request(t, "lambda", "POST", s.endpoint+"/2015-03-31/functions", function)
	var made struct{ FunctionUrl string }
	answer := s.request(t, "lambda", "POST", s.endpoint+"/2021-10-31/functions/web/url", []byte(`{"AuthType":"AWS_IAM"}`))
	if err := json.Unmarshal([]byte(answer), &made); err != nil || made.FunctionUrl == "" {
		t.Fatalf("no function URL: %s", answer)
	}
	s.url = made.FunctionUrl
}

// get asks for a path below the address, in the bytes given and with the headers, and returns the answer.
func get(t *testing.T, address, path string, headers ...string) string {
	t.Helper()
	base, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", base.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(time.Minute))
	head := append([]string{
		"GET " + strings.TrimSuffix(base.Path, "/") + path + " HTTP/1.1", "Host: " + base.Host, "Connection: close",
	}, headers...)
	io.WriteString(connection, strings.Join(head, "\r\n")+"\r\n\r\n")
	answer, err := io.ReadAll(connection)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// TestStrangersDoNotSteerTheServersTerminal: what requests and functions say arrives escaped wherever furl shows it, in
// the server's log and in everything that the server answers later.
func TestStrangersDoNotSteerTheServersTerminal(t *testing.T) {
	s := startLocalServer(t, "auto")
	s.deploy(t)
	get(t, s.url, evilPath, "User-Agent: \x9b2J")
	onServer := func(args ...string) string {
		t.Helper()
		return onTerminal(t, s.env, append(args, "--data", s.data)...)
	}
	checkHarmless(t, onServer("explain", "--last"), shownPath, "the request is not signed")
	checkHarmless(t, onServer("explain", "--last", "--json"), `"target": "/_furl/url/`, `\u009b5n\u202e`)

	// A wrong signature has the server show the canonical request.
	stamp := time.Now().UTC().Format("20060102T150405Z")
	get(t, s.url, evilPath, "X-Amz-Date: "+stamp, "X-Evil: \x9b2J\u009b5n",
		"Authorization: AWS4-HMAC-SHA256 Credential="+s.keyID+"/"+stamp[:8]+"/eu-central-1/lambda/aws4_request, "+
			"SignedHeaders=host;x-amz-date;x-evil, Signature="+strings.Repeat("0", 64))
	var explained string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if explained = onServer("explain", "--last"); strings.Contains(explained, "x-evil:") {
			break // it is found out after the answer
		}
	}
	checkHarmless(t, explained, `x-evil:\x9b2J\u009b5n`)

	// An unknown page quotes what was asked for.
	checkHarmless(t, onServer("explain", evil[:len(evil)-12]), "no trace of a request")
	checkHarmless(t, onServer("logs", "web"+evil[:8]), "neither a name")

	call := func(args ...string) string {
		t.Helper()
		return onTerminal(t, s.env, append([]string{"call"}, args...)...)
	}
	if sent := call(s.url); !strings.HasPrefix(sent, "body "+evil) {
		t.Errorf("a body is not as the function wrote it: %q", sent)
	}
	checkHarmless(t, call(s.url+"fail", "--fail"), "the function answered 502")
	checkHarmless(t, onServer("explain", "--last"), `failed \u001b]0;pwned`)
	checkHarmless(t, onServer("explain", "--last", "--json"), `\u001b]0;pwned`)

	// Its log, in which it cannot pass for the platform.
	const platformLines = 2 * 3 // START, END and REPORT of both invocations, the last of them after the answer
	log := onServer("logs", "web")
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); log = onServer("logs", "web") {
		if strings.Count(log, "  platform  ") >= platformLines {
			break
		}
	}
	checkHarmless(t, log, "printed "+shownEvil+`\x9b2J`)
	platform := 0
	for line := range strings.Lines(log) {
		switch _, rest, _ := strings.Cut(line, "  "); {
		case strings.HasPrefix(rest, "platform  "):
			platform++
			if strings.Contains(rest, "forged") {
				t.Errorf("the function wrote %q", line)
			}
		case !strings.HasPrefix(rest, "function  "):
			t.Errorf("nobody wrote %q", line)
		}
	}
	if platform != platformLines {
		t.Errorf("%d lines of the platform in\n%s", platform, log)
	}
	asJSON := onServer("logs", "web", "--json")
	checkHarmless(t, asJSON, `\u007f`, `\u009b5n`, `"stream":"platform"`)
	for line := range strings.Lines(asJSON) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %q", line)
		}
	}
	follower := startOnTerminal(t, s.env, "logs", "web", "--follow", "--data", s.data)
	checkHarmless(t, follower.await(t, "forged"), shownEvil)
	piped := exec.Command("furl", "logs", "web", "--data", s.data)
	piped.Env = append(os.Environ(), s.env...)
	if text, err := piped.Output(); !bytes.Contains(text, []byte("printed "+evil+"\x9b2J\n")) {
		t.Errorf("a pipe got %q, %v", text, err)
	}
	if sent := onServer("logs", "web", "--raw"); !strings.Contains(sent, "printed "+evil+"\x9b2J\n") {
		t.Errorf("--raw sent %q", sent)
	}

	checkHarmless(t, s.terminal.String(), `\x9b2J`, `\u009b5n`, "pwned", " INF ")
	if !strings.Contains(s.terminal.String(), "\x1b[92mINF\x1b[0m") {
		t.Error("the log has no color")
	}
}

// TestColors: what went well or badly is colored on a terminal, unless the person does not want it, and nowhere else. The
// words are the same.
func TestColors(t *testing.T) {
	s := startLocalServer(t, "auto")
	s.deploy(t)
	get(t, s.url, "/")
	const ok, refused = "\x1b[92mok\x1b[0m", "\x1b[91mrefused\x1b[0m"
	args := []string{"explain", "--last", "--data", s.data}
	plainEnv := []string{"NO_COLOR=", "CLICOLOR=", "TERM=xterm"}
	colored := onTerminal(t, append(s.env, plainEnv...), args...)
	for _, want := range []string{"  route        " + ok + "       ", "  authenticate " + refused + "  the request is not signed"} {
		if !strings.Contains(colored, want) {
			t.Errorf("%q is not in %q", want, colored)
		}
	}
	lint := filepath.Join(t.TempDir(), "open.json")
	if err := os.WriteFile(lint, []byte(jsonOf(map[string]any{"Version": "2012-10-17", "Statement": map[string]any{
		"Sid": "s" + evil, "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl",
		"Resource": "arn:aws:lambda:eu-central-1:123456789012:function:web",
	}})), 0o600); err != nil {
		t.Fatal(err)
	}
	const role = "arn:aws:iam::123456789012:role/r"
	for _, test := range []struct {
		args string
		want []string
	}{
		{"check web --as " + role, []string{ok, "\x1b[91mproblem\x1b[0m         ", "\x1b[91mthe call would be refused\x1b[0m: ", "\x1b[1mfix:\x1b[0m"}},
		{"check --all", []string{"\x1b[93mdepends\x1b[0m         "}},
		{"policy lint " + lint, []string{": \x1b[91merror\x1b[0m: "}},
		{"grant web --to " + role + " --dry-run", []string{"\x1b[1m+++ resource-based policy of ", "\n\x1b[92m+", "\n\x1b[36m@@ "}},
		{"grant web --to " + role, []string{"\n\x1b[92madded\x1b[0m      "}},
		{"url update web --auth NONE --dry-run", []string{"\n\x1b[91m-", "\n\x1b[92m+"}},
	} {
		sent := onTerminal(t, append(s.env, plainEnv...), strings.Fields(test.args)...)
		checkHarmless(t, sent)
		for _, want := range test.want {
			if !strings.Contains(sent, want) {
				t.Errorf("%s: %q is not in %q", test.args, want, sent)
			}
		}
	}
	for _, variable := range []string{"NO_COLOR=1", "NO_COLOR=0", "CLICOLOR=0", "TERM=dumb"} {
		sent := onTerminal(t, append(append(s.env, plainEnv...), variable), args...)
		if sent != ownStyle.ReplaceAllString(colored, "$1") {
			t.Errorf("%s: the terminal got %q", variable, sent)
		}
	}
	for _, variable := range []string{"CLICOLOR_FORCE=1", "FORCE_COLOR=1", "TERM=xterm-256color"} {
		piped := exec.Command("furl", args...)
		piped.Env = append(append(append(os.Environ(), s.env...), plainEnv...), variable)
		if text, err := piped.Output(); err != nil || string(text) != ownStyle.ReplaceAllString(colored, "$1") {
			t.Errorf("%s: a pipe got %q, %v", variable, text, err)
		}
	}
}

// The log as JSON is JSON still.
func TestLogAsJSONOnATerminal(t *testing.T) {
	s := startLocalServer(t, "json")
	s.deploy(t)
	get(t, s.url, evilPath)
	sent := s.await(t, "the request is not signed")
	checkHarmless(t, sent, `\u009b5n\u202e`)
	lines := 0
	for line := range strings.Lines(sent) {
		if strings.HasPrefix(line, "{") && strings.HasSuffix(line, "\n") {
			lines++
			if !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %q", line)
			}
		}
	}
	if lines == 0 {
		t.Errorf("no line of the log in %q", sent)
	}
}

// anyCaller is the environment of a caller with keys of no account.
func anyCaller() []string {
	return []string{
		"AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_CONFIG_FILE=none", "AWS_SHARED_CREDENTIALS_FILE=none",
	}
}

// hostileURL answers every request with a head full of what a terminal obeys, as far as Go's client takes that.
func hostileURL(t *testing.T, status, body string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				connection.Read(make([]byte, 64<<10))
				fmt.Fprintf(connection, "HTTP/1.1 %s \x1b]0;pwned\x07\x9b\r\nX-Evil: \x9b2J\u009b5n\u202e\r\n"+
					"X-Amzn-RequestId: \u009b5n\r\nX-Amzn-ErrorType: InvalidSignatureException\r\n"+
					"Location: /\x9b\r\nContent-Type: text/\u009b\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// TestServersDoNotSteerTheTerminal: of what a server sends, only the body reaches a terminal unchanged.
func TestServersDoNotSteerTheTerminal(t *testing.T) {
	env := append(anyCaller(), "AWS_ENDPOINT_URL=http://127.0.0.1:1", "NO_COLOR=1")
	const head = `X-Evil: \x9b2J\u009b5n\u202e` + "\n"
	for _, test := range []struct {
		name   string
		status string
		args   []string
		want   []string
		body   bool // the body is sent, as it is
	}{
		{"-i", "200", []string{"-i"}, []string{`HTTP/1.1 200 \u001b]0;pwned\u0007\x9b` + "\n", head}, true},
		{"-I", "200", []string{"-I"}, []string{head}, false},
		{"-v", "200", []string{"-v"}, []string{"< " + head}, true},
		{"-i of a redirect", "302", []string{"-i", "-L", "--max-redirs", "1"}, []string{head}, false},
		{
			"-w", "200", []string{"-w", `\r%header{x-evil} %{content_type} %{header_json}\n`},
			[]string{`\x9b2J\u009b5n\u202e text/\u009b {`}, true,
		},
		{"refused", "403", nil, []string{`refused by authentication (InvalidSignatureException): \u009b5n`}, true},
		{"failed", "500", []string{"--fail"}, []string{"the function answered 500"}, false},
		{"load", "200", []string{"--repeat", "2"}, []string{"2 requests"}, false},
		{"load as JSON", "403", []string{"--repeat", "2", "--report", "json"}, []string{`"403": 2`}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			const body = "{\"message\":\"\u009b5n\x7f\"}\n"
			address := hostileURL(t, test.status, body) + "/"
			sent := onTerminal(t, env, append([]string{"call", address, "--region", "eu-central-1"}, test.args...)...)
			if strings.Contains(sent, body) != test.body {
				t.Errorf("body sent: %t\n%q", !test.body, sent)
			}
			if test.name == "-w" { // the carriage return that was typed
				sent = strings.Replace(sent, "\r", "", 1)
			}
			checkHarmless(t, strings.ReplaceAll(sent, body, ""), test.want...)
		})
	}
}

// TestPrettyOnATerminal: --pretty indents and colors JSON on a terminal. A string cannot steer the terminal, and off a terminal
// and in a file the bytes are those of the function.
func TestPrettyOnATerminal(t *testing.T) {
	const body = "{\"a\":\"\u009b5n\x7f\u202e\",\"n\":1.0,\"n\":1e400}"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/broken" {
			io.WriteString(w, "{\"\x1b]0;pwned\x07")
			return
		}
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	env := append(anyCaller(), "NO_COLOR=", "TERM=xterm")
	call := func(path string, args ...string) string {
		return onTerminal(t, env, append([]string{"call", server.URL + path, "--region", "eu-central-1"}, args...)...)
	}
	const want = "{\n  \"a\": \"\\u009b5n\\u007f\\u202e\",\n  \"n\": 1.0,\n  \"n\": 1e400\n}\n"
	sent := call("/", "--pretty")
	if !strings.Contains(sent, "\x1b[36m\"a\"\x1b[0m: \x1b[32m\"") || regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(sent, "") != want {
		t.Errorf("%q", sent)
	}
	checkHarmless(t, call("/broken", "--pretty"), `{"\u001b]0;pwned\u0007`)
	if sent := call("/"); sent != body {
		t.Errorf("without --pretty: %q", sent)
	}
	file := filepath.Join(t.TempDir(), "body")
	call("/", "--pretty", "-o", file)
	if text, err := os.ReadFile(file); err != nil || string(text) != body {
		t.Errorf("the file has %q, %v", text, err)
	}
	piped := exec.Command("furl", "call", server.URL, "--region", "eu-central-1", "--pretty")
	piped.Env = append(os.Environ(), env...)
	if text, err := piped.Output(); err != nil || string(text) != body {
		t.Errorf("a pipe got %q, %v", text, err)
	}
	env = append(env, "NO_COLOR=1")
	if sent := call("/", "--pretty"); sent != want {
		t.Errorf("without color: %q", sent)
	}
}

// TestLoadOnATerminal: a load that takes longer than a second says how far it is, and clears the line before its report.
// JSON and silence have no such line.
func TestLoadOnATerminal(t *testing.T) {
	address := hostileURL(t, "503", "no") + "/"
	env := append(anyCaller(), "AWS_ENDPOINT_URL=http://127.0.0.1:1")
	load := func(args ...string) string {
		return onTerminal(t, env, append([]string{"call", address, "--region", "eu-central-1", "--repeat", "7", "--rate", "3"}, args...)...)
	}
	sent := load()
	if !regexp.MustCompile(`\rfurl: [1-6] of 7 requests, \d+\.\d per second, [1-6] with an error, [1-9]s.*\r +\r7 requests in`).MatchString(sent) {
		t.Errorf("%q", sent)
	}
	for _, name := range []string{"p50", "p90", "p95", "p99", "max"} {
		if !regexp.MustCompile(`\n +` + name + `  \d+\.\d+ ms\n`).MatchString(sent) {
			t.Errorf("%s is not in\n%s", name, sent)
		}
	}
	if sent := load("--silent"); strings.Contains(sent, "of 7 requests,") {
		t.Errorf("--silent: %q", sent)
	}
}

// hostileAWS answers every call of the APIs with an error, or as well as it can, and has something for the terminal in
// everything that it says.
func hostileAWS(t *testing.T, fails bool) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		action := r.PostFormValue("Action")
		w.Header().Set("Date", "\u009b5n\u202e") // the SDK reads it
		w.Header().Set("X-Amz-Retry-After", "\u009b5n\u202e")
		w.Header().Set("X-Amzn-Requestid", "\u009b5n")
		xml := action != ""
		status, body := http.StatusForbidden, jsonOf(map[string]any{"Message": "denied " + evil})
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		const text = "\u009b5n\x7f\u202e" // XML has no other control characters
		const arn = "arn:aws:lambda:eu-central-1:123456789012:function:web"
		role := "arn:aws:iam::123456789012:role/r" + evil
		function := map[string]any{"FunctionName": "web", "FunctionArn": arn, "Role": role}
		address := map[string]any{
			"FunctionUrl": "http://127.0.0.1:1/" + evil, "FunctionArn": arn, "AuthType": "AWS_IAM", "CreationTime": evil,
			"InvokeMode": "BUFFERED" + evil, "Cors": map[string]any{"AllowOrigins": []string{evil}},
		}
		statement := map[string]any{
			"Sid": "s" + evil, "Effect": "Allow", "Principal": map[string]any{"AWS": "arn:aws:iam::123456789012:user/a"},
			"Action": "lambda:InvokeFunctionUrl", "Resource": arn,
			"Condition": map[string]any{"StringEquals": map[string]any{"aws:UserAgent": evil}},
		}
		policy := jsonOf(map[string]any{"Version": "2012-10-17", "Statement": []any{statement}})
		switch {
		case xml && (fails || action != "GetCallerIdentity"):
			body = `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>denied ` + text +
				`</Message></Error></ErrorResponse>`
		case xml:
			status = http.StatusOK
			body = `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account>` +
				`<Arn>arn:aws:iam::123456789012:user/a` + text + `</Arn><UserId>` + text + `</UserId>` +
				`</GetCallerIdentityResult></GetCallerIdentityResponse>`
		case fails:
		case (strings.HasSuffix(r.URL.Path, "/policy") || strings.Contains(r.URL.Path, "/resource-policy/")) && r.Method == http.MethodGet:
			status, body = http.StatusOK, jsonOf(map[string]any{"Policy": policy, "RevisionId": evil})
		case strings.HasSuffix(r.URL.Path, "/url"):
			status, body = http.StatusOK, jsonOf(address)
		case strings.HasSuffix(r.URL.Path, "/urls"):
			status, body = http.StatusOK, jsonOf(map[string]any{"FunctionUrlConfigs": []any{address}})
		case strings.HasSuffix(r.URL.Path, "/functions"):
			status, body = http.StatusOK, jsonOf(map[string]any{"Functions": []any{function}})
		case r.Method == http.MethodGet:
			status, body = http.StatusOK, jsonOf(map[string]any{"Configuration": function})
		}
		if status == http.StatusOK {
			w.Header().Del("X-Amzn-Errortype")
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func jsonOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// TestAWSDoesNotSteerTheTerminal: every command that asks AWS, with answers and with errors, for people and as JSON.
func TestAWSDoesNotSteerTheTerminal(t *testing.T) {
	answering := append(anyCaller(), "NO_COLOR=1", "AWS_MAX_ATTEMPTS=1", "AWS_ENDPOINT_URL="+hostileAWS(t, false))
	failing := append(anyCaller(), "NO_COLOR=1", "AWS_MAX_ATTEMPTS=1", "AWS_ENDPOINT_URL="+hostileAWS(t, true))
	for _, test := range []struct {
		command string
		want    string // of the answer
		person  bool   // there is no --json
	}{
		{"check web", `user/a\u009b5n\u007f\u202e`, false},
		{"check web --as arn:aws:iam::123456789012:user/a", `http://127.0.0.1:1/\u001b]0;pwned\u0007`, false},
		{"check --all", "web", false},
		{"grant web --to arn:aws:iam::123456789012:user/a", `denied \u001b]0;pwned\u0007`, false},
		{"grant web --to arn:aws:iam::123456789012:user/a --dry-run", `u001b]0;pwned`, false},
		{"grant web --to role-name", `iam:GetRole of role role-name: denied \u009b5n\u007f`, false},
		{"revoke web --from arn:aws:iam::123456789012:user/a", `denied \u009b5n\u007f`, false},
		{"url create web", `http://127.0.0.1:1/\u001b]0;pwned\u0007`, false},
		{"url get web", `http://127.0.0.1:1/\u001b]0;pwned\u0007`, false},
		{"url list", `http://127.0.0.1:1/\u001b]0;pwned\u0007`, false},
		{"url list web", `http://127.0.0.1:1/\u001b]0;pwned\u0007`, false},
		{"url update web --auth-type NONE --dry-run", `u001b]0;PWNED`, false},
		{"url delete web --dry-run", `u001b]0;pwned`, false},
		{"call web", "furl: error: ", true},
		{"call -v web", "furl: error: ", true},
		{"sign web", "furl: error: ", true},
		{"proxy web --listen 127.0.0.1:0", "furl: error: ", true},
	} {
		for _, flag := range []string{"", " --json"} {
			if flag != "" && test.person {
				continue
			}
			arguments := strings.Fields(test.command + flag)
			t.Run(test.command+flag, func(t *testing.T) {
				t.Parallel()
				sent := onTerminal(t, answering, arguments...)
				checkHarmless(t, sent, test.want)
				checkHarmless(t, onTerminal(t, failing, arguments...), `denied \u`)
			})
		}
	}
}

// TestFilesAndArgumentsDoNotSteerTheTerminal: what was downloaded or pasted may be a stranger's, too.
func TestFilesAndArgumentsDoNotSteerTheTerminal(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	env := append(anyCaller(), "AWS_ENDPOINT_URL=http://127.0.0.1:1", "NO_COLOR=1")
	const address = "http://127.0.0.1:1/"
	open := jsonOf(map[string]any{"Version": "2012-10-17", "Statement": map[string]any{
		"Sid": "s" + evil, "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl",
		"Resource": "arn:aws:lambda:eu-central-1:123456789012:function:web",
	}})
	request := jsonOf(map[string]any{
		"id": evil, "principal": "arn:aws:iam::111122223333:user/alice", "action": "lambda:InvokeFunctionUrl",
		"resource": "arn:aws:lambda:eu-west-1:111122223333:function:web", "context": map[string]any{"aws:UserAgent": evil},
	})
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"lint", []string{"policy", "lint", file("open\x1b]0;pwned\x07.json", open)}, `open\u001b]0;pwned\u0007.json:1:`},
		{"lint as JSON", []string{"policy", "lint", "--json", file("open\u009b.json", open)}, `open\u009b.json`},
		{"lint of no policy", []string{"policy", "lint", file("evil.json", evil)}, "furl: error: "},
		{
			"lint of a faulty policy",
			[]string{"policy", "lint", file("faulty.json", strings.Replace(open, "lambda:", "\u009b5n", 1))}, "furl: error: ",
		},
		{"evaluate", []string{"policy", "evaluate", "--input", file("lines", request+"\n"+evil+"\n")}, `\u009b5n\u007f`},
		{"sign", []string{"sign", address, "-d", "a=\x1b]0;pwned\x07\x9b"}, `printf 'a=\033]0;pwned\007\233' | curl`},
		{"sign as HTTP", []string{"sign", address, "--as", "http", "-d", "a=\x1b]0;pwned\x07"}, `a=\u001b]0;pwned\u0007`},
		{"sign as JSON", []string{"sign", address, "--as", "json", "-H", "X-A: \u009b5n"}, `"X-A": "\u009b5n"`},
		{"sign headers", []string{"sign", address, "--as", "headers", "-H", "X-A: \u009b5n"}, `X-A: \u009b5n`},
		{"check of files", []string{"check", "--offline", dir}, "note: evil.json: left out: "},
		{"no such command", []string{"\x1b]0;pwned\x07"}, "unknown command"},
		{"no such flag", []string{"serve", "--\u009b5n\x7f"}, `unknown flag: --\u009b5n\u007f`},
		{"surplus argument", []string{"version", evil[:10]}, "takes no arguments"},
		{"data directory", []string{"env", "--data", "\x1b]0;pwned\x07"}, `\u001b]0;pwned\u0007`},
		{"configuration", []string{"serve", "--check", "--data", "a\x7f"}, `"data": "a\u007f"`},
		{"no server", []string{"logs", "web", "--endpoint-url", "http://127.0.0.1:1/\u009b"}, "no server answers"},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkHarmless(t, onTerminal(t, env, test.args...), test.want)
		})
	}
}

// TestProxysLogDoesNotSteerTheTerminal: requests of its clients, and what the function URL says.
func TestProxysLogDoesNotSteerTheTerminal(t *testing.T) {
	address := hostileURL(t, "403", "{\"message\":\"\u009b5n\x7f\"}\n")
	proxy := startOnTerminal(t, append(anyCaller(), "NO_COLOR="), "proxy", address+"/", "--region", "eu-central-1",
		"--listen", "127.0.0.1:0", "--log-level", "debug", "--print-env")
	const before, after = "furl: listening on ", "\n"
	_, rest, _ := strings.Cut(proxy.await(t, "# MCP clients"), before)
	listening, _, _ := strings.Cut(rest, after)
	get(t, listening, evilPath, "Origin: http://\x9b5n")
	get(t, listening, evilPath)
	sent := proxy.await(t, "refused_by=\x1b[0mauthentication")
	checkHarmless(t, sent, `path="`+shownPath, "refused_by=proxy", `reason="\u009b5n\x7f"`)
}
