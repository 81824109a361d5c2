// Package template says what a CloudFormation template declares: the functions, function URLs, permissions, roles and
// the like of a stack, in the order in which they can be made, with every intrinsic function worked out. It is pure: it
// reads no files and makes nothing. A template of SAM goes through package sam first, which Load does.
//
//	root, err := tree.Parse("template.yaml", text)
//	stack, err := template.Load(root, template.Options{Stack: "demo", Account: "123456789012", Region: "us-east-1"})
//	known := template.Attributes{}
//	for _, resource := range stack.Resources {
//		value, err := stack.Value(resource, known)
//		…                                 // make it
//		known.Set(resource.ID, "Ref", …)  // what is known only once it is made
//	}
//
// Some attributes are known only once a resource is made, such as the address of a function URL. Value takes those that
// are known, and works out everything else with Unknown in their place.
package template

import (
	"github.com/furl-dev/furl/internal/template/tree"
)

// Options are what a template needs besides its text.
type Options struct {
	Stack           string // name of the stack
	Account, Region string
	Parameters      map[string]string // values of the template's parameters
	Imports         map[string]string // exports of other stacks, for Fn::ImportValue
	Strict          bool              // resources that are not run here are faults
}

// Unknown stands for what is known only once a resource is made.
const Unknown = "(known after apply)"

// Attributes are what is known of resources that were made: by logical id, and then by the name of the attribute, which
// is Ref for what {Ref: ID} is.
type Attributes map[string]map[string]string

// Set notes an attribute.
func (a Attributes) Set(id, name, value string) {
	if a[id] == nil {
		a[id] = map[string]string{}
	}
	a[id][name] = value
}

// Stack is what a template declares.
type Stack struct {
	Name      string
	Resources []*Resource // in an order in which they can be made; those of false conditions are left out
	NotRun    []NotRun    // types of resources that only have a name here
	Notices   []Notice    // what is read otherwise than one may expect
}

// Resource is one that furl runs.
type Resource struct {
	ID     string // logical
	Type   string // such as AWS::Lambda::Function
	Pos    tree.Position
	Needs  []string // logical ids of the resources that must be there before
	Origin string   // logical id in the source, where SAM made this resource of another one; else ID
}

// NotRun is a resource of a type that is not run here.
type NotRun struct {
	ID, Type string
	Pos      tree.Position
}

// Notice is a remark about a place.
type Notice struct {
	Pos  tree.Position
	Text string
}
