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

// builder changes a table on behalf of one transaction. It copies the list of shards once and each shard that it
// writes to once, so that the table it started from stays as it was.
type builder[V any] struct {
	table Table[V]
	owned [shardCount]bool
	fresh bool // the list of shards is this builder's own
}

func (b *builder[V]) set(key string, value V) {
	shard := b.own(key)
	if _, exists := shard[key]; !exists {
		b.table.length++
	}
	shard[key] = value
}

func (b *builder[V]) delete(key string) {
	if _, exists := b.table.Get(key); !exists {
		return
	}
	delete(b.own(key), key)
	b.table.length--
}

func (b *builder[V]) own(key string) map[string]V {
	if !b.fresh {
		shards := new([shardCount]map[string]V)
		if b.table.shards != nil {
			*shards = *b.table.shards
		}
		b.table.shards, b.fresh = shards, true
	}
	i := shardOf(key)
	if !b.owned[i] {
		shard := maps.Clone(b.table.shards[i])
		if shard == nil {
			shard = map[string]V{}
		}
		b.table.shards[i], b.owned[i] = shard, true
	}
	return b.table.shards[i]
}
