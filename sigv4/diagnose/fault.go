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
	PathPrefix       Fault = "path-prefix"       // segments put before the path, or into it, on the way
	PathUnreserved   Fault = "path-unreserved"   // signed with escapes for characters that need none
	PathStripped     Fault = "path-stripped"     // rewritten on the way, mostly by taking off a prefix
	PathParameters   Fault = "path-parameters"   // cut at a ';'
	CanonicalNewline Fault = "canonical-newline" // the empty line after the headers is missing
	Method           Fault = "method-changed"    // by a redirect, HEAD for GET, …
	MethodCase       Fault = "method-case"       // signed in lower case
)

// Faults in the split of a URL into path and query.
const (
	QueryInPath    Fault = "query-in-path"   // the query handed to the signer as a part of the path
	QueryMark      Fault = "query-mark"      // the '?' between path and query, or another in the query, taken otherwise
	QueryInBody    Fault = "query-in-body"   // the query signed as the body
	TargetFragment Fault = "target-fragment" // what follows a '#'
	TargetHost     Fault = "target-host"     // the whole URL signed as the path
	PathUnsigned   Fault = "path-not-signed" // signed for the root
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
	TokenEncoded    Fault = "token-encoded"      // session token encoded or decoded once more
	QueryRepeated   Fault = "query-repeated"     // parameters of one name signed as one
	QueryHTML       Fault = "query-html-escaped" // &amp; for &
)

// Faults in the headers.
const (
	HostPort           Fault = "host-port"            // signed with or without the port
	HostName           Fault = "host-name"            // signed for another name of this server
	HostCase           Fault = "host-case"            // signed in lower case, sent otherwise
	HeaderSpace        Fault = "header-not-trimmed"   // white space not trimmed or collapsed
	ContentType        Fault = "content-type-changed" // charset added or removed on the way
	HeaderChanged      Fault = "header-changed"       // another header rewritten on the way
	HeaderAppended     Fault = "header-appended"      // something on the way added to it
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
	PayloadDropped  Fault = "payload-dropped"   // signed with a body that was not sent
	PayloadNewline  Fault = "payload-newline"   // newline at the end added or lost
	PayloadLineEnds Fault = "payload-line-ends" // CRLF for LF or the reverse
	PayloadForm     Fault = "payload-form"      // form encoding or the order of the fields changed
	PayloadJSON     Fault = "payload-json"      // JSON written anew: other white space, escapes, order of members
	PayloadCharset  Fault = "payload-charset"   // text in another charset
	PayloadBOM      Fault = "payload-bom"       // byte order mark added or removed
	PayloadBase64   Fault = "payload-base64"    // encoded or decoded
	PayloadUnsigned Fault = "payload-unsigned"  // UNSIGNED-PAYLOAD, STREAMING-…
	PayloadStale    Fault = "payload-stale"     // x-amz-content-sha256 of another body
	PayloadHashCase Fault = "payload-hash-case" // upper-case hexadecimal
	// PayloadCompressed is a body that was compressed or decompressed after signing.
	PayloadCompressed Fault = "payload-compressed"
	// LengthCharacters is a Content-Length counted in characters instead of bytes.
	LengthCharacters Fault = "length-in-characters"
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
	DateReplaced    Fault = "date-replaced" // X-Amz-Date replaced after signing
	URLExpired      Fault = "url-expired"   // presigned URL past its time
	SecretSpace     Fault = "secret-space"
	SecretEncoded   Fault = "secret-encoded"
	SecretOther     Fault = "secret-of-another-key"
	SecretIsID      Fault = "secret-is-key-id"
	SecretMissing   Fault = "secret-missing"  // signed without one
	KeyPrefix       Fault = "key-prefix"      // "AWS4" not put before the secret
	KeyHex          Fault = "key-hexadecimal" // key chain built from hexadecimal texts
	SignatureCase   Fault = "signature-case"
	SignatureBase64 Fault = "signature-base64"
	TokenMissing    Fault = "token-missing"
	TokenUnwanted   Fault = "token-unwanted" // token with a long-term key
	TokenForeign    Fault = "token-foreign"  // not the one issued with the key
	SessionExpired  Fault = "session-expired"
)

// Damage to presigned links.
const (
	LinkCut           Fault = "link-cut"          // an end is missing
	LinkPunctuation   Fault = "link-punctuation"  // something follows it
	LinkHTML          Fault = "link-html-escaped" // &amp;
	LinkJSON          Fault = "link-json-escaped" // \u0026
	LinkEncoded       Fault = "link-encoded-twice"
	LinkWrapped       Fault = "link-wrapped"       // spaces and line ends within
	LinkShell         Fault = "link-shell-escaped" // \\& for &
	LinkCase          Fault = "link-case"          // in small letters
	LinkParameter     Fault = "link-parameter-lost"
	LinkAuthorization Fault = "link-and-authorization" // an Authorization header besides
)

const (
	// Contradiction is a request whose parts contradict each other; Explanation says which.
	Contradiction Fault = "contradiction"
	// Unknown is a mismatch no hypothesis reproduces.
	Unknown Fault = "unknown"
)
