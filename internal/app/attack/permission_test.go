//go:build unix

package attack_test

import (
	"strings"
	"testing"
)

// A change of a policy counts from the next request on.
func TestPolicyChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := func() answer {
		return w.mallory.call(t, w.iamURL)
	}
	first, second := statement("Allow", "lambda:InvokeFunctionUrl"), statement("Allow", "lambda:InvokeFunction")
	both, deny := document(first, second), document(statement("Deny", "lambda:InvokeFunction*"))
	forbidden(t, "at first", call())
	for range 3 {
		w.rootA.allow(t, "mallory", "p", both)
		w.ran(t, call())
		w.rootA.allow(t, "mallory", "q", deny)
		forbidden(t, "denied", call())
		w.rootA.iam(t, "DeleteUserPolicy", "UserName", "mallory", "PolicyName", "q")
		w.ran(t, call())
		w.rootA.iam(t, "DeleteUserPolicy", "UserName", "mallory", "PolicyName", "p")
		forbidden(t, "not allowed any more", call())
	}
	w.rootA.allow(t, "mallory", "p", document(first))
	forbidden(t, "with one of the two actions", call())
	w.rootA.allow(t, "mallory", "p", both)
	w.rootA.iam(t, "UpdateAccessKey", "UserName", "mallory", "AccessKeyId", w.mallory.id, "Status", "Inactive")
	nobody(t, "with an inactive key", call())
	w.rootA.iam(t, "UpdateAccessKey", "UserName", "mallory", "AccessKeyId", w.mallory.id, "Status", "Active")
	w.ran(t, call())
	w.rootA.lambda(t, "DELETE", "/2021-10-31/functions/target/url", "")
	if a := call(); a.status != 403 || a.body != `{"Message":null}` {
		t.Errorf("without its URL: %v", a)
	}
}

// What a request says of itself feeds no condition, be it signed or not.
func TestConditions(t *testing.T) { // MinIO CVE-2026-97731 and the other cases of unsigned x-amz-* headers
	t.Parallel()
	w := newWorld(t)
	lines := []string{
		"X-Forwarded-For: 203.0.113.7", "X-Real-IP: 203.0.113.7", "Forwarded: for=203.0.113.7",
		"X-Amz-Source-Ip: 203.0.113.7", "Client-IP: 203.0.113.7", "X-Amzn-Client-Ip: 203.0.113.7", "Via: 203.0.113.7",
		"X-Amz-Source-Arn: arn:aws:cloudfront::" + accountA + ":distribution/X", "X-Amz-Source-Account: " + accountA,
		"X-Amz-SourceArn: arn:aws:cloudfront::" + accountA + ":distribution/X",
		"X-Amz-Mfa: true", "X-Amz-MultiFactorAuthPresent: true", "X-Amz-Security-Token-Issue-Time: 1",
		"X-Forwarded-Proto: https", "X-Amzn-Vpce-Id: vpce-1", "X-Amz-Vpc-Endpoint-Id: vpce-1",
		"X-Amz-Principal-Org-Id: o-aaaaaaaaaa", "X-Amz-Invoked-Via-Function-Url: true", "X-Amz-Principal-Tag-Admin: true",
		"X-Amz-Function-Url-Auth-Type: NONE",
	}
	conditions := map[string]string{
		"the address":      `"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`,
		"the source":       `"StringLike":{"aws:SourceArn":"*"}`,
		"the account":      `"StringEquals":{"aws:SourceAccount":"` + accountA + `"}`,
		"MFA":              `"Bool":{"aws:MultiFactorAuthPresent":"true"}`,
		"TLS":              `"Bool":{"aws:SecureTransport":"true"}`,
		"the endpoint":     `"StringLike":{"aws:SourceVpce":"*"}`,
		"the organization": `"StringLike":{"aws:PrincipalOrgID":"*"}`,
		"a tag":            `"StringEquals":{"aws:PrincipalTag/Admin":"true"}`,
		"a service":        `"Bool":{"aws:PrincipalIsAWSService":"true"}`,
		"the token":        `"StringLike":{"aws:TokenIssueTime":"*"}`,
	}
	for what, condition := range conditions {
		w.rootA.allow(t, "mallory", "p", document(under(statement("Allow", "lambda:*"), condition)))
		s := w.mallory.signing("lambda")
		r := w.url(w.iamURL, "GET", "/", "")
		forbidden(t, what+", unsigned headers", w.send(t, r.signed(s).with(lines...)))
		for _, line := range lines {
			name, _, _ := strings.Cut(line, ":")
			s.names = append(s.names, strings.ToLower(name))
		}
		forbidden(t, what+", signed headers", w.send(t, r.with(lines...).signed(s)))
		forbidden(t, what+", presigned", w.send(t, w.mallory.presigns(r).with(lines...)))
		s.names = nil
		denied(t, what+", the API", w.send(t,
			w.mallory.signs(w.api("POST", "/2015-03-31/functions/target/invocations", "{}")).with(lines...)))
	}
	// A deny is not escaped from either.
	fromHere := under(statement("Deny", "*"), `"IpAddress":{"aws:SourceIp":"127.0.0.1/32"}`)
	w.rootA.allow(t, "mallory", "p", document(statement("Allow", "lambda:*"), fromHere))
	forbidden(t, "a deny by address", w.send(t, w.mallory.signs(w.url(w.iamURL, "GET", "/", "")).with(lines...)))

	t.Run("a variable that a session has no value for", func(t *testing.T) {
		w.rootA.allowRole(t, "caller", "policy", document(
			under(statement("Allow", "lambda:*"), `"StringEquals":{"aws:userid":"${aws:username}"}`)))
		session := w.alice.assume(t, callerRole(accountA), "aws.username")
		forbidden(t, "an unknown variable", session.call(t, w.iamURL))
	})
}

// A URL that asks for no signature has no caller, whatever a request says.
func TestOpenURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.url(w.openURL, "GET", "/", "")
	for what, r := range map[string]request{
		"signed by root":      w.rootA.signs(r),
		"signed wrongly":      w.rootA.wrong().signs(r),
		"signed by nobody":    r.with("Authorization: AWS4-HMAC-SHA256 Credential=root"),
		"presigned wrongly":   r.presigned(signing{key: key{w.rootA.id, "wrong", ""}, service: "s3", region: "x"}),
		"with a bearer token": r.with("Authorization: Bearer token"),
	} {
		if seen := w.ran(t, w.send(t, r)); seen.RequestContext.Authorizer != nil {
			t.Errorf("%s: the function saw %+v", what, seen.RequestContext.Authorizer)
		}
	}
	// The key of a caller does not make up for the permission that everybody lacks.
	w.rootA.lambda(t, "DELETE", "/2015-03-31/functions/open/policy/invoke", "")
	forbidden(t, "root, with one permission missing", w.rootA.send(t, r))
	forbidden(t, "anybody", w.send(t, r))
}
