//go:build unix

package lambdaapi_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const urlPath = "/2021-10-31/functions/books/url"

// parse reads a JSON object, with the one function URL in it made the same for all.
func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	text = regexp.MustCompile(`http://[a-z2-7]{26}0[a-z]{5}\.lambda-url\.`).ReplaceAllString(text, "http://ID.lambda-url.")
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return object
}

func TestURLConfigFromCreationToDeletion(t *testing.T) {
	s := start(t)
	s.create("books")
	revision := s.function("books").RevisionID

	got := s.do(request{method: "POST", path: urlPath, body: `{"AuthType":"AWS_IAM"}`})
	want := map[string]any{
		"FunctionUrl": "http://ID.lambda-url.eu-west-1.localhost:9000/", "FunctionArn": prefix + "books", "AuthType": "AWS_IAM",
		"CreationTime": "2026-11-23T15:26:50.123000Z",
	}
	if got.status != 201 {
		t.Errorf("status %d", got.status)
	}
	if diff := cmp.Diff(want, parse(t, got.body)); diff != "" {
		t.Errorf("CreateFunctionUrlConfig: %s", diff)
	}
	s.expect(request{method: "POST", path: urlPath, body: `{"AuthType":"NONE"}`}, conflicts(
		"Failed to create function url config for [functionArn = "+prefix+"books]. Error message:  FunctionUrlConfig exists for this Lambda function"))

	want["LastModifiedTime"], want["InvokeMode"] = "2026-11-23T15:26:50.123000Z", "BUFFERED"
	got = s.must(request{method: "GET", path: urlPath})
	if diff := cmp.Diff(want, parse(t, got.body)); diff != "" {
		t.Errorf("GetFunctionUrlConfig: %s", diff)
	}
	if _, ok := s.world.Now().URL(strings.TrimPrefix(strings.Split(member(t, got.body, "FunctionUrl"), ".")[0], "http://")); !ok {
		t.Error("the data plane does not find the URL")
	}

	got = s.must(request{method: "PUT", path: urlPath})
	delete(want, "InvokeMode")
	if diff := cmp.Diff(want, parse(t, got.body)); diff != "" {
		t.Errorf("UpdateFunctionUrlConfig with nothing: %s", diff)
	}
	got = s.must(request{method: "PUT", path: urlPath, body: `{"AuthType":"NONE","InvokeMode":"RESPONSE_STREAM",
		"Cors":{"AllowCredentials":true,"AllowHeaders":["x-a"],"AllowMethods":["GET","*"],"AllowOrigins":["https://a.example"],"ExposeHeaders":["x-b"],"MaxAge":86400}}`})
	want["AuthType"], want["InvokeMode"] = "NONE", "RESPONSE_STREAM"
	want["Cors"] = map[string]any{
		"AllowCredentials": true, "AllowHeaders": []any{"x-a"}, "AllowMethods": []any{"GET", "*"},
		"AllowOrigins": []any{"https://a.example"}, "ExposeHeaders": []any{"x-b"}, "MaxAge": 86400.0,
	}
	if diff := cmp.Diff(want, parse(t, got.body)); diff != "" {
		t.Errorf("UpdateFunctionUrlConfig: %s", diff)
	}
	got = s.must(request{method: "GET", path: "/2021-10-31/functions/books/urls"})
	if diff := cmp.Diff(map[string]any{"FunctionUrlConfigs": []any{want}}, parse(t, got.body)); diff != "" {
		t.Errorf("ListFunctionUrlConfigs: %s", diff)
	}
	got = s.must(request{method: "PUT", path: urlPath, body: `{"Cors":{}}`})
	delete(want, "Cors")
	if diff := cmp.Diff(want, parse(t, got.body)); diff != "" {
		t.Errorf("an empty Cors should take it off: %s", diff)
	}

	if got := s.do(request{method: "DELETE", path: urlPath}); got.status != 204 || got.body != "" {
		t.Errorf("DeleteFunctionUrlConfig: %d %q", got.status, got.body)
	}
	got = s.must(request{method: "GET", path: "/2021-10-31/functions/books/urls"})
	if got.body != `{"FunctionUrlConfigs":[]}` {
		t.Errorf("ListFunctionUrlConfigs of none: %s", got.body)
	}
	if s.function("books").RevisionID != revision || len(s.invoker.retired) != 0 {
		t.Error("a URL is not part of the function's revision and changes no environment")
	}
}

func TestURLConfigThatIsCreatedWithInvokeModeShowsIt(t *testing.T) {
	s := start(t)
	s.create("books")
	got := s.must(request{method: "POST", path: urlPath, body: `{"AuthType":"NONE","InvokeMode":"BUFFERED"}`})
	if !strings.Contains(got.body, `"InvokeMode":"BUFFERED"`) {
		t.Error(got.body)
	}
}

func TestURLConfigRefuses(t *testing.T) {
	s := start(t)
	s.create("books")
	s.create("bare")
	s.must(request{method: "POST", path: urlPath, body: `{"AuthType":"NONE"}`})
	const (
		is        = "1 validation error detected: Value "
		qualifier = ` at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)`
		method    = " at 'cors.allowMethods' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 6, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: .*, Member must not be null]"
	)
	many := `["` + strings.Repeat(`a","`, 100) + `a"]`
	for _, test := range []struct {
		method, path, body string
		want               fault
	}{
		{"POST", "none/url", `{"AuthType":"NONE"}`, missing("Function does not exist")},
		{"POST", "bare/url?Qualifier=live", `{"AuthType":"NONE"}`, missing("Function does not exist")},
		{"POST", "bare:live/url", `{"AuthType":"NONE"}`, missing("Function does not exist")},
		{"POST", "bare:live/url?Qualifier=dev", `{"AuthType":"NONE"}`, invalid("The derived qualifier from the function name does not match the specified qualifier.")},
		{"POST", "bare/url?Qualifier=1", `{"AuthType":"NONE"}`, violates(is + "'1'" + qualifier)},
		{"POST", "bare/url?Qualifier=$LATEST", `{"AuthType":"NONE"}`, violates(is + "'$LATEST'" + qualifier)},
		{"POST", "bare/url", `{}`, violates(is + "null at 'authType' failed to satisfy constraint: Member must not be null")},
		{"POST", "bare/url", `{"AuthType":"IAM"}`, violates(is + "'IAM' at 'authType' failed to satisfy constraint: Member must satisfy enum value set: [AWS_IAM, NONE]")},
		{"POST", "bare/url", `{"AuthType":"NONE","InvokeMode":"STREAM"}`, violates(is + "'STREAM' at 'invokeMode' failed to satisfy constraint: Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]")},
		{"POST", "bare/url", `{"AuthType":"NONE","Cors":{"AllowMethods":["GET","POST","OPTIONS"]}}`, violates(is + "'[GET, POST, OPTIONS]'" + method)},
		{"POST", "bare/url", `{"AuthType":"NONE","Cors":{"AllowMethods":["GET",null]}}`, violates(is + "'[GET, null]'" + method)},
		{"POST", "bare/url", `{"AuthType":"NONE","Cors":{"AllowMethods":["1","2","3","4","5","6","7"]}}`, violates(is + "'[1, 2, 3, 4, 5, 6, 7]' at 'cors.allowMethods' failed to satisfy constraint: Member must have length less than or equal to 6")},
		{"POST", "bare/url", `{"AuthType":"NONE","Cors":{"AllowOrigins":[""]}}`, violates(is + "'[]' at 'cors.allowOrigins' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 253, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: .*, Member must not be null]")},
		{"POST", "bare/url", `{"AuthType":"NONE","Cors":{"MaxAge":86401}}`, violates(is + "'86401' at 'cors.maxAge' failed to satisfy constraint: Member must have value less than or equal to 86400")},
		{"POST", "bare/url", `{"AuthType":"NONE","Cors":{"MaxAge":-1}}`, violates(is + "'-1' at 'cors.maxAge' failed to satisfy constraint: Member must have value greater than or equal to 0")},
		{"POST", "bare/url", `{"AuthType":"NONE","Cors":{"AllowHeaders":` + many + `}}`, violates(is + "'[" + strings.Repeat("a, ", 100) + "a]' at 'cors.allowHeaders' failed to satisfy constraint: Member must have length less than or equal to 100")},
		{"POST", "bare/url", `{"AuthType":"NONE","Cors":{"ExposeHeaders":` + many + `}}`, violates(is + "'[" + strings.Repeat("a, ", 100) + "a]' at 'cors.exposeHeaders' failed to satisfy constraint: Member must have length less than or equal to 100")},
		{"POST", "bare/url", `{"AuthType":"NONE","Cors":{"MaxAge":"1"}}`, unreadable("STRING_VALUE can not be converted to an Integer")},
		{"GET", "none/url", "", missing("The resource you requested does not exist.")},
		{"GET", "bare/url", "", missing("The resource you requested does not exist.")},
		{"GET", "books/url?Qualifier=live", "", missing("The resource you requested does not exist.")},
		{"GET", "books/url?Qualifier=2", "", violates(is + "'2'" + qualifier)},
		{"PUT", "none/url", `{}`, missing("Function does not exist")},
		{"PUT", "books/url?Qualifier=live", `{}`, missing("Function does not exist")},
		{"PUT", "bare/url", `{}`, missing("The resource you requested does not exist.")},
		{"PUT", "books/url?Qualifier=1", `{}`, violates(is + "'1'" + qualifier)},
		{"DELETE", "none/url", "", missing("The resource you requested does not exist.")},
		{"DELETE", "bare/url", "", missing("The resource you requested does not exist.")},
		{"DELETE", "books/url?Qualifier=live", "", missing("The resource you requested does not exist.")},
		{"DELETE", "books:live/url?Qualifier=dev", "", invalid("The derived qualifier from the function name does not match the specified qualifier.")},
		{"GET", "none/urls", "", missing("Function does not exist")},
		{"GET", "books/urls?MaxItems=51", "", violates(is + "'51' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 50")},
		{"GET", "books/urls?Marker=x", "", invalid("Invalid marker value from user.")},
	} {
		s.expect(request{method: test.method, path: "/2021-10-31/functions/" + test.path, body: test.body}, test.want)
	}
	if s.function("bare").URLs[""] != nil || s.function("books").URLs[""] == nil {
		t.Error("a refused request changed something")
	}
}
