//go:build unix

package attack_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// person is somebody who sends requests to the server: a user, a session of a role, the root user of an account, a
// function, or anybody who signs nothing.
type person struct {
	key
	w       *world
	account string
}

// person is who has the key. The world remembers it: no log may show its secrets.
func (w *world) person(k key) person {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, k.secret)
	if k.token != "" {
		w.secrets = append(w.secrets, k.token)
	}
	return person{key: k, w: w}
}

// stranger is somebody whose key the server has never given out.
func (w *world) stranger(id, secret, token string) person {
	return person{key: key{id, secret, token}, w: w}
}

// wrong is somebody who knows the person's access key id, and not the secret.
func (p person) wrong() person {
	p.secret = "wrong"
	return p
}

// of is the person in an account.
func (p person) of(account string) person {
	p.account = account
	return p
}

// signing is a good signature of the person.
func (p person) signing(service string) signing {
	s := signing{key: p.key, service: service, region: region, at: p.w.now()}
	if service == "iam" {
		s.region = "us-east-1"
	}
	return s
}

// signs signs a request as it should be. Who has no key leaves it unsigned.
func (p person) signs(r request) request {
	if p.key == (key{}) {
		return r
	}
	return r.signed(p.signing(r.service))
}

// presigns signs a request in its query.
func (p person) presigns(r request) request { return r.presigned(p.signing(r.service)) }

// send signs a request and sends it.
func (p person) send(t testing.TB, r request) answer {
	t.Helper()
	return p.w.send(t, p.signs(r))
}

// call calls a function URL.
func (p person) call(t testing.TB, url string) answer {
	t.Helper()
	return p.get(t, url, "/")
}

// get gets a path of a function URL.
func (p person) get(t testing.TB, url, target string) answer {
	t.Helper()
	return p.send(t, p.w.url(url, "GET", target, ""))
}

// post posts a body to a path of a function URL.
func (p person) post(t testing.TB, url, target, body string) answer {
	t.Helper()
	return p.send(t, p.w.url(url, "POST", target, body))
}

// ask calls the Lambda API, or gets a page.
func (p person) ask(t testing.TB, method, path, body string) answer {
	t.Helper()
	return p.send(t, p.w.api(method, path, body))
}

// query calls an API of the Query protocol.
func (p person) query(t testing.TB, service, action string, parameters ...string) answer {
	t.Helper()
	return p.send(t, p.w.action(service, action, parameters...))
}

// lambda calls the Lambda API, which does as it is asked.
func (p person) lambda(t testing.TB, method, path, body string) answer {
	t.Helper()
	a := p.ask(t, method, path, body)
	if a.status >= 300 {
		t.Fatalf("%s %s: %v", method, path, a)
	}
	return a
}

// iam calls the IAM API, which does as it is asked.
func (p person) iam(t testing.TB, action string, parameters ...string) answer {
	t.Helper()
	a := p.query(t, "iam", action, parameters...)
	if a.status != 200 {
		t.Fatalf("%s %q: %v", action, parameters, a)
	}
	return a
}

// createFunction makes a function that notes in the ledger that it ran, and answers with its event.
func (p person) createFunction(t testing.TB, name string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"FunctionName": name, "Runtime": "provided.al2023", "Handler": "x", "Timeout": int(held.Seconds()),
		"MemorySize": 1024, "Role": "arn:aws:iam::" + p.account + ":role/execution", // with the race detector
		"Code": map[string][]byte{
			"ZipFile": pack(t, packed{"bootstrap", "#!/bin/sh\nexec \"$ATTACK_PROGRAM\"\n", 0o755}),
		},
		"Environment": p.variables(nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.lambda(t, "POST", "/2015-03-31/functions", string(body))
}

// setVariables gives a function further variables.
func (p person) setVariables(t testing.TB, function string, further map[string]string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"Environment": p.variables(further)})
	if err != nil {
		t.Fatal(err)
	}
	p.lambda(t, "PUT", "/2015-03-31/functions/"+function+"/configuration", string(body))
}

// variables are those of a function, with further ones.
func (p person) variables(further map[string]string) map[string]any {
	all := map[string]string{"ATTACK_PROGRAM": p.w.program, "ATTACK_LEDGER": p.w.ledger}
	maps.Copy(all, further)
	return map[string]any{"Variables": all}
}

// createURL makes a function URL and returns its id.
func (p person) createURL(t testing.TB, function, authType string) string {
	t.Helper()
	path := "/2021-10-31/functions/" + function + "/url"
	return functionURL(t, p.lambda(t, "POST", path, `{"AuthType":"`+authType+`"}`))
}

// openURL makes a function URL that anybody may call, and returns its id.
func (p person) openURL(t testing.TB, function string) string {
	t.Helper()
	id := p.createURL(t, function, "NONE")
	p.permit(t, function, "url", `"Action":"lambda:InvokeFunctionUrl","Principal":"*","FunctionUrlAuthType":"NONE"`)
	p.permit(t, function, "invoke", `"Action":"lambda:InvokeFunction","Principal":"*","InvokedViaFunctionUrl":true`)
	return id
}

// permit adds a statement to a function's policy.
func (p person) permit(t testing.TB, function, id, members string) {
	t.Helper()
	p.lambda(t, "POST", "/2015-03-31/functions/"+function+"/policy", `{"StatementId":"`+id+`",`+members+`}`)
}

// createRole makes a role with a policy, and with none if that is empty.
func (p person) createRole(t testing.TB, name, trust, policy string) {
	t.Helper()
	p.iam(t, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust)
	if policy != "" {
		p.allowRole(t, name, "policy", policy)
	}
}

// allow gives a user a policy in place of the one of that name.
func (p person) allow(t testing.TB, user, name, policy string) {
	t.Helper()
	p.iam(t, "PutUserPolicy", "UserName", user, "PolicyName", name, "PolicyDocument", policy)
}

// allowRole gives a role a policy in place of the one of that name.
func (p person) allowRole(t testing.TB, role, name, policy string) {
	t.Helper()
	p.iam(t, "PutRolePolicy", "RoleName", role, "PolicyName", name, "PolicyDocument", policy)
}

// createUser makes a user with a key, and with a policy if there is one.
func (p person) createUser(t testing.TB, name, policy string) person {
	t.Helper()
	p.iam(t, "CreateUser", "UserName", name)
	if policy != "" {
		p.allow(t, name, "policy", policy)
	}
	return p.createKey(t, name)
}

// createKey makes a key of a user.
func (p person) createKey(t testing.TB, user string) person {
	t.Helper()
	return p.given(t, p.iam(t, "CreateAccessKey", "UserName", user))
}

// assume makes a session of a role.
func (p person) assume(t testing.TB, role, session string) person {
	t.Helper()
	return p.given(t, p.query(t, "sts", "AssumeRole", "RoleArn", role, "RoleSessionName", session))
}

// given is who has the key that an answer gives out.
func (p person) given(t testing.TB, a answer) person {
	t.Helper()
	made := key{between(a.body, "<AccessKeyId>"), between(a.body, "<SecretAccessKey>"), between(a.body, "<SessionToken>")}
	if a.status != 200 || made.id == "" || made.secret == "" {
		t.Fatalf("no key was given out: %v", a)
	}
	return p.w.person(made).of(p.account)
}

// between is the text of the XML element.
func between(text, element string) string {
	_, text, _ = strings.Cut(text, element)
	text, _, _ = strings.Cut(text, "<")
	return text
}
