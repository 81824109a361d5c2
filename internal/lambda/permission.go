package lambda

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/policy"
)

// The two actions that a call of a new function URL needs since October 2025 (Lambda Developer Guide, "Control access
// to Lambda function URLs").
const (
	ActionInvokeURL = "lambda:InvokeFunctionUrl"
	ActionInvoke    = "lambda:InvokeFunction"
)

// Permission is one statement of the resource-based policy of a function, as AddPermission takes it, or of the version of
// a layer.
type Permission struct {
	StatementID string
	Action      string
	Principal   PermissionPrincipal

	// Conditions; empty means none.
	SourceARN           string
	SourceAccount       string
	EventSourceToken    string
	PrincipalOrgID      string
	FunctionURLAuthType AuthType
	InvokedViaURL       *bool
}

// PermissionPrincipal is who a Permission is for. Exactly one field is set.
type PermissionPrincipal struct {
	Anyone  bool
	Service string // cloudfront.amazonaws.com
	AWS     string // an ARN, or the unique id of a user or role (AIDA…, AROA…)
}

// String is the principal as AddPermission takes it: an account by its id.
func (p PermissionPrincipal) String() string {
	switch {
	case p.Anyone:
		return "*"
	case p.Service != "":
		return p.Service
	}
	if root, err := arn.ParsePrincipal(p.AWS); err == nil && root.Type == "root" {
		return root.Account
	}
	return p.AWS
}

// Statement is the permission as a statement of an IAM policy, with the keys in the order in which AWS returns
// them. show turns a stored principal into the one to print: AWS keeps users and roles by unique id, and prints
// their ARN as long as they exist (IAM User Guide, "AWS JSON policy elements: Principal").
func (p Permission) Statement(resource fmt.Stringer, show func(principal string) string) json.RawMessage {
	var principal any = "*"
	switch {
	case p.Principal.Service != "":
		principal = map[string]string{"Service": p.Principal.Service}
	case p.Principal.AWS != "":
		principal = map[string]string{"AWS": show(p.Principal.AWS)}
	}
	return marshal(struct {
		Sid       string
		Effect    string
		Principal any
		Action    string
		Resource  string
		Condition condition `json:",omitzero"`
	}{p.StatementID, "Allow", principal, p.Action, resource.String(), p.condition()})
}

// condition is the Condition element. Operators and keys stand in the order in which AWS was seen to return them
// (recorded AddPermission answers in LocalStack's test snapshots), which is not sorted.
type condition struct {
	StringEquals struct {
		SourceAccount       string   `json:"AWS:SourceAccount,omitempty"`
		EventSourceToken    string   `json:"lambda:EventSourceToken,omitempty"`
		FunctionURLAuthType AuthType `json:"lambda:FunctionUrlAuthType,omitempty"`
		PrincipalOrgID      string   `json:"aws:PrincipalOrgID,omitempty"`
	} `json:",omitzero"`
	Bool struct {
		InvokedViaURL *bool `json:"lambda:InvokedViaFunctionUrl,omitempty,string"`
	} `json:",omitzero"`
	ArnLike struct {
		SourceARN string `json:"AWS:SourceArn,omitempty"`
	} `json:",omitzero"`
}

func (p Permission) condition() (c condition) {
	c.StringEquals.SourceAccount, c.StringEquals.EventSourceToken = p.SourceAccount, p.EventSourceToken
	c.StringEquals.FunctionURLAuthType, c.StringEquals.PrincipalOrgID = p.FunctionURLAuthType, p.PrincipalOrgID
	c.Bool.InvokedViaURL, c.ArnLike.SourceARN = p.InvokedViaURL, p.SourceARN
	return c
}

// ReadPermission reads a statement back into the permission that AddPermission made it from. ok is false for a statement
// that AddPermission could not have made.
func ReadPermission(s policy.Statement) (made Permission, ok bool) {
	var read struct {
		Sid, Effect string
		Principal   json.RawMessage
		Action      string
		Resource    string
		Condition   map[string]map[string]string
	}
	decoder := json.NewDecoder(bytes.NewReader(s.JSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil || read.Effect != "Allow" || strings.ContainsAny(read.Resource, "*?") {
		return Permission{}, false
	}
	if strings.ContainsAny(read.Action, "*?") && read.Action != "*" && read.Action != "lambda:*" {
		return Permission{}, false
	}
	made = Permission{StatementID: read.Sid, Action: read.Action}
	var anyone string
	var named struct{ AWS, Service string }
	switch {
	case json.Unmarshal(read.Principal, &anyone) == nil && anyone == "*":
		made.Principal.Anyone = true
	case json.Unmarshal(read.Principal, &named) == nil && (named.AWS == "") != (named.Service == ""):
		made.Principal = PermissionPrincipal{AWS: named.AWS, Service: named.Service}
	default:
		return Permission{}, false
	}
	for operator, keys := range read.Condition {
		for key, value := range keys {
			switch strings.ToLower(operator + " " + key) {
			case "stringequals lambda:functionurlauthtype":
				made.FunctionURLAuthType = AuthType(value)
			case "bool lambda:invokedviafunctionurl":
				made.InvokedViaURL = new(value == "true")
			case "arnlike aws:sourcearn":
				made.SourceARN = value
			case "stringequals aws:sourceaccount":
				made.SourceAccount = value
			case "stringequals aws:principalorgid":
				made.PrincipalOrgID = value
			case "stringequals lambda:eventsourcetoken":
				made.EventSourceToken = value
			default:
				return Permission{}, false
			}
		}
	}
	return made, true
}

// marshal is json.Marshal without the escaping of <, > and &, which AWS does not do either. It cannot fail for
// the types it is given here.
func marshal(value any) json.RawMessage {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimRight(text.Bytes(), "\n")
}
