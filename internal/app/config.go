//go:build unix

package app

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
	"github.com/furl-dev/furl/policy"
)

// InMemory as Config.Data keeps nothing beyond the end of the server.
const InMemory = ":memory:"

// What Config.Console may be.
const (
	ConsoleRead = "read" // it shows everything and changes nothing
	ConsoleEdit = "edit" // it also sends requests again and saves policies
	ConsoleOff  = "off"
)

// Config is what a server is made from. Validate says whether it can be.
type Config struct {
	// Data is the directory of the state, or InMemory. It is made if it does not exist.
	Data string
	// Listen is the address to listen on, host:port; port 0 is any free one.
	Listen string
	// Accounts are the ids of the accounts that the server has, besides those it had before. Each has root keys.
	Accounts []string
	// Region is the one that `furl env` exports; the server answers for all of them.
	Region string
	// URLStyle is how FunctionUrl addresses are written: host, path, or auto for host style where *.localhost resolves.
	URLStyle string
	// Suffix is what follows ID.lambda-url.REGION. in host style. on.aws is always understood besides.
	Suffix string
	// TLS answers https on the same port, besides http, with certificates of an authority that is made at first use.
	TLS bool
	// TLSCert and TLSKey are files with a certificate for https and its key, in place of those of the authority.
	TLSCert, TLSKey string
	// ForwardedProto is what clients speak with what stands in front of the server, https or http; "" is what they speak
	// with the server itself.
	ForwardedProto string
	// LegacyURLPermissions asks for lambda:InvokeFunctionUrl alone, as AWS does for URLs made before October 2025,
	// which it announced to end on 2026-11-01.
	LegacyURLPermissions bool
	// BlockPublicAccess refuses permissions that let anybody call a function, as accounts of AWS may.
	BlockPublicAccess bool
	// FaithfulStates has functions be Pending and updates be InProgress for two seconds, as at AWS. By default both are
	// done at once, so that nobody has to wait.
	FaithfulStates bool
	// SCPs are service control policies of accounts, as ACCOUNT=FILE. Those of one account are levels: the first is the
	// root's, and every one must allow.
	SCPs []string
	// AllowHosts are host names and IP addresses under which function URLs of auth type NONE answer in path style,
	// besides those of this machine and the one in Listen.
	AllowHosts []string
	// OpenPages shows furl's own pages to other hosts than this one.
	OpenPages bool
	// Console is what the console in the browser may do: ConsoleRead, ConsoleEdit, or ConsoleOff as "".
	Console string
	// Version is the program's, which the console shows.
	Version string
	// OIDCPrivateAddresses has the server ask identity providers at loopback, link-local and private addresses too.
	OIDCPrivateAddresses bool
	// DrainTimeout is how long running invocations may take to finish once the server is told to stop.
	DrainTimeout time.Duration
	// BodyTimeout is how long each MiB of a request's body may take to arrive; 0 is half a minute.
	BodyTimeout time.Duration
	// HeaderTimeout is how long the headers of a request may take to arrive; 0 is ten seconds.
	HeaderTimeout time.Duration
	// BodyRoom is the room for the bodies that are on their way, in MiB; 0 is listener.BodyRoom.
	BodyRoom int
	// Connections bounds the connections of clients. The server sets its Log.
	Connections listener.Config
	// AccountConcurrency is how many invocations each account may have at one time in a region.
	AccountConcurrency int
	// StreamBandwidth is how many bytes of a streamed answer go on in a second after its first 6 MiB; 0 is no bound.
	StreamBandwidth int64
	// MaxEnvironments bounds the execution environments of all functions together.
	MaxEnvironments int
	// Sandbox is how functions are confined: sandbox.Auto, Off or Strict.
	Sandbox sandbox.Mode
	// SandboxRead and SandboxWrite are further files and directories that functions may read, or read and write.
	SandboxRead, SandboxWrite []string
	// CodeDirs are directories below which functions may use their code in place. Functions that do can read all of such
	// a directory.
	CodeDirs []string
	// WatchCode has the server reload functions whose code it uses in place when a file of it changes.
	WatchCode bool
	// HTTPUpstreams are the addresses of web servers that functions may be, such as http://127.0.0.1:8000.
	HTTPUpstreams []string
	// Endpoints are the addresses of servers for AWS services that this one does not have, as SERVICE=URL. SDKs in
	// functions call them, unless a function's own variable says otherwise.
	Endpoints []string
	// Debug are the names of functions that run under a debugger, as NAME or NAME=PORT.
	Debug []string
	// Memory is how functions are kept to their memory size: auto for what the system offers, or off.
	Memory string
	// PythonPackages and NodeModules are directories with the packages that functions import besides their own, such as
	// boto3 and the AWS SDK for JavaScript, which AWS's runtimes have. Empty are those of the interpreter.
	PythonPackages, NodeModules string
	// RootAccessKeyID and RootSecretAccessKey are the root keys of the first account; empty are generated and kept in
	// the data directory. They may be short while the server listens on loopback.
	RootAccessKeyID     string
	RootSecretAccessKey string

	// Runner answers what runs functions in place of the pool, which it is given. It is for programs that run the server
	// in their own process and have functions there. Nil is the pool.
	Runner func(pool invoke.Runner) invoke.Runner

	Log *slog.Logger     // nil logs nothing
	Now func() time.Time // nil is time.Now
}

// Default is the configuration of a server that is told nothing.
func Default() Config {
	return Config{
		Data:               roster.DefaultData,
		Listen:             roster.DefaultListen,
		Accounts:           []string{roster.DefaultAccount},
		Region:             roster.DefaultRegion,
		URLStyle:           "auto",
		Suffix:             "localhost",
		DrainTimeout:       10 * time.Second,
		AccountConcurrency: lambda.DefaultConcurrency,
		MaxEnvironments:    256,
		Sandbox:            sandbox.Auto,
		Memory:             "auto",
		Console:            ConsoleRead,
		WatchCode:          true,
	}
}

// sandbox is the sandbox of a server that has its secrets in the hidden directories.
func (c Config) sandbox(hidden ...string) sandbox.Config {
	return sandbox.Config{
		Mode: c.Sandbox, Hidden: hidden, Read: absolute(append(slices.Clone(c.SandboxRead), c.packages()...)), Write: absolute(c.SandboxWrite),
	}
}

// packages are the directories of packages that functions read.
func (c Config) packages() []string {
	return slices.DeleteFunc([]string{c.PythonPackages, c.NodeModules}, func(dir string) bool { return dir == "" })
}

// absolute makes paths independent of the working directory. One for which that cannot be done is left as it is.
func absolute(paths []string) []string {
	all := slices.Clone(paths)
	for i, path := range all {
		if abs, err := filepath.Abs(path); err == nil && path != "" {
			all[i] = abs
		}
	}
	return all
}

// Validate reports everything that is wrong with the configuration at once.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, arguments ...any) { faults = append(faults, fmt.Errorf(format, arguments...)) }
	if c.Data == "" {
		fault("data: name a directory, or %s to keep nothing", InMemory)
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		fault("listen: %q is not HOST:PORT", c.Listen)
	}
	if len(c.Accounts) == 0 {
		fault("account: name at least one")
	}
	for _, account := range c.Accounts {
		if !arn.IsAccount(account) {
			fault("account: %q is not an account id of twelve digits", account)
		}
	}
	if !arn.IsRegion(c.Region) {
		fault("region: %q is not the name of a region, such as eu-central-1", c.Region)
	}
	switch c.URLStyle {
	case "auto", "host", "path":
	default:
		fault("url-style: %q is none of auto, host and path", c.URLStyle)
	}
	if c.Suffix == "" || strings.Trim(c.Suffix, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" {
		fault("suffix: %q is not a domain name in lower case", c.Suffix)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		fault("tls-cert, tls-key: name both files or neither")
	} else if _, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); c.TLSCert != "" && err != nil {
		fault("tls-cert %s, tls-key %s: %w", c.TLSCert, c.TLSKey, err)
	}
	switch c.Memory {
	case "auto", "off", "":
	default:
		fault("memory: %q is neither auto nor off", c.Memory)
	}
	switch c.Console {
	case ConsoleRead, ConsoleEdit, ConsoleOff, "":
	default:
		fault("console: %q is none of read, edit and off", c.Console)
	}
	switch c.ForwardedProto {
	case "", "http", "https":
	default:
		fault("forwarded-proto: %q is neither https nor http", c.ForwardedProto)
	}
	for _, scp := range c.SCPs {
		if account, file, ok := strings.Cut(scp, "="); !ok || file == "" || !slices.Contains(c.Accounts, account) {
			fault("scp: %q is not ACCOUNT=FILE with one of the accounts %s", scp, strings.Join(c.Accounts, ", "))
		}
	}
	if _, err := c.hosts(); err != nil {
		faults = append(faults, err)
	}
	if c.DrainTimeout < 0 {
		fault("drain-timeout: %s is negative", c.DrainTimeout)
	}
	if c.BodyTimeout < 0 {
		fault("body-timeout: %s is negative", c.BodyTimeout)
	}
	if c.AccountConcurrency < 1 {
		fault("account-concurrency: %d is less than one", c.AccountConcurrency)
	}
	if c.StreamBandwidth != 0 && c.StreamBandwidth < 1<<10 {
		fault("stream-bandwidth: %d bytes per second are less than one kilobyte; say 2MB for AWS's 2 MB, or 0 for no bound", c.StreamBandwidth)
	}
	if c.MaxEnvironments < 1 {
		fault("max-environments: %d is less than one", c.MaxEnvironments)
	}
	if err := c.sandbox().Validate(); err != nil {
		fault("sandbox: %w", err)
	}
	for _, path := range absolute(slices.Concat(c.SandboxRead, c.SandboxWrite)) {
		if err := sandbox.CheckOpening(path); err != nil {
			fault("sandbox-read, sandbox-write: %w", err)
		}
	}
	for _, dir := range absolute(c.packages()) {
		if err := sandbox.CheckOpening(dir); err != nil {
			fault("python-packages, node-modules: %w", err)
		} else if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			fault("python-packages, node-modules: %s is not a directory", dir)
		}
	}
	if _, err := c.endpoints(); err != nil {
		faults = append(faults, err)
	}
	if _, err := c.debugged(); err != nil {
		faults = append(faults, err)
	}
	for _, dir := range c.CodeDirs {
		if _, err := code.Root(dir); err != nil {
			fault("code-dir: %w", err)
		}
	}
	for _, address := range c.HTTPUpstreams {
		if _, err := code.ParseUpstream(address); err != nil {
			fault("http-upstream: %w", err)
		}
	}
	if (c.RootAccessKeyID == "") != (c.RootSecretAccessKey == "") {
		fault("FURL_ROOT_ACCESS_KEY_ID and FURL_ROOT_SECRET_ACCESS_KEY: set both or neither")
	}
	if id := c.RootAccessKeyID; id != "" && !isAccessKeyID(id) {
		fault("FURL_ROOT_ACCESS_KEY_ID: want up to 128 letters, digits and the characters -._+")
	}
	if c.isRootKeyShort() && !c.IsLoopback() {
		fault("FURL_ROOT_ACCESS_KEY_ID, FURL_ROOT_SECRET_ACCESS_KEY: other machines can reach %s, so want at least 16 "+
			"characters in each; or listen on 127.0.0.1", c.Listen)
	}
	return errors.Join(faults...)
}

// isAccessKeyID reports whether a signature can name the key. AWS's own have 16 to 128 word characters (IAM API
// Reference, "AccessKey").
func isAccessKeyID(id string) bool {
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.+"
	return len(id) <= 128 && strings.Trim(id, allowed) == ""
}

// isRootKeyShort reports whether the configuration has a root key that others can guess, such as test and test, which
// people have in their configurations.
func (c Config) isRootKeyShort() bool {
	const enough = 16
	return c.RootAccessKeyID != "" && (len(c.RootAccessKeyID) < enough || len(c.RootSecretAccessKey) < enough)
}

// hosts are the host names under which function URLs of auth type NONE answer in path style. A server that listens on
// all of the machine's addresses answers under any address.
func (c Config) hosts() (listener.Hosts, error) {
	var hosts listener.Hosts
	var faults []error
	for _, host := range c.AllowHosts {
		if err := hosts.Allow(host); err != nil {
			faults = append(faults, fmt.Errorf("allow-host: %w", err))
		}
	}
	name := listener.HostName(c.Listen)
	if address, err := netip.ParseAddr(name); name == "" || err == nil && address.IsUnspecified() {
		hosts.Addresses = true
	} else {
		hosts.Names = append(hosts.Names, name)
	}
	return hosts, errors.Join(faults...)
}

// IsLoopback reports whether the server can be reached from this machine only.
func (c Config) IsLoopback() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	return err == nil && (host == "localhost" || listener.IsLoopback(host))
}

// EndpointVariables are the environment variables that lead the SDKs in functions to the server of an AWS service.
func EndpointVariables(service string) ([]string, error) {
	return controlplane.EndpointVariables(service)
}

// endpoints are the variables that lead the SDKs in functions to the Endpoints.
func (c Config) endpoints() (map[string]string, error) {
	variables := map[string]string{}
	var faults []error
	for _, text := range c.Endpoints {
		service, address, _ := strings.Cut(text, "=")
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			faults = append(faults, fmt.Errorf("endpoint: %q is not SERVICE=URL, such as dynamodb=http://127.0.0.1:8000", text))
			continue
		}
		names, err := controlplane.EndpointVariables(service)
		if err != nil {
			faults = append(faults, fmt.Errorf("endpoint: %w", err))
		}
		for _, name := range names {
			if _, twice := variables[name]; twice {
				faults = append(faults, fmt.Errorf("endpoint: %q is the second for %s", text, name))
			}
			variables[name] = address
		}
	}
	return variables, errors.Join(faults...)
}

// debugged are the ports of the debuggers of functions, by name; 0 is the usual one of the language.
func (c Config) debugged() (map[string]int, error) {
	ports := map[string]int{}
	var faults []error
	for _, text := range c.Debug {
		name, number, chosen := strings.Cut(text, "=")
		port, err := strconv.ParseUint(number, 10, 16)
		if f, fault := arn.ParseFunction(name, c.Region, roster.DefaultAccount); fault != nil || f.Name != name || chosen && (err != nil || port == 0) {
			faults = append(faults, fmt.Errorf("debug: %q is neither the name of a function nor NAME=PORT, such as web=9230", text))
			continue
		}
		for other, taken := range ports {
			if other == name || port != 0 && taken == int(port) {
				faults = append(faults, fmt.Errorf("debug: %q is the second with that name or port", text))
			}
		}
		ports[name] = int(port)
	}
	return ports, errors.Join(faults...)
}

// scps reads the service control policies of each account, level by level.
func (c Config) scps() (map[string][][]policy.Named, error) {
	levels := map[string][][]policy.Named{}
	for _, scp := range c.SCPs {
		account, file, _ := strings.Cut(scp, "=") // Validate has seen to it
		text, err := readPolicy(file)
		if err != nil {
			return nil, fmt.Errorf("scp: %w", err)
		}
		parsed, err := iam.ParsePolicy(text, policy.Identity)
		if err != nil {
			return nil, fmt.Errorf("scp: %s:%w", file, err)
		}
		named := policy.Named{Name: "service control policy " + file, Document: parsed.Document()}
		levels[account] = append(levels[account], []policy.Named{named})
	}
	return levels, nil
}

func readPolicy(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, policy.MaxSize+1)) // parsing refuses the one byte too many
	return string(text), err
}
