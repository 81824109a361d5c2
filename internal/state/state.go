// Package state holds the world that furl serves: accounts, identities, functions and their URLs. All of it is in
// memory as one immutable Snapshot, which readers take without a lock; every change goes through [State.Update],
// which makes it durable in the store first and visible second. There is no other way to change anything, so an
// answer given after an Update is true after a crash too.
//
//	err := world.Update(ctx, func(tx *state.Tx) error {
//		user, ok := tx.View().User(account, name)
//		…
//		return tx.Put(changed)
//	})
package state

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/store"
)

// Store keeps records. Commit is all or nothing and durable on return; a failed Commit may be tried again, but for a
// *store.Conflict.
type Store interface {
	Load(ctx context.Context, visit func(store.Record) error) (store.Revision, error)
	Commit(ctx context.Context, base store.Revision, changes []store.Change) (store.Revision, error)
}

// State is the current world. It is safe for concurrent use.
type State struct {
	store   Store
	current atomic.Pointer[Snapshot]

	writing  sync.Mutex     // held from the start of a change until it is visible
	revision store.Revision // of what the store has
}

// Load reads the world from the store.
func Load(ctx context.Context, from Store) (*State, error) {
	s := &State{store: from}
	tx := newTx(&Snapshot{})
	var err error
	if s.revision, err = tx.loadAll(ctx, from); err != nil {
		return nil, fmt.Errorf("load state: %w", err)
	}
	s.current.Store(tx.View())
	return s, nil
}

// Now is the world as it is.
func (s *State) Now() *Snapshot { return s.current.Load() }

// Update changes the world. The function reads and writes through the transaction, which sees what it has written
// itself. If it returns an error nothing is changed and Update returns that error as it is; otherwise all of its
// writes are durable and visible when Update returns. Updates run one after the other.
//
// One process has the store for itself. If something else has changed it all the same, every further Update fails
// with a *store.Conflict: what is in memory, and what the function has read, is not what is stored.
func (s *State) Update(ctx context.Context, change func(*Tx) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	tx := newTx(s.current.Load())
	if err := change(tx); err != nil {
		return err
	}
	if len(tx.changes) > 0 {
		revision, err := s.store.Commit(ctx, s.revision, tx.changes)
		if _, conflict := errors.AsType[*store.Conflict](err); conflict {
			return fmt.Errorf("commit state: something else has written to the database: restart the server: %w", err)
		} else if err != nil {
			return fmt.Errorf("commit state: %w", err)
		}
		s.revision = revision
	}
	s.current.Store(tx.View())
	return nil
}

// Suppose is the world as it would be after a change. Nothing is stored, and nobody else sees it.
func Suppose(world *Snapshot, change func(*Tx) error) (*Snapshot, error) {
	tx := newTx(world)
	if err := change(tx); err != nil {
		return nil, err
	}
	return tx.View(), nil
}

// maxDropped is how many sessions are forgotten in one change: a store on a full disk has space for a small one only.
const maxDropped = 50

// DropExpired forgets the sessions that expired before the time.
func (s *State) DropExpired(ctx context.Context, before time.Time) error {
	var expired []*iam.Session
	for _, session := range s.Now().Sessions.All() {
		if session.Expires.Before(before) {
			expired = append(expired, session)
		}
	}
	for some := range slices.Chunk(expired, maxDropped) {
		err := s.Update(ctx, func(tx *Tx) error {
			for _, session := range some {
				tx.Delete(session)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
