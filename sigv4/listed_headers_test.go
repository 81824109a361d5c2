package sigv4_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/furl-dev/furl/sigv4"
)

// allocated is how many bytes f allocates, which no other goroutine of a test may do meanwhile.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestLongHeaderListedOften: SignedHeaders may name one long header hundreds of times, in the same or in other
// letters, which must not cost memory hundreds of times.
func TestLongHeaderListedOften(t *testing.T) {
	const long = 900_000
	same, cases := make([]string, 400), make([]string, 400)
	for i := range same {
		same[i] = "x-a-b-c-d-e-f-g-h-i"
		for j, c := range fmt.Sprintf("%09b", i) {
			letter := string(rune('a' + j))
			if c == '1' {
				letter = strings.ToUpper(letter)
			}
			cases[i] += "-" + letter
		}
		cases[i] = "x" + cases[i]
	}
	for name, list := range map[string][]string{"the same": same, "in other letters": cases} {
		for _, who := range []sigv4.Credentials{alice, dave} {
			r := read(t, raw{who: who, lines: []string{"X-A-B-C-D-E-F-G-H-I: " + strings.Repeat("v", long)}}.
				header(replace("SignedHeaders=", "SignedHeaders="+strings.Join(list, ";")+";")))
			v := newVerifier()
			var err error
			if n := allocated(func() { _, err = v.Verify(r) }); n > 8*long {
				t.Errorf("%s, %s: %d bytes for a request of %d", name, who.AccessKeyID, n, long)
			}
			if err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
	}
}
