package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// memory is all that a Signer or a Verifier remembers between requests. It decides nothing: without it the same
// requests are signed and accepted, only later. Each part has its gain beside it, for the requests of BenchmarkSign and
// BenchmarkVerify: how much longer they take without it.
type memory struct {
	mu sync.RWMutex
	// keys are derived signing keys: sign +100 %, verify +120 %. An entry counts only for the very secret it was
	// derived from, so a key that was changed, or deleted and made again, never verifies with its old secret.
	keys map[string]*signingKey // by credential; unknown ones count by their scope only
	// pool holds each *work that no request uses: sign +120 %, verify +30 %.
	pool sync.Pool
}

// maxSigningKeys bounds memory.keys. A verifier meets two days for each key around midnight and up to eight with
// presigned URLs, a signer one.
const maxSigningKeys = 1024

// signingKey is a derived key.
type signingKey struct {
	secret string
	// macs holds HMAC states made with the key, to be reset before use: sign +25 %, verify +15 %.
	macs sync.Pool
}

// find returns the signing key for a credential if it is remembered, else nil.
func (m *memory) find(credential []byte, secret string) *signingKey {
	m.mu.RLock()
	k := m.keys[string(credential)]
	m.mu.RUnlock()
	if k != nil && canonical.Equal(k.secret, secret) {
		return k
	}
	return nil
}

// derive makes the signing key for a credential and its scope, and remembers it.
func (m *memory) derive(credential []byte, scope canonical.Scope, secret string) *signingKey {
	derived := scope.Key("AWS4"+secret, nil)
	k := &signingKey{secret: secret, macs: sync.Pool{New: func() any { return hmac.New(sha256.New, derived) }}}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys == nil {
		m.keys = make(map[string]*signingKey)
	}
	if len(m.keys) >= maxSigningKeys {
		for old := range m.keys { // any one: a wrong guess costs four HMACs
			delete(m.keys, old)
			break
		}
	}
	m.keys[string(credential)] = k
	return k
}

// work is the working memory of one signing or verification.
type work struct {
	canonical.Request
	// claim is of a request to verify. Its Lists are those of requests that were verified, since clients send the same
	// again and again: verify +30 %.
	claim canonical.Claim
	query canonical.Query // of a request to sign
	// credential is the one to sign with.
	credential []byte
	text       []byte                // canonical request, then string to sign
	split      int                   // where in text the string to sign begins
	sum        [sha256.Size]byte     // of the signature
	mac        [2 * sha256.Size]byte // the signature, in hexadecimal
	// names are those of the headers of the last request that was signed, and ownNames, sorted. Clients send the same
	// headers again and again: sign +35 %.
	names []headerName
	// second and date are the time of the last signing and its text: sign +10 %.
	second int64
	date   string
	own    [len(ownNames)]string // values of ownNames, empty for those that are not added
}

// maxNames bounds work.names between requests.
const maxNames = 128

// name leaves the names of the headers in w.names.
func (w *work) name(headers http.Header) {
	if len(w.names) == len(headers)+len(ownNames) && !slices.ContainsFunc(w.names, func(n headerName) bool {
		_, ok := headers[n.key]
		return !ok && n.role != roleOwn
	}) {
		return
	}
	w.names = append(w.names[:0], ownNames[:]...)
	for key := range headers {
		key = strings.Clone(key)
		lower := strings.ToLower(key)
		w.names = append(w.names, headerName{key: key, lower: lower, role: roleOf(key, lower)})
	}
	slices.SortFunc(w.names, func(a, b headerName) int { return strings.Compare(a.lower, b.lower) })
}

// maxLists and maxList bound the lists of signed headers.
const (
	maxLists = 64
	maxList  = 1 << 10
)

// learn remembers the list of signed headers of a request that was verified.
func (w *work) learn() {
	c := &w.claim
	if len(c.Lists) >= maxLists || len(c.SignedHeaders) > maxList {
		return
	}
	text, list, ok := c.List(&w.Request)
	if !ok {
		return
	}
	if c.Lists == nil {
		c.Lists = make(map[string]canonical.SignedList)
	}
	c.Lists[text] = list
}

// maxKept bounds the memory that a pooled work may hold on to.
const maxKept = 64 << 10

func (m *memory) get() *work {
	if w, ok := m.pool.Get().(*work); ok {
		return w
	}
	return new(work)
}

// put takes the work back, without anything of the request.
func (m *memory) put(w *work) {
	if cap(w.text) > maxKept || cap(w.Headers) > maxKept || cap(w.names) > maxNames || w.query.Size() > maxKept ||
		w.claim.Query.Size() > maxKept {
		return
	}
	w.Method, w.claim = "", canonical.Claim{Query: w.claim.Query, Lists: w.claim.Lists}
	clear(w.own[:])
	m.pool.Put(w)
}

// sign writes canonical request and string to sign to w.text, and the signature to w.mac.
func (w *work) sign(path string, form canonical.PathForm, date string, scope canonical.Scope, key *signingKey) {
	w.Path = canonical.AppendPath(w.Path[:0], path, form)
	w.text = w.Append(w.text[:0])
	w.split = len(w.text)
	w.text = canonical.AppendStringToSign(w.text, date, scope, w.text)
	mac := key.macs.Get().(hash.Hash)
	mac.Reset()
	mac.Write(w.text[w.split:])
	mac.Sum(w.sum[:0])
	key.macs.Put(mac)
	hex.Encode(w.mac[:], w.sum[:])
}
