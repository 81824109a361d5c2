package diagnose_test

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/diagnose"
)

// hostileToDiagnose are requests that anyone who knows the id of a key can send, made for much work.
func hostileToDiagnose() map[string]*http.Request {
	wrong := func(string) string { return "another" }
	many := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	headers := func(n, length int) http.Header {
		h := http.Header{}
		for i := range n {
			h.Set(fmt.Sprintf("X-H%d", i), strings.Repeat("v", length))
		}
		return h
	}
	long := strings.Repeat("v", 900_000)
	cases := many(400, func(i int) string { return "x-" + strings.Map(caseOf(i), "abcdefghi") + ";" })
	return map[string]*http.Request{
		"many parameters": faulty{secret: wrong, target: "/?" +
			strings.TrimSuffix(strings.Repeat("k=%c3+N~(x&", 4090), "&")}.request(),
		"equal parameters": faulty{secret: wrong, target: "/?" +
			strings.TrimSuffix(strings.Repeat("%c3%c3%c3%c3=~&", 4090), "&")}.request(),
		"some parameters": faulty{secret: wrong, target: "/?" +
			strings.TrimSuffix(strings.Repeat("k=%c3+N~(*%20xxxxxxxxxxx&", 255), "&")}.request(),
		"one long parameter": faulty{secret: wrong, target: "/?" + strings.Repeat("(+%c3", 12_000)}.request(),
		"long path":          faulty{secret: wrong, target: strings.Repeat("/(%c3..;", 8000)}.request(),
		"path of dots":       faulty{secret: wrong, target: strings.Repeat("/a/..", 1600)}.request(),
		"JSON of members": faulty{secret: wrong, body: "{" +
			strings.TrimSuffix(many(6500, func(i int) string { return fmt.Sprintf("\"%d\":1,", i) }), ",") + "}"}.request(),
		"JSON of arrays": faulty{secret: wrong, body: "[" + strings.Repeat("[", 9000) +
			strings.Repeat("1,", 20_000)}.request(),
		"form of fields":   faulty{secret: wrong, body: strings.Repeat("a=+&", 16_000)}.request(),
		"body to encode":   faulty{secret: wrong, body: strings.Repeat("\n", 64<<10)}.request(),
		"body of 6 MB":     faulty{secret: wrong, body: strings.Repeat("x", 6<<20)}.request(),
		"signed headers":   faulty{secret: wrong, header: headers(490, 1600)}.request(),
		"small headers":    faulty{secret: wrong, header: headers(490, 100)}.request(),
		"unsigned headers": faulty{secret: wrong, unsigned: headers(60_000, 1)}.request(),
		"long unsigned":    faulty{secret: wrong, unsigned: headers(8, 100_000)}.request(),
		"repeated header": faulty{secret: wrong, header: http.Header{"A": slices.Repeat([]string{"b"},
			30_000)}}.request(),
		"forwarded hosts": faulty{secret: wrong,
			unsigned: http.Header{"X-Forwarded-Host": slices.Repeat([]string{long[:100]}, 8000)}}.request(),
		"long forwarded host": faulty{secret: wrong, unsigned: http.Header{"X-Forwarded-Host": {long}}}.request(),
		"long host":           faulty{secret: wrong, host: long[:60_000]}.request(),
		"long content type":   faulty{secret: wrong, header: header("Content-Type", long[:60_000])}.request(),
		"long method":         faulty{secret: wrong, method: long[:60_000]}.request(),
		"longer method":       faulty{secret: wrong, method: long}.request(),
		"long declared hash":  faulty{secret: wrong, unsigned: header("X-Amz-Content-Sha256", long)}.request(),
		"listed often": faulty{secret: wrong, unsigned: header("X-Abcdefghi", long),
			listNames: replace("host", "host;"+cases+strings.Repeat("x-abcdefghi;", 90)+"host")}.request(),
		"absent, unsorted": faulty{secret: wrong, listNames: replace("host",
			many(400, func(i int) string { return fmt.Sprintf("x-absent-header-%04d;", 400-i) })+"host")}.request(),
		"presigned": faulty{secret: wrong, target: "/?" + strings.Repeat("(+%c3", 10_000),
			credentials: bob}.presigned(true, true),
	}
}

func caseOf(bits int) func(rune) rune {
	return func(c rune) rune {
		if bits>>(c-'a')&1 == 1 {
			return c - 'a' + 'A'
		}
		return c
	}
}

// TestDiagnoseWork: whatever is sent, little is done between two looks at the clock, and nothing once time is out. Work
// is measured in bytes allocated, which unlike time are the same on every machine.
func TestDiagnoseWork(t *testing.T) {
	const step = 1 << 20
	for name, r := range hostileToDiagnose() {
		t.Run(name, func(t *testing.T) {
			_, err := newVerifier().Verify(r)
			e := wantKind(t, err, sigv4.InvalidSignature)
			key, _ := lookup(t.Context(), e.AccessKeyID)
			ev := diagnose.Evidence{Request: r, Refusal: e, Key: key, Region: region, Service: service, Now: clock}
			// run diagnoses with a clock that stands still until it has been looked at so often.
			run := func(out int) (d diagnose.Diagnosis, looks int, most, all uint64) {
				var last uint64
				work := func() {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					if last > 0 {
						most, all = max(most, m.TotalAlloc-last), all+m.TotalAlloc-last
					}
					last = m.TotalAlloc
				}
				d = diagnose.DiagnoseBy(t.Context(), func() time.Time {
					defer func() { last = 0; work() }()
					work()
					if looks++; looks > out {
						return clock.Add(diagnose.MaxTime + 1)
					}
					return clock
				}, ev)
				work()
				return d, looks, most, all
			}
			d, looks, most, all := run(10_000)
			if t.Logf("%d tested, %d looks, %d KiB at once, %d KiB in all", d.Tested, looks, most>>10, all>>10); most > step {
				t.Errorf("%d bytes allocated between two looks at the clock", most)
			}
			if d.Fault == "" || len(d.Explanation)+len(d.Fix) > 2000 {
				t.Errorf("explained in %d bytes: %+.200v", len(d.Explanation)+len(d.Fix), d)
			}
			for out := 1; out < looks; out = out*3/2 + 1 {
				d, looks, most, _ := run(out)
				if looks > out+1 || d.Tested >= out || !d.Exhausted || most > step {
					t.Errorf("time was out after %d looks at the clock, but there were %d, %d hypotheses were tested and %d bytes "+
						"allocated at once",
						out, looks, d.Tested, most)
				}
			}
		})
	}
}

// TestDiagnoseHashesOnce: the verifier has hashed the body, which may be large, and it is not hashed again.
func TestDiagnoseHashesOnce(t *testing.T) {
	r := faulty{body: strings.Repeat("x", 1<<20), secret: func(s string) string { return s + "\n" }}.request()
	_, err := newVerifier().Verify(r)
	e := wantKind(t, err, sigv4.InvalidSignature)
	e.Body = make([]byte, len(e.Body)) // whose hash is another
	d := diagnose.Diagnose(t.Context(), diagnose.Evidence{
		Request: r, Refusal: e, Key: sigv4.Key{Credentials: alice}, Region: region, Service: service, Now: clock,
		MaxTime: time.Minute,
	})
	if d.Fault != diagnose.SecretSpace {
		t.Errorf("got %+.300v", d)
	}
}
