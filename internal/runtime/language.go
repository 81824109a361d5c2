//go:build unix

package runtime

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime/bootstrap"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// launcher knows how each kind of runtime is started on this machine.
type launcher struct {
	runtimeDir     string // where the embedded runtimes are
	cacheDir       string // where each Python function has a directory for compiled modules
	pythonPackages string // packages besides the functions' own; empty for none
	nodeModules    string // the same
	limitMemory    bool   // of interpreters that would take much before they look for garbage
	sandbox        *sandbox.Sandbox
	interpreters   interpreters
}

// command is how a function is started.
type command struct {
	path        string
	args        []string // without argv[0]
	fromPackage bool     // path is in the function's package: if it does not start, that is the function's fault
	extra       []string // variables of this kind of runtime, NAME=value
	binDir      string   // goes in front of PATH, if not empty
	read        []string // what the runtime reads, besides the system and the package
	write       []string // directories that it writes
	compiled    string   // the one of them with Python's compiled modules
	search      string   // a variable of the form of PATH to which packages are added, whatever the user sets
	packages    string   // the directory that is added
	framed      bool     // the runtime writes events of its log in frames
	fallback    string   // says that the interpreter has another version, for the logs
}

// ErrUnsupported is in the chain of the errors of Pool.Supported and Pool.Check.
var ErrUnsupported = errors.New("cannot run on this machine")

// unsupported says what would help.
func unsupported(runtime, help string) error {
	return fmt.Errorf("runtime %s %w: %s", runtime, ErrUnsupported, help)
}

// language is one family of runtimes.
type language struct {
	name *regexp.Regexp // of the runtime; its group is the version
	// command says how to start fn, or what to install. Without CodeDir, fn asks only about the machine.
	command func(ctx context.Context, l *launcher, fn *Function, version string) (*command, error)
}

var languages = sync.OnceValue(func() []language {
	return []language{
		{regexp.MustCompile(`^provided(\.al2|\.al2023)?$`), provided},
		{regexp.MustCompile(`^python(3\.\d+)$`), python},
		{regexp.MustCompile(`^nodejs(\d+)\.x$`), node},
		{regexp.MustCompile(`^java(\d+)(\.al2|\.al2023)?$`), java},
		{regexp.MustCompile(`^ruby(\d+\.\d+)$`), ruby},
	}
})

// command says how to start a function.
func (l *launcher) command(ctx context.Context, fn *Function) (*command, error) {
	for _, language := range languages() {
		if m := language.name.FindStringSubmatch(fn.Runtime); m != nil {
			if err := l.debugged(fn); err != nil {
				return nil, err
			}
			c, err := language.command(ctx, l, fn, m[1])
			if err == nil && fn.WebApp {
				c.serve(fn)
			}
			return c, err
		}
	}
	return nil, unsupported(fn.Runtime, "furl runs provided.al2, provided.al2023, python3.8 and later, nodejs16.x and "+
		"later, and java and ruby with AWS's runtime client in the package")
}

// provided is for packages that contain their runtime: an executable "bootstrap", else that of a layer.
func provided(_ context.Context, l *launcher, fn *Function, _ string) (*command, error) {
	const name = "bootstrap"
	path := filepath.Join(fn.CodeDir, name)
	if fn.Opt != "" && !isFile(path) && isFile(filepath.Join(fn.Opt, name)) {
		path = filepath.Join(l.sandbox.Opt(fn.Opt), name)
	} else if fn.Root != "" {
		if err := checkExecutable(path); err != nil {
			return nil, err
		}
	}
	c := &command{path: path, fromPackage: true}
	return c, l.debugGo(fn, c)
}

// wrapped puts the user's wrapper script, if there is one, before a command (AWS Lambda Developer Guide, "Modifying
// the runtime environment", Wrapper scripts). A shell executes it, as Lambda's managed runtimes do: so a script that is
// missing is exit status 127 of the runtime (recorded from AWS), and one that is not executable is 126. The runtimes in
// packages, provided.*, have no such shell.
func (l *launcher) wrapped(c *command, fn *Function) *command {
	script := fn.Environment["AWS_LAMBDA_EXEC_WRAPPER"]
	if script == "" {
		return c
	}
	for place, dir := range map[string]string{"/var/task/": fn.CodeDir, "/opt/": l.sandbox.Opt(fn.Opt)} {
		if rest, ok := strings.CutPrefix(script, place); ok {
			script = filepath.Join(dir, filepath.FromSlash(rest))
			break
		}
	}
	c.args = append([]string{"-c", `exec "$0" "$@"`, script, c.path}, c.args...)
	c.path = "/bin/sh"
	return c
}

// serve makes c the command of a web application, as the bootstrap of the Lambda Web Adapter's layer starts it: it is the
// handler, unless the package of a runtime that AWS does not manage has a bootstrap of its own. The shell says in the
// log why the handler cannot be executed, and ends with Lambda's status for that.
func (c *command) serve(fn *Function) {
	if c.fromPackage && isFile(filepath.Join(fn.CodeDir, "bootstrap")) && strings.HasPrefix(fn.Runtime, "provided") {
		return
	}
	c.path, c.args = "/bin/sh", []string{"-c", `exec "$LAMBDA_TASK_ROOT/$_HANDLER"`}
	c.fromPackage, c.framed = false, false
}

// pythonProbe prints an interpreter, without importing anything of the user's.
const pythonProbe = `import importlib.util, json, sys
print(json.dumps({"Path": sys.executable, "Version": "%d.%d.%d" % sys.version_info[:3],
  "Prefixes": [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix],
  "HasDebugpy": importlib.util.find_spec("debugpy") is not None,
  "HasRIC": importlib.util.find_spec("awslambdaric") is not None and sys.version_info >= (3, 9)}))`

// python runs functions with AWS's client if the package or the interpreter has it, else with the embedded runtime.
func python(ctx context.Context, l *launcher, fn *Function, version string) (*command, error) {
	i, err := l.interpreters.find(ctx, []string{"python" + version, "python3", "python"}, []string{"-c", pythonProbe}, described,
		func(i *interpreter) bool {
			i.exact = sameVersion(i.Version, version)
			return i.exact || olderThan("3.7", i.Version)
		})
	if machine.Lacking(err) != nil {
		return nil, err
	}
	if err != nil {
		return nil, unsupported(fn.Runtime,
			"install Python "+version+" or another Python 3.8 or later, and put it on PATH ("+oneLine(err)+")")
	}
	debug, err := l.debugPython(fn, i)
	if err != nil {
		return nil, err
	}
	cache := filepath.Join(l.cacheDir, fn.compiled())
	search := []string{l.runtimeDir} // as /var/runtime; what runs puts the package first
	var layers []string
	if fn.Opt != "" {
		dir := filepath.Join(l.sandbox.Opt(fn.Opt), "python")
		layers = []string{filepath.Join(dir, "lib", "python"+version, "site-packages"), dir}
	}
	c := &command{
		path:   i.Path,
		binDir: filepath.Dir(i.Path),
		read:   append(i.home(), l.runtimeDir),
		write:  []string{cache}, compiled: cache,
		search: "PYTHONPATH", packages: l.pythonPackages,
		fallback: i.fallback(fn),
	}
	if !olderThan(version, "3.12") {
		c.extra = append(c.extra, "LC_CTYPE=C.UTF-8") // as recorded from AWS
	}
	// The code directory is read-only, so compiled modules go elsewhere, and no function runs what another has
	// compiled. The modules that the embedded runtime imports itself are compiled already.
	if i.HasRIC || isFile(filepath.Join(fn.CodeDir, "awslambdaric", "__main__.py")) {
		c.args = append([]string{"-u", "-X", "pycache_prefix=" + cache}, debug...)
		c.args = append(c.args, "-m", "awslambdaric", fn.Handler)
		search = append(layers, search...)
	} else {
		c.args = []string{"-u", "-X", "furl_pycache=" + cache}
		if layers != nil { // whatever PYTHONPATH the user sets, as at AWS
			c.args = append(c.args, "-X", "furl_layers="+strings.Join(layers, ":"))
		}
		main := filepath.Join(l.runtimeDir, filepath.FromSlash(bootstrap.Python))
		c.args = append(append(c.args, debug...), main, fn.Handler)
	}
	c.extra = append(c.extra, "PYTHONPATH="+strings.Join(search, ":"))
	return l.wrapped(c, fn), nil
}

const nodeProbe = `JSON.stringify({Path: process.execPath, Version: process.versions.node})`

// node runs functions with AWS's client if the package has it, else with the embedded runtime.
func node(ctx context.Context, l *launcher, fn *Function, version string) (*command, error) {
	i, err := l.interpreters.find(ctx, []string{"node" + version, "node", "nodejs"}, []string{"-p", nodeProbe}, described,
		func(i *interpreter) bool {
			i.exact = sameVersion(i.Version, version)
			return i.exact || olderThan("17", i.Version)
		})
	if machine.Lacking(err) != nil {
		return nil, err
	}
	if err != nil {
		return nil, unsupported(fn.Runtime,
			"install Node.js "+version+" or another Node.js 18 or later, and put it on PATH ("+oneLine(err)+")")
	}
	main, err := clientOfPackage(fn)
	if err != nil {
		return nil, err
	}
	if main == "" {
		main = filepath.Join(l.runtimeDir, filepath.FromSlash(bootstrap.Node))
	}
	layers := filepath.Join(l.sandbox.Opt(fn.Opt), "nodejs")
	nodePath := []string{ // recorded from AWS
		filepath.Join(layers, "node"+version, "node_modules"), filepath.Join(layers, "node_modules"),
		filepath.Join(l.runtimeDir, "node_modules"), l.runtimeDir, fn.CodeDir,
	}
	c := &command{
		path:   i.Path,
		binDir: filepath.Dir(i.Path),
		extra:  []string{"NODE_PATH=" + strings.Join(nodePath, ":")},
		read:   append(i.home(), l.runtimeDir),
		search: "NODE_PATH", packages: cmp.Or(l.nodeModules, i.modules()),
		fallback: i.fallback(fn),
		args:     append(append(l.debugNode(fn), l.nodeMemory(fn)...), main, fn.Handler),
	}
	if version == "16" || version == "18" { // which AWS gives the certificates of its own services, too
		for _, bundle := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"} {
			if isFile(bundle) {
				c.extra = append(c.extra, "NODE_EXTRA_CA_CERTS="+bundle)
				break
			}
		}
	}
	return l.wrapped(c, fn), nil
}

// nodeMemory is how AWS's bootstrap sizes the heap of Node.js: a tenth of the memory is for what is new
// (/var/runtime/bootstrap of its image). Without that, garbage would be more than a function may have.
func (l *launcher) nodeMemory(fn *Function) []string {
	if !l.limitMemory || fn.MemoryMB == 0 {
		return nil
	}
	young := fn.MemoryMB / 10
	return []string{fmt.Sprintf("--max-semi-space-size=%d", young/2), fmt.Sprintf("--max-old-space-size=%d", fn.MemoryMB-young)}
}

// clientOfPackage is the main file of the package's own aws-lambda-ric, empty if it has none. It fails only where the
// machine has no room to look.
func clientOfPackage(fn *Function) (string, error) {
	const (
		dir     = "node_modules/aws-lambda-ric"
		maxText = 1 << 20
	)
	// The package is a stranger's: its links may lead out, and its files may be large.
	root := cmp.Or(fn.Root, fn.CodeDir)
	below, err := filepath.Rel(root, fn.CodeDir)
	if err != nil {
		return "", err
	}
	file, err := os.OpenInRoot(root, filepath.Join(below, dir, "package.json"))
	if machine.Lacking(err) != nil {
		return "", err
	}
	if err != nil {
		return "", nil
	}
	defer file.Close()
	var manifest struct {
		Bin map[string]string `json:"bin"`
	}
	if err := json.NewDecoder(io.LimitReader(file, maxText)).Decode(&manifest); err != nil {
		return "", nil
	}
	main := filepath.Join(fn.CodeDir, dir, filepath.FromSlash(manifest.Bin["aws-lambda-ric"]))
	if !isFile(main) {
		return "", nil
	}
	return main, nil
}

// java runs functions with AWS's client, which the package must have, in lib, or unpacked as in a fat jar, or a layer in
// java/lib.
func java(ctx context.Context, l *launcher, fn *Function, version string) (*command, error) {
	const client = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"
	i, err := l.interpreters.find(ctx, []string{"java"}, []string{"-XshowSettings:properties", "-version"}, describedByJava,
		func(*interpreter) bool { return true })
	if machine.Lacking(err) != nil {
		return nil, err
	}
	if err == nil && olderThan(i.Version, version) {
		err = fmt.Errorf("%s is version %s", i.Path, i.Version)
	}
	if err != nil {
		return nil, unsupported(fn.Runtime,
			"install a Java runtime, version "+version+" or later, and put java on PATH ("+oneLine(err)+")")
	}
	i = &interpreter{Path: i.Path, Version: i.Version, exact: i.Version == "" || sameVersion(i.Version, version)}
	if fn.CodeDir != "" && !fn.WebApp {
		jars, err := glob(fn.CodeDir, "lib", "aws-lambda-java-runtime-interface-client*.jar")
		if err != nil {
			return nil, err
		}
		if fn.Opt != "" && len(jars) == 0 {
			if jars, err = glob(fn.Opt, "java", "lib", "aws-lambda-java-runtime-interface-client*.jar"); err != nil {
				return nil, err
			}
		}
		class := filepath.Join(fn.CodeDir, strings.ReplaceAll(client, ".", "/")+".class")
		if len(jars) == 0 && !isFile(class) {
			return nil, unsupported(fn.Runtime, "add the dependency "+
				"com.amazonaws:aws-lambda-java-runtime-interface-client to the package (lib/*.jar), or to a layer (java/lib/*.jar)")
		}
	}
	classPath := []string{fn.CodeDir, filepath.Join(fn.CodeDir, "lib", "*")}
	if fn.Opt != "" {
		classPath = append(classPath, filepath.Join(l.sandbox.Opt(fn.Opt), "java", "lib", "*"))
	}
	c := &command{
		path:     i.Path,
		binDir:   filepath.Dir(i.Path),
		read:     sandbox.InterpreterHome(i.Path),
		fallback: i.fallback(fn),
		framed:   true,
		extra:    []string{"_LAMBDA_TELEMETRY_LOG_FD=1"},
		args: []string{
			"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", // as in Lambda: for a fast start
			"-cp", strings.Join(classPath, ":"),
			client, fn.Handler,
		},
	}
	return l.wrapped(c, fn), nil
}

const rubyProbe = `print JSON.generate("Path" => RbConfig.ruby, "Version" => RUBY_VERSION)`

// ruby runs functions with AWS's client, which the package must have in vendor/bundle, or a layer in ruby/gems.
func ruby(ctx context.Context, l *launcher, fn *Function, version string) (*command, error) {
	i, err := l.interpreters.find(ctx, []string{"ruby" + version, "ruby"}, []string{"-rjson", "-e", rubyProbe}, describedByRuby,
		func(i *interpreter) bool { i.exact = i.Version == "" || sameVersion(i.Version, version); return true })
	if machine.Lacking(err) != nil {
		return nil, err
	}
	if err != nil {
		return nil, unsupported(fn.Runtime, "install Ruby "+version+" and put ruby on PATH ("+oneLine(err)+")")
	}
	c := &command{path: i.Path, binDir: filepath.Dir(i.Path), read: sandbox.InterpreterHome(i.Path), fallback: i.fallback(fn)}
	if fn.CodeDir != "" && !fn.WebApp {
		mains, err := glob(fn.CodeDir,
			"vendor", "bundle", "ruby", "*", "gems", "aws_lambda_ric-*", "bin", "aws_lambda_ric")
		if err != nil {
			return nil, err
		}
		layers := filepath.Join(l.sandbox.Opt(fn.Opt), "ruby")
		if fn.Opt != "" && len(mains) == 0 {
			mains, err = glob(fn.Opt, "ruby", "gems", "*", "gems", "aws_lambda_ric-*", "bin", "aws_lambda_ric")
			if err != nil {
				return nil, err
			}
			for i, main := range mains { // as the function sees it
				mains[i] = filepath.Join(layers, strings.TrimPrefix(main, filepath.Join(fn.Opt, "ruby")))
			}
		}
		if len(mains) == 0 {
			return nil, unsupported(fn.Runtime, "add the gem aws_lambda_ric to the Gemfile and vendor it: "+
				"bundle config set --local path vendor/bundle && bundle install")
		}
		main := mains[len(mains)-1]
		c.args = []string{main, fn.Handler}
		c.extra = []string{ // in Lambda's order (recorded from AWS)
			// The first is the directory that holds gems/.
			"GEM_PATH=" + filepath.Join(main, "../../../..") + ":" + filepath.Join(layers, "gems", version+".0"),
			"RUBYLIB=" + fn.CodeDir + ":" + filepath.Join(layers, "lib"),
		}
	}
	return l.wrapped(c, fn), nil
}
