package resolve_test

import (
	"strconv"
	"testing"

	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/resolve"
	"github.com/furl-dev/furl/internal/state"
)

// BenchmarkOf compares the function itself with an alias of its thousandth version.
func BenchmarkOf(b *testing.B) {
	world := newWorld(b)
	err := world.Update(b.Context(), func(tx *state.Tx) error {
		for number := 3; number <= 1000; number++ {
			version := strconv.Itoa(number)
			if err := tx.Put(&lambda.Version{ARN: qualified(version)}); err != nil {
				return err
			}
			if err := tx.Put(&lambda.Alias{ARN: qualified("alias-" + version), Target: version}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	now := world.Now()
	function, _ := now.Function(name)
	for _, qualifier := range []string{"", "alias-1000"} {
		b.Run("qualifier="+qualifier, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := resolve.Of(now, function, qualifier); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
