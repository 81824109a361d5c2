//go:build unix

package lambdaapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/explain"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
)

// policyInput is the input of the operations on whole resource-based policies.
type policyInput struct {
	ResourceArn string
	RevisionId  *string
}

func (in *policyInput) functionName() (string, *string) { return in.ResourceArn, nil }

type putPolicyInput struct {
	policyInput
	Policy string
}

// shownPolicy is a policy as the API answers it.
type shownPolicy struct{ Policy, RevisionId string }

// byResourceARN is byQualifier for the operations that take an ARN of more than functions, such as runtimes and
// $LATEST.PUBLISHED of capacity providers. There are none of these here.
func byResourceARN[In named](call *controlplane.Call, in In) (*request, error) {
	name, _ := in.functionName()
	if _, err := arn.LookupFunction(name, call.Region, call.Caller.Account); err != nil {
		return nil, resourceMissing()
	}
	return byQualifier(call, in)
}

func (s *service) getPolicy(r *request, _ *functionInput) (any, error) { return r.showPolicy() }

func (s *service) getResourcePolicy(r *request, _ *policyInput) (any, error) { return r.showPolicy() }

// showPolicy is the policy of the target's qualifier, whichever operation wrote it.
func (r *request) showPolicy() (any, error) {
	if r.target.function == nil {
		return nil, resourceMissing()
	}
	kept := r.target.function.Policies[r.target.arn.Qualifier]
	text, err := kept.Shown(r.State.Now().ShowPrincipal)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, resourceMissing()
	}
	return shownPolicy{text, policyRevision(kept, r.target.found)}, nil
}

// policyRevision is the revision of a target's policy. One without a policy has its own, which AddPermission takes for a
// first statement (LocalStack's snapshot of test_lambda_permission_fn_versioning: that of an alias); so has a policy
// from before policies had revisions.
func policyRevision(kept lambda.Policy, t resolve.Target) string {
	return cmp.Or(kept.RevisionID, t.RevisionID())
}

// changePolicy changes the policy of the target's qualifier in a transaction, if it still has the revision that the
// request names; readWith is what reads the latest one. edit makes the new text, "" for none, which gives the policy a
// new revision, and leaves the function its own (LocalStack's snapshot of test_lambda_permission_fn_versioning, recorded
// since November 2025).
func (r *request) changePolicy(
	revision *string, readWith string, edit func(*state.Snapshot, lambda.Policy) (text string, err error),
) (changed shownPolicy, err error) {
	qualifier := r.target.arn.Qualifier
	err = r.change(nil, "", func(tx *state.Tx, function *lambda.Function) error {
		world := tx.View()
		found, missing := resolve.Of(world, function, qualifier)
		if missing != nil { // deleted since the request was authorized
			return functionNotFound(r.target.arn)
		}
		present := function.Policies[qualifier]
		if revision != nil && *revision != policyRevision(present, found) {
			return staleRevision(readWith)
		}
		text, err := edit(world, present)
		if err != nil {
			return err
		}
		changed = shownPolicy{RevisionId: trace.NewRequestID()}
		function.SetPolicy(qualifier, text, changed.RevisionId)
		changed.Policy, err = function.Policies[qualifier].Shown(world.ShowPrincipal)
		if size := len(changed.Policy); size > lambda.MaxPolicySize && size > len(present.Text) {
			return wire.Errorf("PolicyLengthExceededException", "The final policy size (%d) is bigger than the limit (%d).",
				size, lambda.MaxPolicySize)
		}
		return err
	})
	return changed, err
}

// putResourcePolicy replaces the policy of the target's qualifier. What AWS answers to a document that it does not take
// is not recorded: the code is that of the model, the texts are furl's own.
func (s *service) putResourcePolicy(r *request, in *putPolicyInput) (any, error) {
	if r.target.arn.Qualifier == lambda.Latest {
		return nil, noPolicyOfLatest()
	}
	if _, err := r.target.governed(); err != nil {
		return nil, err
	}
	document, err := policy.Parse([]byte(in.Policy), policy.Resource)
	if err != nil {
		return nil, badPolicy(err)
	}
	if err := checkStatements(document, r.target.arn); err != nil {
		return nil, err
	}
	if err := s.blockPublic(r, document); err != nil {
		return nil, err
	}
	changed, err := r.changePolicy(in.RevisionId, "GetResourcePolicy", func(world *state.Snapshot, _ lambda.Policy) (string, error) {
		var unknown error
		stored, err := document.MapPrincipals(func(given string) string {
			if given == "*" {
				return given
			}
			principal, err := resolvePrincipal(world, given)
			if err == nil && principal.AWS == "" {
				err = badPrincipal()
			}
			if err != nil {
				unknown = err
				return given
			}
			return principal.AWS
		})
		if err := errors.Join(unknown, err); err != nil {
			return "", badPrincipal()
		}
		var text bytes.Buffer
		err = json.Compact(&text, []byte(stored.Source()))
		return text.String(), err
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

func (s *service) deleteResourcePolicy(r *request, in *policyInput) (any, error) {
	if _, err := r.target.governed(); err != nil {
		return nil, err
	}
	_, err := r.changePolicy(in.RevisionId, "GetResourcePolicy", func(_ *state.Snapshot, present lambda.Policy) (string, error) {
		if present.Text == "" {
			return "", noPolicy()
		}
		return "", nil
	})
	return nil, err
}

func noPolicyOfLatest() *wire.Error {
	return invalidParameter("We currently do not support adding policies for $LATEST.")
}

func noPolicy() *wire.Error { return notFound("No policy is associated with the given resource.") }

func badPolicy(err error) *wire.Error {
	return invalidParameter("The provided policy was invalid: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
}

// checkStatements refuses statements that the grammar lets pass and that cannot be about the target: those with actions
// of other services, about other resources, or for principals of S3. Whether AWS refuses each of them is assumed.
func checkStatements(document *policy.Document, target lambda.ARN) error {
	for i, s := range document.Statements() {
		at := fmt.Sprintf("Statement[%d]", i)
		for _, action := range s.Actions {
			if service, _, _ := strings.Cut(action, ":"); service != "*" && !strings.EqualFold(service, "lambda") {
				return badPolicy(fmt.Errorf("%s: %q is no action of Lambda", at, action))
			}
		}
		for _, resource := range s.Resources {
			if !isAbout(resource, target) && !s.NotResource {
				return badPolicy(fmt.Errorf("%s: the resource %q is neither %s nor one of its versions and aliases", at,
					resource, target.Unqualified()))
			}
		}
		if slices.ContainsFunc(s.Principals, func(p string) bool { return strings.HasPrefix(p, "CanonicalUser:") }) {
			return badPrincipal()
		}
	}
	return nil
}

// isAbout reports whether a pattern of a Resource element can stand for the function, a version or an alias of it.
func isAbout(pattern string, function lambda.ARN) bool {
	if pattern == "*" || strings.Contains(pattern, "${") {
		return true
	}
	candidates := []string{function.Unqualified().String()}
	if parts := strings.SplitN(pattern, ":", 8); len(parts) == 8 {
		candidates = append(candidates, candidates[0]+":"+strings.NewReplacer("*", "x", "?", "x").Replace(parts[7]))
	}
	text, err := json.Marshal(map[string]any{"Statement": map[string]string{
		"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": pattern,
	}})
	if err != nil {
		return false
	}
	document, err := policy.ParseTaken(text, policy.Resource)
	if err != nil {
		return false
	}
	alone := document.Statements()[0]
	return slices.ContainsFunc(candidates, alone.CoversResource)
}

// blockPublic refuses a document with a statement that lets anybody in, if the server blocks public access. Only what a
// request brings is looked at: a policy that is public already stays in force, and statements can be removed from it
// (assumed; the API's model names the exception and not its scope).
func (s *service) blockPublic(r *request, document *policy.Document) error {
	if !s.config.BlockPublicAccess {
		return nil
	}
	for _, statement := range document.Statements() {
		if !lambda.IsPublic(statement) {
			continue
		}
		r.Explain(fmt.Sprintf("statement %q lets anybody in", statement.Sid), explain.BlockedPublic)
		return wire.Errorf("PublicPolicyException", "The resource-based policy you tried to add to the Lambda resource would "+
			"grant public access to it, which isn't allowed. (furl: %s.)", explain.BlockedPublic)
	}
	return nil
}
