//go:build unix

package lambdaapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/sigv4"
)

func TestRequestsThatAreNotSignedWellAreRefused(t *testing.T) {
	s := start(t)
	s.update(func(tx *state.Tx) error {
		return tx.Put(&iam.Session{AccessKeyID: "ASIAOVER", Secret: "s", Token: "token", Account: account, Expires: s.plane.Now().Add(-time.Second)})
	})
	sign := func(signer *sigv4.Signer, who sigv4.Credentials) func(*testing.T, *http.Request) {
		return func(t *testing.T, r *http.Request) {
			if signer.Now == nil {
				signer.Now = s.plane.Now
			}
			if _, err := signer.Sign(r, who, sigv4.EmptyPayload()); err != nil {
				t.Fatal(err)
			}
		}
	}
	at := func(moment time.Time) func() time.Time { return func() time.Time { return moment } }
	for name, test := range map[string]struct {
		sign   func(*testing.T, *http.Request)
		status int
		name   string
		body   string
	}{
		"unsigned": {
			func(*testing.T, *http.Request) {}, 403, "MissingAuthenticationTokenException",
			`{"message":"Missing Authentication Token"}`,
		},
		"wrong secret": {
			sign(&sigv4.Signer{Region: region, Service: "lambda"}, sigv4.Credentials{AccessKeyID: "AKIAROOT" + account, Secret: sigv4.NewSecret("guessed")}),
			403, "InvalidSignatureException",
			`{"message":"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}`,
		},
		"unknown key": {
			sign(&sigv4.Signer{Region: region, Service: "lambda"}, sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", Secret: sigv4.NewSecret("guessed")}),
			403, "UnrecognizedClientException", `{"message":"The security token included in the request is invalid."}`,
		},
		"long ago": {
			sign(&sigv4.Signer{Region: region, Service: "lambda", Now: at(s.plane.Now().Add(-6 * time.Minute))}, s.plane.Root(account)),
			403, "InvalidSignatureException", `{"message":"Signature expired: 20261123T152050Z is now earlier than 20261123T152150Z (20261123T152650Z - 5 min.)"}`,
		},
		"another service": {
			sign(&sigv4.Signer{Region: region, Service: "s3"}, s.plane.Root(account)),
			403, "InvalidSignatureException", `{"message":"Credential should be scoped to correct service: 'lambda'. "}`,
		},
		"no region's name": {
			sign(&sigv4.Signer{Region: "nowhere", Service: "lambda"}, s.plane.Root(account)),
			403, "InvalidSignatureException", `{"message":"Credential should be scoped to a valid region. "}`,
		},
		"temporary key without its token": {
			sign(&sigv4.Signer{Region: region, Service: "lambda"}, sigv4.Credentials{AccessKeyID: "ASIAOVER", Secret: sigv4.NewSecret("s")}),
			403, "UnrecognizedClientException", `{"message":"The security token included in the request is invalid."}`,
		},
		"session that is over": {
			sign(&sigv4.Signer{Region: region, Service: "lambda"}, sigv4.Credentials{AccessKeyID: "ASIAOVER", Secret: sigv4.NewSecret("s"), SessionToken: "token"}),
			403, "ExpiredTokenException", `{"message":"The security token included in the request is expired"}`,
		},
		"path above the root": {
			func(_ *testing.T, r *http.Request) { r.URL.Path = "/../.." }, 400, "BadRequestException", `{"message":"Path is above the root"}`,
		},
		"half an Authorization header": {
			func(_ *testing.T, r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x") },
			403, "IncompleteSignatureException",
			`{"message":"Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequest("GET", s.plane.URL+"/2015-03-31/functions", nil)
			if err != nil {
				t.Fatal(err)
			}
			test.sign(t, r)
			got := s.send(r)
			if got.status != test.status || got.name != test.name || got.body != test.body {
				t.Errorf("got %d %s %s\nwant %d %s %s", got.status, got.name, got.body, test.status, test.name, test.body)
			}
			if id := got.header.Get("x-amzn-RequestId"); len(id) != 36 {
				t.Errorf("request id is %q", id)
			}
		})
	}
}

func TestRequestsLargerThanAnyOperationTakesAreRefused(t *testing.T) {
	s := start(t)
	large := strings.Repeat(" ", 70_167_212)
	got := s.do(request{method: "PUT", path: "/2015-03-31/functions/f/code", body: large})
	want := `{"message":"Request must be smaller than 70167211 bytes for the UpdateFunctionCode operation"}`
	if got.status != 413 || got.name != "RequestEntityTooLargeException" || got.body != want {
		t.Errorf("got %d %s %s", got.status, got.name, got.body)
	}
}

func TestOperationsHaveTheirOwnLimitsOfSize(t *testing.T) {
	s := start(t)
	for _, test := range []struct {
		method, path string
		limit        int
		body         string
	}{
		{"POST", "/2015-03-31/functions/f/invocations", 6291456, `{"message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}`},
		{"PUT", "/2015-03-31/functions/f/configuration", 5120, `{"message":"Request must be smaller than 5120 bytes for the UpdateFunctionConfiguration operation"}`},
		{"POST", "/2021-10-31/functions/f/url", 1048576, `{"message":"Request must be smaller than 1048576 bytes for the CreateFunctionUrlConfig operation"}`},
	} {
		got := s.do(request{method: test.method, path: test.path, body: strings.Repeat(" ", test.limit+1)})
		if got.status != 413 || got.name != "RequestEntityTooLargeException" || got.body != test.body {
			t.Errorf("%s %s: got %d %s %s", test.method, test.path, got.status, got.name, got.body)
		}
		if got := s.do(request{method: test.method, path: test.path, body: strings.Repeat(" ", test.limit)}); got.status == 413 {
			t.Errorf("%s %s: a body of exactly %d bytes is refused", test.method, test.path, test.limit)
		}
	}
}
