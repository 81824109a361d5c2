//go:build unix

package console

import (
	"testing"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
)

func TestPolicyIDs(t *testing.T) {
	const account = "111122223333"
	role, user, group := iam.Owner{Kind: iam.OfRole, Name: "r=+,.@-_"}, iam.Owner{Kind: iam.OfUser, Name: "alice"},
		iam.Owner{Kind: iam.OfGroup, Name: "people"}
	for _, test := range []struct {
		id   policyID
		name string
	}{
		{resourcePolicyID(lambda.ARN{Region: "eu-west-1", Account: account, Name: "f"}), "resource-based policy of f"},
		{resourcePolicyID(lambda.ARN{Region: "cn-north-1", Account: account, Name: "f", Qualifier: "live"}),
			"resource-based policy of f:live"},
		{inlinePolicyID(account, role, "p"), `inline policy "p" of role r=+,.@-_`},
		{inlinePolicyID(account, user, "p"), `inline policy "p" of user alice`},
		{inlinePolicyID(account, group, "p"), `inline policy "p" of group people`},
		{managedPolicyID("arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"), `managed policy "ViewOnlyAccess"`},
		{managedPolicyID("arn:aws:iam::" + account + ":policy/p"), `managed policy "p"`},
		{trustPolicyID(account, "r"), "trust policy of role r"},
		{boundaryPolicyID(account, user, "arn:aws:iam::"+account+":policy/a/b/p"), `permissions boundary "p" of user alice`},
	} {
		got, err := parsePolicyID(test.id.String())
		if err != nil || got != test.id {
			t.Errorf("parsePolicyID(%q) = %+v, %v", test.id, got, err)
		}
		if name := test.id.ref().Name; name != test.name {
			t.Errorf("the name of %s is %q, want %q", test.id, name, test.name)
		}
	}
}

func TestOtherPolicyIDsAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "resource", "resource/", "resource/f", "resource/arn:aws:s3:::bucket", "managed/p",
		"managed/arn:aws:iam::111122223333:role/r", "inline/111122223333/user/alice", "inline/111122223333/user/alice/",
		"inline/111122223333/user/alice/a/b", "inline/1/user/alice/p", "inline/111122223333/root/alice/p",
		"trust/111122223333/user/alice", "trust/111122223333/role/r/p", "trust/111122223333/role/",
		"boundary/111122223333/group/g/arn:aws:iam::aws:policy/p", "boundary/111122223333/user/u/p", "other/x",
	} {
		if got, err := parsePolicyID(text); err == nil {
			t.Errorf("parsePolicyID(%q) = %+v", text, got)
		}
	}
}
