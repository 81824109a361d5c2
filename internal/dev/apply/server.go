//go:build unix

package apply

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/internal/furlproto"
)

// ForeignError is the refusal to change what is not a furl server.
type ForeignError struct {
	Endpoint string // "" for AWS itself
	Why      string
}

func (e *ForeignError) Error() string {
	where := "AWS"
	if e.Endpoint != "" {
		where = e.Endpoint
	}
	return fmt.Sprintf("%s is not a furl server (%s): furl dev applies to furl servers only; leave out --endpoint-url and "+
		"AWS_ENDPOINT_URL to have one started, or deploy to AWS with the tool of the project", where, e.Why)
}

// checkServer makes sure that the endpoint is a furl server, before anything else is sent to it: its health page
// answers a challenge, as nothing else does.
func (a *Applier) checkServer(ctx context.Context) error {
	if a.checked {
		return nil
	}
	endpoint := strings.TrimRight(aws.ToString(a.config.AWS.BaseEndpoint), "/")
	if endpoint == "" {
		return &ForeignError{"", "no endpoint is given"}
	}
	at, err := url.Parse(endpoint)
	if err != nil || at.Host == "" {
		return &ForeignError{endpoint, "that is not the address of a server"}
	}
	for _, suffix := range []string{".amazonaws.com", ".amazonaws.com.cn", ".on.aws", ".api.aws"} {
		if strings.HasSuffix("."+strings.ToLower(at.Hostname()), suffix) {
			return &ForeignError{endpoint, "that is an address of AWS"}
		}
	}
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+furlproto.Health, nil)
	if err != nil {
		return &ForeignError{endpoint, err.Error()}
	}
	challenge := rand.Text()
	request.Header.Set(furlproto.Challenge, challenge)
	response, err := a.http.Do(request)
	if err != nil {
		return fmt.Errorf("the server at %s does not answer: %w", endpoint, err)
	}
	defer response.Body.Close()
	const enough = 4096
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, enough)); err != nil {
		return err
	}
	proof := response.Header.Get(furlproto.Proof)
	switch {
	case len(proof) != len(furlproto.Prove("", "")):
		return &ForeignError{endpoint, fmt.Sprintf("%s answers %s and no proof", furlproto.Health, response.Status)}
	case a.config.Secret != "" && proof != furlproto.Prove(a.config.Secret, challenge):
		return &ForeignError{endpoint, "another server answers there than the one of the data directory"}
	}
	a.checked = true
	return nil
}
