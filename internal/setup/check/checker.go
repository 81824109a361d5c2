package check

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/policy"
)

// Functions looks at functions. Errors are of package awsapi.
type Functions interface {
	setup.FunctionReader
	setup.Lister
}

// Keys are credentials and who they stand for.
type Keys interface {
	Identity(ctx context.Context) (awsapi.Identity, error)
	Credentials(ctx context.Context) (aws.Credentials, error)
	AssumeRole(ctx context.Context, role, session string) (aws.Credentials, error)
}

// Principals looks at users and roles, and asks IAM's own simulator about them.
type Principals interface {
	setup.PrincipalReader
	GroupsOf(ctx context.Context, user string) ([]string, error)
	Simulate(ctx context.Context, principal, action, resource string, keys map[string][]string) (awsapi.Simulation, error)
}

// Side is an account and region as some credentials see it.
type Side struct {
	Profile    string // by which a person chose it, "" for none
	Region     string
	Functions  Functions
	Keys       Keys
	Principals Principals
	Policies   setup.PolicyReader
}

// NewSide is what the client's credentials see.
func NewSide(client *awsapi.Client) *Side {
	return &Side{Region: client.Region(), Functions: client, Keys: client, Principals: client, Policies: client}
}

// Checker answers questions.
type Checker struct {
	Owner  *Side // of the function
	Caller *Side // of the caller, if other credentials than the owner's are to be used for it; nil if not
	// Network looks at names and connections; nil is the machine's.
	Network Network
	// Transport sends the call that a Question may ask for, unsigned; nil is the machine's network.
	Transport http.RoundTripper
	Now       func() time.Time // nil is time.Now
	// Flags are those that a command needs to reach the same place, as a shell takes them, and CallerProfile is the
	// profile of Caller. Both are for the commands of a report.
	Flags, CallerProfile string
}

// Question is what to find out.
type Question struct {
	Target    string // name or ARN of a function, or a function URL
	Qualifier string // alias; "" for none or the one in Target
	// As is who would call, as setup.Resolver takes it; "" is the identity of the caller's credentials.
	As     string
	Method string // "" is GET
	Path   string // with query; "" is /
	Call   bool   // call the URL, too
	// Context are condition keys that cannot be known from here, such as aws:SourceIp.
	Context policy.Values
	// SessionPolicies are what the caller's session was made with, which no API tells.
	SessionPolicies []setup.PolicyText
}

// run is one question on its way to an answer.
type run struct {
	*Checker
	Question
	report Report

	caller   *Side           // whose credentials would call
	identity awsapi.Identity // who they stand for
	noKeys   error           // why there are none, or none that AWS accepts
	ownerID  string          // account of the owner's credentials; "" if unknown

	address  string     // of the URL; "" if unknown
	function lambda.ARN // with the alias; zero if unknown
	authType lambda.AuthType
	url      *awsapi.URL // nil if it could not be looked at
	resource resourceSide
	subject  subject
	sets     policySets

	source      policy.Values // of a service's call: aws:SourceArn and aws:SourceAccount, as far as they are known
	tags        map[string]string
	tagged      bool // tags are known
	simulations map[string]simulated
}

// Run answers the question. An error means that it could not even be put: all that can be told about the function is
// in the report.
func (c *Checker) Run(ctx context.Context, question Question) (Report, error) {
	question.Method = cmp.Or(question.Method, http.MethodGet)
	if !strings.HasPrefix(question.Path, "/") {
		question.Path = "/" + question.Path
	}
	r := &run{Checker: c, Question: question, caller: cmp.Or(c.Caller, c.Owner), authType: lambda.AuthIAM}
	r.report = Report{Version: jsonVersion, Method: question.Method, Path: question.Path}
	r.askWho(ctx)
	if err := r.findFunction(ctx); err != nil {
		return Report{}, err
	}
	if err := r.findSubject(ctx); err != nil {
		return Report{}, err
	}
	if r.address != "" {
		r.lookAtNetwork(ctx)
	}
	r.lookAtKeys(ctx)
	r.lookAtPolicies(ctx)
	if question.Call && ctx.Err() == nil {
		r.call(ctx)
	}
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	r.report.Function, r.report.URL, r.report.Principal = r.functionName(), r.address, r.subject.label
	r.report.hide(r.secrets(ctx))
	r.report.conclude()
	return r.report, nil
}

func (r *run) add(step Step) {
	for i, fix := range step.Fix {
		step.Fix[i] = r.command(fix)
	}
	r.report.Steps = append(r.report.Steps, step)
}

// command is a line of a fix as it has to be typed: a command of furl with the flags that reach the same place.
func (r *run) command(line string) string {
	if !strings.HasPrefix(line, "furl ") {
		return line
	}
	command, comment, _ := strings.Cut(line, "   #")
	if r.CallerProfile != "" && strings.HasPrefix(command, "furl grant ") {
		command, comment = command+" --caller-profile "+snippet.Quote(r.CallerProfile), ""
	}
	if r.Flags != "" {
		command += " " + r.Flags
	}
	if comment != "" {
		command += "   #" + comment
	}
	return command
}

func (r *run) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}

func (r *run) functionName() string {
	if r.function.Name == "" {
		return ""
	}
	return r.function.String()
}

// askWho finds out who the credentials of both sides stand for.
func (r *run) askWho(ctx context.Context) {
	if r.identity, r.noKeys = r.caller.Keys.Identity(ctx); r.noKeys != nil {
		r.identity = awsapi.Identity{}
	}
	r.ownerID = r.identity.Account
	if r.Caller != nil {
		owner, err := r.Owner.Keys.Identity(ctx)
		if err != nil {
			owner.Account = ""
		}
		r.ownerID = owner.Account
	}
}

// lookingFailed is the step for something that could not be looked at.
func lookingFailed(name, what string, err error, decides bool) Step {
	step := Step{Name: name, Status: Unknown, Summary: what + ": " + err.Error(), Decides: decides}
	step.Missing, _ = awsapi.DeniedAction(err)
	return step
}
