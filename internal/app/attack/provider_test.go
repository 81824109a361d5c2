//go:build unix

package attack_test

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// tokenOf is a token of an issuer that nobody has signed.
func tokenOf(t *testing.T, issuer string) string {
	t.Helper()
	claims, err := json.Marshal(map[string]any{"iss": issuer, "sub": "s", "aud": "app",
		"exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","kid":"k"}`)) + "." + encode(claims) + "." + encode(make([]byte, 256))
}

// Who may create identity providers does not have the server connect to what only this machine reaches, neither by its
// address nor by a name that leads there; and the server says why, and how it would.
func TestIdentityProviders(t *testing.T) {
	w := newWorld(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var connections atomic.Int32
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			connections.Add(1)
			connection.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	for _, host := range []string{
		"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "[::]", "127.1.2.3",
		"169.254.169.254",
	} {
		issuer := "https://" + host + ":" + port
		w.alice.iam(t, "CreateOpenIDConnectProvider", "Url", issuer, "ClientIDList.member.1", "app")
		refused := w.unsigned.send(t, w.action("sts", "AssumeRoleWithWebIdentity",
			"RoleArn", callerRole(accountA), "RoleSessionName", "session", "WebIdentityToken", tokenOf(t, issuer)))
		if refused.status != 400 ||
			!strings.Contains(refused.body, "Couldn't retrieve verification key from your identity provider") {
			t.Errorf("%s: %v", host, refused)
		}
		if why := w.page(t, "/_furl/requests/"+refused.id()); !strings.Contains(why, "is not a public address") ||
			!strings.Contains(why, "furl serve --oidc-private-addresses") {
			t.Errorf("%s: %s", host, why)
		}
	}
	plain := w.alice.query(t, "iam", "CreateOpenIDConnectProvider", "Url", "http://127.0.0.1:"+port,
		"ClientIDList.member.1", "app")
	if plain.status != 400 || !strings.Contains(plain.body, "Invalid Open ID Connect Provider URL") {
		t.Errorf("http: %v", plain)
	}
	if why := w.page(t, "/_furl/requests/"+plain.id()); !strings.Contains(why, "furl serve --oidc-private-addresses") {
		t.Errorf("http: %s", why)
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}
