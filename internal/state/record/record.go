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
// What a record says is never changed. A change of a type here is a new version of its kind: Value still reads the
// older ones, and testdata keeps a file of each.
package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Value is a thing of the domain that is stored under a key.
type Value interface{ Key() string }

// Of is what the type R of records of a D has. Kind and From use nothing of their receiver.
type Of[D Value, R any] interface {
	// Kind is the name of the kind in the store and the version that is written.
	Kind() (name string, version int)
	// From is the record of a value.
	From(D) R
	// Value is the value of a record.
	Value() (D, error)

	stored() int
}

// header is in every record.
type header struct {
	Version int `json:"version"`
}

func (h header) stored() int        { return h.Version }
func (h *header) stamp(version int) { h.Version = version }

// Encode is the body of a value's record.
func Encode[D Value, R Of[D, R]](value D) ([]byte, error) {
	var none R
	kind, version := none.Kind()
	record := none.From(value)
	any(&record).(interface{ stamp(int) }).stamp(version)
	body, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", kind, value.Key(), err)
	}
	return body, nil
}

// Decode is the value of the record with the key. The error names the record and what to do.
func Decode[D Value, R Of[D, R]](key string, body []byte) (D, error) {
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

func decode[D Value, R Of[D, R]](body []byte, record *R) (none D, err error) {
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
	return (*record).Value()
}

// all converts every element of a list, and nil to nil.
func all[From, To any](list []From, convert func(From) To) []To {
	if list == nil {
		return nil
	}
	converted := make([]To, len(list))
	for i, element := range list {
		converted[i] = convert(element)
	}
	return converted
}

// each converts every value of a map, and nil to nil.
func each[From, To any](values map[string]From, convert func(From) To) map[string]To {
	if values == nil {
		return nil
	}
	converted := make(map[string]To, len(values))
	for key, value := range values {
		converted[key] = convert(value)
	}
	return converted
}
