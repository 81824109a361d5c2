package wire

import (
	"cmp"
	"encoding/base64"
	"errors"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/controlplane"
)

// Operation is one row of an API's table. Everything else about it, from its path to the names and limits of its
// members, is in the API's model.
type Operation struct {
	Name string

	// Action is the IAM action where it is not SERVICE:Name; [NoAction] is an operation that needs none.
	Action string

	// Also are the further actions that AWS asks for when a request has certain members.
	Also []Also

	Handler Handler
	Note    string // what differs from AWS, if anything
}

// Also is an IAM action that an operation needs besides its own if the request has the member: the service does that,
// too, in the caller's name.
type Also = controlplane.Also

// NoAction is the Action of an operation that needs no permission.
const NoAction = "-"

// Handler is the resource of an operation and the function that runs it, on one type of input.
type Handler struct {
	input reflect.Type
	serve func(call *controlplane.Call, action string, input any, absent error) (any, error)
}

// Request is a call with the permission that it needs. A resource makes it; a handler gets it once the caller is
// known to have the permission. Types of requests embed it.
type Request struct {
	*controlplane.Call
	Need controlplane.Permission
}

func (r *Request) need() *controlplane.Permission { return &r.Need }

// authorizable is a *[Request], or a type that embeds one.
type authorizable interface {
	need() *controlplane.Permission
}

// Run makes a Handler of an operation's resource and handler. The resource says what the caller needs the permission
// for, from the input and nothing else: who may not look learns nothing. A Need without a Resource is not asked for.
//
// The input is a struct. A field takes the member of its own name; a member without a field is refused when a request
// has it. Absent members leave a field as it is, so pointers are for those where absent and empty differ.
func Run[In any, R authorizable](resource func(*controlplane.Call, *In) (R, error), handle func(R, *In) (any, error)) Handler {
	return Handler{
		input: reflect.TypeFor[In](),
		serve: func(call *controlplane.Call, action string, input any, absent error) (any, error) {
			in := input.(*In)
			r, err := resource(call, in)
			if err != nil {
				return nil, err
			}
			if need := r.need(); need.Resource != "" {
				need.Action = action
				if err := call.Authorize(*need); err != nil {
					return nil, err
				}
			}
			if absent != nil {
				return nil, absent
			}
			return handle(r, in)
		},
	}
}

// Anything is the resource of operations that IAM knows none for: they are authorized for "*".
func Anything[In any](call *controlplane.Call, _ *In) (*Request, error) {
	return &Request{call, controlplane.Permission{Resource: "*"}}, nil
}

// Nothing is the resource of operations that need no permission, or that ask for it themselves.
func Nothing[In any](call *controlplane.Call, _ *In) (*Request, error) {
	return &Request{Call: call}, nil
}

// fieldsOf is where the fields of a type are, by name. Embedded structs are part of the type.
func fieldsOf(kind reflect.Type) map[string][]int {
	fields := map[string][]int{}
	for _, f := range reflect.VisibleFields(kind) {
		if !f.Anonymous {
			fields[f.Name] = f.Index
		}
	}
	return fields
}

// field is the name of the field for a member.
func (m *member) field() string { return mapFirst(unicode.ToUpper, m.name) }

// lowerFirst is a member's name as violations spell it.
func lowerFirst(name string) string { return mapFirst(unicode.ToLower, name) }

func mapFirst(to func(rune) rune, name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(to(first)) + name[size:]
}

// describe lists the constraints on the elements of a list as AWS does, whichever of them one does not satisfy.
func (s *shape) describe(always bool) string {
	var constraints []string
	add := func(constraint string) { constraints = append(constraints, "Member must "+constraint) }
	bounded := "have length "
	if s.kind == "double" {
		bounded = "have value "
	}
	if s.max.text != "" {
		add(bounded + "less than or equal to " + s.max.text)
	}
	if s.min.text != "" && (always || s.min.value > 0) {
		add(bounded + "greater than or equal to " + s.min.text)
	}
	if s.pattern != nil {
		add("satisfy regular expression pattern: " + s.pattern.text)
	}
	if s.enum != nil {
		add("satisfy enum value set: [" + strings.Join(s.enum, ", ") + "]")
	}
	if always || s.pattern != nil { // IAM says so with a pattern only
		add("not be null")
	}
	return strings.Join(constraints, ", ")
}

// Page is the part of a list operation's input that asks for a page. Inputs embed it.
type Page struct {
	Marker   *string
	MaxItems *int
}

// errMarker is the refusal of a marker that no answer gave; its text is the API's.
var errMarker = errors.New("invalid marker")

// Cut sorts the items by a key that no two share and takes the page out of them that the request asks for, of most
// items unless it asks for fewer, with the marker of the next page, "" at the end. The marker names the last item
// given and, unless it is "", the list: items that come and go in between are neither given twice nor passed over.
func Cut[T any](p Page, list string, most int, items []T, key func(T) string) (page []T, next string, err error) {
	slices.SortFunc(items, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	if list != "" {
		list += "/"
	}
	if p.Marker != nil {
		last, ok := readMarker(list, *p.Marker)
		if !ok {
			return nil, "", errMarker
		}
		start, found := slices.BinarySearchFunc(items, last, func(item T, last string) int { return cmp.Compare(key(item), last) })
		if found {
			start++
		}
		items = items[start:]
	}
	if p.MaxItems != nil {
		most = *p.MaxItems
	}
	if len(items) > most {
		items = items[:most]
		next = base64.RawURLEncoding.EncodeToString([]byte(list + key(items[most-1])))
	}
	return items, next, nil
}

func readMarker(list, marker string) (last string, ok bool) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(marker)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(string(text), list)
}
