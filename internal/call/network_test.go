package call_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/furl-dev/furl/internal/call"
)

// --limit-rate: ten seconds for what ten seconds allow, in each direction.
func TestPacedConnections(t *testing.T) {
	for _, writes := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			paced := call.Paced(near, 1000)
			start := time.Now()
			done := make(chan struct{})
			go func() {
				defer close(done)
				if writes {
					io.CopyN(io.Discard, far, 10_000)
				} else {
					io.Copy(far, strings.NewReader(strings.Repeat("x", 10_000)))
				}
			}()
			var err error
			if writes {
				_, err = io.Copy(paced, strings.NewReader(strings.Repeat("x", 10_000)))
			} else {
				_, err = io.CopyN(io.Discard, paced, 10_000)
			}
			<-done
			if took := time.Since(start); err != nil || took < 9*time.Second || took > 11*time.Second {
				t.Errorf("writes %t: took %s: %v", writes, took, err)
			}
			near.Close()
			far.Close()
		})
	}
}

// The list of --noproxy as curl's manual describes it.
func TestExempted(t *testing.T) {
	for _, test := range []struct {
		host, list string
		want       bool
	}{
		{"example.com", "example.com", true}, {"www.example.com", "example.com", true}, {"www.example.com", ".example.com", true},
		{"example.com", ".example.com", true}, {"notexample.com", "example.com", false}, {"EXAMPLE.com", "example.COM", true},
		{"example.com.", "example.com", true}, {"example.com", "a, b example.com", true}, {"example.com", "*", true}, {"example.com", " * ", true},
		{"example.com", "*.com", false}, {"example.com", "a,*", false}, {"example.com", "", false}, {"example.com", ",", false},
		{"10.1.2.3", "10.0.0.0/8", true}, {"11.1.2.3", "10.0.0.0/8", false}, {"10.1.2.3", "10.1.2.3", true}, {"10.1.2.3", "2.3", false},
		{"::1", "[::1]", true}, {"[2001:db8::1]", "2001:db8::/32", true}, {"2001:db9::1", "2001:db8::/32", false},
	} {
		if got := call.Exempted(test.host, test.list); got != test.want {
			t.Errorf("%s in %q: %t", test.host, test.list, got)
		}
	}
}
