package furl_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl"
)

func TestRefusalOf(t *testing.T) {
	const long = "Forbidden. For troubleshooting Function URL authorization issues, see: " +
		"https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
	for _, test := range []struct {
		name, errorType, body string
		status                int
		want                  furl.Refusal // zero: none
	}{
		{"not authorized", "AccessDeniedException", `{"Message":"` + long + `"}`, 403,
			furl.Refusal{Layer: furl.Authorization, Message: long}},
		{"unsigned", "AccessDeniedException", `{"Message":"Forbidden"}`, 403,
			furl.Refusal{Layer: furl.Authentication, Message: "Forbidden"}},
		{"no such URL", "AccessDeniedException", `{"Message":null}`, 403, furl.Refusal{Layer: furl.Address}},
		{"bad signature", "InvalidSignatureException", `{"message":"The request signature …"}`, 403,
			furl.Refusal{Layer: furl.Authentication, Message: "The request signature …"}},
		{"type with namespace", "UnrecognizedClientException:http://x/", `{"message":"m"}`, 403,
			furl.Refusal{Layer: furl.Authentication, Message: "m"}},
		{"unknown denial", "AccessDeniedException", `<html>`, 403, furl.Refusal{Layer: furl.Authorization}},
		{"unknown refusal", "NewException", `[]`, 403, furl.Refusal{Layer: furl.Authentication}},
		{"the function's own", "", `{"Message":"Forbidden"}`, 403, furl.Refusal{}},
		{"throttled", "TooManyRequestsException", `{"message":"Rate Exceeded."}`, 429, furl.Refusal{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			resp := &http.Response{StatusCode: test.status, Header: http.Header{},
				Body: io.NopCloser(strings.NewReader(test.body))}
			resp.Header.Set("x-amzn-RequestId", "id")
			resp.Header.Set("furl-explain", "http://here/")
			if test.errorType != "" {
				resp.Header.Set("x-amzn-ErrorType", test.errorType)
			}
			got, ok := furl.RefusalOf(resp)
			if ok != (test.want != furl.Refusal{}) {
				t.Fatalf("refusal: %t", ok)
			}
			if ok {
				test.want.ErrorType, _, _ = strings.Cut(test.errorType, ":")
				test.want.RequestID, test.want.Explain = "id", "http://here/"
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != test.body {
				t.Errorf("body afterwards: %q, %v", body, err)
			}
		})
	}
}

func TestRefusalOfLeavesALongBodyWhole(t *testing.T) {
	long := strings.Repeat("x", 10<<10)
	resp := &http.Response{StatusCode: 403, Header: http.Header{"X-Amzn-Errortype": {"E"}},
		Body: io.NopCloser(strings.NewReader(long))}
	furl.RefusalOf(resp)
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != long {
		t.Errorf("%d bytes afterwards, %v", len(body), err)
	}
}

type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestRefusalOfKeepsTheErrorOfTheBody(t *testing.T) {
	resp := &http.Response{StatusCode: 403, Header: http.Header{"X-Amzn-Errortype": {"E"}},
		Body: io.NopCloser(broken{strings.NewReader("{")})}
	furl.RefusalOf(resp)
	if body, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) || string(body) != "{" {
		t.Errorf("body %q, error %v", body, err)
	}
}
