// Package storetest is what every store of records has to pass. A test of a store calls it:
//
//	func TestStore(t *testing.T) {
//		storetest.Test(t, func(t *testing.T, dir string) storetest.Store {
//			db, err := store.Open(t.Context(), filepath.Join(dir, "state.db"))
//			…
//			return db
//		})
//	}
//
// It tests the contract, not the medium: how much survives a killed process is for the store's own tests.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/store"
)

// Store is the contract; [store.DB] documents it.
type Store interface {
	Load(ctx context.Context, visit func(store.Record) error) (store.Revision, error)
	Commit(ctx context.Context, base store.Revision, changes []store.Change) (store.Revision, error)
	Close() error
}

// Opener opens the store of a directory, or fails the test. Opening the same directory again, after Close, gives the
// same records. The caller closes the store.
type Opener func(t *testing.T, dir string) Store

// Test runs the whole suite.
func Test(t *testing.T, open Opener) {
	TestContract(t, open)
	t.Run("Reopen", func(t *testing.T) { testReopen(t, open) })
}

// TestContract runs what does not need records to outlive the store, for one that is kept in memory.
func TestContract(t *testing.T, open Opener) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Store)
	}{
		{"Empty", testEmpty},
		{"PutAndDelete", testPutAndDelete},
		{"AnyBytes", testAnyBytes},
		{"OrderWithinCommit", testOrderWithinCommit},
		{"AllOrNothing", testAllOrNothing},
		{"Conflict", testConflict},
		{"Limits", testLimits},
		{"VisitError", testVisitError},
		{"BodyIsOwned", testBodyIsOwned},
		{"Canceled", testCanceled},
		{"Concurrent", testConcurrent},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			defer func() {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}()
			test.run(t, s)
		})
	}
}

func testEmpty(t *testing.T, s Store) {
	check(t, s, records{})
	commit(t, s)
	commit(t, s, remove("kind", "never there"))
	check(t, s, records{})
}

func testPutAndDelete(t *testing.T, s Store) {
	commit(t, s, put("role", "a", "1"), put("user", "a", "2"), put("role", "b", "3"))
	check(t, s, records{"role/a": "1", "user/a": "2", "role/b": "3"})
	commit(t, s, put("role", "a", "4"), remove("user", "a"))
	check(t, s, records{"role/a": "4", "role/b": "3"})
	commit(t, s, remove("role", "a"), remove("role", "b"))
	check(t, s, records{})
}

func testAnyBytes(t *testing.T, s Store) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	large := strings.Repeat("x", store.MaxBody)
	want := records{
		"kind/Ünïcödé ' \" ; -- \\ %": string(all),
		"kind/a\nb":                   "",
		"kind/Case":                   "upper",
		"kind/case":                   "lower",
		"kind/large":                  large,
		strings.Repeat("k", store.MaxKind) + "/" + strings.Repeat("y", store.MaxKey): "longest name",
	}
	var changes []store.Change
	for name, body := range want {
		kind, key, _ := strings.Cut(name, "/")
		changes = append(changes, put(kind, key, body))
	}
	changes = append(changes, store.Change{Record: store.Record{Kind: "kind", Key: "nil"}})
	commit(t, s, changes...)
	want["kind/nil"] = ""
	check(t, s, want)
}

func testOrderWithinCommit(t *testing.T, s Store) {
	commit(t, s, put("k", "a", "1"), put("k", "a", "2"), put("k", "b", "1"), remove("k", "b"),
		remove("k", "c"), put("k", "c", "1"))
	check(t, s, records{"k/a": "2", "k/c": "1"})
}

func testAllOrNothing(t *testing.T, s Store) {
	commit(t, s, put("k", "a", "1"))
	before := records{"k/a": "1"}
	changes := []store.Change{put("k", "a", "2"), remove("k", "a"), put("k", "", "no key")}
	_, err := s.Commit(t.Context(), revision(t, s), changes)
	if err == nil {
		t.Error("no error for a record without a key")
	}
	check(t, s, before)
}

// testConflict: a commit is refused whose base is not the revision that there is, be it older or one that never was.
func testConflict(t *testing.T, s Store) {
	first := revision(t, s)
	second, err := s.Commit(t.Context(), first, []store.Change{put("k", "a", "1")})
	if err != nil {
		t.Fatal(err)
	}
	if second == first {
		t.Errorf("a commit leaves the revision at %d", first)
	}
	for _, base := range []store.Revision{first, second + 1, -1} {
		_, err := s.Commit(t.Context(), base, []store.Change{put("k", "a", "2"), put("k", "b", "2")})
		var conflict *store.Conflict
		if !errors.As(err, &conflict) {
			t.Fatalf("commit on revision %d of %d: error %v, want a conflict", base, second, err)
		}
		if conflict.Base != base || conflict.Now != second {
			t.Errorf("commit on revision %d of %d: the conflict is %+v", base, second, conflict)
		}
	}
	check(t, s, records{"k/a": "1"})
	if now := revision(t, s); now != second {
		t.Errorf("conflicts moved the revision from %d to %d", second, now)
	}
	if same, err := s.Commit(t.Context(), second, nil); err != nil || same != second {
		t.Errorf("a commit of nothing: revision %d, %v, want %d", same, err, second)
	}
	if _, err := s.Commit(t.Context(), second, []store.Change{put("k", "a", "3")}); err != nil {
		t.Errorf("the commit on the revision that there is: %v", err)
	}
	check(t, s, records{"k/a": "3"})
}

func testLimits(t *testing.T, s Store) {
	base := revision(t, s)
	half := strings.Repeat("x", store.MaxBody)
	var heavy []store.Change
	for i := range store.MaxCommit/store.MaxBody + 1 {
		heavy = append(heavy, put("k", fmt.Sprint(i), half))
	}
	for name, changes := range map[string][]store.Change{
		"no kind":          {put("", "a", "1")},
		"no key":           {put("k", "", "1")},
		"delete nothing":   {remove("k", "")},
		"long kind":        {put(strings.Repeat("k", store.MaxKind+1), "a", "1")},
		"long key":         {put("k", strings.Repeat("a", store.MaxKey+1), "1")},
		"large body":       {put("k", "a", half+"x")},
		"too many changes": make([]store.Change, store.MaxChanges+1),
		"too much at once": heavy,
	} {
		if _, err := s.Commit(t.Context(), base, changes); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	check(t, s, records{})
}

func testVisitError(t *testing.T, s Store) {
	commit(t, s, put("k", "a", "1"), put("k", "b", "1"))
	stop := errors.New("stop")
	visits := 0
	_, err := s.Load(t.Context(), func(store.Record) error {
		visits++
		return stop
	})
	if !errors.Is(err, stop) || visits != 1 {
		t.Errorf("error %v after %d visits, want %v after 1", err, visits, stop)
	}
	check(t, s, records{"k/a": "1", "k/b": "1"})
}

func testBodyIsOwned(t *testing.T, s Store) {
	commit(t, s, put("k", "a", "aaaa"), put("k", "b", "bbbb"))
	var kept []store.Record
	_, err := s.Load(t.Context(), func(r store.Record) error {
		kept = append(kept, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, put("k", "a", "xxxx"), put("k", "b", "xxxx"))
	for _, r := range kept {
		if want := strings.Repeat(r.Key, 4); string(r.Body) != want {
			t.Errorf("body of %s became %q", r.Key, r.Body)
		}
	}
}

func testCanceled(t *testing.T, s Store) {
	commit(t, s, put("k", "a", "1"))
	base := revision(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Commit(ctx, base, []store.Change{put("k", "a", "2")}); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: error %v, want %v", err, context.Canceled)
	}
	if _, err := s.Load(ctx, func(store.Record) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("load: error %v, want %v", err, context.Canceled)
	}
	check(t, s, records{"k/a": "1"})
	if _, err := s.Commit(t.Context(), base, []store.Change{put("k", "a", "3")}); err != nil {
		t.Errorf("a commit on the base of the one that was canceled: %v", err)
	}
}

func testConcurrent(t *testing.T, s Store) {
	const writers, commits = 4, 10
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for c := range commits {
				name := fmt.Sprintf("%d-%d", w, c)
				for {
					_, err := s.Commit(t.Context(), revision(t, s), []store.Change{put("a", name, name), put("b", name, name)})
					if conflict := new(store.Conflict); errors.As(err, &conflict) {
						continue // another writer was faster
					}
					if err != nil {
						t.Error(err)
					}
					break
				}
				// A reader sees both records of a commit or neither.
				pairs := map[string]int{}
				_, err := s.Load(t.Context(), func(r store.Record) error {
					pairs[r.Key]++
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				for key, n := range pairs {
					if n != 2 {
						t.Errorf("%d of the two records of %s", n, key)
					}
				}
			}
		})
	}
	group.Wait()
	if got := len(load(t, s)); got != 2*writers*commits {
		t.Errorf("%d records, want %d", got, 2*writers*commits)
	}
}

func testReopen(t *testing.T, open Opener) {
	dir := t.TempDir()
	want := records{}
	for round := range 3 {
		s := open(t, dir)
		check(t, s, want)
		key := fmt.Sprint(round)
		commit(t, s, put("k", key, "body"), put("k", "round", key))
		base := revision(t, s)
		want["k/"+key], want["k/round"] = "body", key
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
		if _, err := s.Commit(t.Context(), base, []store.Change{put("k", "late", "")}); err == nil {
			t.Error("commit after close: no error")
		}
	}
}

// records maps "kind/key" to the body.
type records map[string]string

func put(kind, key, body string) store.Change {
	return store.Change{Record: store.Record{Kind: kind, Key: key, Body: []byte(body)}}
}

func remove(kind, key string) store.Change {
	return store.Change{Record: store.Record{Kind: kind, Key: key}, Delete: true}
}

func commit(t *testing.T, s Store, changes ...store.Change) {
	t.Helper()
	if _, err := s.Commit(t.Context(), revision(t, s), changes); err != nil {
		t.Fatal(err)
	}
}

// revision is the revision of what there is.
func revision(t *testing.T, s Store) store.Revision {
	t.Helper()
	now, err := s.Load(t.Context(), func(store.Record) error { return nil })
	if err != nil {
		t.Error(err)
	}
	return now
}

func load(t *testing.T, s Store) records {
	t.Helper()
	got := records{}
	_, err := s.Load(t.Context(), func(r store.Record) error {
		name := r.Kind + "/" + r.Key
		if _, twice := got[name]; twice {
			t.Errorf("%s was visited twice", name)
		}
		got[name] = string(r.Body)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func check(t *testing.T, s Store, want records) {
	t.Helper()
	if diff := cmp.Diff(want, load(t, s)); diff != "" {
		t.Errorf("records (-want +got):\n%.2000s", diff)
	}
}
