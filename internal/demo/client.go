//go:build unix

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
	"slices"

	"github.com/furl-dev/furl/sigv4"
)

// Server is a running server, as the demo needs it. Its methods call the APIs the way the AWS CLI does.
type Server struct {
	Endpoint        string
	Region          string
	Account         string
	AccessKeyID     string
	SecretAccessKey string
}

// lambda calls the Lambda API. in and out may be nil.
func (s Server) lambda(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	answer, err := s.send(ctx, "lambda", method, path, "application/json", body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// iam calls the IAM API with parameters, each a name followed by its value.
func (s Server) iam(ctx context.Context, action string, parameters ...string) error {
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for pair := range slices.Chunk(parameters, 2) {
		form.Set(pair[0], pair[1])
	}
	_, err := s.send(ctx, "iam", http.MethodPost, "/", "application/x-www-form-urlencoded", []byte(form.Encode()))
	return err
}

// send sends a signed request and returns the body of its answer, which must be a success.
func (s Server) send(ctx context.Context, service, method, path, contentType string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	region := s.Region
	if service == "iam" {
		region = "us-east-1"
	}
	credentials := sigv4.Credentials{AccessKeyID: s.AccessKeyID, Secret: sigv4.NewSecret(s.SecretAccessKey)}
	got, err := signAndSend(request, region, service, credentials, body)
	if err != nil {
		return nil, err
	}
	if got.Status >= 300 {
		return nil, fmt.Errorf("%s %s answered %d: %s", request.Method, request.URL.Path, got.Status, got.Body)
	}
	return []byte(got.Body), nil
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
