//go:build unix

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/cli"
)

// TestMain lets the test binary stand in for furl, which need not be built then.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "furl" {
		os.Exit(cli.Main())
	}
	os.Exit(m.Run())
}

// newTestBench is one that measures the furl of this tree.
func newTestBench(t *testing.T) *bench {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBench()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	if err := os.Symlink(self, filepath.Join(b.dir, "furl")); err != nil {
		t.Fatal(err)
	}
	return b
}

// brief is long enough to see that everything works, and too short to measure anything.
var brief = effort{
	rounds: 1, round: time.Millisecond, load: 20 * time.Millisecond, starts: 1, colds: 1, callers: 1,
	large: population{accounts: 2, functions: 4, roles: 4, keys: 8}, loads: 1,
}

// Every section must work on the furl of this tree and say something of each of its subjects. What it measures in no
// time does not matter.
func TestSections(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program and starts servers")
	}
	b := newTestBench(t)
	for _, s := range sections {
		t.Run(s.name, func(t *testing.T) {
			end := b.nested()
			defer end()
			rows, err := s.measure(t.Context(), b, brief)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if r.name == "" || r.measured == "" {
					t.Errorf("incomplete row %+v", r)
				}
			}
			if len(rows) == 0 {
				t.Error("nothing measured")
			}
		})
	}
}

func TestTable(t *testing.T) {
	var table strings.Builder
	err := writeTable(&table, []row{
		{"start", took(12.6e6), "≤ 50 ms", true, "median"},
		{"rate", perSecond(4321.4) + ", " + percent(0.59), "≥ 60 %", false, ""},
		{name: "size", measured: megabytes(16 << 20)},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `WHAT   MEASURED      TARGET   VERDICT   COMPARED WITH
start  12.6 ms       ≤ 50 ms  met       median
rate   4321/s, 59 %  ≥ 60 %   MISSED    -
size   16.0 MB       -        reported  -
`
	if table.String() != want {
		t.Errorf("got\n%s\nwant\n%s", table.String(), want)
	}
}

func TestUnknownSectionsAreRefused(t *testing.T) {
	if err := run(context.Background(), []string{"-only", "start,nonsense"}); err == nil || !strings.Contains(err.Error(), `"nonsense"`) {
		t.Errorf("error is %v", err)
	}
}

func TestPairsAreMedians(t *testing.T) {
	next := func(values ...float64) func() (float64, error) {
		return func() (float64, error) {
			value := values[0]
			values = values[1:]
			return value, nil
		}
	}
	got, err := effort{rounds: 3}.alternate(next(2, 90, 4), next(1, 30, 1))
	if want := (pair{ours: 4, theirs: 1, ratio: 3}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestDurationsAreReadable(t *testing.T) {
	for nanoseconds, want := range map[float64]string{12: "12.0 ns", 950: "950 ns", 1500: "1.50 µs", 333e3: "333 µs", 2.5e6: "2.50 ms", 3.42e9: "3.42 s", -4e4: "-40.0 µs"} {
		if got := took(nanoseconds); got != want {
			t.Errorf("%v ns is %q, want %q", nanoseconds, got, want)
		}
	}
}

// TestAtLeast: a verdict goes by the figure that is printed beside it.
func TestAtLeast(t *testing.T) {
	for _, test := range []struct {
		ratio, target float64
		digits        int
		want          bool
	}{
		{0.85, 0.85, 2, true}, {0.846, 0.85, 2, true}, {0.844, 0.85, 2, false}, {1.2, 0.85, 2, true},
		{4, 4, 1, true}, {3.96, 4, 1, true}, {3.94, 4, 1, false}, {40, 4, 1, true},
	} {
		if got := atLeast(test.ratio, test.target, test.digits); got != test.want {
			t.Errorf("%v against %v: %v", test.ratio, test.target, got)
		}
	}
}
