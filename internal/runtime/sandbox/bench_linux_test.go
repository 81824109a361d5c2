package sandbox_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// BenchmarkStart is what a start costs, of a process that does nothing: bare, below a helper, and in a sandbox.
func BenchmarkStart(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command("/bin/true").Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, mode := range []sandbox.Mode{sandbox.Off, sandbox.Auto} {
		b.Run(string(mode), func(b *testing.B) {
			home := b.TempDir()
			s := sandbox.New(sandbox.Config{Mode: mode, Dir: b.TempDir()})
			if err := s.Ready(); err != nil {
				b.Fatal(err)
			}
			b.Log(s)
			for b.Loop() {
				process, err := s.Start(sandbox.Command{Path: "/bin/true", Dir: home, Home: home, Output: os.Stderr})
				if err != nil {
					b.Fatal(err)
				}
				if state := process.Wait(); !state.Success() {
					b.Fatal(state)
				}
			}
		})
	}
}
