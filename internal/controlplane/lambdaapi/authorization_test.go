//go:build unix

package lambdaapi_test

import (
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
	"github.com/furl-dev/furl/sigv4"
)

// Every operation asks for its own action, on its own resource, and for nothing else.
func TestOperationsAreAuthorized(t *testing.T) {
	s := start(t)
	s.create("books")
	s.create("new")
	s.must(request{method: "POST", path: urlPath, body: `{"AuthType":"AWS_IAM"}`})
	nobody := s.addUser(account, "nobody", "")
	for _, test := range []struct {
		method, path, body string
		action, resource   string
		status             int // for a caller who may
	}{
		{"POST", "/2015-03-31/functions", createBody("new", ""), "lambda:CreateFunction", prefix + "new", 409},
		{"GET", "/2015-03-31/functions/books", "", "lambda:GetFunction", prefix + "books", 200},
		{"GET", "/2015-03-31/functions/books?Qualifier=$LATEST", "", "lambda:GetFunction", prefix + "books:$LATEST", 200},
		{"GET", "/2015-03-31/functions/unknown", "", "lambda:GetFunction", prefix + "unknown", 404},
		{"GET", "/2015-03-31/functions/books/configuration", "", "lambda:GetFunctionConfiguration", prefix + "books", 200},
		{"PUT", "/2015-03-31/functions/books/code", `{"ZipFile":"UEs="}`, "lambda:UpdateFunctionCode", prefix + "books", 200},
		{"PUT", "/2015-03-31/functions/books/configuration", `{"Timeout":5}`, "lambda:UpdateFunctionConfiguration", prefix + "books", 200},
		{"GET", "/2015-03-31/functions", "", "lambda:ListFunctions", "*", 200},
		{"GET", urlPath, "", "lambda:GetFunctionUrlConfig", prefix + "books", 200},
		{"PUT", urlPath, `{}`, "lambda:UpdateFunctionUrlConfig", prefix + "books", 200},
		{"GET", "/2021-10-31/functions/books/urls", "", "lambda:ListFunctionUrlConfigs", prefix + "books", 200},
		{"POST", urlPath, `{"AuthType":"NONE"}`, "lambda:CreateFunctionUrlConfig", prefix + "books", 409},
		{"DELETE", urlPath, "", "lambda:DeleteFunctionUrlConfig", prefix + "books", 204},
		{"POST", policyPath, `{"StatementId":"a","Action":"lambda:InvokeFunction","Principal":"sns.amazonaws.com"}`, "lambda:AddPermission", prefix + "books", 201},
		{"GET", policyPath, "", "lambda:GetPolicy", prefix + "books", 200},
		{"DELETE", policyPath + "/a", "", "lambda:RemovePermission", prefix + "books", 204},
		{"POST", invokePath, `{}`, "lambda:InvokeFunction", prefix + "books", 200},
		{"POST", tagPath + "books", `{"Tags":{"a":"b"}}`, "lambda:TagResource", prefix + "books", 204},
		{"GET", tagPath + "books", "", "lambda:ListTags", prefix + "books", 200},
		{"DELETE", tagPath + "books?tagKeys=a", "", "lambda:UntagResource", prefix + "books", 204},
		{"GET", "/2016-08-19/account-settings", "", "lambda:GetAccountSettings", "*", 200},
		{"DELETE", "/2015-03-31/functions/books", "", "lambda:DeleteFunction", prefix + "books", 204},
		{"POST", layersPath + "/l/versions", `{"Content":{"ZipFile":"UEs="}}`, "lambda:PublishLayerVersion", layerPrefix + "l", 201},
		{"GET", layersPath + "/l/versions/1", "", "lambda:GetLayerVersion", layerPrefix + "l:1", 200},
		{"GET", layersPath + "/l/versions/9", "", "lambda:GetLayerVersion", layerPrefix + "l:9", 404},
		{"GET", layersPath + "?find=LayerVersion&Arn=" + layerPrefix + "l:1", "", "lambda:GetLayerVersion", layerPrefix + "l:1", 200},
		{"GET", layersPath, "", "lambda:ListLayers", "*", 200},
		{"GET", layersPath + "/l/versions", "", "lambda:ListLayerVersions", layerPrefix + "l", 200},
		{"POST", layersPath + "/l/versions/1/policy", `{"StatementId":"a","Action":"lambda:GetLayerVersion","Principal":"*"}`,
			"lambda:AddLayerVersionPermission", layerPrefix + "l:1", 201},
		{"GET", layersPath + "/l/versions/1/policy", "", "lambda:GetLayerVersionPolicy", layerPrefix + "l:1", 200},
		{"DELETE", layersPath + "/l/versions/1/policy/a", "", "lambda:RemoveLayerVersionPermission", layerPrefix + "l:1", 204},
		{"DELETE", layersPath + "/l/versions/1", "", "lambda:DeleteLayerVersion", layerPrefix + "l:1", 204},
	} {
		r := request{method: test.method, path: test.path, body: test.body, as: nobody}
		s.expect(r, denied("User: arn:aws:iam::123456789012:user/nobody is not authorized to perform: "+test.action+" on resource: "+
			test.resource+" because no identity-based policy allows the "+test.action+" action"))
		r.as = s.addUser(account, "somebody", `{"Effect":"Allow","Action":"`+test.action+`","Resource":"`+test.resource+`"},
			{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}`)
		if got := s.do(r); got.status != test.status {
			t.Errorf("%s %s with %s on %s: %d %s", test.method, test.path, test.action, test.resource, got.status, got.body)
		}
		r.as = s.addUser(account, "barred", `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"`+test.action+`","Resource":"*"}`)
		if got := s.do(r); got.status != 403 || !strings.Contains(got.body, test.action+" on resource: "+test.resource+" with an explicit deny in an identity-based policy") {
			t.Errorf("%s %s with a deny: %d %s", test.method, test.path, got.status, got.body)
		}
	}
}

func TestPassRole(t *testing.T) {
	s := start(t)
	s.create("books")
	const lambdaAll = `{"Effect":"Allow","Action":"lambda:*","Resource":"*"}`
	create := request{method: "POST", path: "/2015-03-31/functions", body: createBody("new", "")}
	update := request{method: "PUT", path: "/2015-03-31/functions/books/configuration", body: `{"Role":"` + role + `"}`}

	refused := denied("User: arn:aws:iam::123456789012:user/dev is not authorized to perform: iam:PassRole on resource: " + role + " because no identity-based policy allows the iam:PassRole action")
	for _, statement := range []string{
		"",
		`,{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/other"}`,
		`,{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}`,
	} {
		create.as = s.addUser(account, "dev", lambdaAll+statement)
		update.as = create.as
		s.expect(create, refused)
		s.expect(update, refused)
	}
	create.as = s.addUser(account, "dev", lambdaAll+`,{"Effect":"Allow","Action":"iam:PassRole","Resource":"`+role+`",
		"Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"},"ArnLike":{"iam:AssociatedResourceArn":"arn:aws:lambda:*:*:function:*"}}}`)
	update.as = create.as
	s.must(create)
	s.must(update)
	// Without a role in the request there is none to pass.
	update.as, update.body = s.addUser(account, "dev", lambdaAll), `{"Timeout":4}`
	s.must(update)
}

// TestFurtherActions: what a request does besides needs its own permission, on its own resource, with its own keys. Each
// operation's row lists it; the Service Authorization Reference calls it a dependent action.
func TestFurtherActions(t *testing.T) {
	s := start(t)
	s.create("books")
	create := func(name, more string) request {
		return request{method: "POST", path: "/2015-03-31/functions", body: createBody(name, more)}
	}
	s.publishLayer("l", "zip of l", "")
	const layers = `"Layers":["` + layerPrefix + `l:1"]`
	requests := map[string]struct{ with, without request }{ // by operation and member
		"CreateFunction.Layers": {create("new", ","+layers), create("new", `,"Layers":[]`)},
		"UpdateFunctionConfiguration.Layers": {
			request{method: "PUT", path: "/2015-03-31/functions/books/configuration", body: `{` + layers + `}`},
			request{method: "PUT", path: "/2015-03-31/functions/books/configuration", body: `{"Layers":[]}`},
		},
		"CreateFunction.Role": {with: create("new", "")}, // it is required
		"CreateFunction.Tags": {create("new", `,"Tags":{"team":"blue","cost":"1"}`), create("new", `,"Tags":{}`)},
		"UpdateFunctionConfiguration.Role": {
			request{method: "PUT", path: "/2015-03-31/functions/books/configuration", body: `{"Role":"` + role + `"}`},
			request{method: "PUT", path: "/2015-03-31/functions/books/configuration", body: `{"Timeout":5}`},
		},
	}
	resources := map[string]string{"iam:PassRole": role, "lambda:TagResource": prefix + "new", "lambda:GetLayerVersion": layerPrefix + "l:1"}
	seen := map[string]bool{}
	for _, op := range lambdaapi.Operations() {
		for _, also := range op.Also {
			name := op.Name + "." + also.Member
			seen[name] = true
			others := `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"` + also.Action + `","Resource":"*"}`
			r := requests[name].with
			r.as = s.addUser(account, "dev", others)
			s.expect(r, denied("User: arn:aws:iam::123456789012:user/dev is not authorized to perform: "+also.Action+" on resource: "+
				resources[also.Action]+" with an explicit deny in an identity-based policy"))
			if without := requests[name].without; without.method != "" {
				without.as = r.as
				s.must(without)
				s.do(request{method: "DELETE", path: "/2015-03-31/functions/new"})
			}
			// The actions that the row names suffice.
			allowed := `"` + op.Action + `"`
			for _, also := range op.Also {
				allowed += `,"` + also.Action + `"`
			}
			r.as = s.addUser(account, "exact", `{"Effect":"Allow","Action":[`+allowed+`],"Resource":"*"}`)
			s.must(r)
			s.do(request{method: "DELETE", path: "/2015-03-31/functions/new"})
		}
	}
	for name := range requests {
		if !seen[name] {
			t.Errorf("no row names %s", name)
		}
	}
	// The tags of the request are condition keys of lambda:TagResource too.
	r := create("new", `,"Tags":{"team":"blue"}`)
	for team, status := range map[string]int{"red": 403, "blue": 201} {
		r.as = s.addUser(account, "dev", `{"Effect":"Allow","Action":["lambda:CreateFunction","iam:PassRole"],"Resource":"*"},
			{"Effect":"Allow","Action":"lambda:TagResource","Resource":"`+prefix+`new","Condition":{"StringEquals":{"aws:RequestTag/team":"`+team+`"},
			"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}}`)
		if got := s.do(r); got.status != status {
			t.Errorf("%s: %d %s", team, got.status, got.body)
		}
		s.do(request{method: "DELETE", path: "/2015-03-31/functions/new"})
	}
}

// A trust policy may be confined to one function.
func TestTrustPolicyMayNameTheFunction(t *testing.T) {
	s := start(t)
	s.addRole("confined", "/", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole",
		"Condition":{"ArnEquals":{"aws:SourceArn":"`+prefix+`books"},"StringEquals":{"aws:SourceAccount":"`+account+`"}}}}`)
	body := func(name string) string {
		return strings.Replace(createBody(name, ""), role, "arn:aws:iam::123456789012:role/confined", 1)
	}
	s.must(request{method: "POST", path: "/2015-03-31/functions", body: body("books")})
	s.expect(request{method: "POST", path: "/2015-03-31/functions", body: body("films")}, invalid("The role defined for the function cannot be assumed by Lambda."))
}

func TestConditionKeys(t *testing.T) {
	s := start(t)
	s.must(request{method: "POST", path: "/2015-03-31/functions", body: createBody("books", `,"Tags":{"team":"blue"}`)})
	s.create("films")
	s.must(request{method: "POST", path: urlPath, body: `{"AuthType":"AWS_IAM"}`})
	s.must(request{method: "POST", path: policyPath, body: `{"StatementId":"old","Action":"lambda:InvokeFunctionUrl","Principal":"*","FunctionUrlAuthType":"NONE"}`})
	when := func(condition string) sigv4.Credentials {
		return s.addUser(account, "dev", `{"Effect":"Allow","Action":["lambda:*","iam:PassRole"],"Resource":"*","Condition":`+condition+`}`)
	}
	iamOnly := `{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}`
	add := func(principal, more string) string {
		return `{"StatementId":"new","Action":"lambda:InvokeFunctionUrl","Principal":"` + principal + `"` + more + `}`
	}
	for _, test := range []struct {
		condition          string
		method, path, body string
		status             int
	}{
		{iamOnly, "GET", urlPath, "", 200},
		{iamOnly, "GET", "/2021-10-31/functions/books/urls", "", 200},
		{iamOnly, "PUT", urlPath, `{}`, 200},
		{iamOnly, "PUT", urlPath, `{"AuthType":"NONE"}`, 403},
		{iamOnly, "POST", "/2021-10-31/functions/films/url", `{"AuthType":"NONE"}`, 403},
		{iamOnly, "POST", "/2021-10-31/functions/films/url", `{"AuthType":"AWS_IAM"}`, 201},
		{iamOnly, "POST", policyPath, add("*", `,"FunctionUrlAuthType":"NONE"`), 403},
		{iamOnly, "POST", policyPath, add("*", ``), 403},
		{iamOnly, "DELETE", policyPath + "/old", "", 403},
		{`{"ArnEquals":{"lambda:FunctionArn":"` + prefix + `books"}}`, "GET", urlPath, "", 200},
		{`{"ArnEquals":{"lambda:FunctionArn":"` + prefix + `books"}}`, "GET", "/2021-10-31/functions/films/url", "", 403},
		{`{"ArnEquals":{"lambda:FunctionArn":"` + prefix + `books"}}`, "GET", "/2021-10-31/functions/books/urls", "", 403},
		{`{"StringEquals":{"lambda:Principal":"*"}}`, "POST", policyPath, add("111122223333", ""), 403},
		{`{"StringEquals":{"lambda:Principal":"111122223333"}}`, "POST", policyPath, add("111122223333", ""), 201},
		{`{"StringEquals":{"lambda:Principal":"*","lambda:FunctionUrlAuthType":"NONE"}}`, "DELETE", policyPath + "/old", "", 204},
		{`{"StringEquals":{"aws:ResourceTag/team":"blue"}}`, "GET", "/2015-03-31/functions/books", "", 200},
		{`{"StringEquals":{"aws:ResourceTag/team":"red"}}`, "GET", "/2015-03-31/functions/books", "", 403},
		{`{"StringEquals":{"aws:ResourceTag/team":"blue"}}`, "GET", "/2015-03-31/functions/films", "", 403},
		{`{"StringEquals":{"aws:RequestTag/team":"blue"}}`, "POST", tagPath + "films", `{"Tags":{"team":"blue"}}`, 204},
		{`{"StringEquals":{"aws:RequestTag/team":"blue"}}`, "POST", tagPath + "films", `{"Tags":{"team":"red"}}`, 403},
		{`{"ForAllValues:StringEquals":{"aws:TagKeys":["team","stage"]}}`, "POST", tagPath + "films", `{"Tags":{"team":"a","stage":"b"}}`, 204},
		{`{"ForAllValues:StringEquals":{"aws:TagKeys":["team","stage"]}}`, "POST", tagPath + "films", `{"Tags":{"team":"a","cost":"b"}}`, 403},
		{`{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`, "DELETE", tagPath + "films?tagKeys=team&tagKeys=stage", "", 403},
		{`{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}`, "POST", invokePath, "", 403},
		{`{"Bool":{"lambda:InvokedViaFunctionUrl":"false"}}`, "POST", invokePath, "", 200},
	} {
		r := request{method: test.method, path: test.path, body: test.body, as: when(test.condition)}
		if got := s.do(r); got.status != test.status {
			t.Errorf("%s: %s %s %s: %d %s", test.condition, test.method, test.path, test.body, got.status, got.body)
		}
	}
}

func TestOtherAccountsNeedBothSides(t *testing.T) {
	s := start(t)
	s.create("books")
	all := s.addUser(other, "visitor", `{"Effect":"Allow","Action":"lambda:*","Resource":"*"}`)
	nothing := s.addUser(other, "tourist", "")
	full := "/2015-03-31/functions/" + prefix + "books"
	calls := map[string]request{
		"lambda:InvokeFunction":           {method: "POST", path: full + "/invocations", body: `{}`},
		"lambda:GetFunction":              {method: "GET", path: full},
		"lambda:GetFunctionConfiguration": {method: "GET", path: "/2015-03-31/functions/" + account + ":function:books/configuration"},
		"lambda:UpdateFunctionCode":       {method: "PUT", path: full + "/code", body: `{"ZipFile":"UEs="}`},
		"lambda:GetPolicy":                {method: "GET", path: full + "/policy"},
		"lambda:ListTags":                 {method: "GET", path: tagPath + "books"},
	}
	for action, call := range calls {
		call.as = all
		s.expect(call, denied("User: arn:aws:iam::210987654321:user/visitor is not authorized to perform: "+action+" on resource: "+prefix+
			"books because no resource-based policy allows the "+action+" action"))
		// A caller who may not look does not learn whether there is something to see.
		gone := call
		gone.path = strings.Replace(call.path, "books", "unknown", 1)
		s.expect(gone, denied("User: arn:aws:iam::210987654321:user/visitor is not authorized to perform: "+action+" on resource: "+prefix+
			"unknown because no resource-based policy allows the "+action+" action"))
	}
	for action, call := range calls {
		id := strings.TrimPrefix(action, "lambda:")
		s.must(request{method: "POST", path: policyPath, body: `{"StatementId":"` + id + `","Action":"` + action + `","Principal":"` + other + `"}`})
		call.as = all
		s.must(call)
		call.as = nothing
		if got := s.do(call); got.status != 403 || !strings.Contains(got.body, "because no identity-based policy allows the "+action) {
			t.Errorf("%s without an identity-based policy: %d %s", action, got.status, got.body)
		}
		s.must(request{method: "DELETE", path: policyPath + "/" + id})
		call.as = all
		if got := s.do(call); got.status != 403 {
			t.Errorf("%s after the permission was removed: %d %s", action, got.status, got.body)
		}
	}
	// A function of the same name in the caller's own account is another function.
	if got := s.do(request{method: "GET", path: "/2015-03-31/functions/books", as: s.plane.Root(other)}); got.status != 404 {
		t.Errorf("the other account's own books: %d %s", got.status, got.body)
	}
	if got := s.must(request{method: "GET", path: "/2015-03-31/functions", as: s.plane.Root(other)}); got.body != `{"Functions":[]}` {
		t.Errorf("the other account's functions: %s", got.body)
	}
}

// The grant to a function's resource-based policy suffices in the same account.
func TestPermissionsLetUsersOfTheSameAccountIn(t *testing.T) {
	s := start(t)
	s.create("books")
	alice := s.addUser(account, "alice", "")
	s.must(request{method: "POST", path: policyPath, body: `{"StatementId":"a","Action":"lambda:InvokeFunction","Principal":"arn:aws:iam::123456789012:user/alice"}`})
	s.must(request{method: "POST", path: invokePath, body: `{}`, as: alice})
	if got := s.do(request{method: "GET", path: "/2015-03-31/functions/books", as: alice}); got.status != 403 {
		t.Errorf("GetFunction was not permitted: %d", got.status)
	}
	s.must(request{method: "POST", path: policyPath, body: `{"StatementId":"url","Action":"lambda:InvokeFunction","Principal":"*","InvokedViaFunctionUrl":true}`})
	if got := s.do(request{method: "POST", path: invokePath, body: `{}`, as: s.addUser(account, "bob", "")}); got.status != 403 {
		t.Errorf("a permission for calls through the URL let a direct one in: %d", got.status)
	}
}
