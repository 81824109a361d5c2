package app_test

import (
	"context"
	"testing"

	"github.com/furl-dev/furl/internal/app"
)

// A server that is told to stop before it serves comes to an end like any other.
func TestStoppedAtOnce(t *testing.T) {
	for range 20 {
		config := app.Default()
		config.Data, config.Listen = app.InMemory, "127.0.0.1:0"
		server, err := app.New(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		stopped, stop := context.WithCancel(t.Context())
		stop()
		if err := server.Run(stopped, context.Background()); err != nil {
			t.Error(err)
		}
	}
}
