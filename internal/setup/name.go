package setup

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
)

// statementIDs are the ids of the two statements for a principal. They are the same each time and differ between
// principals, so that a grant that is made again finds itself.
func statementIDs(principal Principal) (invokeURL, invoke string) {
	base := "furl-" + slug(principal.label(), 64) + "-" + short(principal.ARN+principal.SourceARN)
	return base + "-url", base + "-invoke"
}

// inlineName is the name of the inline policy that lets its owner call the function's URL.
func inlineName(function lambda.ARN) string {
	name := function.Name
	if function.Qualifier != "" {
		name += "-" + function.Qualifier
	}
	return "furl-call-" + slug(name, 100) + "-" + short(function.String())
}

// slug keeps of a name what may stand in a statement id.
func slug(name string, limit int) string {
	kept := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
	return kept[:min(limit, len(kept))]
}

// short is enough of a hash to tell a few thousand names apart.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
