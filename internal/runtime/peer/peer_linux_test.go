package peer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/furl-dev/furl/internal/runtime/peer"
)

const nobody = 65534

func asNobody(t *testing.T, attributes syscall.SysProcAttr) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root starts processes of other users")
	}
	attributes.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	return &attributes
}

// Both sources of the kernel say the same of every kind of socket.
func TestSourcesAgree(t *testing.T) {
	s := listen(t)
	accept := func() net.Conn {
		conn, err := s.listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	compare := func(sort string, conn net.Conn, uid int) {
		asked, errAsked := peer.AskKernel(conn)
		read, errRead := peer.ReadTables(conn)
		if errAsked != nil || errRead != nil || asked != read || read.Inode == 0 || read.UID != uid {
			t.Errorf("%s: netlink says %+v (%v), the table %+v (%v)", sort, asked, errAsked, read, errRead)
		}
	}
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd) //nolint:errcheck // a test
	address := &syscall.SockaddrInet6{Port: s.listener.Addr().(*net.TCPAddr).Port}
	copy(address.Addr[10:], []byte{0xff, 0xff, 127, 0, 0, 1})
	if err := syscall.Connect(fd, address); err != nil {
		t.Fatal(err)
	}
	compare("IPv6", accept(), os.Getuid())
	c := s.start("dial wait", leader())
	conn, _ := c.accept()
	compare("IPv4", conn, os.Getuid())
	c.end()
	if s, err := peer.AskKernel(conn); err == nil && s.Inode != 0 {
		t.Errorf("closed: netlink says %+v", s)
	}
	if s, err := peer.ReadTables(conn); err == nil && s.Inode != 0 {
		t.Errorf("closed: the table says %+v", s)
	}
	if os.Getuid() == 0 {
		conn, _ = s.start("dial wait", asNobody(t, *leader())).accept()
		compare("another user's", conn, nobody)
	}
}

func TestEnvironmentOfAnotherUser(t *testing.T) {
	for _, script := range []string{"dial wait", "child dial wait", "session dial wait"} {
		c := listen(t).start(script, asNobody(t, *leader()))
		conn, _ := c.accept()
		if !peer.NewEnvironment(c.pid()).Owns(conn) {
			t.Errorf("%s: not taken for the environment's", script)
		}
	}
}

func TestStrangerOfAnotherUser(t *testing.T) {
	s := listen(t)
	e := peer.NewEnvironment(s.start("wait", leader()).pid())
	conn, pid := s.start("dial wait", asNobody(t, syscall.SysProcAttr{})).accept()
	if got := check(t, e, conn); got.PID != pid || got.UID != nobody || got.Command == "" || got.Program == "" {
		t.Errorf("%+v, want process %d of user %d", got, pid, nobody)
	}
}

// A process group is no proof: each process of a session may join every group of it.
func TestGroupMembersAreStrangers(t *testing.T) {
	s := listen(t)
	home := s.start("wait", &syscall.SysProcAttr{Setpgid: true})
	e := peer.NewEnvironment(home.pid())
	intruder := s.start("dial wait", &syscall.SysProcAttr{Setpgid: true, Pgid: home.pid()})
	conn, pid := intruder.accept()
	if group, err := syscall.Getpgid(pid); err != nil || group != home.pid() {
		t.Fatalf("the intruder is in group %d, %v", group, err)
	}
	if got := check(t, e, conn); got.PID != pid {
		t.Errorf("%+v, want process %d", got, pid)
	}
}

// An orphan that has left the session, too, belongs to the environment only if that takes in its orphans.
func TestOrphanInItsOwnSession(t *testing.T) {
	for script, want := range map[string]bool{
		"child orphan-session dial wait":        false,
		"reaper child orphan-session dial wait": true,
	} {
		c := listen(t).start(script, leader())
		conn, pid := c.accept()
		e := peer.NewEnvironment(c.pid())
		if e.Owns(conn) != want || e.Has(pid) != want {
			t.Errorf("%s: belongs to the environment = %t", script, !want)
		}
	}
}

// All processes of a PID namespace descend from the first, wherever that is looked at from.
func TestPIDNamespace(t *testing.T) {
	attributes := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if os.Getuid() != 0 {
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
	s := listen(t)
	c := s.start("child orphan-session dial wait", attributes)
	conn, err := s.listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if !peer.NewEnvironment(c.pid()).Owns(conn) {
		t.Error("not taken for the environment's")
	}
	check(t, peer.NewEnvironment(s.start("wait", leader()).pid()), conn)
}

// A main thread may end before its process; the files are then the other threads' alone.
func TestMainThreadThatHasEnded(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	s := listen(t)
	_, port, _ := net.SplitHostPort(s.listener.Addr().String()) //nolint:errcheck // it is an address
	cmd := exec.Command(python, "-c", `
import ctypes, socket, sys, threading
def run():
    held = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    sys.stdin.read()
threading.Thread(target=run).start()
ctypes.CDLL(None).pthread_exit(None)
`, port)
	cmd.SysProcAttr = leader()
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()         //nolint:errcheck // it was killed
	defer cmd.Process.Kill() //nolint:errcheck // it may have ended
	defer input.Close()
	conn, err := s.listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	e := peer.NewEnvironment(cmd.Process.Pid)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/stat")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(stat), ") Z ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the main thread does not end: %s", stat)
		}
	}
	if !e.Owns(conn) {
		t.Error("not taken for the environment's")
	}
}

// However many strangers there are, the searches take at most a tenth of the time, after the first few.
func TestSearchesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 20 * time.Millisecond
		var searches atomic.Int64
		inspector := peer.NewInspector(func() {
			searches.Add(1)
			time.Sleep(each)
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var all sync.WaitGroup
		var answered atomic.Int64
		for range 500 {
			all.Go(func() {
				for inspector.Search(ctx) == nil {
					answered.Add(1)
				}
			})
		}
		all.Wait()
		inspector.Close()
		if used, most := time.Duration(searches.Load())*each, 7*time.Second; used > most {
			t.Errorf("%v of a minute went into searches, want at most %v", used, most)
		}
		if answered.Load() < 500 {
			t.Errorf("%d answers, want at least one for each of 500 callers", answered.Load())
		}
	})
}

func TestClosedInspector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inspector := peer.NewInspector(func() { time.Sleep(time.Second) })
		results := make(chan error, 3)
		for range 3 { // one of them searches, two wait
			go func() { results <- inspector.Search(t.Context()) }()
			synctest.Wait()
		}
		inspector.Close()
		for range 3 {
			if err := <-results; err == nil {
				t.Error("found something")
			}
		}
		if inspector.Search(t.Context()) == nil {
			t.Error("it searches after its end")
		}
		inspector.Close()
	})
	var never peer.Inspector
	never.Close()
}

func TestStat(t *testing.T) {
	const rest = " S 7 8 9 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 0 0"
	for _, command := range []string{"sh", "a b", ") R 1 1 1", "((", "\n"} {
		pid, parent, session, start, got, err := peer.ParseStat([]byte("42 (" + command + ")" + rest))
		if err != nil || pid != 42 || parent != 7 || session != 9 || start != 12345 || got != command {
			t.Errorf("%q: %d %d %d %d %q, %v", command, pid, parent, session, start, got, err)
		}
	}
	for _, text := range []string{
		"", "42", "42 (sh", "42 )(", "(sh)" + rest, "42 (sh) S 7", "x (sh)" + rest,
		"42 (sh)" + strings.Replace(rest, "7", "x", 1),
	} {
		if _, _, _, _, _, err := peer.ParseStat([]byte(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

// A process that nobody has waited for has ended; one of which only the main thread has ended has not.
func TestEndedProcesses(t *testing.T) {
	for state, want := range map[string]bool{"Z 1": true, "Z 0": true, "X 1": true, "S 1": false, "Z 2": false, "Z 12": false} {
		state, threads, _ := strings.Cut(state, " ")
		text := "42 (Z) " + state + " 7 8 9 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 " + threads + " 0 12345 0 0"
		if got := peer.Ended([]byte(text)); got != want {
			t.Errorf("%s: ended %t", text, got)
		}
	}
}

func TestSession(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "sleep 1000 & echo $!; exec sleep 1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	leader, child := cmd.Process.Pid, 0
	defer cmd.Wait()
	defer syscall.Kill(-leader, syscall.SIGKILL)
	if _, err := fmt.Fscan(output, &child); err != nil {
		t.Fatal(err)
	}
	running, ended := peer.Session(leader)
	if slices.Sort(running); !slices.Equal(running, []int{leader, child}) || len(ended) != 0 {
		t.Errorf("running %v, ended %v, want %d and %d", running, ended, leader, child)
	}
	cmd.Process.Kill() //nolint:errcheck // what follows shows it
	for len(ended) == 0 {
		running, ended = peer.Session(leader)
	}
	if !slices.Equal(running, []int{child}) || !slices.Equal(ended, []int{leader}) {
		t.Errorf("running %v, ended %v, want that %d has ended", running, ended, leader)
	}
}

func FuzzStat(f *testing.F) {
	f.Add([]byte("42 (sh) S 7 8 9 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 0 0"))
	f.Fuzz(func(t *testing.T, text []byte) {
		pid, parent, session, start, command, err := peer.ParseStat(text)
		if err == nil && !strings.Contains(string(text), "("+command+")") {
			t.Errorf("%d %d %d %d %q", pid, parent, session, start, command)
		}
	})
}

func TestAnswersOfNetlink(t *testing.T) {
	client, server := netip.MustParseAddrPort("127.0.0.1:50001"), netip.MustParseAddrPort("127.0.0.1:50000")
	answer := func(change func([]byte)) []byte {
		message := make([]byte, 16+72)
		message[0], message[4] = 88, 20
		message[20], message[21], message[22], message[23] = 0xc3, 0x51, 0xc3, 0x50 // the ports
		message[16+64], message[16+68] = 5, 6
		change(message)
		return message
	}
	got, err := peer.ParseDiag(answer(func([]byte) {}), client, server)
	if want := (peer.Socket{UID: 5, Inode: 6}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	listening := answer(func(m []byte) { m[22], m[23] = 0, 0 })
	if _, err := peer.ParseDiag(listening, client, server); !errors.Is(err, peer.ErrClosed) {
		t.Errorf("a listening socket: %v", err)
	}
	refused := answer(func(m []byte) { m[4], m[16], m[17], m[18], m[19] = 2, 0xfe, 0xff, 0xff, 0xff })
	if _, err := peer.ParseDiag(refused, client, server); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("an error: %v", err)
	}
	for _, odd := range [][]byte{
		nil, make([]byte, 10), make([]byte, 16), answer(func(m []byte) { m[4] = 3 }), answer(func([]byte) {})[:60],
	} {
		if got, err := peer.ParseDiag(odd, client, server); err == nil {
			t.Errorf("%x: %+v", odd, got)
		}
	}
}

func FuzzAnswersOfNetlink(f *testing.F) {
	client, server := netip.MustParseAddrPort("127.0.0.1:50001"), netip.MustParseAddrPort("127.0.0.1:50000")
	f.Add(make([]byte, 88))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if got, err := peer.ParseDiag(answer, client, server); err != nil && got != (peer.Socket{}) {
			t.Errorf("%+v with %v", got, err)
		}
	})
}

func TestTableLines(t *testing.T) {
	const line = "01 00000000:00000000 00:00000000 00000000  1000        0 34567 2 0000000000000000 20 4 30 10 -1"
	if got, err := peer.ParseTableLine(line); err != nil || got != (peer.Socket{UID: 1000, Inode: 34567}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, odd := range []string{"", "01", strings.Replace(line, "1000", "x", 1), strings.Replace(line, "34567", "x", 1)} {
		if _, err := peer.ParseTableLine(odd); err == nil {
			t.Errorf("%q was read", odd)
		}
	}
}

func becomeReaper() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// A client may use Multipath TCP, which Go's listeners answer in kind.
func TestMultipathTCP(t *testing.T) {
	s := listen(t)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_MPTCP)
	if err != nil {
		t.Logf("this kernel has none: %v", err)
		return
	}
	defer unix.Close(fd) //nolint:errcheck // a test
	address := &unix.SockaddrInet4{Port: s.listener.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	if err := unix.Connect(fd, address); err != nil {
		t.Fatal(err)
	}
	conn, err := s.listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	multipath, err := conn.(*net.TCPConn).MultipathTCP()
	t.Logf("multipath: %t, %v", multipath, err)
	if !peer.NewEnvironment(os.Getpid()).Owns(conn) {
		t.Error("not taken for this process's")
	}
	check(t, peer.NewEnvironment(s.start("wait", leader()).pid()), conn)
}

// The other end of a connection that this process has opened is a server's. Nobody holds it before it is accepted.
func TestServerEnd(t *testing.T) {
	s := listen(t)
	stranger := s.start("dial wait", leader())
	defer stranger.end()
	stranger.accept()
	conn, err := net.Dial("tcp4", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	own, other := peer.NewEnvironment(os.Getpid()), peer.NewEnvironment(stranger.pid())
	if own.Owns(conn) {
		t.Error("a connection that is not accepted has an owner")
	}
	if refusal := check(t, own, conn); refusal == nil || !refusal.Unheld {
		t.Errorf("before it is accepted: %+v", refusal)
	}
	accepted, err := s.listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if !own.Owns(conn) {
		t.Error("the process that has accepted it does not own it")
	}
	if refusal := check(t, other, conn); refusal == nil || refusal.Unheld || refusal.PID != os.Getpid() {
		t.Errorf("for another environment: %+v", refusal)
	}
}

func TestListening(t *testing.T) {
	var ports []int
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::]:0"} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s: %v", address, err) // a machine without IPv6
			continue
		}
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	slices.Sort(ports)
	s := listen(t)
	stranger := s.start("dial wait", leader())
	defer stranger.end()
	stranger.accept()
	own := peer.NewEnvironment(os.Getpid())
	if found := own.Listening(append(ports, 1)...); !slices.Equal(found, ports) {
		t.Errorf("of %v this process listens on %v", ports, found)
	}
	if found := own.Listening(); !slices.Contains(found, ports[0]) {
		t.Errorf("this process listens on %v, among them not %d", found, ports[0])
	}
	if found := peer.NewEnvironment(stranger.pid()).Listening(); len(found) > 0 {
		t.Errorf("another process listens on %v", found)
	}
}
