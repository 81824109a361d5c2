package awsconfig

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/furl-dev/furl"
)

// marked credentials say that it is they that are missing; the SDK wraps that in sentences of its own. Their errors
// are furl.ErrCredentials.
type marked struct{ aws.CredentialsProvider }

func (m marked) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := m.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		err = fmt.Errorf("%w: %w", furl.ErrCredentials, err)
	}
	return c, err
}

// IsConnect reports whether AWS, or what stands in its place, could not be reached.
func IsConnect(err error) bool {
	var failed *smithyhttp.RequestSendError
	return errors.As(err, &failed)
}

// IsDenied reports whether AWS refused a request.
func IsDenied(err error) bool {
	var refused *smithyhttp.ResponseError
	return errors.As(err, &refused) && refused.HTTPStatusCode() == http.StatusForbidden
}
