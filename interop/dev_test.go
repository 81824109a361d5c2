//go:build unix

package interop_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// devEvent is a line of furl dev --json.
type devEvent struct {
	Event, Function, Qualifier, LogicalID, URL, AuthType, InvokeMode string
	Endpoint, Data, Text, RequestID, Method, Program                 string
	Status                                                           int
}

// devServer is a running furl dev, and the server that it has started.
type devServer struct {
	*server
	mutex  sync.Mutex
	events []devEvent
	more   chan struct{} // closed when there is another event, or no more
}

// startDev starts furl dev in a directory, and waits until its server runs. It ends with the test, if not before.
func startDev(t *testing.T, dir string, args ...string) *devServer {
	t.Helper()
	home := t.TempDir()
	d := &devServer{server: &server{t: t, home: home, log: filepath.Join(home, "log"), ended: make(chan struct{})}, more: make(chan struct{})}
	log, err := os.Create(d.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	all := append([]string{"dev", "--json", "--listen", "127.0.0.1:0", "--region", region, "--account", account}, args...)
	d.process = exec.Command(must(t, buildFurl), all...)
	d.process.Dir, d.process.Env, d.process.Stderr = dir, append(baseEnv(home), goEnv(t)...), log
	out, err := d.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.process.Start(); err != nil {
		t.Fatal(err)
	}
	go d.read(out)
	t.Cleanup(func() {
		d.stop(syscall.SIGTERM)
		if t.Failed() {
			d.showLog()
			for _, event := range d.events {
				if event.Event != "log" {
					t.Logf("%+v", event)
				}
			}
		}
	})
	started := d.await(t, "server", func(e devEvent) bool { return e.Event == "server" })
	d.data = started.Data
	var known bool
	if d.vars, known = d.variables(account, "--user", "admin"); !known {
		t.Fatal("furl env does not know the server of furl dev")
	}
	return d
}

// read keeps what a process says until it says no more, and then waits for its end.
func (d *devServer) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event devEvent
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			event = devEvent{Event: "no JSON", Text: lines.Text()}
		}
		d.mutex.Lock()
		d.events = append(d.events, event)
		close(d.more)
		d.more = make(chan struct{})
		d.mutex.Unlock()
	}
	d.process.Wait() //nolint:errcheck // its state says how it has ended
	close(d.ended)
}

// await waits for an event.
func (d *devServer) await(t *testing.T, what string, is func(devEvent) bool) devEvent {
	t.Helper()
	deadline := time.After(time.Minute)
	for seen := 0; ; {
		d.mutex.Lock()
		events, more := d.events[seen:], d.more
		d.mutex.Unlock()
		for _, event := range events {
			if is(event) {
				return event
			}
		}
		seen += len(events)
		select {
		case <-more:
		case <-d.ended:
			t.Fatalf("furl dev ended before it said: %s", what)
		case <-deadline:
			t.Fatalf("furl dev does not say: %s", what)
		}
	}
}

// url is the function URL of a function.
func (d *devServer) url(t *testing.T, function string) devEvent {
	t.Helper()
	return d.await(t, "the URL of "+function, func(e devEvent) bool { return e.Event == "url" && e.Function == function })
}

// becomes calls a function URL until the answer has the text, and fails if that takes too long.
func (d *devServer) becomes(t *testing.T, method, url, body, text string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		response, got := d.call(t, method, url, body)
		if response.StatusCode == http.StatusOK && strings.Contains(got, text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s %s: %s %q, want %q", method, url, response.Status, got, text)
		}
	}
}

// refuses checks that a request without a signature is refused, as AWS does, and that furl dev says so.
func (d *devServer) refuses(t *testing.T, url string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != http.StatusForbidden || string(text) != unsigned {
		t.Errorf("without a signature: %s %s, %v", response.Status, text, err)
	}
	id := response.Header.Get("X-Amzn-RequestId")
	refusal := d.await(t, "the refusal of "+id, func(e devEvent) bool { return e.Event == "refused" && e.RequestID == id })
	if refusal.Status != http.StatusForbidden || !strings.Contains(refusal.Text, "sign") {
		t.Errorf("said of it: %+v", refusal)
	}
}

// ends ends furl dev, and checks that nothing of it is left: no process, and nobody at its address.
func (d *devServer) ends(t *testing.T) {
	t.Helper()
	below := descendants(t, d.process.Process.Pid)
	// A reload ends the environments that were there, and the next one may be starting.
	for deadline := time.Now().Add(10 * time.Second); len(below) == 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		below = descendants(t, d.process.Process.Pid)
	}
	if len(below) == 0 {
		t.Error("furl dev has started no process: the test would find none left either")
	}
	d.stop(syscall.SIGTERM)
	if code := d.process.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	nothingLeft(t, below)
	address, err := url.Parse(d.endpoint())
	if err != nil {
		t.Fatal(err)
	}
	if connection, err := net.Dial("tcp", address.Host); err == nil {
		connection.Close()
		t.Errorf("somebody listens on %s still", address.Host)
	}
}

// nothingLeft waits until none of the processes runs.
func nothingLeft(t *testing.T, below map[int]string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var left []string
		for pid, since := range below {
			if now, command := processStart(pid); now == since {
				left = append(left, fmt.Sprintf("%d %s", pid, command))
			}
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still running: %s", strings.Join(left, "; "))
		}
	}
}

// descendants are the processes that a process has started, and those that these have, with the time of their start.
func descendants(t *testing.T, ancestor int) map[int]string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Skip("this system does not tell of its processes in /proc")
	}
	parents := map[int]int{}
	for _, file := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			continue
		}
		if fields := processFields(pid); fields != nil {
			parents[pid], _ = strconv.Atoi(fields[1]) //nolint:errcheck // the kernel writes a number
		}
	}
	found := map[int]string{}
	for pid := range parents {
		for above := parents[pid]; above > 1; above = parents[above] {
			if above == ancestor {
				found[pid], _ = processStart(pid)
				break
			}
		}
	}
	return found
}

// processFields are the fields of /proc/PID/stat after the name of the program: state, parent, and so on.
func processFields(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
}

// processStart is when a process that runs was started, and what it runs; "" if there is none.
func processStart(pid int) (start, command string) {
	fields := processFields(pid)
	const state, started = 0, 19
	if len(fields) <= started || fields[state] == "Z" {
		return "", ""
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return "", ""
	}
	return fields[started], strings.ReplaceAll(string(text), "\x00", " ")
}
