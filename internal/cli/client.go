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

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/sigv4"
)

// provesItself is the part of a help text that the commands share.
const provesItself = `
The command reads the page token in the data directory of the server. Where that is not at hand, it signs with the
profile or with the keys in the environment, and is shown what concerns their account alone. The keys have to be those
of the root user or of somebody whose policies allow furl:ReadPages, as those of an administrator do.
`

// local are the flags by which a command finds the server on this machine, and what it proves itself with.
type local struct {
	p       *program
	command *cobra.Command

	data     string
	endpoint string
	profile  string
}

func (l *local) register(p *program, command *cobra.Command) {
	l.p, l.command = p, command
	f := command.Flags()
	f.StringVar(&l.data, "data", cmp.Or(p.getenv("FURL_DATA"), app.Default().Data), "data directory of the server")
	f.StringVar(&l.endpoint, "endpoint-url", p.getenv("AWS_ENDPOINT_URL"), "address of the server")
	f.StringVar(&l.profile, "profile", "", "profile of the AWS configuration to sign with, in place of the page token")
}

// found is where the server is. It is ours if it is the one that uses the data directory, which then has its secrets.
type found struct {
	endpoint string
	ours     bool
	app.Running
}

// find is the server: as the flags say, as the environment says, as the server itself wrote it down, or where servers
// are by default.
func (l *local) find() (found, error) {
	running, err := app.ReadRunning(l.data)
	given := l.command.Flags().Changed
	switch {
	case given("data") && !given("endpoint-url"):
		if errors.Is(err, app.ErrNotRunning) {
			return found{}, fail(exitFailed, "furl serve --data "+l.data, err)
		}
		return found{running.Endpoint, true, running}, err
	case l.endpoint != "":
		endpoint := strings.TrimRight(l.endpoint, "/")
		return found{endpoint, err == nil && endpoint == running.Endpoint, running}, nil
	case err == nil:
		return found{running.Endpoint, true, running}, nil
	default:
		return found{endpoint: "http://" + app.Default().Listen}, nil
	}
}

// page opens one of the server's own pages. The caller closes it.
func (l *local) page(ctx context.Context, path string, query url.Values, accept string) (io.ReadCloser, error) {
	server, err := l.find()
	if err != nil {
		return nil, err
	}
	address := server.endpoint + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fail(exitUsage, "--endpoint-url is an address such as http://127.0.0.1:9000", err)
	}
	request.Header.Set("Accept", accept)
	if err := l.prove(request, server); err != nil {
		return nil, err
	}
	response, err := furl.NewBase().RoundTrip(request) // follows no redirect, and in clear uses no proxy
	if err != nil {
		return nil, fail(exitFailed, "furl serve   # or name the server with --endpoint-url",
			fmt.Errorf("no server answers at %s: %w", server.endpoint, err))
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
	summary, _, _ := strings.Cut(strings.TrimSpace(string(message)), "\n\n") // what to do is said better here
	if response.StatusCode == http.StatusForbidden {
		const hint = "--data DIR with the data directory of the server, or --profile NAME"
		return nil, fail(exitDenied, hint, errors.New(summary))
	}
	return nil, fail(exitFailed, "", errors.New(summary))
}

// prove adds to the request what proves that it may read pages: the page token of the server, else a signature. The
// token goes to the server that it is of and to no other; a signature is of no use to whoever else gets it. A request
// without either is sent as it is: the server says what it wants.
func (l *local) prove(request *http.Request, server found) error {
	if server.ours && l.profile == "" {
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
func (l *local) credentials(ctx context.Context, server found) (sigv4.Credentials, error) {
	if server.ours && l.profile == "" {
		key, err := l.p.rootKey(l.data, server.Running, server.Account)
		return sigv4.Credentials{AccessKeyID: key.AccessKeyID, Secret: sigv4.NewSecret(key.SecretAccessKey)}, err
	}
	config, ok := awsconfig.FromEnvironment(l.p.getenv)
	profile := l.profile
	if !ok {
		profile = cmp.Or(profile, l.p.getenv("AWS_PROFILE"))
	}
	if profile != "" {
		var err error
		options := awsconfig.Options{Profile: profile, EndpointURL: server.endpoint, MFACode: l.p.mfaCode}
		if config, err = awsconfig.Load(ctx, options); err != nil {
			return sigv4.Credentials{}, fail(exitCredentials, hintCredentials, err)
		}
	} else if !ok {
		return sigv4.Credentials{}, nil
	}
	keys, err := config.Credentials.Retrieve(ctx)
	if err != nil {
		return sigv4.Credentials{}, fail(exitCredentials, hintCredentials, err)
	}
	return sigv4.Credentials{
		AccessKeyID: keys.AccessKeyID, Secret: sigv4.NewSecret(keys.SecretAccessKey), SessionToken: keys.SessionToken,
	}, nil
}
