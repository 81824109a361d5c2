package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/furl-dev/furl/internal/cli"
	"github.com/furl-dev/furl/internal/urltest"
)

// environment gives the test the key of the function URL, and nothing of the machine's own configuration.
func environment(t *testing.T) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", urltest.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", urltest.Secret)
	t.Setenv("AWS_SESSION_TOKEN", urltest.Token)
	t.Setenv("AWS_REGION", urltest.Region)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{"AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "HTTPS_PROXY", "https_proxy"} {
		t.Setenv(name, "")
	}
}

// run runs a command line and returns exit code and outputs.
func run(t *testing.T, stdin io.Reader, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = cli.Run(t.Context(), context.Background(), args, os.Getenv, cli.Streams{In: stdin, Out: &out, Err: &err})
	return code, out.String(), err.String()
}
