//go:build unix

package attack_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
)

// change is a round of changes to the world. After each of them somebody finds out whether it is in force. The round
// ends as it began. The name is for what it makes.
type change struct {
	name string
	make func(k *soak, t testing.TB, name string)
}

var changes = []change{
	{"user", (*soak).changeUser},
	{"group", (*soak).changeGroup},
	{"role", (*soak).changeRole},
	{"policy", (*soak).changePolicy},
	{"permission", (*soak).changePermission},
	{"function", (*soak).changeFunction},
	{"configuration", (*soak).changeConfiguration},
}

// iam changes something through the IAM API.
func (k *soak) iam(t testing.TB, action string, parameters ...string) {
	t.Helper()
	k.changes.Add(1)
	k.w.rootA.iam(t, action, parameters...)
}

// lambda changes something through the Lambda API.
func (k *soak) lambda(t testing.TB, method, path string, in any) answer {
	t.Helper()
	k.changes.Add(1)
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return k.w.rootA.lambda(t, method, path, string(body))
}

// remove deletes something through the Lambda API.
func (k *soak) remove(t testing.TB, path string) {
	t.Helper()
	k.changes.Add(1)
	k.w.rootA.lambda(t, "DELETE", path, "")
}

// putPolicy gives a User, Role or Group the inline policy named after its effect, about all that a call of a function
// URL needs.
func (k *soak) putPolicy(t testing.TB, kind, name, effect string) {
	t.Helper()
	policy := document(statement(effect, "lambda:InvokeFunctionUrl"), statement(effect, "lambda:InvokeFunction"))
	k.iam(t, "Put"+kind+"Policy", kind+"Name", name, "PolicyName", effect, "PolicyDocument", policy)
}

// deletePolicy takes it away.
func (k *soak) deletePolicy(t testing.TB, kind, name, effect string) {
	t.Helper()
	k.iam(t, "Delete"+kind+"Policy", kind+"Name", name, "PolicyName", effect)
}

// may has somebody call a function, who is answered.
func (k *soak) may(t testing.TB, by caller) {
	t.Helper()
	k.call(t, k.probe, by)
}

// mayNot has somebody call a function, who is refused.
func (k *soak) mayNot(t testing.TB, by caller, want wording) {
	t.Helper()
	k.refused(t, k.probe, by, want)
}

func (k *soak) refused(t testing.TB, f *rogue, by caller, want wording) {
	t.Helper()
	k.calls.Add(1)
	by.try(t, k.w.url(f.url, "GET", "/", "")).is(t, want)
}

// newUser makes a user with an access key.
func (k *soak) newUser(t testing.TB, name string) caller {
	t.Helper()
	k.iam(t, "CreateUser", "UserName", name)
	return caller{k.w.rootA.createKey(t, name), userARN(name)}
}

func userARN(name string) string { return "arn:aws:iam::" + accountA + ":user/" + name }

// endUser removes what newUser has made.
func (k *soak) endUser(t testing.TB, name string, user caller) {
	t.Helper()
	k.iam(t, "DeleteAccessKey", "UserName", name, "AccessKeyId", user.id)
	k.mayNot(t, user, unknownKey)
	k.iam(t, "DeleteUser", "UserName", name)
}

// changeUser changes a user's own policies and access key.
func (k *soak) changeUser(t testing.TB, name string) {
	user := k.newUser(t, name)
	k.mayNot(t, user, notAuthorized)
	k.putPolicy(t, "User", name, "Allow")
	k.may(t, user)
	k.putPolicy(t, "User", name, "Deny")
	k.mayNot(t, user, notAuthorized)
	k.deletePolicy(t, "User", name, "Deny")
	k.may(t, user)
	k.iam(t, "UpdateAccessKey", "UserName", name, "AccessKeyId", user.id, "Status", "Inactive")
	k.mayNot(t, user, unknownKey)
	k.iam(t, "UpdateAccessKey", "UserName", name, "AccessKeyId", user.id, "Status", "Active")
	k.may(t, user)
	k.deletePolicy(t, "User", name, "Allow")
	k.mayNot(t, user, notAuthorized)
	k.endUser(t, name, user)
}

// changeGroup changes who is in a group, and what the group may.
func (k *soak) changeGroup(t testing.TB, name string) {
	user := k.newUser(t, name)
	k.iam(t, "CreateGroup", "GroupName", name)
	k.putPolicy(t, "Group", name, "Allow")
	k.mayNot(t, user, notAuthorized)
	k.iam(t, "AddUserToGroup", "GroupName", name, "UserName", name)
	k.may(t, user)
	k.putPolicy(t, "Group", name, "Deny")
	k.mayNot(t, user, notAuthorized)
	k.deletePolicy(t, "Group", name, "Deny")
	k.may(t, user)
	k.iam(t, "RemoveUserFromGroup", "GroupName", name, "UserName", name)
	k.mayNot(t, user, notAuthorized)
	k.deletePolicy(t, "Group", name, "Allow")
	k.iam(t, "DeleteGroup", "GroupName", name)
	k.endUser(t, name, user)
}

// changeRole changes a role, and who may assume it.
func (k *soak) changeRole(t testing.TB, name string) {
	const nobody = `{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}`
	const boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	user := k.newUser(t, name)
	k.iam(t, "PutUserPolicy", "UserName", name, "PolicyName", "assume", "PolicyDocument", mayAssume)
	k.iam(t, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trustAccount(accountA))
	session := k.session(t, user.person, name)
	k.mayNot(t, session, notAuthorized)
	k.putPolicy(t, "Role", name, "Allow")
	k.may(t, session)
	k.iam(t, "PutRolePermissionsBoundary", "RoleName", name, "PermissionsBoundary", boundary)
	k.mayNot(t, session, notAuthorized)
	k.iam(t, "DeleteRolePermissionsBoundary", "RoleName", name)
	k.may(t, session)
	k.iam(t, "UpdateAssumeRolePolicy", "RoleName", name, "PolicyDocument", document(nobody))
	a := user.query(t, "sts", "AssumeRole", "RoleArn", roleARN(name), "RoleSessionName", sessionName)
	if a.status != http.StatusForbidden {
		t.Fatalf("AssumeRole of a role that trusts nobody: %v, want 403", a)
	}
	k.may(t, session)
	k.deletePolicy(t, "Role", name, "Allow")
	k.mayNot(t, session, notAuthorized)
	k.iam(t, "DeleteRole", "RoleName", name)
	k.mayNot(t, session, unknownKey)
	k.deletePolicy(t, "User", name, "assume")
	k.endUser(t, name, user)
}

var mayAssume = document(statement("Allow", "sts:AssumeRole"))

// sessionName is the name of all sessions.
const sessionName = "soak"

func roleARN(name string) string { return "arn:aws:iam::" + accountA + ":role/" + name }

// session is a session of a role that a user assumes.
func (k *soak) session(t testing.TB, user person, role string) caller {
	t.Helper()
	arn := "arn:aws:sts::" + accountA + ":assumed-role/" + role + "/" + sessionName
	return caller{user.assume(t, roleARN(role), sessionName), arn}
}

// changePolicy changes a managed policy and its attachments.
func (k *soak) changePolicy(t testing.TB, name string) {
	user, arn := k.newUser(t, name), "arn:aws:iam::"+accountA+":policy/"+name
	k.iam(t, "CreatePolicy", "PolicyName", name, "PolicyDocument", mayDoLambda)
	k.mayNot(t, user, notAuthorized)
	k.iam(t, "AttachUserPolicy", "UserName", name, "PolicyArn", arn)
	k.may(t, user)
	deny := document(statement("Deny", "lambda:*"))
	k.iam(t, "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", deny, "SetAsDefault", "true")
	k.mayNot(t, user, notAuthorized)
	k.iam(t, "SetDefaultPolicyVersion", "PolicyArn", arn, "VersionId", "v1")
	k.may(t, user)
	k.iam(t, "DetachUserPolicy", "UserName", name, "PolicyArn", arn)
	k.mayNot(t, user, notAuthorized)
	k.iam(t, "DeletePolicyVersion", "PolicyArn", arn, "VersionId", "v2")
	k.iam(t, "DeletePolicy", "PolicyArn", arn)
	k.endUser(t, name, user)
}

// permit adds permissions for both actions to a function's policy.
func (k *soak) permit(t testing.TB, function, id, principal, authType string) {
	t.Helper()
	path := "/2015-03-31/functions/" + function + "/policy"
	k.lambda(t, "POST", path, map[string]any{
		"StatementId": id + "-url", "Action": "lambda:InvokeFunctionUrl", "Principal": principal,
		"FunctionUrlAuthType": authType,
	})
	k.lambda(t, "POST", path, map[string]any{
		"StatementId": id, "Action": "lambda:InvokeFunction", "Principal": principal, "InvokedViaFunctionUrl": true,
	})
}

// changePermission changes a function's policy.
func (k *soak) changePermission(t testing.TB, name string) {
	statements := "/2015-03-31/functions/" + k.probe.name + "/policy/"
	user := k.newUser(t, name)
	k.mayNot(t, user, notAuthorized)
	k.permit(t, k.probe.name, name, userARN(name), "AWS_IAM")
	k.may(t, user)
	k.remove(t, statements+name)
	k.mayNot(t, user, notAuthorized)
	k.remove(t, statements+name+"-url")
	k.mayNot(t, user, notAuthorized)
	k.endUser(t, name, user)
}

// changeFunction makes a function, changes its configuration, its code and its URL, and deletes it.
func (k *soak) changeFunction(t testing.TB, name string) {
	f := &rogue{name: name, in: goRogue, does: echoes}
	function, url := "/2015-03-31/functions/"+name, "/2021-10-31/functions/"+name+"/url"
	somebody, anybody := k.callers[0], caller{person: k.w.unsigned}
	works := func() {
		t.Helper()
		k.call(t, f, somebody)
		k.invoke(t, f, somebody)
	}
	authType := func(authType string) {
		t.Helper()
		k.lambda(t, "PUT", url, map[string]string{"AuthType": authType})
	}
	k.deploy(t, f)
	works()
	k.configure(t, f, name)
	works()
	if shellRogue.available() { // it is a shell script from now on
		f.in = shellRogue
		k.lambda(t, "PUT", function+"/code", map[string]any{"ZipFile": f.in.pack(t, k.w.program)})
	}
	works()
	k.refused(t, f, anybody, isUnsigned)
	authType("NONE")
	k.refused(t, f, anybody, notAuthorized)
	k.permit(t, name, "public", "*", "NONE")
	k.call(t, f, anybody)
	authType("AWS_IAM")
	k.refused(t, f, anybody, isUnsigned)
	works()
	k.remove(t, url)
	k.refused(t, f, somebody, unknownURL)
	k.remove(t, function)
	k.calls.Add(1)
	arn := "arn:aws:lambda:" + region + ":" + accountA + ":function:" + name + ":$LATEST"
	somebody.try(t, k.w.api("POST", function+"/invocations", "")).is(t, wording{
		http.StatusNotFound, "ResourceNotFoundException", `{"Type":"User","Message":"Function not found: ` + arn + `"}`,
	})
}

// changeConfiguration has one of the functions that others call at this moment start anew.
func (k *soak) changeConfiguration(t testing.TB, _ string) {
	answering := k.rogues[:4]
	n := k.turns.Add(1)
	f := answering[n%int64(len(answering))]
	k.setVariables(t, f, map[string]string{"TURN": f.turn, "OTHER": strconv.FormatInt(n, 10)})
	k.call(t, f, k.callers[0])
}
