//go:build unix

package lambdaapi_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
	"github.com/furl-dev/furl/sigv4"
)

// named is an operation on a function, in which NAME stands for the function's name.
type named struct {
	operation, action  string
	method, path, body string
	qualified          bool // AWS's operation takes a version or an alias: its resource is the ARN with it
	parameter          bool // the Qualifier parameter takes $LATEST
	unqualified        bool // a name with a qualifier violates the model
	required           bool // the parameter Qualifier is
}

const eventInvokePath = "/2019-09-25/functions/NAME/event-invoke-config"

var namedOperations = []named{
	{operation: "CreateFunction", method: "POST", path: "/2015-03-31/functions", body: createBody("NAME", "")},
	{operation: "UpdateFunctionCode", method: "PUT", path: "/2015-03-31/functions/NAME/code", body: `{"ZipFile":"UEs="}`},
	{operation: "UpdateFunctionConfiguration", method: "PUT", path: "/2015-03-31/functions/NAME/configuration", body: `{"Timeout":5}`},
	{operation: "ListFunctionUrlConfigs", method: "GET", path: "/2021-10-31/functions/NAME/urls"},
	{operation: "TagResource", method: "POST", path: "/2017-03-31/tags/NAME", body: `{"Tags":{"a":"b"}}`},
	{operation: "UntagResource", method: "DELETE", path: "/2017-03-31/tags/NAME?tagKeys=a"},
	{operation: "ListTags", method: "GET", path: "/2017-03-31/tags/NAME"},
	{operation: "ListVersionsByFunction", method: "GET", path: "/2015-03-31/functions/NAME/versions"},
	{operation: "PublishVersion", method: "POST", path: "/2015-03-31/functions/NAME/versions", body: `{}`},
	{operation: "CreateAlias", method: "POST", path: "/2015-03-31/functions/NAME/aliases", body: `{"Name":"live","FunctionVersion":"$LATEST"}`},
	{operation: "GetAlias", method: "GET", path: "/2015-03-31/functions/NAME/aliases/live"},
	{operation: "UpdateAlias", method: "PUT", path: "/2015-03-31/functions/NAME/aliases/live", body: `{}`},
	{operation: "DeleteAlias", method: "DELETE", path: "/2015-03-31/functions/NAME/aliases/live"},
	{operation: "ListAliases", method: "GET", path: "/2015-03-31/functions/NAME/aliases"},
	{operation: "GetFunctionCodeSigningConfig", method: "GET", path: "/2020-06-30/functions/NAME/code-signing-config"},
	{operation: "GetFunctionConcurrency", method: "GET", path: "/2019-09-30/functions/NAME/concurrency"},
	{operation: "GetFunctionRecursionConfig", method: "GET", path: "/2024-08-31/functions/NAME/recursion-config", unqualified: true},
	{operation: "PutFunctionRecursionConfig", method: "PUT", path: "/2024-08-31/functions/NAME/recursion-config",
		body: `{"RecursiveLoop":"Allow"}`, unqualified: true},
	{operation: "DeleteFunctionCodeSigningConfig", method: "DELETE", path: "/2020-06-30/functions/NAME/code-signing-config"},
	{operation: "PutRuntimeManagementConfig", method: "PUT", path: "/2021-07-20/functions/NAME/runtime-management-config",
		body: `{"UpdateRuntimeOn":"Auto"}`},
	{operation: "GetRuntimeManagementConfig", method: "GET", path: "/2021-07-20/functions/NAME/runtime-management-config"},
	{operation: "PutFunctionConcurrency", method: "PUT", path: putReserved + "NAME/concurrency", body: `{"ReservedConcurrentExecutions":1}`},
	{operation: "DeleteFunctionConcurrency", method: "DELETE", path: putReserved + "NAME/concurrency"},
	{operation: "ListProvisionedConcurrencyConfigs", method: "GET", path: getReserved + "NAME/provisioned-concurrency?List=ALL"},
	{operation: "PutFunctionEventInvokeConfig", method: "PUT", path: eventInvokePath, body: `{"MaximumRetryAttempts":1}`},
	{operation: "UpdateFunctionEventInvokeConfig", method: "POST", path: eventInvokePath, body: `{"MaximumRetryAttempts":1}`},
	{operation: "GetFunctionEventInvokeConfig", method: "GET", path: eventInvokePath},
	{operation: "DeleteFunctionEventInvokeConfig", method: "DELETE", path: eventInvokePath},
	{operation: "ListFunctionEventInvokeConfigs", method: "GET", path: "/2019-09-25/functions/NAME/event-invoke-config/list"},

	{operation: "GetFunction", method: "GET", path: "/2015-03-31/functions/NAME", qualified: true, parameter: true},
	{operation: "GetFunctionConfiguration", method: "GET", path: "/2015-03-31/functions/NAME/configuration", qualified: true, parameter: true},
	{operation: "GetPolicy", method: "GET", path: "/2015-03-31/functions/NAME/policy", qualified: true, parameter: true},
	{operation: "AddPermission", method: "POST", path: "/2015-03-31/functions/NAME/policy", qualified: true, parameter: true,
		body: `{"StatementId":"a","Action":"lambda:InvokeFunction","Principal":"sns.amazonaws.com"}`},
	{operation: "RemovePermission", method: "DELETE", path: "/2015-03-31/functions/NAME/policy/a", qualified: true, parameter: true},
	{operation: "Invoke", action: "lambda:InvokeFunction", method: "POST", path: "/2015-03-31/functions/NAME/invocations", body: `{}`,
		qualified: true, parameter: true},
	{operation: "InvokeWithResponseStream", action: "lambda:InvokeFunction", method: "POST",
		path: "/2021-11-15/functions/NAME/response-streaming-invocations", body: `{}`, qualified: true, parameter: true},
	{operation: "CreateFunctionUrlConfig", method: "POST", path: "/2021-10-31/functions/NAME/url", body: `{"AuthType":"NONE"}`, qualified: true},
	{operation: "GetFunctionUrlConfig", method: "GET", path: "/2021-10-31/functions/NAME/url", qualified: true},
	{operation: "UpdateFunctionUrlConfig", method: "PUT", path: "/2021-10-31/functions/NAME/url", body: `{"AuthType":"NONE"}`, qualified: true},
	{operation: "DeleteFunctionUrlConfig", method: "DELETE", path: "/2021-10-31/functions/NAME/url", qualified: true},
	{operation: "PutProvisionedConcurrencyConfig", method: "PUT", path: getReserved + "NAME/provisioned-concurrency",
		body: `{"ProvisionedConcurrentExecutions":1}`, qualified: true, parameter: true, required: true},
	{operation: "GetProvisionedConcurrencyConfig", method: "GET", path: getReserved + "NAME/provisioned-concurrency",
		qualified: true, parameter: true, required: true},
	{operation: "DeleteProvisionedConcurrencyConfig", method: "DELETE", path: getReserved + "NAME/provisioned-concurrency",
		qualified: true, parameter: true, required: true},
	{operation: "DeleteFunction", method: "DELETE", path: "/2015-03-31/functions/NAME", qualified: true, parameter: true},
}

// form is a way to name the function books in a request.
type form struct {
	name      string
	latest    bool // the request names $LATEST
	parameter bool // by the Qualifier parameter
}

var forms = []form{
	{name: "books"},
	{name: account + ":function:books"},
	{name: region + ":" + account + ":function:books"},
	{name: prefix + "books"},
	{name: "books:$LATEST", latest: true},
	{name: account + ":function:books:$LATEST", latest: true},
	{name: region + ":" + account + ":function:books:$LATEST", latest: true},
	{name: prefix + "books:$LATEST", latest: true},
	{name: "books", latest: true, parameter: true},
	{name: prefix + "books", latest: true, parameter: true},
	{name: prefix + "books:$LATEST", latest: true, parameter: true},
}

// applies reports whether a function can be named so for the operation.
func (o named) applies(f form) bool {
	if strings.Contains(o.path, "/tags/") && !strings.HasPrefix(f.name, prefix) {
		return false
	}
	if o.unqualified && strings.Contains(f.name, "$") {
		return false
	}
	if o.required && !f.parameter {
		return false
	}
	return !f.parameter || o.parameter || !o.qualified // an operation without the parameter ignores it
}

// request is the operation's request with the function named so.
func (o named) request(f form, as sigv4.Credentials) request {
	r := request{method: o.method, path: strings.Replace(o.path, "NAME", url.PathEscape(f.name), 1), as: as,
		body: strings.Replace(o.body, `"NAME"`, `"`+f.name+`"`, 1)}
	if f.parameter {
		joint := "?"
		if strings.Contains(r.path, "?") {
			joint = "&"
		}
		r.path += joint + "Qualifier=$LATEST"
	}
	return r
}

// A policy for a function holds in whichever form a request names the function: always where the function alone is the
// resource, and where AWS asks for the ARN with the qualifier, for the unqualified forms.
func TestResourceOfEachForm(t *testing.T) {
	s := start(t)
	s.create("books")
	const barred = `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"lambda:*","Resource":"` + prefix + `books"}`
	const pass = `{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"},`
	const granted = pass + `{"Effect":"Allow","Action":"lambda:*","Resource":"` + prefix + `books"}`
	const qualifiedOnly = pass + `{"Effect":"Allow","Action":"lambda:*","Resource":"` + prefix + `books:*"}`
	for _, o := range namedOperations {
		action := o.action
		if action == "" {
			action = "lambda:" + o.operation
		}
		for _, f := range forms {
			if !o.applies(f) {
				continue
			}
			resource := prefix + "books"
			if f.latest && o.qualified {
				resource += ":$LATEST"
			}
			for _, user := range []struct {
				name, statements string
				allowed          bool
				because          string
			}{
				{"barred", barred, resource != prefix+"books", " with an explicit deny in an identity-based policy"},
				{"granted", granted, resource == prefix+"books", " because no identity-based policy allows the " + action + " action"},
				{"qualified", qualifiedOnly, resource != prefix+"books", " because no identity-based policy allows the " + action + " action"},
			} {
				got := s.do(o.request(f, s.addUser(account, user.name, user.statements)))
				refusal := "is not authorized to perform: " + action + " on resource: " + resource + user.because
				if user.allowed && got.status == 403 || !user.allowed && (got.status != 403 || !strings.Contains(got.body, refusal)) {
					t.Errorf("%s %+v as %s: %d %s", o.operation, f, user.name, got.status, got.body)
				}
				if !user.allowed {
					continue
				}
				// Whatever the allowed request has done is undone for the next.
				s.do(request{method: "DELETE", path: "/2015-03-31/functions/books"})
				s.create("books")
			}
		}
	}
}

// A caller who is denied everything on a function changes nothing of it, in whichever form the request names it.
func TestDeniedFunctionIsNotChanged(t *testing.T) {
	s := start(t)
	s.must(request{method: "POST", path: "/2015-03-31/functions", body: createBody("books", `,"Tags":{"a":"1"}`)})
	s.must(request{method: "POST", path: urlPath, body: `{"AuthType":"AWS_IAM"}`})
	s.must(request{method: "POST", path: policyPath, body: `{"StatementId":"a","Action":"lambda:InvokeFunction","Principal":"sns.amazonaws.com"}`})
	before := s.function("books")
	as := s.addUser(account, "barred", `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"lambda:*","Resource":"`+prefix+`books"}`)
	for _, o := range namedOperations {
		for _, f := range forms {
			if o.applies(f) {
				s.do(o.request(f, as))
			}
			if now := s.function("books"); now != before {
				t.Fatalf("%s %+v changed the function", o.operation, f)
			}
		}
	}
}

// ListFunctionUrlConfigs has the auth type of the function's URL as a condition key, however the function is named.
func TestListURLsOfLatestHasItsAuthType(t *testing.T) {
	s := start(t)
	s.create("books")
	s.must(request{method: "POST", path: urlPath, body: `{"AuthType":"NONE"}`})
	as := s.addUser(account, "barred", `{"Effect":"Allow","Action":"*","Resource":"*"},
		{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}`)
	for _, name := range []string{"books", "books:$LATEST", prefix + "books:$LATEST"} {
		got := s.do(request{method: "GET", path: "/2021-10-31/functions/" + name + "/urls", as: as})
		if got.status != 403 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

// The tests above know every operation that names a function.
func TestEveryNamedOperationIsTested(t *testing.T) {
	want := map[string]bool{}
	apart := "GetFunctionScalingConfig" // never succeeds: TestScalingOfAPlainFunction
	for _, o := range lambdaapi.Operations() {
		if o.Name == apart {
			continue
		}
		if strings.Contains(o.Path, "{FunctionName}") || strings.Contains(o.Path, "/tags/") || o.Name == "CreateFunction" {
			want[o.Name] = true
		}
	}
	got := map[string]bool{}
	for _, o := range namedOperations {
		got[o.operation] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-table +tested):\n%s", diff)
	}
}
