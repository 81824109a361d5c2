//go:build unix

package runtime_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/runtime"
)

// machine makes a PATH with these programs only: name to what it prints, or to nothing for one that fails.
func machine(t *testing.T, programs map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, prints := range programs {
		script := "#!/bin/sh\nprintf '%s\\n' '" + strings.ReplaceAll(prints, "{dir}", dir) + "'\n"
		if prints == "" {
			script = "#!/bin/sh\nexit 127\n"
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	return dir
}

func interpreter(name, version string, ric bool) string {
	return fmt.Sprintf(`{"Path":"{dir}/%s","Version":"%s","HasRIC":%t}`, name, version, ric)
}

// packageWith makes an unpacked package with these files.
func packageWith(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// functionHash names a function's directory of compiled modules.
func functionHash(account, region, name string) string {
	sum := sha256.Sum256([]byte(account + "/" + region + "/" + name))
	return hex.EncodeToString(sum[:16])
}

func TestCommands(t *testing.T) {
	both := map[string]string{
		"python3.13": interpreter("python3.13", "3.13.2", false), "python3": interpreter("python3", "3.11.7", true),
		"node": interpreter("node", "20.20.2", false),
	}
	rubyPackage := map[string]string{
		"vendor/bundle/ruby/3.3.0/gems/aws_lambda_ric-3.0.0/bin/aws_lambda_ric": "",
	}
	for _, row := range []struct {
		name     string
		programs map[string]string
		files    map[string]string
		runtime  string
		env      map[string]string
		want     string // {dir} the programs, {code} the package, {run} the embedded runtimes, {cache} the cache
		remark   string
	}{
		{"bootstrap", nil, nil, "provided.al2023", nil, "{code}/bootstrap", ""},
		{"bootstrap has no wrapper", nil, nil, "provided.al2", map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/opt/w"}, "{code}/bootstrap", ""},
		{"exact Python", both, nil, "python3.13", nil,
			"{dir}/python3.13 -u -X furl_pycache={cache} {run}/python/bootstrap.py app.handler", ""},
		{"another Python, with AWS's client", both, nil, "python3.12", nil,
			"{dir}/python3 -u -X pycache_prefix={cache} -m awslambdaric app.handler",
			"furl: python3.12 is not installed here; running on {dir}/python3 (version 3.11.7)"},
		{"AWS's client in the package", both, map[string]string{"awslambdaric/__main__.py": ""}, "python3.13", nil,
			"{dir}/python3.13 -u -X pycache_prefix={cache} -m awslambdaric app.handler", ""},
		{"a version manager's shim for a version that it does not have",
			map[string]string{"python3.12": "", "python3": interpreter("python3", "3.12.1", false)}, nil, "python3.12", nil,
			"{dir}/python3 -u -X furl_pycache={cache} {run}/python/bootstrap.py app.handler", ""},
		{"Node", both, nil, "nodejs20.x", nil, "{dir}/node {run}/node/bootstrap.cjs app.handler", ""},
		{"another Node", both, nil, "nodejs22.x", nil, "{dir}/node {run}/node/bootstrap.cjs app.handler",
			"furl: nodejs22.x is not installed here; running on {dir}/node (version 20.20.2)"},
		{"AWS's client in the Node package", both, map[string]string{
			"node_modules/aws-lambda-ric/package.json": `{"bin":{"aws-lambda-ric":"./bin/index.mjs"}}`, "node_modules/aws-lambda-ric/bin/index.mjs": "",
		}, "nodejs20.x", nil, "{dir}/node {code}/node_modules/aws-lambda-ric/bin/index.mjs app.handler", ""},
		{"half of AWS's client in the Node package", both, map[string]string{
			"node_modules/aws-lambda-ric/package.json": `{"bin":{"aws-lambda-ric":"./bin/index.mjs"}}`,
		}, "nodejs20.x", nil, "{dir}/node {run}/node/bootstrap.cjs app.handler", ""},
		{"a wrapper script of the package", both, nil, "nodejs20.x", map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"},
			`/bin/sh -c exec "$0" "$@" {code}/wrap {dir}/node {run}/node/bootstrap.cjs app.handler`, ""},
		{"Java", map[string]string{"java": "x"}, map[string]string{"lib/aws-lambda-java-runtime-interface-client-2.8.3.jar": ""}, "java21", nil,
			"{dir}/java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp {code}:{code}/lib/* com.amazonaws.services.lambda.runtime.api.client.AWSLambda app.handler", ""},
		{"Java in one jar", map[string]string{"java": "x"}, map[string]string{"com/amazonaws/services/lambda/runtime/api/client/AWSLambda.class": ""}, "java8.al2", nil,
			"{dir}/java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp {code}:{code}/lib/* com.amazonaws.services.lambda.runtime.api.client.AWSLambda app.handler", ""},
		{"Ruby", map[string]string{"ruby": "x"}, rubyPackage, "ruby3.3", nil,
			"{dir}/ruby {code}/vendor/bundle/ruby/3.3.0/gems/aws_lambda_ric-3.0.0/bin/aws_lambda_ric app.handler", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := machine(t, row.programs)
			poolDir := t.TempDir()
			pool, err := runtime.New(runtime.Config{Dir: poolDir})
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			fn := &runtime.Function{Runtime: row.runtime, Handler: "app.handler", CodeDir: packageWith(t, row.files), Environment: row.env}
			words, _, remarks, err := pool.Command(t.Context(), fn)
			if err != nil {
				t.Fatal(err)
			}
			filled := strings.NewReplacer("{dir}", dir, "{code}", fn.CodeDir, "{run}", poolDir+"/runtime", "{cache}", poolDir+"/cache/"+functionHash("", "", "")).Replace
			if got := strings.Join(words, " "); got != filled(row.want) {
				t.Errorf("got  %s\nwant %s", got, filled(row.want))
			}
			if got := strings.Join(remarks, "\n"); got != filled(row.remark) {
				t.Errorf("remark %q, want %q", got, filled(row.remark))
			}
			if err := pool.Check(t.Context(), fn); err != nil {
				t.Errorf("Check: %v", err)
			}
		})
	}
}

func TestWhatCanNotRun(t *testing.T) {
	old := map[string]string{"python3": interpreter("python3", "3.7.17", false), "node": interpreter("node", "16.20.0", false), "python": "Python 3.12", "java": "x", "ruby": "x"}
	for _, row := range []struct {
		programs map[string]string
		runtime  string
		checks   bool // with a package, an empty one
		want     string
	}{
		{nil, "python3.13", false, `runtime python3\.13 cannot run on this machine: install Python 3\.13 or another Python 3\.8 or later, and put it on PATH \(no python3\.13 on PATH; no python3 on PATH; no python on PATH\)`},
		{old, "python3.13", false, `\(no python3\.13 on PATH; .*/python3 is version 3\.7\.17; .*/python answers strangely: "Python 3\.12\\n"\)`},
		{nil, "nodejs22.x", false, `install Node\.js 22 or another Node\.js 18 or later`},
		{old, "nodejs22.x", false, `node is version 16\.20\.0`},
		{nil, "java21", false, `install a Java runtime, version 21 or later`},
		{old, "java21", true, `add the dependency com\.amazonaws:aws-lambda-java-runtime-interface-client to the package`},
		{nil, "ruby3.3", false, `install Ruby 3\.3`},
		{old, "ruby3.3", true, `add the gem aws_lambda_ric to the Gemfile`},
		{old, "dotnet8", false, `runtime dotnet8 cannot run on this machine: furl runs provided\.al2, `},
		{old, "go1.x", false, `furl runs`},
		{old, "provided.al2024", false, `furl runs`},
		{old, "python2.7", false, `furl runs`},
		{old, "python3.13x", false, `furl runs`},
		{old, "", false, `furl runs`},
	} {
		t.Run(row.runtime, func(t *testing.T) {
			machine(t, row.programs)
			pool, err := runtime.New(runtime.Config{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			err = pool.Supported(t.Context(), row.runtime)
			if row.checks {
				if err != nil {
					t.Errorf("Supported: %v", err)
				}
				err = pool.Check(t.Context(), &runtime.Function{Runtime: row.runtime, CodeDir: t.TempDir()})
			}
			if !errors.Is(err, runtime.ErrUnsupported) || !regexp.MustCompile(row.want).MatchString(err.Error()) {
				t.Errorf("err = %v, want %s", err, row.want)
			}
			// An invocation gets the same error.
			_, err = pool.Invoke(t.Context(), &runtime.Function{
				Runtime: row.runtime, CodeDir: t.TempDir(), Timeout: time.Second, Concurrency: 1,
			}, runtime.Invocation{RequestID: "x"})
			if !errors.Is(err, runtime.ErrUnsupported) {
				t.Errorf("Invoke: %v", err)
			}
		})
	}
}

// What the user installs after a refusal is found without a new start of the server.
func TestInterpreterIsLookedForAgain(t *testing.T) {
	dir := machine(t, nil)
	pool, err := runtime.New(runtime.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := pool.Supported(t.Context(), "python3.13"); err == nil {
		t.Fatal("there is no Python yet")
	}
	script := "#!/bin/sh\necho '" + strings.ReplaceAll(interpreter("python3", "3.13.0", false), "{dir}", dir) + "'\n"
	if err := os.WriteFile(filepath.Join(dir, "python3"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := pool.Supported(t.Context(), "python3.13"); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "python3")); err != nil {
		t.Fatal(err)
	}
	if err := pool.Supported(t.Context(), "python3.13"); err != nil {
		t.Errorf("what was found is asked again: %v", err)
	}
}

func TestWrapperScript(t *testing.T) {
	needs(t, "python3")
	b := newBench(t)
	fn := b.interpreted("python3.11", "python", "app.handler")
	fn.CodeDir = packageWith(t, map[string]string{"app.py": "import os\ndef handler(event, context):\n    return os.environ['FROM_WRAPPER']\n"})
	wrapper := filepath.Join(fn.CodeDir, "wrap")
	if err := os.WriteFile(wrapper, []byte("#!/bin/sh\nexport FROM_WRAPPER=\"$AWS_LAMBDA_EXEC_WRAPPER\"\nexec \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	fn.Environment = map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap"}
	if body, _, _ := b.invoke(fn, nil); body != `"/var/task/wrap"` {
		t.Errorf("body = %s", body)
	}
	without := *fn
	without.Key, without.Environment = "without", map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/missing"}
	// Recorded from AWS.
	body, _, id := b.invoke(&without, nil)
	if body != `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: `+id+` Error: Runtime exited with error: exit status 127"}` {
		t.Errorf("a wrapper that is missing: %s", body)
	}
}

func TestInterpretersVariables(t *testing.T) {
	needs(t, "python3")
	b := newBench(t)
	fn := b.interpreted("python3.11", "python", "app.handler")
	body, _, _ := b.invoke(fn, object{"do": "environment"})
	// Recorded from AWS: PWD=/var/task, SHLVL=0, PYTHONPATH=/var/runtime.
	var got map[string]string
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"AWS_EXECUTION_ENV": "AWS_Lambda_python3.11", "PYTHONPATH": got["LAMBDA_RUNTIME_DIR"], "PWD": fn.CodeDir, "SHLVL": "0",
		"LAMBDA_TASK_ROOT": fn.CodeDir,
	} {
		if got[name] != want || want == "" {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if !strings.HasSuffix(got["PATH"], ":/usr/local/bin:/usr/bin/:/bin:/opt/bin") {
		t.Errorf("PATH is %q", got["PATH"])
	}
}

// Recorded from AWS: NODE_EXTRA_CA_CERTS for Node.js 16 and 18 alone, LC_CTYPE for Python since 3.12.
func TestVariablesOfSomeVersions(t *testing.T) {
	needs(t, "python3")
	needs(t, "node")
	b := newBench(t)
	noBundle := os.ErrNotExist
	for _, bundle := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"} {
		if _, err := os.Stat(bundle); err == nil {
			noBundle = nil
		}
	}
	for _, row := range []struct {
		runtime, dir, handler, name string
		want                        bool
	}{
		{"nodejs18.x", "node", "index.handler", "NODE_EXTRA_CA_CERTS", noBundle == nil},
		{"nodejs20.x", "node", "index.handler", "NODE_EXTRA_CA_CERTS", false},
		{"python3.12", "python", "app.handler", "LC_CTYPE", true},
	} {
		body, _, _ := b.invoke(b.interpreted(row.runtime, row.dir, row.handler), object{"do": "environment"})
		var got map[string]string
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		if value, ok := got[row.name]; ok != row.want || got["SHLVL"] != "0" || got["PWD"] != got["LAMBDA_TASK_ROOT"] {
			t.Errorf("%s: %s is %q; SHLVL %q, PWD %q", row.runtime, row.name, value, got["SHLVL"], got["PWD"])
		}
	}
}

func TestLife(t *testing.T) {
	names, legal := runtime.Stages()
	var got []string
	for from, name := range names {
		var to []string
		for next := range names {
			if legal(from, next) {
				to = append(to, names[next])
			}
		}
		got = append(got, name+" -> "+strings.Join(to, " "))
	}
	want := []string{
		"starting -> registering idle stopping dead",
		"registering -> starting stopping dead",
		"idle -> busy stopping dead",
		"busy -> responding settling stopping dead",
		"responding -> settling stopping dead",
		"settling -> idle lingering stopping dead",
		"lingering -> idle stopping dead",
		"stopping -> dead",
		"dead -> ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCredentialsHideTheirSecrets(t *testing.T) {
	keys := runtime.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "hush", SessionToken: "hush too"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{keys, &keys, keys.LogValue(), []runtime.Credentials{keys}, struct{ K runtime.Credentials }{keys}} {
			if got := fmt.Sprintf(format, value); strings.Contains(got, "hush") || strings.Contains(got, "68757368") {
				t.Errorf("%s of %T prints %s", format, value, got)
			}
		}
	}
	if text, err := json.Marshal(keys); err != nil || string(text) != `{"AccessKeyID":"ASIAEXAMPLE"}` {
		t.Errorf("JSON: %s, %v", text, err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "k", keys)
	if got := log.String(); strings.Contains(got, "hush") || !strings.Contains(got, "ASIAEXAMPLE") {
		t.Errorf("log: %s", got)
	}
}

func TestCompiledModulesOfDeletedPackagesAreRemoved(t *testing.T) {
	dir, code := t.TempDir(), packageWith(t, map[string]string{"app.py": ""})
	kept, gone := filepath.Join(dir, "cache", "function", code), filepath.Join(dir, "cache", "function", code+"-deleted")
	for _, mirror := range []string{kept, gone} {
		if err := os.MkdirAll(filepath.Join(mirror, "pkg"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(mirror, "app.cpython-313.pyc"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pool, err := runtime.New(runtime.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil { // waits for what New left for later
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(kept, "app.cpython-313.pyc")); err != nil {
		t.Error(err)
	}
	for _, path := range []string{gone, filepath.Join(kept, "pkg")} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
}

// TestInterpreterIsLookedForOnce has several functions need it at the same time, as those of a project do.
func TestInterpreterIsLookedForOnce(t *testing.T) {
	dir := machine(t, nil)
	pool, err := runtime.New(runtime.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	script := "#!/bin/sh\necho looked >> '" + dir + "/count'\n/bin/sleep 0.2\necho '" +
		strings.ReplaceAll(interpreter("python3", "3.13.0", false), "{dir}", dir) + "'\n"
	if err := os.WriteFile(filepath.Join(dir, "python3"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := pool.Supported(t.Context(), "python3.13"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if count, err := os.ReadFile(filepath.Join(dir, "count")); err != nil || string(count) != "looked\n" {
		t.Errorf("it was started %q, %v", count, err)
	}
}
