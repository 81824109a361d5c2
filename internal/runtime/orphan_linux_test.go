package runtime_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Even with its guard gone before it, a killed server leaves no function process: the kernel sees to it.
func TestKernelEndsFunctionsOfAKilledServer(t *testing.T) {
	server := startServer(t)
	guard := 0
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", server.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", server.cmd.Process.Pid, task.Name()))
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(children)) {
			if pid, err := strconv.Atoi(field); err == nil && pid != server.function {
				guard = pid
			}
		}
	}
	if guard == 0 {
		t.Fatal("the server has no guard")
	}
	process, err := os.FindProcess(guard)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	server.kill()
	awaitGone(t, server.function)
	process, err = os.FindProcess(server.grandchild)
	if err == nil {
		process.Kill() //nolint:errcheck // nobody else would
	}
}
