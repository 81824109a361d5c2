package iam

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"
)

// Prefixes of unique ids and access key ids (IAM User Guide, "IAM identifiers").
const (
	PrefixLongTermKey  = "AKIA"
	PrefixTemporaryKey = "ASIA"
	PrefixRole         = "AROA"
	PrefixUser         = "AIDA"
	PrefixGroup        = "AGPA"
	PrefixPolicy       = "ANPA"
)

// NewID makes a unique id of 21 characters with the prefix.
func NewID(random io.Reader, prefix string) (string, error) { return randomID(random, prefix, 17) }

// NewAccessKey makes a long-term access key: an id of 20 characters and a secret of 40.
func NewAccessKey(random io.Reader, now time.Time) (AccessKey, error) {
	id, secret, err := newKey(random, PrefixLongTermKey)
	if err != nil {
		return AccessKey{}, err
	}
	return AccessKey{ID: id, Secret: secret, Created: now}, nil
}

// NewSession gives the session its temporary credentials, valid from now for the duration.
func NewSession(random io.Reader, session Session, now time.Time, duration time.Duration) (*Session, error) {
	id, secret, err := newKey(random, PrefixTemporaryKey)
	if err != nil {
		return nil, err
	}
	// AWS's tokens are several hundred opaque characters that begin alike; clients must not assume a length.
	var token [192]byte
	if _, err := io.ReadFull(random, token[:]); err != nil {
		return nil, fmt.Errorf("random session token: %w", err)
	}
	session.AccessKeyID, session.Secret = id, secret
	session.Token = "IQoJb3JpZ2luX2Vj" + base64.StdEncoding.EncodeToString(token[:])
	session.Issued, session.Expires = now, now.Add(duration).Truncate(time.Second)
	return &session, nil
}

func newKey(random io.Reader, prefix string) (id, secret string, err error) {
	id, err = randomID(random, prefix, 16)
	if err != nil {
		return "", "", err
	}
	var b [30]byte // 40 characters of base64
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", "", fmt.Errorf("random secret access key: %w", err)
	}
	return id, base64.StdEncoding.EncodeToString(b[:]), nil
}

func randomID(random io.Reader, prefix string, n int) (string, error) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("random id: %w", err)
	}
	var id strings.Builder
	id.WriteString(prefix)
	for _, x := range b {
		id.WriteByte(alphabet[x%32])
	}
	return id.String(), nil
}
