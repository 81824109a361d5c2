package proxy_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/proxy"
	"github.com/furl-dev/furl/internal/tomlfile"
	"github.com/furl-dev/furl/sigv4"
)

// What a file says of all routes counts for those that say nothing else, what a flag says outranks it, and files are
// beside the file that names them.
func TestConfigFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "proxy.toml")
	text := `
listen = "127.0.0.1:1"
token = true
token-file = "token"
tls-cert = "/etc/cert.pem"
tls-key = "key.pem"
allow-hosts = ["a.example"]
drain-timeout = "1m"
profile = "all"
max-body = 6_291_456
timeout = "30s"
retries = 2

[[routes]]
host = "Api.Example"
path = "/orders/"
keep-path = true
upstream = "my-orders"
role-arn = "arn:aws:iam::123456789012:role/orders"
rate = 2.5
retries = 0
max-concurrent = 7

[[routes]] # another
path = "/users"
upstream = "https://users.example"
env-prefix = "USERS_"
timeout = "1s"
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := proxy.ReadConfig(path, func(c *proxy.Config) { c.Timeout = time.Minute })
	if err != nil {
		t.Fatal(err)
	}
	want := proxy.Default()
	want.Listen, want.Admin, want.RequireToken, want.AllowHosts = "127.0.0.1:1", proxy.DefaultAdmin, true, []string{"a.example"}
	want.TokenFile, want.TLSCert, want.TLSKey = filepath.Join(dir, "token"), "/etc/cert.pem", filepath.Join(dir, "key.pem")
	want.DrainTimeout, want.MaxBody, want.Timeout, want.Retries, want.Profile = time.Minute, 6<<20, time.Minute, 2, "all"
	orders := proxy.Route{Host: "api.example", Path: "/orders", KeepPath: true, Upstream: "my-orders", MaxConcurrent: 7,
		Signing: want.Signing, Limits: want.Limits, At: path + ":14"}
	orders.RoleARN, orders.Rate, orders.Retries = "arn:aws:iam::123456789012:role/orders", 2.5, 0
	users := proxy.Route{Path: "/users", Upstream: "https://users.example", Signing: want.Signing, Limits: want.Limits, At: path + ":24"}
	users.EnvPrefix, users.Profile, users.Timeout = "USERS_", "", time.Second
	want.Routes = []proxy.Route{orders, users}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b sigv4.Secret) bool { return a.Reveal() == b.Reveal() })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestConfigFileFaults(t *testing.T) {
	const route = "\n[[routes]]\npath = '/a'\nupstream = 'f'\n"
	for name, test := range map[string]struct{ text, want string }{
		"nothing":                      {"", "there is neither upstream nor a table [[routes]]"},
		"no TOML":                      {"listen = \n" + route, ":1"},
		"a key twice":                  {"open = true\nopen = true\n", ":2"},
		"an unknown key":               {"\nlisten-on = 'x'\n" + route, ":2: there is no setting listen-on"},
		"a misspelled key":             {"max_body = 1\n" + route, ":1: there is no setting max_body; did you mean max-body?"},
		"a flag's name":                {"allow-host = ['x']\n" + route, ":1: there is no setting allow-host; did you mean allow-hosts?"},
		"an unknown key of a route":    {route + "\n[[routes]]\nupstream = 'x'\nhots = 'y'\n", ":8: there is no setting hots; did you mean host?"},
		"the same in two routes":       {"[[routes]]\nx1 = 1\nupstream = 'x'\n[[routes]]\nx1 = 2\nupstream = 'x'\n", ":5: there is no setting x1"},
		"a table of a route":           {route + "[routes.limits]\nrate = 1\n", ":5: there is no setting limits"},
		"an unknown table":             {route + "[server]\nlisten = 'x'\n", ":5: there is no setting server"},
		"a table for routes":           {"[routes]\npath = '/a'\n", ":1"},
		"a number for a text":          {"listen = 8080\n" + route, ":1"},
		"a type in the second route":   {route + "[[routes]]\npath = 3\n" + route, ":6"},
		"a number for a time":          {"drain-timeout = 30\n" + route, `:1: drain-timeout: 30ns is no such time`},
		"no time":                      {"timeout = 'soon'\n" + route, ":1"},
		"a negative time":              {"idle-timeout = '-1s'\n" + route, ":1: idle-timeout"},
		"no time to drain":             {"drain-timeout = '0s'\n" + route, ":1: drain-timeout"},
		"another machine":              {"listen = '0.0.0.0:80'\n" + route, ":1: listen: other machines can reach 0.0.0.0:80"},
		"pages for another machine":    {"admin = '[::]:80'\n" + route, ":1: admin: other machines can reach [::]:80"},
		"pages at no address":          {"admin = 'on'\n" + route, ":1: admin:"},
		"one address":                  {"admin = '127.0.0.1:8080'\n" + route, ":1: admin: 127.0.0.1:8080 is the address of the proxy itself"},
		"open on loopback":             {"open = true\n" + route, ":1: open: it is for an address"},
		"a literal token":              {"token = 'hunter2'\n" + route, ":1: token is true or false, since a configuration file holds no secrets"},
		"a file of no token":           {"token-file = 'x'\n" + route, ":1: token-file"},
		"literal keys":                 {"aws_secret_access_key = 'hunter2'\n" + route, ":1: aws_secret_access_key: a configuration file holds no secrets"},
		"literal keys of a route":      {route + "secret-access-key = 'hunter2'\n", ":5: secret-access-key: a configuration file holds no secrets"},
		"a table of literal keys":      {route + "[routes.credentials]\nkey = 'hunter2'\n", ":5: credentials: a configuration file holds no secrets"},
		"a certificate without a key":  {"tls-cert = 'x'\n" + route, ":1: tls-cert"},
		"clients' without one":         {"client-ca = 'x'\n" + route, ":1: client-ca: clients show certificates over TLS only"},
		"an authority left out":        {"client-auth = 'required'\n" + route, ":1: client-auth: say client-ca too"},
		"an unknown client-auth":       {"tls-cert = 'x'\ntls-key = 'x'\nclient-ca = 'x'\nclient-auth = 'maybe'\n" + route, `:4: client-auth: "maybe" is neither`},
		"a route to nowhere":           {"[[routes]]\npath = '/a'\n", ":1: upstream: the route needs upstream"},
		"a relative path":              {"[[routes]]\nupstream = 'f'\npath = 'a'\n", `:3: path: "a" does not begin with a slash`},
		"a path with a query":          {"[[routes]]\nupstream = 'f'\npath = '/a?b'\n", ":3: path"},
		"a host with a port":           {"[[routes]]\nupstream = 'f'\nhost = 'a:1'\n", ":3: host"},
		"a host with a scheme":         {"[[routes]]\nupstream = 'f'\nhost = 'https://a'\n", ":3: host"},
		"a negative rate":              {"rate = -1\n" + route, ":1: rate"},
		"no number":                    {"rate = nan\n" + route, ":1: rate"},
		"an endless rate":              {"rate = inf\n" + route, ":1: rate"},
		"a burst without a rate":       {"burst = 3\n" + route, ":1: burst"},
		"too many retries":             {"[[routes]]\nupstream = 'f'\nretries = 1000\n", ":3: retries"},
		"a budget above all":           {"retry-budget = 1.5\n" + route, ":1: retry-budget"},
		"no body":                      {"max-body = 0\n" + route, ":1: max-body"},
		"no requests":                  {"max-concurrent = 0\n" + route, ":1: max-concurrent"},
		"negative connections":         {"max-connections = -1\n" + route, ":1: max-connections"},
		"a negative bound of a route":  {route + "max-concurrent = -1\n", ":5: max-concurrent"},
		"negative failures":            {"breaker-failures = -1\n" + route, ":1: breaker-failures"},
		"a breaker that never closes":  {"breaker-timeout = '0s'\n" + route, ":1: breaker-timeout"},
		"two sources of keys":          {"[[routes]]\nupstream = 'f'\nprofile = 'x'\nenv-prefix = 'Y_'\n", ":4: env-prefix"},
		"a prefix of no variable":      {"env-prefix = 'A-B'\n" + route, `:1: env-prefix: "A-B" cannot begin`},
		"no service":                   {"service = ''\n" + route, ":1: service"},
		"a host that is none":          {"allow-hosts = ['a', 'b c']\n" + route, `:1: allow-hosts: "b c" is not a host name`},
		"an origin that is none":       {"open = false\nallow-origins = ['x']\n" + route, `:2: allow-origins: "x" is not an origin`},
		"a number that is too large":   {"max-body = 99999999999999999999\n" + route, ":1"},
		"a byte order mark and a typo": {"\ufeffopne = true\n" + route, ":1: there is no setting opne; did you mean open?"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := proxy.ParseConfig("proxy.toml", []byte(test.text), nil)
			if err == nil || !strings.Contains(err.Error(), "proxy.toml"+test.want) && !strings.Contains(err.Error(), "proxy.toml: "+test.want) {
				t.Fatalf("error %v, want %q", err, test.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error has the secret: %v", err)
			}
		})
	}
}

// A setting of all routes that is wrong is said once.
func TestConfigFileFaultsAreSaidOnce(t *testing.T) {
	text := "rate = -1\nopne = true\n[[routes]]\nupstream = 'a'\n[[routes]]\nupstream = 'b'\npath = 'b'\n"
	_, err := proxy.ParseConfig("f", []byte(text), nil)
	if err == nil {
		t.Fatal("no error")
	}
	var lines []string
	for line := range strings.Lines(err.Error()) {
		lines = append(lines, line[:4])
	}
	if diff := cmp.Diff([]string{"f:1:", "f:2:", "f:7:"}, lines); diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// Two routes for the same requests are found when the configuration is used, with the line.
func TestConfigFileWithOneRouteTwice(t *testing.T) {
	c, err := proxy.ParseConfig("f", []byte("[[routes]]\nupstream = 'https://a'\n[[routes]]\npath = '/'\nupstream = 'https://b'\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Transport = roundTrip(nil)
	if _, err := proxy.New(c); err == nil || !strings.Contains(err.Error(), "f:3: two routes for /") {
		t.Errorf("error %v", err)
	}
}

// The documentation has an example that works, and names every setting.
func TestDocumentedConfig(t *testing.T) {
	document, err := os.ReadFile("../../docs/proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(document), "```toml\n")
	example, _, _ = strings.Cut(example, "```")
	c, err := proxy.ParseConfig("docs/proxy.md", []byte(example), nil)
	if err != nil || len(c.Routes) != 3 {
		t.Errorf("%d routes, %v", len(c.Routes), err)
	}
	for _, key := range append(tomlfile.Keys(reflect.TypeFor[proxy.Config]()), tomlfile.Keys(reflect.TypeFor[proxy.Route]())...) {
		if !strings.Contains(string(document), "`"+key+"`") && !strings.Contains(example, "\n"+key+" = ") {
			t.Errorf("docs/proxy.md does not say %s", key)
		}
	}
}

// What ParseConfig takes is valid, and what it refuses names the file.
func FuzzParseConfig(f *testing.F) {
	for _, text := range []string{
		"", "upstream = 'f'\n", "[[routes]]\npath = '/a'\nupstream = 'f'\n", "routes = [{path = '/a', upstream = 'f'}, {x = 1}]\n",
		"token = 'x'\n", "[routes]\n", "a.b.c = 1\n[a]\n", "rate = 1e999\n", "[[routes]]\nrate = \"\"\"\n[x]\n\"\"\"\n", "\"\" = 1\n",
		"[[routes]]\n[[routes.x]]\ny=1\n", "[\n", "[]\n", "=\n", "'a.b'.\"c\" = 2\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := proxy.ParseConfig("f", []byte(text), nil)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("%q: the error does not name the file: %v", text, err)
			}
			return
		}
		if err := c.Validate(); err != nil {
			t.Errorf("%q: taken, but %v", text, err)
		}
		if len(c.Routes) == 0 && c.Upstream == "" {
			t.Errorf("%q: taken, and has no route", text)
		}
		again, err := proxy.ParseConfig("f", []byte(text), nil)
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Errorf("%q: read twice, %v", text, err)
		}
	})
}
