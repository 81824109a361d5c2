//go:build unix

package setup_test

import (
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/setup"
)

func TestQualifiersOfFunctionURLs(t *testing.T) {
	for qualifier, want := range map[string]bool{
		"": true, "prod": true, "1a": true, "a-B_9": true, strings.Repeat("a", 128): true,
		strings.Repeat("a", 129): false, "a b": false, "ä": false, "a.b": false, "7": false, "12": false, "$LATEST": false,
	} {
		if arn, err := setup.ParseTarget("web", qualifier, "eu-central-1", here); (err == nil) != want {
			t.Errorf("qualifier %q: %v, %v", qualifier, arn, err)
		}
	}
}
