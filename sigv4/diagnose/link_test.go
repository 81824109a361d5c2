package diagnose_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// edited returns damage to a link.
func edited(edit func(string) string) func(*arrival) {
	return func(a *arrival) { a.target = edit(a.target) }
}

// last puts that parameter at the end of a link, where most damage is done.
func last(target, name string) string {
	path, query, _ := strings.Cut(target, "?")
	var kept, moved []string
	for _, pair := range strings.Split(query, "&") {
		if strings.HasPrefix(pair, name+"=") {
			moved = append(moved, pair)
		} else {
			kept = append(kept, pair)
		}
	}
	return path + "?" + strings.Join(append(kept, moved...), "&")
}

func replaceAll(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

// TestDamagedLinks: what happens to presigned links in mails, chats, JSON and on command lines.
func TestDamagedLinks(t *testing.T) {
	const incomplete, unsigned, malformed = sigv4.IncompleteSignature, sigv4.MissingAuthentication, sigv4.MalformedRequest
	clients := []client{
		// cut off
		{name: "one digit missing", damage: edited(func(s string) string { return s[:len(s)-1] }), want: diagnose.LinkCut,
			says: "only 63 of the 64"},
		{name: "half the signature", damage: edited(func(s string) string { return s[:len(s)-32] }), want: diagnose.LinkCut},
		{name: "three digits left", damage: edited(func(s string) string { return s[:len(s)-61] }), want: diagnose.LinkCut,
			unproven: true},
		{name: "no signature", damage: edited(func(s string) string { return s[:strings.LastIndex(s, "&")] }),
			kind: incomplete, want: diagnose.LinkCut, unproven: true, says: "X-Amz-Signature"},
		{name: "at the first &", damage: edited(func(s string) string {
			before, _, _ := strings.Cut(s, "&X-Amz-Credential")
			return before
		}), kind: incomplete, want: diagnose.LinkCut, unproven: true, says: "X-Amz-Credential, X-Amz-Date"},
		{name: "in an escape", damage: edited(func(s string) string { return s[:strings.Index(s, "%2F")+2] }), kind: malformed,
			want: diagnose.LinkCut, unproven: true},

		{name: "cut in SignedHeaders", kind: incomplete,
			damage: edited(func(s string) string { return strings.TrimSuffix(last(s, "X-Amz-SignedHeaders"), "st") }),
			want:   diagnose.LinkCut, says: "last parameter"},
		{name: "cut in Expires", damage: edited(func(s string) string {
			return strings.TrimSuffix(last(s, "X-Amz-Expires"), "0")
		}), want: diagnose.LinkCut},
		{name: "cut in Algorithm", kind: incomplete,
			damage: edited(func(s string) string { return strings.TrimSuffix(last(s, "X-Amz-Algorithm"), "A256") }),
			want:   diagnose.LinkCut},
		{name: "cut in the terminator", kind: sigv4.InvalidScope,
			damage: edited(func(s string) string { return strings.TrimSuffix(last(s, "X-Amz-Credential"), "quest") }),
			want:   diagnose.LinkCut},
		{name: "cut in the service", kind: incomplete,
			damage: edited(func(s string) string { return strings.TrimSuffix(last(s, "X-Amz-Credential"), "bda%2Faws4_request") }),
			want:   diagnose.LinkCut},

		// followed by something
		{name: "period", damage: edited(func(s string) string { return s + "." }), want: diagnose.LinkPunctuation, says: `"."`},
		{name: "bracket and comma", damage: edited(func(s string) string { return s + ")," }), want: diagnose.LinkPunctuation},
		{name: "quote", damage: edited(func(s string) string { return s + "%22" }), want: diagnose.LinkPunctuation},
		{name: "angle bracket", damage: edited(func(s string) string { return s + "%3E" }), want: diagnose.LinkPunctuation},
		{name: "ellipsis", damage: edited(func(s string) string { return s + "%E2%80%A6" }), want: diagnose.LinkPunctuation},
		{name: "slash after SignedHeaders", kind: incomplete,
			damage: edited(func(s string) string { return last(s, "X-Amz-SignedHeaders") + "/" }), want: diagnose.LinkPunctuation},
		{name: "a word", damage: edited(func(s string) string { return s + "%20Regards" }), want: diagnose.LinkPunctuation},
		{name: "period after SignedHeaders", kind: incomplete,
			damage: edited(func(s string) string { return last(s, "X-Amz-SignedHeaders") + "." }), want: diagnose.LinkPunctuation},
		{name: "bracket after Expires", kind: incomplete,
			damage: edited(func(s string) string { return last(s, "X-Amz-Expires") + ")" }), want: diagnose.LinkPunctuation},
		{name: "quote after Date", kind: incomplete,
			damage: edited(func(s string) string { return last(s, "X-Amz-Date") + "'" }), want: diagnose.LinkPunctuation},
		{name: "comma after Credential", kind: sigv4.InvalidScope,
			damage: edited(func(s string) string { return last(s, "X-Amz-Credential") + "," }), want: diagnose.LinkPunctuation},
		{name: "mark after Algorithm", kind: incomplete,
			damage: edited(func(s string) string { return last(s, "X-Amz-Algorithm") + "!" }), want: diagnose.LinkPunctuation},
		{name: "bracket after the token", kind: sigv4.InvalidToken, credentials: bob,
			damage: edited(func(s string) string { return last(s, "X-Amz-Security-Token") + ")." }),
			want:   diagnose.LinkPunctuation},
		{name: "period after another parameter", damage: edited(func(s string) string { return last(s, "y") + "." }),
			want: diagnose.LinkPunctuation},

		// escaped
		{name: "HTML", damage: edited(replaceAll("&", "&amp;")), kind: unsigned, want: diagnose.LinkHTML},
		{name: "HTML twice", damage: edited(replaceAll("&", "&amp;amp;")), kind: unsigned, want: diagnose.LinkHTML},
		{name: "HTML of a link to the root", target: "/", damage: edited(replaceAll("&", "&amp;")), kind: incomplete,
			want: diagnose.LinkHTML},
		{name: "HTML, one only", damage: edited(replace("&y=", "&amp;y=")), want: diagnose.LinkHTML},
		{name: "HTML, with a number", damage: edited(replaceAll("&", "&%2338;")), kind: unsigned, want: diagnose.LinkHTML},
		{name: "HTML, encoded", damage: edited(replaceAll("&", "&amp%3B")), kind: unsigned, want: diagnose.LinkHTML},
		{name: "HTML and a period", damage: edited(func(s string) string { return replaceAll("&", "&amp;")(s) + "." }),
			kind: unsigned, want: diagnose.LinkHTML, and: diagnose.LinkPunctuation},
		{name: "JSON", damage: edited(replaceAll("&", `\u0026`)), kind: unsigned, want: diagnose.LinkJSON},
		{name: "JSON of a link to the root", target: "/", damage: edited(replaceAll("&", `\u0026`)), kind: incomplete,
			want: diagnose.LinkJSON},
		{name: "JSON in a browser", damage: edited(replaceAll("&", "%5Cu0026")), kind: unsigned, want: diagnose.LinkJSON},
		{name: "JSON, more escapes", damage: edited(replaceAll("&", `\u0026`, "=", `\u003d`)), kind: unsigned,
			want: diagnose.LinkJSON},
		{name: "JSON without backslashes", damage: edited(replaceAll("&", "u0026")), kind: unsigned, want: diagnose.LinkJSON},
		{name: "JSON with quote", damage: edited(func(s string) string { return replaceAll("&", `\u0026`)(s) + `"` }),
			kind: unsigned, want: diagnose.LinkJSON, and: diagnose.LinkPunctuation},
		{name: "JSON of PHP", damage: edited(replace("/a/b", `/a\/b`)), want: diagnose.LinkJSON},
		{name: "JSON, cut in an escape", damage: edited(func(s string) string { return s + `\u00` }),
			want: diagnose.LinkPunctuation},
		{name: "JSON, no escape", damage: edited(func(s string) string { return s + `\u00zz` }), want: diagnose.LinkPunctuation},
		{name: "no escape in front", damage: edited(replace("?", `?\u00zz=1&`)), want: diagnose.QueryParameter},
		{name: "cut escape in front", damage: edited(replace("?", `?a=\u00&`)), want: diagnose.QueryParameter},
		{name: "cut escape at the end", damage: edited(func(s string) string { return s + `&a=\u00` }),
			want: diagnose.QueryParameter},
		{name: "JSON in JSON", damage: edited(replaceAll("&", `\\u0026`)), kind: unsigned, want: diagnose.LinkJSON},
		{name: "shell", damage: edited(replaceAll("&", `\&`, "=", `\=`, "?", `\?`)), kind: unsigned, want: diagnose.LinkShell},
		{name: "cmd", damage: edited(replaceAll("&", `^&`)), kind: incomplete, want: diagnose.LinkShell},
		{name: "encoded three times", damage: edited(replaceAll("%", "%2525")), kind: incomplete, want: diagnose.LinkEncoded},
		{name: "values encoded twice", damage: edited(replaceAll("%", "%25")), kind: incomplete, want: diagnose.LinkEncoded},
		{name: "all encoded twice", damage: edited(func(s string) string {
			path, query, _ := strings.Cut(s, "?")
			return path + "?" + url.QueryEscape(query)
		}), kind: unsigned, want: diagnose.LinkEncoded},
		{name: "encoded with its mark", damage: edited(func(s string) string {
			path, query, _ := strings.Cut(s, "?")
			return path + url.QueryEscape("?"+query)
		}), kind: unsigned, want: diagnose.LinkEncoded},
		{name: "mark encoded", damage: edited(replace("?", "%3F")), kind: unsigned, want: diagnose.LinkEncoded},
		{name: "encoded twice, with a token", credentials: bob, damage: edited(replaceAll("%", "%25")), kind: incomplete,
			want: diagnose.LinkEncoded},
		{name: "encoded twice and a bracket", damage: edited(func(s string) string { return replaceAll("%", "%25")(s) + ")" }),
			kind: incomplete, want: diagnose.LinkEncoded, and: diagnose.LinkPunctuation},

		// broken into lines
		{name: "line end", damage: edited(replace("&X-Amz-Expires", "%0A&X-Amz-Expires")), kind: incomplete,
			want: diagnose.LinkWrapped},
		{name: "line end in the signature", damage: edited(func(s string) string { return s[:len(s)-9] + "%0D%0A" + s[len(s)-9:] }),
			want: diagnose.LinkWrapped},
		{name: "indented line", damage: edited(replace("aws4_", "aws4_%0A%20%20")), kind: sigv4.InvalidScope,
			want: diagnose.LinkWrapped},
		{name: "space for a line end", damage: edited(replace("&X-Amz-Signed", "%20&X-Amz-Signed")), kind: incomplete,
			want: diagnose.LinkWrapped},
		{name: "plus for a line end", damage: edited(replace("lambda", "lamb+da")), kind: sigv4.InvalidScope,
			want: diagnose.LinkWrapped},
		{name: "zero width space", damage: edited(replace("&X-Amz-Date=2026", "&X-Amz-Date=2026%E2%80%8B")), kind: incomplete,
			want: diagnose.LinkWrapped},
		{name: "quoted-printable", damage: edited(replaceAll("=", "=3D")), kind: incomplete, want: diagnose.LinkWrapped,
			says: "quoted-printable"},
		{name: "soft line breaks", damage: edited(func(s string) string {
			s = replaceAll("=", "=3D")(s)
			return s[:len(s)-20] + "=%0D%0A" + s[len(s)-20:]
		}), kind: incomplete, want: diagnose.LinkWrapped},

		// other letters
		{name: "small letters", damage: edited(strings.ToLower), kind: unsigned, want: diagnose.LinkCase},
		{name: "small names", damage: edited(replaceAll("X-Amz-", "x-amz-")), kind: unsigned, want: diagnose.LinkCase},
		{name: "capitals", target: "/A?X=1", damage: edited(func(s string) string {
			path, query, _ := strings.Cut(s, "?")
			return path + "?" + strings.ToUpper(query)
		}), kind: unsigned, want: diagnose.LinkCase},

		// parameters
		{name: "a tracker", damage: edited(func(s string) string { return s + "&utm_source=mail" }),
			want: diagnose.QueryParameter, says: "utm_source."},
		{name: "trackers", damage: edited(func(s string) string {
			return s + "&utm_source=mail&utm_medium=x&fbclid=IwAR0&mc_cid=1"
		}), want: diagnose.QueryParameter, says: "utm_source, utm_medium, fbclid, mc_cid"},
		{name: "trackers in front", damage: edited(replace("?", "?gclid=1&_gl=2&")), want: diagnose.QueryParameter},
		{name: "others added", damage: edited(func(s string) string { return s + "&download=1&name=x" }),
			want: diagnose.QueryParameter, says: `"download" and those after it`},
		{name: "others added around", target: "/", damage: edited(func(s string) string {
			return strings.Replace(s, "?", "?download=1&", 1) + "&name=x"
		}), want: diagnose.QueryParameter, says: "Only the parameters of the signature"},
		{name: "HTML and trackers", damage: edited(func(s string) string {
			return strings.ReplaceAll(s, "&", "&amp;") + "&amp;utm_source=x&amp;utm_medium=y"
		}), kind: unsigned, want: diagnose.LinkHTML, and: diagnose.QueryParameter},
		{name: "others added to none", target: "/", damage: edited(func(s string) string { return s + "&download=1&name=x" }),
			want: diagnose.QueryParameter},
		{name: "Expires lost", damage: edited(replace("&X-Amz-Expires=300", "")), want: diagnose.LinkParameter},
		{name: "Algorithm lost", damage: edited(replace("&X-Amz-Algorithm=AWS4-HMAC-SHA256", "")), kind: unsigned,
			want: diagnose.LinkParameter},
		{name: "SignedHeaders lost", damage: edited(replace("&X-Amz-SignedHeaders=host", "")), kind: incomplete,
			want: diagnose.LinkParameter},
		{name: "Date lost", damage: edited(replace("&X-Amz-Date=20261123T150405Z", "")), kind: incomplete,
			want: diagnose.LinkParameter, unproven: true, says: "X-Amz-Date"},
		{name: "Credential lost", damage: edited(func(s string) string {
			before, rest, _ := strings.Cut(s, "X-Amz-Credential=")
			_, rest, _ = strings.Cut(rest, "&")
			return before + rest
		}), kind: incomplete, want: diagnose.LinkParameter, unproven: true, says: "X-Amz-Credential"},

		// an Authorization header
		{name: "Bearer besides", damage: set("Authorization", "Bearer abc"), want: diagnose.LinkAuthorization},
		{name: "Basic besides", damage: set("Authorization", "Basic YTpi"), want: diagnose.LinkAuthorization},
		{name: "AWS4 besides", damage: set("Authorization", "AWS4-HMAC-SHA256 Credential=x"), want: diagnose.LinkAuthorization},
		{name: "Bearer and HTML", kind: incomplete, damage: func(a *arrival) {
			set("Authorization", "Bearer abc")(a)
			a.target = strings.ReplaceAll(strings.Replace(a.target, "X-Amz-Algorithm", "amp;X-Amz-Algorithm", 1), "&X", "&amp;X")
		}, want: diagnose.LinkAuthorization, and: diagnose.LinkHTML},

		// and another fault
		{name: "HTML and the host", kind: unsigned, damage: func(a *arrival) {
			a.target, a.host = strings.ReplaceAll(a.target, "&", "&amp;"), "127.0.0.1:9000"
			set("X-Forwarded-Host", host)(a)
		}, want: diagnose.LinkHTML, and: diagnose.HostName},
		{name: "JSON and a prefix", kind: unsigned, damage: edited(func(s string) string {
			return "/prod" + strings.ReplaceAll(s, "&", `\u0026`)
		}), want: diagnose.LinkJSON, and: diagnose.PathPrefix},
	}
	for i := range clients {
		clients[i].link = true
		if clients[i].method == "" {
			clients[i].method = "GET"
		}
	}
	testClients(t, clients)
}

// TestLinksUnchanged: what does a link no harm is not called damage, and what is refused for another reason is not
// either.
func TestLinksUnchanged(t *testing.T) {
	c := client{method: "GET", link: true, target: "/?b=1&a=2"}
	for name, edit := range map[string]func(string) string{
		"reordered": func(s string) string { return last(last(s, "a"), "X-Amz-Date") },
		"signature first": func(s string) string {
			i := strings.Index(s, "&X-Amz-Signature=")
			return "/?" + s[i+1:] + "&" + s[2:i]
		},
		"slashes as they are": replaceAll("%2F", "/"),
		"empty pair":          func(s string) string { return s + "&" },
	} {
		a := c.arrives(t)
		a.target = edit(a.target)
		if _, err := newVerifier().Verify(a.request()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, tt := range map[string]struct {
		r    *http.Request
		kind sigv4.Kind
		want diagnose.Fault
	}{
		"expired":           {faulty{at: clock.Add(-time.Hour)}.presigned(false, false), sigv4.SignatureExpired, diagnose.URLExpired},
		"another host":      {faulty{way: func(r *http.Request) { r.Host = "localhost:9000" }}.presigned(false, false), sigv4.InvalidSignature, diagnose.HostName},
		"token after":       {faulty{credentials: bob}.presigned(false, true), sigv4.InvalidSignature, diagnose.TokenUnsigned},
		"a name like those": {faulty{method: "GET", target: "/x-amz-signature?a=1", secret: func(string) string { return "?" }}.request(), sigv4.InvalidSignature, diagnose.Unknown},
	} {
		if d := diagnosed(t, tt.r, tt.kind); d.Fault != tt.want {
			t.Errorf("%s: got %+v", name, d)
		}
	}
}

// TestExpiredDamagedLinks: mending is not enough for these.
func TestExpiredDamagedLinks(t *testing.T) {
	r := faulty{method: "GET", at: clock.Add(-time.Hour)}.presigned(false, false)
	r.RequestURI = strings.ReplaceAll(r.RequestURI, "&", "&amp;")
	_, err := newVerifier().Verify(r)
	d := diagnose.Diagnose(t.Context(), diagnose.Evidence{Request: r, Refusal: wantKind(t, err, sigv4.MissingAuthentication),
		Region: region, Service: service, Now: clock, Lookup: lookup})
	if d.Fault != diagnose.LinkHTML || d.And != diagnose.URLExpired || !d.Proven {
		t.Errorf("got %+v", d)
	}
}

// TestUnknownLinks: without its key, or with another secret, nothing is proven about a link, but its damage shows.
func TestUnknownLinks(t *testing.T) {
	for name, tt := range map[string]struct {
		client faulty
		known  bool
		want   diagnose.Fault
	}{
		"no lookup":      {faulty{}, false, diagnose.LinkHTML},
		"unknown key":    {faulty{credentials: dave}, true, diagnose.LinkHTML},
		"another secret": {faulty{secret: func(string) string { return "another" }}, true, diagnose.LinkHTML},
	} {
		tt.client.method = "GET"
		r := tt.client.presigned(false, false)
		r.RequestURI = strings.ReplaceAll(r.RequestURI, "&", "&amp;")
		_, err := newVerifier().Verify(r)
		ev := diagnose.Evidence{Request: r, Refusal: wantKind(t, err, sigv4.MissingAuthentication), Region: region,
			Service: service, Now: clock}
		if tt.known {
			ev.Lookup = lookup
		}
		if d := diagnose.Diagnose(t.Context(), ev); d.Fault != tt.want || d.Proven || d.CanonicalRequest != "" {
			t.Errorf("%s: got %+v", name, d)
		}
	}
}

// TestHopelessLinks: of these nothing is known, and neither is it if there is no time.
func TestHopelessLinks(t *testing.T) {
	r := faulty{method: "GET"}.presigned(false, false)
	r.RequestURI = strings.Replace(r.RequestURI, "20261123T150405Z", "yesterday", 1)
	if d := diagnosed(t, r, sigv4.IncompleteSignature); d.Fault != "" {
		t.Errorf("got %+v", d)
	}
	r = faulty{method: "GET"}.presigned(false, false)
	r.RequestURI = strings.ReplaceAll(r.RequestURI, "&", "&amp;") + "&amp;utm_source=x"
	_, err := newVerifier().Verify(r)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if d := diagnose.Diagnose(ctx, diagnose.Evidence{Request: r, Refusal: wantKind(t, err, sigv4.MissingAuthentication),
		Region: region, Service: service, Now: clock, Lookup: lookup}); d.Proven {
		t.Errorf("got %+v", d)
	}
}

// TestLinkLike: what is asked about at all.
func TestLinkLike(t *testing.T) {
	for target, want := range map[string]bool{
		"/?X-Amz-Algorithm=x": true, "/?x-amz-signature=x": true, "/a%3FX-Amz-Credential=x": true, "/": false,
		"/?X-Amz-Target=x": false, "/?X-Amz-Algorithm=" + strings.Repeat("x", 20_000): false,
	} {
		if got := diagnose.LinkLike(&http.Request{RequestURI: target}); got != want {
			t.Errorf("%.50s: %v", target, got)
		}
	}
}
