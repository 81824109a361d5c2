//go:build unix

package dev

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// mark is the environment variable that the programs of a session have in common, also those that left their group.
const mark = "FURL_DEV_SESSION"

// shell starts programs of the user: with the user's shell, environment and rights.
type shell struct {
	path    string
	environ []string
	mark    string // NAME=VALUE
	dir     string
}

func newShell(environ []string, dir string) shell {
	path := "/bin/sh"
	for _, variable := range environ {
		if name, ok := strings.CutPrefix(variable, "SHELL="); ok && filepath.IsAbs(name) {
			switch filepath.Base(name) {
			case "sh", "bash", "dash", "zsh", "ksh", "fish", "ash", "mksh", "yash":
				if _, err := os.Stat(name); err == nil {
					path = name
				}
			}
		}
	}
	return shell{path, environ, mark + "=" + rand.Text(), dir}
}

// program is one that runs.
type program struct {
	command *exec.Cmd
	shell   shell
	done    chan struct{}
	err     error
}

// start starts a command line. Each line that it prints goes to tell.
func (s shell) start(line string, environ []string, tell func(string)) (*program, error) {
	p := &program{command: exec.Command(s.path, "-c", line), shell: s, done: make(chan struct{})}
	p.command.Dir = s.dir
	p.command.Env = append(append(append([]string(nil), s.environ...), environ...), s.mark)
	separate(p.command)
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.command.Stdout, p.command.Stderr = write, write
	err = p.command.Start()
	write.Close() //nolint:errcheck // the program has its own
	if err != nil {
		read.Close() //nolint:errcheck // nothing was read
		return nil, err
	}
	var output sync.WaitGroup
	output.Go(func() { eachLine(read, tell) })
	go func() {
		defer close(p.done)
		p.err = p.command.Wait()
		// What the program left behind may keep the pipe open. Its last lines come first.
		const patience = 200 * time.Millisecond
		timer := time.AfterFunc(patience, func() { read.SetReadDeadline(time.Now()) }) //nolint:errcheck // it is a pipe
		output.Wait()
		timer.Stop()
		read.Close() //nolint:errcheck // it was only read
	}()
	return p, nil
}

// eachLine tells the lines that come, the longest ones in pieces.
func eachLine(from io.Reader, tell func(string)) {
	const longest = 64 << 10
	reader := bufio.NewReaderSize(from, longest)
	for {
		line, err := reader.ReadSlice('\n')
		if len(line) > 0 {
			tell(strings.TrimRight(string(line), "\r\n"))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// end ends the program and all that it started: it asks, and after the patience it does not ask.
func (p *program) end(patience time.Duration) {
	signalAll(p, false)
	select {
	case <-p.done:
	case <-time.After(patience):
	}
	signalAll(p, true)
	<-p.done
}

// backOff is how long to wait before a program that ended is started again.
func backOff(failures int) time.Duration {
	const least, most = 200 * time.Millisecond, 10 * time.Second
	return min(most, least<<min(failures, 10))
}

// supervise keeps a command line running until the context ends.
func (s shell) supervise(ctx context.Context, line string, environ []string, tell func(string), ended func(string)) {
	const wellAfter, patience = 5 * time.Second, 3 * time.Second
	failures := 0
	for ctx.Err() == nil {
		began := time.Now()
		p, err := s.start(line, environ, tell)
		if err == nil {
			select {
			case <-p.done:
				err = p.err
				p.end(0) // what it left behind has the port
			case <-ctx.Done():
				p.end(patience)
				return
			}
		}
		if time.Since(began) > wellAfter {
			failures = 0
		}
		wait := backOff(failures)
		failures++
		why := "it ended"
		if err != nil {
			why = err.Error()
		}
		ended(why + "; it is started again in " + wait.String())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// separate gives a program a group of its own, which a Ctrl-C on the terminal does not reach: furl ends it.
func separate(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// signalAll asks or forces a program to end, with its group and, where the system shows them, those of its descendants
// that left the group: they still have the mark in their environment.
func signalAll(p *program, force bool) {
	signal := syscall.SIGTERM
	if force {
		signal = syscall.SIGKILL
	}
	syscall.Kill(-p.command.Process.Pid, signal) //nolint:errcheck // the group may be gone
	for _, id := range marked(p.shell.mark) {
		syscall.Kill(id, signal) //nolint:errcheck // it may be gone
	}
}

// marked are the processes with the variable in their environment, but for furl itself.
func marked(variable string) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is well formed
	var ids []int
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), append([]byte("\x00"+variable), 0)) {
			continue
		}
		if id, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && id != os.Getpid() {
			ids = append(ids, id)
		}
	}
	return ids
}
