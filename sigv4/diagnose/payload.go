package diagnose

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// unsignedPayloads are what S3 takes in place of a hash.
var unsignedPayloads = []string{"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
	"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}

// payloads: what else a client may have hashed.
func (x *exam) payloads(try tries) {
	set := func(p string) func(*attempt) { return func(a *attempt) { a.payload = p } }
	const unsigned = "Lambda accepts no unsigned payload: sign the SHA-256 of the body, that of no bytes if there is none."
	for _, value := range unsignedPayloads {
		try(hypothesis{PayloadUnsigned, inPayload, value == "UNSIGNED-PAYLOAD",
			"The payload was signed as " + value + ".", unsigned, set(value)})
	}
	try(hypothesis{PayloadHashCase, inPayload, false,
		"The hash of the payload was signed in upper-case hexadecimal.", "Write hashes in lower-case hexadecimal.",
		set(strings.ToUpper(x.base.payload))})
	if x.known {
		x.seen[x.base.payload] = true
		x.each(x.body, append(x.readings(x.body), encodings()...), func(h hypothesis) { try(h) })
	}
	x.declared(try, set)
}

// declared: x-amz-content-sha256 is not that of the body. Either what it says was signed in place of the body's hash,
// or the signature is right but for it.
func (x *exam) declared(try tries, set func(string) func(*attempt)) {
	values := x.claim.Declared
	if len(values) != 1 || values[0] == x.base.payload || len(values[0]) > maxQuoted {
		return
	}
	const fix = "Compute x-amz-content-sha256 from the bytes that are sent, or leave the header out."
	a := x.base
	if set(values[0])(&a); x.known && x.reproduces(&a) { // the rarest explanation says more than that it is another
		x.members(try)
		x.fields(try)
		x.layers(try)
	}
	if h := x.spoiled(); h.fault != "" {
		try(hypothesis{h.fault, inPayload, true, h.explanation, h.fix, set(values[0])})
	} else if !slices.Contains(unsignedPayloads, values[0]) {
		try(hypothesis{PayloadStale, inPayload, true,
			"x-amz-content-sha256 is not the SHA-256 of the body that arrived, but it is what was signed.", fix, set(values[0])})
	}
	if x.known {
		try(hypothesis{PayloadStale, inPayload, false,
			"The body that arrived is what was signed, but x-amz-content-sha256 is " + quote(values[0]) +
				", which is not its SHA-256.", fix, set(x.base.payload)})
	}
}

// reading is a body that a client may have hashed in place of the one that came.
type reading struct {
	fault       Fault
	common      bool
	write       func(w *bufio.Writer, body []byte) bool // false if there is none
	explanation string
	fix         string
}

// meter is a hash that takes so many bytes.
type meter struct {
	hash.Hash
	taken, most int
}

func (m *meter) Write(p []byte) (int, error) {
	if m.taken += len(p); m.taken > m.most {
		return 0, io.ErrShortWrite
	}
	return m.Hash.Write(p)
}

// each makes hypotheses of the readings of a body, of each hash one.
func (x *exam) each(body []byte, list []reading, make func(hypothesis)) {
	for _, r := range list {
		if !x.left() {
			return
		}
		if x.read+len(body) > maxRead {
			x.skip(bodyPart)
			return
		}
		m := &meter{Hash: sha256.New(), most: maxRead - x.read}
		w := bufio.NewWriterSize(m, 4<<10)
		found := r.write(w, body)
		full := w.Flush() != nil
		read := max(len(body), min(m.taken, m.most))
		x.read, x.bytes = x.read+read, x.bytes+read
		if full {
			x.skip(bodyPart)
			continue
		}
		if sum := hex.EncodeToString(m.Sum(nil)); found && !x.seen[sum] {
			x.seen[sum] = true
			for _, apply := range x.hashing(sum, m.taken) {
				make(hypothesis{r.fault, inPayload, r.common, r.explanation, r.fix, apply})
			}
		}
	}
}

// hashing signs that hash of so many bytes. Content-Length, if it was signed, is that of what was signed or that of
// what was sent.
func (x *exam) hashing(sum string, size int) []func(*attempt) {
	hashed := func(a *attempt) { a.payload = sum }
	length := strconv.Itoa(size)
	if i, ok := find(x.base.headers, canonical.ContentLength); !ok || x.base.headers[i].value == length {
		return []func(*attempt){hashed}
	}
	measured := setHeader(canonical.ContentLength, length)
	return []func(*attempt){func(a *attempt) { hashed(a); measured(a) }, hashed}
}

// layers are two changes of the body, one after the other: what it is after one was undone is read anew.
func (x *exam) layers(try tries) {
	if !x.known || len(x.body) > maxVaried {
		return
	}
	for _, outer := range x.decodings(x.body) {
		var inner bytes.Buffer
		w := bufio.NewWriter(limited{&inner, maxVaried})
		if !outer.write(w, x.body) || w.Flush() != nil || inner.Len() == 0 {
			continue
		}
		x.outer = &outer
		x.each(inner.Bytes(), x.readings(inner.Bytes()), func(h hypothesis) {
			h.common = false
			try(h)
		})
		x.outer = nil
	}
}

// limited takes so many bytes.
type limited struct {
	*bytes.Buffer
	most int
}

func (l limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > l.most {
		return 0, io.ErrShortWrite
	}
	return l.Buffer.Write(p)
}
