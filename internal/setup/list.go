package setup

import (
	"context"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

// Lister lists the functions of an account and region, and the URLs of each.
type Lister interface {
	Functions(ctx context.Context) iter.Seq2[awsapi.Function, error]
	URLs(ctx context.Context, arn lambda.ARN) ([]awsapi.URL, error)
	URL(ctx context.Context, arn lambda.ARN) (awsapi.URL, error)
}

// URLsOf are the URLs of a function and all of its aliases. Where the endpoint cannot list them it is the function's
// own, if it has one.
func URLsOf(ctx context.Context, lister Lister, arn lambda.ARN) ([]awsapi.URL, error) {
	urls, err := lister.URLs(ctx, arn)
	if awsapi.KindOf(err) != awsapi.Unsupported {
		return urls, err
	}
	url, err := lister.URL(ctx, arn.Unqualified())
	if awsapi.KindOf(err) == awsapi.NotFound {
		return nil, nil
	}
	return []awsapi.URL{url}, err
}

// atOnce is how many calls are made at one time: few, since the Lambda API lets an account make 15 of its calls a
// second (Lambda Developer Guide, "Lambda quotas"). The SDK waits and tries again when it is told to slow down.
const atOnce = 4

// AllURLs are the URLs of all functions of the account and region, in the order in which the API lists the functions.
func AllURLs(ctx context.Context, lister Lister) ([]awsapi.URL, error) {
	var functions []awsapi.Function
	for function, err := range lister.Functions(ctx) {
		if err != nil {
			return nil, err
		}
		functions = append(functions, function)
	}
	urls := make([][]awsapi.URL, len(functions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, function := range functions {
		group.Go(func() (err error) {
			urls[i], err = URLsOf(ctx, lister, function.ARN)
			if awsapi.KindOf(err) == awsapi.NotFound { // deleted since it was listed
				err = nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(urls...), nil
}
