package record

import (
	"time"

	"github.com/furl-dev/furl/internal/lambda"
)

// Function is the record of a lambda.Function.
type Function struct {
	header
	ARN                 ARN                     `json:"ARN"`
	Runtime             string                  `json:"Runtime"`
	Handler             string                  `json:"Handler"`
	Role                string                  `json:"Role"`
	RoleID              string                  `json:"RoleID"`
	Description         string                  `json:"Description"`
	Timeout             time.Duration           `json:"Timeout"`
	MemoryMB            int                     `json:"MemoryMB"`
	EphemeralMB         int                     `json:"EphemeralMB"`
	Architecture        string                  `json:"Architecture"`
	Environment         map[string]string       `json:"Environment,omitempty"`
	Tags                map[string]string       `json:"Tags,omitempty"`
	TracingMode         string                  `json:"TracingMode"`
	LogFormat           string                  `json:"LogFormat"`
	LogGroup            string                  `json:"LogGroup"`
	ApplicationLogLevel string                  `json:"ApplicationLogLevel,omitempty"`
	SystemLogLevel      string                  `json:"SystemLogLevel,omitempty"`
	CodeSHA256          string                  `json:"CodeSHA256"`
	CodeHex             string                  `json:"CodeHex"`
	CodeSize            int64                   `json:"CodeSize"`
	RevisionID          string                  `json:"RevisionID"`
	LastModified        time.Time               `json:"LastModified"`
	URLs                map[string]URL          `json:"URLs,omitempty"`
	Permissions         map[string][]Permission `json:"Permissions,omitempty"`
}

// ARN is the name of a Function.
type ARN struct {
	Region    string `json:"Region"`
	Account   string `json:"Account"`
	Name      string `json:"Name"`
	Qualifier string `json:"Qualifier"`
}

// URL is a function URL of a Function.
type URL struct {
	ID         string            `json:"ID"`
	AuthType   lambda.AuthType   `json:"AuthType"`
	InvokeMode lambda.InvokeMode `json:"InvokeMode"`
	CORS       *CORS             `json:"CORS,omitempty"`
	Created    time.Time         `json:"Created"`
	Modified   time.Time         `json:"Modified"`
}

// CORS is the cross-origin configuration of a URL.
type CORS struct {
	AllowCredentials *bool    `json:"AllowCredentials,omitempty"`
	AllowHeaders     []string `json:"AllowHeaders,omitempty"`
	AllowMethods     []string `json:"AllowMethods,omitempty"`
	AllowOrigins     []string `json:"AllowOrigins,omitempty"`
	ExposeHeaders    []string `json:"ExposeHeaders,omitempty"`
	MaxAge           *int     `json:"MaxAge,omitempty"`
}

// Permission is a statement of the resource-based policy of a Function.
type Permission struct {
	StatementID         string          `json:"StatementID"`
	Action              string          `json:"Action"`
	Principal           Principal       `json:"Principal"`
	SourceARN           string          `json:"SourceARN,omitempty"`
	SourceAccount       string          `json:"SourceAccount,omitempty"`
	EventSourceToken    string          `json:"EventSourceToken,omitempty"`
	PrincipalOrgID      string          `json:"PrincipalOrgID,omitempty"`
	FunctionURLAuthType lambda.AuthType `json:"FunctionURLAuthType,omitempty"`
	InvokedViaURL       *bool           `json:"InvokedViaURL,omitempty"`
}

// Principal is the principal of a Permission.
type Principal struct {
	Anyone  bool   `json:"Anyone,omitempty"`
	Service string `json:"Service,omitempty"`
	AWS     string `json:"AWS,omitempty"`
}

// Kind implements Of.
func (Function) Kind() (string, int) { return "function", 1 }

// From implements Of.
func (Function) From(f *lambda.Function) Function {
	return Function{
		ARN: ARN(f.ARN), Runtime: f.Runtime, Handler: f.Handler, Role: f.Role, RoleID: f.RoleID,
		Description: f.Description, Timeout: f.Timeout, MemoryMB: f.MemoryMB, EphemeralMB: f.EphemeralMB,
		Architecture: f.Architecture, Environment: f.Environment, Tags: f.Tags, TracingMode: f.TracingMode,
		LogFormat: f.LogFormat, LogGroup: f.LogGroup, ApplicationLogLevel: f.ApplicationLogLevel,
		SystemLogLevel: f.SystemLogLevel, CodeSHA256: f.CodeSHA256, CodeHex: f.CodeHex, CodeSize: f.CodeSize,
		RevisionID: f.RevisionID, LastModified: f.LastModified,
		URLs: each(f.URLs, func(u *lambda.URLConfig) URL {
			return URL{u.ID, u.AuthType, u.InvokeMode, (*CORS)(u.CORS), u.Created, u.Modified}
		}),
		Permissions: each(f.Permissions, func(list []lambda.Permission) []Permission {
			return all(list, func(p lambda.Permission) Permission {
				return Permission{
					p.StatementID, p.Action, Principal(p.Principal), p.SourceARN, p.SourceAccount, p.EventSourceToken,
					p.PrincipalOrgID, p.FunctionURLAuthType, p.InvokedViaURL,
				}
			})
		}),
	}
}

// Value implements Of.
func (r Function) Value() (*lambda.Function, error) {
	return &lambda.Function{
		ARN: lambda.ARN(r.ARN), Runtime: r.Runtime, Handler: r.Handler, Role: r.Role, RoleID: r.RoleID,
		Description: r.Description, Timeout: r.Timeout, MemoryMB: r.MemoryMB, EphemeralMB: r.EphemeralMB,
		Architecture: r.Architecture, Environment: r.Environment, Tags: r.Tags, TracingMode: r.TracingMode,
		LogFormat: r.LogFormat, LogGroup: r.LogGroup, ApplicationLogLevel: r.ApplicationLogLevel,
		SystemLogLevel: r.SystemLogLevel, CodeSHA256: r.CodeSHA256, CodeHex: r.CodeHex, CodeSize: r.CodeSize,
		RevisionID: r.RevisionID, LastModified: r.LastModified,
		URLs: each(r.URLs, func(u URL) *lambda.URLConfig {
			return &lambda.URLConfig{
				ID: u.ID, AuthType: u.AuthType, InvokeMode: u.InvokeMode, CORS: (*lambda.CORS)(u.CORS),
				Created: u.Created, Modified: u.Modified,
			}
		}),
		Permissions: each(r.Permissions, func(list []Permission) []lambda.Permission {
			return all(list, func(p Permission) lambda.Permission {
				return lambda.Permission{
					StatementID: p.StatementID, Action: p.Action, Principal: lambda.PermissionPrincipal(p.Principal),
					SourceARN: p.SourceARN, SourceAccount: p.SourceAccount, EventSourceToken: p.EventSourceToken,
					PrincipalOrgID: p.PrincipalOrgID, FunctionURLAuthType: p.FunctionURLAuthType,
					InvokedViaURL: p.InvokedViaURL,
				}
			})
		}),
	}, nil
}
