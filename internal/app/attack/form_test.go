//go:build unix

package attack_test

import (
	"net/url"
	"strings"
	"testing"
)

// Parameters of the Query protocol in two places, or twice.
func TestQueryProtocol(t *testing.T) { // aws-iam-authenticator CVE-2022-2385
	t.Parallel()
	w := newWorld(t)
	w.rootA.allow(t, "mallory", "get", document(statement("Allow", "iam:GetUser"), statement("Allow", "iam:ListUsers")))
	const get, create = "Action=GetUser&UserName=mallory&Version=2010-05-08",
		"Action=CreateUser&UserName=intruder&Version=2010-05-08"
	send := func(target, body, contentType string) answer {
		r := w.api("POST", target, body)
		r.service = "iam"
		if contentType != "" {
			r = r.with("Content-Type: " + contentType)
		}
		return w.mallory.send(t, r)
	}
	iam := w.planes()[3]
	const form = "application/x-www-form-urlencoded"
	// Whatever the place of the second Action, the one that is authorized is the one that is done.
	const got, denied = "<GetUserResponse", "<Code>AccessDenied</Code>"
	for _, test := range []struct {
		target, body, contentType string
		want                      string // in the answer
	}{
		{"/?" + create, get, form, denied},
		{"/?" + get, create, form, got},
		{"/", get + "&" + create, form, got},
		{"/", create + "&" + get, form, denied},
		{"/", strings.ReplaceAll(get+"&"+create, "Action", "Act%69on"), form, got},
		{"/?" + get, create, "text/plain", got},
		{"/?" + create, get, "text/plain", denied},
		{"/?" + get, create, "application/x-www-form-urlencoded; charset=utf-7", got},
		{"/?" + get, create, "APPLICATION/X-WWW-FORM-URLENCODED", got},
		{"/", "action=CreateUser&" + get, form, got},
		{"/", get + ";" + create, form, "<Code>InvalidAction</Code>"},
		{"/?Action=GetUser&Action=CreateUser&UserName=intruder&Version=2010-05-08", "", "", "<Code>NoSuchEntity</Code>"},
		{"/CreateUser?" + get, create, form, got},
	} {
		if a := send(test.target, test.body, test.contentType); !strings.Contains(a.body, test.want) {
			t.Errorf("%s %s: %v, want %s", test.target, test.body, a, test.want)
		}
		iam.harm(t)
	}
	for _, header := range []string{
		"X-Amz-Target: IAM.CreateUser", "X-HTTP-Method-Override: DELETE",
		"X-Amz-Action: CreateUser", "Action: CreateUser",
	} {
		a := w.mallory.send(t, w.form("iam", get).with(header))
		if a.status != 200 || !strings.Contains(a.body, "<UserName>mallory</UserName>") {
			t.Errorf("%s: %v", header, a)
		}
		iam.harm(t)
	}
	for name, body := range map[string]string{
		"many parameters":     strings.Repeat("a=1&", 6000) + get,
		"a deep name":         strings.Repeat("a.", 100) + "=1&" + get,
		"a broken escape":     "a=%zz&" + get,
		"no UTF-8":            "a=%ff&" + get,
		"a member numbered 0": "Action=TagUser&UserName=mallory&Version=2010-05-08&Tags.member.0.Key=a",
		"a huge number":       "Action=TagUser&UserName=mallory&Version=2010-05-08&Tags.member.99999999999999999999.Key=a",
	} {
		if a := send("/", body, form); a.status != 404 {
			t.Errorf("%s: %v", name, a)
		}
	}
	if a := send("/", "Action=%3Cscript%3E%00%1b&Version=%3Cx", form); a.status != 400 ||
		strings.Contains(a.body, "<script>") || strings.ContainsAny(a.body, "\x00\x1b") {
		t.Errorf("an action of markup: %v", a)
	}
	// What needs no signature is one operation, and no other under its name.
	for _, body := range []string{
		"Action=AssumeRoleWithWebIdentity&Action=GetCallerIdentity&Version=2011-06-15",
		"Action=GetCallerIdentity&Action=AssumeRoleWithWebIdentity&Version=2011-06-15",
		"Action=AssumeRoleWithWebIdentity&Version=2010-05-08",
		"Action=CreateUser&UserName=intruder&Version=2010-05-08&Action=AssumeRoleWithWebIdentity",
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=intruder&" +
			"WebIdentityToken=eyJhbGciOiJub25lIn0.e30.&RoleArn=" + url.QueryEscape(callerRole(accountA)),
	} {
		for _, r := range []request{
			w.form("sts", body), {method: "GET", target: "/?" + body, host: w.address},
			{method: "POST", target: "/?" + body, host: w.address},
		} {
			for _, r := range []request{r, r.with("Authorization:"), r.with("Authorization: none")} {
				if a := w.send(t, r); a.status < 400 || strings.Contains(a.body, "<SecretAccessKey>") {
					t.Errorf("%s: %v", body, a)
				}
			}
		}
	}
	iam.harm(t)
}
