//go:build unix

package runtime_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/runtime"
)

func TestNodeResults(t *testing.T) {
	needs(t, "node")
	b := newBench(t, confined)
	for _, row := range []struct {
		dir, handler string
		event        object
		want         string
	}{
		{"node", "index.handler", object{"do": "echo", "x": "ü"}, `{"do":"echo","x":"ü"}`},
		{"node", "index.handler", object{"do": "undefined"}, `null`},
		{"node", "index.nested.deep.handler", nil, `"nested.deep.handler"`},
		{"node", "index.callback", object{}, `"called back"`},
		{"node", "index.callback", object{"leave": 30, "now": true}, `"called back"`},
		{"node", "index.callback", object{"leave": 30, "silent": true}, `null`},
		{"node", "index.done", object{}, `"done"`},
		{"node", "esm.handler", nil, `"from an ES module"`},
		{"node-esm", "src/app.handler", nil, `"from app.js"`},
		{"node-esm", "src/app.other", nil, `"from the default export"`},
	} {
		body, result, _ := b.invoke(b.interpreted("nodejs20.x", row.dir, row.handler), row.event)
		if result.FunctionError != nil || body != row.want || result.ContentType != "application/json" {
			t.Errorf("%s %v: got %s, want %s", row.handler, row.event, body, row.want)
		}
	}
}

func TestNodeWaitsForEmptyEventLoop(t *testing.T) {
	needs(t, "node")
	b := newBench(t, confined)
	fn := b.interpreted("nodejs20.x", "node", "index.callback")
	b.invoke(fn, object{}) // warm
	begin := time.Now()
	_, result, _ := b.invoke(fn, object{"leave": 200})
	if waited := time.Since(begin); waited < 200*time.Millisecond {
		t.Errorf("answered after %v, before the timer of 200 ms", waited)
	}
	if tail := string(result.LogTail()); !strings.Contains(tail, "the loop ran empty") {
		t.Errorf("log: %s", tail)
	}
}

func TestNodeErrors(t *testing.T) {
	needs(t, "node")
	b := newBench(t, confined)
	for _, row := range []struct {
		runtime, handler string
		event            object
		want             functionError
		reason           runtime.Reason
		logged           string
	}{
		{"nodejs20.x", "index.handler", object{"do": "throw", "text": "ü"}, functionError{ErrorType: "RangeError", ErrorMessage: "no good: ü"},
			runtime.ReasonError, "\tERROR\tInvoke Error \t{\"errorType\":\"RangeError\""},
		{"nodejs20.x", "index.handler", object{"do": "throw-text"}, functionError{ErrorType: "string", ErrorMessage: "just text"}, runtime.ReasonError, ""},
		{"nodejs20.x", "index.handler", object{"do": "circular"}, functionError{ErrorType: "Error",
			ErrorMessage: "Unable to stringify response body"}, runtime.ReasonError, ""},
		{"nodejs24.x", "index.handler", object{"do": "circular"}, functionError{ErrorType: "Runtime.JSONStringifyError",
			ErrorMessage: "Unable to stringify response body"}, runtime.ReasonError, ""},
		// Since Node.js 24 an error that nobody catches ends the process (aws/aws-lambda-base-images#392).
		{"nodejs24.x", "index.handler", object{"do": "unhandled"}, functionError{ErrorType: "Runtime.ExitError",
			ErrorMessage: "RequestId: "}, runtime.ReasonExit, "\nError: nobody listens\n"},
		{"nodejs20.x", "index.handler", object{"do": "never"}, functionError{ErrorType: "Runtime.NodeJsExit",
			ErrorMessage: "The Lambda runtime client detected an unexpected Node.js exit code."}, runtime.ReasonError, ""},
		{"nodejs20.x", "index.handler", object{"do": "uncaught"}, functionError{ErrorType: "TypeError", ErrorMessage: "from a timer"},
			runtime.ReasonError, "\tERROR\tUncaught Exception \t"},
		{"nodejs20.x", "index.handler", object{"do": "unhandled"}, functionError{ErrorType: "Runtime.UnhandledPromiseRejection",
			ErrorMessage: "Error: nobody listens"}, runtime.ReasonError, "\tERROR\tUnhandled Promise Rejection \t"},
		{"nodejs20.x", "index.callback", object{"error": "bad"}, functionError{ErrorType: "Error", ErrorMessage: "bad"}, runtime.ReasonError, ""},
		{"nodejs20.x", "index.done", object{"error": "bad"}, functionError{ErrorType: "Error", ErrorMessage: "bad"}, runtime.ReasonError, ""},
		{"nodejs20.x", "index.missing", nil, functionError{ErrorType: "Runtime.HandlerNotFound",
			ErrorMessage: "index.missing is undefined or not exported"}, runtime.ReasonInit, "Z\tundefined\tERROR\tUncaught Exception \t{"},
		{"nodejs24.x", "index.missing", nil, functionError{ErrorType: "Runtime.HandlerNotFound",
			ErrorMessage: "index.missing is undefined or not exported"}, runtime.ReasonInit, "Init Error"},
		{"nodejs20.x", "index.notAFunction", nil, functionError{ErrorType: "Runtime.HandlerNotFound",
			ErrorMessage: "index.notAFunction is not a function"}, runtime.ReasonInit, ""},
		{"nodejs20.x", "missing.handler", nil, functionError{ErrorType: "Runtime.ImportModuleError",
			ErrorMessage: "Error: Cannot find module 'missing'"}, runtime.ReasonInit, ""},
		{"nodejs20.x", "requires.handler", nil, functionError{ErrorType: "Runtime.ImportModuleError",
			ErrorMessage: "Error: Cannot find module 'module-that-is-not-there'"}, runtime.ReasonInit, ""},
		{"nodejs20.x", "syntax.handler", nil, functionError{ErrorType: "Runtime.UserCodeSyntaxError", ErrorMessage: "SyntaxError: "}, runtime.ReasonInit, ""},
		{"nodejs20.x", "raises.handler", nil, functionError{ErrorType: "Error", ErrorMessage: "no database"}, runtime.ReasonInit, ""},
		{"nodejs20.x", "../index.handler", nil, functionError{ErrorType: "Runtime.MalformedHandlerName",
			ErrorMessage: "'../index.handler' is not a valid handler name."}, runtime.ReasonInit, ""},
		{"nodejs20.x", "index", nil, functionError{ErrorType: "Runtime.MalformedHandlerName", ErrorMessage: "Bad handler"}, runtime.ReasonInit, ""},
		{"nodejs24.x", "index.callback", nil, functionError{ErrorType: "Runtime.CallbackHandlerDeprecated",
			ErrorMessage: "ERROR: AWS Lambda has removed support for callback-based function handlers"}, runtime.ReasonInit, ""},
	} {
		t.Run(row.handler+" "+row.want.ErrorType, func(t *testing.T) {
			body, result, _ := b.invoke(b.interpreted(row.runtime, "node", row.handler), row.event)
			if result.FunctionError == nil || result.FunctionError.Reason != row.reason {
				t.Fatalf("FunctionError = %+v, want reason %s; body %s", result.FunctionError, row.reason, body)
			}
			got := parseError(t, body)
			if got.ErrorType != row.want.ErrorType || !strings.HasPrefix(got.ErrorMessage, row.want.ErrorMessage) {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
			if tail := string(result.LogTail()); !strings.Contains(tail, row.logged) {
				t.Errorf("log %q, want %q", tail, row.logged)
			}
		})
	}
	fn := b.interpreted("nodejs20.x", "node", "index.handler")
	body, result, id := b.invoke(fn, object{"do": "exit", "code": 0})
	if want := `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + id + ` Error: Runtime exited without providing a reason"}`; body != want {
		t.Errorf("process.exit(0): %s (%+v), want %s", body, result.FunctionError, want)
	}
}

func TestNodeContextAndLog(t *testing.T) {
	needs(t, "node")
	b := newBench(t, confined)
	fn := b.interpreted("nodejs20.x", "node", "index.handler")
	result, err := b.pool.Invoke(t.Context(), fn, runtime.Invocation{
		RequestID: "id-1", Payload: []byte(`{"do":"context"}`),
		ClientContext: `{"custom":{"k":"v"}}`, CognitoIdentity: `{"cognitoIdentityId":"who"}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	body, err := result.ReadAll(0)
	if err != nil {
		t.Fatal(err)
	}
	var got object
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if remaining, ok := got["remaining"].(float64); !ok || remaining < 5000 || remaining > 10000 {
		t.Errorf("remaining = %v, want a little less than 10000", got["remaining"])
	}
	delete(got, "remaining")
	delete(got, "logStreamName")
	if diff := cmp.Diff(object{
		"awsRequestId": "id-1", "functionName": fn.Name, "functionVersion": "$LATEST", "invokedFunctionArn": fn.ARN,
		"memoryLimitInMB": "128", "logGroupName": "/aws/lambda/" + fn.Name, "callbackWaitsForEmptyEventLoop": true,
		"clientContext": object{"custom": object{"k": "v"}}, "identity": object{"cognitoIdentityId": "who"},
	}, got); diff != "" {
		t.Error(diff)
	}
	_, result, id := b.invoke(fn, object{"do": "print"})
	var lines []string
	for line := range strings.Lines(string(result.LogTail())) {
		if _, after, ok := strings.Cut(line, "Z\t"); ok {
			line = after
		}
		if !strings.HasPrefix(line, "REPORT") {
			lines = append(lines, line)
		}
	}
	want := []string{
		"START RequestId: " + id + " Version: $LATEST\n",
		id + "\tINFO\tlogged text\ton two\n", "lines\n",
		id + "\tERROR\tproblem\n",
		"plain\n",
		"END RequestId: " + id + "\n",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

// TestNodePrintsBeforeItAnswers: much more than a pipe holds stands before the END of the invocation, and is not lost
// when the process exits.
func TestNodePrintsBeforeItAnswers(t *testing.T) {
	needs(t, "node")
	b := newBench(t, confined)
	fn := b.interpreted("nodejs20.x", "node", "index.handler")
	for _, exit := range []bool{false, true} {
		_, result, _ := b.invoke(fn, object{"do": "chatter", "lines": 20_000, "exit": exit})
		if tail := string(result.LogTail()); !strings.Contains(tail, "\tINFO\tline 19999\n") {
			t.Errorf("exit %v: the log ends with %q", exit, tail)
		}
	}
}
