//go:build unix

package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/sigv4"
)

// Requests under names that are no function URL's are refused as AWS refuses them, and the explanation says so. What is
// for an API stays with the API, under any name: a container calls the server by that of its host.
func TestRequestsUnderForeignNames(t *testing.T) {
	data := t.TempDir()
	server, _ := run(t, configFor(data))
	root, _ := server.RootKey(roster.DefaultAccount)
	token, _, err := roster.ReadPageToken(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		host, method, target string
		header               string
		service              string // signed for, "" unsigned
		status               int
		answer, reason       string
	}{
		{"shop.example.com", "GET", "/", "", "", 403, `{"Message":null}`, `no function URL has the host name "shop.example.com"`},
		{"shop.example.com:9000", "POST", "/book", "", "lambda", 403, `{"Message":null}`, `has the host name "shop.example.com"`},
		{"shop.localhost:9000", "GET", "/book", "", "lambda", 403, `{"Message":null}`, `has the host name "shop.localhost"`},
		{
			"abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.example.com", "GET", "/", "", "lambda", 403,
			`{"Message":null}`, `has the host name "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.example.com"`,
		},
		{
			"abcdefghijklmnopqrstuvwxyz012345.cell-1-lambda-url.eu-central-1.on.aws", "GET", "/2015-03-31/functions", "", "lambda",
			403, `{"Message":null}`, `no function URL has the host name "abc`,
		},
		{
			"abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.localhost", "GET", "/", "", "", 403, `{"Message":null}`,
			`no function URL has the id "abcdefghijklmnopqrstuvwxyz012345" in eu-central-1`,
		},
		{"furl:9000", "GET", "/2015-03-31/functions", "", "lambda", 200, `{"Functions":[]`, ""},
		{"furl:9000", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", "", "sts", 200, "<GetCallerIdentityResponse", ""},
		{"furl:9000", "GET", "/2015-03-31/functions", "", "", 403, `{"message":"Missing Authentication Token"}`, "not signed"},
		{"lambda.eu-central-1.amazonaws.com", "GET", "/nothing", "", "lambda", 404, `{"Message":"furl knows no Lambda operation`, ""},
		{"localhost:9000", "GET", "/nothing", "", "lambda", 404, `{"Message":"furl knows no Lambda operation`, ""},
		{"192.0.2.1", "GET", "/nothing", "", "lambda", 404, `{"Message":"furl knows no Lambda operation`, ""},
		{"bucket.s3.localhost:9000", "GET", "/key", "", "s3", 501, "<?xml", "furl does not have the service S3"},
	} {
		t.Run(test.host+test.target, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), test.method, server.Endpoint()+test.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = test.host
			if test.service != "" {
				signer := &sigv4.Signer{Region: "eu-central-1", Service: test.service}
				key := sigv4.Credentials{AccessKeyID: root.AccessKeyID, Secret: sigv4.NewSecret(root.SecretAccessKey)}
				if _, err := signer.Sign(request, key, sigv4.EmptyPayload()); err != nil {
					t.Fatal(err)
				}
			}
			status, body, header := get(t, request)
			if status != test.status || !strings.HasPrefix(body, test.answer) {
				t.Errorf("got %d %s", status, body)
			}
			if test.reason == "" {
				return
			}
			page, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
				server.Endpoint()+"/_furl/requests/"+header.Get("X-Amzn-Requestid"), nil)
			if err != nil {
				t.Fatal(err)
			}
			page.Header.Set("Authorization", "Bearer "+token.Reveal())
			page.Header.Set("Accept", "application/json")
			deadline := time.Now().Add(10 * time.Second)
			for status != http.StatusOK && time.Now().Before(deadline) {
				status, body, _ = get(t, page) // the trace is kept once the client has its answer
			}
			var report struct{ Steps []struct{ Summary string } }
			if err := json.Unmarshal([]byte(body), &report); err != nil || len(report.Steps) == 0 ||
				!strings.Contains(report.Steps[0].Summary, test.reason) {
				t.Errorf("the explanation is %s (%v)", body, err)
			}
		})
	}
}

func get(t *testing.T, request *http.Request) (int, string, http.Header) {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body), response.Header
}
