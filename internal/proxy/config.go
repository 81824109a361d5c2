package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/sigv4"
)

// MaxConcurrent is the default of Config.MaxConcurrent.
const MaxConcurrent = 1024

// DefaultAdmin is where a proxy with a configuration file answers about itself, unless the file says otherwise.
const DefaultAdmin = "127.0.0.1:8081"

// Config is the configuration of a Proxy, as flags and a configuration file say it. The keys of the file are the tags.
type Config struct {
	// Listen is the address to listen on, HOST:PORT.
	Listen string `toml:"listen"`
	// Open says that other machines may use the proxy without a token.
	Open bool `toml:"open"`
	// Admin is the address of the pages about health and metrics, HOST:PORT; "" or "off" for none.
	Admin string `toml:"admin"`
	// AdminOpen says that other machines may read these pages.
	AdminOpen bool `toml:"admin-open"`

	// RequireToken says that each request needs the token, which TokenFile or the environment has.
	RequireToken bool   `toml:"token"`
	TokenFile    string `toml:"token-file"`
	// Token, if not empty, must be in each request: as a bearer token, as a password, or in X-Furl-Token.
	Token sigv4.Secret `toml:"-"`

	// TLSCert and TLSKey are files. The proxy then speaks TLS only.
	TLSCert string `toml:"tls-cert"`
	TLSKey  string `toml:"tls-key"`
	// ClientCA is a file of certificates that sign those of clients, and ClientAuth whether clients need one.
	ClientCA   string     `toml:"client-ca"`
	ClientAuth ClientAuth `toml:"client-auth"`

	// AllowHosts are names that the Host header may have, in addition to IP addresses, localhost and names below it, and
	// the hosts of Routes.
	AllowHosts []string `toml:"allow-hosts"`
	// AllowOrigins are origins ("https://app.example") whose pages may use the proxy; "*" for all.
	AllowOrigins []string `toml:"allow-origins"`
	// ForwardAuthorization passes the client's Authorization header on as X-Forwarded-Authorization. The proxy never
	// passes on an X-Forwarded-Authorization header from the client.
	ForwardAuthorization bool `toml:"forward-authorization"`

	// MaxConcurrent is the maximum number of requests at one time; 0 means the constant MaxConcurrent.
	MaxConcurrent int `toml:"max-concurrent"`
	// MaxConnections is the maximum number of connections of clients; 0 means that of package listener.
	MaxConnections int `toml:"max-connections"`
	// DrainTimeout is the time that requests have to finish when the proxy stops; 0 means 10 seconds.
	DrainTimeout time.Duration `toml:"drain-timeout"`

	// Upstream is the URL for requests that match no route; "" to refuse such requests.
	Upstream string  `toml:"upstream"`
	Routes   []Route `toml:"-"`
	// At is where a file has Upstream, for errors.
	At string `toml:"-"`
	// Signing and Limits are those of Upstream, and in a file those of all routes that do not say otherwise.
	Signing
	Limits

	// Transport signs and sends for the routes that have none of their own, a *furl.Transport.
	Transport http.RoundTripper `toml:"-"`
	// Log gets one line for each request; nil for no log.
	Log *slog.Logger `toml:"-"`
}

// AllRoutes are the routes, and that of Upstream if there is one.
func (c Config) AllRoutes() []Route {
	if c.Upstream == "" {
		return slices.Clone(c.Routes)
	}
	return append(slices.Clone(c.Routes), Route{
		Upstream: c.Upstream, Signing: c.Signing, Limits: c.Limits, Transport: c.Transport, At: c.At,
	})
}

// Signing is with which credentials and for what requests are signed.
type Signing struct {
	Profile     string `toml:"profile"`      // of the AWS configuration
	RoleARN     string `toml:"role-arn"`     // to assume
	EnvPrefix   string `toml:"env-prefix"`   // of the variables, such as ORDERS_ for $ORDERS_AWS_ACCESS_KEY_ID
	Region      string `toml:"region"`       // if the URL does not name it
	EndpointURL string `toml:"endpoint-url"` // of the APIs that look up URLs and assume roles
	Service     string `toml:"service"`
	SignHost    string `toml:"sign-host"` // the function URL's host, if another one stands in front of it
}

// Limits bound what the requests of a route may take. 0 is no limit.
type Limits struct {
	MaxBody     int64         `toml:"max-body"`     // bytes of a request's body
	Timeout     time.Duration `toml:"timeout"`      // until the response begins
	IdleTimeout time.Duration `toml:"idle-timeout"` // between two pieces of a response
	Rate        float64       `toml:"rate"`         // requests per second
	Burst       int           `toml:"burst"`        // requests at once, with Rate; 0 for as many as come in a second
	// Retries is how often to repeat a request that may be repeated, and RetryBudget the share of the requests that
	// retries may add.
	Retries     int     `toml:"retries"`
	RetryBudget float64 `toml:"retry-budget"`
	// BreakerFailures is after how many failures in a row the route is not asked for BreakerTimeout; 0 for never.
	BreakerFailures int           `toml:"breaker-failures"`
	BreakerTimeout  time.Duration `toml:"breaker-timeout"`
}

// ClientAuth is whether clients need a certificate.
type ClientAuth string

// The values of Config.ClientAuth. "" is ClientsRequired where there is a ClientCA.
const (
	ClientsRequired ClientAuth = "required"
	ClientsOptional ClientAuth = "optional"
)

// Default is the configuration of a proxy of which nothing is said.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:8080", MaxConcurrent: MaxConcurrent, DrainTimeout: 10 * time.Second,
		Signing: Signing{Service: "lambda"},
		Limits:  Limits{MaxBody: 1 << 30, RetryBudget: 0.2, BreakerTimeout: 10 * time.Second},
	}
}

// fault is an error about one setting. The text has names of settings in braces, which stand out on a command line.
type fault struct {
	key, text string
	arguments []any
}

func wrong(key, text string, arguments ...any) error { return fault{key, text, arguments} }

func (f fault) Error() string { return f.key + ": " + f.said("") }

// said is the text with a mark before the names of settings.
func (f fault) said(mark string) string {
	return fmt.Sprintf(strings.NewReplacer("{", mark, "}", "").Replace(f.text), f.arguments...)
}

// About is an error about one setting.
type About struct {
	Key  string // "" if it is about none
	Text string
}

// Faults are the errors within an error, with a mark before the names of settings in their texts.
func Faults(err error, mark string) []About {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []About
		for _, inner := range joined.Unwrap() {
			all = append(all, Faults(inner, mark)...)
		}
		return all
	}
	if about, ok := errors.AsType[fault](err); ok {
		return []About{{about.key, about.key + ": " + about.said(mark)}}
	}
	return []About{{"", err.Error()}}
}

// Validate finds settings that cannot be, or that contradict each other.
func (c Config) Validate() error {
	faults := []error{
		c.validateListen(), c.validateAdmin(), c.validateTLS(), c.Signing.validate(), c.Limits.validate(),
		times("drain-timeout", c.DrainTimeout),
	}
	if _, err := newGate(c, nil); err != nil {
		faults = append(faults, err)
	}
	if c.TokenFile != "" && !c.RequireToken {
		faults = append(faults, wrong("token-file", "the file is not read: say {token} too"))
	}
	if c.MaxConcurrent < 1 {
		faults = append(faults, wrong("max-concurrent", "it must be positive"))
	}
	if c.MaxConnections < 0 {
		faults = append(faults, wrong("max-connections", "it must be positive"))
	}
	if c.DrainTimeout == 0 {
		faults = append(faults, wrong("drain-timeout", "it must be positive"))
	}
	return errors.Join(faults...)
}

// isLocal reports whether only this machine can reach an address, HOST:PORT.
func isLocal(address string) (local, ok bool) {
	host, _, err := net.SplitHostPort(address)
	return host == "localhost" || listener.IsLoopback(host), err == nil
}

func (c Config) validateListen() error {
	local, ok := isLocal(c.Listen)
	switch {
	case !ok:
		return wrong("listen", "%q is not HOST:PORT", c.Listen)
	case !local && !c.RequireToken && !c.Open:
		return wrong("listen",
			"other machines can reach %s and call with your credentials: say {token}, or {open} to allow that", c.Listen)
	case local && c.Open:
		return wrong("open", "it is for an address that other machines can reach: say {listen} too")
	}
	return nil
}

func (c Config) validateAdmin() error {
	if c.admin() == "" {
		return nil
	}
	switch local, ok := isLocal(c.Admin); {
	case !ok:
		return wrong("admin", "%q is neither HOST:PORT nor off", c.Admin)
	case !local && !c.AdminOpen:
		return wrong("admin", "other machines can reach %s and read its pages: say {admin-open} to allow that", c.Admin)
	case c.Admin == c.Listen && !strings.HasSuffix(c.Admin, ":0"):
		return wrong("admin", "%s is the address of the proxy itself: choose another port", c.Admin)
	}
	return nil
}

func (c Config) validateTLS() error {
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return wrong("tls-cert", "a certificate and its key belong together: say both {tls-cert} and {tls-key}")
	case c.ClientCA != "" && c.TLSCert == "":
		return wrong("client-ca", "clients show certificates over TLS only: say {tls-cert} and {tls-key}")
	case c.ClientAuth != "" && c.ClientCA == "":
		return wrong("client-auth", "say {client-ca} too: the file of the certificates that sign those of clients")
	case c.ClientAuth != "" && c.ClientAuth != ClientsRequired && c.ClientAuth != ClientsOptional:
		return wrong("client-auth", "%q is neither required nor optional", string(c.ClientAuth))
	}
	return nil
}

func (c Config) admin() string {
	if c.Admin == "off" {
		return ""
	}
	return c.Admin
}

// times refuses a time that a person has not meant: TOML takes a number for nanoseconds.
func times(key string, value time.Duration) error {
	if value < 0 || value > 0 && value < time.Millisecond {
		return wrong(key, "%s is no such time: it must be positive, with its unit, such as 30s (in a file, \"30s\")",
			value)
	}
	return nil
}

// maxRate is far more than one machine can pass on.
const maxRate = 1e6

func (l Limits) validate() error {
	faults := []error{
		times("timeout", l.Timeout), times("idle-timeout", l.IdleTimeout), times("breaker-timeout", l.BreakerTimeout),
	}
	for _, check := range []struct {
		bad       bool
		key, text string
	}{
		{l.MaxBody < 1, "max-body", "it must be positive"},
		{!(l.Rate >= 0 && l.Rate <= maxRate), "rate", "it is a number of requests per second; 0 is no limit"},
		{l.Burst < 0, "burst", "it must not be negative"},
		{l.Burst > 0 && l.Rate == 0, "burst", "it says how many may come at once with a rate: say {rate} too"},
		{l.Retries < 0 || l.Retries > maxRetries, "retries", fmt.Sprintf("it must be from 0 to %d", maxRetries)},
		{!(l.RetryBudget > 0 && l.RetryBudget <= 1), "retry-budget", "it is a share, above 0 and at most 1"},
		{l.BreakerFailures < 0, "breaker-failures", "it must not be negative; 0 is no circuit breaker"},
		{l.BreakerTimeout == 0, "breaker-timeout", "it must be positive"},
	} {
		if check.bad {
			faults = append(faults, wrong(check.key, check.text))
		}
	}
	return errors.Join(faults...)
}

func (s Signing) validate() error {
	var faults []error
	if s.EnvPrefix != "" && s.Profile != "" {
		faults = append(faults, wrong("env-prefix",
			"the keys are either in variables or in a profile: leave out {profile} or {env-prefix}"))
	}
	if strings.ContainsFunc(s.EnvPrefix, func(c rune) bool {
		return c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}) {
		faults = append(faults, wrong("env-prefix", "%q cannot begin the name of a variable", s.EnvPrefix))
	}
	if s.Service == "" {
		faults = append(faults, wrong("service", "it is empty: leave it out for lambda"))
	}
	return errors.Join(faults...)
}

// certificate is the files of the certificate and of the clients' authority; nil without TLS.
func (c Config) certificate() *listener.Pair {
	if c.TLSCert == "" {
		return nil
	}
	pair := &listener.Pair{Cert: c.TLSCert, Key: c.TLSKey, ClientCA: c.ClientCA, Log: c.Log}
	pair.Clients = tls.RequireAndVerifyClientCert
	if c.ClientAuth == ClientsOptional {
		pair.Clients = tls.VerifyClientCertIfGiven
	}
	return pair
}
