package check

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/explain"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/policy"
)

// unknownKeys are those of the statement's keys whose values a call may have and nobody here knows.
func unknownKeys(s setup.Statement, known *facts) []string {
	return slices.DeleteFunc(s.Document.ContextKeys(), func(key string) bool { return !known.isUnknown(key) })
}

// give says how to tell the value of a key.
func give(keys []string) string {
	return strings.Join(keys, ", ") + " is not known from here: --context " + snippet.Quote(keys[0]+"=VALUE") +
		" tells it"
}

// openDenies names the statements that would deny an allowed action if a key that is not known had the value for it.
func (r *run) openDenies(request policy.Request, sets *policy.Sets, known *facts) []string {
	all := slices.Concat(sets.Identity, sets.Session)
	for _, named := range []*policy.Named{sets.Resource, sets.Boundary} {
		if named != nil {
			all = append(all, *named)
		}
	}
	var open []string
	for _, named := range all {
		for i, s := range r.sets.statements[named.Document] {
			keys := unknownKeys(s, known)
			if !s.Denies() || len(keys) == 0 || !deniesWithoutConditions(request, s) {
				continue
			}
			ref := policy.Ref{Policy: named.Name, Document: named.Document, Statement: i}
			open = append(open, explain.Statement(ref)+" may deny it: "+give(keys))
		}
	}
	slices.Sort(open)
	return open
}

// deniesWithoutConditions reports whether the statement is about the request but for its conditions.
func deniesWithoutConditions(request policy.Request, s setup.Statement) bool {
	bare, err := s.WithoutConditions()
	if err != nil {
		return true // what cannot be judged is in doubt
	}
	named := policy.Named{Document: bare}
	sets := &policy.Sets{Identity: []policy.Named{named}}
	if bare.Kind() == policy.Resource {
		sets = &policy.Sets{Resource: &named}
	}
	return policy.Evaluate(request, sets).Effect == policy.ExplicitlyDenied
}

// doubtfulDenies are the statements that deny, if each of them does so only because a key is taken to be absent.
func (r *run) doubtfulDenies(decision policy.Decision, known *facts) []string {
	var doubts []string
	for _, ref := range decision.Deciding() {
		statements := r.sets.statements[ref.Document]
		if ref.Statement >= len(statements) {
			return nil
		}
		keys := unknownKeys(statements[ref.Statement], known)
		if len(keys) == 0 {
			return nil // this one denies for sure
		}
		doubts = append(doubts, explain.Statement(ref)+" may not deny it: "+give(keys))
	}
	return doubts
}

// doubtfulAllows are the statements that an allowance hangs on and that allow only because a key is taken to be absent.
func (r *run) doubtfulAllows(request policy.Request, sets *policy.Sets, known *facts) []string {
	var doubts []string
	firm := func(named policy.Named) policy.Named {
		statements := r.sets.statements[named.Document]
		kept, err := setup.Without(named.Document, statements, func(s setup.Statement) bool {
			return !s.Denies() && len(unknownKeys(s, known)) > 0
		})
		if err != nil {
			return named
		}
		return policy.Named{Name: named.Name, Document: kept}
	}
	without := &policy.Sets{}
	for _, named := range sets.Identity {
		without.Identity = append(without.Identity, firm(named))
	}
	for _, named := range sets.Session {
		without.Session = append(without.Session, firm(named))
	}
	if sets.Resource != nil {
		without.Resource = new(firm(*sets.Resource))
	}
	if sets.Boundary != nil {
		without.Boundary = new(firm(*sets.Boundary))
	}
	if policy.Evaluate(request, without).Effect == policy.Allowed {
		return nil
	}
	for _, ref := range policy.Evaluate(request, sets).Matched {
		statements := r.sets.statements[ref.Document]
		if ref.Effect != policy.Allowed || ref.Statement >= len(statements) {
			continue
		}
		if keys := unknownKeys(statements[ref.Statement], known); len(keys) > 0 {
			doubts = append(doubts, explain.Statement(ref)+" may not allow it: "+give(keys))
		}
	}
	return doubts
}

// openSessions are the statements of the resource-based policy that name sessions of the caller's role, if the decision
// about one of these is another one: which of them calls, nobody said.
func (r *run) openSessions(request policy.Request, sets *policy.Sets, decision policy.Decision) (open []string) {
	if !r.subject.session || sets.Resource == nil || request.Principal == nil {
		return nil
	}
	for i, s := range r.sets.statements[sets.Resource.Document] {
		for _, listed := range s.Principals {
			name := strings.TrimPrefix(listed, "AWS:")
			session, err := policy.ParsePrincipal(name)
			role := strings.TrimSuffix(request.Principal.ARN, madeUp)
			if err != nil || session.Type != policy.RoleSession || !strings.HasPrefix(name, role) {
				continue
			}
			other := *request.Principal
			other.ARN, other.SessionName = session.ARN, session.SessionName
			asked := request
			asked.Principal = &other
			if policy.Evaluate(asked, sets).Effect == decision.Effect {
				continue
			}
			ref := policy.Ref{Policy: sets.Resource.Name, Document: sets.Resource.Document, Statement: i}
			open = append(open, explain.Statement(ref)+" decides otherwise about one session of the role: --as "+name+" asks about it")
		}
	}
	return open
}

// openAllows are the statements that would allow the action if a key that is not known had the value for it.
func openAllows(misses []policy.Miss, known *facts) []string {
	var open []string
	for _, miss := range misses {
		if miss.Key != "" && miss.Got == nil && known.isUnknown(miss.Key) {
			open = append(open, explain.Statement(miss.Ref)+" may allow it: "+give([]string{miss.Key}))
		}
	}
	return slices.Compact(open)
}

// decideBoth adds the steps that decide about the two actions.
func (r *run) decideBoth(ctx context.Context) {
	r.findSource()
	granted := true
	for _, action := range setup.Actions {
		step := r.decide(ctx, action)
		r.add(step)
		granted = granted && step.Status == OK
	}
	r.lookAtSCPs(ctx)
	if !granted {
		r.lookAtOtherQualifiers(ctx)
	}
}

// request is the call as the policies are asked about it.
func (r *run) request(action string, known *facts) (policy.Request, *policy.Sets) {
	request := policy.Request{
		Principal: r.subject.principal, Action: action, Resource: r.function.String(),
		ResourceAccount: r.function.Account, Context: known,
	}
	sets := &policy.Sets{
		Identity: r.sets.identity, Resource: r.resource.named, Boundary: r.sets.boundary, Session: r.sets.session,
	}
	if r.authType == lambda.AuthNone { // nobody looks at who it is
		request.Principal, sets.Identity, sets.Boundary, sets.Session = nil, nil, nil, nil
	}
	return request, sets
}

// decide asks all policies about one of the two actions.
func (r *run) decide(ctx context.Context, action string) Step {
	known := r.factsOf(action)
	request, sets := r.request(action, known)
	if len(r.sets.faults) > 0 && r.authType == lambda.AuthIAM {
		r.simulate(ctx, action, request, sets)
	}
	decision := policy.Evaluate(request, sets)
	call := explain.Call{Principal: request.Principal, Boundary: r.subject.boundary, Function: r.function, AuthType: r.authType,
		Whole: sets.Resource != nil && lambda.IsWhole(sets.Resource.Document)}
	step := Step{
		Name: strings.TrimPrefix(action, "lambda:"), Status: Problem, Decides: true,
		Summary: call.Summary(action, decision), action: action,
	}
	denying := explain.Denying(decision)
	grounds := explain.Grounds(request, decision, nil)
	step.Details = append(explain.DeniedBy(denying, grounds...), explain.Allowing(decision)...)
	var open []string
	var misses []policy.Miss
	switch decision.Effect {
	case policy.Allowed:
		step.Status = OK
		for _, ref := range decision.Matched {
			if ref.Effect == policy.Allowed {
				step.by = append(step.by, ref)
			}
		}
		open = append(r.unread(action), r.doubtfulAllows(request, sets, known)...)
		open = append(open, r.openDenies(request, sets, known)...)
	case policy.ExplicitlyDenied:
		open = r.doubtfulDenies(decision, known)
	default:
		misses = policy.NearestMisses(request, sets)
		open = append(r.unread(action), openAllows(misses, known)...)
		step.Details = append(step.Details, explain.Half(action, decision, r.decisionOnOther(action))...)
		for _, miss := range explain.Misses(misses, nil) {
			step.Details = append(step.Details, miss.Text)
		}
	}
	if r.subject.kind == policy.Service && r.authType == lambda.AuthIAM {
		step.Details = append(step.Details, r.tellSource()...)
	}
	if decision.Effect != policy.Allowed {
		step.Fix = append(r.grants(call.Lacks(action, decision)), explain.Removals(denying)...)
		step.Fix = append(step.Fix, explain.PlainHTTP(request, decision, misses)...)
	}
	open = append(open, r.openSessions(request, sets, decision)...)
	if len(open) > 0 {
		step.Status = Unknown
		step.Details = append(step.Details, open...)
	}
	return step
}

// grants are the commands that add what is lacking.
func (r *run) grants(lack explain.Lack) []string {
	source := r.sourceARN()
	switch {
	case lack.To.Service == "" || !lack.Grantable():
		return lack.Commands(r.name())
	case lack.To.Service != cloudFront: // which the step about the credentials says
		return nil
	case source == "":
		return append(lack.Commands(r.name()),
			"aws cloudfront list-distributions --query 'DistributionList.Items[].ARN'   # prints these ARNs")
	default:
		return []string{explain.GrantCommand(r.name(), lack.To, source)}
	}
}

// decisionOnOther is what the policies say to the other one of the two actions.
func (r *run) decisionOnOther(action string) policy.Decision {
	other := lambda.ActionInvoke
	if action == other {
		other = lambda.ActionInvokeURL
	}
	return policy.Evaluate(r.request(other, r.factsOf(other)))
}

// unread says which policies, that may change the decision, were not read. Each of them may deny what others allow: so
// can resource-based policies since PutResourcePolicy takes whole documents (service model of Lambda, 2026-07-09).
func (r *run) unread(action string) []string {
	var open []string
	if r.resource.fault != nil {
		open = append(open, "without the resource-based policy, which could not be looked at")
	}
	if len(r.sets.faults) > 0 && r.authType == lambda.AuthIAM && !r.sets.bySimulator {
		open = append(open, "without policies of the caller that could not be looked at")
	}
	if len(r.sets.faults) > 0 && r.sets.bySimulator {
		if keys := r.openKeys(action, r.simulations[action].answer); len(keys) > 0 {
			open = append(open, "the caller's policies may decide otherwise: "+give(keys))
		}
	}
	return open
}

// simulate asks IAM's simulator about the caller's policies where they could not be read, and puts its answer among
// the sets: as one policy that allows or denies the action, or does neither.
func (r *run) simulate(ctx context.Context, action string, request policy.Request, sets *policy.Sets) {
	if r.side(r.subject.account) == nil || r.subject.owner.Name == "" {
		return
	}
	answer, err := r.simulation(ctx, action)
	if err != nil { // the step about service control policies says why
		r.sets.bySimulator = false
		return
	}
	r.sets.bySimulator = true
	sets.Identity, sets.Boundary = nil, nil
	effect := "Allow"
	switch {
	case answer.Denied:
		effect = "Deny"
	case !answer.Allowed:
		return
	}
	text := fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":%q,"Action":%q,"Resource":%q}}`, effect, action, request.Resource)
	by := "the caller's policies, as IAM's simulator has them"
	if len(answer.By) > 0 {
		by += " (" + strings.Join(answer.By, ", ") + ")"
	}
	if named, err := r.parse(by, text, policy.Identity); err == nil {
		sets.Identity = []policy.Named{named}
	}
}

// lookAtOtherQualifiers looks for a grant in the wrong place. The function itself and each of its aliases have
// policies of their own, and a URL asks only the one that it belongs to.
func (r *run) lookAtOtherQualifiers(ctx context.Context) {
	var others []lambda.ARN
	if r.function.Qualifier != "" {
		others = append(others, r.function.Unqualified())
	}
	urls, err := r.Owner.Functions.URLs(ctx, r.function)
	if err != nil {
		r.add(lookingFailed(stepQualifier, "whether an alias has a URL", err, false))
	}
	for _, url := range urls {
		if url.Function.Qualifier != "" && url.Function.Qualifier != r.function.Qualifier {
			others = append(others, url.Function)
		}
	}
	for _, other := range others {
		actions := r.grantedFor(ctx, other)
		if len(actions) == 0 {
			continue
		}
		r.add(Step{
			Name: stepQualifier, Status: Problem,
			Summary: explain.Elsewhere(other, r.function, actions...),
		})
	}
}

// grantedFor are the actions that the policy of another qualifier would allow there.
func (r *run) grantedFor(ctx context.Context, other lambda.ARN) []string {
	named, err := r.policyOf(ctx, other)
	if err != nil {
		return nil
	}
	var actions []string
	for _, action := range setup.Actions {
		request, sets := r.request(action, r.factsOf(action))
		request.Resource, sets.Resource = other.String(), &named
		sets.Identity, sets.Boundary, sets.Session = nil, nil, nil
		if request.Principal != nil && r.subject.account != other.Account && r.subject.account != "" {
			sets.Identity = setup.Everything()
		}
		if policy.Evaluate(request, sets).Effect == policy.Allowed {
			actions = append(actions, action)
		}
	}
	return actions
}

// facts are the condition keys of the call, as far as they are known. It is a policy.Context.
type facts struct {
	given, known policy.Values
	unknown      func(key string) bool
}

var _ policy.Context = (*facts)(nil)

// Lookup takes what was given before what was found out. What could not be found out is absent.
func (f *facts) Lookup(key string) ([]string, bool) {
	if values, ok := f.given.Lookup(key); ok {
		return values, true
	}
	return f.known.Lookup(key)
}

// isUnknown reports whether a call may have the key, with a value that cannot be known from here.
func (f *facts) isUnknown(key string) bool {
	if _, ok := f.Lookup(key); ok {
		return false
	}
	return f.unknown(strings.ToLower(key))
}

// unknowable are keys that a call has, or may have, and that only its way to AWS decides. All other keys that are not
// known are absent: a function URL is public, so that aws:SourceVpc and the like never are there.
var unknowable = []string{"aws:sourceip", "aws:useragent", "aws:referer"}

// ofOrganizations are keys that accounts of an organization have. A local server knows the policies of one, not its id.
var ofOrganizations = []string{
	"aws:principalorgid", "aws:principalorgpaths", "aws:resourceorgid", "aws:resourceorgpaths",
}

// ofSessions are keys that only temporary credentials have.
var ofSessions = []string{"aws:multifactorauthpresent", "aws:multifactorauthage", "aws:tokenissuetime", "aws:sourceidentity"}

// ofRoleSessions are keys that the sessions of a role have where AWS began them for a function or an instance (Lambda
// Developer Guide, "Working with Lambda execution environment credentials"; IAM User Guide, "AWS global condition context
// keys").
var ofRoleSessions = []string{
	"lambda:sourcefunctionarn", "aws:ec2instancesourcevpc", "aws:ec2instancesourceprivateipv4", "ec2:sourceinstancearn",
	"ec2:roledelivery",
}

// isClaim reports whether a key, in lower case, is one of what an identity provider says of a role's session.
func isClaim(key string) bool {
	provider, _, _ := strings.Cut(key, ":")
	return strings.Contains(provider, ".") || provider == "saml" || key == "aws:federatedprovider"
}

// ofServices are keys that the calling service sets for itself.
var ofServices = []string{"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"}

// factsOf are the keys of the call for one of the two actions.
func (r *run) factsOf(action string) *facts {
	s := &r.subject
	caller := &policy.Principal{}
	if r.authType == lambda.AuthIAM && s.principal != nil {
		caller = s.principal
	}
	known := caller.Keys()
	if s.anybody {
		known = policy.Values{}
	}
	if caller.Type == policy.Service {
		maps.Copy(known, r.source)
	}
	if s.function.Name != "" && r.authType == lambda.AuthIAM {
		known["lambda:SourceFunctionArn"] = []string{s.function.String()}
	}
	for key, value := range r.tags {
		known["aws:ResourceTag/"+key] = []string{value}
	}
	now := r.now().UTC()
	known["aws:CurrentTime"] = []string{now.Format(time.RFC3339)}
	known["aws:EpochTime"] = []string{strconv.FormatInt(now.Unix(), 10)}
	known["aws:SecureTransport"] = []string{strconv.FormatBool(!strings.HasPrefix(r.address, "http:"))}
	known["aws:RequestedRegion"] = []string{r.function.Region}
	known["aws:ResourceAccount"] = []string{r.function.Account}
	known["aws:ViaAWSService"] = []string{"false"}
	maps.Copy(known, setup.ActionKeys(action, r.authType))
	if action == lambda.ActionInvokeURL {
		known["lambda:FunctionArn"] = []string{r.function.String()}
	}
	if r.isLocal() {
		known["aws:SourceIp"] = []string{"127.0.0.1"}
	}
	return &facts{given: r.Context, known: known, unknown: r.isUnknowable}
}

// isUnknowable says of a key in lower case whether the call may have it without anybody here knowing its value.
func (r *run) isUnknowable(key string) bool {
	kind := r.subject.kind
	if r.authType == lambda.AuthNone {
		kind = policy.Anonymous
	}
	switch {
	case slices.Contains(unknowable, key):
		return true
	case slices.Contains(ofOrganizations, key):
		return !r.isLocal() && (kind != policy.Anonymous || !strings.HasPrefix(key, "aws:principal"))
	case r.subject.anybody && r.authType == lambda.AuthIAM:
		return strings.HasPrefix(key, "aws:principal") || strings.HasPrefix(key, "aws:user") || slices.Contains(ofSessions, key)
	case strings.HasPrefix(key, "aws:resourcetag/"):
		return !r.tagged
	case strings.HasPrefix(key, "aws:principaltag/"):
		// A session may have tags of its own; a user has those that were read.
		return kind == policy.RoleSession || kind == policy.FederatedUser || kind == policy.User && !r.subject.lookedUp
	case slices.Contains(ofSessions, key):
		// Of the caller's own long-term keys they are known to be absent.
		return kind == policy.RoleSession || kind == policy.FederatedUser || kind == policy.User && !r.subject.self
	case slices.Contains(ofRoleSessions, key):
		return kind == policy.RoleSession && (!r.isLocal() || key == "lambda:sourcefunctionarn")
	case isClaim(key):
		return kind == policy.RoleSession && r.subject.function.Name == ""
	case slices.Contains(ofServices, key):
		return kind == policy.Service
	default:
		return false
	}
}

// isLocal reports whether the URL is on this machine, so that the call comes from it.
func (r *run) isLocal() bool {
	_, rest, ok := strings.Cut(r.address, "://")
	if !ok {
		return false
	}
	host, _, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return isLoopback(strings.Trim(host, "[]"))
}
