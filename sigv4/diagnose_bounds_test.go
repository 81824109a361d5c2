package sigv4_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/sigv4"
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
		want sigv4.Fault
	}{
		{"token added after signing", faulty{credentials: bob}.presigned(false, true), sigv4.FaultTokenUnsigned},
		{"token signed twice", faulty{credentials: bob, signQuery: right(func(raw string) string { return raw + "&X-Amz-Security-Token=" + token })}.presigned(true, true), sigv4.FaultTokenTwice},
		{"token encoded twice", faulty{credentials: bob, signQuery: right(func(raw string) string {
			return strings.Replace(raw, token, rightEscape(token), 1)
		})}.presigned(true, true), sigv4.FaultTokenTwice},
		{"empty signature signed", faulty{signQuery: right(func(raw string) string { return raw + "&X-Amz-Signature=" })}.presigned(false, false), sigv4.FaultQuerySignature},
		{"parameter added later", faulty{target: "/?a=1", way: func(r *http.Request) { r.RequestURI = strings.Replace(r.RequestURI, "a=1", "a=1&b=2", 1) }}.presigned(false, false), sigv4.FaultQueryParameter},
		{"unsorted", faulty{target: "/?z=1", signQuery: query(joinPairs)}.presigned(false, false), sigv4.FaultQueryUnsorted},
		{"another host", faulty{signHeaders: nil, host: "127.0.0.1:9000", way: func(r *http.Request) { r.Host = "localhost:9000" }}.presigned(false, false), sigv4.FaultHostName},
		{"body sent with a URL for none", faulty{method: "POST", signPayload: payload(func(string) string { return "" }), body: "x"}.presigned(false, false), sigv4.FaultPayloadEmpty},
		{"unsigned payload", faulty{signPayload: func(string, string) string { return "UNSIGNED-PAYLOAD" }, body: "x"}.presigned(false, false), sigv4.FaultPayloadUnsigned},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := diagnose(t, tt.r, sigv4.InvalidSignature); d.Fault != tt.want || d.And != "" || !d.Proven {
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
		want, and sigv4.Fault
	}{
		{"secret and path", faulty{target: "/a%20b", signPath: once, secret: func(s string) string { return s + "\n" }}, sigv4.FaultSecretSpace, sigv4.FaultPathEncodedOnce},
		{"path and host", faulty{target: "/a%20b", signPath: once, signHeaders: setLine("host", "localhost:9000")}, sigv4.FaultPathEncodedOnce, sigv4.FaultHostName},
		{"prefix and host", faulty{target: "/book?page=5", signHeaders: setLine("host", "abc.lambda-url.eu-central-1.on.aws"),
			way: func(r *http.Request) { r.RequestURI = "/_furl/url/abc" + r.RequestURI }}, sigv4.FaultPathPrefix, sigv4.FaultHostName},
		{"payload and query", faulty{target: "/?b=1&a=2", body: "hello", signQuery: query(joinPairs), signPayload: payload(func(string) string { return "" })}, sigv4.FaultPayloadEmpty, sigv4.FaultQueryUnsorted},
		{"path as sent and query", faulty{target: "/a//b?b=1&a=2", signPath: func(p string) string { return p }, signQuery: query(joinPairs)}, sigv4.FaultPathNotNormal, sigv4.FaultQueryUnsorted},
		{"method and payload after a redirect", faulty{body: "hello", method: "POST", way: func(r *http.Request) { r.Method = "GET" }, signPayload: payload(func(s string) string { return s + "\n" })}, sigv4.FaultPayloadNewline, sigv4.FaultMethod},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := diagnose(t, tt.client.request(), sigv4.InvalidSignature)
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
	shift := func(d time.Duration, expires string) string {
		return raw{at: clock.Add(d), expires: expires}.presigned()
	}
	at := func(d time.Duration) string { return raw{at: clock.Add(d)}.header() }
	scope := func(date, region, service, term string) string {
		return raw{scope: date + "/" + region + "/" + service + "/" + term}.header()
	}
	for _, tt := range []struct {
		name   string
		text   string
		kind   sigv4.Kind
		want   sigv4.Fault
		and    sigv4.Fault
		proven bool
	}{
		{"local time behind", at(-time.Hour), sigv4.SignatureExpired, sigv4.FaultLocalTime, "", false},
		{"local time ahead", at(330 * time.Minute), sigv4.SignatureNotYetCurrent, sigv4.FaultLocalTime, "", false},
		{"clock behind", at(-7 * time.Minute), sigv4.SignatureExpired, sigv4.FaultClock, "", true},
		{"clock ahead", at(7 * time.Minute), sigv4.SignatureNotYetCurrent, sigv4.FaultClock, "", true},
		{"a quarter of an hour behind", at(-15*time.Minute - 20*time.Second), sigv4.SignatureExpired, sigv4.FaultClock, "", true},
		{"half an hour behind", at(-30 * time.Minute), sigv4.SignatureExpired, sigv4.FaultClock, "", true},
		{"no zone's quarter", at(-3*time.Hour - 15*time.Minute), sigv4.SignatureExpired, sigv4.FaultClock, "", true},
		{"a zone's quarter", at(12*time.Hour + 46*time.Minute), sigv4.SignatureNotYetCurrent, sigv4.FaultLocalTime, "", false},
		{"local time, body not read", raw{at: clock.Add(-time.Hour), method: "POST", body: "x"}.header(), sigv4.SignatureExpired, sigv4.FaultLocalTime, "", false},
		{"days behind", at(-48 * time.Hour), sigv4.SignatureExpired, sigv4.FaultClock, "", true},
		{"old URL", shift(-40*time.Minute, "60"), sigv4.SignatureExpired, sigv4.FaultURLExpired, "", true},
		{"URL of another zone", shift(-5*time.Hour-4*time.Minute, "300"), sigv4.SignatureExpired, sigv4.FaultURLExpired, "", false},
		{"old URL of a long life", shift(-5*time.Hour-30*time.Minute, "3600"), sigv4.SignatureExpired, sigv4.FaultURLExpired, "", true},
		{"URL of no life", shift(0, "0"), sigv4.SignatureExpired, sigv4.FaultURLExpired, "", true},
		{"URL from the future", shift(time.Hour, "60"), sigv4.SignatureNotYetCurrent, sigv4.FaultLocalTime, "", false},
		{"clock, body not read", raw{at: clock.Add(-7 * time.Minute), method: "POST", body: "x"}.header(), sigv4.SignatureExpired, sigv4.FaultClock, "", false},
		{"clock, and a wrong secret", raw{at: clock.Add(-7 * time.Minute), who: sigv4.Credentials{AccessKeyID: alice.AccessKeyID, Secret: dave.Secret}}.header(), sigv4.SignatureExpired, sigv4.FaultClock, "", false},

		{"region", scope("20261123", "us-east-1", "lambda", "aws4_request"), sigv4.InvalidScope, sigv4.FaultRegion, "", true},
		{"service", scope("20261123", region, "execute-api", "aws4_request"), sigv4.InvalidScope, sigv4.FaultService, "", true},
		{"day", scope("20261122", region, "lambda", "aws4_request"), sigv4.InvalidScope, sigv4.FaultDay, "", true},
		{"terminator", scope("20261123", region, "lambda", "aws4"), sigv4.InvalidScope, sigv4.FaultTerminator, "", false},
		{"region and service", scope("20261123", "us-east-1", "execute-api", "aws4_request"), sigv4.InvalidScope, sigv4.FaultRegion, sigv4.FaultService, true},

		{"token missing", raw{who: bob, noToken: true}.header(), sigv4.InvalidToken, sigv4.FaultTokenMissing, "", true},
		{"token unwanted", raw{lines: []string{"X-Amz-Security-Token: x"}}.header(), sigv4.InvalidToken, sigv4.FaultTokenUnwanted, "", true},
		{"token of another", raw{who: sigv4.Credentials{AccessKeyID: bob.AccessKeyID, Secret: bob.Secret, SessionToken: carol.SessionToken}}.header(), sigv4.InvalidToken, sigv4.FaultTokenForeign, "", true},
		{"token altered", raw{who: sigv4.Credentials{AccessKeyID: bob.AccessKeyID, Secret: bob.Secret, SessionToken: "x"}}.header(), sigv4.InvalidToken, sigv4.FaultTokenForeign, "", true},
		{"session over", raw{who: carol}.header(), sigv4.ExpiredToken, sigv4.FaultSessionExpired, "", true},

		{"unknown key", raw{who: dave}.header(), sigv4.UnknownKey, "", "", false},
		{"unsigned", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", sigv4.MissingAuthentication, "", "", false},
		{"four parts", scope("20261123", region, "lambda", "aws4_request/x"), sigv4.IncompleteSignature, "", "", false},
		{"too large", raw{method: "POST", lines: []string{"Content-Length: 99999999"}}.header(), sigv4.BodyTooLarge, "", "", false},
		{"both forms", strings.Replace(raw{}.presigned(), "\r\n\r\n", "\r\nAuthorization: x\r\n\r\n", 1), sigv4.InvalidSignature, sigv4.FaultContradiction, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := read(t, tt.text)
			_, err := newVerifier().Verify(r)
			e := wantKind(t, err, tt.kind)
			key, _ := lookup(t.Context(), e.AccessKeyID)
			d := sigv4.Diagnose(t.Context(), sigv4.Evidence{
				Request: r, Refusal: e, Key: key, Region: region, Service: service, Now: clock,
				Others: []sigv4.Key{{Credentials: alice}, {Credentials: carol}},
			})
			if d.Fault != tt.want || d.And != tt.and || d.Proven != tt.proven || d.Proven != (d.CanonicalRequest != "") {
				t.Errorf("got %+v, want %q and %q", d, tt.want, tt.and)
			}
			if d.Fault != "" && (d.Explanation == "" || d.Fix == "") {
				t.Errorf("not explained: %+v", d)
			}
			if (tt.want == sigv4.FaultLocalTime || tt.name == "URL of another zone") != strings.Contains(d.Explanation, "local time") ||
				d.Fault == sigv4.FaultLocalTime && !strings.Contains(d.Fix, "UTC") {
				t.Errorf("explained by %q, %q", d.Explanation, d.Fix)
			}
			if tt.name == "token of another" && !strings.Contains(d.Explanation, carol.AccessKeyID) {
				t.Errorf("%q does not name the key the token belongs to", d.Explanation)
			}
		})
	}
}

// TestDiagnoseBounds: hypotheses, time, context, and whom not to diagnose.
func TestDiagnoseBounds(t *testing.T) {
	// Everything that makes hypotheses, and a fault none of them explains.
	h := http.Header{"Content-Type": {"text/plain"}, "Accept": {"a", "b"}, "Accept-Encoding": {"br"}, "Cache-Control": {"x"}, "Pragma": {"x"}}
	for _, name := range []string{"X-A", "X-B", "X-C", "X-D", "X-E"} {
		h.Set(name, "a  b")
	}
	r := faulty{
		method: "POST", target: "/a%20b//%c3%a9/../c%2Fd/e?b=1&a=2&a=1&c=%20+(~*:'&d", body: "{\"a\": [1, 2]}\r\n", header: h,
		unsigned: h, host: "Example.org:9000", credentials: bob, secret: func(string) string { return "another" },
	}.request()
	_, err := newVerifier().Verify(r)
	e := wantKind(t, err, sigv4.InvalidSignature)
	ev := sigv4.Evidence{Request: r, Refusal: e, Key: sigv4.Key{Credentials: bob}, Region: region, Service: service, MaxTime: time.Minute}
	for range 20 {
		ev.Others = append(ev.Others, sigv4.Key{Credentials: sigv4.Credentials{AccessKeyID: "x", Secret: sigv4.NewSecret(strings.Repeat("x", len(ev.Others)+1))}})
		ev.Hosts = append(ev.Hosts, strings.Repeat("x", len(ev.Hosts)+1)+".example:1")
	}
	d := sigv4.Diagnose(t.Context(), ev)
	if d.Fault != sigv4.FaultUnknown || d.Tested != sigv4.MaxHypotheses || !d.Exhausted || !strings.Contains(d.Explanation, "none of the usual faults explains it") {
		t.Errorf("got %+v, want %d hypotheses tested and none right", d, sigv4.MaxHypotheses)
	}

	// What remains unexplained goes through all single faults of a usual request.
	plain := faulty{secret: func(string) string { return "another" }}.request()
	_, err = newVerifier().Verify(plain)
	ev2 := sigv4.Evidence{Request: plain, Refusal: wantKind(t, err, sigv4.InvalidSignature), Key: sigv4.Key{Credentials: alice}, Region: region, Service: service, MaxTime: time.Minute}
	if d := sigv4.Diagnose(t.Context(), ev2); d.Exhausted || d.Tested < 100 {
		t.Errorf("got %+v, want all hypotheses of a usual request tested", d)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if d := sigv4.Diagnose(ctx, ev); d.Tested != 0 || !d.Exhausted {
		t.Errorf("got %+v, want nothing tested after the context was done", d)
	}
	short := ev
	short.MaxTime = time.Nanosecond
	if d := sigv4.Diagnose(t.Context(), short); d.Tested > 1 || !d.Exhausted || !strings.Contains(d.Explanation, "time ran out") {
		t.Errorf("got %+v, want time to be out", d)
	}

	none := sigv4.Diagnosis{}
	for name, change := range map[string]func(*sigv4.Evidence){
		"no refusal":  func(ev *sigv4.Evidence) { ev.Refusal = nil },
		"no request":  func(ev *sigv4.Evidence) { ev.Request = nil },
		"unknown key": func(ev *sigv4.Evidence) { ev.Refusal = &sigv4.Error{Kind: sigv4.UnknownKey, AccessKeyID: "x"} },
		"no secret":   func(ev *sigv4.Evidence) { ev.Key = sigv4.Key{} },
		"bad target": func(ev *sigv4.Evidence) {
			ev.Request = read(t, "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n")
			ev.Request.RequestURI = "/%"
		},
		"not signed":     func(ev *sigv4.Evidence) { ev.Request = read(t, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") },
		"no host signed": func(ev *sigv4.Evidence) { ev.Request = read(t, raw{}.header(replace("=host;", "="))) },
		"no date": func(ev *sigv4.Evidence) {
			ev.Request = read(t, strings.Replace(raw{}.header(), "Date: 2026", "Date: x", 1))
		},
		"no credential":   func(ev *sigv4.Evidence) { ev.Request = read(t, raw{}.header(replace("/aws4_request", ""))) },
		"no key was read": func(ev *sigv4.Evidence) { ev.Refusal = &sigv4.Error{Kind: sigv4.MissingAuthentication} },
	} {
		ev := ev
		change(&ev)
		if diff := cmp.Diff(none, sigv4.Diagnose(t.Context(), ev)); diff != "" {
			t.Errorf("%s: diagnosed (-want +got):\n%s", name, diff)
		}
	}
}

// TestDiagnoseLongBody: bodies too long to be varied still get every other hypothesis.
func TestDiagnoseLongBody(t *testing.T) {
	body := strings.Repeat("x", 100_000) + "\n"
	if d := diagnose(t, faulty{body: body, signPayload: payload(strings.TrimSpace)}.request(), sigv4.InvalidSignature); d.Fault != sigv4.FaultUnknown ||
		!d.Exhausted || !strings.Contains(d.Explanation, "the body of the request, being too large") {
		t.Errorf("got %+v", d)
	}
	if d := diagnose(t, faulty{body: body, signPayload: payload(func(string) string { return "" })}.request(), sigv4.InvalidSignature); d.Fault != sigv4.FaultPayloadEmpty {
		t.Errorf("got %+v", d)
	}
}

// TestDiagnoseCorners: requests that make hypotheses fall away.
func TestDiagnoseCorners(t *testing.T) {
	// Headers already as they are usually signed.
	r := faulty{header: header("Accept", "*/*", "Content-Type", "text/plain"), secret: func(string) string { return "another" }}.request()
	if d := diagnose(t, r, sigv4.InvalidSignature); d.Fault != sigv4.FaultUnknown {
		t.Errorf("got %+v", d)
	}
	// A target without path.
	r = faulty{target: "http://127.0.0.1:9000?b=1&a=2", signPath: func(string) string { return "/" }, signQuery: query(joinPairs)}.request()
	if d := diagnose(t, r, sigv4.InvalidSignature); d.Fault != sigv4.FaultQueryUnsorted || !d.Proven {
		t.Errorf("got %+v", d)
	}
	// A secret that can not be percent-decoded.
	key := sigv4.Key{Credentials: sigv4.Credentials{AccessKeyID: alice.AccessKeyID, Secret: sigv4.NewSecret("100%")}}
	v := newVerifier()
	v.Lookup = func(context.Context, string) (sigv4.Key, error) { return key, nil }
	r = faulty{credentials: key.Credentials, secret: func(string) string { return "100%25" }}.request()
	_, err := v.Verify(r)
	d := sigv4.Diagnose(t.Context(), sigv4.Evidence{Request: r, Refusal: wantKind(t, err, sigv4.InvalidSignature), Key: key, Region: region, Service: service, MaxTime: time.Minute})
	if d.Fault != sigv4.FaultSecretEncoded || !d.Proven {
		t.Errorf("got %+v", d)
	}
}
