package check

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

// lookAtKeys adds the steps about clock, credentials and signature.
func (r *run) lookAtKeys(ctx context.Context) {
	r.lookAtClock()
	if r.authType == lambda.AuthNone {
		r.add(Step{Name: stepCredentials, Status: OK, Summary: "none are needed: the URL has auth type NONE and does not look at signatures"})
		return
	}
	refuse := func(fix []string, summary string) {
		r.add(Step{Name: stepCredentials, Status: Problem, Decides: true, Summary: summary, Fix: fix})
	}
	switch who := r.subject.label; {
	case r.subject.self:
	case who == "*":
		open := "furl url update " + r.name() + " --auth NONE   # if everyone on the internet is to call"
		refuse([]string{"sign the request", open},
			"an unsigned request has none, and the URL wants a signature")
		return
	case awsapi.KindOf(r.subject.fault) == awsapi.NotFound:
		refuse(nil, "nobody has any: "+r.subject.fault.Error())
		return
	default:
		step := Step{Name: stepCredentials, Status: Unknown}
		step.Summary = "those of " + who + " are not at hand: only who calls has them"
		if r.subject.kind == policy.Service && who != cloudFront {
			step.Details = []string{"note: CloudFront is the only service that is known to sign requests to function " +
				"URLs; what runs on behalf of others calls with a role"}
		}
		r.add(step)
		return
	}
	credentials, err := r.caller.Keys.Credentials(ctx)
	if err != nil {
		fix := []string{"aws sso login", "aws configure", `eval "$(furl env)"   # for a local server`}
		if awsapi.KindOf(err) == awsapi.BadCredentials {
			fix = []string{rewrite}
		}
		refuse(fix, err.Error())
		return
	}
	step := r.judgeCredentials(credentials)
	r.add(step)
	if step.Status == OK {
		r.trySignature(credentials)
	}
}

// Lambda takes signatures that are up to five minutes off in either direction (AWS re:Post, "lambda-sdk-signature").
const maxSkew = 5 * time.Minute

// lookAtClock compares this machine's clock with the one of the API.
func (r *run) lookAtClock() {
	if r.noKeys != nil || !r.identity.ClockKnown {
		return
	}
	ahead := r.identity.ClockAhead.Round(time.Second)
	direction := "behind"
	if ahead < 0 {
		direction = "ahead of"
	}
	step := Step{
		Name: stepClock, Status: OK, Decides: true,
		Summary: fmt.Sprintf("this machine's is %s %s the service's; up to %s are allowed", ahead.Abs(), direction, maxSkew),
	}
	if ahead.Abs() < 2*time.Second { // the service's is in whole seconds
		step.Summary = "this machine's agrees with the service's"
	}
	if ahead.Abs() > maxSkew {
		step.Status, step.Fix = Problem, []string{"set this machine's clock"}
	}
	r.add(step)
}

// judgeCredentials says what kind of credentials they are and whether they can be good.
func (r *run) judgeCredentials(credentials aws.Credentials) Step {
	step := Step{Name: stepCredentials, Status: OK, Decides: true}
	problem := func(fix, format string, arguments ...any) Step {
		step.Status, step.Summary, step.Fix = Problem, fmt.Sprintf(format, arguments...), []string{fix}
		return step
	}
	if flaw := awsapi.FlawOf(credentials); flaw != "" {
		return problem(rewrite, "%s", flaw)
	}
	id := awsapi.ShownID(credentials.AccessKeyID)
	switch {
	case strings.HasPrefix(credentials.AccessKeyID, "ASIA") && credentials.SessionToken == "":
		return problem("set AWS_SESSION_TOKEN too: the session token that was issued with the key",
			"access key %s is temporary, and its session token is missing", id)
	case strings.HasPrefix(credentials.AccessKeyID, "AKIA") && credentials.SessionToken != "":
		return problem("unset AWS_SESSION_TOKEN", "access key %s is a long-term key, and a session token of other credentials goes with it", id)
	case credentials.CanExpire && credentials.Expires.Before(r.now()):
		return problem("get new credentials", "they expired at %s", credentials.Expires.UTC().Format(time.RFC3339))
	case awsapi.KindOf(r.noKeys) == awsapi.BadCredentials:
		step = problem("get new credentials", "AWS does not accept them: %v", r.noKeys)
		step.Fix = append(step.Fix, `eval "$(furl env)"   # for a local server`)
		step.Details = awsapi.Suspicions(credentials)
		return step
	case r.noKeys != nil:
		return lookingFailed(stepCredentials, "whether AWS accepts access key "+id, r.noKeys, true)
	}
	kind := "long-term keys"
	if credentials.SessionToken != "" {
		kind = "temporary keys"
	}
	step.Summary = fmt.Sprintf("%s of %s, access key %s", kind, r.identity.ARN, id)
	if credentials.CanExpire {
		step.Summary += fmt.Sprintf(", good for another %s", credentials.Expires.Sub(r.now()).Round(time.Minute))
	}
	if credentials.Source != "" {
		step.Details = append(step.Details, "found by "+credentials.Source)
	}
	if r.subject.kind == policy.RoleSession && len(r.SessionPolicies) == 0 {
		step.Details = append(step.Details, "note: a session policy, if the session was made with one, cannot be looked "+
			"at: --session-policy FILE tells it")
	}
	if r.subject.kind == policy.Root {
		step.Details = append(step.Details, "note: this is the root user of the account; AWS advises to use it for nothing but what only it can do")
	}
	return step
}

// rewrite is the fix for a key that was damaged when somebody copied it.
const rewrite = "copy the key again from where it was issued, and look at what stands around it in the file or variable"

// secrets are what the credentials have that no report may show, texts of services included: AWS's answer to an id that
// is none quotes it, whatever it is.
func (r *run) secrets(ctx context.Context) (secrets []string) {
	for _, side := range []*Side{r.caller, r.Owner} {
		credentials, err := side.Keys.Credentials(ctx)
		if err != nil {
			continue
		}
		texts := []string{credentials.SecretAccessKey, credentials.SessionToken}
		if id := credentials.AccessKeyID; awsapi.ShownID(id) != id {
			texts = append(texts, id)
		}
		for _, text := range texts {
			if trimmed := strings.TrimSpace(text); len(trimmed) >= shortestSecret {
				secrets = append(secrets, text, trimmed)
			}
		}
	}
	return secrets
}

// shortestSecret is how long a text is that is worth hiding: the secrets of endpoints that stand in for AWS may be
// words.
const shortestSecret = 16

// trySignature signs the request as it would be sent, and verifies it as the URL would.
func (r *run) trySignature(credentials aws.Credentials) {
	if r.address == "" || r.function.Region == "" {
		return
	}
	step := Step{Name: stepSignature, Status: OK, Decides: true}
	step.Summary = fmt.Sprintf("%s %s, signed for service lambda and region %s, is what a verifier expects",
		r.Method, r.Path, r.function.Region)
	request, err := http.NewRequest(r.Method, strings.TrimSuffix(r.address, "/")+r.Path, http.NoBody)
	if err == nil {
		err = selfTest(request, credentials, r.function.Region, r.now())
	}
	if err != nil {
		step.Status, step.Summary = Problem, err.Error()
		if refused, ok := errors.AsType[*sigv4.Error](err); ok && refused.Detail != "" {
			step.Details = []string{refused.Detail}
		}
	}
	r.add(step)
}

// selfTest signs the request and verifies it with the same key.
func selfTest(request *http.Request, credentials aws.Credentials, region string, now time.Time) error {
	key := sigv4.Credentials{
		AccessKeyID: credentials.AccessKeyID, Secret: sigv4.NewSecret(credentials.SecretAccessKey), SessionToken: credentials.SessionToken,
	}
	clock := func() time.Time { return now }
	signer := sigv4.Signer{Region: region, Service: "lambda", Now: clock}
	if _, err := signer.Sign(request, key, sigv4.EmptyPayload()); err != nil {
		return err
	}
	request.Body = http.NoBody
	verifier := sigv4.Verifier{
		Region: region, Service: "lambda", MaxSkew: maxSkew, Now: clock,
		Lookup: func(context.Context, string) (sigv4.Key, error) {
			return sigv4.Key{Credentials: key, Expires: credentials.Expires}, nil
		},
	}
	_, err := verifier.Verify(request)
	return err
}
