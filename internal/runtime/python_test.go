//go:build unix

package runtime_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/runtime"
)

func TestPythonResults(t *testing.T) {
	needs(t, "python3")
	b := newBench(t, confined)
	fn := b.interpreted("python3.11", "python", "app.handler")
	newer := b.interpreted("python3.12", "python", "app.handler")
	for _, row := range []struct {
		fn    *runtime.Function
		event object
		want  string
		typ   string
	}{
		{fn, object{"do": "echo", "x": 1}, `{"do": "echo", "x": 1}`, "application/json"},
		{fn, object{"do": "none"}, `null`, "application/json"},
		{fn, object{"do": "bytes"}, "\x00\xff raw", "application/unknown"},
		{fn, object{"do": "text"}, `"\u00fc"`, "application/json"},
		{newer, object{"do": "text"}, `"ü"`, "application/json"},
		{newer, object{"do": "kinds"}, `[{"x": 1, "y": [null]}, {"a": 1}, {"k": "v", "1": 2, "y": 3, "null": 4}, 2, "v", NaN]`,
			"application/json"},
		{newer, object{"do": "nested"}, `{"d": 1.10, "b": "in", "t": [1, 2], "u": "ü"}`, "application/json"},
	} {
		body, result, _ := b.invoke(row.fn, row.event)
		if result.FunctionError != nil || body != row.want || result.ContentType != row.typ {
			t.Errorf("%s %v: got %s (%s), want %s (%s)", row.fn.Runtime, row.event, body, result.ContentType, row.want, row.typ)
		}
	}
}

func TestPythonErrors(t *testing.T) {
	needs(t, "python3")
	b := newBench(t, confined)
	for _, row := range []struct {
		handler string
		event   object
		want    functionError
		frame   string
		reason  runtime.Reason
	}{
		{"app.handler", object{"do": "raise", "text": "ü"}, functionError{ErrorType: "ValueError", ErrorMessage: "no good: ü"},
			"in handler\n    raise ValueError", runtime.ReasonError},
		{"app.handler", object{"do": "set"}, functionError{ErrorType: "Runtime.MarshalError",
			ErrorMessage: "Unable to marshal response: Object of type set is not JSON serializable"}, "", runtime.ReasonError},
		{"missing.handler", nil, functionError{ErrorType: "Runtime.ImportModuleError",
			ErrorMessage: "Unable to import module 'missing': No module named 'missing'"}, "", runtime.ReasonInit},
		{"imports.handler", nil, functionError{ErrorType: "Runtime.ImportModuleError",
			ErrorMessage: "Unable to import module 'imports': No module named 'module_that_is_not_there'"}, "", runtime.ReasonInit},
		{"syntax.handler", nil, functionError{ErrorType: "Runtime.UserCodeSyntaxError",
			ErrorMessage: "Syntax error in module 'syntax': "}, `syntax.py" Line 1`, runtime.ReasonInit},
		{"app.other", nil, functionError{ErrorType: "Runtime.HandlerNotFound",
			ErrorMessage: "Handler 'other' missing on module 'app'"}, "", runtime.ReasonInit},
		{"app", nil, functionError{ErrorType: "Runtime.MalformedHandlerName",
			ErrorMessage: "Bad handler 'app': not enough values to unpack (expected 2, got 1)"}, "", runtime.ReasonInit},
		{"sys.exit", nil, functionError{ErrorType: "Runtime.BuiltInModuleConflict",
			ErrorMessage: "Cannot use built-in module sys as a handler module"}, "", runtime.ReasonInit},
		{"raises.handler", nil, functionError{ErrorType: "RuntimeError", ErrorMessage: "no database"}, "raises.py", runtime.ReasonInit},
	} {
		t.Run(row.handler+" "+row.want.ErrorType, func(t *testing.T) {
			body, result, id := b.invoke(b.interpreted("python3.11", "python", row.handler), row.event)
			if result.FunctionError == nil || result.FunctionError.Reason != row.reason || result.FunctionError.Type != row.want.ErrorType {
				t.Fatalf("FunctionError = %+v, want %s (%s); body %s", result.FunctionError, row.want.ErrorType, row.reason, body)
			}
			got := parseError(t, body)
			if got.ErrorType != row.want.ErrorType || !strings.HasPrefix(got.ErrorMessage, row.want.ErrorMessage) {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
			if trace := strings.Join(got.StackTrace, ""); !strings.Contains(trace, row.frame) || strings.Contains(trace, "bootstrap.py\", line") && row.reason == runtime.ReasonError {
				t.Errorf("stack trace %q, want the user's frames only, with %q", trace, row.frame)
			}
			if trace := strings.Join(got.StackTrace, ""); strings.Contains(trace, "^") {
				t.Errorf("stack trace %q marks columns, which AWS's client does not", trace)
			}
			if row.reason == runtime.ReasonError && got.RequestID != id {
				t.Errorf("requestId = %q, want %q", got.RequestID, id)
			}
			result.Report() // by then the log is complete
			if log := b.log.String(); strings.Contains(log, "^^") || !strings.Contains(log, "\nTraceback (most recent call last):\n") {
				t.Errorf("the log marks columns, or has no trace:\n%s", log)
			}
			if log := b.log.String(); row.reason == runtime.ReasonInit && !strings.Contains(log, "\t\tLAMBDA_WARNING: Unhandled exception.") {
				t.Errorf("the warning of AWS's client is not in the log:\n%s", log)
			}
			if log := b.log.String(); !strings.Contains(log, "[ERROR] "+row.want.ErrorType+": "+row.want.ErrorMessage) {
				t.Errorf("the error is not in the log:\n%s", log)
			}
		})
	}
	if body, result, _ := b.invoke(b.interpreted("python3.11", "python", "app.handler"), object{"do": "echo"}); result.FunctionError != nil || result.ColdStart {
		t.Errorf("after an exception the environment is not used again: %s", body)
	}
}

func TestPythonExit(t *testing.T) {
	needs(t, "python3")
	b := newBench(t, confined)
	fn := b.interpreted("python3.11", "python", "app.handler")
	for _, row := range []struct {
		event object
		want  string
	}{
		{object{"do": "exit", "code": 0}, "Runtime exited without providing a reason"},
		{object{"do": "exit", "code": 3}, "Runtime exited with error: exit status 3"},
		{object{"do": "hard-exit", "code": 127}, "Runtime exited with error: exit status 127"},
	} {
		body, result, id := b.invoke(fn, row.event)
		want := `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ` + id + ` Error: ` + row.want + `"}`
		if body != want || result.FunctionError == nil || result.FunctionError.Reason != runtime.ReasonExit {
			t.Errorf("%v: %s (%+v), want %s", row.event, body, result.FunctionError, want)
		}
	}
}

func TestPythonContextAndPaths(t *testing.T) {
	needs(t, "python3")
	b := newBench(t, confined)
	fn := b.interpreted("python3.11", "python", "app.handler")
	result, err := b.pool.Invoke(t.Context(), fn, runtime.Invocation{
		RequestID:          "id-1",
		Payload:            []byte(`{"do":"context"}`),
		ClientContext:      `{"custom":{"k":"v"},"env":{"e":"f"},"client":{"app_title":"title"}}`,
		CognitoIdentity:    `{"cognitoIdentityId":"who","cognitoIdentityPoolId":"pool"}`,
		InvokedFunctionARN: fn.ARN + ":live",
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
	if stream, _ := got["log_stream_name"].(string); !strings.Contains(stream, "/[$LATEST]") {
		t.Errorf("log stream = %q", stream)
	}
	delete(got, "remaining")
	delete(got, "log_stream_name")
	if diff := cmp.Diff(object{
		"aws_request_id": "id-1", "function_name": fn.Name, "function_version": "$LATEST", "invoked_function_arn": fn.ARN + ":live",
		"memory_limit_in_mb": "128", "log_group_name": "/aws/lambda/" + fn.Name,
		"identity": []any{"who", "pool"}, "client": []any{object{"k": "v"}, object{"e": "f"}, "title"},
	}, got); diff != "" {
		t.Error(diff)
	}
	paths, _, _ := b.invoke(fn, object{"do": "path"})
	if want := `["` + fn.CodeDir + `", "` + fn.CodeDir + `", "` + fn.CodeDir + `/app.py"]`; paths != want {
		t.Errorf("sys.path[0], cwd and __file__ = %s, want %s", paths, want)
	}
	if _, err := os.Stat(filepath.Join(fn.CodeDir, "__pycache__")); err == nil {
		t.Error("Python wrote into the package")
	}
	for _, handler := range []string{"pkg/mod.func", "pkg.mod.func"} {
		if got, _, _ := b.invoke(b.interpreted("python3.11", "python", handler), nil); got != `"pkg/mod.func"` {
			t.Errorf("%s: %s", handler, got)
		}
	}
	count := b.interpreted("python3.11", "python", "app.count")
	for _, want := range []string{"1", "2"} {
		if got, _, _ := b.invoke(count, nil); got != want {
			t.Errorf("globals do not live on: %s, want %s", got, want)
		}
	}
}

func TestPythonLog(t *testing.T) {
	needs(t, "python3")
	b := newBench(t, confined)
	_, result, id := b.invoke(b.interpreted("python3.11", "python", "app.handler"), object{"do": "print"})
	lines := strings.Split(string(result.LogTail()), "\n")
	var got []string
	for _, line := range lines {
		if before, after, ok := strings.Cut(line, "Z\t"); ok { // the time changes
			line = before[:strings.LastIndexByte(before, '\t')+1] + "TIME\t" + after
		}
		if strings.HasPrefix(line, "REPORT ") || strings.HasPrefix(line, "furl: ") {
			continue
		}
		got = append(got, line)
	}
	want := []string{
		"START RequestId: " + id + " Version: $LATEST", "to stdout", "to stderr",
		"unfinished[WARNING]\tTIME\t" + id + "\tlogged\twith arguments",
		"END RequestId: " + id, "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
