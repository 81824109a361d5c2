package store_test

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

// contract is what every store of records has to pass; [store.DB] documents it. How much survives a killed process is
// tested elsewhere.
type contract interface {
	Load(ctx context.Context, visit func(store.Record) error) (store.Revision, error)
	Commit(ctx context.Context, base store.Revision, changes []store.Change) (store.Revision, error)
	Close() error
}

// opener opens the store of a directory, or fails the test. Opening the same directory again, after Close, gives the
// same records. The caller closes the store.
type opener func(t *testing.T, dir string) contract

// testContract runs what does not need records to outlive the store.
func testContract(t *testing.T, open opener) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, contract)
	}{
		{"Empty", testEmpty},
		{"PutAndDelete", testPutAndDelete},
		{"AnyBytes", testAnyBytes},
		{"OrderWithinCommit", testOrderWithinCommit},
		{"AllOrNothing", testAllOrNothing},
		{"Conflict", testConflict},
		{"Limits", testLimits},
		{"VisitError", testVisitError},
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

func testEmpty(t *testing.T, s contract) {
	check(t, s, records{})
	commit(t, s)
	commit(t, s, remove("kind", "never there"))
	check(t, s, records{})
}

func testPutAndDelete(t *testing.T, s contract) {
	commit(t, s, set("role", "a", "1"), set("user", "a", "2"), set("role", "b", "3"))
	check(t, s, records{"role/a": "1", "user/a": "2", "role/b": "3"})
	commit(t, s, set("role", "a", "4"), remove("user", "a"))
	check(t, s, records{"role/a": "4", "role/b": "3"})
	commit(t, s, remove("role", "a"), remove("role", "b"))
	check(t, s, records{})
}

func testAnyBytes(t *testing.T, s contract) {
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
		changes = append(changes, set(kind, key, body))
	}
	changes = append(changes, store.Change{Record: store.Record{Kind: "kind", Key: "nil"}})
	commit(t, s, changes...)
	want["kind/nil"] = ""
	check(t, s, want)
}

func testOrderWithinCommit(t *testing.T, s contract) {
	commit(t, s, set("k", "a", "1"), set("k", "a", "2"), set("k", "b", "1"), remove("k", "b"),
		remove("k", "c"), set("k", "c", "1"))
	check(t, s, records{"k/a": "2", "k/c": "1"})
}

func testAllOrNothing(t *testing.T, s contract) {
	commit(t, s, set("k", "a", "1"))
	before := records{"k/a": "1"}
	changes := []store.Change{set("k", "a", "2"), remove("k", "a"), set("k", "", "no key")}
	_, err := s.Commit(t.Context(), revision(t, s), changes)
	if err == nil {
		t.Error("no error for a record without a key")
	}
	check(t, s, before)
}

// testConflict: a commit is refused whose base is not the revision that there is, be it older or one that never was.
func testConflict(t *testing.T, s contract) {
	first := revision(t, s)
	second, err := s.Commit(t.Context(), first, []store.Change{set("k", "a", "1")})
	if err != nil {
		t.Fatal(err)
	}
	if second == first {
		t.Errorf("a commit leaves the revision at %d", first)
	}
	for _, base := range []store.Revision{first, second + 1, -1} {
		_, err := s.Commit(t.Context(), base, []store.Change{set("k", "a", "2"), set("k", "b", "2")})
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
	if _, err := s.Commit(t.Context(), second, []store.Change{set("k", "a", "3")}); err != nil {
		t.Errorf("the commit on the revision that there is: %v", err)
	}
	check(t, s, records{"k/a": "3"})
}

func testLimits(t *testing.T, s contract) {
	base := revision(t, s)
	half := strings.Repeat("x", store.MaxBody)
	var heavy []store.Change
	for i := range store.MaxCommit/store.MaxBody + 1 {
		heavy = append(heavy, set("k", fmt.Sprint(i), half))
	}
	for name, changes := range map[string][]store.Change{
		"no kind":          {set("", "a", "1")},
		"no key":           {set("k", "", "1")},
		"delete nothing":   {remove("k", "")},
		"long kind":        {set(strings.Repeat("k", store.MaxKind+1), "a", "1")},
		"long key":         {set("k", strings.Repeat("a", store.MaxKey+1), "1")},
		"large body":       {set("k", "a", half+"x")},
		"too many changes": make([]store.Change, store.MaxChanges+1),
		"too much at once": heavy,
	} {
		if _, err := s.Commit(t.Context(), base, changes); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	check(t, s, records{})
}

func testVisitError(t *testing.T, s contract) {
	commit(t, s, set("k", "a", "1"), set("k", "b", "1"))
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

func testCanceled(t *testing.T, s contract) {
	commit(t, s, set("k", "a", "1"))
	base := revision(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Commit(ctx, base, []store.Change{set("k", "a", "2")}); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: error %v, want %v", err, context.Canceled)
	}
	if _, err := s.Load(ctx, func(store.Record) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("load: error %v, want %v", err, context.Canceled)
	}
	check(t, s, records{"k/a": "1"})
	if _, err := s.Commit(t.Context(), base, []store.Change{set("k", "a", "3")}); err != nil {
		t.Errorf("a commit on the base of the one that was canceled: %v", err)
	}
}

func testConcurrent(t *testing.T, s contract) {
	const writers, commits = 4, 10
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for c := range commits {
				name := fmt.Sprintf("%d-%d", w, c)
				for {
					_, err := s.Commit(t.Context(), revision(t, s), []store.Change{set("a", name, name), set("b", name, name)})
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

func testReopen(t *testing.T, open opener) {
	dir := t.TempDir()
	want := records{}
	for round := range 3 {
		s := open(t, dir)
		check(t, s, want)
		key := fmt.Sprint(round)
		commit(t, s, set("k", key, "body"), set("k", "round", key))
		base := revision(t, s)
		want["k/"+key], want["k/round"] = "body", key
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
		if _, err := s.Commit(t.Context(), base, []store.Change{set("k", "late", "")}); err == nil {
			t.Error("commit after close: no error")
		}
	}
}

// records maps "kind/key" to the body.
type records map[string]string

func set(kind, key, body string) store.Change {
	return store.Change{Record: store.Record{Kind: kind, Key: key, Body: []byte(body)}}
}

func remove(kind, key string) store.Change {
	return store.Change{Record: store.Record{Kind: kind, Key: key}, Delete: true}
}

func commit(t *testing.T, s contract, changes ...store.Change) {
	t.Helper()
	if _, err := s.Commit(t.Context(), revision(t, s), changes); err != nil {
		t.Fatal(err)
	}
}

// revision is the revision of what there is.
func revision(t testing.TB, s contract) store.Revision {
	t.Helper()
	now, err := s.Load(t.Context(), func(store.Record) error { return nil })
	if err != nil {
		t.Error(err)
	}
	return now
}

func load(t *testing.T, s contract) records {
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

func check(t *testing.T, s contract, want records) {
	t.Helper()
	if diff := cmp.Diff(want, load(t, s)); diff != "" {
		t.Errorf("records (-want +got):\n%.2000s", diff)
	}
}
