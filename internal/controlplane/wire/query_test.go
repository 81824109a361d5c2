package wire_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/sigv4"
	"github.com/google/go-cmp/cmp"
)

const (
	namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	fault     = "http://webservices.amazon.com/AWSFault/2005-15-09"
	formType  = "application/x-www-form-urlencoded"
)

type echoInput struct{ Text string }

type echoOutput struct{ Text string }

const echoModel = `api sts 2011-06-15 query
op Echo POST / 200 Input Output
op Silent POST / 200 - -
op Broken POST / 200 - -
op Refused POST / 200 - -
op AssumeRoot POST / 200 - -
structure Input
 Text! Text
string Text max=8
`

// api is an API with an operation for each way to end.
func api() *wire.API {
	type none struct{}
	end := func(err error) wire.Handler {
		return wire.Run(wire.Nothing, func(*wire.Request, *none) (any, error) { return nil, err })
	}
	return wire.NewWithModel(wire.Config{
		Service: "sts", Namespace: namespace, Failure: "InternalFailure", Invalid: "ValidationError", MaxBody: 1000,
		Table: []wire.Operation{
			{Name: "Echo", Note: "speaks", Handler: wire.Run(wire.Anything, func(_ *wire.Request, in *echoInput) (any, error) {
				return &echoOutput{in.Text}, nil
			})},
			{Name: "Silent", Action: wire.NoAction, Handler: end(nil)},
			{Name: "Broken", Action: wire.NoAction, Handler: end(errors.New("the disk is full of secrets"))},
			{Name: "Refused", Action: wire.NoAction, Handler: end(fmt.Errorf("wrapped: %w", wire.Errorf("ValidationError", "no")))},
		},
	}, echoModel, "")
}

func TestAnswers(t *testing.T) {
	server := planetest.New(t, api())
	root := server.Root(planetest.Account)
	success := func(name, result string) string {
		return "<" + name + "Response xmlns=\"" + namespace + "\">\n" + result +
			"  <ResponseMetadata>\n    <RequestId>ID</RequestId>\n  </ResponseMetadata>\n</" + name + "Response>\n"
	}
	refusal := func(namespace, kind, code, message string) string {
		if message != "" {
			message = "    <Message>" + message + "</Message>\n"
		}
		return "<ErrorResponse xmlns=\"" + namespace + "\">\n  <Error>\n    <Type>" + kind + "</Type>\n    <Code>" + code + "</Code>\n" +
			message + "  </Error>\n  <RequestId>ID</RequestId>\n</ErrorResponse>\n"
	}
	echo := success("Echo", "  <EchoResult>\n    <Text>hi</Text>\n  </EchoResult>\n")
	for _, test := range []struct {
		name                              string
		method, target, contentType, body string
		status                            int
		want                              string
	}{
		{name: "POST", method: "POST", target: "/", contentType: formType, body: "Action=Echo&Version=2011-06-15&Text=hi", status: 200, want: echo},
		{name: "POST with a charset", method: "POST", target: "/", contentType: formType + "; charset=utf-8", body: "Action=Echo&Version=2011-06-15&Text=hi", status: 200, want: echo},
		{name: "POST with parameters in the URL", method: "POST", target: "/?Action=Echo&Version=2011-06-15", contentType: formType, body: "Text=hi", status: 200, want: echo},
		{name: "GET", method: "GET", target: "/?Action=Echo&Version=2011-06-15&Text=hi", status: 200, want: echo},
		{name: "no result", method: "GET", target: "/?Action=Silent&Version=2011-06-15", status: 200, want: success("Silent", "")},
		{name: "unknown parameters are ignored", method: "GET", target: "/?Action=Silent&Version=2011-06-15&Unknown=value", status: 200, want: success("Silent", "")},
		{name: "the first value counts", method: "GET", target: "/?Action=Silent&Version=2011-06-15&Action=Broken&Version=2000-01-01", status: 200, want: success("Silent", "")},
		{name: "no action", method: "POST", target: "/", contentType: formType, body: "Version=2011-06-15", status: 400, want: refusal(fault, "Sender", "MissingAction", "The request has no parameter Action.")},
		{name: "no content type", method: "POST", target: "/", body: "Action=Silent&Version=2011-06-15", status: 400, want: refusal(fault, "Sender", "MissingAction", "The request has no parameter Action.")},
		{name: "empty action", method: "GET", target: "/?Action=&Version=2011-06-15", status: 400, want: refusal(fault, "Sender", "InvalidAction", "Could not find operation  for version 2011-06-15")},
		{name: "unknown action", method: "GET", target: "/?Action=NoSuchAction&Version=2011-06-15", status: 400, want: refusal(fault, "Sender", "InvalidAction", "Could not find operation NoSuchAction for version 2011-06-15")},
		{name: "no version", method: "GET", target: "/?Action=Silent", status: 400, want: refusal(fault, "Sender", "InvalidAction", "Could not find operation Silent for version NO_VERSION_SPECIFIED")},
		{name: "empty version", method: "GET", target: "/?Action=Silent&Version=", status: 400, want: refusal(fault, "Sender", "InvalidAction", "Could not find operation Silent for version ")},
		{name: "other version", method: "GET", target: "/?Action=Silent&Version=2000-01-01", status: 400, want: refusal(fault, "Sender", "InvalidAction", "Could not find operation Silent for version 2000-01-01")},
		{name: "absent operation", method: "GET", target: "/?Action=AssumeRoot&Version=2011-06-15", status: 400, want: refusal(namespace, "Sender", "UnsupportedOperation", "furl does not have the operation AssumeRoot of STS. Its documentation, docs/compatibility.md, lists the operations that it has.")},
		{name: "violation", method: "GET", target: "/?Action=Echo&Version=2011-06-15", status: 400, want: refusal(namespace, "Sender", "ValidationError", "1 validation error detected: Value null at 'text' failed to satisfy constraint: Member must not be null")},
		{name: "malformed form", method: "POST", target: "/", contentType: formType, body: "Action=%zz", status: 404, want: refusal(namespace, "Sender", "MalformedQueryString", "the value of the parameter Action is not form-encoded UTF-8")},
		{name: "refused", method: "GET", target: "/?Action=Refused&Version=2011-06-15", status: 400, want: refusal(namespace, "Sender", "ValidationError", "no")},
		{name: "broken", method: "GET", target: "/?Action=Broken&Version=2011-06-15", status: 500, want: refusal(namespace, "Receiver", "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.")},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := server.Request(t, test.method, test.target, test.body)
			if test.contentType != "" {
				r.Header.Set("Content-Type", test.contentType)
			}
			answer := server.Send(t, r, test.body, root, "sts")
			id := answer.Header.Get("X-Amzn-Requestid")
			if id == "" || answer.Header.Get("X-Amz-Sts-Extended-Request-Id") == "" || answer.Header.Get("Content-Type") != "text/xml" {
				t.Errorf("headers are %v", answer.Header)
			}
			if diff := cmp.Diff(test.want, strings.ReplaceAll(answer.Body, id, "ID")); answer.Status != test.status || diff != "" {
				t.Errorf("status %d, want %d\n%s", answer.Status, test.status, diff)
			}
		})
	}
	if !strings.Contains(server.Log.String(), "the disk is full of secrets") {
		t.Error("the cause of a failure was not logged")
	}
}

func TestSignatureRefusals(t *testing.T) {
	server := planetest.New(t, api())
	root := server.Root(planetest.Account)
	wrong := root
	wrong.Secret = sigv4.NewSecret("another")
	unknown := sigv4.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", Secret: root.Secret}
	withToken := root
	withToken.SessionToken = "token"
	body := url.Values{"Action": {"Silent"}, "Version": {"2011-06-15"}}.Encode()
	for _, test := range []struct {
		name          string
		who           sigv4.Credentials
		signed        time.Duration // how far ahead of the server's clock
		change        func(*http.Request)
		status        int
		namespace     string
		code, message string
	}{
		{name: "incomplete", status: 400, namespace: fault, code: "IncompleteSignature", change: func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/sts/aws4_request")
		}, message: "Authorization header requires 'Signature' parameter."},
		{name: "wrong secret", who: wrong, status: 403, namespace: namespace, code: "SignatureDoesNotMatch", message: "The request signature we calculated does not match the signature you provided."},
		{name: "unknown key", who: unknown, status: 403, namespace: namespace, code: "InvalidClientTokenId", message: "The security token included in the request is invalid."},
		{name: "token with a long-term key", who: withToken, status: 403, namespace: namespace, code: "InvalidClientTokenId", message: "The security token included in the request is invalid."},
		{name: "late", who: root, signed: -16 * time.Minute, status: 403, namespace: namespace, code: "SignatureDoesNotMatch", message: "Signature expired: 20261123T151050Z is now earlier than 20261123T151150Z (20261123T152650Z - 15 min.)"},
		{name: "early", who: root, signed: 16 * time.Minute, status: 403, namespace: namespace, code: "SignatureDoesNotMatch", message: "Signature not yet current: 20261123T154250Z is still later than 20261123T154150Z (20261123T152650Z + 15 min.)"},
		{name: "fourteen minutes late", who: root, signed: -14 * time.Minute, status: 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := server.Request(t, http.MethodPost, "/", body)
			r.Header.Set("Content-Type", formType)
			if test.change != nil {
				test.change(r)
			}
			if test.who.AccessKeyID != "" {
				signer := &sigv4.Signer{Region: planetest.Region, Service: "sts", Now: func() time.Time { return server.Now().Add(test.signed) }}
				if _, err := signer.Sign(r, test.who, sigv4.PayloadBytes([]byte(body))); err != nil {
					t.Fatal(err)
				}
			}
			answer := server.Send(t, r, body, sigv4.Credentials{}, "sts")
			if answer.Status != test.status {
				t.Errorf("status %d, want %d\n%s", answer.Status, test.status, answer.Body)
			}
			for _, want := range []string{test.namespace, "<Code>" + test.code, test.message} {
				if test.status != 200 && !strings.Contains(answer.Body, want) {
					t.Errorf("no %q in\n%s", want, answer.Body)
				}
			}
		})
	}
}

func TestRefuseNamesEveryKind(t *testing.T) {
	for kind, want := range map[sigv4.Kind]string{
		sigv4.MissingAuthentication:  "403 MissingAuthenticationToken",
		sigv4.MalformedRequest:       "400 MalformedQueryString",
		sigv4.IncompleteSignature:    "400 IncompleteSignature",
		sigv4.InvalidSignature:       "403 SignatureDoesNotMatch",
		sigv4.SignatureExpired:       "403 SignatureDoesNotMatch",
		sigv4.SignatureNotYetCurrent: "403 SignatureDoesNotMatch",
		sigv4.InvalidScope:           "403 SignatureDoesNotMatch",
		sigv4.UnknownKey:             "403 InvalidClientTokenId",
		sigv4.InvalidToken:           "403 InvalidClientTokenId",
		sigv4.ExpiredToken:           "403 ExpiredToken",
		sigv4.BodyTooLarge:           "413 RequestEntityTooLarge",
		sigv4.BodyRead:               "400 RequestTimeout",
		sigv4.Internal:               "500 InternalFailure",
		sigv4.Kind(200):              "500 InternalFailure",
	} {
		w := httptest.NewRecorder()
		call := &controlplane.Call{Request: httptest.NewRequest(http.MethodPost, "/", nil)}
		api().Refuse(w, call, &sigv4.Error{Kind: kind, Message: "m", Detail: "for the operator", CanonicalRequest: "secret"})
		code, _, _ := strings.Cut(strings.SplitN(w.Body.String(), "<Code>", 2)[1], "<")
		if got := fmt.Sprintf("%d %s", w.Code, code); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
		for _, hidden := range []string{"operator", "secret"} {
			if strings.Contains(w.Body.String(), hidden) {
				t.Errorf("%s: the client is told %q", kind, hidden)
			}
		}
	}
}

func TestOperationsDocumentTheTable(t *testing.T) {
	want := []controlplane.Operation{
		{Name: "Echo", Action: "sts:Echo", Note: "speaks"}, {Name: "Silent"}, {Name: "Broken"}, {Name: "Refused"},
	}
	if diff := cmp.Diff(want, api().Operations()); diff != "" {
		t.Error(diff)
	}
}
