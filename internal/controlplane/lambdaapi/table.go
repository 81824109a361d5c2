//go:build unix

package lambdaapi

import (
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
)

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
			Also: []wire.Also{{Member: "Role", Action: passRole}, {Member: "Tags", Action: tagResource}, {Member: "Layers", Action: lambda.ActionGetLayer}},
			Note: "Code as ZipFile, as a directory of the server's machine (S3Bucket hot-reload, S3Key its path, with serve --code-dir), or as a running web server (S3Bucket http-server, S3Key its address, with serve --http-upstream): *differs*. No VPC, file systems, container images, SnapStart or KMS keys: a request for one is refused. The function is active at once; the answer says Pending, as at AWS. With --faithful-states it is Pending for two seconds, and calls through the API are refused until then."},
		{Name: "GetFunction", Handler: wire.Run(byQualifier, s.getFunction),
			Note: "Code.Location is an address of this server, or the directory or web server that is used in place."},
		{Name: "GetFunctionConfiguration", Handler: wire.Run(byQualifier, s.getFunctionConfiguration)},
		{Name: "UpdateFunctionCode", Handler: wire.Run(byFunction, s.updateFunctionCode),
			Note: "Code as ZipFile, as a directory of the server's machine (S3Bucket hot-reload, S3Key its path, with serve --code-dir), or as a running web server (S3Bucket http-server, S3Key its address, with serve --http-upstream): *differs*. The update is done at once, and the next one is taken; the answer says InProgress, as at AWS. With --faithful-states it is InProgress for two seconds, and further updates are refused until then; the function runs the new code even so."},
		{Name: "UpdateFunctionConfiguration", Handler: wire.Run(byFunction, s.updateFunctionConfiguration),
			Also: []wire.Also{{Member: "Role", Action: passRole}, {Member: "Layers", Action: lambda.ActionGetLayer}},
			Note: "Members as for CreateFunction; states as for UpdateFunctionCode."},
		{Name: "DeleteFunction", Handler: wire.Run(byQualifier, s.deleteFunction),
			Note: "The function's URLs are gone at once; AWS deletes them a little later. A version that a function does not have is as good as deleted (assumed)."},
		{Name: "ListFunctions", Handler: wire.Run(account, s.listFunctions)},
		{Name: "PublishVersion", Handler: wire.Run(byFunction, s.publishVersion),
			Note: "A function counts as unchanged if its code and configuration are those of the version published last, however they came to be; that AWS compares them so is assumed. No managed instances: PublishTo is refused."},
		{Name: "ListVersionsByFunction", Handler: wire.Run(byFunction, s.listVersions)},
		{Name: "CreateAlias", Handler: wire.Run(byAlias, s.createAlias)},
		{Name: "GetAlias", Handler: wire.Run(byAlias, s.getAlias)},
		{Name: "UpdateAlias", Handler: wire.Run(byAlias, s.updateAlias)},
		{Name: "DeleteAlias", Handler: wire.Run(byAlias, s.deleteAlias),
			Note: "The alias's URL ends at once; AWS deletes it about a minute later. Its address answers 403 as at AWS."},
		{Name: "ListAliases", Handler: wire.Run(byFunction, s.listAliases),
			Note: "With FunctionVersion, aliases that send a part of their invocations to that version are listed too (assumed)."},
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
		{Name: "RemovePermission", Handler: wire.Run(byQualifier, s.removePermission),
			Note: "Removes statements of PutResourcePolicy as well, if they have a Sid."},
		{Name: "PutResourcePolicy", Handler: wire.Run(byResourceARN, s.putResourcePolicy),
			Note: "No answer of AWS to a policy that it refuses is recorded. Assumed: such a policy is an InvalidParameterValueException with furl's own text, as are actions of other services, resources that are not of the function, and $LATEST; users and roles must exist; white space is left out, and accounts are written as ARNs; without a policy, RevisionId is that of the function, version or alias. With --block-public-access, a statement for the principal * without a condition that fixes callers is a PublicPolicyException here and for AddPermission."},
		{Name: "GetResourcePolicy", Handler: wire.Run(byResourceARN, s.getResourcePolicy),
			Note: "The same document and revision as GetPolicy; the text for a resource without a policy is assumed."},
		{Name: "DeleteResourcePolicy", Handler: wire.Run(byResourceARN, s.deleteResourcePolicy),
			Note: "The text for a resource without a policy is assumed to be that of RemovePermission."},
		{Name: "Invoke", Action: "lambda:InvokeFunction", Handler: wire.Run(byQualifier, s.invoke),
			Note: "No tenants and no durable executions. A client context that is malformed is refused for an event and a dry run too (assumed). The text after “Could not parse payload into json” is that of Jackson, AWS's parser, for most faults (assumed, but for two recorded ones), else furl's own."},
		{Name: "InvokeWithResponseStream", Action: "lambda:InvokeFunction", Handler: wire.Run(byQualifier, s.invokeStream),
			Note: "As recorded from AWS, the function runs whatever the invocation type, even DryRun, and InvokeComplete has neither ErrorCode nor ErrorDetails if the function fails in the middle of its answer; the error that a function reports instead of an answer is the payload. For a function that timed out, exited or did not start, InvokeComplete has the error too (assumed)."},
		{Name: "TagResource", Handler: wire.Run(byTagged, s.tagResource),
			Note: "Functions only, as AWS documents no tags of layers, and there is nothing else to tag. The texts for layers and code signing configurations are assumed."},
		{Name: "UntagResource", Handler: wire.Run(byTagged, s.untagResource)},
		{Name: "ListTags", Handler: wire.Run(byTagged, s.listTags)},
		{Name: "GetAccountSettings", Handler: wire.Run(account, s.getAccountSettings)},

		{Name: "GetFunctionCodeSigningConfig", Handler: wire.Run(byFunction, answer(noCodeSigning{})), Note: "There is none."},
		{Name: "DeleteFunctionCodeSigningConfig", Handler: wire.Run(byFunction, answer(nil)), Note: "There is none; the answer without one is assumed."},
		{Name: "PutFunctionConcurrency", Handler: wire.Run(byFunction, s.putConcurrency),
			Note: "A second's worth of requests may come at once before the rate of ten per second for each unit refuses some (assumed)."},
		{Name: "GetFunctionConcurrency", Handler: wire.Run(byFunction, s.getConcurrency)},
		{Name: "DeleteFunctionConcurrency", Handler: wire.Run(byFunction, s.deleteConcurrency)},
		{Name: "PutProvisionedConcurrencyConfig", Handler: wire.Run(byQualifier, s.putProvisioned),
			Note: "Environments are processes that are started at once and replaced when they end. What would be more than --max-environments is not started: the configuration is FAILED then, and the server's log says why."},
		{Name: "GetProvisionedConcurrencyConfig", Handler: wire.Run(byQualifier, s.getProvisioned)},
		{Name: "DeleteProvisionedConcurrencyConfig", Handler: wire.Run(byQualifier, s.deleteProvisioned)},
		{Name: "ListProvisionedConcurrencyConfigs", Handler: wire.Run(byFunction, s.listProvisioned)},
		{Name: "PutFunctionRecursionConfig", Handler: wire.Run(byFunction, s.putRecursion),
			Note: "Kept and shown; furl does not detect recursive loops."},
		{Name: "GetFunctionRecursionConfig", Handler: wire.Run(byFunction, s.getRecursion)},
		{Name: "PutRuntimeManagementConfig", Handler: wire.Run(byFunction, s.putRuntimeManagement),
			Note: "Auto only, AWS's default: functions run with the runtimes that this machine has."},
		{Name: "GetRuntimeManagementConfig", Handler: wire.Run(byFunction, s.getRuntimeManagement), Note: "Tells AWS's default."},
		{Name: "GetFunctionScalingConfig", Handler: wire.Run(byFunction, s.getScaling),
			Note: "No managed instances: the refusal is that of AWS's PutFunctionScalingConfig for a function without them (assumed)."},
		{Name: "PutFunctionEventInvokeConfig", Handler: wire.Run(byFunction, s.putEventInvoke),
			Note: "A destination that is a function gets the record. What a queue, a topic, a bus or a bucket would get is written into the function's log; whether it exists and the role may send to it is not checked."},
		{Name: "UpdateFunctionEventInvokeConfig", Handler: wire.Run(byFunction, s.updateEventInvoke)},
		{Name: "GetFunctionEventInvokeConfig", Handler: wire.Run(byFunction, s.getEventInvoke)},
		{Name: "DeleteFunctionEventInvokeConfig", Handler: wire.Run(byFunction, s.deleteEventInvoke)},
		{Name: "ListFunctionEventInvokeConfigs", Handler: wire.Run(byFunction, s.listEventInvoke)},
		{Name: "ListEventSourceMappings", Handler: wire.Run(account, none(noEventSourceMappings{})), Note: "There are none."},
		{Name: "GetEventSourceMapping", Handler: wire.Run(byAbsent, getAbsent), Note: "There are none."},
		{Name: "ListCodeSigningConfigs", Handler: wire.Run(account, none(noCodeSigningConfigs{})), Note: "There are none."},
		{Name: "GetCodeSigningConfig", Handler: wire.Run(byAbsent, getAbsent), Note: "There are none."},
		{Name: "ListFunctionsByCodeSigningConfig", Handler: wire.Run(byAbsent, getAbsent), Note: "There are none (the text is assumed)."},
		{Name: "ListCapacityProviders", Handler: wire.Run(account, none(noCapacityProviders{})), Note: "There are none."},

		{Name: "PublishLayerVersion", Handler: wire.Run(byLayer, s.publishLayerVersion),
			Note: "Content as ZipFile only. Links out of the layer are refused, as in the packages of functions. No runtime is run for CompatibleRuntimes: the list is kept and shown."},
		{Name: "GetLayerVersion", Handler: wire.Run(byLayerVersion, s.getLayerVersion),
			Note: "Content.Location is an address of this server."},
		{Name: "GetLayerVersionByArn", Action: lambda.ActionGetLayer, Handler: wire.Run(byLayerARN, s.getLayerVersionByARN),
			Note: "Layers that are at AWS are not here; of those, functions can have the public one of the Web Adapter."},
		{Name: "ListLayers", Handler: wire.Run(account, s.listLayers)},
		{Name: "ListLayerVersions", Handler: wire.Run(byLayer, s.listLayerVersions)},
		{Name: "DeleteLayerVersion", Handler: wire.Run(byLayerVersion, s.deleteLayerVersion),
			Note: "Functions that have the version keep it, as at AWS."},
		{Name: "AddLayerVersionPermission", Handler: wire.Run(byLayerVersion, s.addLayerVersionPermission)},
		{Name: "GetLayerVersionPolicy", Handler: wire.Run(byLayerVersion, s.getLayerVersionPolicy)},
		{Name: "RemoveLayerVersionPermission", Handler: wire.Run(byLayerVersion, s.removeLayerVersionPermission)},
	}
}

// absent says why furl does not have members of requests.
var absent = map[string]string{
	"CapacityProviderConfig": "functions run as processes of this machine.",
	"Code.ImageUri":          "it runs .zip packages, not container images.",
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
	"PublishTo":              "functions run as processes of this machine.",
	"SourceKMSKeyArn":        "packages are not encrypted here.",
	"TenancyConfig":          "it has no tenant isolation.",
	"VpcConfig":              "functions use this machine's network.",
}
