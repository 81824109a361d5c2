package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/sigv4"
)

// provesItself is the part of the help texts on how a command finds the local server and proves that it may read pages.
const provesItself = `
The server is the one of --data, the one at --endpoint-url or $AWS_ENDPOINT_URL, or the one that uses the default data
directory. The command reads the page token in the data directory. Without it, or with --profile, the command signs with
the keys of the profile or of the environment, and the server shows only what concerns the account of these keys. They
must be those of the root user or of a user or role whose policies allow furl:ReadPages, as an administrator's do.
`

// page opens one of the server's own pages. The caller closes it.
func (l *place) page(ctx context.Context, path string, query url.Values, accept string) (io.ReadCloser, error) {
	server, err := l.server()
	if err != nil {
		return nil, err
	}
	address := server.Endpoint + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fail(wrongEndpoint, fmt.Errorf("%q is not the address of a server: %w", server.Endpoint, err))
	}
	request.Header.Set("Accept", accept)
	if err := l.prove(request, server); err != nil {
		return nil, err
	}
	response, err := furl.NewBase().RoundTrip(request) // follows no redirect, and in clear uses no proxy
	if err != nil {
		return nil, fail(noAnswer, fmt.Errorf("no server answers at %s: %w", server.Endpoint, err))
	}
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	defer response.Body.Close()
	const enough = 4096
	message, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err != nil {
		return nil, err
	}
	summary, _, _ := strings.Cut(strings.TrimSpace(string(message)), "\n\n") // the hint says what to type
	if response.StatusCode == http.StatusForbidden {
		return nil, fail(pageDenied, errors.New(summary))
	}
	return nil, errors.New(summary)
}

// prove adds to the request what proves that it may read pages: the page token of the server, else a signature. The
// token goes only to the server that made it; a signature is of no use to another server. A request without either is
// sent as it is: the server says what it needs.
func (l *place) prove(request *http.Request, server localServer) error {
	if server.ours && l.options.Profile == "" {
		token, err := app.ReadPageToken(l.data)
		if err == nil {
			furlproto.SetToken(request, token.Reveal())
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	credentials, err := l.credentials(request.Context(), server)
	if err != nil || credentials.AccessKeyID == "" {
		return err
	}
	const anyRegion = "us-east-1"
	signer := sigv4.Signer{Region: anyRegion, Service: furlproto.Service}
	_, err = signer.Sign(request, credentials, sigv4.PayloadBytes(nil))
	return err
}

// credentials are those of the profile if one is given, else the root key of the server's first account if the server
// is ours, else those of the environment. They are empty if there are none.
func (l *place) credentials(ctx context.Context, server localServer) (sigv4.Credentials, error) {
	if server.ours && l.options.Profile == "" {
		key, err := l.rootKey(server.Running, server.Account)
		return sigv4.Credentials{AccessKeyID: key.AccessKeyID, Secret: sigv4.NewSecret(key.SecretAccessKey)}, err
	}
	config, ok := awsconfig.FromEnvironment(l.p.getenv)
	profile := l.options.Profile
	if !ok {
		profile = cmp.Or(profile, l.p.getenv("AWS_PROFILE"))
	}
	if profile != "" {
		var err error
		options := awsconfig.Options{Profile: profile, EndpointURL: server.Endpoint, MFACode: l.p.mfaCode}
		if config, err = awsconfig.Load(ctx, options); err != nil {
			return sigv4.Credentials{}, fail(noCredentials, err)
		}
	} else if !ok {
		return sigv4.Credentials{}, nil
	}
	keys, err := config.Credentials.Retrieve(ctx)
	if err != nil {
		return sigv4.Credentials{}, fail(noCredentials, err)
	}
	return sigv4.Credentials{
		AccessKeyID: keys.AccessKeyID, Secret: sigv4.NewSecret(keys.SecretAccessKey), SessionToken: keys.SessionToken,
	}, nil
}
