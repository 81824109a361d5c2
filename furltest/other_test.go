//go:build !unix

package furltest_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/furl-dev/furl/furltest"
)

// failing is a test that fails.
type failing struct {
	testing.TB
	message string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, arguments ...any) {
	f.message = fmt.Sprintf(format, arguments...)
	runtime.Goexit()
}

func TestStartSaysWhatItNeeds(t *testing.T) {
	f := &failing{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		furltest.Start(f, furltest.WithRegion("eu-west-1"))
	}()
	<-done
	if want := "furltest: the server needs Linux, macOS or WSL, and this is " + runtime.GOOS; !strings.HasPrefix(f.message, want) {
		t.Errorf("Start says %q", f.message)
	}
}
