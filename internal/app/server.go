//go:build unix

// Package app puts the server together: it opens the data directory, wires the two planes to the state, the runtime
// and each other's use case, listens, and takes everything down again in order. It is the only package that sees all
// the others, and has no rules of its own.
package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/console"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/iamapi"
	"github.com/furl-dev/furl/internal/controlplane/lambdaapi"
	"github.com/furl-dev/furl/internal/controlplane/stsapi"
	"github.com/furl-dev/furl/internal/dataplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/invoke"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/listener"
	"github.com/furl-dev/furl/internal/logs"
	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/internal/pages"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/internal/trash"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/sigv4"
)

// Server is a server that is ready to run.
type Server struct {
	config   Config
	turned   bool // the clock is not the machine's
	dir      string
	listener *listener.Listener
	http     *http.Server
	rootKeys map[string]roster.Key

	certifier certifier // nil without https
	trust     string    // file of the authority for https

	pageToken sigv4.Secret
	secret    string // of server.json
	db        *store.DB
	state     *state.State
	code      *code.Store
	places    *codeWatch
	logs      *logs.Store
	pool      *runtime.Pool
	invoke    *invoke.Service
	traces    *trace.Recorder
	usage     *auth.Usage
	traffic   *invoke.Traffic // nil without a console
	address   urls

	intake   *listener.Intake
	data     *dataplane.Plane
	control  *controlplane.Plane
	pages    *pages.Pages
	console  *console.Console // nil is none
	draining atomic.Bool
	ending   chan struct{} // closed when the server begins to end
}

// New opens the data directory and listens, but serves nothing until Run. The caller runs the Server or closes it.
func New(ctx context.Context, config Config) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	turned := config.Now != nil
	if !turned {
		config.Now = time.Now
	}
	config.Connections.Log = config.Log
	config.HeaderTimeout = cmp.Or(config.HeaderTimeout, 10*time.Second)
	config.BodyTimeout = cmp.Or(config.BodyTimeout, 30*time.Second)
	config.BodyRoom = cmp.Or(config.BodyRoom, listener.BodyRoom)
	s := &Server{config: config, turned: turned, traces: &trace.Recorder{}, secret: rand.Text(), ending: make(chan struct{})}
	err := s.open(ctx)
	if err == nil {
		err = s.wire()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// open acquires what the server needs of the system, in the order in which Close gives it back.
func (s *Server) open(ctx context.Context) error {
	if err := s.openDir(); err != nil {
		return err
	}
	database := filepath.Join(s.dir, databaseName)
	if s.config.Data == InMemory {
		database = store.Memory
	}
	var err error
	if s.db, err = store.Open(ctx, database); err != nil {
		return err
	}
	if s.state, err = state.Load(ctx, s.db); err != nil {
		return err
	}
	if s.code, err = code.Open(filepath.Join(s.dir, codeName)); err != nil {
		return err
	}
	if s.logs, err = logs.Open(logs.Config{Dir: filepath.Join(s.dir, logsName), Logger: s.config.Log}); err != nil {
		return err
	}
	if s.rootKeys, err = s.config.rootKeys(s.dir, s.config.Now()); err != nil {
		return err
	}
	if err := s.openPageToken(); err != nil {
		return err
	}
	if err := s.addAccounts(ctx); err != nil {
		return err
	}
	tcp, err := net.Listen("tcp", s.config.Listen)
	if err != nil {
		return listenError(s.config.Listen, err)
	}
	shortages := machine.Warner{Log: s.config.Log, Now: s.config.Now}
	patient := machine.NewListener(tcp, func(lack *machine.Lack) {
		shortages.Warn("new connections wait: there is no room for them", lack)
	})
	accepting := net.Listener(patient)
	if s.config.TLS || s.config.TLSCert != "" {
		config, err := s.openTLS()
		if err != nil {
			return errors.Join(err, tcp.Close())
		}
		accepting = listener.WithTLS(patient, config)
	}
	s.listener = listener.New(accepting, s.config.Connections)
	s.address = newURLs(s.config, tcp.Addr(), s.certifier)
	hidden := []string{s.dir}
	if file, ok := roster.TrustedAuthority(); ok {
		hidden = append(hidden, filepath.Dir(file)) // with its key
	}
	places, err := code.NewPlaces(s.config.CodeDirs, s.config.HTTPUpstreams, hidden)
	if err != nil {
		return err
	}
	s.places = &codeWatch{Places: places, skip: hidden, log: s.config.Log, changed: s.reloadChanged, closed: !s.config.WatchCode}
	endpoints, err := s.config.endpoints()
	if err != nil {
		return err
	}
	endpoints["AWS_ENDPOINT_URL"] = s.address.plain()
	s.pool, err = runtime.New(runtime.Config{
		Dir:             filepath.Join(s.dir, environmentsName),
		Log:             logSink{s.logs},
		Logger:          s.config.Log,
		Now:             s.config.Now,
		MaxEnvironments: s.config.MaxEnvironments,
		StreamBandwidth: s.config.StreamBandwidth,
		ExtraEnv:        endpoints,
		Sandbox:         s.config.sandbox(hidden...),
		LimitMemory:     s.config.Memory != "off",
		PythonPackages:  absolute([]string{s.config.PythonPackages})[0],
		NodeModules:     absolute([]string{s.config.NodeModules})[0],
	})
	if err == nil && s.config.Sandbox == sandbox.Strict {
		_, err = s.pool.Sandbox()
	}
	return err
}

// reloadChanged has functions run what is now in the directories that changed, if any has its code there.
func (s *Server) reloadChanged(changed func(dir string) bool) []string {
	return s.invoke.ReloadChanged(changed)
}

// openDir makes the data directory, or a temporary one for a server that keeps nothing.
func (s *Server) openDir() error {
	if s.config.Data == InMemory {
		dir, err := os.MkdirTemp("", "furl-")
		s.dir = dir
		return err
	}
	dir, err := filepath.Abs(s.config.Data)
	if err != nil {
		return fmt.Errorf("data directory %s: %w", s.config.Data, err)
	}
	if err := openDataDir(dir, s.config.Log); err != nil {
		return err
	}
	s.dir = dir
	return nil
}

// openPageToken finds the page token. A server that keeps nothing has it in memory only.
func (s *Server) openPageToken() error {
	if s.config.Data == InMemory {
		s.pageToken = newPageToken()
		return nil
	}
	_, err := roster.Read(s.dir)
	killed := !errors.Is(err, roster.ErrNotRunning) // the file is removed by a server that ends by itself
	s.pageToken, err = pageToken(s.dir, killed, s.config.Log)
	return err
}

// addAccounts puts the accounts that have root keys into the world.
func (s *Server) addAccounts(ctx context.Context) error {
	scps, err := s.config.scps()
	if err != nil {
		return err
	}
	err = s.state.Update(ctx, func(tx *state.Tx) error {
		for account, key := range s.rootKeys {
			tx.SetAccount(&iam.Account{
				ID: account, RootKey: iam.AccessKey{ID: key.AccessKeyID, Secret: key.SecretAccessKey}, SCPs: scps[account],
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.addAdmins(ctx)
}

// maySend reports whether the execution role of a function may invoke another one as its destination.
func (s *Server) maySend(from, to resolve.Target) bool {
	world, version := s.state.Now(), from.Version
	role, ok := auth.ExecutionRole(world, version.Role, version.RoleID, from.Function.ARN.Name)
	if !ok {
		return false
	}
	function := to.Function
	decision, asked := auth.Authorize(world, role, auth.Check{
		Action: lambda.ActionInvoke, Resource: to.ARN().String(), ResourceAccount: function.ARN.Account, Policy: to.Policy(),
		Context: &auth.Conditions{
			Caller: role, Now: s.config.Now(), Region: function.ARN.Region, Resource: function.ARN.Account, Tags: function.Tags,
			Extra: []auth.Fact{{Key: "lambda:InvokedViaFunctionUrl", Value: "false"}},
		},
	})
	s.usage.Record(s.config.Now(), auth.Answer{Asked: asked, Decision: decision})
	return decision.Effect == policy.Allowed
}

// wire connects the parts.
func (s *Server) wire() error {
	s.usage = auth.NewUsage(s.config.Now())
	gate := &auth.Gate{State: s.state, Now: s.config.Now, ForwardedProto: s.config.ForwardedProto}
	runner := invoke.Runner(s.pool)
	if s.config.Runner != nil {
		runner = s.config.Runner(s.pool)
	}
	debugged, err := s.config.debugged()
	if err != nil {
		return err
	}
	if s.config.Console == ConsoleRead || s.config.Console == ConsoleEdit {
		s.traffic = &invoke.Traffic{}
	}
	s.invoke = &invoke.Service{
		Runner: runner, Code: s.code, State: s.state, Log: s.config.Log, Now: s.config.Now,
		Concurrency: s.config.AccountConcurrency, Output: logSink{s.logs}, MaySend: s.maySend,
		RootOf: s.places.RootOf, MayBe: s.places.HasUpstream, Debug: debugged, Traffic: s.traffic,
	}
	for dir := range s.invoke.CodeDirs() {
		s.places.use(dir)
	}
	s.address.code = pages.NewCodeLinks(s.code, s.config.Now)
	exchanges := &trace.Exchanges{}
	s.pages = &pages.Pages{
		Traces: s.traces, Exchanges: exchanges, Usage: s.usage, Logs: s.logs, Code: s.address.code, Draining: s.draining.Load, Ending: s.ending,
		Token: s.pageToken, Gate: gate, State: s.state, Now: s.config.Now,
		Secret: s.secret, UserKey: func(account, user string) (any, error) { return s.UserKey(account, user) }, Functions: functionLogs{s}, Open: s.config.OpenPages,
	}
	hosts, err := s.config.hosts()
	if err != nil {
		return err
	}
	s.pages.URLsUnder = func(header string) bool {
		_, err := arn.ParseURLHost(header)
		return err == nil || hosts.Have(header)
	}
	s.pages.HoldsCertificate = func(host string) bool { return s.certifier != nil && s.certifier.Holds(host) }
	s.openConsole()
	s.data = &dataplane.Plane{
		State: s.state, Gate: gate, Invoker: s.invoke, Traces: s.traces, Exchanges: exchanges, Usage: s.usage, Traffic: s.traffic,
		Log: s.config.Log, Now: s.config.Now,
		Suffixes: []string{s.config.Suffix, "on.aws"}, Hosts: hosts,
		LegacyPermissions: s.config.LegacyURLPermissions, BlockPublicAccess: s.config.BlockPublicAccess, Explain: s.address.explain,
	}
	lambdaAPI, err := lambdaapi.New(lambdaapi.Config{
		Code: s.code, Links: s.address, Runtimes: runtimes{s.pool, s.code}, Invoker: s.invoke, Places: s.places,
		FaithfulStates:    s.config.FaithfulStates,
		Concurrency:       s.config.AccountConcurrency,
		BlockPublicAccess: s.config.BlockPublicAccess,
	})
	if err != nil {
		return err
	}
	messages, err := controlplane.NewMessages(rand.Reader)
	if err != nil {
		return err
	}
	s.control = &controlplane.Plane{
		Messages: messages, Point: s.address.point, Gate: gate, State: s.state, Traces: s.traces, Usage: s.usage, Log: s.config.Log, Now: s.config.Now,
		APIs: []controlplane.API{
			lambdaAPI,
			iamapi.New(iamapi.Config{Random: rand.Reader, PrivateProviders: s.config.OIDCPrivateAddresses}),
			stsapi.New(stsapi.Config{Random: rand.Reader, PrivateProviders: s.config.OIDCPrivateAddresses}),
		},
	}
	s.pages.Metrics = s.metrics()
	s.intake = listener.NewIntake(s.config.BodyTimeout, s.config.BodyRoom)
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		ReadHeaderTimeout: s.config.HeaderTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    1 << 20, // the quota of a function URL
		ErrorLog:          slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug),

		DisableGeneralOptionsHandler: true, // OPTIONS * needs a signature like anything else
	}
	listener.Guard(s.http)
	return nil
}

// serveHTTP sends a request to the part of the server that it is for. It decides by host and raw path; nothing may
// clean up the request before the planes see it.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	r, done := s.intake.Receive(w, r)
	defer done()
	if s.turned { // clients set their clocks by it
		w.Header().Set("Date", s.config.Now().UTC().Format(http.TimeFormat))
	}
	switch isURL := s.data.Serves(r); {
	case pages.IsConsole(r.Host) && (isURL || !isPage(r.URL.Path)):
		s.pages.Elsewhere(w, s.address.endpoint)
	case isURL && s.pages.WouldShareOrigin(r):
		s.pages.NoDocument(w, r)
	case isURL:
		s.data.ServeHTTP(w, r)
	case isPage(r.URL.Path):
		s.pages.ServeHTTP(w, r)
	case s.data.IsForeign(r.Host) && !s.control.Serves(r):
		s.data.ServeHTTP(w, r) // which says that no function URL has the name
	case s.config.isRootKeyShort() && isOfWebSite(r):
		http.Error(w, "a web site cannot call the APIs of a server whose root key can be guessed", http.StatusForbidden)
	default:
		s.control.ServeHTTP(w, r)
	}
}

// isOfWebSite reports whether a browser sent the request for a page of another site. Who knows the root key can put a
// signature into the address of an image.
func isOfWebSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site") // which browsers send to every address of this machine
	return site != "" && site != "none" || r.Header.Get("Origin") != ""
}

// Run serves until the context ends, then drains: it takes no new requests, lets running invocations finish within
// the drain timeout, and closes everything. If stop ends before that, it stops at once.
func (s *Server) Run(ctx, stop context.Context) error {
	defer s.Close()
	if err := s.announce(); err != nil {
		return err
	}
	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 2)
	server, connections := s.http, s.listener // a server that is stopped at once may be closed before it serves
	go func() { ended <- server.Serve(connections) }()
	go func() { ended <- s.invoke.Run(working) }()
	var background sync.WaitGroup
	background.Go(func() { s.sweep(working) })
	background.Go(s.announceSandbox)
	defer func() { stopWorking(); background.Wait() }() // before the store is closed

	select {
	case <-ctx.Done():
	case err := <-ended:
		return err
	}
	s.draining.Store(true)
	close(s.ending)
	s.config.Log.Info("draining", "timeout", s.config.DrainTimeout.String())
	deadline, cancel := context.WithTimeout(stop, s.config.DrainTimeout)
	defer cancel()
	stopWorking()
	return s.drain(deadline)
}

// drain waits for running invocations, while new ones are refused with 503 on connections that are still open.
func (s *Server) drain(deadline context.Context) error {
	err := errors.Join(s.pool.Drain(deadline), s.logs.Close()) // who follows logs gets their end
	if shutdown := s.http.Shutdown(deadline); shutdown != nil {
		s.http.Close()
		err = errors.Join(err, shutdown)
	}
	s.listener.Drain(deadline)
	if err != nil && deadline.Err() != nil {
		s.config.Log.Warn("stopped before all invocations had finished")
		return nil
	}
	return err
}

// sweep forgets sessions that have expired and code that no function has, now and then once a minute.
func (s *Server) sweep(ctx context.Context) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		if err := s.state.DropExpired(ctx, s.config.Now()); err != nil && ctx.Err() == nil {
			s.config.Log.Warn("expired sessions stay", "error", err)
		}
		if err := s.code.Sweep(ctx, s.usedCode()); err != nil && ctx.Err() == nil {
			s.config.Log.Warn("code that no function has is not removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// usedCode reports whether a version of a function, or one of a layer, has the code. Code that was put a moment ago and
// whose function is still being created is left alone by the store itself.
func (s *Server) usedCode() func(hash string) bool {
	used := map[string]bool{}
	use := func(c *lambda.Configuration) {
		layers := c.LayerCode()
		for _, hex := range append(layers, c.CodeHex, code.LayersName(layers)) {
			used[hex] = true
		}
	}
	world := s.state.Now()
	for _, function := range world.Functions.All() {
		use(&function.Configuration)
	}
	for _, version := range world.Versions.All() {
		use(&version.Configuration)
	}
	for _, layer := range world.Layers.All() {
		for _, version := range layer.Versions {
			used[version.CodeHex] = true
		}
	}
	return func(hash string) bool { return used[hash] }
}

// announce tells other commands on this machine where the server is. A full disk does not keep the server from
// starting: what makes room may be a call to it.
func (s *Server) announce() error {
	path := filepath.Join(s.dir, roster.File)
	running := roster.Running{
		Endpoint: s.address.endpoint, Region: s.config.Region, PID: os.Getpid(), Account: s.config.Accounts[0],
		RootAccessKeyID: s.config.RootAccessKeyID, Secret: s.secret, CertificateFile: s.trust,
	}
	if err := roster.Enroll(s.dir); err != nil {
		s.config.Log.Debug("commands in other directories do not find the server", "error", err)
	}
	err := writeJSON(path, running, writePrivate)
	if !store.IsFull(err) {
		return err
	}
	if writeJSON(path, running, overwrite) != nil {
		s.config.Log.Warn("other commands do not find the server", "error", err)
	}
	return nil
}

// announceSandbox says how functions are confined, once that is known.
func (s *Server) announceSandbox() {
	// It is found out only now: a start does not wait for it.
	if inForce, err := s.pool.Sandbox(); err == nil {
		s.config.Log.Info("sandbox of functions", "in_force", inForce)
	}
	s.config.Log.Info("memory of functions", "in_force", s.pool.Memory())
}

// Close gives everything back that open acquired. It may be called twice.
func (s *Server) Close() error {
	var faults []error
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if s.http != nil {
		faults = append(faults, s.http.Close())
	}
	if s.places != nil {
		s.places.close()
	}
	if s.listener != nil {
		s.listener.Close() // closed already if it has served
		s.listener.Drain(stopped)
	}
	if s.pool != nil {
		faults = append(faults, s.pool.Close())
	}
	if s.logs != nil {
		faults = append(faults, s.logs.Close())
	}
	if s.dir != "" && s.db != nil {
		os.Remove(filepath.Join(s.dir, roster.File))
		roster.Leave(s.dir)
	}
	if s.db != nil {
		faults = append(faults, s.db.Close())
	}
	if s.config.Data == InMemory && s.dir != "" {
		faults = append(faults, s.removeDir())
	}
	s.http, s.listener, s.pool, s.logs, s.db, s.dir = nil, nil, nil, nil, nil, ""
	return errors.Join(faults...)
}

// removeDir removes the temporary directory with what functions and uploads have left in it.
func (s *Server) removeDir() error {
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := trash.Bin{Dir: filepath.Dir(s.dir)}.Remove(ctx, filepath.Base(s.dir))
	if err != nil {
		s.config.Log.Warn("temporary directory not removed", "error", err)
	}
	return err
}

// Endpoint is the server's address, http://127.0.0.1:9000, or https:// if it answers that.
func (s *Server) Endpoint() string { return s.address.endpoint }

// Dir is the data directory; for a server in memory the temporary one.
func (s *Server) Dir() string { return s.dir }

// RootKey is the root key of an account.
func (s *Server) RootKey(account string) (roster.Key, bool) {
	key, ok := s.rootKeys[account]
	return key, ok
}

// State is the world, for programs that run the server in their own process.
func (s *Server) State() *state.State { return s.state }

// ReadLogs yields lines of the logs of functions, for programs that run the server in their own process.
func (s *Server) ReadLogs(ctx context.Context, request pages.LogRequest) (iter.Seq2[logs.Entry, error], error) {
	return s.pages.ReadLogs(ctx, request)
}

// Refusals are the requests that the server keeps and did not answer as their clients wished, oldest first: calls of
// function URLs and of the APIs that were refused, and calls of functions that failed.
func (s *Server) Refusals() []trace.Report {
	var refusals []trace.Report
	for _, found := range slices.Backward(s.traces.Latest(trace.Kept)) {
		if report := found.Report(); report.IsRefusal() {
			refusals = append(refusals, report)
		}
	}
	return refusals
}

// metrics writes the metrics of all parts of the server and those of the process. What that takes is made when somebody
// asks for the first time.
func (s *Server) metrics() func(io.Writer) error {
	parts := []interface{ Collectors() []metric.Collector }{
		s.listener, s.data, s.control, s.pages, s.invoke, s.pool, s.traces, s.db,
	}
	all := sync.OnceValue(func() (all []metric.Collector) {
		for _, part := range parts {
			all = append(all, part.Collectors()...)
		}
		return all
	})
	return func(w io.Writer) error { return metric.Write(w, slices.Concat(all(), metric.Process())) }
}

// runtimes knows what the pool can run, packages included.
type runtimes struct {
	*runtime.Pool
	code *code.Store
}

var _ lambdaapi.Packages = runtimes{}

// Packaged implements lambdaapi.Packages.
func (r runtimes) Packaged(ctx context.Context, function *lambda.Configuration) error {
	if function.Upstream != "" {
		return nil
	}
	dir, root := function.CodeDir, function.CodeDir
	if dir == "" {
		var err error
		if dir, err = r.code.Dir(function.CodeHex); err != nil {
			return err
		}
	}
	opt := ""
	if layers := function.LayerCode(); layers != nil {
		var err error
		if opt, err = r.code.Layers(ctx, layers); err != nil {
			return err
		}
	}
	return r.Check(ctx, &runtime.Function{Runtime: function.Runtime, CodeDir: dir, Root: root, Opt: opt})
}
