package metric

import (
	"io"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// Process are the metrics that every Go program has.
func Process() []Collector {
	return []Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}
}

// Write writes the metrics in the text format of Prometheus.
func Write(w io.Writer, all []Collector) error {
	registry := prometheus.NewRegistry()
	for _, collector := range all {
		if err := registry.Register(collector); err != nil {
			return err
		}
	}
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
			return err
		}
	}
	return nil
}
