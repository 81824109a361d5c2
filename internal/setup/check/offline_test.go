//go:build unix

package check_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/report"
	"github.com/furl-dev/furl/internal/setup/check"
)

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
		"list.json":               {Data: []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"lambda:*","Resource":["` + web + `"]}]}`)},
		"left-out/no-policy.json": {Data: []byte(`{"Policy":"{}"}`)},
		"left-out/odd-url.json":   {Data: []byte(`{"FunctionUrl":"https://x/","FunctionArn":"web"}`)},
		"z/get-policy.json":       saved(t, function("good", ""), lambda.ActionInvokeURL),
	}
	audit, err := check.Offline(t.Context(), dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bad:prod problem", "good could not look", "raw depends", "web ok"}, outcomes(audit)); diff != "" || audit.Verdict != check.Refused {
		t.Errorf("%s: %s", audit.Verdict, diff)
	}
	if len(audit.Notes) != 11 {
		t.Errorf("%d notes: %s", len(audit.Notes), strings.Join(audit.Notes, "\n"))
	}
	for _, note := range audit.Notes {
		if !strings.HasPrefix(note, "left-out/") && !strings.HasPrefix(note, "z/get-policy.json: left out: there is another policy of") &&
			!strings.HasPrefix(note, "new URLs need both") && !strings.HasPrefix(note, "who may call by policies of their own") {
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
	}{{`[]`, check.Undecided}, {`[{"FunctionArn":"x"}]`, check.Undecided}, {`{"error":"x","code":404,"Type":5}`, check.Allowed},
		{`{"FunctionName":"x","RevisionId":"x","Version":"$LATEST"}`, check.Allowed},
		{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`, check.Allowed},
		{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"lambda:*","Resource":"*"}}`, check.Allowed},
		{`{"FunctionUrlConfigs":[],"NextMarker":"x"}`, check.Undecided}, {`{"FunctionUrlConfigs":5}`, check.Undecided}, {`{"FunctionUrlConfigs":[]}`, check.Allowed},
		{"", check.Undecided}, {"null", check.Undecided}, {"{}", check.Undecided}, {`{"a":1}`, check.Allowed}, {`{"Policy":"{\"Vers`, check.Undecided}, {`{"Policy":"{}"}`, check.Undecided}} {
		dir := fstest.MapFS{"good.json": dir["a/get-policy.json"], "left-out.json": {Data: []byte(test.left)}}
		if audit, err := check.Offline(t.Context(), dir, nil, nil); err != nil || audit.Verdict != test.want {
			t.Errorf("beside %q the verdict is %s, %v", test.left, audit.Verdict, err)
		}
	}
	for _, text := range []string{`{}`, `{`} {
		_, err := check.Offline(t.Context(), fstest.MapFS{"a.json": {Data: []byte(text)}}, nil, nil)
		if err == nil || !strings.Contains(err.Error(), "a.json: left out") {
			t.Errorf("a directory with %q in it: %v", text, err)
		}
	}
	many := fstest.MapFS{}
	for i := range 10_001 {
		many[fmt.Sprintf("%d.json", i)] = &fstest.MapFile{}
	}
	if _, err := check.Offline(t.Context(), many, nil, nil); err == nil || !strings.Contains(err.Error(), "more than 10000 files") {
		t.Errorf("too many files: %v", err)
	}
}

// notFound is what the AWS CLI writes to standard error for a function without a policy: up to version 2.31, and since.
const (
	notFound    = "\nAn error occurred (ResourceNotFoundException) when calling the GetPolicy operation: The resource you requested does not exist.\n"
	notFoundNow = "\naws: [ERROR]: An error occurred (ResourceNotFoundException) when calling the GetPolicy operation: The resource you requested does not exist.\n\nAdditional error details:\nType: User\n"
)

// Each row is what is beside the URL's configuration of the function web, and what that makes of it.
func TestSavedFunctionsWithoutPolicies(t *testing.T) {
	wide := func(text string) string { // as PowerShell writes it
		out := []byte{0xff, 0xfe}
		for _, unit := range utf16.Encode([]rune(text)) {
			out = append(out, byte(unit), byte(unit>>8))
		}
		return string(out)
	}
	good := string(saved(t, lambda.ARN{Region: "eu-central-1", Account: here, Name: "web"}, lambda.ActionInvokeURL, lambda.ActionInvoke).Data)
	type files map[string]string
	tests := []struct {
		name     string
		files    files
		noPolicy []string
		want     check.Status
		says     string
	}{
		{"no file", files{}, nil, check.Unknown, "no file has its policy"},
		{"a file that is empty", files{"web-policy.json": ""}, nil, check.Unknown, "web-policy.json: is empty"},
		{"a file of white space", files{"web.json": " \n"}, nil, check.Unknown, "web.json: is empty"},
		{"a file with a byte order mark and nothing else", files{"web.json": "\ufeff"}, nil, check.Unknown, "web.json: is empty"},
		{"null", files{"web.json": "null"}, nil, check.Unknown, "web.json: is empty"},
		{"an empty object", files{"web.json": "{}\n"}, nil, check.Unknown, "web.json: is empty"},
		{"an empty policy", files{"web.json": `{"Policy":""}`}, nil, check.Unknown, "web.json: is empty"},
		{"no policy where it should be", files{"web.json": `{"Policy":null,"RevisionId":"x"}`}, nil, check.Unknown, "web.json: is empty"},
		{"a policy without statements", files{"web.json": `{"Version":"2012-10-17","Statement":[]}`}, nil, check.Unknown, "web.json: policy"},
		{"a file that is cut off", files{"web.json": good[:len(good)/2]}, nil, check.Unknown, "web.json: unexpected EOF"},
		{"a policy that is cut off", files{"web.json": strings.Replace(good, `]}","RevisionId"`, `","RevisionId"`, 1)}, nil, check.Unknown, "web.json: policy"},
		{"text instead of JSON", files{"web.json": "POLICY\tx"}, nil, check.Unknown, "web.json: invalid character"},
		{"two answers in one file", files{"web.json": good + good}, nil, check.Unknown, "something follows"},

		{"the error", files{"web.json": notFound}, nil, check.Depends, "no resource-based policy"},
		{"the error of newer versions", files{"web.json": notFoundNow}, nil, check.Depends, "no resource-based policy"},
		{"the error after retries", files{"web.err": strings.Replace(notFound, "GetPolicy operation:", "GetPolicy operation (reached max retries: 4):", 1)}, nil, check.Depends, "no resource-based policy"},
		{"the error in a file of its own", files{"policies/web.err": notFound}, nil, check.Depends, "no resource-based policy"},
		{"the error beside the empty file", files{"web.json": "", "web.err": notFound}, nil, check.Depends, "no resource-based policy"},
		{"the error beside the empty file, with none for another's URL", files{"web.json": "", "web.err": notFound, "other-url.json": "", "other-url.err": strings.Replace(notFound, "GetPolicy", "GetFunctionUrlConfig", 1)}, nil, check.Depends, "no resource-based policy"},
		{"another error beside the empty file", files{"web.json": "", "web.err": strings.Replace(notFound, "ResourceNotFound", "AccessDenied", 1)}, nil, check.Unknown, "web.err: AccessDeniedException"},
		{"the error in a file without an ending", files{"web": notFound}, nil, check.Depends, "no resource-based policy"},
		{"the error in a directory of the function's name", files{"web/get-policy.json": notFound}, nil, check.Depends, "no resource-based policy"},
		{"the error under the function's ARN", files{"arn:aws:lambda:eu-central-1:" + here + ":function:web.json": notFound}, nil, check.Depends, "no resource-based policy"},
		{"the error in another order of words", files{"get-policy_web.stderr.txt": notFound}, nil, check.Depends, "no resource-based policy"},
		{"the error in a file that says so", files{"web.no-policy.json": notFound}, nil, check.Depends, "no resource-based policy"},
		{"the error of old versions", files{"web.err": "A client error (ResourceNotFoundException) occurred when calling the GetPolicy operation: The resource you requested does not exist."}, nil, check.Depends, "no resource-based policy"},
		{"the error beside its URL", files{"get-policy.json": notFound}, nil, check.Depends, "no resource-based policy"},
		{"the error from PowerShell", files{"web.json": wide("aws.exe : \r\nAt line:1 char:1\r\n" + strings.ReplaceAll(notFound, "when calling", "when\r\ncalling"))}, nil, check.Depends, "no resource-based policy"},
		{"the error as JSON", files{"web-policy.json": `{"Message":"The resource you requested does not exist.","Code":"ResourceNotFoundException","Type":"User"}`}, nil, check.Depends, "no resource-based policy"},
		{"the error of botocore", files{"web.json": `{"Error":{"Message":"The resource you requested does not exist.","Code":"ResourceNotFoundException"},"ResponseMetadata":{},"Type":"User"}`}, nil, check.Depends, "no resource-based policy"},
		{"the error of the SDK for JavaScript", files{"web.json": `{"name":"ResourceNotFoundException","$fault":"client","Type":"User"}`}, nil, check.Depends, "no resource-based policy"},
		{"the error of the SDK for Go", files{"web.log": "operation error Lambda: GetPolicy, https response error StatusCode: 404, RequestID: 1, ResourceNotFoundException: The resource you requested does not exist."}, nil, check.Depends, "no resource-based policy"},
		{"the error as YAML", files{"web.txt": "Code: ResourceNotFoundException\nMessage: The resource you requested does not exist.\nType: User\n"}, nil, check.Depends, "no resource-based policy"},

		{"the error of another function", files{"web2.json": notFound}, nil, check.Unknown, "its name is that of none"},
		{"the error of a function with a longer name", files{"my-web-policy.json": notFound}, nil, check.Unknown, "its name is that of none"},
		{"the error of an alias", files{"web-prod.json": notFound}, nil, check.Unknown, "its name is that of none"},
		{"an error of another kind", files{"web.json": "\nAn error occurred (AccessDeniedException) when calling the GetPolicy operation: User: arn:aws:iam::" + here + ":user/a is not authorized\n"}, nil, check.Unknown, "AccessDeniedException: User: arn:aws:iam"},
		{"throttling", files{"web.err": "An error occurred (TooManyRequestsException) when calling the GetPolicy operation (reached max retries: 4): Rate exceeded"}, nil, check.Unknown, "Rate exceeded"},
		{"no such function", files{"web.json": "An error occurred (ResourceNotFoundException) when calling the GetPolicy operation: Function not found: " + web}, nil, check.Unknown, "Function not found"},
		{"the same error of another operation", files{"web.json": strings.Replace(notFound, "GetPolicy", "GetFunctionConcurrency", 1)}, nil, check.Unknown, "no file has its policy"},
		{"the same error of the URL", files{"web.json": strings.Replace(notFound, "GetPolicy", "GetFunctionUrlConfig", 1)}, nil, check.Unknown, "no file has its policy"},
		{"the error and a policy", files{"web.json": notFound, "policy.json": good}, nil, check.Unknown, "one file has its policy, another says that there is none"},

		{"somebody's word", files{}, []string{"web"}, check.Depends, "no resource-based policy"},
		{"somebody's word, with the ARN", files{}, []string{web}, check.Depends, "no resource-based policy"},
		{"somebody's word about an empty file", files{"web.json": ""}, []string{"web"}, check.Depends, "no resource-based policy"},

		{"somebody's word about a file that is cut off", files{"web.json": "{"}, []string{"web"}, check.Depends, "no resource-based policy"},

		{"the policy", files{"policy.json": good}, nil, check.OK, "both actions, or neither"},
		{"the policy from PowerShell", files{"policy.json": wide(good)}, nil, check.OK, "both actions, or neither"},
		{"the policy with a byte order mark", files{"policy.json": "\ufeff" + good}, nil, check.OK, "both actions, or neither"},
	}
	inner := func(t *testing.T) (policy string) {
		var answer struct{ Policy string }
		if err := json.Unmarshal([]byte(good), &answer); err != nil {
			t.Fatal(err)
		}
		return answer.Policy
	}(t)
	quoted, err := json.Marshal(inner)
	if err != nil {
		t.Fatal(err)
	}
	tests = append(tests, []struct {
		name     string
		files    files
		noPolicy []string
		want     check.Status
		says     string
	}{
		{"the policy with --query Policy", files{"policy.json": string(quoted) + "\n"}, nil, check.OK, "both actions, or neither"},
		{"the policy, not as text", files{"policy.json": `{"Policy":` + inner + `}`}, nil, check.OK, "both actions, or neither"},
		{"the policy with --query Policy --output text", files{"policy.json": inner + "\n"}, nil, check.OK, "both actions, or neither"},
		{"the policy with --output text", files{"policy.json": inner + "\t0cb8b5a8-7ee6-4d2f-a1a1-1d7a5b3f2b10\n"}, nil, check.OK, "both actions, or neither"},
	}...)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := fstest.MapFS{"url.json": {Data: []byte(`{"FunctionUrl":"https://x.lambda-url.eu-central-1.on.aws/","FunctionArn":"` + web + `","AuthType":"AWS_IAM"}`)}}
			for name, text := range test.files {
				dir[name] = &fstest.MapFile{Data: []byte(text)}
			}
			audit, err := check.Offline(t.Context(), dir, test.noPolicy, nil)
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			audit.WriteTo(&text)
			if len(audit.Functions) != 1 || audit.Functions[0].Status != test.want || !strings.Contains(text.String(), test.says) {
				t.Errorf("want %s and %q:\n%s", test.want, test.says, text.String())
			}
			if allowed := audit.Verdict == check.Allowed; allowed != (test.want == check.OK) {
				t.Errorf("the verdict is %s", audit.Verdict)
			}
		})
	}
}

func TestSomebodysWordIsAboutSomething(t *testing.T) {
	dir := fstest.MapFS{"policy.json": saved(t, lambda.ARN{Region: "eu-central-1", Account: here, Name: "web"}, lambda.ActionInvokeURL, lambda.ActionInvoke)}
	for function, says := range map[string]string{
		"other": "no saved function, or more than one, has that name: give its ARN", "a b": "--no-policy", "web": "a file has its policy",
	} {
		if _, err := check.Offline(t.Context(), dir, []string{function}, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("--no-policy %s: %v", function, err)
		}
	}
	audit, err := check.Offline(t.Context(), dir, []string{strings.Replace(web, ":web", ":other", 1)}, nil)
	if diff := cmp.Diff([]string{"other depends", "web ok"}, outcomes(audit)); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
}

// unreadable is a directory in which some files and directories cannot be opened.
type unreadable struct{ fstest.MapFS }

func (u unreadable) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, "secret") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.MapFS.Open(name)
}

func (u unreadable) ReadDir(name string) ([]fs.DirEntry, error) {
	if strings.HasPrefix(name, "secret") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.MapFS.ReadDir(name)
}

func (u unreadable) ReadFile(name string) ([]byte, error) {
	if file, err := u.Open(name); err != nil {
		return nil, err
	} else if err := file.Close(); err != nil {
		return nil, err
	}
	return u.MapFS.ReadFile(name)
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := unreadable{fstest.MapFS{
		"policy.json":         saved(t, lambda.ARN{Region: "eu-central-1", Account: here, Name: "web"}, lambda.ActionInvokeURL, lambda.ActionInvoke),
		"secret.json":         {Data: []byte("{}")},
		"secret/other.json":   {Data: []byte("{}")},
		"secret-notes/readme": {Data: []byte("x")},
	}}
	audit, err := check.Offline(t.Context(), dir, nil, nil)
	if err != nil || audit.Verdict != check.Undecided || len(audit.Notes) != 3 || !strings.Contains(audit.Notes[0], "permission denied") {
		t.Errorf("%+v, %v", audit, err)
	}
}

// A saved answer of GetAccountAuthorizationDetails decides what the function's policy does not.
func TestSavedCallers(t *testing.T) {
	const url = `{"FunctionUrl":"https://x.lambda-url.eu-central-1.on.aws/","FunctionArn":"` + web + `","AuthType":"AWS_IAM"}`
	role := func(name, policies string) string {
		return `{"Path":"/","RoleName":"` + name + `","RoleId":"AROAABCDEFGHIJKLMNOPQ","Arn":"arn:aws:iam::` + here + `:role/` + name + `","AssumeRolePolicyDocument":{},` + policies + `}`
	}
	document := `{"Version":"2012-10-17","Statement":[` + both + `]}`
	inline := `"RolePolicyList":[{"PolicyName":"own","PolicyDocument":` + document + `}],"AttachedManagedPolicies":[]`
	denying := `"RolePolicyList":[{"PolicyName":"own","PolicyDocument":` + document + `},{"PolicyName":"no","PolicyDocument":` +
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"lambda:InvokeFunction","Resource":"*"}]}}]`
	encoded := `"RolePolicyList":[{"PolicyName":"own","PolicyDocument":"` + url2(document) + `"}]`
	attached := `"RolePolicyList":[],"AttachedManagedPolicies":[{"PolicyName":"m","PolicyArn":"arn:aws:iam::` + here + `:policy/m"}]`
	managed := `"Policies":[{"PolicyName":"m","Arn":"arn:aws:iam::` + here + `:policy/m","DefaultVersionId":"v2","PolicyVersionList":[{"VersionId":"v1","Document":{},"IsDefaultVersion":false},{"VersionId":"v2","Document":` + document + `,"IsDefaultVersion":true}]}]`
	user := `"UserDetailList":[{"UserName":"alice","UserId":"AIDAABCDEFGHIJKLMNOPQ","Arn":"arn:aws:iam::` + here + `:user/alice","GroupList":["staff"]}]`
	group := `"GroupDetailList":[{"GroupName":"staff","Arn":"arn:aws:iam::` + here + `:group/staff","GroupPolicyList":[{"PolicyName":"own","PolicyDocument":` + document + `}]}]`
	tests := []struct {
		name   string
		answer string
		want   check.Status
		says   string
	}{
		{"inline", `{"UserDetailList":[],"GroupDetailList":[],"RoleDetailList":[` + role("caller", inline) + `],"Policies":[]}`, check.OK, "both actions are granted to arn:aws:iam::" + here + ":role/caller"},
		{"inline, encoded", `{"RoleDetailList":[` + role("caller", encoded) + `]}`, check.OK, ":role/caller"},
		{"managed", `{"RoleDetailList":[` + role("caller", attached) + `],` + managed + `}`, check.OK, ":role/caller"},
		{"managed, and left out", `{"RoleDetailList":[` + role("caller", attached) + `]}`, check.Depends, "policies of the caller that could not be looked at"},
		{"by a group", `{` + user + `,` + group + `,"RoleDetailList":[]}`, check.OK, ":user/alice"},
		{"by a group that was left out", `{` + user + `}`, check.Depends, "could not be looked at"},
		{"nobody", `{"RoleDetailList":[` + role("caller", `"RolePolicyList":[]`) + `]}`, check.Problem, "nobody but its root user"},
		{"nobody on the first of several pages", `{"RoleDetailList":[` + role("caller", `"RolePolicyList":[]`) + `],"IsTruncated":true,"Marker":"x"}`, check.Depends, "is one page of several"},
		{"nobody on a cut list", `{"RoleDetailList":[` + role("caller", `"RolePolicyList":[]`) + `],"NextToken":"x"}`, check.Depends, "is one page of several"},
		{"somebody on the first of several pages", `{"RoleDetailList":[` + role("caller", inline) + `],"IsTruncated":true,"Marker":"x"}`, check.OK, ":role/caller"},
		{"one action, denied to them", `{"RoleDetailList":[` + role("caller", denying) + `]}`, check.Problem, "nobody but its root user"},
		{"one action, denied to one of two", `{"RoleDetailList":[` + role("barred", denying) + `,` + role("caller", inline) + `]}`, check.OK, ":role/caller"},
		{"of another account", strings.ReplaceAll(`{"RoleDetailList":[`+role("caller", inline)+`]}`, here+":role", there+":role"), check.Depends, "callers need both actions"},
		{"empty", `{"UserDetailList":[],"RoleDetailList":[]}`, check.Depends, "callers need both actions"},
		{"cut off", `{"RoleDetailList":[` + role("caller", inline), check.Depends, "callers need both actions"},
		{"a policy that is none", `{"RoleDetailList":[` + role("caller", `"RolePolicyList":[{"PolicyName":"own","PolicyDocument":{}}]`) + `]}`, check.Depends, "could not be looked at"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := fstest.MapFS{"url.json": {Data: []byte(url)}, "web-policy.err": {Data: []byte(notFound)}, "callers.json": {Data: []byte(test.answer)}}
			audit, err := check.Offline(t.Context(), dir, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			audit.WriteTo(&text)
			if audit.Functions[0].Status != test.want || !strings.Contains(text.String(), test.says) {
				t.Errorf("want %s and %q:\n%s", test.want, test.says, text.String())
			}
			// The same from a file of its own.
			delete(dir, "callers.json")
			callers := &check.Callers{}
			if err := callers.Read([]byte(test.answer)); err != nil {
				return // the file is told about
			}
			if audit, err = check.Offline(t.Context(), dir, nil, callers); err != nil || audit.Functions[0].Status != test.want {
				t.Errorf("from a file of its own: %+v, %v", audit, err)
			}
		})
	}
}

func url2(document string) string { return strings.ReplaceAll(url.PathEscape(document), "+", "%2B") }

func FuzzOffline(f *testing.F) {
	f.Add(`{"Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[]}"}`)
	f.Add(`{"Error":{"Code":"ResourceNotFoundException","Message":""}}`)
	f.Add(`{"UserDetailList":[{"Arn":"arn:aws:iam::123456789012:user/a","UserName":"a"}],"FunctionUrl":""}`)
	f.Add("An error occurred (ResourceNotFoundException) when calling the GetPolicy operation: x")
	f.Add(`{"FunctionUrl":"https://x/","FunctionArn":"arn:aws:lambda:eu-central-1:123456789012:function:web","AuthType":"NONE"}`)
	f.Add(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"` + web + `"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		audit, err := check.Offline(t.Context(), fstest.MapFS{"a.json": {Data: []byte(text)}}, nil, nil)
		if err == nil && len(audit.Functions) == 0 {
			t.Errorf("%q is an audit of nothing", text)
		}
	})
}

// A file that could not be read is in every form of the report, also the quiet one, and its name begins no line.
func TestUnreadFilesAreReported(t *testing.T) {
	const evil = "x\n::error::y.json"
	audit, err := check.Offline(t.Context(), fstest.MapFS{
		"url.json": {Data: []byte(`{"FunctionUrl":"https://u","FunctionArn":"arn:aws:lambda:eu-west-1:123456789012:function:web",
			"AuthType":"AWS_IAM"}`)},
		"policy.json": {Data: []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/r"},
			"Action":["lambda:InvokeFunction","lambda:InvokeFunctionUrl"],
			"Resource":"arn:aws:lambda:eu-west-1:123456789012:function:web"}]}`)},
		evil: {Data: []byte(`{"Policy`)},
	}, nil, nil)
	if err != nil || audit.Counts.OK != 1 || audit.Verdict != check.Undecided {
		t.Fatalf("%v: %+v", err, audit)
	}
	for _, shown := range []check.Audit{audit, audit.Quiet()} {
		var text strings.Builder
		shown.WriteTo(&text)
		if !strings.Contains(text.String(), "::error::y.json: left out") || strings.Contains(text.String(), "\n::") {
			t.Errorf("%q", text.String())
		}
		results := shown.Report("").Results
		if !slices.ContainsFunc(results, func(r report.Result) bool { return r.Name == evil && r.Outcome == report.Unknown }) {
			t.Errorf("the file is not among the results: %+v", results)
		}
	}
}
