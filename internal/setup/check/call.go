package check

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/policy"
)

// callTimeout is how long the answer of the function may be waited for: as long as a function may run.
const callTimeout = lambda.MaxTimeout

// call calls the URL, with the credentials of the subject.
func (r *run) call(ctx context.Context) {
	step := Step{Name: stepCall, Decides: true}
	add := func(status Status, format string, arguments ...any) {
		step.Status, step.Summary = status, fmt.Sprintf(format, arguments...)
		r.add(step)
	}
	if r.address == "" {
		add(Unknown, "there is no URL to call")
		return
	}
	credentials, err := r.credentialsOfSubject(ctx)
	if err != nil {
		step.Missing, _ = awsapi.DeniedAction(err)
		add(Unknown, "no credentials to call with: %v", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, r.Method, strings.TrimSuffix(r.address, "/")+r.Path, http.NoBody)
	if err != nil {
		add(Problem, "%v", err)
		return
	}
	request.Header.Set("User-Agent", furlproto.Probe+" (furl check)")
	if r.url != nil && r.url.CORS != nil && len(r.url.CORS.AllowOrigins) > 0 {
		request.Header.Set("Origin", r.url.CORS.AllowOrigins[0])
	}
	started := time.Now()
	response, err := r.transport(credentials).RoundTrip(request)
	if err != nil {
		add(Unknown, "no answer: %v", err)
		return
	}
	defer response.Body.Close()
	took := time.Since(started).Round(time.Millisecond)
	if refusal, refused := furl.RefusalOf(response); refused {
		step.Details = []string{"request id " + refusal.RequestID}
		if refusal.Explain != "" {
			step.Details = append(step.Details, "the server says why: "+refusal.Explain)
		}
		add(Problem, "%d, refused by %s: %s %s", response.StatusCode, refusal.Layer, refusal.ErrorType, refusal.Message)
		return
	}
	if values := response.Header.Values("Access-Control-Allow-Origin"); len(values) > 1 {
		step.Details = append(step.Details, fmt.Sprintf("Access-Control-Allow-Origin is there %d times: the function sends it too, and browsers refuse the answer", len(values)))
	}
	add(OK, "%s, from the function, in %s", response.Status, took)
}

// transport signs with the credentials; without any it does not sign.
func (r *run) transport(credentials aws.Credentials) http.RoundTripper {
	base := r.Transport
	if base == nil {
		own := furl.NewBase()
		own.DisableKeepAlives = true
		if machine, ok := r.network().(Machine); ok {
			own.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: machine.Trusted}
		}
		base = own
	}
	if credentials.AccessKeyID == "" {
		return base
	}
	transport := furl.NewTransport(aws.Config{
		Region:      r.function.Region,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil }),
	})
	transport.Base, transport.MaxRetries = base, -1
	return transport
}

// credentialsOfSubject are the keys to call with; none for a call that is not signed.
func (r *run) credentialsOfSubject(ctx context.Context) (aws.Credentials, error) {
	switch {
	case r.authType == lambda.AuthNone || r.subject.principal == nil && !r.subject.self:
		return aws.Credentials{}, nil
	case r.subject.self:
		return r.caller.Keys.Credentials(ctx)
	case r.subject.kind != policy.RoleSession:
		return aws.Credentials{}, &awsapi.Error{Kind: awsapi.NoCredentials, Message: "only " + r.subject.label + " has its own keys: name them with --caller-profile and leave --as out"}
	default:
		return r.caller.Keys.AssumeRole(ctx, r.subject.label, "furl-check")
	}
}
