package wire

import (
	"cmp"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
)

// Page is the part of a list operation's input that asks for a page. Inputs embed it.
type Page struct {
	Marker   *string
	MaxItems *int
}

// Paged is the page of the input that embeds it.
func (p Page) Paged() Page { return p }

// errMarker is the refusal of a marker that no answer gave; its text is the API's.
var errMarker = errors.New("invalid marker")

// Cut sorts the items by a key that no two share and takes the page out of them that the request asks for, of most
// items unless it asks for fewer, with the marker of the next page, "" at the end. The marker names the last item
// given and, unless it is "", the list: items that come and go in between are neither given twice nor passed over.
func Cut[T any](p Page, list string, most int, items []T, key func(T) string) (page []T, next string, err error) {
	slices.SortFunc(items, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	if list != "" {
		list += "/"
	}
	if p.Marker != nil {
		last, ok := readMarker(list, *p.Marker)
		if !ok {
			return nil, "", errMarker
		}
		start, found := slices.BinarySearchFunc(items, last, func(item T, last string) int { return cmp.Compare(key(item), last) })
		if found {
			start++
		}
		items = items[start:]
	}
	if p.MaxItems != nil {
		most = *p.MaxItems
	}
	if len(items) > most {
		items = items[:most]
		next = base64.RawURLEncoding.EncodeToString([]byte(list + key(items[most-1])))
	}
	return items, next, nil
}

func readMarker(list, marker string) (last string, ok bool) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(marker)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(string(text), list)
}
