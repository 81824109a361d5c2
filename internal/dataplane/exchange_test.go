//go:build unix

package dataplane_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

// The bodies of real function URLs, as captured.
const (
	bodyUnsigned   = `{"Message":"Forbidden"}`
	bodyForbidden  = `{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`
	bodyUnknown    = `{"Message":null}`
	bodyMismatch   = `{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}`
	bodyUnknownKey = `{"message":"The security token included in the request is invalid."}`
	bodyFailed     = "Internal Server Error"
)

func TestAllowedCallReachesTheFunction(t *testing.T) {
	w := newWorld(t)
	caller := w.role(here, "caller", "")
	w.function(lambda.AuthIAM, both(lambda.PermissionPrincipal{AWS: w.principalID("arn:aws:iam::" + here + ":role/caller")})...)
	w.runner.result = payload(`{"statusCode":201,"headers":{"x-app":"yes"},"body":"made"}`)

	got := w.do(w.signed(caller, "POST", "/login?a=1", `{"user":"me"}`))
	if got.status != 201 || got.body != "made" || got.header.Get("X-App") != "yes" {
		t.Fatalf("answered %+v", got)
	}
	event := w.event()
	if event["body"] != `{"user":"me"}` && event["isBase64Encoded"] != true {
		t.Errorf("event has body %v", event["body"])
	}
	requestContext := event["requestContext"].(map[string]any)
	want := map[string]any{
		"accessKey": caller.AccessKeyID, "accountId": here, "cognitoIdentity": nil, "principalOrgId": nil,
		"callerId": w.principalID("arn:aws:iam::"+here+":role/caller") + ":session",
		"userId":   w.principalID("arn:aws:iam::"+here+":role/caller") + ":session",
		"userArn":  "arn:aws:sts::" + here + ":assumed-role/caller/session",
	}
	if diff := cmp.Diff(want, requestContext["authorizer"].(map[string]any)["iam"]); diff != "" {
		t.Error(diff)
	}
	if requestContext["accountId"] != here || requestContext["requestId"] != got.header.Get("X-Amzn-Requestid") {
		t.Errorf("request context is %v", requestContext)
	}
	if _, failed := w.report().Deciding(); failed {
		t.Errorf("the trace has a refusal: %+v", w.report())
	}
}

func TestRefusalsAreThoseOfAWS(t *testing.T) {
	stranger := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", Secret: sigv4.NewSecret("no such secret")}
	tests := []struct {
		name    string
		request func(w *world, alice sigv4.Credentials) *http.Request
		status  int
		kind    string
		body    string
		step    string // that refused
		reason  string // in the trace
	}{
		{
			name:    "unsigned",
			request: func(w *world, _ sigv4.Credentials) *http.Request { return w.request("GET", "/", "") },
			status:  403, kind: "AccessDeniedException", body: bodyUnsigned, step: "authenticate", reason: "not signed",
		},
		{
			name: "unknown url",
			request: func(w *world, alice sigv4.Credentials) *http.Request {
				request := w.request("GET", "/", "")
				request.Host = "zzzz.lambda-url." + region + ".localhost"
				return w.sign(request, alice, "")
			},
			status: 403, kind: "AccessDeniedException", body: bodyUnknown, step: "route", reason: "no function URL",
		},
		{
			name: "url of another region",
			request: func(w *world, alice sigv4.Credentials) *http.Request {
				request := w.request("GET", "/", "")
				request.Host = urlID + ".lambda-url.us-east-1.on.aws"
				return w.sign(request, alice, "")
			},
			status: 403, kind: "AccessDeniedException", body: bodyUnknown, step: "route", reason: "it is in eu-central-1",
		},
		{
			name: "signed, not authorized",
			request: func(w *world, _ sigv4.Credentials) *http.Request {
				return w.signed(w.user(here, "mallory", ""), "GET", "/", "")
			},
			status: 403, kind: "AccessDeniedException", body: bodyForbidden, step: "authorize", reason: "lambda:InvokeFunction denied",
		},
		{
			name: "wrong secret",
			request: func(w *world, alice sigv4.Credentials) *http.Request {
				alice.Secret = sigv4.NewSecret("wrong")
				return w.signed(alice, "GET", "/", "")
			},
			status: 403, kind: "InvalidSignatureException", body: bodyMismatch, step: "authenticate", reason: "invalid signature",
		},
		{
			name: "body changed after signing",
			request: func(w *world, alice sigv4.Credentials) *http.Request {
				return w.sign(w.request("POST", "/", `{"a":2}`), alice, `{"a":1}`)
			},
			status: 403, kind: "InvalidSignatureException", body: bodyMismatch, step: "authenticate", reason: "invalid signature",
		},
		{
			name: "query changed after signing",
			request: func(w *world, alice sigv4.Credentials) *http.Request {
				request := w.signed(alice, "GET", "/book?page=5", "")
				request.URL.RawQuery = "page=6"
				return request
			},
			status: 403, kind: "InvalidSignatureException", body: bodyMismatch, step: "authenticate", reason: "invalid signature",
		},
		{
			name: "signed for the URL's name at AWS",
			request: func(w *world, alice sigv4.Credentials) *http.Request {
				request := w.request("GET", "/", "")
				host := request.Host
				request.Host = urlID + ".lambda-url." + region + ".on.aws"
				w.sign(request, alice, "")
				request.Host = host
				return request
			},
			status: 403, kind: "InvalidSignatureException", body: bodyMismatch, step: "authenticate", reason: "was signed for the host",
		},
		{
			name: "unknown access key",
			request: func(w *world, _ sigv4.Credentials) *http.Request {
				return w.signed(stranger, "GET", "/", "")
			},
			status: 403, kind: "UnrecognizedClientException", body: bodyUnknownKey, step: "authenticate", reason: "does not exist",
		},
		{
			name: "wrong service",
			request: func(w *world, alice sigv4.Credentials) *http.Request {
				request := w.request("GET", "/", "")
				signer := sigv4.Signer{Region: region, Service: "execute-api"}
				if _, err := signer.Sign(request, alice, sigv4.EmptyPayload()); err != nil {
					w.t.Fatal(err)
				}
				return request
			},
			status: 403, kind: "InvalidSignatureException", body: `{"message":"Credential should be scoped to correct service: 'lambda'. "}`,
			step: "authenticate", reason: "invalid scope",
		},
		{
			name: "wrong region",
			request: func(w *world, alice sigv4.Credentials) *http.Request {
				request := w.request("GET", "/", "")
				signer := sigv4.Signer{Region: "us-east-1", Service: "lambda"}
				if _, err := signer.Sign(request, alice, sigv4.EmptyPayload()); err != nil {
					w.t.Fatal(err)
				}
				return request
			},
			status: 403, kind: "InvalidSignatureException", body: `{"message":"Credential should be scoped to a valid region. "}`,
			step: "authenticate", reason: "invalid scope",
		},
		{
			name: "body over the limit",
			request: func(w *world, alice sigv4.Credentials) *http.Request {
				return w.signed(alice, "POST", "/", strings.Repeat("a", 6<<20+1))
			},
			status: 413, kind: "RequestEntityTooLargeException",
			body: `{"Type":"User","message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`,
			step: "authenticate", reason: "body too large",
		},
		{
			name: "event over the limit, though the body is not",
			request: func(w *world, alice sigv4.Credentials) *http.Request {
				return w.signed(alice, "POST", "/", strings.Repeat("a", 5<<20))
			},
			status: 413, kind: "RequestEntityTooLargeException",
			body: `{"Type":"User","message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`,
			step: "event", reason: "larger than 6,291,456",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			alice := w.user(here, "alice", bothActions)
			got := w.do(test.request(w, alice))
			if got.status != test.status || got.errorType != test.kind || got.body != test.body {
				t.Errorf("answered %d %s %q, want %d %s %q", got.status, got.errorType, got.body, test.status, test.kind, test.body)
			}
			if got.header.Get("Content-Type") != "application/json" || got.header.Get("X-Amzn-Trace-Id") != "" {
				t.Errorf("headers are %v", got.header)
			}
			step, refused := w.report().Deciding()
			if !refused || step.Step != test.step || !strings.Contains(step.Summary, test.reason) {
				t.Errorf("the trace says %+v, want step %s because %q", step, test.step, test.reason)
			}
			if got.header.Get("Furl-Explain") != "http://here/_furl/requests/"+w.report().RequestID {
				t.Errorf("furl-explain is %q", got.header.Get("Furl-Explain"))
			}
			if len(w.runner.requests) != 0 {
				t.Error("the function was run")
			}
			if !strings.Contains(w.log.String(), test.reason) {
				t.Errorf("the log does not say %q: %s", test.reason, w.log)
			}
		})
	}
}

// Who may call: the rows differ in the caller's own policy and in the function's.
func TestAuthorization(t *testing.T) {
	const urlOnly = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"*"}]}`
	const denied = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"},{"Sid":"no","Effect":"Deny","Action":"lambda:InvokeFunctionUrl","Resource":"*"}]}`
	account := func(id string) lambda.PermissionPrincipal {
		return lambda.PermissionPrincipal{AWS: "arn:aws:iam::" + id + ":root"}
	}
	tests := []struct {
		name     string
		account  string // of the caller
		identity string // its inline policy
		resource func(roleID string) []lambda.Permission
		legacy   bool
		want     int
	}{
		{name: "same account, neither side", account: here, want: 403},
		{name: "same account, identity", account: here, identity: bothActions, want: 200},
		{name: "same account, identity with one action", account: here, identity: urlOnly, want: 403},
		{name: "same account, identity with one action, legacy", account: here, identity: urlOnly, legacy: true, want: 200},
		{
			name: "same account, resource", account: here, want: 200,
			resource: func(id string) []lambda.Permission { return both(lambda.PermissionPrincipal{AWS: id}) },
		},
		{
			name: "same account, resource with the first action", account: here, want: 403,
			resource: func(id string) []lambda.Permission {
				return []lambda.Permission{allowURL(lambda.PermissionPrincipal{AWS: id})}
			},
		},
		{
			name: "same account, resource with the second action", account: here, want: 403,
			resource: func(id string) []lambda.Permission {
				return []lambda.Permission{allowInvoke(lambda.PermissionPrincipal{AWS: id})}
			},
		},
		{
			name: "same account, one action each side", account: here, identity: urlOnly, want: 200,
			resource: func(id string) []lambda.Permission {
				return []lambda.Permission{allowInvoke(lambda.PermissionPrincipal{AWS: id})}
			},
		},
		{
			name: "same account, account principal alone", account: here, want: 403,
			resource: func(string) []lambda.Permission { return both(account(here)) },
		},
		{
			name: "lambda service principal", account: here, want: 403,
			resource: func(string) []lambda.Permission {
				return both(lambda.PermissionPrincipal{Service: "lambda.amazonaws.com"})
			},
		},
		{name: "explicit deny outweighs", account: here, identity: denied, want: 403,
			resource: func(id string) []lambda.Permission { return both(lambda.PermissionPrincipal{AWS: id}) }},
		{name: "cross account, identity alone", account: there, identity: bothActions, want: 403},
		{
			name: "cross account, resource alone", account: there, want: 403,
			resource: func(id string) []lambda.Permission { return both(lambda.PermissionPrincipal{AWS: id}) },
		},
		{
			name: "cross account, both sides", account: there, identity: bothActions, want: 200,
			resource: func(id string) []lambda.Permission { return both(lambda.PermissionPrincipal{AWS: id}) },
		},
		{
			name: "cross account, both sides, by account", account: there, identity: bothActions, want: 200,
			resource: func(string) []lambda.Permission { return both(account(there)) },
		},
		{
			name: "auth type condition of the other type", account: here, want: 403,
			resource: func(id string) []lambda.Permission {
				permissions := both(lambda.PermissionPrincipal{AWS: id})
				permissions[0].FunctionURLAuthType = lambda.AuthNone
				return permissions
			},
		},
		{
			name: "auth type condition that fits", account: here, want: 200,
			resource: func(id string) []lambda.Permission {
				permissions := both(lambda.PermissionPrincipal{AWS: id})
				permissions[0].FunctionURLAuthType = lambda.AuthIAM
				return permissions
			},
		},
		{
			name: "source arn condition never matches a role", account: here, want: 403,
			resource: func(id string) []lambda.Permission {
				permissions := both(lambda.PermissionPrincipal{AWS: id})
				permissions[0].SourceARN = "arn:aws:lambda:" + region + ":" + here + ":function:other"
				return permissions
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.plane.LegacyPermissions = test.legacy
			caller := w.role(test.account, "caller", test.identity)
			if test.resource != nil {
				w.function(lambda.AuthIAM, test.resource(w.principalID("arn:aws:iam::"+test.account+":role/caller"))...)
			}
			got := w.do(w.signed(caller, "GET", "/", ""))
			if got.status != test.want {
				var text strings.Builder
				w.report().WriteTo(&text)
				t.Errorf("answered %d, want %d\n%s", got.status, test.want, text.String())
			}
			if test.want == 403 && len(w.report().Fix) == 0 {
				t.Error("the refusal names no fix")
			}
		})
	}
}

func TestURLWithoutAuthentication(t *testing.T) {
	everyone := lambda.PermissionPrincipal{Anyone: true}
	t.Run("policy allows both actions", func(t *testing.T) {
		w := newWorld(t)
		permissions := both(everyone)
		permissions[0].FunctionURLAuthType = lambda.AuthNone
		w.function(lambda.AuthNone, permissions...)
		if got := w.do(w.request("GET", "/", "")); got.status != 200 {
			t.Errorf("answered %+v", got)
		}
		requestContext := w.event()["requestContext"].(map[string]any)
		if _, has := requestContext["authorizer"]; has || requestContext["accountId"] != "anonymous" {
			t.Errorf("request context is %v", requestContext)
		}
	})
	t.Run("a wrong signature is not looked at", func(t *testing.T) {
		w := newWorld(t)
		w.function(lambda.AuthNone, both(everyone)...)
		stranger := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", Secret: sigv4.NewSecret("wrong")}
		if got := w.do(w.signed(stranger, "POST", "/", "body")); got.status != 200 {
			t.Errorf("answered %+v", got)
		}
		if _, kept := w.event()["headers"].(map[string]any)["authorization"]; !kept {
			t.Error("the Authorization header did not reach the function, whose business it is")
		}
	})
	for name, permissions := range map[string][]lambda.Permission{
		"no policy": nil, "first action alone": {allowURL(everyone)}, "second action alone": {allowInvoke(everyone)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.function(lambda.AuthNone, permissions...)
			if got := w.do(w.request("GET", "/", "")); got.status != 403 || got.body != bodyForbidden {
				t.Errorf("answered %+v", got)
			}
		})
	}
	t.Run("body over the limit", func(t *testing.T) {
		w := newWorld(t)
		w.function(lambda.AuthNone, both(everyone)...)
		if got := w.do(w.request("POST", "/", strings.Repeat("a", 6<<20+1))); got.status != 413 {
			t.Errorf("answered %+v", got)
		}
	})
}

func TestPathStyle(t *testing.T) {
	w := newWorld(t)
	alice := w.user(here, "alice", bothActions)
	for target, seen := range map[string]string{
		"/book?page=5":         "/book",
		"":                     "/",
		"?page=5":              "/",
		"/a%2Fb/../c//d":       "/a%2Fb/../c//d",
		"/_furl/url/" + urlID:  "/_furl/url/" + urlID,
		"/space%20value?q=a+b": "/space%20value",
	} {
		request := w.request("GET", "/_furl/url/"+urlID+target, "")
		request.Host = ""
		got := w.do(w.sign(request, alice, ""))
		if got.status != 200 {
			t.Errorf("%q answered %+v", target, got)
			continue
		}
		if path := w.event()["rawPath"]; path != seen {
			t.Errorf("%q reached the function as path %q, want %q", target, path, seen)
		}
	}
}

// In path style a function's redirects and cookies stay below its URL, in host style they are as the function wrote them.
func TestAddressesInAnswers(t *testing.T) {
	const answer = `{"statusCode":302,"headers":{"location":"LOCATION","set-cookie":"a=1; Path=/"},"cookies":["b=1; Path=/app"]}`
	for _, mode := range []lambda.InvokeMode{lambda.Buffered, lambda.ResponseStream} {
		w := newWorld(t)
		alice := w.user(here, "alice", bothActions)
		w.changed(func(f *lambda.Function) { f.URLs[""].InvokeMode = mode })
		for location, below := range map[string]string{
			"/login": "/_furl/url/" + urlID + "/login",
			"https://" + urlID + ".lambda-url.eu-central-1.on.aws/x": "http://HOST/_furl/url/" + urlID + "/x",
			"http://HOST/x": "http://HOST/_furl/url/" + urlID + "/x", "https://example.com/x": "https://example.com/x", "x": "x",
		} {
			for _, host := range []string{"", urlID + ".lambda-url.eu-central-1.localhost"} {
				target, named := "/app", host
				request := w.request("GET", target, "")
				if host == "" {
					request = w.request("GET", "/_furl/url/"+urlID+target, "")
					named = request.URL.Host
				}
				request.Host = host
				text := strings.ReplaceAll(strings.ReplaceAll(answer, "LOCATION", location), "HOST", named)
				w.runner.result = payload(text)
				if mode == lambda.ResponseStream {
					w.runner.result = func(invoke.Request) (*runtime.Result, error) {
						return &runtime.Result{
							Body: io.NopCloser(strings.NewReader(text + "\x00\x00\x00\x00\x00\x00\x00\x00")), ResponseMode: runtime.ModeStreaming,
							ContentType: "application/vnd.awslambda.http-integration-response",
						}, nil
					}
				}
				got := w.do(w.sign(request, alice, ""))
				want, cookies := below, []string{"a=1; Path=/_furl/url/" + urlID + "/", "b=1; Path=/_furl/url/" + urlID + "/app"}
				if host != "" {
					want, cookies = location, []string{"a=1; Path=/", "b=1; Path=/app"}
				}
				want = strings.ReplaceAll(want, "HOST", request.URL.Host)
				if host != "" {
					want = strings.ReplaceAll(location, "HOST", named)
				}
				if got.status != 302 || got.header.Get("Location") != want || !slices.Equal(got.header["Set-Cookie"], cookies) {
					t.Errorf("%s at %q: answered %d, Location %q, cookies %q; want %q, %q", location, host, got.status, got.header.Get("Location"), got.header["Set-Cookie"], want, cookies)
				}
			}
		}
	}
}

func TestPresigned(t *testing.T) {
	w := newWorld(t)
	caller := w.role(here, "caller", bothActions)
	request := w.request("GET", "/book?page=5", "")
	signer := sigv4.Signer{Region: region, Service: "lambda"}
	signed, err := signer.Presign(request, caller, time.Minute, sigv4.EmptyPayload())
	if err != nil {
		t.Fatal(err)
	}
	_, query, _ := strings.Cut(signed.URL, "?")
	presigned := w.request("GET", "/book?"+query, "")
	if got := w.do(presigned); got.status != 200 {
		t.Errorf("answered %+v", got)
	}
	tampered := w.request("GET", "/book?"+strings.Replace(query, "page=5", "page=6", 1), "")
	if got := w.do(tampered); got.status != 403 || got.body != bodyMismatch {
		t.Errorf("tampered answered %+v", got)
	}
}

func TestIdentityIsAsOfNow(t *testing.T) {
	w := newWorld(t)
	caller := w.role(here, "caller", bothActions)
	if got := w.do(w.signed(caller, "GET", "/", "")); got.status != 200 {
		t.Fatalf("answered %+v", got)
	}
	role, _ := w.state.Now().Role(here, "caller")
	w.update(func(tx *state.Tx) error { tx.Delete(role); return nil })
	if got := w.do(w.signed(caller, "GET", "/", "")); got.status != 403 || got.body != bodyUnknownKey {
		t.Errorf("a session of a deleted role answered %+v", got)
	}
	w.role(here, "caller", bothActions) // the same name, another role
	if got := w.do(w.signed(caller, "GET", "/", "")); got.status != 403 || got.body != bodyUnknownKey {
		t.Errorf("a session of the role that was there before answered %+v", got)
	}
}

func TestGrantsOfDeletedRolesAreCalledStale(t *testing.T) {
	w := newWorld(t)
	w.role(here, "caller", "")
	w.role(here, "other", "")
	w.function(lambda.AuthIAM, allowURL(lambda.PermissionPrincipal{AWS: w.principalID("arn:aws:iam::" + here + ":role/caller")}),
		allowInvoke(lambda.PermissionPrincipal{AWS: w.principalID("arn:aws:iam::" + here + ":role/other")}))
	caller := w.role(here, "caller", "") // the same name, another role
	w.do(w.signed(caller, "GET", "/", ""))
	var text strings.Builder
	w.report().WriteTo(&text)
	if !strings.Contains(text.String(), "that is the id of a user or role that was deleted") {
		t.Errorf("the trace does not say that the first grant is stale:\n%s", text.String())
	}
	if !strings.Contains(text.String(), "it wants AWS:arn:aws:iam::"+here+":role/other, the request has") {
		t.Errorf("the trace does not show the second grant's role by its ARN:\n%s", text.String())
	}
}

func TestFunctionFailures(t *testing.T) {
	failed := func(reason runtime.Reason) func(invoke.Request) (*runtime.Result, error) {
		return func(invoke.Request) (*runtime.Result, error) {
			return &runtime.Result{Body: http.NoBody, FunctionError: &runtime.FunctionError{
				Type: "Some.Error", Kind: "Unhandled", Reason: reason, Payload: []byte(`{"errorMessage":"it said this"}`),
			}}, nil
		}
	}
	refuses := func(err error) func(invoke.Request) (*runtime.Result, error) {
		return func(invoke.Request) (*runtime.Result, error) { return nil, err }
	}
	lack := &machine.Lack{Of: "files", Limit: "F is 1", Fix: "raise F"}
	noRoom, ended := &runtime.Exhausted{Lack: lack}, &runtime.Exhausted{Lack: lack, Running: true}
	tests := []struct {
		name   string
		result func(invoke.Request) (*runtime.Result, error)
		status int
		kind   string
		body   string
		reason string
	}{
		{"error", failed(runtime.ReasonError), 502, "", bodyFailed, "it said this"},
		{"timeout", failed(runtime.ReasonTimeout), 502, "", bodyFailed, "timeout"},
		{"crash", failed(runtime.ReasonCrash), 502, "", bodyFailed, "crash"},
		{"bad response", payload(`{"statusCode":"many"}`), 502, "", bodyFailed, "statusCode"},
		{"not JSON", payload(`<html>`), 502, "", bodyFailed, "not JSON"},
		{"busy", refuses(runtime.ErrBusy), 429, "TooManyRequestsException",
			`{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`, "throttled"},
		{"reserved concurrency in use", refuses(runtime.ErrReserved), 429, "TooManyRequestsException",
			`{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`, "no more reserved concurrency"},
		{"rate of reserved concurrency", refuses(invoke.ErrRate), 429, "TooManyRequestsException",
			`{"Reason":"ReservedFunctionInvocationRateLimitExceeded","Type":"User","message":"Rate Exceeded."}`, "10 requests per second"},
		{"account's concurrency in use", refuses(runtime.ErrUnreserved), 429, "TooManyRequestsException",
			`{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`, "no more concurrency that is not reserved"},
		{"no room on the machine", refuses(noRoom), 429, "TooManyRequestsException",
			`{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`,
			`started: the machine is short of files (F is 1)" fix="raise F"`},
		{"no room for it while it ran", refuses(ended), 503, "ServiceUnavailableException", `{"message":"Service Unavailable"}`,
			`had no room for it: the machine is short of files (F is 1)" fix="raise F"`},
		{"shutting down", refuses(runtime.ErrClosed), 503, "ServiceUnavailableException", `{"message":"Service Unavailable"}`, "shutting down"},
		{"cannot be run", refuses(errors.Join(invoke.ErrUnavailable, errors.New("role is gone"))), 502, "", bodyFailed, "role is gone"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.runner.result = test.result
			got := w.do(w.signed(w.user(here, "alice", bothActions), "GET", "/", ""))
			if got.status != test.status || got.errorType != test.kind || got.body != test.body {
				t.Errorf("answered %d %s %q, want %d %s %q", got.status, got.errorType, got.body, test.status, test.kind, test.body)
			}
			if !strings.Contains(w.log.String(), test.reason) {
				t.Errorf("the log does not say %q: %s", test.reason, w.log)
			}
		})
	}
}

func TestStreamingURL(t *testing.T) {
	stream := func(contentType, text string) func(invoke.Request) (*runtime.Result, error) {
		return func(invoke.Request) (*runtime.Result, error) {
			return &runtime.Result{Body: io.NopCloser(strings.NewReader(text)), ContentType: contentType, ResponseMode: runtime.ModeStreaming}, nil
		}
	}
	const prelude = `{"statusCode":418,"headers":{"x-app":"yes"}}` + "\x00\x00\x00\x00\x00\x00\x00\x00"
	const integration = "application/vnd.awslambda.http-integration-response"
	tests := []struct {
		name   string
		mode   lambda.InvokeMode
		result func(invoke.Request) (*runtime.Result, error)
		status int
		body   string
	}{
		{"prelude", lambda.ResponseStream, stream(integration, prelude+"tea"), 418, "tea"},
		{"plain bytes", lambda.ResponseStream, stream("text/plain", "tea"), 200, "tea"},
		{"buffered handler: the envelope is the body", lambda.ResponseStream, payload(`{"statusCode":418,"body":"tea"}`), 418, `{"statusCode":418,"body":"tea"}`},
		{"buffered handler: no envelope", lambda.ResponseStream, payload(`{"hello": "owned"}`), 200, `{"hello": "owned"}`},
		{"buffered handler: not an envelope to send", lambda.ResponseStream, payload(`{"statusCode":700}`), 200, `{"statusCode":700}`},
		// Recorded in radkawar/stackd, url_http_codecs.json: buffered_stream_metadata, _no_metadata and _empty.
		{"streaming handler on a buffered URL", lambda.Buffered, stream(integration, prelude+"tea"), 418, ""},
		{"plain bytes on a buffered URL", lambda.Buffered, stream("text/plain", "A\x00\xff\n{}"), 200, "A\x00\xff\n{}"},
		{"nothing on a buffered URL", lambda.Buffered, stream(integration, ""), 200, ""},
		// Recorded for an object (LocalStack's snapshots of function URLs), assumed for an array. No mode was set here.
		{"a body that is an object", "", payload(`{"statusCode":418,"body": {"a" : [1, "é"]}}`), 418, `{"a":[1,"é"]}`},
		{"a body that is an array", "", payload(`{"statusCode":418,"body": [ {} ]}`), 418, `[{}]`},
		{"no prelude where one is announced", lambda.ResponseStream, stream(integration, "tea"), 502, bodyFailed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.changed(func(f *lambda.Function) { f.URLs[""].InvokeMode = test.mode })
			w.runner.result = test.result
			got := w.do(w.signed(w.user(here, "alice", bothActions), "GET", "/", ""))
			if got.status != test.status || got.body != test.body {
				t.Errorf("answered %d %q, want %d %q", got.status, got.body, test.status, test.body)
			}
			if want := test.mode == lambda.ResponseStream; w.runner.requests[0].Stream != want {
				t.Errorf("the function was run with Stream %v", !want)
			}
		})
	}
}

// The function, the answer and the event name one trace: the client's, if it sent one (recorded from AWS: the root is kept
// in both modes, and the event's header is Self=…;Root=…).
func TestTracesOfURLs(t *testing.T) {
	const received = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8"
	for _, test := range []struct{ mode, received, want, event string }{
		{"PassThrough", "", `^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0$`, `^Root=1-`},
		{"Active", "", `;Sampled=1;`, `^Root=1-`},
		{"PassThrough", received + ";Sampled=1", `^Root=1-5759e988-bd862e3fe1be46a994272793;Parent=[0-9a-f]{16};Sampled=1;`,
			`^Self=1-[0-9a-f]{8}-[0-9a-f]{24};` + received + `;Sampled=1$`},
		{"Active", received + ";Sampled=0", `^Root=1-5759e988-bd862e3fe1be46a994272793;Parent=[0-9a-f]{16};Sampled=0;`, `^Self=1-`},
	} {
		w := newWorld(t)
		w.changed(func(f *lambda.Function) { f.TracingMode = test.mode })
		request := w.signed(w.user(here, "alice", bothActions), "GET", "/", "")
		if test.received != "" {
			request.Header.Set("X-Amzn-Trace-Id", test.received)
		}
		got := w.do(request)
		seen := w.runner.requests[0]
		if !regexp.MustCompile(test.want).MatchString(seen.TraceID) || got.header.Get("X-Amzn-Trace-Id") != seen.TraceID {
			t.Errorf("%s, %q: the function has %s, the answer %s", test.mode, test.received, seen.TraceID,
				got.header.Get("X-Amzn-Trace-Id"))
		}
		var payload struct{ Headers map[string]string }
		if err := json.Unmarshal(seen.Payload, &payload); err != nil {
			t.Fatal(err)
		}
		if header := payload.Headers["x-amzn-trace-id"]; !regexp.MustCompile(test.event).MatchString(header) {
			t.Errorf("%s, %q: the event has %s", test.mode, test.received, header)
		}
	}
}

// AWS decompresses a streamed answer with Content-Encoding: gzip and takes the header away
// (aws/aws-lambda-nodejs-runtime-interface-client#96).
func TestZippedStreams(t *testing.T) {
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	for _, piece := range []string{"tea, ", "then ", "coffee"} {
		if _, err := zip.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
		if err := zip.Flush(); err != nil { // as a function does that streams
			t.Fatal(err)
		}
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	whole := zipped.String()
	for _, test := range []struct {
		name, encoding, body string
		mode                 lambda.InvokeMode
		status               int
		want, left           string // the body, and what is left of the header
	}{
		{"gzip", "gzip", whole, lambda.ResponseStream, 200, "tea, then coffee", ""},
		{"another case", "GZip", whole, lambda.ResponseStream, 200, "tea, then coffee", ""},
		{"two members", "gzip", whole + whole, lambda.ResponseStream, 200, "tea, then coffeetea, then coffee", ""},
		{"not zipped", "gzip", "tea", lambda.ResponseStream, 200, "tea", "gzip"},
		{"nothing", "gzip", "", lambda.ResponseStream, 200, "", "gzip"},
		{"another encoding", "br", whole, lambda.ResponseStream, 200, whole, "br"},
		{"no encoding", "", whole, lambda.ResponseStream, 200, whole, ""},
		{"cut off in its header", "gzip", whole[:5], lambda.ResponseStream, 502, bodyFailed, ""},
		{"on a buffered URL", "gzip", whole, lambda.Buffered, 200, "", "gzip"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.changed(func(f *lambda.Function) { f.URLs[""].InvokeMode = test.mode })
			w.runner.result = func(invoke.Request) (*runtime.Result, error) {
				prelude := `{"statusCode":200,"headers":{"content-encoding":"` + test.encoding + `"}}` + strings.Repeat("\x00", 8)
				if test.encoding == "" {
					prelude = "{}" + strings.Repeat("\x00", 8)
				}
				return &runtime.Result{
					Body: io.NopCloser(strings.NewReader(prelude + test.body)), ResponseMode: runtime.ModeStreaming,
					ContentType: "application/vnd.awslambda.http-integration-response",
				}, nil
			}
			request := w.signed(w.user(here, "alice", bothActions), "GET", "/", "")
			request.Header.Set("Accept-Encoding", "gzip") // so that the client decompresses nothing
			got := w.do(request)
			if got.status != test.status || got.body != test.want || got.header.Get("Content-Encoding") != test.left {
				t.Errorf("answered %d %q, %v", got.status, got.body, got.header)
			}
		})
	}
}

func TestRefusalsBeforeTheSignatureAreExplained(t *testing.T) {
	w := newWorld(t)
	malformed := w.request("GET", "/", "")
	malformed.Header.Set("Authorization", "AWS4-HMAC-SHA256 nonsense")
	w.do(malformed)
	if fix := w.report().Fix; len(fix) != 1 || !strings.Contains(fix[0], `service "lambda"`) {
		t.Errorf("a malformed header: the fix is %q", fix)
	}
	w.do(w.signed(w.user(here, "alice", bothActions), "POST", "/", strings.Repeat("a", 7<<20)))
	if details := w.report().Steps[1].Details; len(details) != 0 {
		t.Errorf("a body that is too large: the trace says %q of the signature", details)
	}
}

// failingStream is the body of a function that reports an error in its trailers.
type failingStream struct{ io.Reader }

func (failingStream) Close() error { return nil }

func (failingStream) StreamError() *runtime.FunctionError {
	return &runtime.FunctionError{Type: "TypeError", Reason: runtime.ReasonError, Payload: []byte(`{"errorMessage":"too late"}`)}
}

func TestFailureAfterTheAnswerHasBegunIsInTraceAndLog(t *testing.T) {
	w := newWorld(t)
	w.changed(func(f *lambda.Function) { f.URLs[""].InvokeMode = lambda.ResponseStream })
	w.runner.result = func(invoke.Request) (*runtime.Result, error) {
		return &runtime.Result{Body: failingStream{strings.NewReader("tea")}, ResponseMode: runtime.ModeStreaming}, nil
	}
	got := w.do(w.signed(w.user(here, "alice", bothActions), "GET", "/", ""))
	if got.status != 200 || got.body != "tea" {
		t.Errorf("answered %d %q", got.status, got.body)
	}
	if step, ok := w.report().Deciding(); !ok || step.Verdict != trace.Failed || !strings.Contains(step.Summary, "TypeError") {
		t.Errorf("the trace says %+v", step)
	}
	if log := w.log.String(); !strings.Contains(log, "WARN") || !strings.Contains(log, "too late") {
		t.Errorf("the log says %s", log)
	}
}

func TestCORS(t *testing.T) {
	preflight := func(w *world, origin string) *http.Request {
		request := w.request("OPTIONS", "/", "")
		request.Header.Set("Origin", origin)
		request.Header.Set("Access-Control-Request-Method", "POST")
		return request
	}
	credentials, age := true, 60
	w := newWorld(t)
	w.changed(func(f *lambda.Function) {
		f.URLs[""].CORS = &lambda.CORS{
			AllowOrigins: []string{"https://*.example.com"}, AllowMethods: []string{"POST"}, AllowHeaders: []string{"x-a", "x-b"},
			AllowCredentials: &credentials, MaxAge: &age,
		}
	})
	got := w.do(preflight(w, "https://shop.example.com"))
	want := map[string]string{
		"Access-Control-Allow-Origin": "https://shop.example.com", "Access-Control-Allow-Methods": "POST",
		"Access-Control-Allow-Headers": "x-a,x-b", "Access-Control-Max-Age": "60", "Access-Control-Allow-Credentials": "true",
	}
	for name, value := range want {
		if got.status != 200 || got.header.Get(name) != value {
			t.Errorf("%d %s: %q, want %q", got.status, name, got.header.Get(name), value)
		}
	}
	if got := w.do(preflight(w, "https://example.org")); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("an origin that is not allowed got %v", got.header)
	}
	if len(w.runner.requests) != 0 {
		t.Error("a preflight reached the function")
	}
	request := w.signed(w.user(here, "alice", bothActions), "GET", "/", "")
	request.Header.Set("Origin", "https://shop.example.com")
	if got := w.do(request); got.status != 200 || got.header.Get("Access-Control-Allow-Origin") != "https://shop.example.com" {
		t.Errorf("answered %+v", got)
	}
	w.function(lambda.AuthIAM)
	if got := w.do(preflight(w, "https://shop.example.com")); got.status != 403 || got.body != bodyUnsigned {
		t.Errorf("without a CORS configuration OPTIONS answered %+v", got)
	}
}

// The configuration and the answers are those of radkawar/stackd, url_http_codecs.json, recorded in September 2026.
func TestCORSAsRecorded(t *testing.T) {
	credentials, age := true, 321
	w := newWorld(t)
	w.changed(func(f *lambda.Function) {
		f.URLs[""].CORS = &lambda.CORS{
			AllowOrigins: []string{"https://allowed.example"}, AllowMethods: []string{"GET", "POST"},
			AllowHeaders: []string{"x-allowed", "content-type"}, ExposeHeaders: []string{"x-owned"},
			AllowCredentials: &credentials, MaxAge: &age,
		}
	})
	w.runner.result = func(invoke.Request) (*runtime.Result, error) {
		const answer = `{"statusCode":203,"headers":{"Access-Control-Allow-Origin":"https://handler.example",` +
			`"Access-Control-Allow-Credentials":"false","Access-Control-Expose-Headers":"x-handler",` +
			`"Access-Control-Allow-Methods":"DELETE","Access-Control-Allow-Headers":"x-handler",` +
			`"Access-Control-Max-Age":"17"},"body":"handler-cors"}`
		return &runtime.Result{Body: io.NopCloser(strings.NewReader(answer))}, nil
	}
	caller := w.user(here, "alice", bothActions)
	full := http.Header{
		"Access-Control-Allow-Origin": {"https://allowed.example"}, "Vary": {"Origin"},
		"Access-Control-Allow-Headers": {"x-allowed,content-type"}, "Access-Control-Allow-Methods": {"GET,POST"},
		"Access-Control-Max-Age": {"321"}, "Access-Control-Allow-Credentials": {"true"},
	}
	own := http.Header{
		"Access-Control-Allow-Origin": {"https://handler.example"}, "Access-Control-Allow-Credentials": {"false"},
		"Access-Control-Allow-Methods": {"DELETE"}, "Access-Control-Allow-Headers": {"x-handler"},
		"Access-Control-Expose-Headers": {"x-handler"}, "Access-Control-Max-Age": {"17"},
	}
	both := own.Clone()
	both.Add("Access-Control-Allow-Origin", "https://allowed.example")
	both.Add("Access-Control-Allow-Credentials", "true")
	both.Set("Access-Control-Expose-Headers", "x-handler,x-owned")
	both.Set("Vary", "Origin")
	tests := []struct {
		name, verb, origin, method, headers string
		status                              int
		want                                http.Header
	}{
		{"preflight", "OPTIONS", "https://allowed.example", "POST", "x-allowed,content-type", 200, full},
		{"preflight without headers", "OPTIONS", "https://allowed.example", "POST", "", 200, full},
		{"preflight from elsewhere", "OPTIONS", "https://other.example", "POST", "x-allowed", 200, http.Header{}},
		{"preflight for another method", "OPTIONS", "https://allowed.example", "DELETE", "", 200, http.Header{}},
		{"preflight for another header", "OPTIONS", "https://allowed.example", "POST", "x-not-allowed", 200, http.Header{}},
		{"preflight without a method", "OPTIONS", "https://allowed.example", "", "", 203, both},
		{"preflight without an origin", "OPTIONS", "", "POST", "", 203, own},
		{"OPTIONS", "OPTIONS", "", "", "", 203, own},
		{"GET", "GET", "https://allowed.example", "", "", 203, both},
		{"GET from elsewhere", "GET", "https://other.example", "", "", 203, own},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			request := w.signed(caller, test.verb, "/", "")
			for name, value := range map[string]string{
				"Origin": test.origin, "Access-Control-Request-Method": test.method,
				"Access-Control-Request-Headers": test.headers,
			} {
				if value != "" {
					request.Header.Set(name, value)
				}
			}
			got := w.do(request)
			if got.status != test.status {
				t.Errorf("answered %+v, want %d", got, test.status)
			}
			header := http.Header{}
			for name, values := range got.header {
				if name == "Vary" || strings.HasPrefix(name, "Access-Control-") {
					header[name] = values
				}
			}
			if diff := cmp.Diff(test.want, header); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Recorded from AWS (radkawar/stackd, url_http_codecs.json, stream_plain_explicit): an envelope on a URL that streams
// gives the status, the headers and the cookies, and is itself the body.
func TestEnvelopeOnAStreamingURL(t *testing.T) {
	const answer = `{"statusCode":202,"headers":{"Content-Type":"application/x-owned","X-Owned":"yes",` +
		`"Set-Cookie":"header=c"},"cookies":["a=1; Path=/","b=2; HttpOnly"],"body":"accepted\n"}`
	w := newWorld(t)
	w.changed(func(f *lambda.Function) { f.URLs[""].InvokeMode = lambda.ResponseStream })
	w.runner.result = payload(answer)
	got := w.do(w.signed(w.user(here, "alice", bothActions), "GET", "/", ""))
	if got.status != 202 || got.body != answer || got.header.Get("Content-Type") != "application/x-owned" ||
		got.header.Get("X-Owned") != "yes" {
		t.Errorf("answered %+v", got)
	}
	if diff := cmp.Diff([]string{"header=c", "a=1; Path=/", "b=2; HttpOnly"}, got.header["Set-Cookie"]); diff != "" {
		t.Error(diff)
	}
}

func TestTraceNamesWhatDecided(t *testing.T) {
	w := newWorld(t)
	caller := w.role(here, "caller", "")
	w.function(lambda.AuthIAM, allowURL(lambda.PermissionPrincipal{AWS: w.principalID("arn:aws:iam::" + here + ":role/caller")}))
	w.do(w.signed(caller, "GET", "/", ""))
	report := w.report()
	var summaries []string
	for _, step := range report.Steps {
		summaries = append(summaries, step.Step+" "+string(step.Verdict)+" "+step.Summary)
	}
	want := []string{
		"route ok arn:aws:lambda:eu-central-1:111111111111:function:web, auth type AWS_IAM, BUFFERED, host style",
		"authenticate ok arn:aws:sts::111111111111:assumed-role/caller/session, access key " + caller.AccessKeyID + ", header form",
		`authorize ok lambda:InvokeFunctionUrl allowed by statement "url" (Statement[0]) of the function's resource-based policy`,
		"authorize refused lambda:InvokeFunction denied: neither an identity-based policy of the caller nor the resource-based policy of the function allows it",
	}
	if diff := cmp.Diff(want, summaries); diff != "" {
		t.Error(diff)
	}
	fix := []string{"aws lambda add-permission --function-name web --statement-id allow-caller-invoke --action lambda:InvokeFunction" +
		" --principal arn:aws:iam::111111111111:role/caller --invoked-via-function-url"}
	if diff := cmp.Diff(fix, report.Fix); diff != "" {
		t.Error(diff)
	}
	if report.Status != 403 || report.Steps[0].Verdict != trace.OK {
		t.Errorf("report is %+v", report)
	}
}

// A function that fails before anything of its streamed answer was sent is answered with 502, and nothing says that its
// answer had begun. Where the answer is not streamed, what the function has sent is all of it, even if that is nothing.
func TestFailureBeforeTheAnswerHasBegun(t *testing.T) {
	const integration = "application/vnd.awslambda.http-integration-response"
	const prelude = `{"statusCode":418}` + "\x00\x00\x00\x00\x00\x00\x00\x00"
	tests := []struct {
		name   string
		mode   lambda.InvokeMode
		kind   string
		body   io.ReadCloser
		status int
		says   string
	}{
		{"without a byte", lambda.ResponseStream, "text/plain", failingStream{strings.NewReader("")}, 502, "before its answer had begun"},
		{"without a prelude", lambda.ResponseStream, integration, failingStream{strings.NewReader("")}, 502, "before its answer had begun"},
		{"within the prelude", lambda.ResponseStream, integration, failingStream{strings.NewReader(prelude[:9])}, 502, "before its answer had begun"},
		{"after the prelude", lambda.ResponseStream, integration, failingStream{strings.NewReader(prelude)}, 418, "after its answer had begun"},
		// Recorded from AWS (radkawar/stackd, url_http_codecs.json, buffered_stream_partial_error and _throw_before).
		{"on a buffered URL", lambda.Buffered, integration, failingStream{strings.NewReader(prelude + "tea")}, 418, "after its answer had begun"},
		{"without a byte on a buffered URL", lambda.Buffered, "text/plain", failingStream{strings.NewReader("")}, 200, "after its answer had begun"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.changed(func(f *lambda.Function) {
				f.URLs[""].InvokeMode, f.URLs[""].CORS = test.mode, &lambda.CORS{AllowOrigins: []string{"*"}}
			})
			w.runner.result = func(invoke.Request) (*runtime.Result, error) {
				return &runtime.Result{Body: test.body, ContentType: test.kind, ResponseMode: runtime.ModeStreaming}, nil
			}
			request := w.signed(w.user(here, "alice", bothActions), "GET", "/", "")
			request.Header.Set("Origin", "https://shop.example.com")
			got := w.do(request)
			if got.status != test.status {
				t.Errorf("answered %d %q, want %d", got.status, got.body, test.status)
			}
			step, ok := w.report().Deciding()
			if !ok || step.Verdict != trace.Failed || !strings.Contains(step.Summary, test.says+" (error: TypeError)") {
				t.Errorf("the trace says %+v", step)
			}
			if diff := cmp.Diff([]string{`{"errorMessage":"too late"}`}, step.Details); diff != "" {
				t.Error(diff)
			}
			if test.status != 502 {
				return
			}
			if got.body != bodyFailed || got.header.Get("X-Amzn-Trace-Id") != "" || got.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("answered %+v", got)
			}
		})
	}
}

// Recorded from AWS (radkawar/stackd, url_http_codecs.json, stream_plain_throw): what a function reports instead of an
// answer is one, on a URL that streams. What ends it is not.
func TestReportedErrorOnAStreamingURL(t *testing.T) {
	const reported = `{"errorType":"Error","errorMessage":"owned-handler-error","trace":["Error: owned-handler-error"]}`
	for _, test := range []struct {
		mode   lambda.InvokeMode
		reason runtime.Reason
		status int
		body   string
	}{
		{lambda.ResponseStream, runtime.ReasonError, 200, reported},
		{lambda.ResponseStream, runtime.ReasonTimeout, 502, bodyFailed},
		{lambda.ResponseStream, runtime.ReasonExit, 502, bodyFailed},
		{lambda.ResponseStream, runtime.ReasonInit, 502, bodyFailed},
		{lambda.Buffered, runtime.ReasonError, 502, bodyFailed},
	} {
		w := newWorld(t)
		w.changed(func(f *lambda.Function) { f.URLs[""].InvokeMode = test.mode })
		w.runner.result = func(invoke.Request) (*runtime.Result, error) {
			return &runtime.Result{
				Body: io.NopCloser(strings.NewReader(reported)), ContentType: "application/json",
				FunctionError: &runtime.FunctionError{Type: "Error", Kind: "Unhandled", Reason: test.reason, Payload: []byte(reported)},
			}, nil
		}
		got := w.do(w.signed(w.user(here, "alice", bothActions), "GET", "/", ""))
		if got.status != test.status || got.body != test.body || test.status == 200 && got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s, %s: answered %+v", test.mode, test.reason, got)
		}
		step, ok := w.report().Deciding()
		if !ok || step.Verdict != trace.Failed || !strings.Contains(step.Summary, "the function failed") ||
			!strings.Contains(strings.Join(step.Details, ""), "owned-handler-error") {
			t.Errorf("%s, %s: the trace says %+v", test.mode, test.reason, step)
		}
		if log := w.log.String(); !strings.Contains(log, "WARN") {
			t.Errorf("%s, %s: the log says %s", test.mode, test.reason, log)
		}
	}
}

// A function that is switched off is not called busy.
func TestReservedConcurrencyOfZeroIsNamed(t *testing.T) {
	w := newWorld(t)
	w.changed(func(f *lambda.Function) {
		f.Reserved = new(int)
		f.SetPolicy("", lambda.PolicyText(both(lambda.PermissionPrincipal{AWS: here}), f.ARN, lambda.Stored), "")
	})
	w.runner.result = func(invoke.Request) (*runtime.Result, error) { return nil, runtime.ErrReserved }
	if got := w.do(w.signed(w.user(here, "alice", bothActions), "GET", "/", "")); got.status != 429 {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	log := w.log.String()
	if !strings.Contains(log, "reserved concurrency of the function is zero") || strings.Contains(log, "in use") ||
		!strings.Contains(log, "delete-function-concurrency --function-name web") {
		t.Errorf("the log says %s", log)
	}
}

// AWS ends the answer of a function that fails in the middle of it in order, whatever the protocol (hotsock/voker,
// examples/runtime-probe; radkawar/stackd, url_http_codecs.json, stream_partial_error). So no client sees an error.
func TestBrokenStreamsEndInOrder(t *testing.T) {
	w := newWorld(t)
	w.changed(func(f *lambda.Function) {
		f.URLs[""].InvokeMode, f.URLs[""].AuthType = lambda.ResponseStream, lambda.AuthNone
		f.SetPolicy("", lambda.PolicyText(both(lambda.PermissionPrincipal{Anyone: true}), f.ARN, lambda.Stored), "")
	})
	w.runner.result = func(invoke.Request) (*runtime.Result, error) {
		return &runtime.Result{Body: failingStream{strings.NewReader("tea")}, ResponseMode: runtime.ModeStreaming}, nil
	}
	for version, want := range map[string]string{"1.1": "\r\n\r\n3\r\ntea\r\n0\r\n\r\n", "1.0": "\r\n\r\ntea"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second)) //nolint:errcheck // a test
		fmt.Fprintf(conn, "GET / HTTP/%s\r\nHost: %s.lambda-url.%s.localhost\r\nConnection: close\r\n\r\n", version, urlID, region)
		answer, err := io.ReadAll(conn)
		if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/"+version+" 200 OK\r\n")) || !bytes.HasSuffix(answer, []byte(want)) {
			t.Errorf("HTTP/%s: %q, %v", version, answer, err)
		}
	}
	server := httptest.NewUnstartedServer(w.plane)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	request := w.request("GET", "/", "")
	request.URL.Scheme, request.URL.Host = "https", server.Listener.Addr().String()
	answer, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if answer.ProtoMajor != 2 || answer.StatusCode != 200 || string(body) != "tea" || err != nil {
		t.Errorf("%s %s, %q, %v", answer.Proto, answer.Status, body, err)
	}
}

// A streamed answer that has no body by HTTP has none, and says nothing of chunks that do not come.
func TestStreamsWithoutABody(t *testing.T) {
	w := newWorld(t)
	w.changed(func(f *lambda.Function) {
		f.URLs[""].InvokeMode, f.URLs[""].AuthType = lambda.ResponseStream, lambda.AuthNone
		f.SetPolicy("", lambda.PolicyText(both(lambda.PermissionPrincipal{Anyone: true}), f.ARN, lambda.Stored), "")
	})
	for _, test := range []struct {
		method      string
		status      int
		chunked     bool
		body, after string
	}{
		{"GET", 200, true, "tea", "3\r\ntea\r\n0\r\n\r\n"},
		{"GET", 200, true, "", "0\r\n\r\n"},
		{"GET", 204, false, "tea", ""},
		{"GET", 304, false, "tea", ""},
		{"HEAD", 200, false, "tea", ""},
	} {
		w.runner.result = func(invoke.Request) (*runtime.Result, error) {
			text := fmt.Sprintf(`{"statusCode":%d}`, test.status) + strings.Repeat("\x00", 8) + test.body
			return &runtime.Result{
				Body: io.NopCloser(strings.NewReader(text)), ContentType: event.IntegrationContentType, ResponseMode: runtime.ModeStreaming,
			}, nil
		}
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second)) //nolint:errcheck // a test
		fmt.Fprintf(conn, "%s / HTTP/1.1\r\nHost: %s.lambda-url.%s.localhost\r\nConnection: close\r\n\r\n", test.method, urlID, region)
		answer, err := io.ReadAll(conn)
		head, after, _ := strings.Cut(string(answer), "\r\n\r\n")
		if want := fmt.Sprintf("HTTP/1.1 %d ", test.status); !strings.HasPrefix(head, want) || after != test.after || err != nil ||
			strings.Contains(head, "\r\nTransfer-Encoding: chunked") != test.chunked || strings.Contains(head, "\r\nContent-Length:") {
			t.Errorf("%s, %d, %q: %q, %v", test.method, test.status, test.body, answer, err)
		}
	}
}

// Only this server's own end breaks an answer off.
func TestShutdownBreaksStreamsOff(t *testing.T) {
	w := newWorld(t)
	w.changed(func(f *lambda.Function) { f.URLs[""].InvokeMode = lambda.ResponseStream })
	w.runner.result = func(invoke.Request) (*runtime.Result, error) {
		return &runtime.Result{Body: endedStream{strings.NewReader("tea")}, ResponseMode: runtime.ModeStreaming}, nil
	}
	response, err := w.server.Client().Do(w.signed(w.user(here, "alice", bothActions), "GET", "/", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); !errors.Is(err, io.ErrUnexpectedEOF) || string(body) != "tea" {
		t.Errorf("%q, %v", body, err)
	}
}

// endedStream is the body of a function that the server ended.
type endedStream struct{ io.Reader }

func (endedStream) Close() error { return nil }

func (endedStream) StreamError() *runtime.FunctionError {
	return &runtime.FunctionError{Type: "Sandbox.Failure", Reason: runtime.ReasonShutdown}
}

func TestStreamWithoutAByteIsAnAnswer(t *testing.T) {
	w := newWorld(t)
	w.changed(func(f *lambda.Function) { f.URLs[""].InvokeMode = lambda.ResponseStream })
	w.runner.result = func(invoke.Request) (*runtime.Result, error) {
		return &runtime.Result{Body: io.NopCloser(strings.NewReader("")), ContentType: "text/plain", ResponseMode: runtime.ModeStreaming}, nil
	}
	got := w.do(w.signed(w.user(here, "alice", bothActions), "GET", "/", ""))
	if got.status != 200 || got.body != "" || got.header.Get("Content-Type") != "text/plain" {
		t.Errorf("answered %+v", got)
	}
}

// Clients on this machine are told which function failed and how, so that furl call can say what to type. A client behind
// a proxy or a tunnel may be anywhere.
func TestFailureIsNamedOnThisMachineOnly(t *testing.T) {
	failed := func(invoke.Request) (*runtime.Result, error) {
		return &runtime.Result{
			Body:          io.NopCloser(strings.NewReader("")),
			FunctionError: &runtime.FunctionError{Type: "KeyError", Reason: runtime.ReasonError, Payload: []byte(`{}`)},
		}, nil
	}
	tests := []struct {
		name, header        string
		result              func(invoke.Request) (*runtime.Result, error)
		function, errorType string
	}{
		{"here", "", failed, "web", "KeyError"},
		{"here, an answer that is none", "", payload(`{"statusCode":"x"}`), "web", ""},
		{"forwarded", "Forwarded", failed, "", ""},
		{"forwarded for", "X-Forwarded-For", failed, "", ""},
		{"via", "Via", failed, "", ""},
		{"answered", "", payload(`{"statusCode":502}`), "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.runner.result = test.result
			request := w.request("GET", "/", "")
			if test.header != "" {
				request.Header.Set(test.header, "192.0.2.1")
			}
			got := w.do(w.sign(request, w.user(here, "alice", bothActions), ""))
			if got.status != 502 || got.header.Get("Furl-Function") != test.function || got.header.Get("Furl-Error-Type") != test.errorType {
				t.Errorf("answered %+v", got)
			}
		})
	}
}

// Each row is a request whose body may be JSON, and whether the trace says that its content type does not say so. FastAPI
// answers 422 to such a request (fastapi/fastapi#14978).
func TestBodyThatLooksLikeJSON(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	tests := []struct {
		name, contentType, body string
		status                  int
		told                    string
	}{
		{"curl -d", form, `{"user":"me"}`, 422, "which curl -d sends by itself"},
		{"no type", "", ` [1, 2]` + "\n", 400, "has no Content-Type"},
		{"text", "text/plain", "\ufeff{}", 415, "has Content-Type text/plain"},
		{"not found either", form, `{"user":"me"}`, 404, "which curl -d sends by itself"},
		{"typed", "application/json; charset=utf-8", `{"user":"me"}`, 422, ""},
		{"typed in upper case", "Application/JSON", `{"user":"me"}`, 422, ""},
		{"a type of its own", "application/vnd.api+json", `{"user":"me"}`, 422, ""},
		{"a form", form, `user=me`, 422, ""},
		{"half of it", form, `{"user"`, 422, ""},
		{"no body", form, ``, 422, ""},
		{"accepted", form, `{"user":"me"}`, 200, ""},
		{"failed", form, `{"user":"me"}`, 500, ""},
	}
	for _, mode := range []lambda.InvokeMode{lambda.Buffered, lambda.ResponseStream} {
		for _, test := range tests {
			t.Run(string(mode)+", "+test.name, func(t *testing.T) {
				w := newWorld(t)
				w.changed(func(f *lambda.Function) { f.URLs[""].InvokeMode = mode })
				w.runner.result = func(invoke.Request) (*runtime.Result, error) {
					const integration = "application/vnd.awslambda.http-integration-response"
					text := fmt.Sprintf(`{"statusCode":%d}`, test.status) + "\x00\x00\x00\x00\x00\x00\x00\x00"
					return &runtime.Result{Body: io.NopCloser(strings.NewReader(text)), ContentType: integration}, nil
				}
				request := w.request("POST", "/", test.body)
				if test.contentType != "" {
					request.Header.Set("Content-Type", test.contentType)
				}
				w.do(w.sign(request, w.user(here, "alice", bothActions), test.body))
				report := w.report()
				last := report.Steps[len(report.Steps)-1]
				got := strings.Join(last.Details, "\n")
				if (got != "") != (test.told != "") || !strings.Contains(got, test.told) {
					t.Errorf("%s: told %q, want %q", last.Summary, got, test.told)
				}
				if told := strings.Join(report.Fix, "\n"); strings.Contains(told, "Content-Type: application/json") != (test.told != "") {
					t.Errorf("the fix is %q", told)
				}
			})
		}
	}
}

// What the function got can be read again, without the secrets in it, and only if it did get it.
func TestEventsAreKept(t *testing.T) {
	w := newWorld(t)
	w.plane.Exchanges = &trace.Exchanges{}
	alice := w.role(here, "caller", bothActions)
	request := w.request("POST", "/login?a=1&access_token=hunter2", `{"user":"me","password":"hunter2"}`)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Cookie", "theme=dark; session=hunter2")
	request.Header.Set("X-Api-Key", "hunter2")
	got := w.do(w.sign(request, alice, `{"user":"me","password":"hunter2"}`))
	exchange, ok := w.plane.Exchanges.Find(got.header.Get("X-Amzn-Requestid"))
	kept := exchange.Event
	if !ok || kept.Cut || kept.Size != len(w.runner.requests[0].Payload) {
		t.Fatalf("kept %v %+v", ok, kept)
	}
	if text := string(kept.Bytes); strings.Contains(text, "hunter2") || strings.Contains(text, alice.SessionToken) {
		t.Errorf("shows a secret: %s", text)
	}
	var shown struct{ Headers map[string]string }
	if err := json.Unmarshal(kept.Bytes, &shown); err != nil || shown.Headers["x-amz-security-token"] != "(hidden)" {
		t.Errorf("%v: %s", err, kept.Bytes)
	}
	real, _ := w.event()["headers"].(map[string]any)
	if real["x-api-key"] != "hunter2" || real["x-amz-security-token"] != alice.SessionToken {
		t.Errorf("the function itself got %v", real)
	}

	refused := w.do(w.signed(w.user(here, "mallory", ""), "GET", "/", ""))
	w.runner.result = func(invoke.Request) (*runtime.Result, error) { return nil, runtime.ErrBusy }
	throttled := w.do(w.signed(alice, "GET", "/", ""))
	for _, got := range []answer{refused, throttled} {
		if kept, ok := w.plane.Exchanges.Find(got.header.Get("X-Amzn-Requestid")); !ok || kept.Event.Size != 0 {
			t.Errorf("%d: there is an event of a request that did not reach its function", got.status)
		}
	}
}

// A statement that denies is named with the condition that matched, and one half of a grant with what it is good for.
func TestDenialsSayWhy(t *testing.T) {
	const both = `"Effect":"Allow","Action":["lambda:InvokeFunctionUrl","lambda:InvokeFunction"],"Resource":"*"`
	tests := []struct {
		name, document string
		want           string
		fix            string
	}{
		{
			"TLS", `{"Version":"2012-10-17","Statement":[{` + both + `},{"Sid":"tls","Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`,
			`denied by statement "tls" (Statement[1]) of inline policy inline of user mallory: its Condition Bool aws:SecureTransport lists false, and the request has false`,
			"send the request over https",
		},
		{
			"TLS, the other way", `{"Version":"2012-10-17","Statement":[{` + both + `,"Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}`,
			"but for its Condition Bool aws:SecureTransport: it wants true, the request has false", "send the request over https",
		},
		{
			"connector", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:InvokeAsync","lambda:InvokeFunction"],"Resource":["arn:aws:lambda:eu-central-1:111111111111:function:web"]}]}`,
			"AWS::Serverless::Connector", "aws lambda add-permission",
		},
		{
			"old grant", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"*"}]}`,
			"allows lambda:InvokeFunctionUrl, which was enough until October 2025", "aws lambda add-permission",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.do(w.signed(w.user(here, "mallory", test.document), "GET", "/", ""))
			var text strings.Builder
			w.report().WriteTo(&text)
			if got := text.String(); !strings.Contains(got, test.want) || !strings.Contains(got, test.fix) {
				t.Errorf("the trace says %s", got)
			}
		})
	}
}

// A clock that is set back while a request is on its way makes no step shorter than nothing.
func TestNoNegativeTimes(t *testing.T) {
	w := newWorld(t)
	alice := w.user(here, "alice", bothActions)
	now := time.Now().Round(0)
	w.plane.Now = func() time.Time {
		now = now.Add(-time.Second)
		return now
	}
	w.do(w.signed(alice, "GET", "/", ""))
	report := w.report()
	for _, step := range report.Steps {
		if step.Micros < 0 {
			t.Errorf("%s took %d µs", step.Step, step.Micros)
		}
	}
	if report.Micros < 0 {
		t.Errorf("the request took %d µs", report.Micros)
	}
}
