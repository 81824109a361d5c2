//go:build unix

package attack_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// readable are pages that want a proof, each with a text that is on it and on no refusal.
func (w *world) readable() map[string]string {
	return map[string]string{
		"/_furl/":                         "the latest requests",
		"/_furl/requests":                 "/secret-path",
		"/_furl/requests/last":            "/secret-path",
		"/_furl/requests/last?event=1":    "/secret-path",
		"/_furl/logs?function=target":     "START RequestId",
		"/_furl/metrics":                  "furl_connections",
		"/_furl/requests?limit=1&a=b%20c": "/secret-path",
	}
}

// shut expects that no page is shown to the sender of the requests, and that it is told what to do.
func (w *world) shut(t *testing.T, name string, change func(request) request) {
	t.Helper()
	for page, text := range w.readable() {
		a := w.send(t, change(w.api("GET", page, "")))
		told := strings.Contains(a.body, "furl explain REQUEST-ID --data DIR")
		if a.status != 403 || strings.Contains(a.body, text) || !told {
			t.Errorf("%s: %s: %v", name, page, a)
		}
	}
}

// open expects that the sender of the requests may read.
func (w *world) open(t *testing.T, name string, change func(request) request) {
	t.Helper()
	for page, text := range w.readable() {
		if a := w.send(t, change(w.api("GET", page, ""))); a.status != 200 || !strings.Contains(a.body, text) {
			t.Errorf("%s: %s: %v", name, page, a)
		}
	}
}

func unchanged(r request) request { return r }

// Without the page token or a signature there is no page but the health of the server, whatever the client says.
func TestReaderWithoutProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ran(t, w.alice.get(t, w.iamURL, "/secret-path"))
	token := w.token
	with := func(lines ...string) func(request) request {
		return func(r request) request { return r.with(lines...) }
	}
	inQuery := func(name string) func(request) request {
		return func(r request) request {
			r.target = addQuery(r.target, name+"="+token)
			return r
		}
	}
	w.open(t, "the page token", with("Authorization: Bearer "+token))
	w.open(t, "the page token, in another case of the scheme", with("authorization: bearer "+token))
	w.shut(t, "nothing", unchanged)
	flipped := []byte(token)
	flipped[len(flipped)-1] ^= 1
	for name, change := range map[string]func(request) request{
		"another token":              with("Authorization: Bearer " + strings.Repeat("0", 64)),
		"no token":                   with("Authorization: Bearer"),
		"the token with one bit off": with("Authorization: Bearer " + string(flipped)),
		"half of the token":          with("Authorization: Bearer " + token[:32]),
		"the token twice":            with("Authorization: Bearer " + token + token),
		"the token in upper case":    with("Authorization: Bearer " + strings.ToUpper(token)),
		"the token in two headers":   with("Authorization: Bearer "+token, "Authorization: Bearer "+token),
		"the token in a list":        with("Authorization: Bearer " + token + ", Bearer " + token),
		"the token as a password":    with("Authorization: Basic OnRva2Vu"),
		"the token in other headers": with("X-Authorization: Bearer "+token, "Proxy-Authorization: Bearer "+token),
		"the token in a cookie":      with("Cookie: page-token=" + token + "; token=" + token),
		"the token in the query":     inQuery("token"),
		"the token as access_token":  inQuery("access_token"),
		"an address of loopback":     with("X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1"),
		"a browser at the page":      with("Sec-Fetch-Site: same-origin", "Origin: http://"+w.address),
		"a secret key":               with("Authorization: Bearer " + w.rootA.secret),
		"a path of another address":  with("X-Original-URL: /_furl/health", "X-Rewrite-URL: /_furl/health"),
	} {
		w.shut(t, name, change)
	}
	for _, page := range []string{
		"/_furl/health/../requests", "/_furl/health/", "/_furl/health%2f..%2frequests", "/_furl/code/../requests",
		"/_furl//requests", "/_furl/requests/", "/_furl/nothing",
	} {
		if a := w.unsigned.ask(t, "GET", page, ""); a.status != 403 || strings.Contains(a.body, "secret-path") {
			t.Errorf("%s: %v", page, a)
		}
	}
	if a := w.unsigned.ask(t, "GET", "/_furl/health", ""); a.status != 200 || a.body != "ok\n" {
		t.Errorf("health: %v", a)
	}
	if strings.Contains(w.log.String(), token) {
		t.Error("the page token is in the log")
	}
}

// A signature opens the pages for the root user of an account and for those who may do everything in it, or were
// allowed just this. A signature is good for the page that it was made for.
func TestReaderBySignature(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ran(t, w.alice.get(t, w.iamURL, "/secret-path"))
	as := func(k person) func(request) request {
		return func(r request) request { return k.signs(r) }
	}
	by := func(change func(*signing)) func(request) request {
		return func(r request) request {
			s := w.rootA.signing("lambda")
			change(&s)
			return r.signed(s)
		}
	}
	user := func(name string, statements ...string) func(request) request {
		return as(w.rootA.createUser(t, name, document(statements...)))
	}
	w.rootA.createRole(t, "administrator", trustAccount(accountA), mayDoAnything)
	administrator := "arn:aws:iam::" + accountA + ":role/administrator"
	limited := func(policy string) person {
		return w.alice.given(t, w.alice.query(t, "sts", "AssumeRole",
			"RoleArn", administrator, "RoleSessionName", "limited", "Policy", policy))
	}

	for name, change := range map[string]func(request) request{
		"the root user":                       as(w.rootA),
		"the root user, for another region":   by(func(s *signing) { s.region = "ap-south-1" }),
		"the root user, presigned":            func(r request) request { return w.rootA.presigns(r) },
		"a user who may do everything":        as(w.alice),
		"a role that may do everything":       as(w.alice.assume(t, administrator, "session")),
		"a user who may read pages":           user("reader", statement("Allow", "furl:ReadPages")),
		"a user who may do all that furl has": user("reader-of-all", statement("Allow", "furl:*")),
	} {
		w.open(t, name, change)
	}
	boundary := w.rootA.createUser(t, "bounded", mayDoAnything)
	w.rootA.iam(t, "CreatePolicy", "PolicyName", "boundary", "PolicyDocument", mayDoLambda)
	w.rootA.iam(t, "PutUserPermissionsBoundary", "UserName", "bounded", "PermissionsBoundary", "arn:aws:iam::"+accountA+
		":policy/boundary")
	inactive := w.rootA.createKey(t, "alice")
	w.rootA.iam(t, "UpdateAccessKey", "UserName", "alice", "AccessKeyId", inactive.id, "Status", "Inactive")
	for name, change := range map[string]func(request) request{
		"a user who may do nothing":                 as(w.mallory),
		"a user who may do everything with Lambda":  user("developer", statement("Allow", "lambda:*")),
		"a user who may get everything":             user("auditor", statement("Allow", "*:Get*")),
		"a user who may read everything but pages":  user("denied", statement("Allow", "*"), statement("Deny", "furl:*")),
		"an administrator within a boundary":        as(boundary),
		"a role that may do everything with Lambda": as(w.alice.assume(t, callerRole(accountA), "session")),
		"an administrator's session of few rights":  as(limited(mayDoLambda)),
		"an inactive key":                           as(inactive),
		"a key that does not exist":                 as(w.stranger("AKIAIOSFODNN7EXAMPLE", w.rootA.secret, "")),
		"another secret":                            as(w.stranger(w.rootA.id, w.rootB.secret, "")),
		"a signature for IAM":                       by(func(s *signing) { s.service = "iam" }),
		"a signature for another page":              by(func(s *signing) { s.path = "/_furl/health" }),
		"a signature for another query":             by(func(s *signing) { s.query = "function=other" }),
		"a signature for another method":            by(func(s *signing) { s.method = "HEAD" }),
		"an old signature":                          by(func(s *signing) { s.at = w.now().Add(-6 * time.Minute) }),
		"a signature without the host":              by(func(s *signing) { s.noHost = true }),
		"a signature of another body":               by(func(s *signing) { s.payload = strings.Repeat("0", 64) }),
		"a signature that covers no body":           by(func(s *signing) { s.payload = "UNSIGNED-PAYLOAD" }),
		"a signature without anything in it": func(r request) request {
			return r.with("Authorization: AWS4-HMAC-SHA256")
		},
		"a presigned form without anything in it": func(r request) request {
			r.target = addQuery(r.target, "X-Amz-Algorithm=AWS4-HMAC-SHA256")
			return r
		},
		"a signature beside a token that is not one": func(r request) request {
			return as(w.rootA)(r).with("Authorization: Bearer x")
		},
		"a signature behind a token that is not one": func(r request) request {
			return as(w.rootA)(r.with("Authorization: Bearer x"))
		},
	} {
		w.shut(t, name, change)
	}
	if a := w.send(t, as(w.rootA)(w.api("POST", "/_furl/requests", "x"))); a.status != 405 {
		t.Errorf("POST: %v", a)
	}
}

// An account's administrator reads what concerns that account alone, and cannot find out what else there is.
func TestReaderOfAnotherAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	get := func(k person, target string) answer {
		return k.ask(t, "GET", target, "")
	}
	w.ran(t, w.alice.get(t, w.iamURL, "/of-a"))
	w.ran(t, w.bob.get(t, w.otherURL, "/of-b"))
	nobody := w.rootB.createUser(t, "nobody", "")
	good := func(k person) signing { return k.signing("lambda") }
	bad := func(k person) signing {
		s := good(k)
		s.payload = strings.Repeat("0", 64)
		return s
	}
	unknown := w.stranger("AKIAIOSFODNN7EXAMPLE", "x", "")
	ofA, ofB := w.url(w.iamURL, "GET", "/", ""), w.url(w.otherURL, "GET", "/", "")
	ofNone := w.url(strings.Repeat("a", 32), "GET", "/", "")
	api := w.api("GET", "/2015-03-31/functions/target", "")
	assume := func(role string) request {
		r := w.action("sts", "AssumeRole", "RoleArn", role, "RoleSessionName", "session")
		return w.alice.signs(r)
	}
	token := w.action("sts", "AssumeRoleWithWebIdentity",
		"RoleArn", callerRole(accountA), "RoleSessionName", "session", "WebIdentityToken", "no.web.token")
	traces := []struct {
		name    string
		request request
		a, b    bool // whose administrators read it
		id      string
	}{
		{name: "a call of A's function without signature", request: ofA, a: true},
		{name: "a call of B's function by its own user, refused", request: ofB.signed(good(nobody)), b: true},
		{name: "a call of A's function by B's user", request: ofA.signed(good(w.bob))},
		{name: "a call of A's function with a bad signature of A's user", request: ofA.signed(bad(w.alice)), a: true},
		{name: "a call of A's function with a bad signature of B's user", request: ofA.signed(bad(w.bob))},
		{name: "a call of no function", request: ofNone.signed(good(w.alice))},
		{name: "an API call without signature", request: api},
		{name: "an API call with a key that does not exist", request: api.signed(good(unknown))},
		{name: "an API call with a bad signature of A's user", request: api.signed(bad(w.alice)), a: true},
		{name: "an API call of A's user that is denied", request: api.signed(good(w.mallory)), a: true},
		{name: "A's user who may not assume B's role", request: assume(callerRole(accountB))},
		{name: "A's user who asks for a role that B does not have", request: assume(callerRole(accountB) + "s")},
		{name: "A's user who asks for a role that A does not have", request: assume(callerRole(accountA) + "s"), a: true},
		{name: "A's user who asks for a role of nobody", request: assume(callerRole("333333333333")), a: true},
		{name: "somebody who asks for A's role with a web token", request: token, a: true},
	}
	for i, trace := range traces {
		traces[i].id = w.send(t, trace.request).id()
	}
	for _, trace := range traces {
		w.recorded(t, trace.id)
	}
	const list = "/_furl/requests?limit=1000"
	lists := map[string]string{"a": get(w.rootA, list).body, "b": get(w.rootB, list).body}
	for _, trace := range traces {
		page := "/_furl/requests/" + trace.id
		for reader, may := range map[string]bool{"a": trace.a, "b": trace.b} {
			k, want := map[string]person{"a": w.rootA, "b": w.rootB}[reader], 404
			if may {
				want = 200
			}
			if a := get(k, page); a.status != want || want == 404 && !strings.Contains(a.body, "no trace of a request") {
				t.Errorf("%s: by %s: %v, want %d", trace.name, reader, a, want)
			}
			if listed := strings.Contains(lists[reader], trace.id); listed != may {
				t.Errorf("%s: listed for %s: %v", trace.name, reader, listed)
			}
		}
	}
	if strings.Contains(lists["a"], "/of-b") || strings.Contains(lists["b"], "/of-a") {
		t.Errorf("the lists are %v", lists)
	}
	if a := get(w.rootB, "/_furl/requests/last"); a.status != 200 || strings.Contains(a.body, accountA) {
		t.Errorf("B's last request: %v", a)
	}

	const arn = "arn%3Aaws%3Alambda%3A" + region + "%3A" + accountA + "%3Afunction%3A"
	for _, target := range []string{
		"function=" + arn + "target", "function=" + arn + "open", "function=open", "function=nothing",
		"function=" + accountA + "%3Afunction%3Atarget", "function=target&account=" + accountA,
		"function=open&account=" + accountA, "function=open&account=", "function=target&account=%2A",
		"function=" + arn + "target&account=" + accountB, "function=open&account=" + accountB + "&account=" + accountA,
	} {
		a := get(w.rootB, "/_furl/logs?"+target)
		if a.status != 404 || strings.Contains(a.body, "START") || strings.Contains(a.body, "there is arn") {
			t.Errorf("B asks for the log of %s: %v", target, a)
		}
	}
	log := get(w.rootB, "/_furl/logs?function=target").body
	mine := w.send(t, w.asOwner("/_furl/logs?function=target&account="+accountB)).body
	others := w.send(t, w.asOwner("/_furl/logs?function=target&account="+accountA)).body
	if log != mine || log == others || !strings.Contains(log, "START") {
		t.Errorf("B's log of target is %q, want %q and not %q", log, mine, others)
	}
}

// A function reads no page: neither as it is, nor with anything from its environment, nor as its execution role.
func TestReaderInAFunction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ran(t, w.alice.get(t, w.iamURL, "/secret-path"))
	w.rootA.createRole(t, "plain", trustLambda, mayDoLambda)
	w.rootA.lambda(t, "PUT", "/2015-03-31/functions/open/configuration", `{"Role":"arn:aws:iam::`+accountA+`:role/plain"}`)
	pages := slices.Collect(maps.Keys(w.readable()))
	a := w.rootA.lambda(t, "POST", "/2015-03-31/functions/open/invocations", `"read `+strings.Join(pages, " ")+`"`)
	w.mean(a)
	var said struct{ Read []string }
	if err := json.Unmarshal([]byte(a.body), &said); err != nil {
		t.Fatalf("%v in %v", err, a)
	}
	const ways = 3 // without anything, with a variable, signed
	if len(said.Read) < ways*len(pages) {
		t.Fatalf("the function tried %d times: %q", len(said.Read), said.Read)
	}
	for _, answer := range said.Read {
		if !strings.HasPrefix(answer, "403 ") || strings.Contains(answer, "secret-path") {
			t.Errorf("the function was told %s", answer)
		}
	}
	if !strings.Contains(strings.Join(said.Read, "\n"), "assumed-role/plain/open may not read") {
		t.Errorf("the function's signature was not looked at: %q", said.Read)
	}
}

// A page token that a client sends to something else than a page proves nothing there, and is not repeated anywhere:
// the test of what every world must not show at its end looks for it.
func TestReaderAtAnotherAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token
	for _, test := range []struct {
		bare   request
		status int
	}{
		{w.api("GET", "/", ""), 400},
		{w.api("GET", "/2015-03-31/functions", ""), 403},
		{w.api("GET", "/_furlx/requests", ""), 403},
		{w.action("iam", "ListUsers"), 400},
		{w.action("sts", "GetCallerIdentity"), 400},
		{w.url(w.iamURL, "GET", "/", ""), 403},
		{w.url(strings.Repeat("a", 32), "GET", "/", ""), 403},
		{w.api("GET", "/_furl/url/"+w.iamURL+"/", ""), 403},
	} {
		for _, line := range []string{"Authorization: Bearer " + token, "authorization: bearer " + token} {
			a := w.send(t, test.bare.with(line))
			if a.status != test.status || strings.Contains(a.String(), token) {
				t.Errorf("%s %s with %q: %v, want %d", test.bare.host, test.bare.target, line, a, test.status)
			}
		}
	}
}
