package lambda

import (
	"encoding/base32"
	"fmt"
	"io"
	"strings"
)

// NewURLID makes the id of a function URL from random bytes. Ids seen in public are 26 characters of
// lower-case base32, which is 128 bits, then the digit 0 and five letters.
func NewURLID(random io.Reader) (string, error) {
	var b [21]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("random function URL id: %w", err)
	}
	id := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:16])) + "0"
	for _, letter := range b[16:] {
		id += string(rune('a' + letter%26))
	}
	return id, nil
}

// URLIDLength is the length of a function URL's id.
const URLIDLength = 32
