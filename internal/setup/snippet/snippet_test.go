package snippet_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/snippet"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

const document = `{"Version":"2012-10-17","Statement":[{"Sid":"CallFunctionUrl","Effect":"Allow","Action":"lambda:InvokeFunctionUrl","Resource":"arn:aws:lambda:eu-central-1:123456789012:function:books","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}},{"Sid":"InvokeViaFunctionUrl","Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:eu-central-1:123456789012:function:books","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}]}`

var books = lambda.ARN{Region: "eu-central-1", Account: "123456789012", Name: "books"}

// permissions are the two statements of a grant.
func permissions(principal lambda.PermissionPrincipal, authType lambda.AuthType, source string) []lambda.Permission {
	yes := true
	return []lambda.Permission{
		{StatementID: "furl-caller-0123abcd-url", Action: lambda.ActionInvokeURL, Principal: principal, FunctionURLAuthType: authType, SourceARN: source},
		{StatementID: "furl-caller-0123abcd-invoke", Action: lambda.ActionInvoke, Principal: principal, InvokedViaURL: &yes, SourceARN: source},
	}
}

func inline(account string, owner awsapi.Owner) *setup.InlinePolicy {
	return &setup.InlinePolicy{Account: account, Owner: owner, Name: "furl-call-books-89ef4567", Document: document}
}

// The files are what somebody deploys: the templates pass cfn-lint 1.51, the programs compile and synthesise with
// aws-cdk-lib 2, the configurations parse as HCL.
func TestGolden(t *testing.T) {
	alias := books
	alias.Qualifier = "prod"
	role := lambda.PermissionPrincipal{AWS: "arn:aws:iam::123456789012:role/team/caller"}
	tests := []struct {
		name     string
		function lambda.ARN
		wanted   setup.Wanted
	}{
		{"role", books, setup.Wanted{Permissions: permissions(role, lambda.AuthIAM, "")}},
		{"alias", alias, setup.Wanted{Permissions: permissions(role, lambda.AuthIAM, "")}},
		{"identity", books, setup.Wanted{Inline: inline("123456789012", awsapi.Owner{Kind: awsapi.OfUser, Name: "alice"})}},
		{"cross-account", books, setup.Wanted{
			Permissions: permissions(lambda.PermissionPrincipal{AWS: "arn:aws:iam::210987654321:role/far"}, lambda.AuthIAM, ""),
			Inline:      inline("210987654321", awsapi.Owner{Kind: awsapi.OfRole, Name: "far"}),
		}},
		{"account", books, setup.Wanted{
			Permissions: permissions(lambda.PermissionPrincipal{AWS: "arn:aws:iam::210987654321:root"}, lambda.AuthIAM, ""),
			Inline:      inline("210987654321", awsapi.Owner{}),
		}},
		{"everyone", books, setup.Wanted{Permissions: permissions(lambda.PermissionPrincipal{Anyone: true}, lambda.AuthNone, "")}},
		{"cloudfront", books, setup.Wanted{
			Permissions: permissions(lambda.PermissionPrincipal{Service: "cloudfront.amazonaws.com"}, "", "arn:aws:cloudfront::123456789012:distribution/E1EXAMPLE"),
		}},
	}
	extensions := map[snippet.Format]string{snippet.SAM: ".sam.yaml", snippet.CloudFormation: ".cloudformation.yaml", snippet.Terraform: ".tf", snippet.CDK: ".ts"}
	for _, test := range tests {
		for _, format := range snippet.Formats() {
			got, err := snippet.Write(format, test.function, test.wanted)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", test.name+extensions[format])
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

func TestWhatIsOddIsEscapedOrRefused(t *testing.T) {
	if _, err := snippet.Write("pulumi", books, setup.Wanted{}); err == nil {
		t.Error("a format that does not exist is written")
	}
	owner := awsapi.Owner{Kind: awsapi.OfRole, Name: "caller"}
	broken := setup.Wanted{Inline: &setup.InlinePolicy{Owner: owner, Document: "{"}}
	for _, format := range snippet.Formats() {
		if text, err := snippet.Write(format, books, broken); err == nil {
			t.Errorf("%s: a broken document is written: %s", format, text)
		}
	}
	variable := setup.Wanted{Inline: &setup.InlinePolicy{Owner: owner, Name: "a%{b}\"<", Document: `{"Resource":"${aws:username}"}`}}
	text, err := snippet.Write(snippet.Terraform, books, variable)
	if err != nil || !strings.Contains(text, `"$${aws:username}"`) || !strings.Contains(text, `"a%%{b}\"<"`) {
		t.Errorf("%v: %s", err, text)
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
