package state_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/state"
)

// A table behaves like a map, and a copy of it stays as it was whatever is done to the next one.
func TestTableIsAPersistentMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var table state.Table[int]
	model := map[string]int{}
	for range 200 {
		before, beforeModel := table, maps.Clone(model)
		table = state.Change(table, func(set func(string, int), remove func(string)) {
			for range random.IntN(20) {
				key := fmt.Sprint(random.IntN(500))
				if random.IntN(3) == 0 {
					remove(key)
					delete(model, key)
				} else {
					value := random.Int()
					set(key, value)
					model[key] = value
				}
			}
		})
		equal(t, before, beforeModel)
		equal(t, table, model)
	}
}

func equal(t *testing.T, table state.Table[int], want map[string]int) {
	t.Helper()
	if diff := cmp.Diff(want, maps.Collect(table.All())); diff != "" || table.Len() != len(want) {
		t.Fatalf("length %d, want %d: %s", table.Len(), len(want), diff)
	}
	for key, value := range want {
		if got, ok := table.Get(key); !ok || got != value {
			t.Fatalf("%s is %d, %v", key, got, ok)
		}
	}
	if _, ok := table.Get("never there"); ok {
		t.Fatal("a key that was never put is there")
	}
}

func TestAllStopsWhenTold(t *testing.T) {
	table := state.Change(state.Table[int]{}, func(set func(string, int), _ func(string)) {
		set("a", 1)
		set("b", 2)
	})
	seen := 0
	for range table.All() {
		seen++
		break
	}
	if seen != 1 {
		t.Errorf("%d entries after a break", seen)
	}
}

func BenchmarkTableChangeAt100000(b *testing.B) {
	table := state.Change(state.Table[int]{}, func(set func(string, int), _ func(string)) {
		for i := range 100_000 {
			set(fmt.Sprint(i), i)
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		state.Change(table, func(set func(string, int), _ func(string)) { set("5", 6) })
	}
}
