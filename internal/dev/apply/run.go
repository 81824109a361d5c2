//go:build unix

package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/template"
)

// run carries a plan out.
type run struct {
	a     *Applier
	plan  *Plan
	stack *template.Stack

	mu      sync.Mutex
	known   template.Attributes
	done    []Step
	report  func(Step)
	noted   map[key]map[string]string // furl's tags of groups, which are changed as a whole
	numbers map[string]string         // of versions and access keys that were made: by the key of the thing and the tag
}

// Failure says how far Apply got. What was done stays; a plan that is made anew goes on from there.
type Failure struct {
	Done   []Step
	Failed Step
	Left   []Step
	Err    error

	redact func(string) string
}

func (f *Failure) Error() string {
	at := ""
	if f.Failed.Pos.File != "" {
		at = f.Failed.Pos.String() + ": "
	}
	return at + f.What()
}

// What is the error without its place.
func (f *Failure) What() string {
	return fmt.Sprintf("cannot %s: %s", f.Failed, f.redact(answer(f.Err)))
}

func (f *Failure) Unwrap() error { return f.Err }

const measured = "String measured: "

// answer is an error of the SDK in short: what the service said.
func answer(err error) string {
	var operation *smithy.OperationError
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err.Error()
	}
	text := api.ErrorCode() + ": " + api.ErrorMessage()
	// Lambda repeats the whole of an environment that is too long.
	if before, _, ok := strings.Cut(text, measured); ok {
		text = before + measured + hidden
	}
	if errors.As(err, &operation) {
		text = operation.Operation() + " answered " + text
	}
	return text
}

// URL is a function URL of the stack.
type URL struct {
	Function, Qualifier string // name; "" for the function itself
	LogicalID           string // of the function, else of the URL
	Address             string
	AuthType            lambda.AuthType
	InvokeMode          lambda.InvokeMode
}

// Function is a function of the stack.
type Function struct {
	Name, LogicalID string
	Dir             string // whose code is used in place, "" for a package or a web server
	Upstream        string // address of the web server that it is, else ""
}

// Result is what the stack has once a plan is carried out.
type Result struct {
	Functions []Function // by name
	URLs      []URL      // by function and qualifier
	Known     template.Attributes
}

// Apply carries the plan out: everything that does not need something else at the same time. It calls report after each
// step. If a step fails it begins nothing more and returns a *Failure.
func (p *Plan) Apply(ctx context.Context, report func(Step)) (Result, error) {
	if report == nil {
		report = func(Step) {}
	}
	r := &run{
		a: p.a, plan: p, stack: p.b.stack, known: template.Attributes{}, report: report,
		noted: map[key]map[string]string{}, numbers: map[string]string{},
	}
	for id, attributes := range p.b.known {
		r.known[id] = maps.Clone(attributes)
	}
	for name, g := range p.world.groups {
		r.noted[key{kindGroup, name}] = maps.Clone(g.owner.tags)
	}
	err := r.all(ctx)
	var failed *Failure
	if errors.As(err, &failed) {
		failed.Done, failed.redact = r.done, p.b.redact
		failed.Left = slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool {
			is := func(other Step) bool { return other.What == s.What && other.Action == s.Action }
			return is(failed.Failed) || slices.ContainsFunc(r.done, is)
		})
	}
	p.a.export(r.stack, r.known)
	return r.result(), err
}

// all does everything, one kind of thing after the other.
func (r *run) all(ctx context.Context) error {
	if err := r.tasks(ctx, r.plan.early); err != nil {
		return err
	}
	if err := r.setNotes(ctx, func(n notes) (map[string]string, map[string]string) { return n.now, n.during }); err != nil {
		return err
	}
	if err := r.items(ctx); err != nil {
		return err
	}
	for _, list := range r.plan.removal {
		if err := r.tasks(ctx, list); err != nil {
			return err
		}
	}
	return r.setNotes(ctx, func(n notes) (map[string]string, map[string]string) { return n.during, n.after })
}

// finished notes a step that is done.
func (r *run) finished(step Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = append(r.done, step)
	r.report(step)
}

// tasks does tasks that do not need each other.
func (r *run) tasks(ctx context.Context, tasks []task) error {
	together := newTogether(ctx)
	for _, t := range tasks {
		together.begin(t.Step, func() error {
			return r.a.do(together.begun, func() error {
				err := t.do(ctx, r)
				if err == nil {
					r.finished(t.Step)
				}
				return err
			})
		})
	}
	return together.wait()
}

// together are steps that are done at the same time. After a failure no more begin, and those that have begun come to
// their end.
type together struct {
	begun context.Context // done once nothing more is to begin
	fail  context.CancelFunc
	all   errgroup.Group
}

func newTogether(ctx context.Context) *together {
	t := &together{}
	t.begun, t.fail = context.WithCancel(ctx)
	return t
}

func (t *together) begin(step Step, do func() error) {
	t.all.Go(func() error {
		err := do()
		if err == nil || t.begun.Err() != nil && errors.Is(err, context.Canceled) {
			return nil // or it did not begin
		}
		t.fail()
		return &Failure{Failed: step, Err: err}
	})
}

// wait waits for the steps that have begun. The error is that of the first that failed.
func (t *together) wait() error {
	defer t.fail()
	err := t.all.Wait()
	if err == nil {
		err = t.begun.Err() // somebody has ended all
	}
	return err
}

// items makes and changes resources, each as soon as those that it needs are there. After a failure those that have
// begun come to their end.
func (r *run) items(ctx context.Context) error {
	ready := map[string]chan struct{}{}
	for _, it := range r.plan.items {
		ready[it.resource.ID] = make(chan struct{})
	}
	together := newTogether(ctx)
	for _, it := range r.plan.items {
		if it.step.Action == "" && !hasUnknown(it.want) {
			close(ready[it.resource.ID])
			continue
		}
		together.begin(it.step, func() error {
			for _, id := range it.needs {
				if there, ok := ready[id]; ok {
					select {
					case <-there:
					case <-together.begun.Done():
						return together.begun.Err()
					}
				}
			}
			err := r.a.do(together.begun, func() error { return r.item(ctx, it) })
			if err == nil {
				close(ready[it.resource.ID])
			}
			return err
		})
	}
	return together.wait()
}

// item makes or changes one resource.
func (r *run) item(ctx context.Context, it *item) error {
	want := it.want
	if hasUnknown(want) {
		r.mu.Lock()
		b := *r.plan.b
		b.faults, b.notices = nil, nil
		late := *it
		ok := b.evaluate(&late, r.known)
		if ok {
			b.settled(late.want, it.resource.Pos)
		}
		r.mu.Unlock()
		if !ok {
			return b.faults.Err()
		}
		if want = late.want; hasUnknown(want) {
			if _, ok := want.(*version); !ok {
				return errors.New("an attribute that it needs is still not known")
			}
		}
	}
	made := it.have
	// What was not known may be what is there.
	if it.have == nil || it.step.Action == Replace || len(differing(it.have.properties(), want.properties())) > 0 {
		var err error
		if made, err = want.put(ctx, r, it.have); err != nil {
			return err
		}
	}
	r.mu.Lock()
	for name, value := range made.attributes() {
		if value != "" {
			r.known.Set(it.resource.ID, name, value)
		}
	}
	r.mu.Unlock()
	r.finished(it.step)
	return nil
}

// setNotes changes furl's own tags of things from one state to the next.
func (r *run) setNotes(ctx context.Context, states func(notes) (from, to map[string]string)) error {
	together := newTogether(ctx)
	for k, n := range r.plan.notes {
		if from, to := states(n); !maps.Equal(from, to) {
			together.begin(Step{Action: Alter, What: "tags of " + k.String()}, func() error {
				return r.a.do(together.begun, func() error { return r.retag(ctx, k, from, to) })
			})
		}
	}
	return together.wait()
}

// tagsFor are the tags of a new thing of the stack.
func (r *run) tagsFor(k key, tags map[string]string) map[string]string {
	all := own(r.stack.Name, r.plan.b.byKey[k].resource.ID)
	maps.Copy(all, r.plan.b.noteOf(k).tags(r.stack.Name, true))
	maps.Copy(all, tags)
	if k.kind == kindGroup {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.noted[k] = maps.Clone(all)
	}
	return all
}

// addTags adds furl's own tags of versions and access keys.
func (r *run) addTags(ctx context.Context, k key, tags map[string]string) error {
	r.mu.Lock()
	for tag, value := range tags {
		r.numbers[k.String()+" "+tag] = value
	}
	r.mu.Unlock()
	return r.retag(ctx, k, nil, tags)
}

// isCurrent reports whether a number is the one that was just made.
func (r *run) isCurrent(k key, tag, number string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.numbers[k.String()+" "+tag] == r.stack.Name+"/"+number
}

// retag changes tags from what they are to what they have to be. Others are left alone.
func (r *run) retag(ctx context.Context, k key, from, to map[string]string) error {
	added, removed := map[string]string{}, []string{}
	for name, value := range to {
		if was, ok := from[name]; !ok || was != value {
			added[name] = value
		}
	}
	for name := range from {
		if _, ok := to[name]; !ok {
			removed = append(removed, name)
		}
	}
	if len(added) == 0 && len(removed) == 0 {
		return nil
	}
	slices.Sort(removed)
	if k.kind == kindGroup {
		r.mu.Lock()
		tags := r.noted[k]
		for _, name := range removed {
			delete(tags, name)
		}
		maps.Copy(tags, added)
		document, left := noteDocument(tags), len(tags)
		r.mu.Unlock()
		if left == 0 {
			return r.a.removeGrant(ctx, part{k, partInline, notePolicy})
		}
		return r.a.putInline(ctx, k, notePolicy, document)
	}
	if len(added) > 0 {
		if err := r.a.tag(ctx, k, added); err != nil {
			return err
		}
	}
	if len(removed) > 0 {
		return r.a.untag(ctx, k, removed)
	}
	return nil
}

func (a *Applier) tag(ctx context.Context, k key, tags map[string]string) (err error) {
	switch k.kind {
	case kindFunction:
		arn := a.functionARN(k.name, "").String()
		_, err = a.lambda.TagResource(ctx, &awslambda.TagResourceInput{Resource: &arn, Tags: tags})
	case kindRole:
		_, err = a.iam.TagRole(ctx, &awsiam.TagRoleInput{RoleName: &k.name, Tags: tagList(tags)})
	case kindUser:
		_, err = a.iam.TagUser(ctx, &awsiam.TagUserInput{UserName: &k.name, Tags: tagList(tags)})
	}
	return err
}

func (a *Applier) untag(ctx context.Context, k key, names []string) (err error) {
	switch k.kind {
	case kindFunction:
		arn := a.functionARN(k.name, "").String()
		_, err = a.lambda.UntagResource(ctx, &awslambda.UntagResourceInput{Resource: &arn, TagKeys: names})
	case kindRole:
		_, err = a.iam.UntagRole(ctx, &awsiam.UntagRoleInput{RoleName: &k.name, TagKeys: names})
	case kindUser:
		_, err = a.iam.UntagUser(ctx, &awsiam.UntagUserInput{UserName: &k.name, TagKeys: names})
	}
	return err
}

// result is what the stack has.
func (r *run) result() Result {
	result := Result{Known: r.known}
	for _, it := range r.plan.items {
		switch v := it.want.(type) {
		case *function:
			f := Function{Name: v.Name, LogicalID: it.resource.ID}
			switch v.code.bucket {
			case bucketInPlace:
				f.Dir = v.code.place
			case bucketUpstream:
				f.Upstream = v.code.place
			}
			result.Functions = append(result.Functions, f)
		case *functionURL:
			address := r.known[it.resource.ID]["FunctionUrl"]
			if address == "" {
				continue // it was not made
			}
			id := it.resource.ID
			if f := r.plan.b.byKey[key{kindFunction, v.Function}]; f != nil {
				id = f.resource.ID
			}
			result.URLs = append(result.URLs, URL{v.Function, v.Qualifier, id, address, v.AuthType, v.InvokeMode})
		}
	}
	slices.SortFunc(result.Functions, func(x, y Function) int { return strings.Compare(x.Name, y.Name) })
	slices.SortFunc(result.URLs, func(x, y URL) int {
		return strings.Compare(x.Function+":"+x.Qualifier, y.Function+":"+y.Qualifier)
	})
	return result
}
