//go:build unix

package console

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
)

// How many callers and URLs the matrix shows.
const (
	usualInMatrix = 20
	mostInMatrix  = 40
)

// everyone is the caller who signs nothing.
const everyone = "*"

func (c *Console) accessRoutes() []route {
	return []route{
		{pattern: "GET /access", answer: c.access},
		{pattern: "GET /access/cell", answer: c.why},
		{pattern: "POST /access/what-if", answer: c.whatIf},
		{pattern: "GET /policy", answer: c.showPolicy},
		{pattern: "PUT /policy", answer: c.savePolicy, edits: true},
	}
}

// standing is whether a caller may call, in the words of furl policy who.
type standing string

const (
	mayCall    standing = "may call"
	mayDepends standing = "depends" // on what a request brings along
	mayNot     standing = "may not call"
)

type accessCaller struct {
	ARN     string `json:"arn"`
	Account string `json:"account"`
	Kind    string `json:"kind"`

	caller *auth.Caller // nil signs nothing
}

type accessURL struct {
	ID       string          `json:"id"`
	Function string          `json:"function"` // with the qualifier
	Name     string          `json:"name"`
	AuthType lambda.AuthType `json:"authType"`

	url state.URL
}

type accessCell struct {
	Standing standing `json:"standing"`
	URL      standing `json:"url"`    // of lambda:InvokeFunctionUrl
	Invoke   standing `json:"invoke"` // of lambda:InvokeFunction
}

type accessMatrix struct {
	Callers      []accessCaller `json:"callers"`
	TotalCallers int            `json:"totalCallers"`
	URLs         []accessURL    `json:"urls"`
	TotalURLs    int            `json:"totalUrls"`
	Cells        [][]accessCell `json:"cells"`
}

// access is the matrix of the callers and function URLs in view.
func (c *Console) access(r *http.Request) (any, error) {
	query, world := r.URL.Query(), c.State.Now()
	matrix := accessMatrix{Callers: []accessCaller{}, URLs: []accessURL{}, Cells: [][]accessCell{}}
	var err error
	if matrix.Callers, matrix.TotalCallers, err = inMatrix(query, "caller", func(add func(text string, value func() accessCaller)) {
		c.eachCaller(world, add)
	}); err != nil {
		return nil, err
	}
	if matrix.URLs, matrix.TotalURLs, err = inMatrix(query, "url", func(add func(text string, value func() accessURL)) {
		c.eachURL(world, add)
	}); err != nil {
		return nil, err
	}
	for _, caller := range matrix.Callers {
		row := make([]accessCell, 0, len(matrix.URLs))
		for _, one := range matrix.URLs {
			row = append(row, c.cell(world, caller, one).cell)
		}
		matrix.Cells = append(matrix.Cells, row)
	}
	return matrix, nil
}

// inMatrix are the entries of one axis in view: those that the query names by their ids, or a page of those that its search
// finds. each calls its function with the text of each entry, in order.
func inMatrix[V any](
	query url.Values, axis string, each func(add func(text string, value func() V)),
) (view []V, total int, err error) {
	view = []V{}
	named, isNamed := query[axis+"s"]
	search := strings.ToLower(strings.TrimSpace(query.Get(axis + "Search")))
	usual := usualInMatrix
	if isNamed {
		usual = mostInMatrix
	}
	limit, err := numberOf(query, axis+"Limit", usual)
	if err != nil {
		return nil, 0, err
	}
	offset, err := numberOf(query, axis+"Offset", 0)
	if err != nil {
		return nil, 0, err
	}
	limit = min(limit, mostInMatrix)
	each(func(text string, value func() V) {
		if isNamed {
			if id, _, _ := strings.Cut(text, " "); !slices.Contains(named, id) {
				return
			}
		} else if !strings.Contains(strings.ToLower(text), search) {
			return
		}
		if total >= offset && len(view) < limit {
			view = append(view, value())
		}
		total++
	})
	return view, total, nil
}

// eachCaller goes through everyone, the root users, the users and the roles.
func (c *Console) eachCaller(world *state.Snapshot, add func(text string, value func() accessCaller)) {
	add(everyone+" everyone", func() accessCaller { return accessCaller{ARN: everyone, Kind: "everyone"} })
	for _, account := range accountsOf(world) {
		name := arn.Root(account).String()
		add(name, func() accessCaller {
			return accessCaller{name, account, "root", auth.NewCaller(state.Identity{Account: account})}
		})
	}
	for _, one := range c.accounts.users.of(world.Users.Table, order(describeUser)) {
		add(one.value.ARN(), func() accessCaller { return userCaller(one.value) })
	}
	for _, one := range c.accounts.roles.of(world.Roles.Table, order(describeRole)) {
		add(one.value.ARN(), func() accessCaller { return roleCaller(one.value) })
	}
}

// accountsOf are the ids of the accounts, in order.
func accountsOf(world *state.Snapshot) []string {
	var ids []string
	for _, account := range world.Accounts.All() {
		ids = append(ids, account.ID)
	}
	slices.Sort(ids)
	return ids
}

func userCaller(user *iam.User) accessCaller {
	return accessCaller{user.ARN(), user.Account, "user", auth.NewCaller(state.Identity{Account: user.Account, User: user})}
}

// roleCaller is a session of the role that nothing limits.
func roleCaller(role *iam.Role) accessCaller {
	return accessCaller{role.ARN(), role.Account, "role", auth.NewCaller(state.Identity{
		Account: role.Account, Role: role,
		Session: &iam.Session{Account: role.Account, Role: role.Name, RoleID: role.ID, SessionName: borrowedName},
	})}
}

// callerOf is the caller of the matrix with the ARN, in a world that may be supposed.
func callerOf(world *state.Snapshot, name string) (accessCaller, error) {
	if name == everyone {
		return accessCaller{ARN: everyone, Kind: "everyone"}, nil
	}
	if parsed, err := arn.Parse(name); err == nil && parsed.Service == "iam" {
		kind, path, _ := strings.Cut(parsed.Resource, "/")
		last := path[strings.LastIndexByte(path, '/')+1:]
		switch kind {
		case "root":
			if _, ok := world.Accounts.Get(parsed.Account); ok && path == "" {
				return accessCaller{name, parsed.Account, "root", auth.NewCaller(state.Identity{Account: parsed.Account})}, nil
			}
		case "user":
			if user, ok := world.User(parsed.Account, last); ok && user.ARN() == name {
				return userCaller(user), nil
			}
		case "role":
			if role, ok := world.Role(parsed.Account, last); ok && role.ARN() == name {
				return roleCaller(role), nil
			}
		}
	}
	return accessCaller{}, &Fault{http.StatusNotFound, fmt.Sprintf("there is no caller %.256q: it is * or the ARN of a user, a role or a "+
		"root user", name)}
}

// eachURL goes through the function URLs, by the names of their functions.
func (c *Console) eachURL(world *state.Snapshot, add func(text string, value func() accessURL)) {
	for _, one := range c.functionsOf(world) {
		for _, found := range urlsOf(one.value) {
			shown := shownURL(found)
			add(shown.ID+" "+shown.Function+" "+shown.Name, func() accessURL { return shown })
		}
	}
}

// urlsOf are the URLs of a function, that of the function itself first.
func urlsOf(function *lambda.Function) []state.URL {
	urls := make([]state.URL, 0, len(function.URLs))
	for qualifier, config := range function.URLs {
		urls = append(urls, state.URL{Function: function, Qualifier: qualifier, Config: config})
	}
	slices.SortFunc(urls, func(a, b state.URL) int { return cmp.Compare(a.Qualifier, b.Qualifier) })
	return urls
}

func shownURL(found state.URL) accessURL {
	name := found.Function.ARN
	name.Qualifier = found.Qualifier
	short := name.Name
	if found.Qualifier != "" {
		short += ":" + found.Qualifier
	}
	return accessURL{found.Config.ID, name.String(), short, found.Config.AuthType, found}
}

// urlOf is the URL with the id.
func urlOf(world *state.Snapshot, id string) (accessURL, error) {
	found, ok := world.URL(id)
	if !ok {
		return accessURL{}, &Fault{http.StatusNotFound, fmt.Sprintf("no function URL has the id %.64q", id)}
	}
	return shownURL(found), nil
}

// answered is a cell with what the policies said.
type answered struct {
	cell        accessCell
	url, invoke said
	unsigned    bool   // the URL takes nobody who does not sign
	ended       string // why the URL answers nobody
}

// said is what the policies said to one action.
type said struct {
	action   string
	decision policy.Decision
	asked    auth.Asked
}

// cell asks for both actions as the data plane does, for a call from this machine now.
func (c *Console) cell(world *state.Snapshot, by accessCaller, to accessURL) answered {
	no := accessCell{mayNot, mayNot, mayNot}
	target, err := resolve.Of(world, to.url.Function, to.url.Qualifier)
	if err != nil {
		return answered{cell: no, ended: "the function URL ended with its alias " + to.url.Qualifier}
	}
	caller := by.caller
	if to.AuthType == lambda.AuthNone {
		caller = nil // it looks at no signature
	} else if caller == nil {
		return answered{cell: no, unsigned: true}
	}
	ask := func(action string) said {
		decision, asked := auth.Authorize(world, caller, auth.URLCheck(action, to.url, target, auth.Conditions{
			Caller: caller, Now: c.Now(), SourceIP: "127.0.0.1", Secure: strings.HasPrefix(c.Endpoint, "https:"), Header: http.Header{},
		}))
		return said{action, decision, asked}
	}
	found := answered{url: ask(lambda.ActionInvokeURL), invoke: ask(lambda.ActionInvoke)}
	found.cell.URL, found.cell.Invoke = found.url.standing(), found.invoke.standing()
	found.cell.Standing = worse(found.cell.URL, found.cell.Invoke)
	if c.LegacyPermissions {
		found.cell.Standing = found.cell.URL
	}
	return found
}

func worse(a, b standing) standing {
	for _, one := range []standing{mayNot, mayDepends} {
		if a == one || b == one {
			return one
		}
	}
	return mayCall
}

// standing is what the decision says. A caller who may call from this machine now may call; for one who may not, it depends on
// the request if conditions about the request alone keep statements from allowing it, or have statements deny what others
// allow.
func (s said) standing() standing {
	switch {
	case s.decision.Effect == policy.Allowed:
		return mayCall
	case len(s.openKeys()) > 0:
		return mayDepends
	}
	return mayNot
}

// openKeys are the condition keys about the request that decide.
func (s said) openKeys() (keys []string) {
	allowing, denying := s.matched(policy.Allowed), s.matched(policy.ExplicitlyDenied)
	switch s.decision.Effect {
	case policy.Allowed:
		return s.keysOfAll(allowing)
	case policy.ExplicitlyDenied:
		if len(allowing) > 0 {
			return s.keysOfAll(denying)
		}
		return nil
	}
	byRef := map[policy.Ref][]string{}
	closed := map[policy.Ref]bool{}
	for _, miss := range policy.NearestMisses(s.asked.Request, &s.asked.Sets) {
		if miss.Element == "Condition" && s.ofRequest(miss.Key) {
			byRef[miss.Ref] = append(byRef[miss.Ref], miss.Key)
		} else {
			closed[miss.Ref] = true
		}
	}
	for ref, found := range byRef {
		if !closed[ref] {
			keys = append(keys, found...)
		}
	}
	return unique(keys)
}

func (s said) matched(effect policy.Effect) (refs []policy.Ref) {
	for _, ref := range s.decision.Matched {
		if ref.Effect == effect {
			refs = append(refs, ref)
		}
	}
	return refs
}

// keysOfAll are the keys about the request in the conditions of the statements; none if one of these has no such condition.
func (s said) keysOfAll(refs []policy.Ref) (keys []string) {
	for _, ref := range refs {
		statement, before := ref.Document.Statements()[ref.Statement], len(keys)
		for _, condition := range statement.Conditions {
			if s.ofRequest(condition.Key) {
				keys = append(keys, condition.Key)
			}
		}
		if len(keys) == before {
			return nil
		}
	}
	return unique(keys)
}

// ofRequest reports whether a condition key says something of the single request, and not of the caller or the function (IAM User
// Guide, "AWS global condition context keys": properties of the network, of the request and of the role session).
func (s said) ofRequest(key string) bool {
	switch key = strings.ToLower(key); key {
	case "aws:sourceip", "aws:securetransport", "aws:useragent", "aws:referer", "aws:currenttime", "aws:epochtime",
		"aws:tokenissuetime", "aws:multifactorauthpresent", "aws:multifactorauthage", "aws:sourceidentity":
		return true
	}
	principal := s.asked.Request.Principal
	isSession := principal != nil && principal.Type == policy.RoleSession
	return isSession && (key == "aws:userid" || strings.HasPrefix(key, "aws:principaltag/"))
}

// accessWhy is an AccessWhy of the page.
type accessWhy struct {
	Caller   string      `json:"caller"`
	URL      accessURL   `json:"url"`
	Cell     accessCell  `json:"cell"`
	Steps    []whyStep   `json:"steps"`
	Fixes    []fix       `json:"fixes"`
	Policies []PolicyRef `json:"policies"`
}

type whyStep struct {
	Status  string   `json:"status"` // ok, problem or unknown
	Title   string   `json:"title"`
	Summary string   `json:"summary"`
	Details []string `json:"details"`
	Fix     []string `json:"fix"`
}

// why explains a cell, in the words that furl check and furl explain have for a decision.
func (c *Console) why(r *http.Request) (any, error) {
	query, world := r.URL.Query(), c.State.Now()
	by, err := callerOf(world, query.Get("caller"))
	if err != nil {
		return nil, err
	}
	to, err := urlOf(world, query.Get("url"))
	if err != nil {
		return nil, err
	}
	found := c.cell(world, by, to)
	why := accessWhy{Caller: by.ARN, URL: to, Cell: found.cell, Steps: []whyStep{}, Fixes: []fix{}, Policies: policiesOf(world, by, to)}
	switch {
	case found.ended != "":
		why.Steps = append(why.Steps, whyStep{Status: "problem", Title: "route", Summary: found.ended, Details: []string{}, Fix: []string{}})
		return why, nil
	case found.unsigned:
		why.Steps = append(why.Steps, whyStep{
			Status: "problem", Title: "authenticate", Details: []string{}, Fix: []string{"sign the request, as furl call does"},
			Summary: "the function URL has the auth type AWS_IAM: a request without a signature is refused, whatever the policies say",
		})
		return why, nil
	}
	texts, sentences := map[snippet.Form][]string{}, map[snippet.Form][]string{}
	pair := [2]said{found.url, found.invoke}
	for i, one := range pair {
		if c.LegacyPermissions && i == 1 {
			break
		}
		finding := auth.NewURLFinding(auth.URLCall{
			Caller: by.caller, Function: to.url.Function.ARN, Qualifier: to.url.Qualifier, AuthType: to.AuthType,
			Other: pair[1-i].decision, NoPublic: c.BlockPublicAccess,
		}, one.asked, one.decision)
		step := whyStep{Status: "ok", Title: one.action, Summary: finding.Summary(), Details: some(finding.Details()), Fix: []string{}}
		if one.standing() == mayDepends {
			step.Status = "unknown"
		}
		if keys := one.openKeys(); len(keys) > 0 {
			step.Details = append([]string{"it depends on " + strings.Join(keys, " and ") + " of the request: this is about " +
				"one from this machine, now"}, step.Details...)
		}
		if finding.Verdict() != trace.OK {
			if step.Status == "ok" {
				step.Status = "problem"
			}
			step.Fix = some(finding.Fix())
			for _, form := range snippet.Forms() {
				text, rest := finding.FixAs(string(form))
				texts[form], sentences[form] = append(texts[form], text...), append(sentences[form], rest...)
			}
		}
		why.Steps = append(why.Steps, step)
	}
	for _, form := range snippet.Forms() {
		if len(texts[form])+len(sentences[form]) > 0 {
			why.Fixes = append(why.Fixes, fix{form, some(unique(texts[form])), some(unique(sentences[form]))})
		}
	}
	return why, nil
}

// unique is the list with each text once.
func unique(list []string) (once []string) {
	for _, text := range list {
		if !slices.Contains(once, text) {
			once = append(once, text)
		}
	}
	return once
}

// policiesOf are the policies that have a say in a cell.
func policiesOf(world *state.Snapshot, by accessCaller, to accessURL) []PolicyRef {
	name := to.url.Function.ARN
	name.Qualifier = to.url.Qualifier
	refs := []PolicyRef{resourcePolicyID(name).ref()}
	if by.caller == nil || to.AuthType == lambda.AuthNone {
		return refs
	}
	add := func(account string, owner iam.Owner, grants *iam.Grants, boundary string) {
		for _, inline := range slices.Sorted(maps.Keys(grants.Inline)) {
			refs = append(refs, inlinePolicyID(account, owner, inline).ref())
		}
		for _, attached := range grants.Attached {
			refs = append(refs, managedPolicyID(attached).ref())
		}
		if boundary != "" {
			refs = append(refs, boundaryPolicyID(account, owner, boundary).ref())
		}
	}
	switch caller := by.caller; {
	case caller.User != nil:
		user := caller.User
		add(user.Account, iam.Owner{Kind: iam.OfUser, Name: user.Name}, &user.Grants, user.Boundary)
		for _, name := range user.Groups {
			if group, ok := world.Group(user.Account, name); ok {
				add(user.Account, iam.Owner{Kind: iam.OfGroup, Name: name}, &group.Grants, "")
			}
		}
	case caller.Role != nil:
		role := caller.Role
		add(role.Account, iam.Owner{Kind: iam.OfRole, Name: role.Name}, &role.Grants, role.Boundary)
	}
	return refs
}
