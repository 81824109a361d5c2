//go:build unix

package interop_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// TestKill kills the server with SIGKILL while clients of the AWS SDK for Go write to it, again and again. It has to
// start each time, and whatever it has acknowledged has to be there.
func TestKill(t *testing.T) {
	rounds, writers := 20, 4
	const least = 20 // facts acknowledged before each kill
	if testing.Short() {
		rounds = 3
	}
	s := startServer(t)
	var all ledger
	if _, err := newSDK(s).iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String(sharedRole), AssumeRolePolicyDocument: aws.String(lambdaMayAssume)}); err != nil {
		t.Fatal(err)
	}
	for round := range rounds {
		var written ledger
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for writer := range writers {
			group.Go(func() {
				w := &writing{sdk: newSDK(s), ledger: &written, name: fmt.Sprintf("kill-%d-%d", round, writer)}
				if err := w.run(ctx); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		written.await(t, least)
		time.Sleep(rand.N(200 * time.Millisecond))
		s.stop(syscall.SIGKILL)
		cancel()
		group.Wait()
		s.start()
		written.check(t, newSDK(s))
		all.take(&written)
	}
	all.check(t, newSDK(s))
	t.Logf("%d facts acknowledged in %d rounds", len(all.facts), rounds)
}

const sharedRole = "kill-shared"

// sdk is the AWS SDK for Go against a server. It does not try again what has failed.
type sdk struct {
	iam    *iam.Client
	lambda *lambda.Client
}

func newSDK(s *server) sdk {
	config := s.config()
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	config.HTTPClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}, Timeout: 20 * time.Second}
	return sdk{iam.NewFromConfig(config), lambda.NewFromConfig(config)}
}

// subject is something that the server knows one thing about.
type subject struct {
	kind  string // one of the keys of lookups
	name  string
	child string // of an inline policy, a statement, …
}

// gone is the fact about a subject that was deleted.
const gone = "(gone)"

// ledger is what the server has acknowledged.
type ledger struct {
	mu    sync.Mutex
	facts map[subject]string
}

// write does one write, and notes the fact if it is acknowledged. Of a write that is not, nobody knows.
func (l *ledger) write(s subject, do func() (fact string, err error)) error {
	l.mu.Lock()
	delete(l.facts, s)
	l.mu.Unlock()
	fact, err := do()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.facts == nil {
		l.facts = map[subject]string{}
	}
	l.facts[s] = fact
	return nil
}

// await waits until there are that many facts.
func (l *ledger) await(t *testing.T, facts int) {
	t.Helper()
	const patience = 20 * time.Second
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		n := len(l.facts)
		l.mu.Unlock()
		if n >= facts {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d facts were acknowledged in %s", n, patience)
		}
	}
}

func (l *ledger) take(other *ledger) {
	if l.facts == nil {
		l.facts = map[subject]string{}
	}
	for s, fact := range other.facts {
		l.facts[s] = fact
	}
}

// check looks everything up.
func (l *ledger) check(t *testing.T, client sdk) {
	t.Helper()
	subjects := make(chan subject)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for s := range subjects {
				got, err := lookups[s.kind](t.Context(), client, s)
				if isNotFound(err) {
					got, err = gone, nil
				}
				if want := l.facts[s]; err != nil || got != want {
					t.Errorf("%s %s %s: acknowledged %s, found %s %v", s.kind, s.name, s.child, want, got, err)
				}
			}
		})
	}
	for s := range l.facts {
		subjects <- s
	}
	close(subjects)
	group.Wait()
}

func isNotFound(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && (api.ErrorCode() == "NoSuchEntity" || api.ErrorCode() == "ResourceNotFoundException")
}

// writing is one client that writes.
type writing struct {
	sdk
	*ledger
	name string
}

// run writes until the server is gone. The error is what the server refused: it should refuse nothing.
func (w *writing) run(ctx context.Context) error {
	for n := 0; ; n++ {
		err := w.series(ctx, fmt.Sprintf("%s-%d", w.name, n), n%2 == 1)
		var api smithy.APIError
		if errors.As(err, &api) {
			return err
		}
		if err != nil {
			return nil //nolint:nilerr // the server was killed
		}
	}
}

// series is one of each kind of write.
func (w *writing) series(ctx context.Context, name string, thenDelete bool) error {
	const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}`
	code, hash := uniqueCode(name)
	arn := "arn:aws:lambda:" + region + ":" + account + ":function:" + name
	for _, step := range []struct {
		subject
		do func() (string, error)
	}{
		{subject{kind: "role", name: name}, func() (string, error) {
			_, err := w.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, Description: &name, AssumeRolePolicyDocument: aws.String(lambdaMayAssume)})
			return name, err
		}},
		{subject{kind: "role policy", name: name, child: "inline"}, func() (string, error) {
			_, err := w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("inline"), PolicyDocument: aws.String(document)})
			return "inline", err
		}},
		{subject{kind: "user", name: name}, func() (string, error) {
			out, err := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
			if err != nil {
				return "", err
			}
			return *out.User.UserId, nil
		}},
		{subject{kind: "access key", name: name}, func() (string, error) {
			out, err := w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
			if err != nil {
				return "", err
			}
			return *out.AccessKey.AccessKeyId, nil
		}},
		{subject{kind: "function", name: name}, func() (string, error) {
			_, err := w.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
				FunctionName: &name, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
				Role: aws.String("arn:aws:iam::" + account + ":role/" + sharedRole), Code: &types.FunctionCode{ZipFile: code},
			})
			return hash, err
		}},
		{subject{kind: "url", name: name}, func() (string, error) {
			out, err := w.lambda.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: &name, AuthType: types.FunctionUrlAuthTypeAwsIam})
			if err != nil {
				return "", err
			}
			return urlID(*out.FunctionUrl), nil
		}},
		{subject{kind: "permission", name: name, child: "everyone"}, func() (string, error) {
			_, err := w.lambda.AddPermission(ctx, &lambda.AddPermissionInput{
				FunctionName: &name, StatementId: aws.String("everyone"), Action: aws.String("lambda:InvokeFunctionUrl"), Principal: aws.String("*"),
			})
			return "everyone", err
		}},
		{subject{kind: "tag", name: arn}, func() (string, error) {
			_, err := w.lambda.TagResource(ctx, &lambda.TagResourceInput{Resource: &arn, Tags: map[string]string{"name": name}})
			return name, err
		}},
		{subject{kind: "description", name: name}, func() (string, error) {
			_, err := w.lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: &name, Description: &name})
			return name, err
		}},
	} {
		if err := w.write(step.subject, step.do); err != nil {
			return fmt.Errorf("%s %s: %w", step.kind, step.name, err)
		}
	}
	if !thenDelete {
		return nil
	}
	for _, step := range []struct {
		subject
		do func() error
	}{
		{subject{kind: "permission", name: name, child: "everyone"}, func() error {
			_, err := w.lambda.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: &name, StatementId: aws.String("everyone")})
			return err
		}},
		{subject{kind: "url", name: name}, func() error {
			_, err := w.lambda.DeleteFunctionUrlConfig(ctx, &lambda.DeleteFunctionUrlConfigInput{FunctionName: &name})
			return err
		}},
		{subject{kind: "role policy", name: name, child: "inline"}, func() error {
			_, err := w.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: aws.String("inline")})
			return err
		}},
		{subject{kind: "role", name: name}, func() error {
			_, err := w.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
			return err
		}},
	} {
		if err := w.write(step.subject, func() (string, error) { return gone, step.do() }); err != nil {
			return fmt.Errorf("delete %s %s: %w", step.kind, step.name, err)
		}
	}
	return nil
}

// uniqueCode is a deployment package like no other, and the hash that Lambda gives for it.
func uniqueCode(name string) (code []byte, hash string) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	file, err := w.Create("bootstrap")
	if err == nil {
		_, err = io.WriteString(file, "#!/bin/sh\n# "+name+"\n")
	}
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err) // writing to memory does not fail
	}
	sum := sha256.Sum256(out.Bytes())
	return out.Bytes(), base64.StdEncoding.EncodeToString(sum[:])
}

// urlID is what of a function URL stays when the server moves to another port.
func urlID(url string) string {
	_, address, _ := strings.Cut(strings.TrimSuffix(url, "/"), "://")
	if i := strings.LastIndexByte(address, '/'); i >= 0 {
		return address[i+1:] // path style
	}
	id, _, _ := strings.Cut(address, ".")
	return id
}

// lookups find the fact about a subject of each kind.
var lookups = map[string]func(context.Context, sdk, subject) (string, error){
	"role": func(ctx context.Context, c sdk, s subject) (string, error) {
		out, err := c.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: &s.name})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.Role.Description), nil
	},
	"role policy": func(ctx context.Context, c sdk, s subject) (string, error) {
		out, err := c.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &s.name, PolicyName: &s.child})
		if err != nil {
			return "", err
		}
		return *out.PolicyName, nil
	},
	"user": func(ctx context.Context, c sdk, s subject) (string, error) {
		out, err := c.iam.GetUser(ctx, &iam.GetUserInput{UserName: &s.name})
		if err != nil {
			return "", err
		}
		return *out.User.UserId, nil
	},
	"access key": func(ctx context.Context, c sdk, s subject) (string, error) {
		out, err := c.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &s.name})
		if err != nil || len(out.AccessKeyMetadata) != 1 {
			return gone, err
		}
		return *out.AccessKeyMetadata[0].AccessKeyId, nil
	},
	// The code itself is fetched, not only its hash.
	"function": func(ctx context.Context, c sdk, s subject) (string, error) {
		out, err := c.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &s.name})
		if err != nil {
			return "", err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, *out.Code.Location, nil)
		if err != nil {
			return "", err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		hash := sha256.New()
		if _, err := io.Copy(hash, response.Body); err != nil {
			return "", err
		}
		if sum := base64.StdEncoding.EncodeToString(hash.Sum(nil)); sum != *out.Configuration.CodeSha256 {
			return "code with hash " + sum, nil
		}
		return *out.Configuration.CodeSha256, nil
	},
	"description": func(ctx context.Context, c sdk, s subject) (string, error) {
		out, err := c.lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &s.name})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.Description), nil
	},
	"url": func(ctx context.Context, c sdk, s subject) (string, error) {
		out, err := c.lambda.GetFunctionUrlConfig(ctx, &lambda.GetFunctionUrlConfigInput{FunctionName: &s.name})
		if err != nil {
			return "", err
		}
		return urlID(*out.FunctionUrl), nil
	},
	"permission": func(ctx context.Context, c sdk, s subject) (string, error) {
		out, err := c.lambda.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: &s.name})
		if err != nil {
			return "", err
		}
		if strings.Contains(*out.Policy, `"Sid":"`+s.child+`"`) {
			return s.child, nil
		}
		return gone, nil
	},
	"tag": func(ctx context.Context, c sdk, s subject) (string, error) {
		out, err := c.lambda.ListTags(ctx, &lambda.ListTagsInput{Resource: &s.name})
		if err != nil {
			return "", err
		}
		return out.Tags["name"], nil
	},
}
