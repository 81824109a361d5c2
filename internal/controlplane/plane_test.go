//go:build unix

package controlplane_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/iamapi"
	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/controlplane/stsapi"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

// lambdaAPI is the Lambda API with nothing to work with.
func lambdaAPI(t *testing.T) controlplane.API {
	t.Helper()
	api, err := lambdaapi.New(lambdaapi.Config{
		Code: struct{ lambdaapi.Code }{}, Links: struct{ lambdaapi.Links }{},
		Runtimes: struct{ lambdaapi.Runtimes }{}, Invoker: struct{ lambdaapi.Invoker }{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// TestRefusalsSpeakTheProtocol: a client that did not sign can read why it is refused, whichever API it meant. The
// SDKs do not sign AssumeRoleWithSAML and AssumeRoleWithWebIdentity at all.
func TestRefusalsSpeakTheProtocol(t *testing.T) {
	s := planetest.New(t, lambdaAPI(t), stsapi.New(stsapi.Config{}))
	for _, test := range []struct {
		method, target, body string
		status               int
		start                string
	}{
		{"GET", "/2015-03-31/functions/", "", 403, `{"message":"Missing Authentication Token"}`},
		{"GET", "/?Action=AssumeRoleWithSAML&Version=2011-06-15", "", 400, "<ErrorResponse"},
		{"GET", "/?Action=GetCallerIdentity&Version=2011-06-15", "", 403, "<ErrorResponse"},
	} {
		answer := s.Send(t, s.Request(t, test.method, test.target, test.body), test.body, sigv4.Credentials{}, "")
		if answer.Status != test.status || !strings.HasPrefix(answer.Body, test.start) {
			t.Errorf("%s %s: %d %s", test.method, test.target, answer.Status, answer.Body)
		}
	}
}

// TestHeadersAreSpelledAsAWSSpellsThem: net/http would write them in its own way.
func TestHeadersAreSpelledAsAWSSpellsThem(t *testing.T) {
	s := planetest.New(t, lambdaAPI(t))
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprint(connection, "GET /2015-03-31/functions/ HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
	answer, err := io.ReadAll(connection)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\r\nx-amzn-RequestId: ", "\r\nx-amzn-ErrorType: MissingAuthenticationTokenException\r\n"} {
		if !strings.Contains(string(answer), want) {
			t.Errorf("no %q in %q", want, answer)
		}
	}
}

// TestTracesNameErrorsAsAWSDoes: the trace has the error that a client printed.
func TestTracesNameErrorsAsAWSDoes(t *testing.T) {
	s := planetest.New(t, lambdaAPI(t), iamapi.New(iamapi.Config{Random: rand.Reader}), stsapi.New(stsapi.Config{}))
	nobody := sigv4.Credentials{}
	forged := sigv4.Credentials{AccessKeyID: s.Root(planetest.Account).AccessKeyID, Secret: sigv4.NewSecret("forged")}
	user := url.Values{"Action": {"CreateUser"}, "Version": {"2010-05-08"}, "UserName": {"alice"}}
	s.Query(t, s.Root(planetest.Account), "iam", user)
	user.Set("Action", "CreateAccessKey")
	alice := s.Query(t, s.Root(planetest.Account), "iam", user).Credentials()
	for _, test := range []struct {
		service, method, target string
		who                     sigv4.Credentials
		want                    string
	}{
		{"lambda", "GET", "/2015-03-31/functions/", nobody, "403 MissingAuthenticationTokenException"},
		{"lambda", "GET", "/2015-03-31/functions/", forged, "403 InvalidSignatureException"},
		{"iam", "POST", "/?Action=ListUsers&Version=2010-05-08", alice, "403 AccessDenied"},
		{"sts", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", nobody, "403 MissingAuthenticationToken"},
		{"sts", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", forged, "403 SignatureDoesNotMatch"},
		{"sts", "GET", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&Action=GetCallerIdentity&Version=2011-06-15", nobody, "400 IncompleteSignature"},
	} {
		answer := s.Send(t, s.Request(t, test.method, test.target, ""), "", test.who, test.service)
		report := s.Refused()
		deadline := time.Now().Add(10 * time.Second)
		for report.RequestID != answer.Header.Get("X-Amzn-Requestid") && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond) // the trace is kept once the client has its answer
			report = s.Refused()
		}
		if got := fmt.Sprintf("%d %s", report.Status, report.ErrorType); got != test.want || answer.Status != report.Status {
			t.Errorf("%s %s: answered %d, the trace says %s, want %s", test.method, test.target, answer.Status, got, test.want)
		}
	}
}

// TestWarningsAreKept: a call that AWS might refuse is answered, and its trace says what of the signature is in doubt.
// Calls without a warning leave no trace.
func TestWarningsAreKept(t *testing.T) {
	s := planetest.New(t, lambdaAPI(t), iamapi.New(iamapi.Config{Random: rand.Reader}), stsapi.New(stsapi.Config{}))
	root := s.Root(planetest.Account)
	for _, test := range []struct {
		service, target, add string
		status               int
		want                 string
	}{
		{"sts", "/?Action=GetCallerIdentity&Version=2011-06-15&x=a+b", "", 200, "the query has a raw '+'"},
		{"iam", "/?Action=ListUsers&Version=2010-05-08", "X-Amz-Cf-Id", 200, "an x-amz- header is not signed: x-amz-cf-id"},
		{"iam", "/?Action=GetUser&Version=2010-05-08&UserName=nobody+else", "", 400, "the query has a raw '+'"},
		{"lambda", "/nothing/..", "", 404, "the path ends in dot segments"},
		{"iam", "/?Action=ListUsers&Version=2010-05-08", "", 200, ""},
	} {
		before := len(s.Traces())
		request := s.Request(t, "GET", test.target, "")
		signer := &sigv4.Signer{Region: planetest.Region, Service: test.service, Now: s.Now}
		if _, err := signer.Sign(request, root, sigv4.EmptyPayload()); err != nil {
			t.Fatal(err)
		}
		if test.add != "" {
			request.Header.Set(test.add, "x")
		}
		answer := s.Send(t, request, "", sigv4.Credentials{}, "")
		if answer.Status != test.status {
			t.Errorf("%s: %d %s", test.target, answer.Status, answer.Body)
		}
		traces := s.Traces()
		if test.want == "" {
			if len(traces) != before {
				t.Errorf("%s: there is a trace, %+v", test.target, traces[0])
			}
			continue
		}
		if len(traces) != before+1 {
			t.Errorf("%s: %d traces, want one more than %d", test.target, len(traces), before)
			continue
		}
		got := traces[0]
		if got.Status != test.status || got.RequestID != answer.Header.Get("x-amzn-RequestId") || got.Steps[0].Verdict != trace.Warning ||
			!strings.Contains(strings.Join(got.Steps[0].Details, "\n"), "warning: "+test.want) {
			t.Errorf("%s: the trace is %+v, want %q", test.target, got, test.want)
		}
	}
	if strings.Contains(s.Log.String(), "refused") {
		t.Errorf("the log is %s", s.Log)
	}
}
