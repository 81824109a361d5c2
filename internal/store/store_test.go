package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/store"
)

func TestFile(t *testing.T) {
	file := func(t *testing.T, dir string) contract { return open(t, filepath.Join(dir, "state.db")) }
	testContract(t, file)
	t.Run("Reopen", func(t *testing.T) { testReopen(t, file) })
}

func TestMemory(t *testing.T) {
	testContract(t, func(t *testing.T, _ string) contract { return open(t, store.Memory) })
}

func open(t testing.TB, path string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// TestPaths: characters that mean something in a URI are only characters in a path.
func TestPaths(t *testing.T) {
	for _, name := range []string{"with space", "100%41", "what?mode=memory", "#1", "ünïcödé", "a&b=c", "file:x"} {
		path := filepath.Join(t.TempDir(), name, name+".db")
		db := open(t, path)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q: state is not in that file: %v", name, err)
		}
	}
}

// TestPrivate: everything on disk is for the user only, whatever it was before.
func TestPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	path := filepath.Join(dir, "state.db")
	db := open(t, path)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	defer db.Close()
	put(t, db, "k", "a", "1")

	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) < 3 { // state, write-ahead log, lock
		t.Errorf("files %v", entries)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
}

// TestSettings: the driver ignores what it does not understand, and a store without these would not be durable.
func TestSettings(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	defer db.Close()
	for name, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "fullfsync": "1", "busy_timeout": "1000", "locking_mode": "exclusive", "cache_size": "-512",
		"journal_size_limit": "1048576", "wal_autocheckpoint": "125", "temp_store": "2", "trusted_schema": "0",
	} {
		if got, err := db.Pragma(t.Context(), name); err != nil || got != want {
			t.Errorf("%s = %s, %v, want %s", name, got, err, want)
		}
	}
}

// TestDiskFull: a commit for which there is no room leaves everything as it was, and says so.
func TestDiskFull(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	defer db.Close()
	put(t, db, "k", "a", "1")
	if _, err := db.Pragma(t.Context(), "max_page_count = 50"); err != nil {
		t.Fatal(err)
	}
	_, err := db.Commit(t.Context(), revision(t, db), []store.Change{
		{Record: store.Record{Kind: "k", Key: "a"}, Delete: true},
		{Record: store.Record{Kind: "k", Key: "b", Body: make([]byte, 1<<20)}},
	})
	wantError(t, err, nil, "no space is left", "state.db")
	if got := count(t, db); got != 1 {
		t.Errorf("%d records, want 1", got)
	}
	put(t, db, "k", "c", "2")
}

func TestInUse(t *testing.T) {
	dir := t.TempDir()
	first := open(t, filepath.Join(dir, "state.db"))
	for _, name := range []string{"state.db", "other.db"} {
		_, err := store.Open(t.Context(), filepath.Join(dir, name))
		wantError(t, err, store.ErrInUse, dir, fmt.Sprintf("process %d", os.Getpid()), "--data")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, filepath.Join(dir, "state.db")).Close(); err != nil {
		t.Error(err)
	}
}

// The directory is in use also when somebody has removed the file that says so.
func TestInUseWithoutItsFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	first := open(t, path)
	defer first.Close()
	for range 2 {
		if err := os.Remove(filepath.Join(dir, "lock")); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		_, err := store.Open(t.Context(), path)
		wantError(t, err, store.ErrInUse, dir, "--data")
	}
	put(t, first, "k", "a", "1")
}

// The database itself is locked from the start, before anything is written.
func TestDatabaseIsInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	defer open(t, path).Close()
	alias := filepath.Join(t.TempDir(), "alias.db")
	if err := os.Link(path, alias); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), alias)
	wantError(t, err, store.ErrInUse, filepath.Dir(alias), "alias.db", "--data")
}

func TestRefusesFile(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(t *testing.T, path string)
		kind error
		text []string
	}{
		{"newer schema", func(t *testing.T, path string) {
			if err := open(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			execute(t, path, "PRAGMA user_version = 99")
		}, store.ErrNewerSchema, []string{"schema 99", fmt.Sprintf("up to %d", store.Schema)}},
		{"other program", func(t *testing.T, path string) {
			execute(t, path, "CREATE TABLE theirs (a)")
		}, store.ErrForeign, []string{"another program"}},
		{"other program's empty database", func(t *testing.T, path string) {
			execute(t, path, "PRAGMA user_version = 1")
		}, store.ErrForeign, []string{"another program"}},
		{"text", func(t *testing.T, path string) {
			write(t, path, strings.Repeat("not a database\n", 100))
		}, store.ErrForeign, []string{"not a database"}},
		{"cut short", func(t *testing.T, path string) {
			db := open(t, path)
			for i := range 200 {
				put(t, db, "k", fmt.Sprint(i), strings.Repeat("x", 1000))
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, 8192); err != nil {
				t.Fatal(err)
			}
		}, store.ErrDamaged, []string{"damaged", "copy"}},
		{"directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, nil, []string{"is a directory"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			test.make(t, path)
			db, err := store.Open(t.Context(), path)
			if err == nil { // damage within may show only when it is read
				_, err = db.Load(t.Context(), func(store.Record) error { return nil })
				db.Close()
			}
			wantError(t, err, test.kind, append(test.text, path)...)
			// The refusal gives up the directory again.
			if err := open(t, filepath.Join(filepath.Dir(path), "other.db")).Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRefusesDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	_, err := store.Open(t.Context(), filepath.Join(file, "state.db"))
	wantError(t, err, nil, file, "--data")

	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), filepath.Join(closed, "state.db"))
	wantError(t, err, nil, closed, "permission", "--data")
}

func wantError(t *testing.T, err, kind error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	if kind != nil && !errors.Is(err, kind) {
		t.Errorf("error %q is not %q", err, kind)
	}
	for _, text := range append(texts, " ") {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q is more than a line", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// execute runs SQL on a file behind the store's back.
func execute(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, db *store.DB, kind, key, body string) {
	t.Helper()
	_, err := db.Commit(t.Context(), revision(t, db), []store.Change{{Record: store.Record{Kind: kind, Key: key, Body: []byte(body)}}})
	if err != nil {
		t.Fatal(err)
	}
}

// fill puts n records of a function's size.
func fill(t testing.TB, db *store.DB, n int) {
	t.Helper()
	body := []byte(strings.Repeat(`{"key":"value"},`, 50))
	for i := 0; i < n; {
		var changes []store.Change
		for ; i < n && len(changes) < store.MaxChanges; i++ {
			changes = append(changes, store.Change{Record: store.Record{
				Kind: []string{"function", "role", "url"}[i%3], Key: fmt.Sprintf("123456789012/eu-central-1/function-%d", i), Body: body,
			}})
		}
		if _, err := db.Commit(t.Context(), revision(t, db), changes); err != nil {
			t.Fatal(err)
		}
	}
}

func count(t testing.TB, db *store.DB) int {
	t.Helper()
	n := 0
	if _, err := db.Load(t.Context(), func(store.Record) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestFirstSchema: the records of a database from before revisions are there, and can be changed.
func TestFirstSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	script, err := os.ReadFile("migrations/0001_record.sql")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, path, string(script)+`;
		INSERT INTO record VALUES ('role', 'a', x'7b7d');
		PRAGMA application_id = 0x6675726c; PRAGMA user_version = 1`)
	for want := range store.Revision(2) {
		db := open(t, path)
		if now := revision(t, db); now != want {
			t.Errorf("revision %d, want %d", now, want)
		}
		if got := count(t, db); got != 1 {
			t.Errorf("%d records, want 1", got)
		}
		put(t, db, "role", "a", "{}")
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLoadMany: the time to load grows with the number of records and no faster. The limit is wide because machines
// differ; BenchmarkLoad measures.
func TestLoadMany(t *testing.T) {
	const records = store.MaxChanges + 2_000
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	defer db.Close()
	fill(t, db, records)
	start := time.Now()
	if got := count(t, db); got != records {
		t.Errorf("%d records, want %d", got, records)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("loading %d records took %v", records, took)
	}
}

func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "state.db")
	db := open(b, path)
	fill(b, db, 100)
	db.Close()
	for b.Loop() {
		db, err := store.Open(context.Background(), path)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		db.Close()
		b.StartTimer()
	}
}

func BenchmarkLoad(b *testing.B) {
	db := open(b, filepath.Join(b.TempDir(), "state.db"))
	defer db.Close()
	fill(b, db, 130_000)
	b.ResetTimer()
	for b.Loop() {
		count(b, db)
	}
}

func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			db := open(b, filepath.Join(b.TempDir(), "state.db"))
			defer db.Close()
			changes := make([]store.Change, size)
			for i := range changes {
				changes[i].Record = store.Record{Kind: "k", Key: fmt.Sprint(i), Body: make([]byte, 800)}
			}
			base, err := revision(b, db), error(nil)
			for b.Loop() {
				if base, err = db.Commit(b.Context(), base, changes); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
