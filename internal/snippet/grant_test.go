package snippet_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
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

// The files are what somebody deploys: the templates pass cfn-lint 1.51, the programs compile and synthesise with
// aws-cdk-lib 2, the configurations parse as HCL.
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
	extensions := map[snippet.Form]string{snippet.SAM: ".sam.yaml", snippet.CloudFormation: ".cloudformation.yaml", snippet.Terraform: ".tf", snippet.CDK: ".ts"}
	for _, test := range tests {
		for _, form := range snippet.Wholes() {
			got, err := test.grant.As(form)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", test.name+extensions[form])
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
	}
}

func TestFormsThatDoNotFit(t *testing.T) {
	for _, form := range []snippet.Form{"pulumi", "", snippet.CLI, snippet.JSON} {
		if text, err := (snippet.Grant{}).As(form); err == nil {
			t.Errorf("a whole grant is written as %q: %s", form, text)
		}
	}
}

// Tools of others read what is written, where they are installed.
func TestOthersAcceptTheGoldenFiles(t *testing.T) {
	templates, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(templates) == 0 {
		t.Fatalf("no templates, %v", err)
	}
	for _, command := range [][]string{
		append([]string{"cfn-lint", "--"}, templates...),
		{"terraform", "fmt", "-check", "-diff", "testdata"},
	} {
		t.Run(command[0], func(t *testing.T) {
			if _, err := exec.LookPath(command[0]); err != nil {
				t.Skip(err)
			}
			if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
