package furl_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/urltest"
)

// With anonymous credentials requests go out as they are: unsigned, to any host, their target as typed, and as often as
// MaxRetries says.
func TestTransportSendsUnsigned(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	failures := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		lines = append(lines, r.Method+" "+r.RequestURI+" "+r.Header.Get("Authorization")+r.Header.Get("X-Amz-Date")+string(body))
		if failures > 0 {
			failures--
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	for name, transport := range map[string]*furl.Transport{
		"configured": furl.NewTransport(aws.Config{Credentials: aws.AnonymousCredentials{}}),
		"cached":     {Credentials: aws.NewCredentialsCache(aws.AnonymousCredentials{})},
	} {
		client := &http.Client{Transport: transport}
		var want []string
		lines = nil
		for _, target := range urltest.Targets() {
			resp, err := client.Get(server.URL + target)
			read(t, resp, err, http.StatusOK)
			want = append(want, "GET "+target+" ")
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("%s: (-typed +received)\n%s", name, diff)
		}
		lines, failures = nil, 1
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/a", struct{ io.Reader }{strings.NewReader("body")})
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "mine")
		resp, err := client.Do(r)
		read(t, resp, err, http.StatusOK)
		if diff := cmp.Diff([]string{"PUT /a minebody", "PUT /a minebody"}, lines); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		if _, err := transport.Sign(r); err == nil {
			t.Errorf("%s: signed without credentials", name)
		}
		transport.CloseIdleConnections()
	}
}
