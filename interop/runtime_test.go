//go:build unix

package interop_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
)

// A function runs twice, side by side: with furl's own runtime, and with AWS's client in its package.
type pair struct {
	s       *server
	runtime types.Runtime
	zips    [2]string // without and with AWS's client
	env     [2]map[string]string
	role    *string
	created map[string]bool
}

func newPair(t *testing.T, s *server, runtime types.Runtime, without, with string) *pair {
	t.Helper()
	role, err := iam.NewFromConfig(s.config()).CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("pair"), AssumeRolePolicyDocument: aws.String(lambdaMayAssume),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &pair{s: s, runtime: runtime, zips: [2]string{without, with}, role: role.Role.Arn, created: map[string]bool{}}
}

// ran is all that a caller sees of an invocation.
type ran struct {
	Payload, Error, Log string
}

// invoke calls one of the two functions with a handler.
func (p *pair) invoke(t *testing.T, which int, handler, event string) ran {
	t.Helper()
	client := lambda.NewFromConfig(p.s.config())
	name := fmt.Sprintf("pair-%s", regexp.MustCompile(`\W`).ReplaceAllString(handler, "-"))
	title := fmt.Sprint(name, which)
	if !p.created[title] {
		// Both have the same name and account, so that nothing tells them apart: the second takes the place of the first.
		code, err := os.ReadFile(p.zips[which])
		if err != nil {
			t.Fatal(err)
		}
		if p.created[name] {
			if _, err := client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: &name}); err != nil {
				t.Fatal(err)
			}
		}
		_, err = client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
			FunctionName: &name, Runtime: p.runtime, Handler: &handler, Role: p.role, Timeout: aws.Int32(30),
			Code: &types.FunctionCode{ZipFile: code}, Environment: &types.Environment{Variables: p.env[which]},
		})
		if err != nil {
			t.Fatal(err)
		}
		active := lambda.NewFunctionActiveV2Waiter(client, func(o *lambda.FunctionActiveV2WaiterOptions) {
			o.MinDelay = 20 * time.Millisecond
		})
		if err := active.Wait(t.Context(), &lambda.GetFunctionInput{FunctionName: &name}, time.Minute); err != nil {
			t.Fatal(err)
		}
		p.created[name], p.created[title] = true, true
	}
	answer, err := client.Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: &name, Payload: []byte(event), LogType: types.LogTypeTail,
		ClientContext: aws.String(base64.StdEncoding.EncodeToString([]byte(
			`{"custom":{"k":"v"},"client":{"app_title":"t"},"w3c":{"traceparent":"00-1-2-01","other":"x","baggage":3}}`))),
	})
	if err != nil {
		t.Fatal(err)
	}
	log, err := base64.StdEncoding.DecodeString(aws.ToString(answer.LogResult))
	if err != nil {
		t.Fatal(err)
	}
	return ran{sameText(string(answer.Payload)), aws.ToString(answer.FunctionError), sameLog(string(log))}
}

// changing is what differs from call to call: request ids, times, log streams, directories and addresses of objects.
var changing = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}` +
	`|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z|\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}|0x[0-9a-f]{8,}` +
	`|/[^\s"':,]*/(code|functions)/[^/\s"']+`)

// The frames of AWS's client and of furl's runtime, in a payload and in what Python prints of an error in them.
var (
	ownFrame  = regexp.MustCompile(`[^"\s]*/bootstrap\.py\\", line \d+`)
	ownFrames = regexp.MustCompile(`(?m)^( *File ")?[^"\n]*(/bootstrap\.py|<frozen runpy>|/awslambdaric/\w+\.py)"?[,:].*\n( {4}.*\n)*` +
		`(  \S.*\n(RuntimeWarning))?`)
)

func sameText(text string) string { return changing.ReplaceAllString(text, "*") }

// sameLog is what a function logs, line by line, without what the platform does.
func sameLog(log string) string {
	// Without Lambda's channel for logs, AWS's client for Python joins the lines of an error with a carriage return, and
	// indents them with no-break spaces.
	log = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u00a0", " ").Replace(log)
	var lines []string
	for line := range strings.Lines(log) {
		line = strings.TrimRight(line, "\n")
		platform := slices.ContainsFunc([]string{"START RequestId", "END RequestId", "REPORT RequestId", "INIT_REPORT ", "furl: "},
			func(prefix string) bool { return strings.HasPrefix(line, prefix) })
		if line != "" && !platform {
			lines = append(lines, sameText(line))
		}
	}
	return strings.Join(lines, "\n")
}

// compare runs the case on both. Tidy takes out of it what may differ.
func (p *pair) compare(t *testing.T, handlers map[string][]string, tidy func(*ran)) {
	for _, handler := range slices.Sorted(maps.Keys(handlers)) {
		events := handlers[handler]
		var all [2][]ran
		for which := range 2 {
			for _, event := range events {
				got := p.invoke(t, which, handler, event)
				tidy(&got)
				all[which] = append(all[which], got)
			}
		}
		for i, event := range events {
			t.Run(handler+" "+event, func(t *testing.T) {
				// On a busy machine what a runtime prints after its answer may be in the log of the next invocation.
				for again := 0; again < 3 && !cmp.Equal(all[1][i], all[0][i]); again++ {
					for which := range 2 {
						all[which][i] = p.invoke(t, which, handler, event)
						tidy(&all[which][i])
					}
				}
				if diff := cmp.Diff(all[1][i], all[0][i]); diff != "" {
					t.Errorf("-AWS's client +furl's runtime\n%s", diff)
				}
			})
		}
	}
}

func cases(names ...string) (events []string) {
	for _, name := range names {
		text, _ := json.Marshal(map[string]string{"case": name}) //nolint:errcheck // strings always marshal
		events = append(events, string(text))
	}
	return events
}

// TestPythonRuntime holds furl's runtime for Python to awslambdaric.
func TestPythonRuntime(t *testing.T) {
	need(t, "package")
	needProgram(t, "python3")
	const dir = "testdata/function/python-cases"
	without := writeZip(t, []string{dir}, nil)
	with := writeZip(t, []string{dir, installed(t, "package", "ric")}, nil)
	results := cases("named tuple", "named tuples within", "_asdict", "_asdict of something else", "class with _asdict",
		"keys of bytes", "keys that are no text", "key that cannot be", "key of Decimal", "bytes that are no text",
		"Decimals", "floats", "enumerations", "plain enumeration", "dataclass", "set", "generator", "bytearray",
		"within itself", "text", "half a pair", "nothing", "raw bytes", "dictionaries")
	for runtime, handlers := range map[types.Runtime]map[string][]string{
		types.RuntimePython311: {"cases.handler": results}, // which writes ASCII
		types.RuntimePython313: {
			"cases.handler": append(results, cases("KeyError", "chain", "no text", "text of its own", "text that fails",
				"lines", "not ASCII", "group", "assertion", "system exit", "system exit with text", "exit", "interrupt", "logs",
				"context")...),
			"cases.not_callable": {"{}"}, "cases.takes_one": {"{}"}, "cases.instance": {"{}"},
			"cases.missing": {"{}"}, "cases": {"{}"}, "missing.handler": {"{}"}, "imports.handler": {"{}"},
			"names.handler": {"{}"}, "syntax.handler": {"{}"}, "exits.handler": {"{}"}, "silent.handler": {"{}"},
			"fails.handler": {"{}"}, "sys.exit": {"{}"}, "json.loads": {"{}"}, "sub/missing.handler": {"{}"},
		},
	} {
		t.Run(string(runtime), func(t *testing.T) {
			newPair(t, startServer(t), runtime, without, with).compare(t, handlers, func(o *ran) {
				o.Payload = ownFrame.ReplaceAllString(o.Payload, "bootstrap.py")
				o.Log = ownFrames.ReplaceAllString(o.Log, "")
			})
		})
	}
}

// TestNodeRuntime holds furl's runtime for Node.js to both generations of aws-lambda-ric, without their native module:
// the one before Node.js 24, with callbacks, and the one since.
func TestNodeRuntime(t *testing.T) {
	need(t, "node")
	needProgram(t, "node")
	const dir = "testdata/function/node-cases"
	events := func(key string, extra map[string]any, names ...string) (list []string) {
		for _, name := range names {
			event := map[string]any{key: name}
			maps.Copy(event, extra)
			text, _ := json.Marshal(event) //nolint:errcheck // strings and booleans always marshal
			list = append(list, string(text))
		}
		return list
	}
	results := []string{
		"undefined", "null", "object", "date", "toJSON", "toJSON that throws", "bigint", "circular", "not a number", "buffer",
		"typed array", "map", "error", "text", "empty", "false",
	}
	errors := []string{
		"Error", "no text", "custom", "code", "cause", "aggregate", "string", "empty string", "number", "null", "undefined",
		"object", "like an error", "bigint", "DEL", "lines", "not ASCII", "no stack", "circular", "getter that throws",
		"name that is a number",
	}
	both := func() map[string][]string {
		handlers := map[string][]string{
			"index.asynchronous": slices.Concat(events("result", nil, append(results, "thenable")...), events("error", nil, errors...)),
			"index.synchronous":  events("error", nil, errors...),
			"index.odd": events("how", nil, "exit", "exit with success", "uncaught", "rejection", "rejection with a string",
				"context", "logs"),
		}
		for _, handler := range []string{
			"index.notFunction", "index.nested.deep.handler", "index.nested.missing.handler", "index.isNull", "index.one",
			"index.Class", "index.missing", "index", "missing.handler", "module.handler", "module.fails", "common.handler",
			"requires.handler", "imports.handler", "syntax.handler", "fails.handler", "throws.handler", "exits.handler",
			"mixed.handler", "sub/missing.handler", "../index.one",
		} {
			handlers[handler] = []string{"{}"}
		}
		return handlers
	}
	older, newer := both(), both()
	callbacks := slices.DeleteFunc(slices.Clone(results), func(name string) bool {
		// What cannot be encoded ends the process of AWS's client when a callback has it.
		return name == "bigint" || name == "circular" || name == "toJSON that throws"
	})
	older["index.callback"] = slices.Concat(events("result", nil, callbacks...), events("error", nil, errors...),
		events("result", map[string]any{"waits": false}, "object", "undefined"),
		events("result", map[string]any{"twice": true}, "object"),
		events("error", map[string]any{"twice": true}, "Error"))
	older["index.old"] = events("how", nil, "done", "done with an error", "succeed", "fail", "fail with nothing", "nothing")
	older["index.three"] = []string{"{}"}
	for _, handlers := range []map[string][]string{older, newer} {
		handlers["stream.handler"] = events("how", nil, "text", "object", "nothing", "prelude", "prelude without a write", "a value besides",
			"error at first", "context", "type too late")
	}
	newer["index.synchronous"] = append(newer["index.synchronous"], events("result", nil, results...)...)
	newer["index.callback"], newer["index.three"] = events("result", nil, "object"), []string{"{}"}
	newer["index.odd"] = append(newer["index.odd"], events("how", nil, "never")...)

	for _, row := range []struct {
		runtime types.Runtime
		client  []string // the first file is in the package of the client
		cases   map[string][]string
	}{
		{types.RuntimeNodejs22x, []string{"aws-lambda-ric-3/dist/index.mjs", "aws-lambda-ric-3/bin/index.mjs"}, older},
		{types.RuntimeNodejs24x, []string{"aws-lambda-ric/index.mjs", "@aws/lambda-invoke-store/package.json",
			"@aws/lambda-invoke-store/dist-cjs/invoke-store.js", "@aws/lambda-invoke-store/dist-es/invoke-store.js"}, newer},
	} {
		t.Run(string(row.runtime), func(t *testing.T) {
			with := map[string]string{}
			for _, file := range append(row.client, strings.Split(row.client[0], "/")[0]+"/package.json") {
				with["node_modules/"+strings.Replace(file, "aws-lambda-ric-3", "aws-lambda-ric", 1)] = "node/node_modules/" + file
			}
			p := newPair(t, startServer(t), row.runtime, writeZip(t, []string{dir}, nil), writeZip(t, []string{dir}, with))
			p.env[1] = map[string]string{"NODE_OPTIONS": "--require ./rapid.cjs"}
			p.compare(t, row.cases, func(o *ran) {
				o.Payload = requiring.ReplaceAllString(nodeFrame.ReplaceAllString(o.Payload, ""), "index.mjs")
				o.Log = nodeCrash.ReplaceAllString(nodeFrame.ReplaceAllString(o.Log, ""), "")
				o.Log = requiring.ReplaceAllString(executing.ReplaceAllString(o.Log, ""), "index.mjs")
				o.Log = nodeStack.ReplaceAllString(o.Log, "")
			})
		})
	}
}

// The frames of AWS's client, of furl's runtime and of Node.js, and what Node.js prints besides when AWS's client does
// not catch an error that it has reported.
var (
	nodeStack = regexp.MustCompile(`(?m)^    at .*(BufferedInvokeProcessor|_Runtime|InvokeStoreSingle|index\.mjs|/runtime/node/|new Promise|node:).*?( \{)?$\n?`)
	nodeFrame = regexp.MustCompile(`,"    at [^"]*(aws-lambda-ric|/runtime/node/|rapid\.cjs|node:|<anonymous>\)|native\))[^"]*"`)
	requiring = regexp.MustCompile(`[^\s"]*/(aws-lambda-ric(/dist)?|runtime)/index\.mjs`)
	executing = regexp.MustCompile(`Executing .* in function directory .*\n?`) // what the older client says first
	nodeCrash = regexp.MustCompile(`(?s)\n(node:internal/process/promises|\S*/index\.mjs:\d+\n).*\nNode\.js v[\d.]+`)
)
