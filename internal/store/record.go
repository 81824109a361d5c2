package store

import (
	"errors"
	"fmt"
)

// Limits of what can be committed. They are far above what the server writes and exist so that a fault elsewhere
// can not fill memory or disk in one step.
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
