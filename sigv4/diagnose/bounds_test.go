package diagnose_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// TestDiagnosePresigned: the faults only the query form can have.
func TestDiagnosePresigned(t *testing.T) {
	token := rightEscape(bob.SessionToken)
	right := func(edit func(string) string) func(string) string {
		return func(raw string) string { return rightQuery(edit(raw)) }
	}
	for _, tt := range []struct {
		name string
		r    *http.Request
		want diagnose.Fault
	}{
		{"token added after signing", faulty{credentials: bob}.presigned(false, true), diagnose.TokenUnsigned},
		{"token signed twice", faulty{credentials: bob, signQuery: right(func(raw string) string {
			return raw +
				"&X-Amz-Security-Token=" + token
		})}.presigned(true, true), diagnose.TokenTwice},
		{"token encoded twice", faulty{credentials: bob, signQuery: right(func(raw string) string {
			return strings.Replace(raw, token, rightEscape(token), 1)
		})}.presigned(true, true), diagnose.TokenTwice},
		{"empty signature signed", faulty{signQuery: right(func(raw string) string {
			return raw +
				"&X-Amz-Signature="
		})}.presigned(false, false), diagnose.QuerySignature},
		{"parameter added later", faulty{target: "/?a=1",
			way: func(r *http.Request) {
				r.RequestURI = strings.Replace(r.RequestURI, "a=1", "a=1&b=2",
					1)
			}}.presigned(false, false), diagnose.QueryParameter},
		{"unsorted", faulty{target: "/?z=1", signQuery: query(joinPairs)}.presigned(false, false), diagnose.QueryUnsorted},
		{"another host", faulty{signHeaders: nil, host: "127.0.0.1:9000",
			way: func(r *http.Request) { r.Host = "localhost:9000" }}.presigned(false, false), diagnose.HostName},
		{"body sent with a URL for none", faulty{method: "POST", signPayload: payload(func(string) string { return "" }),
			body: "x"}.presigned(false, false), diagnose.PayloadEmpty},
		{"unsigned payload", faulty{signPayload: func(string, string) string { return "UNSIGNED-PAYLOAD" },
			body: "x"}.presigned(false, false), diagnose.PayloadUnsigned},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := diagnosed(t, tt.r, sigv4.InvalidSignature); d.Fault != tt.want || d.And != "" || !d.Proven {
				t.Errorf("got %+v, want %s", d, tt.want)
			}
		})
	}
}

// TestDiagnosePairs: two of the common faults at once.
func TestDiagnosePairs(t *testing.T) {
	once := func(string) string { return "/a%20b" }
	for _, tt := range []struct {
		name      string
		client    faulty
		want, and diagnose.Fault
	}{
		{"secret and path", faulty{target: "/a%20b", signPath: once, secret: func(s string) string { return s + "\n" }},
			diagnose.SecretSpace, diagnose.PathEncodedOnce},
		{"path and host", faulty{target: "/a%20b", signPath: once, signHeaders: setLine("host", "localhost:9000")},
			diagnose.PathEncodedOnce, diagnose.HostName},
		{"prefix and host", faulty{target: "/book?page=5", signHeaders: setLine("host", "abc.lambda-url.eu-central-1.on.aws"),
			way: func(r *http.Request) {
				r.RequestURI = "/_furl/url/abc" +
					r.RequestURI
			}}, diagnose.PathPrefix, diagnose.HostName},
		{"payload and query", faulty{target: "/?b=1&a=2", body: "hello", signQuery: query(joinPairs),
			signPayload: payload(func(string) string { return "" })}, diagnose.PayloadEmpty, diagnose.QueryUnsorted},
		{"path as sent and query", faulty{target: "/a//b?b=1&a=2", signPath: func(p string) string { return p },
			signQuery: query(joinPairs)}, diagnose.PathNotNormal, diagnose.QueryUnsorted},
		{"method and payload after a redirect", faulty{body: "hello", method: "POST",
			way: func(r *http.Request) { r.Method = "GET" }, signPayload: payload(func(s string) string {
				return s +
					"\n"
			})}, diagnose.PayloadNewline, diagnose.Method},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := diagnosed(t, tt.client.request(), sigv4.InvalidSignature)
			if d.Fault != tt.want || d.And != tt.and || !d.Proven {
				t.Errorf("got %+v, want %s and %s", d, tt.want, tt.and)
			}
			if !strings.Contains(d.Explanation, "Also: ") || !strings.Contains(d.Fix, "Also: ") {
				t.Errorf("only one of two faults is explained: %+v", d)
			}
		})
	}
}

// TestDiagnoseOtherRefusals: what is said of a request that was refused for another reason than its signature.
func TestDiagnoseOtherRefusals(t *testing.T) {
	shift := func(d time.Duration, expires string) *http.Request {
		return faulty{at: clock.Add(d), expires: expires}.presigned(false, false)
	}
	at := func(d time.Duration) *http.Request { return faulty{at: clock.Add(d)}.request() }
	scope := func(scope string) *http.Request {
		as := func(string) string { return scope }
		return faulty{credScope: as, signScope: as, keyScope: as}.request()
	}
	token := func(token string) *http.Request {
		return faulty{credentials: sigv4.Credentials{AccessKeyID: bob.AccessKeyID, Secret: bob.Secret,
			SessionToken: token}}.request()
	}
	for _, tt := range []struct {
		name   string
		r      *http.Request
		kind   sigv4.Kind
		want   diagnose.Fault
		and    diagnose.Fault
		proven bool
	}{
		{"local time behind", at(-time.Hour), sigv4.SignatureExpired, diagnose.LocalTime, "", false},
		{"local time ahead", at(330 * time.Minute), sigv4.SignatureNotYetCurrent, diagnose.LocalTime, "", false},
		{"clock behind", at(-7 * time.Minute), sigv4.SignatureExpired, diagnose.Clock, "", true},
		{"clock ahead", at(7 * time.Minute), sigv4.SignatureNotYetCurrent, diagnose.Clock, "", true},
		{"a quarter of an hour behind", at(-15*time.Minute - 20*time.Second), sigv4.SignatureExpired, diagnose.Clock, "",
			true},
		{"half an hour behind", at(-30 * time.Minute), sigv4.SignatureExpired, diagnose.Clock, "", true},
		{"no zone's quarter", at(-3*time.Hour - 15*time.Minute), sigv4.SignatureExpired, diagnose.Clock, "", true},
		{"a zone's quarter", at(12*time.Hour + 46*time.Minute), sigv4.SignatureNotYetCurrent, diagnose.LocalTime, "", false},
		{"local time, body not read", faulty{at: clock.Add(-time.Hour), body: "x"}.request(), sigv4.SignatureExpired,
			diagnose.LocalTime, "", false},
		{"days behind", at(-48 * time.Hour), sigv4.SignatureExpired, diagnose.Clock, "", true},
		{"old URL", shift(-40*time.Minute, "60"), sigv4.SignatureExpired, diagnose.URLExpired, "", true},
		{"URL of another zone", shift(-5*time.Hour-4*time.Minute, "300"), sigv4.SignatureExpired, diagnose.URLExpired, "",
			false},
		{"old URL of a long life", shift(-5*time.Hour-30*time.Minute, "3600"), sigv4.SignatureExpired, diagnose.URLExpired,
			"", true},
		{"URL of no life", shift(0, "0"), sigv4.SignatureExpired, diagnose.URLExpired, "", true},
		{"URL from the future", shift(time.Hour, "60"), sigv4.SignatureNotYetCurrent, diagnose.LocalTime, "", false},
		{"clock, body not read", faulty{at: clock.Add(-7 * time.Minute), body: "x"}.request(), sigv4.SignatureExpired,
			diagnose.Clock, "", false},
		{"clock, and a wrong secret", faulty{at: clock.Add(-7 * time.Minute),
			secret: func(string) string { return dave.Secret.Reveal() }}.request(), sigv4.SignatureExpired, diagnose.Clock, "",
			false},

		{"region", scope("20261123/us-east-1/lambda/aws4_request"), sigv4.InvalidScope, diagnose.Region, "", true},
		{"service", scope("20261123/" + region + "/execute-api/aws4_request"), sigv4.InvalidScope, diagnose.Service, "",
			true},
		{"day", scope("20261122/" + region + "/lambda/aws4_request"), sigv4.InvalidScope, diagnose.Day, "", true},
		{"terminator", scope("20261123/" + region + "/lambda/aws4"), sigv4.InvalidScope, diagnose.Terminator, "", false},
		{"region and service", scope("20261123/us-east-1/execute-api/aws4_request"), sigv4.InvalidScope, diagnose.Region,
			diagnose.Service, true},

		{"token missing", token(""), sigv4.InvalidToken, diagnose.TokenMissing, "", true},
		{"token unwanted", faulty{unsigned: header("X-Amz-Security-Token", "x")}.request(), sigv4.InvalidToken,
			diagnose.TokenUnwanted, "", true},
		{"token of another", token(carol.SessionToken), sigv4.InvalidToken, diagnose.TokenForeign, "", true},
		{"token altered", token("x"), sigv4.InvalidToken, diagnose.TokenForeign, "", true},
		{"session over", faulty{credentials: carol}.request(), sigv4.ExpiredToken, diagnose.SessionExpired, "", true},

		{"unknown key", faulty{credentials: dave}.request(), sigv4.UnknownKey, "", "", false},
		{"unsigned", httptest.NewRequest("GET", "/", nil), sigv4.MissingAuthentication, "", "", false},
		{"four parts", scope("20261123/" + region + "/lambda/aws4_request/x"), sigv4.IncompleteSignature, "", "", false},
		{"too large", faulty{way: func(r *http.Request) { r.ContentLength = 99999999 }}.request(), sigv4.BodyTooLarge, "", "",
			false},
		{"both forms", faulty{way: func(r *http.Request) { r.Header.Set("Authorization", "x") }}.presigned(false, false),
			sigv4.InvalidSignature, diagnose.Contradiction, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newVerifier().Verify(tt.r)
			e := wantKind(t, err, tt.kind)
			key, _ := lookup(t.Context(), e.AccessKeyID)
			d := diagnose.Diagnose(t.Context(), diagnose.Evidence{
				Request: tt.r, Refusal: e, Key: key, Region: region, Service: service, Now: clock,
				Others: []sigv4.Key{{Credentials: alice}, {Credentials: carol}},
			})
			if d.Fault != tt.want || d.And != tt.and || d.Proven != tt.proven || d.Proven != (d.CanonicalRequest != "") {
				t.Errorf("got %+v, want %q and %q", d, tt.want, tt.and)
			}
			if d.Fault != "" && (d.Explanation == "" || d.Fix == "") {
				t.Errorf("not explained: %+v", d)
			}
			if (tt.want == diagnose.LocalTime || tt.name == "URL of another zone") != strings.Contains(d.Explanation,
				"local time") ||
				d.Fault == diagnose.LocalTime && !strings.Contains(d.Fix, "UTC") {
				t.Errorf("explained by %q, %q", d.Explanation, d.Fix)
			}
			if tt.name == "token of another" && !strings.Contains(d.Explanation, carol.AccessKeyID) {
				t.Errorf("%q does not name the key the token belongs to", d.Explanation)
			}
		})
	}
}

// TestDiagnoseBounds: hypotheses, time, context, and what is not diagnosed.
func TestDiagnoseBounds(t *testing.T) {
	// Everything that makes hypotheses, and a fault none of them explains.
	h := http.Header{"Content-Type": {"text/plain"}, "Accept": {"a", "b"}, "Accept-Encoding": {"br"},
		"Cache-Control": {"x"}, "Pragma": {"x"}}
	for _, name := range []string{"X-A", "X-B", "X-C", "X-D", "X-E"} {
		h.Set(name, "a  b")
	}
	r := faulty{
		method: "POST", target: "/a%20b//%c3%a9/../c%2Fd/e?b=1&a=2&a=1&c=%20+(~*:'&d", body: "{\"a\": [1, 2]}\r\n", header: h,
		unsigned: h, host: "Example.org:9000", credentials: bob, secret: func(string) string { return "another" },
	}.request()
	_, err := newVerifier().Verify(r)
	e := wantKind(t, err, sigv4.InvalidSignature)
	ev := diagnose.Evidence{Request: r, Refusal: e, Key: sigv4.Key{Credentials: bob}, Region: region, Service: service}
	for range 20 {
		ev.Others = append(ev.Others, sigv4.Key{Credentials: sigv4.Credentials{AccessKeyID: "x",
			Secret: sigv4.NewSecret(strings.Repeat("x", len(ev.Others)+1))}})
		ev.Hosts = append(ev.Hosts, strings.Repeat("x", len(ev.Hosts)+1)+".example:1")
	}
	d := diagnose.Diagnose(t.Context(), ev)
	if d.Fault != diagnose.Unknown || d.Tested < 2000 || d.Exhausted ||
		!strings.Contains(d.Explanation, "none of the usual faults explains it") {
		t.Errorf("got %+v, want all hypotheses tested and none right", d)
	}

	// What remains unexplained goes through all single faults of a usual request.
	plain := faulty{secret: func(string) string { return "another" }}.request()
	_, err = newVerifier().Verify(plain)
	ev2 := diagnose.Evidence{Request: plain, Refusal: wantKind(t, err, sigv4.InvalidSignature),
		Key: sigv4.Key{Credentials: alice}, Region: region, Service: service}
	if d := diagnose.Diagnose(t.Context(), ev2); d.Exhausted || d.Tested < 100 {
		t.Errorf("got %+v, want all hypotheses of a usual request tested", d)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if d := diagnose.Diagnose(ctx, ev); d.Tested != 0 || !d.Exhausted {
		t.Errorf("got %+v, want nothing tested after the context was done", d)
	}
	none := diagnose.Diagnosis{}
	for name, change := range map[string]func(*diagnose.Evidence){
		"no refusal":  func(ev *diagnose.Evidence) { ev.Refusal = nil },
		"no request":  func(ev *diagnose.Evidence) { ev.Request = nil },
		"unknown key": func(ev *diagnose.Evidence) { ev.Refusal = &sigv4.Error{Kind: sigv4.UnknownKey, AccessKeyID: "x"} },
		"no secret":   func(ev *diagnose.Evidence) { ev.Key = sigv4.Key{} },
		"bad target": func(ev *diagnose.Evidence) {
			ev.Request = httptest.NewRequest("GET", "/", nil)
			ev.Request.RequestURI = "/%"
		},
		"not signed":     func(ev *diagnose.Evidence) { ev.Request = httptest.NewRequest("GET", "/", nil) },
		"no host signed": func(ev *diagnose.Evidence) { ev.Request = faulty{listNames: replace("host;", "")}.request() },
		"no date": func(ev *diagnose.Evidence) {
			ev.Request = plain.Clone(t.Context())
			ev.Request.Header.Set("X-Amz-Date", "x")
		},
		"no credential": func(ev *diagnose.Evidence) {
			ev.Request = faulty{credScope: replace("/aws4_request",
				"")}.request()
		},
		"no key was read": func(ev *diagnose.Evidence) { ev.Refusal = &sigv4.Error{Kind: sigv4.MissingAuthentication} },
	} {
		ev := ev
		change(&ev)
		if diff := cmp.Diff(none, diagnose.Diagnose(t.Context(), ev)); diff != "" {
			t.Errorf("%s: diagnosed (-want +got):\n%s", name, diff)
		}
	}
}

// TestDiagnoseLongBody: a large body is read in as many ways as there is room for, and what was left out is said.
func TestDiagnoseLongBody(t *testing.T) {
	long := strings.Repeat("x", 5<<20)
	for _, tt := range []struct {
		name, body string
		sign       func(string) string
		want       diagnose.Fault
	}{
		{"newline of 5 MiB", long + "\n", strings.TrimSpace, diagnose.PayloadNewline},
		{"newline of 1 MiB", long[:1<<20], func(s string) string { return s + "\n" }, diagnose.PayloadNewline},
		{"nothing of 5 MiB", long, func(string) string { return "" }, diagnose.PayloadEmpty},
		{"JSON of 1 MiB", `{"a": "` + long[:1<<20] + `", "b": 1}`,
			func(s string) string { return strings.ReplaceAll(s, " ", "") }, diagnose.PayloadJSON},
		{"gzip of 1 MiB", gzipped(long[:1<<20]), func(string) string { return long[:1<<20] }, diagnose.PayloadCompressed},
		{"gzip of 5 MiB", gzipped(long), func(string) string { return long }, diagnose.PayloadCompressed},
		{"a bomb", gzipped(strings.Repeat("\x00", 64<<20)), func(string) string { return "another" }, diagnose.Unknown},
		{"anything of 5 MiB", long, func(string) string { return "another" }, diagnose.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := diagnosed(t, faulty{body: tt.body, signPayload: payload(tt.sign)}.request(), sigv4.InvalidSignature)
			if d.Fault != tt.want || d.Proven == (tt.want == diagnose.Unknown) || d.Hashed > diagnose.MaxHashed {
				t.Errorf("got %+.300v, want %s", d, tt.want)
			}
			if !d.Proven && (!d.Exhausted || !strings.Contains(d.Explanation, "the body of the request, being too large")) {
				t.Errorf("got %+v", d)
			}
		})
	}
}

// TestDiagnoseCorners: requests that make hypotheses fall away.
func TestDiagnoseCorners(t *testing.T) {
	// Headers already as they are usually signed.
	r := faulty{header: header("Accept", "*/*", "Content-Type", "text/plain"),
		secret: func(string) string { return "another" }}.request()
	if d := diagnosed(t, r, sigv4.InvalidSignature); d.Fault != diagnose.Unknown {
		t.Errorf("got %+v", d)
	}
	// A target without path.
	r = faulty{target: "http://127.0.0.1:9000?b=1&a=2", signPath: func(string) string { return "/" },
		signQuery: query(joinPairs)}.request()
	if d := diagnosed(t, r, sigv4.InvalidSignature); d.Fault != diagnose.QueryUnsorted || !d.Proven {
		t.Errorf("got %+v", d)
	}
	// A secret that cannot be percent-decoded.
	key := sigv4.Key{Credentials: sigv4.Credentials{AccessKeyID: alice.AccessKeyID, Secret: sigv4.NewSecret("100%")}}
	v := newVerifier()
	v.Lookup = func(context.Context, string) (sigv4.Key, error) { return key, nil }
	r = faulty{credentials: key.Credentials, secret: func(string) string { return "100%25" }}.request()
	_, err := v.Verify(r)
	d := diagnose.Diagnose(t.Context(), diagnose.Evidence{Request: r, Refusal: wantKind(t, err, sigv4.InvalidSignature),
		Key: key, Region: region, Service: service})
	if d.Fault != diagnose.SecretEncoded || !d.Proven {
		t.Errorf("got %+v", d)
	}
}
