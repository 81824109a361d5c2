package setup_test

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/setup"
)

// TestReadSaved reads each answer of the AWS CLI that has policies in it: what is read is named after its place.
func TestReadSaved(t *testing.T) {
	const (
		identity = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}`
		resource = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"lambda:*","Resource":"*"}]}`
		trust    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	)
	escaped := strconv.Quote(url.PathEscape(identity))
	tests := []struct {
		name, text string
		want       []string // kind and name of each policy; sets are separated by |
		wrong      string   // in the error
	}{
		{"a policy", identity, []string{"identity f"}, ""},
		{"a function's policy", resource, []string{"resource f"}, ""},
		{"get-policy", `{"Policy":` + strconv.Quote(resource) + `,"RevisionId":"x"}`, []string{"resource f"}, ""},
		{"get-policy --output text", resource + "\t0b0a3c1e-7f40-4f4d-9a55-1b7f1f1d2c3a\n", []string{"resource f"}, ""},
		{"get-resource-policy", `{"Policy":` + strconv.Quote(`{"Statement":{"Effect":"Deny","NotPrincipal":{"AWS":"*"},"NotAction":"lambda:*","NotResource":"*"}}`) + `,"RevisionId":"x"}`,
			[]string{"resource f"}, ""},
		{"get-policy with text behind it", resource + " and more", nil, "f:1:110: "},
		{"get-policy from PowerShell", utf16le(`{"Policy":` + strconv.Quote(resource) + `}`), []string{"resource f"}, ""},
		{"get-policy as a YAML to JSON converter leaves it", `{"Policy":` + resource + `}`, []string{"resource f"}, ""},
		{"get-policy --query Policy", strconv.Quote(resource), []string{"resource f"}, ""},
		{"get-policy of a faulty one", `{"Policy":"x"}`, nil, "f:1:1: "},
		{"get-role-policy", `{"RoleName":"r","PolicyName":"p","PolicyDocument":` + identity + `}`, []string{"identity f"}, ""},
		{"get-user-policy, as IAM sends it", `{"UserName":"u","PolicyName":"p","PolicyDocument":` + escaped + `}`, []string{"identity f"}, ""},
		{"a document with broken escapes", `{"PolicyDocument":"%7B%zz"}`, nil, "f: answer of IAM: policy document: invalid URL escape"},
		{"get-policy-version", `{"PolicyVersion":{"VersionId":"v1","Document":` + identity + `}}`, []string{"identity f"}, ""},
		{"get-role", `{"Role":{"RoleName":"r","AssumeRolePolicyDocument":` + trust + `}}`, []string{"trust f"}, ""},
		{"list-roles", `{"Roles":[{"RoleName":"r","AssumeRolePolicyDocument":` + trust + `},{"RoleName":"s","AssumeRolePolicyDocument":` + trust + `}]}`,
			[]string{"trust f: role r, trust policy", "|", "trust f: role s, trust policy"}, ""},
		{"an account's users", `{"UserDetailList":[{"UserName":"u","UserPolicyList":[{"PolicyName":"p","PolicyDocument":` + identity + `}]}]}`,
			[]string{"identity f: user u, policy p"}, ""},
		{"an account's groups", `{"GroupDetailList":[{"GroupName":"g","GroupPolicyList":[{"PolicyName":"p","PolicyDocument":` + identity + `}]}]}`,
			[]string{"identity f: group g, policy p"}, ""},
		{"an account's roles", `{"RoleDetailList":[{"RoleName":"r","AssumeRolePolicyDocument":` + trust + `,"RolePolicyList":[{"PolicyName":"p","PolicyDocument":` + identity + `}],` +
			`"AttachedManagedPolicies":[{"PolicyArn":"arn:aws:iam::1:policy/m"},{"PolicyArn":"arn:aws:iam::aws:policy/a"},{"PolicyArn":"gone"}]}],` +
			`"Policies":[{"PolicyName":"m","Arn":"arn:aws:iam::1:policy/m","DefaultVersionId":"v2","PolicyVersionList":[{"VersionId":"v1","Document":{}},{"VersionId":"v2","IsDefaultVersion":true,"Document":` + identity + `}]},` +
			`{"PolicyName":"a","Arn":"arn:aws:iam::aws:policy/a","DefaultVersionId":"v2","PolicyVersionList":[{"VersionId":"v1","Document":{}},{"VersionId":"v2","IsDefaultVersion":true,"Document":` + identity + `}]}]}`,
			[]string{"trust f: role r, trust policy", "|", "identity f: role r, policy p", "identity f: policy m", "AWS identity f: policy a"}, ""},
		{"an account's faulty policy", `{"UserDetailList":[{"UserName":"u","UserPolicyList":[{"PolicyName":"p","PolicyDocument":{}},{"PolicyName":"q","PolicyDocument":` + identity + `}]}]}`,
			[]string{"identity f: user u, policy q"}, "f: user u, policy p:1:1: "},
		{"the first page of an account", `{"UserDetailList":[],"IsTruncated":true}`, nil, "f: is one page of several"},
		{"a URL", `{"FunctionUrl":"https://x/"}`, nil, "f is the configuration of a function URL"},
		{"URLs", `{"FunctionUrlConfigs":[]}`, nil, "f is the configuration of a function URL"},
		{"URLs, with --query FunctionUrlConfigs", `[{"FunctionUrl":"https://x/"}]`, nil, "f is the configuration of a function URL"},
		{"a service control policy", `{"Policy":{"PolicySummary":{"Name":"p"},"Content":` + strconv.Quote(identity) + `}}`, []string{"identity f"}, ""},
		{"a list of something else", `[1]`, nil, "f:1:1: "},
		{"another answer", `{"Functions":[]}`, nil, "unknown element"},
		{"nothing", ``, nil, "f:1:1: "},
	}
	for _, tt := range tests {
		sets, err := setup.ReadSaved("f", []byte(tt.text))
		if got := errorText(err); (got == "") != (tt.wrong == "") || !strings.Contains(got, tt.wrong) {
			t.Errorf("%s: error %q, want %q", tt.name, got, tt.wrong)
		}
		if isURL := strings.HasPrefix(tt.wrong, "f is the"); isURL != errors.Is(err, setup.ErrURLConfig) {
			t.Errorf("%s: a URL's configuration: %t", tt.name, !isURL)
		}
		var got []string
		for i, set := range sets {
			if i > 0 && len(set.Policies) > 0 {
				got = append(got, "|")
			}
			for _, saved := range set.Policies {
				got = append(got, saved.Kind().String()+" "+saved.Named().Name)
			}
			for _, saved := range set.AWS {
				got = append(got, "AWS "+saved.Kind().String()+" "+saved.Named().Name)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// utf16le is a text as PowerShell writes it to a file.
func utf16le(text string) string {
	b := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		b = append(b, byte(unit), byte(unit>>8))
	}
	return string(b)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
