package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/sigv4"
)

// change is a round of changes to the world, after each of which somebody finds out whether it is in force. It ends as
// it began. The name is for what it makes.
type change struct {
	name string
	make func(*soak, context.Context, string) error
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

// statement is a policy of one statement about all that a call of a function URL needs.
func statement(effect string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect +
		`","Action":["lambda:InvokeFunctionUrl","lambda:InvokeFunction"],"Resource":"*"}]}`
}

// iam changes something through the IAM API.
func (k *soak) iam(ctx context.Context, action string, parameters ...string) error {
	k.changes.Add(1)
	return k.server.query(ctx, k.server.root, "iam", action, nil, parameters...)
}

// lambda changes something through the Lambda API.
func (k *soak) lambda(ctx context.Context, method, path string, in, out any) error {
	k.changes.Add(1)
	return k.server.lambda(ctx, method, path, in, out)
}

// steps does one thing after another, until one fails.
func steps(all ...func() error) error {
	for i, step := range all {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// does is a step that changes something through the IAM API.
func (k *soak) does(ctx context.Context, action string, parameters ...string) func() error {
	return func() error {
		if err := k.iam(ctx, action, parameters...); err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		return nil
	}
}

// putPolicy is a step that gives a User, Role or Group the inline policy that is named for its effect.
func (k *soak) putPolicy(ctx context.Context, kind, name, effect string) func() error {
	return k.does(ctx, "Put"+kind+"Policy", kind+"Name", name, "PolicyName", effect, "PolicyDocument", statement(effect))
}

// deletePolicy is a step that takes it away.
func (k *soak) deletePolicy(ctx context.Context, kind, name, effect string) func() error {
	return k.does(ctx, "Delete"+kind+"Policy", kind+"Name", name, "PolicyName", effect)
}

// may is a step in which somebody calls a function and is answered.
func (k *soak) may(ctx context.Context, by *principal) func() error {
	return func() error { return k.call(ctx, k.probe, *by) }
}

// mayNot is a step in which somebody calls a function and is refused.
func (k *soak) mayNot(ctx context.Context, by *principal, want refusal) func() error {
	return func() error { return k.refused(ctx, k.probe.path, by.credentials, want) }
}

func (k *soak) refused(ctx context.Context, path string, as sigv4.Credentials, want refusal) error {
	k.calls.Add(1)
	a, err := k.server.ask(ctx, as, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return a.is(want)
}

// newUser is a step that makes a user with an access key.
func (k *soak) newUser(ctx context.Context, name string, made *principal) func() error {
	return func() (err error) {
		if err := k.iam(ctx, "CreateUser", "UserName", name); err != nil {
			return err
		}
		made.arn = userARN(name)
		made.credentials, err = k.server.createKey(ctx, name)
		return err
	}
}

func userARN(name string) string { return "arn:aws:iam::" + account + ":user/" + name }

// endUser is a step that removes what newUser has made.
func (k *soak) endUser(ctx context.Context, name string, made *principal) func() error {
	return func() error {
		return steps(
			k.does(ctx, "DeleteAccessKey", "UserName", name, "AccessKeyId", made.credentials.AccessKeyID),
			k.mayNot(ctx, made, unknownKey),
			k.does(ctx, "DeleteUser", "UserName", name),
		)
	}
}

// changeUser changes a user's own policies and access key.
func (k *soak) changeUser(ctx context.Context, name string) error {
	var user principal
	status := func(status string) func() error {
		return func() error {
			key := user.credentials.AccessKeyID
			return k.iam(ctx, "UpdateAccessKey", "UserName", name, "AccessKeyId", key, "Status", status)
		}
	}
	return steps(
		k.newUser(ctx, name, &user), k.mayNot(ctx, &user, notAuthorized),
		k.putPolicy(ctx, "User", name, "Allow"), k.may(ctx, &user),
		k.putPolicy(ctx, "User", name, "Deny"), k.mayNot(ctx, &user, notAuthorized),
		k.deletePolicy(ctx, "User", name, "Deny"), k.may(ctx, &user),
		status("Inactive"), k.mayNot(ctx, &user, unknownKey),
		status("Active"), k.may(ctx, &user),
		k.deletePolicy(ctx, "User", name, "Allow"), k.mayNot(ctx, &user, notAuthorized),
		k.endUser(ctx, name, &user),
	)
}

// changeGroup changes who is in a group, and what the group may.
func (k *soak) changeGroup(ctx context.Context, name string) error {
	var user principal
	return steps(
		k.newUser(ctx, name, &user),
		k.does(ctx, "CreateGroup", "GroupName", name),
		k.putPolicy(ctx, "Group", name, "Allow"), k.mayNot(ctx, &user, notAuthorized),
		k.does(ctx, "AddUserToGroup", "GroupName", name, "UserName", name), k.may(ctx, &user),
		k.putPolicy(ctx, "Group", name, "Deny"), k.mayNot(ctx, &user, notAuthorized),
		k.deletePolicy(ctx, "Group", name, "Deny"), k.may(ctx, &user),
		k.does(ctx, "RemoveUserFromGroup", "GroupName", name, "UserName", name), k.mayNot(ctx, &user, notAuthorized),
		k.deletePolicy(ctx, "Group", name, "Allow"),
		k.does(ctx, "DeleteGroup", "GroupName", name),
		k.endUser(ctx, name, &user),
	)
}

// changeRole changes a role, and who may assume it.
func (k *soak) changeRole(ctx context.Context, name string) error {
	const nobody = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}]}`
	const boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	var user principal
	session := principal{arn: sessionARN(name)}
	assume := func() (err error) {
		session.credentials, err = k.server.assume(ctx, user.credentials, name)
		return err
	}
	cannotAssume := func() error {
		_, err := k.server.assume(ctx, user.credentials, name)
		if err == nil || !strings.Contains(err.Error(), "answered 403") {
			return fmt.Errorf("AssumeRole of a role that trusts nobody: %v, want 403", err)
		}
		return nil
	}
	return steps(
		k.newUser(ctx, name, &user),
		k.does(ctx, "PutUserPolicy", "UserName", name, "PolicyName", "assume", "PolicyDocument", mayAssume),
		k.does(ctx, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust),
		assume, k.mayNot(ctx, &session, notAuthorized),
		k.putPolicy(ctx, "Role", name, "Allow"), k.may(ctx, &session),
		k.does(ctx, "PutRolePermissionsBoundary", "RoleName", name, "PermissionsBoundary", boundary),
		k.mayNot(ctx, &session, notAuthorized),
		k.does(ctx, "DeleteRolePermissionsBoundary", "RoleName", name), k.may(ctx, &session),
		k.does(ctx, "UpdateAssumeRolePolicy", "RoleName", name, "PolicyDocument", nobody),
		cannotAssume, k.may(ctx, &session),
		k.deletePolicy(ctx, "Role", name, "Allow"), k.mayNot(ctx, &session, notAuthorized),
		k.does(ctx, "DeleteRole", "RoleName", name), k.mayNot(ctx, &session, unknownKey),
		k.deletePolicy(ctx, "User", name, "assume"),
		k.endUser(ctx, name, &user),
	)
}

func sessionARN(role string) string {
	return "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + sessionName
}

// changePolicy changes a managed policy and its attachments.
func (k *soak) changePolicy(ctx context.Context, name string) error {
	var user principal
	arn := policyARN(account, name)
	return steps(
		k.newUser(ctx, name, &user),
		k.does(ctx, "CreatePolicy", "PolicyName", name, "PolicyDocument", statement("Allow")),
		k.mayNot(ctx, &user, notAuthorized),
		k.does(ctx, "AttachUserPolicy", "UserName", name, "PolicyArn", arn), k.may(ctx, &user),
		k.does(ctx, "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", statement("Deny"), "SetAsDefault", "true"),
		k.mayNot(ctx, &user, notAuthorized),
		k.does(ctx, "SetDefaultPolicyVersion", "PolicyArn", arn, "VersionId", "v1"), k.may(ctx, &user),
		k.does(ctx, "DetachUserPolicy", "UserName", name, "PolicyArn", arn), k.mayNot(ctx, &user, notAuthorized),
		k.does(ctx, "DeletePolicyVersion", "PolicyArn", arn, "VersionId", "v2"),
		k.does(ctx, "DeletePolicy", "PolicyArn", arn),
		k.endUser(ctx, name, &user),
	)
}

// permit is a step that adds a permission for both actions to a function's policy.
func (k *soak) permit(ctx context.Context, function, id, principal, authType string) func() error {
	return func() error {
		path := "/2015-03-31/functions/" + function + "/policy"
		forURL := map[string]any{
			"StatementId": id + "-url", "Action": "lambda:InvokeFunctionUrl", "Principal": principal,
			"FunctionUrlAuthType": authType,
		}
		forFunction := map[string]any{
			"StatementId": id, "Action": "lambda:InvokeFunction", "Principal": principal, "InvokedViaFunctionUrl": true,
		}
		return errors.Join(
			k.lambda(ctx, http.MethodPost, path, forURL, nil),
			k.lambda(ctx, http.MethodPost, path, forFunction, nil),
		)
	}
}

// forbid is a step that removes one of them.
func (k *soak) forbid(ctx context.Context, function, id string) func() error {
	return func() error {
		return k.lambda(ctx, http.MethodDelete, "/2015-03-31/functions/"+function+"/policy/"+id, nil, nil)
	}
}

// changePermission changes a function's policy.
func (k *soak) changePermission(ctx context.Context, name string) error {
	var user principal
	return steps(
		k.newUser(ctx, name, &user), k.mayNot(ctx, &user, notAuthorized),
		k.permit(ctx, k.probe.name, name, userARN(name), "AWS_IAM"), k.may(ctx, &user),
		k.forbid(ctx, k.probe.name, name), k.mayNot(ctx, &user, notAuthorized),
		k.forbid(ctx, k.probe.name, name+"-url"), k.mayNot(ctx, &user, notAuthorized),
		k.endUser(ctx, name, &user),
	)
}

// changeFunction makes a function, changes its configuration, its code and its URL, and deletes it.
func (k *soak) changeFunction(ctx context.Context, name string) error {
	f := &stranger{name: name, kind: goFunction, does: echoes}
	somebody := k.callers[0]
	works := func() error { return errors.Join(k.call(ctx, f, somebody), k.invoke(ctx, f, somebody)) }
	urlPath := "/2021-10-31/functions/" + name + "/url"
	withAuth := func(authType string) func() error {
		return func() error {
			return k.lambda(ctx, http.MethodPut, urlPath, map[string]string{"AuthType": authType}, nil)
		}
	}
	return steps(
		func() error { return k.deploy(ctx, f) }, works,
		func() error { return k.configure(ctx, f, name) }, works,
		func() error { return k.replaceCode(ctx, f) }, works,
		func() error { return k.refused(ctx, f.path, sigv4.Credentials{}, unsigned) },
		withAuth("NONE"), func() error { return k.refused(ctx, f.path, sigv4.Credentials{}, notAuthorized) },
		k.permit(ctx, name, "public", "*", "NONE"), func() error { return k.call(ctx, f, principal{}) },
		withAuth("AWS_IAM"), func() error { return k.refused(ctx, f.path, sigv4.Credentials{}, unsigned) }, works,
		func() error { return k.lambda(ctx, http.MethodDelete, urlPath, nil, nil) },
		func() error { return k.refused(ctx, f.path, somebody.credentials, unknownURL) },
		func() error { return k.lambda(ctx, http.MethodDelete, "/2015-03-31/functions/"+name, nil, nil) },
		func() error { return k.isGone(ctx, f, somebody) },
	)
}

// replaceCode has a Go function be a shell script from now on, where one can run.
func (k *soak) replaceCode(ctx context.Context, f *stranger) error {
	if !shellStranger.available() {
		return nil
	}
	f.kind = shellStranger
	zipped, err := k.zipped(ctx, f.kind)
	if err != nil {
		return err
	}
	return k.lambda(ctx, http.MethodPut, "/2015-03-31/functions/"+f.name+"/code", map[string]any{"ZipFile": zipped}, nil)
}

// isGone asks for a function that was deleted.
func (k *soak) isGone(ctx context.Context, f *stranger, by principal) error {
	k.calls.Add(1)
	path := "/2015-03-31/functions/" + f.name + "/invocations"
	a, err := k.server.ask(ctx, by.credentials, http.MethodPost, path, nil)
	if err != nil {
		return err
	}
	message, err := json.Marshal("Function not found: " + arnOf(f.name) + ":$LATEST")
	if err != nil {
		return err
	}
	body := `{"Type":"User","Message":` + string(message) + `}`
	return a.is(refusal{http.StatusNotFound, "ResourceNotFoundException", body})
}

func arnOf(name string) string {
	return "arn:aws:lambda:" + region + ":" + account + ":function:" + name
}

// changeConfiguration has one of the functions that others call at this moment start anew.
func (k *soak) changeConfiguration(ctx context.Context, _ string) error {
	answering := k.strangers[:4]
	n := k.turns.Add(1)
	f := answering[n%int64(len(answering))]
	variables := map[string]string{"TURN": f.turn, "OTHER": strconv.FormatInt(n, 10)}
	err := k.lambda(ctx, http.MethodPut, "/2015-03-31/functions/"+f.name+"/configuration", map[string]any{
		"Environment": map[string]any{"Variables": variables},
	}, nil)
	if err != nil {
		return err
	}
	return k.call(ctx, f, k.callers[0])
}
