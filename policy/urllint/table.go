package urllint

import "github.com/furl-dev/furl/policy"

// table has the rules. Those of spelling come first: later ones look at what a statement means.
var table = []Row{
	{
		Rule: "invalid-action", Analyzer: true, Severity: SeverityError, applies: everyStatement,
		check: invalidAction,
		Finds: "Lambda has no action of this name. AWS takes any text after the colon, and what is no action matches " +
			"nothing. It is a warning if furl finds no action that is like it, and for text that is no action of any " +
			"service.",
		Fix: "Write the name that is meant. The operation Invoke asks for lambda:InvokeFunction.",
		Examples: []Example{
			{Kind: policy.Identity, Fault: `{"Effect":"Allow","Action":"lambda:InvokeFunctionUri",<fn>}`,
				Beside: "<my invoke>", Lets: "bob"},
			{Kind: policy.Identity, Fault: `{"Effect":"Allow","Action":"lambda:Invoke",<fn>,"Condition":{<via>}}`,
				Beside: "<my url>", Lets: "bob"},
			{Kind: policy.Identity, Fault: `{"Effect":"Allow","Action":"lambda:CallMe",<fn>}`},
			{Kind: policy.Identity,
				Fault: `{"Effect":"Allow","Action":["s3:Get, List","s3:PutObject"],"Resource":"*"}`},
		},
	}, {
		Rule: "invalid-service-in-action", Analyzer: true, Severity: SeverityError, applies: everyStatement,
		check: invalidService,
		Finds: "The actions of function URLs are of the service lambda.",
		Fix:   "Write lambda before the colon.",
		Examples: []Example{{Kind: policy.Identity,
			Fault:  `{"Effect":"Allow","Action":"lamda:InvokeFunctionUrl",<fn>}`,
			Beside: "<my invoke>", Lets: "bob"}},
	}, {
		Rule: "unsupported-action-in-policy", Analyzer: true, Severity: SeverityError, applies: inResourcePolicy,
		check: foreignAction,
		Finds: "The policy of a function is asked about actions of Lambda only, so actions of other services do nothing in it.",
		Fix:   "Remove them, or write the action of Lambda that is meant.",
		Examples: []Example{{
			Kind:  policy.Resource,
			Fault: `{"Effect":"Allow",<bob>,"Action":["lambda:*","execute-api:Invoke"],<fn>}`,
		}},
	}, {
		Rule: "invalid-condition-key-format", Analyzer: true, Severity: SeverityError, applies: everyStatement,
		check:    misspelled(hasNoPrefix, "a condition key has a service before a colon"),
		Finds:    "A condition key has the form SERVICE:NAME. AWS takes one without a colon, and no request has it.",
		Fix:      "Write the service before the name.",
		Examples: mine(`"StringEquals":{"FunctionUrlAuthType":"AWS_IAM"}`, "bob", ""),
	}, {
		Rule: "empty-array-condition", Analyzer: true, Severity: SeverityWarning, applies: everyStatement,
		check: emptyList(isPlain, "nothing agrees with it"),
		Finds: "The condition compares with no value. A negated operator holds for every request then, another one " +
			"for none.",
		Fix:      "List values, or remove the condition.",
		Examples: mine(`"StringEquals":{"aws:username":[]}`, "bob", ""),
	}, {
		Rule: "empty-array-condition-forallvalues", Analyzer: true, Severity: SeverityWarning, applies: everyStatement,
		check:    emptyList(isForAll, "it holds for requests without the key only"),
		Finds:    "ForAllValues with no value holds for requests without the key only.",
		Fix:      "Write Null with true if that is meant, else list values.",
		Examples: mine(`"ForAllValues:StringEquals":{"aws:PrincipalArn":[]}`, "bob", ""),
	}, {
		Rule: "empty-array-condition-foranyvalue", Analyzer: true, Severity: SeverityWarning, applies: everyStatement,
		check:    emptyList(isForAny, "it never holds"),
		Finds:    "ForAnyValue with no value never holds.",
		Fix:      "List values, or remove the condition.",
		Examples: mine(`"ForAnyValue:StringEquals":{"aws:PrincipalArn":[]}`, "bob", ""),
	}, {
		Rule: "empty-array-condition-ifexists", Analyzer: true, Severity: SeverityWarning, applies: everyStatement,
		check:    emptyList(isIfExists, "it holds for requests without the key only"),
		Finds:    "IfExists with no value holds for requests without the key only.",
		Fix:      "Write Null with true if that is meant, else list values.",
		Examples: mine(`"StringEqualsIfExists":{"aws:PrincipalArn":[]}`, "bob", ""),
	}, {
		Rule: "empty-object-condition", Analyzer: true, Severity: SeverityWarning, applies: everyStatement,
		check: emptyBlock,
		Finds: "The condition, or one of its operators, has no key. AWS takes it, even of an operator that does not " +
			"exist, and it limits nothing.",
		Fix:      "Remove it, or write the condition that is meant.",
		Examples: mine(`"StringEquals":{}`, "", ""),
	}, {
		Rule: "unsupported-global-condition-key", Analyzer: true, Severity: SeverityError, applies: inFunctions,
		check:    unsupportedKey,
		Finds:    "There is no condition key aws:ARN any more.",
		Fix:      "Write aws:PrincipalArn for the caller.",
		Examples: mine(`"ArnEquals":{"aws:ARN":"arn:aws:iam::111122223333:user/bob"}`, "bob", ""),
	}, {
		Rule: "invalid-global-condition-key", Analyzer: true, Severity: SeverityError, applies: inFunctions,
		check:    misspelled(isGlobal, "no such global condition key"),
		Finds:    "No global condition key has this name, so no request has it.",
		Fix:      "Write the name that is meant.",
		Examples: mine(`"StringEquals":{"aws:PrincipalAcount":"111122223333"}`, "bob", ""),
	}, {
		Rule: "invalid-service-condition-key", Analyzer: true, Severity: SeverityError, applies: inFunctions,
		check:    misspelled(isLambda, "Lambda has no such condition key"),
		Finds:    "Lambda has no condition key of this name, so no request has it.",
		Fix:      "Write the name that is meant.",
		Examples: mine(`"StringEquals":{"lambda:FunctionURLAuth":"AWS_IAM"}`, "bob", ""),
	}, {
		Rule: "invalid-service", Analyzer: true, Severity: SeverityError, applies: inFunctions,
		check:    misspelled(isNoService, "no such service in a condition key"),
		Finds:    "No service has the name before the colon of the condition key.",
		Fix:      "Write the service that is meant.",
		Examples: mine(`"StringEquals":{"lamda:FunctionUrlAuthType":"AWS_IAM"}`, "bob", ""),
	}, {
		Rule: RuleAuthType, Severity: SeverityError, applies: inFunctions, check: authType,
		Finds: "lambda:FunctionUrlAuthType is NONE or AWS_IAM, in these letters. A URL of auth type NONE does not ask " +
			"who calls, so NONE goes with the principal * only.",
		Fix: "Write AWS_IAM, or NONE for a URL that is public on purpose.",
		Examples: append(mine(`"StringEquals":{"lambda:FunctionUrlAuthType":"IAM"}`, "bob", ""),
			mine(`"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}`, "bob", "")...),
	}, {
		Rule: "via-url-false", Severity: SeverityError, applies: inFunctions, check: viaURLFalse,
		Finds: "lambda:InvokedViaFunctionUrl is true for every call of a function URL. With false the statement " +
			"allows direct invocation only.",
		Fix: "Write true.",
		Examples: []Example{{Kind: policy.Resource,
			Fault: `{"Effect":"Allow",<bob>,<invoke>,<fn>,` +
				`"Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"false"}}}`,
			Beside: "<bob url>", Lets: "bob"}},
	}, {
		Rule: RuleNeverMatches, Severity: SeverityError, applies: inFunctions, check: neverMatches,
		Finds: "The statement demands what no call of a function URL has: the keys of both actions, or the key of the " +
			"other one; the keys of VPC endpoints, since function URLs are reached through the internet; aws:SourceArn " +
			"and aws:SourceAccount of users and roles, whose requests have none; keys of other services and operations.",
		Fix: "Remove the condition, or write the key that the action comes with: one statement for each action.",
		Examples: []Example{
			{Kind: policy.Identity,
				Fault: `{"Effect":"Allow","Action":"lambda:Invoke*",<fn>,"Condition":{<iam>,<via>}}`, Lets: "bob"},
			{Kind: policy.Identity, Fault: `{"Effect":"Allow",<invoke>,<fn>,"Condition":{<iam>}}`,
				Beside: "<my url>", Lets: "bob"},
			{Kind: policy.Resource,
				Fault: `{"Effect":"Allow",<bob>,<url>,<fn>,` +
					`"Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1a2b3c4d"}}}`,
				Beside: "<bob invoke>", Lets: "bob"},
			{Kind: policy.Resource,
				Fault: `{"Effect":"Allow",<bob>,<url>,<fn>,` +
					`"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}}`,
				Beside: "<bob invoke>", Lets: "bob"},
		},
	}, {
		Rule: "invalid-condition-multiple-boolean", Analyzer: true, Severity: SeverityError, applies: inFunctions,
		check:    multipleBoolean,
		Finds:    "A boolean that may be true or false limits nothing.",
		Fix:      "Write one of the two.",
		Examples: mine(`"Bool":{"aws:MultiFactorAuthPresent":["true","false"]}`, "", "bob"),
	}, {
		Rule: "type-mismatch", Analyzer: true, Severity: SeverityError, applies: inFunctions, check: typeMismatch,
		Finds: "The operator compares values of another type than the key has, so the comparison never holds, or " +
			"holds always if it is negated.",
		Fix: "Write the operator for the type: IpAddress for aws:SourceIp, String operators for ids.",
		Examples: append(mine(`"StringEquals":{"aws:SourceIp":"203.0.113.0/24"}`, "bob", ""),
			mine(`"ArnEquals":{"aws:PrincipalAccount":"111122223333"}`, "bob", "")...),
	}, {
		Rule: "wildcard-without-like-operator", Analyzer: true, Severity: SeverityError, applies: inFunctions,
		check: wildcardWithoutLike,
		Finds: "Only StringLike, StringNotLike and the operators of ARNs read * and ? as wildcards. StringEquals " +
			"compares with the characters themselves.",
		Fix:      "Write StringLike.",
		Examples: mine(`"StringEquals":{"aws:username":"bo*"}`, "bob", ""),
	}, {
		Rule: "private-ip-address", Analyzer: true, Severity: SeverityError, applies: inFunctions,
		check: privateAddresses(false, false),
		Finds: "Function URLs are called through the internet, so aws:SourceIp is never one of the private addresses " +
			"listed.",
		Fix:      "List the public addresses, such as that of the NAT gateway.",
		Examples: mine(`"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`, "bob", ""),
	}, {
		Rule: "private-not-ip-address", Analyzer: true, Severity: SeverityError, applies: inFunctions,
		check: privateAddresses(true, false),
		Finds: "Function URLs are called through the internet, so NotIpAddress with private addresses holds for every " +
			"call.",
		Fix: "List the public addresses. A Deny that is for VPCs cannot be for function URLs.",
		Examples: []Example{{Kind: policy.Identity,
			Fault: `{"Effect":"Deny",<url>,<fn>,"Condition":{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8",` +
				`"192.168.0.0/16"]}}}`,
			Beside: "<my url>,<my invoke>", Lets: "bob"}},
	}, {
		Rule: "private-ip-address-subset", Analyzer: true, Severity: SeveritySuggestion, applies: inFunctions,
		check:    privateAddresses(false, true),
		Finds:    "Some of the addresses are private, and no call of a function URL comes from those.",
		Fix:      "List the public addresses only.",
		Examples: mine(`"IpAddress":{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}`, "", ""),
	}, {
		Rule: "private-not-ip-address-subset", Analyzer: true, Severity: SeveritySuggestion, applies: inFunctions,
		check: privateAddresses(true, true),
		Finds: "Some of the addresses are private, and no call of a function URL comes from those.",
		Fix:   "List the public addresses only.",
		Examples: []Example{{Kind: policy.Identity,
			Fault: `{"Effect":"Deny",<url>,<fn>,"Condition":{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8",` +
				`"203.0.113.0/24"]}}}`,
			Beside: "<my url>,<my invoke>"}},
	}, {
		Rule: "invalid-region", Analyzer: true, Severity: SeverityError, applies: inFunctions, check: invalidRegion,
		Finds:    "No region has this name, so aws:RequestedRegion is never equal to it.",
		Fix:      "Write the region as AWS does, such as eu-west-1.",
		Examples: mine(`"StringEquals":{"aws:RequestedRegion":"EU-West-1"}`, "bob", ""),
	}, {
		Rule: "impossible-value", Severity: SeverityError, applies: inFunctions, check: impossibleValue,
		Finds: "No request has this value: an account is twelve digits, aws:PrincipalArn of a session is the ARN of " +
			"its role, the ARN of a distribution has no region.",
		Fix: "Write the value as requests have it.",
		Examples: append(mine(`"StringEquals":{"aws:PrincipalAccount":"1111-2222-3333"}`, "bob", ""),
			mine(`"ArnEquals":{"aws:PrincipalArn":"arn:aws:sts::111122223333:assumed-role/caller/session"}`, "caller", "")...),
	}, {
		Rule: "date-gone-by", Severity: SeverityError, applies: inFunctions, check: dateGoneBy,
		Finds: "The grant has ended.",
		Fix:   "Remove the statement, or write a later date.",
		Examples: []Example{{Kind: policy.Identity,
			Fault: `{"Effect":"Allow","Action":"lambda:*",<fn>,` +
				`"Condition":{"DateLessThan":{"aws:CurrentTime":"2025-01-01T00:00:00Z"}}}`}},
	}, {
		Rule: "forallvalues-with-single-valued-key", Analyzer: true, Severity: SeverityWarning, applies: inFunctions,
		check:    forAllSingle,
		Finds:    "ForAllValues also holds for requests without the key, and the key has one value.",
		Fix:      "Write the operator without ForAllValues.",
		Examples: all(`"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},<iam>`, "", "eve"),
	}, {
		Rule: "forallvalues-without-key", Severity: SeverityWarning, applies: inFunctions, check: forAllAbsent,
		Finds:    "ForAllValues also holds for requests without the key, so the grant is for callers who lack it, too.",
		Fix:      "Write ForAnyValue, which asks for the key.",
		Examples: all(`"ForAllValues:StringLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/r-ab12/*"},<iam>`, "", "eve"),
	}, {
		Rule: "missing-qualifier", Analyzer: true, Severity: SeverityError, applies: inFunctions,
		check: missingQualifier,
		Finds: "The key has several values, and a condition on it without ForAnyValue or ForAllValues is not met, even by " +
			"a request with one of them.",
		Fix:      "Write ForAnyValue, or ForAllValues with a negated operator.",
		Examples: mine(`"StringLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/r-ab12/*"}`, "", ""),
	}, {
		Rule: "ifexists-opens", Severity: SeverityWarning, applies: inFunctions, check: ifExists,
		Finds:    "IfExists also holds for callers without the key, so the grant is for those, too.",
		Fix:      "Write the operator without IfExists.",
		Examples: all(`"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},<iam>`, "", "eve"),
	}, {
		Rule: "null-opens", Severity: SeverityWarning, applies: inFunctions, check: nullOpens,
		Finds:    "Null with true lets in those only who lack the key.",
		Fix:      "Write false, and what the key has to be.",
		Examples: all(`"Null":{"aws:PrincipalOrgID":"true"},<iam>`, "", "eve"),
	}, {
		Rule: "limits-nothing", Severity: SeverityWarning, applies: inFunctions, check: limitsNothing,
		Finds:    "Every call of a function URL fulfills the condition, though it looks like a limit.",
		Fix:      "Remove the condition, and write the one that is meant.",
		Examples: mine(`"StringNotEquals":{"aws:SourceVpc":"vpc-1a2b3c4d"}`, "", ""),
	}, {
		Rule: "denies-every-call", Severity: SeverityError, applies: inFunctions, check: deniesEveryCall,
		Finds: "Every call of the function URLs in question matches the Deny, whatever allows it. A negated operator " +
			"holds for requests without its key: those of function URLs have no key of a VPC endpoint, and the check of " +
			"lambda:InvokeFunction has no lambda:FunctionUrlAuthType. It is a warning if the Deny has no condition.",
		Fix: "Let the Deny spare calls of function URLs, or remove it.",
		Examples: []Example{
			{Kind: policy.Identity,
				Fault: `{"Effect":"Deny","Action":"lambda:Invoke*",<fn>,` +
					`"Condition":{"StringNotEquals":{"lambda:FunctionUrlAuthType":"AWS_IAM"}}}`,
				Beside: "<my url>,<my invoke>", Lets: "bob"},
			{Kind: policy.Identity,
				Fault: `{"Effect":"Deny","Action":"*","Resource":"*",` +
					`"Condition":{"StringNotEquals":{"aws:SourceVpc":"vpc-1a2b3c4d"}}}`,
				Beside: "<my url>,<my invoke>", Lets: "bob"},
			{Kind: policy.Identity, Fault: `{"Effect":"Deny",<url>,<fn>}`, Beside: "<my url>,<my invoke>",
				Lets: "bob"},
		},
	}, {
		Rule: RuleMissingAction, Severity: SeverityError, applies: inFunctions, check: missingAction,
		Finds: "One of the two actions of a function URL is granted, the other is not. Since October 2025 a call " +
			"needs both.",
		Fix: "Add a statement for the other action.",
		Examples: []Example{
			{Kind: policy.Resource, Fault: "<bob url>", Lets: "bob"},
			{Kind: policy.Identity, Fault: "<my invoke>", Lets: "bob"},
			{Kind: policy.Resource, Fault: `{"Effect":"Allow","Principal":"*",<invoke>,<fn>,"Condition":{<via>}}`},
		},
	}, {
		Rule: "missing-arn-field", Analyzer: true, Severity: SeverityWarning, applies: inLambda, check: checkARNs,
		Finds: "An ARN has six parts. AWS takes those that are missing at the end for *, and refuses an ARN of five " +
			"parts.",
		Fix: "Write all parts.", Examples: on("arn:aws:lambda:eu-west-1", ""),
	}, {
		Rule: "invalid-arn-service-case", Analyzer: true, Severity: SeverityError, applies: inLambda,
		check: checkARNs,
		Finds: "ARNs differ in case, and the service of a function's is lambda, in lower case.",
		Fix:   "Write lambda.", Examples: on("arn:aws:Lambda:eu-west-1:111122223333:function:books", "bob"),
	}, {
		Rule: "invalid-partition", Analyzer: true, Severity: SeverityError, applies: inLambda, check: checkARNs,
		Finds:    "The region is one of another partition.",
		Fix:      "Write the partition of the region.",
		Examples: on("arn:aws-cn:lambda:eu-west-1:111122223333:function:books", "bob"),
	}, {
		Rule: "missing-arn-region", Analyzer: true, Severity: SeverityError, applies: inLambda, check: checkARNs,
		Finds: "The ARN of a function has a region.",
		Fix:   "Write the region, or *.", Examples: on("arn:aws:lambda::111122223333:function:books", "bob"),
	}, {
		Rule: "invalid-arn-region", Analyzer: true, Severity: SeverityError, applies: inLambda, check: checkARNs,
		Finds:    "There is no such region.",
		Fix:      "Write the region as AWS does, such as eu-west-1.",
		Examples: on("arn:aws:lambda:eu-west-1a:111122223333:function:books", "bob"),
	}, {
		Rule: "invalid-arn-account", Analyzer: true, Severity: SeverityError, applies: inLambda, check: checkARNs,
		Finds: "The ARN of a function has an account of twelve digits.",
		Fix:   "Write the account, or *.", Examples: on("arn:aws:lambda:eu-west-1::function:books", "bob"),
	}, {
		Rule: "invalid-arn-resource", Analyzer: true, Severity: SeverityError, applies: inLambda, check: checkARNs,
		Finds: "The ARN is not one of a function: the last part is function:NAME or function:NAME:QUALIFIER, and the " +
			"function URL has no ARN of its own.",
		Fix: "Write the ARN of the function.",
		Examples: append(on("arn:aws:lambda:eu-west-1:111122223333:function/books", "bob"),
			on("arn:aws:execute-api:eu-west-1:111122223333:a1b2c3d4e5/*", "")...),
	}, {
		Rule: RuleQualifiedOnly, Severity: SeverityWarning, applies: inFunctions, check: qualifiedOnly,
		Finds: "function:NAME:* and function:NAME:$LATEST do not cover the function itself, to which a URL without " +
			"qualifier belongs.",
		Fix:      "List the function, too.",
		Examples: on("arn:aws:lambda:eu-west-1:111122223333:function:books:*", "bob"),
	}, {
		Rule: RuleDirectInvoke, Severity: SeverityWarning, applies: inFunctions, check: directInvoke,
		Finds: "lambda:InvokeFunction without lambda:InvokedViaFunctionUrl also allows the function to be invoked " +
			"directly, past its URL.",
		Fix: "Add the condition, unless that is meant.",
		Examples: []Example{
			{Kind: policy.Resource, Fault: `{"Effect":"Allow",<bob>,<invoke>,<fn>}`, Beside: "<bob url>"},
			{Kind: policy.Identity,
				Fault: `{"Effect":"Allow","Action":["lambda:InvokeFunctionUrl","lambda:InvokeFunction"],<fn>}`},
		},
	}, {
		Rule: RulePublic, Severity: SeverityWarning, applies: inFunctions, check: public,
		Finds: "The principal is *, and no condition tells callers apart: anyone is let in, of any account and " +
			"unsigned.",
		Fix: "Name the principal. For a URL that is public on purpose, write the condition that " +
			"lambda:FunctionUrlAuthType is NONE.",
		Examples: []Example{
			{Kind: policy.Resource, Fault: `{"Effect":"Allow","Principal":"*",<url>,<fn>}`,
				Beside: `{"Effect":"Allow","Principal":"*",<invoke>,<fn>,"Condition":{<via>}}`, Stops: "eve"},
			{Kind: policy.Resource,
				Fault: `{"Effect":"Allow","Principal":"*",<url>,<fn>,` +
					`"Condition":{"Bool":{"aws:SecureTransport":"true"}}}`,
				Beside: `{"Effect":"Allow","Principal":"*",<invoke>,<fn>,"Condition":{<via>}}`, Stops: "eve"},
		},
	}, {
		Rule: "any-account", Severity: SeverityWarning, applies: inFunctions, check: anyAccount,
		Finds: "The principal is * for URLs of auth type AWS_IAM, and no other condition tells callers apart: the " +
			"users and roles of every account are let in.",
		Fix:      "Name the principal, or limit it by aws:PrincipalAccount or aws:PrincipalOrgID.",
		Examples: all(`<iam>`, "", "eve"),
	}, {
		Rule: "unknown-service-principal", Severity: SeverityWarning, applies: everyStatement, check: unknownService,
		Finds: "furl does not know the service. AWS refuses names outside of its domains; there is no complete list " +
			"of those inside.",
		Fix: "Write the name of the service that is meant.",
		Examples: []Example{{Kind: policy.Resource,
			Fault: `{"Effect":"Allow","Principal":{"Service":"cloudfornt.amazonaws.com"},<url>,<fn>,` +
				`"Condition":{<own>}}`,
			Beside: `{"Effect":"Allow",<cloudfront>,"NotAction":"lambda:InvokeFunctionUrl",<fn>,"Condition":{<own>}}`}},
	}, {
		Rule: RuleServiceNeverSigns, Severity: SeverityError, applies: inFunctions, check: serviceNeverSigns,
		Finds: "The grant is to a service that never sends signed requests to function URLs: of all services only " +
			"cloudfront.amazonaws.com does. lambda.amazonaws.com is not a function: a function calls with its execution " +
			"role.",
		Fix: "Name the user or role that calls.",
		Examples: []Example{{Kind: policy.Resource,
			Fault: `{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},` +
				`"Action":"lambda:InvokeFunctionUrl",<fn>,` +
				`"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}}`,
			Beside: "<bob url>,<bob invoke>"}},
	}, {
		Rule: "restrict-access-to-service-principal", Analyzer: true, Severity: SeverityWarning, applies: inResourcePolicy,
		check: unpaired,
		Finds: "The grant to a service does not say for which resource or account the service acts, so it lets in what " +
			"anyone sets up with it: the distributions of every account.",
		Fix: "Add the condition on aws:SourceArn or aws:SourceAccount.",
		Examples: []Example{{Kind: policy.Resource, Fault: `{"Effect":"Allow",<cloudfront>,<url>,<fn>}`,
			Beside: `{"Effect":"Allow",<cloudfront>,<invoke>,<fn>,"Condition":{<via>,<own>}}`}},
	}, {
		Rule: "invalid-role-reference", Analyzer: true, Severity: SeverityWarning, applies: everyStatement,
		check: deletedPrincipal("AROA", "role"),
		Finds: "The principal is the id of a role that was deleted. A new role of the same name has another id, and " +
			"is not let in.",
		Fix: "Remove the principal, and grant to the role that there is now.",
		Examples: []Example{{Kind: policy.Resource,
			Fault:  `{"Effect":"Allow","Principal":{"AWS":"AROAEXAMPLEEXAMPLE22"},<url>,<fn>}`,
			Beside: "<bob url>,<bob invoke>"}},
	}, {
		Rule: "invalid-user-reference", Analyzer: true, Severity: SeverityWarning, applies: everyStatement,
		check: deletedPrincipal("AIDA", "user"),
		Finds: "The principal is the id of a user that was deleted. A new user of the same name has another id, and " +
			"is not let in.",
		Fix: "Remove the principal, and grant to the user that there is now.",
		Examples: []Example{{Kind: policy.Resource,
			Fault: `{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:user/bob",` +
				`"AIDAEXAMPLEEXAMPLE22"]},"Action":"lambda:*",<fn>}`}},
	}, {
		Rule: "deny-with-notprincipal", Severity: SeverityWarning, applies: inResourcePolicy, check: denyNotPrincipal,
		Finds: "A Deny with NotPrincipal also denies the sessions of a role that is listed, and everyone whose " +
			"account is not listed beside the user or role.",
		Fix: "Deny everyone but by a condition on aws:PrincipalArn.",
		Examples: []Example{{Kind: policy.Resource,
			Fault: `{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:role/caller"},` +
				`"Action":"lambda:Invoke*",<fn>}`,
			Beside: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/caller"},` +
				`"Action":"lambda:*",<fn>}`,
			Lets: "caller"}},
	}, {
		Rule: "variable-unsupported-in-version", Analyzer: true, Severity: SeverityError, applies: inFunctions,
		check: variables,
		Finds: "Policies of version 2008-10-17, which is the one without a Version element, have no variables: " +
			"${aws:username} stands for these characters.",
		Fix: "Write the version 2012-10-17.",
		Examples: []Example{{Kind: policy.Identity, Version: "2008-10-17",
			Fault:  `{"Effect":"Allow",<url>,<fn>,"Condition":{"StringEquals":{"aws:username":"${aws:username}"}}}`,
			Beside: "<my invoke>", Lets: "bob"}},
	}, {
		Rule: "missing-version", Analyzer: true, Severity: SeveritySuggestion, applies: inFunctions, check: missingVersion,
		Finds: "The policy has no Version, which means 2008-10-17: the version without variables, which IAM takes in inline " +
			"policies only.",
		Fix:      "Write the version 2012-10-17.",
		Examples: []Example{{Kind: policy.Identity, Version: "none", Fault: `{"Effect":"Allow","Action":"lambda:*",<fn>}`}},
	}, {
		Rule: "invalid-variable", Severity: SeverityError, applies: inFunctions, check: unknownVariables,
		Finds:    "The variable is no condition key, so it never has a value, and what it stands in matches nothing.",
		Fix:      "Write the name that is meant.",
		Examples: mine(`"StringEquals":{"aws:PrincipalTag/team":"${aws:ResourceTags/team}"}`, "", ""),
	}, {
		Rule: "improve-ip-range", Analyzer: true, Severity: SeveritySuggestion, applies: inFunctions,
		check:    improveRange,
		Finds:    "The bits of the address after the mask are ignored.",
		Fix:      "Write the range without them.",
		Examples: mine(`"IpAddress":{"aws:SourceIp":"203.0.113.9/24"}`, "", ""),
	}, {
		Rule: "redundant-condition-value-num", Analyzer: true, Severity: SeveritySuggestion, applies: inFunctions,
		check:    redundantNumber,
		Finds:    "Of several values of a comparison of numbers, the widest decides.",
		Fix:      "Write that one.",
		Examples: mine(`"NumericLessThan":{"aws:MultiFactorAuthAge":["2700","3600"]}`, "", ""),
	}, {
		Rule: "redundant-action", Analyzer: true, Severity: SeveritySuggestion, applies: inFunctions,
		check: redundantAction,
		Finds: "Another action of the list covers this one.",
		Fix:   "Remove it.",
		Examples: []Example{{Kind: policy.Identity,
			Fault: `{"Effect":"Allow","Action":["lambda:*","lambda:InvokeFunctionUrl"],<fn>}`}},
	}, {
		Rule: "redundant-resource", Analyzer: true, Severity: SeveritySuggestion, applies: inFunctions,
		check: redundantResource,
		Finds: "Another resource of the list covers this one.",
		Fix:   "Remove it.",
		Examples: []Example{{Kind: policy.Identity,
			Fault: `{"Effect":"Allow","Action":"lambda:*","Resource":["*",` +
				`"arn:aws:lambda:eu-west-1:111122223333:function:books"]}`}},
	}, {
		Rule: "redundant-statement", Analyzer: true, Severity: SeveritySuggestion, applies: inFunctions,
		check: redundantStatement,
		Finds: "An earlier statement says the same.",
		Fix:   "Remove one of the two.",
		Examples: []Example{{Kind: policy.Identity, Fault: `{"Effect":"Allow","Action":"lambda:*",<fn>}`,
			Beside: `{"Effect":"Allow","Action":"lambda:*",<fn>}`}},
	}, {
		Rule: "empty-sid-value", Analyzer: true, Severity: SeveritySuggestion, applies: inFunctions, check: emptySid,
		Finds:    "The Sid is empty.",
		Fix:      "Write one, or leave it out.",
		Examples: []Example{{Kind: policy.Identity, Fault: `{"Sid":"","Effect":"Allow","Action":"lambda:*",<fn>}`}},
	},
}
