package auth

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
	"weak"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/learn"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
)

// MaxUsage is how many different calls a Usage keeps, and MaxRefused how many of them may be refused ones: who may do
// nothing cannot take the room of those who may.
const (
	MaxUsage   = 10_000
	MaxRefused = 1_000
)

// maxResource is the longest ARN that a Usage keeps: those of IAM and Lambda are shorter, and a client may name others.
const maxResource = 2048

// Usage keeps what policies were asked, so that furl can say what a policy needs to allow: callers, actions, resources
// and the few conditions that decide, each once, with the time when it was asked last. It keeps nothing else of a
// request, and its size does not grow with their number. It is safe for concurrent use. A nil Usage keeps nothing.
type Usage struct {
	since time.Time

	mu          sync.Mutex
	calls       map[usageKey]time.Time                     // when it was asked last
	refused     int                                        // of the calls
	full        bool                                       // there were more
	refusedFull bool                                       // there were more that were refused
	ids         map[weak.Pointer[policy.Document]][]string // of the statements of documents in use
}

// usageKey is a learn.Call that can be compared.
type usageKey struct {
	caller                            learn.Caller
	action, resource, resourceAccount string
	authType, passedTo                string
	viaURL, denied                    bool
	past                              learn.Past
	by                                string
}

// NewUsage is a Usage that begins now.
func NewUsage(now time.Time) *Usage {
	return &Usage{since: now, calls: map[usageKey]time.Time{}, ids: map[weak.Pointer[policy.Document]][]string{}}
}

// Answer is a question to the policies with their answer.
type Answer struct {
	Asked    Asked
	Decision policy.Decision
}

// Record keeps the questions of one call. A call is allowed if all of them are. One that is not counts as denied for lack
// of a grant, unless something forbids it that no grant helps against; that is not kept.
func (u *Usage) Record(now time.Time, answers ...Answer) {
	if u == nil {
		return
	}
	denied := false
	for _, answer := range answers {
		switch answer.Decision.Reason {
		case policy.ReasonAllowed:
		case policy.ReasonNoIdentityPolicy, policy.ReasonNoResourcePolicy:
			denied = true
		default:
			return
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, answer := range answers {
		if key, ok := u.key(answer); ok {
			key.denied = denied
			u.keep(key, now)
		}
	}
}

func (u *Usage) keep(key usageKey, now time.Time) {
	last, known := u.calls[key]
	switch {
	case known && !now.After(last):
	case known:
		u.calls[key] = now
	case key.denied && u.refused == MaxRefused:
		u.refusedFull = true
	case len(u.calls) == MaxUsage:
		u.full = true
	default:
		if key.denied {
			u.refused++
		}
		key.resource = strings.Clone(key.resource) // which may be a piece of a request's body
		u.calls[key] = now
	}
}

// key is what is kept of a question.
func (u *Usage) key(answer Answer) (key usageKey, ok bool) {
	in := answer.Asked.Request
	key = usageKey{action: in.Action, resource: in.Resource, resourceAccount: in.ResourceAccount}
	if key.caller, ok = callerOf(in.Principal); !ok || len(in.Resource) > maxResource {
		return key, false
	}
	if conditions, ok := in.Context.(*Conditions); ok {
		for _, fact := range conditions.Extra {
			switch fact.Key {
			case "lambda:FunctionUrlAuthType":
				key.authType = fact.Value
			case "lambda:InvokedViaFunctionUrl":
				key.viaURL = fact.Value == "true"
			case "iam:PassedToService":
				key.passedTo = fact.Value
			}
		}
	}
	var by []string
	for _, ref := range answer.Decision.Deciding() {
		if ref.Effect == policy.Allowed {
			by = append(by, u.idOf(ref))
		}
	}
	slices.Sort(by)
	key.by, key.past = strings.Join(by, " "), past(answer)
	return key, true
}

// everything is the identity-based policy that allows everything.
var everything = sync.OnceValue(func() policy.Named {
	const text = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	document, err := policy.Parse([]byte(text), policy.Identity)
	if err != nil {
		panic(err)
	}
	return policy.Named{Document: document}
})

// past finds who a resource-based policy let in past the limits of the caller: within an account a permissions boundary
// and session policies do not limit what it gives to the user or the session itself (IAM User Guide, "Policy evaluation
// logic").
func past(answer Answer) learn.Past {
	in, sets := answer.Asked.Request, answer.Asked.Sets
	if in.Principal == nil || answer.Decision.Effect != policy.Allowed || sets.Boundary == nil && sets.Session == nil {
		return ""
	}
	sets.Resource, sets.Identity = nil, append(slices.Clone(sets.Identity), everything())
	if policy.Evaluate(in, &sets).Effect == policy.Allowed || in.ResourceAccount != in.Principal.Account {
		return ""
	}
	if in.Principal.Type == policy.User {
		return learn.PastUser
	}
	return learn.PastSession
}

// callerOf is the caller as policies name it: a session by what it is a session of.
func callerOf(p *policy.Principal) (caller learn.Caller, ok bool) {
	if p == nil {
		return learn.Caller{Kind: learn.Everyone}, true
	}
	caller.Account = p.Account
	switch p.Type {
	case policy.Anonymous:
		caller.Kind = learn.Everyone
	case policy.User:
		caller.Kind, caller.ARN = learn.User, p.ARN
	case policy.RoleSession:
		caller.Kind, caller.ARN = learn.Role, p.RoleARN
	case policy.FederatedUser:
		caller.Kind, caller.ARN = learn.User, p.UserARN
		if p.UserARN == arn.Root(p.Account).String() {
			caller.Kind = learn.Root
		}
	case policy.Root:
		caller.Kind, caller.ARN = learn.Root, p.ARN
	case policy.Service:
		caller.Kind, caller.ARN = learn.Service, p.ARN
	default: // an identity provider, which only trust policies name
		return caller, false
	}
	return caller, true
}

// idOf is the id of a statement. The ids of a document are made once; the oldest are not worth finding, so that all are
// forgotten when there are too many.
func (u *Usage) idOf(ref policy.Ref) string {
	document := weak.Make(ref.Document)
	ids, ok := u.ids[document]
	if !ok {
		name := ref.Policy
		if ref.Type == policy.ResourceBased {
			name = ""
		}
		ids = statementIDs(name, ref.Document)
		if len(u.ids) >= MaxUsage {
			clear(u.ids)
		}
		u.ids[document] = ids
	}
	return ids[ref.Statement]
}

// statementIDs are the ids of a document's statements: what they say, and in which policy of their owner. A document that
// is made anew, as with every change of a function's policy, has the same ones.
func statementIDs(name string, document *policy.Document) []string {
	var ids []string
	for _, statement := range document.Statements() {
		sum := fnv.New64a()
		sum.Write([]byte(name + "\n")) // never fails
		sum.Write(statement.JSON)
		ids = append(ids, fmt.Sprintf("%016x", sum.Sum64()))
	}
	return ids
}

// Seen is what is kept, with the statements that are there, of one account, or of all for "". An account sees no call
// that another one takes part in.
func (u *Usage) Seen(world *state.Snapshot, account string) learn.Seen {
	mine := func(other string) bool { return account == "" || other == account }
	seen := learn.Seen{
		Since: u.since, Limit: MaxUsage, Calls: []learn.Call{}, Statements: []learn.Statement{}, Functions: []string{},
	}
	hidden := map[string]time.Time{}
	u.mu.Lock()
	seen.Full, seen.DeniedFull = u.full, u.refusedFull
	for key, last := range u.calls {
		if !mine(key.resourceAccount) || key.caller.Account != "" && !mine(key.caller.Account) {
			for _, id := range strings.Fields(key.by) {
				if !key.denied && last.After(hidden[id]) {
					hidden[id] = last
				}
			}
			continue
		}
		seen.Calls = append(seen.Calls, learn.Call{
			Caller: key.caller, Action: key.action, Resource: key.resource, ResourceAccount: key.resourceAccount,
			AuthType: key.authType, ViaURL: key.viaURL, PassedTo: key.passedTo, Denied: key.denied, Last: last,
			By: strings.Fields(key.by), Past: key.past,
		})
	}
	u.mu.Unlock()
	for statement := range statementsOf(world) {
		if mine(statement.Account) {
			statement.Hidden = hidden[statement.ID]
			seen.Statements = append(seen.Statements, statement)
		}
	}
	for _, function := range world.Functions.All() {
		if !mine(function.ARN.Account) {
			continue
		}
		seen.Functions = append(seen.Functions, function.ARN.String())
		for _, alias := range world.AliasesOf(function.ARN) {
			seen.Functions = append(seen.Functions, alias.ARN.String())
		}
	}
	slices.SortFunc(seen.Calls, func(a, b learn.Call) int {
		return cmp.Or(a.Last.Compare(b.Last), strings.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
	slices.SortFunc(seen.Statements, func(a, b learn.Statement) int {
		return slices.Compare([]string{a.Owner, a.Policy, a.Path}, []string{b.Owner, b.Policy, b.Path})
	})
	slices.Sort(seen.Functions)
	return seen
}

// statementsOf yields the statements of the world that allow something: of users, groups, roles and functions. Boundaries
// and the like only limit, and trust policies are about who becomes a caller.
func statementsOf(world *state.Snapshot) iter.Seq[learn.Statement] {
	return func(yield func(learn.Statement) bool) {
		members := map[string][]string{} // of groups, by their keys
		each := func(account, owner string, members []string, policies []policy.Named) {
			for _, named := range policies {
				yieldStatements(yield, learn.Statement{
					Account: account, Owner: owner, Members: members, Policy: named.Name,
				}, named.Name, named.Document)
			}
		}
		for _, user := range world.Users.All() {
			for _, group := range user.Groups {
				key := iam.Key(user.Account, group)
				members[key] = append(members[key], user.ARN())
			}
			each(user.Account, user.ARN(), nil, withAttached(world, nil, &user.Grants))
		}
		for key, group := range world.Groups.All() {
			slices.Sort(members[key])
			each(group.Account, group.ARN(), members[key], withAttached(world, nil, &group.Grants))
		}
		for _, role := range world.Roles.All() {
			each(role.Account, role.ARN(), nil, withAttached(world, nil, &role.Grants))
		}
		for _, function := range world.Functions.All() {
			for qualifier := range function.Policies {
				owner := function.ARN
				owner.Qualifier = qualifier
				if document := function.Policy(qualifier); document != nil {
					yieldStatements(yield, learn.Statement{
						Account: owner.Account, Owner: owner.String(), Policy: "the resource-based policy",
					}, "", document)
				}
			}
		}
	}
}

// yieldStatements completes the statement for each of a document that allows something. There is no early end: all are
// wanted.
func yieldStatements(yield func(learn.Statement) bool, s learn.Statement, name string, document *policy.Document) {
	ids := statementIDs(name, document)
	for i, statement := range document.Statements() {
		if statement.Effect == policy.Allowed {
			s.ID, s.Sid, s.JSON = ids[i], statement.Sid, json.RawMessage(statement.JSON)
			s.Path = policy.Ref{Document: document, Statement: i}.Path()
			yield(s)
		}
	}
}
