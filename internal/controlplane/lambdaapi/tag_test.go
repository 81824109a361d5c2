//go:build unix

package lambdaapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const tagPath = "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3A"

func TestTags(t *testing.T) {
	s := start(t)
	s.create("books")
	if got := s.must(request{method: "GET", path: tagPath + "books"}); got.body != `{"Tags":{}}` {
		t.Errorf("tags of a new function: %s", got.body)
	}
	if got := s.do(request{method: "POST", path: tagPath + "books", body: `{"Tags":{"team":"blue","cost":"","a/b":"ü"}}`}); got.status != 204 || got.body != "" {
		t.Errorf("TagResource: %d %s", got.status, got.body)
	}
	s.must(request{method: "POST", path: "/2017-03-31/tags/" + prefix + "books", body: `{"Tags":{"team":"red"}}`})
	if got := s.must(request{method: "GET", path: tagPath + "books"}); got.body != `{"Tags":{"a/b":"ü","cost":"","team":"red"}}` {
		t.Errorf("ListTags: %s", got.body)
	}
	if got := s.must(request{method: "GET", path: "/2015-03-31/functions/books"}); !strings.Contains(got.body, `"Tags":{"a/b":"ü","cost":"","team":"red"}`) {
		t.Errorf("GetFunction: %s", got.body)
	}
	if got := s.do(request{method: "DELETE", path: tagPath + "books?tagKeys=team&tagKeys=a%2Fb&tagKeys=unknown"}); got.status != 204 || got.body != "" {
		t.Errorf("UntagResource: %d %s", got.status, got.body)
	}
	if diff := cmp.Diff(map[string]string{"cost": ""}, s.function("books").Tags); diff != "" {
		t.Error(diff)
	}
}

func TestTagsRefuse(t *testing.T) {
	s := start(t)
	s.create("books")
	var tags []string
	for i := range 50 {
		tags = append(tags, fmt.Sprintf(`"t%d":"x"`, i))
	}
	s.must(request{method: "POST", path: tagPath + "books", body: `{"Tags":{` + strings.Join(tags, ",") + `}}`})
	unsupported := invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	const pattern = `arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|(capacity-provider|network-connector):[a-zA-Z0-9-_]{1,64})`
	for _, test := range []struct {
		method, path, body string
		want               fault
	}{
		{"POST", tagPath + "books", `{"Tags":{"one-more":"x"}}`, invalid("Number of tags exceeds resource tag limit.")},
		{"POST", tagPath + "books", `{}`, violates("1 validation error detected: Value null at 'tags' failed to satisfy constraint: Member must not be null")},
		{"POST", tagPath + "books", `{"Tags":{"":"x"}}`, violates(`1 validation error detected: Value at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: ([\p{L}\p{Z}\p{N}_.:/=+\-@]*), Member must not be null]`)},
		{"POST", tagPath + "books", `{"Tags":{"k":null}}`, invalid(`The value of the tag "k" must have 0 to 256 characters.`)},
		{"POST", tagPath + "books", `{"Tags":{"k":5}}`, unreadable("NUMBER_VALUE can not be converted to a String")},
		{"POST", tagPath + "books:live", `{"Tags":{"k":"v"}}`, unsupported},
		{"GET", tagPath + "books:$LATEST", "", unsupported},
		{"DELETE", tagPath + "books:1?tagKeys=k", "", unsupported},
		{"DELETE", tagPath + "books", "", violates("1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null")},
		{"GET", tagPath + "none", "", missing("Function not found: " + prefix + "none")},
		{"POST", tagPath + "none", `{"Tags":{"k":"v"}}`, missing("Function not found: " + prefix + "none")},
		{"GET", "/2017-03-31/tags/books", "", violates("1 validation error detected: Value 'books' at 'resource' failed to satisfy constraint: Member must satisfy regular expression pattern: " + pattern)},
		{"GET", "/2017-03-31/tags/arn:aws:lambda:us-west-2:123456789012:function:books", "", missing("Functions from 'us-west-2' are not reachable in this region ('eu-west-1')")},
		{"GET", "/2017-03-31/tags/arn:aws:lambda:eu-west-1:123456789012:capacity-provider:x", "", missing("Capacity provider not found: arn:aws:lambda:eu-west-1:123456789012:capacity-provider:x")},
	} {
		s.expect(request{method: test.method, path: test.path, body: test.body}, test.want)
	}
	if n := len(s.function("books").Tags); n != 50 {
		t.Errorf("%d tags are kept", n)
	}
}
