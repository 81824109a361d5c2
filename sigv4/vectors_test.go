package sigv4_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// The credentials and the moment of all published vectors.
const (
	suiteKey    = "AKIDEXAMPLE"
	suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

var suiteTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

// suiteDir returns a directory of published vectors, which live beside the repository.
func suiteDir(t *testing.T, dir string) string {
	t.Helper()
	dir = filepath.Join("..", "..", "shared", "sigv4-suite", filepath.FromSlash(dir))
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("FURL_STRICT") == "1" {
			t.Fatalf("published vectors are required: %v", err)
		}
		t.Skipf("published vectors are not here: %v", err)
	}
	return dir
}

func readText(t *testing.T, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// message is a request as the vectors write it: raw target, headers with folded lines, body.
type message struct {
	method, target string
	headers        [][2]string
	body           string
}

func parseMessage(t *testing.T, text string) message {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	var m message
	m.body = body
	sc := bufio.NewScanner(strings.NewReader(head))
	sc.Scan()
	line := sc.Text()
	line = strings.TrimSuffix(line, " HTTP/1.1")
	m.method, m.target, _ = strings.Cut(line, " ")
	for sc.Scan() {
		line := sc.Text()
		if line == "" {
			continue
		}
		if line[0] == ' ' && len(m.headers) > 0 { // a folded line, as net/http joins it
			m.headers[len(m.headers)-1][1] += " " + strings.TrimLeft(line, " ")
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("header line %q", line)
		}
		m.headers = append(m.headers, [2]string{name, value})
	}
	return m
}

// header returns the headers without host, and the host.
func (m message) header() (h http.Header, host string) {
	h = make(http.Header)
	for _, kv := range m.headers {
		if strings.EqualFold(kv[0], "host") {
			host = kv[1]
			continue
		}
		h.Add(kv[0], kv[1])
	}
	return h, host
}

// received is the request as a server gets it.
func (m message) received() *http.Request {
	h, host := m.header()
	r := &http.Request{
		Method: m.method, RequestURI: m.target, Host: host, Header: h, ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(m.body)), URL: &url.URL{},
		Body: http.NoBody,
	}
	if m.body != "" {
		r.Body = readCloser{bytes.NewReader([]byte(m.body))}
	}
	return r
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// sending is the request as a client has it before signing.
func (m message) sending() *http.Request {
	h, host := m.header()
	path, query, hasQuery := strings.Cut(m.target, "?")
	u := &url.URL{Scheme: "https", Host: host, Opaque: path, RawQuery: query, ForceQuery: hasQuery}
	if strings.HasPrefix(path, "//") { // which would be an authority in an opaque URL
		u.Opaque, u.Path = "", path
	}
	return &http.Request{Method: m.method, Host: host, Header: h, ContentLength: int64(len(m.body)), URL: u}
}

func suiteSigner() *sigv4.Signer {
	return &sigv4.Signer{Region: "us-east-1", Service: "service", Now: func() time.Time { return suiteTime },
		KeepTexts: true}
}

func suiteVerifier(token string) *sigv4.Verifier {
	return &sigv4.Verifier{
		Region: "us-east-1", Service: "service", Now: func() time.Time { return suiteTime },
		Lookup: func(_ context.Context, id string) (sigv4.Key, error) {
			if id != suiteKey {
				return sigv4.Key{}, sigv4.ErrUnknownKey
			}
			return sigv4.Key{Credentials: sigv4.Credentials{
				AccessKeyID: id, Secret: sigv4.NewSecret(suiteSecret), SessionToken: token,
			}}, nil
		},
	}
}

type suiteContext struct {
	Credentials struct{ Token string }
	Normalize   bool
	SignBody    bool `json:"sign_body"`
	OmitToken   bool `json:"omit_session_token"`
	Expires     int  `json:"expiration_in_seconds"`
}

// TestCommonRuntimeVectors runs the 38 cases of awslabs/aws-c-auth in both forms: what we sign, and that what they
// signed verifies.
func TestCommonRuntimeVectors(t *testing.T) {
	root := suiteDir(t, "aws-c-auth/tests/aws-signing-test-suite/v4")
	cases, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != 38 {
		t.Errorf("%d cases, want 38", len(cases))
	}
	for _, dir := range cases {
		for _, form := range []string{"header", "query"} {
			t.Run(dir.Name()+"/"+form, func(t *testing.T) { runVector(t, filepath.Join(root, dir.Name()), form) })
		}
	}
}

func runVector(t *testing.T, dir, form string) {
	var sc suiteContext
	if err := json.Unmarshal([]byte(readText(t, dir, "context.json")), &sc); err != nil {
		t.Fatal(err)
	}
	want := sigv4.Signed{
		CanonicalRequest: readText(t, dir, form+"-canonical-request.txt"),
		StringToSign:     readText(t, dir, form+"-string-to-sign.txt"),
		Signature:        readText(t, dir, form+"-signature.txt"),
	}
	signed := parseMessage(t, readText(t, dir, form+"-signed-request.txt"))

	t.Run("verify", func(t *testing.T) { verifyVector(t, sc, form, signed, want) })
	t.Run("sign", func(t *testing.T) {
		signVector(t, sc, form, parseMessage(t, readText(t, dir, "request.txt")), signed, want)
	})
}

func signVector(t *testing.T, sc suiteContext, form string, m, signed message, want sigv4.Signed) {
	canonicalPath := strings.Split(want.CanonicalRequest, "\n")[1]
	path, _, _ := strings.Cut(m.target, "?")
	if !sc.Normalize {
		// The S3 dialect, which this package does not sign. Only its path differs, so that is what is compared.
		if diff := cmp.Diff(canonicalPath, canonicalForm(path, canonical.AsSent)); diff != "" {
			t.Errorf("canonical path (-want +got):\n%s", diff)
		}
		return
	}
	if strings.Contains(m.target, " ") {
		// No HTTP message can have this target, and Sign refuses it.
		if diff := cmp.Diff(canonicalPath, canonicalForm(path, canonical.Normal)); diff != "" {
			t.Errorf("canonical path (-want +got):\n%s", diff)
		}
		if _, err := suiteSigner().Sign(m.sending(), sigv4.Credentials{AccessKeyID: suiteKey,
			Secret: sigv4.NewSecret(suiteSecret)}, sigv4.EmptyPayload()); err == nil {
			t.Error("Sign accepts a space in the target")
		}
		return
	}

	s := suiteSigner()
	s.ContentSHA256 = sc.SignBody
	s.TokenAfterSigning = sc.OmitToken
	c := sigv4.Credentials{AccessKeyID: suiteKey, Secret: sigv4.NewSecret(suiteSecret), SessionToken: sc.Credentials.Token}
	r := m.sending()
	var got sigv4.Signed
	var err error
	if form == "header" {
		got, err = s.Sign(r, c, sigv4.PayloadBytes([]byte(m.body)))
	} else {
		got, err = s.Presign(r, c, time.Duration(sc.Expires)*time.Second, sigv4.PayloadBytes([]byte(m.body)))
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.CanonicalRequest, got.CanonicalRequest); diff != "" {
		t.Errorf("canonical request (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.StringToSign, got.StringToSign); diff != "" {
		t.Errorf("string to sign (-want +got):\n%s", diff)
	}
	if got.Signature != want.Signature {
		t.Errorf("signature %s, want %s", got.Signature, want.Signature)
	}
	wantHeader, host := signed.header()
	if form == "header" {
		if diff := cmp.Diff(wantHeader, r.Header); diff != "" {
			t.Errorf("headers (-want +got):\n%s", diff)
		}
	} else if wantURL := "https://" + host + signed.target; got.URL != wantURL {
		t.Errorf("URL\n%s, want\n%s", got.URL, wantURL)
	}
}

func verifyVector(t *testing.T, sc suiteContext, form string, m message, want sigv4.Signed) {
	got, err := suiteVerifier(sc.Credentials.Token).Verify(m.received())
	if sc.OmitToken && form == "query" {
		// A token appended to a presigned URL after signing: AWS IoT only, so it is refused.
		e := wantKind(t, err, sigv4.InvalidSignature)
		if e.CanonicalRequest == want.CanonicalRequest {
			t.Error("the token is not in the canonical request")
		}
		return
	}
	if err != nil {
		e := err.(*sigv4.Error)
		t.Fatalf("%v\ncanonical request (-want +got):\n%s", err, cmp.Diff(want.CanonicalRequest, e.CanonicalRequest))
	}
	if got.AccessKeyID != suiteKey || !got.Time.Equal(suiteTime) || string(got.Body) != m.body {
		t.Errorf("verified %+v", got)
	}
	var kinds []sigv4.WarningKind
	for _, w := range got.Warnings {
		kinds = append(kinds, w.Kind)
	}
	var wantWarnings []sigv4.WarningKind
	path, _, _ := strings.Cut(m.target, "?")
	if !sc.Normalize && canonicalForm(path, canonical.AsSent) != canonicalForm(path, canonical.Normal) {
		wantWarnings = append(wantWarnings, sigv4.WarnPathAsSent)
	} else if strings.HasSuffix(path, "/..") {
		wantWarnings = append(wantWarnings, sigv4.WarnTrailingDots)
	}
	if sc.OmitToken {
		wantWarnings = append(wantWarnings, sigv4.WarnUnsignedToken)
	}
	if diff := cmp.Diff(wantWarnings, kinds); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// wantKind fails the test unless err is an *Error of that kind.
func wantKind(t *testing.T, err error, kind sigv4.Kind) *sigv4.Error {
	t.Helper()
	e, ok := err.(*sigv4.Error)
	if !ok {
		t.Fatalf("error %v, want %v", err, kind)
	}
	if e.Kind != kind {
		t.Fatalf("error %v, want %v", err, kind)
	}
	return e
}

// TestBotocoreVectors runs the 34 cases of the edition in boto/botocore, which has the header form only.
func TestBotocoreVectors(t *testing.T) {
	root := suiteDir(t, "botocore/tests/unit/auth/aws4_testsuite")
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".req" {
			return err
		}
		n++
		name := strings.TrimSuffix(path, ".req")
		t.Run(filepath.Base(name), func(t *testing.T) { runBotocore(t, name) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n != 34 {
		t.Errorf("%d cases, want 34", n)
	}
}

func runBotocore(t *testing.T, name string) {
	m := parseMessage(t, readText(t, name+".req"))
	signed := parseMessage(t, readText(t, name+".sreq"))
	canonical := readText(t, name+".creq")
	h, _ := signed.header()
	token := h.Get("X-Amz-Security-Token")

	authz := readText(t, name+".authz")
	r := signed.received()
	if written := strings.TrimSpace(r.Header.Get("Authorization")); written != authz {
		// The .sreq of get-vanilla-with-session-token has the signature of another case.
		if filepath.Base(name) != "get-vanilla-with-session-token" {
			t.Errorf("Authorization %s, want %s", written, authz)
		}
		_, err := suiteVerifier(token).Verify(r)
		wantKind(t, err, sigv4.InvalidSignature)
		r.Header.Set("Authorization", authz)
	}
	if _, err := suiteVerifier(token).Verify(r); err != nil {
		t.Errorf("verify: %v\ncanonical request (-want +got):\n%s", err,
			cmp.Diff(canonical, err.(*sigv4.Error).CanonicalRequest))
	}
	if strings.Contains(m.target, " ") {
		return // see signVector
	}
	s := suiteSigner()
	// post-sts-header-after is the case whose token is added after signing.
	s.TokenAfterSigning = token != "" && !strings.Contains(canonical, token)
	got, err := s.Sign(m.sending(), sigv4.Credentials{AccessKeyID: suiteKey, Secret: sigv4.NewSecret(suiteSecret),
		SessionToken: token}, sigv4.PayloadBytes([]byte(m.body)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(canonical, got.CanonicalRequest); diff != "" {
		t.Errorf("canonical request (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(readText(t, name+".sts"), got.StringToSign); diff != "" {
		t.Errorf("string to sign (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(authz, got.Signature) {
		t.Errorf("signature %s, want %s", got.Signature, authz)
	}
}
