package record

import (
	"reflect"
	"time"

	"github.com/furl-dev/furl/internal/lambda"
)

// Function is the record of a lambda.Function.
type Function struct {
	header
	ARN ARN `json:"ARN"`
	Configuration
	Tags        map[string]string         `json:"Tags,omitempty"`
	LastVersion int                       `json:"LastVersion,omitempty"`
	Reserved    *int                      `json:"Reserved,omitempty"`
	Provisioned map[string]Provisioned    `json:"Provisioned,omitempty"`
	EventInvoke map[string]EventInvoke    `json:"EventInvoke,omitempty"`
	AllowsLoops bool                      `json:"AllowsLoops,omitempty"`
	URLs        map[string]URL            `json:"URLs,omitempty"`
	Policies    map[string]ResourcePolicy `json:"Policies,omitempty"`
	permissions
}

// permissions is what a Function had up to version 3 in the place of Policies: what AddPermission took.
type permissions struct {
	Permissions     map[string][]Permission `json:"Permissions,omitempty"`
	PolicyRevisions map[string]string       `json:"PolicyRevisions,omitempty"`
}

// upgrade makes policies of the permissions of an older record.
func (f *Function) upgrade() error {
	for qualifier, list := range f.Permissions {
		if len(list) == 0 {
			continue
		}
		statements := make([]lambda.Permission, len(list))
		if err := convert(reflect.ValueOf(&statements).Elem(), reflect.ValueOf(list)); err != nil {
			return err
		}
		resource := lambda.ARN(f.ARN)
		resource.Qualifier = qualifier
		if f.Policies == nil {
			f.Policies = map[string]ResourcePolicy{}
		}
		f.Policies[qualifier] = ResourcePolicy{
			Text: lambda.PolicyText(statements, resource, lambda.Stored), RevisionID: f.PolicyRevisions[qualifier],
		}
	}
	f.permissions = permissions{}
	return nil
}

// ResourcePolicy is the resource-based policy of a Function, of one of its versions and aliases, or of the version of a
// Layer.
type ResourcePolicy struct {
	Text       string `json:"Text"`
	RevisionID string `json:"RevisionID"`
}

// Configuration is the code and the settings of a Function or a Version.
type Configuration struct {
	Runtime             string            `json:"Runtime"`
	Handler             string            `json:"Handler"`
	Role                string            `json:"Role"`
	RoleID              string            `json:"RoleID"`
	Description         string            `json:"Description"`
	Timeout             time.Duration     `json:"Timeout"`
	MemoryMB            int               `json:"MemoryMB"`
	EphemeralMB         int               `json:"EphemeralMB"`
	Architecture        string            `json:"Architecture"`
	Environment         map[string]string `json:"Environment,omitzero"`
	Layers              []LayerRef        `json:"Layers,omitempty"`
	TracingMode         string            `json:"TracingMode"`
	LogFormat           string            `json:"LogFormat"`
	LogGroup            string            `json:"LogGroup"`
	ApplicationLogLevel string            `json:"ApplicationLogLevel,omitempty"`
	SystemLogLevel      string            `json:"SystemLogLevel,omitempty"`
	CodeSHA256          string            `json:"CodeSHA256"`
	CodeHex             string            `json:"CodeHex"`
	CodeSize            int64             `json:"CodeSize"`
	CodeDir             string            `json:"CodeDir,omitempty"`
	Upstream            string            `json:"Upstream,omitempty"`
	RevisionID          string            `json:"RevisionID"`
	LastModified        time.Time         `json:"LastModified"`
}

// LayerRef is a version of a layer that a function uses.
type LayerRef struct {
	ARN      string `json:"ARN"`
	CodeHex  string `json:"CodeHex"`
	CodeSize int64  `json:"CodeSize"`
}

// Provisioned is the provisioned concurrency of a version or an alias.
type Provisioned struct {
	Concurrency int       `json:"Concurrency"`
	Modified    time.Time `json:"Modified"`
}

// EventInvoke says what becomes of asynchronous invocations.
type EventInvoke struct {
	MaxRetries *int           `json:"MaxRetries,omitempty"`
	MaxAge     *time.Duration `json:"MaxAge,omitempty"`
	OnSuccess  *string        `json:"OnSuccess,omitempty"`
	OnFailure  *string        `json:"OnFailure,omitempty"`
	Modified   time.Time      `json:"Modified"`
}

// Version is the record of a lambda.Version.
type Version struct {
	header
	ARN ARN `json:"ARN"`
	Configuration
	SourceDescription string `json:"SourceDescription"`
}

// Kind implements Record.
func (Version) Kind() (string, int) { return "version", 2 }

// Alias is the record of a lambda.Alias.
type Alias struct {
	header
	ARN         ARN                `json:"ARN"`
	Target      string             `json:"Target"`
	Weights     map[string]float64 `json:"Weights,omitempty"`
	Description string             `json:"Description"`
	RevisionID  string             `json:"RevisionID"`
}

// Kind implements Record.
func (Alias) Kind() (string, int) { return "alias", 1 }

// Layer is the record of a lambda.Layer.
type Layer struct {
	header
	ARN         LayerARN       `json:"ARN"`
	LastVersion int            `json:"LastVersion"`
	Versions    []LayerVersion `json:"Versions,omitempty"`
}

// LayerARN is the name of a Layer.
type LayerARN struct {
	Region  string `json:"Region"`
	Account string `json:"Account"`
	Name    string `json:"Name"`
}

// LayerVersion is a version of a Layer.
type LayerVersion struct {
	Number        int            `json:"Number"`
	Description   string         `json:"Description"`
	Runtimes      []string       `json:"Runtimes,omitzero"`
	Architectures []string       `json:"Architectures,omitzero"`
	License       string         `json:"License,omitempty"`
	Created       time.Time      `json:"Created"`
	CodeSHA256    string         `json:"CodeSHA256"`
	CodeHex       string         `json:"CodeHex"`
	CodeSize      int64          `json:"CodeSize"`
	Policy        ResourcePolicy `json:"Policy,omitzero"`
}

// Kind implements Record.
func (Layer) Kind() (string, int) { return "layer", 1 }

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

// Permission is a statement of the resource-based policy of a Function up to version 3.
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

// Kind implements Record.
func (Function) Kind() (string, int) { return "function", 5 }
