package main_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// keyboard is a terminal whose keys a test presses, with furl dev in its foreground.
type keyboard struct {
	*terminal
	near   *os.File
	far    *os.File
	before unix.Termios
	dir    string
}

// startDev starts furl dev as the program of a session of its own, whose terminal both streams and the keys are on.
func startDev(t *testing.T, env []string, args ...string) *keyboard {
	t.Helper()
	near, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	if err := unix.IoctlSetPointerInt(int(near.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(near.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	far, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	if err := unix.IoctlSetWinsize(int(far.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 200}); err != nil {
		t.Fatal(err)
	}
	before, err := unix.IoctlGetTermios(int(far.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	k := &keyboard{near: near, far: far, before: *before, dir: t.TempDir()}
	k.terminal = &terminal{command: exec.Command("furl", append([]string{"dev", "--listen", "127.0.0.1:0"}, args...)...), ended: make(chan struct{})}
	k.command.Dir, k.command.Env = k.dir, append(os.Environ(), env...)
	k.command.Stdin, k.command.Stdout, k.command.Stderr = far, far, far
	k.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return k
}

// start starts it, once its project is there.
func (k *keyboard) start(t *testing.T) {
	t.Helper()
	if err := k.command.Start(); err != nil {
		t.Fatal(err)
	}
	go io.Copy(k.terminal, k.near) //nolint:errcheck // it ends with the terminal
	go func() {
		k.command.Wait()
		close(k.ended)
	}()
	t.Cleanup(func() {
		k.command.Process.Kill()
		<-k.ended
	})
}

// program makes the program of a function that says a text.
func (k *keyboard) program(t *testing.T, text string) {
	t.Helper()
	bootstrap, err := exec.LookPath("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\nexport SAY='%s'\nexec '%s'\n", text, bootstrap)
	if err := os.WriteFile(filepath.Join(k.dir, "bootstrap"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (k *keyboard) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := k.near.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// ends waits for the end of the program, and checks that the terminal is as it was.
func (k *keyboard) ends(t *testing.T) {
	t.Helper()
	select {
	case <-k.ended:
	case <-time.After(time.Minute):
		t.Fatalf("it does not end; it sent %q", k)
	}
	k.isAsBefore(t)
}

func (k *keyboard) isAsBefore(t *testing.T) {
	t.Helper()
	now, err := unix.IoctlGetTermios(int(k.far.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if *now != k.before {
		t.Errorf("the terminal is set to %+v, was %+v", *now, k.before)
	}
}

// mode reports whether keys arrive one by one.
func (k *keyboard) single(t *testing.T) bool {
	t.Helper()
	now, err := unix.IoctlGetTermios(int(k.far.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return now.Lflag&unix.ICANON == 0
}

// devKeys is the line that lists the keys.
const devKeys = "e explain the last refusal  r reload  l logs  u URLs  o console  q quit"

var callLine = regexp.MustCompile(`furl call (http\S+)`)

// devEnv is the environment of the tests of keys.
func devEnv(t *testing.T) []string {
	t.Helper()
	bootstrap, err := exec.LookPath("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	return []string{"NO_COLOR=1", "FURL_SANDBOX_READ=" + bootstrap, "AWS_ACCESS_KEY_ID=", "AWS_PROFILE="}
}

func TestKeysOfDev(t *testing.T) {
	t.Parallel()
	seen := filepath.Join(t.TempDir(), "seen")
	env := append(devEnv(t), "BROWSER=browser", "BROWSER_IS=blind", "SEEN="+seen)
	k := startDev(t, env, "--handler", "say", "--runtime", "provided.al2023", "--name", "web")
	k.program(t, "one")
	k.start(t)
	sent := k.await(t, "may call: nobody yet")
	k.await(t, devKeys)
	found := callLine.FindStringSubmatch(sent)
	if found == nil {
		t.Fatalf("no line to copy in %q", sent)
	}
	k.press(t, "e")
	k.await(t, "no request has been refused yet")

	if out, err := exec.Command("curl", "-s", found[1]).CombinedOutput(); err != nil {
		t.Fatalf("curl: %v %s", err, out)
	}
	k.await(t, "403 GET ")
	k.press(t, "e")
	k.await(t, "answered 403")

	before := strings.Count(k.String(), "furl call ")
	k.press(t, "u")
	for deadline := time.Now().Add(time.Minute); strings.Count(k.String(), "furl call ") == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("u shows no function URL")
		}
	}
	k.press(t, "l")
	k.await(t, "the log of web alone")
	k.press(t, "l")
	k.await(t, "the logs of all functions")
	k.press(t, "r")
	k.await(t, "web | reloaded")
	k.press(t, "\x1b[A") // the arrow key up, which has an A in it
	k.press(t, "?z")
	k.press(t, "o")
	k.await(t, "opening http://console.localhost:")
	const whole = "words 1\nmode -rw-------\npage http://console.localhost/_furl/\nclosed\n"
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(seen)
		if string(text) == whole {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the browser saw %s (%v)", text, err)
		}
	}
	k.press(t, "q") // before the ticket is used
	k.ends(t)
	if left, err := filepath.Glob(filepath.Join(k.dir, ".furl", "console-*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
	for deadline := time.Now().Add(10 * time.Second); !strings.HasSuffix(k.String(), "\r\x1b[K"); time.Sleep(5 * time.Millisecond) {
		if rest := k.String(); time.Now().After(deadline) { // what the program wrote last is still on its way
			t.Fatalf("the list of keys is still there: %q", rest[max(0, len(rest)-200):])
		}
	}
}

// TestLinesStayAboveTheKeys: each line takes the place of the list, which comes again below it.
func TestLinesStayAboveTheKeys(t *testing.T) {
	t.Parallel()
	k := startDev(t, devEnv(t), "--handler", "say", "--runtime", "provided.al2023")
	k.program(t, evil[:7])
	k.start(t)
	k.await(t, devKeys)
	sent := k.await(t, "may call: nobody yet")
	if out, err := exec.Command("furl", "call", callLine.FindStringSubmatch(sent)[1]).CombinedOutput(); err != nil {
		t.Fatalf("furl call: %v %s", err, out)
	}
	k.await(t, "saying ")
	k.press(t, "q")
	k.ends(t)
	shown := strings.ReplaceAll(k.String(), "\r\x1b[K", "")
	shown = strings.ReplaceAll(shown, "\r\n", "\n")
	for _, line := range strings.Split(shown, "\n") {
		if strings.ContainsAny(line, "\x1b\r") || strings.Count(line, devKeys) > 1 && !strings.HasPrefix(line, devKeys) {
			t.Errorf("the terminal got %q", line)
		}
	}
}

// TestTerminalIsGivenBack ends furl dev in each way in which it can be ended.
func TestTerminalIsGivenBack(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *keyboard){
		"q":              func(t *testing.T, k *keyboard) { k.press(t, "q") },
		"Q":              func(t *testing.T, k *keyboard) { k.press(t, "Q") },
		"Ctrl-C":         func(t *testing.T, k *keyboard) { k.press(t, "\x03") },
		"Ctrl-D":         func(t *testing.T, k *keyboard) { k.press(t, "\x04") },
		"SIGTERM":        func(_ *testing.T, k *keyboard) { k.command.Process.Signal(syscall.SIGTERM) },
		"SIGINT":         func(_ *testing.T, k *keyboard) { k.command.Process.Signal(syscall.SIGINT) },
		"SIGHUP":         func(_ *testing.T, k *keyboard) { k.command.Process.Signal(syscall.SIGHUP) },
		"q again, again": func(t *testing.T, k *keyboard) { k.press(t, "qqq") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := startDev(t, devEnv(t), "--handler", "say", "--runtime", "provided.al2023")
			k.program(t, "one")
			k.start(t)
			k.await(t, "may call: nobody yet")
			if !k.single(t) {
				t.Error("keys do not arrive one by one")
			}
			end(t, k)
			k.ends(t)
			if status := k.command.ProcessState.ExitCode(); status != 0 {
				t.Errorf("exit status %d", status)
			}
		})
	}
}

// TestSuspend has the terminal be the shell's while furl dev is stopped.
func TestSuspend(t *testing.T) {
	t.Parallel()
	k := startDev(t, devEnv(t), "--handler", "say", "--runtime", "provided.al2023")
	k.program(t, "one")
	k.start(t)
	k.await(t, "may call: nobody yet")
	// A program that nobody would continue is not stopped by SIGTSTP: the test stops it in the place of a shell.
	k.command.Process.Signal(syscall.SIGSTOP)
	if err := unix.IoctlSetTermios(int(k.far.Fd()), unix.TCSETS, &k.before); err != nil {
		t.Fatal(err)
	}
	k.command.Process.Signal(syscall.SIGCONT)
	for deadline := time.Now().Add(time.Minute); !k.single(t); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("keys do not arrive one by one after it was continued")
		}
	}
	k.press(t, "q")
	k.ends(t)
}
