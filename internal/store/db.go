// Package store keeps records durably in one SQLite file.
//
// A record is a kind, a key and a body that the store does not look into. The state of the server lives in memory,
// elsewhere; the store is what it is rebuilt from after a restart. So there are three operations: load everything,
// commit changes of one revision as the next, close. What Commit has acknowledged survives a killed process and, as far
// as the disk keeps its word, a power failure.
//
//	db, err := store.Open(ctx, ".furl/state.db")
//	if err != nil {
//		return err // one line, with the next step in it
//	}
//	defer db.Close()
//	revision, err := db.Load(ctx, func(r store.Record) error { … })
//	revision, err = db.Commit(ctx, revision, []store.Change{{Record: store.Record{Kind: "role", Key: "…", Body: body}}})
//
// The package refuses a directory that another process has open, a file that is not its own, is damaged or was
// written by a newer furl, and changes over the limits named here. It has no queries: a
// caller that needs an index over records builds it in memory.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	_ "github.com/ncruces/go-sqlite3/driver" // the driver "sqlite3"

	"github.com/furl-dev/furl/internal/metric"
)

// Limits of what can be committed. They are far above what the server writes and exist so that a fault elsewhere
// cannot fill memory or disk in one step.
const (
	MaxKind    = 64       // bytes
	MaxKey     = 2 << 10  // bytes
	MaxBody    = 8 << 20  // bytes
	MaxChanges = 10_000   // in one Commit
	MaxCommit  = 64 << 20 // bytes of keys and bodies in one Commit
)

// Revision counts the commits of a store.
type Revision int64

// Record is one stored thing. Kind and Key together name it.
type Record struct {
	Kind string // what it is, for example "function"
	Key  string // which one
	Body []byte // the thing itself, JSON by convention
}

// Change puts a record in place of any of the same kind and key, or deletes it, in which case Body is not used.
type Change struct {
	Record
	Delete bool
}

// validate holds changes against the limits before anything is written.
func validate(changes []Change) error {
	if len(changes) > MaxChanges {
		return fmt.Errorf("%d changes in one commit, the limit is %d", len(changes), MaxChanges)
	}
	total := 0
	for _, c := range changes {
		switch {
		case c.Kind == "" || c.Key == "":
			return errors.New("a record needs a kind and a key")
		case len(c.Kind) > MaxKind:
			return fmt.Errorf("kind %.20q… is %d bytes, the limit is %d", c.Kind, len(c.Kind), MaxKind)
		case len(c.Key) > MaxKey:
			return fmt.Errorf("%s: key %.20q… is %d bytes, the limit is %d", c.Kind, c.Key, len(c.Key), MaxKey)
		case len(c.Body) > MaxBody:
			return fmt.Errorf("%s %s: body is %d bytes, the limit is %d", c.Kind, c.Key, len(c.Body), MaxBody)
		}
		total += len(c.Kind) + len(c.Key) + len(c.Body)
	}
	if total > MaxCommit {
		return fmt.Errorf("%d bytes in one commit, the limit is %d", total, MaxCommit)
	}
	return nil
}

// Memory is the path of a store that is kept in memory and forgotten on Close.
const Memory = ":memory:"

// pragmas are set on the connection before its first use.
//
// WAL keeps a commit to one write and one flush. With synchronous=FULL that flush happens before COMMIT returns, so
// what is acknowledged survives a power failure as well as a killed process; fullfsync makes it reach the disk on macOS
// too. The page cache is small because everything is read once and then lives elsewhere. The lock on the database is
// taken at the start and kept, so that no other process uses it under whatever name; it ends with this process. How it
// is locked must be said before the database is first read, and the driver puts only busy_timeout first.
var pragmas = []string{
	"busy_timeout(1000); PRAGMA locking_mode(EXCLUSIVE)", "journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)",
	"cache_size(-512)", "temp_store(MEMORY)", "trusted_schema(0)",
	"journal_size_limit(" + strconv.Itoa(logSize) + ")", "wal_autocheckpoint(" + strconv.Itoa(checkpointPages) + ")",
}

// DB is an open store. Its methods may be called from several goroutines; they wait for each other.
type DB struct {
	path string
	sql  *sql.DB // never more than one connection: SQLite has one writer, and Memory one owner
	lock *lock   // nil for Memory

	// The database file, to be closed after SQLite has closed it: until then, that would end SQLite's locks.
	file     *os.File // nil for Memory
	pageSize int64

	advance, put, empty, remove *sql.Stmt

	commits metric.Tally[outcome]
	close   sync.Once
}

// outcome is how a commit came out.
type outcome uint8

const (
	committed outcome = iota
	failed
)

// String is the value of the label.
func (o outcome) String() string { return [...]string{"committed", "failed"}[o] }

// Collectors are the metrics of the store.
func (db *DB) Collectors() []metric.Collector {
	return db.commits.Collectors("furl_store_commits_total", "Changes of the state, by whether they became durable.",
		"outcome", []outcome{committed, failed})
}

// Open opens the store in the file path, creating the file and its directory where they do not exist, readable by
// the user only. The directory then belongs to this process until Close.
//
// The error is one line that names the file and the next step; it is [ErrInUse], [ErrNewerSchema], [ErrForeign] or
// [ErrDamaged] where one of these is the reason.
func Open(ctx context.Context, path string) (*DB, error) {
	db := &DB{path: path}
	if err := db.open(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func (db *DB) open(ctx context.Context) error {
	source := "file::memory:?"
	if db.path != Memory {
		var err error
		if db.path, err = filepath.Abs(db.path); err != nil {
			return fmt.Errorf("find the state file: %w", err)
		}
		if err := db.claim(); err != nil {
			return err
		}
		source = (&url.URL{Scheme: "file", Path: db.path}).String() + "?"
	}
	query := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}, "modeof": {db.path}} // that of the log, too

	var err error
	if db.sql, err = sql.Open("sqlite3", source+strings.ReplaceAll(query.Encode(), "+", "%20")); err != nil {
		return explain(db.path, "open", err)
	}
	db.sql.SetMaxOpenConns(1)
	db.sql.SetMaxIdleConns(1)
	if err := db.sql.QueryRowContext(ctx, `PRAGMA page_size`).Scan(&db.pageSize); err != nil {
		return explain(db.path, "open", err)
	}
	if err := db.migrate(ctx); err != nil {
		return explain(db.path, "open", err)
	}
	if err := db.prepare(ctx); err != nil {
		return explain(db.path, "open", err)
	}
	return nil
}

// prepare compiles the statements, and takes the space that deleting needs.
func (db *DB) prepare(ctx context.Context) (err error) {
	for _, statement := range []struct {
		into **sql.Stmt
		text string
	}{
		{&db.advance, `UPDATE revision SET number = number + 1 WHERE number = $1`},
		{&db.put, `INSERT INTO record (kind, key, body) VALUES ($1, $2, $3)
			ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body`},
		{&db.empty, `UPDATE record SET body = x'' WHERE kind = $1 AND key = $2`},
		{&db.remove, `DELETE FROM record WHERE kind = $1 AND key = $2`},
	} {
		if *statement.into, err = db.sql.PrepareContext(ctx, statement.text); err != nil {
			return err
		}
	}
	if db.file == nil {
		return nil
	}
	if err := db.keepLog(ctx); err != nil {
		return err
	}
	if err := db.reserveAll(ctx); err != nil && !IsFull(err) {
		return err
	}
	return nil
}

// claim makes the directory and file where needed, for this user only, and locks the directory.
func (db *DB) claim() (err error) {
	dir := filepath.Dir(db.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return inaccessible("make the data directory", err)
	}
	if db.lock, err = lockDirectory(dir); err != nil {
		return err
	}
	if db.file, err = openPrivate(db.path); err != nil {
		return inaccessible("open the state file", err)
	}
	return nil
}

// openPrivate opens path and makes sure that only the user can read it: it holds secret keys. SQLite gives the files it
// makes beside it the same mode.
func openPrivate(path string) (file *os.File, err error) {
	if file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			file.Close() //nolint:errcheck // nothing was written
			file = nil
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return file, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := file.Chmod(0o600); err != nil {
			return file, err
		}
	}
	if info.Size() > 0 {
		return file, nil
	}
	// A new file's name is safe only when the directories that lead to it are.
	return file, errors.Join(syncDirectory(filepath.Dir(path)), syncDirectory(filepath.Dir(filepath.Dir(path))))
}

// Load calls visit for every record, in no particular order, and returns the revision that they are of. It stops at the
// first error, which it returns. Record.Body is good until visit returns. visit must not call methods of the store.
func (db *DB) Load(ctx context.Context, visit func(Record) error) (Revision, error) {
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return 0, explain(db.path, "read", err)
	}
	defer tx.Rollback() //nolint:errcheck // it has changed nothing
	now, err := revision(ctx, tx)
	if err != nil {
		return 0, explain(db.path, "read", err)
	}
	rows, err := tx.QueryContext(ctx, `SELECT kind, key, body FROM record`)
	if err != nil {
		return 0, explain(db.path, "read", err)
	}
	defer rows.Close()
	var kind, body sql.RawBytes
	var r Record
	for rows.Next() {
		if err := rows.Scan(&kind, &r.Key, &body); err != nil {
			return 0, explain(db.path, "read", err)
		}
		r.Body = body
		if string(kind) != r.Kind { // there are few kinds: do not make a new string for each record
			r.Kind = string(kind)
		}
		if err := visit(r); err != nil {
			return 0, err
		}
	}
	if err := rows.Err(); err != nil {
		return 0, explain(db.path, "read", err)
	}
	return now, nil
}

// revision is the revision that the transaction sees.
func revision(ctx context.Context, tx *sql.Tx) (now Revision, err error) {
	err = tx.QueryRowContext(ctx, `SELECT number FROM revision`).Scan(&now)
	return now, err
}

// Commit makes the changes in their order, all of them or, with an error, none. When it returns no error they are
// durable, and the revision is the one that they made. The error is a [*Conflict] if base is not the revision that the
// store has. Without changes nothing happens. Deleting what is not there is no error. Changes beyond the limits of this
// package are refused. On a disk that is full, changes that only delete records or put shorter ones in their place go
// through, and others fail.
func (db *DB) Commit(ctx context.Context, base Revision, changes []Change) (Revision, error) {
	if err := validate(changes); err != nil {
		return base, fmt.Errorf("write state: %w", err)
	}
	if len(changes) == 0 {
		return base, nil
	}
	err := db.commit(ctx, base, changes, false)
	if IsFull(err) && db.file != nil && db.checkpoint(ctx) == nil { // a log that begins anew may be all that it takes
		err = db.commit(ctx, base, changes, true)
	}
	if err != nil {
		db.commits.Add(failed)
		return base, explain(db.path, "write", err)
	}
	db.commits.Add(committed)
	return base + 1, nil
}

// commit makes the changes. full says that there was no space for them.
func (db *DB) commit(ctx context.Context, base Revision, changes []Change, full bool) error {
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	advanced, err := tx.StmtContext(ctx, db.advance).ExecContext(ctx, base)
	if err != nil {
		return err
	}
	if rows, err := advanced.RowsAffected(); err != nil {
		return err
	} else if rows == 0 {
		now, err := revision(ctx, tx)
		return cmp.Or[error](err, &Conflict{Base: base, Now: now})
	}
	before, err := pageCount(ctx, tx)
	if err != nil {
		return err
	}
	frees := false
	if full {
		if frees, err = db.frees(ctx, tx, changes); err != nil {
			return err
		}
	}
	put, empty, remove := tx.StmtContext(ctx, db.put), tx.StmtContext(ctx, db.empty), tx.StmtContext(ctx, db.remove)
	for _, c := range changes {
		if c.Delete {
			_, err = remove.ExecContext(ctx, c.Kind, c.Key)
		} else {
			if frees { // SQLite would find pages for the new body before it gives up those of the old one
				if _, err := empty.ExecContext(ctx, c.Kind, c.Key); err != nil {
					return err
				}
			}
			_, err = put.ExecContext(ctx, c.Kind, c.Key, nonNil(c.Body))
		}
		if err != nil {
			return err
		}
	}
	if err := db.reserve(ctx, tx, before, frees); err != nil {
		return err
	}
	return tx.Commit()
}

// nonNil is body, which must not become NULL.
func nonNil(body []byte) []byte {
	if body == nil {
		return []byte{}
	}
	return body
}

// Close ends the use of the store and gives up the directory. It waits for calls under way. A second Close does
// nothing.
func (db *DB) Close() (err error) {
	db.close.Do(func() {
		if db.sql != nil {
			// With a limit SQLite would cut the log that it leaves to nothing.
			_, err = db.sql.Exec("PRAGMA journal_size_limit(-1)")
			err = errors.Join(err, db.sql.Close())
		}
		if db.file != nil {
			err = errors.Join(err, db.file.Close())
		}
		if db.lock != nil {
			err = errors.Join(err, db.lock.release())
		}
		if err != nil {
			err = fmt.Errorf("close %s: %w", db.path, err)
		}
	})
	return err
}
