//go:build unix

package machine_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/furl-dev/furl/internal/machine"
)

func TestLacking(t *testing.T) {
	opening := func(errno error) error { return &fs.PathError{Op: "open", Path: "/data/x", Err: errno} }
	starting := func(errno error) error { return &fs.PathError{Op: "fork/exec", Path: "/bin/x", Err: errno} }
	for _, test := range []struct {
		err       error
		of, limit string // "" for an error that means anything else
	}{
		{nil, "", ""},
		{errors.New("too many open files"), "", ""},
		{fs.ErrNotExist, "", ""},
		{opening(syscall.EACCES), "", ""},
		{opening(syscall.EMFILE), "file descriptors", "RLIMIT_NOFILE is "},
		{fmt.Errorf("listen: %w", os.NewSyscallError("socket", syscall.ENFILE)), "file descriptors for all programs", ""},
		{starting(syscall.EAGAIN), "processes", ""},
		{starting(syscall.ENOMEM), "memory", ""},
		{starting(syscall.ENOSPC), "namespaces or mounts", "user.max_user_namespaces"},
		{opening(syscall.ENOSPC), "disk space", "the file system of /data/x"},
		{opening(syscall.EDQUOT), "disk space", "the file system of /data/x"},
		{&net.OpError{Op: "accept", Err: syscall.ENOBUFS}, "network buffers", ""},
		{&net.OpError{Op: "listen", Err: syscall.EADDRINUSE}, "local ports", "ip_local_port_range"},
		{fmt.Errorf("again: %w", &machine.Lack{Of: "patience"}), "patience", ""},
	} {
		lack := machine.Lacking(test.err)
		if test.of == "" {
			if lack != nil {
				t.Errorf("%v: got %v", test.err, lack)
			}
			continue
		}
		if lack == nil || lack.Of != test.of || !strings.Contains(lack.Limit, test.limit) {
			t.Errorf("%v: got %+v", test.err, lack)
			continue
		}
		if lack.Err != nil && (!errors.Is(lack, lack.Err) || !strings.Contains(lack.Error(), lack.Limit) || lack.Fix == "") {
			t.Errorf("%v: says %q, fix %q", test.err, lack, lack.Fix)
		}
	}
}

func TestWarningsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		warner := machine.Warner{Log: slog.New(slog.NewTextHandler(&log, nil))}
		for range 150 { // seconds
			for range 10 {
				warner.Warn("no room", &machine.Lack{Of: "files", Limit: "F is 1"})
				warner.Warn("no room", &machine.Lack{Of: "processes", Limit: "P is 2"})
			}
			time.Sleep(time.Second)
		}
		for _, limit := range []string{"F is 1", "P is 2"} {
			if n := strings.Count(log.String(), "limit=\""+limit+"\""); n != 3 {
				t.Errorf("%d warnings of %s in 150 s, want 3", n, limit)
			}
		}
	})
}

// flaky is a listener that fails as told, and then waits to be closed.
type flaky struct {
	errs   []error
	closed chan struct{}
}

func (f *flaky) Accept() (net.Conn, error) {
	if len(f.errs) == 0 {
		<-f.closed
		return nil, net.ErrClosed
	}
	err := f.errs[0]
	f.errs = f.errs[1:]
	if err == nil {
		return &net.TCPConn{}, nil
	}
	return nil, err
}

func (f *flaky) Close() error   { close(f.closed); return nil }
func (f *flaky) Addr() net.Addr { return nil }

func TestListenersWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &flaky{errs: []error{syscall.EMFILE, syscall.ENOBUFS, syscall.ENOMEM, nil}, closed: make(chan struct{})}
		lacks := 0
		listener := machine.NewListener(inner, func(*machine.Lack) { lacks++ })
		began := time.Now()
		if connection, err := listener.Accept(); err != nil || connection == nil || lacks != 3 {
			t.Errorf("got %v, %v after %d lacks", connection, err, lacks)
		}
		if waited := time.Since(began); waited != 35*time.Millisecond { // 5, 10 and 20
			t.Errorf("waited %s", waited)
		}

		other := errors.New("something else")
		inner.errs = []error{other}
		if _, err := listener.Accept(); !errors.Is(err, other) {
			t.Errorf("got %v, want what Accept said", err)
		}

		for range 1000 {
			inner.errs = append(inner.errs, syscall.EMFILE)
		}
		lacks = 0
		ended := make(chan error)
		go func() {
			_, err := listener.Accept()
			ended <- err
		}()
		time.Sleep(time.Minute)
		listener.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) || lacks > 70 {
			t.Errorf("got %v after %d attempts in a minute", err, lacks)
		}
	})
}

// What is shared out is no more than there is: half of the files is for connections.
func TestFilesAreSharedOut(t *testing.T) {
	for files, want := range map[uint64]int{32: 1, 64: 1, 256: 12, 1024: 54, 8192: 446, 1 << 20: 57342} {
		if got := machine.EnvironmentsWith(files); got != want {
			t.Errorf("%d files: %d environments, want %d", files, got, want)
		}
	}
	for files, want := range map[uint64]int{64: 4, 1024: 4, 20_000: 30, 1 << 20: 64} {
		if got := machine.RuntimeConnectionsWith(files); got != want {
			t.Errorf("%d files: %d connections to a Runtime API, want %d", files, got, want)
		}
	}
}
