package peer_test

import "errors"

func becomeReaper() error { return errors.ErrUnsupported }
