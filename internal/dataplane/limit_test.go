//go:build unix

package dataplane_test

import (
	"testing"

	"github.com/furl-dev/furl/internal/event"
	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/sigv4"
)

// Package event is pure and cannot take its limits from the packages that read bodies: they must be the same.
func TestLimitsAgree(t *testing.T) {
	if event.MaxResponse != runtime.MaxBufferedResponse {
		t.Errorf("event takes responses of %d bytes, runtime of %d", event.MaxResponse, runtime.MaxBufferedResponse)
	}
	if event.MaxEvent != sigv4.DefaultMaxBody {
		t.Errorf("event takes bodies of %d bytes, sigv4 of %d", event.MaxEvent, sigv4.DefaultMaxBody)
	}
}
