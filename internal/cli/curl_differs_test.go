package cli_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/call"
)

// TestCallDiffersFromCurlAsDocumented holds each option that the table calls different to its difference: what only curl
// does with a command line, and what only furl call does.
func TestCallDiffersFromCurlAsDocumented(t *testing.T) {
	needCurl(t)
	server := newEcho(t)
	shown := map[string]bool{"no-buffer": true} // it changes nothing that could be seen
	for _, test := range []struct{ option, line, onlyCurl, onlyFurl string }{
		{"aws-sigv4", "{u}/x", "", "Signed by"},
		{"compressed", "--compressed -v {u}/x", "> Accept-Encoding: .*br", "> Accept-Encoding: gzip, deflate\n"},
		{"config", "-K - {u}/x < pass = secret", "GET /x", "line 1: there is no flag --pass"},
		{"cookie", "-L -b a=1 {u}/elsewhere", "(?s)Cookie: a=1.*Cookie: a=1", ""},
		{"form", "-F 'a=x;headers=\"X-Part: 1\"' {u}/x", `(?m)^X-Part: 1`, ""},
		{"get", "-G --data-urlencode 'a=b c' {u}/x", `a=b\+c`, "a=b%20c"},
		{"globoff", "{u}/x[1-2]", `(?s)GET /x1\n.*GET /x2\n`, `GET /x\[1-2\]\n`},
		{"header", "-H 'x-lower: 1' -v {u}/x", "> x-lower: 1", "> X-Lower: 1"},
		{"header", "-H 'Content-Length: 0' {u}/x", "GET /x", "cannot be set"},
		{"help", "--help", "Usage: curl", "furl call URL"},
		{"http2", "--http2 {u}/x", "Upgrade: h2c", ""},
		{"path-as-is", "{u}/a/../b", "GET /b\n", `GET /a/\.\./b\n`},
		{"proxy", "http_proxy=http://{proxy} {u}/x", "PROXY GET", ""},
		{"rate", "--rate 2/s {u}/x", "GET /x", "--rate"},
		{"request", "-X POST {u}/x", "", "Content-Length: 0"},
		{"retry", "--retry 1 -d x {u}/500", `(?s)POST /500\n.*POST /500\n`, ""},
		{"upload-file", "-T - {u}/x < typed", "", "Content-Length: 5"},
		{"url-query", "--url-query 'a=b c' {u}/x", `a=b\+c`, "a=b%20c"},
		{"verbose", "-v {u}/x", "", "canonical request:"},
		{"verbose", "-v -u me:secret {u}/x", "> Authorization: Basic bWU6", `> Authorization: Basic \(hidden\)`},
		{"write-out", "-w '%{refused_by}' {u}/x", "unknown --write-out variable", ""},
	} {
		shown[test.option] = true
		t.Run(test.line, func(t *testing.T) {
			environment(t)
			line, stdin, _ := strings.Cut(test.line, " < ")
			args := words(line)
			if name, value, ok := strings.Cut(server.at(args[0]), "="); ok && args[0][0] != '-' {
				t.Setenv(name, value)
				args = args[1:]
			}
			for i := range args {
				args[i] = server.at(args[i])
			}
			server.take()
			command := exec.CommandContext(t.Context(), "curl", append([]string{"-q", "-sS"}, args...)...)
			command.Stdin = strings.NewReader(stdin)
			printed, _ := command.CombinedOutput() // some of them fail
			byCurl := strings.Join(server.take(), "\n") + string(printed)
			_, stdout, stderr := run(t, strings.NewReader(stdin), append([]string{"call"}, args...)...)
			byFurl := strings.Join(server.take(), "\n") + stdout + stderr
			for pattern, only := range map[string][2]string{test.onlyCurl: {byCurl, byFurl}, test.onlyFurl: {byFurl, byCurl}} {
				expression := regexp.MustCompile(pattern)
				if pattern != "" && (!expression.MatchString(only[0]) || expression.MatchString(only[1])) {
					t.Errorf("%q is not what only one of them does:\n%s\n--- and the other one ---\n%s", pattern, only[0], only[1])
				}
			}
		})
	}
	for _, o := range call.CurlOptions() {
		if o.Likeness == call.Differs && !shown[o.Long] {
			t.Errorf("the table calls --%s different from curl's, and no command line shows how", o.Long)
		}
	}
}
