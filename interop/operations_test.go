//go:build unix

package interop_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
)

// step is one call of testdata/operations.json: the life of a function, in which each operation has its turn.
type step struct {
	Operation string          `json:"operation"`
	Input     json.RawMessage `json:"input"` // as the API has it; blobs in base64
	Error     string          `json:"error"` // the code that AWS would answer too, "" for success
}

// TestEveryOperation calls each operation of Lambda that furl has with boto3 and with the AWS SDK for Go.
func TestEveryOperation(t *testing.T) {
	text, err := os.ReadFile("testdata/operations.json")
	if err != nil {
		t.Fatal(err)
	}
	var have, called []string
	for _, operation := range lambdaapi.Operations() {
		have = append(have, operation.Name)
	}
	for _, step := range decode[[]step](t, string(text)) {
		called = append(called, step.Operation)
	}
	slices.Sort(have)
	slices.Sort(called)
	if !slices.Equal(have, called) {
		t.Errorf("furl has\n%q\ntestdata/operations.json calls\n%q", have, called)
	}

	t.Run("boto3", func(t *testing.T) {
		need(t, "python")
		s := startServer(t)
		script := s.script(t, string(text))
		done := run(t, s.env(), strings.NewReader(script), python(t), "python/operations.py")
		if done.code != 0 {
			t.Fatalf("exit %d: %s", done.code, done.stderr)
		}
		decoder := json.NewDecoder(strings.NewReader(done.stdout))
		for _, want := range decode[[]step](t, script) {
			var got step
			if err := decoder.Decode(&got); err != nil || got.Operation != want.Operation || got.Error != want.Error {
				t.Errorf("%s: %v, error %q, want %q", want.Operation, err, got.Error, want.Error)
			}
		}
	})
	t.Run("SDK for Go", func(t *testing.T) {
		s := startServer(t)
		client := reflect.ValueOf(lambda.NewFromConfig(s.config(), func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} }))
		for _, step := range decode[[]step](t, s.script(t, string(text))) {
			method := client.MethodByName(step.Operation)
			input := reflect.New(method.Type().In(1).Elem())
			if err := json.Unmarshal(step.Input, input.Interface()); err != nil {
				t.Fatalf("%s: %v", step.Operation, err)
			}
			if got := failure(method.Call([]reflect.Value{reflect.ValueOf(t.Context()), input})); got != step.Error {
				t.Errorf("%s: error %q, want %q", step.Operation, got, step.Error)
			}
		}
	})
}

// script is the list of calls for a server, on which it makes the execution role.
func (s *server) script(t *testing.T, text string) string {
	t.Helper()
	role, err := iam.NewFromConfig(s.config()).CreateRole(context.WithoutCancel(t.Context()),
		&iam.CreateRoleInput{RoleName: aws.String("books"), AssumeRolePolicyDocument: aws.String(lambdaMayAssume)})
	if err != nil {
		t.Fatal(err)
	}
	blob := func(file string) string {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(content)
	}
	return strings.NewReplacer(
		"${ROLE}", *role.Role.Arn, "${ARN}", "arn:aws:lambda:"+region+":"+account+":", "${CODE}", blob(echoZip(t)),
		"${LAYER}", blob(writeZip(t, nil, map[string]string{"operations.json": "testdata/operations.json"})),
	).Replace(text)
}

// failure is what went wrong with a call: the code of the API's error, or of the function's; "" if nothing did.
func failure(results []reflect.Value) string {
	if err, _ := results[1].Interface().(error); err != nil {
		var answer smithy.APIError
		if !errors.As(err, &answer) {
			return err.Error()
		}
		return answer.ErrorCode()
	}
	switch output := results[0].Interface().(type) {
	case *lambda.InvokeOutput:
		return aws.ToString(output.FunctionError)
	case *lambda.InvokeWithResponseStreamOutput:
		stream := output.GetStream()
		defer stream.Close()
		ended := "the stream has no end"
		for event := range stream.Events() {
			if complete, ok := event.(*types.InvokeWithResponseStreamResponseEventMemberInvokeComplete); ok {
				ended = aws.ToString(complete.Value.ErrorCode)
			}
		}
		if err := stream.Err(); err != nil {
			ended = cmp.Or(ended, err.Error())
		}
		return ended
	}
	return ""
}
