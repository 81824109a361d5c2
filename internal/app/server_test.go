//go:build unix

package app_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/roster"
)

// configFor is the configuration of a server with that data, on any free port.
func configFor(data string) app.Config {
	config := app.Default()
	config.Data, config.Listen = data, "127.0.0.1:0"
	return config
}

// run runs a server until it is stopped.
func run(t *testing.T, config app.Config) (server *app.Server, stop func()) {
	t.Helper()
	server, err := app.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, context.Background()) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return server, stop
}

// awsConfig is that of the root user of the server's first account.
func awsConfig(server *app.Server) aws.Config {
	root, _ := server.RootKey(roster.DefaultAccount)
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.Endpoint()),
		Credentials: credentials.NewStaticCredentialsProvider(root.AccessKeyID, root.SecretAccessKey, ""),
	}
}

// deploy makes a function.
func deploy(t *testing.T, server *app.Server) {
	t.Helper()
	config := awsConfig(server)
	role, err := iam.NewFromConfig(config).CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("execution"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	_, err = writer.Create("bootstrap")
	if err := errors.Join(err, writer.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := lambda.NewFromConfig(config).CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("function"), Role: role.Role.Arn, Handler: aws.String("x"),
		Runtime: types.RuntimeProvidedal2023, Code: &types.FunctionCode{ZipFile: archive.Bytes()},
	}); err != nil {
		t.Fatal(err)
	}
}

// TestFaithfulStates: only a server that is told so lets its users wait, and the SDK's waiter sees the end of it.
func TestFaithfulStates(t *testing.T) {
	for _, faithful := range []bool{false, true} {
		var ahead atomic.Int64
		began := time.Now()
		config := configFor(app.InMemory)
		config.FaithfulStates = faithful
		config.Now = func() time.Time { return began.Add(time.Duration(ahead.Load())) }
		server, stop := run(t, config)
		deploy(t, server)
		client := lambda.NewFromConfig(awsConfig(server))
		read := &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("function")}
		got, err := client.GetFunctionConfiguration(t.Context(), read)
		if err != nil {
			t.Fatal(err)
		}
		if (got.State == types.StatePending) != faithful {
			t.Errorf("with faithful states %t, a new function is %s", faithful, got.State)
		}
		ahead.Store(int64(3 * time.Second))
		if err := lambda.NewFunctionActiveWaiter(client).Wait(t.Context(), read, time.Minute); err != nil {
			t.Error(err)
		}
		stop()
	}
}

// A server that is told to stop before it serves comes to an end like any other.
func TestStoppedAtOnce(t *testing.T) {
	for range 20 {
		server, err := app.New(t.Context(), configFor(app.InMemory))
		if err != nil {
			t.Fatal(err)
		}
		stopped, stop := context.WithCancel(t.Context())
		stop()
		if err := server.Run(stopped, context.Background()); err != nil {
			t.Error(err)
		}
	}
}

// A package is kept for as long as a version has it, also when $LATEST has another.
func TestVersionsKeepTheirCode(t *testing.T) {
	server, _ := run(t, configFor(app.InMemory))
	deploy(t, server)
	client, function := lambda.NewFromConfig(awsConfig(server)), aws.String("function")
	published, err := client.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: function})
	if err != nil {
		t.Fatal(err)
	}
	sum, err := base64.StdEncoding.DecodeString(aws.ToString(published.CodeSha256))
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	_, err = writer.Create("other")
	if err := errors.Join(err, writer.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = client.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: function, ZipFile: archive.Bytes()})
	if err != nil || !server.UsesCode(hex.EncodeToString(sum)) {
		t.Errorf("the code of version 1 may be removed, %v", err)
	}
	_, err = client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: function, Qualifier: aws.String("1")})
	if err != nil || server.UsesCode(hex.EncodeToString(sum)) {
		t.Errorf("the code of a deleted version is kept, %v", err)
	}
}
