package diagnose_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// TestDiagnoseWork: whatever is sent, the work is bounded, and the same request has the same diagnosis every time. Work
// is counted in hypotheses, bytes hashed and bytes allocated, which unlike time are the same on every machine.
func TestDiagnoseWork(t *testing.T) {
	for name, r := range hostileToDiagnose() {
		t.Run(name, func(t *testing.T) {
			_, err := newVerifier().Verify(r)
			e := wantKind(t, err, sigv4.InvalidSignature)
			key, _ := lookup(t.Context(), e.AccessKeyID)
			ev := diagnose.Evidence{Request: r, Refusal: e, Key: key, Region: region, Service: service, Now: clock}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			d := diagnose.Diagnose(t.Context(), ev)
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d tested, %d KiB hashed, %d KiB allocated: %s", d.Tested, d.Hashed>>10, allocated>>10, d.Explanation)
			if d.Tested > diagnose.MaxHypotheses || d.Hashed > diagnose.MaxHashed || allocated > 64<<20 {
				t.Errorf("%d hypotheses were tested, %d bytes hashed, %d bytes allocated", d.Tested, d.Hashed, allocated)
			}
			if d.Fault == "" || len(d.Explanation)+len(d.Fix) > 2000 {
				t.Errorf("explained in %d bytes: %+.200v", len(d.Explanation)+len(d.Fix), d)
			}
			if diff := cmp.Diff(d, diagnose.Diagnose(t.Context(), ev)); diff != "" {
				t.Errorf("diagnosed again (-first +second):\n%s", diff)
			}
		})
	}
}

// TestDiagnoseNoClock: no clock has a part in a diagnosis, so that it is the same under any load.
func TestDiagnoseNoClock(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for node := range ast.Preorder(tree) {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				continue
			}
			if from, ok := selector.X.(*ast.Ident); ok && from.Name == "time" && slices.Contains([]string{"Now", "Since",
				"Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep"}, selector.Sel.Name) {
				t.Errorf("%s uses time.%s", file, selector.Sel.Name)
			}
		}
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
	})
	if d.Fault != diagnose.SecretSpace {
		t.Errorf("got %+.300v", d)
	}
}
