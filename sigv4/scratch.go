package sigv4

import (
	"crypto/sha256"
	"hash"
	"sync"
)

// scratch is the working memory of one signing or verification, kept in a pool so that neither allocates it. Most
// requests resemble the one before: what it remembers of that need not be worked out again.
type scratch struct {
	canonical
	q      query
	text   []byte            // canonical request, then string to sign
	split  int               // where in text the string to sign begins
	hashed [sha256.Size]byte // what canonical.payload stands for: mostly the empty body
	sum    [sha256.Size]byte
	mac    [2 * sha256.Size]byte // the signature computed, hexadecimal
	key    *signingKey           // the one used last
	hmac   hash.Hash             // with that key
	host   [1]string
	length [1]string

	// Of a Signer.
	set    headerSet // of the request signed last
	known  map[string]headerName
	token  string // signed last
	plain  string // its canonical form
	second int64  // of the last signing, Unix time
	date   string // the same in ISO 8601 basic format

	// Of a Verifier.
	claim claim
	given [2 * sha256.Size]byte // the signature claimed
	lists map[string]*signedList
	canon []byte // a header name in map spelling
}

// maxKept bounds the memory a pooled scratch may hold on to.
const maxKept = 64 << 10

type scratchPool struct{ pool sync.Pool }

func (p *scratchPool) get() *scratch {
	if s, ok := p.pool.Get().(*scratch); ok {
		return s
	}
	return new(scratch)
}

func (p *scratchPool) put(s *scratch) {
	if cap(s.text) > maxKept || cap(s.headers) > maxKept || cap(s.q.text) > maxKept || cap(s.q.pairs) > maxQueryPairs {
		return
	}
	if cap(s.set) > maxKnown {
		s.set = nil
	}
	// No request outlives its turn.
	s.method, s.host, s.length = "", [1]string{}, [1]string{}
	p.pool.Put(s)
}

// use makes the key for a scope and secret the one to sign with. keys is a cache.
func (s *scratch) use(keys *keyring, scope Scope, secret string) {
	if s.key.is(scope, secret) {
		return
	}
	if s.key != nil {
		s.key.put(s.hmac)
	}
	s.key = keys.get(scope, secret)
	s.hmac = s.key.hmac()
}
