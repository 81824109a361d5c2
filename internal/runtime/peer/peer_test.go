//go:build linux || darwin

package peer_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime/peer"
)

// TestMain makes the test binary double as the processes under test. Each works off a list of words: "dial" connects
// to the address in FURL_TEST_ADDRESS and says so, "wait" waits until standard input ends; the other words start a
// child that works off the rest.
func TestMain(m *testing.M) {
	if script := os.Getenv("FURL_TEST_SCRIPT"); script != "" {
		play(strings.Fields(script))
		return
	}
	os.Exit(m.Run())
}

func play(script []string) {
	for i, word := range script {
		rest := strings.Join(script[i+1:], " ")
		switch word {
		case "dial":
			conn, err := net.Dial("tcp", os.Getenv("FURL_TEST_ADDRESS"))
			must(err)
			defer conn.Close()
			fmt.Println(os.Getpid())
		case "wait":
			wait()
		case "child":
			must(again(rest, nil).Run())
			wait()
			return
		case "session":
			must(again(rest, leader()).Run())
			wait()
			return
		case "orphan": // the child stays when this process has ended
			must(again("alone "+rest, nil).Start())
			return
		case "orphan-session":
			must(again("alone "+rest, leader()).Start())
			return
		case "reaper": // this process takes in its orphans
			must(becomeReaper())
		case "alone": // wait until the parent has ended
			for os.Getenv("FURL_TEST_PARENT") == strconv.Itoa(os.Getppid()) {
				time.Sleep(time.Millisecond)
			}
		default:
			panic(word)
		}
	}
}

func wait() {
	io.Copy(io.Discard, os.Stdin) //nolint:errcheck // the end is all that matters
}

func again(script string, attributes *syscall.SysProcAttr) *exec.Cmd {
	self := "/proc/self/exe" // which another user may execute, too
	if _, err := os.Stat(self); err != nil {
		self, err = os.Executable()
		must(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "FURL_TEST_SCRIPT="+script, "FURL_TEST_PARENT="+strconv.Itoa(os.Getpid()))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = attributes
	return cmd
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// server accepts connections of processes that it starts.
type server struct {
	testing.TB
	listener net.Listener
}

func listen(t testing.TB) *server {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return &server{t, listener}
}

// client is a process that works off a script.
type client struct {
	*server
	cmd   *exec.Cmd
	input io.Closer
	lines *bufio.Reader
}

func (s *server) start(script string, attributes *syscall.SysProcAttr) *client {
	s.Helper()
	self, err := os.Executable()
	if err != nil {
		s.Fatal(err)
	}
	cmd := exec.Command(self)
	if attributes != nil && attributes.Credential != nil {
		// The other user may not enter the directory of this program.
		program, err := os.Open(self)
		if err != nil {
			s.Fatal(err)
		}
		defer program.Close()
		cmd.ExtraFiles = []*os.File{program}
		cmd.Path = "/proc/self/fd/3"
	}
	cmd.Env = append(os.Environ(), "FURL_TEST_SCRIPT="+script, "FURL_TEST_ADDRESS="+s.listener.Addr().String())
	cmd.SysProcAttr = attributes
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		s.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, os.ErrPermission) {
			s.Skip(err)
		}
		s.Fatal(err)
	}
	c := &client{s, cmd, input, bufio.NewReader(output)}
	s.Cleanup(c.end)
	return c
}

// end lets every process of the script end, and waits for the first.
func (c *client) end() {
	c.input.Close()
	c.cmd.Process.Kill() //nolint:errcheck // it may have ended
	c.cmd.Wait()         //nolint:errcheck // it was killed
}

func (c *client) pid() int { return c.cmd.Process.Pid }

// accept takes the client's next connection, and answers the process that made it.
func (c *client) accept() (net.Conn, int) {
	c.Helper()
	conn, err := c.listener.Accept()
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { conn.Close() })
	line, err := c.lines.ReadString('\n')
	if err != nil {
		c.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		c.Fatal(err)
	}
	return conn, pid
}

// leader starts a main process as environments are started.
func leader() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func TestProcessesOfTheEnvironment(t *testing.T) {
	for _, row := range []struct {
		script string
		owns   bool // without a search
	}{
		{"dial wait", true},
		{"child dial wait", true},
		{"child child child dial wait", true},
		{"session dial wait", true},
		{"session child dial wait", true},
		{"child orphan dial wait", false}, // of the session, but nobody's child
	} {
		t.Run(row.script, func(t *testing.T) {
			c := listen(t).start(row.script, leader())
			conn, pid := c.accept()
			e := peer.NewEnvironment(c.pid())
			if got := e.Owns(conn); got != row.owns {
				t.Errorf("Owns = %t", got)
			}
			var inspector peer.Inspector
			defer inspector.Close()
			if err := inspector.Check(t.Context(), e, conn); err != nil {
				t.Error(err)
			}
			if !e.Has(pid) {
				t.Errorf("process %d does not belong to it", pid)
			}
		})
	}
}

// check answers what is said of a stranger's connection.
func check(t *testing.T, e *peer.Environment, conn net.Conn) *peer.Stranger {
	t.Helper()
	if e.Owns(conn) {
		t.Error("a stranger's connection is taken for the environment's")
	}
	var inspector peer.Inspector
	defer inspector.Close()
	err := inspector.Check(t.Context(), e, conn)
	var stranger *peer.Stranger
	if !errors.As(err, &stranger) {
		t.Fatalf("err = %v, want a *Stranger", err)
	}
	return stranger
}

func TestStrangers(t *testing.T) {
	s := listen(t)
	home := s.start("wait", leader())
	e := peer.NewEnvironment(home.pid())
	for _, row := range []struct{ script, sort string }{
		{"dial wait", "another process"},
		{"child dial wait", "another process's child"},
	} {
		c := s.start(row.script, nil)
		conn, pid := c.accept()
		got := check(t, e, conn)
		if got.PID != pid || got.UID != os.Getuid() || got.Command == "" {
			t.Errorf("%s: %+v, want process %d of user %d", row.sort, got, pid, os.Getuid())
		}
		if e.Has(pid) {
			t.Errorf("%s belongs to the environment", row.sort)
		}
	}
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	accepted, err := s.listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if got := check(t, e, accepted); got.PID != os.Getpid() {
		t.Errorf("the server itself: %+v, want process %d", got, os.Getpid())
	}
}

// Nobody can say any more who had the connection, so nobody is admitted for it.
func TestConnectionThatIsClosed(t *testing.T) {
	c := listen(t).start("dial", leader())
	conn, _ := c.accept()
	if _, err := io.ReadAll(conn); err != nil { // until the other end is closed
		t.Fatal(err)
	}
	c.cmd.Wait() //nolint:errcheck // it has nothing to say
	e := peer.NewEnvironment(os.Getpid())
	if got := check(t, e, conn); got.PID != 0 || got.UID != -1 || got.Reason != peer.ErrClosed.Error() {
		t.Errorf("%+v", got)
	}
}

func TestMainProcessThatIsGone(t *testing.T) {
	c := listen(t).start("dial wait", leader())
	conn, _ := c.accept()
	gone := c.start("wait", leader())
	e := peer.NewEnvironment(gone.pid())
	gone.end()
	check(t, e, conn)
	if e.Has(gone.pid()) {
		t.Error("a process that has ended belongs to the environment")
	}
	if got := check(t, peer.NewEnvironment(gone.pid()), conn); !strings.Contains(got.Reason, "main process") {
		t.Errorf("an environment that was never looked at: %+v", got)
	}
}

// The id of the main process may have been given to a stranger, once the main process was waited for.
func TestProcessIDsAreGivenAgain(t *testing.T) {
	for _, script := range []string{"dial wait", "child dial wait"} {
		c := listen(t).start(script, leader())
		conn, pid := c.accept()
		e := peer.NewEnvironment(c.pid())
		if !e.Owns(conn) {
			t.Errorf("%s: not taken for the environment's", script)
		}
		e.Reborn()
		check(t, e, conn)
		if e.Has(pid) {
			t.Errorf("%s: it belongs to the environment whose process had its id before", script)
		}
	}
}

func TestOtherKindsOfConnections(t *testing.T) {
	e := peer.NewEnvironment(os.Getpid())
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	if got := check(t, e, near); !strings.Contains(got.Reason, "not a TCP connection") {
		t.Errorf("a pipe: %+v", got)
	}
	listener, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if got := check(t, e, accepted); !strings.Contains(got.Reason, "not an IPv4 connection") {
		t.Errorf("IPv6: %+v", got)
	}
}

// Runtimes such as Java's connect to IPv4 addresses with sockets of IPv6.
func TestMappedAddresses(t *testing.T) {
	s := listen(t)
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Skip(err)
	}
	defer syscall.Close(fd) //nolint:errcheck // a test
	address := &syscall.SockaddrInet6{Port: s.listener.Addr().(*net.TCPAddr).Port}
	copy(address.Addr[10:], []byte{0xff, 0xff, 127, 0, 0, 1})
	if err := syscall.Connect(fd, address); err != nil {
		t.Fatal(err)
	}
	conn, err := s.listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if !peer.NewEnvironment(os.Getpid()).Owns(conn) {
		t.Error("not taken for this process's")
	}
}

func TestNamesForLogLines(t *testing.T) {
	for name, want := range map[string]string{
		"curl":                "curl",
		"a b (c)":             "a b (c)",
		"\x1b[2Jx\n\x00\x7fy": "?[2Jx???y",
		"\xff\xfe":            "??",
		"\u009b\u202eü":       "??ü",
	} {
		if got := peer.Printable(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// pcbList writes a list of connections as macOS does, each with the records that a connection has there.
type pcbList struct{ bytes []byte }

func newPCBList() *pcbList { return &pcbList{make([]byte, 24)} }

func (l *pcbList) record(kind, size int, fill func(record []byte)) {
	record := make([]byte, (size+7)&^7)
	binary.NativeEndian.PutUint32(record, uint32(size))
	binary.NativeEndian.PutUint32(record[4:], uint32(kind))
	if fill != nil {
		fill(record)
	}
	l.bytes = append(l.bytes, record...)
}

func (l *pcbList) connection(local, foreign netip.AddrPort, uid, pid uint32) {
	l.record(0x010, 104, func(r []byte) {
		binary.BigEndian.PutUint16(r[18:], foreign.Port())
		binary.BigEndian.PutUint16(r[20:], local.Port())
		copy(r[60:], foreign.Addr().AsSlice())
		copy(r[76:], local.Addr().AsSlice())
	})
	l.record(0x001, 76, func(r []byte) {
		binary.NativeEndian.PutUint32(r[64:], uid)
		binary.NativeEndian.PutUint32(r[68:], pid)
	})
	for _, kind := range []int{0x002, 0x004} {
		l.record(kind, 32, nil)
	}
	l.record(0x008, 136, nil)
	l.record(0x020, 204, nil)
}

func TestConnectionsOfMacOS(t *testing.T) {
	server, client := netip.MustParseAddrPort("127.0.0.1:50000"), netip.MustParseAddrPort("127.0.0.1:50001")
	list := newPCBList()
	list.connection(server, client, 1, 10) // the server's own end
	list.connection(netip.MustParseAddrPort("127.0.0.2:50001"), server, 2, 20)
	list.connection(netip.MustParseAddrPort("127.0.0.1:50002"), server, 3, 30)
	list.connection(client, server, 501, 40)
	list.bytes = append(list.bytes, newPCBList().bytes...)
	if uid, pid, err := peer.FindInPCBList(list.bytes, client, server); uid != 501 || pid != 40 || err != nil {
		t.Errorf("user %d, process %d, %v", uid, pid, err)
	}
	other := netip.MustParseAddrPort("127.0.0.1:50003")
	if _, _, err := peer.FindInPCBList(list.bytes, other, server); !errors.Is(err, peer.ErrClosed) {
		t.Errorf("a connection that is not there: %v", err)
	}
	if _, _, err := peer.FindInPCBList(nil, client, server); err == nil || errors.Is(err, peer.ErrClosed) {
		t.Errorf("no list: %v", err)
	}
	for _, kind := range []int{0x010, 0x001} {
		short := newPCBList()
		short.record(kind, 64, nil)
		if _, _, err := peer.FindInPCBList(short.bytes, client, server); err == nil || errors.Is(err, peer.ErrClosed) {
			t.Errorf("a record of kind %d that is too short: %v", kind, err)
		}
	}
}

func FuzzConnectionsOfMacOS(f *testing.F) {
	server, client := netip.MustParseAddrPort("127.0.0.1:50000"), netip.MustParseAddrPort("127.0.0.1:50001")
	list := newPCBList()
	list.connection(client, server, 501, 40)
	f.Add(list.bytes)
	f.Fuzz(func(t *testing.T, list []byte) {
		if uid, pid, err := peer.FindInPCBList(list, client, server); err != nil && (uid != 0 || pid != 0) {
			t.Errorf("user %d and process %d with %v", uid, pid, err)
		}
	})
}

// The cost of the check of one connection, by who has it.
func BenchmarkOwns(b *testing.B) {
	for _, row := range []struct{ name, script string }{
		{"main", "dial wait"},
		{"child", "child dial wait"},
	} {
		b.Run(row.name, func(b *testing.B) {
			c := listen(b).start(row.script, leader())
			conn, _ := c.accept()
			e := peer.NewEnvironment(c.pid())
			b.ReportAllocs()
			for b.Loop() {
				if !e.Owns(conn) {
					b.Fatal("not taken for the environment's")
				}
			}
		})
	}
	b.Run("stranger", func(b *testing.B) {
		s := listen(b)
		e := peer.NewEnvironment(s.start("wait", leader()).pid())
		conn, _ := s.start("dial wait", nil).accept()
		for b.Loop() {
			if e.Owns(conn) {
				b.Fatal("taken for the environment's")
			}
		}
	})
}

// The cost of a refusal that names the process, without the pauses between searches.
func BenchmarkRefusal(b *testing.B) {
	s := listen(b)
	e := peer.NewEnvironment(s.start("wait", leader()).pid())
	conn, _ := s.start("dial wait", nil).accept()
	var used time.Duration
	for b.Loop() {
		var inspector peer.Inspector
		begin := time.Now()
		if err := inspector.Check(b.Context(), e, conn); err == nil {
			b.Fatal("taken for the environment's")
		}
		used += time.Since(begin)
		inspector.Close()
	}
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "µs/refusal")
}
