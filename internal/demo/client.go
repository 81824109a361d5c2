package demo

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/furl-dev/furl/sigv4"
)

// client calls the APIs of the demo's server the way the AWS CLI does.
type client struct {
	endpoint    string
	region      string
	credentials sigv4.Credentials
}

// lambda calls the Lambda API. in and out may be nil.
func (c *client) lambda(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.send(request, "lambda", body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// iam calls the IAM API with parameters, each a name followed by its value.
func (c *client) iam(ctx context.Context, action string, parameters ...string) error {
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i+1 < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	body := form.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint+"/", strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, err = c.send(request, "iam", []byte(body))
	return err
}

func (c *client) send(request *http.Request, service string, body []byte) ([]byte, error) {
	region := c.region
	if service == "iam" {
		region = "us-east-1"
	}
	signer := sigv4.Signer{Region: region, Service: service}
	if _, err := signer.Sign(request, c.credentials, sigv4.PayloadBytes(body)); err != nil {
		return nil, err
	}
	outcome, err := send(request)
	if err != nil {
		return nil, err
	}
	if outcome.Status >= 300 {
		return nil, fmt.Errorf("%s %s answered %d: %s", request.Method, request.URL.Path, outcome.Status, outcome.Body)
	}
	return []byte(outcome.Body), nil
}

// selfPackage is a deployment package with this program as its bootstrap.
func selfPackage() ([]byte, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	program, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer program.Close()
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	writer.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestSpeed)
	})
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	entry, err := writer.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(entry, program); err != nil {
		return nil, fmt.Errorf("pack %s: %w", path, err)
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}
