//go:build unix

package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/furl-dev/furl/sigv4"
)

// signed makes a signed request.
func signed(
	ctx context.Context, as sigv4.Credentials, service, method, url, contentType string, body []byte,
) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	signer := sigv4.Signer{Region: region, Service: service}
	_, err = signer.Sign(r, as, sigv4.PayloadBytes(body))
	return r, err
}

// do sends a request and returns the body of its answer, whose status must be fine.
func do(r *http.Request, fine func(status int) bool) ([]byte, error) {
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if status := response.StatusCode; !fine(status) {
		id := response.Header.Get("X-Amzn-Requestid")
		err = errors.Join(fmt.Errorf("request %s, %s %s, answered %d: %s", id, r.Method, r.URL.Path, status, body), err)
	}
	return body, err
}

func succeeded(status int) bool { return status < 300 }

// lambda calls the Lambda API as the root user. out may be nil.
func (s *server) lambda(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := signed(ctx, s.root, "lambda", method, "http://"+s.address+path, "application/json", body)
	if err != nil {
		return err
	}
	answer, err := do(r, succeeded)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// query calls IAM or STS with the parameters, name and value in turn.
func (s *server) query(
	ctx context.Context, as sigv4.Credentials, service, action string, parameters ...string,
) ([]byte, error) {
	version := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]
	form := url.Values{"Action": {action}, "Version": {version}}
	for pair := range slices.Chunk(parameters, 2) {
		form.Set(pair[0], pair[1])
	}
	const contentType = "application/x-www-form-urlencoded"
	r, err := signed(ctx, as, service, http.MethodPost, "http://"+s.address+"/", contentType, []byte(form.Encode()))
	if err != nil {
		return nil, err
	}
	return do(r, succeeded)
}

// iam calls the IAM API as the root user for each action with its parameters, until one fails.
func (s *server) iam(ctx context.Context, calls ...[]string) error {
	for _, call := range calls {
		if _, err := s.query(ctx, s.root, "iam", call[0], call[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// newCredentials calls an operation that makes credentials.
func (s *server) newCredentials(
	ctx context.Context, as sigv4.Credentials, service, action string, parameters ...string,
) (sigv4.Credentials, error) {
	answer, err := s.query(ctx, as, service, action, parameters...)
	if err != nil {
		return sigv4.Credentials{}, err
	}
	type key struct{ AccessKeyId, SecretAccessKey, SessionToken string }
	var made struct {
		Key     key `xml:"CreateAccessKeyResult>AccessKey"`
		Session key `xml:"AssumeRoleResult>Credentials"`
	}
	err = xml.Unmarshal(answer, &made)
	k := cmp.Or(made.Key, made.Session)
	return sigv4.Credentials{
		AccessKeyID: k.AccessKeyId, Secret: sigv4.NewSecret(k.SecretAccessKey), SessionToken: k.SessionToken,
	}, err
}

// createUser makes a user with an access key.
func (s *server) createUser(ctx context.Context, name string) (sigv4.Credentials, error) {
	if err := s.iam(ctx, []string{"CreateUser", "UserName", name}); err != nil {
		return sigv4.Credentials{}, err
	}
	return s.newCredentials(ctx, s.root, "iam", "CreateAccessKey", "UserName", name)
}

const (
	trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",` +
		`"Principal":{"Service":"lambda.amazonaws.com","AWS":"` + account + `"}}]}`
	mayAssume = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`
)

// createCaller makes a role and returns the credentials of a session of it, as a function that calls another has them.
// The root user can assume no role, so a user does it.
func (s *server) createCaller(ctx context.Context, role string) (sigv4.Credentials, error) {
	user := role + "-user"
	assumer, err := s.createUser(ctx, user)
	if err != nil {
		return sigv4.Credentials{}, err
	}
	err = s.iam(ctx,
		[]string{"CreateRole", "RoleName", role, "AssumeRolePolicyDocument", trust},
		[]string{"PutUserPolicy", "UserName", user, "PolicyName", "p", "PolicyDocument", mayAssume},
	)
	if err != nil {
		return sigv4.Credentials{}, err
	}
	return s.newCredentials(ctx, assumer, "sts", "AssumeRole", "RoleArn", roleARN(role), "RoleSessionName", "bench")
}

func roleARN(name string) string { return "arn:aws:iam::" + account + ":role/" + name }

// createFunction makes a function with a URL that its own role may call, by the function's policy. It returns the path
// of the URL on the server, which ends with a slash.
func (s *server) createFunction(ctx context.Context, name, role string, k kind, zipped []byte) (path string, _ error) {
	var made struct {
		URL string `json:"FunctionUrl"`
	}
	arn, function, mode := roleARN(role), "/2015-03-31/functions/"+name, "BUFFERED"
	if k.streams {
		mode = "RESPONSE_STREAM"
	}
	for _, call := range []struct {
		path string
		in   map[string]any
	}{
		{"/2015-03-31/functions", map[string]any{
			"FunctionName": name, "Runtime": k.runtime, "Handler": k.handler, "Role": arn, "Timeout": 30,
			"Code": map[string]any{"ZipFile": zipped}, "Layers": append([]string{}, k.layers...),
		}},
		{function + "/policy", map[string]any{
			"StatementId": "url", "Action": "lambda:InvokeFunctionUrl", "Principal": arn, "FunctionUrlAuthType": "AWS_IAM",
		}},
		{function + "/policy", map[string]any{
			"StatementId": "invoke", "Action": "lambda:InvokeFunction", "Principal": arn, "InvokedViaFunctionUrl": true,
		}},
		{"/2021-10-31/functions/" + name + "/url", map[string]any{"AuthType": "AWS_IAM", "InvokeMode": mode}},
	} {
		if err := s.lambda(ctx, http.MethodPost, call.path, call.in, &made); err != nil {
			return "", err
		}
	}
	return strings.TrimPrefix(made.URL, "http://"+s.address), nil
}

// deploymentPackage is a ZIP file with one executable file in it.
func deploymentPackage(name string, content []byte) ([]byte, error) {
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	header := &zip.FileHeader{Name: name, Method: zip.Deflate}
	header.SetMode(0o755)
	entry, err := writer.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := entry.Write(content); err != nil {
		return nil, err
	}
	err = writer.Close()
	return archive.Bytes(), err
}
