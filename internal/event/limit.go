package event

const (
	// MaxEvent is the size in bytes of the largest event a function can be invoked with synchronously. It counts the
	// whole event: the envelope, and a binary body after base64 has made it a third longer. (AWS Lambda Developer
	// Guide, "Lambda quotas".)
	MaxEvent = 6 << 20

	// MaxResponse is the size in bytes of the largest answer a function may give that is not streamed: 6 MiB and a
	// little room for the envelope. The Runtime API names the number in its 413 answer.
	MaxResponse = 6<<20 + 100

	// MaxPrelude is how many bytes of a streamed answer are searched for the end of its prelude. AWS documents no
	// number. A stream of 25 kB without a prelude is known to be refused (middyjs/middy#1137); 16 KiB is assumed.
	MaxPrelude = 16 << 10
)
