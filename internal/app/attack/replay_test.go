package attack_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Requests that a caller made for one part of the server, sent to another.
func TestReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.alice.signing("lambda")
	paths := func(id string) string { return "/_furl/url/" + id }

	t.Run("to another function URL of the same server", func(t *testing.T) {
		// In path style all URLs share a host: it is the signed path that tells them apart.
		open := w.createURLFor(t, "second")
		for _, sent := range []string{
			paths(w.iamURL) + "/../" + open + "/x", paths(w.iamURL) + "/./../" + open + "/x", paths(w.iamURL) + "/a/../../" + open + "/x",
			paths(w.iamURL) + "//../" + open + "/x", paths(w.iamURL) + "/../../url/" + open + "/x",
		} {
			r := w.api("GET", paths(open)+"/x", "").signed(good)
			r.target = sent
			if a := w.send(t, r); a.status != 400 || a.body != `{"message":"Bad Request"}` {
				t.Errorf("%s: %v", sent, a)
			}
		}
		for _, sent := range []string{paths(w.iamURL) + "/x", paths(open) + "/y", "//_furl/url/" + w.iamURL + "/x"} {
			r := w.api("GET", paths(open)+"/x", "").signed(good)
			r.target = sent
			if a := w.send(t, r); a.status != 403 {
				t.Errorf("%s: %v", sent, a)
			}
		}
	})

	t.Run("from the Lambda API to a function URL", func(t *testing.T) {
		r := w.api("POST", "/2015-03-31/functions/target/invocations", "{}").signed(good)
		r.target = paths(w.iamURL) + "/../../.." + r.target
		if a := w.send(t, r); a.status != 400 {
			t.Errorf("%v", a)
		}
	})

	t.Run("from a function URL to the Lambda API", func(t *testing.T) {
		for _, sent := range []string{
			"//_furl/url/" + w.iamURL + "/x", "/./_furl/url/" + w.iamURL + "/x", "/a/../_furl/url/" + w.iamURL + "/x", "/%5Ffurl/url/" + w.iamURL + "/x",
			"/_furl%2Furl/" + w.iamURL + "/x", "/_FURL/url/" + w.iamURL + "/x", "/_furl/./url/" + w.iamURL + "/x", "/_furl//url/" + w.iamURL + "/x",
			"/_furl/URL/" + w.iamURL + "/x", "/_furl/url%2F" + w.iamURL + "/x", "/_furl/url;/" + w.iamURL + "/x", "/_furl/url\\" + w.iamURL + "/x",
			"/_furl/url//" + w.iamURL + "/x", "/_furl/url/./" + w.iamURL + "/x", "/_furl/url/" + strings.ToUpper(w.iamURL) + "/x", "/_furl/url/" + w.iamURL + "%2Fx",
			"/_furl/url/" + w.iamURL + "%00/x", "/_furl/url/%" + fmt.Sprintf("%02x", w.iamURL[0]) + w.iamURL[1:] + "/x", "/_furl/url/" + w.iamURL[:31] + "/x", "/_furl/url/" + w.iamURL + "a/x",
			"/_furl/url/", "/_furl/url", "/_furl/url//", "/_furl/url/..", "/_furl/url/" + strings.Repeat("a", 2000),
		} {
			r := w.api("POST", "/_furl/url/"+w.iamURL+"/x", "").signed(good)
			r.target = sent
			if a := w.send(t, r); a.status != 403 && a.status != 404 && a.status != 405 && a.status != 400 {
				t.Errorf("%s: %v", sent, a)
			}
			r = w.api("POST", sent, "").signed(good) // signed for just this
			if a := w.send(t, r); a.status != 403 && a.status != 404 && a.status != 405 && a.status != 400 {
				t.Errorf("%s, signed for itself: %v", sent, a)
			}
		}
	})

	t.Run("through another host name", func(t *testing.T) {
		r := w.url(w.iamURL, "GET", "/", "").signed(good)
		host := r.host
		for _, sent := range []string{
			strings.ToUpper(host), strings.Replace(host, "localhost", "on.aws", 1), strings.TrimSuffix(host, ":"+w.port()), host + "0",
			strings.Replace(host, region, "us-east-1", 1), strings.Replace(host, w.iamURL, w.otherURL, 1), "x." + host, strings.Replace(host, "localhost", "localhost.", 1),
			strings.Replace(host, "localhost", "localhost.evil.example", 1), strings.Replace(host, ".lambda-url.", ".lambda-url..", 1), w.iamURL,
		} {
			r.host = sent
			if a := w.send(t, r); a.status != 403 {
				t.Errorf("%s: %v", sent, a)
			}
		}
	})

	t.Run("by somebody else", func(t *testing.T) {
		presigned := w.url(w.iamURL, "GET", "/", "").presigned(good)
		for _, r := range []request{presigned.signed(w.mallory.signing("lambda")), presigned.with("Authorization: AWS4-HMAC-SHA256 Credential=" + w.mallory.id)} {
			if a := w.send(t, r); a.status != 403 {
				t.Errorf("%v", a)
			}
		}
		presigned.target = strings.Replace(presigned.target, w.alice.id, w.rootA.id, 1)
		w.planes()[0].refuses(t, w.send(t, presigned), mismatch, messageMismatch)
	})
}

// createURLFor makes a function of account A with a function URL, and returns the URL's id.
func (w *world) createURLFor(t *testing.T, function string) string {
	t.Helper()
	w.rootA.createFunction(t, function)
	return w.rootA.createURL(t, function, "AWS_IAM")
}

// Parameters of the Query protocol in two places, or twice.
func TestQueryProtocol(t *testing.T) { // aws-iam-authenticator CVE-2022-2385
	t.Parallel()
	w := newWorld(t)
	w.rootA.iam(t, "PutUserPolicy", "UserName", "mallory", "PolicyName", "get", "PolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetUser","iam:ListUsers"],"Resource":"*"}]}`)
	const get, create = "Action=GetUser&UserName=mallory&Version=2010-05-08", "Action=CreateUser&UserName=intruder&Version=2010-05-08"
	send := func(target, body, contentType string) answer {
		r := w.api("POST", target, body)
		if contentType != "" {
			r = r.with("Content-Type: " + contentType)
		}
		return w.send(t, r.signed(w.mallory.signing("iam")))
	}
	iam := w.planes()[3]
	const form = "application/x-www-form-urlencoded"
	// Whatever the place of the second Action, the one that is authorised is the one that is done.
	for _, test := range []struct{ target, body, contentType string }{
		{"/?" + create, get, form}, {"/?" + get, create, form}, {"/", get + "&" + create, form}, {"/", create + "&" + get, form},
		{"/", strings.ReplaceAll(get+"&"+create, "Action", "Act%69on"), form}, {"/?" + get, create, "text/plain"}, {"/?" + create, get, "text/plain"},
		{"/?" + get, create, "application/x-www-form-urlencoded; charset=utf-7"}, {"/?" + get, create, "APPLICATION/X-WWW-FORM-URLENCODED"}, {"/", "action=CreateUser&" + get, form},
		{"/", get + ";" + create, form}, {"/?Action=GetUser&Action=CreateUser&UserName=intruder&Version=2010-05-08", "", ""}, {"/CreateUser?" + get, create, form},
	} {
		a := send(test.target, test.body, test.contentType)
		if a.status == 200 && !strings.Contains(a.body, "<GetUserResponse") {
			t.Errorf("%s %s: %v", test.target, test.body, a)
		}
		iam.harm(t)
	}
	for _, header := range []string{"X-Amz-Target: IAM.CreateUser", "X-HTTP-Method-Override: DELETE", "X-Amz-Action: CreateUser", "Action: CreateUser"} {
		a := w.send(t, w.form("iam", get).with(header).signed(w.mallory.signing("iam")))
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
		if a := send("/", body, form); a.status < 400 || a.status >= 500 {
			t.Errorf("%s: %v", name, a)
		}
	}
	if a := send("/", "Action=%3Cscript%3E%00%1b&Version=%3Cx", form); a.status != 400 || strings.Contains(a.body, "<script>") || strings.ContainsAny(a.body, "\x00\x1b") {
		t.Errorf("an action of markup: %v", a)
	}
	// What needs no signature is one operation, and no other under its name.
	for _, body := range []string{
		"Action=AssumeRoleWithWebIdentity&Action=GetCallerIdentity&Version=2011-06-15", "Action=GetCallerIdentity&Action=AssumeRoleWithWebIdentity&Version=2011-06-15",
		"Action=AssumeRoleWithWebIdentity&Version=2010-05-08", "Action=CreateUser&UserName=intruder&Version=2010-05-08&Action=AssumeRoleWithWebIdentity",
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=intruder&WebIdentityToken=eyJhbGciOiJub25lIn0.e30.&RoleArn=" + url.QueryEscape(callerRole(accountA)),
	} {
		for _, r := range []request{w.form("sts", body), {method: "GET", target: "/?" + body, host: w.address}, {method: "POST", target: "/?" + body, host: w.address}} {
			for _, r := range []request{r, r.with("Authorization:"), r.with("Authorization: none")} {
				if a := w.send(t, r); a.status < 400 || strings.Contains(a.body, "<SecretAccessKey>") {
					t.Errorf("%s: %v", body, a)
				}
			}
		}
	}
	iam.harm(t)
}

// Names that would lead out of where names belong.
func TestNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.rootA.signing("lambda")
	names := []string{
		"..", ".", "%2e%2e", "..%2F..%2Fetc%2Fpasswd", "%2E%2E%2F", "a%00b", "a%0d%0aX: y", "%C0%AE%C0%AE", "target%2f..%2fopen", "target;x", "target%20", "%20target",
		"TARGET", "target%00", "..%5C..%5C", "arn%3Aaws%3Alambda%3A..%3A..%3Afunction%3Atarget", "arn:aws:lambda:" + region + ":" + accountA + ":function:../x",
		"arn:aws:s3:::target", accountB + ":target:x:y", ":::::", "target:", "target:$LATEST:x", "target:..", strings.Repeat("a", 65), strings.Repeat("a", 5000),
		"%E2%80%AEtegrat", "t\xc3\xa4rget", "%F0%9F%94%91",
	}
	for _, name := range names {
		for _, test := range []struct{ method, path, body string }{
			{"GET", "/2015-03-31/functions/" + name, ""}, {"DELETE", "/2015-03-31/functions/" + name, ""},
			{"POST", "/2015-03-31/functions/" + name + "/invocations", "{}"}, {"GET", "/2021-10-31/functions/" + name + "/url", ""},
			{"POST", "/2015-03-31/functions/" + name + "/policy", `{"StatementId":"x","Action":"lambda:*","Principal":"*"}`},
			{"GET", "/2017-03-31/tags/" + name, ""},
		} {
			a := w.send(t, w.api(test.method, test.path, test.body).signed(good))
			if a.status < 400 || a.status >= 500 || len(a.header["X"]) > 0 {
				t.Errorf("%s %s: %v", test.method, test.path, a)
			}
		}
		log := w.asOwner("/_furl/logs?lines=5&function=" + strings.ReplaceAll(name, " ", "%20"))
		if a := w.send(t, log); a.status != 404 && a.status != 400 {
			t.Errorf("log of %s: %v", name, a)
		}
	}
	for _, name := range []string{"../x", "a/b", "a\x00b", "a b", "", strings.Repeat("a", 65), "äöü", "a\r\nb", "<x>", "${aws:username}", "*"} {
		if a := w.rootA.query(t, "iam", "CreateUser", "UserName", name); a.status != 400 {
			t.Errorf("user %q: %v", name, a)
		}
		if a := w.alice.query(t, "sts", "AssumeRole", "RoleArn", callerRole(accountA), "RoleSessionName", name); a.status != 400 {
			t.Errorf("session %q: %v", name, a)
		}
		if a := w.rootA.query(t, "iam", "CreateRole", "RoleName", "path", "Path", "/"+name+"/../", "AssumeRolePolicyDocument", trustLambda); name == "a\r\nb" && a.status != 400 {
			t.Errorf("path %q: %v", name, a)
		}
	}
	for _, region := range []string{"..", "eu-central-1%0a", "EU-CENTRAL-1", "eu-central-1.evil.example", strings.Repeat("a", 300)} {
		s := good
		s.region = region
		if a := w.send(t, w.api("GET", "/2015-03-31/functions", "").signed(s)); a.status != 403 {
			t.Errorf("region %s: %v", region, a)
		}
	}
}

// Bodies above the limit are refused before they are authenticated, in the plane's own words.
func TestOversize(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		plane  int
		target string
		size   int64
		text   string
	}{
		{0, "/", 6291457, "Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
		{2, "/2015-03-31/functions/target/invocations", 6291457, "Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
		{2, "/2015-03-31/functions", 70167212, "Request must be smaller than 70167211 bytes for the CreateFunction operation"},
		{2, "/2015-03-31/functions/target/policy", 1<<20 + 1, "Request must be smaller than 1048576 bytes for the AddPermission operation"},
		{3, "/", 10_000_001, ""},
		{4, "/", 10_000_001, ""},
	} {
		p := w.planes()[test.plane]
		t.Run(fmt.Sprint(p.name, test.target), func(t *testing.T) {
			unknown := w.good(p)
			unknown.key.id = "AKIAIOSFODNN7EXAMPLE"
			for _, s := range []signing{w.good(p), unknown} {
				// Nothing is sent of it: who waited for it would not answer.
				r := p.request
				r.target, r.body = test.target, ""
				r = r.signed(s).with(fmt.Sprintf("Content-Length: %d", test.size))
				r.framed = true
				start := time.Now()
				p.refuses(t, w.send(t, r), tooLarge, test.text)
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("it took %s", took)
				}
			}
		})
	}
	t.Run("chunked", func(t *testing.T) {
		p := w.planes()[0]
		r := p.request.signed(w.good(p)).with("Transfer-Encoding: chunked")
		r.framed, r.body = true, strings.Repeat(chunk(strings.Repeat("x", 1<<20)), 7)+"0\r\n\r\n"
		p.refuses(t, w.send(t, r), tooLarge, "Request must be smaller than 6291456 bytes for the InvokeFunction operation")
	})
}
