package attack_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
)

const (
	accountA = "111111111111"
	accountB = "222222222222"
	region   = "eu-central-1"
)

// world is a running server with two accounts in it. Everything in it was made through its API.
//
// In account A there are the function "target" with the function URL iamURL and the function "open" with openURL of
// auth type NONE; alice, who may do everything with functions and assume the role "caller", which may too; and
// mallory, who has a key and no permission. In account B there are a function, a role and a user of the same names.
type world struct {
	address string // host:port
	ahead   atomic.Int64
	log     *record
	ledger  string // file to which the functions write the ids of the requests that reached them
	program string // what functions run: this test binary
	limits  limits // of a server that is a process of its own
	token   string // the page token

	rootA, rootB, alice, mallory, bob key
	iamURL, openURL, otherURL         string // ids of function URLs; the last is account B's

	mu      sync.Mutex
	secrets []string        // all that were given out: none may ever be seen again
	meant   map[string]bool // ids of the requests that were meant to reach a function
}

// record is the server's log.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// newWorld starts a server, configured as the test asks. When the test ends, no function may have run for a request
// that was not meant to reach one, and no secret may be in the log or on a page.
func newWorld(t *testing.T, configure ...func(*app.Config)) *world {
	t.Helper()
	w := &world{log: &record{}, ledger: filepath.Join(t.TempDir(), "ledger"), meant: map[string]bool{}}
	config := app.Default()
	config.Data, config.Listen, config.URLStyle = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "host"
	config.Accounts, config.Region = []string{accountA, accountB}, region
	config.BodyTimeout, config.DrainTimeout = time.Second, time.Second
	config.Log = slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config.Now = w.now
	w.program = testProgram(t)
	config.SandboxRead, config.SandboxWrite = []string{w.program}, []string{filepath.Dir(w.ledger)}
	for _, change := range configure {
		change(&config)
	}
	server, err := app.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, context.Background()) }()
	w.address = strings.TrimPrefix(server.Endpoint(), "http://")
	w.readToken(t, config.Data)
	t.Cleanup(func() {
		w.audit(t)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	w.populate(t, server)
	return w
}

// bodiesWithin lets each MiB of a body take so long.
func bodiesWithin(limit time.Duration) func(*app.Config) {
	return func(c *app.Config) { c.BodyTimeout = limit }
}

// readToken reads the page token as furl's commands do.
func (w *world) readToken(t *testing.T, data string) {
	t.Helper()
	token, err := app.ReadPageToken(data)
	if err != nil {
		t.Fatal(err)
	}
	w.token = token.Reveal()
	w.secrets = append(w.secrets, w.token)
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

const (
	trustLambda   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	mayDoLambda   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*"}]}`
	mayDoAnything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

func trustAccount(account string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}]}`
}

func (w *world) populate(t *testing.T, server *app.Server) {
	t.Helper()
	for account, root := range map[string]*key{accountA: &w.rootA, accountB: &w.rootB} {
		made, ok := server.RootKey(account)
		if !ok {
			t.Fatalf("account %s has no root key", account)
		}
		*root = w.issued(key{made.AccessKeyID, made.SecretAccessKey, ""})
		w.iam(t, *root, "CreateRole", "RoleName", "execution", "AssumeRolePolicyDocument", trustLambda)
		w.iam(t, *root, "PutRolePolicy", "RoleName", "execution", "PolicyName", "all", "PolicyDocument", mayDoAnything)
		w.iam(t, *root, "CreateRole", "RoleName", "caller", "AssumeRolePolicyDocument", trustAccount(account))
		w.iam(t, *root, "PutRolePolicy", "RoleName", "caller", "PolicyName", "lambda", "PolicyDocument", mayDoLambda)
		w.createFunction(t, *root, account, "target")
	}
	w.createFunction(t, w.rootA, accountA, "open")
	w.iamURL = w.createURL(t, w.rootA, "target", "AWS_IAM")
	w.openURL = w.createURL(t, w.rootA, "open", "NONE")
	w.otherURL = w.createURL(t, w.rootB, "target", "AWS_IAM")
	w.permit(t, w.rootA, "open", "url", `"Action":"lambda:InvokeFunctionUrl","Principal":"*","FunctionUrlAuthType":"NONE"`)
	w.permit(t, w.rootA, "open", "invoke", `"Action":"lambda:InvokeFunction","Principal":"*","InvokedViaFunctionUrl":true`)
	w.alice = w.createUser(t, w.rootA, "alice", mayDoAnything)
	w.mallory = w.createUser(t, w.rootA, "mallory", "")
	w.bob = w.createUser(t, w.rootB, "alice", mayDoAnything) // of the same name, in the other account
}

// issued remembers a key that no log may show.
func (w *world) issued(k key) key {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, k.secret)
	if k.token != "" {
		w.secrets = append(w.secrets, k.token)
	}
	return k
}

// testProgram is this test binary, which is what functions run.
func testProgram(t *testing.T) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func (w *world) createFunction(t *testing.T, by key, account, name string) {
	t.Helper()
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	header := &zip.FileHeader{Name: "bootstrap"}
	header.SetMode(0o755)
	entry, err := writer.CreateHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(entry, "#!/bin/sh\nexec \"$ATTACK_PROGRAM\"\n"); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{
		"FunctionName": name, "Runtime": "provided.al2023", "Handler": "x", "Timeout": 10,
		"Role": "arn:aws:iam::" + account + ":role/execution",
		"Code": map[string][]byte{"ZipFile": archive.Bytes()},
		"Environment": map[string]any{"Variables": map[string]string{
			"ATTACK_PROGRAM": w.program, "ATTACK_LEDGER": w.ledger,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.lambda(t, by, "POST", "/2015-03-31/functions", string(body))
}

// createURL makes a function URL and returns its id.
func (w *world) createURL(t *testing.T, by key, function, authType string) string {
	t.Helper()
	return functionURL(t, w.lambda(t, by, "POST", "/2021-10-31/functions/"+function+"/url", `{"AuthType":"`+authType+`"}`))
}

// functionURL is the id of the function URL that was made.
func functionURL(t *testing.T, a answer) string {
	t.Helper()
	var made struct{ FunctionUrl string }
	if err := json.Unmarshal([]byte(a.body), &made); err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(made.FunctionUrl, "http://"), ".")
	return id
}

func (w *world) permit(t *testing.T, by key, function, id, members string) {
	t.Helper()
	w.lambda(t, by, "POST", "/2015-03-31/functions/"+function+"/policy", `{"StatementId":"`+id+`",`+members+`}`)
}

// createUser makes a user with a key, and with a policy if there is one.
func (w *world) createUser(t *testing.T, by key, name, policy string) key {
	t.Helper()
	w.iam(t, by, "CreateUser", "UserName", name)
	if policy != "" {
		w.iam(t, by, "PutUserPolicy", "UserName", name, "PolicyName", "policy", "PolicyDocument", policy)
	}
	return w.createKey(t, by, name)
}

func (w *world) createKey(t *testing.T, by key, user string) key {
	t.Helper()
	var made struct {
		Key struct {
			ID     string `xml:"AccessKeyId"`
			Secret string `xml:"SecretAccessKey"`
		} `xml:"CreateAccessKeyResult>AccessKey"`
	}
	if err := xml.Unmarshal([]byte(w.iam(t, by, "CreateAccessKey", "UserName", user).body), &made); err != nil {
		t.Fatal(err)
	}
	return w.issued(key{made.Key.ID, made.Key.Secret, ""})
}

// assume makes a session of a role.
func (w *world) assume(t *testing.T, by key, role, session string) key {
	t.Helper()
	a := w.query(t, by, "sts", "AssumeRole", "RoleArn", role, "RoleSessionName", session)
	var made struct {
		Key struct {
			ID     string `xml:"AccessKeyId"`
			Secret string `xml:"SecretAccessKey"`
			Token  string `xml:"SessionToken"`
		} `xml:"AssumeRoleResult>Credentials"`
	}
	if err := xml.Unmarshal([]byte(a.body), &made); err != nil || a.status != 200 {
		t.Fatalf("AssumeRole %s: %v, %v", role, a, err)
	}
	return w.issued(key{made.Key.ID, made.Key.Secret, made.Key.Token})
}

func callerRole(account string) string { return "arn:aws:iam::" + account + ":role/caller" }

// lambda calls the Lambda API and expects it to do what it is asked.
func (w *world) lambda(t *testing.T, by key, method, path, body string) answer {
	t.Helper()
	a := w.send(t, w.api(method, path, body).signed(w.signing(by, "lambda")))
	if a.status >= 300 {
		t.Fatalf("%s %s: %v", method, path, a)
	}
	return a
}

// iam calls the IAM API and expects it to do what it is asked.
func (w *world) iam(t *testing.T, by key, action string, parameters ...string) answer {
	t.Helper()
	a := w.query(t, by, "iam", action, parameters...)
	if a.status != 200 {
		t.Fatalf("%s %q: %v", action, parameters, a)
	}
	return a
}

// query calls an API of the Query protocol.
func (w *world) query(t *testing.T, by key, service, action string, parameters ...string) answer {
	t.Helper()
	return w.send(t, w.form(formOf(service, action, parameters...)).signed(w.signing(by, service)))
}

func formOf(service, action string, parameters ...string) string {
	version := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]
	form := url.Values{"Action": {action}, "Version": {version}}
	for pair := range slices.Chunk(parameters, 2) {
		form.Set(pair[0], pair[1])
	}
	return form.Encode()
}

// signing is a good signature for this server.
func (w *world) signing(by key, service string) signing {
	s := signing{key: by, service: service, region: region, at: w.now()}
	if service == "iam" {
		s.region = "us-east-1"
	}
	return s
}

// api is a request to the Lambda API, not signed yet.
func (w *world) api(method, path, body string) request {
	return request{method: method, target: path, host: w.address, body: body}
}

// form is a request in the Query protocol, not signed yet.
func (w *world) form(body string) request {
	r := request{method: "POST", target: "/", host: w.address, body: body}
	return r.with("Content-Type: application/x-www-form-urlencoded")
}

// call is a request to a function URL in host style, not signed yet.
func (w *world) call(id, method, target, body string) request {
	return request{method: method, target: target, host: id + ".lambda-url." + region + ".localhost:" + w.port(), body: body}
}

func (w *world) port() string { return w.address[strings.LastIndexByte(w.address, ':')+1:] }

func (w *world) send(t testing.TB, r request) answer {
	t.Helper()
	return exchange(t, w.address, r.method, r.wire())
}

// event is what a function that was meant to run was called with: it answers with just that.
type event struct {
	RawPath        string            `json:"rawPath"`
	RawQueryString string            `json:"rawQueryString"`
	Headers        map[string]string `json:"headers"`
	Body           string            `json:"body"`
	RequestContext struct {
		Authorizer *struct {
			IAM struct {
				UserARN   string `json:"userArn"`
				AccountID string `json:"accountId"`
			} `json:"iam"`
		} `json:"authorizer"`
		HTTP struct {
			Method, Path, SourceIP string
		} `json:"http"`
	} `json:"requestContext"`
}

// ran expects the answer to be that of a function.
func (w *world) ran(t testing.TB, a answer) event {
	t.Helper()
	if a.status != http.StatusOK || !w.executed(t)[a.id()] {
		t.Fatalf("want the function to run, got %v", a)
	}
	w.mu.Lock()
	w.meant[a.id()] = true
	w.mu.Unlock()
	var seen event
	if err := json.Unmarshal([]byte(a.body), &seen); err != nil {
		t.Fatalf("%v in %v", err, a)
	}
	return seen
}

// executed are the ids of all requests that reached a function.
func (w *world) executed(t testing.TB) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(w.ledger)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for id := range strings.Lines(string(text)) {
		ids[strings.TrimSpace(id)] = true
	}
	return ids
}

// audit is what must hold at the end.
func (w *world) audit(t *testing.T) {
	for id := range w.executed(t) {
		if !w.meant[id] {
			t.Errorf("a function ran for the request %s, which should have been refused\n%s", id, w.page(t, "/_furl/requests/"+id))
		}
	}
	places := map[string]string{
		"the log":             w.log.String(),
		"/_furl/requests":     w.page(t, "/_furl/requests?limit=1000"),
		"the traces in JSON":  w.send(t, w.asOwner("/_furl/requests?limit=1000").with("Accept: application/json")).body,
		"the latest in words": w.page(t, "/_furl/requests/last"),
	}
	for place, text := range places {
		for _, secret := range w.secrets {
			for _, spelled := range []string{secret, url.QueryEscape(secret), escape(secret, ""), escape(secret, "/")} {
				if at := strings.Index(text, spelled); at >= 0 {
					t.Errorf("a secret is in %s:\n%s", place, text[max(0, at-300):min(len(text), at+len(spelled))])
					return
				}
			}
		}
	}
}

func (w *world) page(t *testing.T, path string) string {
	t.Helper()
	return w.send(t, w.asOwner(path)).body
}

// recorded waits until there is a trace of the request: some are recorded a moment after the answer.
func (w *world) recorded(t *testing.T, id string) {
	t.Helper()
	page := w.asOwner("/_furl/requests/" + id)
	for end := time.Now().Add(patience); w.send(t, page).status != 200; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no trace of %s", id)
		}
	}
}

// asOwner is a request for a page with the page token, as furl's commands send it.
func (w *world) asOwner(target string) request {
	return w.api("GET", target, "").with("Authorization: Bearer " + w.token)
}
