package lambdaapi

import "github.com/furl-dev/furl/internal/controlplane/wire"

// Table is the API with nothing to work with.
func Table() *wire.API { return newAPI(&service{}) }
