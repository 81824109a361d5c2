package peer_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os/exec"

	"github.com/furl-dev/furl/internal/runtime/peer"
)

func Example() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	conn, err := listener.Accept()
	if err != nil {
		log.Fatal(err)
	}
	function := exec.Command("bootstrap")
	if err := function.Start(); err != nil {
		log.Fatal(err)
	}
	var inspector peer.Inspector
	environment := peer.NewEnvironment(function.Process.Pid)
	if environment.Owns(conn) { // cheap, and enough for most processes of the environment
		return
	}
	err = inspector.Check(context.Background(), environment, conn) // thorough
	var stranger *peer.Stranger
	if errors.As(err, &stranger) {
		fmt.Println(stranger)
	}
}
