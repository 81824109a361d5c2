package auth_test

import (
	"testing"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
	"github.com/furl-dev/furl/policy"
)

func allow(t *testing.T, action string) iam.Policy {
	t.Helper()
	parsed, err := iam.ParsePolicy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"`+action+`","Resource":"*"}]}`, policy.Identity)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func managedPolicy(t *testing.T, name, action string) *iam.ManagedPolicy {
	t.Helper()
	made := &iam.ManagedPolicy{Account: account, Name: name, Path: "/"}
	made.AddVersion(allow(t, action), true, moment)
	return made
}

// All that a user, role or session brings along has its say: each row is a caller and what it may do.
func TestWhatCallersBringAlong(t *testing.T) {
	const prefix = "arn:aws:iam::" + account + ":policy/"
	db, err := store.Open(t.Context(), store.Memory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	world, err := state.Load(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	inline := func(action string) iam.Grants {
		return iam.Grants{Inline: map[string]iam.Policy{"p": allow(t, action)}}
	}
	err = world.Update(t.Context(), func(tx *state.Tx) error {
		tx.SetAccount(&iam.Account{ID: account, RootKey: iam.AccessKey{ID: "AKIAROOT345678901234", Secret: "s"}})
		tx.SetAccount(&iam.Account{ID: other, RootKey: iam.AccessKey{ID: "AKIAROOT345678901235", Secret: "s"}, SCPs: [][]policy.Named{
			{{Name: "root", Document: allow(t, "*").Document()}}, {{Name: "unit", Document: allow(t, "lambda:Get*").Document()}},
		}})
		for _, put := range []error{
			tx.Put(managedPolicy(t, "get", "lambda:Get*")),
			tx.Put(managedPolicy(t, "list", "lambda:List*")),
			tx.Put(&iam.Group{Account: account, Name: "staff", Path: "/", Grants: iam.Grants{
				Inline: map[string]iam.Policy{"p": allow(t, "lambda:Invoke*")}, Attached: []string{prefix + "list"},
			}}),
		} {
			if put != nil {
				return put
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	userOf := func(account string, grants iam.Grants, change func(*iam.User)) *auth.Caller {
		user := &iam.User{Account: account, Name: "u", Path: "/", ID: "AIDAU", Grants: grants}
		if change != nil {
			change(user)
		}
		user.Prepare()
		return &auth.Caller{
			Identity:  state.Identity{Account: account, User: user},
			Principal: policy.Principal{Type: policy.User, Account: account, ARN: user.ARN()},
		}
	}
	roleOf := func(grants iam.Grants, boundary string, session *iam.Session) *auth.Caller {
		role := &iam.Role{Account: account, Name: "r", Path: "/", ID: "AROAR", Grants: grants, Boundary: boundary}
		role.Prepare()
		return &auth.Caller{
			Identity:  state.Identity{Account: account, Role: role, Session: session},
			Principal: policy.Principal{Type: policy.RoleSession, Account: account, ARN: arn.Session(account, "r", "s").String(), RoleARN: role.ARN()},
		}
	}
	federated := func(session *iam.Session) *auth.Caller {
		caller := userOf(account, inline("lambda:*"), nil)
		caller.Session = session
		caller.Principal = policy.Principal{Type: policy.FederatedUser, Account: account, ARN: "arn:aws:sts::" + account + ":federated-user/f", UserARN: caller.User.ARN()}
		return caller
	}
	for _, test := range []struct {
		name    string
		caller  *auth.Caller
		allowed []string // of the actions below
	}{
		{"nothing", userOf(account, iam.Grants{}, nil), nil},
		{"inline policy", userOf(account, inline("lambda:GetFunction"), nil), []string{"lambda:GetFunction"}},
		{"attached policies", userOf(account, iam.Grants{Attached: []string{prefix + "get", prefix + "list"}}, nil), []string{"lambda:GetFunction", "lambda:ListFunctions"}},
		{"inline and attached", userOf(account, iam.Grants{Inline: map[string]iam.Policy{"p": allow(t, "lambda:InvokeFunction")}, Attached: []string{prefix + "get"}}, nil), []string{"lambda:GetFunction", "lambda:InvokeFunction"}},
		{"AWS's policy", userOf(account, iam.Grants{Attached: []string{"arn:aws:iam::aws:policy/AWSLambda_ReadOnlyAccess"}}, nil), []string{"lambda:GetFunction", "lambda:ListFunctions"}},
		{"attached policy that is gone", userOf(account, iam.Grants{Attached: []string{prefix + "gone"}}, nil), nil},
		{"group", userOf(account, iam.Grants{}, func(u *iam.User) { u.Groups = []string{"staff"} }), []string{"lambda:ListFunctions", "lambda:InvokeFunction"}},
		{"group that is gone", userOf(account, iam.Grants{}, func(u *iam.User) { u.Groups = []string{"gone"} }), nil},
		{"group of another account", userOf(other, iam.Grants{}, func(u *iam.User) { u.Groups = []string{"staff"} }), nil},
		{"boundary", userOf(account, inline("lambda:*"), func(u *iam.User) { u.Boundary = prefix + "get" }), []string{"lambda:GetFunction"}},
		{"boundary alone", userOf(account, iam.Grants{}, func(u *iam.User) { u.Boundary = prefix + "get" }), nil},
		{"boundary that is gone", userOf(account, inline("lambda:*"), func(u *iam.User) { u.Boundary = prefix + "gone" }), nil},
		{"service control policies", userOf(other, inline("lambda:*"), nil), []string{"lambda:GetFunction"}},
		{"role", roleOf(inline("lambda:Get*"), "", nil), []string{"lambda:GetFunction"}},
		{"role with a boundary", roleOf(inline("lambda:*"), prefix+"list", nil), []string{"lambda:ListFunctions"}},
		{"session policy", roleOf(inline("lambda:*"), "", &iam.Session{Policies: []iam.Policy{allow(t, "lambda:Get*")}}), []string{"lambda:GetFunction"}},
		{"session policies together", roleOf(inline("lambda:*"), "", &iam.Session{Policies: []iam.Policy{allow(t, "lambda:Get*")}, PolicyARNs: []string{prefix + "list"}}), []string{"lambda:GetFunction", "lambda:ListFunctions"}},
		{"session policy that is gone", roleOf(inline("lambda:*"), "", &iam.Session{PolicyARNs: []string{prefix + "gone"}}), nil},
		{"federated user without policies", federated(&iam.Session{Federated: "f"}), nil},
		{"federated user", federated(&iam.Session{Federated: "f", Policies: []iam.Policy{allow(t, "lambda:Get*")}}), []string{"lambda:GetFunction"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, action := range []string{"lambda:GetFunction", "lambda:ListFunctions", "lambda:InvokeFunction", "iam:GetUser"} {
				want := false
				for _, allowed := range test.allowed {
					want = want || allowed == action
				}
				decision, _ := auth.Authorize(world.Now(), test.caller, auth.Check{Action: action, Resource: "*", ResourceAccount: test.caller.Account})
				if got := decision.Effect == policy.Allowed; got != want {
					t.Errorf("%s: allowed %v, want %v (%s)", action, got, want, decision.Reason)
				}
			}
		})
	}
}
