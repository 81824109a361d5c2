package declared

import (
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/template"
)

// value is what a template of the stack has in the place of a value: a reference to a resource of its own for the ARN
// of one, and the pseudo parameters for the account and the region that were taken.
func (w *World) value(stack *template.Stack, text string) snippet.Intrinsic {
	if id, attribute, rest, ok := w.reference(stack, text); ok {
		switch {
		case rest == "":
			return snippet.Intrinsic{ID: id, Attribute: attribute}
		case attribute != "":
			id += "." + attribute
		}
		return snippet.Intrinsic{Sub: "${" + id + "}" + escape(rest)}
	}
	if text == w.account && !stack.Says(text) {
		return snippet.Intrinsic{ID: "AWS::AccountId"}
	}
	// An account that the template names itself stays as it is there.
	if !strings.HasPrefix(text, "arn:") || !strings.Contains(text, ":"+w.account+":") || stack.Says(w.account) {
		return snippet.Intrinsic{Text: text}
	}
	text = strings.Replace(escape(text), ":"+w.account+":", ":${AWS::AccountId}:", 1)
	return snippet.Intrinsic{Sub: strings.Replace(text, ":"+w.region+":", ":${AWS::Region}:", 1)}
}

// escape keeps ${ in a text for Fn::Sub.
func escape(text string) string { return strings.ReplaceAll(text, "${", "${!") }

// reference finds the resource of the stack whose ARN the text is, or begins with.
func (w *World) reference(stack *template.Stack, text string) (id, attribute, rest string, ok bool) {
	longest := ""
	try := func(arn string, of Source, name string) {
		after, found := strings.CutPrefix(text, arn)
		if !found || of.Stack != stack || len(arn) <= len(longest) || after != "" && !strings.HasPrefix(after, ":") &&
			!strings.HasPrefix(after, "*") {
			return
		}
		longest, id, attribute, rest, ok = arn, of.Resource.ID, name, after, true
	}
	for arn, alias := range w.aliases {
		try(arn, alias, "")
	}
	for arn, f := range w.functions {
		try(arn, f.Source, "Arn")
	}
	for _, o := range w.owners {
		if !o.outside {
			try(o.arn, o.Source, "Arn")
		}
	}
	for arn, policy := range w.managed {
		try(arn, policy.Source, "")
	}
	return id, attribute, rest, ok
}

// functionName is what a permission of the stack has as FunctionName.
func (w *World) functionName(stack *template.Stack, name lambda.ARN) snippet.Intrinsic {
	f, ok := w.functions[name.Unqualified().String()]
	switch alias, isDeclared := w.aliases[name.String()]; {
	case isDeclared && alias.Stack == stack:
		return snippet.Intrinsic{ID: alias.Resource.ID}
	case !ok || f.Stack != stack:
		return w.value(stack, name.String())
	case name.Qualifier == "":
		return snippet.Intrinsic{ID: f.Resource.ID}
	}
	return snippet.Intrinsic{Sub: "${" + f.Resource.ID + ".Arn}:" + name.Qualifier}
}

// fragment is resources for the template of the stack.
func (w *World) fragment(stack *template.Stack, resources ...snippet.Resource) snippet.Fragment {
	value := func(text string) snippet.Intrinsic { return w.value(stack, text) }
	return snippet.Fragment{Resources: resources, Value: value}
}

// permission is one as a resource of the stack.
func (w *World) permission(stack *template.Stack, id string, on lambda.ARN, p lambda.Permission) snippet.Resource {
	return snippet.Resource{ID: id, Function: w.functionName(stack, on), Permission: &p}
}
