package state

import (
	"reflect"
	"sync"

	"github.com/furl-dev/furl/internal/state/record"
	"github.com/furl-dev/furl/internal/store"
)

// Kept is a Table of values of type D that the store keeps as records of type R.
type Kept[D record.Value, R record.Record] struct{ Table[D] }

// collection is a *Kept, whatever it keeps.
type collection interface {
	kind() string
	holds() reflect.Type
	get(key string) (record.Value, bool)
	set(e edit, key string, value record.Value)
	remove(e edit, key string)
	put(record.Value) (store.Change, error)
	decode(*record.Reader, store.Record) (record.Value, error)
}

func (*Kept[D, R]) kind() string {
	var none R
	name, _ := none.Kind()
	return name
}

func (*Kept[D, R]) holds() reflect.Type { return reflect.TypeFor[D]() }

func (k *Kept[D, R]) get(key string) (record.Value, bool) { return k.Get(key) }

func (k *Kept[D, R]) set(e edit, key string, value record.Value) { set(e, &k.Table, key, value.(D)) }

func (k *Kept[D, R]) remove(e edit, key string) { remove(e, &k.Table, key) }

// put is the change of the store that keeps the value.
func (k *Kept[D, R]) put(value record.Value) (store.Change, error) {
	body, err := record.Encode[D, R](value.(D))
	return store.Change{Record: store.Record{Kind: k.kind(), Key: value.Key(), Body: body}}, err
}

func (*Kept[D, R]) decode(r *record.Reader, stored store.Record) (record.Value, error) {
	return record.Read[D, R](r, stored.Key, stored.Body)
}

// finder says where in a Snapshot the collections are.
type finder struct {
	byType map[reflect.Type]int // number of the field
	byKind map[string]collection
}

var collections = sync.OnceValue(func() finder {
	found := finder{map[reflect.Type]int{}, map[string]collection{}}
	fields := reflect.ValueOf(new(Snapshot)).Elem()
	for i := range fields.NumField() {
		if !fields.Type().Field(i).IsExported() {
			continue
		}
		if c, ok := fields.Field(i).Addr().Interface().(collection); ok {
			found.byType[c.holds()], found.byKind[c.kind()] = i, c
		}
	}
	return found
})
