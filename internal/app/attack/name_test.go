//go:build unix

package attack_test

import (
	"strings"
	"testing"
)

// Names that would lead out of where names belong.
func TestNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.rootA.signing("lambda")
	names := []string{
		"..", ".", "%2e%2e", "..%2F..%2Fetc%2Fpasswd", "%2E%2E%2F", "a%00b", "a%0d%0aX: y", "%C0%AE%C0%AE",
		"target%2f..%2fopen", "target;x", "target%20", "%20target",
		"TARGET", "target%00", "..%5C..%5C", "arn%3Aaws%3Alambda%3A..%3A..%3Afunction%3Atarget",
		"arn:aws:lambda:" + region + ":" + accountA + ":function:../x",
		"arn:aws:s3:::target", accountB + ":target:x:y", ":::::", "target:", "target:$LATEST:x", "target:..",
		strings.Repeat("a", 65), strings.Repeat("a", 5000),
		"%E2%80%AEtegrat", "t\xc3\xa4rget", "%F0%9F%94%91",
	}
	for _, name := range names {
		for _, test := range []struct{ method, path, body string }{
			{"GET", "/2015-03-31/functions/" + name, ""}, {"DELETE", "/2015-03-31/functions/" + name, ""},
			{"POST", "/2015-03-31/functions/" + name + "/invocations", "{}"},
			{"GET", "/2021-10-31/functions/" + name + "/url", ""},
			{"POST", "/2015-03-31/functions/" + name + "/policy", `{"StatementId":"x","Action":"lambda:*","Principal":"*"}`},
			{"GET", "/2017-03-31/tags/" + name, ""},
		} {
			a := w.rootA.send(t, w.api(test.method, test.path, test.body))
			if a.status < 400 || a.status >= 500 || len(a.header["X"]) > 0 {
				t.Errorf("%s %s: %v", test.method, test.path, a)
			}
		}
		log := w.asOwner("/_furl/logs?lines=5&function=" + strings.NewReplacer(" ", "%20", ";", "%3B").Replace(name))
		if a := w.send(t, log); a.status != 404 {
			t.Errorf("log of %s: %v", name, a)
		}
	}
	// What cannot be read is no request for all logs.
	if a := w.send(t, w.asOwner("/_furl/logs?lines=5&function=target;x")); a.status != 400 {
		t.Errorf("log of a query that cannot be read: %v", a)
	}
	for _, name := range []string{
		"../x", "a/b", "a\x00b", "a b", "", strings.Repeat("a", 65), "äöü", "a\r\nb", "<x>",
		"${aws:username}", "*",
	} {
		if a := w.rootA.query(t, "iam", "CreateUser", "UserName", name); a.status != 400 {
			t.Errorf("user %q: %v", name, a)
		}
		if a := w.alice.query(t, "sts", "AssumeRole", "RoleArn", callerRole(accountA), "RoleSessionName",
			name); a.status != 400 {
			t.Errorf("session %q: %v", name, a)
		}
		if a := w.rootA.query(t, "iam", "CreateRole", "RoleName", "path", "Path", "/"+name+"/../", "AssumeRolePolicyDocument",
			trustLambda); name == "a\r\nb" && a.status != 400 {
			t.Errorf("path %q: %v", name, a)
		}
	}
	for _, region := range []string{
		"..", "eu-central-1%0a", "EU-CENTRAL-1", "eu-central-1.evil.example",
		strings.Repeat("a", 300),
	} {
		s := good
		s.region = region
		if a := w.send(t, w.api("GET", "/2015-03-31/functions", "").signed(s)); a.status != 403 {
			t.Errorf("region %s: %v", region, a)
		}
	}
}
