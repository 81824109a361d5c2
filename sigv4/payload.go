package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Payload is the body of a request to be signed. The zero Payload is the empty body. A body that can be read only
// once must be spooled by the caller first; there is no unsigned payload.
type Payload struct {
	bytes  []byte
	reader io.ReadSeeker
	hash   [sha256.Size]byte
	hashed bool // hash is all that is known
}

// EmptyPayload is the body of a request without one.
func EmptyPayload() Payload { return Payload{} }

// PayloadBytes is a body held in memory. It is hashed when signing and not kept.
func PayloadBytes(b []byte) Payload { return Payload{bytes: b} }

// PayloadReader is the body from the reader's present position to its end. Signing reads it through and seeks back
// to where it was.
func PayloadReader(rs io.ReadSeeker) Payload { return Payload{reader: rs} }

// PayloadHash is a body known by its SHA-256 only.
func PayloadHash(sum [sha256.Size]byte) Payload { return Payload{hash: sum, hashed: true} }

// PayloadHex is a body known by its SHA-256 in hexadecimal, as in x-amz-content-sha256. It refuses what is not 64
// hexadecimal digits, UNSIGNED-PAYLOAD included.
func PayloadHex(sum string) (Payload, error) {
	hash, err := hex.DecodeString(sum[:min(len(sum), 2*sha256.Size+1)])
	if err != nil || len(hash) != sha256.Size {
		return Payload{}, fmt.Errorf("sigv4: payload hash %.80q is not a SHA-256 in hexadecimal", sum)
	}
	return PayloadHash([sha256.Size]byte(hash)), nil
}

// sum returns the hash and the length, -1 if unknown.
func (p *Payload) sum() ([sha256.Size]byte, int64, error) {
	switch {
	case p.hashed:
		return p.hash, -1, nil
	case p.reader == nil:
		return sha256.Sum256(p.bytes), int64(len(p.bytes)), nil
	}
	var sum [sha256.Size]byte
	start, err := p.reader.Seek(0, io.SeekCurrent)
	if err != nil {
		return sum, 0, fmt.Errorf("sigv4: find position of payload: %w", err)
	}
	h := sha256.New()
	n, err := io.Copy(h, p.reader)
	if err != nil {
		return sum, 0, fmt.Errorf("sigv4: read payload: %w", err)
	}
	if _, err := p.reader.Seek(start, io.SeekStart); err != nil {
		return sum, 0, fmt.Errorf("sigv4: rewind payload: %w", err)
	}
	h.Sum(sum[:0])
	return sum, n, nil
}
