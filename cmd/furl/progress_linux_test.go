package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// slowFleet is a Lambda API with many functions that takes its time.
func slowFleet(t *testing.T) string {
	t.Helper()
	arn := func(name string) string { return "arn:aws:lambda:eu-central-1:123456789012:function:" + name }
	var functions []any
	for i := range 64 {
		functions = append(functions, map[string]string{"FunctionArn": arn(fmt.Sprint("f", i)), "Role": "arn:aws:iam::123456789012:role/r"})
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]any{"Functions": functions}
		if path, ok := strings.CutSuffix(r.URL.Path, "/urls"); ok {
			time.Sleep(100 * time.Millisecond)
			answer = map[string]any{"FunctionUrlConfigs": []any{map[string]string{
				"FunctionArn": arn(path[strings.LastIndexAny(path, ":/")+1:]), "FunctionUrl": "http://127.0.0.1:1/", "AuthType": "AWS_IAM",
			}}}
		} else if strings.HasSuffix(r.URL.Path, "/policy") {
			time.Sleep(100 * time.Millisecond)
			w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
			w.WriteHeader(http.StatusNotFound)
		}
		json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A person at a terminal sees how far a check is, in one line that is gone when the answer comes. --quiet, a terminal that
// calls itself dumb, and a pipe get no such line.
func TestProgressOfAFleet(t *testing.T) {
	env := append(anyCaller(), "AWS_ENDPOINT_URL="+slowFleet(t), "TERM=xterm", "NO_COLOR=1")
	line := regexp.MustCompile(`\r\x1b\[Klooked at \d+ of 64 functions`)
	const last = "64 function URLs: 0 ok, 0 problems, 64 depend\n"
	sent := onTerminal(t, env, "check", "--all")
	drawn := line.FindAllStringIndex(sent, -1)
	if len(drawn) == 0 {
		t.Fatalf("no progress in %q", sent)
	}
	rest := sent[drawn[len(drawn)-1][1]:]
	if answer, ok := strings.CutPrefix(rest, "\r\x1b[K"); !ok || strings.ContainsRune(answer, '\x1b') || !strings.HasSuffix(answer, last) ||
		strings.Contains(line.ReplaceAllString(sent[:len(sent)-len(rest)], ""), "\n") {
		t.Errorf("the line is not gone before the answer: %q", sent)
	}
	for _, args := range [][]string{{"check", "--all", "--quiet"}, {"check", "--all"}} {
		if sent := onTerminal(t, append(env, "TERM=dumb"), args...); strings.Contains(sent, "looked at") || !strings.HasSuffix(sent, last) {
			t.Errorf("%q on a dumb terminal: %q", args, sent)
		}
	}
	if sent := onTerminal(t, env, "check", "--all", "--quiet"); sent != last {
		t.Errorf("--quiet: %q", sent)
	}
}
