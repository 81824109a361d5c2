package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/furl-dev/furl/internal/metric"
)

// Memory is the path of a store that is kept in memory and forgotten on Close.
const Memory = ":memory:"

// pragmas are set on the connection before its first use.
//
// WAL keeps a commit to one write and one flush. With synchronous=FULL that flush happens before COMMIT returns, so
// what is acknowledged survives a power failure as well as a killed process; fullfsync makes it reach the disk on
// macOS too. The page cache is small because everything is read once and then lives elsewhere.
var pragmas = []string{
	"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "fullfsync(1)", "cache_size(-512)",
	"journal_size_limit(4194304)", "temp_store(MEMORY)", "trusted_schema(0)",
}

// DB is an open store. Its methods may be called from several goroutines; they wait for each other.
type DB struct {
	path string
	sql  *sql.DB // never more than one connection: SQLite has one writer, and Memory one owner
	lock *lock   // nil for Memory

	put, remove *sql.Stmt

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
		if db.lock, err = claim(db.path); err != nil {
			return err
		}
		source = (&url.URL{Scheme: "file", Path: db.path}).String() + "?"
	}
	query := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}

	var err error
	if db.sql, err = sql.Open("sqlite", source+query.Encode()); err != nil {
		return explain(db.path, "open", err)
	}
	db.sql.SetMaxOpenConns(1)
	db.sql.SetMaxIdleConns(1)
	if err := migrate(ctx, db.sql, db.path); err != nil {
		return explain(db.path, "open", err)
	}
	if db.put, err = db.sql.PrepareContext(ctx, `
		INSERT INTO record (kind, key, body) VALUES ($1, $2, $3)
		ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body`); err != nil {
		return explain(db.path, "open", err)
	}
	if db.remove, err = db.sql.PrepareContext(ctx, `DELETE FROM record WHERE kind = $1 AND key = $2`); err != nil {
		return explain(db.path, "open", err)
	}
	return nil
}

// claim makes the directory and file where needed, for this user only, and locks the directory.
func claim(path string) (*lock, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, inaccessible("make the data directory", err)
	}
	lock, err := lockDirectory(dir)
	if err != nil {
		return nil, err
	}
	if err := createPrivate(path); err != nil {
		return nil, errors.Join(inaccessible("open the state file", err), lock.release())
	}
	return lock, nil
}

// createPrivate makes sure that path is a file only the user can read: it holds secret keys. SQLite gives the files
// it makes beside it the same mode.
func createPrivate(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := file.Chmod(0o600); err != nil {
			return err
		}
	}
	if info.Size() > 0 {
		return nil
	}
	// A new file's name is safe only when the directories that lead to it are.
	return errors.Join(syncDirectory(filepath.Dir(path)), syncDirectory(filepath.Dir(filepath.Dir(path))))
}

// Load calls visit for every record, in no particular order, and stops at the first error, which it returns.
// Record.Body is visit's to keep. visit must not call methods of the store.
func (db *DB) Load(ctx context.Context, visit func(Record) error) error {
	rows, err := db.sql.QueryContext(ctx, `SELECT kind, key, body FROM record`)
	if err != nil {
		return explain(db.path, "read", err)
	}
	defer rows.Close()
	var kind sql.RawBytes
	var r Record
	for rows.Next() {
		if err := rows.Scan(&kind, &r.Key, &r.Body); err != nil {
			return explain(db.path, "read", err)
		}
		if string(kind) != r.Kind { // there are few kinds: do not make a new string for each record
			r.Kind = string(kind)
		}
		if err := visit(r); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return explain(db.path, "read", err)
	}
	return nil
}

// Commit makes the changes in their order, all of them or, with an error, none. When it returns nil they are
// durable. Deleting what is not there is no error. Changes beyond the limits of this package are refused.
func (db *DB) Commit(ctx context.Context, changes []Change) error {
	if err := validate(changes); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	if len(changes) == 0 {
		return nil
	}
	if err := db.commit(ctx, changes); err != nil {
		db.commits.Add(failed)
		return explain(db.path, "write", err)
	}
	db.commits.Add(committed)
	return nil
}

func (db *DB) commit(ctx context.Context, changes []Change) error {
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	put, remove := tx.StmtContext(ctx, db.put), tx.StmtContext(ctx, db.remove)
	for _, c := range changes {
		if c.Delete {
			_, err = remove.ExecContext(ctx, c.Kind, c.Key)
		} else {
			_, err = put.ExecContext(ctx, c.Kind, c.Key, nonNil(c.Body))
		}
		if err != nil {
			return err
		}
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
			err = db.sql.Close()
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
