package app

import (
	"io"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"github.com/furl-dev/furl/internal/metric"
)

// metrics writes the metrics of all parts of the server. What that takes is made when somebody asks for the first time.
func (s *Server) metrics() func(io.Writer) error {
	parts := []part{s.listener, s.data, s.control, s.pages, s.invoke, s.pool, s.traces, s.db}
	registry := sync.OnceValue(func() *prometheus.Registry { return register(parts) })
	return func(w io.Writer) error {
		families, err := registry().Gather()
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
}

// part is a part of the server that has metrics.
type part interface{ Collectors() []metric.Collector }

// register registers the collectors of the parts, and those of the process.
func register(parts []part) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, part := range parts {
		registry.MustRegister(part.Collectors()...)
	}
	return registry
}
