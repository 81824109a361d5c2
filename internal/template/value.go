package template

import "github.com/furl-dev/furl/internal/lambda"

// Value is what a Resource is made of: a pointer to one of the types below. Every name and ARN in it is complete. Names
// that the template leaves open are made of the stack and the logical id, and are the same each time.
type Value any

// Function is an AWS::Lambda::Function.
type Function struct {
	Name, Runtime, Handler, Role, Description string
	PackageType                               string // "" is Zip
	Code                                      Code
	Timeout, MemoryMB, EphemeralMB            int // seconds, MB; 0 is the default
	Architectures                             []string
	Environment                               map[string]string
	Layers                                    []string // ARNs of versions
	Tags                                      map[string]string
	Reserved                                  *int
	TracingMode                               string
	Logging                                   *Logging
}

// Logging is the LoggingConfig of a function.
type Logging struct {
	Format, ApplicationLevel, SystemLevel, Group string
}

// Code is where the code of a function or of a layer is: one of these.
type Code struct {
	Path   string // a directory or a .zip file, as the template names it: relative to the template, or to cdk.out
	Inline string // the text of index.py or index.js
	Bucket string // of S3
	Key    string
}

// Version is an AWS::Lambda::Version: Ref is its ARN with the number, which is known once it is made.
type Version struct {
	Function    string // name, or ARN if it is of another account or region
	Description string
	Provisioned int
}

// Alias is an AWS::Lambda::Alias.
type Alias struct {
	Function, Name, Version, Description string
	Weights                              map[string]float64
	Provisioned                          int
}

// URL is an AWS::Lambda::Url: FunctionUrl is known once it is made.
type URL struct {
	Function, Qualifier string
	AuthType            lambda.AuthType
	InvokeMode          lambda.InvokeMode // "" if none is set
	CORS                *lambda.CORS
}

// Permission is an AWS::Lambda::Permission.
type Permission struct {
	Function              string // name, ARN, or either with a qualifier
	StatementID           string // made of the stack and the logical id
	Action, Principal     string
	SourceARN             string
	SourceAccount         string
	OrganizationID        string
	EventSourceToken      string
	AuthType              lambda.AuthType
	InvokedViaFunctionURL bool
}

// ResourcePolicy is an AWS::Lambda::ResourcePolicy.
type ResourcePolicy struct {
	Function string // ARN, with a qualifier if it is that of a version or an alias
	Policy   string // JSON
}

// Layer is an AWS::Lambda::LayerVersion: Ref is its ARN with the number, which is known once it is made.
type Layer struct {
	Name, Description, License string
	Code                       Code
	Runtimes, Architectures    []string
}

// EventInvoke is an AWS::Lambda::EventInvokeConfig.
type EventInvoke struct {
	Function, Qualifier  string
	MaxRetries, MaxAge   *int // MaxAge in seconds
	OnSuccess, OnFailure string
}

// Role is an AWS::IAM::Role.
type Role struct {
	Name, Path, Description string
	Trust                   string // JSON
	Managed                 []string
	Inline                  []Inline
	Boundary                string
	MaxSession              int // seconds, 0 for the default
	Tags                    map[string]string
}

// Inline is a policy of a role, a user or a group.
type Inline struct {
	Name, Policy string // Policy is JSON
}

// Policy is an AWS::IAM::Policy, RolePolicy, UserPolicy or GroupPolicy: an inline policy of all these.
type Policy struct {
	Inline
	Roles, Users, Groups []string
}

// ManagedPolicy is an AWS::IAM::ManagedPolicy.
type ManagedPolicy struct {
	Name, Path, Description string
	Policy                  string // JSON
	Roles, Users, Groups    []string
}

// User is an AWS::IAM::User.
type User struct {
	Name, Path string
	Managed    []string
	Inline     []Inline
	Groups     []string
	Boundary   string
	Tags       map[string]string
}

// Group is an AWS::IAM::Group.
type Group struct {
	Name, Path string
	Managed    []string
	Inline     []Inline
}

// Membership is an AWS::IAM::UserToGroupAddition.
type Membership struct {
	Group string
	Users []string
}

// AccessKey is an AWS::IAM::AccessKey: Ref and SecretAccessKey are known once it is made.
type AccessKey struct {
	User, Status string
}
