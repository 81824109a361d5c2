//go:build unix

package lambdaapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
)

const (
	booksPath    = "/2015-03-31/functions/books"
	versionsPath = booksPath + "/versions"
	aliasesPath  = booksPath + "/aliases"

	wholeOnly = "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. " +
		"Please specify either a function name or an unqualified function ARN."
)

// publishCode publishes a version of books after a change of its code, and answers its configuration.
func (s *server) publishCode(code string) string {
	s.t.Helper()
	s.must(request{method: "PUT", path: booksPath + "/code", body: `{"ZipFile":"` + code + `"}`})
	return s.must(request{method: "POST", path: versionsPath}).body
}

// TestRecordedVersions follows LocalStack's test_version_lifecycle, test_publish_with_same_code and the tests of
// TestLambdaRevisions.
func TestRecordedVersions(t *testing.T) {
	s := start(t)
	s.must(request{method: "POST", path: "/2015-03-31/functions", body: createBody("books", `,"Description":"first"`)})
	created := s.function("books").RevisionID

	first := s.do(request{method: "POST", path: versionsPath, body: `{"Description":"one"}`})
	if first.status != 201 {
		t.Errorf("status %d", first.status)
	}
	want := shown(t, func(c map[string]any) {
		c["FunctionArn"], c["Version"], c["Description"] = prefix+"books:1", "1", "one"
	})
	if diff := cmp.Diff(want, seen(t, first.body)); diff != "" {
		t.Error(diff)
	}
	latest := s.function("books")
	revision := member(t, first.body, "RevisionId")
	if latest.RevisionID == created || latest.RevisionID == revision || latest.Description != "first" {
		t.Errorf("$LATEST has the revision %s after %s, and the description %q", latest.RevisionID, created, latest.Description)
	}

	// Nothing has changed: the version that there is, with its own description and revision.
	for _, body := range []string{"", `{"Description":"again"}`, `{"RevisionId":"` + latest.RevisionID + `","CodeSha256":"` + latest.CodeSHA256 + `"}`} {
		got := s.do(request{method: "POST", path: versionsPath, body: body})
		if got.status != 201 || got.body != first.body || s.function("books").RevisionID != latest.RevisionID {
			t.Errorf("published again: %d %s", got.status, got.body)
		}
	}
	// An alias, a tag, a permission or a URL is no change of it.
	s.must(request{method: "POST", path: aliasesPath, body: `{"Name":"live","FunctionVersion":"1"}`})
	s.must(request{method: "POST", path: tagPath + "books", body: `{"Tags":{"a":"b"}}`})
	s.must(request{method: "POST", path: policyPath, body: `{"StatementId":"a","Action":"lambda:InvokeFunction","Principal":"sns.amazonaws.com"}`})
	if got := s.must(request{method: "POST", path: versionsPath}); got.body != first.body {
		t.Errorf("published again: %s", got.body)
	}

	// A change of the configuration alone is one, be it of the description.
	for i, body := range []string{`{"Description":"second"}`, `{"Environment":{"Variables":{"AB":"1"}}}`, `{"Timeout":9}`} {
		s.must(request{method: "PUT", path: booksPath + "/configuration", body: body})
		got := s.must(request{method: "POST", path: versionsPath}).body
		if member(t, got, "Version") != fmt.Sprint(i+2) || member(t, got, "Description") != "second" {
			t.Errorf("after %s: %s", body, got)
		}
	}
	if got := s.publishCode("bmV3"); member(t, got, "FunctionArn") != prefix+"books:5" {
		t.Errorf("after a change of the code: %s", got)
	}
	// What is frozen stays.
	now := s.must(request{method: "GET", path: booksPath + "/configuration?Qualifier=1"}).body
	if now != first.body {
		t.Errorf("version 1 is now %s, was %s", now, first.body)
	}
	if got := s.must(request{method: "GET", path: booksPath + ":1"}).body; !strings.Contains(got, s.target("books", "1").Version.CodeHex) {
		t.Errorf("the code of version 1 is elsewhere: %s", got)
	}

	s.expect(request{method: "POST", path: versionsPath, body: `{"CodeSha256":"x"}`}, invalid("CodeSHA256 (x) is different from current CodeSHA256 in $LATEST ("+
		s.function("books").CodeSHA256+"). Please try again with the CodeSHA256 in $LATEST."))
	s.expect(request{method: "POST", path: versionsPath, body: `{"RevisionId":"` + created + `"}`}, fault{412, "PreconditionFailedException",
		`{"Type":"User","message":"The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"}`})
	s.expect(request{method: "POST", path: "/2015-03-31/functions/none/versions"}, missing("Function not found: "+prefix+"none"))
	s.expect(request{method: "POST", path: versionsPath, body: `{"PublishTo":"LATEST_PUBLISHED"}`},
		invalid("furl does not support PublishTo: functions run as processes of this machine."))
}

// TestPublishOnCreate is test_publish_version_on_create: the version is in Version, and not in the ARN.
func TestPublishOnCreate(t *testing.T) {
	s := start(t)
	got := s.do(request{method: "POST", path: "/2015-03-31/functions", body: createBody("books", `,"Publish":true`)})
	if got.status != 201 || member(t, got.body, "Version") != "1" || member(t, got.body, "FunctionArn") != prefix+"books" ||
		member(t, got.body, "State") != "Pending" {
		t.Errorf("%d %s", got.status, got.body)
	}
	for qualifier, want := range map[string]string{"": "$LATEST", "?Qualifier=1": "1"} {
		got := s.must(request{method: "GET", path: booksPath + "/configuration" + qualifier}).body
		if member(t, got, "Version") != want || member(t, got, "State") != "Active" {
			t.Errorf("%s: %s", qualifier, got)
		}
	}
	if got := s.must(request{method: "POST", path: versionsPath}).body; member(t, got, "Version") != "1" {
		t.Errorf("published again: %s", got)
	}
}

// TestPublishWithUpdate is test_publish_with_update.
func TestPublishWithUpdate(t *testing.T) {
	s := startWith(t, func(c *lambdaapi.Config) { c.FaithfulStates = true })
	s.create("books")
	s.plane.Advance(2 * time.Second)
	update := request{method: "PUT", path: booksPath + "/code", body: `{"ZipFile":"bmV3","Publish":true}`}
	got := s.do(update)
	want := shown(t, func(c map[string]any) {
		c["FunctionArn"], c["Version"], c["CodeSize"], c["CodeSha256"] = prefix+"books:1", "1", 3.0, s.function("books").CodeSHA256
		c["LastModified"] = s.plane.Now().UTC().Format("2006-01-02T15:04:05.000+0000")
		c["State"], c["StateReason"], c["StateReasonCode"] = "Pending", "The function is being created.", "Creating"
		delete(c, "LastUpdateStatus")
	})
	if diff := cmp.Diff(want, seen(t, got.body)); diff != "" || got.status != 200 {
		t.Errorf("%d %s", got.status, diff)
	}
	if read := s.must(request{method: "GET", path: booksPath + "/configuration?Qualifier=1"}).body; read != got.body {
		t.Errorf("read %s", read)
	}
	latest := s.must(request{method: "GET", path: booksPath + "/configuration?Qualifier=$LATEST"}).body
	if member(t, latest, "LastUpdateStatus") != "InProgress" || member(t, latest, "State") != "Active" {
		t.Errorf("$LATEST: %s", latest)
	}
	s.expect(request{method: "POST", path: versionsPath},
		conflicts("The operation cannot be performed at this time. An update is in progress for resource: "+prefix+"books"))
	s.plane.Advance(2 * time.Second)
	after := s.must(request{method: "GET", path: booksPath + "/configuration?Qualifier=1"}).body
	if member(t, after, "State") != "Active" || member(t, after, "RevisionId") != member(t, got.body, "RevisionId") {
		t.Errorf("afterwards %s", after)
	}
	// The same code again is the same version, which is ready.
	if again := s.must(update).body; again != after {
		t.Errorf("again: %s", again)
	}
}

// TestQualifiersOfReads is what each qualifier reads (test_version_lifecycle, test_alias_lifecycle).
func TestQualifiersOfReads(t *testing.T) {
	s := start(t)
	s.create("books")
	s.must(request{method: "POST", path: versionsPath})
	s.publishCode("Mg==")
	s.publishCode("Mw==")
	s.must(request{method: "POST", path: aliasesPath, body: `{"Name":"live","FunctionVersion":"2","RoutingConfig":{"AdditionalVersionWeights":{"1":1.0}}}`})
	s.must(request{method: "POST", path: aliasesPath, body: `{"Name":"newest","FunctionVersion":"$LATEST"}`})
	for qualifier, want := range map[string]string{"": "$LATEST", "$LATEST": "$LATEST", "1": "1", "3": "3", "live": "2", "newest": "$LATEST"} {
		arn := strings.TrimSuffix(prefix+"books:"+qualifier, ":")
		query := ""
		if qualifier != "" {
			query = "?Qualifier=" + qualifier
		}
		got := s.must(request{method: "GET", path: booksPath + "/configuration" + query}).body
		version := s.target("books", want).Version
		if member(t, got, "FunctionArn") != arn || member(t, got, "Version") != want || member(t, got, "CodeSha256") != version.CodeSHA256 ||
			member(t, got, "RevisionId") != version.RevisionID {
			t.Errorf("%q: %s", qualifier, got)
		}
		for _, path := range []string{"/2015-03-31/functions/" + arn, "/2015-03-31/functions/" + arn + query, booksPath + query} {
			if whole := s.must(request{method: "GET", path: path}).body; !strings.Contains(whole, `"Configuration":`+got) {
				t.Errorf("%s: %s", path, whole)
			}
		}
	}
	for _, qualifier := range []string{"4", "none", "01", "LIVE"} {
		s.expect(request{method: "GET", path: booksPath + "?Qualifier=" + qualifier}, missing("Function not found: "+prefix+"books:"+qualifier))
		s.expect(request{method: "GET", path: booksPath + ":" + qualifier + "/configuration"}, missing("Function not found: "+prefix+"books:"+qualifier))
		s.expect(request{method: "POST", path: booksPath + "/invocations?Qualifier=" + qualifier}, missing("Function not found: "+prefix+"books:"+qualifier))
	}
	s.expect(request{method: "GET", path: booksPath + ":1?Qualifier=2"}, invalid("The derived qualifier from the function name does not match the specified qualifier."))
}

// TestVersionsAreNotUpdated: AWS documents the operations for functions alone, so a name with a version or an alias must
// not change $LATEST.
func TestVersionsAreNotUpdated(t *testing.T) {
	s := start(t)
	s.create("books")
	s.must(request{method: "POST", path: versionsPath})
	s.must(request{method: "POST", path: aliasesPath, body: `{"Name":"live","FunctionVersion":"1"}`})
	before := s.function("books")
	for _, name := range []string{"books:1", "books:live", prefix + "books:1"} {
		path := "/2015-03-31/functions/" + name
		for _, r := range []request{
			{method: "PUT", path: path + "/code", body: `{"ZipFile":"bmV3"}`},
			{method: "PUT", path: path + "/configuration", body: `{"Timeout":5}`},
			{method: "POST", path: path + "/versions"},
			{method: "POST", path: path + "/aliases", body: `{"Name":"more","FunctionVersion":"1"}`},
			{method: "PUT", path: path + "/aliases/live", body: `{"Description":"x"}`},
			{method: "GET", path: path + "/aliases/live"},
			{method: "DELETE", path: path + "/aliases/live"},
		} {
			s.expect(r, invalid(wholeOnly))
		}
	}
	if s.function("books") != before || s.world.Now().Aliases.Len() != 1 {
		t.Error("a refused request changed something")
	}
}

func TestDeleteVersion(t *testing.T) {
	s := start(t)
	s.create("books")
	s.must(request{method: "POST", path: versionsPath})
	s.publishCode("Mg==")
	s.publishCode("Mw==")
	s.must(request{method: "POST", path: aliasesPath, body: `{"Name":"live","FunctionVersion":"2","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`})
	s.must(request{method: "POST", path: aliasesPath, body: `{"Name":"dev","FunctionVersion":"2"}`})
	s.expect(request{method: "DELETE", path: booksPath + "?Qualifier=2"}, conflicts("Unable to delete version because the following aliases reference it: [dev, live]"))
	s.expect(request{method: "DELETE", path: booksPath + ":1"}, conflicts("Unable to delete version because the following aliases reference it: [live]"))
	s.expect(request{method: "DELETE", path: booksPath + "?Qualifier=$LATEST"}, invalid("$LATEST version cannot be deleted without deleting the function."))
	s.expect(request{method: "DELETE", path: booksPath + "?Qualifier=live"}, invalid("Deletion of aliases is not currently supported."))
	s.expect(request{method: "DELETE", path: "/2015-03-31/functions/none?Qualifier=1"}, missing("Function not found: "+prefix+"none"))
	s.expect(request{method: "DELETE", path: booksPath + "?Qualifier=9"}, fault{204, "", ""})

	s.must(request{method: "POST", path: policyPath + "?Qualifier=3", body: `{"StatementId":"a","Action":"lambda:InvokeFunction","Principal":"sns.amazonaws.com"}`})
	s.invoker.retired = nil
	s.expect(request{method: "DELETE", path: booksPath + "?Qualifier=3"}, fault{204, "", ""})
	if !slices.Equal(s.invoker.retired, []string{prefix + "books:3"}) || s.world.Now().Versions.Len() != 2 {
		t.Errorf("ended %q, %d versions are left", s.invoker.retired, s.world.Now().Versions.Len())
	}
	s.expect(request{method: "GET", path: booksPath + "?Qualifier=3"}, missing("Function not found: "+prefix+"books:3"))
	s.expect(request{method: "GET", path: policyPath + "?Qualifier=3"}, missing("The resource you requested does not exist."))
	// The number is not given again.
	if got := s.must(request{method: "POST", path: versionsPath}).body; member(t, got, "Version") != "4" {
		t.Errorf("published %s", got)
	}
	s.must(request{method: "DELETE", path: booksPath})
	if now := s.world.Now(); now.Versions.Len()+now.Aliases.Len() != 0 {
		t.Error("versions or aliases outlive their function")
	}
}

// TestListVersions: $LATEST comes first, with the qualified ARN, then the numbers in their order, and 50 of them at most.
func TestListVersions(t *testing.T) {
	s := start(t)
	s.create("books")
	s.create("zoo")
	want := []string{"$LATEST"}
	for i := range 101 {
		s.must(request{method: "PUT", path: booksPath + "/configuration", body: fmt.Sprintf(`{"Description":"%d"}`, i)})
		s.must(request{method: "POST", path: versionsPath})
		want = append(want, fmt.Sprint(i+1))
	}
	type list struct {
		Versions, Functions []map[string]any
		NextMarker          string
	}
	read := func(path string) (versions []string, sizes []int) {
		for marker := ""; ; {
			var page list
			if err := json.Unmarshal([]byte(s.must(request{method: "GET", path: path + marker}).body), &page); err != nil {
				t.Fatal(err)
			}
			entries := append(page.Versions, page.Functions...)
			sizes = append(sizes, len(entries))
			for _, entry := range entries {
				if entry["State"] != nil || entry["LastUpdateStatus"] != nil {
					t.Errorf("a list shows a state: %v", entry)
				}
				name, version := entry["FunctionName"].(string), entry["Version"].(string)
				if entry["FunctionArn"] != prefix+name+":"+version {
					t.Errorf("%s of %s has the ARN %s", version, name, entry["FunctionArn"])
				}
				if name != "books" {
					version = name + ":" + version
				}
				versions = append(versions, version)
			}
			if page.NextMarker == "" {
				return versions, sizes
			}
			marker = "&Marker=" + page.NextMarker
		}
	}
	for path, sizes := range map[string][]int{
		versionsPath + "?": {50, 50, 2}, versionsPath + "?MaxItems=10000": {50, 50, 2}, versionsPath + "?MaxItems=40": {40, 40, 22},
		"/2015-03-31/functions/" + prefix + "books:$LATEST/versions?": {50, 50, 2},
	} {
		versions, got := read(path)
		if !slices.Equal(versions, want) || !slices.Equal(got, sizes) {
			t.Errorf("%s: pages of %v: %q", path, got, versions)
		}
	}
	versions, sizes := read("/2015-03-31/functions?FunctionVersion=ALL")
	if !slices.Equal(versions, append(want, "zoo:$LATEST")) || !slices.Equal(sizes, []int{50, 50, 3}) {
		t.Errorf("all of the account in pages of %v: %q", sizes, versions)
	}
	s.expect(request{method: "GET", path: "/2015-03-31/functions/none/versions"}, missing("Function not found: "+prefix+"none"))
	s.expect(request{method: "GET", path: versionsPath + "?Marker=bogus"}, invalid("Invalid marker value from user."))
	got := s.must(request{method: "GET", path: "/2016-08-19/account-settings"}).body
	if size := 102*len("zip of books") + len("zip of zoo"); !strings.Contains(got, fmt.Sprintf(`"TotalCodeSize":%d,"FunctionCount":2`, size)) {
		t.Errorf("each version counts: %s", got)
	}
}

// TestInvokeQualifiers: the version that runs is in a header; what the function is called by is the ARN as asked for.
func TestInvokeQualifiers(t *testing.T) {
	s := start(t)
	s.create("books")
	s.must(request{method: "POST", path: versionsPath})
	s.must(request{method: "POST", path: aliasesPath, body: `{"Name":"live","FunctionVersion":"1"}`})
	for name, want := range map[string]struct{ arn, version string }{
		"books": {prefix + "books", "$LATEST"}, "books:$LATEST": {prefix + "books:$LATEST", "$LATEST"},
		"books:1": {prefix + "books:1", "1"}, "books:live": {prefix + "books:live", "1"},
	} {
		s.invoker.calls = nil
		got := s.must(request{method: "POST", path: "/2015-03-31/functions/" + name + "/invocations", body: `{}`})
		if target := s.invoker.calls[0].Target; target.ARN().String() != want.arn || got.header.Get("X-Amz-Executed-Version") != want.version {
			t.Errorf("%s: %s, %s", name, target.ARN(), got.header)
		}
	}
	// IAM is asked about the ARN as asked for: a policy for the function says nothing of its alias, and the other way round.
	only := s.addUser(account, "only", `{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"`+prefix+`books:live"}`)
	for name, status := range map[string]int{"books": 403, "books:live": 200, "books:1": 403, "books:$LATEST": 403} {
		if got := s.do(request{method: "POST", path: "/2015-03-31/functions/" + name + "/invocations", as: only}); got.status != status {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}
