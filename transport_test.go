package furl_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/urltest"
	"github.com/furl-dev/furl/sigv4"
)

// read returns the body of a response, which must have the status.
func read(t *testing.T, resp *http.Response, err error, status int) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status {
		t.Fatalf("status %d, want %d: %s %s", resp.StatusCode, status, body, resp.Header.Get("Furl-Explain"))
	}
	return string(body)
}

func TestTransportSendsTargetsAsTyped(t *testing.T) {
	server := urltest.Start(t, nil)
	transport := furl.NewTransport(server.Config())
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	var want []string
	for _, target := range urltest.Targets() {
		resp, err := client.Get(server.URL + target)
		read(t, resp, err, http.StatusOK)
		want = append(want, "GET "+target)
	}
	if diff := cmp.Diff(want, server.Lines()); diff != "" {
		t.Errorf("request lines (-typed +received)\n%s", diff)
	}
}

func TestTransportSendsTargetsAsTypedInPathStyle(t *testing.T) {
	server := urltest.Start(t, nil)
	transport := furl.NewTransport(server.Config())
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	var want []string
	for _, target := range urltest.Targets() {
		resp, err := client.Post(server.Path+target, "text/plain", strings.NewReader("body\n"))
		read(t, resp, err, http.StatusOK)
		want = append(want, "POST /_furl/url/"+urltest.ID+target)
	}
	if diff := cmp.Diff(want, server.Lines()); diff != "" {
		t.Errorf("request lines (-typed +received)\n%s", diff)
	}
}

func TestTransportSendsTargetsAsTypedOverTLS(t *testing.T) {
	var received []string
	server, tls := urltest.StartTLS(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		received = append(received, r.RequestURI)
	}))
	transport := furl.NewTransport(server.Config())
	base := furl.NewBase()
	base.TLSClientConfig = tls.Client().Transport.(*http.Transport).TLSClientConfig
	base.TLSClientConfig.ServerName = "example.com"
	transport.Base = base
	t.Cleanup(base.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	for _, target := range urltest.Targets() {
		resp, err := client.Get(server.URL + target)
		read(t, resp, err, http.StatusOK)
	}
	if diff := cmp.Diff(urltest.Targets(), received); diff != "" {
		t.Errorf("targets (-typed +received)\n%s", diff)
	}
}

func TestTransportRefusesATargetItCannotSendUnchanged(t *testing.T) {
	server := urltest.Start(t, nil)
	transport := furl.NewTransport(server.Config())
	transport.Base = roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("sent all the same")
	})
	_, err := (&http.Client{Transport: transport}).Get(server.URL + "//a|b")
	if err == nil || !strings.Contains(err.Error(), "unchanged") {
		t.Errorf("error %v does not say that the target cannot be sent unchanged", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// pipeLike hides the methods with which a body can be read again.
type pipeLike struct{ io.Reader }

// notified is a body that counts how often it is closed.
type notified struct {
	io.ReadSeeker
	closed atomic.Int32
}

func (n *notified) Close() error {
	n.closed.Add(1)
	return nil
}

func TestTransportBodies(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 3<<20/16)
	name := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(name, []byte(long), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(t *testing.T) io.Reader {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	server := urltest.Start(t, nil)
	for name, test := range map[string]struct {
		body func(t *testing.T) io.Reader
		want string
	}{
		"none":            {func(*testing.T) io.Reader { return nil }, ""},
		"empty":           {func(*testing.T) io.Reader { return strings.NewReader("") }, ""},
		"empty, unknown":  {func(*testing.T) io.Reader { return pipeLike{strings.NewReader("")} }, ""},
		"string":          {func(*testing.T) io.Reader { return strings.NewReader(long) }, long},
		"file":            {open, long},
		"spooled to file": {func(t *testing.T) io.Reader { return pipeLike{open(t)} }, long},
		"spooled":         {func(*testing.T) io.Reader { return pipeLike{strings.NewReader("short")} }, "short"},
		"spooled, 1 MiB":  {func(*testing.T) io.Reader { return pipeLike{strings.NewReader(long[:1<<20])} }, long[:1<<20]},
		"spooled, 1 MiB+1": {func(*testing.T) io.Reader {
			return pipeLike{strings.NewReader(long[:1<<20+1])}
		}, long[:1<<20+1]},
	} {
		t.Run(name, func(t *testing.T) {
			transport := furl.NewTransport(server.Config())
			defer transport.CloseIdleConnections()
			resp, err := (&http.Client{Transport: transport}).Post(server.URL, "text/plain", test.body(t))
			if got := read(t, resp, err, http.StatusOK); got != test.want {
				t.Errorf("received %d bytes, want %d", len(got), len(test.want))
			}
		})
	}
}

func TestTransportSendsASpooledBodyWithItsLength(t *testing.T) {
	server := urltest.Start(t, nil)
	transport := furl.NewTransport(server.Config())
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Post(server.URL, "text/plain", pipeLike{strings.NewReader("four")})
	read(t, resp, err, http.StatusOK)
	if raw := server.Raw(); !strings.Contains(raw, "\r\nContent-Length: 4\r\n") || strings.Contains(raw, "chunked") {
		t.Errorf("no length in\n%s", raw)
	}
}

// written is a connection that counts writes.
type written struct {
	net.Conn
	writes *atomic.Int32
}

func (w written) Write(p []byte) (int, error) {
	w.writes.Add(1)
	return w.Conn.Write(p)
}

// A body that fits into one packet with its headers is sent in one.
func TestTransportSendsASpooledBodyWithTheHeaders(t *testing.T) {
	server := urltest.Start(t, nil)
	var writes atomic.Int32
	base := furl.NewBase()
	defer base.CloseIdleConnections()
	dial := base.DialContext
	base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return written{conn, &writes}, err
	}
	transport := furl.NewTransport(server.Config())
	transport.Base = base
	resp, err := (&http.Client{Transport: transport}).Post(server.URL, "text/plain", pipeLike{strings.NewReader("four")})
	read(t, resp, err, http.StatusOK)
	if n := writes.Load(); n != 1 {
		t.Errorf("sent in %d writes", n)
	}
}

func TestTransportSendsAnEmptyBodyWithItsLength(t *testing.T) {
	for name, body := range map[string]io.Reader{
		"none": nil, "NoBody": http.NoBody, "string": strings.NewReader(""), "stream": pipeLike{strings.NewReader("")},
		"seekable": &notified{ReadSeeker: strings.NewReader("")},
	} {
		server := urltest.Start(t, nil)
		transport := furl.NewTransport(server.Config())
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Post(server.URL, "text/plain", body)
		read(t, resp, err, http.StatusOK)
		if raw := server.Raw(); !strings.Contains(raw, "\r\nContent-Length: 0\r\n") {
			t.Errorf("%s: no length in\n%s", name, raw)
		}
		if body, ok := body.(*notified); ok && body.closed.Load() != 1 {
			t.Errorf("body was closed %d times", body.closed.Load())
		}
	}
}

func TestTransportClosesASeekableBodyOnceAfterRetries(t *testing.T) {
	var calls atomic.Int32
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		io.Copy(w, r.Body)
	}))
	transport := furl.NewTransport(server.Config())
	defer transport.CloseIdleConnections()
	body := &notified{ReadSeeker: strings.NewReader("skipped, sent")}
	if _, err := body.Seek(9, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPut, server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	r.GetBody = nil
	resp, err := transport.RoundTrip(r)
	if got := read(t, resp, err, http.StatusOK); got != "sent" {
		t.Errorf("received %q, want %q", got, "sent")
	}
	for deadline := time.Now().Add(5 * time.Second); body.closed.Load() == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if n := body.closed.Load(); n != 1 {
		t.Errorf("body was closed %d times", n)
	}
	if calls.Load() != 3 {
		t.Errorf("function was called %d times, want 3", calls.Load())
	}
}

func TestTransportBoundsTheSpool(t *testing.T) {
	server := urltest.Start(t, nil)
	transport := furl.NewTransport(server.Config())
	transport.MaxSpool = 10
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	resp, err := client.Post(server.URL, "", pipeLike{strings.NewReader("0123456789")})
	read(t, resp, err, http.StatusOK)
	_, err = client.Post(server.URL, "", pipeLike{strings.NewReader("0123456789a")})
	if !errors.Is(err, furl.ErrBodyTooLarge) {
		t.Errorf("error %v, want ErrBodyTooLarge", err)
	}
}

func TestTransportRefusesABodyThatIsNotAsLongAsItSays(t *testing.T) {
	server := urltest.Start(t, nil)
	transport := furl.NewTransport(server.Config())
	defer transport.CloseIdleConnections()
	for _, body := range []io.Reader{strings.NewReader("four"), pipeLike{strings.NewReader("four")}} {
		r, err := http.NewRequest(http.MethodPost, server.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = 5
		if _, err := transport.RoundTrip(r); err == nil || !strings.Contains(err.Error(), "ContentLength") {
			t.Errorf("error %v does not name ContentLength", err)
		}
	}
}

func TestTransportLeavesTheRequestAsItWas(t *testing.T) {
	server := urltest.Start(t, nil)
	transport := furl.NewTransport(server.Config())
	defer transport.CloseIdleConnections()
	r, err := http.NewRequest(http.MethodGet, server.URL+"/a|b", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Own", "1")
	url := *r.URL
	resp, err := transport.RoundTrip(r)
	read(t, resp, err, http.StatusOK)
	if diff := cmp.Diff(http.Header{"X-Own": {"1"}}, r.Header); diff != "" {
		t.Errorf("headers (-before +after)\n%s", diff)
	}
	if diff := cmp.Diff(url, *r.URL); diff != "" {
		t.Errorf("URL (-before +after)\n%s", diff)
	}
	if resp.Request != r {
		t.Error("the response is of another request")
	}
}

func TestTransportStreamsTheResponse(t *testing.T) {
	next := make(chan struct{})
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, part := range []string{"one", "two"} {
			io.WriteString(w, part)
			w.(http.Flusher).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	}))
	transport := furl.NewTransport(server.Config())
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, want := range []string{"one", "two"} {
		part := make([]byte, 3)
		if _, err := io.ReadFull(resp.Body, part); err != nil || string(part) != want {
			t.Fatalf("read %q, %v; want %q while the function still runs", part, err, want)
		}
		next <- struct{}{}
	}
}

func TestTransportSignsOnlyForFunctionURLs(t *testing.T) {
	server := urltest.Start(t, nil)
	address := strings.TrimPrefix(strings.TrimSuffix(server.Path, "/_furl/url/"+urltest.ID), "http://")
	for _, test := range []struct {
		name    string
		url     string
		region  string
		domains map[string]string
		err     string
	}{
		{name: "host", url: server.URL},
		{name: "path", url: server.Path, region: urltest.Region},
		{name: "path without region", url: server.Path, err: "AWS_REGION"},
		{name: "custom domain", url: "http://" + address, domains: map[string]string{address: urltest.Region}},
		{name: "custom domain, configured region", url: "http://" + address, region: urltest.Region,
			domains: map[string]string{address: ""}},
		{name: "other host", url: "http://" + address, region: urltest.Region, err: "not known to be a function URL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			transport := &furl.Transport{Credentials: server.Credentials(), Region: test.region, Domains: test.domains}
			defer transport.CloseIdleConnections()
			resp, err := (&http.Client{Transport: transport}).Get(test.url)
			if test.err == "" {
				read(t, resp, err, http.StatusOK)
			} else if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v does not say %q", err, test.err)
			}
		})
	}
}

func TestTransportLeavesChangeableHeadersUnsigned(t *testing.T) {
	server := urltest.Start(t, nil)
	transport := furl.NewTransport(server.Config())
	defer transport.CloseIdleConnections()
	var signed string
	transport.OnSign = func(_ *http.Request, s sigv4.Signed) { signed = s.SignedHeaders }
	r, err := http.NewRequest(http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Own", "Accept-Encoding", "Via", "X-Forwarded-For", "Referer", "Authorization"} {
		r.Header.Set(name, "1")
	}
	resp, err := transport.RoundTrip(r)
	read(t, resp, err, http.StatusOK)
	if want := "host;x-amz-date;x-amz-security-token;x-own"; signed != want {
		t.Errorf("signed %s, want %s", signed, want)
	}
}

func TestTransportSignsRedirectsOnTheSameHostOnly(t *testing.T) {
	var authorization atomic.Value
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization.Store(r.Header.Get("Authorization") + r.Header.Get("X-Amz-Security-Token"))
		io.WriteString(w, "elsewhere")
	}))
	defer elsewhere.Close()
	var there string
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/same":
			http.Redirect(w, r, "/end?a|b", http.StatusTemporaryRedirect)
		case "/away":
			http.Redirect(w, r, there, http.StatusFound)
		default:
			io.Copy(w, r.Body)
		}
	}))
	transport := furl.NewTransport(server.Config())
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}

	resp, err := client.Post(server.URL+"/same", "text/plain", strings.NewReader("sent twice"))
	if got := read(t, resp, err, http.StatusOK); got != "sent twice" {
		t.Errorf("received %q", got)
	}
	there = elsewhere.URL
	resp, err = client.Get(server.URL + "/away")
	if got := read(t, resp, err, http.StatusOK); got != "elsewhere" || authorization.Load() != "" {
		t.Errorf("received %q, signed with %q; want it unsigned", got, authorization.Load())
	}
	// Another function URL is another host, although a direct request to it would be signed.
	other := urltest.Start(t, nil)
	there = strings.Replace(other.URL, "abc", "xyz", 1)
	resp, err = client.Get(server.URL + "/away")
	if got := read(t, resp, err, http.StatusForbidden); got != `{"Message":"Forbidden"}` {
		t.Errorf("answered %q, want the refusal of an unsigned request", got)
	}
}

func TestTransportSetsItsClockByTheRefusal(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour, 400 * 24 * time.Hour} {
		server := urltest.Start(t, nil)
		server.Now = func() time.Time { return time.Now().Add(off) }
		transport := furl.NewTransport(server.Config())
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		for i := range 2 {
			resp, err := client.Post(server.URL, "text/plain", pipeLike{strings.NewReader("again")})
			if got := read(t, resp, err, http.StatusOK); got != "again" {
				t.Errorf("received %q", got)
			}
			if got, want := len(server.Lines()), i+2; got != want {
				t.Errorf("offset %s, request %d: server has seen %d requests, want %d", off, i+1, got, want)
			}
		}
	}
}

func TestTransportSetsItsClockOncePerRequest(t *testing.T) {
	server := urltest.Start(t, nil)
	server.Now = func() time.Time { return time.Now().Add(time.Duration(len(server.Lines())) * time.Hour) }
	transport := furl.NewTransport(server.Config())
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(server.URL)
	if got := read(t, resp, err, http.StatusForbidden); !strings.Contains(got, "Signature expired") ||
		len(server.Lines()) != 2 {
		t.Errorf("%d requests, then %q", len(server.Lines()), got)
	}
}

func TestTransportRenewsExpiredCredentials(t *testing.T) {
	server := urltest.Start(t, nil)
	var asked atomic.Int32
	server.Refuse = func(*http.Request) (string, string) {
		if asked.Load() == 1 {
			return "ExpiredTokenException", `{"message":"The security token included in the request is expired"}`
		}
		return "", ""
	}
	transport := furl.NewTransport(aws.Config{Credentials: aws.CredentialsProviderFunc(
		func(ctx context.Context) (aws.Credentials, error) {
			asked.Add(1)
			return server.Credentials().Retrieve(ctx)
		})})
	defer transport.CloseIdleConnections()
	for range 3 {
		resp, err := (&http.Client{Transport: transport}).Post(server.URL, "", strings.NewReader("x"))
		read(t, resp, err, http.StatusOK)
	}
	if asked.Load() != 2 {
		t.Errorf("credentials were asked for %d times, want 2", asked.Load())
	}
}

func TestTransportWithoutCredentials(t *testing.T) {
	server := urltest.Start(t, nil)
	for name, config := range map[string]aws.Config{
		"none": {},
		"empty": {Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, nil
		})},
		"failed": {Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, io.ErrNoProgress
		})},
	} {
		body := &notified{ReadSeeker: strings.NewReader("x")}
		r, err := http.NewRequest(http.MethodPost, server.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = furl.NewTransport(config).RoundTrip(r); !errors.Is(err, furl.ErrCredentials) {
			t.Errorf("%s: error %v, want ErrCredentials", name, err)
		}
		if body.closed.Load() != 1 {
			t.Errorf("%s: body was closed %d times", name, body.closed.Load())
		}
	}
}

func TestSignForOthersToSend(t *testing.T) {
	server := urltest.Start(t, nil)
	transport := furl.NewTransport(server.Config())
	r, err := http.NewRequest(http.MethodPost, server.URL+"/x?b=1&a", pipeLike{strings.NewReader("body")})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := transport.Sign(r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(r.Header.Get("Authorization"), signed.Signature) {
		t.Errorf("Authorization %q has not the signature %s", r.Header.Get("Authorization"), signed.Signature)
	}
	resp, err := furl.NewBase().RoundTrip(r)
	if got := read(t, resp, err, http.StatusOK); got != "body" {
		t.Errorf("received %q", got)
	}
}

func TestPresign(t *testing.T) {
	server := urltest.Start(t, nil)
	plain := &http.Client{Transport: furl.NewBase()}
	for _, target := range []string{"", "/", "/?", "/a//b?x=1", "/?a&b=+", "/a%20b"} {
		link, err := furl.Presign(t.Context(), server.Config(), server.URL+target, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(link, server.URL+target) {
			t.Errorf("%q does not begin with %s", link, server.URL+target)
		}
		resp, err := plain.Get(link)
		read(t, resp, err, http.StatusOK)
		server.Now = func() time.Time { return time.Now().Add(61 * time.Second) }
		resp, err = plain.Get(link)
		read(t, resp, err, http.StatusForbidden)
		server.Now = time.Now
	}
	// These links are valid, but net/http would change them.
	for _, target := range urltest.Targets() {
		link, err := furl.Presign(t.Context(), server.Config(), server.URL+target, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(link, server.URL+target) {
			t.Errorf("%q does not begin with %s", link, server.URL+target)
		}
		resp, err := (&furl.Transport{Base: plain.Transport, Domains: nil}).SendUnsigned(t, link)
		read(t, resp, err, http.StatusOK)
	}
	for raw, want := range map[string]string{"nonsense": "https://", "https://example.com/": "not known"} {
		if _, err := furl.Presign(t.Context(), server.Config(), raw, time.Minute); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not say %q", raw, err, want)
		}
	}
}

func TestPresignWithABody(t *testing.T) {
	server := urltest.Start(t, nil)
	transport := furl.NewTransport(server.Config())
	r, err := http.NewRequest(http.MethodPost, server.URL+"/x", strings.NewReader("this body"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := transport.Presign(r, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	plain := &http.Client{Transport: furl.NewBase()}
	for body, status := range map[string]int{"this body": http.StatusOK, "another": http.StatusForbidden} {
		resp, err := plain.Post(signed.URL, "", bytes.NewReader([]byte(body)))
		read(t, resp, err, status)
	}
}

func TestPresignOptions(t *testing.T) {
	server := urltest.Start(t, nil)
	plain := &http.Client{Transport: furl.NewBase()}
	front := "http://www.localhost" + server.URL[strings.LastIndex(server.URL, ":"):]
	link := func(url string, set func(*furl.PresignOptions)) string {
		t.Helper()
		link, err := furl.Presign(t.Context(), server.Config(), url+"/x", time.Minute, set)
		if err != nil {
			t.Fatal(err)
		}
		return link
	}
	call := func(method, link, header, body string, status int) {
		t.Helper()
		r, err := http.NewRequest(method, link, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Order", header)
		resp, err := plain.Do(r)
		read(t, resp, err, status)
	}
	deleting := link(server.URL, func(o *furl.PresignOptions) {
		o.Method, o.Header, o.Body = http.MethodDelete, http.Header{"X-Order": {"7"}}, strings.NewReader("why")
	})
	call(http.MethodDelete, deleting, "7", "why", http.StatusOK)
	call(http.MethodGet, deleting, "7", "why", http.StatusForbidden)
	call(http.MethodDelete, deleting, "8", "why", http.StatusForbidden)
	call(http.MethodDelete, deleting, "7", "not", http.StatusForbidden)

	withHeader := link(server.URL, func(o *furl.PresignOptions) { o.Header.Set("X-Order", "9") })
	call(http.MethodGet, withHeader, "9", "", http.StatusOK)
	call(http.MethodGet, withHeader, "8", "", http.StatusForbidden)

	// The link names who stands in front, and is signed for who stands behind.
	inFront := link(front, func(o *furl.PresignOptions) {
		o.Transport.SignHosts = map[string]string{strings.TrimPrefix(front, "http://"): "abc.lambda-url." + urltest.Region + ".on.aws"}
	})
	if !strings.HasPrefix(inFront, front+"/x?") {
		t.Errorf("the link is %s", inFront)
	}
	r, err := http.NewRequest(http.MethodGet, inFront, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "abc.lambda-url." + urltest.Region + ".on.aws"
	resp, err := plain.Do(r)
	read(t, resp, err, http.StatusOK)
	resp, err = plain.Get(inFront)
	read(t, resp, err, http.StatusForbidden)
}

// A log of signatures and repetitions names the request and holds nothing that opens a door.
func TestLogger(t *testing.T) {
	server := urltest.Start(t, nil)
	server.Now = func() time.Time { return time.Now().Add(7 * time.Hour) }
	log := func(level slog.Level) []map[string]any {
		var text bytes.Buffer
		transport := furl.NewTransport(server.Config())
		transport.Logger = slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: level}))
		resp, err := (&http.Client{Transport: transport}).Post(server.URL+"/a%20b?password=hush", "text/plain", strings.NewReader("hi"))
		read(t, resp, err, http.StatusOK)
		if _, err := furl.Presign(t.Context(), server.Config(), server.URL, time.Minute,
			func(o *furl.PresignOptions) { o.Transport = transport }); err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"hush", urltest.Secret, urltest.Token} {
			if strings.Contains(text.String(), secret) {
				t.Errorf("the log has %q:\n%s", secret, &text)
			}
		}
		var records []map[string]any
		for line := range strings.Lines(text.String()) {
			var record map[string]any
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Fatal(err)
			}
			records = append(records, record)
		}
		return records
	}
	records := log(slog.LevelDebug)
	if len(records) != 4 {
		t.Fatalf("%d records, not two for signing, one for repeating and one for the link: %v", len(records), records)
	}
	for i, want := range []string{"signed", "repeated", "signed", "signed"} {
		if records[i]["msg"] != want {
			t.Errorf("record %d is %v", i, records[i])
		}
	}
	for key, want := range map[string]string{
		"method": "POST", "path": "/a%20b", "region": urltest.Region, "service": "lambda", "access_key_id": urltest.AccessKeyID,
		"signed_headers": "content-type;host;x-amz-date;x-amz-security-token",
		"payload_sha256": "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4",
	} {
		if records[0][key] != want {
			t.Errorf("%s is %v, not %s", key, records[0][key], want)
		}
	}
	if reason, _ := records[1]["reason"].(string); !strings.Contains(reason, " ahead of ") {
		t.Errorf("the reason is %q", reason)
	}
	if records := log(slog.LevelInfo); len(records) != 1 || records[0]["msg"] != "repeated" {
		t.Errorf("at level info: %v", records)
	}
}
