package policy

import (
	"strings"
	"sync"
)

// Context gives the values of a request's condition keys.
type Context interface {
	// Lookup returns the values of a condition key and whether the request has it. Keys compare without regard to
	// case. The key asked for is in AWS's own spelling if it is one of the global keys or of Lambda's or STS's, else as
	// the policy writes it; so an implementation may use a switch over the keys it knows.
	//
	// A key that is absent must not be reported with an empty value: negated operators and Null tell them apart. A
	// single-valued key has one value; one of several values is known as multivalued by their number, or by its name if
	// it is one of AWS's. An empty list counts as absent. Values are text: booleans are "true" or "false", dates ISO
	// 8601 or seconds of the epoch, binary values base64. The evaluator does not change or keep the slice.
	Lookup(key string) (values []string, ok bool)
}

// Values is a [Context] held in a map. Lookups are fastest for keys spelled as AWS documents them.
type Values map[string][]string

var _ Context = Values(nil)

// Lookup implements [Context].
func (v Values) Lookup(key string) ([]string, bool) {
	if values, ok := v[key]; ok {
		return values, true
	}
	for k, values := range v {
		if equalFold(k, key) {
			return values, true
		}
	}
	return nil, false
}

// lookup returns the values of a key; an empty list is an absent key.
func lookup(ctx Context, key string) []string {
	if ctx == nil {
		return nil
	}
	if values, ok := ctx.Lookup(key); ok {
		return values
	}
	return nil
}

// spelling returns a condition key as AWS documents it if known, else unchanged. Of a key with a tag's name in it
// (aws:PrincipalTag/Team) only the part before the slash is looked at.
func spelling(key string) string {
	name, _, _ := strings.Cut(key, "/")
	if known, ok := knownKeys()[lowerASCII(name)]; ok && known != name {
		return known + key[len(name):]
	}
	return key
}

// multivalued are the keys that may have several values.
var multivalued = map[string]bool{
	"aws:CalledVia": true, "aws:PrincipalOrgPaths": true, "aws:PrincipalServiceNamesList": true,
	"aws:ResourceOrgPaths": true, "aws:SourceOrgPaths": true, "aws:TagKeys": true, "aws:VpceOrgPaths": true,
	"lambda:Layer": true, "lambda:SecurityGroupIds": true, "lambda:SubnetIds": true, "sts:TransitiveTagKeys": true,
}

// knownKeys maps the lower-case form of condition keys to AWS's spelling (IAM User Guide, "AWS global condition
// context keys"; Service Authorization Reference, AWS Lambda and AWS Security Token Service).
var knownKeys = sync.OnceValue(func() map[string]string {
	m := make(map[string]string)
	for _, key := range []string{
		"aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:CurrentTime", "aws:EpochTime",
		"aws:FederatedProvider", "aws:MultiFactorAuthAge", "aws:MultiFactorAuthPresent", "aws:PrincipalAccount",
		"aws:PrincipalArn", "aws:PrincipalIsAWSService", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths",
		"aws:PrincipalServiceName", "aws:PrincipalServiceNamesList", "aws:PrincipalTag", "aws:PrincipalType",
		"aws:referer", "aws:RequestedRegion", "aws:RequestTag", "aws:ResourceAccount", "aws:ResourceOrgID",
		"aws:ResourceOrgPaths", "aws:ResourceTag", "aws:SecureTransport", "aws:SourceAccount", "aws:SourceArn",
		"aws:SourceIdentity", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceVpc", "aws:SourceVpcArn",
		"aws:SourceVpce", "aws:TagKeys", "aws:TokenIssueTime", "aws:UserAgent", "aws:userid", "aws:username",
		"aws:ViaAWSService", "aws:VpcSourceIp", "aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths",
		"ec2:SourceInstanceArn", "iam:PassedToService", "iam:AssociatedResourceArn", "iam:PermissionsBoundary",
		"iam:PolicyARN", "iam:ResourceTag",
		"lambda:CodeSigningConfigArn", "lambda:EventSourceToken", "lambda:FunctionArn", "lambda:FunctionUrlAuthType",
		"lambda:InvokedViaFunctionUrl", "lambda:Layer", "lambda:Principal", "lambda:SecurityGroupIds",
		"lambda:SourceFunctionArn", "lambda:SubnetIds", "lambda:VpcIds",
		"sts:AWSServiceName", "sts:DurationSeconds", "sts:ExternalId", "sts:RequestContext", "sts:RoleSessionName",
		"sts:SourceIdentity", "sts:TransitiveTagKeys",
	} {
		m[lowerASCII(key)] = key
	}
	return m
})
