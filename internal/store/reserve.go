package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"syscall"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

// A disk that is full must still let records go. So the store has the space that this takes beforehand, on disk and not
// only in account: a log of logSize, which SQLite writes again from its start every checkpointPages or so, and in the
// database file each page that the log may bring there. A change for which that space is not there fails before it is
// committed.
//
// A file system that never writes to the same place twice, such as btrfs, needs space for that all the same, and keeps
// some for it.
//
// Both are written with plain writes behind SQLite's back, at places where it looks for nothing: beyond the last page
// of a database, whose header says where that is, and after the last frame of a log, which ends where a frame's salt or
// checksum is wrong (SQLite, "Database File Format", 1.3.8 and 4.1).
const (
	logSize         = 1 << 20 // bytes
	checkpointPages = 125     // half of that, so that one commit of as much fits into the rest
	sparePages      = 16      // of the database, for the few that rebalancing may take when records go
)

// IsFull reports whether an error means that there is no space: on the disk, in the user's quota, or for a file as
// large as that. SQLite has a code of its own for the first only.
func IsFull(err error) bool {
	if errors.Is(err, sqlite3.FULL) || errors.Is(err, sqlite3.IOERR_WRITE) {
		return true
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// reserve makes sure that there is space for what the transaction has changed, and for the log. before is how many
// pages the database had. frees says that records only go or become shorter: then the spare pages may be used.
func (db *DB) reserve(ctx context.Context, tx *sql.Tx, before int64, frees bool) error {
	if db.file == nil {
		return nil
	}
	db.extendLog() // SQLite may find the space itself, and says if not
	pages, err := pageCount(ctx, tx)
	if err != nil {
		return err
	}
	err = db.extend(pages + sparePages)
	if err != nil && (frees || pages <= before) {
		err = db.extend(pages)
	}
	return err
}

// pageCount is how many pages the database has.
func pageCount(ctx context.Context, tx *sql.Tx) (pages int64, err error) {
	err = tx.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&pages)
	return pages, err
}

// keepLog has SQLite leave the log where it is when it closes the database. Its space could be gone before the next
// start.
func (db *DB) keepLog(ctx context.Context) error {
	connection, err := db.sql.Conn(ctx)
	if err != nil {
		return err
	}
	defer connection.Close() //nolint:errcheck // it goes back to the pool
	return connection.Raw(func(c any) error {
		_, err := c.(driver.Conn).Raw().FileControl("main", sqlite3.FCNTL_PERSIST_WAL, true)
		return err
	})
}

// reserveAll is reserve for a store as it is when it is opened.
func (db *DB) reserveAll(ctx context.Context) error {
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it has changed nothing
	return db.reserve(ctx, tx, 0, true)
}

// extend makes the database file long enough for so many pages.
func (db *DB) extend(pages int64) error { return fill(db.file, pages*db.pageSize) }

// extendLog makes the log as long as it is to be.
func (db *DB) extendLog() {
	name := db.path + "-wal"
	if info, err := os.Stat(name); err != nil || info.Size() >= logSize {
		return
	}
	log, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer log.Close() //nolint:errcheck // what could not be written is tried again
	_ = fill(log, logSize)
}

// fill writes zeros to the end of a file until it has the size. A hole would have no space on the disk.
func fill(file *os.File, size int64) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	zeros := make([]byte, min(max(size-info.Size(), 0), 64<<10))
	for at := info.Size(); at < size; {
		n, err := file.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

// frees reports whether the changes only delete records or make them shorter, as they are in the transaction.
func (db *DB) frees(ctx context.Context, tx *sql.Tx, changes []Change) (bool, error) {
	for _, c := range changes {
		if c.Delete {
			continue
		}
		var length int
		err := tx.QueryRowContext(ctx, `SELECT length(body) FROM record WHERE kind = $1 AND key = $2`,
			c.Kind, c.Key).Scan(&length)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return false, nil
		case err != nil:
			return false, err
		case len(c.Body) > length:
			return false, nil
		}
	}
	return true, nil
}

// checkpoint brings what is in the log into the database, so that the log begins anew.
func (db *DB) checkpoint(ctx context.Context) error {
	var busy, pages, done int
	return db.sql.QueryRowContext(ctx, `PRAGMA wal_checkpoint(FULL)`).Scan(&busy, &pages, &done)
}
