//go:build unix

package lambdaapi_test

import (
	"net/url"
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
		{"/2025-11-30/capacity-providers?State=Active", `{"CapacityProviders":[]}`, ""},
		{"/2018-10-31/layers?CompatibleRuntime=python3.13", `{"Layers":[]}`, ""},
	} {
		if got := s.must(request{method: "GET", path: strings.Replace(test.path, "NAME", "books", 1)}); got.body != test.want {
			t.Errorf("%s: got %s, want %s", test.path, got.body, test.want)
		}
		if test.missing != "" {
			s.expect(request{method: "GET", path: strings.Replace(test.path, "NAME", "none", 1)}, missing(test.missing))
		}
	}
}

// What furl has none of is not found, with the permission for what the request names.
func TestReadsOfWhatIsNotThere(t *testing.T) {
	s := start(t)
	const uuid = "01234567-89ab-cdef-0123-456789abcdef"
	config := "arn:aws:lambda:" + region + ":" + account + ":code-signing-config:csc-0123456789abcdef0"
	mapping := "arn:aws:lambda:" + region + ":" + account + ":event-source-mapping:" + uuid
	path := "/2020-04-22/code-signing-configs/" + url.PathEscape(config)
	nobody := s.addUser(account, "nobody", `{"Effect":"Allow","Action":"iam:*","Resource":"*"}`)
	for _, test := range []struct{ operation, path, resource, want string }{
		{"GetEventSourceMapping", "/2015-03-31/event-source-mappings/" + uuid, mapping, "The resource you requested does not exist."},
		{"GetCodeSigningConfig", path, config, "The Lambda code signing configuration " + config + " can not be found."},
		{"ListFunctionsByCodeSigningConfig", path + "/functions", config, "The Lambda code signing configuration " + config + " can not be found."},
	} {
		s.expect(request{method: "GET", path: test.path}, missing(test.want))
		refusal := "is not authorized to perform: lambda:" + test.operation + " on resource: " + test.resource + " "
		if got := s.do(request{method: "GET", path: test.path, as: nobody}); got.status != 403 || !strings.Contains(got.body, refusal) {
			t.Errorf("%s: %d %s", test.operation, got.status, got.body)
		}
	}
}

// Only functions on managed instances have a scaling configuration.
func TestScalingOfAPlainFunction(t *testing.T) {
	s := start(t)
	s.create("books")
	path := "/2025-11-30/functions/NAME/function-scaling-config?Qualifier=$LATEST.PUBLISHED"
	s.expect(request{method: "GET", path: strings.Replace(path, "NAME", "none", 1)}, missing("Function not found: "+prefix+"none"))
	nobody := s.addUser(account, "nobody", `{"Effect":"Allow","Action":"iam:*","Resource":"*"}`)
	got := s.do(request{method: "GET", path: strings.Replace(path, "NAME", "books", 1), as: nobody})
	if refusal := "lambda:GetFunctionScalingConfig on resource: " + prefix + "books "; !strings.Contains(got.body, refusal) {
		t.Errorf("without the permission: %d %s", got.status, got.body)
	}
	got = s.do(request{method: "GET", path: strings.Replace(path, "NAME", "books", 1)})
	if got.status != 403 || got.name != "AccessDeniedException" ||
		!strings.Contains(got.body, "The function provided by the arn does not contain a capacity provider configuration") {
		t.Errorf("%d %s %s", got.status, got.name, got.body)
	}
}

// A recursion setting is kept, and lives as long as its function.
func TestRecursionIsKept(t *testing.T) {
	s := start(t)
	s.create("books")
	const path = "/2024-08-31/functions/books/recursion-config"
	read := func() string { return s.must(request{method: "GET", path: path}).body }
	for _, loop := range []string{"Allow", "Terminate", "Allow"} {
		want := `{"RecursiveLoop":"` + loop + `"}`
		if got := s.must(request{method: "PUT", path: path, body: want}).body; got != want {
			t.Errorf("put %s: %s", loop, got)
		}
		if got := read(); got != want {
			t.Errorf("after %s: %s", loop, got)
		}
	}
	got := s.do(request{method: "PUT", path: path, body: `{"RecursiveLoop":"Never"}`})
	if got.status != 400 || got.name != "ValidationException" || !strings.Contains(got.body, "enum value set: [Terminate, Allow]") {
		t.Errorf("Never: %d %s", got.status, got.body)
	}
	s.expect(request{method: "PUT", path: "/2024-08-31/functions/none/recursion-config", body: `{"RecursiveLoop":"Allow"}`},
		missing("Function not found: "+prefix+"none"))
	s.must(request{method: "DELETE", path: "/2015-03-31/functions/books"})
	s.create("books")
	if got := read(); got != `{"RecursiveLoop":"Terminate"}` {
		t.Errorf("of a new function: %s", got)
	}
}

// What is so anyway can be set; anything else is refused by name.
func TestSettingsThatAreFixed(t *testing.T) {
	s := start(t)
	s.create("books")
	const runtime = "/2021-07-20/functions/books/runtime-management-config"
	if got := s.must(request{method: "PUT", path: runtime, body: `{"UpdateRuntimeOn":"Auto"}`}).body; got !=
		`{"FunctionArn":"`+prefix+`books","RuntimeVersionArn":null,"UpdateRuntimeOn":"Auto"}` {
		t.Errorf("runtime management: %s", got)
	}
	for _, body := range []string{
		`{"UpdateRuntimeOn":"FunctionUpdate"}`, `{"UpdateRuntimeOn":"Manual"}`,
		`{"UpdateRuntimeOn":"Auto","RuntimeVersionArn":"arn:aws:lambda:eu-west-1::runtime:0123456789012345678901234567890123456789012345678901234567890123"}`,
	} {
		if got := s.do(request{method: "PUT", path: runtime, body: body}); got.status != 400 || !strings.Contains(got.body, "furl does not support") {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := s.do(request{method: "DELETE", path: "/2020-06-30/functions/books/code-signing-config"}); got.status != 204 {
		t.Errorf("code signing: %d %s", got.status, got.body)
	}
}
