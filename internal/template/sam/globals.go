package sam

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/template/tree"
)

const prefix = "AWS::Serverless::"

// globalProperties are the properties that Globals may set, by its sections (AWS SAM Developer Guide, "Globals section
// of the AWS SAM template").
func globalProperties(section string) (properties []string, ok bool) {
	text := ""
	switch section {
	case "Function":
		text = `Handler Runtime CodeUri DeadLetterQueue Description MemorySize Timeout VpcConfig Environment Tags
			PropagateTags Tracing KmsKeyArn AutoPublishAlias AutoPublishAliasAllProperties Layers DeploymentPreference
			RolePath PermissionsBoundary ReservedConcurrentExecutions ProvisionedConcurrencyConfig
			AssumeRolePolicyDocument EventInvokeConfig FileSystemConfigs CodeSigningConfigArn Architectures SnapStart
			EphemeralStorage FunctionUrlConfig RuntimeManagementConfig LoggingConfig RecursiveLoop SourceKMSKeyArn
			TenancyConfig DurableConfig CapacityProviderConfig FunctionScalingConfig PublishToLatestPublished
			VersionDeletionPolicy`
	case "LayerVersion":
		text = "PublishLambdaVersion"
	case "Api":
		text = `Auth Name DefinitionUri CacheClusterEnabled CacheClusterSize MergeDefinitions Variables
			EndpointConfiguration MethodSettings BinaryMediaTypes MinimumCompressionSize Cors GatewayResponses
			AccessLogSetting CanarySetting TracingEnabled OpenApiVersion Domain AlwaysDeploy PropagateTags
			SecurityPolicy EndpointAccessMode`
	case "HttpApi":
		text = `Auth AccessLogSettings StageVariables Tags CorsConfiguration DefaultRouteSettings Domain RouteSettings
			FailOnWarnings PropagateTags`
	case "WebSocketApi":
		text = `AccessLogSettings ApiKeySelectionExpression DefaultRouteSettings DisableExecuteApiEndpoint
			DisableSchemaValidation Domain FailOnWarnings IpAddressType PropagateTags RouteSelectionExpression
			RouteSettings StageVariables Tags`
	case "SimpleTable":
		text = "SSESpecification"
	case "StateMachine":
		text = "PropagateTags"
	case "CapacityProvider":
		text = `VpcConfig OperatorRole Tags InstanceRequirements ScalingConfig KmsKeyArn PropagateTags LoggingConfig
			ManagedResourceTags`
	case "MicrovmImage":
		text = `BuildRoleArn BaseImageArn BaseImageVersion Logging EgressNetworkConnectors CpuConfigurations Resources
			AdditionalOsCapabilities Hooks EnvironmentVariables Tags PropagateTags`
	case "NetworkConnector":
		text = "OperatorRole Tags PropagateTags"
	default:
		return nil, false
	}
	return strings.Fields(text), true
}

// sections are the sections of Globals, for errors.
const sections = "Api, CapacityProvider, Function, HttpApi, LayerVersion, MicrovmImage, NetworkConnector, " +
	"SimpleTable, StateMachine and WebSocketApi"

// globals are the resources with what Globals sets for all of a type.
func (t *transform) globals(globals, resources *tree.Node) []tree.Member {
	if globals == nil {
		return resources.Members
	}
	if !globals.Is(tree.Map) {
		t.faults.Add(globals.Pos, "Globals must be a map, and this is %s", globals.Kind)
		return resources.Members
	}
	for _, section := range globals.Members {
		allowed, ok := globalProperties(section.Name)
		if !ok {
			t.faults.Add(section.Pos, "Globals has no section %s; it has %s", section.Name, sections)
			continue
		}
		if !section.Value.Is(tree.Map) {
			t.faults.Add(section.Value.Pos, "%s must be a map, and this is %s", section.Name, section.Value.Kind)
			continue
		}
		for _, property := range section.Value.Members {
			if !slices.Contains(allowed, property.Name) {
				t.faults.Add(property.Pos, "Globals cannot set %s of %s; it can set %s", property.Name, section.Name,
					strings.Join(allowed, ", "))
			}
		}
	}
	if len(t.faults) > 0 {
		return resources.Members
	}
	out := slices.Clone(resources.Members)
	for i, member := range out {
		kind := member.Value.Get("Type")
		if !kind.Is(tree.String) || !strings.HasPrefix(kind.Text, prefix) {
			continue
		}
		section := t.heeded(globals.Get(strings.TrimPrefix(kind.Text, prefix)), member.Value.Get("IgnoreGlobals"))
		properties := member.Value.Get("Properties")
		if section == nil || (properties != nil && !properties.Is(tree.Map)) {
			continue
		}
		if properties == nil {
			properties = &tree.Node{Pos: member.Value.Pos, Kind: tree.Map}
		}
		value := *member.Value
		value.Members = slices.Clone(member.Value.Members)
		value.Set("Properties", t.merge(section, properties, strings.TrimPrefix(kind.Text, prefix)))
		if out[i].Value = &value; t.merged > maxMerged {
			t.faults.Add(globals.Pos, "Globals adds more than %d values to the resources", maxMerged)
			return resources.Members
		}
	}
	return out
}

// heeded is a section without what a resource ignores of it.
func (t *transform) heeded(section, ignored *tree.Node) *tree.Node {
	if section == nil || ignored == nil || ignored.Kind == tree.Null {
		return section
	}
	if ignored.Is(tree.String) && ignored.Text == "*" {
		return nil
	}
	if !ignored.Is(tree.List) {
		t.faults.Add(ignored.Pos, `IgnoreGlobals must be "*" or a list of properties`)
		return nil
	}
	for _, name := range ignored.Items {
		if !name.Is(tree.String) || section.Get(name.Text) == nil {
			t.faults.Add(name.Pos, "IgnoreGlobals has %q, which Globals does not set", name.Text)
			continue
		}
		section = without(section, name.Text)
	}
	return section
}

// merge merges what a resource has into what Globals has: maps are merged, lists joined, and of all else the resource's
// own value counts. An intrinsic function is no map.
func (t *transform) merge(global, local *tree.Node, path string) *tree.Node {
	switch {
	case global.Is(tree.Map) && local.Is(tree.Map) && !isIntrinsic(global) && !isIntrinsic(local):
		t.merged += len(global.Members)
		out := &tree.Node{Pos: local.Pos, Kind: tree.Map, Members: slices.Clone(global.Members)}
		at := make(map[string]int, len(out.Members))
		for i, member := range out.Members {
			at[member.Name] = i
		}
		for _, member := range local.Members {
			if i, both := at[member.Name]; both {
				member.Value = t.merge(out.Members[i].Value, member.Value, path+"."+member.Name)
				out.Members[i] = member
			} else {
				out.Members = append(out.Members, member)
			}
		}
		return out
	case global.Is(tree.List) && local.Is(tree.List) && path != "Function.Architectures":
		t.merged += len(global.Items)
		return list(local.Pos, slices.Concat(global.Items, local.Items)...)
	}
	return local
}
