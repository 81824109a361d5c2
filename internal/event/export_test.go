package event

import (
	"bytes"
	"iter"
)

// Members and Elements take apart a valid JSON value with white space around it.

func Members(object []byte) iter.Seq2[[]byte, []byte] { return members(bytes.TrimSpace(object)) }

func Elements(array []byte) iter.Seq[[]byte] { return elements(bytes.TrimSpace(array)) }
