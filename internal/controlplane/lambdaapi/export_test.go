//go:build unix

package lambdaapi

import (
	"slices"

	"github.com/furl-dev/furl/internal/controlplane/wire"
)

// Table is the API with nothing to work with.
func Table() *wire.API { return newAPI(&service{}) }

// PayloadFault is what is wrong with a payload, for the fuzzer.
func PayloadFault(payload []byte, err error) string { return payloadFault(payload, err) }

// AllRuntimes are those that functions can be made for, or once could.
func AllRuntimes() []string { return append(slices.Clone(currentRuntimes), retiredRuntimes...) }
