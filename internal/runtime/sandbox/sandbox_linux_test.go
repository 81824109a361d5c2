package sandbox_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/furl-dev/furl/internal/runtime/sandbox"
	"github.com/furl-dev/furl/internal/usertest"
)

// TestMain makes the test binary double as a hostile function: one that tries the things in its arguments and says how
// that went.
func TestMain(m *testing.M) {
	if os.Getenv("FURL_TEST_ATTACK") != "" {
		for i := 1; i+1 < len(os.Args); i += 2 {
			fmt.Println(attack(os.Args[i], os.Args[i+1]))
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// attack tries one thing and answers "done", or what kept it from being done.
func attack(what, target string) string {
	answer, err := "done", error(nil)
	number := func() int {
		n, err := strconv.Atoi(target)
		if err != nil {
			panic(err)
		}
		return n
	}
	switch what {
	case "read":
		_, err = os.ReadFile(target)
	case "list":
		_, err = os.ReadDir(target)
	case "stat":
		_, err = os.Stat(target)
	case "write":
		err = os.WriteFile(target, []byte("mine"), 0o644)
	case "append":
		var f *os.File
		if f, err = os.OpenFile(target, os.O_WRONLY|os.O_APPEND, 0); err == nil {
			f.Close()
		}
	case "remove":
		err = os.Remove(target)
	case "chmod":
		err = os.Chmod(target, 0o777)
	case "run":
		err = exec.Command(target).Run()
	case "dial":
		var c net.Conn
		if c, err = net.Dial("unix", target); err == nil {
			c.Close()
		}
	case "signal":
		err = syscall.Kill(number(), syscall.SIGCONT)
	case "trace":
		err = syscall.PtraceAttach(number())
	case "mount":
		err = syscall.Mount("tmpfs", target, "tmpfs", 0, "")
	case "namespace":
		err = unshare()
	case "status":
		text, failed := os.ReadFile("/proc/self/status")
		if err = failed; err == nil {
			answer = field(string(text), target)
		}
	case "pid":
		answer = strconv.Itoa(os.Getpid())
	case "terminal":
		_, err = os.OpenFile("/dev/tty", os.O_RDWR, 0)
	default:
		panic(what)
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno.Error()
	}
	if err != nil {
		return err.Error()
	}
	return answer
}

// unshare makes a user and a mount namespace within, and gets capabilities there, if it can.
func unshare() error {
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
	}
	return cmd.Run()
}

func field(text, name string) string {
	_, after, _ := strings.Cut(text, "\n"+name+":")
	value, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(value)
}

// world is what a function is kept from.
type world struct {
	testing.TB
	dir    string // everything below; not in /tmp, which is another one inside
	data   string // the server's
	code   string
	home   string
	secret string // a file of the user's
	socket string // where somebody listens
	victim int    // a process of the user's, with a secret in its environment
	opt    string // the content of layers; "" for none
	root   string // of code that is used in place; "" for none
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t}
	var err error
	if w.dir, err = os.MkdirTemp(place(t), "furl-sandbox-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(w.dir) })
	w.data = filepath.Join(w.dir, "data")
	w.code, w.home = filepath.Join(w.data, "code"), filepath.Join(w.data, "home")
	for _, dir := range []string{w.code, w.home, w.open()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.secret = filepath.Join(w.dir, "secret")
	for _, file := range []string{w.secret, w.data + "/keys", w.code + "/app", w.open() + "/file"} {
		if err := os.WriteFile(file, []byte("secret"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w.socket = filepath.Join(w.dir, "socket")
	for _, address := range []string{w.socket, w.abstract()} {
		listener, err := net.Listen("unix", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
	}
	victim := exec.Command("/bin/sleep", "60")
	victim.Env = []string{"PASSWORD=secret"}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		victim.Process.Kill() //nolint:errcheck // it may have been killed
		victim.Wait()         //nolint:errcheck // it was killed
	})
	w.victim = victim.Process.Pid
	return w
}

func (w *world) open() string     { return filepath.Join(w.dir, "open") }
func (w *world) abstract() string { return "@" + w.dir }
func (w *world) process() string  { return strconv.Itoa(w.victim) }

func (w *world) config() sandbox.Config {
	return sandbox.Config{Mode: sandbox.Auto, Dir: filepath.Join(w.data, "root"), Hidden: []string{w.data}}
}

// run starts the test binary in the sandbox and answers what came of each attack.
func (w *world) run(s *sandbox.Sandbox, attacks ...string) []string {
	w.Helper()
	self, err := os.Executable()
	if err != nil {
		w.Fatal(err)
	}
	r, out, err := os.Pipe()
	if err != nil {
		w.Fatal(err)
	}
	defer r.Close()
	process, err := s.Start(sandbox.Command{
		Path: self, Args: attacks, Env: []string{"FURL_TEST_ATTACK=1", "GORACE=atexit_sleep_ms=0"},
		Dir: w.code, Root: w.root, Home: w.home, Opt: w.opt, Read: []string{self}, Output: out,
	})
	out.Close()
	if err != nil {
		w.Fatal(err)
	}
	text := make([]byte, 64<<10)
	n := 0
	for n < len(text) {
		m, err := r.Read(text[n:])
		n += m
		if err != nil {
			break
		}
	}
	if state := process.Wait(); !state.Success() {
		w.Fatalf("%v\n%s", state, text[:n])
	}
	return strings.Split(strings.TrimRight(string(text[:n]), "\n"), "\n")
}

// place is where worlds are made: not in /tmp, since a sandbox has its own.
func place(t testing.TB) string {
	t.Helper()
	if os.Getuid() == 0 {
		return "/srv"
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	return home
}

// asEverybody runs the test again as an ordinary user where it runs as root: what a sandbox is made of differs.
func asEverybody(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	const nobody = 65534
	home, err := os.MkdirTemp(place(t), "furl-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	program, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(filepath.Join(home, "test"), program, 0o755)
	}
	if err := errors.Join(err, os.Chmod(home, 0o755), os.Chown(home, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(home, "test"), "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), "TMPDIR=/tmp", "HOME="+home)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as an ordinary user: %v\n%s", err, out)
	}
}

const (
	done     = "done"
	denied   = "permission denied"
	readonly = "read-only file system"
	missing  = "no such file or directory"
	unknown  = "no such process"
	forbid   = "operation not permitted"
	none     = "0000000000000000" // capabilities
)

func TestFunctionsAreStrangers(t *testing.T) {
	asEverybody(t)
	w := newWorld(t)
	spaces, landlock := sandbox.New(w.config()), sandbox.WithoutNamespaces(w.config())
	if !strings.Contains(spaces.String(), "and mount, PID and IPC namespaces") {
		t.Fatalf("this system gives %s", spaces)
	}
	shadow, system := denied, denied
	if os.Getuid() == 0 {
		shadow = done     // /dev/null stands there
		system = readonly // the modes would let it
	}
	for _, row := range []struct {
		what, target string
		spaces       string // with namespaces and Landlock
		landlock     string // with Landlock alone; "" is the same
	}{
		{"read", "/etc/passwd", done, ""},
		{"read", "/usr/bin/env", done, ""},
		{"run", "/bin/true", done, ""},
		{"read", w.code + "/app", done, ""},
		{"list", w.code, done, ""},
		{"append", w.code + "/app", readonly, denied},
		{"write", w.code + "/new", readonly, denied},
		{"remove", w.code + "/app", readonly, denied},
		{"chmod", w.code + "/app", readonly, done}, // Landlock has no say over modes
		{"write", w.home + "/file", done, ""},
		{"write", "/dev/null", done, ""},
		{"append", "/etc/passwd", system, denied},
		{"write", "/usr/new", readonly, denied},
		{"write", "/new", readonly, denied},
		{"read", w.secret, missing, denied},
		{"write", w.secret, readonly, denied},
		{"stat", w.secret, missing, done}, // nor over names
		{"dial", w.socket, missing, done}, // nor over sockets
		{"dial", w.abstract(), forbid, ""},
		{"read", w.data + "/keys", missing, denied},
		{"list", w.data, done, denied}, // of what is there it sees its own
		{"list", "/root", missing, denied},
		{"list", "/home", missing, denied},
		{"list", "/run", missing, denied},
		{"read", "/etc/shadow", shadow, denied},
		{"signal", w.process(), unknown, forbid},
		{"trace", w.process(), unknown, forbid},
		{"read", "/proc/" + w.process() + "/environ", missing, denied},
		{"read", "/proc/" + w.process() + "/cmdline", missing, done},
		{"read", "/proc/self/environ", done, ""},
		{"write", "/proc/sys/kernel/core_pattern", readonly, denied},
		{"mount", w.home, forbid, ""},
		{"terminal", "", missing, denied},
		{"status", "CapEff", none, ""},
		{"status", "CapPrm", none, ""},
		{"status", "CapInh", none, ""},
		{"status", "CapBnd", none, none},
		{"status", "CapAmb", none, ""},
		{"status", "NoNewPrivs", "1", ""},
	} {
		if row.landlock == "" {
			row.landlock = row.spaces
		}
		if row.what == "status" && row.target == "CapBnd" && os.Getuid() != 0 {
			row.landlock = "" // an ordinary user cannot give up what it does not have, and cannot gain it either
		}
		if row.target == "/etc/shadow" && os.Getuid() == 0 {
			row.landlock = denied
		}
		if got := w.run(spaces, row.what, row.target)[0]; got != row.spaces {
			t.Errorf("%s %s: %s, want %s", row.what, row.target, got, row.spaces)
		}
		if got := w.run(landlock, row.what, row.target)[0]; row.landlock != "" && got != row.landlock {
			t.Errorf("with Landlock alone, %s %s: %s, want %s", row.what, row.target, got, row.landlock)
		}
	}
}

// A function's /tmp is its own directory, and nobody else's.
func TestTheTemporaryDirectoryIsPrivate(t *testing.T) {
	asEverybody(t)
	w := newWorld(t)
	outside := filepath.Join(os.TempDir(), filepath.Base(w.dir))
	if err := os.WriteFile(outside, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(outside)
	s := sandbox.New(w.config())
	if got := w.run(s, "read", outside, "write", "/tmp/mine", "write", "/var/tmp/too", "write", "/dev/shm/too"); strings.Join(got, ",") !=
		strings.Join([]string{missing, done, done, done}, ",") {
		t.Errorf("got %q", got)
	}
	for _, name := range []string{"mine", "too"} {
		if _, err := os.Stat(filepath.Join(w.home, name)); err != nil {
			t.Errorf("what was written to /tmp is not in the home: %v", err)
		}
	}
	if _, err := os.Stat("/tmp/mine"); err == nil {
		t.Error("it wrote to everybody's /tmp")
	}
}

// Where /tmp is everybody's, a data directory in it is still out of reach.
func TestADataDirectoryInTheTemporaryDirectory(t *testing.T) {
	asEverybody(t)
	w := newWorld(t)
	var err error
	if w.data, err = os.MkdirTemp("/tmp", "furl-data-"); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(w.data)
	keys := filepath.Join(w.data, "keys")
	if err := os.WriteFile(keys, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	w.code, w.home = filepath.Join(w.data, "code"), filepath.Join(w.data, "home")
	for _, dir := range []string{w.code, w.home} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]func(sandbox.Config) *sandbox.Sandbox{
		"namespaces": sandbox.New, "Landlock": sandbox.WithoutNamespaces,
	} {
		got := w.run(mode(w.config()), "read", keys, "write", keys, "write", w.home+"/file", "list", w.code)
		if got[0] == done || got[1] == done && name == "Landlock" || got[2] != done || got[3] != done {
			t.Errorf("%s: %q", name, got)
		}
	}
	if text, err := os.ReadFile(keys); err != nil || len(text) > 0 {
		t.Errorf("the keys are %q now (%v)", text, err)
	}
}

func TestWhatIsOpened(t *testing.T) {
	asEverybody(t)
	w := newWorld(t)
	for name, mode := range map[string]func(sandbox.Config) *sandbox.Sandbox{
		"namespaces": sandbox.New, "Landlock": sandbox.WithoutNamespaces,
	} {
		config := w.config()
		config.Read = []string{w.dir}
		reader := mode(config)
		if got := w.run(reader, "read", w.secret)[0]; got != done {
			t.Errorf("%s: reading what is opened: %s", name, got)
		}
		if got := w.run(reader, "append", w.secret)[0]; got != readonly && got != denied {
			t.Errorf("%s: writing what is opened for reading: %s", name, got)
		}
		if got := w.run(reader, "read", w.data+"/keys")[0]; got != missing && got != denied {
			t.Errorf("%s: reading the data directory below what is opened: %s", name, got)
		}
		config = w.config()
		config.Write = []string{w.open()}
		if got := w.run(mode(config), "append", w.open()+"/file", "write", w.open()+"/"+name); got[0] != done || got[1] != done {
			t.Errorf("%s: writing what is opened: %s", name, got)
		}
	}
}

// Code in place is read with all of its root, but for the data directory inside, and a link out of it leads nowhere. The
// root itself can be listed, as interpreters do.
func TestRootOfCodeInPlace(t *testing.T) {
	asEverybody(t)
	w := newWorld(t)
	w.root = filepath.Join(w.dir, "project")
	w.code, w.data = w.root, filepath.Join(w.root, ".furl")
	w.home = filepath.Join(w.data, "home")
	for _, dir := range []string{w.home, w.root + "/lib"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{w.data + "/keys", w.root + "/app", w.root + "/lib/file"} {
		if err := os.WriteFile(file, []byte("secret"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"out": w.secret, "keys": w.data + "/keys", "dir": w.dir, "in": "lib/file"} {
		if err := os.Symlink(target, filepath.Join(w.root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]func(sandbox.Config) *sandbox.Sandbox{
		"namespaces": sandbox.New, "Landlock": sandbox.WithoutNamespaces,
	} {
		s := mode(w.config())
		for _, attack := range [][]string{
			{"list", w.root}, {"read", w.root + "/app"}, {"list", w.root + "/lib"}, {"read", w.root + "/in"}, {"write", w.home + "/file"},
		} {
			if got := w.run(s, attack...)[0]; got != done {
				t.Errorf("%s: %s: %s", name, attack, got)
			}
		}
		for _, attack := range [][]string{
			{"read", w.root + "/out"}, {"read", w.secret}, {"read", w.root + "/keys"}, {"read", w.data + "/keys"},
			{"read", w.root + "/dir/secret"}, {"write", w.root + "/new"}, {"append", w.root + "/app"}, {"remove", w.root + "/app"},
		} {
			if got := w.run(s, attack...)[0]; got != missing && got != denied && got != readonly {
				t.Errorf("%s: %s: %s", name, attack, got)
			}
		}
	}
}

// The layers of a function can be read where Opt says, and are nobody's to write. With mount namespaces that is /opt, and
// they are nowhere else; they are in the data directory, which is hidden.
func TestLayers(t *testing.T) {
	asEverybody(t)
	w := newWorld(t)
	w.opt = filepath.Join(w.data, "layers")
	if err := os.Mkdir(w.opt, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.opt, "file"), []byte("layer"), 0o644); err != nil {
		t.Fatal(err)
	}
	off := w.config()
	off.Mode = sandbox.Off
	for name, row := range map[string]struct {
		sandbox   *sandbox.Sandbox
		opt       string
		append    string // what is answered
		elsewhere string
	}{
		"namespaces": {sandbox.New(w.config()), "/opt", readonly, missing},
		"Landlock":   {sandbox.WithoutNamespaces(w.config()), w.opt, denied, done},
		"off":        {sandbox.New(off), w.opt, done, done},
	} {
		if got := row.sandbox.Opt(""); got != "/opt" {
			t.Errorf("%s: without layers, %s", name, got)
		}
		if got := row.sandbox.Opt(w.opt); got != row.opt {
			t.Errorf("%s: the layers are in %s, want %s", name, got, row.opt)
		}
		got := w.run(row.sandbox, "read", row.opt+"/file", "list", row.opt, "append", row.opt+"/file", "read", w.opt+"/file", "read", w.data+"/keys")
		if got[0] != done || got[1] != done || got[2] != row.append || got[3] != row.elsewhere {
			t.Errorf("%s: %q", name, got)
		}
		if name != "off" && got[4] != missing && got[4] != denied {
			t.Errorf("%s: reading the data directory beside the layers: %s", name, got[4])
		}
	}
}

// A link to what is opened, and links in the way to it, are followed.
func TestWhatIsOpenedThroughLinks(t *testing.T) {
	asEverybody(t)
	w := newWorld(t)
	target, link := filepath.Join(w.dir, "real"), filepath.Join(w.dir, "link")
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]string{{"real", link}, {w.secret, filepath.Join(target, "file")}, {"../link/file", filepath.Join(w.dir, "open", "way")}} {
		if err := os.Symlink(pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	config := w.config()
	config.Read = []string{filepath.Join(w.dir, "open", "way")}
	if got := w.run(sandbox.New(config), "read", filepath.Join(w.dir, "open", "way"))[0]; got != done {
		t.Error(got)
	}
	loop := filepath.Join(w.dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	config.Read = []string{loop}
	if got := w.run(sandbox.New(config), "read", loop)[0]; got != "too many levels of symbolic links" {
		t.Errorf("a loop of links: %s", got)
	}
}

// Whatever a function starts ends with it, and nothing of it keeps the sandbox from being waited for.
func TestEverythingEnds(t *testing.T) {
	asEverybody(t)
	script := `sleep 1000 & setsid sleep 1001 & (setsid sh -c 'trap "" TERM HUP INT; sleep 1002; sleep 1003' &)
		i=0; while [ $i -lt 20 ]; do setsid sh -c 'sleep 1004 & sleep 1005' & i=$((i+1)); done; `
	for _, row := range []struct {
		name string
		end  string
		stop func(*sandbox.Process)
		want string
	}{
		{"exits", "exit 3", nil, "exit status 3"},
		{"kills itself", "kill -SEGV $$", nil, "signal: segmentation fault"},
		{"is killed", "sleep 1006", (*sandbox.Process).Kill, "signal: killed"},
		{"is told to end", "echo ready; exec sleep 1006", (*sandbox.Process).Terminate, "signal: terminated"},
	} {
		for name, mode := range map[string]func(sandbox.Config) *sandbox.Sandbox{
			"namespaces": sandbox.New, "Landlock": sandbox.WithoutNamespaces,
			"off": func(c sandbox.Config) *sandbox.Sandbox { c.Mode = sandbox.Off; return sandbox.New(c) },
		} {
			t.Run(row.name+" with "+name, func(t *testing.T) {
				w := newWorld(t)
				r, out, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				process, err := mode(w.config()).Start(sandbox.Command{
					Path: "/bin/sh", Args: []string{"-c", script + "echo ready; " + row.end}, Env: []string{"PATH=/usr/bin:/bin"},
					Dir: w.code, Home: w.home, Output: out,
				})
				out.Close()
				if err != nil {
					t.Fatal(err)
				}
				if _, err := r.Read(make([]byte, 64)); err != nil {
					t.Fatal(err)
				}
				all := below(process.PID())
				if row.stop != nil {
					if len(all) < 20 {
						t.Errorf("only %d processes were started", len(all))
					}
					time.Sleep(20 * time.Millisecond) // so that the shell has become what is told to end
					row.stop(process)
				}
				if got := process.Wait().String(); got != row.want {
					t.Errorf("%s, want %s", got, row.want)
				}
				for _, pid := range all {
					if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
						t.Errorf("process %d lives on (%v)", pid, err)
					}
				}
			})
		}
	}
}

// Where nothing keeps a function from stopping its helper, it ends all the same.
func TestAHelperThatIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.config()
	config.Mode = sandbox.Off
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	process, err := sandbox.New(config).Start(sandbox.Command{
		Path: "/bin/sh", Args: []string{"-c", "sleep 0.5; kill -STOP $PPID; echo stopped; sleep 60"}, Env: []string{"PATH=/usr/bin:/bin"},
		Dir: w.code, Home: w.home, Output: out,
	})
	out.Close()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	process.Kill()
	if got := process.Wait().String(); got != "signal: killed" {
		t.Error(got)
	}
}

// below lists the processes that descend from pid.
func below(pid int) []int {
	var all []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) //nolint:errcheck // the pattern is right
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue
		}
		for word := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(append(all, child), below(child)...)
			}
		}
	}
	return all
}

// A function is not the first process of its namespace, where a signal without a handler is ignored.
func TestSignalsWork(t *testing.T) {
	w := newWorld(t)
	process, err := sandbox.New(w.config()).Start(sandbox.Command{
		Path: "/bin/sh", Args: []string{"-c", "kill -TERM $$; exit 1"}, Dir: w.code, Home: w.home,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := process.Wait().String(); got != "signal: terminated" {
		t.Error(got)
	}
}

// A program that is not of the function is not shown to it for being named as its program.
func TestAProgramFromOutside(t *testing.T) {
	w := newWorld(t)
	program := filepath.Join(w.dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*sandbox.Sandbox{
		"namespaces": sandbox.New(w.config()), "Landlock": sandbox.WithoutNamespaces(w.config()),
	} {
		process, err := s.Start(sandbox.Command{Path: program, Dir: w.code, Home: w.home})
		if err == nil {
			t.Errorf("%s: it runs: %s", name, process.Wait())
		}
	}
}

func TestWhatCannotBeStarted(t *testing.T) {
	w := newWorld(t)
	text := filepath.Join(w.code, "text")
	if err := os.WriteFile(text, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*sandbox.Sandbox{
		"namespaces": sandbox.New(w.config()), "Landlock": sandbox.WithoutNamespaces(w.config()),
	} {
		for path, want := range map[string]error{
			w.code + "/missing": syscall.ENOENT, w.code + "/app": syscall.EACCES, text: syscall.ENOEXEC,
		} {
			_, err := s.Start(sandbox.Command{Path: path, Dir: w.code, Home: w.home})
			var failed *sandbox.StartError
			if !errors.As(err, &failed) || !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "fork/exec "+path+": ") {
				t.Errorf("%s: %s: %v, want %v", name, path, err, want)
			}
		}
	}
}

// A process that confines a function and ends before it can say anything is an error, and not waited for.
func TestAHelperThatEndsIsAnError(t *testing.T) {
	w := newWorld(t)
	started := make(chan error, 1)
	go func() {
		tooLong := strings.Repeat("x", 17<<20)
		_, err := sandbox.New(w.config()).Start(sandbox.Command{Path: "/bin/true", Args: []string{tooLong}})
		started <- err
	}()
	select {
	case err := <-started:
		if !errors.Is(err, sandbox.ErrEnded) {
			t.Errorf("got %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Start waits for a process that has ended")
	}
}

func TestStrictAndOff(t *testing.T) {
	w := newWorld(t)
	config := w.config()
	config.Mode = sandbox.Strict
	if err := sandbox.New(config).Ready(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(config.Dir, nil, 0o600); err == nil {
		t.Fatal("the directory for mounting is a file")
	}
	config.Dir = w.secret // so that nothing can be mounted
	s := sandbox.New(config)
	if err := s.Ready(); err == nil || !strings.Contains(err.Error(), "--sandbox=auto") {
		t.Errorf("strict without namespaces: %v", err)
	}
	if _, err := s.Start(sandbox.Command{Path: "/bin/true", Dir: w.code, Home: w.home}); err == nil {
		t.Error("it runs functions all the same")
	}
	config.Mode = sandbox.Auto
	if got := sandbox.New(config).String(); !strings.HasPrefix(got, "Landlock (version ") || !strings.Contains(got, " alone: functions share /tmp") {
		t.Error(got)
	}
	config.Mode = sandbox.Off
	if got := w.run(sandbox.New(config), "read", w.secret)[0]; got != done {
		t.Errorf("without a sandbox: %s", got)
	}
}

// The peak is the function's own: neither the server's size nor the helper's counts.
func TestPeakMemory(t *testing.T) {
	asEverybody(t)
	ballast := make([]byte, 200<<20)
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	w := newWorld(t)
	for _, mode := range []sandbox.Mode{sandbox.Auto, sandbox.Off} {
		config := w.config()
		config.Mode = mode
		for script, want := range map[string][2]int{
			"echo ready; sleep 60": {1, 12},
			"head -c 60000000 /dev/zero | { read -r x; sleep 60; } & echo ready; x=$(head -c 40000000 /dev/zero | tr '\\0' a); sleep 60": {40, 190},
		} {
			process, err := sandbox.New(config).Start(sandbox.Command{
				Path: "/bin/sh", Args: []string{"-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: w.code, Home: w.home,
			})
			if err != nil {
				t.Fatal(err)
			}
			peak := 0
			for at := time.Now(); peak < want[0] && time.Since(at) < 20*time.Second; time.Sleep(100 * time.Millisecond) {
				peak = process.PeakMB(time.Now())
			}
			process.Kill()
			process.Wait()
			if after := process.PeakMB(time.Now()); peak < want[0] || peak > want[1] || after > want[1] {
				t.Errorf("%s: %s: %d MB, after its end %d MB, want %d to %d", mode, script, peak, after, want[0], want[1])
			}
		}
	}
	ballast[0] = 2 // it must live until here
}

// A function that is killed before anybody asked for its size still has one.
func TestPeakMemoryOfTheKilled(t *testing.T) {
	w := newWorld(t)
	for _, mode := range []sandbox.Mode{sandbox.Auto, sandbox.Off} {
		config := w.config()
		config.Mode = mode
		process, err := sandbox.New(config).Start(sandbox.Command{Path: "/bin/sleep", Args: []string{"60"}, Dir: w.code, Home: w.home})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // so that it has executed
		process.Kill()
		process.Wait()
		if got := process.PeakMB(time.Now()); got < 1 || got > 12 {
			t.Errorf("%s: %d MB", mode, got)
		}
	}
}

func TestMayExplain(t *testing.T) {
	w := newWorld(t)
	s := sandbox.New(w.config())
	for text, want := range map[string]bool{
		"open /home/me/x: permission denied":                      true,
		"[Errno 13] Permission denied: '/srv/x'":                  true,
		"EACCES: permission denied, open '/root/x'":               true,
		"EROFS: read-only file system, open '/var/task/x'":        true,
		"java.nio.file.AccessDeniedException: /x":                 true,
		"User is not authorized: AccessDeniedException":           false,
		"open " + w.secret + ": no such file or directory":        true,
		"[Errno 2] No such file or directory: '" + w.secret + "'": true,
		"open /nowhere/at/all: no such file or directory":         false,
		"open /usr/bin/env: no such file or directory":            false,
		"division by zero": false,
	} {
		if got := s.MayExplain([]byte(text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	config := w.config()
	config.Mode = sandbox.Off
	if sandbox.New(config).MayExplain([]byte("permission denied")) {
		t.Error("there is no sandbox")
	}
}

// What a function has started ends with its environment also where the process above it is killed, which a function
// that is not confined can do itself.
func TestNothingOutlivesAHelperThatIsKilled(t *testing.T) {
	const script = `(while :; do sleep 0.01; done) & (trap "" TERM; sleep 1000; sleep 1000) & ` +
		`(setsid sleep 1000 & wait) & timeout 1000 sleep 1000 & sleep 0.2; echo ready; wait` // timeout has its own group
	for name, s := range map[string]*sandbox.Sandbox{
		"off":                sandbox.New(sandbox.Config{Mode: sandbox.Off, Dir: t.TempDir()}),
		"without namespaces": sandbox.WithoutNamespaces(sandbox.Config{Dir: t.TempDir()}),
		"auto":               sandbox.New(sandbox.Config{Dir: t.TempDir()}),
	} {
		t.Run(name, func(t *testing.T) {
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer read.Close()
			home := t.TempDir()
			p, err := s.Start(sandbox.Command{
				Path: "/bin/sh", Args: []string{"-c", script}, Dir: home, Home: home, Output: write,
			})
			write.Close()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(read, make([]byte, len("ready\n"))); err != nil {
				t.Fatal(err)
			}
			all := p.Below()
			if len(all) < 8 {
				t.Fatalf("the processes are %v", all)
			}
			if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if got := p.Wait(); !got.Signaled() {
				t.Errorf("the function ended with %v", got)
			}
			for _, pid := range all {
				for deadline := time.Now().Add(5 * time.Second); isRunning(pid); time.Sleep(time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("process %d lives on", pid)
					}
				}
			}
		})
	}
}

func isRunning(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(text), ") Z ")
}

// Go ends a program that is refused a thread. A function may take all threads that its user may have, so the process
// above it makes none after the function has started.
func TestTheHelperNeedsNoMoreThreads(t *testing.T) {
	if !usertest.Unprivileged(t) { // the limit does not hold for root
		return
	}
	const script = `i=0; while [ $i -lt 150 ]; do (sleep 0.01 &); i=$((i+1)); done; exit 7`
	s := sandbox.New(sandbox.Config{Mode: sandbox.Off, Dir: t.TempDir()})
	for range 10 {
		p, err := s.Start(sandbox.Command{Path: "/bin/sh", Args: []string{"-c", script}, Dir: "/"})
		if err != nil {
			t.Fatal(err)
		}
		none := unix.Rlimit{Cur: 1, Max: 1}
		if err := unix.Prlimit(p.PID(), unix.RLIMIT_NPROC, &none, nil); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if got := p.Wait().String(); got != "exit status 7" {
				t.Errorf("the function ended with %s", got)
			}
		}()
		for disturbing := true; disturbing; {
			select {
			case <-ended:
				disturbing = false
			case <-time.After(20 * time.Microsecond):
				p.Disturb() // it has both of its goroutines return from the system
			}
		}
	}
}

// A cell holds several programs, which see the same files: one can end, or be ended, without the others, and the cell
// ends with its last program or with Kill.
func TestCell(t *testing.T) {
	for name, mode := range map[string]func(sandbox.Config) *sandbox.Sandbox{
		"namespaces": sandbox.New, "Landlock": sandbox.WithoutNamespaces,
		"off": func(c sandbox.Config) *sandbox.Sandbox { c.Mode = sandbox.Off; return sandbox.New(c) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			main, aside := output(t), output(t)
			cell, err := mode(w.config()).Open(sandbox.Command{
				Path: "/bin/sh", Dir: w.code, Home: w.home, Output: main.write, Aside: aside.write,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(cell.Kill)
			shell := func(aside bool, script string) *sandbox.Process {
				t.Helper()
				process, err := cell.Start(sandbox.Program{
					Path: "/bin/sh", Args: []string{"-c", script}, Env: []string{"PATH=/usr/bin:/bin", "HOME=" + w.home}, Dir: w.home, Aside: aside,
				})
				if err != nil {
					t.Fatal(err)
				}
				return process
			}
			first := shell(true, "echo one >shared; echo from the first; sleep 1007 & wait")
			aside.expect("from the first")
			second := shell(false, "cat shared; exec sleep 1008")
			main.expect("one")
			third := shell(false, "trap 'exit 4' TERM; echo trapped; while :; do sleep 0.01; done")
			main.expect("trapped")
			if _, err := cell.Start(sandbox.Program{Path: w.home + "/missing", Dir: "/"}); !errors.As(err, new(*sandbox.StartError)) {
				t.Errorf("a program that is missing: %v", err)
			}
			third.Terminate()
			if got := third.Wait().String(); got != "exit status 4" {
				t.Errorf("the one that was told to end: %s", got)
			}
			group := below(first.PID())
			second.End()
			if got := second.Wait().String(); got != "signal: killed" {
				t.Errorf("the one that was ended: %s", got)
			}
			select {
			case <-first.Done():
				t.Fatal("the first one ended with the second")
			default:
			}
			fourth := shell(true, "echo still here; exit 5")
			aside.expect("still here")
			if got := fourth.Wait().String(); got != "exit status 5" {
				t.Errorf("one more: %s", got)
			}
			cell.Kill()
			if got := first.Wait().String(); got != "signal: killed" {
				t.Errorf("the first: %s", got)
			}
			cell.Wait()
			for _, pid := range group {
				if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
					t.Errorf("process %d lives on (%v)", pid, err)
				}
			}
			if _, err := cell.Start(sandbox.Program{Path: "/bin/true", Dir: "/"}); !errors.Is(err, sandbox.ErrEnded) {
				t.Errorf("a start after the end: %v", err)
			}
		})
	}
}

// A cell that loses its only program ends, although another one was to come.
func TestCellOfOneThatEnds(t *testing.T) {
	w := newWorld(t)
	cell, err := sandbox.New(w.config()).Open(sandbox.Command{Path: "/bin/true", Dir: w.code, Home: w.home})
	if err != nil {
		t.Fatal(err)
	}
	process, err := cell.Start(sandbox.Program{Path: "/bin/sh", Args: []string{"-c", "exit 3"}, Dir: "/"})
	if err != nil {
		t.Fatal(err)
	}
	if got := process.Wait().String(); got != "exit status 3" {
		t.Error(got)
	}
	cell.Wait()
	if _, err := cell.Start(sandbox.Program{Path: "/bin/true", Dir: "/"}); !errors.Is(err, sandbox.ErrEnded) {
		t.Errorf("a start after the end: %v", err)
	}
}

// printed is what programs print.
type printed struct {
	testing.TB
	read, write *os.File
	text        string
}

func output(t *testing.T) *printed {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	if err := r.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &printed{TB: t, read: r, write: w}
}

// expect waits for a text.
func (p *printed) expect(text string) {
	p.Helper()
	for !strings.Contains(p.text, text) {
		piece := make([]byte, 1024)
		n, err := p.read.Read(piece)
		if err != nil {
			p.Fatalf("%v; %q has no %q", err, p.text, text)
		}
		p.text += string(piece[:n])
	}
}

// The processes of a cell are looked for again when what is known of them is old, and whenever none is known.
func TestFamilyAges(t *testing.T) {
	start := func() int {
		cmd := exec.Command("sleep", "60")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		return cmd.Process.Pid
	}
	var family sandbox.Family
	now, us := time.Now(), os.Getpid()
	if found := family.Below(us, time.Second, now); len(found) != 0 {
		t.Fatalf("%d before one was started", found)
	}
	first := start()
	for _, step := range []struct {
		later time.Duration
		age   time.Duration
		want  int
	}{{0, time.Second, 1}, {time.Millisecond, time.Second, 1}, {time.Millisecond, 0, 2}, {time.Second, time.Second, 2}} {
		if found := family.Below(us, step.age, now.Add(step.later)); len(found) != step.want || found[0] != first {
			t.Errorf("%s later, at most %s old: %d, not %d of them", step.later, step.age, found, step.want)
		}
		if step.want == 1 && step.later == 0 {
			start()
		}
	}
}
