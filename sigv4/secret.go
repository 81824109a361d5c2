package sigv4

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted stands wherever a secret would be printed.
const redacted = "REDACTED"

// Secret holds a secret access key. It can not be compared with ==, and prints, logs and marshals as "REDACTED".
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
func (s Secret) Equal(o Secret) bool { return constantTimeEqual(s.Reveal(), o.Reveal()) }

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
