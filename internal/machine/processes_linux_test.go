package machine_test

import (
	"fmt"
	"os"
	"os/exec"
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
		if p.Enter(false) == nil || p.Short() == nil {
			t.Error("a refusal is forgotten at once")
		}
		if lack := p.Enter(true); lack != nil {
			t.Errorf("the only environment may not try: %v", lack)
		}
		if p.Enter(true) == nil {
			t.Error("another may try while the first is starting")
		}
		p.Leave()
		time.Sleep(time.Second)
		if lack := p.Enter(false); lack != nil {
			t.Errorf("after a second: %v", lack)
		}
	})
}

// A thread that is made ahead is there for good, so a second time needs no more.
func TestSpareThreads(t *testing.T) {
	count := func() int {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		return len(tasks)
	}
	before := count()
	machine.SpareThreads()
	machine.SpareThreads()
	if made := count() - before; made < 10 || made > 40 {
		t.Errorf("made %d threads", made)
	}
}

func TestFunctionsAreLimited(t *testing.T) {
	cmd := exec.Command("/bin/cat")
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { input.Close(); cmd.Wait() }() //nolint:errcheck // it has nothing to say
	limit := func() (most int) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "Max processes")
		fmt.Sscan(after, &most) //nolint:errcheck // "unlimited" is 0
		return most
	}
	before := limit()
	if err := machine.LimitFunction(cmd.Process.Pid, false); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 && limit() != before {
		t.Errorf("the limit is %d, and root had %d", limit(), before)
	}
	if os.Getuid() != 0 && before != 0 && limit() >= before {
		t.Errorf("the limit is %d, and the user's is %d", limit(), before)
	}
	if err := machine.LimitFunction(cmd.Process.Pid, true); err != nil {
		t.Fatal(err)
	}
	if got := limit(); got == 0 || got > 742 {
		t.Errorf("in a namespace of its own the limit is %d, want 742 at the most", got)
	}
}
