package lambdaapi

import "github.com/furl-dev/furl/internal/controlplane/wire"

// The actions that requests need besides their own, where the Service Authorization Reference lists them as dependent
// actions and furl has the member.
const (
	passRole    = "iam:PassRole"
	tagResource = "lambda:TagResource"
)

// table is every operation that furl has of Lambda.
func (s *service) table() []wire.Operation {
	return []wire.Operation{
		{Name: "CreateFunction", Handler: wire.Run(byNewFunction, s.createFunction),
			Also: []wire.Also{{Member: "Role", Action: passRole}, {Member: "Tags", Action: tagResource}},
			Note: "Code as ZipFile only. No versions, layers, VPC, file systems, container images, SnapStart or KMS keys: a request for one is refused. The function is active at once; the answer says Pending, as at AWS. With --faithful-states it is Pending for two seconds, and calls through the API are refused until then."},
		{Name: "GetFunction", Handler: wire.Run(byQualifier, s.getFunction),
			Note: "Code.Location is an address of this server."},
		{Name: "GetFunctionConfiguration", Handler: wire.Run(byQualifier, s.getFunctionConfiguration)},
		{Name: "UpdateFunctionCode", Handler: wire.Run(byFunction, s.updateFunctionCode),
			Note: "Code as ZipFile only. The update is done at once, and the next one is taken; the answer says InProgress, as at AWS. With --faithful-states it is InProgress for two seconds, and further updates are refused until then; the function runs the new code even so."},
		{Name: "UpdateFunctionConfiguration", Handler: wire.Run(byFunction, s.updateFunctionConfiguration),
			Also: []wire.Also{{Member: "Role", Action: passRole}},
			Note: "Members as for CreateFunction; states as for UpdateFunctionCode."},
		{Name: "DeleteFunction", Handler: wire.Run(byQualifier, s.deleteFunction),
			Note: "The function's URLs are gone at once; AWS deletes them a little later."},
		{Name: "ListFunctions", Handler: wire.Run(account, s.listFunctions)},
		{Name: "CreateFunctionUrlConfig", Handler: wire.Run(byQualifier, s.createURLConfig),
			Note: "FunctionUrl is an address of this server. In Cors, methods that AWS does not document and values given twice are taken, and an origin such as https://*.example.com stands for all that fit (assumed)."},
		{Name: "GetFunctionUrlConfig", Handler: wire.Run(byQualifier, s.getURLConfig)},
		{Name: "UpdateFunctionUrlConfig", Handler: wire.Run(byQualifier, s.updateURLConfig)},
		{Name: "DeleteFunctionUrlConfig", Handler: wire.Run(byQualifier, s.deleteURLConfig),
			Note: "A qualifier that contradicts the name is an InvalidParameterValueException; AWS answers InternalFailure."},
		{Name: "ListFunctionUrlConfigs", Handler: wire.Run(byFunction, s.listURLConfigs)},
		{Name: "AddPermission", Handler: wire.Run(byQualifier, s.addPermission),
			Note: "Users and roles must exist on this server; accounts and services are taken as they are. The texts for InvokedViaFunctionUrl with another action, and for EventSourceToken with a source, are assumed."},
		{Name: "GetPolicy", Handler: wire.Run(byQualifier, s.getPolicy)},
		{Name: "RemovePermission", Handler: wire.Run(byQualifier, s.removePermission)},
		{Name: "Invoke", Action: "lambda:InvokeFunction", Handler: wire.Run(byQualifier, s.invoke),
			Note: "No tenants and no durable executions. A client context that is malformed is refused for an event and a dry run too (assumed). The text after “Could not parse payload into json” is that of Jackson, AWS's parser, for most faults (assumed, but for two recorded ones), else furl's own."},
		{Name: "TagResource", Handler: wire.Run(byTagged, s.tagResource),
			Note: "Functions only, as there is nothing else to tag. The texts for layers and code signing configurations are assumed."},
		{Name: "UntagResource", Handler: wire.Run(byTagged, s.untagResource)},
		{Name: "ListTags", Handler: wire.Run(byTagged, s.listTags)},
		{Name: "GetAccountSettings", Handler: wire.Run(account, s.getAccountSettings)},

		{Name: "ListVersionsByFunction", Handler: wire.Run(byFunction, s.listVersions), Note: "$LATEST is the one version."},
		{Name: "ListAliases", Handler: wire.Run(byFunction, answer(noAliases{})), Note: "There are none."},
		{Name: "GetFunctionCodeSigningConfig", Handler: wire.Run(byFunction, answer(noCodeSigning{})), Note: "There is none."},
		{Name: "GetFunctionConcurrency", Handler: wire.Run(byFunction, answer(noConcurrency{})), Note: "None is reserved."},
		{Name: "GetFunctionRecursionConfig", Handler: wire.Run(byFunction, answer(noRecursion{"Terminate"})),
			Note: "Tells AWS's default; furl does not detect recursive loops."},
		{Name: "GetRuntimeManagementConfig", Handler: wire.Run(byFunction, s.getRuntimeManagement), Note: "Tells AWS's default."},
		{Name: "ListFunctionEventInvokeConfigs", Handler: wire.Run(byFunction, s.listEventInvokeConfigs), Note: "There are none."},
		{Name: "ListEventSourceMappings", Handler: wire.Run(account, s.listEventSourceMappings), Note: "There are none."},
		{Name: "ListLayers", Handler: wire.Run(account, s.listLayers), Note: "There are none."},
	}
}

// absent says why furl does not have members of requests.
var absent = map[string]string{
	"CapacityProviderConfig": "functions run as processes of this machine.",
	"Code.ImageUri":          "it runs .zip packages, not container images.",
	"Code.S3Bucket":          "send the package as ZipFile.",
	"Code.S3Key":             "send the package as ZipFile.",
	"Code.SourceKMSKeyArn":   "packages are not encrypted here.",
	"CodeSigningConfigArn":   "it does not check code signatures.",
	"Content.S3Bucket":       "send the layer as ZipFile.",
	"Content.S3Key":          "send the layer as ZipFile.",
	"DeadLetterConfig":       "there is no queue or topic to send to.",
	"DurableConfig":          "it has no durable functions.",
	"DurableExecutionName":   "it has no durable functions.",
	"FileSystemConfigs":      "functions see this machine's file system.",
	"ImageConfig":            "it runs .zip packages, not container images.",
	"KMSKeyArn":              "environment variables are not encrypted here.",
	"Layers":                 "put what the layer holds into the package.",
	"Publish":                "functions have no versions but $LATEST.",
	"PublishTo":              "functions have no versions but $LATEST.",
	"S3Bucket":               "send the package as ZipFile.",
	"S3Key":                  "send the package as ZipFile.",
	"SourceKMSKeyArn":        "packages are not encrypted here.",
	"TenancyConfig":          "it has no tenant isolation.",
	"VpcConfig":              "functions use this machine's network.",
}
