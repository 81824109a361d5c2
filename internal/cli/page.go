package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

// provesItself is the part of the help texts on how a command finds the local server and proves that it may read pages.
const provesItself = `
The server is the one of --data, the one at --endpoint-url or $AWS_ENDPOINT_URL, or the one that uses the default data
directory. The command reads the page token in the data directory. Without it, or with --profile, the command signs with
the keys of the profile or of the environment, and the server shows only what concerns the account of these keys. They
must be those of the root user or of a user or role whose policies allow furl:ReadPages, as an administrator's do.
`

func (p *program) explain() *cobra.Command {
	var (
		server place
		last   bool
		api    bool
		event  bool
		asJSON bool
		fix    string
	)
	command := &cobra.Command{
		Use:   "explain [REQUEST-ID]",
		Short: "Why the local server answered a request as it did",
		Long: `Why the local server answered a request as it did: every step of the request, what it decided and why,
and for a refusal the commands that would change it. The request id is the x-amzn-RequestId header of the answer. The
server keeps the last 1,000 requests to function URLs and calls of its APIs. Of the API calls it keeps those that it
refused and those that it answered although AWS might not accept the signature. --last and --last-api pass over what
furl check, furl demo and furl call -v send by themselves.

--fix prints the whole fix in one form. If there is none, or if the form cannot say all of it, the command prints
nothing and says why. --event prints the event that the function got, with secrets hidden; the server keeps the last
200, up to 64 KiB of each.

The server looks for the reason of a wrong signature for at most 20 requests a second. furl call -v helps: it sends the
server what it signed.
` + provesItself + "\n" + exitStatus(
			status{exitOK: "explained", exitFailed: "no such request, fix or event, or no server", exitDenied: "denied by the server"},
			exitUsage, exitCredentials, exitInterrupted),
		Example: "  furl explain --last\n  furl explain --last --fix terraform",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			var ids []string
			for _, id := range args {
				ids = append(ids, url.PathEscape(id))
			}
			if last {
				ids = append(ids, furlproto.Last)
			}
			if api {
				ids = append(ids, furlproto.LastAPI)
			}
			if len(ids) != 1 {
				return usage(command, errors.New("name one request: furl explain REQUEST-ID, furl explain --last, or --last-api"))
			}
			if event && fix != "" {
				return usage(command, errors.New("use one of --fix and --event, not both"))
			}
			id, query := ids[0], url.Values{"fix": {fix}}
			if event {
				query.Set("event", "1")
			}
			if event || fix != "" || asJSON {
				return server.page(command.Context(), p.streams.Out, furlproto.Requests+"/"+id, query, asJSON)
			}
			var report strings.Builder
			if err := server.page(command.Context(), &report, furlproto.Requests+"/"+id, query, false); err != nil {
				return err
			}
			_, err := trace.Mark(report.String(), "").WriteTo(p.streams.Out)
			return err
		},
	}
	server.register(p, command, "data", "endpoint-url", "profile")
	command.Flags().BoolVar(&last, "last", false, "the latest request to a function URL")
	command.Flags().BoolVar(&api, "last-api", false, "the latest call of an API that the server keeps")
	command.Flags().StringVar(&fix, "fix", "", "print only what would allow the request, as `FORM`: "+snippet.FormNames())
	command.Flags().BoolVar(&event, "event", false, "print the event that the function got")
	command.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return command
}

// page copies one of the server's own pages to out. It leaves out empty values of the query.
func (l *place) page(ctx context.Context, out io.Writer, path string, query url.Values, asJSON bool) error {
	server, err := l.server(ctx)
	if err != nil {
		return err
	}
	if err := awsconfig.CheckEndpoint(server.Endpoint); err != nil {
		return err
	}
	address := server.Endpoint + path
	maps.DeleteFunc(query, func(_ string, values []string) bool { return len(values) == 0 || values[0] == "" })
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "text/plain")
	if asJSON {
		request.Header.Set("Accept", "application/json")
	}
	if err := l.prove(request, server); err != nil {
		return err
	}
	response, err := l.send(request, server)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		if note := response.Header.Get(furlproto.Note); note != "" {
			l.p.note("%s", note)
		}
		_, err := io.Copy(out, response.Body)
		return err
	}
	const enough = 4096
	message, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err != nil {
		return err
	}
	summary, _, _ := strings.Cut(strings.TrimSpace(string(message)), "\n\n") // the hint says what to type
	switch response.StatusCode {
	case http.StatusForbidden:
		return fail(pageDenied, errors.New(summary))
	case http.StatusBadRequest: // such as --fix with a form that there is not
		return usage(l.command, errors.New(summary))
	case http.StatusNotFound:
		return &notOnPage{summary}
	}
	return errors.New(summary)
}

// send sends a request to the server.
func (l *place) send(request *http.Request, server localServer) (*http.Response, error) {
	ctx := request.Context()
	base := furl.NewBase()
	named := "" // for a server of somebody else, as for the AWS SDKs
	if !server.ours && strings.HasPrefix(server.Endpoint, "https://") {
		named = l.p.getenv("AWS_CA_BUNDLE")
	}
	trusted, err := furlproto.Trust(l.authority(ctx, server.Endpoint), named)
	if err != nil {
		return nil, err
	}
	base.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted}
	response, err := base.RoundTrip(request) // follows no redirect, and to this machine uses no proxy
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return nil, fail(notTrusted, fmt.Errorf("the server at %s: %w", server.Endpoint, err))
	}
	if err != nil {
		err := fmt.Errorf("no server answers at %s: %w", server.Endpoint, err)
		return nil, fail(noAnswer, err, l.again(), l.p.dirs(ctx))
	}
	return response, nil
}

// notOnPage is the error for something that a page does not know.
type notOnPage struct{ text string }

func (e *notOnPage) Error() string { return e.text }

// missingAt is the error of a page about functions of the server, with what was meant.
func (l *place) missingAt(ctx context.Context, err error, functions []string) error {
	if _, ok := errors.AsType[*notOnPage](err); !ok {
		return err
	}
	server, fault := l.server(ctx)
	if fault != nil {
		return err
	}
	there := *l
	there.options.EndpointURL, there.options.Region = server.Endpoint, cmp.Or(l.options.Region, server.Region)
	for _, function := range functions {
		client, fault := there.client(ctx, function)
		if fault != nil {
			return err
		}
		if has, sure := client.HasFunction(ctx, function); sure && !has {
			return l.p.missing(ctx, err, function, function)
		}
	}
	return err
}

// prove adds to the request what proves that it may read pages: the page token of the server, else a signature. The
// token goes only to the server that made it; a signature is of no use to another server. A request without either is
// sent as it is: the server says what it needs.
func (l *place) prove(request *http.Request, server localServer) error {
	if server.ours && l.options.Profile == "" {
		token, _, err := roster.ReadPageToken(server.Dir)
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
		options.Authority = l.authority(ctx, server.Endpoint)
		if config, err = awsconfig.Load(ctx, options); err != nil {
			return sigv4.Credentials{}, noKeys(err)
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

// noKeys is the error for credentials that could not be found.
func noKeys(err error) error {
	if _, named := errors.AsType[*awsconfig.UnknownProfile](err); named {
		return err
	}
	return fail(noCredentials, err)
}
