package state_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/state/record"
	"github.com/furl-dev/furl/internal/store"
)

// listStore is a store of some records that fails after the last.
type listStore struct {
	records []store.Record
	fault   error
}

func (s listStore) Load(ctx context.Context, visit func(store.Record) error) (store.Revision, error) {
	for _, record := range s.records {
		if err := errors.Join(visit(record), ctx.Err()); err != nil {
			return 0, err
		}
	}
	return 0, s.fault
}

func (listStore) Commit(context.Context, store.Revision, []store.Change) (store.Revision, error) {
	return 0, nil
}

// roles are more records than are decoded at one time.
func roles(t *testing.T, count int) []store.Record {
	t.Helper()
	var records []store.Record
	for i := range count {
		role := role(fmt.Sprintf("r%d", i), fmt.Sprintf("AROA%017d", i))
		body, err := record.Encode[*iam.Role, record.Role](role)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, store.Record{Kind: "role", Key: role.Key(), Body: body})
	}
	return records
}

func TestManyRecordsAreLoaded(t *testing.T) {
	const count = 3000
	world, err := state.Load(t.Context(), listStore{records: roles(t, count)})
	if err != nil {
		t.Fatal(err)
	}
	if got := world.Now().Roles.Len(); got != count {
		t.Errorf("%d of %d roles were loaded", got, count)
	}
	if arn, ok := world.Now().PrincipalARN("AROA00000000000002999"); !ok || arn != "arn:aws:iam::111111111111:role/r2999" {
		t.Errorf("the last one is %q, %v", arn, ok)
	}
}

func TestOneDamagedRecordAmongMany(t *testing.T) {
	records := roles(t, 3000)
	records[1500].Body = []byte("{")
	_, err := state.Load(t.Context(), listStore{records: records})
	if err == nil || !strings.Contains(err.Error(), "111111111111/r1500") {
		t.Errorf("the error %v does not name the record", err)
	}
}

func TestAStoreThatCanNotBeReadToItsEnd(t *testing.T) {
	fault := errors.New("bad sector")
	if _, err := state.Load(t.Context(), listStore{roles(t, 300), fault}); !errors.Is(err, fault) {
		t.Errorf("error is %v", err)
	}
}

func TestLoadingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := state.Load(ctx, listStore{records: roles(t, 3000)}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}
