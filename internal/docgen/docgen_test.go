package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompatibilityIsUpToDate(t *testing.T) {
	want, err := compatibility()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/compatibility.md is not what the tables say; run `go generate ./...`:\n%s", diff)
	}
}
