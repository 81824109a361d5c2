//go:build unix

package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDocumentsAreUpToDate(t *testing.T) {
	for name, write := range documents {
		want, err := write()
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("docs/%s is not what the tables say; run `go generate ./...`:\n%s", name, diff)
		}
	}
}
