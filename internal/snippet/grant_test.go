package snippet_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

var books = lambda.ARN{Region: "eu-central-1", Account: "123456789012", Name: "books"}

// permissions are the two statements of a grant.
func permissions(principal lambda.PermissionPrincipal, authType lambda.AuthType, source string) []lambda.Permission {
	yes := true
	return []lambda.Permission{
		{StatementID: "furl-caller-0123abcd-url", Action: lambda.ActionInvokeURL, Principal: principal, FunctionURLAuthType: authType, SourceARN: source},
		{StatementID: "furl-caller-0123abcd-invoke", Action: lambda.ActionInvoke, Principal: principal, InvokedViaURL: &yes, SourceARN: source},
	}
}

func inline(account string, owner iam.Owner) *snippet.InlinePolicy {
	return &snippet.InlinePolicy{Account: account, Owner: owner, Name: "furl-call-books-89ef4567", Document: snippet.CallDocument(books)}
}

// policies are those of a grant, as AWS keeps them.
func policies(t *testing.T, grant snippet.Grant) (list []policy.Named) {
	t.Helper()
	add := func(text string, kind policy.Kind) {
		document, err := policy.Parse([]byte(text), kind)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, policy.Named{Document: document})
	}
	if grant.Policy != "" {
		add(grant.Policy, policy.Resource)
	} else if grant.Permissions != nil {
		add(lambda.PolicyText(grant.Permissions, grant.Function, func(principal string) string { return principal }), policy.Resource)
	}
	if grant.Inline != nil {
		add(grant.Inline.Document, policy.Identity)
	}
	return list
}

// The files are what somebody deploys. cfn-lint checks the templates (package interop), TestHCL the configurations; the
// programs were seen to compile and synthesise with aws-cdk-lib 2.
func TestGolden(t *testing.T) {
	alias := books
	alias.Qualifier = "prod"
	role := lambda.PermissionPrincipal{AWS: "arn:aws:iam::123456789012:role/team/caller"}
	tests := []struct {
		name  string
		grant snippet.Grant
	}{
		{"role", snippet.Grant{Function: books, Permissions: permissions(role, lambda.AuthIAM, "")}},
		{"alias", snippet.Grant{Function: alias, Permissions: permissions(role, lambda.AuthIAM, "")}},
		{"identity", snippet.Grant{Function: books, Inline: inline("123456789012", iam.Owner{Kind: iam.OfUser, Name: "alice"})}},
		{"cross-account", snippet.Grant{
			Function:    books,
			Permissions: permissions(lambda.PermissionPrincipal{AWS: "arn:aws:iam::210987654321:role/far"}, lambda.AuthIAM, ""),
			Inline:      inline("210987654321", iam.Owner{Kind: iam.OfRole, Name: "far"}),
		}},
		{"account", snippet.Grant{
			Function:    books,
			Permissions: permissions(lambda.PermissionPrincipal{AWS: "arn:aws:iam::210987654321:root"}, lambda.AuthIAM, ""),
			Inline:      inline("210987654321", iam.Owner{}),
		}},
		{"everyone", snippet.Grant{Function: books, Permissions: permissions(lambda.PermissionPrincipal{Anyone: true}, lambda.AuthNone, "")}},
		{"cloudfront", snippet.Grant{
			Function:    books,
			Permissions: permissions(lambda.PermissionPrincipal{Service: "cloudfront.amazonaws.com"}, "", "arn:aws:cloudfront::123456789012:distribution/E1EXAMPLE"),
		}},
	}
	whole := func(grant snippet.Grant) snippet.Grant {
		const deny = `{"Sid":"OfficeOnly","Effect":"Deny","Principal":"*","Action":"lambda:InvokeFunctionUrl",` +
			`"Resource":"arn:aws:lambda:eu-central-1:123456789012:function:books","Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`
		statements := []json.RawMessage{json.RawMessage(deny)}
		for _, permission := range grant.Permissions {
			statements = append(statements, permission.Statement(grant.Function, lambda.Stored))
		}
		grant.Policy = lambda.WithStatements(nil, statements)
		return grant
	}
	far := lambda.PermissionPrincipal{AWS: "arn:aws:iam::210987654321:role/far"}
	tests = append(tests, []struct {
		name  string
		grant snippet.Grant
	}{
		{"whole", whole(snippet.Grant{Function: books, Permissions: permissions(role, lambda.AuthIAM, "")})},
		{"whole-cross-account", whole(snippet.Grant{
			Function: books, Permissions: permissions(far, lambda.AuthIAM, ""), Inline: inline("210987654321", iam.Owner{Kind: iam.OfRole, Name: "far"}),
		})},
	}...)
	extensions := map[snippet.Form]string{snippet.SAM: ".sam.yaml", snippet.CloudFormation: ".cloudformation.yaml", snippet.Terraform: ".tf", snippet.CDK: ".ts"}
	for _, test := range tests {
		if findings := urllint.Lint(policies(t, test.grant)...); len(findings) > 0 {
			t.Errorf("%s: policy lint finds %s", test.name, findings[0].Message)
		}
		for _, form := range snippet.Wholes() {
			file := snippet.File{Form: form, Head: true}
			file.Add(test.grant.Title(), test.grant.Parts()...)
			got, err := file.Text()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, test.name+extensions[form], got)
		}
	}
	// Grants of several functions, in one file and as fragments below the heading that the file has.
	headings := map[snippet.Form]string{
		snippet.SAM: "Transform: AWS::Serverless-2016-10-31\nResources:\n", snippet.CloudFormation: "Resources:\n",
	}
	for _, form := range snippet.Wholes() {
		golden(t, "fragments"+extensions[form], headings[form]+fragments(t, form, alike()))
		file := snippet.File{Form: form, Head: true}
		for _, grant := range alike() {
			file.Add(grant.Title(), grant.Parts()...)
		}
		got, err := file.Text()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "many"+extensions[form], got)
	}
}

// golden compares a text with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", path, diff)
	}
}

func TestFormsThatDoNotFit(t *testing.T) {
	for _, form := range []snippet.Form{"pulumi", "", snippet.JSON} {
		if text, err := (&snippet.File{Form: form}).Text(); err == nil {
			t.Errorf("a file is written as %q: %s", form, text)
		}
	}
}

// Terraform reads its configurations, and would not write them in another way.
func TestHCL(t *testing.T) {
	files, err := filepath.Glob("testdata/*.tf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no configurations, %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, diagnostics := hclparse.NewParser().ParseHCL(text, file); diagnostics.HasErrors() {
			t.Errorf("%s: %v", file, diagnostics)
		}
		if diff := cmp.Diff(string(hclwrite.Format(text)), string(text)); diff != "" {
			t.Errorf("%s is not as terraform fmt writes it: %s", file, diff)
		}
	}
}
