package state

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/store"
)

// placement puts a decoded record into the world.
type placement func(*Tx)

// batchSize is how many records are passed on at a time.
const batchSize = 256

// loadAll puts all records of the store into the world. Decoding a record, which compiles an identity's policies,
// takes much longer than reading or placing it, so all processors do that.
func (tx *Tx) loadAll(ctx context.Context, from Store) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	records := make(chan []store.Record)
	placements := make(chan []placement)

	go func() {
		defer close(records)
		if err := readAll(ctx, from, records); err != nil {
			stop(err)
		}
	}()
	var decoders sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		decoders.Go(func() {
			for batch := range records {
				decoded, err := decodeAll(batch)
				if err != nil {
					stop(err) // the other decoders go on until there are no records
					continue
				}
				placements <- decoded
			}
		})
	}
	go func() {
		defer close(placements)
		decoders.Wait()
	}()
	for batch := range placements {
		for _, place := range batch {
			place(tx)
		}
	}
	return context.Cause(ctx)
}

// readAll sends the records in batches until there are no more or the context ends.
func readAll(ctx context.Context, from Store, batches chan<- []store.Record) error {
	batch := make([]store.Record, 0, batchSize)
	err := from.Load(ctx, func(record store.Record) error {
		if batch = append(batch, record); len(batch) == batchSize {
			batches <- batch
			batch = make([]store.Record, 0, batchSize)
		}
		return context.Cause(ctx)
	})
	if err == nil {
		batches <- batch
	}
	return err
}

func decodeAll(records []store.Record) ([]placement, error) {
	decoded := make([]placement, len(records))
	for i, record := range records {
		var err error
		if decoded[i], err = decode(record); err != nil {
			return nil, err
		}
	}
	return decoded, nil
}

// decode reads a record, as far as that can be done without the rest of the world.
func decode(record store.Record) (placement, error) {
	switch record.Kind {
	case kindUser:
		user, err := unmarshal[iam.User](record)
		if err != nil {
			return nil, err
		}
		user.Prepare()
		return func(tx *Tx) { tx.setUser(user) }, nil
	case kindRole:
		role, err := unmarshal[iam.Role](record)
		if err != nil {
			return nil, err
		}
		role.Prepare()
		return func(tx *Tx) { tx.setRole(role) }, nil
	case kindGroup:
		group, err := unmarshal[iam.Group](record)
		if err != nil {
			return nil, err
		}
		group.Prepare()
		return func(tx *Tx) { tx.setGroup(group) }, nil
	case kindPolicy:
		policy, err := unmarshal[iam.ManagedPolicy](record)
		return func(tx *Tx) { tx.policies.set(policy.ARN(), policy) }, err
	case kindProvider:
		provider, err := unmarshal[iam.Provider](record)
		return func(tx *Tx) { tx.providers.set(provider.ARN(), provider) }, err
	case kindSession:
		session, err := unmarshal[iam.Session](record)
		return func(tx *Tx) { tx.PutTransientSession(session) }, err
	case kindFunction:
		function, err := unmarshal[lambda.Function](record)
		if err != nil {
			return nil, err
		}
		function.Prepare()
		return func(tx *Tx) { tx.setFunction(function) }, nil
	default:
		return nil, fmt.Errorf("record %s has the unknown kind %q", record.Key, record.Kind)
	}
}

func unmarshal[V any](record store.Record) (*V, error) {
	value := new(V)
	if err := json.Unmarshal(record.Body, value); err != nil {
		return nil, fmt.Errorf("decode %s %s: %w", record.Kind, record.Key, err)
	}
	return value, nil
}
