//go:build unix

package interop_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// verdict is the result of a case.
type verdict string

const (
	accepted verdict = "accepted"
	altered  verdict = "arrives with another meaning"
	refused  verdict = "refused"
	unsent   verdict = "not sent"
)

// verdict compares an outcome with the case. The note describes a difference.
func (c *signCase) verdict(o outcome) (v verdict, note string) {
	switch {
	case o.Error != "":
		return unsent, o.Error
	case o.Status == 403 && o.ErrorType == invalidSignature && (o.Body == mismatch || c.Method == "HEAD"):
		return refused, o.Body
	case o.Status != 200:
		return "", fmt.Sprintf("status %d %s %s", o.Status, o.ErrorType, o.Body)
	case c.Method == "HEAD":
		return accepted, ""
	}
	var got echo
	if err := json.Unmarshal([]byte(o.Body), &got); err != nil {
		return "", o.Body
	}
	if note := c.differs(got); note != "" {
		return altered, note
	}
	return accepted, ""
}

// quirk is a mistake of a client.
type quirk struct {
	clients []string
	parts   []string // the mistake shows in a case with one of them
	verdict verdict
	why     string
	explain string // part of furl explain's output; empty if the request was not refused
}

const (
	viaRequests  = "botocore+requests"
	viaHTTPX     = "botocore+httpx"
	viaAWS4Auth  = "requests-aws4auth"
	viaAWSCurl   = "awscurl"
	viaAWS4Fetch = "aws4fetch"
	viaSmithy    = "@smithy/signature-v4"
	viaRust      = "aws-sigv4 (Rust)"
	viaCurl      = "curl"

	viaBotocoreURL  = "botocore, presigned"
	viaAWS4FetchURL = "aws4fetch, presigned"
	viaSmithyURL    = "@smithy/signature-v4, presigned"
	viaRustURL      = "aws-sigv4 (Rust), presigned"
	viaGoURL        = "AWS SDK for Go, presigned"
)

// curlVersion is the curl of the table. Later versions may make fewer mistakes, but not more.
const curlVersion = "7.88"

const (
	queryAsItStands = "The query was signed as it stands in the URL"
	pathAsItStands  = "The path was signed as it stands in the URL"
	asTyped         = "The query was signed as it had been typed; the HTTP library encoded it afterwards."
)

var reservedInQuery = []string{
	": in the query", "/ in the query", "@ and , in the query", "; in the query", "? in the query", "$ in the query",
	"( ) ! ' * in the query", "= in a value", "+ in the query",
}

var quirks = []quirk{
	{
		[]string{viaRequests, viaHTTPX}, reservedInQuery, refused,
		"botocore signs the query of the URL unchanged; AWS encodes reserved characters, and a raw + as a space, before it verifies",
		queryAsItStands,
	},
	{
		[]string{viaRequests, viaHTTPX}, []string{"empty pair", "& at the end"}, refused,
		"botocore signs the empty text between two & as a parameter (it is not known whether AWS does too; furl assumes not)", "The query has nothing between two '&'",
	},
	{
		[]string{viaRequests}, []string{"brackets in the query", "raw space in the query", "raw UTF-8 in the query", `raw " < > in the query`, "raw { | } ^ ` in the query"}, refused,
		"requests encodes the query after botocore has signed it", asTyped,
	},
	{
		[]string{viaHTTPX}, []string{"raw space in the query", "raw UTF-8 in the query", `raw " < > in the query`}, refused,
		"httpx encodes the query after botocore has signed it", asTyped,
	},
	{
		[]string{viaHTTPX}, []string{"%7E in the query", "lower-case escapes in the query", "brackets in the query", "raw { | } ^ ` in the query"}, refused,
		"botocore signs the query of the URL unchanged; AWS decodes and encodes it before it verifies", queryAsItStands,
	},
	{
		[]string{viaRequests}, []string{"%7E in the query"}, refused,
		"requests decodes %7E after botocore has signed it", "was signed as %7E",
	},
	{
		[]string{viaRequests}, []string{"lower-case escapes in the query"}, refused,
		"requests writes escapes in capitals after botocore has signed them as typed", "lower-case percent escapes",
	},
	{
		[]string{viaRequests}, []string{"raw space in the path", "raw UTF-8 in the path", "raw brackets in the path", "raw ^ and | in the path"}, refused,
		"requests encodes the path after botocore has signed it, so the signed path lacks one encoding", pathAsItStands,
	},
	{
		[]string{viaHTTPX}, []string{"raw space in the path", "raw UTF-8 in the path"}, refused,
		"httpx encodes the path after botocore has signed it, so the signed path lacks one encoding", pathAsItStands,
	},
	{
		[]string{viaRequests}, []string{"lower-case escapes in the path"}, refused,
		"requests writes escapes in capitals after botocore has signed them as typed", "signed with lower-case ones",
	},
	{
		[]string{viaRequests}, []string{"escaped unreserved in the path", "%2e%2e in the path"}, refused,
		"requests decodes escapes that are not needed after botocore has signed them; the request does not show what was signed",
		"none of the usual faults explains it",
	},
	{
		[]string{viaRequests}, []string{". at the end of the path", ".. at the end of the path"}, refused,
		"requests resolves the dots and leaves a slash at the end; botocore signs the path without that slash", "The path was signed without the slash at its end.",
	},
	{
		[]string{viaAWS4Auth}, []string{"sub-delims in the path"}, refused,
		"it drops the text after a ; in the last segment of the path", "The path was signed without what follows the ';'",
	},
	{
		[]string{viaAWSCurl}, []string{
			"%20 in the query", "%2B in the query", "%2F in the query", "%25 in the query", "%3D in a value", "%26 in a value",
			"escaped ( ) ! ' * in the query", "escaped brackets in the query", "UTF-8 escapes in the query",
			"non-ASCII key before another",
		}, refused,
		"it encodes the query to sign it even if it is encoded already", "The query was encoded once too often for signing",
	},
	{
		[]string{viaAWSCurl}, []string{"%7E in the query", "lower-case escapes in the query"}, refused,
		"it encodes the query to sign it even if it is encoded already, and requests rewrites the escapes; the request does not show what was signed",
		"none of the usual faults explains it",
	},
	{
		[]string{viaAWSCurl}, []string{"+ in the query"}, refused,
		"it signs + as a plus sign; for AWS it is a space", "The '+' in the query was signed as a plus sign",
	},
	{
		[]string{viaAWSCurl}, []string{"= in a value"}, refused,
		"it drops the text after the second = when it signs", "What follows a second '=' in a parameter was not signed",
	},
	{
		[]string{viaAWSCurl}, []string{"brackets in the query"}, refused,
		"it sorts the query before it encodes it", "The query was sorted before it was encoded.",
	},
	{
		[]string{viaAWSCurl}, []string{"raw space in the path", "raw UTF-8 in the path", "raw brackets in the path", "raw ^ and | in the path"}, refused,
		"requests encodes the path after awscurl has signed it, so the signed path lacks one encoding", pathAsItStands,
	},
	{
		[]string{viaAWSCurl}, []string{"lower-case escapes in the path"}, refused,
		"requests writes escapes in capitals after awscurl has signed them as typed", "signed with lower-case ones",
	},
	{
		[]string{viaAWSCurl}, []string{
			". in the path", ".. in the path", ". at the end of the path", ".. at the end of the path", "%2e%2e in the path",
			"escaped unreserved in the path",
		}, refused,
		"requests resolves dots and decodes escapes that are not needed after awscurl has signed them; the request does not show what was signed",
		"none of the usual faults explains it",
	},
	{
		[]string{viaAWS4Fetch}, []string{"empty key"}, refused,
		"it leaves parameters without a key out of the signature", "The request was signed without its query.",
	},
	{
		[]string{viaAWS4FetchURL}, []string{"empty key"}, refused,
		"it leaves parameters without a key out of the signature", `The parameter "" was not there when the request was signed.`,
	},
	{
		[]string{viaSmithy, viaSmithyURL}, []string{"no =", "no = among others"}, refused,
		"it leaves parameters without = out of the signature", "Parameters without '=' were left out when the query was signed",
	},
	{
		[]string{viaSmithy, viaSmithyURL}, []string{"+ in the query"}, altered,
		"@smithy/url-parser takes + literally and sends %2B; for browsers and Lambda it is a space", "",
	},
	{
		[]string{viaSmithy, viaSmithyURL}, []string{"= in a value"}, altered,
		"@smithy/url-parser drops the text after the second =", "",
	},
	{
		[]string{viaRust, viaRustURL}, []string{"raw space in the path", "raw space in the query", `raw " < > in the query`}, unsent,
		"the crate http refuses such a URL", "",
	},
	{
		[]string{viaBotocoreURL}, []string{"JSON body", "UTF-8 body"}, refused,
		"SigV4QueryAuth moves the members of a JSON body into the query and signs no body; a request that still has the body is refused", "The request was signed as if it had no body.",
	},
	{
		[]string{viaBotocoreURL}, []string{
			"body with a newline at the end", "body with CRLF", "body of white space", "body that is a form", "binary body", "large body",
		}, unsent,
		"SigV4QueryAuth takes every body for JSON", "",
	},
	{
		[]string{viaBotocoreURL}, []string{"one key twice", "one key twice, unsorted", "one pair twice"}, altered,
		"SigV4QueryAuth keeps the first parameter of each name only", "",
	},
	{
		[]string{viaBotocoreURL}, []string{"raw space in the path"}, unsent,
		"SigV4QueryAuth does not encode the space: its result is not a URL", "",
	},
	{
		[]string{viaGoURL}, []string{"; in the query"}, altered,
		"Request.URL.Query, to which its documentation adds X-Amz-Expires, drops parameters that have a ;", "",
	},
	{
		[]string{viaCurl}, []string{
			"%20 in the path", "UTF-8 escapes in the path", "lower-case escapes in the path", "%2F in the path", "%25 in the path",
			"escaped unreserved in the path", "sub-delims in the path", ": and @ in the path", "escaped reserved in the path",
			"%2e%2e in the path", "raw UTF-8 in the path", "raw brackets in the path", "raw ^ and | in the path",
		}, refused,
		"it signs the path of the URL unchanged, as for S3; for Lambda it must be encoded once more", pathAsItStands,
	},
	{
		[]string{viaCurl}, append([]string{
			"%7E in the query", "lower-case escapes in the query", "brackets in the query", "raw UTF-8 in the query",
			`raw " < > in the query`, "raw { | } ^ ` in the query",
		}, reservedInQuery...), refused,
		"it signs the query of the URL unchanged", queryAsItStands,
	},
	{
		[]string{viaCurl}, []string{"unsorted parameters", "upper before lower case", "- after a key", "one key twice, unsorted", "UTF-8 escapes in the query", "non-ASCII key before another"}, refused,
		"it does not sort the query", "The query was signed in the order it was sent in.",
	},
	{
		[]string{viaCurl}, []string{"no ="}, refused,
		"it signs a parameter without = unchanged", "A parameter without value was signed without its '='.",
	},
	{
		[]string{viaCurl}, []string{"no = among others", "empty pair", "& at the end"}, refused,
		"it signs the query of the URL unchanged", "The query was signed exactly as it stands in the URL.",
	},
	{
		[]string{viaCurl}, []string{"raw space in the path", "raw space in the query"}, unsent,
		"it refuses such a URL", "",
	},
}

// quirksOf returns the quirks of a client that show in a case.
func quirksOf(client string, c *signCase) []quirk {
	var met []quirk
	for _, q := range quirks {
		if slices.Contains(q.clients, client) && slices.ContainsFunc(c.parts, func(p part) bool { return slices.Contains(q.parts, p.name) }) {
			met = append(met, q)
		}
	}
	return met
}

// expected is the result of a case with these quirks: a request that is not sent is not refused, and one that is
// refused does not arrive. The answer to a HEAD has no body, so it does not show how the request arrived.
func (c *signCase) expected(met []quirk) verdict {
	worst := accepted
	for _, v := range []verdict{altered, refused, unsent} {
		if v == altered && c.Method == "HEAD" {
			continue
		}
		if slices.ContainsFunc(met, func(q quirk) bool { return q.verdict == v }) {
			worst = v
		}
	}
	return worst
}

var update = flag.Bool("update", false, "write docs/clients.md and the pictures in docs/console")

// TestClientsDocument compares docs/clients.md with the table, which TestClients and TestPresigned prove.
func TestClientsDocument(t *testing.T) {
	const file = "../docs/clients.md"
	want := clientsDocument(t)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/clients.md is not what `go test ./interop -run ClientsDocument -update` writes:\n%s", diff)
	}
}

func clientsDocument(t *testing.T) string {
	var doc strings.Builder
	doc.WriteString(`<!-- Written by "go test ./interop -run ClientsDocument -update" from the table in interop/quirks_test.go. -->
# What SigV4 clients get wrong

Each client signs and sends the same requests to a function URL of furl: every method; paths and queries with all
characters that a URL may have and some that it may not have; bodies of text, forms and bytes; headers; with long-term
keys and with session keys. furl accepts them all, and the function sees what the client meant, except for the URLs
below. AWS refuses the same requests, as far as its rules are known: the client does not send what it signed.
` + "`furl explain`" + ` says so in the words of the last column.

The clients that presign do so for the same requests without headers. The test then calls each URL unchanged, with the
method and the body that it was made for.

All clients handle URLs whose path and query have only letters, digits, ` + "`- . _ ~`" + ` and sorted ` + "`k=v`" + ` pairs. All
except curl also handle ` + "`%20`" + ` and other upper-case escapes that a path needs.

`)
	for _, c := range []struct{ name, title string }{
		{viaRequests, "botocore " + pinned(t, "python/requirements.txt", "botocore==") + " with requests " + pinned(t, "python/requirements.txt", "requests==")},
		{viaHTTPX, "botocore " + pinned(t, "python/requirements.txt", "botocore==") + " with httpx " + pinned(t, "python/requirements.txt", "httpx==")},
		{viaAWS4Auth, "requests-aws4auth " + pinned(t, "python/requirements.txt", "requests-aws4auth==")},
		{viaAWSCurl, "awscurl " + pinned(t, "python/requirements.txt", "awscurl==")},
		{viaAWS4Fetch, "aws4fetch " + pinned(t, "node/package.json", `"aws4fetch": `)},
		{viaSmithy, "@smithy/signature-v4 " + pinned(t, "node/package.json", `"@smithy/signature-v4": `) + " with @smithy/url-parser " + pinned(t, "node/package.json", `"@smithy/url-parser": `)},
		{viaRust, "the Rust crate aws-sigv4 " + pinned(t, "rust/Cargo.toml", `aws-sigv4 = { version = "=`)},
		{viaCurl, "curl --aws-sigv4, " + curlVersion},
		{viaBotocoreURL, "Presigned: botocore " + pinned(t, "python/requirements.txt", "botocore==") + ", SigV4QueryAuth"},
		{viaAWS4FetchURL, "Presigned: aws4fetch " + pinned(t, "node/package.json", `"aws4fetch": `) + ", signQuery"},
		{viaSmithyURL, "Presigned: @smithy/signature-v4 " + pinned(t, "node/package.json", `"@smithy/signature-v4": `) + ", presign"},
		{viaRustURL, "Presigned: the Rust crate aws-sigv4 " + pinned(t, "rust/Cargo.toml", `aws-sigv4 = { version = "=`) + ", SignatureLocation::QueryParams"},
		{viaGoURL, "Presigned: the AWS SDK for Go " + pinned(t, "../go.mod", "\tgithub.com/aws/aws-sdk-go-v2 v") + ", PresignHTTP"},
	} {
		fmt.Fprintf(&doc, "## %s\n\n| of the URL | what happens | why | furl explain |\n|---|---|---|---|\n", c.title)
		for _, q := range quirks {
			if !slices.Contains(q.clients, c.name) {
				continue
			}
			var examples []string
			for _, name := range q.parts {
				examples = append(examples, example(t, name))
			}
			explain := ""
			if q.explain != "" {
				explain = "“" + cell(strings.TrimSuffix(q.explain, ".")) + "”"
			}
			fmt.Fprintf(&doc, "| %s | %s | %s | %s |\n", strings.TrimSuffix(strings.Join(examples, " "), ","), q.verdict, cell(q.why), explain)
		}
		doc.WriteString("\n")
	}
	return strings.TrimRight(doc.String(), "\n") + "\n"
}

// pinned returns the version that follows a text in a file of pins.
func pinned(t *testing.T, file, before string) string {
	t.Helper()
	pins, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(pins)) {
		if _, version, ok := strings.Cut(line, before); ok && (before[0] == '"' || strings.HasPrefix(line, before)) {
			version = strings.TrimLeft(version, `"`)
			return version[:len(version)-len(strings.TrimLeft(version, "0123456789."))]
		}
	}
	t.Fatalf("%s does not pin %s", file, before)
	return ""
}

// example returns the part of a URL, or the name of a body.
func example(t *testing.T, name string) string {
	t.Helper()
	for _, p := range paths {
		if p.name == name {
			return code("/" + p.text)
		}
	}
	for _, q := range queries {
		if q.name == name {
			return code("?" + q.text)
		}
	}
	if slices.ContainsFunc(bodies, func(p part) bool { return p.name == name }) {
		return name + ","
	}
	t.Fatalf("quirks have a part %q that no case has", name)
	return ""
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// code writes text as code in a cell.
func code(text string) string {
	if strings.Contains(text, "`") {
		return "`` " + cell(text) + " ``"
	}
	return "`" + cell(text) + "`"
}
