// Package record is the stored form of the world: one type for each kind of thing, apart from the domain types, so
// that a change of these does not change what is in the databases of users.
//
//	body, err := record.Encode[*iam.User, record.User](user)
//	user, err := record.Decode[*iam.User, record.User](key, body)
//
// A record is a JSON object with a version. Decode takes every version up to the one that Encode writes, and refuses
// what it would lose: members that it does not know, newer versions, and text after the object. The records of furl
// before versions have none, which counts as version 0.
//
// The fields of a record have the names that they have in the domain type, and are copied by them.
//
// What a record says is never changed. A change of a type here is a new version of its kind, which still reads the
// older ones, and testdata keeps a file of each.
package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"

	"github.com/furl-dev/furl/internal/iam"
)

// Value is a thing of the domain that is stored under a key.
type Value interface{ Key() string }

// Record is what the types of records have.
type Record interface {
	// Kind is the name of the kind in the store and the version that is written.
	Kind() (name string, version int)

	stored() int
}

// upgrader is a pointer to a Record whose older versions have members that it replaces.
type upgrader interface{ upgrade() error }

// header is in every record.
type header struct {
	Version int `json:"version"`
}

func (h header) stored() int        { return h.Version }
func (h *header) stamp(version int) { h.Version = version }

// Encode is the body of a value's record.
func Encode[D Value, R Record](value D) ([]byte, error) {
	var record R
	kind, version := record.Kind()
	if err := convert(reflect.ValueOf(&record).Elem(), reflect.ValueOf(value).Elem()); err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", kind, value.Key(), err)
	}
	any(&record).(interface{ stamp(int) }).stamp(version)
	body, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", kind, value.Key(), err)
	}
	return body, nil
}

// Read is Decode for many records.
func Read[D Value, R Record](r *Reader, key string, body []byte) (D, error) {
	var record R
	_, newest := record.Kind()
	made, ok := r.read(reflect.TypeFor[D](), reflect.TypeFor[R](), body, newest)
	if ok {
		if value := made.Interface().(D); value.Key() == key {
			return value, nil
		}
	}
	return Decode[D, R](key, body)
}

// Decode is the value of the record with the key. The error names the record and what to do.
func Decode[D Value, R Record](key string, body []byte) (D, error) {
	var record R
	kind, newest := record.Kind()
	value, err := decode[D](body, &record)
	if err == nil && value.Key() != key {
		err = fmt.Errorf("it is the record of %q", value.Key())
	}
	if err == nil {
		return value, nil
	}
	var head header
	if json.Unmarshal(body, &head) == nil && (head.Version > newest || head.Version < 0) {
		return value, fmt.Errorf("%s %s has version %d, and this furl knows versions up to %d: "+
			"use the newer furl that wrote it, or choose another directory with --data", kind, key, head.Version, newest)
	}
	return value, fmt.Errorf("decode %s %s: %w: put back a copy of the database, or use the furl that wrote it",
		kind, key, err)
}

func decode[D Value, R Record](body []byte, record *R) (none D, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(record); err != nil {
		return none, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return none, errors.New("there is more after the end of the JSON object")
	}
	if _, newest := (*record).Kind(); (*record).stored() < 0 || (*record).stored() > newest {
		return none, errors.New("unknown version")
	}
	if older, ok := any(record).(upgrader); ok {
		if err := older.upgrade(); err != nil {
			return none, err
		}
	}
	value := reflect.New(reflect.TypeFor[D]().Elem())
	err = convert(value.Elem(), reflect.ValueOf(record).Elem())
	return value.Interface().(D), err
}

// convert copies a value of the domain into a record, or back: structs by the names of their fields, lists and maps
// element by element. A policy is checked on the way back.
func convert(to, from reflect.Value) error {
	switch {
	case to.Type() == from.Type():
		to.Set(from)
	case to.Type() == reflect.TypeFor[iam.Policy]():
		policy, err := taken(from.Interface().(Policy))
		to.Set(reflect.ValueOf(policy))
		return err
	case from.Kind() == reflect.Struct && to.Kind() == reflect.Struct:
		for _, field := range fields(to.Type(), from.Type()) {
			if err := convert(to.Field(field.to), from.Field(field.from)); err != nil {
				return err
			}
		}
	case from.Kind() != reflect.Struct && from.IsNil():
	case from.Kind() == reflect.Pointer:
		return convert(to, from.Elem())
	case to.Kind() == reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		return convert(to.Elem(), from)
	case to.Kind() == reflect.Slice:
		to.Set(reflect.MakeSlice(to.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			if err := convert(to.Index(i), from.Index(i)); err != nil {
				return err
			}
		}
	default:
		to.Set(reflect.MakeMapWithSize(to.Type(), from.Len()))
		for key, value := range from.Seq2() {
			converted := reflect.New(to.Type().Elem()).Elem()
			if err := convert(converted, value); err != nil {
				return err
			}
			to.SetMapIndex(key, converted)
		}
	}
	return nil
}

// taken is a policy of the domain; none was set where there is no text.
func taken(p Policy) (iam.Policy, error) {
	if p.Text == "" {
		return iam.Policy{}, nil
	}
	policy, err := iam.TakenPolicy(p.Text, p.Kind)
	if err != nil {
		return iam.Policy{}, fmt.Errorf("stored policy: %w", err)
	}
	return policy, nil
}

// pair is where two structs have the field of one name.
type pair struct{ to, from int }

// paired are the fields of pairs of structs: looking them up by name for every record takes as long as reading it.
var paired sync.Map // of [2]reflect.Type

// fields are the exported fields of a struct in another. One that the other does not have is a mistake in the program.
func fields(to, from reflect.Type) []pair {
	if known, ok := paired.Load([2]reflect.Type{to, from}); ok {
		return known.([]pair)
	}
	var found []pair
	for i := range to.NumField() {
		field := to.Field(i)
		if !field.IsExported() {
			continue
		}
		other, ok := from.FieldByName(field.Name)
		if !ok || len(other.Index) != 1 {
			panic(fmt.Sprintf("record: %s has no field %s, as %s has", from, field.Name, to))
		}
		found = append(found, pair{i, other.Index[0]})
	}
	paired.Store([2]reflect.Type{to, from}, found)
	return found
}
