package snippet_test

import (
	"testing"

	"github.com/furl-dev/furl/internal/snippet"
)

func TestLaunch(t *testing.T) {
	for _, row := range []struct {
		runtime       string
		port          int
		want, address string
	}{
		{"nodejs22.x", 0, `{"type":"node","request":"attach","name":"furl: web","address":"127.0.0.1","port":9229,"restart":true,"continueOnAttach":true}`, "127.0.0.1:9229"},
		{"nodejs20.x", 9230, `{"type":"node","request":"attach","name":"furl: web","address":"127.0.0.1","port":9230,"restart":true,"continueOnAttach":true}`, "127.0.0.1:9230"},
		{"python3.13", 0, `{"type":"debugpy","request":"attach","name":"furl: web","connect":{"host":"127.0.0.1","port":5678}}`, "127.0.0.1:5678"},
		{"provided.al2023", 0, `{"type":"go","request":"attach","name":"furl: web","mode":"remote","host":"127.0.0.1","port":2345}`, "127.0.0.1:2345"},
		{"java21", 0, "", "127.0.0.1:0"},
	} {
		if got := snippet.Launch("web", row.runtime, row.port); got != row.want {
			t.Errorf("%s: %s, want %s", row.runtime, got, row.want)
		}
		if got := snippet.DebugAddress(row.runtime, row.port); got != row.address {
			t.Errorf("%s: %s, want %s", row.runtime, got, row.address)
		}
	}
}
