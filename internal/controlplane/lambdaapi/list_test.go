//go:build unix

package lambdaapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestListFunctionsGivesPages(t *testing.T) {
	s := start(t)
	var want []string
	for i := range 60 {
		name := fmt.Sprintf("f%02d", i)
		s.create(name)
		want = append(want, name)
	}
	s.must(request{method: "POST", path: "/2015-03-31/functions", region: "us-west-2", body: createBody("elsewhere", "")})

	pages := func(query string) (names []string, sizes []int) {
		next := ""
		for {
			got := s.must(request{method: "GET", path: "/2015-03-31/functions?" + query + next})
			var list struct {
				Functions  []struct{ FunctionName, FunctionArn string }
				NextMarker string
			}
			if err := json.Unmarshal([]byte(got.body), &list); err != nil {
				t.Fatal(err)
			}
			for _, f := range list.Functions {
				names = append(names, f.FunctionName)
			}
			sizes = append(sizes, len(list.Functions))
			if list.NextMarker == "" {
				return names, sizes
			}
			next = "&Marker=" + list.NextMarker
		}
	}
	for query, sizes := range map[string][]int{
		"":                                {50, 10},
		"MaxItems=10000":                  {50, 10},
		"MaxItems=25":                     {25, 25, 10},
		"MaxItems=30":                     {30, 30},
		"MaxItems=50&FunctionVersion=ALL": {50, 10},
	} {
		names, got := pages(query)
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%q: %s", query, diff)
		}
		if diff := cmp.Diff(sizes, got); diff != "" {
			t.Errorf("%q: %s", query, diff)
		}
	}
	if got := s.must(request{method: "GET", path: "/2015-03-31/functions?FunctionVersion=ALL&MaxItems=1"}); !strings.Contains(got.body, `"FunctionArn":"`+prefix+`f00:$LATEST"`) {
		t.Errorf("FunctionVersion=ALL should show versions: %s", got.body)
	}
	if names, _ := pages("MasterRegion=ALL"); names != nil {
		t.Errorf("there are no replicated functions, got %v", names)
	}

	// A function that goes between two pages takes no other with it.
	first := s.must(request{method: "GET", path: "/2015-03-31/functions?MaxItems=2"})
	s.must(request{method: "DELETE", path: "/2015-03-31/functions/f01"})
	second := s.must(request{method: "GET", path: "/2015-03-31/functions?MaxItems=1&Marker=" + member(t, first.body, "NextMarker")})
	if !strings.Contains(second.body, `"FunctionName":"f02"`) {
		t.Errorf("after f01: %s", second.body)
	}

	for query, want := range map[string]fault{
		"MaxItems=0":              violates("1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"),
		"MaxItems=10001":          violates("1 validation error detected: Value '10001' at 'maxItems' failed to satisfy constraint: Member must have value less than or equal to 10000"),
		"MaxItems=x":              violates("1 validation error detected: Value 'x' at 'maxItems' failed to satisfy constraint: Member must be a number"),
		"FunctionVersion=invalid": violates("1 validation error detected: Value 'invalid' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]"),
		"MasterRegion=moon":       violates(`1 validation error detected: Value 'moon' at 'masterRegion' failed to satisfy constraint: Member must satisfy regular expression pattern: ALL|(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}`),
		"Marker=bogus":            invalid("Invalid marker value from user."),
		"Marker=dXJscy94":         invalid("Invalid marker value from user."), // of another list
	} {
		s.expect(request{method: "GET", path: "/2015-03-31/functions?" + query}, want)
	}
}

func TestGetAccountSettings(t *testing.T) {
	s := start(t)
	s.create("books")
	s.create("more-books")
	s.must(request{method: "POST", path: "/2015-03-31/functions", region: "us-west-2", body: createBody("elsewhere", "")})
	got := s.must(request{method: "GET", path: "/2016-08-19/account-settings"})
	want := `{"AccountLimit":{"TotalCodeSize":80530636800,"CodeSizeUnzipped":262144000,"CodeSizeZipped":52428800,"ConcurrentExecutions":1000,"UnreservedConcurrentExecutions":1000},"AccountUsage":{"TotalCodeSize":29,"FunctionCount":2}}`
	if got.body != want {
		t.Errorf("got %s", got.body)
	}
}
