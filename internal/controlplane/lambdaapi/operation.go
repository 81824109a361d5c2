package lambdaapi

import (
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane"
)

// operation is a row of the table: everything that is known of an operation in one place.
type operation struct {
	name   string
	method string
	path   string // with {Labels}; ?key=value at its end where a query parameter tells operations apart
	action string // IAM action, "" for an operation that furl does not have
	status int    // of a successful answer
	limit  int    // of the request body in bytes, 0 is maxRequest
	run    runner // nil for an operation that furl does not have
	note   string // what differs from AWS
}

// Limits of request bodies. AWS names those of code, configuration and invocation in its answer to one that is too
// large; for other operations the limit is furl's.
const (
	maxCodeRequest          = 70_167_211
	maxConfigurationRequest = 5_120
	maxInvokeRequest        = 6_291_456
	maxRequest              = 1 << 20
)

func (op *operation) maxBody() int {
	if op.limit == 0 {
		return maxRequest
	}
	return op.limit
}

// runner is an operation from decoding to answer.
type runner func(*API, *controlplane.Call, *operation, parameters) (any, error)

// input is what an operation takes.
type input interface {
	// take fills in the members that are not in the body.
	take(parameters)
	// check holds the members against the API's model.
	check() violations
}

// factual is an input that has condition keys of its own: those that the Service Authorization Reference lists for
// the action.
type factual interface {
	facts(target) []auth.Fact
}

// request is an operation's request, decoded and authorised.
type request struct {
	*controlplane.Call
	target target
}

// op makes a runner of a handler and of what it is authorised for. The handler runs when the input is well-formed and
// the caller has the operation's action on that resource.
func op[In any, P interface {
	*In
	input
}](on resource, handle func(*API, *request, P) (any, error)) runner {
	return func(a *API, call *controlplane.Call, op *operation, parameters parameters) (any, error) {
		in := P(new(In))
		if !ownsBody(in) {
			if err := decode(call.Body, in); err != nil {
				return nil, err
			}
		}
		in.take(parameters)
		if err := in.check().err(); err != nil {
			return nil, err
		}
		target, err := on(call, in)
		if err != nil {
			return nil, err
		}
		r := &request{Call: call, target: target}
		var facts []auth.Fact
		if in, ok := any(in).(factual); ok {
			facts = in.facts(target)
		}
		if err := r.authorize(op.action, facts); err != nil {
			return nil, err
		}
		return handle(a, r, in)
	}
}

// ownsBody reports whether the body is not JSON for decode to read but a payload.
func ownsBody(in input) bool {
	_, ok := in.(interface{ ownsBody() })
	return ok
}

// authorize asks whether the caller may do the action to the request's target.
func (r *request) authorize(action string, facts []auth.Fact) error {
	need := controlplane.Permission{Action: action, Resource: "*", Facts: facts}
	if r.target.named() {
		need.Resource, need.ResourceAccount = r.target.resource.String(), r.target.resource.Account
		if function := r.target.function; function != nil {
			need.Policy = function.Policy(policyQualifier(r.target.resource.Qualifier))
			need.PolicyName = "resource-based policy of function " + function.ARN.Name
			for key, value := range function.Tags {
				need.Facts = append(need.Facts, auth.Fact{Key: "aws:ResourceTag/" + key, Value: value})
			}
		}
	}
	return r.Authorize(need)
}
