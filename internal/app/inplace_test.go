//go:build unix

package app_test

import (
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/usertest"
)

// project is a directory of a user's, and a server that may use it in place.
type project struct {
	*testing.T
	dir    string
	client *lambda.Client
	role   *string
	stop   func()
}

// openProject makes the files of a project, and starts a server on it whose data is inside.
func openProject(t *testing.T, files map[string]string, change func(*app.Config)) *project {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &project{T: t, dir: filepath.Join(dir, "project")}
	for name, text := range files {
		p.write(name, text)
	}
	config := configFor(filepath.Join(p.dir, ".furl"))
	config.CodeDirs = []string{p.dir}
	if change != nil {
		change(&config)
	}
	var server *app.Server
	server, p.stop = run(t, config)
	p.client = lambda.NewFromConfig(awsConfig(server))
	role, err := iam.NewFromConfig(awsConfig(server)).CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("execution"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.role = role.Role.Arn
	return p
}

func (p *project) write(name, text string) {
	p.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.Fatal(err)
	}
	if target, ok := strings.CutPrefix(text, "-> "); ok {
		if err := os.Symlink(target, path); err != nil {
			p.Fatal(err)
		}
	} else if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.Fatal(err)
	}
}

func (p *project) code(dir string) *types.FunctionCode {
	return &types.FunctionCode{S3Bucket: aws.String("hot-reload"), S3Key: aws.String(filepath.Join(p.dir, dir))}
}

// create makes a function with version 1.
func (p *project) create(name, dir string, runtime types.Runtime, handler string) error {
	p.Helper()
	_, err := p.client.CreateFunction(p.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String(name), Role: p.role, Handler: aws.String(handler), Runtime: runtime, Code: p.code(dir),
		Timeout: aws.Int32(20), Publish: true,
	})
	return err
}

func (p *project) mustCreate(name, dir string, runtime types.Runtime, handler string) {
	p.Helper()
	if err := p.create(name, dir, runtime, handler); err != nil {
		p.Fatal(err)
	}
}

func (p *project) reload(name, dir string) {
	p.Helper()
	code := p.code(dir)
	if _, err := p.client.UpdateFunctionCode(p.Context(), &lambda.UpdateFunctionCodeInput{
		FunctionName: aws.String(name), S3Bucket: code.S3Bucket, S3Key: code.S3Key,
	}); err != nil {
		p.Fatal(err)
	}
}

func (p *project) call(name, payload string) string {
	p.Helper()
	answer, err := p.client.Invoke(p.Context(), &lambda.InvokeInput{FunctionName: aws.String(name), Payload: []byte(payload)})
	if err != nil {
		return "error: " + err.Error()
	}
	return string(answer.Payload)
}

func (p *project) wants(name, payload, want string) {
	p.Helper()
	if got := p.call(name, payload); got != want {
		p.Errorf("%s answers %s, want %s", name, got, want)
	}
}

// tree is all that the project consists of: modes, sizes, times and links.
func (p *project) tree() map[string]string {
	p.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(p.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == ".furl" {
			return fs.SkipDir
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		link, _ := os.Readlink(path)
		all[path] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime(), link)
		if path == p.dir { // the data directory is made in it
			all[path] = info.Mode().String()
		}
		return nil
	})
	if err != nil {
		p.Fatal(err)
	}
	return all
}

// reader is a Python function that reads a file, writes one, or says where it is.
const reader = `import os, sys
def handler(event, context):
    if "read" in event:
        try:
            with open(event["read"]) as f: return f.read()
        except OSError as e: return type(e).__name__
    if "list" in event:
        try: return sorted(os.listdir(event["list"]))
        except OSError as e: return type(e).__name__
    if "do" in event:
        try: return repr(eval(event["do"]))
        except OSError as e: return type(e).__name__
    return [__file__, os.getcwd(), os.environ["LAMBDA_TASK_ROOT"]]
`

func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("FURL_STRICT") != "" {
			t.Fatalf("%s is not on PATH, and FURL_STRICT is set", program)
		}
		t.Skipf("SKIPPED: %s is not on PATH", program)
	}
}

// A function runs at the real path of the project, sees what links inside the project lead to, and neither what is
// outside nor the server's data.
func TestWhatCodeInPlaceSees(t *testing.T) {
	needs(t, "python3")
	testWhatCodeInPlaceSees(t)
}

func TestWhatCodeInPlaceSeesAsAnotherUser(t *testing.T) {
	needs(t, "python3")
	if usertest.Unprivileged(t) {
		testWhatCodeInPlaceSees(t)
	}
}

func testWhatCodeInPlaceSees(t *testing.T) {
	p := openProject(t, map[string]string{
		"service/app.py": reader, "shared/lib.py": "shared = 7", "service/lib.py": "-> ../shared/lib.py",
		"service/broken.py": "def handler(event, context):\n    raise ValueError('boom')\n",
		"service/out":       "-> ../../outside", "service/secret": "-> ../.furl/root-credentials.json", ".env": "A=b",
	}, nil)
	outside := filepath.Join(filepath.Dir(p.dir), "outside")
	if err := os.WriteFile(outside, []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := p.tree()
	p.mustCreate("app", "service", types.RuntimePython313, "app.handler")
	service := filepath.Join(p.dir, "service")
	p.wants("app", `{}`, fmt.Sprintf(`["%s/app.py", "%[1]s", "%[1]s"]`, service))
	p.wants("app", fmt.Sprintf(`{"read":"%s/lib.py"}`, service), `"shared = 7"`)
	p.wants("app", fmt.Sprintf(`{"read":"%s/.env"}`, p.dir), `"A=b"`)
	for _, path := range []string{service + "/out", outside, service + "/secret", p.dir + "/.furl/root-credentials.json"} {
		if got := p.call("app", fmt.Sprintf(`{"read":%q}`, path)); got != `"FileNotFoundError"` && got != `"PermissionError"` {
			t.Errorf("%s is read: %s", path, got)
		}
	}
	if got := p.call("app", fmt.Sprintf(`{"list":"%s/.furl"}`, p.dir)); strings.Contains(got, "state") || strings.Contains(got, "root") {
		t.Errorf("the function lists the data directory: %s", got)
	}
	for _, do := range []string{
		"open('" + service + "/new', 'w')", "open('" + service + "/app.py', 'a')", "os.remove('" + service + "/app.py')",
		"os.mkdir('" + p.dir + "/new')", "os.chmod('" + service + "/app.py', 0o777)", "os.utime('" + service + "/app.py')",
	} {
		if got := p.call("app", fmt.Sprintf(`{"do":%q}`, do)); got != `"OSError"` && got != `"PermissionError"` {
			t.Errorf("%s: %s", do, got)
		}
	}
	p.mustCreate("broken", "service", types.RuntimePython313, "broken.handler")
	if got := p.call("broken", `{}`); !strings.Contains(got, service+"/broken.py") {
		t.Errorf("the traceback has not the path of the project: %s", got)
	}
	if diff := cmp.Diff(before, p.tree()); diff != "" {
		t.Errorf("the project was changed:\n%s", diff)
	}
}

// Code that changes is run at the next call after a reload, by $LATEST and by versions, whatever time and size the
// changed file has.
func TestReloadOfCodeInPlace(t *testing.T) {
	needs(t, "python3")
	p := openProject(t, map[string]string{
		"app.py": "import lib\ndef handler(event, context): return lib.value()\n", "lib.py": "def value(): return 0\n",
	}, nil)
	p.mustCreate("app", "", types.RuntimePython313, "app.handler")
	path := filepath.Join(p.dir, "lib.py")
	second := time.Now().Add(-time.Second).Truncate(time.Second)
	for n := range 4 {
		p.write("lib.py", fmt.Sprintf("def value(): return %d\n", n))
		if err := os.Chtimes(path, second, second.Add(time.Duration(n)*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		p.reload("app", "")
		p.wants("app", `{}`, strconv.Itoa(n))
		p.wants("app:1", `{}`, strconv.Itoa(n))
	}
}

// A function that a reload finds broken answers with its error, and works again after the next one.
func TestReloadOfBrokenCode(t *testing.T) {
	needs(t, "python3")
	const works = "def handler(event, context): return 'works'\n"
	p := openProject(t, map[string]string{"app.py": works}, nil)
	p.mustCreate("app", "", types.RuntimePython313, "app.handler")
	p.wants("app", `{}`, `"works"`)
	p.write("app.py", "def handler(event, context) return 1\n")
	p.reload("app", "")
	for range 3 {
		if got := p.call("app", `{}`); !strings.Contains(got, "SyntaxError") {
			t.Errorf("a function with a fault answers %s", got)
		}
	}
	p.write("app.py", works)
	p.reload("app", "")
	p.wants("app", `{}`, `"works"`)
}

// A directory that has become a link, or is gone, is not run.
func TestDirectoryInPlaceThatChanges(t *testing.T) {
	needs(t, "python3")
	p := openProject(t, map[string]string{"a/app.py": reader, "b/app.py": reader}, nil)
	p.mustCreate("a", "a", types.RuntimePython313, "app.handler")
	p.mustCreate("b", "b", types.RuntimePython313, "app.handler")
	outside := filepath.Join(filepath.Dir(p.dir), "outside")
	if err := os.Rename(filepath.Join(p.dir, "a"), outside); err != nil {
		t.Fatal(err)
	}
	p.write("a", "-> "+outside)
	if got := p.call("a", `{}`); !strings.Contains(got, "has become a link to "+outside) {
		t.Errorf("a directory that is a link now: %s", got)
	}
	p.call("b", `{}`)
	if err := os.RemoveAll(filepath.Join(p.dir, "b")); err != nil {
		t.Fatal(err)
	}
	if got := p.call("b", `{"do":"1"}`); got != `"1"` {
		t.Errorf("the environment that runs answers %s", got)
	}
	if err := p.create("c", "b", types.RuntimePython313, "app.handler"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a function of a missing directory: %v", err)
	}
	p.write("b/app.py", reader)
	p.reload("b", "b")
	if err := os.RemoveAll(filepath.Join(p.dir, "b")); err != nil {
		t.Fatal(err)
	}
	p.write("b/app.py", reader)
	p.reload("b", "b")
	p.wants("b", `{"do":"2"}`, `"2"`)
}

// A server that is started without the directory does not run what it was told to run from it before.
func TestCodeDirThatTheServerNoLongerHas(t *testing.T) {
	needs(t, "python3")
	p := openProject(t, map[string]string{"app.py": reader}, nil)
	p.mustCreate("app", "", types.RuntimePython313, "app.handler")
	p.stop()
	server, _ := run(t, configFor(filepath.Join(p.dir, ".furl")))
	p.client = lambda.NewFromConfig(awsConfig(server))
	if got := p.call("app", `{}`); !strings.Contains(got, "error: ") || strings.Contains(got, p.dir+"/app.py") {
		t.Errorf("it answers %s", got)
	}
}

// The bootstrap of a package is made executable, that of a project is not.
func TestBootstrapInPlace(t *testing.T) {
	p := openProject(t, map[string]string{"bootstrap": "#!/bin/sh\nexit 1\n", "later/README": ""}, nil)
	path := filepath.Join(p.dir, "bootstrap")
	err := p.create("go", "", types.RuntimeProvidedal2023, "x")
	if want := path + " is not executable: chmod +x " + path; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	p.mustCreate("go", "", types.RuntimeProvidedal2023, "x")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := p.call("go", `{}`); !strings.Contains(got, "Runtime.InvalidEntrypoint") || !strings.Contains(got, "chmod +x "+path) {
		t.Errorf("it answers %s", got)
	}
	p.mustCreate("later", "later", types.RuntimeProvidedal2023, "x") // its bootstrap is yet to be built
}

// until calls a function until it answers what is wanted.
func (p *project) until(name, want string) {
	p.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for got := ""; got != want; got = p.call(name, `{}`) {
		if time.Now().After(deadline) {
			p.Fatalf("%s answers %s for too long, want %s", name, got, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A file that changes is noticed, no matter who changes it and when the function was made; and also by the next server.
func TestWatchedCodeInPlace(t *testing.T) {
	needs(t, "python3")
	answer := func(text string) string { return "def handler(event, context): return '" + text + "'\n" }
	p := openProject(t, map[string]string{"one/app.py": answer("a"), "two/app.py": answer("x")}, nil)
	p.mustCreate("one", "one", types.RuntimePython313, "app.handler")
	p.until("one", `"a"`)
	p.write("one/app.py", answer("b"))
	p.until("one", `"b"`)
	p.until("one:1", `"b"`)
	p.mustCreate("two", "two", types.RuntimePython313, "app.handler")
	p.until("two", `"x"`)
	p.write("two/app.py", answer("y"))
	p.until("two", `"y"`)
	p.write("one/new.py", answer("c")) // as editors save
	if err := os.Rename(filepath.Join(p.dir, "one/new.py"), filepath.Join(p.dir, "one/app.py")); err != nil {
		t.Fatal(err)
	}
	p.until("one", `"c"`)
	p.stop()
	config := configFor(filepath.Join(p.dir, ".furl"))
	config.CodeDirs = []string{p.dir}
	server, _ := run(t, config)
	p.client = lambda.NewFromConfig(awsConfig(server))
	p.until("one", `"c"`)
	p.write("one/app.py", answer("d"))
	p.until("one", `"d"`)
}

// Without WatchCode only UpdateFunctionCode has a function run what has changed.
func TestCodeInPlaceThatIsNotWatched(t *testing.T) {
	needs(t, "python3")
	p := openProject(t, map[string]string{"app.py": "def handler(event, context): return 1\n"},
		func(c *app.Config) { c.WatchCode = false })
	p.mustCreate("app", "", types.RuntimePython313, "app.handler")
	p.wants("app", `{}`, `1`)
	p.write("app.py", "def handler(event, context): return 2\n")
	for range 20 {
		time.Sleep(10 * time.Millisecond)
		p.wants("app", `{}`, `1`)
	}
	p.reload("app", "")
	p.wants("app", `{}`, `2`)
}

// A call that runs when its code changes ends with the code that it began with.
func TestRunningCallOutlivesReload(t *testing.T) {
	needs(t, "python3")
	p := openProject(t, map[string]string{
		"app.py": "import time\nname = 'old'\ndef handler(event, context):\n    time.sleep(event.get('s', 0))\n    return name\n",
	}, nil)
	p.mustCreate("app", "", types.RuntimePython313, "app.handler")
	p.wants("app", `{}`, `"old"`)
	slow := make(chan string)
	go func() { slow <- p.call("app", `{"s":2}`) }()
	time.Sleep(200 * time.Millisecond) // for the call to be on its way
	p.write("app.py", "def handler(event, context): return 'new'\n")
	p.reload("app", "")
	p.wants("app", `{}`, `"new"`)
	if got := <-slow; got != `"old"` {
		t.Errorf("the call that ran answers %s", got)
	}
}

// Links inside the project resolve, as those of a pnpm workspace, which lead out of the function's directory.
func TestLinkedPackagesOfCodeInPlace(t *testing.T) {
	needs(t, "node")
	p := openProject(t, map[string]string{
		"packages/web/index.mjs": "import { name } from 'left';\nimport { shared } from '@work/shared';\n" +
			"export const handler = async () => [name, shared, import.meta.url];\n",
		"packages/web/node_modules/left":                                 "-> ../../../node_modules/.pnpm/left@1.0.0/node_modules/left",
		"node_modules/.pnpm/left@1.0.0/node_modules/left/package.json":   `{"name":"left","main":"index.js"}`,
		"node_modules/.pnpm/left@1.0.0/node_modules/left/index.js":       "const right = require('right'); exports.name = 'left and ' + right;\n",
		"node_modules/.pnpm/left@1.0.0/node_modules/right":               "-> ../../right@2.0.0/node_modules/right",
		"node_modules/.pnpm/right@2.0.0/node_modules/right/package.json": `{"name":"right"}`,
		"node_modules/.pnpm/right@2.0.0/node_modules/right/index.js":     "module.exports = 'right';\n",
		"packages/web/node_modules/@work/shared":                         "-> ../../../shared",
		"packages/shared/package.json":                                   `{"name":"@work/shared","type":"module","main":"main.js"}`,
		"packages/shared/main.js":                                        "export const shared = 'shared';\n",
	}, nil)
	before := p.tree()
	p.mustCreate("web", "packages/web", types.RuntimeNodejs20x, "index.handler")
	p.wants("web", `{}`, fmt.Sprintf(`["left and right","shared","file://%s/packages/web/index.mjs"]`, p.dir))
	if diff := cmp.Diff(before, p.tree()); diff != "" {
		t.Errorf("the project was changed:\n%s", diff)
	}
	p.write("packages/shared/main.js", "export const shared = 'changed';\n") // the function has it through a link
	p.until("web", fmt.Sprintf(`["left and right","changed","file://%s/packages/web/index.mjs"]`, p.dir))
}

// Every function gets the endpoints of other services that the server was told, and its own variables win.
func TestEndpointsOfOtherServices(t *testing.T) {
	needs(t, "python3")
	p := openProject(t, map[string]string{
		"app.py": "import os\ndef handler(event, context):\n    return [os.environ.get('AWS_ENDPOINT_URL_' + n) for n in ('DYNAMODB', 'S3', 'SQS')]\n",
	}, func(c *app.Config) {
		c.Endpoints = []string{"dynamodb=http://127.0.0.1:8000", "s3=https://minio.test:9000/x"}
	})
	p.mustCreate("app", "", types.RuntimePython313, "app.handler")
	p.wants("app", `{}`, `["http://127.0.0.1:8000", "https://minio.test:9000/x", null]`)
	if _, err := p.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("app"), Environment: &types.Environment{Variables: map[string]string{
			"AWS_ENDPOINT_URL_S3": "http://own.test", "AWS_ENDPOINT_URL_SQS": "http://own.test:1",
		}},
	}); err != nil {
		t.Fatal(err)
	}
	p.wants("app", `{}`, `["http://127.0.0.1:8000", "http://own.test", "http://own.test:1"]`)
}

// A function of Debug waits for its editor, whatever its timeout is, and ends with the server.
func TestDebuggedFunction(t *testing.T) {
	needs(t, "node")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	p := openProject(t, map[string]string{"index.js": "exports.handler = async () => 1;\n"}, func(c *app.Config) {
		c.Debug, c.DrainTimeout = []string{fmt.Sprintf("web=%d", port)}, 0
	})
	p.mustCreate("web", "", types.RuntimeNodejs20x, "index.handler")
	p.mustCreate("other", "", types.RuntimeNodejs20x, "index.handler")
	if _, err := p.client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("web"), Timeout: aws.Int32(1),
	}); err != nil {
		t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() { answer <- p.call("web", `{}`) }()
	list := fmt.Sprintf("http://127.0.0.1:%d/json/list", port)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if got, err := http.Get(list); err == nil {
			got.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing listens on the debugger's port")
		}
	}
	p.wants("other", `{}`, `1`)
	select {
	case got := <-answer:
		t.Errorf("the function does not wait: %s", got)
	case <-time.After(1500 * time.Millisecond): // more than its timeout
	}
	p.stop()
	if _, err := http.Get(list); err == nil {
		t.Error("the debugger outlives the server")
	}
}
