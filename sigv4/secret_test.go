package sigv4_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/furl-dev/furl/sigv4"
)

// TestSecretsDoNotPrint: whatever prints, logs or marshals a secret, or something that holds one, shows none.
func TestSecretsDoNotPrint(t *testing.T) {
	const secret, token = "wJalr/TOP+secret", "IQoJ/TOP+token"
	c := sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", Secret: sigv4.NewSecret(secret), SessionToken: token}
	k := sigv4.Key{Credentials: c}
	type foreign struct {
		c sigv4.Secret // unexported: fmt does not call its methods
		C sigv4.Credentials
	}
	var out strings.Builder
	for _, v := range []any{c.Secret, &c.Secret, c, &c, k, &k, foreign{c.Secret, c}, &foreign{c.Secret, c},
		[]sigv4.Credentials{c}, map[string]sigv4.Key{"k": k}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
	}
	fmt.Fprintln(&out, c.Secret.String(), c.String(), fmt.Errorf("%w: %v", errors.New("x"), c))
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("x", "secret", c.Secret, "credentials", c, "key", k, "pointer", &c, "group",
			slog.GroupValue(slog.Any("c", c)))
	}
	out.Write(log.Bytes())
	for _, v := range []any{c.Secret, c, k, struct{ S sigv4.Secret }{c.Secret}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	type element struct{ S sigv4.Secret }
	b, err := xml.Marshal(element{c.Secret})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	text := out.String()
	for _, hidden := range []string{secret, token, "wJalr", "TOP", fmt.Sprintf("%x", secret), fmt.Sprintf("%x", token),
		fmt.Sprintf("%d", []byte(secret)[:4])} {
		if i := strings.Index(text, hidden); i >= 0 {
			t.Errorf("%q shows: …%s…", hidden, text[max(0, i-80):min(len(text), i+80)])
		}
	}
	if !strings.Contains(text, "REDACTED") || !strings.Contains(text, "AKIDEXAMPLE (with session token)") {
		t.Errorf("neither marked as redacted nor named:\n%s", text)
	}
	if got := (sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE"}).String(); got != "AKIDEXAMPLE" {
		t.Errorf("long-term credentials print as %q", got)
	}
}

func TestSecret(t *testing.T) {
	if reflect.TypeFor[sigv4.Secret]().Comparable() {
		t.Error("secrets can be compared with ==")
	}
	a := sigv4.NewSecret("0123456789abcdef")
	if a.Reveal() != "0123456789abcdef" || (sigv4.Secret{}).Reveal() != "" {
		t.Error("Reveal")
	}
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"", "", true}, {"", "x", false}, {"x", "x", true}, {"x", "y", false},
		{"0123456789abcdef", "0123456789abcdef", true},
		{"0123456789abcdef", "0123456789abcdeF", false},
		{"0123456789abcdef", "X123456789abcdef", false},
		{"0123456789abcdefxyz", "0123456789abcdefxyZ", false},
		{"0123456789abcdefxyz", "0123456789abcdefxy", false},
	} {
		if got := sigv4.NewSecret(tt.a).Equal(sigv4.NewSecret(tt.b)); got != tt.want {
			t.Errorf("%q equal to %q: %v", tt.a, tt.b, got)
		}
	}
}

// TestConstantTimeEqual: every bit at every place counts, whatever the length.
func TestConstantTimeEqual(t *testing.T) {
	equal := func(a, b string) bool { return sigv4.NewSecret(a).Equal(sigv4.NewSecret(b)) }
	for n := range 100 {
		text := strings.Repeat("A", n)
		if !equal(text, strings.Clone(text)) {
			t.Errorf("%d bytes are not equal to themselves", n)
		}
		if equal(text, text+"A") || equal(text+"A", text) {
			t.Errorf("%d bytes are equal to one more", n)
		}
		for i := range n {
			for bit := range 8 {
				other := []byte(text)
				other[i] ^= 1 << bit
				if equal(text, string(other)) || equal(string(other), text) {
					t.Errorf("bit %d of byte %d of %d does not count", bit, i, n)
				}
			}
			// Two changes that would cancel out in a sum or an exclusive or.
			for j := range i {
				other := []byte(text)
				other[i] ^= 1
				other[j] ^= 1
				if equal(text, string(other)) {
					t.Errorf("bytes %d and %d of %d cancel out", j, i, n)
				}
			}
		}
	}
}

func TestSecretParameter(t *testing.T) {
	for name, want := range map[string]bool{
		"X-Amz-Security-Token": true, "x-amz-signature": true, "WebIdentityToken": true, "X-Amz-Security%2DToken": true,
		"": false, "X-Amz-Date": false, "X-Amz-SecurityToken": false, "X-Amz-Signature%": false, "X-Amz-Signatur%zz": false,
		strings.Replace("X-Amz-Signature", "-", "%25252D", 2): true, "%" + strings.Repeat("25", 32<<10): false,
	} {
		if got := sigv4.SecretParameter(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
