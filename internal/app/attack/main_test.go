//go:build unix

// Package attack_test attacks a running server from outside: bytes over TCP in, and out exactly the refusal of AWS, or
// the closed connection of net/http, and no function that ran. What it tries are the known bugs of other verifiers and
// of HTTP servers; the names of the tests name them.
//
//	w := newWorld(t)
//	alice, mallory, unsigned := w.alice, w.mallory, w.unsigned
//	w.ran(t, alice.call(t, w.iamURL))
//	forbidden(t, "mallory", mallory.call(t, w.iamURL))
package attack_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMain makes this program the function that is attacked, one of the soak test's, or a server that is a process of
// its own, where the environment asks for one of these.
func TestMain(m *testing.M) {
	if handler := os.Getenv("_HANDLER"); strings.HasPrefix(handler, "rogue.") {
		runRogue(handler)
		return
	}
	if ledger := os.Getenv("ATTACK_LEDGER"); ledger != "" {
		fmt.Fprintln(os.Stderr, runFunction(ledger))
		os.Exit(1)
	}
	if setting := os.Getenv(limitedVariable); setting != "" {
		if err := runLimited(setting); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
