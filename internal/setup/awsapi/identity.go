package awsapi

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Identity is who the credentials stand for.
type Identity struct {
	Account string
	ARN     string
	UserID  string
	// ClockAhead is how far the service's clock is ahead of this machine's, as seen in the answer, whose own time is
	// in whole seconds. ClockKnown is false if the answer had no date.
	ClockAhead time.Duration
	ClockKnown bool
}

// Identity asks STS who the credentials stand for. It needs no permission.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	out, err := c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, failure(err, "sts:GetCallerIdentity", "")
	}
	identity := Identity{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn), UserID: aws.ToString(out.UserId)}
	served, ok := awsmiddleware.GetServerTime(out.ResultMetadata)
	received, also := awsmiddleware.GetResponseAt(out.ResultMetadata)
	if ok && also {
		identity.ClockAhead, identity.ClockKnown = served.Sub(received), true
	}
	return identity, nil
}

// AssumeRole takes on a role for an hour at most.
func (c *Client) AssumeRole(ctx context.Context, role, session string) (aws.Credentials, error) {
	out, err := c.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: &session})
	if err != nil {
		return aws.Credentials{}, failure(err, "sts:AssumeRole", role)
	}
	return aws.Credentials{
		AccessKeyID:     aws.ToString(out.Credentials.AccessKeyId),
		SecretAccessKey: aws.ToString(out.Credentials.SecretAccessKey),
		SessionToken:    aws.ToString(out.Credentials.SessionToken),
		Source:          "AssumeRole", CanExpire: true, Expires: aws.ToTime(out.Credentials.Expiration),
	}, nil
}
