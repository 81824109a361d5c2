package metric

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Collector is what a component returns and package app puts on the page: one metric, or several samples of one name.
type Collector struct {
	name, help, kind string
	read             func() []sample
}

// summary is the kind of a metric with quantiles, a sum and a count, which stay in their order.
const summary = "summary"

// sample is a number with its labels. Two of the samples of a summary have names with a suffix.
type sample struct {
	suffix string
	labels []Label
	value  float64
}

// Write writes the metrics in the [text format] of Prometheus, version 0.0.4: sorted by name and labels, with one help
// and one type for collectors of the same name. Two samples with the same name and labels are a mistake, and nothing is
// written: Prometheus would refuse the whole page.
//
// [text format]: https://prometheus.io/docs/instrumenting/exposition_formats/
func Write(w io.Writer, collectors []Collector) error {
	collectors = slices.SortedStableFunc(slices.Values(collectors), func(a, b Collector) int {
		return cmp.Compare(a.name, b.name)
	})
	var page bytes.Buffer
	for i := 0; i < len(collectors); {
		family := collectors[i]
		fmt.Fprintf(&page, "# HELP %s %s\n# TYPE %[1]s %[3]s\n",
			family.name, strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(family.help), family.kind)
		var lines []line
		for ; i < len(collectors) && collectors[i].name == family.name; i++ {
			for _, s := range collectors[i].read() {
				lines = append(lines, line{family.name + s.suffix + labelSet(s.labels), s.value})
			}
		}
		if family.kind != summary {
			slices.SortFunc(lines, func(a, b line) int { return strings.Compare(a.series, b.series) })
		}
		for n, line := range lines {
			if n > 0 && line.series == lines[n-1].series {
				return fmt.Errorf("metric %s is there twice", line.series)
			}
			fmt.Fprintf(&page, "%s %s\n", line.series, strconv.FormatFloat(line.value, 'g', -1, 64))
		}
	}
	_, err := page.WriteTo(w)
	return err
}

type line struct {
	series string
	value  float64
}

// labelSet is the labels as they stand behind a name, sorted.
func labelSet(labels []Label) string {
	if len(labels) == 0 {
		return ""
	}
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	var pairs []string
	for _, label := range labels {
		pairs = append(pairs, label.Name+`="`+escape.Replace(label.Value)+`"`)
	}
	slices.Sort(pairs)
	return "{" + strings.Join(pairs, ",") + "}"
}
