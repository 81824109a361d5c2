package call_test

import (
	"testing"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/call"
)

// No URL chooses a device of Windows for -O: https://learn.microsoft.com/windows/win32/fileio/naming-a-file.
func TestRemoteNameIsNoDevice(t *testing.T) {
	for _, name := range []string{"NUL", "nul", "CON", "COM1", "LPT9", "AUX", "PRN"} {
		u, err := furl.ParseURL("https://example.com/a/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := call.RemoteName(u); err == nil {
			t.Errorf("%s is written to %s", name, got)
		}
	}
}
