package sandbox_test

import (
	"os"
	"testing"

	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// BenchmarkStart is what a sandbox costs a start: the process in it does nothing.
func BenchmarkStart(b *testing.B) {
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
