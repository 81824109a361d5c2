package policy_test

import (
	"strings"
	"testing"

	"github.com/furl-dev/furl/policy"
)

const (
	account  = "111122223333"
	stranger = "444455556666"
	function = "arn:aws:lambda:eu-west-1:" + account + ":function:books"
	action   = "lambda:InvokeFunctionUrl"
)

var (
	alice = policy.Principal{Type: policy.User, Account: account, ARN: "arn:aws:iam::" + account + ":user/staff/alice", UniqueID: "AIDAALICEALICEALICE0"}
	eve   = policy.Principal{Type: policy.User, Account: stranger, ARN: "arn:aws:iam::" + stranger + ":user/eve", UniqueID: "AIDAEVEEVEEVEEVEEVE0"}
	robot = policy.Principal{
		Type: policy.RoleSession, Account: account, ARN: "arn:aws:sts::" + account + ":assumed-role/robot/s1",
		RoleARN: "arn:aws:iam::" + account + ":role/team/robot", UniqueID: "AROAROBOTROBOTROBOT0", SessionName: "s1",
	}
	guest = policy.Principal{
		Type: policy.FederatedUser, Account: account, ARN: "arn:aws:sts::" + account + ":federated-user/guest",
		UserARN: alice.ARN, UniqueID: alice.UniqueID, SessionName: "guest",
	}
	root       = policy.Principal{Type: policy.Root, Account: account, ARN: "arn:aws:iam::" + account + ":root"}
	foreign    = policy.Principal{Type: policy.Root, Account: stranger, ARN: "arn:aws:iam::" + stranger + ":root"}
	cloudfront = policy.Principal{Type: policy.Service, ARN: "cloudfront.amazonaws.com"}
	nobody     = policy.Principal{}
)

func mustParse(t testing.TB, kind policy.Kind, text string) *policy.Document {
	t.Helper()
	d, err := policy.Parse([]byte(text), kind)
	if err != nil {
		t.Fatalf("parse %s: %v", text, err)
	}
	return d
}

// identity builds a one-statement document of the identity grammar, "" for none at all.
func identity(t testing.TB, effect string) []policy.Named {
	t.Helper()
	if effect == "" {
		return nil
	}
	if effect == "none" {
		effect = `Allow","Sid":"other","Condition":{"Bool":{"aws:SecureTransport":"false"}},"Action":"x:y`
		return []policy.Named{{Name: "n", Document: mustParse(t, policy.Identity, `{"Version":"2012-10-17","Statement":{"Effect":"`+effect+`","Resource":"*"}}`)}}
	}
	return []policy.Named{{Name: "n", Document: mustParse(t, policy.Identity, `{"Version":"2012-10-17","Statement":{"Effect":"`+effect+`","Action":"lambda:*","Resource":"*"}}`)}}
}

// resource builds a resource-based policy of "Effect principal-json".
func resource(t testing.TB, grant string) *policy.Named {
	t.Helper()
	if grant == "" {
		return nil
	}
	effect, principal, _ := strings.Cut(grant, " ")
	element := "Principal"
	if p, ok := strings.CutPrefix(principal, "not "); ok {
		element, principal = "NotPrincipal", p
	}
	if principal != `"*"` && principal[0] != '{' {
		principal = `{"AWS":"` + principal + `"}`
	}
	return &policy.Named{Name: "r", Document: mustParse(t, policy.Resource,
		`{"Version":"2012-10-17","Statement":[{"Effect":"`+effect+`","`+element+`":`+principal+`,"Action":"`+action+`","Resource":"`+function+`"}]}`)}
}

// TestEvaluationLogic follows the IAM User Guide's pages on policy evaluation, case by case.
func TestEvaluationLogic(t *testing.T) {
	const (
		single   = "Policy evaluation for requests within a single account"
		enforce  = "How AWS enforcement code logic evaluates requests"
		cross    = "Cross-account policy evaluation logic"
		elements = "AWS JSON policy elements: Principal"
		not      = "AWS JSON policy elements: NotPrincipal"
		scps     = "Service control policies (SCPs)"
		fed      = "GetFederationToken"
	)
	tests := []struct {
		page                                  string
		caller                                *policy.Principal
		identity, resource, boundary, session string
		scps                                  []string
		want                                  policy.Reason
	}{
		{page: single, caller: &alice, want: policy.ReasonNoIdentityPolicy},
		{page: single, caller: &alice, identity: "Allow", want: policy.ReasonAllowed},
		{page: single, caller: &alice, identity: "Deny", resource: "Allow " + alice.ARN, want: policy.ReasonDeniedByIdentity},
		{page: single, caller: &alice, resource: "Allow " + alice.ARN, want: policy.ReasonAllowed},
		{page: single, caller: &alice, identity: "Allow", resource: "Deny " + alice.ARN, want: policy.ReasonDeniedByResource},
		{page: single, caller: &alice, identity: "Allow", boundary: "Allow", want: policy.ReasonAllowed},
		{page: single, caller: &alice, identity: "Allow", boundary: "none", want: policy.ReasonNoBoundary},
		{page: single, caller: &alice, identity: "Allow", boundary: "Deny", want: policy.ReasonDeniedByBoundary},
		{page: single, caller: &alice, boundary: "Allow", want: policy.ReasonNoIdentityPolicy},
		{page: single, caller: &robot, identity: "Allow", session: "Allow", want: policy.ReasonAllowed},
		{page: single, caller: &robot, identity: "Allow", session: "none", want: policy.ReasonNoSessionPolicy},
		{page: single, caller: &robot, identity: "Allow", session: "Deny", want: policy.ReasonDeniedBySession},
		{page: single, caller: &robot, session: "Allow", want: policy.ReasonNoIdentityPolicy},

		{page: enforce, caller: &robot, resource: "Allow " + robot.RoleARN, want: policy.ReasonAllowed},
		{page: enforce, caller: &robot, resource: "Allow " + robot.RoleARN, boundary: "none", want: policy.ReasonNoBoundary},
		{page: enforce, caller: &robot, resource: "Allow " + robot.RoleARN, session: "none", want: policy.ReasonNoSessionPolicy},
		{page: enforce, caller: &robot, resource: "Allow " + robot.ARN, boundary: "none", session: "none", want: policy.ReasonAllowed},
		{page: enforce, caller: &robot, resource: "Allow " + robot.ARN, boundary: "Deny", want: policy.ReasonDeniedByBoundary},
		{page: enforce, caller: &alice, resource: "Allow " + alice.ARN, boundary: "none", want: policy.ReasonAllowed},
		{page: enforce, caller: &guest, resource: "Allow " + guest.UserARN, boundary: "none", session: "none", want: policy.ReasonNoBoundary},
		{page: enforce, caller: &guest, resource: "Allow " + guest.UserARN, session: "none", want: policy.ReasonNoSessionPolicy},
		{page: enforce, caller: &guest, resource: "Allow " + guest.ARN, boundary: "none", session: "none", want: policy.ReasonAllowed},
		{page: enforce, caller: &root, want: policy.ReasonAllowed},
		{page: enforce, caller: &root, resource: "Deny " + root.ARN, want: policy.ReasonDeniedByResource},
		{page: enforce, caller: &cloudfront, resource: `Allow {"Service":"cloudfront.amazonaws.com"}`, want: policy.ReasonAllowed},
		{page: enforce, caller: &cloudfront, want: policy.ReasonNoResourcePolicy},

		{page: elements, caller: &robot, resource: "Allow *", boundary: "none", session: "none", want: policy.ReasonAllowed},
		{page: elements, caller: &robot, resource: "Allow " + root.ARN, want: policy.ReasonNoIdentityPolicy},
		{page: elements, caller: &robot, resource: "Allow " + account, identity: "Allow", want: policy.ReasonAllowed},
		{page: elements, caller: &robot, resource: "Allow " + robot.UniqueID, want: policy.ReasonAllowed},
		{page: elements, caller: &robot, resource: "Allow " + robot.UniqueID, session: "none", want: policy.ReasonNoSessionPolicy},
		{page: elements, caller: &alice, resource: "Allow " + alice.UniqueID, want: policy.ReasonAllowed},
		{page: elements, caller: &alice, resource: "Allow " + robot.UniqueID, want: policy.ReasonNoIdentityPolicy},
		{page: elements, caller: &nobody, resource: `Allow "*"`, want: policy.ReasonAllowed},
		{page: elements, caller: nil, resource: "Allow *", want: policy.ReasonAllowed},
		{page: elements, caller: &nobody, resource: "Allow " + account, want: policy.ReasonNoResourcePolicy},
		{page: elements, caller: &nobody, identity: "Allow", scps: []string{"Deny"}, want: policy.ReasonNoResourcePolicy},
		{page: elements, caller: &cloudfront, resource: `Allow {"Service":"s3.amazonaws.com"}`, want: policy.ReasonNoResourcePolicy},
		{page: elements, caller: &cloudfront, resource: "Deny *", want: policy.ReasonDeniedByResource},

		{page: not, caller: &alice, identity: "Allow", resource: "Deny not " + alice.ARN, want: policy.ReasonDeniedByResource},
		{page: not, caller: &alice, identity: "Allow", resource: `Deny not {"AWS":["` + alice.ARN + `","` + account + `"]}`, want: policy.ReasonAllowed},
		{page: not, caller: &alice, identity: "Allow", boundary: "Allow", resource: `Deny not {"AWS":["` + alice.ARN + `","` + account + `"]}`, want: policy.ReasonDeniedByResource},
		{page: not, caller: &robot, identity: "Allow", resource: `Deny not {"AWS":["` + robot.RoleARN + `","` + account + `"]}`, want: policy.ReasonAllowed},
		{page: not, caller: &robot, identity: "Allow", resource: `Deny not {"AWS":["` + robot.ARN + `","` + account + `"]}`, want: policy.ReasonDeniedByResource},
		{page: not, caller: &alice, identity: "Allow", resource: `Deny not "*"`, want: policy.ReasonAllowed},
		{page: not, caller: &guest, identity: "Allow", session: "Allow", resource: `Deny not {"AWS":["` + guest.UserARN + `","` + account + `"]}`, want: policy.ReasonAllowed},
		{page: not, caller: &cloudfront, resource: `Deny not {"Service":"cloudfront.amazonaws.com"}`, want: policy.ReasonNoResourcePolicy},
		{page: not, caller: &cloudfront, resource: `Deny not {"AWS":"` + account + `"}`, want: policy.ReasonDeniedByResource},
		{page: not, caller: &root, resource: "Deny not " + account, want: policy.ReasonAllowed},
		{page: not, caller: &root, resource: "Deny not " + alice.ARN, want: policy.ReasonDeniedByResource},

		{page: cross, caller: &eve, identity: "Allow", resource: "Allow " + eve.ARN, want: policy.ReasonAllowed},
		{page: cross, caller: &eve, identity: "Allow", resource: "Allow " + stranger, want: policy.ReasonAllowed},
		{page: cross, caller: &eve, identity: "Allow", want: policy.ReasonNoResourcePolicy},
		{page: cross, caller: &eve, identity: "Allow", resource: "Allow " + alice.ARN, want: policy.ReasonNoResourcePolicy},
		{page: cross, caller: &eve, resource: "Allow " + eve.ARN, want: policy.ReasonNoIdentityPolicy},
		{page: cross, caller: &eve, resource: "Allow *", want: policy.ReasonNoIdentityPolicy},
		{page: cross, caller: &eve, identity: "Allow", resource: "Allow " + eve.ARN, boundary: "none", want: policy.ReasonNoBoundary},
		{page: cross, caller: &eve, identity: "Allow", resource: "Deny " + eve.ARN, want: policy.ReasonDeniedByResource},
		{page: cross, caller: &foreign, want: policy.ReasonNoResourcePolicy},
		{page: cross, caller: &foreign, resource: "Allow " + stranger, want: policy.ReasonAllowed},

		{page: scps, caller: &alice, identity: "Allow", scps: []string{"Allow"}, want: policy.ReasonAllowed},
		{page: scps, caller: &alice, identity: "Allow", scps: []string{"Allow", "none"}, want: policy.ReasonNoSCP},
		{page: scps, caller: &alice, identity: "Allow", scps: []string{"none", "Allow"}, want: policy.ReasonNoSCP},
		{page: scps, caller: &alice, identity: "Allow", scps: []string{"Allow", "Deny"}, want: policy.ReasonDeniedBySCP},
		{page: scps, caller: &alice, identity: "Allow", scps: []string{""}, want: policy.ReasonNoSCP},
		{page: scps, caller: &alice, resource: "Allow " + alice.ARN, scps: []string{"none"}, want: policy.ReasonNoSCP},
		{page: scps, caller: &root, scps: []string{"none"}, want: policy.ReasonNoSCP},
		{page: scps, caller: &root, scps: []string{"Deny"}, want: policy.ReasonDeniedBySCP},
		{page: scps, caller: &cloudfront, resource: `Allow {"Service":"cloudfront.amazonaws.com"}`, scps: []string{"Deny"}, want: policy.ReasonAllowed},

		{page: fed, caller: &guest, identity: "Allow", want: policy.ReasonNoSessionPolicy},
		{page: fed, caller: &guest, identity: "Allow", session: "Allow", want: policy.ReasonAllowed},
		{page: fed, caller: &guest, session: "Allow", want: policy.ReasonNoIdentityPolicy},
	}
	for _, tt := range tests {
		sets := &policy.Sets{Identity: identity(t, tt.identity), Resource: resource(t, tt.resource), Session: identity(t, tt.session)}
		if b := identity(t, tt.boundary); b != nil {
			sets.Boundary = &b[0]
		}
		for _, level := range tt.scps {
			sets.SCPs = append(sets.SCPs, identity(t, level))
		}
		in := policy.Request{Principal: tt.caller, Action: action, Resource: function, ResourceAccount: account}
		if got := policy.Evaluate(in, sets); got.Reason != tt.want {
			t.Errorf("%s: %+v\ngot %v, want %v", tt.page, tt, got.Reason, tt.want)
		}
	}
}
