//go:build unix

package console

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
)

const (
	mostMembers  = 100  // of a group that the page shows
	mostFindings = 4096 // sets of policies whose number of findings is kept
)

// accounts keeps the tables of IAM in order, and how many findings policies have.
type accounts struct {
	users    sorted[*iam.User]
	roles    sorted[*iam.Role]
	groups   sorted[*iam.Group]
	policies sorted[*iam.ManagedPolicy]
	sessions sorted[*iam.Session]
	findings findingCounts
}

// findingCounts keeps how many findings sets of policies have, by their texts.
type findingCounts struct {
	mu     sync.Mutex
	byText map[[sha256.Size]byte]int
}

type accountLine struct {
	Account   string `json:"account"`
	Users     int    `json:"users"`
	Roles     int    `json:"roles"`
	Groups    int    `json:"groups"`
	Policies  int    `json:"policies"`
	Sessions  int    `json:"sessions"`
	Functions int    `json:"functions"`
}

type entity struct {
	ARN       string      `json:"arn"`
	Name      string      `json:"name"`
	Kind      string      `json:"kind"`
	Created   *time.Time  `json:"created,omitempty"`
	Expires   *time.Time  `json:"expires,omitempty"`
	Principal string      `json:"principal,omitempty"`
	Keys      []entityKey `json:"keys,omitempty"`
	Groups    []string    `json:"groups,omitempty"`
	Members   []string    `json:"members,omitempty"`
	Boundary  string      `json:"boundary,omitempty"`
	Tags      [][2]string `json:"tags,omitempty"`
	Policies  []PolicyRef `json:"policies"`
	Findings  int         `json:"findings"`
}

type entityKey struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

func (c *Console) accountRoutes() []route {
	return []route{
		{pattern: "GET /accounts", answer: c.listAccounts},
		{pattern: "GET /accounts/{account}/{kind}", answer: c.listEntities},
	}
}

func (c *Console) listAccounts(*http.Request) (any, error) {
	world, now := c.State.Now(), c.Now()
	lines := map[string]*accountLine{}
	for id := range world.Accounts.All() {
		lines[id] = &accountLine{Account: id}
	}
	count := func(account string, of func(*accountLine) *int) {
		if line := lines[account]; line != nil {
			*of(line)++
		}
	}
	for _, user := range world.Users.All() {
		count(user.Account, func(l *accountLine) *int { return &l.Users })
	}
	for _, role := range world.Roles.All() {
		count(role.Account, func(l *accountLine) *int { return &l.Roles })
	}
	for _, group := range world.Groups.All() {
		count(group.Account, func(l *accountLine) *int { return &l.Groups })
	}
	for _, managed := range world.Policies.All() {
		count(managed.Account, func(l *accountLine) *int { return &l.Policies })
	}
	for _, session := range world.Sessions.All() {
		if isAlive(world, session, now) {
			count(session.Account, func(l *accountLine) *int { return &l.Sessions })
		}
	}
	for _, function := range world.Functions.All() {
		count(function.ARN.Account, func(l *accountLine) *int { return &l.Functions })
	}
	sorted := []*accountLine{}
	for _, id := range slices.Sorted(maps.Keys(lines)) {
		sorted = append(sorted, lines[id])
	}
	return struct {
		Accounts []*accountLine `json:"accounts"`
	}{sorted}, nil
}

// isAlive reports whether a session has not expired, and its user or role is still the same.
func isAlive(world *state.Snapshot, session *iam.Session, now time.Time) bool {
	_, ok := world.Identity(session.AccessKeyID)
	return ok && session.Expires.After(now)
}

func (c *Console) listEntities(r *http.Request) (any, error) {
	world, account := c.State.Now(), r.PathValue("account")
	if _, ok := world.Accounts.Get(account); !ok {
		return nil, &Fault{http.StatusNotFound, fmt.Sprintf("the server has no account %.64q; GET /_furl/v1/accounts lists them", account)}
	}
	list, err := listingOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	v := view{c, world, account, list, c.Now()}
	entities, total := []entity{}, 0
	switch kind := r.PathValue("kind"); kind {
	case "users":
		entities, total = show(v, &c.accounts.users, world.Users.Table, describeUser, v.user)
	case "roles":
		entities, total = show(v, &c.accounts.roles, world.Roles.Table, describeRole, v.role)
	case "groups":
		entities, total = show(v, &c.accounts.groups, world.Groups.Table, describeGroup, v.group)
		v.fillMembers(entities)
	case "policies":
		entities, total = show(v, &c.accounts.policies, world.Policies.Table, describePolicy, v.managed)
	case "sessions":
		entities, total = show(v, &c.accounts.sessions, world.Sessions.Table, describeSession, v.session)
	default:
		return nil, &Fault{http.StatusNotFound,
			fmt.Sprintf("%.64q is none of users, roles, groups, policies and sessions", kind)}
	}
	return struct {
		Entities []entity `json:"entities"`
		Total    int      `json:"total"`
	}{entities, total}, nil
}

// view is what a request wants to see of an account.
type view struct {
	console *Console
	world   *state.Snapshot
	account string
	listing listing
	now     time.Time
}

// description is what a list needs of a thing: its account, the name that sorts it, and what a search looks in.
type description struct{ account, name, text string }

// show are the things in view as entities, and how many the account has that the search finds.
func show[V any](
	v view, in *sorted[V], table state.Table[V], describe func(V) description, entityOf func(V) entity,
) ([]entity, int) {
	all := in.of(table, order(describe))
	found, total := part(v.listing, all, func(value V) bool {
		if session, ok := any(value).(*iam.Session); ok && !isAlive(v.world, session, v.now) {
			return false
		}
		return describe(value).account == v.account
	})
	entities := make([]entity, 0, len(found))
	for _, value := range found {
		entities = append(entities, entityOf(value))
	}
	return entities, total
}

func order[V any](describe func(V) description) func(V) (order, text string) {
	return func(value V) (order, text string) {
		d := describe(value)
		return d.name + "\x00" + d.account, d.text
	}
}

func describeUser(u *iam.User) description {
	text := u.ARN()
	for _, key := range u.Keys {
		text += " " + key.ID
	}
	return description{u.Account, u.Name, text}
}

func describeRole(r *iam.Role) description            { return description{r.Account, r.Name, r.ARN()} }
func describeGroup(g *iam.Group) description          { return description{g.Account, g.Name, g.ARN()} }
func describePolicy(p *iam.ManagedPolicy) description { return description{p.Account, p.Name, p.ARN()} }

func describeSession(s *iam.Session) description {
	name := sessionARN(s)
	return description{s.Account, name + s.AccessKeyID, name}
}

// sessionARN is the ARN that the holder of the session has as a caller.
func sessionARN(s *iam.Session) string {
	switch {
	case s.Role != "":
		return arn.Session(s.Account, s.Role, s.SessionName).String()
	case s.Federated != "":
		return arn.FederatedUser(s.Account, s.Federated).String()
	case s.User != "":
		return arn.IAM(s.Account, "user", "", s.User).String()
	}
	return arn.Root(s.Account).String()
}

func (v view) user(u *iam.User) entity {
	e := entity{
		ARN: u.ARN(), Name: u.Name, Kind: "user", Created: timeOf(u.Created), Groups: u.Groups, Boundary: u.Boundary, Tags: tagsOf(u.Tags),
	}
	for _, key := range u.Keys {
		status := "Active"
		if key.Inactive {
			status = "Inactive"
		}
		e.Keys = append(e.Keys, entityKey{key.ID, status})
	}
	return v.withPolicies(e, iam.Owner{Kind: iam.OfUser, Name: u.Name}, &u.Grants)
}

func (v view) role(r *iam.Role) entity {
	e := entity{
		ARN: r.ARN(), Name: r.Name, Kind: "role", Created: timeOf(r.Created), Boundary: r.Boundary, Tags: tagsOf(r.Tags),
		Policies: []PolicyRef{trustPolicyID(r.Account, r.Name).ref()},
		Findings: v.findings(source{r.ARN(), r.Trust}),
	}
	return v.withPolicies(e, iam.Owner{Kind: iam.OfRole, Name: r.Name}, &r.Grants)
}

func (v view) group(g *iam.Group) entity {
	e := entity{ARN: g.ARN(), Name: g.Name, Kind: "group", Created: timeOf(g.Created)}
	return v.withPolicies(e, iam.Owner{Kind: iam.OfGroup, Name: g.Name}, &g.Grants)
}

// fillMembers says who is in the groups in view.
func (v view) fillMembers(groups []entity) {
	byName := map[string]*entity{}
	for i := range groups {
		byName[groups[i].Name] = &groups[i]
	}
	for _, one := range v.console.accounts.users.of(v.world.Users.Table, order(describeUser)) {
		if one.value.Account != v.account {
			continue
		}
		for _, name := range one.value.Groups {
			if group := byName[name]; group != nil && len(group.Members) < mostMembers {
				group.Members = append(group.Members, one.value.Name)
			}
		}
	}
}

func (v view) managed(p *iam.ManagedPolicy) entity {
	return entity{
		ARN: p.ARN(), Name: p.Name, Kind: "policy", Created: timeOf(p.Created), Tags: tagsOf(p.Tags),
		Policies: []PolicyRef{managedPolicyID(p.ARN()).ref()},
		Findings: v.findings(source{p.ARN(), p.InForce().Policy}),
	}
}

func (v view) session(s *iam.Session) entity {
	e := entity{
		ARN: sessionARN(s), Name: cmp.Or(s.SessionName, s.Federated, s.User, "root"), Kind: "session",
		Created: timeOf(s.Issued), Expires: timeOf(s.Expires), Tags: tagsOf(s.Tags), Policies: []PolicyRef{},
	}
	switch role, isRole := v.world.Role(s.Account, s.Role); {
	case isRole:
		e.Principal = role.ARN()
	default:
		e.Principal = arn.Root(s.Account).String()
		if user, ok := v.world.User(s.Account, s.User); ok {
			e.Principal = user.ARN()
			if s.Federated == "" {
				e.ARN = user.ARN()
			}
		}
	}
	for _, managed := range s.PolicyARNs {
		e.Policies = append(e.Policies, managedPolicyID(managed).ref())
	}
	return e
}

// withPolicies adds the policies of an owner, which apply together.
func (v view) withPolicies(e entity, owner iam.Owner, grants *iam.Grants) entity {
	if e.Policies == nil {
		e.Policies = []PolicyRef{}
	}
	var together []source
	for _, name := range slices.Sorted(maps.Keys(grants.Inline)) {
		id := inlinePolicyID(v.account, owner, name)
		e.Policies = append(e.Policies, id.ref())
		together = append(together, source{id.String(), grants.Inline[name]})
	}
	for _, name := range grants.Attached {
		e.Policies = append(e.Policies, managedPolicyID(name).ref())
		if managed, ok := v.world.Policy(name); ok {
			together = append(together, source{name, managed.InForce().Policy})
		}
	}
	e.Findings += v.findings(together...)
	if e.Boundary != "" {
		e.Policies = append(e.Policies, boundaryPolicyID(v.account, owner, e.Boundary).ref())
		if managed, ok := v.world.Policy(e.Boundary); ok {
			e.Findings += v.findings(source{e.Boundary, managed.InForce().Policy})
		}
	}
	return e
}

// source is a policy with the name that tells it from others.
type source struct {
	name   string
	policy iam.Policy
}

// findings is how many findings the policies have that apply together. Those of AWS's own policies do not count: nobody
// can mend them. The number is kept by what the policies say and by the hour, since a rule looks at dates.
func (v view) findings(sources ...source) int {
	hash := sha256.New()
	fmt.Fprintf(hash, "%d\n", v.now.Unix()/3600)
	for _, one := range sources {
		fmt.Fprintf(hash, "%q %d %q\n", one.name, one.policy.Kind, one.policy.Text)
	}
	key, counts := [sha256.Size]byte(hash.Sum(nil)), &v.console.accounts.findings
	counts.mu.Lock()
	count, known := counts.byText[key]
	counts.mu.Unlock()
	if known {
		return count
	}
	count = countFindings(sources, v.now)
	counts.mu.Lock()
	defer counts.mu.Unlock()
	if counts.byText == nil || len(counts.byText) >= mostFindings {
		counts.byText = map[[sha256.Size]byte]int{}
	}
	counts.byText[key] = count
	return count
}

func countFindings(sources []source, now time.Time) (count int) {
	var documents []policy.Named
	for _, one := range sources {
		document := one.policy.Document()
		if document == nil {
			continue
		}
		documents = append(documents, policy.Named{Name: one.name, Document: document})
		if !isAWSPolicy(one.name) {
			count += len(document.Warnings())
		}
	}
	linter := urllint.Linter{Now: func() time.Time { return now }}
	for _, finding := range linter.Lint(documents...) {
		if !isAWSPolicy(finding.Policy) {
			count++
		}
	}
	return count
}

func isAWSPolicy(name string) bool { return strings.HasPrefix(name, "arn:aws:iam::"+iam.AWS+":") }

func timeOf(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// tagsOf are the tags in the order of their keys.
func tagsOf(tags map[string]string) [][2]string {
	var list [][2]string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, [2]string{key, tags[key]})
	}
	return list
}
