//go:build unix

package lambdaapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
	"github.com/furl-dev/furl/sigv4"
)

const (
	layersPath  = "/2018-10-31/layers"
	layerPrefix = "arn:aws:lambda:" + region + ":" + account + ":layer:"
)

// publishLayer publishes a version of a layer with further members, each preceded by a comma.
func (s *server) publishLayer(name, zip, more string) string {
	s.t.Helper()
	return s.must(request{method: "POST", path: layersPath + "/" + name + "/versions", body: layerBody(zip, more)}).body
}

func layerBody(zip, more string) string {
	return `{"Content":{"ZipFile":"` + base64.StdEncoding.EncodeToString([]byte(zip)) + `"}` + more + `}`
}

func get(path string) request { return request{method: "GET", path: path} }

// The answers of this test were recorded at AWS (LocalStack's snapshots of test_layer_lifecycle and
// test_layer_s3_content): the members, which of them are absent, and the order of versions. That of the keys was not.
func TestLayers(t *testing.T) {
	s := start(t)
	first := s.publishLayer("books", "zip", "")
	var shown map[string]any
	if err := json.Unmarshal([]byte(first), &shown); err != nil {
		t.Fatal(err)
	}
	if len(shown) != 6 || shown["Version"] != 1.0 || shown["Description"] != "" || shown["LayerArn"] != layerPrefix+"books" ||
		shown["LayerVersionArn"] != layerPrefix+"books:1" || len(shown["Content"].(map[string]any)) != 3 {
		t.Errorf("the first version: %s", first)
	}
	if member(t, first, "CreatedDate") != "2026-11-23T15:26:50.123+0000" {
		t.Errorf("date %s", member(t, first, "CreatedDate"))
	}
	// The same content again is another version; lists keep their order, and an empty one is shown.
	second := s.publishLayer("books", "zip", `,"Description":"d","CompatibleRuntimes":["python3.7","go1.x","python3.12"],`+
		`"CompatibleArchitectures":["x86_64","arm64"],"LicenseInfo":"MIT"`)
	for _, want := range []string{`"Version":2`, `"CompatibleRuntimes":["python3.7","go1.x","python3.12"]`,
		`"CompatibleArchitectures":["x86_64","arm64"]`, `"LicenseInfo":"MIT"`, `"Description":"d"`} {
		if !strings.Contains(second, want) {
			t.Errorf("no %s in %s", want, second)
		}
	}
	third := s.publishLayer("books", "other zip", `,"CompatibleRuntimes":[],"CompatibleArchitectures":[]`)
	if !strings.Contains(third, `"CompatibleRuntimes":[],"CompatibleArchitectures":[]`) {
		t.Errorf("empty lists: %s", third)
	}
	for _, path := range []string{
		layersPath + "/books/versions/2", layersPath + "/" + strings.ReplaceAll(layerPrefix, ":", "%3A") + "books/versions/2",
		layersPath + "?find=LayerVersion&Arn=" + layerPrefix + "books:2",
	} {
		if got := s.must(get(path)); got.body != second || got.status != 200 {
			t.Errorf("%s: %d %s\nwant %s", path, got.status, got.body, second)
		}
	}
	versions := func(query string) (numbers []int) {
		t.Helper()
		var list struct {
			NextMarker    *string
			LayerVersions []map[string]any
		}
		if err := json.Unmarshal([]byte(s.must(get(layersPath+"/books/versions"+query)).body), &list); err != nil {
			t.Fatal(err)
		}
		for _, version := range list.LayerVersions {
			if version["Content"] != nil || version["LayerArn"] != nil || version["LayerVersionArn"] == nil {
				t.Errorf("listed: %v", version)
			}
			numbers = append(numbers, int(version["Version"].(float64)))
		}
		return numbers
	}
	for query, want := range map[string]string{
		"": "[3 2 1]", "?MaxItems=2": "[3 2]", "?CompatibleRuntime=go1.x": "[2]", "?CompatibleRuntime=nasa": "[]",
		"?CompatibleArchitecture=arm64": "[2]", "?CompatibleArchitecture=arm64&CompatibleRuntime=java21": "[]",
	} {
		if got := fmt.Sprint(versions(query)); got != want {
			t.Errorf("versions %s: %s, want %s", query, got, want)
		}
	}
	s.publishLayer("articles", "zip", "")
	s.must(request{method: "POST", path: layersPath + "/elsewhere/versions", body: layerBody("zip", ""), region: "us-east-1"})
	layers := s.must(get(layersPath)).body
	if !strings.HasPrefix(layers, `{"Layers":[{"LayerName":"articles","LayerArn":"`+layerPrefix+`articles","LatestMatchingVersion":{"LayerVersionArn":"`+layerPrefix+`articles:1",`) ||
		!strings.Contains(layers, `"LatestMatchingVersion":{"LayerVersionArn":"`+layerPrefix+`books:3"`) || strings.Contains(layers, "elsewhere") || strings.Contains(layers, "Content") {
		t.Errorf("layers: %s", layers)
	}
	if matching := s.must(get(layersPath + "?CompatibleRuntime=python3.12")).body; strings.Contains(matching, "articles") || !strings.Contains(matching, "books:2") {
		t.Errorf("layers for a runtime: %s", matching)
	}
	// Numbers go on after all versions were deleted; what is deleted twice, or never was, is deleted.
	for _, number := range []string{"1", "2", "3", "3", "77"} {
		s.expect(request{method: "DELETE", path: layersPath + "/books/versions/" + number}, fault{204, "", ""})
	}
	s.expect(request{method: "DELETE", path: layersPath + "/nothing/versions/1"}, fault{204, "", ""})
	s.expect(get(layersPath+"/books/versions"), fault{200, "", `{"LayerVersions":[]}`})
	s.expect(get(layersPath+"/nothing/versions"), fault{200, "", `{"LayerVersions":[]}`})
	if layers := s.must(get(layersPath)).body; strings.Contains(layers, "books") {
		t.Errorf("a layer without versions is listed: %s", layers)
	}
	if again := s.publishLayer("books", "zip", ""); !strings.Contains(again, `"Version":4`) {
		t.Errorf("after the deletion: %s", again)
	}
	if usage := s.must(get("/2016-08-19/account-settings")).body; !strings.Contains(usage, `"AccountUsage":{"TotalCodeSize":6,`) {
		t.Errorf("the size of layers does not count: %s", usage)
	}
}

func TestPagesOfLayers(t *testing.T) {
	s := start(t)
	for range 55 {
		s.publishLayer("books", "zip", "")
	}
	var first, second struct {
		NextMarker    string
		LayerVersions []struct{ Version int }
	}
	if err := json.Unmarshal([]byte(s.must(get(layersPath+"/books/versions?MaxItems=50")).body), &first); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(s.must(get(layersPath+"/books/versions?Marker="+first.NextMarker)).body), &second); err != nil {
		t.Fatal(err)
	}
	if len(first.LayerVersions) != 50 || first.LayerVersions[0].Version != 55 || len(second.LayerVersions) != 5 || second.LayerVersions[4].Version != 1 || second.NextMarker != "" {
		t.Errorf("pages of %d and %d: %+v", len(first.LayerVersions), len(second.LayerVersions), second)
	}
	s.expect(get(layersPath+"/books/versions?Marker=x"), invalid("Invalid marker value from user."))
	s.expect(get(layersPath+"?MaxItems=51"), violates("1 validation error detected: Value '51' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 50"))
}

// Recorded at AWS (test_layer_exceptions), but where the comment says otherwise.
func TestLayersRefuse(t *testing.T) {
	s := start(t)
	s.publishLayer("books", "zip", "")
	const byARN = `(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)`
	gone := missing("The resource you requested does not exist.")
	below := invalid("Layer Version Cannot be less than 1")
	post := func(body string) request {
		return request{method: "POST", path: layersPath + "/books/versions", body: body}
	}
	for _, test := range []struct {
		request request
		want    fault
	}{
		{get(layersPath + "/nothing/versions/1"), gone},
		{get(layersPath + "/books/versions/2"), gone},
		{get(layersPath + "?find=LayerVersion&Arn=" + layerPrefix + "books:2"), gone},
		{get(layersPath + "/books/versions/0"), below},
		{get(layersPath + "/books/versions/-1"), below},
		{request{method: "DELETE", path: layersPath + "/books/versions/0"}, below},
		{request{method: "DELETE", path: layersPath + "/books/versions/-1"}, below},
		{get(layersPath + "?find=LayerVersion&Arn=" + layerPrefix + "books"), violates("1 validation error detected: Value '" + layerPrefix + "books' at 'arn' failed to satisfy constraint: Member must satisfy regular expression pattern: " + byARN)},
		{post(layerBody("zip", `,"CompatibleRuntimes":["python3.12"],"CompatibleArchitectures":["invalid"]`)),
			violates("1 validation error detected: Value '[invalid]' at 'compatibleArchitectures' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")},
		{get(layersPath + "?CompatibleArchitecture=x"), violates("1 validation error detected: Value 'x' at 'compatibleArchitecture' failed to satisfy constraint: Member must satisfy enum value set: [x86_64, arm64]")},
		{post(`{"Content":{"S3Bucket":"b","S3Key":"k"}}`), invalid("furl does not support Content.S3Bucket: send the layer as ZipFile.")},
		{post(`{"Content":{}}`), invalid("Please provide a source for layer content.")}, // assumed
		{request{method: "POST", path: layersPath + "/books%2Ftwo/versions", body: layerBody("zip", "")}, // by the model
			violates(`1 validation error detected: Value 'books/two' at 'layerName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]{1,140}|[a-zA-Z0-9-_]{1,140})`)},
	} {
		s.expect(test.request, test.want)
	}
	// Faults of two members are told together.
	got := s.do(post(layerBody("zip", `,"CompatibleRuntimes":["x"],"CompatibleArchitectures":["y"]`)))
	if got.name != "ValidationException" || !strings.Contains(got.body, "2 validation errors detected: Value '[") ||
		!strings.Contains(got.body, "Value '[x]' at 'compatibleRuntimes' failed to satisfy constraint: ") || !strings.Contains(got.body, "; Value '[") {
		t.Errorf("two faults: %s", got.body)
	}
	if got := s.do(get(layersPath + "?CompatibleRuntime=x")); got.name != "ValidationException" || !strings.Contains(got.body, "nasa") || !strings.Contains(got.body, "byol") {
		t.Errorf("an unknown runtime as a filter: %s", got.body)
	}
	s.code.err = code.ErrNotZip
	s.expect(post(layerBody("zip", "")), invalid("Could not unzip uploaded file. Please check your file, then try to upload again."))
	s.code.err = code.ErrUnzippedTooLarge
	s.expect(post(layerBody("zip", "")), invalid("Unzipped size must be smaller than 262144000 bytes"))
}

// Every runtime that functions can have, or once could, is one that a layer may be for.
func TestLayersAreForEveryRuntime(t *testing.T) {
	s := start(t)
	for _, runtime := range lambdaapi.AllRuntimes() {
		s.publishLayer("books", "zip", `,"CompatibleRuntimes":["`+runtime+`"]`)
	}
}

// Recorded at AWS (test_layer_policy_lifecycle, test_layer_policy_exceptions).
func TestLayerPermissions(t *testing.T) {
	s := start(t)
	s.publishLayer("books", "zip", "")
	const path = layersPath + "/books/versions/1/policy"
	add := func(more string) request {
		return request{method: "POST", path: path, body: `{"StatementId":"s1","Action":"lambda:GetLayerVersion","Principal":"*"` + more + `}`}
	}
	remove := func(rest string) request { return request{method: "DELETE", path: path + rest} }
	nothing := missing("No policy is associated with the given resource.")
	stale := fault{412, "PreconditionFailedException",
		`{"Type":"User","message":"The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the latest Revision Id"}`}
	s.expect(get(path), nothing)
	s.expect(remove("/s1"), nothing)
	gone := missing("Layer version " + layerPrefix + "books:2 does not exist.")
	for _, r := range []request{get(path), remove("/s1"), add("")} {
		r.path = strings.Replace(r.path, "versions/1", "versions/2", 1)
		s.expect(r, gone)
		r.path = strings.Replace(r.path, "books/versions/2", "nothing/versions/1", 1)
		s.expect(r, missing("Layer version "+layerPrefix+"nothing:1 does not exist."))
	}
	added := s.must(add(""))
	const statement = `{"Sid":"s1","Effect":"Allow","Principal":"*","Action":"lambda:GetLayerVersion","Resource":"` + layerPrefix + `books:1"}`
	if added.status != 201 || member(t, added.body, "Statement") != statement {
		t.Errorf("added: %d %s", added.status, added.body)
	}
	revision := member(t, added.body, "RevisionId")
	shown := s.must(get(path))
	if got := member(t, shown.body, "Policy"); got != `{"Version":"2012-10-17","Id":"default","Statement":[`+statement+`]}` || member(t, shown.body, "RevisionId") != revision {
		t.Errorf("policy: %s", shown.body)
	}
	s.expect(add(""), conflicts("The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement."))
	r := add("")
	r.body = strings.Replace(r.body, "s1", "s2", 1)
	r.path += "?RevisionId=wrong"
	s.expect(r, stale)
	s.expect(remove("/s1?RevisionId=wrong"), stale)
	s.expect(remove("/s3"), missing("Statement s3 is not found in resource policy."))
	r.path = path + "?RevisionId=" + revision
	r.body = strings.Replace(r.body, `"*"`, `"*","OrganizationId":"o-abcdef1234"`, 1)
	second := s.must(r)
	if got := member(t, second.body, "Statement"); !strings.HasSuffix(got, `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-abcdef1234"}}}`) {
		t.Errorf("for an organization: %s", got)
	}
	next := member(t, second.body, "RevisionId")
	if next == revision {
		t.Error("the revision is the same")
	}
	s.expect(remove("/s1?RevisionId="+revision), stale)
	s.expect(remove("/s1?RevisionId="+next), fault{204, "", ""})
	s.expect(remove("/s2"), fault{204, "", ""})
	s.expect(get(path), nothing)
	for body, want := range map[string]fault{
		`{"StatementId":"s","Action":"*","Principal":"*"}`:                                                                 violates("1 validation error detected: Value '*' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: lambda:GetLayerVersion"),
		`{"StatementId":"s","Action":"lambda:GetLayerVersion","Principal":"arn:aws:iam::123456789012:user/x"}`:             violates(`1 validation error detected: Value 'arn:aws:iam::123456789012:user/x' at 'principal' failed to satisfy constraint: Member must satisfy regular expression pattern: \d{12}|\*|arn:(aws[a-zA-Z-]*):iam::\d{12}:root`),
		`{"StatementId":"s","Action":"lambda:GetLayerVersion","Principal":"123456789012","OrganizationId":"o-abcdef1234"}`: invalid("OrganizationId can only be used with the principal *."), // assumed
	} {
		s.expect(request{method: "POST", path: path, body: body}, want)
	}
	s.expect(request{method: "POST", path: layersPath + "/books/versions/0/policy", body: add("").body}, invalid("Layer Version Cannot be less than 1"))
}

// Recorded at AWS (test_layer_function_exceptions, test_layer_function_quota_exception).
func TestLayersOfFunctions(t *testing.T) {
	s := start(t)
	s.create("plain")
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		s.publishLayer(name, "zip of "+name, "")
	}
	s.publishLayer("a", "second zip of a", "")
	with := func(layers ...string) string {
		for i, layer := range layers {
			if !strings.HasPrefix(layer, "arn:") {
				layers[i] = layerPrefix + layer
			}
		}
		return `"Layers":["` + strings.Join(layers, `","`) + `"]`
	}
	const doesNot = "Layer version " + layerPrefix + "%s does not exist."
	for layers, want := range map[string]fault{
		with("a:1", "b:1", "c:1", "d:1", "e:1", "f:1"): invalid("Cannot reference more than 5 layers."),
		with("a:1", "a:2"):                  invalid("Two different versions of the same layer are not allowed to be referenced in the same function. " + layerPrefix + "a:1 and " + layerPrefix + "a:2 are versions of the same layer."),
		with("a:1", "a:1"):                  invalid("Two different versions of the same layer are not allowed to be referenced in the same function. " + layerPrefix + "a:1 and " + layerPrefix + "a:1 are versions of the same layer."),
		with("a:3"):                         invalid(fmt.Sprintf(doesNot, "a:3")),
		with("a:0"):                         invalid(fmt.Sprintf(doesNot, "a:0")),
		with("nothing:1"):                   invalid(fmt.Sprintf(doesNot, "nothing:1")),
		with("a:99999999999999999999"):      invalid(fmt.Sprintf(doesNot, "a:99999999999999999999")),
		with("arn:aws:lambda:::awslayer:A"): invalid("Layer version arn:aws:lambda:::awslayer:A does not exist."),
		with("arn:aws:lambda:us-east-1:123456789012:layer:a:1"): invalid("Layers are not in the same region as the function. Layers are expected to be in region eu-west-1."),
	} {
		s.expect(request{method: "POST", path: "/2015-03-31/functions", body: createBody("new", ","+layers)}, want)
		s.expect(request{method: "PUT", path: "/2015-03-31/functions/plain/configuration", body: "{" + layers + "}"}, want)
	}
	unversioned := s.do(request{method: "POST", path: "/2015-03-31/functions", body: createBody("new", ","+with("a"))})
	if unversioned.name != "ValidationException" || !strings.Contains(unversioned.body, "Value '["+layerPrefix+"a]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: ") {
		t.Errorf("without a version: %s", unversioned.body)
	}
	five := with("e:1", "a:1", "c:1", "b:1", "d:1")
	created := s.must(request{method: "POST", path: "/2015-03-31/functions", body: createBody("layered", ","+five)})
	wantLayers := `"Layers":[{"Arn":"` + layerPrefix + `e:1","CodeSize":8},{"Arn":"` + layerPrefix + `a:1","CodeSize":8},`
	if !strings.Contains(created.body, wantLayers) {
		t.Errorf("created: %s", created.body)
	}
	read := func(name string) string {
		return s.must(get("/2015-03-31/functions/" + name + "/configuration")).body
	}
	if shown := read("plain"); strings.Contains(shown, "Layers") {
		t.Errorf("no layers: %s", shown)
	}
	update := func(body string) {
		s.must(request{method: "PUT", path: "/2015-03-31/functions/layered/configuration", body: body})
	}
	update(`{"Timeout":7}`)
	if shown := read("layered"); !strings.Contains(shown, wantLayers) {
		t.Errorf("after another change: %s", shown)
	}
	if hexes := s.function("layered").LayerCode(); len(hexes) != 5 {
		t.Errorf("content of layers: %q", hexes)
	}
	// A version that was deleted stays with the functions that have it, and no function gets it anew.
	s.must(request{method: "DELETE", path: layersPath + "/e/versions/1"})
	if shown := read("layered"); !strings.Contains(shown, wantLayers) {
		t.Errorf("after the deletion of a layer: %s", shown)
	}
	s.expect(request{method: "PUT", path: "/2015-03-31/functions/plain/configuration", body: "{" + with("e:1") + "}"}, invalid(fmt.Sprintf(doesNot, "e:1")))
	update("{" + with("a:2") + "}")
	if shown := read("layered"); !strings.Contains(shown, `"Layers":[{"Arn":"`+layerPrefix+`a:2","CodeSize":15}]`) {
		t.Errorf("replaced: %s", shown)
	}
	update(`{"Layers":[]}`)
	if shown := read("layered"); strings.Contains(shown, "Layers") {
		t.Errorf("cleared: %s", shown)
	}
}

// Layers are a part of the configuration that a version freezes, and another list of them makes another version.
func TestLayersOfVersions(t *testing.T) {
	s := start(t)
	s.publishLayer("a", "a", "")
	s.publishLayer("b", "b", "")
	s.must(request{method: "POST", path: "/2015-03-31/functions", body: createBody("books", `,"Layers":["`+layerPrefix+`a:1"]`)})
	publish := func() string {
		return member(t, s.must(request{method: "POST", path: "/2015-03-31/functions/books/versions", body: "{}"}).body, "Version")
	}
	if first, again := publish(), publish(); first != "1" || again != "1" {
		t.Errorf("published %s and, unchanged, %s", first, again)
	}
	s.must(request{method: "PUT", path: "/2015-03-31/functions/books/configuration", body: `{"Layers":["` + layerPrefix + `b:1"]}`})
	if second := publish(); second != "2" {
		t.Errorf("with another layer, published %s", second)
	}
	s.must(request{method: "DELETE", path: layersPath + "/a/versions/1"})
	for qualifier, layer := range map[string]string{"1": "a:1", "2": "b:1", "$LATEST": "b:1"} {
		shown := s.must(get("/2015-03-31/functions/books/configuration?Qualifier=" + qualifier)).body
		if !strings.Contains(shown, `"Layers":[{"Arn":"`+layerPrefix+layer+`","CodeSize":1}]`) {
			t.Errorf("version %s: %s", qualifier, shown)
		}
	}
}

// The texts are those of failed deployments; Developer Guide, "Lambda quotas": 250 MB with all layers.
func TestLayersAndCodeHaveALimitTogether(t *testing.T) {
	s := start(t)
	s.publishLayer("a", "a", "")
	s.publishLayer("b", "b", "")
	s.create("books")
	hex := func(layer string) string {
		l, _ := s.world.Now().Layers.Get(account + "/" + region + "/" + layer)
		return l.Versions[0].CodeHex
	}
	update := request{method: "PUT", path: "/2015-03-31/functions/books/configuration", body: `{"Layers":["` + layerPrefix + `a:1","` + layerPrefix + `b:1"]}`}
	together := invalid("Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. The actual size is 262144001 bytes.")
	s.code.unzipped = map[string]int64{hex("a"): 200_000_000, hex("b"): 62_144_001}
	s.expect(update, invalid("Layers consume more than the available size of 262144000 bytes"))
	s.code.unzipped = map[string]int64{hex("a"): 200_000_000, hex("b"): 1, s.function("books").CodeHex: 62_144_000}
	s.expect(update, together)
	s.code.unzipped[hex("b")] = 0
	s.must(update)
	larger := base64.StdEncoding.EncodeToString([]byte("larger"))
	s.must(request{method: "PUT", path: "/2015-03-31/functions/books/code", body: `{"ZipFile":"` + larger + `"}`})
	s.code.unzipped[s.function("books").CodeHex] = 62_144_001
	s.expect(request{method: "PUT", path: "/2015-03-31/functions/books/code", body: `{"ZipFile":"` + larger + `"}`}, together)
	s.expect(request{method: "POST", path: "/2015-03-31/functions", body: strings.Replace(createBody("new", `,"Layers":["`+layerPrefix+`a:1"]`),
		base64.StdEncoding.EncodeToString([]byte("zip of new")), larger, 1)}, together)
}

// A layer of another account needs that account's permission; one of an account that is not here is explained.
func TestLayersOfOtherAccounts(t *testing.T) {
	s := start(t)
	s.create("books")
	foreign := "arn:aws:lambda:" + region + ":" + other + ":layer:shared:1"
	theirs := s.plane.Root(other)
	s.must(request{method: "POST", path: layersPath + "/shared/versions", body: layerBody("zip", ""), as: theirs})
	update := func(layer string, as sigv4.Credentials) request {
		return request{method: "PUT", path: "/2015-03-31/functions/books/configuration", body: `{"Layers":["` + layer + `"]}`, as: as}
	}
	refused := func(layer string) fault {
		return denied("User: arn:aws:iam::" + account + ":root is not authorized to perform: lambda:GetLayerVersion on resource: " + layer +
			" because no resource-based policy allows the lambda:GetLayerVersion action")
	}
	s.expect(update(foreign, sigv4.Credentials{}), refused(foreign))
	permit := func(id, principal string) {
		s.must(request{method: "POST", path: layersPath + "/shared/versions/1/policy", as: theirs,
			body: `{"StatementId":"` + id + `","Action":"lambda:GetLayerVersion","Principal":"` + principal + `"}`})
	}
	permit("third", "111122223333")
	s.expect(update(foreign, sigv4.Credentials{}), refused(foreign))
	permit("ours", account)
	s.must(update(foreign, sigv4.Credentials{}))
	// The permission is for reading it, too, in any form, and for nothing else.
	byARN := layersPath + "/" + strings.ReplaceAll(strings.TrimSuffix(foreign, ":1"), ":", "%3A") + "/versions/1"
	s.must(get(byARN))
	if got := s.do(request{method: "DELETE", path: byARN}); got.status != 403 {
		t.Errorf("deletes a layer of another account: %d %s", got.status, got.body)
	}
	// The caller's own policies must allow it as well.
	dev := s.addUser(account, "dev", `{"Effect":"Allow","Action":"lambda:UpdateFunctionConfiguration","Resource":"*"}`)
	if got := s.do(update(foreign, dev)); got.status != 403 || !strings.Contains(got.body, "lambda:GetLayerVersion on resource: "+foreign+" because no identity-based policy") {
		t.Errorf("without an identity-based policy: %d %s", got.status, got.body)
	}
	const public = "arn:aws:lambda:" + region + ":017000801446:layer:AWSLambdaPowertoolsPythonV3-python312-x86_64:7"
	s.expect(update(public, sigv4.Credentials{}), refused(public))
	report := s.plane.Traces()[0]
	fixes := strings.Join(report.Fix, "\n")
	if !strings.Contains(fixes, "aws lambda get-layer-version-by-arn --arn "+public) || !strings.Contains(fixes, "aws lambda publish-layer-version --layer-name AWSLambdaPowertoolsPythonV3-python312-x86_64 ") {
		t.Errorf("the trace does not say what to do: %+v", report)
	}
}

// The public layer of the Web Adapter needs no content, and nobody's permission but the caller's own.
func TestTheLayerOfTheWebAdapter(t *testing.T) {
	s := start(t)
	const adapter = "arn:aws:lambda:" + region + ":753240598075:layer:LambdaAdapterLayerX86:26"
	created := s.must(request{method: "POST", path: "/2015-03-31/functions", body: createBody("web", `,"Layers":["`+adapter+`"]`)})
	if !strings.Contains(created.body, `"Layers":[{"Arn":"`+adapter+`","CodeSize":0}]`) || !s.function("web").IsWebApp() {
		t.Errorf("created: %s", created.body)
	}
	if s.function("web").LayerCode() != nil {
		t.Error("the adapter has content")
	}
	r := request{method: "PUT", path: "/2015-03-31/functions/web/configuration", body: `{"Layers":["` + adapter + `"]}`,
		as: s.addUser(account, "dev", `{"Effect":"Allow","Action":"lambda:UpdateFunctionConfiguration","Resource":"*"}`)}
	if got := s.do(r); got.status != 403 {
		t.Errorf("without a permission for layers: %d %s", got.status, got.body)
	}
	r.body = strings.Replace(r.body, "X86:26", "Other:1", 1)
	r.as = sigv4.Credentials{}
	if got := s.do(r); got.status != 403 {
		t.Errorf("another layer of the account: %d %s", got.status, got.body)
	}
}
