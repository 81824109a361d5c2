//go:build unix

package attack_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func functionOf(t *testing.T, name string, code []byte) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"FunctionName": name, "Runtime": "provided.al2023", "Handler": "x", "Timeout": 20,
		"Role": "arn:aws:iam::" + accountA + ":role/execution", "Code": map[string][]byte{"ZipFile": code},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestPackages: a package as pnpm makes it runs, and is given back as it came; one whose links lead out, or that has
// too much in it, is refused with the reason.
func TestPackages(t *testing.T) {
	const link = fs.ModeSymlink | 0o777
	const script = `#!/bin/sh
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
id=$(curl -sS -D - -o /dev/null "$api/next" | tr -d '\r' |
	sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: *//p')
curl -sS -o /dev/null -d "$(cat node_modules/dep/answer.json)" "$api/$id/response"
`
	if _, err := exec.LookPath("curl"); err != nil && os.Getenv("FURL_STRICT") == "" {
		if os.Getenv("FURL_STRICT") != "" {
			t.Fatal("curl is not on PATH, and FURL_STRICT is set")
		}
		t.Skip("SKIPPED: curl is not on PATH")
	}
	w := newWorld(t)
	good := pack(t,
		packed{"bootstrap", "bin/run", link},
		packed{"bin/run", script, 0o755},
		packed{"node_modules/dep", ".pnpm/dep@1.0.0/node_modules/dep", link},
		packed{"node_modules/.pnpm/dep@1.0.0/node_modules/dep/answer.json", `{"from":"dep"}`, 0o644},
		packed{"layer", "/opt/nodejs", link},
	)
	w.alice.lambda(t, "POST", "/2015-03-31/functions", functionOf(t, "linked", good))
	if a := w.alice.lambda(t, "POST", "/2015-03-31/functions/linked/invocations", "{}"); a.body != `{"from":"dep"}` {
		t.Errorf("the function answers %s", a.body)
	}
	var function struct{ Code struct{ Location string } }
	if err := json.Unmarshal([]byte(w.alice.lambda(t, "GET", "/2015-03-31/functions/linked", "").body),
		&function); err != nil {
		t.Fatal(err)
	}
	download, err := http.Get(function.Code.Location)
	if err != nil {
		t.Fatal(err)
	}
	defer download.Body.Close()
	if got, err := io.ReadAll(download.Body); err != nil || !bytes.Equal(got, good) {
		t.Errorf("GetFunction gives %d bytes for %d: %v", len(got), len(good), err)
	}

	crowd := make([]packed, 65_536)
	for i := range crowd {
		crowd[i] = packed{fmt.Sprint(i), "", 0o644}
	}
	for _, row := range []struct {
		name string
		code []byte
		want string
	}{
		{"out", pack(t, packed{"out", "../../../furl.db", link}), `\"out\" is a symbolic link to \"../../../furl.db\"`},
		{"absolute", pack(t, packed{"out", "/etc/passwd", link}), "which is not in the package"},
		{"through", pack(t, packed{"tmp", "/opt", link}, packed{"tmp/file", "", 0o644}),
			"both a symbolic link and a directory"},
		{"crowd", pack(t, crowd...), "more than 65535 files, directories and links"},
	} {
		a := w.alice.ask(t, "POST", "/2015-03-31/functions", functionOf(t, "refused", row.code))
		if a.status != 400 || !strings.Contains(a.body, row.want) || !strings.Contains(a.body, `"Type":"User"`) {
			t.Errorf("%s: %v, want 400 that says %s", row.name, a, row.want)
		}
	}
}

// TestPackagesWithoutAWSsClient: functions in Java and Ruby bring AWS's client; without it they are refused when they
// are made, or changed, not when they are called.
func TestPackagesWithoutAWSsClient(t *testing.T) {
	bin := t.TempDir()
	for _, name := range []string{"java", "ruby"} {
		if err := os.WriteFile(bin+"/"+name, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	w := newWorld(t)
	send := func(method, path, runtime string, files ...packed) answer {
		body := strings.Replace(functionOf(t, "jvm", pack(t, files...)), "provided.al2023", runtime, 1)
		if method == "PUT" {
			text, err := json.Marshal(map[string][]byte{"ZipFile": pack(t, files...)})
			if err != nil {
				t.Fatal(err)
			}
			body = string(text)
		}
		return w.send(t, w.api(method, path, body).signed(w.alice.signing("lambda")))
	}
	class, jar := packed{"app/Handler.class", "x", 0o644},
		packed{"lib/aws-lambda-java-runtime-interface-client-2.8.3.jar", "x", 0o644}
	const (
		create   = "/2015-03-31/functions"
		remedy   = "add the dependency com.amazonaws:aws-lambda-java-runtime-interface-client to the package"
		function = create + "/jvm"
	)
	refused := func(a answer, remedy string) {
		t.Helper()
		if a.status != 400 || !strings.Contains(a.body, remedy) {
			t.Errorf("got %v, want %s", a, remedy)
		}
	}
	refused(send("POST", create, "java21", class), remedy)
	refused(send("POST", create, "java17.al2023", class), remedy)
	refused(send("POST", create, "ruby3.4", class), "add the gem aws_lambda_ric to the Gemfile")
	if a := send("POST", create, "java21", class, jar); a.status != 201 {
		t.Fatal(a)
	}
	refused(send("PUT", function+"/code", "java21", class), remedy)
}
