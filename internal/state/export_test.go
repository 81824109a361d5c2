package state

import (
	"maps"
	"reflect"
	"slices"

	"github.com/furl-dev/furl/internal/state/record"
	"github.com/furl-dev/furl/internal/store"
)

// Change makes a changed copy of a table, as a transaction does.
func Change[V any](table Table[V], change func(set func(string, V), remove func(string))) Table[V] {
	e := edit{}
	change(func(key string, value V) { set(e, &table, key, value) }, func(key string) { remove(e, &table, key) })
	return table
}

// Collection is what a test does with any collection.
type Collection struct {
	Kind   string
	Type   reflect.Type // of its values
	Encode func(record.Value) ([]byte, error)
	Decode func(key string, body []byte) (record.Value, error)
	Get    func(s *Snapshot, key string) (record.Value, bool)
}

// Collections are all collections, in the order of Snapshot.
func Collections() []Collection {
	found := collections()
	var all []Collection
	for _, field := range slices.Sorted(maps.Values(found.byType)) {
		of := func(s *Snapshot) collection {
			return reflect.ValueOf(s).Elem().Field(field).Addr().Interface().(collection)
		}
		c := of(new(Snapshot))
		all = append(all, Collection{
			Kind: c.kind(), Type: c.holds(),
			Encode: func(value record.Value) ([]byte, error) {
				change, err := c.put(value)
				return change.Body, err
			},
			Decode: func(key string, body []byte) (record.Value, error) {
				return c.decode(&record.Reader{}, store.Record{Kind: c.kind(), Key: key, Body: body})
			},
			Get: func(s *Snapshot, key string) (record.Value, bool) { return of(s).get(key) },
		})
	}
	return all
}
