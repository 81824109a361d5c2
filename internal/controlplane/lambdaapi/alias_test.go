//go:build unix

package lambdaapi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withVersions makes the function books with the versions 1, 2 and 3.
func withVersions(t *testing.T) *server {
	s := start(t)
	s.create("books")
	s.must(request{method: "POST", path: versionsPath})
	s.publishCode("Mg==")
	s.publishCode("Mw==")
	return s
}

// alias reads an answer about an alias, without its revision.
func alias(t *testing.T, text string) (read map[string]any, revision string) {
	t.Helper()
	read = parse(t, text)
	revision, _ = read["RevisionId"].(string)
	delete(read, "RevisionId")
	return read, revision
}

// TestRecordedAliases is test_alias_lifecycle of LocalStack's snapshots.
func TestRecordedAliases(t *testing.T) {
	s := withVersions(t)
	latest, version := s.function("books").RevisionID, s.target("books", "1").Version.RevisionID
	got := s.do(request{method: "POST", path: aliasesPath,
		body: `{"Name":"one","FunctionVersion":"1","Description":"custom-alias","RoutingConfig":{"AdditionalVersionWeights":{"2":0.2}}}`})
	want := map[string]any{
		"AliasArn": prefix + "books:one", "Description": "custom-alias", "FunctionVersion": "1", "Name": "one",
		"RoutingConfig": map[string]any{"AdditionalVersionWeights": map[string]any{"2": 0.2}},
	}
	read, first := alias(t, got.body)
	if diff := cmp.Diff(want, read); diff != "" || got.status != 201 {
		t.Errorf("CreateAlias: %d %s", got.status, diff)
	}
	if again := s.must(request{method: "GET", path: aliasesPath + "/one"}); again.body != got.body {
		t.Errorf("GetAlias: %s", again.body)
	}
	// The description is always there, and a routing to nothing is none.
	for _, more := range []string{"", `,"RoutingConfig":{"AdditionalVersionWeights":{}}`, `,"RoutingConfig":{}`} {
		got := s.must(request{method: "POST", path: aliasesPath, body: `{"Name":"two","FunctionVersion":"1"` + more + `}`})
		read, _ := alias(t, got.body)
		plain := map[string]any{"AliasArn": prefix + "books:two", "Description": "", "FunctionVersion": "1", "Name": "two"}
		if diff := cmp.Diff(plain, read); diff != "" {
			t.Errorf("%s: %s", more, diff)
		}
		s.expect(request{method: "DELETE", path: aliasesPath + "/two"}, fault{204, "", ""})
	}

	// An update changes what it names, and always the revision.
	seen := []string{first}
	for _, update := range []struct{ body, member, to string }{
		{`{}`, "", ""}, {"", "", ""},
		{`{"Description":"new"}`, "Description", "new"},
		{`{"FunctionVersion":"3"}`, "FunctionVersion", "3"},
		{`{"Description":""}`, "Description", ""},
		{`{"RoutingConfig":{"AdditionalVersionWeights":{}}}`, "RoutingConfig", ""},
	} {
		body := s.must(request{method: "PUT", path: aliasesPath + "/one", body: update.body}).body
		read, revision := alias(t, body)
		if update.member == "RoutingConfig" {
			delete(want, "RoutingConfig")
		} else if update.member != "" {
			want[update.member] = update.to
		}
		if diff := cmp.Diff(want, read); diff != "" || slices.Contains(seen, revision) {
			t.Errorf("after %s, revision %s: %s", update.body, revision, diff)
		}
		if now := s.must(request{method: "GET", path: aliasesPath + "/one"}).body; now != body {
			t.Errorf("after %s: %s", update.body, now)
		}
		seen = append(seen, revision)
	}
	stale := fault{412, "PreconditionFailedException",
		`{"Type":"User","message":"The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"}`}
	s.expect(request{method: "PUT", path: aliasesPath + "/one", body: `{"RevisionId":"` + first + `"}`}, stale)
	s.must(request{method: "PUT", path: aliasesPath + "/one", body: `{"RevisionId":"` + seen[len(seen)-1] + `"}`})
	if s.function("books").RevisionID != latest || s.target("books", "1").Version.RevisionID != version {
		t.Error("an alias changes the revision of the function or of a version")
	}
	s.expect(request{method: "DELETE", path: aliasesPath + "/one"}, fault{204, "", ""})
	s.expect(request{method: "DELETE", path: aliasesPath + "/one"}, fault{204, "", ""})
}

// TestRecordedAliasRefusals is test_notfound_and_invalid_routingconfigs and test_alias_naming.
func TestRecordedAliasRefusals(t *testing.T) {
	s := withVersions(t)
	s.must(request{method: "POST", path: aliasesPath, body: `{"Name":"custom","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"2":0.5}}}`})
	const (
		is     = "1 validation error detected: Value "
		number = `at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]`
		key    = `at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+, Member must not be null]`
		name   = ` at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)`
	)
	latest := fault{400, "InvalidParameterValueException", `{"message":"$LATEST is not supported for an alias pointing to more than 1 version"}`}
	weighted := func(version, weights string) string {
		return `{"Name":"new","FunctionVersion":"` + version + `","RoutingConfig":{"AdditionalVersionWeights":{` + weights + `}}}`
	}
	for _, test := range []struct {
		body string
		want fault
	}{
		{weighted("1", `"2":0.2,"3":0.3`), invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")},
		{weighted("1", `"2":2`), violates(is + "'{2=2.0}' " + number)},
		{weighted("1", `"2":2.0`), violates(is + "'{2=2.0}' " + number)},
		{weighted("1", `"2":-1.0`), violates(is + "'{2=-1.0}' " + number)},
		{weighted("1", `"2":1.5,"3":0`), violates(is + "'{2=1.5, 3=0.0}' " + number)},
		{weighted("1", `"$LATEST":0.5`), violates(is + "'{$LATEST=0.5}' " + key)},
		{weighted("1", `"2":"half"`), unreadable("STRING_VALUE can not be converted to a Double")},
		{weighted("1", `"1":0.5`), invalid("Invalid function version 1. Function version 1 is already included in routing configuration.")},
		{weighted("$LATEST", `"1":0.5`), latest},
		{weighted("1", `"10":0.5`), missing("Function not found: " + prefix + "books:10")},
		{weighted("10", `"2":0.5`), missing("Function not found: " + prefix + "books:10")},
		{`{"Name":"custom","FunctionVersion":"10"}`, missing("Function not found: " + prefix + "books:10")},
		{`{"Name":"custom","FunctionVersion":"1"}`, conflicts("Alias already exists: " + prefix + "books:custom")},
		{`{"Name":"2024","FunctionVersion":"1"}`, violates(is + "'2024'" + name)},
		{`{"Name":"a.b","FunctionVersion":"1"}`, violates(is + "'a.b'" + name)},
		{`{"Name":"$LATEST","FunctionVersion":"1"}`, violates(is + "'$LATEST'" + name)},
		{`{"Name":"new","FunctionVersion":"custom"}`, violates(is + "'custom'" + ` at 'functionVersion' failed to satisfy constraint: Member must satisfy regular expression pattern: (\$LATEST(\.PUBLISHED)?|[0-9]+)`)},
		{`{"Name":"new"}`, violates(is + "null at 'functionVersion' failed to satisfy constraint: Member must not be null")},
	} {
		s.expect(request{method: "POST", path: aliasesPath, body: test.body}, test.want)
	}
	update := func(body string) request { return request{method: "PUT", path: aliasesPath + "/custom", body: body} }
	s.expect(update(`{"FunctionVersion":"2"}`), invalid("Invalid function version 2. Function version 2 is already included in routing configuration."))
	s.expect(update(`{"FunctionVersion":"$LATEST"}`), latest)
	s.expect(update(`{"FunctionVersion":"9"}`), missing("Function not found: "+prefix+"books:9"))
	s.expect(update(`{"RoutingConfig":{"AdditionalVersionWeights":{"1":0.1}}}`), invalid("Invalid function version 1. Function version 1 is already included in routing configuration."))

	s.expect(request{method: "POST", path: "/2015-03-31/functions/books-unknown/aliases", body: weighted("1", `"2":0.5`)},
		missing("Function not found: "+prefix+"books-unknown:1"))
	s.expect(request{method: "GET", path: aliasesPath + "/non-existent"}, missing("Cannot find alias arn: "+prefix+"books:non-existent"))
	s.expect(request{method: "PUT", path: aliasesPath + "/non-existent", body: `{}`}, missing("Alias not found: "+prefix+"books:non-existent"))
	if n := len(s.world.Now().AliasesOf(s.function("books").ARN)); n != 1 {
		t.Errorf("there are %d aliases", n)
	}
	// A date is a name, and $LATEST alone can be pointed at.
	s.must(request{method: "POST", path: aliasesPath, body: `{"Name":"2024-01-02","FunctionVersion":"$LATEST"}`})

	// The two versions must have one role; the text is quoted in serverless-heaven/serverless-aws-alias#64.
	s.addRole("second", "/", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`)
	s.must(request{method: "PUT", path: booksPath + "/configuration", body: `{"Role":"arn:aws:iam::` + account + `:role/second"}`})
	s.must(request{method: "POST", path: versionsPath})
	s.expect(update(`{"RoutingConfig":{"AdditionalVersionWeights":{"4":0.1}}}`), invalid("Specified versions must be associated with the same execution role"))
}

func TestListAliases(t *testing.T) {
	s := withVersions(t)
	for name, more := range map[string]string{
		"c": `"FunctionVersion":"1"`, "a": `"FunctionVersion":"2"`, "d": `"FunctionVersion":"$LATEST"`,
		"b": `"FunctionVersion":"2","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}`,
	} {
		s.must(request{method: "POST", path: aliasesPath, body: `{"Name":"` + name + `",` + more + `}`})
	}
	for query, want := range map[string][]string{
		"": {"a", "b", "c", "d"}, "?MaxItems=3": {"a", "b", "c", "d"}, "?FunctionVersion=2": {"a", "b"}, "?FunctionVersion=1&MaxItems=1": {"b", "c"},
		"?FunctionVersion=$LATEST": {"d"}, "?FunctionVersion=7": nil,
	} {
		var names []string
		for marker := ""; ; {
			var page struct {
				Aliases    []struct{ Name string }
				NextMarker string
			}
			if err := json.Unmarshal([]byte(s.must(request{method: "GET", path: aliasesPath + query + marker}).body), &page); err != nil {
				t.Fatal(err)
			}
			for _, alias := range page.Aliases {
				names = append(names, alias.Name)
			}
			if page.NextMarker == "" {
				break
			}
			marker = "&Marker=" + page.NextMarker
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: %q", query, names)
		}
	}
}

// TestWhatBelongsToAQualifier: the function, its versions and its aliases have policies of their own, and the function and
// its aliases URLs (test_lambda_permission_fn_versioning, test_url_config_lifecycle).
func TestWhatBelongsToAQualifier(t *testing.T) {
	s := withVersions(t)
	s.must(request{method: "POST", path: aliasesPath, body: `{"Name":"live","FunctionVersion":"1"}`})
	s.must(request{method: "POST", path: aliasesPath, body: `{"Name":"dev","FunctionVersion":"1"}`})
	grant := func(qualifier, more string) request {
		return request{method: "POST", path: policyPath + qualifier,
			body: `{"StatementId":"same","Action":"lambda:InvokeFunction","Principal":"sns.amazonaws.com"` + more + `}`}
	}
	stale := fault{412, "PreconditionFailedException",
		`{"Type":"User","message":"The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id"}`}
	function := s.function("books").RevisionID
	live := member(t, s.must(request{method: "GET", path: aliasesPath + "/live"}).body, "RevisionId")
	s.expect(grant("?Qualifier=live", `,"RevisionId":"`+function+`"`), stale)
	policies := map[string]string{}
	for qualifier, more := range map[string]string{"": "", "?Qualifier=live": `,"RevisionId":"` + live + `"`, "?Qualifier=2": ""} {
		arn := prefix + "books" + strings.Replace(qualifier, "?Qualifier=", ":", 1)
		added := s.must(grant(qualifier, more)).body
		got := s.must(request{method: "GET", path: policyPath + qualifier}).body
		policies[qualifier] = got
		for _, text := range []string{member(t, added, "Statement"), member(t, got, "Policy")} {
			if !strings.Contains(text, `"Resource":"`+arn+`"`) || strings.Count(text, `"Sid"`) > 1 {
				t.Errorf("%s: %s", qualifier, text)
			}
		}
	}
	for qualifier, policy := range policies {
		if now := s.must(request{method: "GET", path: policyPath + qualifier}).body; now != policy {
			t.Errorf("%s: the policy was %s and is %s", qualifier, policy, now)
		}
	}
	s.expect(request{method: "GET", path: policyPath + "?Qualifier=dev"}, missing("The resource you requested does not exist."))
	s.expect(grant("?Qualifier=live", ""), conflicts("The statement id (same) provided already exists. Please provide a new statement id, or remove the existing statement."))
	s.expect(grant("?Qualifier=none", ""), missing("Cannot find alias arn: "+prefix+"books:none"))
	s.expect(grant("?Qualifier=42", ""), missing("Function not found: "+prefix+"books:42"))
	s.expect(grant("?Qualifier=valid-with-$-but-doesnotexist", ""), missing("Function not found: "+prefix+"books:valid-with-$-but-doesnotexist"))
	s.expect(grant("?Qualifier=$LATEST", ""), invalid("We currently do not support adding policies for $LATEST."))
	s.expect(request{method: "DELETE", path: policyPath + "/same?Qualifier=2"}, fault{204, "", ""})
	s.must(request{method: "GET", path: policyPath + "?Qualifier=live"})

	urls := map[string]string{}
	for _, qualifier := range []string{"", "?Qualifier=live", "?Qualifier=dev"} {
		arn := prefix + "books" + strings.Replace(qualifier, "?Qualifier=", ":", 1)
		created := s.must(request{method: "POST", path: urlPath + qualifier, body: `{"AuthType":"AWS_IAM"}`}).body
		if member(t, created, "FunctionArn") != arn {
			t.Errorf("%s: %s", qualifier, created)
		}
		s.expect(request{method: "POST", path: urlPath + qualifier, body: `{"AuthType":"NONE"}`}, conflicts(
			"Failed to create function url config for [functionArn = "+arn+"]. Error message:  FunctionUrlConfig exists for this Lambda function"))
		urls[qualifier] = member(t, created, "FunctionUrl")
	}
	s.must(request{method: "PUT", path: urlPath + "?Qualifier=live", body: `{"AuthType":"NONE"}`})
	s.must(request{method: "DELETE", path: urlPath})
	s.expect(request{method: "GET", path: urlPath}, missing("The resource you requested does not exist."))
	for qualifier, want := range map[string]string{"?Qualifier=live": "NONE", "?Qualifier=dev": "AWS_IAM"} {
		got := s.must(request{method: "GET", path: urlPath + qualifier}).body
		if member(t, got, "AuthType") != want || member(t, got, "FunctionUrl") != urls[qualifier] {
			t.Errorf("%s: %s", qualifier, got)
		}
	}
	s.expect(request{method: "POST", path: "/2021-10-31/functions/books:2/url", body: `{"AuthType":"NONE"}`}, missing("Function does not exist"))

	// With the alias go its URL, its policy and its settings, and an alias that is made again has none of them.
	s.must(request{method: "PUT", path: "/2019-09-30/functions/books/provisioned-concurrency?Qualifier=live", body: `{"ProvisionedConcurrentExecutions":2}`})
	s.must(request{method: "PUT", path: "/2019-09-25/functions/books/event-invoke-config?Qualifier=live", body: `{"MaximumRetryAttempts":0}`})
	s.expect(request{method: "DELETE", path: aliasesPath + "/live"}, fault{204, "", ""})
	if now := s.function("books"); len(now.Provisioned)+len(now.EventInvoke) != 0 {
		t.Errorf("left are %v and %v", now.Provisioned, now.EventInvoke)
	}
	for range 2 {
		s.expect(request{method: "GET", path: urlPath + "?Qualifier=live"}, missing("The resource you requested does not exist."))
		s.expect(request{method: "GET", path: policyPath + "?Qualifier=live"}, missing("The resource you requested does not exist."))
		list := s.must(request{method: "GET", path: "/2021-10-31/functions/books/urls"}).body
		if strings.Contains(list, "live") || strings.Count(list, "FunctionArn") != 1 {
			t.Errorf("the list has %s", list)
		}
		s.do(request{method: "POST", path: aliasesPath, body: `{"Name":"live","FunctionVersion":"2"}`})
	}
	if again := s.must(request{method: "POST", path: urlPath + "?Qualifier=live", body: `{"AuthType":"AWS_IAM"}`}).body; member(t, again, "FunctionUrl") == urls["?Qualifier=live"] {
		t.Error("the URL of the alias has come back")
	}
}
