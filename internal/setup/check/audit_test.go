package check_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/check"
)

// outcomes are the functions of an audit and how each came out.
func outcomes(audit check.Audit) []string {
	var list []string
	for _, function := range audit.Functions {
		name := function.Function[strings.Index(function.Function, "function:")+len("function:"):]
		list = append(list, fmt.Sprintf("%s %s", name, function.Status))
	}
	return list
}

func TestAllFunctionsAreAudited(t *testing.T) {
	s := start(t)
	role := s.AddRole(here, "/", "caller", "")
	principal := lambda.PermissionPrincipal{AWS: role.ARN()}
	s.allowBoth(principal)
	for _, name := range []string{"bare", "old", "open", "public", "without"} {
		arn := s.AddFunction(here, name, role)
		if name == "without" {
			continue
		}
		authType := lambda.AuthIAM
		if name == "open" || name == "public" {
			authType = lambda.AuthNone
		}
		if _, err := s.api.CreateURL(t.Context(), arn, awsapi.URLSettings{AuthType: authType}); err != nil {
			t.Fatal(err)
		}
		s.arn = arn
		switch name {
		case "old":
			s.allow("old", lambda.ActionInvokeURL, principal, nil)
		case "public":
			s.allowBoth(lambda.PermissionPrincipal{Anyone: true})
		case "open":
			s.allow("half", lambda.ActionInvokeURL, lambda.PermissionPrincipal{Anyone: true}, nil)
		}
	}
	audit, err := (&check.Checker{Owner: check.NewSide(s.api)}).All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bare ok", "old problem", "open problem", "public ok", "web ok"}, outcomes(audit)); diff != "" || audit.Verdict != check.Refused {
		t.Errorf("%s: %s", audit.Verdict, diff)
	}
	want := []string{
		"furl grant arn:aws:lambda:eu-central-1:" + here + ":function:old --to " + role.ARN(),
		"furl grant arn:aws:lambda:eu-central-1:" + here + ":function:open --to '*'",
	}
	if diff := cmp.Diff(want, audit.Fix); diff != "" {
		t.Error(diff)
	}
	var text strings.Builder
	audit.WriteTo(&text)
	if !strings.Contains(text.String(), "everyone is to call, but is not granted lambda:InvokeFunction") || !strings.Contains(text.String(), `statement "old"`) {
		t.Error(text.String())
	}

	lister := s.Client(s.AddUser(here, "lister", `{"Effect":"Allow","Action":"lambda:List*","Resource":"*"}`))
	audit, err = (&check.Checker{Owner: check.NewSide(lister)}).All(t.Context())
	if err != nil || audit.Verdict != check.Undecided || audit.Functions[0].Missing != "lambda:GetPolicy" {
		t.Errorf("without a look at policies: %+v, %v", audit, err)
	}
	nobody := s.Client(s.AddUser(here, "nobody", ""))
	if _, err := (&check.Checker{Owner: check.NewSide(nobody)}).All(t.Context()); awsapi.KindOf(err) != awsapi.Denied {
		t.Errorf("without a list of functions: %v", err)
	}
	empty := s.Client(s.Root(planetest.Other))
	if audit, err := (&check.Checker{Owner: check.NewSide(empty)}).All(t.Context()); err != nil || audit.Verdict != check.Allowed || audit.Functions == nil {
		t.Errorf("an account without functions: %+v, %v", audit, err)
	}
}

// saved is what the AWS CLI prints for get-policy.
func saved(t *testing.T, arn lambda.ARN, actions ...string) *fstest.MapFile {
	t.Helper()
	var permissions []lambda.Permission
	for _, action := range actions {
		permissions = append(permissions, lambda.Permission{StatementID: action[len("lambda:"):], Action: action, Principal: lambda.PermissionPrincipal{AWS: "arn:aws:iam::" + there + ":role/far"}})
	}
	content, err := json.Marshal(map[string]string{"Policy": lambda.PolicyText(permissions, arn, func(p string) string { return p }), "RevisionId": "x"})
	if err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: content}
}

func TestSavedPoliciesAreAudited(t *testing.T) {
	function := func(name, qualifier string) lambda.ARN {
		return lambda.ARN{Region: "eu-central-1", Account: here, Name: name, Qualifier: qualifier}
	}
	raw := saved(t, function("raw", ""), lambda.ActionInvoke)
	var policy struct{ Policy string }
	if err := json.Unmarshal(raw.Data, &policy); err != nil {
		t.Fatal(err)
	}
	two := strings.Replace(policy.Policy, `"Statement":[`, `"Statement":[{"Sid":"x","Effect":"Allow","Principal":"*","Action":"lambda:*","Resource":"`+web+`"},`, 1)
	dir := fstest.MapFS{
		"a/get-policy.json":       saved(t, function("good", ""), lambda.ActionInvokeURL, lambda.ActionInvoke),
		"b/get-policy.json":       saved(t, function("bad", "prod"), lambda.ActionInvokeURL),
		"raw.json":                {Data: []byte(policy.Policy)},
		"url.json":                {Data: []byte(`{"FunctionUrl":"https://x.lambda-url.eu-central-1.on.aws/","FunctionArn":"` + web + `","AuthType":"NONE"}`)},
		"urls.json":               {Data: []byte(`{"FunctionUrlConfigs":[{"FunctionUrl":"https://y.lambda-url.eu-central-1.on.aws/","FunctionArn":"` + function("good", "").String() + `","AuthType":"AWS_IAM"}]}`)},
		"notes.txt":               {Data: []byte("nothing of ours")},
		"left-out/other.json":     {Data: []byte(`{"a":1}`)},
		"left-out/broken.json":    {Data: []byte(`{`)},
		"left-out/empty.json":     {Data: []byte("\n")},
		"left-out/large.json":     {Data: make([]byte, 1<<20+1)},
		"left-out/two.json":       {Data: []byte(two)},
		"left-out/bucket.json":    {Data: []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b"}]}`)},
		"left-out/list.json":      {Data: []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"lambda:*","Resource":["` + web + `"]}]}`)},
		"left-out/no-policy.json": {Data: []byte(`{"Policy":"{}"}`)},
		"left-out/odd-url.json":   {Data: []byte(`{"FunctionUrl":"https://x/","FunctionArn":"web"}`)},
		"z/get-policy.json":       saved(t, function("good", ""), lambda.ActionInvokeURL),
	}
	audit, err := check.Offline(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bad:prod problem", "good ok", "raw ok", "web problem"}, outcomes(audit)); diff != "" || audit.Verdict != check.Refused {
		t.Errorf("%s: %s", audit.Verdict, diff)
	}
	if len(audit.Notes) != 10 {
		t.Errorf("%d notes: %s", len(audit.Notes), strings.Join(audit.Notes, "\n"))
	}
	for _, note := range audit.Notes {
		if !strings.HasPrefix(note, "left-out/") && !strings.HasPrefix(note, "z/get-policy.json: left out: there is another policy of") {
			t.Error(note)
		}
	}
	if fix := strings.Join(audit.Fix, "\n"); !strings.Contains(fix, "furl grant "+function("bad", "prod").String()+" --to arn:aws:iam::"+there+":role/far") {
		t.Errorf("fix %s", fix)
	}
	if audit.Functions[1].URL != "https://y.lambda-url.eu-central-1.on.aws/" {
		t.Errorf("%+v", audit.Functions[1])
	}
	for _, test := range []struct {
		left string
		want check.Verdict
	}{{"", check.Allowed}, {`{"a":1}`, check.Allowed}, {`{"Policy":"{\"Vers`, check.Undecided}, {`{"Policy":"{}"}`, check.Undecided}} {
		dir := fstest.MapFS{"good.json": dir["a/get-policy.json"], "left-out.json": {Data: []byte(test.left)}}
		if audit, err := check.Offline(dir); err != nil || audit.Verdict != test.want {
			t.Errorf("beside %q the verdict is %s, %v", test.left, audit.Verdict, err)
		}
	}
	for _, text := range []string{`{}`, `{`} {
		_, err := check.Offline(fstest.MapFS{"a.json": {Data: []byte(text)}})
		if err == nil || !strings.Contains(err.Error(), "a.json: left out") {
			t.Errorf("a directory with %q in it: %v", text, err)
		}
	}
	many := fstest.MapFS{}
	for i := range 10_001 {
		many[fmt.Sprintf("%d.json", i)] = &fstest.MapFile{}
	}
	if _, err := check.Offline(many); err == nil || !strings.Contains(err.Error(), "more than 10000 files") {
		t.Errorf("too many files: %v", err)
	}
}

func FuzzOffline(f *testing.F) {
	f.Add(`{"Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[]}"}`)
	f.Add(`{"FunctionUrl":"https://x/","FunctionArn":"arn:aws:lambda:eu-central-1:123456789012:function:web","AuthType":"NONE"}`)
	f.Add(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"` + web + `"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		audit, err := check.Offline(fstest.MapFS{"a.json": {Data: []byte(text)}})
		if err == nil && len(audit.Functions) == 0 {
			t.Errorf("%q is an audit of nothing", text)
		}
	})
}
