package sigv4

// Fault is a mistake [Diagnose] can tell. The texts are stable: they may be stored and compared.
type Fault string

// Faults in the path.
const (
	FaultPathEncodedOnce  Fault = "path-encoded-once" // as S3 wants it, and only S3
	FaultPathNotEncoded   Fault = "path-not-encoded"  // signed decoded
	FaultPathOverencoded  Fault = "path-overencoded"  // encoded once too often
	FaultPathEscapeCase   Fault = "path-escape-case"  // %c3 sent, %C3 signed, or the reverse
	FaultPathNotNormal    Fault = "path-not-normal"   // signed with its empty and dot segments; only as one of a pair
	FaultPathSlash        Fault = "path-slash"        // slash at the end added or lost
	FaultPathPrefix       Fault = "path-prefix"       // a prefix added on the way
	FaultPathParameters   Fault = "path-parameters"   // cut at a ';'
	FaultCanonicalNewline Fault = "canonical-newline" // the empty line after the headers is missing
	FaultMethod           Fault = "method-changed"    // by a redirect, HEAD for GET, …
	FaultMethodCase       Fault = "method-case"       // signed in lower case
)

// Faults in the query.
const (
	FaultQueryUnsorted   Fault = "query-unsorted"
	FaultQueryEarlySort  Fault = "query-sorted-before-encoding"
	FaultQueryTextSort   Fault = "query-sorted-as-text"  // "k=v" texts instead of (k, v)
	FaultQueryValueOrder Fault = "query-values-unsorted" // values of one key in the order sent
	FaultQueryRaw        Fault = "query-raw"             // signed as it stands in the URL
	FaultQueryPlus       Fault = "query-plus"            // raw '+' taken for a plus
	FaultQuerySpacePlus  Fault = "query-space-as-plus"   // space signed as '+'
	FaultQueryReencoded  Fault = "query-encoded-after-signing"
	FaultQueryDecoded    Fault = "query-decoded-after-signing"
	FaultQueryBareKey    Fault = "query-bare-key"     // k instead of k=
	FaultQueryEmptyPair  Fault = "query-empty-pair"   // the empty pair of a=1&&b=2 signed
	FaultQueryUnsigned   Fault = "query-not-signed"   // signed without its query
	FaultQueryParameter  Fault = "query-parameter"    // a parameter added on the way
	FaultQueryEscapeCase Fault = "query-escape-case"  // %2f instead of %2F
	FaultQueryReserved   Fault = "query-reserved-raw" // some reserved characters not encoded
	FaultQueryTilde      Fault = "query-tilde"        // '~' encoded
	FaultQuerySignature  Fault = "query-signature"    // X-Amz-Signature wrongly in or out of the canonical query
	FaultTokenUnsigned   Fault = "token-not-signed"   // session token added after signing
	FaultTokenTwice      Fault = "token-signed-twice" // session token twice in what was signed
)

// Faults in the headers.
const (
	FaultHostPort           Fault = "host-port"            // signed with or without the port
	FaultHostName           Fault = "host-name"            // signed for another name of this server
	FaultHostCase           Fault = "host-case"            // signed in lower case, sent otherwise
	FaultHeaderSpace        Fault = "header-not-trimmed"   // white space not trimmed or collapsed
	FaultContentType        Fault = "content-type-changed" // charset added or removed on the way
	FaultHeaderChanged      Fault = "header-changed"       // another header rewritten on the way
	FaultHeaderAbsent       Fault = "header-absent"        // signed, but dropped on the way
	FaultHeaderJoin         Fault = "header-join"          // repeated headers joined otherwise than by ","
	FaultSignedHeadersShort Fault = "signed-headers-short" // a signed header is not listed
	FaultSignedHeadersLong  Fault = "signed-headers-long"  // a listed header was not signed
	FaultSignedHeadersOrder Fault = "signed-headers-order" // not sorted
	FaultSignedHeadersCase  Fault = "signed-headers-case"  // not in lower case
)

// Faults in the payload.
const (
	FaultPayloadEmpty    Fault = "payload-empty"     // signed without the body
	FaultPayloadNewline  Fault = "payload-newline"   // newline at the end added or lost
	FaultPayloadLineEnds Fault = "payload-line-ends" // CRLF for LF or the reverse
	FaultPayloadForm     Fault = "payload-form"      // form encoding changed
	FaultPayloadJSON     Fault = "payload-json"      // JSON written anew with other white space
	FaultPayloadUnsigned Fault = "payload-unsigned"  // UNSIGNED-PAYLOAD, STREAMING-…
	FaultPayloadStale    Fault = "payload-stale"     // x-amz-content-sha256 of another body
	FaultPayloadHashCase Fault = "payload-hash-case" // upper-case hexadecimal
)

// Faults in scope, time, key and signature.
const (
	FaultService         Fault = "service"
	FaultRegion          Fault = "region"
	FaultDay             Fault = "day"
	FaultTerminator      Fault = "terminator"
	FaultLocalTime       Fault = "local-time" // local time passed off as UTC
	FaultClock           Fault = "clock"
	FaultDateFormat      Fault = "date-format"
	FaultURLExpired      Fault = "url-expired" // presigned URL past its time
	FaultSecretSpace     Fault = "secret-space"
	FaultSecretEncoded   Fault = "secret-encoded"
	FaultSecretOther     Fault = "secret-of-another-key"
	FaultSecretIsID      Fault = "secret-is-key-id"
	FaultKeyPrefix       Fault = "key-prefix"      // "AWS4" not put before the secret
	FaultKeyHex          Fault = "key-hexadecimal" // key chain built from hexadecimal texts
	FaultSignatureCase   Fault = "signature-case"
	FaultSignatureBase64 Fault = "signature-base64"
	FaultTokenMissing    Fault = "token-missing"
	FaultTokenUnwanted   Fault = "token-unwanted" // token with a long-term key
	FaultTokenForeign    Fault = "token-foreign"  // not the one issued with the key
	FaultSessionExpired  Fault = "session-expired"
)

const (
	// FaultContradiction is a request whose parts contradict each other; Explanation says which.
	FaultContradiction Fault = "contradiction"
	// FaultUnknown is a mismatch no hypothesis reproduces.
	FaultUnknown Fault = "unknown"
)
