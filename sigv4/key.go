package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"strings"
	"sync"
)

// constantTimeEqual compares in time that depends on the lengths only.
func constantTimeEqual(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	var diff byte
	for i := 0; i < len(a); i++ {
		diff |= a[i] ^ b[i]
	}
	return subtle.ConstantTimeByteEq(diff, 0) == 1
}

// deriveKey is the chain of HMACs from a secret to the key of one day, region and service.
func deriveKey(secret string, scope Scope) (key [sha256.Size]byte) {
	k := []byte("AWS4" + secret)
	for _, s := range []string{scope.Date, scope.Region, scope.Service, terminator} {
		m := hmac.New(sha256.New, k)
		m.Write([]byte(s))
		k = m.Sum(nil)
	}
	copy(key[:], k)
	return key
}

// signingKey is a derived key with the HMAC states made for it, which save half of the work when used again.
type signingKey struct {
	secret string // what it was derived from
	key    [sha256.Size]byte
	macs   sync.Pool
}

func newSigningKey(secret string, scope Scope) *signingKey {
	return &signingKey{secret: secret, key: deriveKey(secret, scope)}
}

// sign appends the HMAC of text to dst, which must have room for it.
func (k *signingKey) sign(dst, text []byte) {
	m, ok := k.macs.Get().(hash.Hash)
	if !ok {
		m = hmac.New(sha256.New, k.key[:])
	}
	m.Write(text)
	m.Sum(dst)
	m.Reset()
	k.macs.Put(m)
}

// maxSigningKeys bounds a keyring. A verifier meets two days per key around midnight and up to eight with presigned
// URLs, a signer one.
const maxSigningKeys = 1024

// keyring caches derived keys. An entry counts only for the very secret it was derived from, so a key that was
// changed, or deleted and made again, never verifies with its old secret.
type keyring struct {
	mu   sync.RWMutex
	keys map[Scope]*signingKey
}

func (r *keyring) get(scope Scope, secret string) *signingKey {
	r.mu.RLock()
	k := r.keys[scope]
	r.mu.RUnlock()
	// Both secrets are the server's own: what the comparison takes tells a client nothing.
	if k != nil && k.secret == secret {
		return k
	}
	k = newSigningKey(secret, scope)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys == nil {
		r.keys = make(map[Scope]*signingKey)
	}
	if len(r.keys) >= maxSigningKeys {
		for old := range r.keys { // any one: a wrong guess costs four HMACs
			delete(r.keys, old)
			break
		}
	}
	// Cloned, because the parts of a verifier's scope are pieces of a request that would be kept alive.
	r.keys[Scope{
		strings.Clone(scope.AccessKeyID), strings.Clone(scope.Date), strings.Clone(scope.Region),
		strings.Clone(scope.Service),
	}] = k
	return k
}
