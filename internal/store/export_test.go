package store

import "io/fs"

// Schema is the newest schema this build knows.
var Schema = func() int {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		panic(err)
	}
	return len(names)
}()
