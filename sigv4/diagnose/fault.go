package diagnose

// Fault is a mistake [Diagnose] can tell. The texts are stable: they may be stored and compared.
type Fault string

// Faults in the path.
const (
	PathEncodedOnce  Fault = "path-encoded-once" // as S3 wants it, and only S3
	PathNotEncoded   Fault = "path-not-encoded"  // signed decoded
	PathOverencoded  Fault = "path-overencoded"  // encoded once too often
	PathEscapeCase   Fault = "path-escape-case"  // %c3 sent, %C3 signed, or the reverse
	PathNotNormal    Fault = "path-not-normal"   // signed with its empty and dot segments; only as one of a pair
	PathSlash        Fault = "path-slash"        // slash at the end added or lost
	PathPrefix       Fault = "path-prefix"       // a prefix added on the way
	PathParameters   Fault = "path-parameters"   // cut at a ';'
	CanonicalNewline Fault = "canonical-newline" // the empty line after the headers is missing
	Method           Fault = "method-changed"    // by a redirect, HEAD for GET, …
	MethodCase       Fault = "method-case"       // signed in lower case
)

// Faults in the query.
const (
	QueryUnsorted   Fault = "query-unsorted"
	QueryEarlySort  Fault = "query-sorted-before-encoding"
	QueryTextSort   Fault = "query-sorted-as-text"  // "k=v" texts instead of (k, v)
	QueryValueOrder Fault = "query-values-unsorted" // values of one key in the order sent
	QueryRaw        Fault = "query-raw"             // signed as it stands in the URL
	QueryPlus       Fault = "query-plus"            // raw '+' taken for a plus
	QuerySpacePlus  Fault = "query-space-as-plus"   // space signed as '+'
	QueryReencoded  Fault = "query-encoded-after-signing"
	QueryDecoded    Fault = "query-decoded-after-signing"
	QueryBareKey    Fault = "query-bare-key"     // k instead of k=
	QueryEmptyPair  Fault = "query-empty-pair"   // the empty pair of a=1&&b=2 signed
	QueryUnsigned   Fault = "query-not-signed"   // signed without its query
	QueryParameter  Fault = "query-parameter"    // a parameter added on the way
	QueryEscapeCase Fault = "query-escape-case"  // %2f instead of %2F
	QueryReserved   Fault = "query-reserved-raw" // some reserved characters not encoded
	QueryTilde      Fault = "query-tilde"        // '~' encoded
	QuerySignature  Fault = "query-signature"    // X-Amz-Signature wrongly in or out of the canonical query
	TokenUnsigned   Fault = "token-not-signed"   // session token added after signing
	TokenTwice      Fault = "token-signed-twice" // session token twice in what was signed
)

// Faults in the headers.
const (
	HostPort           Fault = "host-port"            // signed with or without the port
	HostName           Fault = "host-name"            // signed for another name of this server
	HostCase           Fault = "host-case"            // signed in lower case, sent otherwise
	HeaderSpace        Fault = "header-not-trimmed"   // white space not trimmed or collapsed
	ContentType        Fault = "content-type-changed" // charset added or removed on the way
	HeaderChanged      Fault = "header-changed"       // another header rewritten on the way
	HeaderAbsent       Fault = "header-absent"        // signed, but dropped on the way
	HeaderJoin         Fault = "header-join"          // repeated headers joined otherwise than by ","
	SignedHeadersShort Fault = "signed-headers-short" // a signed header is not listed
	SignedHeadersLong  Fault = "signed-headers-long"  // a listed header was not signed
	SignedHeadersOrder Fault = "signed-headers-order" // not sorted
	SignedHeadersCase  Fault = "signed-headers-case"  // not in lower case
)

// Faults in the payload.
const (
	PayloadEmpty    Fault = "payload-empty"     // signed without the body
	PayloadNewline  Fault = "payload-newline"   // newline at the end added or lost
	PayloadLineEnds Fault = "payload-line-ends" // CRLF for LF or the reverse
	PayloadForm     Fault = "payload-form"      // form encoding changed
	PayloadJSON     Fault = "payload-json"      // JSON written anew with other white space
	PayloadUnsigned Fault = "payload-unsigned"  // UNSIGNED-PAYLOAD, STREAMING-…
	PayloadStale    Fault = "payload-stale"     // x-amz-content-sha256 of another body
	PayloadHashCase Fault = "payload-hash-case" // upper-case hexadecimal
)

// Faults in scope, time, key and signature.
const (
	Service         Fault = "service"
	Region          Fault = "region"
	Day             Fault = "day"
	Terminator      Fault = "terminator"
	LocalTime       Fault = "local-time" // local time passed off as UTC
	Clock           Fault = "clock"
	DateFormat      Fault = "date-format"
	URLExpired      Fault = "url-expired" // presigned URL past its time
	SecretSpace     Fault = "secret-space"
	SecretEncoded   Fault = "secret-encoded"
	SecretOther     Fault = "secret-of-another-key"
	SecretIsID      Fault = "secret-is-key-id"
	KeyPrefix       Fault = "key-prefix"      // "AWS4" not put before the secret
	KeyHex          Fault = "key-hexadecimal" // key chain built from hexadecimal texts
	SignatureCase   Fault = "signature-case"
	SignatureBase64 Fault = "signature-base64"
	TokenMissing    Fault = "token-missing"
	TokenUnwanted   Fault = "token-unwanted" // token with a long-term key
	TokenForeign    Fault = "token-foreign"  // not the one issued with the key
	SessionExpired  Fault = "session-expired"
)

const (
	// Contradiction is a request whose parts contradict each other; Explanation says which.
	Contradiction Fault = "contradiction"
	// Unknown is a mismatch no hypothesis reproduces.
	Unknown Fault = "unknown"
)
