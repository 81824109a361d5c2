//go:build unix

package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	name     string
	measured string
	target   string // "" if the number is only reported
	met      bool
	against  string // what it was compared with, and what that came to
}

func (r row) verdict() string {
	switch {
	case r.target == "":
		return "reported"
	case r.met:
		return "met"
	default:
		return "MISSED"
	}
}

func writeTable(out io.Writer, rows []row) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHAT\tMEASURED\tTARGET\tVERDICT\tCOMPARED WITH")
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.name, r.measured, orDash(r.target), r.verdict(), orDash(r.against))
	}
	return table.Flush()
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// took writes a duration with three digits at most.
func took(nanoseconds float64) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"s", time.Second}, {"ms", time.Millisecond}, {"µs", time.Microsecond}} {
		if n := nanoseconds / float64(unit.size); n >= 1 || n <= -1 {
			return fmt.Sprintf("%s %s", digits(n), unit.name)
		}
	}
	return fmt.Sprintf("%s ns", digits(nanoseconds))
}

func digits(n float64) string {
	switch {
	case n >= 100 || n <= -100:
		return fmt.Sprintf("%.0f", n)
	case n >= 10 || n <= -10:
		return fmt.Sprintf("%.1f", n)
	default:
		return fmt.Sprintf("%.2f", n)
	}
}

func perSecond(n float64) string { return fmt.Sprintf("%.0f/s", n) }

// atLeast holds a ratio against a target as precisely as both are printed: with that many digits after the point.
func atLeast(ratio, target float64, digits int) bool {
	unit := math.Pow10(-digits)
	return math.Round(ratio/unit) >= math.Round(target/unit)
}

func percent(ratio float64) string { return fmt.Sprintf("%.0f %%", 100*ratio) }

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }
