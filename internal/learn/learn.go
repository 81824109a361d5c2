package learn

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
)

// PolicyName is the name of every inline policy that is learned, so that learning again replaces it.
const PolicyName = "furl-learned"

// Options say what to learn from.
type Options struct {
	Since     time.Time // zero is all that the server knows
	Functions []string  // names or ARNs; none is everything, also calls that are not about functions
	Denied    bool      // also what was refused for lack of a grant
}

// Learned is the policies, and what is there beside them. Its JSON form is a contract: fields are only added.
type Learned struct {
	KnownSince time.Time `json:"knownSince"` // when the server began to look
	Complete   bool      `json:"complete"`   // the server kept all calls
	Identities []Policy  `json:"identityPolicies"`
	Resources  []Policy  `json:"resourcePolicies"`
	Unused     []Present `json:"unused"`
	Unjudged   []Present `json:"unjudged"` // not used, which says nothing; see Reason
	Notes      []string  `json:"notes"`

	nothing bool
}

// IsEmpty reports whether there was no call at all.
func (l *Learned) IsEmpty() bool { return l.nothing }

// Policy is one that allows calls: an identity-based one, or the resource-based one of a function.
type Policy struct {
	For      string          `json:"for"` // ARN of the user or role, or of the function or its alias
	Name     string          `json:"policyName,omitempty"`
	Document json.RawMessage `json:"document"`

	title string
	parts []snippet.Part
}

// grant is one thing that somebody may do, as a policy says it.
type grant struct {
	action, resource string
	condition        condition
}

// condition is what a statement asks for besides.
type condition struct {
	authType string
	viaURL   bool
	passedTo string
}

// conditionOf is what decides about a call. The auth type does where AWS documents it for the action and furl learns it:
// for calls of URLs, and for giving a function one (Service Authorization Reference, "Actions, resources, and condition
// keys for AWS Lambda").
func conditionOf(call Call) (c condition) {
	switch call.Action {
	case lambda.ActionInvokeURL, "lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig":
		c.authType = call.AuthType
	case lambda.ActionInvoke:
		c.viaURL = call.ViaURL
	case "iam:PassRole":
		c.passedTo = call.PassedTo
	}
	return c
}

// Learn learns from what a server saw.
func Learn(seen Seen, options Options) (*Learned, error) {
	filter, err := parseFilter(options.Functions, seen)
	if err != nil {
		return nil, err
	}
	learned := &Learned{
		KnownSince: seen.Since, Complete: !seen.Full && !(options.Denied && seen.DeniedFull),
		Identities: []Policy{}, Resources: []Policy{}, Unused: []Present{}, Unjudged: []Present{}, Notes: []string{},
		nothing: true,
	}
	identities, resources := map[Caller]map[grant]bool{}, map[string]map[Caller]map[grant]bool{}
	var used []Call
	for _, call := range seen.Calls {
		if call.Last.Before(options.Since) || !filter.wants(call.Resource) {
			continue
		}
		if !call.Denied {
			used = append(used, call)
		} else if !options.Denied {
			continue
		}
		learned.nothing = false
		own := call.ResourceAccount == call.Caller.Account
		needed := needs(call)
		if call.Past == PastSession {
			learned.note("a statement for a session of %s allows %s on %s, past the permissions boundary or session policy: "+
				"keep it", call.Caller, call.Action, call.Resource)
			continue
		}
		if call.Past == "" && (call.Caller.Kind == User || call.Caller.Kind == Role) {
			add(identities, call.Caller, needed...)
		}
		if own && call.Past == "" {
			continue
		}
		// AddPermission takes no statement for $LATEST by its name.
		function, err := arn.ParseFunctionARN(call.Resource)
		if err != nil || function.Qualifier == lambda.Latest || !strings.HasPrefix(call.Action, "lambda:") {
			learned.note("%s called %s on %s, which is of another account: a policy of that account has to allow it, too",
				call.Caller, call.Action, call.Resource)
			continue
		}
		if resources[call.Resource] == nil {
			resources[call.Resource] = map[Caller]map[grant]bool{}
		}
		add(resources[call.Resource], call.Caller, needed...)
	}
	for caller, grants := range identities {
		learned.addIdentity(caller, reduce(grants))
	}
	for function, callers := range resources {
		learned.addResource(function, callers)
	}
	byFor := func(a, b Policy) int { return strings.Compare(a.For, b.For) }
	slices.SortFunc(learned.Identities, byFor)
	slices.SortFunc(learned.Resources, byFor)
	slices.Sort(learned.Notes)
	learned.Notes = slices.Compact(learned.Notes)
	learned.judge(seen, used, options.Since, filter)
	return learned, nil
}

// needs are what a call needs. A call of a URL needs both actions, also on a server that asked for the first alone (Lambda
// Developer Guide, "Control access to Lambda function URLs").
func needs(call Call) []grant {
	needed := []grant{{call.Action, call.Resource, conditionOf(call)}}
	if call.Action == lambda.ActionInvokeURL {
		needed = append(needed, grant{lambda.ActionInvoke, call.Resource, condition{viaURL: true}})
	}
	return needed
}

func add(to map[Caller]map[grant]bool, caller Caller, needed ...grant) {
	if to[caller] == nil {
		to[caller] = map[grant]bool{}
	}
	for _, g := range needed {
		to[caller][g] = true
	}
}

func (l *Learned) note(format string, arguments ...any) {
	l.Notes = append(l.Notes, fmt.Sprintf(format, arguments...))
}

// String names the caller.
func (c Caller) String() string {
	switch c.Kind {
	case Everyone:
		return "everyone"
	case Root:
		return "root user " + c.ARN
	}
	return string(c.Kind) + " " + c.ARN
}

// reduce leaves out what another grant allows, too.
func reduce(grants map[grant]bool) map[grant]bool {
	kept := map[grant]bool{}
	for g := range grants {
		wider := []grant{
			{g.action, "*", condition{}}, {g.action, "*", g.condition}, {g.action, g.resource, condition{}},
		}
		if !slices.ContainsFunc(wider, func(w grant) bool { return w != g && grants[w] }) {
			kept[g] = true
		}
	}
	return kept
}

// statement is one of an identity-based policy.
type statement struct {
	Sid       string
	Effect    string
	Action    oneOrMore
	Resource  oneOrMore
	Condition map[string]map[string]string `json:",omitempty"`
}

type oneOrMore []string

// MarshalJSON writes a text alone as such.
func (o oneOrMore) MarshalJSON() ([]byte, error) {
	if len(o) == 1 {
		return json.Marshal(o[0])
	}
	return json.Marshal([]string(o))
}

// statements are as few as the grants need: the actions that are for the same resources stand together, and so do the
// resources with the same actions.
func statements(grants map[grant]bool) []statement {
	type place struct {
		condition condition
		resource  string
	}
	type group struct {
		condition condition
		actions   string
	}
	actions, groups := map[place][]string{}, map[group][]string{}
	for g := range grants {
		at := place{g.condition, g.resource}
		actions[at] = append(actions[at], g.action)
	}
	for at, list := range actions {
		slices.Sort(list)
		key := group{at.condition, strings.Join(list, "\n")}
		groups[key] = append(groups[key], at.resource)
	}
	var list []statement
	for key, resources := range groups {
		slices.Sort(resources)
		list = append(list, statement{
			sid(key.condition, key.actions), "Allow", strings.Split(key.actions, "\n"), resources, key.condition.json(),
		})
	}
	slices.SortFunc(list, func(a, b statement) int {
		return cmp.Or(
			cmp.Compare(rank(a.Sid), rank(b.Sid)), slices.Compare(a.Action, b.Action), slices.Compare(a.Resource, b.Resource),
			strings.Compare(fmt.Sprint(a.Condition), fmt.Sprint(b.Condition)),
		)
	})
	times := map[string]int{}
	for i := range list {
		name := list[i].Sid
		if times[name]++; times[name] > 1 {
			list[i].Sid = fmt.Sprintf("%s%d", name, times[name])
		}
	}
	return list
}

// The names that the statements for calls of a URL have in all policies of furl's.
const (
	callURL   = "CallFunctionUrl"
	invokeVia = "InvokeViaFunctionUrl"
)

func sid(c condition, actions string) string {
	switch {
	case actions == lambda.ActionInvokeURL:
		return callURL
	case c.viaURL:
		return invokeVia
	}
	service, _, _ := strings.Cut(actions, ":")
	return "Call" + snippet.LogicalID(service)
}

func rank(sid string) int {
	if i := slices.Index([]string{callURL, invokeVia}, sid); i >= 0 {
		return i
	}
	return 2
}

func (c condition) json() map[string]map[string]string {
	switch {
	case c.authType != "":
		return map[string]map[string]string{"StringEquals": {"lambda:FunctionUrlAuthType": c.authType}}
	case c.viaURL:
		return map[string]map[string]string{"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
	case c.passedTo != "":
		return map[string]map[string]string{"StringEquals": {"iam:PassedToService": c.passedTo}}
	}
	return nil
}

// The most characters of the inline policies of a user and of a role together, without white space (IAM User Guide, "IAM
// and AWS STS quotas").
const (
	maxOfUser = 2048
	maxOfRole = 10240
)

func (l *Learned) addIdentity(caller Caller, grants map[grant]bool) {
	text, err := json.Marshal(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", statements(grants)})
	if err != nil {
		panic(err) // texts can always be written
	}
	named, _ := arn.ParsePrincipal(caller.ARN)
	owner := iam.Owner{Kind: iam.OfUser, Name: named.Name}
	most := maxOfUser
	if caller.Kind == Role {
		owner.Kind, most = iam.OfRole, maxOfRole
	}
	size := len(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, string(text)))
	if size > most {
		l.note("the policy of %s has %d characters, and AWS takes %d in all inline policies of a %s: make it a managed policy, "+
			"or several", caller, size, most, owner.Kind)
	}
	l.Identities = append(l.Identities, Policy{
		For: caller.ARN, Name: PolicyName, Document: text, title: fmt.Sprintf("What %s called", caller),
		parts: []snippet.Part{
			snippet.InlinePolicy{Account: caller.Account, Owner: owner, Name: PolicyName, Document: string(text)},
		},
	})
}

func (l *Learned) addResource(resource string, callers map[Caller]map[grant]bool) {
	function, err := arn.ParseFunctionARN(resource)
	if err != nil {
		panic(err) // Learn has parsed it
	}
	var permissions []lambda.Permission
	for caller, grants := range callers {
		for g := range reduce(grants) {
			permissions = append(permissions, permission(caller, g))
		}
	}
	slices.SortFunc(permissions, func(a, b lambda.Permission) int { return strings.Compare(a.StatementID, b.StatementID) })
	made := Policy{
		For: resource, title: "What the policy of " + resource + " has to allow",
		Document: json.RawMessage(lambda.PolicyText(permissions, function, lambda.Stored)),
	}
	for _, p := range permissions {
		made.parts = append(made.parts, snippet.Permission{Function: function, Permission: p})
	}
	l.Resources = append(l.Resources, made)
}

// permission is the statement of a function's policy for a caller.
func permission(caller Caller, g grant) lambda.Permission {
	made := lambda.Permission{Action: g.action, FunctionURLAuthType: lambda.AuthType(g.condition.authType)}
	label := "everyone"
	switch caller.Kind {
	case Everyone:
		made.Principal.Anyone = true
	case Service:
		made.Principal.Service, label = caller.ARN, caller.ARN
	case Root:
		made.Principal.AWS, label = caller.ARN, "account-"+caller.Account
	default:
		named, _ := arn.ParsePrincipal(caller.ARN)
		made.Principal.AWS, label = caller.ARN, string(caller.Kind)+"-"+named.Name+"-"+caller.Account
	}
	_, what, _ := strings.Cut(g.action, ":")
	switch {
	case g.action == lambda.ActionInvokeURL:
		what = "url"
	case g.condition.viaURL:
		what, made.InvokedViaURL = "invoke", new(true)
	}
	made.StatementID = statementID("learned-"+label, "-"+what)
	return made
}

// maxID is the longest id of a statement that AddPermission takes.
const maxID = 100

// statementID is a name and its end in the characters and the length of the id of a statement. A name that does not fit
// gets a hash, so that no other has the same id.
func statementID(name, end string) string {
	id := snippet.StatementName(name)
	if id == name && len(id+end) <= maxID {
		return id + end
	}
	sum := fnv.New32a()
	sum.Write([]byte(name)) // never fails
	end = fmt.Sprintf("-%08x%s", sum.Sum32(), end)
	return id[:min(len(id), maxID-len(end))] + end
}

// File is the policies as code in the form, which is one of snippet.Files. With a head it stands by itself.
func (l *Learned) File(form snippet.Form, head bool) (string, error) {
	file := snippet.File{Form: form, Head: head}
	for _, made := range slices.Concat(l.Identities, l.Resources) {
		file.Add(made.title, made.parts...)
	}
	return file.Text()
}

// Accounts is how many accounts the policies are of.
func (l *Learned) Accounts() int {
	all := map[string]bool{}
	for _, made := range slices.Concat(l.Identities, l.Resources) {
		all[arn.AccountOf(made.For)] = true
	}
	return len(all)
}
