package call_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/call"
)

// TestCallerRecords sees both requests of a redirect, with what was sent and received.
func TestCallerRecords(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/from" {
			w.Header().Set("Location", "/to")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		io.WriteString(w, "0123456789")
	}))
	t.Cleanup(server.Close)
	base, err := call.Network{}.Transport()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(base.CloseIdleConnections)
	var records []call.Record
	caller := &call.Caller{
		Transport: &furl.Transport{
			Base: base, Region: "eu-central-1",
			Domains: map[string]string{strings.TrimPrefix(server.URL, "http://"): ""},
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret"}, nil
			}),
		},
		Stdout: io.Discard, Stderr: io.Discard, Follow: true, MaxRedirects: 1,
		Record: func(r call.Record) { records = append(records, r) }, RecordBodies: 4,
	}
	request := call.Request{URL: server.URL + "/from", Data: []call.Data{{Value: "abcdef"}}}
	prepared, err := request.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := caller.Do(prepared); err != nil {
		t.Fatal(err)
	}
	if len(records) != 2 {
		t.Fatalf("%d records", len(records))
	}
	for i, want := range []struct {
		path, received string
		status         int
		size           int64
	}{{"/from", "", 307, 0}, {"/to", "0123", 200, 10}} {
		r := records[i]
		if r.Method != "POST" || r.URL != server.URL+want.path || r.Status != want.status || r.Proto != "HTTP/1.1" || r.Err != nil {
			t.Errorf("record %d is %+v", i, r)
		}
		if string(r.SentBody) != "abcd" || r.SentSize != 6 || string(r.ReceivedBody) != want.received || r.ReceivedSize != want.size {
			t.Errorf("record %d: sent %q of %d, received %q of %d", i, r.SentBody, r.SentSize, r.ReceivedBody, r.ReceivedSize)
		}
		if at := slices.IndexFunc(r.Sent, func(f call.HeaderField) bool { return f.Name == "Authorization" }); at < 1 || r.Sent[0].Name != "Host" {
			t.Errorf("record %d: sent %v", i, r.Sent)
		}
		if at := slices.IndexFunc(r.Received, func(f call.HeaderField) bool { return f.Name == "Content-Length" }); at < 0 {
			t.Errorf("record %d: received %v", i, r.Received)
		}
	}
}
