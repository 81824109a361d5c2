//go:build unix

package bootstrap_test

import (
	"os/exec"
	"path/filepath"

	"github.com/furl-dev/furl/internal/runtime/bootstrap"
)

func ExampleInstall() {
	_ = func(dir string) (*exec.Cmd, error) {
		if err := bootstrap.Install(dir); err != nil {
			return nil, err
		}
		return exec.Command("python3", filepath.Join(dir, bootstrap.Python), "index.handler"), nil
	}
}
