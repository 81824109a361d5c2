// Package query speaks the AWS Query protocol, in which IAM and STS are offered: a form with an Action and a Version
// comes in by GET or POST, XML goes out. An API is a table of operations; each row is router, input validation,
// authorisation and documentation at once:
//
//	query.New(query.Config{
//		Name: "iam", Version: "2010-05-08", Namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
//		Table: []query.Operation{
//			{Name: "GetRole", Permission: onRole, Handler: query.Answer(getRole)},
//		},
//	})
//
// A request is validated first, then authorised, then run: what a malformed request would have done is not known, so
// nobody can be asked whether it may. It refuses parameters outside the constraints of the API model, and operations
// that furl does not have, by name.
package query

import (
	"encoding/base64"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/controlplane"
)

// Config describes an API.
type Config struct {
	Name      string // in credential scopes: iam, sts
	Version   string // 2010-05-08
	Namespace string // of the answers' XML
	Table     []Operation

	// Absent names the operations that AWS has and furl does not.
	Absent []string

	// AbsentUnsigned names those of Absent that no client signs. They are told that furl does not have them all the same.
	AbsentUnsigned []string

	// Admit refuses sessions that may not use an operation whatever their policies say; nil admits all.
	Admit func(*controlplane.Call, *Operation) error

	// QuietViolations leaves the bad value out of a validation error.
	QuietViolations bool

	// Failure is the code of an error that is the server's fault. IAM and STS have different ones.
	Failure string
}

// Operation is one row of an API's table.
type Operation struct {
	Name string

	// Permission is what the caller needs. Nil is an operation that needs no permission, or whose handler asks for it.
	Permission func(*controlplane.Call, *Form) (controlplane.Permission, error)

	// Action is the permission that a handler asks for itself, for the documentation.
	Action string

	// Unsigned is an operation whose callers have no credentials yet. Its handler decides whom it believes.
	Unsigned bool

	Handler Handler
	Note    string // what differs from AWS, if anything
}

// Handler reads an operation's input and runs it.
type Handler struct {
	input *schema
	run   func(c *controlplane.Call, input reflect.Value) (any, error)
}

// Answer makes a handler of a function that has a result.
func Answer[In, Out any](run func(*controlplane.Call, *In) (*Out, error)) Handler {
	return Handler{
		input: newSchema(reflect.TypeFor[In]()),
		run: func(c *controlplane.Call, input reflect.Value) (any, error) {
			return run(c, input.Interface().(*In))
		},
	}
}

// Perform makes a handler of a function that has none.
func Perform[In any](run func(*controlplane.Call, *In) error) Handler {
	return Handler{
		input: newSchema(reflect.TypeFor[In]()),
		run: func(c *controlplane.Call, input reflect.Value) (any, error) {
			return nil, run(c, input.Interface().(*In))
		},
	}
}

// API is a [controlplane.API] in the Query protocol.
type API struct {
	config Config
	table  map[string]*Operation
	absent map[string]bool
}

var _ controlplane.Claimant = (*API)(nil)

// New makes an API of its description.
func New(config Config) *API {
	a := &API{config: config, table: map[string]*Operation{}, absent: map[string]bool{}}
	for i := range config.Table {
		a.table[config.Table[i].Name] = &config.Table[i]
	}
	for _, name := range config.Absent {
		a.absent[name] = true
	}
	return a
}

// Service is the API's name in credential scopes.
func (a *API) Service() string { return a.config.Name }

// MaxBody is the limit that STS was seen to have.
func (a *API) MaxBody(*http.Request) int64 { return 10_000_000 }

// Operations lists the table for the documentation.
func (a *API) Operations() []controlplane.Operation {
	operations := make([]controlplane.Operation, len(a.config.Table))
	for i, row := range a.config.Table {
		operations[i] = controlplane.Operation{Name: row.Name, Action: row.Action, Note: row.Note}
		if row.Permission != nil {
			operations[i].Action = a.action(&row)
		}
	}
	return operations
}

// action is the IAM action that an operation needs.
func (a *API) action(o *Operation) string { return a.config.Name + ":" + o.Name }

// Claims recognises a request of this API by its version.
func (a *API) Claims(r *http.Request, body []byte) (mine, unsigned bool) {
	form, err := ParseForm(r, body)
	if err != nil || form.Get("Version") != a.config.Version {
		return false, false
	}
	operation, ok := a.table[form.Get("Action")]
	return true, ok && operation.Unsigned || slices.Contains(a.config.AbsentUnsigned, form.Get("Action"))
}

// Serve answers a request whose signature is good, or one without for an operation that needs none.
func (a *API) Serve(w http.ResponseWriter, call *controlplane.Call) {
	a.identify(w, call, call.Region)
	operation, result, err := a.serve(call)
	if err != nil {
		a.explain(w, call, err)
		a.writeError(w, call, a.refusal(call, err))
		return
	}
	var children []child
	if result != nil {
		children = append(children, child{operation.Name + "Result", result})
	}
	children = append(children, child{"ResponseMetadata", metadata{call.RequestID}})
	write(w, http.StatusOK, document(operation.Name+"Response", a.config.Namespace, children...))
}

func (a *API) serve(call *controlplane.Call) (*Operation, any, error) {
	form, err := ParseForm(call.Request, call.Body)
	if err != nil {
		return nil, nil, err
	}
	operation, err := a.find(form)
	if err != nil {
		return nil, nil, err
	}
	input, err := operation.Handler.input.decode(form, a.config.QuietViolations)
	if err != nil {
		return nil, nil, err
	}
	if err := a.authorize(call, operation, form); err != nil {
		return nil, nil, err
	}
	result, err := operation.Handler.run(call, input)
	return operation, result, err
}

// authorize asks whether the caller may use the operation.
func (a *API) authorize(call *controlplane.Call, operation *Operation, form *Form) error {
	switch {
	case operation.Unsigned:
		return nil
	case call.Caller == nil:
		return missingAuthentication()
	}
	if a.config.Admit != nil {
		if err := a.config.Admit(call, operation); err != nil {
			return err
		}
	}
	if operation.Permission == nil {
		return nil
	}
	permission, err := operation.Permission(call, form)
	if err != nil {
		return err
	}
	permission.Action = a.action(operation)
	return call.Authorize(permission)
}

// explain adds the sealed reason to a refusal.
func (a *API) explain(w http.ResponseWriter, call *controlplane.Call, err error) {
	var denied *controlplane.Denied
	if call.Messages == nil || !errors.As(err, &denied) {
		return
	}
	if message := call.Messages.Encode(denied); message != "" {
		w.Header().Set(controlplane.MessageHeader, message)
	}
}

// find is the operation that the request names.
func (a *API) find(form *Form) (*Operation, error) {
	action, ok := form.Lookup("Action")
	if !ok {
		// AWS sends such a request to its web site; a local server does not send its clients to the Internet.
		return nil, &Error{Status: http.StatusBadRequest, Code: "MissingAction", Message: "The request has no parameter Action.", Early: true}
	}
	version, ok := form.Lookup("Version")
	if !ok {
		version = "NO_VERSION_SPECIFIED"
	}
	if operation, ok := a.table[action]; ok && version == a.config.Version {
		return operation, nil
	}
	if a.absent[action] && version == a.config.Version {
		return nil, Errorf(http.StatusBadRequest, "UnsupportedOperation",
			"furl does not have the operation %s of %s. Its documentation, docs/compatibility.md, lists the operations that it has.",
			action, strings.ToUpper(a.config.Name))
	}
	unknown := Errorf(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", cut(action), cut(version))
	unknown.Early = true
	return nil, unknown
}

// refusal is the error as the client is told it. What is not meant for the client is logged.
func (a *API) refusal(call *controlplane.Call, err error) *Error {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal
	}
	var denied *controlplane.Denied
	if errors.As(err, &denied) {
		return &Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: denied.Error()}
	}
	call.Log.ErrorContext(call.Context(), "operation failed", "service", a.config.Name, "request", call.RequestID, "error", err)
	return &Error{
		Status: http.StatusInternalServerError, Code: a.config.Failure,
		Message: "The request processing has failed because of an unknown error, exception or failure.",
	}
}

// identify adds the headers by which STS names a request besides its id.
func (a *API) identify(w http.ResponseWriter, call *controlplane.Call, region string) {
	if a.config.Name == "sts" {
		extended := base64.StdEncoding.EncodeToString([]byte(region + ":" + call.RequestID))
		w.Header().Set("X-Amz-Sts-Extended-Request-Id", extended)
	}
}

type metadata struct{ RequestId string }
