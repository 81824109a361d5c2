package sam

import (
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/template/tree"
)

// functionProperty answers the kinds of values that a property of AWS::Serverless::Function takes, none for any.
func functionProperty(name string) (kinds []tree.Kind, ok bool) {
	switch name {
	case "Handler", "Runtime", "CodeUri", "ImageUri", "PackageType", "InlineCode", "Description", "MemorySize", "Timeout",
		"VpcConfig", "RolePath", "KmsKeyArn", "ReservedConcurrentExecutions", "EphemeralStorage", "VersionDescription",
		"ProvisionedConcurrencyConfig", "FileSystemConfigs", "ImageConfig", "CodeSigningConfigArn", "Architectures",
		"RuntimeManagementConfig", "LoggingConfig", "RecursiveLoop", "SourceKMSKeyArn", "PublishToLatestPublished",
		"TenancyConfig":
		return nil, true
	case "Role", "PermissionsBoundary", "AutoPublishAlias", "AutoPublishCodeSha256", "VersionDeletionPolicy":
		return []tree.Kind{tree.String}, true
	case "FunctionName", "Tracing":
		return []tree.Kind{tree.String, tree.Map}, true
	case "DeadLetterQueue", "AssumeRolePolicyDocument", "Environment", "Events", "Tags", "DeploymentPreference",
		"EventInvokeConfig", "SnapStart", "FunctionUrlConfig", "CapacityProviderConfig", "FunctionScalingConfig",
		"DurableConfig":
		return []tree.Kind{tree.Map}, true
	case "Policies":
		return []tree.Kind{tree.String, tree.Map, tree.List}, true
	case "Layers":
		return []tree.Kind{tree.List}, true
	case "PropagateTags", "AutoPublishAliasAllProperties":
		return []tree.Kind{tree.Bool}, true
	}
	return nil, false
}

// function makes the function, its role, versions, alias, URL and permissions.
func (r *resource) function() {
	if !r.check(functionProperty) || !r.together() {
		return
	}
	id, pos := r.name.Name, r.name.Value.Pos
	out, properties := r.make("AWS::Lambda::Function", ownAttributes)
	r.dependsOn(out)
	if name := r.has("FunctionName"); name != nil {
		properties.Set("FunctionName", name)
	}
	r.copy(properties, "Handler", "Runtime", "Description", "MemorySize", "Timeout", "VpcConfig", "Role",
		"Environment", "KmsKeyArn", "ReservedConcurrentExecutions", "Layers", "FileSystemConfigs", "ImageConfig",
		"PackageType", "Architectures", "SnapStart", "EphemeralStorage", "CodeSigningConfigArn",
		"RuntimeManagementConfig", "LoggingConfig", "TenancyConfig", "RecursiveLoop", "DurableConfig",
		"FunctionScalingConfig", "PublishToLatestPublished")
	code, hashed := r.code()
	properties.Set("Code", code)
	if r.traced() {
		properties.Set("TracingConfig", tree.Object(r.has("Tracing").Pos, "Mode", r.has("Tracing")))
	}
	if queue := r.has("DeadLetterQueue"); queue != nil {
		if target := queue.Get("TargetArn"); target != nil {
			properties.Set("DeadLetterConfig", tree.Object(queue.Pos, "TargetArn", target))
		}
	}
	if capacity := r.has("CapacityProviderConfig"); capacity.Is(tree.Map) {
		inner := &tree.Node{Pos: capacity.Pos, Kind: tree.Map, Members: slices.Clone(capacity.Members)}
		for i := range inner.Members {
			if inner.Members[i].Name == "Arn" {
				inner.Members[i].Name = "CapacityProviderArn"
			}
		}
		properties.Set("CapacityProviderConfig",
			tree.Object(capacity.Pos, "LambdaManagedInstancesCapacityProviderConfig", inner))
	}
	tags := r.tags()
	properties.Set("Tags", tags)
	r.packageType()

	target := ref(pos, id)
	alias, aliasName := "", ""
	extra := []tree.Member{{Name: id, Value: out}}
	if value := r.has("AutoPublishAlias"); value != nil {
		version := r.version(properties, hashed)
		aliasName = r.aliasName(value)
		alias = id + "Alias" + strings.NewReplacer("-", "D", "_", "U").Replace(aliasName)
		made, of := r.make("AWS::Lambda::Alias", passedAttributes)
		of.Set("Name", tree.Text(value.Pos, aliasName))
		of.Set("FunctionName", target)
		of.Set("FunctionVersion", getAtt(pos, version.Name, "Version"))
		r.copy(of, "ProvisionedConcurrencyConfig")
		extra = append(extra, version, tree.Member{Name: alias, Value: made})
		r.parts[id] = map[string]string{"Alias": alias, "Version": version.Name}
		target = ref(pos, alias)
	}
	if config := r.has("FunctionUrlConfig"); config != nil {
		extra = append(extra, r.url(config, target)...)
	}
	if preference := r.has("DeploymentPreference"); preference != nil && !isFalse(r.resolve(preference.Get("Enabled"))) {
		if alias == "" {
			r.faults.Add(preference.Pos, "DeploymentPreference needs AutoPublishAlias")
		}
		r.notRun(preference.Pos, "DeploymentPreference of "+id+" is not run here: the alias goes to the new version at once")
	}
	var documents []*tree.Node
	if config := r.has("EventInvokeConfig"); config != nil {
		made, allowed := r.eventInvoke(config, alias, aliasName)
		extra, documents = append(extra, made...), allowed
	}
	extra = append(extra, r.role(properties, documents, tags)...)
	if events := r.has("Events"); events != nil {
		names := make([]string, len(events.Members))
		for i, event := range events.Members {
			names[i] = event.Name
			r.implicitAPI(event)
		}
		r.notRun(events.Pos, "events of "+id+" are not run here: "+strings.Join(names, ", "))
	}
	propagate := r.has("PropagateTags") != nil
	for _, member := range extra {
		if of := member.Value.Get("Properties"); propagate && of.Get("Tags") != nil && len(tags.Items) > 1 {
			of.Set("Tags", list(tags.Pos, tags.Items[1:]...))
		}
		r.add(r.name, member.Name, member.Value)
	}
}

// isFalse reports whether a value is false, written as a boolean or as a string.
func isFalse(value *tree.Node) bool {
	return value.Is(tree.Bool, tree.String) && strings.EqualFold(value.Text, "false")
}

// together checks the properties that exclude or need each other.
func (r *resource) together() bool {
	good := true
	refuse := func(property, format string, arguments ...any) {
		r.faults.Add(r.get(property).Pos, format, arguments...)
		good = false
	}
	for _, pair := range [][2]string{
		{"CapacityProviderConfig", "ProvisionedConcurrencyConfig"}, {"CapacityProviderConfig", "VpcConfig"},
		{"TenancyConfig", "ProvisionedConcurrencyConfig"}, {"TenancyConfig", "FunctionUrlConfig"},
		{"TenancyConfig", "SnapStart"},
	} {
		if r.has(pair[0]) != nil && r.has(pair[1]) != nil {
			refuse(pair[1], "%s and %s exclude each other", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{
		{"FunctionScalingConfig", "CapacityProviderConfig"}, {"VersionDeletionPolicy", "AutoPublishAlias"},
		{"ProvisionedConcurrencyConfig", "AutoPublishAlias"},
	} {
		if r.get(pair[0]) != nil && r.has(pair[1]) == nil {
			refuse(pair[0], "%s needs %s", pair[0], pair[1])
		}
	}
	if queue := r.has("DeadLetterQueue"); queue != nil {
		kind := queue.Get("Type")
		if given(queue.Get("TargetArn")) == nil || !kind.Is(tree.String) || (kind.Text != "SQS" && kind.Text != "SNS") {
			refuse("DeadLetterQueue", "DeadLetterQueue must have a TargetArn, and a Type that is SQS or SNS")
		}
	}
	if tags := r.get("Tags"); tags != nil {
		if isIntrinsic(tags) {
			refuse("Tags", "Tags must be a map of names and values, not an intrinsic function")
		}
		for _, name := range []string{samTag, "serverlessrepo:applicationId", "serverlessrepo:semanticVersion"} {
			if tags.Get(name) != nil {
				refuse("Tags", "SAM sets the tag %s itself: give it another name", name)
			}
		}
	}
	for _, property := range []string{"Events", "EventInvokeConfig"} {
		if isIntrinsic(r.get(property)) {
			refuse(property, "%s must be a map, not an intrinsic function", property)
		}
	}
	return good
}

const samTag = "lambda:createdBy"

// tags are the tags in the form of CloudFormation, with SAM's own first.
func (r *resource) tags() *tree.Node {
	pos := r.name.Value.Pos
	out := list(pos, tree.Object(pos, "Key", tree.Text(pos, samTag), "Value", tree.Text(pos, "SAM")))
	tags := r.get("Tags")
	if tags == nil {
		return out
	}
	for _, tag := range tags.Members {
		value := tag.Value
		if value.Kind == tree.Null {
			value = tree.Text(value.Pos, "")
		}
		out.Items = append(out.Items, tree.Object(tag.Pos, "Key", tree.Text(tag.Pos, tag.Name), "Value", value))
	}
	return out
}

// traced reports whether Tracing is on.
func (r *resource) traced() bool {
	tracing := r.resolve(r.has("Tracing"))
	return tracing != nil && !(tracing.Is(tree.String) && (tracing.Text == "Disabled" || tracing.Text == ""))
}

// packageType checks what packages of zip files and images need.
func (r *resource) packageType() {
	kind := r.get("PackageType")
	switch {
	case kind == nil || kind.Is(tree.String) && kind.Text == "Zip":
		for _, name := range []string{"Runtime", "Handler"} {
			if r.has(name) == nil {
				r.faults.Add(r.name.Pos, "%s has no %s, which a function of PackageType Zip needs", r.name.Name, name)
			}
		}
		if value := r.has("ImageConfig"); value != nil {
			r.faults.Add(value.Pos, "ImageConfig is for PackageType Image")
		}
	case kind.Is(tree.String) && kind.Text == "Image":
		for _, name := range []string{"Runtime", "Handler", "Layers"} {
			if value := r.has(name); value != nil {
				r.faults.Add(value.Pos, "%s is for PackageType Zip, and %s is an Image", name, r.name.Name)
			}
		}
	default:
		r.faults.Add(kind.Pos, "PackageType must be Zip or Image")
	}
}

// code is the Code of the function, and what logical ids of versions are made of. A path on disk stands in the Code as
// it does in a template of CloudFormation before it is packaged; for the logical id it is a key in a bucket of that
// name, since the transform otherwise sees a template only once its code is in S3. A function without CodeUri has its
// code beside the template, as for sam build.
func (r *resource) code() (code, hashed *tree.Node) {
	if kind := r.get("PackageType"); kind.Is(tree.String) && kind.Text == "Image" {
		code = &tree.Node{Pos: r.name.Value.Pos, Kind: tree.Map}
		if uri := r.get("ImageUri"); uri != nil {
			code = tree.Object(uri.Pos, "ImageUri", uri)
		}
		return code, r.resolve(code)
	}
	if inline := r.get("InlineCode"); inline != nil {
		code = tree.Object(inline.Pos, "ZipFile", inline)
		return code, r.resolve(code)
	}
	code, hashed = r.location("CodeUri")
	if key := r.has("SourceKMSKeyArn"); key != nil {
		if code.Is(tree.Map) {
			code.Set("SourceKMSKeyArn", key)
			return code, r.resolve(code)
		}
		hashed.Set("SourceKMSKeyArn", r.resolve(key))
	}
	return code, hashed
}

// bucketOfPaths is the bucket in which paths are for logical ids.
const bucketOfPaths = "bucket"

// keyOf is the key of a path in that bucket.
func keyOf(path string) string { return strings.Trim(strings.TrimPrefix(path, "./"), "/") }

// location is the place of code in S3, or a path, under the name of a property.
func (r *resource) location(property string) (code, hashed *tree.Node) {
	uri := r.get(property)
	switch {
	case uri == nil:
		uri = tree.Text(r.name.Value.Pos, ".")
		fallthrough
	case uri.Is(tree.String):
		bucket, key, isS3 := strings.Cut(strings.TrimPrefix(uri.Text, "s3://"), "/")
		if isS3 = isS3 && strings.HasPrefix(uri.Text, "s3://"); !isS3 {
			return uri, tree.Object(uri.Pos, "S3Bucket", tree.Text(uri.Pos, bucketOfPaths), "S3Key",
				tree.Text(uri.Pos, keyOf(uri.Text)))
		}
		key, query, _ := strings.Cut(key, "?")
		code = tree.Object(uri.Pos, "S3Bucket", tree.Text(uri.Pos, bucket), "S3Key",
			tree.Text(uri.Pos, strings.TrimLeft(key, "/")))
		if version, found := strings.CutPrefix(query, "versionId="); found {
			code.Set("S3ObjectVersion", tree.Text(uri.Pos, version))
		}
	case uri.Is(tree.Map) && given(uri.Get("Bucket")) != nil && given(uri.Get("Key")) != nil:
		code = tree.Object(uri.Pos, "S3Bucket", uri.Get("Bucket"), "S3Key", uri.Get("Key"))
		for from, to := range map[string]string{"Version": "S3ObjectVersion", "StorageMode": "S3ObjectStorageMode"} {
			if value := uri.Get(from); value != nil {
				code.Set(to, value)
			}
		}
	default:
		r.faults.Add(uri.Pos, "%s must be a path, an address that begins with s3://, or a map of Bucket and Key", property)
		return uri, &tree.Node{Kind: tree.Map}
	}
	return code, r.resolve(code)
}

// version is the AWS::Lambda::Version of an alias, with a logical id that changes with the code of the function.
func (r *resource) version(function, code *tree.Node) tree.Member {
	id := r.name.Name + "Version"
	if sha := r.resolve(r.has("AutoPublishCodeSha256")); sha != nil {
		if !sha.Is(tree.String) {
			r.faults.Add(r.has("AutoPublishCodeSha256").Pos,
				"AutoPublishCodeSha256 must be a string or a Ref to a parameter with a value")
			sha = tree.Text(sha.Pos, "")
		}
		if strings.Trim(sha.Text[:min(10, len(sha.Text))], letters+digits) != "" {
			r.faults.Add(sha.Pos, "AutoPublishCodeSha256 must begin with letters and digits, which a logical id is made of")
		}
		description := given(r.resolve(r.get("Description")))
		switch {
		case description == nil:
			function.Set("Description", sha)
		case description.Is(tree.String):
			function.Set("Description", tree.Text(description.Pos, description.Text+" "+sha.Text))
		default:
			function.Set("Description", tree.Object(description.Pos, "Fn::Join",
				list(description.Pos, tree.Text(description.Pos, " "), list(description.Pos, description, sha))))
		}
		id += sha.Text[:min(10, len(sha.Text))]
	} else {
		id += hash(r.hashed(function, code))
	}
	out, properties := r.make("AWS::Lambda::Version", passedAttributes)
	if out.Get("DeletionPolicy") == nil {
		policy := r.get("VersionDeletionPolicy")
		switch {
		case policy != nil && !(policy.Is(tree.String) && (policy.Text == "Delete" || policy.Text == "Retain")):
			r.faults.Add(policy.Pos, "VersionDeletionPolicy must be Delete or Retain")
		case policy == nil && r.has("CapacityProviderConfig") != nil:
			policy = tree.Text(r.name.Value.Pos, "Delete")
		case policy == nil:
			policy = tree.Text(r.name.Value.Pos, "Retain")
		}
		out.Set("DeletionPolicy", policy)
	}
	properties.Set("FunctionName", ref(r.name.Value.Pos, r.name.Name))
	if value := r.get("VersionDescription"); value != nil {
		properties.Set("Description", value)
	}
	if r.has("CapacityProviderConfig") != nil {
		r.copy(properties, "FunctionScalingConfig")
	}
	return tree.Member{Name: id, Value: out}
}

// hashed is what a change of makes a new version.
func (r *resource) hashed(function, code *tree.Node) *tree.Node {
	if r.has("AutoPublishAliasAllProperties") == nil {
		out := &tree.Node{Kind: tree.Map, Members: slices.Clone(code.Members)}
		for _, variable := range members(r.get("Environment")) {
			out.Set(variable.Name, variable.Value)
		}
		if memory := r.has("MemorySize"); memory != nil {
			out.Set("MemorySize", memory)
		}
		if snap := r.get("SnapStart"); len(members(snap)) > 0 {
			if apply := snap.Get("ApplyOn"); apply != nil && !(apply.Is(tree.String) && apply.Text == "None") {
				out.Set("SnapStart", snap)
			}
		}
		return out
	}
	out := &tree.Node{Kind: tree.Map, Members: slices.Clone(function.Members)}
	out.Set("Code", code)
	if layers := r.get("Layers"); layers != nil {
		for _, layer := range layers.Items {
			id := idOf(layer)
			properties := r.source[id].Get("Properties")
			if given(properties.Get("PublishLambdaVersion")) != nil {
				out.Set(id, uploaded(properties))
			}
		}
	}
	return out
}

func members(node *tree.Node) []tree.Member {
	if node == nil {
		return nil
	}
	return node.Members
}

// aliasName is the name of the alias that AutoPublishAlias asks for.
func (r *resource) aliasName(value *tree.Node) string {
	name := r.resolve(value)
	switch {
	case !name.Is(tree.String):
		r.faults.Add(value.Pos, "AutoPublishAlias must be a string or a Ref to a parameter with a value")
	case strings.Trim(name.Text, letters+digits+"-_") != "" || strings.Trim(name.Text, digits) == "":
		r.faults.Add(value.Pos,
			"the alias %q must have letters, digits, hyphens and underscores only, and not only digits", name.Text)
	default:
		return name.Text
	}
	return "invalid"
}

// url is the function URL, and the two permissions that a public one needs.
func (r *resource) url(config, target *tree.Node) []tree.Member {
	auth := config.Get("AuthType")
	good := true
	switch {
	case isIntrinsic(config):
		r.faults.Add(config.Pos, "FunctionUrlConfig must be a map, not an intrinsic function: put those into its "+
			"properties, or give the function a Condition")
		return nil
	case auth == nil:
		r.faults.Add(config.Pos, "FunctionUrlConfig has no AuthType, which must be AWS_IAM or NONE")
		good = false
	case isIntrinsic(auth):
		r.notice(auth.Pos, "SAM adds the permissions of a public URL only where AuthType is written out as NONE")
	case !auth.Is(tree.String) || (auth.Text != "AWS_IAM" && auth.Text != "NONE"):
		r.faults.Add(auth.Pos, "AuthType must be AWS_IAM or NONE")
		good = false
	}
	cors := config.Get("Cors")
	if good = r.cors(cors) && good; !good {
		return nil
	}
	id := r.name.Name
	out, properties := r.make("AWS::Lambda::Url", passedAttributes)
	properties.Set("TargetFunctionArn", target)
	properties.Set("AuthType", auth)
	if given(cors) != nil {
		properties.Set("Cors", cors)
	}
	if mode := config.Get("InvokeMode"); mode != nil && mode.Kind != tree.Null {
		properties.Set("InvokeMode", mode)
	}
	made := []tree.Member{{Name: id + "Url", Value: out}}
	if auth.Is(tree.String) && auth.Text == "NONE" {
		permission := func(name, action, condition string, value *tree.Node) {
			out, properties := r.make("AWS::Lambda::Permission", passedAttributes)
			properties.Set("Action", tree.Text(auth.Pos, action))
			properties.Set("FunctionName", target)
			properties.Set("Principal", tree.Text(auth.Pos, "*"))
			properties.Set(condition, value)
			made = append(made, tree.Member{Name: id + name, Value: out})
		}
		permission("UrlPublicPermissions", "lambda:InvokeFunctionUrl", "FunctionUrlAuthType", auth)
		permission("URLInvokeAllowPublicAccess", "lambda:InvokeFunction", "InvokedViaFunctionUrl",
			&tree.Node{Pos: auth.Pos, Kind: tree.Bool, Text: "true"})
	}
	return made
}

// cors checks the Cors of a URL.
func (r *resource) cors(cors *tree.Node) bool {
	if given(cors) == nil || isIntrinsic(cors) {
		return true
	}
	if !cors.Is(tree.Map) {
		r.faults.Add(cors.Pos, "Cors must be a map, and this is %s", cors.Kind)
		return false
	}
	kinds := map[string]tree.Kind{
		"AllowOrigins": tree.List, "AllowMethods": tree.List, "AllowHeaders": tree.List, "ExposeHeaders": tree.List,
		"AllowCredentials": tree.Bool, "MaxAge": tree.Number,
	}
	good := true
	for _, member := range cors.Members {
		kind, ok := kinds[member.Name]
		switch {
		case !ok:
			r.faults.Add(member.Pos, "Cors has no property %s; it has %s", member.Name,
				strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
			good = false
		case !member.Value.Is(kind) && !isIntrinsic(member.Value):
			r.faults.Add(member.Value.Pos, "%s must be %s, and this is %s", member.Name, kind, member.Value.Kind)
			good = false
		}
	}
	return good
}
