package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/store"
)

// writerEnv tells the test binary to be a writer that waits to be killed, and to which file it writes.
const writerEnv = "FURL_STORE_TEST_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerEnv); path != "" {
		if err := writeForever(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeForever commits pair after pair, counting on from what is there, and acknowledges each on standard output.
func writeForever(path string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, path)
	if err != nil {
		return err
	}
	next := 0
	base, err := db.Load(ctx, func(store.Record) error { next++; return nil })
	if err != nil {
		return err
	}
	for next /= 2; ; next++ {
		key := strconv.Itoa(next)
		var changes []store.Change
		for _, kind := range []string{"left", "right"} {
			changes = append(changes, store.Change{Record: store.Record{Kind: kind, Key: key, Body: []byte(key)}})
		}
		if base, err = db.Commit(ctx, base, changes); err != nil {
			return err
		}
		fmt.Println(key)
	}
}

// TestKill kills a writing process with SIGKILL, twenty times. The store opens after each, has every acknowledged
// pair and no half of one, and has at most the one pair more that was being acknowledged.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	acknowledged := -1
	for round := range 20 {
		last := writeUntilKilled(t, path, time.Duration(5+7*round)*time.Millisecond)
		acknowledged = max(acknowledged, last)

		db := open(t, path)
		found := map[string]int{}
		_, err := db.Load(t.Context(), func(r store.Record) error {
			if string(r.Body) != r.Key {
				t.Errorf("%s %s has body %q", r.Kind, r.Key, r.Body)
			}
			found[r.Key]++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		for n := range acknowledged + 1 {
			if found[strconv.Itoa(n)] != 2 {
				t.Errorf("round %d: pair %d of %d acknowledged has %d records", round, n, acknowledged+1, found[strconv.Itoa(n)])
			}
		}
		if extra := len(found) - (acknowledged + 1); extra < 0 || extra > 1 {
			t.Errorf("round %d: %d pairs, %d acknowledged", round, len(found), acknowledged+1)
		}
		acknowledged = len(found) - 1
	}
	if acknowledged < 20 {
		t.Errorf("only %d pairs in 20 rounds: the test killed before anything was written", acknowledged+1)
	}
	t.Logf("%d acknowledged pairs survived", acknowledged+1)
}

// writeUntilKilled runs a writer, kills it some time after its first acknowledgement and returns the last one, -1 if
// there was none.
func writeUntilKilled(t *testing.T, path string, after time.Duration) int {
	t.Helper()
	writer := exec.CommandContext(t.Context(), os.Args[0])
	writer.Env = append(os.Environ(), writerEnv+"="+path)
	writer.Stderr = os.Stderr
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	last := -1
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if last == -1 {
			time.AfterFunc(after, func() { writer.Process.Kill() })
		}
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatalf("writer says %q", lines.Text())
		}
	}
	if err := writer.Wait(); err == nil {
		t.Fatal("the writer ended by itself")
	}
	return last
}

// TestDatabaseIsLocked: while a process has the database, another does not get it under any name; when it was killed,
// the next one does.
func TestDatabaseIsLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	writer := exec.CommandContext(t.Context(), os.Args[0])
	writer.Env = append(os.Environ(), writerEnv+"="+path)
	writer.Stderr = os.Stderr
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	defer writer.Wait()         //nolint:errcheck // it was killed
	defer writer.Process.Kill() //nolint:errcheck // or has ended
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the writer writes nothing")
	}
	go func() {
		for lines.Scan() { // let it go on
		}
	}()
	if err := os.Remove(filepath.Join(filepath.Dir(path), "lock")); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), path)
	wantError(t, err, store.ErrInUse, filepath.Dir(path))

	alias := filepath.Join(t.TempDir(), "alias.db")
	if err := os.Link(path, alias); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), alias)
	wantError(t, err, store.ErrInUse, filepath.Dir(alias), "alias.db", "--data")

	if err := writer.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := writer.Wait(); err == nil {
		t.Error("the writer ended by itself")
	}
	if err := os.Remove(alias); err != nil {
		t.Fatal(err)
	}
	db := open(t, path)
	defer db.Close()
	put(t, db, "k", "a", "1")
}
