package lambdaapi

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// page is which part of a list a request asks for.
type page struct {
	Marker   *string `json:"-"`
	MaxItems *string `json:"-"`

	size int
}

// pageSize is the most items that AWS puts on a page, whatever is asked for.
const pageSize = 50

func (p *page) take(parameters parameters) {
	p.Marker, p.MaxItems = parameters.fromQuery("Marker"), parameters.fromQuery("MaxItems")
}

// check reads MaxItems, of which the model allows as many as most.
func (p *page) check(most int) violations {
	p.size = pageSize
	if p.MaxItems == nil {
		return nil
	}
	n, err := strconv.Atoi(*p.MaxItems)
	if err != nil {
		return violations{violation(" '"+cut(*p.MaxItems)+"'", "maxItems", "be a number")}
	}
	p.size = min(n, pageSize)
	return check("maxItems", &n, atLeast(1), atMost(most))
}

// paginate sorts a list by a key and takes a page out of it, with the marker of the next one, "" at the end. The
// marker names the last item given, so that items that come and go in between are neither given twice nor passed over.
func paginate[T any](p page, list string, items []T, key func(T) string) (some []T, next string, err error) {
	slices.SortFunc(items, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	if p.Marker != nil {
		last, ok := readMarker(list, *p.Marker)
		if !ok {
			return nil, "", invalidParameter("The Marker is not one that an earlier answer gave as NextMarker.")
		}
		start, found := slices.BinarySearchFunc(items, last, func(item T, last string) int { return cmp.Compare(key(item), last) })
		if found {
			start++
		}
		items = items[start:]
	}
	if len(items) > p.size {
		items = items[:p.size]
		next = marker(list, key(items[p.size-1]))
	}
	return items, next, nil
}

func marker(list, last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(list + "/" + last))
}

func readMarker(list, marker string) (last string, ok bool) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(marker)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(string(text), list+"/")
}
