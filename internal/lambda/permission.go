package lambda

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"

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

// PolicyText is the resource-based policy that the permissions make up, as GetPolicy returns it.
func PolicyText(permissions []Permission, resource fmt.Stringer, show func(principal string) string) string {
	statements := make([]json.RawMessage, len(permissions))
	for i, permission := range permissions {
		statements[i] = permission.Statement(resource, show)
	}
	return string(marshal(struct {
		Version   string
		ID        string `json:"Id"`
		Statement []json.RawMessage
	}{"2012-10-17", "default", statements}))
}

// CompilePolicy makes the policy that requests are judged by; nil without permissions. Principals are left as
// stored, so that a user or role that was deleted and made again under its old name does not match.
func CompilePolicy(permissions []Permission, resource fmt.Stringer) (*policy.Document, error) {
	if len(permissions) == 0 {
		return nil, nil
	}
	stored := func(principal string) string { return principal }
	document, err := policy.Parse([]byte(PolicyText(permissions, resource, stored)), policy.Resource)
	if err != nil {
		return nil, fmt.Errorf("resource-based policy of %s: %w", resource, err)
	}
	return document, nil
}

// compiled is the policy of the permissions. AddPermission refuses what cannot be compiled: a policy that cannot be was
// changed by others, and refuses everything.
func compiled(permissions []Permission, resource fmt.Stringer) *policy.Document {
	document, err := CompilePolicy(permissions, resource)
	if err != nil {
		return refuseAll()
	}
	return document
}

// refuseAll is the policy that denies everything to everyone.
var refuseAll = sync.OnceValue(func() *policy.Document {
	document, err := policy.Parse([]byte(
		`{"Version":"2012-10-17","Statement":{"Sid":"DamagedPolicy","Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}`), policy.Resource)
	if err != nil {
		panic(err)
	}
	return document
})

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
