package awsapi

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/lambda"
)

// URL is a function URL.
type URL struct {
	Function    lambda.ARN // with the alias, if the URL belongs to one
	Address     string     // https://ID.lambda-url.REGION.on.aws/
	URLSettings            // CORS is nil if none is configured
	Created     time.Time
	Modified    time.Time // zero if the service did not say
}

// URLSettings are what can be set of a function URL. What is empty is left as it is, or to the service's default when
// a URL is created. Their JSON has the names of the Lambda API.
type URLSettings struct {
	AuthType   lambda.AuthType
	InvokeMode lambda.InvokeMode
	CORS       *lambda.CORS `json:"Cors,omitempty"` // replaces the whole configuration; an empty one removes it
}

// URL is the URL of the function or alias.
func (c *Client) URL(ctx context.Context, arn lambda.ARN) (URL, error) {
	name, qualifier := split(arn)
	out, err := c.lambda.GetFunctionUrlConfig(ctx, &awslambda.GetFunctionUrlConfigInput{FunctionName: name, Qualifier: qualifier})
	if err != nil {
		return URL{}, failure(err, arn.String())
	}
	return urlOf(out.FunctionArn, out.FunctionUrl, out.AuthType, out.InvokeMode, out.Cors,
		out.CreationTime, out.LastModifiedTime)
}

// URLs are the URLs of the function and all of its aliases.
func (c *Client) URLs(ctx context.Context, arn lambda.ARN) ([]URL, error) {
	name := arn.Unqualified().String()
	pages := awslambda.NewListFunctionUrlConfigsPaginator(c.lambda, &awslambda.ListFunctionUrlConfigsInput{FunctionName: &name})
	configs, err := all(ctx, pages, name, func(p *awslambda.ListFunctionUrlConfigsOutput) []types.FunctionUrlConfig {
		return p.FunctionUrlConfigs
	})
	if err != nil {
		return nil, err
	}
	urls := make([]URL, len(configs))
	for i, listed := range configs {
		urls[i], err = urlOf(listed.FunctionArn, listed.FunctionUrl, listed.AuthType, listed.InvokeMode, listed.Cors,
			listed.CreationTime, listed.LastModifiedTime)
		if err != nil {
			return nil, err
		}
	}
	return urls, nil
}

// CreateURL gives the function or alias a URL. An error of kind Conflict says that it has one.
func (c *Client) CreateURL(ctx context.Context, arn lambda.ARN, settings URLSettings) (URL, error) {
	name, qualifier := split(arn)
	out, err := c.lambda.CreateFunctionUrlConfig(ctx, &awslambda.CreateFunctionUrlConfigInput{
		FunctionName: name, Qualifier: qualifier,
		AuthType:   types.FunctionUrlAuthType(settings.AuthType),
		InvokeMode: types.InvokeMode(settings.InvokeMode),
		Cors:       corsInput(settings.CORS),
	})
	if err != nil {
		return URL{}, failure(err, arn.String())
	}
	return urlOf(out.FunctionArn, out.FunctionUrl, out.AuthType, out.InvokeMode, out.Cors, out.CreationTime, nil)
}

// UpdateURL changes the URL of the function or alias.
func (c *Client) UpdateURL(ctx context.Context, arn lambda.ARN, settings URLSettings) (URL, error) {
	name, qualifier := split(arn)
	out, err := c.lambda.UpdateFunctionUrlConfig(ctx, &awslambda.UpdateFunctionUrlConfigInput{
		FunctionName: name, Qualifier: qualifier,
		AuthType:   types.FunctionUrlAuthType(settings.AuthType),
		InvokeMode: types.InvokeMode(settings.InvokeMode),
		Cors:       corsInput(settings.CORS),
	})
	if err != nil {
		return URL{}, failure(err, arn.String())
	}
	return urlOf(out.FunctionArn, out.FunctionUrl, out.AuthType, out.InvokeMode, out.Cors,
		out.CreationTime, out.LastModifiedTime)
}

// DeleteURL takes the URL from the function or alias. An error of kind NotFound says that it has none.
func (c *Client) DeleteURL(ctx context.Context, arn lambda.ARN) error {
	name, qualifier := split(arn)
	_, err := c.lambda.DeleteFunctionUrlConfig(ctx, &awslambda.DeleteFunctionUrlConfigInput{FunctionName: name, Qualifier: qualifier})
	return failure(err, arn.String())
}

// split is a function ARN as the operations on URLs and policies take it.
func split(arn lambda.ARN) (name, qualifier *string) {
	return new(arn.Unqualified().String()), orNil(arn.Qualifier)
}

func urlOf(
	name, address *string, authType types.FunctionUrlAuthType, mode types.InvokeMode, cors *types.Cors,
	created, modified *string,
) (URL, error) {
	function, err := arn.ParseFunctionARN(aws.ToString(name))
	if err != nil {
		return URL{}, fmt.Errorf("answer of the Lambda API: %w", err)
	}
	return URL{
		// AWS ends the address with a slash and writes the mode in capitals; not all that stand in for it do. The
		// answer to a creation leaves the default mode out.
		Function: function, Address: strings.TrimSuffix(aws.ToString(address), "/") + "/",
		URLSettings: URLSettings{
			AuthType: lambda.AuthType(authType), CORS: corsOf(cors),
			InvokeMode: cmp.Or(lambda.InvokeMode(strings.ToUpper(string(mode))), lambda.Buffered),
		},
		Created: timeOf(created), Modified: timeOf(modified),
	}, nil
}

// timeOf reads a time of the Lambda API, whose form differs between operations.
func timeOf(text *string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700"} {
		if parsed, err := time.Parse(layout, aws.ToString(text)); err == nil {
			return parsed.UTC()
		}
	}
	return time.Time{}
}

func corsOf(cors *types.Cors) *lambda.CORS {
	if cors == nil {
		return nil
	}
	configured := &lambda.CORS{
		AllowCredentials: cors.AllowCredentials,
		AllowHeaders:     cors.AllowHeaders, AllowMethods: cors.AllowMethods, AllowOrigins: cors.AllowOrigins,
		ExposeHeaders: cors.ExposeHeaders,
	}
	if cors.MaxAge != nil {
		configured.MaxAge = new(int(*cors.MaxAge))
	}
	return configured
}

func corsInput(cors *lambda.CORS) *types.Cors {
	if cors == nil {
		return nil
	}
	input := &types.Cors{
		AllowCredentials: cors.AllowCredentials,
		AllowHeaders:     cors.AllowHeaders, AllowMethods: cors.AllowMethods, AllowOrigins: cors.AllowOrigins,
		ExposeHeaders: cors.ExposeHeaders,
	}
	if cors.MaxAge != nil {
		input.MaxAge = aws.Int32(int32(*cors.MaxAge)) //nolint:gosec // at most 86400, which the command line checks
	}
	return input
}
