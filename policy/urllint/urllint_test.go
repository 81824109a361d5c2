package urllint_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

// TestLint gives each rule what it should and should not find. A row holds documents, separated by a line of dashes,
// each headed by its kind; statements are given without Effect, which is Allow unless they say otherwise.
func TestLint(t *testing.T) {
	const (
		fn   = `"Resource":"arn:aws:lambda:eu-west-1:111122223333:function:books"`
		u    = `"Action":"lambda:InvokeFunctionUrl"`
		i    = `"Action":"lambda:InvokeFunction"`
		iam  = `"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}`
		none = `"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}`
		via  = `"Bool":{"lambda:InvokedViaFunctionUrl":"true"}`
		bob  = `"Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"}`
		any  = `"Principal":"*"`
		cf   = `"Principal":{"Service":"cloudfront.amazonaws.com"}`
	)
	when := func(conditions ...string) string { return `"Condition":{` + strings.Join(conditions, ",") + `}` }
	type finding struct {
		Policy, Path string
		Rule         urllint.Rule
		Severity     string
		Hint         string // a part of the message
	}
	e := func(path string, rule urllint.Rule, hint string) finding {
		return finding{"identity", path, rule, "error", hint}
	}
	w := func(path string, rule urllint.Rule, hint string) finding {
		return finding{"identity", path, rule, "warning", hint}
	}
	r := func(f finding) finding { f.Policy = "resource"; return f }
	tests := []struct {
		name string
		docs []string // kind, then statements
		want []finding
	}{
		{"both actions, as AWS writes them", []string{"resource", bob + "," + u + "," + fn + "," + when(iam), bob + "," + i + "," + fn + "," + when(via)}, nil},
		{"both actions in two documents", []string{"identity", u + "," + fn, "identity", i + "," + fn + "," + when(via)}, nil},
		{"both actions for everyone", []string{"resource", any + "," + u + "," + fn + "," + when(none), any + "," + i + "," + fn + "," + when(via)}, nil},
		{"both actions for a distribution", []string{"resource", cf + "," + u + "," + fn + "," + when(`"ArnLike":{"AWS:SourceArn":"arn:aws:cloudfront::1:distribution/E"}`), cf + "," + i + "," + fn + "," + when(via)}, nil},
		{"not about function URLs", []string{"identity", `"Action":"s3:*",` + fn, `"Action":"*",` + fn, `"Action":"lambda:*",` + fn, `"NotAction":"lambda:InvokeFunctionUrl",` + fn, `"Action":"*:InvokeFunctionUrl",` + fn}, nil},
		{"a plain Invoke policy", []string{"resource", `"Principal":{"Service":"s3.amazonaws.com"},` + i + "," + fn + "," + when(`"StringEquals":{"AWS:SourceAccount":"111122223333"}`)}, nil},
		{"a plain Invoke policy for anyone's buckets", []string{"resource", `"Principal":{"Service":"s3.amazonaws.com"},` + i + "," + fn},
			[]finding{r(w("Statement[0]", "restrict-access-to-service-principal", "whatever anyone sets up with it"))}},
		{"no document", []string{"none"}, nil},

		{"missing InvokeFunction", []string{"identity", u + "," + fn},
			[]finding{e("Statement[0]", urllint.RuleMissingAction, "lambda:InvokeFunctionUrl is granted without lambda:InvokeFunction ")}},
		{"missing InvokeFunctionUrl", []string{"identity", i + "," + fn + "," + when(via)},
			[]finding{e("Statement[0]", urllint.RuleMissingAction, "for function URLs without lambda:InvokeFunctionUrl")}},
		{"second action for another principal", []string{"resource", bob + "," + u + "," + fn, cf + "," + i + "," + fn + "," + when(via)},
			[]finding{r(e("Statement[0]", urllint.RuleMissingAction, "without lambda:InvokeFunction ")), r(e("Statement[1]", urllint.RuleMissingAction, "without lambda:InvokeFunctionUrl"))}},
		{"second action on another function", []string{"identity", u + "," + fn, i + `,"Resource":"arn:aws:lambda:eu-west-1:111122223333:function:other",` + when(via)},
			[]finding{e("Statement[0]", urllint.RuleMissingAction, "without lambda:InvokeFunction "), e("Statement[1]", urllint.RuleMissingAction, "without lambda:InvokeFunctionUrl")}},
		{"second action on a wider resource", []string{"identity", u + "," + fn, i + `,"Resource":"arn:aws:lambda:*:*:function:b*",` + when(via), u + `,"Resource":"arn:aws:lambda:*:*:function:b*"`}, nil},
		{"second action denied only", []string{"identity", u + "," + fn, `"Effect":"Deny",` + i + "," + fn},
			[]finding{e("Statement[0]", urllint.RuleMissingAction, "without lambda:InvokeFunction "), w("Statement[1]", "denies-every-call", "denies lambda:InvokeFunction to every call")}},
		{"second action with the condition of the first", []string{"identity", `"Action":["lambda:InvokeFunctionUrl","lambda:InvokeFunction"],` + fn + "," + when(iam)},
			[]finding{e("Statement[0]", urllint.RuleMissingAction, "without lambda:InvokeFunction ")}},
		{"second action through NotAction and NotResource", []string{"identity", u + "," + fn, `"NotAction":"s3:*","NotResource":"arn:aws:lambda:eu-west-1:111122223333:function:other"`},
			[]finding{e("Statement[0]", urllint.RuleMissingAction, "without lambda:InvokeFunction ")}},

		{"both keys", []string{"identity", `"Action":"lambda:Invoke*",` + fn + "," + when(iam, via)},
			[]finding{e("Statement[0]", urllint.RuleNeverMatches, "lambda:FunctionUrlAuthType comes with lambda:InvokeFunctionUrl only")}},
		{"both keys on one action", []string{"identity", u + "," + fn + "," + when(iam, via)},
			[]finding{e("Statement[0]", urllint.RuleNeverMatches, "lambda:FunctionUrlAuthType comes with lambda:InvokeFunctionUrl only")}},
		{"both keys on every action", []string{"identity", `"Action":"lambda:*",` + fn + "," + when(iam, via), `"Action":"*",` + fn + "," + when(via)},
			[]finding{e("Statement[0]", urllint.RuleNeverMatches, "lambda:FunctionUrlAuthType comes with lambda:InvokeFunctionUrl only")}},
		{"both keys of a Deny", []string{"identity", `"Effect":"Deny","Action":"lambda:Invoke*",` + fn + "," + when(iam, via)},
			[]finding{e("Statement[0]", urllint.RuleNeverMatches, "lambda:FunctionUrlAuthType comes with")}},
		{"IfExists does not demand the key", []string{"identity", `"Action":"lambda:Invoke*",` + fn + "," + when(`"StringEqualsIfExists":{"lambda:FunctionUrlAuthType":"AWS_IAM"},"BoolIfExists":{"lambda:InvokedViaFunctionUrl":"true"}`)},
			[]finding{w("Statement[0]", urllint.RuleDirectInvoke, "also allows the function to be invoked directly")}},
		{"the key of the other action", []string{"identity", u + "," + fn + "," + when(via), i + "," + fn + "," + when(iam)},
			[]finding{e("Statement[0]", urllint.RuleNeverMatches, "does not come with lambda:InvokedViaFunctionUrl"), e("Statement[1]", urllint.RuleNeverMatches, "does not come with lambda:FunctionUrlAuthType")}},
		{"a source for a user", []string{"resource", bob + "," + u + "," + fn + "," + when(`"StringEquals":{"AWS:SourceAccount":"1"}`)},
			[]finding{r(e("Statement[0]", urllint.RuleNeverMatches, "have no aws:SourceAccount")), r(e("Statement[0]", urllint.RuleMissingAction, "without lambda:InvokeFunction "))}},
		{"a VPC for Invoke alone", []string{"identity", i + "," + fn + "," + when(`"StringEquals":{"aws:SourceVpc":"vpc-1"}`)}, nil},
		{"a source for an identity", []string{"identity", u + "," + fn + "," + when(`"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::x"}`)},
			[]finding{e("Statement[0]", urllint.RuleNeverMatches, "have no aws:SourceArn"), e("Statement[0]", urllint.RuleMissingAction, "without lambda:InvokeFunction ")}},
		{"a VPC", []string{"identity", u + "," + fn + "," + when(`"StringEquals":{"aws:sourcevpc":"vpc-1"}`)},
			[]finding{e("Statement[0]", urllint.RuleNeverMatches, "no request has aws:SourceVpc"), e("Statement[0]", urllint.RuleMissingAction, "without lambda:InvokeFunction ")}},

		{"versions and aliases only", []string{"identity", `"Action":["lambda:InvokeFunctionUrl"],"Resource":"arn:aws:lambda:eu-west-1:111122223333:function:books:*"`, i + `,"Resource":"arn:aws:lambda:eu-west-1:111122223333:function:books*",` + when(via)},
			[]finding{w("Statement[0]", urllint.RuleQualifiedOnly, "covers qualified names of the function only"), e("Statement[1]", urllint.RuleMissingAction, "without lambda:InvokeFunctionUrl")}},
		{"$LATEST only", []string{"identity", `"Action":"lambda:Invoke*","Resource":"arn:aws:lambda:eu-west-1:111122223333:function:books:$LATEST"`},
			[]finding{w("Statement[0]", urllint.RuleQualifiedOnly, "covers qualified names of the function only"), w("Statement[0]", urllint.RuleDirectInvoke, "also allows")}},
		{"the function too", []string{"identity", `"Action":["lambda:InvokeFunctionUrl","lambda:InvokeFunctionUr?"],"Resource":["arn:aws:lambda:eu-west-1:111122223333:function:books:*","arn:aws:lambda:eu-west-1:111122223333:function:books"]`, i + `,"Resource":"arn:aws:lambda:eu-west-1:111122223333:function:books*"`, u + `,"Resource":"arn:aws:lambda:eu-west-1:111122223333:function:books*"`},
			[]finding{{"identity", "Statement[0]", "redundant-action", "suggestion", "is redundant"}, w("Statement[1]", urllint.RuleDirectInvoke, "also allows")}},

		{"direct invoke", []string{"identity", u + "," + fn + "," + when(iam), i + "," + fn},
			[]finding{w("Statement[1]", urllint.RuleDirectInvoke, "also allows")}},

		{"public", []string{"resource", any + `,"Action":"lambda:Invoke*",` + fn},
			[]finding{r(w("Statement[0]", urllint.RuleDirectInvoke, "also allows")), r(w("Statement[0]", urllint.RulePublic, "lets anyone in"))}},

		{"public among other things", []string{"resource", any + `,"Action":"lambda:*",` + fn, any + `,"NotAction":"s3:*","NotResource":"arn:aws:s3:::x"`, any + `,"Action":"*","Resource":"*"`},
			[]finding{r(w("Statement[0]", urllint.RulePublic, "lets anyone in")), r(w("Statement[1]", urllint.RulePublic, "lets anyone in")), r(w("Statement[2]", urllint.RulePublic, "lets anyone in"))}},
		{"not public", []string{"resource", any + `,"Effect":"Deny","Action":"lambda:*","NotResource":"arn:aws:lambda:eu-west-1:111122223333:function:books"`, any + `,"Action":"lambda:*",` + fn + "," + when(none), any + `,"Action":"*","Resource":"arn:aws:s3:::x"`, any + `,"Action":"lambda:Get*",` + fn, bob + `,"Action":"lambda:*",` + fn}, nil},
		{"versions only, every action", []string{"identity", `"Action":"lambda:*","Resource":"arn:aws:lambda:eu-west-1:111122223333:function:books:*"`},
			[]finding{w("Statement[0]", urllint.RuleQualifiedOnly, "covers qualified names of the function only")}},

		{"a service that never signs", []string{"resource", `"Principal":{"Service":["apigateway.amazonaws.com","lambda.amazonaws.com"]},` + u + "," + fn, `"Principal":{"Service":["apigateway.amazonaws.com","lambda.amazonaws.com"]},` + i + "," + fn + "," + when(via)},
			[]finding{r(e("Statement[0]", urllint.RuleServiceNeverSigns, "apigateway.amazonaws.com does not send")), r(e("Statement[0]", urllint.RuleServiceNeverSigns, "not a function")),
				r(e("Statement[1]", urllint.RuleServiceNeverSigns, "apigateway.amazonaws.com does not send")), r(e("Statement[1]", urllint.RuleServiceNeverSigns, "not a function"))}},

		{"auth type", []string{"identity", `"Effect":"Deny",` + u + "," + fn + "," + when(`"StringNotEquals":{"LAMBDA:functionurlauthtype":["IAM","AWS_IAM"],"aws:username":"x"},"Bool":{"aws:SecureTransport":"false"}`)},
			[]finding{e("Statement[0]", urllint.RuleAuthType, `never "IAM"`)}},
	}
	for _, tt := range tests {
		var docs []policy.Named
		for _, s := range tt.docs {
			switch s {
			case "none", "identity", "resource":
				docs = append(docs, policy.Named{Name: s})
				continue
			}
			if !strings.Contains(s, `"Effect"`) {
				s = `"Effect":"Allow",` + s
			}
			last := &docs[len(docs)-1]
			kind := map[string]policy.Kind{"identity": policy.Identity, "resource": policy.Resource}[last.Name]
			text := `{"Version":"2012-10-17","Statement":[{` + s + `}]}`
			if last.Document != nil {
				text = strings.TrimSuffix(last.Document.Source(), "]}") + `,{` + s + `}]}`
			}
			last.Document = mustParse(t, kind, text)
		}
		var got []finding
		for i, f := range urllint.Lint(docs...) {
			hint := f.Message
			if i < len(tt.want) && strings.Contains(f.Message, tt.want[i].Hint) {
				hint = tt.want[i].Hint
			}
			got = append(got, finding{f.Policy, f.Path(), f.Rule, f.Severity.String(), hint})
			if f.Fix == "" {
				t.Errorf("%s: no fix", tt.name)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func mustParse(t *testing.T, kind policy.Kind, text string) *policy.Document {
	t.Helper()
	d, err := policy.Parse([]byte(text), kind)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return d
}
