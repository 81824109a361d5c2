package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

// Fleet checks the function URLs of several regions and accounts at once.
type Fleet struct {
	Checkers []*Checker // one for each region of each profile
	// Everywhere says that the regions are all that there are: one that is not enabled for the account has no functions.
	Everywhere bool
	// Progress is told how many functions have been looked at, and of how many it is known that they are there. It is
	// called by one goroutine at a time; nil is for nobody.
	Progress func(done, known int)
}

// Looked is a region that was asked, as the credentials of one profile see it.
type Looked struct {
	Profile string `json:"profile,omitempty"`
	Region  string `json:"region"`
	Account string `json:"account,omitempty"` // if a function says it
	Status  Status `json:"status"`
	Summary string `json:"summary,omitempty"` // of a status other than OK
	Missing string `json:"missingPermission,omitempty"`
}

// NotEnabled is the status of a region that is not enabled for the account.
const NotEnabled Status = "not enabled"

// atOnce is how many calls are made at one time. The Lambda API lets an account make 15 calls of GetPolicy and 15 of all
// others that are made here in each second and region (Lambda Developer Guide, "Lambda quotas"); the clients slow down
// when they are told to.
const atOnce = 16

// All audits every function URL of the owner's account and region. callers are those that may have the actions by their
// own policies; nil if nobody knows.
func (c *Checker) All(ctx context.Context, callers *Callers) (Audit, error) {
	return (&Fleet{Checkers: []*Checker{c}}).Audit(ctx, callers)
}

// Audit audits every function URL. An error means that no region could be looked at, all for the same reason; else the
// regions that could not are in the audit.
func (f *Fleet) Audit(ctx context.Context, callers *Callers) (Audit, error) {
	entries, regions, err := f.Entries(ctx, callers != nil)
	if err != nil {
		return Audit{}, err
	}
	audit := (&Checker{}).Audit(ctx, entries, callers)
	audit.Regions = regions
	audit.conclude()
	audit.Notes = slices.Concat(notEnabled(regions), audit.Notes)
	return audit, ctx.Err()
}

// Entries are the function URLs with their policies, and with tags those of the functions, and the regions. The error is
// that of Audit.
func (f *Fleet) Entries(ctx context.Context, tags bool) (entries []Entry, regions []Looked, err error) {
	sides := f.look(ctx, tags)
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(sides, func(s *sideLook) bool { return !s.isBlindAs(sides[0]) }) {
		return nil, nil, sides[0].fault
	}
	for _, side := range sides {
		for _, found := range side.functions {
			entries = append(entries, found.entries...)
		}
		regions = append(regions, f.looked(side, sides))
	}
	return entries, regions, nil
}

// sideLook is what is known of a region while it is looked at.
type sideLook struct {
	*Checker
	functions      []*functionLook // in the order of the API
	fault          error           // why there may be more
	urls, policies streak
}

// streak is how many calls of an operation failed in a row as all others will, and how.
type streak struct {
	length atomic.Int32
	last   atomic.Pointer[error]
}

// note adds a call.
func (s *streak) note(err error) {
	switch awsapi.KindOf(err) {
	case awsapi.Unreachable, awsapi.Limit, awsapi.BadCredentials, awsapi.NoCredentials:
		s.last.Store(&err)
		s.length.Add(1)
	default:
		s.length.Store(0)
	}
}

// fault is why the operation is not tried any more; nil if it is.
func (s *streak) fault() error {
	if s.length.Load() < maxFailing {
		return nil
	}
	return fmt.Errorf("not looked at, since the calls for others failed: %w", *s.last.Load())
}

// isBlindAs reports whether nothing of the region could be seen, for the same reason as of the other.
func (s *sideLook) isBlindAs(other *sideLook) bool {
	return s.fault != nil && len(s.functions) == 0 && awsapi.KindOf(s.fault) == awsapi.KindOf(other.fault)
}

// functionLook is what is known of a function.
type functionLook struct {
	side    *sideLook
	found   awsapi.Function
	entries []Entry
}

// look lists the functions of all regions, and looks at each as soon as it is known.
func (f *Fleet) look(ctx context.Context, tags bool) []*sideLook {
	sides := make([]*sideLook, len(f.Checkers))
	jobs := make(chan *functionLook)
	told := &tally{tell: f.Progress}
	var lists, looks errgroup.Group
	lists.SetLimit(atOnce)
	for range atOnce {
		looks.Go(func() error {
			for job := range jobs {
				if ctx.Err() == nil {
					job.look(ctx, tags)
				}
				told.add(1, 0)
			}
			return nil
		})
	}
	for i, checker := range f.Checkers {
		sides[i] = &sideLook{Checker: checker}
		lists.Go(func() error {
			for function, err := range checker.Owner.Functions.Functions(ctx) {
				if err != nil {
					sides[i].fault = err
					break
				}
				job := &functionLook{side: sides[i], found: function}
				sides[i].functions = append(sides[i].functions, job)
				told.add(0, 1)
				jobs <- job
			}
			return nil
		})
	}
	lists.Wait() //nolint:errcheck // they return none
	close(jobs)
	looks.Wait() //nolint:errcheck // likewise
	return sides
}

// tally counts for Progress.
type tally struct {
	mu          sync.Mutex
	done, known int
	tell        func(done, known int)
}

func (t *tally) add(done, known int) {
	if t.tell == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done, t.known = t.done+done, t.known+known
	t.tell(t.done, t.known)
}

// maxFailing is how many calls in a row have to fail before those of the other functions of the region are not tried any
// more: each takes its time to fail, and a fleet has hundreds.
const maxFailing = 2 * atOnce

// look reads the URLs of the function, and the policy of each. A look that fails is never taken to be ok.
func (l *functionLook) look(ctx context.Context, tags bool) {
	functions := l.side.Owner.Functions
	if fault := cmp.Or(l.side.urls.fault(), l.side.policies.fault()); fault != nil {
		l.entries = []Entry{{from: l.side.Checker, Function: l.found.ARN, Fault: fault}}
		return
	}
	urls, err := setup.URLsOf(ctx, functions, l.found.ARN)
	l.side.urls.note(err)
	switch {
	case awsapi.KindOf(err) == awsapi.NotFound && err != nil: // deleted since it was listed
		return
	case err != nil:
		l.entries = []Entry{{from: l.side.Checker, Function: l.found.ARN, Fault: err}}
		return
	}
	for _, url := range urls {
		entry := l.side.Entry(ctx, url, tags)
		l.side.policies.note(entry.Fault)
		l.entries = append(l.entries, entry)
	}
}

// Entry reads the policy of a function URL, and with tags the function's.
func (c *Checker) Entry(ctx context.Context, url awsapi.URL, tags bool) Entry {
	entry := Entry{from: c, Function: url.Function, AuthType: url.AuthType, Address: url.Address, URL: &url}
	text, err := c.Owner.Functions.Policy(ctx, url.Function)
	entry.Policy = text
	if awsapi.KindOf(err) != awsapi.NotFound {
		entry.Fault = err
	}
	if reader, ok := c.Owner.Functions.(tagReader); ok && tags {
		entry.Tags, _ = reader.Tags(ctx, url.Function) // a policy that asks for them is then undecided
	}
	return entry
}

// looked says how the look at a region came out.
func (f *Fleet) looked(side *sideLook, all []*sideLook) Looked {
	region := Looked{Profile: side.Owner.Profile, Region: side.Owner.Region, Status: OK}
	if len(side.functions) > 0 {
		region.Account = side.functions[0].found.ARN.Account
	}
	if side.fault == nil {
		return region
	}
	region.Status, region.Summary = Unknown, side.fault.Error()
	region.Missing, _ = awsapi.DeniedAction(side.fault)
	elsewhere := slices.ContainsFunc(all, func(other *sideLook) bool {
		return other.Owner.Profile == side.Owner.Profile && other.fault == nil
	})
	if elsewhere && awsapi.IsNotEnabled(side.fault) {
		if f.Everywhere {
			region.Status = NotEnabled
		}
		region.Summary += " (other regions take the key: the region may not be enabled for the account)"
	}
	return region
}

// notEnabled names the regions that are not enabled.
func notEnabled(regions []Looked) (notes []string) {
	var names []string
	for _, region := range regions {
		if region.Status == NotEnabled && !slices.Contains(names, region.Region) {
			names = append(names, region.Region)
		}
	}
	if len(names) > 0 {
		notes = append(notes, "not enabled for the account, since they do not take a key that other regions take: "+
			strings.Join(names, ", "))
	}
	return notes
}

// Asked is one of the functions that a question is about, and who looks.
type Asked struct {
	*Checker
	Target string // as that of a Question
}

// Ask puts a question about each of the functions. Its own target is of no meaning.
func (f *Fleet) Ask(ctx context.Context, list []Asked, question Question) (Audit, error) {
	audit := Audit{Functions: make([]AuditFunction, len(list))}
	told := &tally{tell: f.Progress}
	told.add(0, len(list))
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, asked := range list {
		group.Go(func() error {
			one := question
			one.Target = asked.Target
			answer, err := asked.Run(asking, one)
			told.add(1, 0)
			if isMistyped(err) || asking.Err() != nil {
				return errors.Join(err, asking.Err())
			}
			audit.Functions[i] = asked.answered(answer, err)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Audit{}, err
	}
	for _, function := range audit.Functions {
		audit.Fix = union(audit.Fix, function.Fix)
	}
	audit.conclude()
	return audit, nil
}

// isMistyped reports whether an error is about what was asked, not about what was found.
func isMistyped(err error) bool {
	_, isName := errors.AsType[*arn.Error](err)
	_, isRefused := errors.AsType[*setup.Refusal](err)
	return isName || isRefused
}

// answered is a report as one of many. err is why there is none.
func (a Asked) answered(answer Report, err error) AuditFunction {
	function := AuditFunction{
		Function: a.Target, Profile: a.Owner.Profile, Region: a.Owner.Region, URL: answer.URL, Principal: answer.Principal,
		Steps: answer.Steps, Fix: answer.Fix, Status: Unknown, Rule: ruleUnknown, Summary: answer.Conclusion(),
	}
	if answer.Function != "" {
		function.Function, function.Account = answer.Function, arn.AccountOf(answer.Function)
	}
	if err != nil {
		function.Summary = err.Error()
		function.Missing, _ = awsapi.DeniedAction(err)
		return function
	}
	switch answer.Verdict {
	case Allowed:
		function.Status, function.Rule = OK, ""
	case Refused:
		function.Status, function.Rule = Problem, ruleRefused
	case Unusable:
		function.Status, function.Rule = Problem, ruleUnusable
	}
	for _, step := range answer.Steps {
		if step.Status == OK {
			continue
		}
		if function.Missing == "" && step.Decides {
			function.Missing = step.Missing
		}
		function.Details = append(function.Details, fmt.Sprintf("%s: %s: %s", step.Name, step.Status,
			strings.ReplaceAll(step.Summary, "\n", " ")))
	}
	return function
}

// Audit is a report as an audit of its one function, for the forms that have no other.
func (a Asked) Audit(answer Report) Audit {
	audit := Audit{Functions: []AuditFunction{a.answered(answer, nil)}, Fix: answer.Fix}
	audit.conclude()
	return audit
}
