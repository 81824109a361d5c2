package urllint

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/policy"
)

// Rule is the id of a lint rule. Ids never change their meaning.
type Rule string

// Rules that other packages ask for by name; [Rules] has all of them.
const (
	RuleMissingAction     Rule = "missing-action"
	RuleNeverMatches      Rule = "never-matches"
	RuleQualifiedOnly     Rule = "qualified-only"
	RuleDirectInvoke      Rule = "direct-invoke"
	RulePublic            Rule = "public"
	RuleServiceNeverSigns Rule = "service-never-signs"
	RuleAuthType          Rule = "auth-type"
)

// Row is a rule as the table has it.
type Row struct {
	Rule     Rule
	Analyzer bool // IAM Access Analyzer has a check of this name (IAM User Guide, "IAM policy validation check reference")
	Severity Severity
	Finds    string // what is wrong, and why AWS behaves so
	Fix      string // what to do about it
	Examples []Example

	applies func(*statement) bool
	check   func(*pass)
}

// Example is a fault that a rule finds, and what its fix does.
type Example struct {
	Kind    policy.Kind
	Fault   string // the statement
	Beside  string // the other statements of the document, separated by commas
	Version string // of the document, if not 2012-10-17; "none" for none
	Lets    string // who is let in with the fix only
	Stops   string // who is let in without the fix only
}

// Document is the example's policy.
func (e Example) Document() string {
	version, statements := e.Version, e.Fault
	if version == "" {
		version = "2012-10-17"
	}
	if e.Beside != "" {
		statements += "," + e.Beside
	}
	if version == "none" {
		return examples.Replace(`{"Statement":[` + statements + `]}`)
	}
	return examples.Replace(`{"Version":"` + version + `","Statement":[` + statements + `]}`)
}

// Statement is the faulty statement.
func (e Example) Statement() string { return examples.Replace(e.Fault) }

// examples are the words of examples. Callers are of the function's account, 111122223333.
var examples = strings.NewReplacer(
	"<fn>", `"Resource":"arn:aws:lambda:eu-west-1:111122223333:function:books"`,
	"<url>", `"Action":"lambda:InvokeFunctionUrl"`,
	"<invoke>", `"Action":"lambda:InvokeFunction"`,
	"<bob>", `"Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"}`,
	"<cloudfront>", `"Principal":{"Service":"cloudfront.amazonaws.com"}`,
	"<iam>", `"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}`,
	"<via>", `"Bool":{"lambda:InvokedViaFunctionUrl":"true"}`,
	"<own>", `"ArnLike":{"aws:SourceArn":"arn:aws:cloudfront::111122223333:distribution/E1"}`,
	// whole statements
	"<bob url>", bobURL, "<bob invoke>", bobInvoke, "<my url>", strings.Replace(bobURL, bobPrincipal, "", 1),
	"<my invoke>", strings.Replace(bobInvoke, bobPrincipal, "", 1),
)

const (
	bobPrincipal = `"Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},`
	bobURL       = `{"Effect":"Allow",` + bobPrincipal + `"Action":"lambda:InvokeFunctionUrl",` +
		`"Resource":"arn:aws:lambda:eu-west-1:111122223333:function:books",` +
		`"Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`
	bobInvoke = `{"Effect":"Allow",` + bobPrincipal + `"Action":"lambda:InvokeFunction",` +
		`"Resource":"arn:aws:lambda:eu-west-1:111122223333:function:books",` +
		`"Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}`
)

// mine is an example in a policy of a user: a condition of the grant of lambda:InvokeFunctionUrl.
func mine(conditions, lets, stops string) []Example {
	return []Example{{
		Kind: policy.Identity, Fault: `{"Effect":"Allow",<url>,<fn>,"Condition":{` + conditions + `}}`, Beside: "<my invoke>",
		Lets: lets, Stops: stops,
	}}
}

// all is an example in a function's policy: a condition of the grant of lambda:InvokeFunctionUrl to everyone.
func all(conditions, lets, stops string) []Example {
	return []Example{{
		Kind: policy.Resource, Fault: `{"Effect":"Allow","Principal":"*",<url>,<fn>,"Condition":{` + conditions + `}}`,
		Beside: `{"Effect":"Allow","Principal":"*",<invoke>,<fn>,"Condition":{<via>}}`, Lets: lets, Stops: stops,
	}}
}

// on is an example in a policy of a user, with a resource of its own.
func on(resource, lets string) []Example {
	return []Example{{
		Kind: policy.Identity, Fault: `{"Effect":"Allow",<url>,"Resource":"` + resource + `"}`,
		Beside: `{"Effect":"Allow","NotAction":"lambda:InvokeFunctionUrl","Resource":"*"}`, Lets: lets,
	}}
}

// Rules returns the rules in the order in which they look at a statement.
func Rules() []Row { return slices.Clone(table) }

func everyStatement(*statement) bool     { return true }
func inFunctions(s *statement) bool      { return s.forFunctions() }
func inLambda(s *statement) bool         { return s.ref.Document.Kind() != policy.Trust && s.namesLambda() }
func inResourcePolicy(s *statement) bool { return s.forFunctions() && len(s.Principals) > 0 }
