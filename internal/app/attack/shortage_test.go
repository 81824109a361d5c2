//go:build unix

package attack_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/app"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// limits are those of a server that is a process of its own.
type limits struct {
	Dir       string // of the server
	Files     uint64 // RLIMIT_NOFILE, 0 for what the test has
	Processes uint64 // RLIMIT_NPROC, 0 for what the test has
	Group     string // directory of the control group to be in, "" for the test's own
	// Unconfined functions are in no namespaces of their own.
	Unconfined bool
	// Soaked is a server as an operator runs it: as the user of the tests, with warnings in JSON for a log.
	Soaked bool
}

const (
	limitedVariable = "ATTACK_SERVER" // makes this program the server, with the limits in it
	rlimitProcesses = 6               // RLIMIT_NPROC of Linux, which package syscall has not
)

// runLimited serves from the first byte of standard input to its end.
func runLimited(setting string) error {
	var l limits
	if err := json.Unmarshal([]byte(setting), &l); err != nil {
		return err
	}
	if _, err := io.ReadFull(os.Stdin, make([]byte, 1)); err != nil {
		return err
	}
	for resource, most := range map[int]uint64{syscall.RLIMIT_NOFILE: l.Files, rlimitProcesses: l.Processes} {
		if most != 0 {
			if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
				return err
			}
		}
	}
	config := app.Default()
	config.Data, config.Listen, config.URLStyle = filepath.Join(l.Dir, "data"), "127.0.0.1:0", "host"
	config.Accounts, config.Region = []string{accountA}, region
	config.RootAccessKeyID, config.RootSecretAccessKey = limitedRoot.id, limitedRoot.secret
	config.DrainTimeout = time.Second
	config.SandboxRead = []string{filepath.Join(l.Dir, "program")}
	config.SandboxWrite = []string{filepath.Join(l.Dir, "ledger")}
	if l.Unconfined {
		config.Sandbox = sandbox.Off
	}
	config.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	if l.Soaked {
		config.Log = slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	server, err := app.New(context.Background(), config)
	if err != nil {
		return err
	}
	fmt.Println(strings.TrimPrefix(server.Endpoint(), "http://"))
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // the end is what counts
		stop()
	}()
	return server.Run(ctx, context.Background())
}

var limitedRoot = key{"AKIALIMITED123456789", "limited secret of the root user", ""}

// newLimited starts a server as a process of its own. Where the tests run as root it is that of a user that has no
// other processes; else those that the user has are not counted.
func newLimited(t *testing.T, l limits) *world {
	t.Helper()
	if l.Processes != 0 && os.Getuid() != 0 {
		l.Processes += ownThreads(t)
	}
	dir, err := os.MkdirTemp("/tmp", "furl-limited-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	dataDir(t, dir)
	l.Dir = dir
	// A link, since nobody can execute a copy while a process that another test has just forked still writes it.
	err = os.Link(testProgram(t), filepath.Join(dir, "program"))
	if errors.Is(err, syscall.EXDEV) {
		var program []byte
		if program, err = os.ReadFile(testProgram(t)); err == nil {
			err = os.WriteFile(filepath.Join(dir, "program"), program, 0o755)
		}
	}
	if err := errors.Join(err, os.Mkdir(filepath.Join(dir, "ledger"), 0o777), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	setting, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "program"))
	cmd.Env = append(os.Environ(), limitedVariable+"="+string(setting), "HOME="+dir, "TMPDIR=/tmp")
	cmd.Dir = "/"
	if os.Getuid() == 0 && !l.Soaked {
		uid := 100_000 + rand.IntN(1<<24)
		for _, path := range []string{dir, filepath.Join(dir, "ledger")} {
			if err := os.Chown(path, uid, uid); err != nil {
				t.Fatal(err)
			}
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	w := &world{
		log: &record{}, ledger: filepath.Join(dir, "ledger", "ids"), meant: map[string]bool{}, limits: l,
		data: filepath.Join(dir, "data"), program: filepath.Join(dir, "program"),
	}
	w.unsigned = person{w: w}
	w.rootA = w.person(limitedRoot).of(accountA)
	cmd.Stderr = w.log
	input, err1 := cmd.StdinPipe()
	output, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	w.server = cmd.Process
	w.stop = sync.OnceValue(func() error {
		input.Close()
		late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer late.Stop()
		return cmd.Wait()
	})
	t.Cleanup(func() {
		if err := w.stop(); err != nil {
			t.Errorf("the server: %v\n%s", err, w.log)
		}
	})
	if l.Group != "" {
		procs := filepath.Join(l.Group, "cgroup.procs")
		if err := os.WriteFile(procs, []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := input.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	if !lines.Scan() {
		t.Fatalf("the server does not start: %s", w.log)
	}
	w.address = lines.Text()
	w.readToken(t)
	w.rootA.createRole(t, "execution", trustLambda, "")
	w.rootA.createFunction(t, "open")
	w.openURL = w.rootA.openURL(t, "open")
	return w
}

// controlGroup makes a control group of at most 100 processes, "" where that cannot be done.
func controlGroup(t *testing.T, mode os.FileMode) string {
	t.Helper()
	for _, root := range []string{"/sys/fs/cgroup/pids", "/sys/fs/cgroup"} {
		dir, err := os.MkdirTemp(root, "furl-test-")
		if err != nil {
			continue
		}
		t.Cleanup(func() { os.Remove(dir) })
		if os.WriteFile(filepath.Join(dir, "pids.max"), []byte("100"), 0) == nil && os.Chmod(dir, mode) == nil {
			return dir
		}
	}
	return ""
}

// ownThreads counts the threads of the user.
func ownThreads(t *testing.T) uint64 {
	t.Helper()
	tasks, err := filepath.Glob("/proc/[0-9]*/task/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	own := uint64(0)
	for _, task := range tasks {
		info, err := os.Stat(task)
		if err == nil && info.Sys().(*syscall.Stat_t).Uid == uint32(os.Getuid()) {
			own++
		}
	}
	return own
}

// held is how long a call may take that waits until its test lets go: for all that the test waits for meanwhile.
const held = 5 * patience

// burst sends a request from as many clients at once, each on connections of its own, and counts the statuses.
func (w *world) burst(t *testing.T, clients, calls int, wire string) map[int]int {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range clients {
		all.Go(func() {
			for range calls {
				c, err := dialed(w.address)
				if err != nil {
					t.Error(err)
					return
				}
				c.SetDeadline(time.Now().Add(held)) //nolint:errcheck // a connection that is closed fails at once
				go c.write(wire)
				a, err := c.read("GET")
				c.Close()
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				statuses[a.status]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return statuses
}

// More callers than there are files or processes for: some are throttled, as AWS does it, and none learns anything
// else. When they are gone, everything works as before.
func TestShortages(t *testing.T) {
	t.Parallel()
	type row struct {
		name   string
		limits limits
		limit  string // as the log names it, with its value behind
	}
	tests := []row{
		{"files", limits{Files: 64}, "RLIMIT_NOFILE is "},
		{"more files", limits{Files: 160}, "RLIMIT_NOFILE is "},
		{"processes", limits{Processes: 70}, "RLIMIT_NPROC is "},
		{"processes of functions that are not confined", limits{Processes: 70, Unconfined: true}, "RLIMIT_NPROC is "},
	}
	if group := controlGroup(t, 0o755); group != "" {
		limit := "pids.max of the control group " + group + " is 100"
		tests = append(tests, row{"processes of a control group", limits{Group: group}, limit})
	}
	for _, test := range tests {
		if test.limits.Processes != 0 && goruntime.GOOS != "linux" {
			continue // where the limits on processes are not known before they are met
		}
		t.Run(test.name, func(t *testing.T) {
			began := time.Now()
			w := newLimited(t, test.limits)
			limit := test.limit
			if test.limits.Group == "" {
				limit += strconv.FormatUint(max(w.limits.Files, w.limits.Processes), 10)
			}
			hold := w.url(w.openURL, "GET", "/hold", "").wire()
			held := make(chan map[int]int)
			go func() { held <- w.burst(t, 60, 5, hold) }()
			eventually(t, "the machine has no room for more", func() bool {
				return strings.Contains(w.log.String(), "no environment can be started")
			})
			invocation := w.api("POST", "/2015-03-31/functions/open/invocations", "{}")
			w.throttled(t, invocation.signed(w.rootA.signing("lambda")))
			page := w.page(t, "/_furl/requests/"+w.throttled(t, w.url(w.openURL, "GET", "/", "")).id())
			if !strings.Contains(page, limit) || !strings.Contains(page, "fix:\n") {
				t.Errorf("the trace does not name the limit and the fix:\n%s", page)
			}
			w.letGo(t)
			statuses := <-held
			for status := range w.burst(t, 60, 3, w.url(w.openURL, "GET", "/", "").wire()) {
				statuses[status]++
			}
			if statuses[200] == 0 || statuses[429] == 0 || len(statuses) != 2 {
				t.Errorf("the answers were %v, want 200 and 429 alone", statuses)
			}
			warnings := strings.Count(w.log.String(), "msg=\"no environment can be started")
			if took := time.Since(began); warnings == 0 || warnings > 1+int(took/time.Minute) {
				t.Errorf("there are %d warnings within %s, want one a minute:\n%s", warnings, took, w.log)
			}
			if !strings.Contains(w.log.String(), "limit=\""+limit+"\"") {
				t.Errorf("the log does not name the limit %s:\n%s", limit, w.log)
			}
			w.worksAgain(t)
		})
	}
}

// A function that takes all processes or files that it can get stops neither the server nor, for good, other functions.
func TestFunctionsThatTakeAll(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, path string
		limits     limits
		answers    []int // 503 for a function that had begun its work when the system refused it a thread
	}{
		{"processes", "/processes", limits{Processes: 150}, []int{200, 429, 503}},
		{"processes, not confined", "/processes", limits{Processes: 150, Unconfined: true}, []int{200, 429, 503}},
		{"connections to the Runtime API", "/connections", limits{Files: 100}, []int{200, 429}},
	} {
		if test.limits.Processes != 0 && goruntime.GOOS != "linux" {
			continue // where the limits on processes are not known before they are met
		}
		t.Run(test.name, func(t *testing.T) {
			w := newLimited(t, test.limits)
			taking := make(chan map[int]int)
			go func() { taking <- w.burst(t, 1, 1, w.url(w.openURL, "GET", test.path, "").wire()) }()
			eventually(t, "the function has its event", func() bool { return len(w.executed(t)) > 0 })
			others := w.url(w.openURL, "GET", "/", "").wire()
			for range 5 {
				if a := w.unsigned.ask(t, "GET", "/_furl/health", ""); a.status != 200 {
					t.Fatal(a)
				}
				statuses := w.burst(t, 10, 1, others)
				for status := range statuses {
					if !slices.Contains(test.answers, status) {
						t.Fatalf("the answers were %v, want %v alone\n%s", statuses, test.answers, w.log)
					}
				}
			}
			w.letGo(t)
			for status := range <-taking {
				if !slices.Contains(test.answers, status) {
					t.Errorf("the function that took all was answered %d\n%s", status, w.log)
				}
			}
			w.worksAgain(t)
		})
	}
}

// However many processes an idle function keeps, there is room for another function: the idle one ends, if need be.
func TestIdleFunctionsThatKeepProcesses(t *testing.T) {
	t.Parallel()
	if goruntime.GOOS != "linux" {
		t.Skip("where the limits on processes are not known before they are met")
	}
	for _, test := range []struct {
		name    string
		limits  limits
		threads int // of the other function, beyond those of any in Go
	}{
		{"not confined", limits{Processes: 150, Unconfined: true}, 0},
		{"not confined, for many threads", limits{Processes: 150, Unconfined: true}, 30},
		{"confined, for many threads", limits{Processes: 150}, 30},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newLimited(t, test.limits)
			w.rootA.createFunction(t, "other")
			w.rootA.setVariables(t, "other", map[string]string{"ATTACK_THREADS": strconv.Itoa(test.threads)})
			other := w.rootA.openURL(t, "other")
			for left := 20; left < 80; left += 3 {
				w.answers(t, w.url(w.openURL, "GET", "/", ""))
				kept := max(0, int(w.limits.Processes)-left-w.tasks(t).threads)
				if a := w.send(t, w.url(w.openURL, "GET", "/keep?"+strconv.Itoa(kept), "")); a.status != 200 {
					t.Fatalf("%v\n%s\n%s", a, w.tasks(t), w.log)
				}
				before := w.tasks(t)
				a := w.send(t, w.url(other, "GET", "/", ""))
				if a.status == 503 { // it had begun its work when the system refused it a thread
					a = w.send(t, w.url(other, "GET", "/", ""))
				}
				if a.status != 200 {
					t.Fatalf("%d left: %v\n%s\n%s", left, a, before, w.log)
				}
				for _, id := range []string{other, w.openURL} {
					w.send(t, w.url(id, "GET", "/end", ""))
				}
			}
		})
	}
}

// A function whose runtime ends because the system refuses it a thread has not failed if that is for the limits of this
// machine, although its end has made room by the time the server looks.
func TestFunctionsThatAreRefusedThreads(t *testing.T) {
	t.Parallel()
	if goruntime.GOOS != "linux" {
		t.Skip("where the limits on processes are not known before they are met")
	}
	for _, test := range []struct {
		name   string
		limits limits
	}{
		{"confined", limits{Processes: 150}},
		{"not confined", limits{Processes: 150, Unconfined: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newLimited(t, test.limits)
			for range 3 {
				r := w.url(w.openURL, "GET", "/", "")
				w.answers(t, r)
				if a := w.send(t, w.url(w.openURL, "GET", "/threads", "")); a.status != 503 {
					t.Fatalf("got %v, want 503\n%s", a, w.log)
				}
			}
			w.worksAgain(t)
		})
	}
}

// What a runtime prints when it is refused a thread tells such an end from a crash.
func TestRuntimesSayThatTheyAreRefusedThreads(t *testing.T) {
	t.Parallel()
	if goruntime.GOOS != "linux" {
		t.Skip("where the limits on processes are not known before they are met")
	}
	w := newLimited(t, limits{Processes: 150})
	for _, test := range []struct {
		words string
		want  int
	}{
		{"runtime: failed to create new OS thread (have 7 already; errno=11)", 503},
		{"runtime/cgo: pthread_create failed: Resource temporarily unavailable", 503},
		{"RuntimeError: can't start new thread", 503},
		{"Assertion `(0) == (uv_thread_create(t.get(), start_thread, this))' failed.", 503},
		{"[warning][os,thread] Failed to start thread \"Unknown thread\" - pthread_create failed (EAGAIN)", 503},
		{"java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory", 503},
		{"/bin/sh: 1: Cannot fork", 503},
		{"bash: fork: retry: Resource temporarily unavailable", 503},
		{"panic: assignment to entry in nil map", 502},
	} {
		a := w.send(t, w.url(w.openURL, "GET", "/end?"+url.QueryEscape(test.words), ""))
		if a.status != test.want {
			t.Errorf("after %s: %v, want %d\n%s", test.words, a, test.want, w.log)
		}
	}
	w = newLimited(t, limits{Processes: 8192}) // so that it was refused more than a function may have at AWS
	if a := w.send(t, w.url(w.openURL, "GET", "/end?fork:+EAGAIN", "")); a.status != 502 {
		t.Errorf("a function that met its own limit: %v", a)
	}
}

// throttled sends a call until it is throttled.
func (w *world) throttled(t *testing.T, r request) (a answer) {
	t.Helper()
	const want = `{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`
	eventually(t, "a call is throttled", func() bool { a = w.send(t, r); return a.status != 200 })
	if a.status != 429 || a.body != want || a.header.Get("X-Amzn-Errortype") != "TooManyRequestsException" {
		t.Fatalf("not throttled: %v\n%s", a, w.log)
	}
	return a
}

// answers sends a call until the function answers it.
func (w *world) answers(t *testing.T, r request) {
	t.Helper()
	var a answer
	for deadline := time.Now().Add(patience); a.status != 200; time.Sleep(20 * time.Millisecond) {
		if a = w.send(t, r); a.status != 200 && time.Now().After(deadline) {
			t.Fatalf("in vain waited for a function to answer; the last answer is %v\n%s\n%s", a, w.tasks(t), w.log)
		}
	}
}

// tasks are the processes of the server's user, with those that have ended and that nobody has waited for: what the
// kernel counts for RLIMIT_NPROC (getrlimit(2)).
type tasks struct {
	list    string
	threads int
}

func (a tasks) String() string { return fmt.Sprintf("%s%d threads in all", a.list, a.threads) }

func (w *world) tasks(t *testing.T) tasks {
	t.Helper()
	owner := func(path string) uint32 {
		info, err := os.Stat(path)
		if err != nil {
			return 1<<32 - 1 // it has ended
		}
		return info.Sys().(*syscall.Stat_t).Uid
	}
	user := owner("/proc/" + strconv.Itoa(w.server.Pid))
	all := tasks{list: fmt.Sprintf("processes of user %d (the server is %d):\n", user, w.server.Pid)}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range processes {
		text, err := os.ReadFile(process + "/stat")
		if err != nil || owner(process) != user {
			continue
		}
		name := text[:bytes.LastIndexByte(text, ')')+1]
		fields := strings.Fields(string(text[len(name):])) // from the state on (proc_pid_stat(5))
		threads, err := strconv.Atoi(fields[17])
		if err != nil {
			t.Fatal(err)
		}
		all.threads += threads
		all.list += fmt.Sprintf("%s state %s, parent %s, session %s, threads %d\n",
			name, fields[0], fields[1], fields[3], threads)
	}
	return all
}

// letGo ends what functions hold.
func (w *world) letGo(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(w.ledger+".go", nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// worksAgain expects two functions to answer one after the other, and each again, whatever idle environments there are.
func (w *world) worksAgain(t *testing.T) {
	t.Helper()
	w.rootA.createFunction(t, "other")
	other := w.rootA.createURL(t, "other", "AWS_IAM")
	calls := []request{
		w.rootA.signs(w.url(other, "GET", "/", "")), w.url(w.openURL, "GET", "/", ""),
	}
	for _, r := range calls {
		w.answers(t, r)
	}
	for range 5 {
		for _, r := range calls {
			if a := w.send(t, r); a.status != 200 {
				t.Fatalf("%v\n%s\n%s", a, w.tasks(t), w.log)
			}
		}
	}
}
