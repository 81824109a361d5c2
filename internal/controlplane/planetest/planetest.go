// Package planetest runs a control plane for tests: the real one, with its signatures and policies, over a store in
// memory, on a clock that the test sets.
//
//	server := planetest.New(t, iamapi.New(…), stsapi.New(…))
//	answer := server.Query(t, server.Root(planetest.Account), "iam", url.Values{"Action": {"ListUsers"}, …})
//
// It has no way around authentication: unsigned and wrongly signed requests are refused here as they are anywhere.
package planetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/store"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/sigv4"
)

// The accounts that a server has.
const (
	Account = "123456789012"
	Other   = "210987654321"
)

// Region is what requests are signed for.
const Region = "us-east-1"

// Start is the time that the clock of a server begins with.
var Start = time.Date(2026, 11, 23, 15, 26, 50, 0, time.UTC)

// Server is a running control plane.
type Server struct {
	URL   string
	State *state.State
	Log   *bytes.Buffer // what was logged; read it when no request is under way

	traces trace.Recorder
	ahead  atomic.Int64 // of the start, in nanoseconds
	roots  map[string]sigv4.Credentials
}

// New starts a control plane with the APIs, which ends with the test.
func New(t testing.TB, apis ...controlplane.API) *Server {
	t.Helper()
	db, err := store.Open(context.Background(), store.Memory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	world, err := state.Load(context.Background(), db)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{State: world, Log: &bytes.Buffer{}, roots: map[string]sigv4.Credentials{}}
	for _, account := range []string{Account, Other} {
		s.addAccount(t, account)
	}
	messages, err := controlplane.NewMessages(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plane := &controlplane.Plane{
		Messages: messages,
		Gate:     &auth.Gate{State: world, Now: s.Now}, State: world, Traces: &s.traces,
		Log: slog.New(slog.NewTextHandler(s.Log, nil)), Now: s.Now, APIs: apis,
	}
	server := httptest.NewServer(plane)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// addAccount adds an account whose root key can be told from a test's output.
func (s *Server) addAccount(t testing.TB, account string) {
	key := iam.AccessKey{ID: "AKIAROOT" + account, Secret: "root-secret-of-" + account, Created: Start}
	s.roots[account] = credentials(key.ID, key.Secret, "")
	err := s.State.Update(context.Background(), func(tx *state.Tx) error {
		tx.SetAccount(&iam.Account{ID: account, RootKey: key})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Now is the server's time.
func (s *Server) Now() time.Time { return Start.Add(time.Duration(s.ahead.Load())) }

// Advance sets the clock forward.
func (s *Server) Advance(by time.Duration) { s.ahead.Add(int64(by)) }

// SetTrueTime sets the clock to the machine's, for clients that have no other.
func (s *Server) SetTrueTime() { s.ahead.Store(int64(time.Since(Start))) }

// Reason is why the latest request that was refused was refused, as furl explain tells it.
func (s *Server) Reason() string {
	report := s.Refused()
	if report.RequestID == "" {
		return ""
	}
	return strings.Join(append([]string{report.Reason()}, report.Fix...), "; ")
}

// Refused is the trace of the latest request that was refused; the zero Report if there is none.
func (s *Server) Refused() trace.Report {
	for _, kept := range s.traces.Latest(trace.Kept) {
		if kept.Status >= 400 {
			return kept.Report()
		}
	}
	return trace.Report{}
}

// Traces are the traces that are kept, the latest first.
func (s *Server) Traces() []trace.Report {
	var reports []trace.Report
	for _, kept := range s.traces.Latest(trace.Kept) {
		reports = append(reports, kept.Report())
	}
	return reports
}

// Root is the key of an account's root user.
func (s *Server) Root(account string) sigv4.Credentials { return s.roots[account] }

func credentials(id, secret, token string) sigv4.Credentials {
	return sigv4.Credentials{AccessKeyID: id, Secret: sigv4.NewSecret(secret), SessionToken: token}
}

// Answer is a response that was read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Query sends a signed form by POST.
func (s *Server) Query(t testing.TB, who sigv4.Credentials, service string, form url.Values) Answer {
	t.Helper()
	body := form.Encode()
	r := s.Request(t, http.MethodPost, "/", body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return s.Send(t, r, body, who, service)
}

// Request makes a request to the server, for a test to change before it is sent.
func (s *Server) Request(t testing.TB, method, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, s.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Send signs the request for the service and sends it. Without credentials it goes unsigned.
func (s *Server) Send(t testing.TB, r *http.Request, body string, who sigv4.Credentials, service string) Answer {
	t.Helper()
	if who.AccessKeyID != "" {
		signer := &sigv4.Signer{Region: Region, Service: service, Now: s.Now}
		if _, err := signer.Sign(r, who, sigv4.PayloadBytes([]byte(body))); err != nil {
			t.Fatal(err)
		}
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{response.StatusCode, response.Header, string(read)}
}

// CheckRefusals sends a request with each of the members, which are named OPERATION.MEMBER, and one without. The first
// must be refused with the code and by the member's name. samples are the parameters of the operations and members.
func (s *Server) CheckRefusals(t *testing.T, service, code string, members []string, samples map[string]string) {
	t.Helper()
	for _, name := range members {
		operation, member, _ := strings.Cut(name, ".")
		if samples[operation] == "" || samples[member] == "" {
			t.Errorf("%s: there is no sample of the operation or of the member", name)
			continue
		}
		without := "Version=" + versions[service] + "&Action=" + operation + "&" + samples[operation]
		refusal := "furl does not support " + member + ": "
		for query, refused := range map[string]bool{without: false, without + "&" + samples[member]: true} {
			form, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			answer := s.Query(t, s.Root(Account), service, form)
			named := element(answer.Body, "Code") == code && strings.HasPrefix(element(answer.Body, "Message"), refusal)
			if named != refused {
				t.Errorf("%s: %d %s", query, answer.Status, answer.Body)
			}
		}
	}
}

// Credentials are those in an answer of STS or of CreateAccessKey.
func (a Answer) Credentials() sigv4.Credentials {
	return credentials(element(a.Body, "AccessKeyId"), element(a.Body, "SecretAccessKey"), element(a.Body, "SessionToken"))
}
