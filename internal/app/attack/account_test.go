//go:build unix

package attack_test

import (
	"encoding/json"
	"strings"
	"testing"
)

const bodyForbidden = `{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: ` +
	`https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}`

// forbidden expects the refusal of a caller whose signature is good.
func forbidden(t *testing.T, what string, a answer) {
	t.Helper()
	if a.status != 403 || a.body != bodyForbidden || a.header.Get("X-Amzn-Errortype") != "AccessDeniedException" {
		t.Errorf("%s: %v", what, a)
	}
}

// denied expects the refusal of a caller of an API.
func denied(t *testing.T, what string, a answer) {
	t.Helper()
	if a.status != 403 || !strings.Contains(a.body, "is not authorized to perform") {
		t.Errorf("%s: %v", what, a)
	}
}

// nobody expects the refusal of a key that is nobody's, or nobody's any more.
func nobody(t *testing.T, what string, a answer) {
	t.Helper()
	if a.status != 403 || !strings.Contains(a.body, "security token") {
		t.Errorf("%s: %v", what, a)
	}
}

// Callers of the same name in two accounts are two callers.
func TestAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine, theirs := w.alice.assume(t, callerRole(accountA), "same"), w.bob.assume(t, callerRole(accountB), "same")
	callURL := func(id string, by person) answer {
		return by.call(t, id)
	}

	for what, by := range map[string]person{"user": w.bob, "role": theirs, "root": w.rootB} {
		forbidden(t, "the other account's "+what, callURL(w.iamURL, by))
	}
	seen := w.ran(t, callURL(w.iamURL, mine))
	if iam := seen.RequestContext.Authorizer.IAM; iam.UserARN != "arn:aws:sts::"+accountA+":assumed-role/caller/same" ||
		iam.AccountID != accountA {
		t.Errorf("the function saw %+v", iam)
	}
	// A permission for one account's role is none for the other's.
	for i, action := range []string{
		`"Action":"lambda:InvokeFunctionUrl","FunctionUrlAuthType":"AWS_IAM"`,
		`"Action":"lambda:InvokeFunction","InvokedViaFunctionUrl":true`,
	} {
		w.rootB.permit(t, "target", []string{"url", "invoke"}[i], action+`,"Principal":"`+callerRole(accountA)+`"`)
	}
	w.ran(t, callURL(w.otherURL, mine))
	forbidden(t, "a user whose role is permitted", callURL(w.otherURL, w.alice))
	w.rootA.createRole(t, "stranger", trustAccount(accountA), mayDoAnything)
	forbidden(t, "another role of the permitted one's account",
		callURL(w.otherURL, w.alice.assume(t, "arn:aws:iam::"+accountA+":role/stranger", "same")))

	t.Run("a role that is made again is another one", func(t *testing.T) {
		w.rootA.iam(t, "DeleteRolePolicy", "RoleName", "caller", "PolicyName", "policy")
		w.rootA.iam(t, "DeleteRole", "RoleName", "caller")
		nobody(t, "the old session", callURL(w.otherURL, mine))
		w.rootA.createRole(t, "caller", trustAccount(accountA), mayDoLambda)
		nobody(t, "the old session, with the new role", callURL(w.otherURL, mine))
		forbidden(t, "the new role with the old one's permission",
			callURL(w.otherURL, w.alice.assume(t, callerRole(accountA), "same")))
	})

	t.Run("the other account's control plane", func(t *testing.T) {
		theirPolicy := "arn:aws:iam::" + accountB + ":policy/x"
		theirFunction := "arn:aws:lambda:" + region + ":" + accountB + ":function:target"
		escaped := strings.ReplaceAll(theirFunction, ":", "%3A")
		for _, by := range []person{w.alice, w.rootA} {
			for _, name := range []string{theirFunction, escaped, accountB + ":target", accountB + ":function:target"} {
				for _, call := range []struct{ method, path, body string }{
					{"GET", "/2015-03-31/functions/" + name, ""}, {"DELETE", "/2015-03-31/functions/" + name, ""},
					{"POST", "/2015-03-31/functions/" + name + "/invocations", "{}"},
					{"PUT", "/2015-03-31/functions/" + name + "/configuration", "{}"},
					{"GET", "/2015-03-31/functions/" + name + "/policy", ""},
					{"POST", "/2021-10-31/functions/" + name + "/url", `{"AuthType":"NONE"}`},
					{"POST", "/2015-03-31/functions/" + name + "/policy", `{"StatementId":"x","Action":"lambda:*","Principal":"*"}`},
				} {
					denied(t, call.method+" "+call.path, by.ask(t, call.method, call.path, call.body))
				}
			}
		}
		if a := w.alice.query(t, "sts", "AssumeRole", "RoleArn", callerRole(accountB), "RoleSessionName",
			"thief"); a.status != 403 {
			t.Errorf("a role of the other account: %v", a)
		}
		if a := w.rootA.lambda(t, "GET", "/2015-03-31/functions", ""); strings.Contains(a.body, accountB) {
			t.Errorf("the list of functions: %v", a)
		}
		if a := w.rootA.iam(t, "ListRoles"); strings.Contains(a.body, accountB) {
			t.Errorf("the list of roles: %v", a)
		}
		takeRole := func(role string) answer {
			return w.rootA.ask(t, "PUT", "/2015-03-31/functions/target/configuration", `{"Role":"`+role+`"}`)
		}
		a := takeRole("arn:aws:iam::" + accountB + ":role/execution")
		if a.status != 403 || !strings.Contains(a.body, "Cross-account pass role is not allowed.") {
			t.Errorf("a function with a role of the other account: %v", a)
		}
		if a := takeRole("arn:aws-cn:iam::" + accountB + ":role/execution"); a.status != 400 {
			t.Errorf("a function with a role of the other account, in another partition: %v", a)
		}
		for _, test := range []struct {
			action     string
			status     int
			parameters []string
		}{
			{"AttachRolePolicy", 404, []string{"RoleName", "caller", "PolicyArn", theirPolicy}},
			{"GetRole", 400, []string{"RoleName", "arn:aws:iam::" + accountB + ":role/execution"}},
			{"UpdateAccessKey", 404, []string{"UserName", "alice", "AccessKeyId", w.bob.id, "Status", "Inactive"}},
			{"DeleteAccessKey", 404, []string{"UserName", "alice", "AccessKeyId", w.bob.id}},
			{"GetPolicy", 404, []string{"PolicyArn", theirPolicy}},
			{"PutRolePermissionsBoundary", 404, []string{"RoleName", "caller", "PermissionsBoundary", theirPolicy}},
		} {
			if a := w.rootA.query(t, "iam", test.action, test.parameters...); a.status != test.status {
				t.Errorf("%s %q: %v, want %d", test.action, test.parameters, a, test.status)
			}
		}
		w.ran(t, callURL(w.otherURL, w.bob))
		if a := w.bob.query(t, "sts", "GetCallerIdentity"); a.status != 200 {
			t.Errorf("the other account's key: %v", a)
		}
	})
}

// A function's credentials are those of its role, and of nothing else.
func TestFunction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.rootA.lambda(t, "POST", "/2015-03-31/functions/target/invocations", `"credentials"`)
	var own struct{ ID, Secret, Token string }
	if err := json.Unmarshal([]byte(a.body), &own); err != nil || own.ID == "" || !w.executed(t)[a.id()] {
		t.Fatalf("%v, %v", a, err)
	}
	w.mean(a)
	function := w.person(key{own.ID, own.Secret, own.Token})
	if a := function.query(t, "sts", "GetCallerIdentity"); between(a.body,
		"<Arn>") != "arn:aws:sts::"+accountA+":assumed-role/execution/target" {
		t.Errorf("the function is %v", a)
	}
	w.ran(t, function.call(t, w.iamURL))

	theirs := accountB + ":function:target"
	forbidden(t, "the other account's function URL", function.call(t, w.otherURL))
	denied(t, "the other account's function",
		function.ask(t, "POST", "/2015-03-31/functions/"+theirs+"/invocations", "{}"))
	denied(t, "the other account's code", function.ask(t, "GET", "/2015-03-31/functions/"+theirs, ""))
	// its role may do anything, in its account
	if a := function.query(t, "iam", "CreateUser", "UserName", "made-by-function"); a.status != 200 {
		t.Errorf("%v", a)
	}
	if a := w.rootB.query(t, "iam", "GetUser", "UserName", "made-by-function"); a.status != 404 {
		t.Errorf("the user is in the other account: %v", a)
	}
	if a := function.query(t, "sts", "GetSessionToken"); a.status != 403 {
		t.Errorf("a session token for a session: %v", a)
	}
	// Without its role it is nobody, from then on.
	w.rootA.iam(t, "DeleteRolePolicy", "RoleName", "execution", "PolicyName", "policy")
	forbidden(t, "without its policy", function.call(t, w.iamURL))
	w.rootA.iam(t, "DeleteRole", "RoleName", "execution")
	w.rootA.createRole(t, "execution", trustLambda, mayDoAnything)
	nobody(t, "with a role made again", function.call(t, w.iamURL))
}
