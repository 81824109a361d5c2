//go:build unix

package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/store"
)

// disk is where a store is, and can be full.
type disk struct {
	dir  string
	fill func() // leaves not a byte
	free func()
}

// limitedEnv tells the test binary that it is the process whose files may not grow.
const limitedEnv = "FURL_STORE_TEST_LIMITED"

// TestFileSizeLimit: the same where no file may grow, as with ulimit -f or a quota.
func TestFileSizeLimit(t *testing.T) {
	if os.Getenv(limitedEnv) == "" {
		limited := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFileSizeLimit$")
		limited.Env = append(os.Environ(), limitedEnv+"=1")
		if out, err := limited.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGXFSZ) // it would end the process
	dir := t.TempDir()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	set := func(limit syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	limited := disk{dir: dir, free: func() { set(before) }, fill: func() {
		info, err := os.Stat(filepath.Join(dir, "data", "state.db"))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() < 1<<20 {
			t.Fatalf("the database has %d bytes only: the limit would keep the log from its space", info.Size())
		}
		set(syscall.Rlimit{Cur: uint64(info.Size()), Max: before.Max})
	}}
	upgrade(t, limited)
	starve(t, limited)
}

// upgrade opens a database of the first schema when there is no space for what the second adds. That is refused, and
// nothing is changed: a store without space to delete in would be worse.
func upgrade(t *testing.T, d disk) {
	data := filepath.Join(d.dir, "data")
	path := filepath.Join(data, "state.db")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("migrations/0001_record.sql")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, path, string(script)+`;
		WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < 2000)
		INSERT INTO record SELECT 'role', 'key ' || n, zeroblob(1000) FROM count;
		PRAGMA application_id = 0x6675726c; PRAGMA user_version = 1`)
	d.fill()
	for range 2 {
		_, err := store.Open(t.Context(), path)
		wantError(t, err, nil, "no space is left", "state.db")
	}
	d.free()
	db := open(t, path)
	if n := count(t, db); n != 2000 {
		t.Errorf("%d of 2000 records are there", n)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
}

// starve fills a disk and deletes and shortens all records, in any order, while what needs space is refused. Nothing
// that was acknowledged is lost, the store opens again on the full disk, and works again when there is space.
func starve(t *testing.T, d disk) {
	path := filepath.Join(d.dir, "data", "state.db")
	random := rand.New(rand.NewPCG(1, 2))
	db := open(t, path)
	want := map[string]string{}
	var base store.Revision
	commit := func(changes ...store.Change) (err error) {
		base, err = db.Commit(t.Context(), base, changes)
		for _, c := range changes {
			name := c.Kind + "/" + c.Key
			switch {
			case err != nil:
			case c.Delete:
				delete(want, name)
			default:
				want[name] = string(c.Body)
			}
		}
		return err
	}
	record := func(kind string, i, size int) store.Change {
		key := fmt.Sprintf("arn:aws:iam::123456789012:%s/%s-%d", kind, strings.Repeat("n", i*7%60), i)
		return store.Change{Record: store.Record{Kind: kind, Key: key, Body: []byte(strings.Repeat("x", size))}}
	}
	check := func(when string) {
		t.Helper()
		got := map[string]string{}
		if _, err := db.Load(t.Context(), func(r store.Record) error { got[r.Kind+"/"+r.Key] = string(r.Body); return nil }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%.1000s", when, diff)
		}
	}
	var all []store.Change
	for i := range 900 {
		all = append(all, record([]string{"user", "role", "function"}[i%3], i, 100+random.IntN(1500)))
	}
	all = append(all, record("large", 0, 500_000))
	for i := range 30 {
		all = append(all, record("large", 1+i, 10_000+random.IntN(50_000)))
	}
	for _, c := range all {
		if err := commit(c); err != nil {
			t.Fatal(err)
		}
	}
	// A store that was just opened has written nothing to its log.
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)

	d.fill()
	check("on a full disk")
	refused := 0
	for i := range 500 {
		if err := commit(record("new", i, 2000)); err != nil {
			refused++
			wantError(t, err, nil, "no space is left", "free some space", "state.db")
		}
	}
	if refused < 400 {
		t.Fatalf("%d of 500 records were refused: the disk is not full", refused)
	}
	check("after refusals")
	// Large records become shorter, and shorter again.
	for _, share := range []int{2, 4, 1000} {
		for i := range 31 {
			change := all[900+i]
			change.Body = change.Body[:len(change.Body)/share]
			if err := commit(change); err != nil {
				t.Fatalf("shorten to 1/%d: %v", share, err)
			}
		}
	}
	check("after shortening")
	if err := commit(record("large", 0, 4<<20), store.Change{Record: all[1].Record, Delete: true}); err == nil {
		t.Error("a record became longer on a full disk")
	}
	check("after another refusal")

	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, batch := range slices.Collect(slices.Chunk(all, 3)) {
		for j := range batch {
			batch[j].Delete = true
		}
		if err := commit(batch...); err != nil {
			t.Fatalf("delete batch %d: %v", i, err)
		}
		if i == 150 { // as after a stop, on a disk that is still full
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			db = open(t, path)
			check("opened on a full disk")
		}
	}
	check("after deleting")
	for i := range 500 { // what has gone makes room within the database
		if err := commit(record("again", i, 100)); err != nil {
			t.Fatal(err)
		}
	}
	check("after writing again")

	d.free()
	for _, c := range all {
		c.Delete = false
		if err := commit(c); err != nil {
			t.Fatal(err)
		}
	}
	check("when there is space")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	defer db.Close()
	check("after opening again")
	var ok string
	ok, err := db.Pragma(t.Context(), "integrity_check")
	if err != nil || ok != "ok" {
		t.Errorf("integrity: %s, %v", ok, err)
	}
}

// TestReserve: the space is there before anything is written, on disk and not as a hole.
func TestReserve(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	db := open(t, path)
	log := func(when string) {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		if onDisk := int64(info.Sys().(*syscall.Stat_t).Blocks) * 512; info.Size() < 1<<20 || onDisk < info.Size() {
			t.Errorf("%s the log has %d bytes, %d of them on disk", when, info.Size(), onDisk)
		}
	}
	log("opened,")
	for i := range 300 {
		put(t, db, "k", fmt.Sprint(i), strings.Repeat("x", 5000))
	}
	log("written,")
	if _, err := os.Stat(path + "-shm"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the index of the log is a file: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	log("closed,")
}
