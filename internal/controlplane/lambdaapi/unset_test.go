package lambdaapi_test

import (
	"strings"
	"testing"
)

// TestReadsOfAPlainFunction: tools ask for all of this before they touch a function.
func TestReadsOfAPlainFunction(t *testing.T) {
	s := start(t)
	s.create("books")
	none := "Function not found: " + prefix + "none"
	for _, test := range []struct{ path, want, missing string }{
		{"/2015-03-31/functions/NAME/aliases", `{"Aliases":[]}`, none},
		{"/2015-03-31/functions/NAME/aliases?FunctionVersion=$LATEST", `{"Aliases":[]}`, none},
		{"/2020-06-30/functions/NAME/code-signing-config", `{}`, none},
		{"/2019-09-30/functions/NAME/concurrency", `{}`, none},
		{"/2024-08-31/functions/NAME/recursion-config", `{"RecursiveLoop":"Terminate"}`, none},
		{"/2021-07-20/functions/NAME/runtime-management-config",
			`{"FunctionArn":"` + prefix + `books","RuntimeVersionArn":null,"UpdateRuntimeOn":"Auto"}`, none},
		{"/2021-07-20/functions/NAME/runtime-management-config?Qualifier=$LATEST",
			`{"FunctionArn":"` + prefix + `books:$LATEST","RuntimeVersionArn":null,"UpdateRuntimeOn":"Auto"}`, none + ":$LATEST"},
		{"/2019-09-25/functions/NAME/event-invoke-config/list", `{"FunctionEventInvokeConfigs":[]}`, "The function doesn't exist."},
		{"/2015-03-31/event-source-mappings?FunctionName=NAME", `{"EventSourceMappings":[]}`, ""},
		{"/2020-04-22/code-signing-configs", `{"CodeSigningConfigs":[]}`, ""},
		{"/2018-10-31/layers?CompatibleRuntime=python3.13", `{"Layers":[]}`, ""},
	} {
		if got := s.must(request{method: "GET", path: strings.Replace(test.path, "NAME", "books", 1)}); got.body != test.want {
			t.Errorf("%s: got %s, want %s", test.path, got.body, test.want)
		}
		if test.missing != "" {
			s.expect(request{method: "GET", path: strings.Replace(test.path, "NAME", "none", 1)}, missing(test.missing))
		}
	}
	s.expect(request{method: "GET", path: "/2015-03-31/event-source-mappings/14e0db71-5d35-4eb5-b481-8945cf9d10c2"},
		missing("The resource you requested does not exist."))
}

// Only functions on managed instances have a scaling configuration (the text: go-to-k/cdkd#1616).
func TestScalingConfigOfAPlainFunction(t *testing.T) {
	s := start(t)
	s.create("books")
	s.must(request{method: "POST", path: "/2015-03-31/functions/books/versions", body: `{}`})
	path := func(name, qualifier string) string {
		return "/2025-11-30/functions/" + name + "/function-scaling-config?Qualifier=" + qualifier
	}
	s.expect(request{method: "GET", path: path("books", "1")}, fault{403, "AccessDeniedException",
		`{"Message":"The function provided by the arn does not contain a capacity provider configuration"}`})
	s.expect(request{method: "GET", path: path("books", "2")}, missing("Function not found: "+prefix+"books:2"))
	s.expect(request{method: "GET", path: path("none", "1")}, missing("Function not found: "+prefix+"none:1"))
	as := s.addUser(account, "barred", `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"`+prefix+`books:1"}`)
	if got := s.do(request{method: "GET", path: path("books", "1"), as: as}); !strings.Contains(got.body, "GetFunctionScalingConfig on resource: "+prefix+"books:1 with an explicit deny") {
		t.Errorf("%d %s", got.status, got.body)
	}
}
