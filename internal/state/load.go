package state

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/furl-dev/furl/internal/state/record"
	"github.com/furl-dev/furl/internal/store"
)

// batchSize is how many records are passed on at a time.
const batchSize = 256

// loadAll puts all records of the store into the world. Decoding a record, which checks an identity's policies,
// takes longer than reading or placing it, so all processors do that.
func (tx *Tx) loadAll(ctx context.Context, from Store) (revision store.Revision, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	records, read := make(chan *batch), make(chan *batch, runtime.GOMAXPROCS(0)+2)
	for range cap(read) {
		read <- &batch{}
	}
	values := make(chan []record.Value)

	go func() {
		defer close(records)
		var err error
		if revision, err = readAll(ctx, from, read, records); err != nil {
			stop(err)
		}
	}()
	var decoders sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		decoders.Go(func() {
			var reader record.Reader
			for b := range records {
				decoded, err := decodeAll(&reader, b.records)
				read <- b
				if err != nil {
					stop(err) // the other decoders go on until there are no records
					continue
				}
				values <- decoded
			}
		})
	}
	go func() {
		defer close(values)
		decoders.Wait()
	}()
	for batch := range values {
		for _, value := range batch {
			tx.place(value)
		}
	}
	return revision, context.Cause(ctx) // the reader has ended, since the decoders have
}

// batch is some records, with the memory that their bodies are in. It is used again when they are decoded.
type batch struct {
	records []store.Record
	bodies  []byte
}

func (b *batch) add(r store.Record) {
	from := len(b.bodies)
	b.bodies = append(b.bodies, r.Body...)
	r.Body = b.bodies[from:len(b.bodies):len(b.bodies)]
	b.records = append(b.records, r)
}

func (b *batch) empty() { b.records, b.bodies = b.records[:0], b.bodies[:0] }

// readAll sends the records in batches, which it takes from free, until there are no more or the context ends.
func readAll(ctx context.Context, from Store, free <-chan *batch, full chan<- *batch) (store.Revision, error) {
	b := <-free
	revision, err := from.Load(ctx, func(stored store.Record) error {
		if b.add(stored); len(b.records) == batchSize {
			full <- b
			b = <-free
			b.empty()
		}
		return context.Cause(ctx)
	})
	if err == nil {
		full <- b
	}
	return revision, err
}

func decodeAll(reader *record.Reader, records []store.Record) ([]record.Value, error) {
	decoded := make([]record.Value, len(records))
	for i, stored := range records {
		var err error
		if decoded[i], err = decode(reader, stored); err != nil {
			return nil, err
		}
	}
	return decoded, nil
}

// decode reads a record, as far as that can be done without the rest of the world.
func decode(reader *record.Reader, stored store.Record) (record.Value, error) {
	kept, ok := collections().byKind[stored.Kind]
	if !ok {
		return nil, fmt.Errorf("record %s has the unknown kind %q: use the furl that wrote it, "+
			"or choose another directory with --data", stored.Key, stored.Kind)
	}
	value, err := kept.decode(reader, stored)
	if err == nil {
		prepare(value)
	}
	return value, err
}
