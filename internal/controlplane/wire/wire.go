// Package wire speaks the protocols of the AWS APIs: REST-JSON for Lambda, and Query, in which a form comes in and XML
// goes out, for IAM and STS. An API is a table of operations; the rest is known from the facts of AWS's API models,
// which are part of this package:
//
//	wire.New(wire.Config{
//		Service: "iam", Namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
//		Table: []wire.Operation{
//			{Name: "GetRole", Handler: wire.Run(onRole, getRole), Note: "RoleLastUsed is always empty."},
//		},
//	})
//
// Of every request it finds the operation, checks the members against the model, has the caller authorized, and only
// then runs the handler: what a malformed request would have done is not known, so nobody can be asked whether it may.
//
// It refuses operations and members that AWS has and furl does not, by name, and never ignores them. Members that
// nobody knows are ignored, as at AWS. Where AWS is not like its model, overlay.txt says so.
package wire

import (
	"errors"
	"net/http"
	"sync"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/sigv4"
)

// Config describes an API.
type Config struct {
	Service   string // in credential scopes, and the name of the model: lambda, iam, sts
	Namespace string // of the answers' XML; "" is an API in REST-JSON
	Table     []Operation

	// Codes of errors that are not an operation's own.
	Invalid string // a request that violates the model
	Refused string // a member that AWS has and furl does not
	Denied  string // a caller without the permission
	Failure string // what is the server's fault

	// Quiet leaves the bad value out of the refusal of a request that violates the model.
	Quiet bool

	// Absent says why furl does not have a member, by the member's path.
	Absent map[string]string

	// Admit refuses calls whatever the operation's permission is; nil admits all. It is not asked about operations that
	// need no signature.
	Admit func(*controlplane.Call, *Operation) error

	// Translate makes a refusal of an error that is none yet; nil makes it one that is the server's fault.
	Translate func(*controlplane.Call, error) *Error

	// BadMarker refuses a marker that no answer gave.
	BadMarker *Error

	// MaxBody is the largest body of a request in bytes, and MaxBodyOf that of the operations that take more or less.
	MaxBody   int
	MaxBodyOf map[string]int
}

// API is a [controlplane.API]. It is safe for concurrent use.
type API struct {
	config Config
	table  map[string]*Operation
	model  func() *model
	routes func() router
}

var _ controlplane.API = (*API)(nil)

// New makes an API of its description.
func New(config Config) *API {
	a := &API{config: config, table: map[string]*Operation{}, model: loaded[config.Service]}
	for i := range config.Table {
		a.table[config.Table[i].Name] = &config.Table[i]
	}
	a.routes = sync.OnceValue(func() router { return newRouter(a.model()) })
	return a
}

// query reports whether the API is in the Query protocol.
func (a *API) query() bool { return a.config.Namespace != "" }

// codec is one of the protocols.
type codec interface {
	// find finds the operation that a request is for, and how its input is read.
	find(*API, *controlplane.Call) (op *operation, read func() (members, error), err error)
	// lacks is the refusal of an operation that furl does not have.
	lacks(*API, *operation) *Error
	answer(http.ResponseWriter, *API, *controlplane.Call, *operation, any)
	fail(http.ResponseWriter, *API, *controlplane.Call, *Error, errorFacts)
	// signature is the refusal of a request whose signature is not good.
	signature(*API, *controlplane.Call, *sigv4.Error) *Error
}

func (a *API) codec() codec {
	if a.query() {
		return queryCodec{}
	}
	return restCodec{}
}

// Service is the API's name in credential scopes.
func (a *API) Service() string { return a.config.Service }

// Query reports whether the API is in the Query protocol, all of whose requests go to "/".
func (a *API) Query() bool { return a.query() }

// MaxBody is the largest body that the request may have.
func (a *API) MaxBody(r *http.Request) int64 {
	if a.config.MaxBodyOf != nil {
		if op, _, ok := a.routes().find(r); ok {
			return int64(a.maxBody(op.name))
		}
	}
	return int64(a.config.MaxBody)
}

func (a *API) maxBody(operation string) int {
	if most, ok := a.config.MaxBodyOf[operation]; ok {
		return most
	}
	return a.config.MaxBody
}

// Operations lists the table for the documentation.
func (a *API) Operations() []controlplane.Operation {
	operations := make([]controlplane.Operation, len(a.config.Table))
	for i := range a.config.Table {
		row := &a.config.Table[i]
		operations[i] = controlplane.Operation{Name: row.Name, Action: a.action(row), Also: row.Also, Note: row.Note}
		if !a.query() {
			facts := a.model().operations[row.Name]
			operations[i].Method, operations[i].Path = facts.method, facts.path
		}
	}
	return operations
}

// action is the IAM action that an operation needs, "" for one that needs none.
func (a *API) action(row *Operation) string {
	switch row.Action {
	case "":
		return a.config.Service + ":" + row.Name
	case NoAction:
		return ""
	default:
		return row.Action
	}
}

// Claims recognizes a request of a Query API by its version, and another by its method and path.
func (a *API) Claims(r *http.Request, body []byte) (mine, unsigned bool) {
	if !a.query() {
		_, _, mine = a.routes().find(r)
		return mine, false
	}
	form, err := parseForm(r, body)
	if err != nil {
		return false, false
	}
	if version, _ := form.lookup("Version"); version != a.model().version {
		return false, false
	}
	action, _ := form.lookup("Action")
	op, ok := a.model().operations[action]
	return true, ok && op.unsigned
}

// Serve answers a request whose signature is good, or one without for an operation that needs none.
func (a *API) Serve(w http.ResponseWriter, call *controlplane.Call) {
	a.identify(w, call)
	op, result, err := a.serve(call)
	if err != nil {
		call.PointOut(w)
		a.explain(w, call, err)
		a.write(w, call, a.refusal(call, err))
		return
	}
	a.codec().answer(w, a, call, op, result)
}

func (a *API) serve(call *controlplane.Call) (*operation, any, error) {
	op, read, err := a.codec().find(a, call)
	if err != nil {
		return nil, nil, err
	}
	call.Named(a.Service() + ":" + op.name)
	row, ok := a.table[op.name]
	if !ok {
		return nil, nil, a.codec().lacks(a, op)
	}
	if len(call.Body) > a.maxBody(op.name) {
		return nil, nil, a.tooLarge(op)
	}
	in, err := read()
	if err != nil {
		return nil, nil, err
	}
	input, absent, err := a.decode(op, in, row.Handler.input)
	if err != nil {
		return nil, nil, err
	}
	if call.Caller == nil && !op.unsigned {
		return nil, nil, missingAuthentication()
	}
	if a.config.Admit != nil && !op.unsigned {
		if err := a.config.Admit(call, row); err != nil {
			return nil, nil, err
		}
	}
	result, err := row.Handler.serve(call, a.action(row), input, absent)
	return op, result, err
}

// explain adds the sealed reason to a refusal.
func (a *API) explain(w http.ResponseWriter, call *controlplane.Call, err error) {
	denied, ok := errors.AsType[*controlplane.Denied](err)
	if !ok || !a.query() || call.Messages == nil {
		return
	}
	if message := call.Messages.Encode(denied); message != "" {
		w.Header().Set(controlplane.MessageHeader, message)
	}
}
