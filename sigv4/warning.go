package sigv4

import (
	"net/http"
	"slices"
	"strings"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// WarningKind is why AWS might not accept what was verified here, or what in it must not be relied on.
type WarningKind uint8

const (
	// WarnPathAsSent: the path has empty or dot segments and was signed with them. AWS documents the signature of
	// the normalized path.
	WarnPathAsSent WarningKind = iota + 1
	// WarnTrailingDots: the path ends in "/." or "/..", which AWS's own SDKs normalize differently.
	WarnTrailingDots
	// WarnPlus: the query has a raw '+'. It was read as a space; how Lambda reads it is not documented.
	WarnPlus
	// WarnUnsignedToken: the session token was sent but not signed. Some services refuse that.
	WarnUnsignedToken
	// WarnUnsignedHeader: the x-amz- header named by Warning.Header is not signed. S3 refuses that.
	WarnUnsignedHeader
)

var warningTexts = [...]string{
	WarnPathAsSent: "the path has empty or dot segments and was signed as sent; AWS signs the normalized path and " +
		"may refuse this one",
	WarnTrailingDots:   "the path ends in dot segments, which AWS SDKs normalize in two ways; AWS may refuse this one",
	WarnPlus:           "the query has a raw '+', read as a space; write %20 or %2B, on which all agree",
	WarnUnsignedToken:  "the session token is not signed",
	WarnUnsignedHeader: "an x-amz- header is not signed",
}

// String returns the warning as a sentence.
func (k WarningKind) String() string { return word("WarningKind", k, warningTexts[:]...) }

// Warning is something about a verified request that AWS might not accept.
type Warning struct {
	Kind   WarningKind
	Header string // lower-case name, for WarnUnsignedHeader
}

// String returns the warning as a sentence, with the header where there is one.
func (w Warning) String() string {
	if w.Header != "" {
		return w.Kind.String() + ": " + w.Header
	}
	return w.Kind.String()
}

// warnings lists what was accepted with doubt.
func warnings(c *canonical.Claim, r *http.Request, form canonical.PathForm) (list []Warning) {
	switch {
	case form == canonical.AsSent:
		list = append(list, Warning{Kind: WarnPathAsSent})
	case strings.HasSuffix(c.Path, "/."), strings.HasSuffix(c.Path, "/.."): // even AWS's own SDKs disagree
		list = append(list, Warning{Kind: WarnTrailingDots})
	}
	if c.Query.Plus {
		list = append(list, Warning{Kind: WarnPlus})
	}
	doubts := len(list)
	for key := range r.Header {
		if !strings.HasPrefix(key, "X-Amz-") {
			continue
		}
		name := canonical.Name(key)
		if _, signed := slices.BinarySearch(c.Names, name); signed {
			continue
		}
		w := Warning{Kind: WarnUnsignedHeader, Header: name}
		if key == canonical.KeyToken && c.InHeader {
			w = Warning{Kind: WarnUnsignedToken}
		}
		list = append(list, w)
	}
	slices.SortFunc(list[doubts:], func(a, b Warning) int { return strings.Compare(a.Header, b.Header) })
	return list
}
