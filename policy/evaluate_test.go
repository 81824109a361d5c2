package policy_test

import (
	"encoding/json"
	"os"
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

// evaluationLogic is testdata/evaluation-logic.json: the IAM User Guide's pages on policy evaluation, case by case. A
// test of interop/ asks a running server the same. The policies of a case are the words that identity and resource
// take. Its resource-based policy names principals of the table below; its field instead says how a server is asked
// that cannot be asked by a call of a function URL, and is of no concern here.
type evaluationLogic struct {
	Instead map[string]string
	Pages   []struct {
		Title, URL string
		Cases      []evaluationCase
	}
}

type evaluationCase struct {
	Caller, Identity, Boundary, Session string
	SCPs                                []string
	Resource, Instead                   string
	Want                                string // the reason
}

// callers are the callers of the cases.
var callers = map[string]*policy.Principal{
	"alice": &alice, "robot": &robot, "guest": &guest, "root": &root, "eve": &eve, "foreign": &foreign,
	"service": &cloudfront, "anonymous": &nobody, "nil": nil,
}

// principals are those that resource-based policies of the cases name, by their type. A former one had the same name as
// the one that exists.
var principals = map[string]struct{ kind, name string }{
	"alice": {"AWS", alice.ARN}, "alice.id": {"AWS", alice.UniqueID}, "alice.former": {"AWS", "AIDAFORMERFORMERFORMR"},
	"robot.role": {"AWS", robot.RoleARN}, "robot.session": {"AWS", robot.ARN},
	"robot.id": {"AWS", robot.UniqueID}, "robot.former": {"AWS", "AROAFORMERFORMERFORMR"},
	"guest": {"AWS", guest.ARN}, "eve": {"AWS", eve.ARN},
	"account": {"AWS", account}, "root": {"AWS", root.ARN}, "stranger": {"AWS", stranger}, "anybody": {"AWS", "*"},
	"service": {"Service", cloudfront.ARN}, "s3": {"Service", "s3.amazonaws.com"},
}

// grant is the resource-based policy of a case in the words of resource: "Deny not alice account" has both names in
// NotPrincipal.
func (c evaluationCase) grant(t *testing.T) string {
	t.Helper()
	if c.Resource == "" {
		return ""
	}
	effect, names, _ := strings.Cut(c.Resource, " ")
	if rest, ok := strings.CutPrefix(names, "not "); ok {
		effect, names = effect+" not", rest
	}
	if names == "everyone" {
		return effect + ` "*"`
	}
	element := map[string][]string{}
	for _, name := range strings.Fields(names) {
		p, ok := principals[name]
		if !ok {
			t.Fatalf("there is no principal %q", name)
		}
		element[p.kind] = append(element[p.kind], p.name)
	}
	text, err := json.Marshal(element)
	if err != nil {
		t.Fatal(err)
	}
	return effect + " " + string(text)
}

func TestEvaluationLogic(t *testing.T) {
	file, err := os.Open("testdata/evaluation-logic.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var logic evaluationLogic
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&logic); err != nil {
		t.Fatal(err)
	}
	reached := map[policy.Reason]bool{}
	for _, page := range logic.Pages {
		for _, tt := range page.Cases {
			caller, ok := callers[tt.Caller]
			if !ok {
				t.Fatalf("there is no caller %q", tt.Caller)
			}
			sets := &policy.Sets{
				Identity: identity(t, tt.Identity), Resource: resource(t, tt.grant(t)), Session: identity(t, tt.Session),
			}
			if b := identity(t, tt.Boundary); b != nil {
				sets.Boundary = &b[0]
			}
			for _, level := range tt.SCPs {
				sets.SCPs = append(sets.SCPs, identity(t, level))
			}
			in := policy.Request{Principal: caller, Action: action, Resource: function, ResourceAccount: account}
			got := policy.Evaluate(in, sets)
			if got.Reason.String() != tt.Want {
				t.Errorf("%s: %+v\ngot %v", page.Title, tt, got.Reason)
			}
			reached[got.Reason] = true
		}
	}
	for reason := policy.ReasonAllowed; reason <= policy.ReasonDeniedBySCP; reason++ {
		if !reached[reason] {
			t.Errorf("no case is about: %v", reason)
		}
	}
}
