package oidc_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/oidc"
	"github.com/furl-dev/furl/internal/oidc/oidctest"
)

// moody is an issuer that can fail and that can hold its answers back.
type moody struct {
	*oidctest.Issuer
	asked  atomic.Int32
	broken atomic.Bool
	gate   chan struct{} // closed to let answers out
}

func startMoody(t *testing.T) *moody {
	t.Helper()
	m := &moody{Issuer: oidctest.Start(t), gate: make(chan struct{})}
	m.Issuer.URL = issuerThat(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{m.Key("RS256", nil)}})
			return
		}
		m.asked.Add(1)
		<-m.gate
		if m.broken.Load() {
			http.Error(w, "out of order", http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": "http://" + r.Host, "jwks_uri": "http://" + r.Host + "/keys"})
	})
	return m
}

// Keys stay good for their five minutes, whatever becomes of the issuer in the meantime.
func TestKeysOutliveFailures(t *testing.T) {
	issuer := startMoody(t)
	close(issuer.gate)
	v := &oidc.Verifier{PrivateAddresses: true}
	good := issuer.Sign("RS256", claimsOf(issuer.URL))
	unknown := issuer.SignAs("RS256", "unknown", claimsOf(issuer.URL))
	at := now
	for _, step := range []struct {
		after  time.Duration
		broken bool
		token  string
		want   oidc.Kind
		asked  int32
	}{
		{0, false, good, 0, 1},
		{11 * time.Second, true, unknown, oidc.NoKeys, 2}, // may be new, and nobody can say
		{0, true, good, 0, 2},
		{time.Second, true, unknown, oidc.NoKeys, 2},
		{0, true, good, 0, 2},
		{4 * time.Minute, true, good, 0, 2},
		{0, true, unknown, oidc.NoKeys, 3},
		{47 * time.Second, true, good, 0, 3},           // 4:59
		{time.Second, true, good, oidc.NoKeys, 4},      // 5:00
		{5 * time.Second, false, good, oidc.NoKeys, 4}, // just asked
		{5 * time.Second, false, good, 0, 5},
		{0, false, unknown, oidc.BadSignature, 5},
		{11 * time.Second, false, unknown, oidc.BadSignature, 6},
	} {
		at = at.Add(step.after)
		issuer.broken.Store(step.broken)
		if err := verifyAt(t, v, issuer.URL, step.token, at); kind(err) != step.want || (err == nil) != (step.want == 0) {
			t.Errorf("at %s: got %v, want kind %d", at.Sub(now), err, step.want)
		}
		if got := issuer.asked.Load(); got != step.asked {
			t.Errorf("at %s: the issuer was asked %d times, want %d", at.Sub(now), got, step.asked)
		}
	}
}

// However many tokens with key ids that nobody knows arrive at once, the issuer is asked once.
func TestUnknownKeysAreAskedForOnce(t *testing.T) {
	issuer := startMoody(t)
	v := &oidc.Verifier{PrivateAddresses: true}
	const callers = 50
	open := sync.OnceFunc(func() { close(issuer.gate) })
	crowd := func(at time.Time, asked int32) {
		var group sync.WaitGroup
		for i := range callers {
			token, want := issuer.SignAs("RS256", fmt.Sprint("made-up-", i), claimsOf(issuer.URL)), oidc.BadSignature
			if i%10 == 0 {
				token, want = issuer.Sign("RS256", claimsOf(issuer.URL)), 0
			}
			// Each has the time at which it came.
			group.Go(func() {
				if err := verifyAt(t, v, issuer.URL, token, at.Add(time.Duration(callers-i)*time.Millisecond)); kind(err) != want {
					t.Error(err)
				}
			})
		}
		for issuer.asked.Load() == 0 { // all wait for the one answer
			time.Sleep(time.Millisecond)
		}
		open()
		group.Wait()
		if got := issuer.asked.Load(); got != asked {
			t.Errorf("at %s: the issuer was asked %d times, want %d", at.Sub(now), got, asked)
		}
	}
	crowd(now, 1)
	crowd(now.Add(5*time.Second), 1)
	crowd(now.Add(11*time.Second), 2)
	crowd(now.Add(15*time.Second), 2)
}

// A caller who leaves takes the answer along for nobody: others get it, and the issuer is not asked again.
func TestFetchOutlivesItsCaller(t *testing.T) {
	issuer := startMoody(t)
	v := &oidc.Verifier{PrivateAddresses: true}
	token, err := oidc.Parse(issuer.Sign("RS256", claimsOf(issuer.URL)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { left <- v.Verify(ctx, token, issuer.URL, []string{"my-app"}, now) }()
	for issuer.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	leave()
	if err := <-left; kind(err) != oidc.NoKeys {
		t.Errorf("the caller who left got %v", err)
	}
	close(issuer.gate)
	if err := v.Verify(t.Context(), token, issuer.URL, []string{"my-app"}, now); err != nil {
		t.Error(err)
	}
	if got := issuer.asked.Load(); got != 1 {
		t.Errorf("the issuer was asked %d times", got)
	}
}

// An issuer names keys on its own host, port and scheme only.
func TestKeysAreOnTheIssuersHost(t *testing.T) {
	var strayed atomic.Int32
	signer := oidctest.Start(t)
	elsewhere := issuerThat(t, func(http.ResponseWriter, *http.Request) { strayed.Add(1) })
	for _, address := range []string{
		elsewhere + "/keys", "https://HOST/keys", "http://example.com/keys", "http://localhost:PORT/keys", "http://u:p@HOST/keys",
		"http://HOST@127.0.0.1/keys", "//HOST/keys", "/keys", "file:///etc/passwd", "http://127.0.0.1/keys", "", "http://%zz/",
	} {
		url := issuerThat(t, func(w http.ResponseWriter, r *http.Request) {
			_, port, _ := strings.Cut(r.Host, ":")
			keys := strings.NewReplacer("HOST", r.Host, "PORT", port).Replace(address)
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": "http://" + r.Host, "jwks_uri": keys})
		})
		v := &oidc.Verifier{PrivateAddresses: true}
		err := verify(t, v, url, signer.Sign("RS256", claimsOf(url)))
		if kind(err) != oidc.NoKeys || !strings.Contains(err.Error(), "is not on its own host") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if strayed.Load() != 0 {
		t.Error("another host was asked")
	}
}

// An issuer that answers a byte at a time is given up.
func TestSlowIssuer(t *testing.T) {
	t.Parallel()
	url := issuerThat(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(" ")); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	})
	v := &oidc.Verifier{PrivateAddresses: true}
	if err := verify(t, v, url, oidctest.Start(t).Sign("RS256", claimsOf(url))); kind(err) != oidc.NoKeys {
		t.Error(err)
	}
}

// Something is kept of so many issuers only.
func TestIssuersAreBounded(t *testing.T) {
	v := &oidc.Verifier{} // asks none of these
	issuer := oidctest.Start(t)
	for i := range oidc.MaxIssuers + 50 {
		url := fmt.Sprintf("http://127.0.0.1:%d", i+1)
		_ = verifyAt(t, v, url, issuer.Sign("ES256", claimsOf(url)), now.Add(time.Duration(i)*time.Second))
	}
	if got := v.Issuers(); got != oidc.MaxIssuers {
		t.Errorf("%d issuers are kept, want %d", got, oidc.MaxIssuers)
	}
}
