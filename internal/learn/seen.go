// Package learn makes the smallest policies that allow the calls that a server saw, and finds the statements that none
// of these calls used. It reads what the server tells and asks nobody.
//
// Within an account the policies of the caller allow a call, across accounts those of both sides. Anonymous callers
// and services have the resource-based policy of the function alone, and the root user of an account needs none.
package learn

import (
	"encoding/json"
	"time"
)

// Seen is what a server knows of calls. Its JSON is what the server's page has.
type Seen struct {
	Since      time.Time   `json:"since"`      // when it began to look
	Limit      int         `json:"limit"`      // how many different calls it keeps
	Full       bool        `json:"full"`       // there were more
	DeniedFull bool        `json:"deniedFull"` // there were more that were refused
	Calls      []Call      `json:"calls"`
	Statements []Statement `json:"statements"` // that allow something, of users, groups, roles and functions
	Functions  []string    `json:"functions"`  // ARNs of all functions and aliases
}

// Kind is the sort of a caller.
type Kind string

// The sorts of callers.
const (
	Everyone Kind = "everyone"
	User     Kind = "user"
	Role     Kind = "role"
	Root     Kind = "root"
	Service  Kind = "service"
)

// Caller is who called. A session is the role or user that it belongs to.
type Caller struct {
	Kind    Kind   `json:"kind"`
	Account string `json:"account,omitempty"`
	ARN     string `json:"arn,omitempty"` // the name of a service
}

// Past is who a resource-based policy has to name so that no other policy of the caller limits the grant.
type Past string

// The names in a grant past the limits.
const (
	PastUser    Past = "user"
	PastSession Past = "session" // a grant to its role is limited
)

// Call is one or more calls that differ in nothing that a policy for them would name.
type Call struct {
	Caller          Caller    `json:"caller"`
	Action          string    `json:"action"`
	Resource        string    `json:"resource"`
	ResourceAccount string    `json:"resourceAccount"`
	AuthType        string    `json:"authType,omitempty"` // lambda:FunctionUrlAuthType
	ViaURL          bool      `json:"viaUrl,omitempty"`   // lambda:InvokedViaFunctionUrl
	PassedTo        string    `json:"passedTo,omitempty"` // iam:PassedToService
	Denied          bool      `json:"denied,omitempty"`   // for lack of a grant
	Last            time.Time `json:"last"`
	By              []string  `json:"by,omitempty"` // the ids of the statements that allowed it
	// Past is who a resource-based policy let in although the permissions boundary or a session policy of the caller does
	// not allow the call: no identity-based policy can.
	Past Past `json:"past,omitempty"`
}

// Statement is one that allows something.
type Statement struct {
	ID      string          `json:"id"`
	Account string          `json:"account"`
	Owner   string          `json:"owner"`             // ARN of a user, group, role or function
	Members []string        `json:"members,omitempty"` // of a group: ARNs
	Policy  string          `json:"policy"`
	Path    string          `json:"path"` // its place in the policy
	Sid     string          `json:"sid,omitempty"`
	JSON    json.RawMessage `json:"statement"`
	// Hidden is when a call last used it that Seen leaves out, since another account takes part in it.
	Hidden time.Time `json:"hidden,omitzero"`
}
