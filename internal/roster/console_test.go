package roster_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/roster"
)

// Browsers look for the console at 127.0.0.1 and ::1. Whatever listens at one of them gets the ticket, so it has to be the
// server.
func TestConsoleIsTheServer(t *testing.T) {
	const secret = "of-the-server"
	proves := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(furlproto.Proof, furlproto.Prove(secret, r.Header.Get(furlproto.Challenge)))
	})
	server := httptest.NewServer(proves)
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	running := roster.Running{Endpoint: server.URL, PID: 1, Secret: secret}
	page, reached, err := running.Console(t.Context())
	if page != "http://console.localhost:"+port+"/_furl/" || !reached || err != nil {
		t.Errorf("%s, %t, %v", page, reached, err)
	}
	running.Endpoint = "https://192.0.2.1:" + port // which listens on all addresses
	if page, reached, err := running.Console(t.Context()); !strings.HasPrefix(page, "http://") || !reached || err != nil {
		t.Errorf("%s, %t, %v", page, reached, err)
	}

	stranger, err := net.Listen("tcp", "[::1]:"+port)
	if err != nil {
		t.Logf("no IPv6: %v", err)
	} else {
		answering := &http.Server{Handler: http.NotFoundHandler()}
		go answering.Serve(stranger) //nolint:errcheck // it ends with the test
		if _, _, err := running.Console(t.Context()); err == nil || !strings.Contains(err.Error(), "listens at [::1]:"+port) {
			t.Errorf("somebody else at ::1: %v", err)
		}
		answering.Close()
	}
	running.Secret = "of-another-server"
	if _, _, err := running.Console(t.Context()); err == nil || !strings.Contains(err.Error(), "listens at 127.0.0.1:"+port) {
		t.Errorf("another server: %v", err)
	}
	server.Close()
	if page, reached, err := running.Console(t.Context()); page == "" || reached || err != nil {
		t.Errorf("nothing listens: %s, %t, %v", page, reached, err)
	}
}
