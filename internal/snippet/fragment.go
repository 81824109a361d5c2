package snippet

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
)

// Intrinsic is what a template has in the place of a value: a Ref, an attribute of a resource, a text with ${…} in it,
// or the value as it is.
type Intrinsic struct {
	ID, Attribute string // Ref without an Attribute
	Sub           string
	Text          string
}

// JSON is the value in a template in JSON, which is one in YAML, too.
func (i Intrinsic) JSON() string {
	switch {
	case i.Attribute != "":
		return fmt.Sprintf(`{"Fn::GetAtt":[%s,%s]}`, quoted(i.ID), quoted(i.Attribute))
	case i.ID != "":
		return fmt.Sprintf(`{"Ref":%s}`, quoted(i.ID))
	case i.Sub != "":
		return fmt.Sprintf(`{"Fn::Sub":%s}`, quoted(i.Sub))
	}
	return quoted(i.Text)
}

// YAML is the value with the short tags of templates.
func (i Intrinsic) YAML() string {
	switch {
	case i.Attribute != "":
		return "!GetAtt " + i.ID + "." + i.Attribute
	case i.ID != "":
		return "!Ref " + i.ID
	case i.Sub != "":
		return "!Sub " + quoted(i.Sub)
	}
	return quoted(i.Text)
}

func (i Intrinsic) cdk() string {
	switch {
	case i.Attribute != "":
		return fmt.Sprintf("cdk.Fn.getAtt(%s, %s).toString()", quoted(i.ID), quoted(i.Attribute))
	case i.ID != "":
		return fmt.Sprintf("cdk.Fn.ref(%s)", quoted(i.ID))
	case i.Sub != "":
		return fmt.Sprintf("cdk.Fn.sub(%s)", quoted(i.Sub))
	}
	return quoted(i.Text)
}

// Resource is a permission or an inline policy as a resource of a template that declares the function, too.
type Resource struct {
	ID         string
	Function   Intrinsic          // of a permission
	Permission *lambda.Permission // nil for an inline policy
	Owner      Intrinsic          // of an inline policy: the name of its role or user
	Inline     *InlinePolicy
}

// Fragment is resources for a template. Value answers what stands there for an ARN or another value.
type Fragment struct {
	Resources []Resource
	Value     func(value string) Intrinsic
}

// Policy is an IAM JSON text with the template's values in it.
func (f Fragment) Policy(text string) json.RawMessage {
	decoder := json.NewDecoder(strings.NewReader(text))
	var out strings.Builder
	f.copy(&out, decoder)
	return json.RawMessage(out.String())
}

// copy copies a value, whose members keep their order.
func (f Fragment) copy(out *strings.Builder, from *json.Decoder) {
	token, err := from.Token()
	if err != nil {
		return // the text was parsed before
	}
	switch t := token.(type) {
	case json.Delim:
		out.WriteString(t.String())
		for first := true; from.More(); first = false {
			if !first {
				out.WriteByte(',')
			}
			if t == '{' {
				name, _ := from.Token()
				text, _ := name.(string)
				out.WriteString(quoted(text) + ":")
			}
			f.copy(out, from)
		}
		end, _ := from.Token()
		fmt.Fprint(out, end)
	case string:
		out.WriteString(f.Value(t).JSON())
	default:
		written, _ := json.Marshal(t)
		out.Write(written)
	}
}

// properties are the type of a resource and what it has, with values that write writes.
func (f Fragment) properties(r Resource, prefix string, write func(Intrinsic) string) (kind string, list []member) {
	if r.Permission != nil {
		list = append(list, member{"FunctionName", write(r.Function), raw})
		for _, m := range members(*r.Permission) {
			if m.kind == text {
				m.value = write(f.Value(m.value))
			} else if m.kind == word {
				m.value = quoted(m.value)
			}
			list = append(list, member{m.name, m.value, raw})
		}
		return "Lambda::Permission", list
	}
	inline := *r.Inline
	inline.Document = string(f.Policy(inline.Document))
	kind, list = inline.members(prefix)
	for i, m := range list {
		switch {
		case strings.HasSuffix(m.name, "Name") && m.name != "PolicyName" && m.name != "ManagedPolicyName":
			list[i] = member{m.name, write(r.Owner), raw}
		case m.kind != raw:
			list[i] = member{m.name, write(Intrinsic{Text: m.value}), raw}
		}
	}
	return "IAM::" + kind, list
}

// YAML is the resources as members of Resources, indented by the prefix.
func (f Fragment) YAML(prefix string) string {
	var t lines
	for _, r := range f.Resources {
		kind, list := f.properties(r, "    ", Intrinsic.YAML)
		t.add("%s", resource(r.ID, kind, "", list))
	}
	return prefix + strings.ReplaceAll(t.text(), "\n", "\n"+prefix)
}

// JSON is the resources as members of Resources, by their ids.
func (f Fragment) JSON() map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for _, r := range f.Resources {
		kind, list := f.properties(r, "", Intrinsic.JSON)
		var properties []string
		for _, m := range list {
			properties = append(properties, quoted(m.name)+":"+m.value)
		}
		all[r.ID] = json.RawMessage(`{"Type":` + quoted("AWS::"+kind) + `,"Properties":{` +
			strings.Join(properties, ",") + `}}`)
	}
	return all
}

// Constructs are the resources as constructs for the CDK's stack in TypeScript that declares the function.
func (f Fragment) Constructs() string {
	var t lines
	for _, r := range f.Resources {
		kind, list := f.properties(r, "  ", Intrinsic.cdk)
		if r.Permission == nil { // a document is an object, which has no calls for its intrinsics but their JSON
			t.add("%s", construct("iam.Cfn"+strings.TrimPrefix(kind, "IAM::"), "this", r.ID, list))
			continue
		}
		t.add("%s", construct("lambda.CfnPermission", "this", r.ID, list))
	}
	return t.String()
}
