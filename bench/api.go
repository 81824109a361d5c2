package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
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
	return r, sign(r, as, service, body)
}

func sign(r *http.Request, as sigv4.Credentials, service string, body []byte) error {
	signer := sigv4.Signer{Region: region, Service: service}
	_, err := signer.Sign(r, as, sigv4.PayloadBytes(body))
	return err
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	broken error // what ended the body early
}

func (a answer) id() string { return a.header.Get("X-Amzn-Requestid") }

// send sends a request and returns its answer, whatever its status, as far as there is one.
func (s *server) send(r *http.Request) (answer, error) {
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	a.body, a.broken = io.ReadAll(response.Body)
	return a, nil
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
	a, err := s.send(r)
	if err == nil && a.status >= 300 {
		err = fmt.Errorf("request %s, %s %s, answered %d: %s", a.id(), r.Method, r.URL.Path, a.status, a.body)
	}
	return a.body, errors.Join(err, a.broken)
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
	if err := s.query(ctx, s.root, "iam", "PutUserPolicy", nil, "UserName", user, "PolicyName", "p", "PolicyDocument", mayAssume); err != nil {
		return sigv4.Credentials{}, err
	}
	assumer, err := s.createKey(ctx, user)
	if err != nil {
		return sigv4.Credentials{}, err
	}
	return s.assume(ctx, assumer, name)
}

const mayAssume = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`

// createKey makes an access key of a user.
func (s *server) createKey(ctx context.Context, user string) (sigv4.Credentials, error) {
	var key struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	err := s.query(ctx, s.root, "iam", "CreateAccessKey", &key, "UserName", user)
	return sigv4.Credentials{AccessKeyID: key.ID, Secret: sigv4.NewSecret(key.Secret)}, err
}

// sessionName is the name of all sessions.
const sessionName = "bench"

// assume makes a session of a role.
func (s *server) assume(ctx context.Context, by sigv4.Credentials, role string) (sigv4.Credentials, error) {
	var made struct {
		ID     string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		Secret string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
		Token  string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	}
	err := s.query(ctx, by, "sts", "AssumeRole", &made, "RoleArn", roleARN(role), "RoleSessionName", sessionName)
	return sigv4.Credentials{AccessKeyID: made.ID, Secret: sigv4.NewSecret(made.Secret), SessionToken: made.Token}, err
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
