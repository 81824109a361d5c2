package machine_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/furl-dev/furl/internal/machine"
)

// After a refusal nothing is tried for a moment, except where there is nothing else.
func TestRefusalsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p machine.Processes
		if lack := p.Refused(syscall.EAGAIN); lack.Of != machine.OfProcesses || lack.Limit == "" || lack.Fix == "" {
			t.Errorf("got %+v", lack)
		}
		if p.Short() == nil {
			t.Error("a refusal is forgotten at once")
		}
		if lack := p.Enter(); lack != nil {
			t.Errorf("the only environment may not try: %v", lack)
		}
		if p.Enter() == nil {
			t.Error("another may try while the first is starting")
		}
		p.Started()
		if p.Enter() == nil {
			t.Error("another may try while the first is there")
		}
		p.Leave()
		if lack := p.Enter(); lack != nil {
			t.Errorf("the only environment may not try when another has ended: %v", lack)
		}
		p.Started()
		time.Sleep(time.Second)
		if lack := p.Enter(); lack != nil {
			t.Errorf("after a second: %v", lack)
		}
	})
}

// Where the kernel counts functions together with the server, it refuses them processes while the server may still have
// some: there is room for a start only if a function may have what it needs.
func TestFunctionsHaveLessRoom(t *testing.T) {
	if os.Getenv("MACHINE_LIMIT") != "" {
		fillUp(t)
		return
	}
	if os.Getuid() != 0 {
		t.Skip("only root becomes a user that has no other processes")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []string{"70", "150", "300"} {
		child := exec.Command(self, "-test.run=^TestFunctionsHaveLessRoom$")
		child.Env = append(os.Environ(), "MACHINE_LIMIT="+limit)
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("with a limit of %s: %v\n%s", limit, err, out)
		}
	}
}

// fillUp makes threads until there is no room for a start.
func fillUp(t *testing.T) {
	limit, err := strconv.ParseUint(os.Getenv("MACHINE_LIMIT"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setuid(100_000 + rand.IntN(1<<24)); err != nil {
		t.Fatal(err)
	}
	const rlimitProcesses = 6 // RLIMIT_NPROC
	if err := syscall.Setrlimit(rlimitProcesses, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
	function := startCat(t)
	if err := machine.LimitFunction(function, false); err != nil {
		t.Fatal(err)
	}
	room := func() int { return limitOf(t, function) - threadsOfSelf(t) - 1 }
	const start, margin = 32, 8
	alone, shared := machine.Processes{}, machine.Processes{Shared: func() bool { return true }}
	for {
		before := room() // Go may make threads at any time
		if shared.Short() != nil {
			break
		}
		if before < start {
			t.Fatalf("there is room for a start, and functions may have only %d processes more", before)
		}
		made := make(chan bool)
		go func() {
			runtime.LockOSThread() // and keep it
			close(made)
			select {}
		}()
		<-made
	}
	if after := room(); after >= start+margin {
		t.Errorf("there is no room for a start, although functions may have %d processes more", after)
	}
	if lack := alone.Short(); lack != nil {
		t.Errorf("functions that the kernel counts apart have no room, either: %v", lack)
	}
}

// startCat starts a process that does nothing.
func startCat(t *testing.T) (pid int) {
	t.Helper()
	cmd := exec.Command("/bin/cat")
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { input.Close(); cmd.Wait() }) //nolint:errcheck // it has nothing to say
	return cmd.Process.Pid
}

// limitOf is how many processes and threads a process's user may have when it starts one, 0 for any number.
func limitOf(t *testing.T, pid int) (most int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "Max processes")
	fmt.Sscan(after, &most) //nolint:errcheck // "unlimited" is 0
	return most
}

// threadsOfSelf counts the threads of this process.
func threadsOfSelf(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

// A thread that is made ahead is there for good, so a second time needs no more.
func TestSpareThreads(t *testing.T) {
	before := threadsOfSelf(t)
	machine.SpareThreads()
	machine.SpareThreads()
	if made := threadsOfSelf(t) - before; made < 10 || made > 40 {
		t.Errorf("made %d threads", made)
	}
}

func TestFunctionsAreLimited(t *testing.T) {
	function := startCat(t)
	before := limitOf(t, function)
	if err := machine.LimitFunction(function, false); err != nil {
		t.Fatal(err)
	}
	got := limitOf(t, function)
	if os.Getuid() == 0 && got != before {
		t.Errorf("the limit is %d, and root had %d", got, before)
	}
	if os.Getuid() != 0 && before != 0 && got >= before {
		t.Errorf("the limit is %d, and the user's is %d", got, before)
	}
	if err := machine.LimitFunction(function, true); err != nil {
		t.Fatal(err)
	}
	if got := limitOf(t, function); got == 0 || got > 742 {
		t.Errorf("in a namespace of its own the limit is %d, want 742 at the most", got)
	}
}
