//go:build unix

package attack_test

import (
	"bytes"
	"context"
	"encoding/json"
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
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/trash"
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
// mallory, who has a key and no permission. In account B there are a function, a role and a user of the same names; the
// user is called bob here. unsigned is anybody who signs nothing.
type world struct {
	address string // host:port
	ahead   atomic.Int64
	log     *record
	ledger  string       // file to which the functions write the ids of the requests that reached them
	program string       // what functions run: this test binary
	data    string       // directory
	limits  limits       // of a server that is a process of its own
	server  *os.Process  // the same
	stop    func() error // the same: it ends the server
	token   string       // the page token

	rootA, rootB, alice, mallory, bob, unsigned person
	iamURL, openURL, otherURL                   string // ids of function URLs; the last is account B's

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
	w.unsigned = person{w: w}
	config := app.Default()
	config.Data, config.Listen, config.URLStyle = dataDir(t, t.TempDir()), "127.0.0.1:0", "host"
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
	w.address, w.data = strings.TrimPrefix(server.Endpoint(), "http://"), config.Data
	w.readToken(t)
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

// dataDir is a data directory in another directory, removed at the end: packages in it cannot be written to.
func dataDir(t *testing.T, parent string) string {
	t.Helper()
	t.Cleanup(func() {
		if err := (trash.Bin{Dir: parent}).Remove(context.Background(), "data"); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(parent, "data")
}

// bodiesWithin lets each MiB of a body take so long.
func bodiesWithin(limit time.Duration) func(*app.Config) {
	return func(c *app.Config) { c.BodyTimeout = limit }
}

// readToken reads the page token as furl's commands do.
func (w *world) readToken(t *testing.T) {
	t.Helper()
	token, _, err := roster.ReadPageToken(w.data)
	if err != nil {
		t.Fatal(err)
	}
	w.token = token.Reveal()
	w.secrets = append(w.secrets, w.token)
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// The policies that people have, and the trust policies of roles.
var (
	mayDoAnything = document(statement("Allow", "*"))
	mayDoLambda   = document(statement("Allow", "lambda:*"))
	trustLambda   = trust(`"Service":"lambda.amazonaws.com"`)
)

func trustAccount(account string) string { return trust(`"AWS":"` + account + `"`) }

func trust(principal string) string {
	return document(`{"Effect":"Allow","Principal":{` + principal + `},"Action":"sts:AssumeRole"}`)
}

// document is a policy.
func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// statement is one about all resources.
func statement(effect, action string) string {
	return `{"Effect":"` + effect + `","Action":"` + action + `","Resource":"*"}`
}

// under is a statement with a condition.
func under(statement, condition string) string {
	return strings.TrimSuffix(statement, "}") + `,"Condition":{` + condition + `}}`
}

// populate makes the people and what they attack, as the root users.
func (w *world) populate(t *testing.T, server *app.Server) {
	t.Helper()
	for account, root := range map[string]*person{accountA: &w.rootA, accountB: &w.rootB} {
		made, ok := server.RootKey(account)
		if !ok {
			t.Fatalf("account %s has no root key", account)
		}
		*root = w.person(key{made.AccessKeyID, made.SecretAccessKey, ""}).of(account)
		root.createRole(t, "execution", trustLambda, mayDoAnything)
		root.createRole(t, "caller", trustAccount(account), mayDoLambda)
		root.createFunction(t, "target")
	}
	w.rootA.createFunction(t, "open")
	w.iamURL = w.rootA.createURL(t, "target", "AWS_IAM")
	w.otherURL = w.rootB.createURL(t, "target", "AWS_IAM")
	w.openURL = w.rootA.openURL(t, "open")
	w.alice = w.rootA.createUser(t, "alice", mayDoAnything)
	w.mallory = w.rootA.createUser(t, "mallory", "")
	w.bob = w.rootB.createUser(t, "alice", mayDoAnything) // of the same name, in the other account
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

func callerRole(account string) string { return "arn:aws:iam::" + account + ":role/caller" }

// functionURL is the id of the function URL that was made.
func functionURL(t testing.TB, a answer) string {
	t.Helper()
	var made struct{ FunctionUrl string }
	if err := json.Unmarshal([]byte(a.body), &made); err != nil {
		t.Fatal(err)
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(made.FunctionUrl, "http://"), ".")
	return host
}

// api is a request to the Lambda API, not signed yet.
func (w *world) api(method, path, body string) request {
	return request{method: method, target: path, host: w.address, body: body, service: "lambda"}
}

// form is a request in the Query protocol, not signed yet.
func (w *world) form(service, body string) request {
	r := request{method: "POST", target: "/", host: w.address, body: body, service: service}
	return r.with("Content-Type: application/x-www-form-urlencoded")
}

// action is a call of an API of the Query protocol, not signed yet.
func (w *world) action(service, action string, parameters ...string) request {
	version := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]
	form := url.Values{"Action": {action}, "Version": {version}}
	for pair := range slices.Chunk(parameters, 2) {
		form.Set(pair[0], pair[1])
	}
	return w.form(service, form.Encode())
}

// url is a request to a function URL in host style, not signed yet.
func (w *world) url(id, method, target, body string) request {
	host := id + ".lambda-url." + region + ".localhost:" + w.port()
	return request{method: method, target: target, host: host, body: body, service: "lambda"}
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
	Encoded        bool              `json:"isBase64Encoded"`
	RequestContext struct {
		RequestID  string      `json:"requestId"`
		Authorizer *authorizer `json:"authorizer"`
		HTTP       struct {
			Method, Path, SourceIP string
		} `json:"http"`
	} `json:"requestContext"`
}

// authorizer is what an event says of its caller.
type authorizer struct {
	IAM struct {
		UserARN   string `json:"userArn"`
		AccountID string `json:"accountId"`
	} `json:"iam"`
}

// ran expects the answer to be that of a function.
func (w *world) ran(t testing.TB, a answer) event {
	t.Helper()
	if a.status != http.StatusOK || !w.executed(t)[a.id()] {
		t.Fatalf("want the function to run, got %v", a)
	}
	w.mean(a)
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
			t.Errorf("a function ran for the request %s, which should have been refused\n%s", id,
				w.page(t, "/_furl/requests/"+id))
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

func (w *world) page(t testing.TB, path string) string {
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

// eventually waits for what the server does in its own time.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

// mean notes that a request was meant to reach a function.
func (w *world) mean(a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.meant[a.id()] = true
}
