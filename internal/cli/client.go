package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/app"
)

// local are the flags by which a command finds the server on this machine.
type local struct {
	data     string
	endpoint string
}

func (l *local) register(p *program, command *cobra.Command) {
	command.Flags().StringVar(&l.data, "data", cmp.Or(p.getenv("FURL_DATA"), app.Default().Data), "data directory of the server")
	command.Flags().StringVar(&l.endpoint, "endpoint-url", p.getenv("AWS_ENDPOINT_URL"), "address of the server")
}

// find is the address of the server: as given, as the server itself wrote it down, or where servers are by default.
func (l *local) find() string {
	if l.endpoint != "" {
		return strings.TrimRight(l.endpoint, "/")
	}
	if running, err := app.ReadRunning(l.data); err == nil {
		return running.Endpoint
	}
	return "http://" + app.Default().Listen
}

// page opens one of the server's own pages. The caller closes it.
func (l *local) page(ctx context.Context, path string, query url.Values, accept string) (io.ReadCloser, error) {
	address := l.find() + "/_furl/" + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fail(exitUsage, "--endpoint-url is an address such as http://127.0.0.1:9000", err)
	}
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fail(exitFailed, "furl serve   # or name the server with --endpoint-url", fmt.Errorf("no server answers at %s: %w", l.find(), err))
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		const enough = 4096
		message, err := io.ReadAll(io.LimitReader(response.Body, enough))
		if err != nil {
			return nil, err
		}
		return nil, fail(exitFailed, "", fmt.Errorf("%s", strings.TrimSpace(string(message))))
	}
	return response.Body, nil
}
