//go:build unix

package lambdaapi_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// putPath is the path of a resource's whole policy, encoded as clients do it.
func putPath(resource string) string {
	return "/2026-07-09/resource-policy/" + strings.ReplaceAll(url.PathEscape(resource), ":", "%3A")
}

// putBody is a request for the policy of the statements.
func putBody(t testing.TB, members map[string]string) string {
	t.Helper()
	body, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func (s *server) put(resource, text string) request {
	return request{method: "PUT", path: putPath(prefix + resource), body: putBody(s.t, map[string]string{"Policy": text})}
}

func (s *server) qualified() {
	s.t.Helper()
	s.create("books")
	s.update(func(tx *state.Tx) error {
		function := s.function("books").Clone()
		version := &lambda.Version{ARN: function.ARN, Configuration: function.Configuration}
		version.ARN.Qualifier = "1"
		alias := &lambda.Alias{ARN: function.ARN, Target: "1", RevisionID: "11111111-2222-4333-8444-555555555555"}
		alias.ARN.Qualifier = "live"
		for _, err := range []error{tx.Put(version), tx.Put(alias)} {
			if err != nil {
				return err
			}
		}
		return nil
	})
}

const allowS3 = `{"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + prefix + `books"}`

// A policy is replaced as a whole, and each qualifier has its own, with its own revision.
func TestPutResourcePolicy(t *testing.T) {
	s := start(t)
	s.qualified()
	s.addUser(account, "alice", "")
	s.must(request{method: "POST", path: policyPath, body: `{"StatementId":"old","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com"}`})
	const given = `{
		"Version": "2012-10-17",
		"Statement": [
			{"Sid": "in", "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::123456789012:user/alice", "111122223333"]},
			 "Action": ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"], "Resource": ["` + prefix + `books", "` + prefix + `books:*"]},
			{"Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:root"}, "NotAction": "lambda:GetFunction", "Resource": "*",
			 "Condition": {"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24"]}, "Null": {"aws:PrincipalOrgID": "true"}}}
		]
	}`
	const shown = `{"Version":"2012-10-17","Statement":[` +
		`{"Sid":"in","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:user/alice","arn:aws:iam::111122223333:root"]},` +
		`"Action":["lambda:InvokeFunctionUrl","lambda:InvokeFunction"],"Resource":["` + prefix + `books","` + prefix + `books:*"]},` +
		`{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::123456789012:root"},"NotAction":"lambda:GetFunction","Resource":"*",` +
		`"Condition":{"NotIpAddress":{"aws:SourceIp":["192.0.2.0/24"]},"Null":{"aws:PrincipalOrgID":"true"}}}]}`
	seen := map[string]bool{}
	for _, qualifier := range []string{"", ":1", ":live"} {
		got := s.must(s.put("books"+qualifier, given))
		revision := member(t, got.body, "RevisionId")
		if got.status != 200 || seen[revision] || len(revision) != 36 {
			t.Errorf("%q: %d %s", qualifier, got.status, got.body)
		}
		seen[revision] = true
		if diff := cmp.Diff(shown, member(t, got.body, "Policy")); diff != "" {
			t.Errorf("%q: %s", qualifier, diff)
		}
		// GetPolicy and GetResourcePolicy show the same document.
		read := s.must(request{method: "GET", path: putPath(prefix + "books" + qualifier)})
		query := strings.Replace(qualifier, ":", "?Qualifier=", 1)
		older := s.must(request{method: "GET", path: policyPath + query})
		if read.body != got.body || older.body != got.body {
			t.Errorf("%q: put %s\nread %s\nGetPolicy %s", qualifier, got.body, read.body, older.body)
		}
	}
	if kept := s.function("books").Policies[""].Text; !strings.Contains(kept, "AIDAALICE") {
		t.Errorf("alice is not kept by her unique id: %s", kept)
	}

	// The same again is a new revision, of this qualifier alone.
	before := s.must(request{method: "GET", path: putPath(prefix + "books:live")})
	again := s.must(s.put("books", given))
	if seen[member(t, again.body, "RevisionId")] {
		t.Error("putting the same policy again keeps its revision")
	}
	if after := s.must(request{method: "GET", path: putPath(prefix + "books:live")}); after.body != before.body {
		t.Errorf("the alias's policy was %s and is %s", before.body, after.body)
	}
	// Clients may leave the colons of an ARN as they are.
	if raw := s.must(request{method: "GET", path: "/2026-07-09/resource-policy/" + prefix + "books"}); raw.body != again.body {
		t.Errorf("got %s", raw.body)
	}
}

// Statements of both operations stand in one document, in the order in which they came, and go by their Sid.
func TestPermissionsBesideAWholePolicy(t *testing.T) {
	s := start(t)
	s.qualified()
	const deny = `{"Sid":"no.one","Effect":"Deny","Principal":"*","Action":"lambda:Invoke*","Resource":"` + prefix + `books:live","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	const nameless = `{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"lambda:GetFunction","Resource":"*"}`
	s.must(s.put("books:live", `{"Id":"mine","Statement":[`+deny+`,`+nameless+`]}`))
	live := policyPath + "?Qualifier=live"
	add := request{method: "POST", path: live, body: `{"StatementId":"s3","Action":"lambda:InvokeFunction","Principal":"s3.amazonaws.com"}`}
	s.must(add)
	allow := strings.Replace(allowS3, `books"`, `books:live"`, 1)
	expect := func(want string) {
		t.Helper()
		got := s.must(request{method: "GET", path: live})
		if diff := cmp.Diff(want, member(t, got.body, "Policy")); diff != "" {
			t.Error(diff)
		}
	}
	expect(`{"Id":"mine","Statement":[` + deny + `,` + nameless + `,` + allow + `]}`)
	s.expect(add, conflicts("The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing statement."))
	s.must(request{method: "DELETE", path: policyPath + "/no.one?Qualifier=live"})
	expect(`{"Id":"mine","Statement":[` + nameless + `,` + allow + `]}`)
	s.must(request{method: "DELETE", path: policyPath + "/s3?Qualifier=live"})
	expect(`{"Id":"mine","Statement":[` + nameless + `]}`)
	s.expect(request{method: "GET", path: policyPath}, missing("The resource you requested does not exist."))

	s.must(request{method: "DELETE", path: putPath(prefix + "books:live")})
	s.expect(request{method: "GET", path: live}, missing("The resource you requested does not exist."))
	s.must(add)
	expect(`{"Version":"2012-10-17","Id":"default","Statement":[` + allow + `]}`)
}

// The policy of an alias ends with it, and one made again has none. A function keeps its revision whatever its policy.
func TestPoliciesEndWithTheirAlias(t *testing.T) {
	s := start(t)
	s.qualified()
	revision := s.function("books").RevisionID
	s.must(s.put("books:live", document(allowS3)))
	s.must(s.put("books", document(allowS3)))
	s.must(request{method: "DELETE", path: "/2015-03-31/functions/books/aliases/live"})
	s.expect(request{method: "GET", path: putPath(prefix + "books:live")}, missing("The resource you requested does not exist."))
	s.must(request{method: "POST", path: "/2015-03-31/functions/books/aliases", body: `{"Name":"live","FunctionVersion":"1"}`})
	s.expect(request{method: "GET", path: putPath(prefix + "books:live")}, missing("The resource you requested does not exist."))
	if kept := s.function("books"); len(kept.Policies) != 1 || kept.RevisionID != revision {
		t.Errorf("policies %v, revision %s, which was %s", kept.Policies, kept.RevisionID, revision)
	}
}

// A single statement may stand without a list; one more makes a list of it.
func TestAddPermissionToASingleStatement(t *testing.T) {
	s := start(t)
	s.create("books")
	s.must(s.put("books", `{"Version":"2008-10-17","Statement":`+allowS3+`}`))
	s.must(request{method: "POST", path: policyPath, body: `{"StatementId":"sns","Action":"lambda:InvokeFunction","Principal":"sns.amazonaws.com"}`})
	got := s.must(request{method: "GET", path: putPath(prefix + "books")})
	want := `{"Version":"2008-10-17","Statement":[` + allowS3 + `,` + strings.ReplaceAll(allowS3, "s3", "sns") + `]}`
	if diff := cmp.Diff(want, member(t, got.body, "Policy")); diff != "" {
		t.Error(diff)
	}
}

func TestRevisionsOfWholePolicies(t *testing.T) {
	s := start(t)
	s.qualified()
	put := func(resource, revision string) request {
		body := putBody(t, map[string]string{"Policy": document(allowS3), "RevisionId": revision})
		return request{method: "PUT", path: putPath(prefix + resource), body: body}
	}
	const other = "99999999-2222-4333-8444-555555555555"
	stale := fault{412, "PreconditionFailedException", `{"Type":"User","message":"The Revision Id provided does not match the latest Revision Id. ` +
		`Call the GetResourcePolicy API to retrieve the latest Revision Id"}`}
	s.expect(put("books:live", other), stale)
	s.must(put("books:live", "11111111-2222-4333-8444-555555555555")) // the alias's, since it has no policy yet
	s.expect(put("books:live", "11111111-2222-4333-8444-555555555555"), stale)
	got := s.must(request{method: "GET", path: putPath(prefix + "books:live")})
	revision := member(t, got.body, "RevisionId")
	s.expect(request{method: "DELETE", path: putPath(prefix+"books:live") + "?RevisionId=" + other}, stale)
	s.must(put("books:live", revision))
	s.expect(request{method: "DELETE", path: putPath(prefix+"books:live") + "?RevisionId=" + revision}, stale)
	got = s.must(request{method: "GET", path: putPath(prefix + "books:live")})
	s.must(request{method: "DELETE", path: putPath(prefix+"books:live") + "?RevisionId=" + member(t, got.body, "RevisionId")})
	s.expect(request{method: "GET", path: putPath(prefix + "books:live")}, missing("The resource you requested does not exist."))
	s.expect(request{method: "DELETE", path: putPath(prefix + "books:live")}, missing("No policy is associated with the given resource."))
}

func TestPutResourcePolicyRefuses(t *testing.T) {
	s := start(t)
	s.qualified()
	s.must(s.put("books", document(allowS3)))
	s.addUser(account, "alice", "")
	before := s.must(request{method: "GET", path: policyPath})
	statement := func(pairs ...string) string {
		members := map[string]string{
			"Effect": `"Allow"`, "Principal": `{"AWS":"111122223333"}`, "Action": `"lambda:InvokeFunction"`, "Resource": `"` + prefix + `books"`,
		}
		for _, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			members[name] = value
			if value == "" {
				delete(members, name)
			}
		}
		var all []string
		for _, name := range []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition", "Extra"} {
			if value, ok := members[name]; ok {
				all = append(all, fmt.Sprintf("%q:%s", name, value))
			}
		}
		return document("{" + strings.Join(all, ",") + "}")
	}
	badPrincipal := "The provided principal was invalid. Please check the principal and try again."
	for text, want := range map[string]string{
		`{`:                          "The provided policy was invalid: 1:2: ",
		`[]`:                         "The provided policy was invalid: 1:1: a policy must be an object",
		`{"Statement":[]}`:           "Statement is an empty list",
		`{"Version":"2012-10-17"}`:   "the policy has no Statement",
		statement("Principal="):      "the statement has no Principal",
		statement("Action="):         "neither Action nor NotAction",
		statement("Resource="):       "neither Resource nor NotResource",
		statement("Effect="):         "the statement has no Effect",
		statement(`Effect="Refuse"`): "Effect must be Allow or Deny",
		statement(`Extra="x"`):       "unknown element",
		statement(`Version="x"`, `Condition={"StringEqual":{"aws:SourceIp":"x"}}`):                                  "unknown condition operator",
		statement("Principal=", `NotPrincipal={"AWS":"111122223333"}`):                                              "NotPrincipal goes with Effect Deny only",
		statement(`Principal={"AWS":"arn:aws:iam::123456789012:user/nobody"}`):                                      badPrincipal,
		statement(`Principal={"AWS":["*","arn:aws:iam::123456789012:role/nobody"]}`):                                badPrincipal,
		statement(`Principal={"AWS":"AROAUNKNOWNUNKNOWN123"}`):                                                      badPrincipal,
		statement(`Principal={"AWS":"arn:aws:iam::123456789012:group/g"}`):                                          "The provided policy was invalid: ",
		statement(`Principal={"AWS":"s3.amazonaws.com"}`):                                                           "The provided policy was invalid: ",
		statement(`Principal={"AWS":"arn:aws:iam::123456789012:user/*"}`):                                           "The provided policy was invalid: ",
		statement(`Principal={"Service":"no service"}`):                                                             "The provided policy was invalid: ",
		statement(`Principal={"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}`): badPrincipal,
		statement(`Principal="111122223333"`):                                                                       "Principal must be * or an object",
		statement(`Action="s3:GetObject"`):                                                                          `"s3:GetObject" is no action of Lambda`,
		statement(`Action=["lambda:InvokeFunction","sqs:*"]`):                                                       `"sqs:*" is no action of Lambda`,
		statement("Action=", `NotAction="s3:GetObject"`):                                                            `"s3:GetObject" is no action of Lambda`,
		statement(`Action="InvokeFunction"`):                                                                        "want service:Action",
		statement(`Resource="` + prefix + `other"`):                                                                 "is neither " + prefix + "books nor one of its versions and aliases",
		statement(`Resource="` + prefix + `book"`):                                                                  "is neither",
		statement(`Resource="` + prefix + `booksellers:*"`):                                                         "is neither",
		statement(`Resource=["` + prefix + `books","arn:aws:s3:::bucket"]`):                                         "is neither",
		statement(`Resource="arn:aws:lambda:us-east-1:123456789012:function:books"`):                                "is neither",
		statement(`Resource="arn:aws:lambda:eu-west-1:111122223333:function:books:*"`):                              "is neither",
		document(allowS3, allowS3):                                                                                  "another statement has the Sid",
	} {
		got := s.do(s.put("books", text))
		if got.status != 400 || got.name != "InvalidParameterValueException" || !strings.Contains(member(t, got.body, "message"), want) ||
			strings.Contains(got.body, `\n`) {
			t.Errorf("%s: %d %s %s, want %q", text, got.status, got.name, got.body, want)
		}
	}
	for _, resource := range []string{
		prefix + "books", prefix + "books:*", prefix + "books*", prefix + "books:live", prefix + "books:1", "*", prefix + "*",
		"arn:aws:lambda:*:*:function:books", "arn:aws:lambda:*:*:function:books:*", prefix + "boo?s:*", prefix + "${aws:PrincipalTag/function}",
	} {
		if got := s.do(s.put("books:1", statement(`Resource="`+resource+`"`))); got.status != 200 {
			t.Errorf("resource %s: %d %s", resource, got.status, got.body)
		}
	}
	const is = "1 validation error detected: Value "
	latest := invalid("We currently do not support adding policies for $LATEST.")
	for _, test := range []struct {
		r    request
		want fault
	}{
		{s.put("books:$LATEST", document(allowS3)), latest},
		{s.put("nothing", document(allowS3)), missing("Function not found: " + prefix + "nothing")},
		{s.put("books:2", document(allowS3)), missing("Function not found: " + prefix + "books:2")},
		{s.put("books:dead", document(allowS3)), missing("Cannot find alias arn: " + prefix + "books:dead")},
		{request{method: "GET", path: putPath(prefix + "nothing")}, missing("The resource you requested does not exist.")},
		{request{method: "GET", path: putPath(prefix + "books:live")}, missing("The resource you requested does not exist.")},
		{request{method: "GET", path: putPath("arn:aws:lambda:eu-west-1:123456789012:runtime/x")}, missing("The resource you requested does not exist.")},
		{request{method: "GET", path: putPath(prefix + "books:$LATEST")}, missing("The resource you requested does not exist.")},
		{request{method: "GET", path: putPath(prefix + "books:$LATEST.PUBLISHED")}, missing("The resource you requested does not exist.")},
		{request{method: "GET", path: putPath("arn:aws-cn:lambda:eu-west-1:123456789012:function:books")}, missing("The resource you requested does not exist.")},
		{request{method: "GET", path: putPath("arn:aws:lambda:us-east-1:123456789012:function:books")}, missing("Functions from 'us-east-1' are not reachable in this region ('eu-west-1')")},
		{request{method: "DELETE", path: putPath(prefix + "nothing")}, missing("Function not found: " + prefix + "nothing")},
		{request{method: "DELETE", path: putPath(prefix + "books:dead")}, missing("Cannot find alias arn: " + prefix + "books:dead")},
		{request{method: "PUT", path: putPath(prefix + "books"), body: `{}`}, violates(is + "null at 'policy' failed to satisfy constraint: Member must not be null")},
	} {
		s.expect(test.r, test.want)
	}
	for _, name := range []string{"books", prefix + "books:*", "arn:aws:s3:::bucket", account + ":function:books"} {
		got := s.do(request{method: "GET", path: putPath(name)})
		if got.status != 400 || got.name != "ValidationException" {
			t.Errorf("%s: %d %s %s", name, got.status, got.name, got.body)
		}
	}
	if after := s.must(request{method: "GET", path: policyPath}); after.body != before.body {
		t.Errorf("a refused policy changed the one there was: %s", after.body)
	}
}

func TestWholePoliciesHaveALimit(t *testing.T) {
	s := start(t)
	s.create("books")
	fill := func(filler string, size int) string {
		text := document(strings.Replace(allowS3, `"s3"`, `"FILL"`, 1))
		return strings.Replace(text, "FILL", strings.Repeat(filler, (size-len(text)+4)/len(filler)), 1)
	}
	s.must(s.put("books", fill("x", 20480)))
	if got := s.do(s.put("books", fill("x", 20481))); got.status != 400 || got.name != "ValidationException" {
		t.Errorf("20,481 characters: %d %s", got.status, got.body)
	}
	// Fewer characters than the limit, and more bytes.
	got := s.do(s.put("books", fill("é", 20500)))
	if got.status != 400 || got.name != "PolicyLengthExceededException" || !strings.Contains(got.body, "is bigger than the limit (20480)") {
		t.Errorf("20,500 bytes: %d %s %.300s", got.status, got.name, got.body)
	}
}

// A principal that is deleted leaves its id, and one that is made again is another.
func TestWholePoliciesKeepPrincipalsByTheirID(t *testing.T) {
	s := start(t)
	s.create("books")
	caller := s.addRole("caller", "/", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}`)
	s.must(s.put("books", document(`{"Effect":"Deny","NotPrincipal":{"AWS":"`+caller.ARN()+`"},"Action":"lambda:InvokeFunction","Resource":"*"}`)))
	shows := func(text string) {
		t.Helper()
		if got := s.must(request{method: "GET", path: putPath(prefix + "books")}); !strings.Contains(got.body, text) {
			t.Errorf("the policy shows %s, want %s", got.body, text)
		}
	}
	shows(caller.ARN())
	s.update(func(tx *state.Tx) error {
		tx.Delete(caller)
		again := *caller
		again.ID = "AROAANOTHERANOTHER123"
		return tx.Put(&again)
	})
	shows(caller.ID)
}

// Where public access is blocked, no operation adds a statement that lets anybody in; what is there stays.
func TestBlockPublicAccess(t *testing.T) {
	s := startWith(t, func(config *lambdaapi.Config) { config.BlockPublicAccess = true })
	s.create("books")
	refused := func(r request, blocked bool) {
		t.Helper()
		got := s.do(r)
		switch {
		case !blocked && got.status >= 300:
			t.Errorf("%s: %d %s", r.body, got.status, got.body)
		case blocked && (got.status != 400 || got.name != "PublicPolicyException" ||
			!strings.HasPrefix(got.body, `{"Type":"User","Message":"The resource-based policy you tried to add to the Lambda resource would grant public access to it, which isn't allowed.`) ||
			!strings.Contains(got.body, "--block-public-access and takes no permission for everyone: start it without")):
			t.Errorf("%s: %d %s %s", r.body, got.status, got.name, got.body)
		}
	}
	for statement, blocked := range map[string]bool{
		`"Effect":"Allow","Principal":"*"`:                                                                                   true,
		`"Effect":"Allow","Principal":{"AWS":"*"}`:                                                                           true,
		`"Effect":"Allow","Principal":{"AWS":["111122223333","*"]}`:                                                          true,
		`"Effect":"Deny","Principal":"*"`:                                                                                    false,
		`"Effect":"Allow","Principal":{"AWS":"111122223333"}`:                                                                false,
		`"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"}`:                                                        false,
		`"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}`:                true,
		`"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}}`:                false,
		`"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"AWS:sourceaccount":["111122223333"]}}`:               false,
		`"Effect":"Allow","Principal":"*","Condition":{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:*"}}`:     true,
		`"Effect":"Allow","Principal":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/x"}}`:   false,
		`"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:userid":"${aws:userid}"}}`:                       true,
		`"Effect":"Allow","Principal":"*","Condition":{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-abcdefghij"}}`:        true,
		`"Effect":"Allow","Principal":"*","Condition":{"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}}`:   true,
		`"Effect":"Allow","Principal":"*","Condition":{"ForAnyValue:StringEquals":{"aws:PrincipalOrgPaths":"o-a/r-b/ou-c"}}`: false,
		`"Effect":"Allow","Principal":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}}`:             true,
		`"Effect":"Allow","Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":[]}}`:                            true,
		`"Effect":"Allow","Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.1"}}`:                            false,
		`"Effect":"Allow","Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","0.0.0.0/0"]}}`:           true,
		`"Effect":"Allow","Principal":"*","Condition":{"IpAddress":{"aws:SourceIp":"2001::/16"}}`:                            true,
		`"Effect":"Allow","Principal":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`:                      true,
		`"Effect":"Allow","Principal":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}`:                               true,
	} {
		text := document(`{"Sid":"x",` + statement + `,"Action":"lambda:InvokeFunctionUrl","Resource":"` + prefix + `books"}`)
		refused(s.put("books", text), blocked)
		if parsed, err := policy.Parse([]byte(text), policy.Resource); err != nil || lambda.IsPublic(parsed.Statements()[0]) != blocked {
			t.Errorf("%s: %v", text, err)
		}
	}
	add := func(id, members string) request {
		return request{method: "POST", path: policyPath, body: `{"StatementId":"` + id + `","Action":"lambda:InvokeFunctionUrl",` + members + `}`}
	}
	refused(add("a", `"Principal":"*","FunctionUrlAuthType":"NONE"`), true)
	refused(add("b", `"Principal":"*","PrincipalOrgID":"o-abcdefghij"`), false)
	refused(add("c", `"Principal":"111122223333"`), false)
	// A policy that was public before stays, and can be taken apart.
	s.update(func(tx *state.Tx) error {
		function := s.function("books").Clone()
		open := `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Sid":"`
		function.SetPolicy("", document(open+`one"}`, open+`two"}`), "11111111-2222-4333-8444-555555555555")
		return tx.Put(function)
	})
	refused(add("c", `"Principal":"111122223333"`), false)
	refused(request{method: "DELETE", path: policyPath + "/one"}, false)
	refused(request{method: "DELETE", path: putPath(prefix + "books")}, false)
}

// The caller needs the action of the whole policy on the ARN that the request names.
func TestWholePoliciesAreAuthorized(t *testing.T) {
	s := start(t)
	s.qualified()
	for _, resource := range []string{prefix + "books", prefix + "books:live", prefix + "books:1"} {
		s.addUser(account, "admin", `{"Effect":"Allow","Action":"*","Resource":"*"}`)
		for _, test := range []struct{ method, action string }{
			{"PUT", "lambda:PutResourcePolicy"}, {"GET", "lambda:GetResourcePolicy"}, {"DELETE", "lambda:DeleteResourcePolicy"},
		} {
			r := s.put(strings.TrimPrefix(resource, prefix), document(allowS3))
			r.method = test.method
			if test.method != "PUT" {
				r.body = ""
			}
			r.as = s.addUser(account, "nobody", "")
			s.expect(r, denied("User: arn:aws:iam::123456789012:user/nobody is not authorized to perform: "+test.action+" on resource: "+
				resource+" because no identity-based policy allows the "+test.action+" action"))
			r.as = s.addUser(account, "somebody", `{"Effect":"Allow","Action":"`+test.action+`","Resource":"`+resource+`"}`)
			s.must(r)
		}
	}
	// A policy may also let in those who change it, and lock out who made it.
	s.must(s.put("books", document(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/nobody"},"Action":"lambda:PutResourcePolicy","Resource":"*"}`)))
	r := s.put("books", document(`{"Effect":"Deny","Principal":"*","Action":"lambda:PutResourcePolicy","Resource":"*"}`))
	r.as = s.addUser(account, "nobody", "")
	s.must(r)
	if got := s.do(r); got.status != 403 || !strings.Contains(got.body, "with an explicit deny in a resource-based policy") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// Whatever is put, the answer is one that AWS could give, what is read is what is kept, and it can be put again.
func FuzzPutResourcePolicy(f *testing.F) {
	s := start(f)
	s.create("books")
	s.addUser(account, "alice", "")
	for _, text := range []string{
		document(allowS3), `{}`, `{"Statement":[]}`, document(`{"Effect":"Deny","Principal":{"AWS":["*","111122223333"]},"NotAction":"lambda:*","NotResource":"*"}`),
		document(`{"Sid":"a<b>&c","Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::123456789012:user/alice"},"Action":"*","Resource":"*"}`),
		document(`{"Sid":"\ud800","Effect":"Allow","Principal":{"AWS":"1111\u00322223333"},"Action":"*","Resource":"*","Condition":{"StringLike":{"aws:userid":"${*}\u2028"}}}`),
		"\ufeff" + document(allowS3), "{\"Version\":\"2012-10-17\",\"Statement\":" + allowS3 + "}\x00",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		inner := *s
		inner.t = t                                   // the fuzzer's own cannot be used in here
		defer inner.update(func(tx *state.Tx) error { // the policy may have locked out the root user
			function := inner.function("books").Clone()
			function.SetPolicy("", "", "")
			return tx.Put(function)
		})
		got := inner.do(inner.put("books", text))
		if got.status == 400 {
			return
		}
		if got.status != 200 {
			t.Fatalf("%q: %d %s", text, got.status, got.body)
		}
		shown := member(t, got.body, "Policy")
		if strings.Contains(shown, `"Deny"`) {
			return
		}
		again := inner.must(inner.put("books", shown))
		if member(t, again.body, "Policy") != shown {
			t.Errorf("%q is shown as %q, and that as %s", text, shown, again.body)
		}
		inner.must(request{method: "POST", path: policyPath, body: `{"StatementId":"added-by-fuzz","Action":"lambda:InvokeFunction","Principal":"sns.amazonaws.com"}`})
		inner.must(request{method: "DELETE", path: policyPath + "/added-by-fuzz"})
		last := inner.must(request{method: "GET", path: putPath(prefix + "books")})
		was, err := policy.ParseTaken([]byte(shown), policy.Resource)
		if err != nil {
			t.Fatal(err)
		}
		is, err := policy.ParseTaken([]byte(member(t, last.body, "Policy")), policy.Resource)
		if err != nil {
			t.Fatal(err)
		}
		if was.Len() != is.Len() || was.ID() != is.ID() || was.Version() != is.Version() {
			t.Errorf("%s became %s", shown, last.body)
		}
	})
}
