//go:build unix

package attack_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/auth"
)

// API calls that are answered leave a trace if AWS might refuse them, as all calls of function URLs do.
func TestWarningsOfCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spaced := w.alice.signing("sts")
	spaced.query = "Action=GetCallerIdentity&Version=2011-06-15&x=b%20c"
	for _, test := range []struct {
		request request
		want    string
	}{
		{w.api("GET", "/?Action=GetCallerIdentity&Version=2011-06-15&x=b+c", "").signed(spaced),
			"the query has a raw '+', read as a space"},
		{
			w.alice.signs(w.api("GET", "/2015-03-31/functions/target", "")).with("X-Amz-Cf-Id: x"),
			"an x-amz- header is not signed: x-amz-cf-id",
		},
	} {
		a := w.send(t, test.request)
		page := w.page(t, "/_furl/requests/"+a.id())
		if a.status != 200 || !strings.Contains(page, "answered 200 in ") ||
			!strings.Contains(page, "authenticate warning ") || !strings.Contains(page, "warning: "+test.want) {
			t.Errorf("%v; the trace does not say %q:\n%s", a, test.want, page)
		}
	}
}

// What a client says about its canonical request is for the trace: functions do not see it, no matter who may call
// them.
func TestCanonicalRequestIsNotPassedOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	told := "Furl-Canonical-Request: " + base64.StdEncoding.EncodeToString([]byte("GET\n/"))
	signing := w.alice.signing("lambda")
	named := signing
	named.names = []string{"furl-canonical-request"}
	for name, r := range map[string]request{
		"unsigned": w.url(w.iamURL, "GET", "/", "").signed(signing).with(told),
		"signed":   w.url(w.iamURL, "GET", "/", "").with(told).signed(named),
		"open":     w.url(w.openURL, "GET", "/", "").with(told),
	} {
		seen := w.ran(t, w.send(t, r))
		if value, ok := seen.Headers["furl-canonical-request"]; ok {
			t.Errorf("%s: the function sees %q", name, value)
		}
	}
}

// The event that a page shows has nothing with which its reader could act as the caller, however the caller proved who
// it is.
func TestEventsShowNoCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rootA.createRole(t, "administrator", trustAccount(accountA), mayDoAnything)
	session := w.alice.assume(t, "arn:aws:iam::"+accountA+":role/administrator", "session")
	for name, r := range map[string]request{
		"header":    session.signs(w.url(w.iamURL, "GET", "/", "")),
		"presigned": session.presigns(w.url(w.iamURL, "GET", "/", "")),
		"open":      session.signs(w.url(w.openURL, "GET", "/", "")),
	} {
		a := w.send(t, r)
		w.ran(t, a)
		shown := w.page(t, "/_furl/requests/"+a.id()+"?event=1")
		if !strings.Contains(shown, `"requestId":"`+a.id()+`"`) || !strings.Contains(shown, "(hidden)") {
			t.Errorf("%s: %s", name, shown)
		}
		for _, line := range append(r.lines, r.target) {
			_, signature, signed := strings.Cut(line, "Signature=")
			if signature, _, _ = strings.Cut(signature, " "); signed && strings.Contains(shown, signature) {
				t.Errorf("%s: the signature is shown", name)
			}
		}
		if strings.Contains(shown, session.token) {
			t.Errorf("%s: the session token is shown", name)
		}
	}
}

// Finding out why a signature does not match takes time that anybody who knows a key's id can ask for: at most twenty
// times a second, on function URLs and APIs together.
func TestDiagnosesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := w.mallory.signing("lambda")
	elsewhere.region = "mars-1"
	requests := []request{
		w.url(w.iamURL, "GET", "/", "").signed(elsewhere),
		w.api("GET", "/2015-03-31/functions/", "").signed(forge(elsewhere)),
		w.action("sts", "GetCallerIdentity").signed(forge(w.mallory.signing("sts"))),
	}
	sent := map[string]bool{}
	began := time.Now()
	for range 30 {
		for _, r := range requests {
			a := w.send(t, r)
			if a.status != 403 {
				t.Fatalf("accepted: %v", a)
			}
			sent[a.id()] = true
		}
	}
	seconds := int(time.Since(began)/time.Second) + 1
	for id := range sent {
		w.recorded(t, id)
	}
	var traces []struct {
		RequestID string
		Steps     []struct{ Details []string }
	}
	page := w.send(t, w.asOwner("/_furl/requests?limit=1000").with("Accept: application/json")).body
	if err := json.Unmarshal([]byte(page), &traces); err != nil {
		t.Fatalf("%v in %s", err, page)
	}
	diagnosed, not := 0, 0
	for _, trace := range traces {
		if !sent[trace.RequestID] {
			continue
		}
		for _, step := range trace.Steps {
			details := strings.Join(step.Details, "\n")
			if strings.Contains(details, "not diagnosed: at most 20 refusals are in a second") {
				not++
			} else if strings.Contains(details, "fault ") || strings.Contains(details, "not done yet") {
				diagnosed++
			}
		}
	}
	if diagnosed > seconds*auth.MaxDiagnoses || diagnosed == 0 || diagnosed+not != len(sent) {
		t.Errorf("of %d refusals within %d s %d were diagnosed and %d were not", len(sent), seconds, diagnosed, not)
	}
}

// forge is a signature with another secret.
func forge(s signing) signing {
	s.key.secret += "x"
	return s
}

// What AWS might refuse is accepted, and the trace says so.
func TestWarnings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.alice.assume(t, callerRole(accountA), "warned")
	for _, test := range []struct {
		warning string
		target  string
		encoded string // path that was signed
		query   string // that was signed
		line    string // not signed
		by      person
	}{
		{"the path has empty or dot segments and was signed as sent", "/a//b", "/a//b", absent, "", w.alice},
		{"the path ends in dot segments", "/a/b/..", "/a", absent, "", w.alice},
		{"the query has a raw '+'", "/?q=a+b", "/", "q=a%20b", "", w.alice},
		{"an x-amz- header is not signed: x-amz-cf-id", "/", "/", absent, "X-Amz-Cf-Id: x", w.alice},
		{"the session token is not signed", "/", "/", absent, "X-Amz-Security-Token: " + session.token, session},
	} {
		s := test.by.signing("lambda")
		s.encoded, s.query, s.noToken = test.encoded, test.query, true
		r := w.url(w.iamURL, "GET", test.target, "").signed(s)
		if test.line != "" {
			r = r.with(test.line)
		}
		a := w.send(t, r)
		w.ran(t, a)
		if page := w.page(t, "/_furl/requests/"+a.id()); !strings.Contains(page, "warning: "+test.warning) {
			t.Errorf("want a warning that %s, got\n%s", test.warning, page)
		}
	}
}

// What happens to signed requests and links on their way is explained, whatever the answer was: over the wire, and in
// path style.
func TestDamageIsExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.alice.signing("lambda")
	headers := func(names ...string) signing {
		s := good
		s.names = names
		return s
	}
	post := w.url(w.iamURL, "POST", "/book?page=5", `{"b": "é", "a": 1}`)
	link := w.url(w.iamURL, "GET", "/book?page=5", "").presigned(good)
	retarget := func(r request, pairs ...string) request { return r.to(strings.NewReplacer(pairs...).Replace(r.target)) }
	pathStyle := func(r request, path string) request {
		r.host = w.address
		return r.to("/_furl/url/" + w.iamURL + path)
	}
	rewritten := func(r request, body string) request {
		r.body = body
		return r
	}
	forwarded := post.with("X-Forwarded-For: 203.0.113.7").signed(headers("x-forwarded-for"))
	hop := func(change func(string) string) request { return forwarded.edit("X-Forwarded-For", change) }
	until := func(text string) request { return link.to(link.target[:strings.Index(link.target, text)]) }
	for name, test := range map[string]struct {
		request request
		want    string
	}{
		"query in the path": {retarget(w.url(w.iamURL, "GET", "/book%3Fpage=5", "").signed(good), "%3F", "?"),
			"fault query-in-path (proven"},
		"members in another order": {rewritten(post.signed(good), `{"a":1,"b":"é"}`), "fault payload-json (proven"},
		"in Latin-1": {rewritten(post.signed(good), "{\"b\": \"\xe9\", \"a\": 1}"),
			"fault payload-charset (proven"},
		"appended":  {hop(func(v string) string { return v + ", 10.0.0.1" }), "fault header-appended (proven"},
		"rewritten": {hop(func(string) string { return "10.0.0.9" }), "a signed header: x-forwarded-for."},
		"prefix":    {post.signed(good).to("/prod/book?page=5"), "fault path-prefix (proven"},
		"prefix in path style": {pathStyle(pathStyle(post, "/book").signed(good), "/prod/book"),
			"fault path-prefix (proven"},
		"for host style": {pathStyle(post.to("/book").signed(good), "/book"),
			"fault path-prefix and host-name (proven"},
		"HTML":             {retarget(link, "&", "&amp;"), "fault link-html-escaped (proven"},
		"JSON":             {retarget(link, "&", `\u0026`), "fault link-json-escaped (proven"},
		"encoded twice":    {retarget(link, "%", "%25"), "fault link-encoded-twice (proven"},
		"period":           {link.to(link.target + "."), "fault link-punctuation (proven"},
		"cut off":          {link.to(link.target[:len(link.target)-3]), "fault link-cut (proven"},
		"cut off before":   {until("&X-Amz-Signature"), "fault link-cut ("},
		"cut in an escape": {until("F" + time.Now().UTC().Format("2006")), "fault link-cut ("},
		"besides":          {link.with("Authorization: Bearer abc"), "fault link-and-authorization (proven"},
		"lower case":       {link.to(strings.ToLower(link.target)), "fault link-case (proven"},
		"none":             {w.url(w.iamURL, "GET", "/book?page=5", ""), "the request is not signed"},
	} {
		a := w.send(t, test.request)
		if a.status < 400 {
			t.Errorf("%s: %v", name, a)
			continue
		}
		w.recorded(t, a.id())
		if page := w.page(t, "/_furl/requests/"+a.id()); !strings.Contains(page, test.want) ||
			strings.Contains(page, w.alice.key.secret) {
			t.Errorf("%s: the trace does not say %q:\n%s", name, test.want, page)
		}
	}
}
