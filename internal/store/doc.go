// Package store keeps records durably in one SQLite file.
//
// A record is a kind, a key and a body that the store does not look into. The state of the server lives in memory,
// elsewhere; the store is what it is rebuilt from after a restart. So there are three operations: load everything,
// commit some changes of one revision as the next, close. What Commit has acknowledged survives a killed process and, as far as the disk
// keeps its word, a power failure.
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
// written by a newer furl, and changes over the limits named here. It has no queries: whoever needs an index over
// records builds it in memory.
package store
