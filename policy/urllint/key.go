package urllint

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/policy"
)

// valueType is the type of a condition key's values.
type valueType string

const (
	text     valueType = "String"
	arn      valueType = "Arn"
	boolean  valueType = "Bool"
	number   valueType = "Numeric"
	date     valueType = "Date"
	address  valueType = "IpAddress"
	anything valueType = "" // the values of tags
)

// in says which calls of function URLs have a key.
type in uint8

const (
	inSome    in = iota // it depends on the caller
	inEvery             // every call
	inNone              // no call
	inNamed             // every call of a user or role
	inService           // calls that an AWS service makes for a resource, only
	inURL               // the check of lambda:InvokeFunctionUrl, only
	inInvoke            // the check of lambda:InvokeFunction, only
)

// key is a condition key.
type key struct {
	name     string
	of       valueType
	in       in
	many     bool     // multivalued
	ofCaller bool     // tells callers apart
	values   []string // all there are in calls of function URLs; nil if there is no telling
}

// keys are the global condition keys and Lambda's: IAM User Guide, "AWS global condition context keys" with the value
// types given there; Service Authorization Reference, "Actions, resources, and condition keys for AWS Lambda". Function
// URLs are reached through the internet, so no call has the keys of VPC endpoints (assumed); services do not pass calls
// of users on to them, so none has aws:CalledVia.
var keys = []key{
	{name: "aws:PrincipalArn", of: arn, in: inNamed, ofCaller: true},
	{name: "aws:PrincipalAccount", of: text, in: inNamed, ofCaller: true},
	{name: "aws:PrincipalOrgID", of: text, ofCaller: true},
	{name: "aws:PrincipalOrgPaths", of: text, many: true, ofCaller: true},
	{name: "aws:PrincipalTag/", of: anything, ofCaller: true},
	{name: "aws:PrincipalIsAWSService", of: boolean, in: inEvery, values: []string{"false"}},
	{name: "aws:PrincipalServiceName", of: text, ofCaller: true},
	{name: "aws:PrincipalServiceNamesList", of: text, many: true, ofCaller: true},
	{name: "aws:PrincipalType", of: text, in: inNamed, values: []string{"Account", "User", "FederatedUser",
		"AssumedRole"}},
	{name: "aws:userid", of: text, in: inNamed, ofCaller: true},
	{name: "aws:username", of: text, ofCaller: true},
	{name: "aws:AssumedRoot", of: boolean},
	{name: "aws:FederatedProvider", of: text, ofCaller: true},
	{name: "aws:TokenIssueTime", of: date},
	{name: "aws:MultiFactorAuthAge", of: number, ofCaller: true},
	{name: "aws:MultiFactorAuthPresent", of: boolean, ofCaller: true},
	{name: "aws:ChatbotSourceArn", of: arn, ofCaller: true},
	{name: "aws:Ec2InstanceSourceVpc", of: text, ofCaller: true},
	{name: "aws:Ec2InstanceSourcePrivateIPv4", of: address, ofCaller: true},
	{name: "aws:SourceIdentity", of: text, ofCaller: true},
	{name: "aws:SignInSessionArn", of: arn, ofCaller: true},
	{name: "aws:SourceIp", of: address, in: inEvery, ofCaller: true},
	{name: "aws:SourceVpc", of: text, in: inNone, ofCaller: true},
	{name: "aws:SourceVpcArn", of: arn, in: inNone, ofCaller: true},
	{name: "aws:SourceVpce", of: text, in: inNone, ofCaller: true},
	{name: "aws:VpceAccount", of: text, in: inNone, ofCaller: true},
	{name: "aws:VpceOrgID", of: text, in: inNone, ofCaller: true},
	{name: "aws:VpceOrgPaths", of: text, in: inNone, many: true, ofCaller: true},
	{name: "aws:VpcSourceIp", of: address, in: inNone, ofCaller: true},
	{name: "aws:ResourceAccount", of: text, in: inEvery},
	{name: "aws:ResourceOrgID", of: text},
	{name: "aws:ResourceOrgPaths", of: text, many: true},
	{name: "aws:ResourceTag/", of: anything},
	{name: "aws:CalledVia", of: text, in: inNone, many: true},
	{name: "aws:CalledViaFirst", of: text, in: inNone},
	{name: "aws:CalledViaLast", of: text, in: inNone},
	{name: "aws:CalledViaAWSMCP", of: text},
	{name: "aws:ViaAWSMCPService", of: boolean},
	{name: "aws:ViaAWSService", of: boolean, in: inEvery, values: []string{"false"}},
	{name: "aws:CurrentTime", of: date, in: inEvery},
	{name: "aws:EpochTime", of: date, in: inEvery},
	{name: "aws:referer", of: text},
	{name: "aws:RequestedRegion", of: text, in: inEvery},
	{name: "aws:RequestTag/", of: anything, in: inNone},
	{name: "aws:TagKeys", of: text, in: inNone, many: true},
	{name: "aws:SecureTransport", of: boolean, in: inEvery, values: []string{"true"}},
	{name: "aws:SourceAccount", of: text, in: inService, ofCaller: true},
	{name: "aws:SourceArn", of: arn, in: inService, ofCaller: true},
	{name: "aws:SourceOrgID", of: text, in: inService, ofCaller: true},
	{name: "aws:SourceOrgPaths", of: text, in: inService, many: true, ofCaller: true},
	{name: "aws:UserAgent", of: text},
	{name: keyAuthType, of: text, in: inURL},
	{name: keyViaURL, of: boolean, in: inInvoke, values: []string{"true"}},
	{name: "lambda:EventSourceToken", of: text, ofCaller: true},
	{name: "lambda:FunctionArn", of: arn},
	{name: "lambda:SourceFunctionArn", of: arn, ofCaller: true},
	{name: "lambda:CodeSigningConfigArn", of: arn, in: inNone},
	{name: "lambda:Layer", of: text, in: inNone, many: true},
	{name: "lambda:Principal", of: text, in: inNone},
	{name: "lambda:SecurityGroupIds", of: text, in: inNone, many: true},
	{name: "lambda:SubnetIds", of: text, in: inNone, many: true},
	{name: "lambda:VpcIds", of: text, in: inNone},
}

// foreign are services whose own condition keys no call of a function URL has.
var foreign = strings.Fields(
	"apigateway cloudfront dynamodb events execute-api iam kms logs s3 secretsmanager sns sqs states sts")

// is reports whether the key has the name, as the table spells it.
func (k *key) is(name string) bool { return k != nil && k.name == name }

// knownKey returns the key with the name, which may have a tag's name in it; nil if there is none.
func knownKey(name string) *key {
	i := slices.IndexFunc(keys, func(k key) bool {
		if strings.HasSuffix(k.name, "/") {
			return len(name) > len(k.name) && strings.EqualFold(name[:len(k.name)], k.name)
		}
		return strings.EqualFold(name, k.name)
	})
	if i >= 0 {
		return &keys[i]
	}
	if service, _, _ := strings.Cut(name, ":"); slices.Contains(foreign, strings.ToLower(service)) {
		return &key{name: name, of: anything, in: inNone}
	}
	return nil
}

// meantKey returns the key that a name stands for, misspelled or not.
func meantKey(name string) *key {
	if k := knownKey(name); k != nil {
		return k
	}
	return knownKey(nearestKey(name))
}

// nearestKey returns the name of the key that a misspelled one is most like, "" if there is none.
func nearestKey(name string) string {
	if strings.EqualFold(name, "aws:ARN") {
		return "aws:PrincipalArn"
	}
	service, rest, ok := strings.Cut(name, ":")
	if !ok {
		rest = name
	}
	var names []string
	for _, k := range keys {
		_, bare, _ := strings.Cut(k.name, ":")
		names = append(names, strings.TrimSuffix(bare, "/"))
	}
	bare, tag, _ := strings.Cut(rest, "/")
	found := nearest(bare, names)
	if found == "" {
		return ""
	}
	best := keys[slices.Index(names, found)].name
	near, _, _ := strings.Cut(best, ":")
	switch {
	case ok && !isLike(service, near):
		return ""
	case strings.HasSuffix(best, "/"):
		return best + tag
	default:
		return best
	}
}

// operator is a condition operator taken apart: quantifier, base, and whether an absent key passes.
type operator struct {
	quantifier, base string
	ifExists         bool
}

func operatorOf(c policy.Condition) operator {
	quantifier, base, ok := strings.Cut(c.Operator, ":")
	if !ok {
		quantifier, base = "", c.Operator
	}
	base, ifExists := strings.CutSuffix(base, "IfExists")
	return operator{quantifier, base, ifExists}
}

func (o operator) String() string {
	s := o.base
	if o.quantifier != "" {
		s = o.quantifier + ":" + s
	}
	if o.ifExists {
		s += "IfExists"
	}
	return s
}

func (o operator) negated() bool { return strings.Contains(o.base, "Not") }

// wildcards reports whether the operator reads * and ? as wildcards.
func (o operator) wildcards() bool {
	return strings.HasSuffix(o.base, "Like") || strings.HasPrefix(o.base, "Arn")
}

// of is the type of values that the operator compares; "" for Null.
func (o operator) of() valueType {
	for _, t := range []valueType{text, arn, boolean, number, date, address, "Binary"} {
		if strings.HasPrefix(strings.Replace(o.base, "NotIp", "Ip", 1), string(t)) {
			return t
		}
	}
	return ""
}

// as returns the operator for values of another type, with the same direction.
func (o operator) as(t valueType, wildcards bool) operator {
	not := ""
	if o.negated() {
		not = "Not"
	}
	relation := "Equals"
	for _, r := range []string{"LessThanEquals", "LessThan", "GreaterThanEquals", "GreaterThan"} {
		if strings.HasSuffix(o.base, r) {
			relation, not = r, ""
			break
		}
	}
	switch t {
	case boolean:
		o.base = "Bool"
	case address:
		o.base = not + "IpAddress"
	case date:
		if relation == "Equals" { // to the second is hardly meant
			relation = map[string]string{"": "LessThanEquals", "Not": "GreaterThan"}[not]
		}
		o.base = "Date" + relation
	case number:
		o.base = "Numeric" + not + relation
	case arn:
		o.base = "Arn" + not + "Like"
	default:
		o.base = "String" + not + "Equals"
		if wildcards {
			o.base = "String" + not + "Like"
		}
	}
	return o
}
