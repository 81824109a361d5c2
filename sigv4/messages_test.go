package sigv4_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

// TestMessages: what a client is told, to the letter. The texts of the function URL are those observed on AWS, the
// rest is from the error ordering chart of dacut/scratchstack-aws-signature.
func TestMessages(t *testing.T) {
	const mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS " +
		"Secret Access Key and signing method. Consult the service documentation for details."
	auth := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	uri := func(old, new string) func(*http.Request) {
		return func(r *http.Request) { r.RequestURI = strings.Replace(r.RequestURI, old, new, 1) }
	}
	scope := "20261123/eu-central-1/lambda/aws4_request"
	tests := []struct {
		name string
		who  sigv4.Credentials
		form sigv4.Form
		edit func(*http.Request)
		kind sigv4.Kind
		msg  string
	}{
		{"unknown key", dave, sigv4.Header, nil, sigv4.UnknownKey, "The security token included in the request is invalid."},
		{"expired session", carol, sigv4.Header, nil, sigv4.ExpiredToken,
			"The security token included in the request is expired"},
		{"no token", bob, sigv4.Header, func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") }, sigv4.InvalidToken,
			"The security token included in the request is invalid."},
		{"token with a long-term key", alice, sigv4.Header,
			func(r *http.Request) {
				r.Header.Set("X-Amz-Security-Token",
					"x")
			}, sigv4.InvalidToken, "The security token included in the request is invalid."},
		{"altered token", bob, sigv4.Header, func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") },
			sigv4.InvalidToken, "The security token included in the request is invalid"},
		{"no signature", alice, sigv4.Header, func(r *http.Request) { r.Header.Del("Authorization") },
			sigv4.MissingAuthentication, "Missing Authentication Token"},
		{"both forms", alice, sigv4.Query, func(r *http.Request) { r.Header.Set("Authorization", "x") },
			sigv4.InvalidSignature, ""},
		{"altered request", alice, sigv4.Header, func(r *http.Request) { r.Method = "PUT" }, sigv4.InvalidSignature,
			mismatch},
		{"two Authorization headers", alice, sigv4.Header, func(r *http.Request) { r.Header.Add("Authorization", "x") },
			sigv4.InvalidSignature, mismatch},

		{"query ends in an escape", alice, sigv4.Header, uri("b=c", "b=%4"), sigv4.MalformedRequest,
			"Incomplete trailing escape % sequence"},
		{"query has a bad escape", alice, sigv4.Header, uri("b=c", "b=%4x"), sigv4.MalformedRequest,
			"Illegal hex character in escape % pattern: %4x"},
		{"algorithm", alice, sigv4.Header, auth("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), sigv4.IncompleteSignature,
			"Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'."},
		{"algorithm in the query", alice, sigv4.Query, uri("AWS4-HMAC-SHA256", "x"), sigv4.IncompleteSignature,
			"Unsupported AWS 'algorithm': 'x'."},
		{"no equal sign", alice, sigv4.Header, func(r *http.Request) {
			r.Header.Set("Authorization",
				"AWS4-HMAC-SHA256 foo")
		}, sigv4.IncompleteSignature,
			"'foo' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 foo'"},
		{"a space after the access key id", alice, sigv4.Header, func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID /20261123/eu-central-1/lambda/aws4_request, SignedHeaders=host")
		}, sigv4.IncompleteSignature, "'/20261123/eu-central-1/lambda/aws4_request' not a valid key=value pair (missing equal-sign) in " +
			"Authorization header: 'AWS4-HMAC-SHA256 Credential=AKID /20261123/eu-central-1/lambda/aws4_request, SignedHeaders=host'"},
		{"a space before the access key id", alice, sigv4.Header, func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential= AKID/20261123/eu-central-1/lambda/aws4_request")
		}, sigv4.IncompleteSignature, "'AKID/20261123/eu-central-1/lambda/aws4_request' not a valid key=value pair (missing " +
			"equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential= AKID/20261123/eu-central-1/lambda/aws4_request'"},
		{"a tab in the access key id", alice, sigv4.Header, func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AK\tID/20261123/eu-central-1/lambda/aws4_request")
		}, sigv4.IncompleteSignature, "'ID/20261123/eu-central-1/lambda/aws4_request' not a valid key=value pair (missing " +
			"equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential=AK\tID/20261123/eu-central-1/lambda/aws4_request'"},
		{"all parts missing", alice, sigv4.Header, func(r *http.Request) {
			r.Header = http.Header{"Authorization": {"AWS4-HMAC-SHA256"}}
		}, sigv4.IncompleteSignature,
			"Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. " +
				"Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a " +
				"'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256"},
		{"one part missing", alice, sigv4.Header, auth("SignedHeaders=", "Signature="), sigv4.IncompleteSignature,
			"Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256"},
		{"all parameters missing", alice, sigv4.Query,
			func(r *http.Request) { r.RequestURI = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256" }, sigv4.IncompleteSignature,
			"AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include " +
				"'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. AWS query-string parameters " +
				"must include 'X-Amz-Date'. Re-examine the query-string parameters."},
		{"host not signed", alice, sigv4.Header, auth("SignedHeaders=host;", "SignedHeaders="), sigv4.IncompleteSignature,
			"'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{"date format", alice, sigv4.Header, func(r *http.Request) { r.Header.Set("X-Amz-Date", "2026-11-23") },
			sigv4.IncompleteSignature,
			"Date must be in ISO-8601 'basic format'. Got '2026-11-23'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{"expired", alice, sigv4.Header, func(r *http.Request) { r.Header.Set("X-Amz-Date", "20261123T145904Z") },
			sigv4.SignatureExpired,
			"Signature expired: 20261123T145904Z is now earlier than 20261123T145905Z (20261123T150405Z - 5 min.)"},
		{"not yet current", alice, sigv4.Header, func(r *http.Request) { r.Header.Set("X-Amz-Date", "20261123T150906Z") },
			sigv4.SignatureNotYetCurrent,
			"Signature not yet current: 20261123T150906Z is still later than 20261123T150905Z (20261123T150405Z + 5 min.)"},
		{"URL expired", alice, sigv4.Query, uri("20261123T150405Z", "20261123T140404Z"), sigv4.SignatureExpired,
			"Signature expired: 20261123T140404Z is now earlier than 20261123T140405Z (20261123T150405Z - 60 min.)"},
		{"URL of 90 seconds expired", alice, sigv4.Query, func(r *http.Request) {
			uri("20261123T150405Z", "20261123T150000Z")(r)
			uri("Expires=3600", "Expires=90")(r)
		}, sigv4.SignatureExpired, "Signature expired: 20261123T150000Z is now earlier than 20261123T150235Z " +
			"(20261123T150405Z - 90 sec.)"},
		{"four parts", alice, sigv4.Header, auth("/aws4_request", ""), sigv4.IncompleteSignature,
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got " +
				"'AKIAALICE0000000EXAM/20261123/eu-central-1/lambda'"},
		{"region", alice, sigv4.Header, auth("/eu-central-1/", "/us-east-1/"), sigv4.InvalidScope,
			"Credential should be scoped to a valid region. "},
		{"service", alice, sigv4.Header, auth("/lambda/", "/s3/"), sigv4.InvalidScope,
			"Credential should be scoped to correct service: 'lambda'. "},
		{"day", alice, sigv4.Header, auth("/20261123/", "/20261122/"), sigv4.InvalidScope,
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261122' != " +
				"'20261123', from '20261123T150405Z'."},
		{"all of the scope", alice, sigv4.Header, auth(scope, "a/b/c/d"), sigv4.InvalidScope,
			"Credential should be scoped to a valid region. Credential should be scoped to correct service: 'lambda'. " +
				"Credential should be scoped with a valid terminator: 'aws4_request'. Date in Credential scope does not match " +
				"YYYYMMDD from ISO-8601 version of date from HTTP: 'a' != '20261123', from '20261123T150405Z'."},
		{"expires", alice, sigv4.Query, uri("Expires=3600", "Expires=1e3"), sigv4.IncompleteSignature,
			"X-Amz-Expires should be a number"},
		{"expires above a week", alice, sigv4.Query, uri("Expires=3600", "Expires=604801"), sigv4.IncompleteSignature,
			"X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 " +
				"seconds"},

		// The first complaint wins.
		{"query before both forms", alice, sigv4.Query, func(r *http.Request) {
			r.Header.Set("Authorization",
				"x")
			r.RequestURI += "%"
		}, sigv4.MalformedRequest, "Incomplete trailing escape % sequence"},
		{"host before date", alice, sigv4.Header, func(r *http.Request) {
			r.Header.Set("X-Amz-Date", "x")
			auth("SignedHeaders=host;", "SignedHeaders=")(r)
		}, sigv4.IncompleteSignature, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{"date before credential", alice, sigv4.Header, func(r *http.Request) {
			r.Header.Set("X-Amz-Date", "20261123T145904Z")
			auth("/aws4_request", "")(r)
		}, sigv4.SignatureExpired, "Signature expired: 20261123T145904Z is now earlier than 20261123T145905Z " +
			"(20261123T150405Z - 5 min.)"},
		{"scope before key", dave, sigv4.Header, auth("/lambda/", "/s3/"), sigv4.InvalidScope,
			"Credential should be scoped to correct service: 'lambda'. "},
		{"key before signature", dave, sigv4.Header, func(r *http.Request) { r.Method = "PUT" }, sigv4.UnknownKey,
			"The security token included in the request is invalid."},
		{"key before contradictions", dave, sigv4.Header,
			func(r *http.Request) {
				r.Header.Set("X-Amz-Content-Sha256",
					"UNSIGNED-PAYLOAD")
			}, sigv4.UnknownKey, "The security token included in the request is invalid."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRequest(t, "POST", origin+"/a?b=c", "body")
			if tt.form == sigv4.Header {
				if _, err := newSigner().Sign(r, tt.who, sigv4.PayloadBytes([]byte("body"))); err != nil {
					t.Fatal(err)
				}
			} else {
				signed, err := newSigner().Presign(r, tt.who, time.Hour, sigv4.PayloadBytes([]byte("body")))
				if err != nil {
					t.Fatal(err)
				}
				r = newRequest(t, "POST", signed.URL, "body")
			}
			r.RequestURI = r.URL.RequestURI()
			if tt.edit != nil {
				tt.edit(r)
			}
			_, err := newVerifier().Verify(r)
			e := wantKind(t, err, tt.kind)
			if strings.Contains(e.Message, "X-Amz-Expires") && !strings.Contains(e.Detail, "at most 604800 seconds") {
				t.Errorf("detail %q does not say what X-Amz-Expires may be", e.Detail)
			}
			if e.Message != tt.msg {
				t.Errorf("message %q, want %q", e.Message, tt.msg)
			}
		})
	}
}
