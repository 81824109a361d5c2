package store

import (
	"context"
	"io/fs"
)

// Schema is the newest schema this build knows.
var Schema = func() int {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		panic(err)
	}
	return len(names)
}()

// Pragma is the value of a setting of the store's connection.
func (db *DB) Pragma(ctx context.Context, name string) (value string, err error) {
	err = db.sql.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value)
	return value, err
}
