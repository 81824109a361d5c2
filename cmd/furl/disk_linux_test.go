package main_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/iamapi"
	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
	"github.com/furl-dev/furl/sigv4"
)

// TestFullDisk: a server whose disk is full refuses what needs space with a service error, still deletes everything,
// loses nothing that it acknowledged, and continues by itself when there is space.
func TestFullDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32m"); err != nil {
		t.Skipf("mount: %v", err) // TestFileSizeLimit needs no rights
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	filler := filepath.Join(dir, "filler")
	starve(t, dir, func(*machine) {
		file, err := os.Create(filler)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for size := 1 << 20; size > 0; {
			if _, err := file.Write(make([]byte, size)); err != nil {
				size /= 2
			}
		}
	}, func(*machine) {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFileSizeLimit: the same where files may not grow, as with ulimit -f. The limit has no room for the database to
// grow, but for the log that it has from the start.
func TestFileSizeLimit(t *testing.T) {
	const limit = 1 << 20
	starve(t, t.TempDir(), func(m *machine) { m.limitFiles(limit) }, func(m *machine) { m.limitFiles(1 << 40) })
}

// machine runs furl serve as a process of its own.
type machine struct {
	t        *testing.T
	dir      string
	process  *exec.Cmd
	log      string
	endpoint string
	root     sigv4.Credentials
}

// start starts the server and waits until it answers.
func (m *machine) start() {
	m.t.Helper()
	program, err := os.Executable()
	if err != nil {
		m.t.Fatal(err)
	}
	log, err := os.CreateTemp(m.t.TempDir(), "log")
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close()
	m.log = log.Name()
	m.process = exec.Command(program)
	m.process.Args = []string{"furl", "serve", "--data", m.dir, "--listen", "127.0.0.1:0"}
	m.process.Stderr = log
	if err := m.process.Start(); err != nil {
		m.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		text := m.logged()
		if _, rest, ok := strings.Cut(text, "listening on "); ok && strings.Contains(rest, ",") {
			m.endpoint, _, _ = strings.Cut(rest, ",")
			break
		}
		if time.Now().After(deadline) || strings.Contains(text, "furl: error:") {
			m.t.Fatalf("the server does not start: %s", text)
		}
	}
	for deadline := time.Now().Add(time.Minute); !healthy(m.endpoint); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			m.t.Fatalf("the server does not answer: %s", m.logged())
		}
	}
	var file struct {
		Accounts map[string]struct{ AccessKeyID, SecretAccessKey string }
	}
	text, err := os.ReadFile(filepath.Join(m.dir, "root-credentials.json"))
	if err != nil {
		m.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &file); err != nil {
		m.t.Fatal(err)
	}
	key := file.Accounts["123456789012"]
	m.root = sigv4.Credentials{AccessKeyID: key.AccessKeyID, Secret: sigv4.NewSecret(key.SecretAccessKey)}
}

// kill ends the server without a chance to prepare.
func (m *machine) kill() {
	m.process.Process.Kill() //nolint:errcheck // it may have ended
	m.process.Wait()         //nolint:errcheck // it was killed
}

// open makes the directories of packages writable, which are not.
func (m *machine) open() {
	err := filepath.WalkDir(m.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return os.Chmod(path, 0o700)
	})
	if err != nil {
		m.t.Error(err)
	}
}

func (m *machine) logged() string {
	text, err := os.ReadFile(m.log)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

// limitFiles changes how large the files of the running server may become.
func (m *machine) limitFiles(size uint64) {
	m.t.Helper()
	limit := syscall.Rlimit{Cur: size, Max: 1 << 40}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(m.process.Process.Pid), syscall.RLIMIT_FSIZE,
		uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		m.t.Fatal(errno)
	}
}

func (m *machine) send(service, method, path, body string) (status int, text string) {
	m.t.Helper()
	request, err := http.NewRequest(method, m.endpoint+path, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	region := "eu-central-1"
	if service == "iam" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		region = "us-east-1"
	}
	signer := sigv4.Signer{Region: region, Service: service}
	if _, err := signer.Sign(request, m.root, sigv4.PayloadBytes([]byte(body))); err != nil {
		m.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("X-Amzn-Errortype") + " " + string(answer)
}

// call is one call of an API. One of IAM has its parameters in pairs; one of Lambda a method, a path and a body.
type call struct {
	service, operation string
	arguments          []string
}

func iamCall(operation string, parameters ...string) call { return call{"iam", operation, parameters} }

func lambdaCall(operation, method, path, body string) call {
	return call{"lambda", operation, []string{method, path, body}}
}

func (m *machine) try(c call) (status int, text string) {
	m.t.Helper()
	if c.service == "lambda" {
		return m.send("lambda", c.arguments[0], c.arguments[1], c.arguments[2])
	}
	form := url.Values{"Action": {c.operation}, "Version": {"2010-05-08"}}
	for pair := range slices.Chunk(c.arguments, 2) {
		form.Set(pair[0], pair[1])
	}
	return m.send("iam", "POST", "/", form.Encode())
}

func (m *machine) must(c call) string {
	m.t.Helper()
	status, text := m.try(c)
	if status >= 300 {
		m.t.Fatalf("%s %.200q: %d %s\n%s", c.operation, c.arguments, status, text, m.logged())
	}
	return text
}

// gone expects that there is no such thing.
func (m *machine) gone(calls ...call) {
	m.t.Helper()
	for _, c := range calls {
		if status, text := m.try(c); status != 404 {
			m.t.Errorf("%s %q: %d %s", c.operation, c.arguments, status, text)
		}
	}
}

const (
	lambdaTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	document    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	otherPolicy = "arn:aws:iam::123456789012:policy/other"
	provider    = "arn:aws:iam::123456789012:oidc-provider/id.example.com"
	functionARN = "arn:aws:lambda:eu-central-1:123456789012:function:books"

	resourcePolicy = `{"Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Principal\":\"*\",` +
		`\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"` + functionARN + `:live\"}]}"}`
)

// created is one of everything that can be deleted.
func created(t *testing.T) []call {
	t.Helper()
	return []call{
		iamCall("CreateRole", "RoleName", "execution", "AssumeRolePolicyDocument", lambdaTrust),
		lambdaCall("CreateFunction", "POST", "/2015-03-31/functions", functionBody(t, "books", "v")),
		lambdaCall("CreateFunctionUrlConfig", "POST", "/2021-10-31/functions/books/url", `{"AuthType":"AWS_IAM"}`),
		lambdaCall("AddPermission", "POST", "/2015-03-31/functions/books/policy",
			`{"StatementId":"a","Action":"lambda:InvokeFunction","Principal":"sns.amazonaws.com"}`),
		lambdaCall("PublishVersion", "POST", "/2015-03-31/functions/books/versions", `{}`),
		lambdaCall("CreateAlias", "POST", "/2015-03-31/functions/books/aliases", `{"Name":"live","FunctionVersion":"1"}`),
		lambdaCall("PutResourcePolicy", "PUT", "/2026-07-09/resource-policy/"+url.PathEscape(functionARN+":live"), resourcePolicy),
		lambdaCall("PutFunctionConcurrency", "PUT", "/2017-10-31/functions/books/concurrency", `{"ReservedConcurrentExecutions":2}`),
		lambdaCall("PutProvisionedConcurrencyConfig", "PUT", "/2019-09-30/functions/books/provisioned-concurrency?Qualifier=live",
			`{"ProvisionedConcurrentExecutions":1}`),
		lambdaCall("PutFunctionEventInvokeConfig", "PUT", "/2019-09-25/functions/books/event-invoke-config", `{"MaximumRetryAttempts":1}`),
		lambdaCall("PublishLayerVersion", "POST", "/2018-10-31/layers/shared/versions", layerBody(t)),
		lambdaCall("AddLayerVersionPermission", "POST", "/2018-10-31/layers/shared/versions/1/policy",
			`{"StatementId":"a","Action":"lambda:GetLayerVersion","Principal":"210987654321"}`),
		lambdaCall("TagResource", "POST", "/2017-03-31/tags/"+functionARN, `{"Tags":{"team":"blue"}}`),
		iamCall("CreatePolicy", "PolicyName", "other", "PolicyDocument", document, "Tags.member.1.Key", "a", "Tags.member.1.Value", "b"),
		iamCall("CreatePolicyVersion", "PolicyArn", otherPolicy, "PolicyDocument", document),
		iamCall("CreateRole", "RoleName", "role", "AssumeRolePolicyDocument", lambdaTrust, "PermissionsBoundary", otherPolicy,
			"Tags.member.1.Key", "a", "Tags.member.1.Value", "b"),
		iamCall("PutRolePolicy", "RoleName", "role", "PolicyName", "inline", "PolicyDocument", document),
		iamCall("AttachRolePolicy", "RoleName", "role", "PolicyArn", otherPolicy),
		iamCall("CreateUser", "UserName", "user", "PermissionsBoundary", otherPolicy, "Tags.member.1.Key", "a", "Tags.member.1.Value", "b"),
		iamCall("CreateAccessKey", "UserName", "user"),
		iamCall("PutUserPolicy", "UserName", "user", "PolicyName", "inline", "PolicyDocument", document),
		iamCall("AttachUserPolicy", "UserName", "user", "PolicyArn", otherPolicy),
		iamCall("CreateGroup", "GroupName", "group"),
		iamCall("PutGroupPolicy", "GroupName", "group", "PolicyName", "inline", "PolicyDocument", document),
		iamCall("AttachGroupPolicy", "GroupName", "group", "PolicyArn", otherPolicy),
		iamCall("AddUserToGroup", "GroupName", "group", "UserName", "user"),
		iamCall("CreateOpenIDConnectProvider", "Url", "https://id.example.com", "ClientIDList.member.1", "app",
			"Tags.member.1.Key", "a", "Tags.member.1.Value", "b"),
	}
}

// deleted undoes all of created, by every operation that takes something away.
func deleted(key string) []call {
	return []call{
		lambdaCall("UntagResource", "DELETE", "/2017-03-31/tags/"+functionARN+"?tagKeys=team", ""),
		lambdaCall("RemovePermission", "DELETE", "/2015-03-31/functions/books/policy/a", ""),
		lambdaCall("DeleteFunctionUrlConfig", "DELETE", "/2021-10-31/functions/books/url", ""),
		lambdaCall("DeleteFunctionCodeSigningConfig", "DELETE", "/2020-06-30/functions/books/code-signing-config", ""),
		lambdaCall("DeleteFunctionEventInvokeConfig", "DELETE", "/2019-09-25/functions/books/event-invoke-config", ""),
		lambdaCall("DeleteProvisionedConcurrencyConfig", "DELETE", "/2019-09-30/functions/books/provisioned-concurrency?Qualifier=live", ""),
		lambdaCall("DeleteFunctionConcurrency", "DELETE", "/2017-10-31/functions/books/concurrency", ""),
		lambdaCall("DeleteResourcePolicy", "DELETE", "/2026-07-09/resource-policy/"+url.PathEscape(functionARN+":live"), ""),
		lambdaCall("DeleteAlias", "DELETE", "/2015-03-31/functions/books/aliases/live", ""),
		lambdaCall("DeleteFunction", "DELETE", "/2015-03-31/functions/books", ""),
		lambdaCall("RemoveLayerVersionPermission", "DELETE", "/2018-10-31/layers/shared/versions/1/policy/a", ""),
		lambdaCall("DeleteLayerVersion", "DELETE", "/2018-10-31/layers/shared/versions/1", ""),
		iamCall("RemoveUserFromGroup", "GroupName", "group", "UserName", "user"),
		iamCall("DetachGroupPolicy", "GroupName", "group", "PolicyArn", otherPolicy),
		iamCall("DeleteGroupPolicy", "GroupName", "group", "PolicyName", "inline"),
		iamCall("DeleteGroup", "GroupName", "group"),
		iamCall("UntagUser", "UserName", "user", "TagKeys.member.1", "a"),
		iamCall("DeleteUserPermissionsBoundary", "UserName", "user"),
		iamCall("DetachUserPolicy", "UserName", "user", "PolicyArn", otherPolicy),
		iamCall("DeleteUserPolicy", "UserName", "user", "PolicyName", "inline"),
		iamCall("DeleteAccessKey", "UserName", "user", "AccessKeyId", key),
		iamCall("DeleteUser", "UserName", "user"),
		iamCall("UntagRole", "RoleName", "role", "TagKeys.member.1", "a"),
		iamCall("DeleteRolePermissionsBoundary", "RoleName", "role"),
		iamCall("DetachRolePolicy", "RoleName", "role", "PolicyArn", otherPolicy),
		iamCall("DeleteRolePolicy", "RoleName", "role", "PolicyName", "inline"),
		iamCall("DeleteRole", "RoleName", "role"),
		iamCall("UntagPolicy", "PolicyArn", otherPolicy, "TagKeys.member.1", "a"),
		iamCall("DeletePolicyVersion", "PolicyArn", otherPolicy, "VersionId", "v2"),
		iamCall("DeletePolicy", "PolicyArn", otherPolicy),
		iamCall("UntagOpenIDConnectProvider", "OpenIDConnectProviderArn", provider, "TagKeys.member.1", "a"),
		iamCall("RemoveClientIDFromOpenIDConnectProvider", "OpenIDConnectProviderArn", provider, "ClientID", "app"),
		iamCall("DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", provider),
	}
}

// asked finds nothing once all is deleted.
var asked = []call{
	lambdaCall("GetFunction", "GET", "/2015-03-31/functions/books", ""),
	lambdaCall("GetFunctionUrlConfig", "GET", "/2021-10-31/functions/books/url", ""),
	lambdaCall("GetAlias", "GET", "/2015-03-31/functions/books/aliases/live", ""),
	lambdaCall("GetLayerVersion", "GET", "/2018-10-31/layers/shared/versions/1", ""),
	iamCall("GetGroup", "GroupName", "group"),
	iamCall("GetUser", "UserName", "user"),
	iamCall("GetRole", "RoleName", "role"),
	iamCall("GetPolicy", "PolicyArn", otherPolicy),
	iamCall("GetOpenIDConnectProvider", "OpenIDConnectProviderArn", provider),
}

// packaged is a deployment package with a program that says the name.
func packaged(t *testing.T, name string) []byte {
	t.Helper()
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	header := &zip.FileHeader{Name: "bootstrap"}
	header.SetMode(0o755)
	entry, err := writer.CreateHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Write([]byte("#!/bin/sh\n# " + name)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

// functionBody is the body of a CreateFunction call for a function with the value in its environment.
func functionBody(t *testing.T, name, value string) string {
	t.Helper()
	return jsonOf(map[string]any{
		"FunctionName": name, "Runtime": "provided.al2023", "Handler": "x",
		"Environment": map[string]any{"Variables": map[string]string{"VALUE": value}},
		"Role":        "arn:aws:iam::123456789012:role/execution", "Code": map[string][]byte{"ZipFile": packaged(t, name)},
	})
}

func layerBody(t *testing.T) string {
	t.Helper()
	return jsonOf(map[string]any{"Content": map[string][]byte{"ZipFile": packaged(t, "shared")}})
}

func starve(t *testing.T, dir string, fill, free func(*machine)) {
	m := &machine{t: t, dir: filepath.Join(dir, "data")}
	m.start()
	defer m.open() // for t.TempDir to remove it
	defer m.kill()
	for _, c := range created(t) {
		m.must(c)
	}
	var key struct {
		ID string `xml:"ListAccessKeysResult>AccessKeyMetadata>member>AccessKeyId"`
	}
	_, text, _ := strings.Cut(m.must(iamCall("ListAccessKeys", "UserName", "user")), " ")
	if err := xml.Unmarshal([]byte(text), &key); err != nil || key.ID == "" {
		t.Fatal(err, text)
	}

	fill(m)
	// Policies of some size, until one is refused.
	large := `{"Version":"2012-10-17","Statement":[{"Sid":"` + strings.Repeat("x", 9000) + `","Effect":"Allow","Action":"*","Resource":"*"}]}`
	kept := 0
	for ; ; kept++ {
		role := fmt.Sprint("kept-", kept)
		status, text := m.try(iamCall("CreateRole", "RoleName", role, "AssumeRolePolicyDocument", lambdaTrust))
		if status == 200 {
			status, text = m.try(iamCall("PutRolePolicy", "RoleName", role, "PolicyName", "large", "PolicyDocument", large))
		}
		if status == 200 {
			continue
		}
		if status != 500 || !strings.Contains(text, "<Code>ServiceFailure</Code>") {
			t.Fatalf("without space: %d %s", status, text)
		}
		break
	}
	if !strings.Contains(m.logged(), "no space is left") {
		t.Errorf("the log does not say why: %s", m.logged())
	}
	functions := 0
	for ; ; functions++ {
		name := fmt.Sprint("kept-", functions)
		status, text := m.try(lambdaCall("CreateFunction", "POST", "/2015-03-31/functions", functionBody(t, name, strings.Repeat("v", 4000))))
		if status == 201 {
			continue
		}
		if status != 500 || !strings.HasPrefix(text, "ServiceException") {
			t.Fatalf("without space: %d %s", status, text)
		}
		m.gone(lambdaCall("GetFunction", "GET", "/2015-03-31/functions/"+name, ""))
		break
	}

	for _, c := range deleted(key.ID) {
		m.must(c)
	}
	m.gone(asked...)

	m.kill()
	m.start()
	m.gone(asked...)
	free(m)
	m.must(iamCall("CreateUser", "UserName", "later"))
	m.must(lambdaCall("CreateFunction", "POST", "/2015-03-31/functions", functionBody(t, "films", strings.Repeat("v", 4000))))
	m.kill()
	m.start()
	m.gone(asked...)
	m.must(iamCall("GetUser", "UserName", "later"))
	m.must(lambdaCall("GetFunction", "GET", "/2015-03-31/functions/films", ""))
	for i := range functions {
		m.must(lambdaCall("GetFunction", "GET", fmt.Sprint("/2015-03-31/functions/kept-", i), ""))
	}
	for i := range kept {
		m.must(iamCall("GetRolePolicy", "RoleName", fmt.Sprint("kept-", i), "PolicyName", "large"))
	}
}

// Every operation that deletes something works on a full disk.
func TestEveryDeletionIsTried(t *testing.T) {
	tried := map[string]bool{}
	for _, c := range deleted("key") {
		tried[c.operation] = true
	}
	for _, o := range slices.Concat(lambdaapi.Operations(), iamapi.New(iamapi.Config{}).Operations()) {
		if takesAway(o) && !tried[o.Name] {
			t.Errorf("%s is not tried", o.Name)
		}
	}
}

func takesAway(o controlplane.Operation) bool {
	return slices.ContainsFunc([]string{"Delete", "Remove", "Detach", "Untag"}, func(verb string) bool { return strings.HasPrefix(o.Name, verb) })
}
