//go:build unix

package lambdaapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shown is a function's configuration as the API shows it, with what a test wants to be otherwise.
func shown(t *testing.T, change func(map[string]any)) map[string]any {
	t.Helper()
	var c map[string]any
	err := json.Unmarshal([]byte(`{
		"FunctionName": "books", "FunctionArn": "`+prefix+`books", "Runtime": "provided.al2023", "Role": "`+role+`",
		"Handler": "bootstrap", "CodeSize": 12, "Description": "", "Timeout": 3, "MemorySize": 128,
		"LastModified": "2026-11-23T15:26:50.123+0000", "CodeSha256": "hl6dmqL10PvavmuaAwetiCN43Ng7U6yk7kwF6XiUIzs=",
		"Version": "$LATEST", "TracingConfig": {"Mode": "PassThrough"}, "State": "Active", "LastUpdateStatus": "Successful",
		"PackageType": "Zip", "Architectures": ["x86_64"], "EphemeralStorage": {"Size": 512},
		"SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
		"RuntimeVersionConfig": {"RuntimeVersionArn": "arn:aws:lambda:eu-west-1::runtime:x"},
		"LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/books"}, "RevisionId": "a UUID"
	}`), &c)
	if err != nil {
		t.Fatal(err)
	}
	change(c)
	return c
}

// seen is a configuration from an answer, with what is made at random replaced by what shown has.
func seen(t *testing.T, body string) map[string]any {
	t.Helper()
	var c map[string]any
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if inner, ok := c["Configuration"].(map[string]any); ok {
		c = inner
	}
	if id, _ := c["RevisionId"].(string); len(id) == 36 && strings.Count(id, "-") == 4 {
		c["RevisionId"] = "a UUID"
	}
	if version, ok := c["RuntimeVersionConfig"].(map[string]any); ok && strings.HasPrefix(version["RuntimeVersionArn"].(string), "arn:aws:lambda:eu-west-1::runtime:") {
		version["RuntimeVersionArn"] = "arn:aws:lambda:eu-west-1::runtime:x"
	}
	return c
}

func TestFunctionFromCreationToDeletion(t *testing.T) {
	s := start(t)
	const path = "/2015-03-31/functions/books"

	got := s.do(request{method: "POST", path: "/2015-03-31/functions", body: createBody("books", "")})
	if got.status != 201 || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("CreateFunction: %d %s", got.status, got.body)
	}
	want := shown(t, func(c map[string]any) {
		c["State"], c["StateReason"], c["StateReasonCode"] = "Pending", "The function is being created.", "Creating"
		delete(c, "LastUpdateStatus")
	})
	if diff := cmp.Diff(want, seen(t, got.body)); diff != "" {
		t.Errorf("CreateFunction: %s", diff)
	}

	got = s.must(request{method: "GET", path: path})
	if diff := cmp.Diff(shown(t, func(map[string]any) {}), seen(t, got.body)); diff != "" {
		t.Errorf("GetFunction: %s", diff)
	}
	var whole struct {
		Code map[string]string
		Tags map[string]string
	}
	if err := json.Unmarshal([]byte(got.body), &whole); err != nil {
		t.Fatal(err)
	}
	wantCode := map[string]string{"RepositoryType": "S3", "Location": "http://furl.test/code/" + s.function("books").CodeHex}
	if diff := cmp.Diff(wantCode, whole.Code); diff != "" || whole.Tags != nil {
		t.Errorf("GetFunction: tags %v, code %s", whole.Tags, diff)
	}

	got = s.must(request{method: "GET", path: path + "/configuration?Qualifier=%24LATEST"})
	want = shown(t, func(c map[string]any) { c["FunctionArn"] = prefix + "books:$LATEST" })
	if diff := cmp.Diff(want, seen(t, got.body)); diff != "" {
		t.Errorf("GetFunctionConfiguration: %s", diff)
	}

	got = s.must(request{method: "GET", path: "/2015-03-31/functions/"})
	var list struct {
		Functions  []map[string]any
		NextMarker *string
	}
	if err := json.Unmarshal([]byte(got.body), &list); err != nil {
		t.Fatal(err)
	}
	want = shown(t, func(c map[string]any) {
		delete(c, "State")
		delete(c, "LastUpdateStatus")
		delete(c, "RuntimeVersionConfig")
		c["RevisionId"] = s.function("books").RevisionID
	})
	if diff := cmp.Diff([]map[string]any{want}, list.Functions); diff != "" || list.NextMarker != nil {
		t.Errorf("ListFunctions: marker %v, %s", list.NextMarker, diff)
	}

	got = s.do(request{method: "DELETE", path: path})
	if got.status != 204 || got.body != "" {
		t.Errorf("DeleteFunction: %d %q", got.status, got.body)
	}
	if diff := cmp.Diff([]string{prefix + "books"}, s.invoker.retired); diff != "" {
		t.Errorf("retired environments: %s", diff)
	}
	if got := s.do(request{method: "GET", path: path}); got.status != 404 {
		t.Errorf("GetFunction after deletion: %d", got.status)
	}
}

func TestFunctionsThatAreNotThere(t *testing.T) {
	s := start(t)
	s.create("books")
	for _, test := range []struct {
		method, path, body string
		want               fault
	}{
		{"GET", "none", "", missing("Function not found: " + prefix + "none")},
		{"GET", "none/configuration", "", missing("Function not found: " + prefix + "none")},
		{"GET", "none?Qualifier=7", "", missing("Function not found: " + prefix + "none:7")},
		{"GET", "books?Qualifier=7", "", missing("Function not found: " + prefix + "books:7")},
		{"GET", "books/configuration?Qualifier=7", "", missing("Function not found: " + prefix + "books:7")},
		{"GET", "books:live", "", missing("Function not found: " + prefix + "books:live")},
		{"GET", "books?Qualifier=a$b", "", missing("Function not found: " + prefix + "books:a$b")},
		{"GET", "books:live?Qualifier=dev", "", invalid("The derived qualifier from the function name does not match the specified qualifier.")},
		{"GET", "books?Qualifier=", "", violates(`2 validation errors detected: Value '' at 'qualifier' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: \$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`)},
		{"GET", "a.b", "", violates("1 validation error detected: Value 'a.b' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: " + namePattern)},
		{"GET", "arn%3Aaws%3Alambda%3Aus-west-2%3A123456789012%3Afunction%3Abooks", "", missing("Functions from 'us-west-2' are not reachable in this region ('eu-west-1')")},
		{"PUT", "none/code", `{"ZipFile":"UEs="}`, missing("Function not found: " + prefix + "none")},
		{"PUT", "none/configuration", `{}`, missing("Function not found: " + prefix + "none")},
		{"DELETE", "none", "", missing("Function not found: " + prefix + "none")},
		{"DELETE", "none?Qualifier=7", "", missing("Function not found: " + prefix + "none")},
		{"DELETE", "books?Qualifier=$LATEST", "", invalid("$LATEST version cannot be deleted without deleting the function.")},
		{"DELETE", "books?Qualifier=live", "", invalid("Deletion of aliases is not currently supported.")},
	} {
		s.expect(request{method: test.method, path: "/2015-03-31/functions/" + test.path, body: test.body}, test.want)
	}
	if got := s.do(request{method: "DELETE", path: "/2015-03-31/functions/books?Qualifier=7"}); got.status != 204 {
		t.Errorf("deleting a version that is not there: %d %s", got.status, got.body)
	}
	s.function("books")
}

func TestEveryFormOfAName(t *testing.T) {
	s := start(t)
	s.create("books")
	for _, name := range []string{
		"books", "books:$LATEST", "function:books", account + ":function:books", account + ":function:books:$LATEST",
		prefix + "books", prefix + "books:$LATEST", "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Abooks",
		"arn%3aaws%3alambda%3aeu-west-1%3a123456789012%3afunction%3abooks%3a%24LATEST",
	} {
		if got := s.do(request{method: "GET", path: "/2015-03-31/functions/" + name}); got.status != 200 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

// A region decides the partition of the ARNs in it, and only policies for that partition's ARNs hold.
func TestEveryPartition(t *testing.T) {
	s := start(t)
	for region, partition := range map[string]string{
		"cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "us-isob-east-1": "aws-iso-b", "eusc-de-east-1": "aws-eusc",
	} {
		t.Run(region, func(t *testing.T) {
			arn := "arn:" + partition + ":lambda:" + region + ":" + account + ":function:books"
			path := "/2015-03-31/functions/"
			made := s.must(request{method: "POST", path: path, body: createBody("books", ""), region: region})
			if got := member(t, made.body, "FunctionArn"); got != arn {
				t.Errorf("created %s, want %s", got, arn)
			}
			if runtime := "arn:" + partition + ":lambda:" + region + "::runtime:"; !strings.Contains(made.body, runtime) {
				t.Errorf("no runtime %s: %s", runtime, made.body)
			}
			s.must(request{method: "GET", path: path + arn, region: region})
			foreign := strings.Replace(arn, partition, "aws", 1)
			if got := s.do(request{method: "GET", path: path + foreign, region: region}); got.status != 400 {
				t.Errorf("%s: %d %s", foreign, got.status, got.body)
			}
			for resource, want := range map[string]int{arn: 200, foreign: 403} {
				name := strings.NewReplacer(":", "-", "_", "-").Replace(resource)
				who := s.addUser(account, name, `{"Effect":"Allow","Action":"lambda:GetFunction","Resource":"`+resource+`"}`)
				if got := s.do(request{method: "GET", path: path + "books", region: region, as: who}); got.status != want {
					t.Errorf("allowed on %s: %d %s", resource, got.status, got.body)
				}
			}
		})
	}
}
