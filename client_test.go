package furl_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/urltest"
)

// front starts what CloudFront is to a function URL: requests of any host go to the function URL with its own host.
func front(t *testing.T, server *urltest.Server) (address, signHost string) {
	t.Helper()
	to, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Transport: furl.NewBase(), Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to) // and the host
	}}
	running := httptest.NewServer(proxy)
	t.Cleanup(running.Close)
	return running.URL, to.Host
}

func TestTransportSignsForTheHostBehind(t *testing.T) {
	server := urltest.Start(t, nil)
	address, behind := front(t, server)
	host := strings.TrimPrefix(address, "http://")
	client := &http.Client{Transport: furl.NewTransport(server.Config())}
	if _, err := client.Get(address + "/x"); !errors.Is(err, furl.ErrNotFunctionURL) {
		t.Errorf("a host that nobody knows: %v", err)
	}
	transport := furl.NewTransport(aws.Config{Credentials: server.Credentials()}) // the region is that of the host behind
	transport.SignHosts = map[string]string{host: behind}
	client.Transport = transport
	resp, err := client.Post(address+"/x?a=b", "text/plain", strings.NewReader("body"))
	if got := read(t, resp, err, http.StatusOK); got != "body" {
		t.Errorf("received %q", got)
	}
	r, err := http.NewRequest(http.MethodGet, address+"/link", nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := transport.Presign(r, time.Minute)
	if err != nil || len(signed.Header) > 0 || !strings.HasPrefix(signed.URL, address+"/link?") {
		t.Fatalf("link %s with headers %v: %v", signed.URL, signed.Header, err)
	}
	resp, err = http.Get(signed.URL)
	read(t, resp, err, http.StatusOK)
}

func TestTransportFollowsToPresignedLinks(t *testing.T) {
	link := ""
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/start" {
			http.Redirect(w, r, link, http.StatusFound)
		}
	}))
	client := &http.Client{Transport: furl.NewTransport(server.Config())}
	for name, url := range map[string]string{"the same host": server.URL, "another": server.Path} {
		var err error
		if link, err = furl.Presign(t.Context(), server.Config(), url+"/file", time.Minute); err != nil {
			t.Fatal(err)
		}
		resp, err := client.Get(server.URL + "/start")
		if read(t, resp, err, http.StatusOK); resp.Request.URL.Path == "/start" {
			t.Errorf("%s: not followed", name)
		}
	}
	if _, err := client.Get(link); err == nil {
		t.Error("a presigned link that is not the target of a redirect is signed again")
	}
}

// A program that runs for long: its key is replaced in the shared file, or there is a new session.
func TestTransportReadsSharedFilesAgain(t *testing.T) {
	server := urltest.Start(t, nil)
	file := filepath.Join(t.TempDir(), "credentials")
	write := func(id, secret, token string) {
		text := "[other]\naws_access_key_id = " + id + "\naws_secret_access_key = " + secret + "\naws_session_token = " + token + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, old := range map[string][3]string{
		"unknown key": {"ASIAOLD", urltest.Secret, urltest.Token}, "old secret": {urltest.AccessKeyID, "old", urltest.Token},
		"old token": {urltest.AccessKeyID, urltest.Secret, "old"},
	} {
		write(old[0], old[1], old[2])
		cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(urltest.Region), config.WithSharedConfigProfile("other"),
			config.WithSharedCredentialsFiles([]string{file}), config.WithSharedConfigFiles(nil))
		if err != nil {
			t.Fatal(err)
		}
		transport := furl.NewTransport(cfg)
		var reasons []string
		transport.OnRepeat = func(reason string) { reasons = append(reasons, reason) }
		client := &http.Client{Transport: transport}
		for range 2 {
			resp, err := client.Get(server.URL)
			read(t, resp, err, http.StatusForbidden)
		}
		if len(reasons) > 0 {
			t.Errorf("%s: repeated with the same keys: %q", name, reasons)
		}
		write(urltest.AccessKeyID, urltest.Secret, urltest.Token)
		resp, err := client.Get(server.URL)
		read(t, resp, err, http.StatusOK)
		if len(reasons) != 1 || !strings.Contains(reasons[0], "credentials were refused") {
			t.Errorf("%s: reasons %q", name, reasons)
		}
	}
}

// Credentials that the caller has put into a loaded configuration are not replaced by those of its files.
func TestTransportKeepsOtherCredentials(t *testing.T) {
	server := urltest.Start(t, nil)
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[default]\naws_access_key_id = " + urltest.AccessKeyID + "\naws_secret_access_key = " + urltest.Secret +
		"\naws_session_token = " + urltest.Token + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(urltest.Region), config.WithSharedCredentialsFiles([]string{file}))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "ASIAANOTHER", SecretAccessKey: "x", SessionToken: "y"}, nil
	})
	resp, err := (&http.Client{Transport: furl.NewTransport(cfg)}).Get(server.URL)
	read(t, resp, err, http.StatusForbidden)
}

func TestTransportSaysWhyItRepeats(t *testing.T) {
	server := urltest.Start(t, nil)
	now := time.Now().Truncate(time.Second)
	for offset, want := range map[time.Duration]string{
		7 * time.Hour: "7h0m0s ahead of this machine's", -20 * time.Minute: "20m0s behind this machine's",
	} {
		server.Now = func() time.Time { return now.Add(offset) }
		transport := furl.NewTransport(server.Config())
		transport.Now = func() time.Time { return now }
		var reasons []string
		transport.OnRepeat = func(reason string) { reasons = append(reasons, reason) }
		resp, err := (&http.Client{Transport: transport}).Get(server.URL)
		read(t, resp, err, http.StatusOK)
		if len(reasons) != 1 || !strings.Contains(reasons[0], want) {
			t.Errorf("reasons %q, want one with %q", reasons, want)
		}
	}
}

func TestErrorsAreRecognized(t *testing.T) {
	server := urltest.Start(t, nil)
	request := func(url string, change func(*http.Request)) *http.Request {
		r, err := http.NewRequest(http.MethodPost, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(r)
		}
		return r
	}
	broken := errors.New("broken pipe")
	tests := map[string]struct {
		config  aws.Config
		request *http.Request
		want    []error
	}{
		"another host":   {server.Config(), request("https://example.com/", nil), []error{furl.ErrNotFunctionURL}},
		"no region":      {aws.Config{Credentials: server.Credentials()}, request(server.Path, nil), []error{furl.ErrRegion}},
		"no keys":        {aws.Config{Region: "eu-west-1"}, request(server.URL, nil), []error{furl.ErrCredentials}},
		"above the root": {server.Config(), request(server.URL+"/../x", nil), []error{furl.ErrRequest}},
		"another length": {server.Config(), request(server.URL, func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("abc")), 7
		}), []error{furl.ErrRequest}},
		"a body that breaks off": {server.Config(), request(server.URL, func(r *http.Request) {
			r.Body = failing{broken}
		}), []error{furl.ErrBody, broken}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := furl.NewTransport(test.config).RoundTrip(test.request)
			for _, want := range test.want {
				if !errors.Is(err, want) {
					t.Errorf("%v is not %v", err, want)
				}
			}
		})
	}
	for _, text := range []string{"", "nonsense", "ftp://example.com/", "https://", "https://u:p@example.com/", "https://a b/", "https://%zz/"} {
		if _, err := furl.ParseURL(text); !errors.Is(err, furl.ErrURL) {
			t.Errorf("%q: %v", text, err)
		}
	}
	var refusal furl.Refusal
	if err := error(furl.Refusal{Layer: furl.Address}); !errors.As(err, &refusal) || !errors.Is(err, furl.ErrRefused) ||
		!strings.Contains(err.Error(), "no such function URL") {
		t.Errorf("%v", err)
	}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }
func (failing) Close() error               { return nil }
