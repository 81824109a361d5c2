//go:build unix

package runtimeapi_test

import (
	"log/slog"
	"os"
	"os/exec"

	"github.com/furl-dev/furl/internal/runtime/runtimeapi"
)

func Example() {
	_ = func(handler runtimeapi.Handler, gate runtimeapi.Gate) error {
		api, err := runtimeapi.Listen(handler, slog.Default())
		if err != nil {
			return err
		}
		defer api.Close()
		bootstrap := exec.Command("./bootstrap")
		bootstrap.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+api.Addr())
		if err := bootstrap.Start(); err != nil {
			return err
		}
		api.Serve(gate) // which knows the process
		return bootstrap.Wait()
	}
}
