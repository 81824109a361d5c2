package template

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/template/tree"
	"github.com/furl-dev/furl/policy"
)

// asset is where CDK says which directory of cdk.out is the code of a resource, and assetOf which property it is about.
const (
	asset   = "aws:asset:path"
	assetOf = "aws:asset:property"
)

// runtimes are what the names of runtimes begin with.
var runtimes = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(dotnet|dotnetcore|go|java|nodejs|provided|python|ruby)[0-9.]*(\.al2|\.al2023|x|-edge)?$`)
})

var functionNameForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`) })

var environmentName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]*$`) })

func buildFunction(p *reader) Value {
	f := &Function{
		Name: functionName(p.e, p.r).Text, Handler: p.upTo("Handler", lambda.MaxHandler), Role: p.text("Role"),
		Description: p.upTo("Description", lambda.MaxDescription),
		PackageType: p.oneOf("PackageType", "Image", "Zip"),
		Timeout:     p.amount("Timeout", 1, int(lambda.MaxTimeout/time.Second)),
		MemoryMB:    p.amount("MemorySize", lambda.MinMemoryMB, lambda.MaxMemoryMB),
		Layers:      p.made("Layers"),
		Tags:        p.tags(),
		Reserved:    p.number("ReservedConcurrentExecutions", 0, maxInt),
	}
	p.matching("FunctionName", "up to 64 letters, digits, hyphens and underscores, or the ARN of a function",
		func(string) bool { return functionNameForm().MatchString(f.Name) })
	f.Runtime = p.matching("Runtime", "a runtime such as python3.13, nodejs22.x or provided.al2023",
		func(text string) bool { return runtimes().MatchString(text) })
	p.matching("Role", "the ARN of a role", func(text string) bool { return strings.HasPrefix(text, "arn:") })
	if p.e.isMadeUp(p.get("Role")) && !strings.Contains(f.Role, ":role/") {
		f.Role = arn.IAM(p.e.stack.options.Account, "role", "/", p.r.generated(p.e.stack.Name, maxIAMName)).String()
	}
	f.Architectures = p.textsOf("Architectures", "arm64", "x86_64")
	p.atMost("Architectures", 1)
	p.atMost("Layers", lambda.MaxLayers)
	if storage := p.object("EphemeralStorage", shape{run: names("Size")}); storage != nil {
		storage.need("Size")
		f.EphemeralMB = storage.amount("Size", lambda.DefaultEphemeralMB, lambda.MaxEphemeralMB)
	}
	if tracing := p.object("TracingConfig", shape{run: names("Mode")}); tracing != nil {
		f.TracingMode = tracing.oneOf("Mode", lambda.TracingActive, "PassThrough")
	}
	logging := p.object("LoggingConfig", shape{run: names("ApplicationLogLevel LogFormat LogGroup SystemLogLevel")})
	if logging != nil {
		f.Logging = &Logging{
			Format:           logging.oneOf("LogFormat", "JSON", "Text"),
			ApplicationLevel: logging.oneOf("ApplicationLogLevel", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"),
			SystemLevel:      logging.oneOf("SystemLogLevel", "DEBUG", "INFO", "WARN"),
			Group:            logging.text("LogGroup"),
		}
	}
	f.Environment = p.environment()
	var isImage bool
	f.Code, isImage = p.code("Code")
	if isImage || f.PackageType == "Image" {
		if !p.r.isNotRun {
			p.l.unrunProperty(p.r.Pos, "PackageType Image", p.r.ID)
		}
		p.r.isNotRun = true
		return f
	}
	// Lambda refuses functions of packages without these (API reference of CreateFunction).
	p.need("Handler", "Runtime")
	if f.Code.Inline != "" && f.Runtime != "" && !p.isOpen("Runtime") &&
		!strings.HasPrefix(f.Runtime, "python") && !strings.HasPrefix(f.Runtime, "nodejs") {
		p.e.fault(p.get("Code").Pos, "the code of %s stands in the template, expected a runtime of Python or Node.js, not %s",
			p.r.ID, f.Runtime)
	}
	return f
}

func (p *reader) environment() map[string]string {
	outer := p.object("Environment", shape{run: names("Variables")})
	if outer == nil {
		return nil
	}
	node := outer.get("Variables")
	if node == nil || outer.isOpen("Variables") {
		return nil
	}
	if !node.Is(tree.Map) {
		outer.wrong(node, "Variables", "a map")
		return nil
	}
	size := 0
	for _, m := range node.Members {
		if size += len(m.Name); !p.e.isOpen(m.Value) {
			size += len(m.Value.Text)
		}
	}
	if size > lambda.MaxEnvironment {
		p.e.fault(node.Pos, "the environment of %s has %d bytes, expected at most %d", p.of, size, lambda.MaxEnvironment)
		return nil
	}
	variables := &reader{p.l, p.e, p.r, node, "the environment of " + p.of, node.Pos}
	out := map[string]string{}
	for _, m := range node.Members {
		switch {
		case !environmentName().MatchString(m.Name):
			p.e.fault(m.Pos, "%s has the variable %s, expected a letter, then letters, digits and underscores", variables.of,
				quote(m.Name))
		case lambda.ReservedVariable(m.Name):
			p.e.fault(m.Pos, "%s has %s, which Lambda sets itself, expected another name", variables.of, m.Name)
		}
		out[m.Name] = variables.text(m.Name)
	}
	return out
}

// code is where code is. The second result is true for an image, which is not run here.
func (p *reader) code(name string) (Code, bool) {
	metadata := p.r.node.Get("Metadata")
	path, of := metadata.Get(asset).TextOr(""), metadata.Get(assetOf).TextOr("")
	n := p.get(name)
	if n.Is(tree.String) {
		if rest, ok := strings.CutPrefix(n.Text, "s3://"); ok {
			bucket, key, _ := strings.Cut(rest, "/")
			return Code{Bucket: bucket, Key: key}, false
		}
		return Code{Path: n.Text}, false
	}
	run := names("S3Bucket S3Key S3ObjectStorageMode S3ObjectVersion ZipFile ImageUri")
	if name == "Content" {
		run = names("S3Bucket S3Key S3ObjectStorageMode S3ObjectVersion")
	}
	inner := p.object(name, shape{run: run, unrun: names("SourceKMSKeyArn")})
	if inner == nil {
		return Code{}, false
	}
	code := Code{Inline: inner.text("ZipFile"), Bucket: inner.text("S3Bucket"), Key: inner.text("S3Key")}
	isImage := inner.get("ImageUri") != nil
	switch {
	case isImage:
		inner.text("ImageUri")
	case path != "" && (of == "" || of == name) && code.Inline == "":
		return Code{Path: path}, false
	case inner.get("ZipFile") != nil:
		if code.Bucket != "" || code.Key != "" {
			p.e.fault(inner.pos, "%s has ZipFile and S3Bucket or S3Key, expected one of them", inner.of)
		}
	case code.Bucket == "" || code.Key == "":
		expected := "ZipFile, S3Bucket with S3Key, or a path in its place"
		if name == "Content" {
			expected = "S3Bucket with S3Key, or a path in its place"
		}
		p.e.fault(inner.pos, "%s does not say where the code is, expected %s", inner.of, expected)
	}
	return code, isImage
}

// function is the function that a property names: its name if it is one of this account and region, else its ARN, with
// the qualifier apart.
func (p *reader) function(property string) (function, qualifier string) {
	text := p.text(property)
	n := p.get(property)
	if !n.Is(tree.String, tree.Number) || p.isOpen(property) && (text == Unknown || !strings.HasPrefix(text, "arn:")) {
		return text, ""
	}
	o := p.e.stack.options
	f, err := arn.ParseFunction(text, o.Region, o.Account)
	if err != nil {
		if !p.isOpen(property) {
			p.wrong(n, property, "the name or the ARN of a function")
		}
		return text, ""
	}
	if f.Region == o.Region && f.Account == o.Account {
		return f.Name, f.Qualifier
	}
	return f.Unqualified().String(), f.Qualifier
}

// plainFunction is a function without a qualifier.
func (p *reader) plainFunction(property string) string {
	function, qualifier := p.function(property)
	if qualifier != "" {
		p.wrong(p.get(property), property, "a function without a version or an alias")
	}
	return function
}

func buildVersion(p *reader) Value {
	return &Version{
		Function: p.plainFunction("FunctionName"), Description: p.upTo("Description", lambda.MaxDescription),
		Provisioned: p.provisioned(),
	}
}

func (p *reader) provisioned() int {
	inner := p.object("ProvisionedConcurrencyConfig", shape{run: names("ProvisionedConcurrentExecutions")})
	if inner == nil {
		return 0
	}
	inner.need("ProvisionedConcurrentExecutions")
	return inner.amount("ProvisionedConcurrentExecutions", 1, maxInt)
}

var aliasName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9-_]{1,128}$`) })

func isAliasName(text string) bool {
	return aliasName().MatchString(text) && strings.Trim(text, "0123456789") != ""
}

const aliasExpected = "up to 128 letters, digits, hyphens and underscores, not digits alone"

func buildAlias(p *reader) Value {
	a := &Alias{
		Function: p.plainFunction("FunctionName"), Description: p.upTo("Description", lambda.MaxDescription),
		Name: p.matching("Name", aliasExpected, isAliasName),
		Version: p.matching("FunctionVersion", "the number of a version, or $LATEST", func(text string) bool {
			return text == lambda.Latest || text != "" && strings.Trim(text, "0123456789") == ""
		}),
		Provisioned: p.provisioned(),
	}
	if routing := p.object("RoutingConfig", shape{run: names("AdditionalVersionWeights")}); routing != nil {
		members := shape{run: names("FunctionVersion FunctionWeight")}
		for _, weight := range routing.objects("AdditionalVersionWeights", members) {
			weight.need("FunctionVersion", "FunctionWeight")
			share := 0.0
			weight.matching("FunctionWeight", "a number from 0 to 1", func(text string) bool {
				var err error
				share, err = strconv.ParseFloat(text, 64)
				return err == nil && share >= 0 && share <= 1
			})
			if a.Weights == nil {
				a.Weights = map[string]float64{}
			}
			a.Weights[weight.text("FunctionVersion")] = share
		}
		routing.atMost("AdditionalVersionWeights", 1)
	}
	return a
}

func buildURL(p *reader) Value {
	u := &URL{
		AuthType:   lambda.AuthType(p.oneOf("AuthType", string(lambda.AuthIAM), string(lambda.AuthNone))),
		InvokeMode: lambda.InvokeMode(p.oneOf("InvokeMode", string(lambda.Buffered), string(lambda.ResponseStream))),
		Qualifier:  p.matching("Qualifier", aliasExpected+": the name of an alias", isAliasName),
	}
	function, qualifier := p.function("TargetFunctionArn")
	u.Function = function
	switch {
	case u.Qualifier == "":
		u.Qualifier = qualifier
	case qualifier != "" && qualifier != u.Qualifier && !p.isOpen("Qualifier"):
		p.e.fault(p.get("Qualifier").Pos, "Qualifier of %s is %s, and TargetFunctionArn names %s, expected the same", p.of,
			quote(u.Qualifier), quote(qualifier))
	}
	cors := p.object("Cors",
		shape{run: names("AllowCredentials AllowHeaders AllowMethods AllowOrigins ExposeHeaders MaxAge")})
	if cors != nil {
		const day = 86400
		u.CORS = &lambda.CORS{
			AllowCredentials: cors.boolean("AllowCredentials"), AllowHeaders: cors.texts("AllowHeaders"),
			AllowMethods: cors.textsOf("AllowMethods", "GET", "PUT", "HEAD", "POST", "PATCH", "DELETE", "*"),
			AllowOrigins: cors.texts("AllowOrigins"), ExposeHeaders: cors.texts("ExposeHeaders"),
			MaxAge: cors.number("MaxAge", 0, day),
		}
	}
	return u
}

// Forms of what a permission has (API reference of AddPermission).
var (
	actionForm = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(lambda:)?[*]$|^lambda:[a-zA-Z]+$`)
	})
	organizationForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^o-[a-z0-9]{10,32}$`) })
	tokenForm        = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9._\-]{1,256}$`) })
)

func buildPermission(p *reader) Value {
	isPrincipal := func(text string) bool {
		isNumber := strings.Trim(text, "0123456789") == "" // 012345670123 without quotes is another number
		return text != "" && !strings.ContainsAny(text, " \t\r\n") && (!isNumber || arn.IsAccount(text))
	}
	v := &Permission{
		StatementID: p.e.nameOf(p.r).Text,
		Action: p.matching("Action", "one of Lambda's, such as lambda:InvokeFunctionUrl",
			func(text string) bool { return actionForm().MatchString(text) }),
		Principal:     p.matching("Principal", "a service, an account of twelve digits, an ARN or *", isPrincipal),
		SourceARN:     p.arn("SourceArn", "an ARN"),
		SourceAccount: p.matching("SourceAccount", "an account id of twelve digits", arn.IsAccount),
		OrganizationID: p.matching("PrincipalOrgID", "the id of an organization, such as o-a1b2c3d4e5",
			func(text string) bool { return organizationForm().MatchString(text) }),
		EventSourceToken: p.matching("EventSourceToken", "up to 256 letters, digits, dots, hyphens and underscores",
			func(text string) bool { return tokenForm().MatchString(text) }),
		AuthType: lambda.AuthType(p.oneOf("FunctionUrlAuthType", string(lambda.AuthIAM), string(lambda.AuthNone))),
	}
	function, qualifier := p.function("FunctionName")
	if v.Function = function; qualifier != "" {
		v.Function += ":" + qualifier
	}
	if via := p.boolean("InvokedViaFunctionUrl"); via != nil {
		v.InvokedViaFunctionURL = *via
	}
	// Lambda takes each condition with its own action only.
	for name, action := range map[string]string{
		"FunctionUrlAuthType": lambda.ActionInvokeURL, "InvokedViaFunctionUrl": lambda.ActionInvoke,
	} {
		if n := p.get(name); n != nil && !p.isOpen("Action") && p.get("Action") != nil && v.Action != action &&
			(name == "FunctionUrlAuthType" || v.InvokedViaFunctionURL) {
			p.e.fault(n.Pos, "%s of %s is for the action %s only, and Action is %s", name, p.of, action, quote(v.Action))
		}
	}
	return v
}

func buildResourcePolicy(p *reader) Value {
	return &ResourcePolicy{Function: p.text("ResourceArn"), Policy: p.policy("PolicyDocument", policy.Resource)}
}

func buildLayer(p *reader) Value {
	v := &Layer{
		Name: p.e.nameOf(p.r).Text, Description: p.upTo("Description", lambda.MaxDescription), License: p.text("LicenseInfo"),
		Architectures: p.textsOf("CompatibleArchitectures", "arm64", "x86_64"), Runtimes: p.texts("CompatibleRuntimes"),
	}
	if named, err := arn.ParseLayer(v.Name, p.e.stack.options.Region, p.e.stack.options.Account); err == nil {
		v.Name = named.Name
	} else if n := p.get("LayerName"); n != nil && !p.isOpen("LayerName") {
		p.wrong(n, "LayerName", "letters, digits, hyphens and underscores")
	}
	v.Code, _ = p.code("Content")
	return v
}

func buildEventInvoke(p *reader) Value {
	const retries, least, most = 2, 60, 21600
	v := &EventInvoke{
		Function: p.plainFunction("FunctionName"), Qualifier: p.text("Qualifier"),
		MaxRetries: p.number("MaximumRetryAttempts", 0, retries), MaxAge: p.number("MaximumEventAgeInSeconds", least, most),
	}
	if destinations := p.object("DestinationConfig", shape{run: names("OnFailure OnSuccess")}); destinations != nil {
		for name, place := range map[string]*string{"OnFailure": &v.OnFailure, "OnSuccess": &v.OnSuccess} {
			if inner := destinations.object(name, shape{run: names("Destination")}); inner != nil {
				inner.need("Destination")
				*place = inner.arn("Destination", "the ARN of a queue, a topic, an event bus, a function or a bucket")
			}
		}
	}
	return v
}
