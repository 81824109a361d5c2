package state

import (
	"hash/maphash"
	"iter"
	"maps"
)

// shardCount keeps the copy that a change makes small: at 100,000 entries a shard holds about 200.
const shardCount = 512

// Table is a persistent map: a value that never changes, whose changed copy shares all but one of its shards. The
// zero Table is empty. Readers need no lock.
type Table[V any] struct {
	shards *[shardCount]map[string]V
	length int
}

// One seed for the process: equal keys must fall into the same shard in every copy of a table.
var seed = maphash.MakeSeed()

func shardOf(key string) int { return int(maphash.String(seed, key) % shardCount) }

// Get is the value of the key.
func (t Table[V]) Get(key string) (V, bool) {
	if t.shards == nil {
		var none V
		return none, false
	}
	value, ok := t.shards[shardOf(key)][key]
	return value, ok
}

// find is Get for a key that is no string yet, without making one: calls of aliases look for two each.
func (t Table[V]) find(key []byte) (V, bool) {
	if t.shards == nil {
		var none V
		return none, false
	}
	value, ok := t.shards[maphash.Bytes(seed, key)%shardCount][string(key)]
	return value, ok
}

// Len is the number of entries.
func (t Table[V]) Len() int { return t.length }

// All yields every entry, in no order.
func (t Table[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if t.shards == nil {
			return
		}
		for _, shard := range t.shards {
			for key, value := range shard {
				if !yield(key, value) {
					return
				}
			}
		}
	}
}

// edit is what one transaction has copied and may write to: of each list of shards that it made, the shards that it
// made. It copies a table's list once and each shard that it writes to once, so that the table it started from stays as
// it was.
type edit map[any]*[shardCount]bool

func set[V any](e edit, t *Table[V], key string, value V) {
	shard := own(e, t, key)
	if _, exists := shard[key]; !exists {
		t.length++
	}
	shard[key] = value
}

func remove[V any](e edit, t *Table[V], key string) {
	if _, exists := t.Get(key); exists {
		delete(own(e, t, key), key)
		t.length--
	}
}

// own is the shard of the key, to be written to.
func own[V any](e edit, t *Table[V], key string) map[string]V {
	owned := e[t.shards]
	if owned == nil {
		shards := new([shardCount]map[string]V)
		if t.shards != nil {
			*shards = *t.shards
		}
		owned = new([shardCount]bool)
		t.shards, e[shards] = shards, owned
	}
	i := shardOf(key)
	if !owned[i] {
		shard := maps.Clone(t.shards[i])
		if shard == nil {
			shard = map[string]V{}
		}
		t.shards[i], owned[i] = shard, true
	}
	return t.shards[i]
}
