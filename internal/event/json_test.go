package event_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/event"
)

// FuzzMembers: taking an object or an array apart gives what encoding/json gives.
func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(` { "a" : 1 , "b":[ {"c":"}\\\""} , null ] , "a":"\\" , "\u0041\n" :-1.5e3} `))
	f.Add([]byte(`[1,"two\\",{"three":[]},[],true ,null ]`))
	f.Fuzz(func(t *testing.T, value []byte) {
		if !json.Valid(value) {
			t.Skip()
		}
		var object map[string]json.RawMessage
		var array []json.RawMessage
		switch {
		case json.Unmarshal(value, &object) == nil && object != nil:
			got := map[string]string{}
			for name, member := range event.Members(value) {
				var decoded string
				if err := json.Unmarshal(name, &decoded); err != nil {
					t.Fatalf("name %q: %v", name, err)
				}
				got[decoded] = string(member)
			}
			want := map[string]string{}
			for name, member := range object {
				want[name] = string(member)
			}
			if !maps.Equal(got, want) {
				t.Errorf("members (-want +got):\n%s", cmp.Diff(want, got))
			}
		case json.Unmarshal(value, &array) == nil && array != nil:
			var got []string
			for _, element := range event.Members(value) {
				got = append(got, string(element))
			}
			if !slices.EqualFunc(array, got, func(a json.RawMessage, b string) bool { return string(a) == b }) {
				t.Errorf("elements of %s: %q", value, got)
			}
		}
	})
}
