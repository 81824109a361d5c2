package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
)

// Migrations are SQL files named 0001_….sql, 0002_….sql and so on, each run once, in order, in a transaction of its
// own. A migration that has been released is never changed: a correction is the next one. There is no way back.
//
//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks a SQLite file as furl's, in the header field SQLite has for that. It is "furl" in ASCII.
const applicationID = 0x6675726c

// migrate brings the database up to the newest schema, or refuses it.
func (db *DB) migrate(ctx context.Context) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	version, err := db.schemaVersion(ctx)
	if err != nil {
		return err
	}
	if version > len(names) {
		return &problem{ErrNewerSchema, fmt.Sprintf(
			"%s has schema %d, this furl knows up to %d: use the newer furl that wrote it, or choose another directory "+
				"with --data", db.path, version, len(names))}
	}
	for ; version < len(names); version++ {
		if err := db.runMigration(ctx, names[version], version+1); err != nil {
			return fmt.Errorf("migration %s: %w", names[version], err)
		}
	}
	return nil
}

// schemaVersion is how many migrations the database has had; 0 for a new one.
func (db *DB) schemaVersion(ctx context.Context) (int, error) {
	var application, version, tables int
	err := db.sql.QueryRowContext(ctx, `
		SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id, pragma_user_version`).Scan(&application, &version, &tables)
	if err != nil {
		return 0, err
	}
	if application != applicationID && (application != 0 || version != 0 || tables != 0) {
		return 0, &problem{ErrForeign, fmt.Sprintf(
			"%s is a SQLite database of another program: choose another directory with --data", db.path)}
	}
	return version, nil
}

// runMigration runs a migration, or fails if the database file has no space for what it adds.
func (db *DB) runMigration(ctx context.Context, name string, version int) error {
	script, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, string(script)); err != nil {
		return err
	}
	// Both are part of the transaction; a PRAGMA takes no parameters.
	marks := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, version)
	if _, err := tx.ExecContext(ctx, marks); err != nil {
		return err
	}
	if db.file != nil {
		pages, err := pageCount(ctx, tx)
		if err != nil {
			return err
		}
		if err := db.extend(pages); err != nil {
			return err
		}
	}
	return tx.Commit()
}
