//go:build unix

package dataplane_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/sigv4"
)

// TestConditionKeysOfURLCalls: each condition key that the Service Authorization Reference lists for the two actions of a
// call, and the global ones, with the place that its value comes from. A value of "-" is an absent key, one of "*" any.
func TestConditionKeysOfURLCalls(t *testing.T) {
	const function = "arn:aws:lambda:" + region + ":" + here + ":function:web"
	keys := []struct{ key, from, url, invoke string }{
		{"lambda:FunctionUrlAuthType", "the URL", "AWS_IAM", "-"},
		{"lambda:FunctionArn", "the function", function, "-"},
		{"lambda:InvokedViaFunctionUrl", "the call", "-", "true"},
		{"lambda:EventSourceToken", "Alexa alone has one", "-", "-"},
		{"lambda:SourceFunctionArn", "the function whose session calls", "arn:aws:lambda:us-east-1:" + here + ":function:source", "arn:aws:lambda:us-east-1:" + here + ":function:source"},
		{"aws:ResourceTag/Team", "the function's tags", "books", "books"},
		{"AWS:RESOURCETAG/team", "the same: case does not matter", "books", "books"},
		{"aws:ResourceTag/empty", "the same", "", ""},
		{"aws:ResourceTag/other", "the function has no such tag", "-", "-"},
		{"aws:RequestTag/Team", "a call sets no tags", "-", "-"},
		{"aws:TagKeys", "the same", "-", "-"},

		{"lambda:Principal", "AddPermission and RemovePermission", "-", "-"},
		{"lambda:Layer", "CreateFunction", "-", "-"},
		{"lambda:VpcIds", "CreateFunction", "-", "-"},
		{"lambda:SubnetIds", "CreateFunction", "-", "-"},
		{"lambda:SecurityGroupIds", "CreateFunction", "-", "-"},
		{"lambda:CodeSigningConfigArn", "CreateFunction", "-", "-"},

		{"aws:PrincipalArn", "the session's role", "arn:aws:iam::" + here + ":role/caller", "arn:aws:iam::" + here + ":role/caller"},
		{"aws:PrincipalAccount", "the caller", here, here},
		{"aws:PrincipalType", "the caller", "AssumedRole", "AssumedRole"},
		{"aws:PrincipalTag/unit", "the role's and the session's tags", "7", "7"},
		{"aws:userid", "the role's id and the session's name", "AROACALLER:session", "AROACALLER:session"},
		{"aws:username", "users alone", "-", "-"},
		{"aws:SourceIdentity", "the session", "alice", "alice"},
		{"aws:TokenIssueTime", "the session", "*", "*"},
		{"aws:MultiFactorAuthPresent", "the session", "false", "false"},
		{"aws:FederatedProvider", "sessions of web identities alone", "-", "-"},
		{"aws:PrincipalIsAWSService", "the caller", "false", "false"},
		{"aws:ViaAWSService", "the call", "false", "false"},
		{"aws:SourceIp", "the connection", "127.0.0.1", "127.0.0.1"},
		{"aws:SecureTransport", "the connection", "false", "false"},
		{"aws:UserAgent", "the request", "keys", "keys"},
		{"aws:referer", "the request", "http://example.com", "http://example.com"},
		{"aws:RequestedRegion", "the URL", region, region},
		{"aws:ResourceAccount", "the function", here, here},
		{"aws:CurrentTime", "the clock", "*", "*"},
		{"aws:EpochTime", "the clock", "*", "*"},

		{"aws:SourceVpc", "function URLs are public", "-", "-"},
		{"aws:SourceVpce", "the same", "-", "-"},
		{"aws:VpcSourceIp", "the same", "-", "-"},
		{"aws:SourceArn", "services alone", "-", "-"},
		{"aws:SourceAccount", "the same", "-", "-"},
		{"aws:CalledVia", "the same", "-", "-"},
		{"aws:PrincipalServiceName", "the same", "-", "-"},
		{"aws:PrincipalOrgID", "accounts have no organization here", "-", "-"},
	}
	w := newWorld(t)
	w.changed(func(f *lambda.Function) { f.Tags = map[string]string{"Team": "books", "empty": ""} })
	session, err := iam.NewSession(rand.Reader, iam.Session{
		Account: here, Role: "caller", RoleID: "AROACALLER", SessionName: "session", SourceIdentity: "alice", Tags: map[string]string{"unit": "7"},
		Claims: map[string][]string{"lambda:SourceFunctionArn": {"arn:aws:lambda:us-east-1:" + here + ":function:source"}},
	}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	w.update(func(tx *state.Tx) error { tx.PutTransientSession(session); return nil })
	caller := sigv4.Credentials{AccessKeyID: session.AccessKeyID, Secret: sigv4.NewSecret(session.Secret), SessionToken: session.Token}
	call := func(action, other, condition string) int {
		document := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":%q,"Resource":"*"},{"Effect":"Allow","Action":%q,"Resource":"*","Condition":{%s}}]}`, other, action, condition)
		role := &iam.Role{Account: here, Name: "caller", Path: "/", ID: "AROACALLER", Grants: iam.Grants{Inline: w.inline(document)}}
		w.update(func(tx *state.Tx) error { return tx.Put(role) })
		request := w.request("GET", "/", "")
		request.Header.Set("User-Agent", "keys")
		request.Header.Set("Referer", "http://example.com")
		return w.do(w.sign(request, caller, "")).status
	}
	for _, k := range keys {
		for _, side := range [][3]string{{lambda.ActionInvokeURL, lambda.ActionInvoke, k.url}, {lambda.ActionInvoke, lambda.ActionInvokeURL, k.invoke}} {
			action, other, want := side[0], side[1], side[2]
			absent := call(action, other, fmt.Sprintf(`"Null":{%q:"true"}`, k.key)) == 200
			if absent != (want == "-") {
				t.Errorf("%s of %s: absent is %t", k.key, action, absent)
			}
			if want == "-" || want == "*" {
				continue
			}
			if got := call(action, other, fmt.Sprintf(`"StringEquals":{%q:%q}`, k.key, want)); got != 200 {
				t.Errorf("%s of %s is not %q", k.key, action, want)
			}
			if got := call(action, other, fmt.Sprintf(`"StringEquals":{%q:%q}`, k.key, want+"x")); got != 403 {
				t.Errorf("%s of %s is anything", k.key, action)
			}
		}
	}
}
