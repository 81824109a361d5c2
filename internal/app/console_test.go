//go:build unix

package app_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/sigv4"
)

// lockedBuffer is a log that a test reads while the server writes.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// browser sends requests to one server.
type browser struct {
	t      *testing.T
	server *app.Server
}

// send sends a request with headers, as NAME: VALUE. Host is one of them, and a signer, "signed", signs for lambda.
func (b browser) send(method, path, body string, headers ...string) (status int, answer string, header http.Header) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.server.Endpoint()+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, text := range headers {
		name, value, _ := strings.Cut(text, ": ")
		switch name {
		case "Host":
			request.Host = value
		case "signed":
			root, _ := b.server.RootKey(roster.DefaultAccount)
			signer := &sigv4.Signer{Region: "eu-central-1", Service: "lambda"}
			key := sigv4.Credentials{AccessKeyID: root.AccessKeyID, Secret: sigv4.NewSecret(root.SecretAccessKey)}
			if _, err := signer.Sign(request, key, sigv4.PayloadBytes([]byte(body))); err != nil {
				b.t.Fatal(err)
			}
		default:
			request.Header.Add(name, value)
		}
	}
	return get(b.t, request)
}

func (b browser) token() string { return "Authorization: Bearer " + b.server.PageToken() }

// signIn is the token of a session, as a header.
func (b browser) signIn() string {
	b.t.Helper()
	_, ticket, _ := b.send("POST", "/_furl/v1/ticket", "", b.token())
	status, text, _ := b.send("POST", "/_furl/v1/session", ticket)
	var session struct{ Token string }
	if err := json.Unmarshal([]byte(text), &session); err != nil || session.Token == "" {
		b.t.Fatalf("%d %s (%v)", status, text, err)
	}
	return "Authorization: Bearer " + session.Token
}

func consoleServer(t *testing.T, edit func(*app.Config)) browser {
	t.Helper()
	config := configFor(t.TempDir())
	config.Console = app.ConsoleRead
	if edit != nil {
		edit(&config)
	}
	server, _ := run(t, config)
	return browser{t, server}
}

// The addresses of the console answer programs and pages of this machine that have a token, and nobody else.
func TestConsoleAdmission(t *testing.T) {
	b := consoleServer(t, nil)
	session := b.signIn()
	port := b.server.Endpoint()[strings.LastIndex(b.server.Endpoint(), ":"):]
	const answers = `{"version":`
	for _, test := range []struct {
		name, method, path string
		headers            []string
		status             int
		answer             string
	}{
		{"page token", "GET", "server", []string{b.token()}, 200, answers},
		{"session", "GET", "server", []string{session}, 200, answers},
		{"scheme in lower case", "GET", "server", []string{strings.Replace(session, "Bearer", "bearer", 1)}, 200, answers},
		{"console's name", "GET", "server", []string{session, "Host: console.localhost" + port}, 200, answers},
		{"console's name with a dot", "GET", "server", []string{session, "Host: Console.LOCALHOST." + port}, 200, answers},
		{"IPv6", "GET", "server", []string{session, "Host: [::1]" + port}, 200, answers},
		{"own origin", "GET", "server", []string{session, "Host: console.localhost:1", "Origin: http://console.localhost:1"}, 200, answers},
		{"own site", "GET", "server", []string{session, "Sec-Fetch-Site: same-origin"}, 200, answers},
		{"nobody", "GET", "server", nil, 401, `{"message":"the console wants the token`},
		{"other token", "GET", "server", []string{session + "0"}, 401, `{"message":"the session has ended`},
		{"empty token", "GET", "server", []string{"Authorization: Bearer "}, 403, `{"message":"the console wants the page token`},
		{"two tokens", "GET", "server", []string{session, session}, 403, `{"message":"the console wants the page token`},
		{"ticket as token", "GET", "server", []string{"Authorization: Bearer " + strings.Repeat("0", 64)}, 401, `{"message":"the session`},
		{"administrator", "GET", "server", []string{"signed"}, 403, `{"message":"the console wants the page token`},
		{"other origin", "GET", "server", []string{session, "Origin: http://evil.example"}, 403, `{"message":"furl's own pages do not answer requests of the origin`},
		{"null origin", "POST", "session", []string{"Origin: null"}, 403, `{"message":"furl's own pages do not`},
		{"origin of functions", "GET", "server", []string{session, "Host: console.localhost" + port, "Origin: http://localhost" + port}, 403, `{"message":"furl's`},
		{"origin on another port", "GET", "server", []string{session, "Host: console.localhost:1", "Origin: http://console.localhost:2"}, 403, `{"message":"furl's`},
		{"origin with another scheme", "GET", "server", []string{session, "Host: localhost", "Origin: https://localhost"}, 403, `{"message":"furl's`},
		{"origin with a path", "GET", "server", []string{session, "Host: localhost", "Origin: http://localhost/"}, 403, `{"message":"furl's`},
		{"two origins", "GET", "server", []string{session, "Host: localhost", "Origin: http://localhost", "Origin: http://localhost"}, 403, `{"message":"furl's`},
		{"other site", "GET", "server", []string{session, "Sec-Fetch-Site: cross-site"}, 403, `{"message":"furl's`},
		{"sister site", "POST", "session", []string{"Sec-Fetch-Site: same-site"}, 403, `{"message":"furl's`},
		{"rebound name", "GET", "server", []string{session, "Host: evil.example"}, 403, `{"message":"furl's own pages do not answer under`},
		{"name below the console's", "GET", "server", []string{session, "Host: x.console.localhost"}, 403, `{"message":"furl's`},
		{"no such address", "GET", "nothing", []string{session}, 404, `{"message":"the console has no address /_furl/v1/nothing;`},
		{"no address", "GET", "", []string{session}, 404, `{"message":"the console has no address`},
		{"unclean path", "GET", "x/../server", []string{session}, 404, `{"message":"the console has no address`},
		{"two slashes", "GET", "/server", []string{session}, 404, `{"message":"the console has no address`},
		{"wrong method", "DELETE", "server", []string{session}, 405, `{"message":"/_furl/v1/server does not take the method DELETE, only GET, HEAD"}`},
		{"wrong query", "GET", "server?a=1;b=2", []string{session}, 400, `{"message":"the query cannot be read`},
		{"ticket from a session", "POST", "ticket", []string{session}, 401, `{"message":"`},
		{"use of a ticket, from a session", "POST", "ticket/use", []string{session}, 401, `{"message":"`},
		{"ticket from nobody", "POST", "ticket", nil, 401, `{"message":"`},
		{"ticket with GET", "GET", "ticket", []string{b.token()}, 405, `{"message":"`},
		{"wrong ticket", "POST", "session", nil, 400, `{"message":"the body is not`},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, answer, header := b.send(test.method, "/_furl/v1/"+test.path, "", test.headers...)
			if status != test.status || !strings.HasPrefix(answer, test.answer) {
				t.Errorf("got %d %s", status, answer)
			}
			if header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store" ||
				header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Set-Cookie") != "" {
				t.Errorf("the headers are %v", header)
			}
		})
	}
}

// What the server says of itself.
func TestConsoleServer(t *testing.T) {
	for console, edit := range map[string]bool{app.ConsoleRead: false, app.ConsoleEdit: true} {
		b := consoleServer(t, func(config *app.Config) {
			config.Console, config.Version, config.Accounts = console, "1.2.3", []string{"222222222222", "111111111111"}
		})
		_, text, _ := b.send("GET", "/_furl/v1/server", "", b.signIn())
		var got struct {
			Version, Endpoint, Region, Now string
			Accounts                       []string
			Edit                           bool
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if got.Version != "1.2.3" || got.Endpoint != b.server.Endpoint() || got.Edit != edit || got.Now == "" ||
			got.Region != "us-east-1" || strings.Join(got.Accounts, " ") != "111111111111 222222222222" {
			t.Errorf("%s: %s", console, text)
		}
	}
}

// A server without a console says how to get one, and its other pages are there.
func TestConsoleOff(t *testing.T) {
	b := consoleServer(t, func(config *app.Config) { config.Console = app.ConsoleOff })
	for _, path := range []string{"server", "ticket", "session"} {
		status, text, _ := b.send("POST", "/_furl/v1/"+path, "", b.token())
		if status != http.StatusNotFound || !strings.Contains(text, "--console=read") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, text, _ := b.send("GET", "/_furl/", "", b.token(), "Accept: text/html"); status != 200 || !strings.HasPrefix(text, "furl\n") {
		t.Errorf("%d %s", status, text)
	}
}

// sentTo is where a browser is sent that opens the pages of a server under localhost.
func sentTo(t *testing.T, scheme, port, trust string) string {
	t.Helper()
	text, err := os.ReadFile(trust)
	trusted := x509.NewCertPool()
	if err != nil || !trusted.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, scheme+"://localhost"+port+"/_furl/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/html")
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.Header.Get("Location")
}

// Where the server speaks https, the console's name has a certificate of the same authority, and a browser stays with
// https. A certificate that the server was given may be for other names: the console is at http then, on the same port.
func TestConsoleOverTLS(t *testing.T) {
	ownConfig(t)
	_, address, file := serveTLS(t, t.TempDir(), nil)
	for _, name := range []string{"console.localhost", "Console.Localhost"} {
		if _, err := ask(t, address, name, file); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	port := address[strings.LastIndex(address, ":"):]
	for _, scheme := range []string{"https", "http"} {
		if got, want := sentTo(t, scheme, port, file), scheme+"://console.localhost"+port+"/_furl/"; got != want {
			t.Errorf("%s: sent to %q, want %q", scheme, got, want)
		}
	}
	for scheme, names := range map[string][]string{"http": {"localhost"}, "https": {"localhost", "console.localhost"}} {
		cert, key := givenPair(t, t.TempDir(), names...)
		_, address, _ := serveTLS(t, t.TempDir(), func(c *app.Config) { c.TLS, c.TLSCert, c.TLSKey = false, cert, key })
		port := address[strings.LastIndex(address, ":"):]
		if got, want := sentTo(t, "https", port, cert), scheme+"://console.localhost"+port+"/_furl/"; got != want {
			t.Errorf("a certificate for %v: sent to %q, want %q", names, got, want)
		}
	}
}

// Behind a front end that speaks https, the origin is one of https; what calls the server itself has the other.
func TestConsoleBehindFrontEnd(t *testing.T) {
	b := consoleServer(t, func(c *app.Config) { c.ForwardedProto = "https" })
	session := b.signIn()
	for origin, want := range map[string]int{
		"https://console.localhost:1": 200, "http://console.localhost:1": 200, "https://console.localhost": 403, "https://evil.example": 403,
	} {
		status, text, _ := b.send("GET", "/_furl/v1/server", "", session, "Host: console.localhost:1", "Origin: "+origin)
		if status != want {
			t.Errorf("%s: %d %s", origin, status, text)
		}
	}
}

// What nobody may know is in no line of the log, also not when it is wrong.
func TestConsoleLogsNoSecrets(t *testing.T) {
	var log lockedBuffer
	b := consoleServer(t, func(c *app.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	_, ticket, _ := b.send("POST", "/_furl/v1/ticket", "", b.token())
	_, session, _ := b.send("POST", "/_furl/v1/session", ticket)
	b.send("POST", "/_furl/v1/session", ticket)
	_, metrics, _ := b.send("GET", "/_furl/metrics", "", b.token())
	if !strings.Contains(metrics, `furl_refusals_total{part="page",reason="wrong-token"} 1`) {
		t.Error("the wrong ticket is not counted")
	}
	_, traces, _ := b.send("GET", "/_furl/requests", "", b.token())
	for _, text := range []string{ticket, session} {
		var secret map[string]string
		if err := json.Unmarshal([]byte(text), &secret); err != nil {
			t.Fatal(err)
		}
		for name, value := range secret {
			if name != "expires" && (len(value) != 64 || strings.Contains(log.String()+traces, value)) {
				t.Errorf("the %s %q is in the log: %s", name, value, log.String())
			}
		}
	}
}

// A server that keeps nothing has no file with the page token: its user's commands get a ticket with what is in server.json.
func TestConsoleOfServerInMemory(t *testing.T) {
	b := consoleServer(t, func(c *app.Config) { c.Data = app.InMemory })
	running, err := roster.FindRunning(t.Context(), b.server.Dir())
	for deadline := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
		running, err = roster.FindRunning(t.Context(), b.server.Dir())
	}
	if err != nil {
		t.Fatal(err)
	}
	if status, text, _ := b.send("POST", "/_furl/v1/ticket", "", "Furl-Secret: "+running.Secret); status != 200 {
		t.Errorf("with the secret: %d %s", status, text)
	}
	for _, header := range []string{"Furl-Secret: x", "Furl-Secret: ", "Authorization: Bearer " + running.Secret} {
		if status, text, _ := b.send("POST", "/_furl/v1/ticket", "", header); status != 401 && status != 403 {
			t.Errorf("%s: %d %s", header, status, text)
		}
	}
	if status, text, _ := b.send("GET", "/_furl/v1/server", "", "Furl-Secret: "+running.Secret); status != 401 {
		t.Errorf("the secret opens more than it is for: %d %s", status, text)
	}
}

// What the server does is what the console shows: a refused call, live and in the list, and why.
func TestConsoleShowsRequests(t *testing.T) {
	b := consoleServer(t, nil)
	session := b.signIn()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.server.Endpoint()+"/_furl/v1/requests/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(session, ": ")
	request.Header.Set("Authorization", token)
	live, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Body.Close()
	_, _, header := b.send("GET", "/_furl/url/abcdefghijklmnopqrstuvwxyz012345/book", "")
	id := header.Get("X-Amzn-Requestid")
	lines := bufio.NewScanner(live.Body)
	for lines.Scan() && !strings.Contains(lines.Text(), id) {
	}
	if !strings.HasPrefix(lines.Text(), "data: {") || !strings.Contains(lines.Text(), `"/_furl/url/abcdefghijklmnopqrstuvwxyz012345/book"`) {
		t.Errorf("live: %s (%v)", lines.Text(), lines.Err())
	}
	if _, list, _ := b.send("GET", "/_furl/v1/requests", "", session); !strings.Contains(list, id) {
		t.Errorf("the list is %s", list)
	}
	if status, detail, _ := b.send("GET", "/_furl/v1/requests/"+id, "", session); status != 200 || !strings.Contains(detail, "no function URL has") {
		t.Errorf("%d %s", status, detail)
	}
}
