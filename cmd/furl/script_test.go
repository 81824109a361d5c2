//go:build unix

package main_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/furl-dev/furl/internal/cli"
	"github.com/furl-dev/furl/sigv4"
)

// The test program is furl, and as "bootstrap" in a deployment package the function of the demo, one that takes its
// time, or one that attacks terminals.
func TestMain(m *testing.M) {
	program := func() { os.Exit(cli.Main()) }
	testscript.Main(m, map[string]func(){"furl": program, "browser": browse, "bootstrap": func() {
		if os.Getenv("_HANDLER") == "slow" {
			lambda.Start(func() (string, error) {
				fmt.Println("working")
				time.Sleep(2 * time.Second)
				return "done", nil
			})
		}
		if os.Getenv("_HANDLER") == "hostile" {
			lambda.Start(steer)
		}
		if os.Getenv("_HANDLER") == "frail" {
			lambda.Start(fail)
		}
		if os.Getenv("_HANDLER") == "say" {
			lambda.Start(say)
		}
		if os.Getenv("_HANDLER") == "version" {
			lambda.Start(tell)
		}
		program()
	}})
}

// evil are characters that a terminal obeys: they rename its window, clear it, color it, make it answer as if the person
// had typed, write over what was there, and reorder what follows.
const evil = "\x1b]0;pwned\x07\x1b[2J\x1b[31m\u009b5n\x7f\r\b\x00\u202e\u2066\u2028"

// steer is a function that attacks the terminal of the person who looks at it.
func steer(event struct{ RawPath string }) (any, error) {
	fmt.Print("printed "+evil+"\x9b2J\n", "REPORT RequestId: forged\n\rEND RequestId: forged\r\nno end")
	if event.RawPath == "/fail" {
		return nil, errors.New("failed " + strings.ReplaceAll(evil, "\x7f", "")) // AWS's library puts it into a header, too
	}
	return map[string]any{"statusCode": 200, "body": "body " + evil}, nil
}

// tell is a function that says which version of it runs, how it was called, and where it writes.
func tell(ctx context.Context) (any, error) {
	called, _ := lambdacontext.FromContext(ctx)
	fmt.Println("I am " + lambdacontext.FunctionVersion + " of " + os.Getenv("STAGE"))
	body := fmt.Sprintf("%s\n%s\n%s\n", lambdacontext.FunctionVersion, called.InvokedFunctionArn, lambdacontext.LogStreamName)
	return map[string]any{"statusCode": 200, "body": body}, nil
}

// say is a function that says what its environment has it say, and the value of the variable that the query names.
func say(event struct{ QueryStringParameters map[string]string }) (any, error) {
	fmt.Println("saying " + os.Getenv("SAY"))
	body := os.Getenv("SAY") + "\n" + os.Getenv(event.QueryStringParameters["variable"]) + "\n"
	return map[string]any{"statusCode": 200, "body": body}, nil
}

// KeyError is an error with a name.
type KeyError struct{}

func (KeyError) Error() string { return "no such key" }

// fail is a function that fails, exits, answers what is no answer or 502 itself, or does not take the body, by its path.
func fail(event struct{ RawPath string }) (any, error) {
	switch event.RawPath {
	case "/fail":
		return nil, KeyError{}
	case "/exit":
		os.Exit(7)
	case "/nonsense":
		return map[string]any{"statusCode": "none"}, nil
	case "/own":
		return map[string]any{"statusCode": 502, "body": "Internal Server Error"}, nil
	case "/422":
		return map[string]any{"statusCode": 422, "body": "no"}, nil
	}
	return "done", nil
}

// The scripts type what a person types. Besides furl itself they have
//
//	ready DIR                       wait for the server of the data directory, and set AWS_… and ENDPOINT as furl env does
//	lambda METHOD PATH [FILE]       call the Lambda API as root
//	iam ACTION [NAME=VALUE]...      call the IAM API as root; @FILE is the content of a file
//	package ZIP FILE                make a deployment package of the file; of "self" for this program as bootstrap
//	alice, mallory, unsigned METHOD TARGET [BODY]
//	                                send a request to the function URL in $URL, signed by the user of that name or not
//	begin GET TARGET, finish        send a request as alice, and wait for its answer later
//	profile DIR ACCOUNT NAME        add a profile with the root key of an account of the data directory's server
//	await FILE TEXT                 wait until the file has the text
//	proxied ARG...                  start furl proxy, and have alice, mallory and unsigned call it
//	sources                         start what hands out credentials, see startSources
//	stranger                        start servers that are not the user's own, see stranger
//	source FILE TEXT                make the program of a function in a directory, which says the text
//	urls FILE                       set URL and URL_… to the function URLs that the events of furl dev name
//	occupy                          listen on a port, and set BUSY to its address
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			for _, dir := range filepath.SplitList(env.Getenv("PATH")) {
				if path := filepath.Join(dir, "bootstrap"); isFile(path) {
					env.Setenv("FURL_SANDBOX_READ", path) // the functions of the scripts start it
				}
			}
			return nil
		},
		Condition: func(name string) (bool, error) { return name == "root" && os.Geteuid() == 0, nil },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready":    ready,
			"lambda":   lambdaAPI,
			"iam":      iamAPI,
			"package":  pack,
			"alice":    callAs("ALICE"),
			"mallory":  callAs("MALLORY"),
			"unsigned": callAs(""),
			"proxied":  proxied,
			"occupy":   occupy,
			"source":   source,
			"urls":     urls,
			"await":    await,
			"profile":  addProfile,
			"begin":    begin,
			"finish":   finish,
			"sources":  startSources(t),
			"stranger": stranger,
			"account":  account,
			"apply":    applyCommands,
		},
	})
}

// ready waits for a server that was started in the background.
func ready(ts *testscript.TestScript, _ bool, args []string) {
	data := ts.MkAbs(args[0])
	deadline := time.Now().Add(15 * time.Second)
	for {
		var running struct{ Endpoint, Region, Account string }
		text, err := os.ReadFile(filepath.Join(data, "server.json"))
		if err == nil && json.Unmarshal(text, &running) == nil && healthy(overHTTP(running.Endpoint)) {
			running.Endpoint = overHTTP(running.Endpoint)
			ts.Setenv("ENDPOINT", running.Endpoint)
			ts.Setenv("AWS_ENDPOINT_URL", running.Endpoint)
			ts.Setenv("AWS_REGION", running.Region)
			setRoot(ts, data, running.Account)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no server is ready in %s", data)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// overHTTP is an address of a server in plain HTTP, which it always answers.
func overHTTP(address string) string {
	if rest, ok := strings.CutPrefix(address, "https://"); ok {
		return "http://" + rest
	}
	return address
}

func healthy(endpoint string) bool {
	response, err := http.Get(endpoint + "/_furl/health")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func setRoot(ts *testscript.TestScript, data, account string) {
	var file struct {
		Accounts map[string]struct{ AccessKeyID, SecretAccessKey string }
	}
	text, err := os.ReadFile(filepath.Join(data, "root-credentials.json"))
	ts.Check(err)
	ts.Check(json.Unmarshal(text, &file))
	ts.Setenv("AWS_ACCESS_KEY_ID", file.Accounts[account].AccessKeyID)
	ts.Setenv("AWS_SECRET_ACCESS_KEY", file.Accounts[account].SecretAccessKey)
}

func lambdaAPI(ts *testscript.TestScript, neg bool, args []string) {
	var body []byte
	if len(args) > 2 {
		body = []byte(ts.ReadFile(args[2]))
	}
	text := send(ts, neg, signed(ts, "AWS", "lambda", ts.Getenv("AWS_REGION"), args[0], ts.Getenv("ENDPOINT")+args[1], body))
	var config struct{ FunctionUrl string }
	if json.Unmarshal([]byte(text), &config) == nil && config.FunctionUrl != "" {
		ts.Setenv("URL", overHTTP(config.FunctionUrl))
	}
}

func iamAPI(ts *testscript.TestScript, neg bool, args []string) {
	form := url.Values{"Action": {args[0]}, "Version": {"2010-05-08"}}
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		if file, ok := strings.CutPrefix(value, "@"); ok {
			value = ts.ReadFile(file)
		}
		form.Set(name, value)
	}
	request := signed(ts, "AWS", "iam", "us-east-1", "POST", ts.Getenv("ENDPOINT")+"/", []byte(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	text := send(ts, neg, request)
	var created struct {
		Key struct {
			ID     string `xml:"AccessKeyId"`
			Secret string `xml:"SecretAccessKey"`
		} `xml:"CreateAccessKeyResult>AccessKey"`
	}
	if xml.Unmarshal([]byte(text), &created) == nil && created.Key.ID != "" {
		name := strings.ToUpper(form.Get("UserName"))
		ts.Setenv(name+"_ACCESS_KEY_ID", created.Key.ID)
		ts.Setenv(name+"_SECRET_ACCESS_KEY", created.Key.Secret)
	}
}

// callAs sends a request to the function URL, signed with the keys in the variables of that prefix.
func callAs(prefix string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		var body []byte
		if len(args) > 2 {
			body = []byte(args[2])
		}
		target := strings.TrimSuffix(ts.Getenv("URL"), "/") + args[1]
		if prefix != "" {
			send(ts, neg, signed(ts, prefix, "lambda", ts.Getenv("AWS_REGION"), args[0], target, body))
			return
		}
		request, err := http.NewRequest(args[0], target, bytes.NewReader(body))
		ts.Check(err)
		send(ts, neg, request)
	}
}

func signed(ts *testscript.TestScript, prefix, service, region, method, target string, body []byte) *http.Request {
	request, err := http.NewRequest(method, target, bytes.NewReader(body))
	ts.Check(err)
	signer := sigv4.Signer{Region: region, Service: service}
	_, err = signer.Sign(request, sigv4.Credentials{
		AccessKeyID: ts.Getenv(prefix + "_ACCESS_KEY_ID"), Secret: sigv4.NewSecret(ts.Getenv(prefix + "_SECRET_ACCESS_KEY")),
	}, sigv4.PayloadBytes(body))
	ts.Check(err)
	return request
}

// send prints the status and body of the answer; statuses from 300 on are failures.
func send(ts *testscript.TestScript, neg bool, request *http.Request) string {
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n%s\n", response.StatusCode, response.Header.Get("X-Amzn-Errortype"), body)
	ts.Setenv("REQUEST_ID", response.Header.Get("X-Amzn-Requestid"))
	if failed := response.StatusCode >= 300; failed != neg {
		ts.Fatalf("%s %s answered %d: %s", request.Method, request.URL, response.StatusCode, body)
	}
	return string(body)
}

// pack makes the JSON of a CreateFunction call from a template, with the zip in place of ZIP.
func pack(ts *testscript.TestScript, _ bool, args []string) {
	name, mode := filepath.Base(args[1]), os.FileMode(0o644)
	var content []byte
	if args[1] == "self" {
		// The program itself is large, and with the race detector slow to pack: a line that runs it is enough.
		name, mode = "bootstrap", 0o755
		content = fmt.Appendf(nil, "#!/bin/sh\nexec '%s'\n", program(ts, "bootstrap"))
	} else {
		content = []byte(ts.ReadFile(args[1]))
	}
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	header := &zip.FileHeader{Name: name, Method: zip.Deflate}
	header.SetMode(mode)
	entry, err := writer.CreateHeader(header)
	ts.Check(err)
	_, err = entry.Write(content)
	ts.Check(err)
	ts.Check(writer.Close())
	encoded, err := json.Marshal(archive.Bytes())
	ts.Check(err)
	filled := strings.ReplaceAll(ts.ReadFile(args[0]), `"ZIP"`, string(encoded))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(filled), 0o600))
}

// source makes a program of a function that says a text. It takes the place of the one before, as an editor saves a file.
func source(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	text := fmt.Sprintf("#!/bin/sh\nexport SAY='%s'\nexec '%s'\n", args[1], program(ts, "bootstrap"))
	ts.Check(os.WriteFile(path+"~", []byte(text), 0o755))
	ts.Check(os.Rename(path+"~", path))
}

// urls finds the function URLs among the events of furl dev --json.
func urls(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		var event struct{ Event, Function, URL string }
		ts.Check(json.Unmarshal([]byte(line), &event))
		if event.Event == "url" {
			ts.Setenv("URL", event.URL)
			ts.Setenv("URL_"+strings.ToUpper(strings.ReplaceAll(event.Function, "-", "_")), event.URL)
		}
	}
}

// program is the path of one of the test program's commands.
func program(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, name); isFile(path) {
			return path
		}
	}
	ts.Fatalf("no command %s", name)
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// begin sends a request of alice's whose answer finish waits for.
func begin(ts *testscript.TestScript, _ bool, args []string) {
	request := signed(ts, "ALICE", "lambda", ts.Getenv("AWS_REGION"), args[0], strings.TrimSuffix(ts.Getenv("URL"), "/")+args[1], nil)
	answered := make(chan string, 1)
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		answered <- fmt.Sprintf("%d %s %v", response.StatusCode, body, err)
	}()
	pending.Store(ts, answered)
	time.Sleep(500 * time.Millisecond) // until it runs
}

func finish(ts *testscript.TestScript, _ bool, _ []string) {
	answered, ok := pending.LoadAndDelete(ts)
	if !ok {
		ts.Fatalf("nothing was begun")
	}
	select {
	case answer := <-answered.(chan string):
		fmt.Fprintln(ts.Stdout(), answer)
	case <-time.After(20 * time.Second):
		ts.Fatalf("no answer")
	}
}

var pending sync.Map // *testscript.TestScript → chan string

// await waits for a program in the background to have written something.
func await(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), args[1]) {
			return
		}
	}
	ts.Fatalf("%s never had %q", args[0], args[1])
}

// occupy takes a port for as long as the tests run.
func occupy(ts *testscript.TestScript, _ bool, _ []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { listener.Close() })
	ts.Setenv("BUSY", listener.Addr().String())
}
