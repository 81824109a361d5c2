package stsapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/iamapi"
	"github.com/furl-dev/furl/internal/controlplane/planetest"
	"github.com/furl-dev/furl/internal/controlplane/stsapi"
	"github.com/furl-dev/furl/sigv4"
)

// trial is a world in which dev, a user whose one policy a test sets, tries operations of IAM and STS.
type trial struct {
	*testing.T
	server *planetest.Server
	dev    sigv4.Credentials
}

const (
	// devTrust hands on to the caller's own policies, so that these decide.
	devRole    = "arn:aws:iam::123456789012:role/helper"
	devPolicy  = "arn:aws:iam::123456789012:policy/books"
	everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	devTrust   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}]}`
)

func newTrial(t *testing.T) *trial {
	x := &trial{T: t, server: start(t)}
	iamCall(t, x.server, "CreateUser", url.Values{"UserName": {"dev"}})
	x.dev = iamCall(t, x.server, "CreateAccessKey", url.Values{"UserName": {"dev"}})
	iamCall(t, x.server, "CreatePolicy", url.Values{"PolicyName": {"books"}, "PolicyDocument": {everything}})
	iamCall(t, x.server, "CreateGroup", url.Values{"GroupName": {"staff"}})
	iamCall(t, x.server, "CreateOpenIDConnectProvider", url.Values{"Url": {"https://issuer.example.com"}, "Tags.member.1.Key": {"Team"}, "Tags.member.1.Value": {"books"}})
	iamCall(t, x.server, "TagPolicy", url.Values{"PolicyArn": {devPolicy}, "Tags.member.1.Key": {"Team"}, "Tags.member.1.Value": {"books"}})
	x.reset()
	return x
}

// reset makes role helper and user bob as they were, and nothing that a trial makes.
func (x *trial) reset() {
	x.Helper()
	for _, gone := range []url.Values{
		{"Action": {"DetachRolePolicy"}, "RoleName": {"helper"}, "PolicyArn": {devPolicy}}, {"Action": {"DeleteRolePolicy"}, "RoleName": {"helper"}, "PolicyName": {"p"}},
		{"Action": {"DeleteRole"}, "RoleName": {"helper"}}, {"Action": {"DeleteRole"}, "RoleName": {"new"}},
		{"Action": {"DetachUserPolicy"}, "UserName": {"bob"}, "PolicyArn": {devPolicy}}, {"Action": {"DeleteUserPolicy"}, "UserName": {"bob"}, "PolicyName": {"p"}},
		{"Action": {"DeleteUser"}, "UserName": {"bob"}}, {"Action": {"DeleteUser"}, "UserName": {"new"}},
		{"Action": {"DetachGroupPolicy"}, "GroupName": {"staff"}, "PolicyArn": {devPolicy}},
		{"Action": {"DeletePolicy"}, "PolicyArn": {"arn:aws:iam::123456789012:policy/new"}},
		{"Action": {"DeleteOpenIDConnectProvider"}, "OpenIDConnectProviderArn": {"arn:aws:iam::123456789012:oidc-provider/new.example.com"}},
	} {
		gone.Set("Version", "2010-05-08")
		x.server.Query(x, x.server.Root(planetest.Account), "iam", gone)
	}
	tag := url.Values{"Tags.member.1.Key": {"Team"}, "Tags.member.1.Value": {"books"}, "PermissionsBoundary": {devPolicy}}
	for action, form := range map[string]url.Values{
		"CreateRole": {"RoleName": {"helper"}, "AssumeRolePolicyDocument": {devTrust}}, "CreateUser": {"UserName": {"bob"}},
	} {
		for name, value := range tag {
			form[name] = value
		}
		iamCall(x.T, x.server, action, form)
	}
}

// may sets dev's policy to the statements.
func (x *trial) may(statements ...string) {
	x.Helper()
	iamCall(x.T, x.server, "PutUserPolicy", url.Values{"UserName": {"dev"}, "PolicyName": {"own"}, "PolicyDocument": {
		`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`,
	}})
}

// do sends an operation with the parameters as dev.
func (x *trial) do(action, parameters string) planetest.Answer {
	x.Helper()
	service, operation, _ := strings.Cut(action, ":")
	version := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]
	form, err := url.ParseQuery(parameters)
	if err != nil {
		x.Fatal(err)
	}
	form.Set("Action", operation)
	form.Set("Version", version)
	return x.server.Query(x, x.dev, service, form)
}

const newTag = "&Tags.member.1.Key=Team&Tags.member.1.Value=books"

// TestFurtherActions: what a request does besides needs a permission of its own: each row of the tables that lists
// further actions is tried without them, with just them, and without the member (openshift/installer#1073 for IAM; IAM
// User Guide, "Pass session tags in AWS STS").
func TestFurtherActions(t *testing.T) {
	x := newTrial(t)
	assume := "RoleArn=" + devRole + "&RoleSessionName=book"
	samples := map[string][2]string{ // an operation's parameters, and those that make the member
		"iam:CreateRole":                  {"RoleName=new&AssumeRolePolicyDocument=" + url.QueryEscape(devTrust), newTag},
		"iam:CreateUser":                  {"UserName=new", newTag},
		"iam:CreatePolicy":                {"PolicyName=new&PolicyDocument=" + url.QueryEscape(everything), newTag},
		"iam:CreateOpenIDConnectProvider": {"Url=https://new.example.com", newTag},
		"sts:AssumeRole.Tags":             {assume, newTag},
		"sts:AssumeRole.SourceIdentity":   {assume, "&SourceIdentity=alice"},
		"sts:GetFederationToken":          {"Name=guest", newTag},
		"sts:AssumeRoleWithWebIdentity":   {}, // TestAssumeRoleWithWebIdentity has it
	}
	var tried int
	for _, op := range append(iamapi.New(iamapi.Config{}).Operations(), stsapi.New(stsapi.Config{}).Operations()...) {
		for _, also := range op.Also {
			tried++
			sample, ok := samples[op.Action+"."+also.Member]
			if !ok {
				sample, ok = samples[op.Action]
			}
			if !ok {
				t.Errorf("there is no sample of %s with %s", op.Action, also.Member)
			}
			if sample[0] == "" {
				continue
			}
			x.may(`{"Effect":"Allow","Action":"*","Resource":"*"}`, `{"Effect":"Deny","Action":"`+also.Action+`","Resource":"*"}`)
			if got := x.do(op.Action, sample[0]+sample[1]); got.Status != 403 || !strings.Contains(got.Body, "not authorized to perform: "+also.Action+" on resource: ") {
				t.Errorf("%s with %s and without %s: %d %s", op.Action, also.Member, also.Action, got.Status, got.Body)
			}
			if got := x.do(op.Action, sample[0]); got.Status != 200 {
				t.Errorf("%s without %s: %d %s", op.Action, also.Member, got.Status, got.Body)
			}
			x.reset()
			x.may(`{"Effect":"Allow","Action":["` + op.Action + `","` + also.Action + `"],"Resource":"*"}`)
			if got := x.do(op.Action, sample[0]+sample[1]); got.Status != 200 {
				t.Errorf("%s with %s and %s: %d %s", op.Action, also.Member, also.Action, got.Status, got.Body)
			}
			x.reset()
		}
	}
	if tried != 9 {
		t.Errorf("%d further actions", tried)
	}
	for _, op := range []controlplane.Operation{{Action: "iam:CreateRole"}, {Action: "iam:CreateUser"}, {Action: "iam:CreatePolicy"}} {
		x.may(`{"Effect":"Allow","Action":"`+op.Action+`","Resource":"*"}`, `{"Effect":"Allow","Action":"iam:Tag*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/Team":"films"}}}`)
		if got := x.do(op.Action, samples[op.Action][0]+newTag); got.Status != 403 {
			t.Errorf("%s with a tag that may not be set: %d", op.Action, got.Status)
		}
	}
}

// TestConditionKeys: the condition keys that the Service Authorization Reference lists for operations of IAM and STS, with
// the place that their values come from. Keys of members that furl refuses have none.
func TestConditionKeys(t *testing.T) {
	x := newTrial(t)
	const (
		helper   = "RoleName=helper"
		bob      = "UserName=bob"
		boundary = "&PermissionsBoundary=" + devPolicy
		document = "&PolicyName=p&PolicyDocument="
	)
	anything := url.QueryEscape(everything)
	assume := "RoleArn=" + devRole + "&RoleSessionName=book"
	tests := []struct{ action, parameters, key, want, from string }{
		{"iam:CreateRole", "RoleName=new&AssumeRolePolicyDocument=" + url.QueryEscape(devTrust) + newTag, "aws:RequestTag/Team", "books", "the request"},
		{"iam:CreateRole", "RoleName=new&AssumeRolePolicyDocument=" + url.QueryEscape(devTrust) + newTag, "aws:TagKeys", "Team", "the request"},
		{"iam:CreateRole", "RoleName=new&AssumeRolePolicyDocument=" + url.QueryEscape(devTrust) + boundary, "iam:PermissionsBoundary", devPolicy, "the request"},
		{"iam:CreateUser", "UserName=new" + newTag, "aws:RequestTag/Team", "books", "the request"},
		{"iam:CreateUser", "UserName=new" + boundary, "iam:PermissionsBoundary", devPolicy, "the request"},
		{"iam:CreatePolicy", "PolicyName=new&PolicyDocument=" + anything + newTag, "aws:TagKeys", "Team", "the request"},
		{"iam:CreateOpenIDConnectProvider", "Url=https://new.example.com" + newTag, "aws:RequestTag/Team", "books", "the request"},
		{"iam:TagRole", helper + newTag, "aws:RequestTag/Team", "books", "the request"},
		{"iam:TagRole", helper + newTag, "iam:ResourceTag/Team", "books", "the role"},
		{"iam:UntagRole", helper + "&TagKeys.member.1=Unit", "aws:TagKeys", "Unit", "the request"},
		{"iam:TagUser", bob + newTag, "aws:TagKeys", "Team", "the request"},
		{"iam:UntagUser", bob + "&TagKeys.member.1=Unit", "aws:ResourceTag/Team", "books", "the user"},
		{"iam:TagPolicy", "PolicyArn=" + devPolicy + newTag, "aws:RequestTag/Team", "books", "the request"},
		{"iam:UntagPolicy", "PolicyArn=" + devPolicy + "&TagKeys.member.1=Unit", "aws:TagKeys", "Unit", "the request"},
		{"iam:GetPolicy", "PolicyArn=" + devPolicy, "aws:ResourceTag/Team", "books", "the policy"},
		{"iam:GetRole", helper, "aws:ResourceTag/Team", "books", "the role"},
		{"iam:GetUser", bob, "iam:ResourceTag/Team", "books", "the user"},
		{"iam:GetOpenIDConnectProvider", "OpenIDConnectProviderArn=arn:aws:iam::123456789012:oidc-provider/issuer.example.com", "aws:ResourceTag/Team", "books", "the provider"},
		{"iam:AttachRolePolicy", helper + "&PolicyArn=" + devPolicy, "iam:PolicyARN", devPolicy, "the request"},
		{"iam:AttachRolePolicy", helper + "&PolicyArn=" + devPolicy, "iam:PermissionsBoundary", devPolicy, "the role"},
		{"iam:AttachUserPolicy", bob + "&PolicyArn=" + devPolicy, "iam:PolicyARN", devPolicy, "the request"},
		{"iam:AttachUserPolicy", bob + "&PolicyArn=" + devPolicy, "iam:PermissionsBoundary", devPolicy, "the user"},
		{"iam:AttachGroupPolicy", "GroupName=staff&PolicyArn=" + devPolicy, "iam:PolicyARN", devPolicy, "the request"},
		{"iam:PutRolePolicy", helper + document + anything, "iam:PermissionsBoundary", devPolicy, "the role"},
		{"iam:PutUserPolicy", bob + document + anything, "iam:PermissionsBoundary", devPolicy, "the user"},
		{"iam:PutRolePermissionsBoundary", helper + boundary, "iam:PermissionsBoundary", devPolicy, "the request"},
		{"iam:PutUserPermissionsBoundary", bob + boundary, "iam:PermissionsBoundary", devPolicy, "the request"},
		{"iam:DeleteRolePermissionsBoundary", helper, "iam:PermissionsBoundary", devPolicy, "the role"},
		{"iam:DeleteUserPermissionsBoundary", bob, "iam:PermissionsBoundary", devPolicy, "the user"},

		{"sts:AssumeRole", assume, "sts:RoleSessionName", "book", "the request"},
		{"sts:AssumeRole", assume + "&ExternalId=e-1", "sts:ExternalId", "e-1", "the request"},
		{"sts:AssumeRole", assume + "&SourceIdentity=alice", "sts:SourceIdentity", "alice", "the request"},
		{"sts:AssumeRole", assume + newTag, "aws:RequestTag/Team", "books", "the request"},
		{"sts:AssumeRole", assume + newTag, "aws:TagKeys", "Team", "the request"},
		{"sts:AssumeRole", assume + newTag + "&TransitiveTagKeys.member.1=Team", "sts:TransitiveTagKeys", "Team", "the request"},
		{"sts:AssumeRole", assume, "aws:ResourceTag/Team", "books", "the role"},
		{"sts:AssumeRole", assume, "iam:ResourceTag/Team", "books", "the role"},
		{"sts:AssumeRole", assume, "aws:ResourceAccount", planetest.Account, "the role"},
		{"sts:TagSession", assume + newTag, "aws:RequestTag/Team", "books", "the request"},
		{"sts:TagSession", assume + newTag + "&ExternalId=e-1", "sts:ExternalId", "e-1", "the request"},
		{"sts:SetSourceIdentity", assume + "&SourceIdentity=alice", "sts:SourceIdentity", "alice", "the request"},
		{"sts:GetFederationToken", "Name=guest" + newTag, "aws:RequestTag/Team", "books", "the request"},

		{"iam:GetRole", helper, "aws:RequestedRegion", planetest.Region, "the signature"},
		{"iam:GetRole", helper, "aws:PrincipalArn", "arn:aws:iam::123456789012:user/dev", "the caller"},
		{"iam:GetRole", helper, "aws:username", "dev", "the caller"},
		{"iam:GetRole", helper, "aws:SourceIp", "127.0.0.1", "the connection"},
		{"iam:GetRole", helper, "aws:SecureTransport", "false", "the connection"},
	}
	for _, tt := range tests {
		operation := tt.action
		if tt.action == "sts:TagSession" || tt.action == "sts:SetSourceIdentity" {
			operation = "sts:AssumeRole"
		}
		try := func(condition string) int {
			x.may(`{"Effect":"Allow","NotAction":"`+tt.action+`","Resource":"*"}`, `{"Effect":"Allow","Action":"`+tt.action+`","Resource":"*","Condition":{`+condition+`}}`)
			defer x.reset()
			return x.do(operation, tt.parameters).Status
		}
		operator := "StringEquals"
		if strings.HasSuffix(tt.key, "TagKeys") { // which may have several values
			operator = "ForAnyValue:StringEquals"
		}
		if got := try(fmt.Sprintf(`%q:{%q:%q}`, operator, tt.key, tt.want)); got != 200 {
			t.Errorf("%s: %s is not %s, from %s: %d", tt.action, tt.key, tt.want, tt.from, got)
		}
		if got := try(fmt.Sprintf(`%q:{%q:%q}`, operator, tt.key, tt.want+"x")); got != 403 {
			t.Errorf("%s: %s is anything: %d", tt.action, tt.key, got)
		}
	}
	for _, key := range []string{
		"aws:SourceArn", "aws:SourceAccount", "aws:SourceVpc", "aws:CalledVia", "aws:RequestTag/Team", "aws:TagKeys", "iam:PolicyARN",
		"iam:PassedToService", "iam:AssociatedResourceArn", "sts:ExternalId", "aws:TokenIssueTime", "aws:MultiFactorAuthPresent", "aws:SourceIdentity",
	} {
		x.may(`{"Effect":"Allow","Action":"iam:GetRole","Resource":"*","Condition":{"Null":{"` + key + `":"true"}}}`)
		if got := x.do("iam:GetRole", helper); got.Status != 200 {
			t.Errorf("iam:GetRole has the key %s", key)
		}
	}
}

// TestAccessKeyIDWithWhiteSpace: AWS reads white space in an access key id as the end of it, and says what is left over
// (boto/boto3#2280, aws/aws-sdk-go#289).
func TestAccessKeyIDWithWhiteSpace(t *testing.T) {
	server := start(t)
	root := server.Root(planetest.Account)
	for _, edit := range [][2]string{{root.AccessKeyID + " ", "/20261123/"}, {" " + root.AccessKeyID, root.AccessKeyID + "/20261123/"}, {root.AccessKeyID + "\t", "/20261123/"}} {
		for service, version := range map[string]string{"sts": "2011-06-15", "iam": "2010-05-08"} {
			body := "Action=GetCallerIdentity&Version=" + version
			r := server.Request(t, "POST", "/", body)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Amz-Date", "20261123T152650Z")
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+edit[0]+"/20261123/us-east-1/"+service+"/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
			got := server.Send(t, r, body, sigv4.Credentials{}, service)
			if got.Status != 400 || !strings.Contains(got.Body, "<Code>IncompleteSignature</Code>") ||
				!strings.Contains(got.Body, "<Message>'"+edit[1]+"us-east-1/"+service+"/aws4_request' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-") {
				t.Errorf("%q: %d %s", edit[0], got.Status, got.Body)
			}
		}
	}
}
