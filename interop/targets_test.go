//go:build unix

package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/urltest"
)

// headerCase says which case a request is.
const headerCase = "X-Case"

// targetCase is a request for one of the targets, by one of furl's clients.
type targetCase struct {
	id     string // in headerCase
	sender string
	method string
	target string
	body   []byte
	env    []string // with the credentials
}

// sender is one of the ways in which furl sends a request. It returns the answer's status, if it knows it, and body.
type sender func(t *testing.T, c targetCase) (status int, body string)

// TestTargets has furl's three clients send odd targets to a function URL of furl serve, which must accept all of them
// and hand them to the function as they were typed. The bytes that went over the wire are then signed once more by
// botocore and by the AWS SDK for JavaScript, which must come to the same signature.
func TestTargets(t *testing.T) {
	need(t, "python", "node")
	s := startServer(t)
	path := s.createFunction(t, "echo", types.RuntimeProvidedal2023, "bootstrap", echoZip(t), types.InvokeModeBuffered)
	r := startRecorder(t, strings.TrimPrefix(s.endpoint(), "http://"))
	_, port, err := net.SplitHostPort(r.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + urlID(path) + ".lambda-url." + region + ".localhost:" + port
	key, session := s.env(), s.sessionEnv(t)

	var cases []targetCase
	t.Run("send", func(t *testing.T) {
		for name, send := range map[string]sender{
			"Transport": viaTransport(url), "furl call": viaCall(t, url), "furl proxy": viaProxy(t, url, key, session),
		} {
			mine := targetCases(name, key, session)
			cases = append(cases, mine...)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				inTwos(mine, func(c targetCase) { c.check(t, send) })
			})
		}
	})
	wire := r.all()
	if len(wire) != len(cases) {
		t.Errorf("%d requests were sent for %d cases", len(wire), len(cases))
	}
	byID := map[string]targetCase{}
	for _, c := range cases {
		byID[c.id] = c
	}
	for _, sent := range wire {
		if want := byID[sent.header(headerCase)]; sent.Target != want.target {
			t.Errorf("%s %s %s was sent as %s", want.sender, want.method, want.target, sent.Target)
		}
	}
	t.Run("botocore", func(t *testing.T) {
		verify(t, wire, [][]string{key, session}, botocoreReads, python(t), "python/verify.py")
	})
	t.Run("@smithy/signature-v4", func(t *testing.T) {
		verify(t, wire, [][]string{key, session}, smithyReads, "node", "node/verify.mjs")
	})
}

// targetCases are all targets with and without a body, with a key and with a session.
func targetCases(sender string, key, session []string) []targetCase {
	var cases []targetCase
	for _, target := range urltest.Targets() {
		for _, c := range []targetCase{
			{method: http.MethodGet, env: key},
			{method: http.MethodPost, env: key, body: []byte(allBytes())},
			{method: http.MethodPost, env: session, body: []byte(`{"title":"café"}`)},
		} {
			c.sender, c.target = sender, target
			c.id = fmt.Sprintf("%s %d", sender, len(cases))
			cases = append(cases, c)
		}
	}
	return cases
}

// inTwos does all cases, two at a time.
func inTwos(cases []targetCase, do func(targetCase)) {
	var workers sync.WaitGroup
	for half := range 2 {
		workers.Go(func() {
			for i := half; i < len(cases); i += 2 {
				do(cases[i])
			}
		})
	}
	workers.Wait()
}

// check sends the case. The function has to see what was typed, and who called.
func (c targetCase) check(t *testing.T, send sender) {
	status, answer := send(t, c)
	var got echo
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status != 0 && status != http.StatusOK {
		t.Errorf("%s %s: status %d: %s", c.method, c.target, status, answer)
		return
	}
	path, query, _ := strings.Cut(c.target, "?")
	hash := sha256.Sum256(c.body)
	caller := "arn:aws:iam::" + account + ":root"
	if variable(c.env, "AWS_SESSION_TOKEN") != "" {
		caller = "arn:aws:sts::" + account + ":assumed-role/clients/interop"
	}
	want := echo{Method: c.method, RawPath: path, RawQuery: query, Body: hex.EncodeToString(hash[:]), Caller: caller}
	got.Headers = nil
	if !got.equal(want) {
		t.Errorf("%s %s: the function saw %+v, want %+v", c.method, c.target, got, want)
	}
}

// viaTransport sends through the library.
func viaTransport(url string) sender {
	return func(t *testing.T, c targetCase) (int, string) {
		keys := credentials.NewStaticCredentialsProvider(
			variable(c.env, "AWS_ACCESS_KEY_ID"), variable(c.env, "AWS_SECRET_ACCESS_KEY"), variable(c.env, "AWS_SESSION_TOKEN"))
		transport := furl.NewTransport(aws.Config{Credentials: keys})
		defer transport.CloseIdleConnections()
		request, err := http.NewRequestWithContext(t.Context(), c.method, url+c.target, bytes.NewReader(c.body))
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		request.Header.Set(headerCase, c.id)
		response, err := transport.RoundTrip(request)
		return readAnswer(t, response, err)
	}
}

func readAnswer(t *testing.T, response *http.Response, err error) (int, string) {
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(body)
}

// viaCall sends with a process for each request.
func viaCall(t *testing.T, url string) sender {
	program, dir := must(t, buildFurl), t.TempDir()
	return func(t *testing.T, c targetCase) (int, string) {
		arguments := []string{"call", "--header", headerCase + ": " + c.id, url + c.target}
		if len(c.body) > 0 {
			file := filepath.Join(dir, c.id)
			if err := os.WriteFile(file, c.body, 0o600); err != nil {
				t.Error(err)
			}
			arguments = append(arguments, "--data-binary", "@"+file)
		}
		done := run(t, c.env, nil, program, arguments...)
		if done.code != 0 {
			t.Errorf("furl call %s: exit %d: %s", c.target, done.code, done.stderr)
		}
		return 0, done.stdout
	}
}

// viaProxy sends through a proxy for each of the environments. What the proxy gets is written here, and not by a client
// with ideas of its own.
func viaProxy(t *testing.T, url string, environments ...[]string) sender {
	addresses := map[string]string{} // by access key
	for _, env := range environments {
		addresses[variable(env, "AWS_ACCESS_KEY_ID")] = startProxy(t, env, url)
	}
	return func(t *testing.T, c targetCase) (int, string) {
		conn, err := net.Dial("tcp", addresses[variable(c.env, "AWS_ACCESS_KEY_ID")])
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s: %s\r\n"+
			"Content-Length: %d\r\n\r\n%s", c.method, c.target, headerCase, c.id, len(c.body), c.body)
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		return readAnswer(t, response, err)
	}
}

// startProxy starts furl proxy, until the test ends, and returns its address.
func startProxy(t *testing.T, env []string, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	arguments := []string{"proxy", "--listen", "127.0.0.1:0", "--log-level", "error", url}
	process := exec.CommandContext(ctx, must(t, buildFurl), arguments...)
	process.Env = env
	stderr, err := process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stderr)
	first, err := lines.ReadString('\n')
	rest := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(lines) // what there is when the proxy ends
		rest <- string(text)
	}()
	t.Cleanup(func() {
		defer cancel()
		process.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		if text := <-rest; text != "" {
			t.Logf("furl proxy: %s", text)
		}
		if err := process.Wait(); err != nil {
			t.Errorf("furl proxy: %v", err)
		}
	})
	_, address, ok := strings.Cut(strings.TrimSpace(first), "listening on http://")
	if err != nil || !ok {
		t.Fatalf("furl proxy printed %q, %v", first, err)
	}
	return address
}

// exception is what a signer makes of targets in another way than Lambda, as far as it is known, and how it is to read
// them for coming to the same.
type exception struct {
	targets []string
	reading string // "" if the signer has no way
	why     string
}

var dotsAtTheEnd = exception{
	[]string{"/a/.", "/a/b/.."}, "slash after dots",
	"no slash is left after dots at the end of a path; by RFC 3986, 5.2.4, as furl and the SDK for Rust sign, there is",
}

var botocoreReads = []exception{dotsAtTheEnd, {
	[]string{"/?q=%FF"}, "query as it stands",
	"parameters are text, which has no bytes that are not UTF-8; in a query that is encoded already there may be some",
}}

var smithyReads = []exception{dotsAtTheEnd, {
	[]string{"/?q=%FF"}, "",
	"parameters are text, which has no bytes that are not UTF-8, and the SDK takes a query in no other form",
}}

// verify has a program sign the requests once more, and compares. Where it is known to differ, it has to differ too, so
// that the exceptions stay true.
func verify(t *testing.T, wire []received, environments [][]string, exceptions []exception, command ...string) {
	type key struct {
		ID     string `json:"id"`
		Secret string `json:"secret"`
	}
	type input struct {
		Request received `json:"request"`
		Reading string   `json:"reading"`
		differs bool
		why     string
	}
	var keys []key
	for _, env := range environments {
		keys = append(keys, key{variable(env, "AWS_ACCESS_KEY_ID"), variable(env, "AWS_SECRET_ACCESS_KEY")})
	}
	var inputs []input
	for _, request := range wire {
		i := slices.IndexFunc(exceptions, func(e exception) bool { return slices.Contains(e.targets, request.Target) })
		if i < 0 {
			inputs = append(inputs, input{Request: request})
			continue
		}
		inputs = append(inputs, input{Request: request, differs: true, why: exceptions[i].why})
		if reading := exceptions[i].reading; reading != "" {
			inputs = append(inputs, input{Request: request, Reading: reading, why: exceptions[i].why})
		}
	}
	var stdin bytes.Buffer
	encoder := json.NewEncoder(&stdin)
	if err := encoder.Encode(keys); err != nil {
		t.Fatal(err)
	}
	for _, in := range inputs {
		if err := encoder.Encode(in); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	done := run(t, append(baseEnv(t.TempDir()), "AWS_REGION="+region), &stdin, command[0], command[1:]...)
	if done.code != 0 {
		t.Fatalf("exit %d: %s", done.code, done.stderr)
	}
	t.Logf("%d signatures in %s", len(inputs), time.Since(start).Round(time.Millisecond))
	lines := slices.Collect(strings.Lines(done.stdout))
	if len(lines) != len(inputs) {
		t.Fatalf("%d signatures of %d requests: %s", len(lines), len(inputs), done.stderr)
	}
	for i, in := range inputs {
		signed := decode[struct{ Authorization, Error string }](t, lines[i])
		sent := in.Request.header("Authorization")
		if (signed.Authorization == sent) == in.differs {
			t.Errorf("%s %s %s, read %q: should differ: %t %s\nsent   %s\nsigned %s %s", in.Request.header(headerCase),
				in.Request.Method, in.Request.Target, in.Reading, in.differs, in.why, sent, signed.Authorization, signed.Error)
		}
	}
}
