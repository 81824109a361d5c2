//go:build unix

package peer_test

import (
	"context"
	"net"
	"os/exec"

	"github.com/furl-dev/furl/internal/runtime/peer"
)

func Example() {
	var inspector peer.Inspector
	defer inspector.Close()
	_ = func(ctx context.Context, main *exec.Cmd, conn net.Conn) error {
		environment := peer.NewEnvironment(main.Process.Pid)
		if environment.Owns(conn) { // cheap, and enough for most processes of the environment
			return nil
		}
		return inspector.Check(ctx, environment, conn) // thorough; a *Stranger names the process
	}
}
