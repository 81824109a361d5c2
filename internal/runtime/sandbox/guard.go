//go:build unix && !linux

package sandbox

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"sync"
	"syscall"
)

// guardScript reads a list of process groups from its standard input, and kills those that are left when the input ends:
// when the server has closed it or has ended in any way.
const guardScript = `trap '' HUP INT TERM
groups=' '
while read -r op group; do
	case $op in
	+) groups="$groups$group " ;;
	-) groups="${groups%%" $group "*} ${groups#*" $group "}" ;;
	esac
done
for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
`

// guard is a shell that outlives the server by moments, to kill what functions have left behind even after a SIGKILL of
// the server. It starts with the first function.
type guard struct {
	logger *slog.Logger

	mu      sync.Mutex
	started bool
	input   io.WriteCloser
	cmd     *exec.Cmd
}

// add puts a process group under guard.
func (g *guard) add(group int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.started {
		g.started = true
		if err := g.start(); err != nil {
			g.logger.Warn("no guard process: processes that functions started stay if the server is killed", "error", err)
		}
	}
	g.tell('+', group)
}

// remove takes out a process group that has ended.
func (g *guard) remove(group int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tell('-', group)
}

func (g *guard) start() error {
	cmd := exec.Command("/bin/sh", "-c", guardScript)
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // out of reach of a Ctrl-C on the terminal
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, input.Close())
	}
	g.cmd, g.input = cmd, input
	return nil
}

func (g *guard) tell(op rune, group int) {
	if g.input == nil {
		return
	}
	if _, err := fmt.Fprintf(g.input, "%c %d\n", op, group); err != nil {
		g.logger.Warn("the guard process is gone", "error", err)
		g.input.Close()
		g.input = nil
	}
}

// close ends the guard, which kills the groups that it still has.
func (g *guard) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cmd == nil {
		return
	}
	if g.input != nil {
		g.input.Close()
		g.input = nil
	}
	g.cmd.Wait() //nolint:errcheck // its status says nothing
	g.cmd = nil
}
