package machine_test

import (
	"log/slog"
	"os"

	"github.com/furl-dev/furl/internal/machine"
)

func Example() {
	warner := &machine.Warner{Log: slog.Default()}
	_, err := os.Open("/etc/hosts")
	if lack := machine.Lacking(err); lack != nil {
		warner.Warn("no file can be opened", lack)
	}
}
