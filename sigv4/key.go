package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"strings"
	"sync"
)

// constantTimeEqual compares in time that depends on the lengths only. crypto/subtle does the same byte by byte,
// which takes longer than the hash of a session token.
func constantTimeEqual[T string | []byte](a, b T) bool {
	if len(a) != len(b) {
		return false
	}
	var diff uint64
	for ; len(a) >= 32 && len(b) >= 32; a, b = a[32:], b[32:] {
		diff |= (word(a) ^ word(b)) | (word(a[8:]) ^ word(b[8:])) | (word(a[16:]) ^ word(b[16:])) | (word(a[24:]) ^ word(b[24:]))
	}
	for ; len(a) >= 8 && len(b) >= 8; a, b = a[8:], b[8:] {
		diff |= word(a) ^ word(b)
	}
	for i := 0; i < len(a) && i < len(b); i++ {
		diff |= uint64(a[i] ^ b[i])
	}
	return diff == 0
}

// word is the first eight bytes of s: one load.
func word[T string | []byte](s T) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// deriveKey is the chain of HMACs from a secret to the key of one day, region and service.
func deriveKey(secret string, scope Scope) []byte {
	return keyChain([]byte("AWS4"+secret), scope, func(k []byte) []byte { return k })
}

func keyChain(k []byte, scope Scope, link func([]byte) []byte) []byte {
	for _, s := range []string{scope.Date, scope.Region, scope.Service, terminator} {
		m := hmac.New(sha256.New, k)
		m.Write([]byte(s))
		k = link(m.Sum(nil))
	}
	return k
}

// signingKey is a derived key with the HMAC states made for it, which save half of the work when used again.
type signingKey struct {
	scope  Scope // what it was derived from
	secret string
	tail   string // scope as it stands in the string to sign
	key    []byte
	macs   sync.Pool
}

func newSigningKey(secret string, scope Scope) *signingKey {
	return &signingKey{scope: scope, secret: secret, tail: string(scope.appendTail(nil)), key: deriveKey(secret, scope)}
}

// is reports whether k was derived from just these. Both secrets are on the server's side: the time their comparison
// takes tells a client nothing.
func (k *signingKey) is(scope Scope, secret string) bool {
	return k != nil && k.scope == scope && k.secret == secret
}

// hmac returns a state for this key, to be reset before use and given back with put.
func (k *signingKey) hmac() hash.Hash {
	if m, ok := k.macs.Get().(hash.Hash); ok {
		return m
	}
	return hmac.New(sha256.New, k.key)
}

func (k *signingKey) put(m hash.Hash) { k.macs.Put(m) }

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
	if k.is(scope, secret) {
		return k
	}
	// Cloned, because the parts of a verifier's scope are pieces of a request that would be kept alive.
	scope = Scope{
		strings.Clone(scope.AccessKeyID), strings.Clone(scope.Date), strings.Clone(scope.Region),
		strings.Clone(scope.Service),
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
	r.keys[scope] = k
	return k
}
