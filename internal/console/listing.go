//go:build unix

package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/state"
)

// How many entries a page of a list has.
const (
	usualEntries = 50
	mostEntries  = 200
)

// sorted keeps a table in the order of its names, until the world has another one: to sort 10,000 entries takes longer
// than to answer.
type sorted[V any] struct {
	mu      sync.Mutex
	table   state.Table[V]
	entries []entry[V]
}

type entry[V any] struct {
	value V
	order string
	text  string // that a search looks in, in lower case
}

// of are the entries of the table. describe says by which name they are sorted, and what a search looks in.
func (s *sorted[V]) of(table state.Table[V], describe func(V) (order, text string)) []entry[V] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table != table {
		entries := make([]entry[V], 0, table.Len())
		for _, value := range table.All() {
			order, text := describe(value)
			entries = append(entries, entry[V]{value, order, strings.ToLower(text)})
		}
		slices.SortFunc(entries, func(a, b entry[V]) int { return cmp.Compare(a.order, b.order) })
		s.table, s.entries = table, entries
	}
	return s.entries
}

// listing is which part of a list a request wants.
type listing struct {
	search        string // in lower case
	limit, offset int
}

func listingOf(query url.Values) (l listing, err error) {
	l.search = strings.ToLower(strings.TrimSpace(query.Get("search")))
	if l.limit, err = numberOf(query, "limit", usualEntries); err != nil {
		return l, err
	}
	l.limit = min(l.limit, mostEntries)
	l.offset, err = numberOf(query, "offset", 0)
	return l, err
}

// numberOf is a number of the query that is not negative.
func numberOf(query url.Values, name string, usual int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, &Fault{http.StatusBadRequest, fmt.Sprintf("%s: %.64q is not a number from 0 on", name, text)}
	}
	return n, nil
}

// part are the entries in view of those that are wanted and that the search finds, and how many there are of them.
func part[V any](l listing, entries []entry[V], wanted func(V) bool) (view []V, total int) {
	for i := range entries {
		if strings.Contains(entries[i].text, l.search) && wanted(entries[i].value) {
			if total >= l.offset && len(view) < l.limit {
				view = append(view, entries[i].value)
			}
			total++
		}
	}
	return view, total
}
