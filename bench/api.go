package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/furl-dev/furl/sigv4"
)

// signed makes a signed request.
func signed(ctx context.Context, as sigv4.Credentials, service, method, url, contentType string, body []byte) (*http.Request, error) {
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

// send sends a request of the control plane and returns its answer, whatever its status.
func (s *server) send(r *http.Request) (status int, body []byte, err error) {
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// lambda calls the Lambda API as the root user.
func (s *server) lambda(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := signed(ctx, s.root, "lambda", method, "http://"+s.address+path, "application/json", body)
	if err != nil {
		return err
	}
	answer, err := s.succeed(r)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// query calls IAM or STS with the parameters, name and value in turn.
func (s *server) query(ctx context.Context, as sigv4.Credentials, service, action string, out any, parameters ...string) error {
	version := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]
	form := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i+1 < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	r, err := signed(ctx, as, service, http.MethodPost, "http://"+s.address+"/", "application/x-www-form-urlencoded", []byte(form.Encode()))
	if err != nil {
		return err
	}
	answer, err := s.succeed(r)
	if err != nil || out == nil {
		return err
	}
	return xml.Unmarshal(answer, out)
}

func (s *server) succeed(r *http.Request) ([]byte, error) {
	status, answer, err := s.send(r)
	if err == nil && status >= 300 {
		err = fmt.Errorf("%s %s answered %d: %s", r.Method, r.URL.Path, status, answer)
	}
	return answer, err
}

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com","AWS":"` +
	account + `"},"Action":"sts:AssumeRole"}]}`

// createCaller makes a role and returns the credentials of a session of it, as a function that calls another has them.
// The root user can assume no role, so a user does it.
func (s *server) createCaller(ctx context.Context, name string) (sigv4.Credentials, error) {
	if err := s.query(ctx, s.root, "iam", "CreateRole", nil, "RoleName", name, "AssumeRolePolicyDocument", trust); err != nil {
		return sigv4.Credentials{}, err
	}
	user := name + "-user"
	if err := s.query(ctx, s.root, "iam", "CreateUser", nil, "UserName", user); err != nil {
		return sigv4.Credentials{}, err
	}
	const mayAssume = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`
	if err := s.query(ctx, s.root, "iam", "PutUserPolicy", nil, "UserName", user, "PolicyName", "p", "PolicyDocument", mayAssume); err != nil {
		return sigv4.Credentials{}, err
	}
	var key struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	if err := s.query(ctx, s.root, "iam", "CreateAccessKey", &key, "UserName", user); err != nil {
		return sigv4.Credentials{}, err
	}
	var session struct {
		ID     string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		Secret string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
		Token  string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	}
	assumer := sigv4.Credentials{AccessKeyID: key.ID, Secret: sigv4.NewSecret(key.Secret)}
	if err := s.query(ctx, assumer, "sts", "AssumeRole", &session, "RoleArn", roleARN(name), "RoleSessionName", "bench"); err != nil {
		return sigv4.Credentials{}, err
	}
	return sigv4.Credentials{AccessKeyID: session.ID, Secret: sigv4.NewSecret(session.Secret), SessionToken: session.Token}, nil
}

func roleARN(name string) string { return "arn:aws:iam::" + account + ":role/" + name }

// createFunction makes a function with a URL that the caller's role may call, by the function's policy. It returns the
// path of the URL on the server, which ends with a slash.
func (s *server) createFunction(ctx context.Context, name, runtime, handler string, code []byte, callerRole string) (path string, err error) {
	err = s.lambda(ctx, http.MethodPost, "/2015-03-31/functions", map[string]any{
		"FunctionName": name, "Runtime": runtime, "Handler": handler, "Role": roleARN(callerRole), "Timeout": 30,
		"Code": map[string]any{"ZipFile": code},
	}, nil)
	if err != nil {
		return "", err
	}
	var made struct {
		URL string `json:"FunctionUrl"`
	}
	err = s.lambda(ctx, http.MethodPost, "/2021-10-31/functions/"+name+"/url", map[string]string{"AuthType": "AWS_IAM"}, &made)
	if err != nil {
		return "", err
	}
	for _, permission := range []map[string]any{
		{"StatementId": "url", "Action": "lambda:InvokeFunctionUrl", "Principal": roleARN(callerRole), "FunctionUrlAuthType": "AWS_IAM"},
		{"StatementId": "invoke", "Action": "lambda:InvokeFunction", "Principal": roleARN(callerRole), "InvokedViaFunctionUrl": true},
	} {
		if err := s.lambda(ctx, http.MethodPost, "/2015-03-31/functions/"+name+"/policy", permission, nil); err != nil {
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
