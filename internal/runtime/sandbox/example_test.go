//go:build unix

package sandbox_test

import (
	"os"

	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

func Example() {
	_ = func(output *os.File) (sandbox.State, error) {
		s := sandbox.New(sandbox.Config{Mode: sandbox.Auto, Dir: "/srv/furl/root", Hidden: []string{"/srv/furl"}})
		defer s.Close()
		if err := s.Ready(); err != nil { // it fails only if the mode is Strict
			return sandbox.State{}, err
		}
		process, err := s.Start(sandbox.Command{
			Path: "/srv/furl/code/bootstrap", Dir: "/srv/furl/code", Home: "/srv/furl/home", Output: output,
		})
		if err != nil {
			return sandbox.State{}, err
		}
		return process.Wait(), nil
	}
}
