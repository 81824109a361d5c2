package template

import (
	"slices"
	"sync"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/template/tree"
)

// kind is a type of resources that furl runs.
type kind struct {
	shape
	need  []string // properties that must be there
	name  string   // property with the physical name, "" for none
	limit int      // of the length of a name
	owner string   // property that names the function that it belongs to, "" for none

	// attributes are those that Fn::GetAtt knows, and Ref. One that is known once the resource is made is nil.
	attributes attributes
	build      func(p *reader) Value
}

func (k *kind) attributeNames() []string {
	return slices.DeleteFunc(keys(k.attributes), func(name string) bool { return name == refName })
}

// attribute makes a table of attributes.
type attributes = map[string]func(e *evaluator, r *Resource) *tree.Node

// The longest names (API references of Lambda and IAM).
const (
	maxStatementID = 100
	maxPolicyName  = 128
	maxLayerName   = 140
	maxGroupName   = 128
	maxIAMName     = 64
)

// kinds are the types that furl runs, with their properties and attributes (AWS CloudFormation User Guide, "Resource
// and property types reference").
var kinds = sync.OnceValue(func() map[string]*kind {
	named := (*evaluator).nameOf
	table := map[string]*kind{
		"AWS::Lambda::Function": {
			shape: shape{
				run: names("Architectures Code Description Environment EphemeralStorage FunctionName Handler Layers " +
					"LoggingConfig MemorySize PackageType ReservedConcurrentExecutions Role Runtime Tags Timeout TracingConfig"),
				unrun: names("CapacityProviderConfig CodeSigningConfigArn DeadLetterConfig DurableConfig FileSystemConfigs " +
					"FunctionScalingConfig ImageConfig KmsKeyArn PublishToLatestPublished RecursiveLoop RuntimeManagementConfig " +
					"SnapStart TenancyConfig VpcConfig"),
			},
			need: names("Code Role"), name: "FunctionName", limit: arn.MaxFunctionName, build: buildFunction,
			attributes: attributes{
				refName: functionName, "Arn": functionARN, "SnapStartResponse.ApplyOn": nil,
				"SnapStartResponse.OptimizationStatus": nil,
			},
		},
		"AWS::Lambda::Url": {
			shape: shape{run: names("AuthType Cors InvokeMode Qualifier TargetFunctionArn")},
			need:  names("AuthType TargetFunctionArn"), owner: "TargetFunctionArn", build: buildURL,
			attributes: attributes{refName: urlARN, "FunctionArn": urlARN, "FunctionUrl": nil},
		},
		"AWS::Lambda::Permission": {
			shape: shape{run: names("Action EventSourceToken FunctionName FunctionUrlAuthType InvokedViaFunctionUrl Principal " +
				"PrincipalOrgID SourceAccount SourceArn")},
			need: names("Action FunctionName Principal"), limit: maxStatementID, owner: "FunctionName", build: buildPermission,
			attributes: attributes{refName: named, "Id": named},
		},
		"AWS::Lambda::ResourcePolicy": {
			shape: shape{run: names("PolicyDocument ResourceArn")},
			need:  names("PolicyDocument ResourceArn"), owner: "ResourceArn", build: buildResourcePolicy,
			attributes: attributes{refName: propertyOf("ResourceArn")},
		},
		"AWS::Lambda::Version": {
			shape: shape{
				run:   names("CodeSha256 Description FunctionName ProvisionedConcurrencyConfig"),
				unrun: names("FunctionScalingConfig RuntimePolicy"),
			},
			need: names("FunctionName"), owner: "FunctionName", build: buildVersion,
			attributes: attributes{refName: nil, "Version": nil, "FunctionArn": nil},
		},
		"AWS::Lambda::Alias": {
			shape: shape{run: names("Description FunctionName FunctionVersion Name ProvisionedConcurrencyConfig RoutingConfig")},
			need:  names("FunctionName FunctionVersion Name"), owner: "FunctionName", build: buildAlias,
			attributes: attributes{refName: aliasARN, "AliasArn": aliasARN},
		},
		"AWS::Lambda::LayerVersion": {
			shape: shape{run: names("CompatibleArchitectures CompatibleRuntimes Content Description LayerName LicenseInfo")},
			need:  names("Content"), name: "LayerName", limit: maxLayerName, build: buildLayer,
			attributes: attributes{refName: nil, "LayerVersionArn": nil},
		},
		"AWS::Lambda::EventInvokeConfig": {
			shape: shape{run: names("DestinationConfig FunctionName MaximumEventAgeInSeconds MaximumRetryAttempts Qualifier")},
			need:  names("FunctionName Qualifier"), owner: "FunctionName", build: buildEventInvoke,
			attributes: attributes{refName: named},
		},
		"AWS::IAM::Role": {
			shape: shape{run: names("AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration Path " +
				"PermissionsBoundary Policies RoleName Tags")},
			need: names("AssumeRolePolicyDocument"), name: "RoleName", limit: maxIAMName, build: buildRole,
			attributes: attributes{refName: named, "Arn": identityARN("role"), "RoleId": nil},
		},
		"AWS::IAM::Policy": {
			shape: shape{run: names("Groups PolicyDocument PolicyName Roles Users")},
			need:  names("PolicyDocument PolicyName"), limit: maxPolicyName, build: buildPolicy,
			attributes: attributes{refName: named, "Id": named},
		},
		"AWS::IAM::ManagedPolicy": {
			shape: shape{run: names("Description Groups ManagedPolicyName Path PolicyDocument Roles Users")},
			need:  names("PolicyDocument"), name: "ManagedPolicyName", limit: maxPolicyName, build: buildManagedPolicy,
			attributes: attributes{
				refName: identityARN("policy"), "PolicyArn": identityARN("policy"), "PolicyId": nil, "AttachmentCount": nil,
				"CreateDate": nil, "DefaultVersionId": nil, "IsAttachable": nil, "PermissionsBoundaryUsageCount": nil,
				"UpdateDate": nil,
			},
		},
		"AWS::IAM::User": {
			shape: shape{
				run:   names("Groups ManagedPolicyArns Path PermissionsBoundary Policies Tags UserName"),
				unrun: names("LoginProfile"),
			},
			name: "UserName", limit: maxIAMName, build: buildUser,
			attributes: attributes{refName: named, "Arn": identityARN("user")},
		},
		"AWS::IAM::Group": {
			shape: shape{run: names("GroupName ManagedPolicyArns Path Policies")},
			name:  "GroupName", limit: maxGroupName, build: buildGroup,
			attributes: attributes{refName: named, "Arn": identityARN("group")},
		},
		"AWS::IAM::UserToGroupAddition": {
			shape: shape{run: names("GroupName Users")}, need: names("GroupName Users"),
			build: buildMembership, attributes: attributes{refName: named, "Id": named},
		},
		"AWS::IAM::AccessKey": {
			shape: shape{run: names("Status UserName"), unrun: names("Serial")}, need: names("UserName"), build: buildAccessKey,
			attributes: attributes{refName: nil, "Id": nil, "SecretAccessKey": nil},
		},
	}
	for _, owner := range []string{"Role", "User", "Group"} {
		table["AWS::IAM::"+owner+"Policy"] = &kind{
			shape: shape{run: names("PolicyDocument PolicyName " + owner + "Name")},
			need:  names("PolicyDocument PolicyName " + owner + "Name"), limit: maxPolicyName, build: buildPolicy,
			attributes: attributes{refName: named},
		}
	}
	return table
})

// build makes the value of a resource.
func (l *loader) build(e *evaluator, r *Resource) Value {
	properties := r.node.Get("Properties")
	if properties == nil {
		properties = &tree.Node{Pos: r.Pos, Kind: tree.Map}
	}
	node := e.eval(properties)
	if !node.Is(tree.Map) {
		if node != nil && !e.isOpen(node) {
			e.fault(properties.Pos, "the Properties of %s are %s, expected a map", r.ID, node.Kind)
		}
		node = &tree.Node{Pos: properties.Pos, Kind: tree.Map}
	}
	p := &reader{l, e, r, node, r.ID, r.Pos}
	p.check(r.kind.shape)
	p.need(r.kind.need...)
	return r.kind.build(p)
}

// propertyOf is an attribute that is a property.
func propertyOf(name string) func(e *evaluator, r *Resource) *tree.Node {
	return func(e *evaluator, r *Resource) *tree.Node {
		if value := e.property(r, name); value.Is(tree.String, tree.Number, tree.Bool) {
			return value
		}
		return e.failed(r.Pos)
	}
}

// functionName is the name of a function, which may be given as its ARN.
func functionName(e *evaluator, r *Resource) *tree.Node {
	name := e.nameOf(r)
	if f, err := arn.ParseFunctionARN(name.Text); err == nil && !e.isOpen(name) {
		return e.text(r.Pos, f.Name, 0)
	}
	return name
}

func functionARN(e *evaluator, r *Resource) *tree.Node {
	name := functionName(e, r)
	return e.text(r.Pos, arn.Function{
		Region: e.stack.options.Region, Account: e.stack.options.Account, Name: name.Text,
	}.String(), e.marks[name])
}

// qualified is the ARN of the function that a property names, with a qualifier of another property.
func qualified(e *evaluator, r *Resource, property, qualifier string) *tree.Node {
	function := propertyOf(property)(e, r)
	f, err := arn.ParseFunction(function.Text, e.stack.options.Region, e.stack.options.Account)
	m := e.marks[function]
	if err != nil {
		m |= late
	}
	if n := e.property(r, qualifier); n != nil {
		m |= e.marks[n]
		f.Qualifier = n.Text
	}
	return e.text(r.Pos, f.String(), m)
}

func urlARN(e *evaluator, r *Resource) *tree.Node {
	return qualified(e, r, "TargetFunctionArn", "Qualifier")
}

func aliasARN(e *evaluator, r *Resource) *tree.Node { return qualified(e, r, "FunctionName", "Name") }

// identityARN is the ARN of something of IAM. All of them are in the partition aws here.
func identityARN(kind string) func(e *evaluator, r *Resource) *tree.Node {
	return func(e *evaluator, r *Resource) *tree.Node {
		name, path, m := e.nameOf(r), "/", mark(0)
		if n := e.property(r, "Path"); n != nil {
			path, m = n.Text, e.marks[n]
		}
		return e.text(r.Pos, arn.IAM(e.stack.options.Account, kind, path, name.Text).String(), m|e.marks[name])
	}
}
