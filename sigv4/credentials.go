package sigv4

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// redacted stands wherever a secret would be printed.
const redacted = "REDACTED"

// Secret holds a secret access key. It cannot be compared with ==, and prints, logs and marshals as "REDACTED".
// The zero Secret is empty; no signature is made or accepted with it.
type Secret struct {
	_ [0]func() // makes the type incomparable: == would leak timing, and map keys would spread the secret
	// A pointer, because fmt prints unexported fields of foreign structs without asking for their String method.
	text *string
}

// NewSecret returns a Secret that holds s.
func NewSecret(s string) Secret { return Secret{text: &s} }

// Reveal returns the secret in clear. The result must not reach a log, an error or a command line.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Equal reports whether both hold the same text, in time that depends on their lengths only.
func (s Secret) Equal(o Secret) bool { return canonical.Equal(s.Reveal(), o.Reveal()) }

// String returns "REDACTED".
func (Secret) String() string { return redacted }

// Format writes "REDACTED" whatever the verb and flags.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "REDACTED" for log/slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "REDACTED", which also covers JSON and XML: a Secret is never written by accident.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Credentials are what a client signs with. SessionToken is set for temporary credentials only.
// They print as their access key id.
type Credentials struct {
	AccessKeyID  string
	Secret       Secret
	SessionToken string `json:"-"`
}

// String returns the access key id and whether there is a session token, never the token.
func (c Credentials) String() string {
	if c.SessionToken != "" {
		return c.AccessKeyID + " (with session token)"
	}
	return c.AccessKeyID
}

// Format writes [Credentials.String] whatever the verb and flags.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue returns [Credentials.String] for log/slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// SecretParameter reports whether the value of the query parameter of that name, as it stands in a URL, lets its
// reader act as the caller: a session token; a signature, which makes a presigned URL good until it expires; a web
// identity token, which STS takes for credentials. Spelling and escapes of the name do not matter, since a client that
// signs wrongly may write names wrongly too.
func SecretParameter(name string) bool {
	const often = 3 // a name may be escaped
	if len(name) > (1+2*often)*len(canonical.ParamToken) {
		return false // even with all of its characters escaped so often
	}
	for range often {
		name = canonical.Unescape(name)
	}
	return strings.EqualFold(name, canonical.ParamToken) || strings.EqualFold(name, canonical.ParamSignature) ||
		strings.EqualFold(name, paramWebIdentity)
}

// paramWebIdentity is a parameter of STS's AssumeRoleWithWebIdentity.
const paramWebIdentity = "WebIdentityToken"
