package urltest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/urltest"
)

func TestServerAcceptsSignedRequestsOnly(t *testing.T) {
	function := urltest.Start(t, nil)
	transport := furl.NewTransport(function.Config())
	defer transport.CloseIdleConnections()
	for client, want := range map[*http.Client]string{
		{Transport: transport}:      "order",
		{Transport: furl.NewBase()}: `{"Message":"Forbidden"}`,
	} {
		resp, err := client.Post(function.URL+"/orders", "text/plain", strings.NewReader("order"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != want {
			t.Errorf("answered %q, %v; want %q", body, err, want)
		}
	}
}
