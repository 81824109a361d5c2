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

// URLHost is the host name of a function URL below the suffix, which is on.aws at AWS.
func URLHost(id, region, suffix string) string {
	return id + ".lambda-url." + region + "." + suffix
}

// ParseURLHost takes a function URL's host name apart, without port. ok is false for any other host name.
// The id and region are lower case whatever the case of the host.
func ParseURLHost(host string, suffixes ...string) (id, region string, ok bool) {
	id, rest, found := cutFold(host, ".lambda-url.")
	if !found || id == "" {
		return "", "", false
	}
	for _, suffix := range suffixes {
		region := len(rest) - len(suffix) - 1
		if region > 0 && rest[region] == '.' && strings.EqualFold(rest[region+1:], suffix) {
			return strings.ToLower(id), strings.ToLower(rest[:region]), true
		}
	}
	return "", "", false
}

// cutFold is strings.Cut without regard to case, for ASCII.
func cutFold(text, separator string) (before, after string, found bool) {
	for i := 0; i+len(separator) <= len(text); i++ {
		if text[i] == separator[0] && strings.EqualFold(text[i:i+len(separator)], separator) {
			return text[:i], text[i+len(separator):], true
		}
	}
	return text, "", false
}
