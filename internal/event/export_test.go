package event

import (
	"bytes"
	"iter"
)

// Members takes apart a valid JSON object or array with white space around it.
func Members(value []byte) iter.Seq2[[]byte, []byte] { return members(bytes.TrimSpace(value)) }
