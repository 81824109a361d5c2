// Package sigv4 signs HTTP requests with AWS Signature Version 4 and verifies such signatures.
//
// One canonical form serves all of it: [Signer.Sign] (Authorization header), [Signer.Presign] (query string) and
// [Verifier.Verify]. Package diagnose finds out what a client must have signed instead when a signature does not match.
// The rules are those of every AWS service but S3: the path is normalized and encoded once more than on the wire, and
// the query is decoded, encoded strictly and sorted.
//
// A Lambda function URL is called with service "lambda" and the region of its host.
//
// Over HTTP/2, which http.DefaultClient speaks where the server does, cookies arrive with "; " between them however
// they were written. Write them so, or leave them out with [Signer.Unsigned].
//
// # What it refuses
//
// The signer never changes the request target: what was typed is what is sent, or Sign returns an error that says
// why no server would accept it. It never signs a body it has not hashed.
//
// The verifier refuses by default. UNSIGNED-PAYLOAD and STREAMING-* payloads never pass, the body hash is always
// computed from the bytes received, every header named in SignedHeaders must be there, the host must be signed, and
// repeated or contradicting authentication parameters are refused even where AWS takes the first or the last. There
// is no switch that turns a check off. The S3 dialect, chunked payload signatures and Signature Version 4A are not
// implemented.
//
// # Where AWS is silent
//
// Some of what AWS does is not documented. These readings are assumed, and Verify warns where they decide:
//   - A raw '+' in the query is a space. STS and S3 were seen to read it so, and so does the SDK for Go; others sign
//     it as %2B and are refused. With a space the signature vouches for what a function gets to see, since
//     queryStringParameters has a space there. %20 and %2B are safe everywhere.
//   - A path with empty or dot segments is accepted as normalized, which AWS documents and botocore signs, and as
//     sent, which the SDK for Go and curl sign ([WarnPathAsSent]). Both bind what the function sees.
//   - x-amz- headers may be unsigned, as CloudFront adds some after signing ([WarnUnsignedHeader]). S3 refuses them.
//   - White space in header values includes tabs; empty parameters between two '&' do not count.
//   - X-Amz-Date has only the basic format, 20261123T150405Z. A date in extended format, 2026-11-23T15:04:05Z, is
//     refused; AWS was reported to take it (dacut/scratchstack), but its SDKs send none.
//   - Where AWS takes the first or the last of repeated authentication parameters, or ignores unknown ones, the
//     request is refused.
//
// # Not protected by a signature
//
// SigV4 has no nonce: the same bytes sent again inside the time window are accepted again. The signature covers the
// canonical path and query, so /a/b and //a/./b share one signature, as do different orders of the query. Headers
// outside SignedHeaders are the sender's word only; [Verified.Signed] tells which are not.
package sigv4
