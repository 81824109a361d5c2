//go:build unix

package machine_test

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/furl-dev/furl/internal/machine"
)

func ExampleLacking() {
	warner := machine.Warner{Log: slog.Default()}
	_, err := os.Open("/no/such/file")
	if lack := machine.Lacking(err); lack != nil {
		warner.Warn("no environment can be started", lack)
	} else {
		fmt.Println("the machine lacks nothing:", err)
	}
	// Output: the machine lacks nothing: open /no/such/file: no such file or directory
}
