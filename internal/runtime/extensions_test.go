//go:build unix

package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/furl-dev/furl/internal/runtime"
)

// extensionMain is the main of the extensions under test. The name of the program, up to a dot, says how it behaves.
func extensionMain(name string) {
	x := &agent{name: name}
	behavior, _, _ := strings.Cut(name, ".")
	switch behavior {
	case "crash":
		os.Exit(3)
	case "mute":
		time.Sleep(time.Minute)
	case "leaves":
		x.register("INVOKE")
		x.next()
		os.Exit(0)
	case "init-error", "init-error-stays":
		x.register("INVOKE")
		fmt.Println(x.post("init/error", "Lambda-Extension-Function-Error-Type", "Extension.NoConfig"))
		if behavior == "init-error-stays" {
			time.Sleep(time.Minute)
		}
		os.Exit(1)
	case "exit-error":
		x.register("INVOKE")
		x.next()
		fmt.Println(x.post("exit/error", "Lambda-Extension-Function-Error-Type", "Extension.Lost"))
		os.Exit(1)
	case "twice":
		x.register("INVOKE", "SHUTDOWN")
		fmt.Println("again:", call(http.MethodPost, "/2020-01-01/extension/register", `{"events":[]}`, "Lambda-Extension-Name", name))
		x.loop(nil)
	case "registers-only":
		x.register("INVOKE")
		time.Sleep(time.Minute)
	case "passive":
		x.register()
		x.next()
	case "good":
		x.register("INVOKE", "SHUTDOWN")
		x.loop(nil)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		x.register("INVOKE", "SHUTDOWN")
		x.next()
		time.Sleep(time.Minute)
	case "slow":
		x.register("INVOKE", "SHUTDOWN")
		x.loop(func() { time.Sleep(500 * time.Millisecond) })
	case "hangs":
		x.register("INVOKE", "SHUTDOWN")
		x.loop(func() { x.pause() })
	case "variables":
		x.register("INVOKE")
		for _, assignment := range os.Environ() {
			fmt.Println("variable", assignment)
		}
		dir, err := os.Getwd()
		must(err)
		fmt.Println("directory", dir)
		x.loop(nil)
	case "polls":
		x.register()
		go x.next()
		pollMain()
	case "telemetry":
		telemetryMain(x)
	case "aims":
		x.register("INVOKE")
		fmt.Println(x.subscribe(os.Getenv("AIM"), "platform", "function"))
		x.loop(nil)
	case "hosts":
		x.register("INVOKE")
		addresses, err := net.LookupHost("sandbox.localdomain")
		fmt.Println("sandbox.localdomain:", addresses, err)
		x.loop(nil)
	default:
		panic("no such extension: " + name)
	}
}

// agent is a client of the Extensions API.
type agent struct{ name, id string }

// call makes a request to the environment's APIs and answers the status and the body.
func call(method, path, body string, header ...string) string {
	status, text, _ := request(method, path, body, header...)
	return fmt.Sprint(status, " ", text)
}

func request(method, path, body string, header ...string) (int, string, http.Header) {
	req, err := http.NewRequest(method, "http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+path, strings.NewReader(body))
	must(err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(err)
	return resp.StatusCode, string(text), resp.Header
}

func (x *agent) register(events ...string) {
	body, err := json.Marshal(map[string][]string{"events": append([]string{}, events...)})
	must(err)
	status, text, header := request(http.MethodPost, "/2020-01-01/extension/register", string(body),
		"Lambda-Extension-Name", x.name, "Lambda-Extension-Accept-Feature", "accountId")
	x.id = header.Get("Lambda-Extension-Identifier")
	fmt.Println("registered", x.name, status, text)
}

// next answers the type of the next event.
func (x *agent) next() string {
	status, text, header := request(http.MethodGet, "/2020-01-01/extension/event/next", "", "Lambda-Extension-Identifier", x.id)
	fmt.Println("event", x.name, status, text, header.Get("Lambda-Extension-Event-Identifier"))
	var event struct{ EventType string }
	if status != http.StatusOK {
		os.Exit(9)
	}
	must(json.Unmarshal([]byte(text), &event))
	return event.EventType
}

func (x *agent) post(path string, header ...string) string {
	return call(http.MethodPost, "/2020-01-01/extension/"+path, "{}", append(header, "Lambda-Extension-Identifier", x.id)...)
}

// loop takes events until SHUTDOWN and does something after each INVOKE.
func (x *agent) loop(then func()) {
	for x.next() == "INVOKE" {
		if then != nil {
			then()
		}
	}
}

// pause hangs, but for SHUTDOWN, which an extension gets only when it asks.
func (x *agent) pause() { time.Sleep(time.Minute) }

func (x *agent) subscribe(uri string, types ...string) string {
	body, err := json.Marshal(map[string]any{
		"schemaVersion": "2022-12-13", "types": types,
		"destination": map[string]string{"protocol": "HTTP", "URI": uri},
		"buffering":   map[string]int{"timeoutMs": 25},
	})
	must(err)
	return call(http.MethodPut, "/2022-07-01/telemetry", string(body), "Lambda-Extension-Identifier", x.id)
}

// internalMain is a runtime that is also an extension.
func internalMain() {
	x := &agent{name: "inner"}
	fmt.Println(call(http.MethodPost, "/2020-01-01/extension/register", `{"events":["INVOKE","SHUTDOWN"]}`, "Lambda-Extension-Name", "inner"))
	x.register("INVOKE")
	asked := make(chan bool)
	go func() {
		for first := true; ; first = false {
			if first {
				close(asked)
			}
			x.next()
			time.Sleep(100 * time.Millisecond)
		}
	}()
	<-asked
	time.AfterFunc(200*time.Millisecond, func() {
		fmt.Println("late:", call(http.MethodPost, "/2020-01-01/extension/register", `{"events":[]}`, "Lambda-Extension-Name", "late"))
	})
	lambda.Start(handle)
}

// pollMain takes the events in place of the runtime, as the Lambda Web Adapter does.
func pollMain() {
	for {
		_, text, header := request(http.MethodGet, "/2018-06-01/runtime/invocation/next", "")
		post("invocation/"+header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", `{"polled":`+text+`}`)
	}
}

// telemetryMain keeps what it gets in the file RECORDS.
func telemetryMain(x *agent) {
	x.register("INVOKE", "SHUTDOWN")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	var mu sync.Mutex
	file, err := os.OpenFile(os.Getenv("RECORDS"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(err)
	go http.Serve(listener, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { //nolint:errcheck // it ends with the process
		var records []json.RawMessage
		must(json.NewDecoder(r.Body).Decode(&records))
		if r.Header.Get("Content-Type") != "application/json" || r.URL.Path != "/in" || r.Method != http.MethodPost {
			panic(fmt.Sprint(r.Method, r.URL, r.Header))
		}
		mu.Lock()
		defer mu.Unlock()
		for _, record := range records {
			_, err := fmt.Fprintf(file, "%s\n", record)
			must(err)
		}
	}))
	port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	fmt.Println("subscribed:", x.subscribe("http://sandbox.localdomain:"+port+"/in", "platform", "function", "extension"))
	x.loop(nil)
}

// withExtensions gives a function extensions of these names.
func (b *bench) withExtensions(names ...string) func(*runtime.Function) {
	b.Helper()
	opt, err := filepath.EvalSymlinks(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	dir := filepath.Join(opt, "extensions")
	if err := os.Mkdir(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range names {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			b.Fatal(err)
		}
	}
	return func(fn *runtime.Function) { fn.Opt = opt }
}

// waitFor waits until the log has a line that matches, and answers the match.
func (b *bench) waitFor(pattern string) []string {
	b.Helper()
	expression := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if match := expression.FindStringSubmatch(b.log.String()); match != nil {
			return match
		}
		if time.Now().After(deadline) {
			b.Fatalf("the log has no %q:\n%s", pattern, b.log)
		}
	}
}

// The whole way of an environment with extensions, as lambda-facts 5.1 and 5.2 describe it.
func TestExtensions(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", b.withExtensions("good", "passive"))
	for range 2 {
		if body, result, _ := b.invoke(fn, order{Do: "print", Text: "hello", N: 1}); body != `"printed"` {
			t.Fatal(body, result.FunctionError)
		}
	}
	b.await(1)
	b.pool.Retire(fn.Key)
	b.waitFor(`event good 200 \{"eventType":"SHUTDOWN","deadlineMs":\d+,"shutdownReason":"spindown"\} ?(\n|$)`)
	const uuid = `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`
	log := b.log.String()
	for _, want := range []string{
		`registered good 200 \{"functionName":"fn-main","functionVersion":"\$LATEST","handler":"main","accountId":"123456789012"\}`,
		`(?m)^EXTENSION\tName: good\tState: Ready\tEvents: \[INVOKE, SHUTDOWN\]\nEXTENSION\tName: passive\tState: Ready\tEvents: \[\]\nSTART `,
		`event good 200 \{"eventType":"INVOKE","deadlineMs":\d{13},"requestId":"8f5d1c1e-[0-9-]+","invokedFunctionArn":"` +
			`arn:aws:lambda:eu-west-1:123456789012:function:fn-main"\} ` + uuid,
	} {
		if !regexp.MustCompile(want).MatchString(log) {
			t.Errorf("the log has no %s:\n%s", want, log)
		}
	}
	if n := strings.Count(log, `"eventType":"INVOKE"`); n != 2 {
		t.Errorf("%d INVOKE events:\n%s", n, log)
	}
}

// Extensions register before the runtime starts, and the first invocation waits for their first next.
func TestExtensionsThatDoNotCome(t *testing.T) {
	b := newBench(t, func(c *runtime.Config) { c.InitTimeout = 500 * time.Millisecond })
	for _, name := range []string{"mute", "registers-only"} {
		// After the first attempt the initialization is part of the invocation.
		fn := b.function("main", b.withExtensions(name), within(time.Second))
		fn.Key += name
		_, result, id := b.invoke(fn, order{Do: "echo"})
		want := `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ` + id + ` Error: Task timed out after 1.00 seconds"}`
		if failed := result.FunctionError; failed == nil || string(failed.Payload) != want {
			t.Errorf("%s: %v, want %s", name, failed, want)
		}
	}
}

// Each way in which an extension fails, and what the caller of the function gets.
func TestExtensionFailures(t *testing.T) {
	b := newBench(t)
	for _, row := range []struct {
		name, kind, text, state string
	}{
		{"crash", "Extension.Crash", "exit status 3", "State: Exited\tEvents: []"},
		{"leaves", "Extension.Crash", "exit code 0", "State: Ready\tEvents: [INVOKE]"},
		{"init-error", "Extension.InitError", "exit status 1", "State: InitError\tEvents: [INVOKE]\tError Type: Extension.NoConfig"},
		{"init-error-stays", "Extension.InitError", "the extension has not exited after its error",
			"State: InitError\tEvents: [INVOKE]\tError Type: Extension.NoConfig"},
		{"exit-error", "Extension.ExitError", "exit status 1", "State: Ready\tEvents: [INVOKE]"},
	} {
		fn := b.function("main", b.withExtensions(row.name))
		fn.Key += row.name
		_, result, id := b.invoke(fn, order{Do: "sleep", Ms: 5000})
		want := fmt.Sprintf(`{"errorType":"%s","errorMessage":"RequestId: %s Error: %s"}`, row.kind, id, row.text)
		failed := result.FunctionError
		if failed == nil || string(failed.Payload) != want || failed.Reason != runtime.ReasonExtension {
			t.Errorf("%s: %v, want %s", row.name, failed, want)
			continue
		}
		result.Report()
		log := b.log.String()
		for _, line := range []string{
			"EXTENSION\tName: " + row.name + "\t" + row.state + "\n", "Status: error\tError Type: " + row.kind,
		} {
			if !strings.Contains(log, line) {
				t.Errorf("%s: the log has no %q:\n%s", row.name, line, log)
			}
		}
	}
	if strings.Count(b.log.String(), `202 {"status":"OK"}`) != 3 {
		t.Errorf("not every error was accepted:\n%s", b.log)
	}
}

// What stands in /opt/extensions besides programs.
func TestExtensionsDirectory(t *testing.T) {
	b := newBench(t)
	file := func(name, text string, mode os.FileMode) func(*runtime.Function) {
		return func(fn *runtime.Function) {
			path := filepath.Join(fn.Opt, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode)); err != nil {
				t.Fatal(err)
			}
		}
	}
	none := b.withExtensions()
	for _, row := range []struct {
		name    string
		changes []func(*runtime.Function)
		failure string // {id}
		log     string
	}{
		{"nothing", []func(*runtime.Function){none}, "", ""},
		{"a directory", []func(*runtime.Function){b.withExtensions("good"), file("extensions/lib/data", "", 0o755)}, "", "Name: good"},
		{"odd names", []func(*runtime.Function){b.withExtensions("good.with space ü%2f$(x)", "good..")}, "", "Name: good.with space ü%2f$(x)\t"},
		{"a name with a line break", []func(*runtime.Function){b.withExtensions(), file("extensions/a\nREPORT\x1b[2J", "x", 0o755)},
			`{"errorType":"Extension.LaunchError","errorMessage":"RequestId: {id} Error: fork/exec /opt/extensions/a?REPORT?[2J: exec format error"}`,
			"EXTENSION\tName: a?REPORT?[2J\tState: LaunchError\tEvents: []\tError Type: UnknownError"},
		{"not executable", []func(*runtime.Function){b.withExtensions("good"), file("extensions/notes.txt", "hello", 0o644)},
			`{"errorType":"Extension.LaunchError","errorMessage":"RequestId: {id} Error: fork/exec /opt/extensions/notes.txt: permission denied"}`,
			"EXTENSION\tName: notes.txt\tState: LaunchError\tEvents: []\tError Type: PermissionDenied"},
		{"eleven", []func(*runtime.Function){b.withExtensions("good.a", "good.b", "good.c", "good.d", "good.e", "good.f", "good.g", "good.h",
			"good.i", "good.j", "good.k")},
			`{"errorType":"Extension.LaunchError","errorMessage":"RequestId: {id} Error: more than 10 extensions"}`,
			"Name: good.k\tState: LaunchError\tEvents: []\tError Type: TooManyExtensions"},
		{"turned off", []func(*runtime.Function){b.withExtensions("crash"), file("disable-extensions-jwigqn8j", "", 0o644)}, "", ""},
		{"a file in its place", []func(*runtime.Function){func(fn *runtime.Function) { fn.Opt = t.TempDir() }, file("extensions", "", 0o644)}, "", ""},
	} {
		fn := b.function("main", row.changes...)
		fn.Key += row.name
		body, result, id := b.invoke(fn, order{Do: "echo"})
		switch {
		case row.failure == "" && result.FunctionError != nil:
			t.Errorf("%s: %s", row.name, body)
		case row.failure != "" && body != strings.ReplaceAll(row.failure, "{id}", id):
			t.Errorf("%s: %s, want %s", row.name, body, row.failure)
		}
		result.Report()
		if !strings.Contains(b.log.String(), row.log) {
			t.Errorf("%s: the log has no %q:\n%s", row.name, row.log, b.log)
		}
		b.pool.Retire(fn.Key)
	}
	if strings.Contains(b.log.String(), "\nREPORT\x1b") {
		t.Errorf("an extension's name breaks out of its line:\n%s", b.log)
	}
}

// The APIs of extensions are not there where a layer turns them off.
func TestExtensionsTurnedOff(t *testing.T) {
	b := newBench(t)
	opt := t.TempDir()
	if err := os.WriteFile(filepath.Join(opt, "disable-extensions-jwigqn8j"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	fn := b.function("raw", func(fn *runtime.Function) { fn.Opt = opt })
	b.invoke(fn, []step{{Path: "/2020-01-01/extension/register"}, {Path: respond, Body: "1"}})
	body, _, _ := b.invoke(fn, []step{{Path: respond, Body: "{statuses}"}})
	if want := `404 {"errorMessage":"furl's Runtime API has no POST /2020-01-01/extension/register","errorType":"NotFound"} 202 {"status":"OK"}`; body != want {
		t.Errorf("%s, want %s", body, want)
	}
}

// The client has its answer when the runtime has sent it; the environment takes the next event when the extensions have
// asked again, and the invocation lasts that long.
func TestExtensionsLinger(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", b.withExtensions("slow"), limit(1))
	first, _, _ := b.invoke(fn, order{Do: "pid"})
	second, result, _ := b.invoke(fn, order{Do: "pid"})
	if first != second {
		t.Errorf("another environment was started: %s, %s", first, second)
	}
	if took := result.Report().Duration; took < 500*time.Millisecond {
		t.Errorf("the report says %v, without the extension's 500 ms", took)
	}
}

// An extension that does not ask again times the invocation out although the client has its answer, and the next
// invocation gets another environment.
func TestExtensionsOutstayTheTimeout(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", b.withExtensions("hangs", "good"), within(time.Second), limit(2))
	first, result, id := b.invoke(fn, order{Do: "pid"})
	if result.FunctionError != nil {
		t.Fatal(first)
	}
	result.Report()
	log := b.log.String()
	for _, want := range []string{id + " Task timed out after 1.00 seconds\n", "Status: timeout", `"shutdownReason":"timeout"}`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q:\n%s", want, log)
		}
	}
	if second, _, _ := b.invoke(fn, order{Do: "pid"}); second == first {
		t.Errorf("process %s is used again", first)
	}
}

// An environment that is kept ready waits for its extensions, too.
func TestExtensionsOfProvisioned(t *testing.T) {
	b := newBench(t)
	fn := b.function("main", b.withExtensions("good", "slow"))
	b.pool.Provision(fn.AccountID, fn.Region, fn.Name, map[*runtime.Function]int{fn: 1})
	b.await(1)
	if !strings.Contains(b.log.String(), "EXTENSION\tName: slow\tState: Ready") {
		t.Errorf("the extensions are not ready:\n%s", b.log)
	}
	if body, result, _ := b.invoke(fn, order{Do: "echo"}); result.FunctionError != nil || result.ColdStart {
		t.Error(body, result.ColdStart)
	}
	b.waitFor(`event slow 200 \{"eventType":"INVOKE"`)
}

// What ends an environment, and the reason that extensions get.
func TestShutdownReasons(t *testing.T) {
	b := newBench(t)
	for _, row := range []struct {
		order  order
		reason string
	}{
		{order{Do: "sleep", Ms: 60_000}, "timeout"},
		{order{Do: "exit", N: 1}, "failure"},
	} {
		fn := b.function("main", b.withExtensions("good", "stubborn"), within(time.Second))
		fn.Key += row.reason
		_, result, _ := b.invoke(fn, row.order)
		if result.FunctionError == nil || !strings.HasPrefix(result.FunctionError.Type, "Sandbox.") && !strings.HasPrefix(result.FunctionError.Type, "Runtime.") {
			t.Errorf("%s: %v", row.reason, result.FunctionError)
		}
		b.waitFor(`event good 200 \{"eventType":"SHUTDOWN","deadlineMs":\d+,"shutdownReason":"` + row.reason + `"\}`)
	}
}

// A runtime process can be an extension, too.
func TestInternalExtension(t *testing.T) {
	b := newBench(t)
	fn := b.function("internal")
	for range 2 {
		if body, result, _ := b.invoke(fn, order{Do: "sleep", Ms: 300}); result.FunctionError != nil {
			t.Fatal(body)
		}
	}
	b.waitFor(`403 \{"errorMessage":"SHUTDOWN: ShutdownEventNotSupportedForInternalExtension","errorType":"Extension.InvalidEventType"\}`)
	b.waitFor(`registered inner 200 `)
	b.waitFor(`late: 403 \{"errorMessage":"Extension registration closed already","errorType":"Extension.RegistrationClosed"\}`)
	b.waitFor(`(?s)event inner 200 \{"eventType":"INVOKE".*event inner 200 \{"eventType":"INVOKE"`)
	if strings.Contains(b.log.String(), "EXTENSION\t") {
		t.Errorf("an internal extension has a line in the log:\n%s", b.log)
	}
	if body, result, _ := b.invoke(fn, order{Do: "exit", N: 1}); result.FunctionError == nil || result.FunctionError.Type != "Runtime.ExitError" {
		t.Error(body)
	}
}

// An extension may take the events in place of the runtime, as the Lambda Web Adapter does, and register again in vain.
func TestExtensionPolls(t *testing.T) {
	b := newBench(t)
	fn := b.function("never-polls", b.withExtensions("polls", "twice"))
	for range 2 {
		if body, _, _ := b.invoke(fn, order{Do: "echo"}); body != `{"polled":{"do":"echo"}}` {
			t.Error(body)
		}
	}
	b.waitFor(`again: 403 \{"errorMessage":"State transition from Registered to Registered failed for extension twice. Error: State transition is not allowed","errorType":"Extension.InvalidExtensionState"\}`)
}

// The variables of extensions (lambda-facts 5.2).
func TestExtensionVariables(t *testing.T) {
	b := newBench(t, func(c *runtime.Config) { c.ExtraEnv = map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1"} })
	fn := b.function("main", b.withExtensions("variables"), withEnv("MINE", "1"), withEnv("_MINE", "1"), withEnv("AWS_XRAY_MINE", "1"))
	fn.Credentials = func(context.Context) (runtime.Credentials, error) {
		return runtime.Credentials{AccessKeyID: "ASIA", SecretAccessKey: "s", SessionToken: "t"}, nil
	}
	b.invoke(fn, order{Do: "echo"})
	b.waitFor(`directory /\n`)
	got := map[string]bool{}
	for _, line := range strings.Split(b.log.String(), "\n") {
		if assignment, ok := strings.CutPrefix(line, "variable "); ok {
			name, _, _ := strings.Cut(assignment, "=")
			got[name] = true
		}
	}
	for _, name := range []string{
		"MINE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
		"AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_INITIALIZATION_TYPE", "TZ", "PATH", "AWS_ENDPOINT_URL",
	} {
		if !got[name] {
			t.Errorf("%s is missing", name)
		}
	}
	for name := range got {
		if strings.HasPrefix(name, "_") || strings.HasPrefix(name, "AWS_LAMBDA_LOG_") || strings.HasPrefix(name, "AWS_XRAY_") ||
			slices.Contains([]string{"AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"}, name) {
			t.Errorf("%s is there", name)
		}
	}
}

// records are the telemetry of a file, by type.
func records(t *testing.T, file string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		var record struct {
			Time, Type string
			Record     json.RawMessage
		}
		if line == "" || json.Unmarshal([]byte(line), &record) != nil {
			continue
		}
		if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(record.Time) {
			t.Errorf("time %q", record.Time)
		}
		all[record.Type] = append(all[record.Type], string(record.Record))
	}
	return all
}

func TestTelemetry(t *testing.T) {
	b := newBench(t)
	file := filepath.Join(t.TempDir(), "records")
	fn := b.function("main", b.withExtensions("telemetry"), withEnv("RECORDS", file))
	_, _, id := b.invoke(fn, order{Do: "print-raw", Text: "hello <b>\n{\"a\": 1}\n"})
	result, _, err := b.start(fn, order{Do: "exit", N: 3})
	if err != nil {
		t.Fatal(err)
	}
	result.ReadAll(0) //nolint:errcheck // it fails
	b.waitFor(`subscribed: 200 "OK"`)
	got := records(t, file)
	for name, want := range map[string][]string{
		"platform.initStart": {`\{"initializationType":"on-demand","phase":"init","runtimeVersion":"provided.al2023",` +
			`"functionName":"fn-main","functionVersion":"\$LATEST","instanceId":"[0-9a-f]{32}","instanceMaxMemory":134217728\}`},
		"platform.initRuntimeDone":       {`\{"initializationType":"on-demand","phase":"init","status":"success"\}`},
		"platform.initReport":            {`\{"initializationType":"on-demand","phase":"init","status":"success","metrics":\{"durationMs":[0-9.]+\}\}`},
		"platform.extension":             {`\{"name":"telemetry","state":"Ready","events":\["INVOKE","SHUTDOWN"\]\}`},
		"platform.telemetrySubscription": {`\{"name":"telemetry","state":"Subscribed","types":\["platform","function","extension"\]\}`},
		"platform.start":                 {`\{"requestId":"` + id + `","version":"\$LATEST"\}`, `\{"requestId":"[^"]+","version":"\$LATEST"\}`},
		"platform.runtimeDone": {`\{"requestId":"` + id + `","status":"success","metrics":\{"durationMs":[0-9.]+,"producedBytes":9\},"spans":\[` +
			`\{"name":"responseLatency","start":"[^"]+","durationMs":[0-9.]+\},\{"name":"responseDuration","start":"[^"]+","durationMs":[0-9.]+\},` +
			`\{"name":"runtimeOverhead","start":"[^"]+","durationMs":[0-9.]+\}\]\}`,
			`\{"requestId":"[^"]+","status":"error","metrics":\{"durationMs":[0-9.]+,"producedBytes":0\}\}`},
		"platform.report": {`\{"requestId":"` + id + `","status":"success","metrics":\{"durationMs":[0-9.]+,"billedDurationMs":\d+,` +
			`"memorySizeMB":128,"maxMemoryUsedMB":\d+,"initDurationMs":[0-9.]+\},"spans":\[\{"name":"extensionOverhead","start":"[^"]+","durationMs":[0-9.]+\}\]\}`},
		"function": {`"hello <b>"`, `"\{\\"a\\": 1\}"`},
	} {
		if len(got[name]) != len(want) {
			t.Errorf("%s: %q, want %d", name, got[name], len(want))
			continue
		}
		for i := range want {
			if !regexp.MustCompile("^" + want[i] + "$").MatchString(got[name][i]) {
				t.Errorf("%s: %s, want %s", name, got[name][i], want[i])
			}
		}
	}
	if lines := strings.Join(got["extension"], "\n"); !strings.Contains(lines, `"registered telemetry 200 {`) {
		t.Errorf("extension: %s", lines)
	}
}

// With LogFormat JSON a line that is an object is one in the record, too.
func TestTelemetryOfObjects(t *testing.T) {
	b := newBench(t)
	file := filepath.Join(t.TempDir(), "records")
	fn := b.function("main", b.withExtensions("telemetry"), withEnv("RECORDS", file))
	fn.LogFormat = "JSON"
	b.invoke(fn, order{Do: "print-raw", Text: "{\"a\": 1}\n{broken\nplain\n"})
	b.await(1)
	b.pool.Retire(fn.Key)
	b.waitFor(`"SHUTDOWN"`)
	if got, want := strings.Join(records(t, file)["function"], " "), `{"a":1} "{broken" "plain"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// An extension cannot make the server send anything to a listener that is not the environment's own.
func TestTelemetryToStrangers(t *testing.T) {
	b := newBench(t)
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	received := make(chan string, 1)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(30 * time.Second)) //nolint:errcheck // a local connection
				text := make([]byte, 100)
				if n, _ := conn.Read(text); n > 0 {
					select {
					case received <- string(text[:n]):
					default:
					}
				}
			}()
		}
	}()
	fn := b.function("main", b.withExtensions("aims"), withEnv("AIM", fmt.Sprintf("http://sandbox:%d/", listener.Addr().(*net.TCPAddr).Port)))
	b.invoke(fn, order{Do: "print", Text: "secret", N: 3})
	b.waitFor(`200 "OK"`)
	select {
	case text := <-received:
		t.Errorf("a stranger received %q", text)
	case <-time.After(3 * time.Second):
	}
}
