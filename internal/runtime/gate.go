//go:build unix

package runtime

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/machine"
	"github.com/furl-dev/furl/internal/runtime/peer"
	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
	"github.com/furl-dev/furl/internal/runtime/webapp"
)

// gate lets the processes of one environment into its Runtime API, and logs the connections of others.
type gate struct{ *environment }

var _ runtimeapi.Gate = (*gate)(nil)

// members are the processes of an environment: those of one family, or of one for each program where no process is
// above all of them.
type members struct {
	mu   sync.Mutex
	pids []int
	all  []*peer.Environment
}

// join adds a process with its descendants.
func (m *members) join(pid int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.Contains(m.pids, pid) {
		return nil
	}
	family := peer.NewEnvironment(pid)
	m.pids, m.all = append(m.pids, pid), append(m.all, family)
	return family.Unknown()
}

func (m *members) families() []*peer.Environment {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all
}

// owns reports whether the other end of a connection is plainly theirs.
func (m *members) owns(conn net.Conn) bool {
	return slices.ContainsFunc(m.families(), func(e *peer.Environment) bool { return e.Owns(conn) })
}

// check is a close look at the other end of a connection. It answers why that is not theirs.
func (m *members) check(ctx context.Context, inspector *peer.Inspector, conn net.Conn) error {
	var err error
	for _, family := range m.families() {
		if err = inspector.Check(ctx, family, conn); err == nil {
			return nil
		}
	}
	return err
}

// listening answers those of the ports on which one of them listens.
func (m *members) listening(ports ...int) (all []int) {
	for _, family := range m.families() {
		all = append(all, family.Listening(ports...)...)
	}
	return all
}

// Knows implements runtimeapi.Gate.
func (g *gate) Knows(conn net.Conn) bool { return g.members.owns(conn) }

// Admit implements runtimeapi.Gate. A look at a connection takes file descriptors. Without them nothing says that the
// connection is a stranger's: it waits until there are some.
func (g *gate) Admit(ctx context.Context, conn net.Conn) error {
	for {
		lack := machine.ShortOfFiles(filesToLook)
		err := g.members.check(ctx, &g.pool.inspector, conn)
		if lack == nil {
			lack = machine.ShortOfFiles(filesToLook)
		}
		if err == nil || lack == nil || ctx.Err() != nil {
			return err
		}
		g.Starve(lack)
		select {
		case <-time.After(startPause):
		case <-ctx.Done():
		}
	}
}

// acceptPause is between looks whether a process has accepted a connection.
const acceptPause = time.Millisecond

// verify looks whether a process of the environment has the other end of a connection that the server has opened, which
// nobody can say before it is accepted.
func (g *gate) verify(ctx context.Context, conn net.Conn) error {
	for {
		if g.Knows(conn) {
			return nil
		}
		err := g.Admit(ctx, conn)
		if stranger, ok := errors.AsType[*peer.Stranger](err); !ok || !stranger.Unheld {
			return err
		}
		if !webapp.IsIdle(conn) {
			return errors.New("it was closed at once")
		}
		select {
		case <-time.After(acceptPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// filesToLook is how many file descriptors a look at a connection takes, and some more.
const filesToLook = 6

// Refused implements runtimeapi.Gate.
func (g *gate) Refused(conn net.Conn, err error) {
	facts := []slog.Attr{
		slog.String("function", g.fn.ARN), slog.String("client", conn.RemoteAddr().String()),
	}
	stranger, ok := errors.AsType[*peer.Stranger](err)
	if !ok {
		g.pool.refusals.warn(refusedConnection, append(facts, slog.String("reason", err.Error()))...)
		return
	}
	if stranger.PID != 0 {
		facts = append(facts, slog.Int("pid", stranger.PID))
	}
	if stranger.UID >= 0 {
		facts = append(facts, slog.Int("uid", stranger.UID))
	}
	if stranger.Command != "" {
		facts = append(facts, slog.String("command", stranger.Command))
	}
	if stranger.Program != "" {
		facts = append(facts, slog.String("program", stranger.Program))
	}
	g.pool.refusals.warn(refusedConnection, append(facts, slog.String("reason", stranger.Reason))...)
}

const refusedConnection = "a connection to a function's Runtime API was refused"

// These bound the refusals in the log, so that a stranger cannot fill it.
const (
	maxRefusalLines = 20
	refusalWindow   = 10 * time.Second
)

// refusalLog logs the refusals by the Runtime APIs of all environments, one line for each up to a limit, and then how
// many more there were.
type refusalLog struct {
	logger *slog.Logger

	mu      sync.Mutex
	window  *time.Timer // nil while no window is open
	lines   int
	leftOut int
}

// warn logs a refusal, or counts it.
func (l *refusalLog) warn(message string, facts ...slog.Attr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.window == nil {
		l.window = time.AfterFunc(refusalWindow, l.flush)
	}
	if l.lines == maxRefusalLines {
		l.leftOut++
		return
	}
	l.lines++
	l.logger.LogAttrs(context.Background(), slog.LevelWarn, message, facts...)
}

// flush closes the window and logs how many lines were left out.
func (l *refusalLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.window == nil {
		return
	}
	l.window.Stop()
	if l.leftOut > 0 {
		l.logger.Warn("more refusals by functions' Runtime APIs are not in the log", "left_out", l.leftOut)
	}
	l.window, l.lines, l.leftOut = nil, 0, 0
}
