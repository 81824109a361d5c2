//go:build unix

package lambdaapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/google/go-cmp/cmp"
)

const policyPath = "/2015-03-31/functions/books/policy"

func TestAddPermissionMakesTheStatementThatAWSMakes(t *testing.T) {
	s := start(t)
	s.create("books")
	s.addUser(account, "alice", "")
	exec, _ := s.world.Now().Role(account, "exec")
	const resource = `"Resource":"` + prefix + `books"`
	for _, test := range []struct{ body, statement string }{
		{
			`{"StatementId":"all","Action":"lambda:InvokeFunctionUrl","Principal":"*","FunctionUrlAuthType":"NONE","SourceAccount":"111122223333","PrincipalOrgID":"o-abcdefghij","SourceArn":"arn:aws:s3:::bucket"}`,
			`{"Sid":"all","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl",` + resource + `,"Condition":{"StringEquals":{"AWS:SourceAccount":"111122223333","lambda:FunctionUrlAuthType":"NONE","aws:PrincipalOrgID":"o-abcdefghij"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"}}}`,
		},
		{
			`{"StatementId":"second","Action":"lambda:InvokeFunction","Principal":"*","InvokedViaFunctionUrl":true}`,
			`{"Sid":"second","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction",` + resource + `,"Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`,
		},
		{
			`{"StatementId":"account","Action":"lambda:GetFunction","Principal":"111122223333"}`,
			`{"Sid":"account","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"lambda:GetFunction",` + resource + `}`,
		},
		{
			`{"StatementId":"root","Action":"lambda:*","Principal":"arn:aws:iam::111122223333:root"}`,
			`{"Sid":"root","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"lambda:*",` + resource + `}`,
		},
		{
			`{"StatementId":"user","Action":"lambda:InvokeFunction","Principal":"arn:aws:iam::123456789012:user/alice"}`,
			`{"Sid":"user","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/alice"},"Action":"lambda:InvokeFunction",` + resource + `}`,
		},
		{
			`{"StatementId":"role","Action":"lambda:InvokeFunction","Principal":"` + role + `"}`,
			`{"Sid":"role","Effect":"Allow","Principal":{"AWS":"` + role + `"},"Action":"lambda:InvokeFunction",` + resource + `}`,
		},
		{
			`{"StatementId":"id","Action":"lambda:InvokeFunction","Principal":"` + exec.ID + `"}`,
			`{"Sid":"id","Effect":"Allow","Principal":{"AWS":"` + role + `"},"Action":"lambda:InvokeFunction",` + resource + `}`,
		},
		{
			`{"StatementId":"session","Action":"lambda:InvokeFunction","Principal":"arn:aws:sts::123456789012:assumed-role/exec/books"}`,
			`{"Sid":"session","Effect":"Allow","Principal":{"AWS":"arn:aws:sts::123456789012:assumed-role/exec/books"},"Action":"lambda:InvokeFunction",` + resource + `}`,
		},
		{
			`{"StatementId":"service","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com","SourceArn":"arn:aws:s3:::bucket"}`,
			`{"Sid":"service","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction",` + resource + `,"Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"}}}`,
		},
		{
			`{"StatementId":"alexa","Action":"lambda:InvokeFunction","Principal":"alexa-appkit.amazon.com","EventSourceToken":"amzn1.ask"}`,
			`{"Sid":"alexa","Effect":"Allow","Principal":{"Service":"alexa-appkit.amazon.com"},"Action":"lambda:InvokeFunction",` + resource + `,"Condition":{"StringEquals":{"lambda:EventSourceToken":"amzn1.ask"}}}`,
		},
	} {
		got := s.do(request{method: "POST", path: policyPath, body: test.body})
		if got.status != 201 {
			t.Errorf("%s: %d %s", test.body, got.status, got.body)
			continue
		}
		if diff := cmp.Diff(test.statement, member(t, got.body, "Statement")); diff != "" {
			t.Errorf("%s: %s", test.body, diff)
		}
	}
	for i, id := range []string{"user", "role"} {
		kept := s.function("books").Policy("").Statements()[4+i]
		if kept.Sid != id || strings.HasPrefix(kept.Principals[0], "AWS:arn:") {
			t.Errorf("the principal of %s should be kept by its unique id, is %v", kept.Sid, kept.Principals)
		}
	}
}

func TestPolicyFromFirstToLastStatement(t *testing.T) {
	s := start(t)
	s.create("books")
	first := s.function("books").RevisionID
	add := func(id string) string {
		return `{"StatementId":"` + id + `","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com"}`
	}
	statement := func(id string) string {
		return `{"Sid":"` + id + `","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + prefix + `books"}`
	}
	// A first permission may name the function's revision, which no policy changes.
	s.must(request{method: "POST", path: policyPath, body: strings.Replace(add("b"), "{", `{"RevisionId":"`+first+`",`, 1)})
	s.must(request{method: "POST", path: policyPath, body: add("a")})
	if now := s.function("books").RevisionID; now != first {
		t.Errorf("the function has the revision %s, had %s", now, first)
	}

	got := s.must(request{method: "GET", path: policyPath})
	want := `{"Version":"2012-10-17","Id":"default","Statement":[` + statement("b") + `,` + statement("a") + `]}`
	if diff := cmp.Diff(want, member(t, got.body, "Policy")); diff != "" {
		t.Error(diff)
	}
	revision := member(t, got.body, "RevisionId")
	if revision == first {
		t.Errorf("revision %s: the policy should have one of its own", revision)
	}
	s.must(request{method: "PUT", path: "/2015-03-31/functions/books/configuration", body: `{"Timeout":4}`})
	if got := s.must(request{method: "GET", path: policyPath}); member(t, got.body, "RevisionId") != revision {
		t.Errorf("a change of the function changed the policy's revision %s: %s", revision, got.body)
	}
	stale := fault{412, "PreconditionFailedException",
		`{"Type":"User","message":"The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id"}`}
	s.expect(request{method: "DELETE", path: policyPath + "/a?RevisionId=" + first}, stale)
	s.expect(request{method: "POST", path: policyPath, body: strings.Replace(add("c"), "{", `{"RevisionId":"`+first+`",`, 1)}, stale)
	if got := s.do(request{method: "DELETE", path: policyPath + "/b?RevisionId=" + revision}); got.status != 204 || got.body != "" {
		t.Errorf("RemovePermission: %d %q", got.status, got.body)
	}
	got = s.must(request{method: "GET", path: policyPath})
	if want := `{"Version":"2012-10-17","Id":"default","Statement":[` + statement("a") + `]}`; member(t, got.body, "Policy") != want {
		t.Errorf("after RemovePermission: %s", got.body)
	}
	s.expect(request{method: "DELETE", path: policyPath + "/b"}, missing("Statement b is not found in resource policy."))
	s.must(request{method: "DELETE", path: policyPath + "/a"})
	s.expect(request{method: "GET", path: policyPath}, missing("The resource you requested does not exist."))
	s.expect(request{method: "DELETE", path: policyPath + "/a"}, missing("No policy is associated with the given resource."))
}

func TestAddPermissionRefuses(t *testing.T) {
	s := start(t)
	s.create("books")
	s.must(request{method: "POST", path: policyPath, body: `{"StatementId":"s3","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com"}`})
	s.addUser(account, "alice", "")
	body := func(members string) string {
		base := map[string]string{"StatementId": `"new"`, "Action": `"lambda:InvokeFunction"`, "Principal": `"s3.amazonaws.com"`}
		for _, m := range strings.Split(members, ";") {
			if name, value, ok := strings.Cut(m, "="); ok {
				base[name] = value
			}
		}
		var all []string
		for name, value := range base {
			all = append(all, fmt.Sprintf("%q:%s", name, value))
		}
		return "{" + strings.Join(all, ",") + "}"
	}
	const is = "1 validation error detected: Value "
	badPrincipal := invalid("The provided principal was invalid. Please check the principal and try again.")
	for _, test := range []struct {
		path, members string
		want          fault
	}{
		{"books", `StatementId="example.com"`, violates(is + "'example.com' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)")},
		{"books", `StatementId=null`, violates(is + "null at 'statementId' failed to satisfy constraint: Member must not be null")},
		{"books", `StatementId="` + strings.Repeat("s", 101) + `"`, violates(is + "'" + strings.Repeat("s", 101) + "' at 'statementId' failed to satisfy constraint: Member must have length less than or equal to 100")},
		{"books", `Action="s3:GetObject"`, violates(is + "'s3:GetObject' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])")},
		{"books", `Action=null`, violates(is + "null at 'action' failed to satisfy constraint: Member must not be null")},
		{"books", `Principal="two words"`, violates(is + `'two words' at 'principal' failed to satisfy constraint: Member must satisfy regular expression pattern: [^\s]+`)},
		{"books", `Principal=null`, violates(is + "null at 'principal' failed to satisfy constraint: Member must not be null")},
		{"books", `SourceArn="bucket"`, violates(is + `'bucket' at 'sourceArn' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)`)},
		{"books", `SourceAccount="12"`, violates(is + `'12' at 'sourceAccount' failed to satisfy constraint: Member must satisfy regular expression pattern: \d{12}`)},
		{"books", `PrincipalOrgID="o-1234567890"`, fault{201, "", ""}},
		{"books", `PrincipalOrgID="org-12345678901"`, violates(is + `'org-12345678901' at 'principalOrgID' failed to satisfy constraint: Member must satisfy regular expression pattern: o-[a-z0-9]{10,32}`)},
		{"books", `EventSourceToken="a b"`, violates(is + `'a b' at 'eventSourceToken' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9._\-]+`)},
		{"books", `EventSourceToken="x";SourceAccount="123456789012"`, invalid("EventSourceToken cannot be used together with SourceArn or SourceAccount")},
		{"books", `FunctionUrlAuthType="IAM"`, violates(is + "'IAM' at 'functionUrlAuthType' failed to satisfy constraint: Member must satisfy enum value set: [NONE, AWS_IAM]")},
		{"books", `FunctionUrlAuthType="NONE"`, invalid("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")},
		{"books", `Action="lambda:InvokeFunctionUrl";InvokedViaFunctionUrl=true`, invalid("InvokedViaFunctionUrl is only supported for lambda:InvokeFunction action")},
		{"books", `InvokedViaFunctionUrl="true"`, unreadable("STRING_VALUE can not be converted to a Boolean")},
		{"books", `Principal="invalid.nonaws.com"`, badPrincipal},
		{"books", `Principal="nobody"`, badPrincipal},
		{"books", `Principal="1234"`, badPrincipal},
		{"books", `Principal="arn:aws:iam::123456789012:user/unknown"`, badPrincipal},
		{"books", `Principal="arn:aws:iam::123456789012:user/path/alice"`, badPrincipal},
		{"books", `Principal="arn:aws:iam::123456789012:role/unknown"`, badPrincipal},
		{"books", `Principal="arn:aws:iam::123456789012:group/g"`, badPrincipal},
		{"books", `Principal="arn:aws:iam::12345:root"`, badPrincipal},
		{"books", `Principal="arn:aws:sts::123456789012:assumed-role/exec"`, badPrincipal},
		{"books", `Principal="arn:aws:sts::123456789012:assumed-role/exec/a/b"`, badPrincipal},
		{"books", `Principal="AROAUNKNOWNUNKNOWN123"`, badPrincipal},
		{"books", `Principal="arn:aws:iam::123456789012:user/*"`, badPrincipal},
		{"books", `StatementId="s3"`, conflicts("The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing statement.")},
		{"books?Qualifier=$LATEST", ``, invalid("We currently do not support adding policies for $LATEST.")},
		{"books:$LATEST", ``, invalid("We currently do not support adding policies for $LATEST.")},
		{"books:live?Qualifier=dev", ``, invalid("The derived qualifier from the function name does not match the specified qualifier.")},
		{"books:live", ``, missing("Cannot find alias arn: " + prefix + "books:live")},
		{"books?Qualifier=42", ``, missing("Function not found: " + prefix + "books:42")},
		{"books?Qualifier=valid-with-$-but-doesnotexist", ``, missing("Function not found: " + prefix + "books:valid-with-$-but-doesnotexist")},
		{"books?Qualifier=no%3F", ``, violates(is + `'no?' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: \$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`)},
		{"doesnotexist", ``, missing("Function not found: " + prefix + "doesnotexist")},
	} {
		name, query, _ := strings.Cut(test.path, "?")
		r := request{method: "POST", path: "/2015-03-31/functions/" + name + "/policy?" + query, body: body(test.members)}
		if test.want.status == 201 {
			s.must(r)
			s.must(request{method: "DELETE", path: policyPath + "/new"})
			continue
		}
		s.expect(r, test.want)
	}
	if n := len(s.function("books").Policy("").Statements()); n != 1 {
		t.Errorf("the policy has %d statements, want the one that was there", n)
	}
	for path, want := range map[string]fault{
		"GET doesnotexist/policy":           missing("The resource you requested does not exist."),
		"GET books/policy?Qualifier=42":     missing("The resource you requested does not exist."),
		"DELETE doesnotexist/policy/s3":     missing("No policy found for: " + prefix + "doesnotexist"),
		"DELETE books:live/policy/s3":       missing("Cannot find alias arn: " + prefix + "books:live"),
		"DELETE books/policy/s3?Qualifier=": violates(`2 validation errors detected: Value '' at 'qualifier' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: \$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`),
		"DELETE books/policy/s%203":         violates("1 validation error detected: Value 's 3' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: ([a-zA-Z0-9-_.]+)"),
	} {
		method, path, _ := strings.Cut(path, " ")
		s.expect(request{method: method, path: "/2015-03-31/functions/" + path}, want)
	}
}

func TestPoliciesHaveALimit(t *testing.T) {
	s := start(t)
	s.create("books")
	for i := range 200 {
		body := fmt.Sprintf(`{"StatementId":"%s%03d","Action":"lambda:InvokeFunction","Principal":"*"}`, strings.Repeat("s", 90), i)
		got := s.do(request{method: "POST", path: policyPath, body: body})
		if got.status == 201 {
			continue
		}
		if i < 80 || got.status != 400 || got.name != "PolicyLengthExceededException" ||
			!strings.HasPrefix(got.body, `{"Type":"User","message":"The final policy size (20`) || !strings.HasSuffix(got.body, `) is bigger than the limit (20480)."}`) {
			t.Errorf("statement %d: %d %s %s", i, got.status, got.name, got.body)
		}
		if n := len(s.function("books").Policy("").Statements()); n != i {
			t.Errorf("%d statements are kept after %d were taken", n, i)
		}
		return
	}
	t.Error("200 statements of 200 bytes are taken")
}

// A principal that is deleted and made again under its name is another one, and the policy shows the old one's id.
func TestPoliciesKeepPrincipalsByTheirID(t *testing.T) {
	s := start(t)
	s.create("books")
	caller := s.addRole("caller", "/", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}`)
	s.must(request{method: "POST", path: policyPath, body: `{"StatementId":"a","Action":"lambda:InvokeFunction","Principal":"` + caller.ARN() + `"}`})
	s.update(func(tx *state.Tx) error {
		tx.Delete(caller)
		again := *caller
		again.ID = "AROAANOTHERANOTHER123"
		return tx.Put(&again)
	})
	got := s.must(request{method: "GET", path: policyPath})
	if !strings.Contains(got.body, caller.ID) || strings.Contains(got.body, caller.ARN()) {
		t.Errorf("the policy shows %s, want the id %s", got.body, caller.ID)
	}
	if !strings.HasPrefix(caller.ID, iam.PrefixRole) {
		t.Errorf("role id %q", caller.ID)
	}
}
