//go:build unix

package furltest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/furltest"
)

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

// send sends a request as the owner of the configuration, without repeating it.
func send(t *testing.T, config aws.Config, method, address, body string, header ...string) answer {
	t.Helper()
	transport := furl.NewTransport(config)
	transport.MaxRetries = -1
	return sendWith(t, transport, method, address, body, header...)
}

func sendWith(t *testing.T, transport http.RoundTripper, method, address, body string, header ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	client := http.Client{Transport: transport}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(read), err}
}

func hello(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }

// forbidden is what AWS answers to a caller without permission (shared recordings of 2025 and 2026).
const forbidden = `{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: ` +
	`https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`

func TestCallersNeedPermission(t *testing.T) {
	t.Parallel()
	srv := furltest.Start(t)
	url := srv.NewFunctionURL(http.HandlerFunc(hello))
	for name, principal := range map[string]*furltest.Principal{
		"role": srv.Role("role"), "user": srv.User("user"),
		"role of another account": srv.Role("role", furltest.InAccount("210987654321")),
		"user of another account": srv.User("user", furltest.InAccount("210987654321")),
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, principal.Config(), "GET", url.URL, "")
			if got.status != 403 || got.body != forbidden || got.header["X-Amzn-Errortype"][0] != "AccessDeniedException" ||
				got.header.Get("Content-Type") != "application/json" {
				t.Errorf("without permission: %+v", got)
			}
			srv.Grant(principal, url)
			if got := send(t, principal.Config(), "GET", url.URL, ""); got.status != 200 || got.body != "hello" {
				t.Errorf("with permission: %+v", got)
			}
		})
	}
	if got := send(t, srv.Config(), "GET", url.URL, ""); got.body != "hello" {
		t.Errorf("the administrator: %+v", got)
	}
}

// One of the two actions is not enough.
func TestPolicyOfAPrincipal(t *testing.T) {
	t.Parallel()
	srv := furltest.Start(t)
	url := srv.NewFunctionURL(http.HandlerFunc(hello))
	half := srv.Role("half", furltest.WithPolicy(
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"*"}}`))
	if got := send(t, half.Config(), "GET", url.URL, ""); got.status != 403 {
		t.Errorf("with one action: %+v", got)
	}
	refusals := srv.Refusals()
	if len(refusals) != 1 || !strings.Contains(refusals[0].Reason, "lambda:InvokeFunction") || len(refusals[0].Fix) == 0 ||
		!strings.Contains(refusals[0].String(), "authorize") || refusals[0].Status != 403 {
		t.Errorf("refusals: %+v", refusals)
	}
}

func TestDeny(t *testing.T) {
	t.Parallel()
	srv := furltest.Start(t)
	url := srv.NewFunctionURL(http.HandlerFunc(hello))
	stranger := srv.Role("caller", furltest.InAccount("210987654321"))
	srv.Grant(stranger, url)
	call := func(config aws.Config) int { return send(t, config, "GET", url.URL, "").status }
	srv.Deny("lambda:InvokeFunctionUrl", "lambda:GetFunction")
	latecomer := srv.User("late", furltest.InAccount("111122223333"))
	srv.Grant(latecomer, url)
	for name, config := range map[string]aws.Config{
		"administrator": srv.Config(), "stranger": stranger.Config(), "latecomer": latecomer.Config(),
	} {
		if got := call(config); got != 403 {
			t.Errorf("%s, denied: %d", name, got)
		}
	}
	srv.Allow("lambda:InvokeFunctionUrl")
	if got := call(srv.Config()); got != 200 {
		t.Errorf("allowed again: %d", got)
	}
	get := &lambda.GetFunctionInput{FunctionName: aws.String(url.ARN)}
	client := lambda.NewFromConfig(srv.Config())
	if _, err := client.GetFunction(t.Context(), get); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("the other action is not denied: %v", err)
	}
	srv.Allow()
	if _, err := client.GetFunction(t.Context(), get); err != nil {
		t.Error(err)
	}
}

func TestCallers(t *testing.T) {
	t.Parallel()
	srv := furltest.Start(t)
	url := srv.NewFunctionURL(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, ok := furltest.CallerOf(r.Context())
		fmt.Fprintf(w, "%t %s %s %s", ok, caller.AccountID, caller.UserARN, caller.AccessKey[:4])
		if !bytes.Contains(furltest.EventOf(r.Context()), []byte(`"version":"2.0"`)) {
			t.Error("no event")
		}
	}))
	role, user := srv.Role("caller"), srv.User("alice", furltest.InAccount("210987654321"))
	srv.Grant(role, url)
	srv.Grant(user, url)
	want := "true 123456789012 arn:aws:sts::123456789012:assumed-role/caller/furltest ASIA"
	if got := send(t, role.Config(), "GET", url.URL, ""); got.body != want {
		t.Errorf("a role: %s", got.body)
	}
	want = "true 210987654321 arn:aws:iam::210987654321:user/alice AKIA"
	if got := send(t, user.Config(), "GET", url.URL, ""); got.body != want {
		t.Errorf("a user: %s", got.body)
	}
	if _, ok := furltest.CallerOf(t.Context()); ok || furltest.EventOf(t.Context()) != nil {
		t.Error("a caller of no request")
	}
	identity, err := sts.NewFromConfig(role.Config()).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || aws.ToString(identity.Arn) != "arn:aws:sts::123456789012:assumed-role/caller/furltest" {
		t.Errorf("to STS the role is %v, %v", identity, err)
	}
}

// A handler gets the request as it was sent, and the client the answer as it was written, in both modes.
func TestRequestsAndAnswers(t *testing.T) {
	t.Parallel()
	binary := string([]byte{0, 0xff, 0x80, '\n', 0})
	srv := furltest.Start(t)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.ContentLength != int64(len(body)) {
			t.Errorf("body: %v, %d of %d bytes", err, len(body), r.ContentLength)
		}
		cookie, err := r.Cookie("b")
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Seen", strings.Join([]string{
			r.Method, r.RequestURI, r.URL.Path, r.URL.Query().Get("x"), r.Header.Get("X-Asked"), cookie.Value,
		}, " "))
		w.Header().Add("Vary", "A")
		w.Header().Add("Vary", "B")
		http.SetCookie(w, &http.Cookie{Name: "one", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "two", Value: "2"})
		w.Header().Set("Content-Type", "application/octet-stream")
		w.WriteHeader(http.StatusTeapot)
		w.Write(body)
	})
	for name, url := range map[string]*furltest.FunctionURL{
		"buffered": srv.NewFunctionURL(handler), "streaming": srv.NewFunctionURL(handler, furltest.Streaming()),
	} {
		got := send(t, srv.Config(), "PUT", url.URL+"a%2Fb//c?x=1%202&y", binary, "X-Asked", "yes", "Cookie", "a=1; b=2")
		seen := "PUT /a%2Fb//c?x=1%202&y /a/b//c 1 2 yes 2"
		if got.status != 418 || got.body != binary || got.header.Get("X-Seen") != seen {
			t.Errorf("%s: %+v", name, got)
		}
		if cookies := got.header["Set-Cookie"]; len(cookies) != 2 || got.header.Get("Vary") != "A,B" {
			t.Errorf("%s: cookies %q, Vary %q", name, cookies, got.header["Vary"])
		}
		if got.header["Date"] == nil || got.header.Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s: %v", name, got.header)
		}
		if got := send(t, srv.Config(), "HEAD", url.URL, "", "Cookie", "b=2"); got.status != 418 || got.body != "" {
			t.Errorf("%s, HEAD: %+v", name, got)
		}
	}
}

// A streamed answer arrives while the handler writes.
func TestStreaming(t *testing.T) {
	t.Parallel()
	srv := furltest.Start(t)
	goOn := make(chan struct{})
	url := srv.NewFunctionURL(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first\n")
		w.(http.Flusher).Flush()
		<-goOn
		io.WriteString(w, "second\n")
	}), furltest.Streaming())
	client := http.Client{Transport: furl.NewTransport(srv.Config())}
	defer client.CloseIdleConnections()
	response, err := client.Get(url.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	first := make([]byte, len("first\n"))
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "first\n" {
		t.Fatalf("%q, %v", first, err)
	}
	close(goOn)
	if rest, err := io.ReadAll(response.Body); err != nil || string(rest) != "second\n" {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	srv := furltest.Start(t)
	panics := func(value any, before string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if before != "" {
				io.WriteString(w, before)
				w.(http.Flusher).Flush()
			}
			panic(value)
		})
	}
	endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	large := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 6<<20+200)) })
	streaming := furltest.Streaming()
	for _, row := range []struct {
		name   string
		url    *furltest.FunctionURL
		status int
		body   string
		broken bool
		reason string
	}{
		{"panic", srv.NewFunctionURL(panics("oh", "")), 502, "Internal Server Error", false, "furltest.Panic"},
		{"panic of a stream", srv.NewFunctionURL(panics("oh", ""), streaming), 502, "Internal Server Error", false, "furltest.Panic"},
		{"late panic", srv.NewFunctionURL(panics("oh", "begun")), 502, "Internal Server Error", false, "furltest.Panic"},
		// AWS ends such an answer in order: no client hears of the error.
		{"late panic of a stream", srv.NewFunctionURL(panics("oh", "begun"), streaming), 200, "begun", false, "furltest.Panic"},
		{"broken stream", srv.NewFunctionURL(panics(http.ErrAbortHandler, "begun"), streaming), 200, "begun", true, "broke off"},
		{"broken off at once", srv.NewFunctionURL(panics(http.ErrAbortHandler, "")), 502, "Internal Server Error", false, "Aborted"},
		{"timeout", srv.NewFunctionURL(endless, furltest.Timeout(time.Second)), 502, "Internal Server Error", false, "Timedout"},
		{"too large", srv.NewFunctionURL(large), 502, "Internal Server Error", false, "ResponseSizeTooLarge"},
	} {
		t.Run(name(row.name), func(t *testing.T) {
			t.Parallel()
			got := send(t, srv.Config(), "GET", row.url.URL, "")
			if got.status != row.status || got.body != row.body || (got.err != nil) != row.broken {
				t.Errorf("%+v", got)
			}
			for _, refusal := range srv.Refusals() {
				if refusal.RequestID == got.header.Get("X-Amzn-Requestid") {
					if text := refusal.Reason + refusal.String(); !strings.Contains(text, row.reason) {
						t.Errorf("the reason is %s", text)
					}
					return
				}
			}
			t.Error("no reason")
		})
	}
}

func name(text string) string { return strings.ReplaceAll(text, " ", "-") }

func TestThrottle(t *testing.T) {
	t.Parallel()
	srv := furltest.Start(t)
	url := srv.NewFunctionURL(http.HandlerFunc(hello))
	url.Throttle(2)
	for range 2 {
		got := send(t, srv.Config(), "GET", url.URL, "")
		if got.status != 429 || got.header.Get("X-Amzn-Errortype") != "TooManyRequestsException" ||
			got.body != `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}` {
			t.Errorf("%+v", got)
		}
	}
	if got := send(t, srv.Config(), "GET", url.URL, ""); got.status != 200 {
		t.Errorf("%+v", got)
	}
	url.Throttle(1)
	if got := sendWith(t, furl.NewTransport(srv.Config()), "GET", url.URL, ""); got.status != 200 {
		t.Errorf("a client that repeats: %+v", got)
	}
}

// Reserved concurrency is held to.
func TestReservedConcurrency(t *testing.T) {
	t.Parallel()
	srv := furltest.Start(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	url := srv.NewFunctionURL(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-leave
	}))
	_, err := lambda.NewFromConfig(srv.Config()).PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{
		FunctionName: aws.String(url.ARN), ReservedConcurrentExecutions: aws.Int32(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan answer)
	go func() { first <- send(t, srv.Config(), "GET", url.URL, "") }()
	<-entered
	if got := send(t, srv.Config(), "GET", url.URL, ""); got.status != 429 {
		t.Errorf("the second: %+v", got)
	}
	close(leave)
	if got := <-first; got.status != 200 {
		t.Errorf("the first: %+v", got)
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	srv := furltest.Start(t)
	url := srv.NewFunctionURL(http.HandlerFunc(hello))
	role := srv.Role("caller")
	srv.Grant(role, url)
	held := aws.NewCredentialsCache(role.Config().Credentials)
	keeps := role.Config()
	keeps.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) { return held.Retrieve(ctx) })
	renews := furl.NewTransport(role.Config())
	for range 2 {
		if got := send(t, keeps, "GET", url.URL, ""); got.status != 200 {
			t.Fatalf("a good session: %+v", got)
		}
		if got := sendWith(t, renews, "GET", url.URL, ""); got.status != 200 {
			t.Fatalf("a client that renews: %+v", got)
		}
		role.EndSessions()
		got := send(t, keeps, "GET", url.URL, "")
		if got.status != 403 || got.body != `{"message":"The security token included in the request is expired"}` &&
			got.body != `{"message":"The security token included in the request is expired."}` ||
			got.header.Get("X-Amzn-Errortype") != "ExpiredTokenException" {
			t.Errorf("an ended session: %+v", got)
		}
		if got := sendWith(t, renews, "GET", url.URL, ""); got.status != 200 {
			t.Errorf("a client that renews: %+v", got)
		}
		held.Invalidate()
	}
}

func TestAdvance(t *testing.T) {
	t.Parallel()
	srv := furltest.Start(t)
	function := srv.NewFunctionURL(http.HandlerFunc(hello))
	role := srv.Role("caller")
	srv.Grant(role, function)
	presigner := furl.NewTransport(role.Config())
	request, err := http.NewRequestWithContext(t.Context(), "GET", function.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	presigned, err := presigner.Presign(request, 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	plain := &http.Transport{}
	address := presigned.URL
	if got := sendWith(t, plain, "GET", address, ""); got.status != 200 {
		t.Fatalf("presigned: %+v", got)
	}
	before, err := role.Config().Credentials.Retrieve(t.Context())
	if err != nil || time.Until(before.Expires) > time.Hour || time.Until(before.Expires) < 50*time.Minute {
		t.Fatalf("the session ends at %v, %v", before.Expires, err)
	}
	srv.Advance(11 * time.Minute)
	if got := sendWith(t, plain, "GET", address, ""); got.status != 403 || !strings.Contains(got.body, "expired") {
		t.Errorf("presigned, expired: %+v", got)
	}
	if got := send(t, role.Config(), "GET", function.URL, ""); got.status != 200 {
		t.Errorf("a client that corrects its clock: %+v", got)
	}
	stubborn := furl.NewTransport(role.Config())
	stubborn.Now = srv.Now
	if got := sendWith(t, stubborn, "GET", function.URL, ""); got.status != 200 {
		t.Errorf("a client with the server's clock: %+v", got)
	}
	// The client of the AWS SDK takes the time from the Date of the refusal.
	if _, err := sts.NewFromConfig(srv.Config()).GetCallerIdentity(t.Context(), nil); err != nil {
		t.Errorf("the SDK: %v", err)
	}
	srv.Advance(time.Hour)
	after, err := role.Config().Credentials.Retrieve(t.Context())
	if err != nil || after.AccessKeyID == before.AccessKeyID {
		t.Errorf("the session goes on: %v", err)
	}
	if got := sendWith(t, stubborn, "GET", function.URL, ""); got.status != 200 {
		t.Errorf("a client that renews: %+v", got)
	}
}

func TestHostNamesAndRegions(t *testing.T) {
	t.Parallel()
	srv := furltest.Start(t, furltest.WithHostNames(), furltest.WithRegion("eu-central-1"))
	function := srv.NewFunctionURL(http.HandlerFunc(hello), furltest.Named("my-function"))
	parsed, err := furl.ParseURL(function.URL)
	if err != nil || parsed.Region != "eu-central-1" || !strings.HasSuffix(function.ARN, ":function:my-function") {
		t.Errorf("%+v, %v", parsed, err)
	}
	if got := send(t, srv.Config(), "GET", function.URL, ""); got.status != 200 {
		t.Errorf("%+v", got)
	}
	// By host name, a client without furl's dialer.
	at, _ := url.Parse(function.URL)
	address := strings.Replace(function.URL, at.Host, strings.TrimPrefix(srv.Endpoint(), "http://"), 1)
	request, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = at.Host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != 403 || string(body) != `{"Message":"Forbidden"}` {
		t.Errorf("unsigned: %d %s", response.StatusCode, body)
	}
}

// A failing test says why requests were refused; one that cannot start fails.
func TestFailingTest(t *testing.T) {
	t.Parallel()
	record := &recordedTest{TB: t}
	srv := furltest.Start(record)
	url := srv.NewFunctionURL(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh no") }))
	send(t, srv.Role("caller").Config(), "GET", url.URL, "")
	send(t, srv.Config(), "GET", url.URL, "")
	record.failed = true
	record.end()
	for _, want := range []string{"role/caller", "lambda:InvokeFunctionUrl", "fix:", "oh no", "furltest_test.go"} {
		if !strings.Contains(record.logged, want) {
			t.Errorf("no %q in the output:\n%s", want, record.logged)
		}
	}
	unstarted := &recordedTest{TB: t}
	func() {
		defer func() {
			if err, ok := recover().(error); !ok || !errors.Is(err, errFatal) {
				t.Errorf("it goes on: %v", err)
			}
		}()
		furltest.Start(unstarted, furltest.WithRegion("nowhere"))
	}()
	if !strings.Contains(unstarted.logged, "nowhere") {
		t.Errorf("the output is %q", unstarted.logged)
	}
}

// recordedTest is a test whose outcome is looked at.
type recordedTest struct {
	testing.TB
	failed   bool
	logged   string
	cleanups []func()
}

var errFatal = errors.New("fatal")

func (t *recordedTest) Failed() bool            { return t.failed }
func (t *recordedTest) Cleanup(f func())        { t.cleanups = append(t.cleanups, f) }
func (t *recordedTest) Logf(f string, a ...any) { t.logged += fmt.Sprintf(f, a...) }
func (t *recordedTest) Fatalf(f string, a ...any) {
	t.logged += fmt.Sprintf(f, a...)
	panic(errFatal)
}

func (t *recordedTest) end() {
	for _, cleanup := range t.cleanups {
		cleanup()
	}
}

// Nothing of a server is left behind, neither goroutines nor files, also if a handler or a client is in the middle of
// something.
func TestNothingIsLeft(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	goroutines := func() string {
		all := make([]byte, 1<<20)
		var ours []string
		for _, stack := range strings.Split(string(all[:runtime.Stack(all, true)]), "\n\n")[1:] {
			if strings.Contains(stack, "/furl/internal/") || strings.Contains(stack, "furltest.") {
				ours = append(ours, stack)
			}
		}
		return strings.Join(ours, "\n\n")
	}
	t.Run("one", func(t *testing.T) {
		srv := furltest.Start(t)
		entered := make(chan struct{}, 2)
		patient := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			entered <- struct{}{}
			<-r.Context().Done()
		})
		client := &http.Client{Transport: furl.NewTransport(srv.Config())}
		for _, url := range []*furltest.FunctionURL{
			srv.NewFunctionURL(patient), srv.NewFunctionURL(patient, furltest.Streaming()),
		} {
			ctx, cancel := context.WithCancel(t.Context())
			request, err := http.NewRequestWithContext(ctx, "GET", url.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				if response, err := client.Do(request); err == nil {
					response.Body.Close()
					t.Error("an answer")
				}
			}()
			<-entered
			cancel() // the function goes on
			<-ended
		}
		client.CloseIdleConnections()
	})
	deadline := time.Now().Add(10 * time.Second)
	for goroutines() != "" && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if left := goroutines(); left != "" {
		t.Errorf("goroutines are left:\n%s", left)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

// Functions that are created through the API are found beside those that are handlers.
func TestFunctionsOfTheAPI(t *testing.T) {
	t.Parallel()
	srv := furltest.Start(t)
	url := srv.NewFunctionURL(http.HandlerFunc(hello), furltest.Named("handler"))
	listed, err := lambda.NewFromConfig(srv.Config()).ListFunctions(t.Context(), nil)
	if err != nil || len(listed.Functions) != 1 || aws.ToString(listed.Functions[0].FunctionArn) != url.ARN {
		t.Errorf("%+v, %v", listed, err)
	}
	invoked, err := lambda.NewFromConfig(srv.Config()).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("handler"), Payload: []byte(`{}`),
	})
	if err != nil || aws.ToString(invoked.FunctionError) != "Unhandled" ||
		!strings.Contains(string(invoked.Payload), "payload format 2.0") {
		t.Errorf("an event that is no request: %+v, %v", invoked, err)
	}
	invoked, err = lambda.NewFromConfig(srv.Config()).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("handler"),
		Payload:      []byte(`{"version":"2.0","rawPath":"/x","requestContext":{"http":{"method":"GET","sourceIp":"::1"}}}`),
	})
	if err != nil || !strings.Contains(string(invoked.Payload), `"body":"hello"`) {
		t.Errorf("a request by the Invoke API: %+v, %v", invoked, err)
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		test := &recordedTest{TB: b}
		b.StartTimer()
		furltest.Start(test)
		b.StopTimer()
		test.end()
		b.StartTimer()
	}
}

func BenchmarkNewFunctionURL(b *testing.B) {
	srv := furltest.Start(b)
	for b.Loop() {
		srv.NewFunctionURL(http.HandlerFunc(hello))
	}
}
