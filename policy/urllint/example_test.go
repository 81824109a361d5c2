package urllint_test

import (
	"fmt"

	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

func ExampleLint() {
	document, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{
		"Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"*"}]}`), policy.Identity)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, finding := range urllint.Lint(policy.Named{Name: "read-books", Document: document}) {
		fmt.Printf("%s of %s: %s [%s]\n", finding.Path(), finding.Policy, finding.Severity, finding.Rule)
		fmt.Println(finding.Fix)
	}
	// Output:
	// Statement[0] of read-books: error [missing-action]
	// add a statement that allows lambda:InvokeFunction on the same resource, with the condition {"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}
}
