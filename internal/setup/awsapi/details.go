package awsapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
)

// Details are the users, groups and roles of an account with all of their policies: the answer of
// GetAccountAuthorizationDetails, as far as it decides who may do what. Its JSON is what the AWS CLI prints.
type Details struct {
	Users    []Entity `json:"UserDetailList"`
	Groups   []Entity `json:"GroupDetailList"`
	Roles    []Entity `json:"RoleDetailList"`
	Policies []ManagedPolicy
}

// Entity is a user, a group or a role. Fields of the other two kinds are empty.
type Entity struct {
	ARN       string `json:"Arn"`
	UserID    string `json:"UserId"`
	RoleID    string `json:"RoleId"`
	UserName  string
	GroupName string
	RoleName  string

	AssumeRolePolicyDocument                        Document // of a role
	UserPolicyList, GroupPolicyList, RolePolicyList []InlinePolicy
	AttachedManagedPolicies                         []struct{ PolicyArn string }
	GroupList                                       []string // names
	PermissionsBoundary                             struct{ PermissionsBoundaryArn string }
	Tags                                            []struct{ Key, Value string }
}

// Name is the name of the user, group or role.
func (e Entity) Name() string { return cmp.Or(e.UserName, e.GroupName, e.RoleName) }

// Inline are the inline policies.
func (e Entity) Inline() []InlinePolicy {
	return slices.Concat(e.UserPolicyList, e.GroupPolicyList, e.RolePolicyList)
}

// InlinePolicy is an inline policy.
type InlinePolicy struct {
	Name     string   `json:"PolicyName"`
	Document Document `json:"PolicyDocument"`
}

// ManagedPolicy is a managed policy with its versions.
type ManagedPolicy struct {
	ARN      string `json:"Arn"`
	Default  string `json:"DefaultVersionId"`
	Versions []struct {
		ID        string `json:"VersionId"`
		IsDefault bool   `json:"IsDefaultVersion"`
		Document  Document
	} `json:"PolicyVersionList"`
}

// Document is the text of a policy. In JSON it is the policy itself, as the AWS CLI prints it, or its text, which the
// API encodes with percent signs.
type Document string

// UnmarshalJSON implements [json.Unmarshaler].
func (d *Document) UnmarshalJSON(written []byte) error {
	if bytes.HasPrefix(written, []byte("{")) {
		*d = Document(written)
		return nil
	}
	var text string
	if err := json.Unmarshal(written, &text); err != nil {
		return err
	}
	decoded, err := decode(&text)
	*d = Document(decoded)
	return err
}

// Add adds another page of the answer.
func (d *Details) Add(page Details) {
	d.Users, d.Groups = append(d.Users, page.Users...), append(d.Groups, page.Groups...)
	d.Roles, d.Policies = append(d.Roles, page.Roles...), append(d.Policies, page.Policies...)
}

// Details lists everything that authorization in the account depends on, but for service control policies.
func (c *Client) Details(ctx context.Context) (Details, error) {
	pages := awsiam.NewGetAccountAuthorizationDetailsPaginator(c.iam, &awsiam.GetAccountAuthorizationDetailsInput{})
	var whole Details
	for pages.HasMorePages() {
		answer, err := pages.NextPage(ctx)
		if err != nil {
			return Details{}, failure(err, "")
		}
		// The SDK names the members as the API does, so that its answer is read in the same way as what the AWS CLI prints.
		text, err := json.Marshal(answer)
		var page Details
		if err == nil {
			err = json.Unmarshal(text, &page)
		}
		if err != nil {
			return Details{}, fmt.Errorf("answer of IAM: %w", err)
		}
		whole.Add(page)
	}
	return whole, nil
}
