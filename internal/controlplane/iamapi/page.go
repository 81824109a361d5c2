package iamapi

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/controlplane/query"
)

// paging is the part of a list operation's input that asks for a page.
type paging struct {
	Marker   string `query:"min=1,max=320,pattern=marker"`
	MaxItems *int   `query:"min=1,max=1000"`
}

func (p paging) page() paging { return p }

// paged is the part of a list operation's result that says whether there is more.
type paged struct {
	IsTruncated bool
	Marker      string `query:"omitempty"`
}

// defaultPage is how many items a page has unless the client says otherwise.
const defaultPage = 100

// cut sorts the items by key, which no two share, and returns the page of them that the client asked for. The marker is
// the key of the last item of the page before: a listing goes on where it stopped, whatever was added or removed
// meanwhile.
func cut[T any](p paging, items []T, key func(T) string) ([]T, paged, error) {
	slices.SortFunc(items, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	start := 0
	if p.Marker != "" {
		last, err := base64.RawURLEncoding.DecodeString(p.Marker)
		if err != nil {
			return nil, paged{}, query.ValidationErrorf("Invalid Marker.")
		}
		start, _ = slices.BinarySearchFunc(items, string(last)+"\x00", func(item T, target string) int {
			return strings.Compare(key(item), target)
		})
	}
	size := defaultPage
	if p.MaxItems != nil {
		size = *p.MaxItems
	}
	items = items[start:]
	if len(items) <= size {
		return items, paged{}, nil
	}
	marker := base64.RawURLEncoding.EncodeToString([]byte(key(items[size-1])))
	return items[:size], paged{IsTruncated: true, Marker: marker}, nil
}

// itself is the key of a list of names.
func itself(name string) string { return name }
