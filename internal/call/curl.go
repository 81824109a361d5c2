package call

import (
	"slices"
	"strings"
)

// CurlVersion is the version of curl whose options CurlOptions describes, and which the tests compare with. Later ones
// are marked.
const CurlVersion = "7.88.1"

// Likeness is how an option of furl call compares to curl's.
type Likeness string

// The kinds of likeness.
const (
	Same    Likeness = "same"
	Differs Likeness = "differs"
	Absent  Likeness = "not there"
)

// CurlOption is an option of curl. The table of them is the source of the flags' help texts, of the hints about options
// that furl call does not have, and of docs/curl.md.
type CurlOption struct {
	Long, Short string
	Likeness    Likeness
	Usage       string // the help text of the flag; "" if it is absent
	Note        string // what differs, or why it is not there
	Instead     string // what to type instead of an absent one; "" if furl sign gives it to curl
	Later       bool   // curl has had it since a later version than CurlVersion
}

// CurlOptions are all options of curl, in alphabetical order.
func CurlOptions() []CurlOption {
	options := slices.Clone(curlFlags[:])
	for _, group := range curlAbsent {
		for names := range strings.FieldsSeq(group.options) {
			o := CurlOption{Likeness: Absent, Note: group.why, Instead: group.instead}
			names, o.Later = strings.CutSuffix(names, "+")
			o.Long, o.Short, _ = strings.Cut(names, "|")
			options = append(options, o)
		}
	}
	slices.SortFunc(options, func(a, b CurlOption) int { return strings.Compare(a.Long, b.Long) })
	return options
}

// CurlFlag finds an option of curl that furl call has.
func CurlFlag(name string) CurlOption {
	at, ok := slices.BinarySearchFunc(curlFlags[:], name, func(o CurlOption, name string) int {
		return strings.Compare(o.Long, name)
	})
	if !ok {
		return CurlOption{}
	}
	return curlFlags[at]
}

// FindCurlOption finds an option of curl by the name that a person typed, long or short, without the dashes. typed is
// the option as furl names it.
func FindCurlOption(name string) (o CurlOption, typed string, ok bool) {
	positive := strings.TrimPrefix(name, "no-")
	for _, o := range CurlOptions() {
		switch {
		case o.Long == name || o.Long == positive && len(name) > 1:
			return o, "--" + name, true
		case o.Short == name && o.Short != "":
			return o, "-" + o.Short + " (--" + o.Long + ")", true
		}
	}
	return CurlOption{}, "", false
}

// curlFlags are the options of curl that furl call has, sorted by name.
var curlFlags = [...]CurlOption{
	{"aws-sigv4", "", Differs, "`PROVIDER` as in curl, aws:amz:REGION:SERVICE: a hint, since furl call signs anyway",
		"furl call signs without it; region and service in it count, and --user ID:SECRET gives the keys", "", false},
	{"basic", "", Same, "with --user: the header Authorization: Basic", "", "", false},
	{"cacert", "", Same,
		"PEM `file` of the certificates to trust (default $AWS_CA_BUNDLE, $CURL_CA_BUNDLE, else the system's)",
		"", "", false},
	{"compressed", "", Differs, "ask for a compressed response and decompress it",
		"gzip and deflate only", "", false},
	{"config", "K", Differs,
		"`file` with flags, one a line, or - for the standard input; keeps secrets off the command line",
		"it has the flags of furl call; ~/.curlrc is never read", "", false},
	{"connect-timeout", "", Same, "`seconds` that a connection may take", "", "", false},
	{"connect-to", "", Same, "`HOST1:PORT1:HOST2:PORT2`, connect to the second in place of the first; may be repeated",
		"", "", false},
	{"cookie", "b", Differs, "cookies `NAME=VALUE`; without = the name of a file to read them from; may be repeated",
		"cookies on the command line never follow a redirect to another host; a file is read once, not for each URL; its " +
			"Set-Cookie lines without a domain count for the host of the first URL", "", false},
	{"cookie-jar", "c", Same, "`file` to write all cookies to at the end, or - for the standard output",
		"", "", false},
	{"create-dirs", "", Same, "make the directories of --output that are missing", "", "", false},
	{"data", "d", Same, "`body`, or @FILE without its line ends; may be repeated, joined with &", "", "", false},
	{"data-ascii", "", Same, "`body`, the same as --data", "", "", false},
	{"data-binary", "", Same, "`body`, or @FILE unchanged", "", "", false},
	{"data-raw", "", Same, "`body` as for --data, but @ has no meaning", "", "", false},
	{"data-urlencode", "", Same, "`body`, percent-encoded: CONTENT, NAME=CONTENT, @FILE or NAME@FILE", "", "", false},
	{"disable", "q", Same, "read no file of curl's, which is always the case", "", "", false},
	{"dump-header", "D", Same, "`file` to write the headers of the responses to, or - for the standard output",
		"", "", false},
	{"fail", "f", Same, "exit with 3 if the status is 400 or more, and print no body", "", "", false},
	{"fail-early", "", Same, "with several URLs: end with the first that fails", "", "", false},
	{"fail-with-body", "", Same, "as --fail, and print the body", "", "", false},
	{"form", "F", Differs,
		"form `field` NAME=CONTENT, NAME=@FILE or NAME=<FILE, with ;type= and ;filename=; may be repeated",
		"one file in each field; no ;headers=, no ;encoder= and no parts within parts", "", false},
	{"form-string", "", Same, "form `field` NAME=CONTENT, in which @, < and ; have no meaning", "", "", false},
	{"get", "G", Differs, "put the data into the query",
		"a space becomes %20 and not +, about which verifiers of signatures disagree", "", false},
	{"globoff", "g", Differs, "take [] and {} in a URL as they are, which is always the case",
		"furl call never reads [] and {}", "", false},
	{"head", "I", Same, "send HEAD and print the headers", "", "", false},
	{"header", "H", Differs, "header \"`NAME: VALUE`\", \"NAME:\" to leave one out, or @FILE; may be repeated",
		"names go out as Http-Headers-Are-Written; those that frame the message (Content-Length, Transfer-Encoding, " +
			"Connection, Trailer, Upgrade) cannot be set; Authorization turns signing off", "", false},
	{"help", "h", Differs, "", "the help of furl call; there are no categories", "", false},
	{"http1.1", "", Same, "speak HTTP/1.1, which is the default", "", "", false},
	{"http2", "", Differs, "speak HTTP/2 over TLS if the server does",
		"over http it stays with HTTP/1.1; without the flag furl call speaks HTTP/1.1, as function URLs do", "", false},
	{"include", "i", Same, "print the response's headers too", "", "", false},
	{"insecure", "k", Same, "do not check the server's certificate", "", "", false},
	{"ipv4", "4", Same, "connect to IPv4 addresses only", "", "", false},
	{"ipv6", "6", Same, "connect to IPv6 addresses only", "", "", false},
	{"json", "", Same, "JSON `body`, or @FILE, with the headers that belong to it", "", "", false},
	{"junk-session-cookies", "j", Same, "leave out the cookies of --cookie FILE that end with the session",
		"", "", false},
	{"limit-rate", "", Same, "bytes per second to receive and to send at most, as `SPEED` such as 200K or 1M",
		"", "", false},
	{"location", "L", Same, "follow redirects; requests to another host are not signed", "", "", false},
	{"max-redirs", "", Same, "how many redirects to follow, -1 for no limit", "", "", false},
	{"max-time", "m", Same, "`seconds` that a call may take", "", "", false},
	{"no-buffer", "N", Differs, "write the response as it arrives, which is always the case",
		"furl call buffers no output", "", false},
	{"no-progress-meter", "", Same, "no progress, but messages", "", "", false},
	{"noproxy", "", Same, "`HOSTS` to reach without a proxy, with commas between them (default $NO_PROXY); * for all",
		"", "", false},
	{"oauth2-bearer", "", Same, "send `TOKEN` as Authorization: Bearer; the request is not signed", "", "", false},
	{"output", "o", Same, "`file` to write the response to; once for each URL", "", "", false},
	{"output-dir", "", Same, "`directory` of the files of --output and --remote-name", "", "", false},
	{"path-as-is", "", Differs, "keep /../ and /./ in the path, which is always the case",
		"furl call never changes the path", "", false},
	{"post301", "", Same, "with --location: keep POST after a 301", "", "", false},
	{"post302", "", Same, "with --location: keep POST after a 302", "", "", false},
	{"post303", "", Same, "with --location: keep POST after a 303", "", "", false},
	{"proto-default", "", Same, "`SCHEME` of a URL without one: http or https (default https, http for this machine)",
		"", "", false},
	{"proxy", "x", Differs,
		"`[SCHEME://]HOST[:PORT]` of a proxy (default $HTTPS_PROXY and $http_proxy as in curl), \"\" for none",
		"http, https, socks5 and socks5h; a proxy of the environment gets no request to this machine and no signed request " +
			"over http, which it could send again", "", false},
	{"proxy-basic", "", Same, "the way of --proxy-user, which is always the case", "", "", false},
	{"proxy-user", "U", Same, "`USER:PASSWORD` for the proxy", "", "", false},
	{"proxytunnel", "p", Same, "have an HTTP proxy pass on connections without reading them, for http too",
		"", "", false},
	{"range", "r", Same, "`FIRST-LAST` bytes of the response to ask for", "", "", false},
	{"rate", "", Differs, "", "with --repeat: how many requests a second, as a number alone", "", false},
	{"referer", "e", Same, "`URL` of the header Referer; with ;auto at its end redirects send where they come from",
		"", "", false},
	{"remote-header-name", "J", Same,
		"with --remote-name: take the file name from Content-Disposition, for a new file",
		"", "", false},
	{"remote-name", "O", Same, "write the response to a file named as the end of the URL's path; once for each URL",
		"", "", false},
	{"remote-name-all", "", Same, "--remote-name for all URLs without a file", "", "", false},
	{"request", "X", Differs, "`method` (default GET, or what the body implies)",
		"POST, PUT and PATCH without a body have Content-Length: 0", "", false},
	{"resolve", "", Same, "`HOST:PORT:ADDRESS`, the address to use for a host; may be repeated", "", "", false},
	{"retry", "", Differs, "how often to repeat an idempotent request that was answered with 429, 502, 503 or 504",
		"POST and PATCH are never repeated; connections that fail are not tried again", "", false},
	{"show-error", "S", Same, "with --silent, still print messages", "", "", false},
	{"silent", "s", Same, "no progress and no messages", "", "", false},
	{"socks5", "", Same, "`HOST[:PORT]` of a SOCKS5 proxy, which gets addresses", "", "", false},
	{"socks5-hostname", "", Same, "`HOST[:PORT]` of a SOCKS5 proxy, which gets host names", "", "", false},
	{"upload-file", "T", Differs, "`file` to send with PUT, or - for the standard input; once for each URL",
		"a stream is read to its end first: what is sent has to be signed", "", false},
	{"url", "", Same, "`URL` to call, the same as an argument; may be repeated", "", "", false},
	{"url-query", "", Differs,
		"`part` to add to the query, as for --data-urlencode, or +PART as it is; may be repeated",
		"a space becomes %20 and not +; with --get the query has both", "", false},
	{"user", "u", Same,
		"`USER:PASSWORD` for Authorization: Basic, unsigned; with --aws-sigv4 the keys ID:SECRET to sign with",
		"", "", false},
	{"user-agent", "A", Same, "User-Agent `header`", "", "", false},
	{"verbose", "v", Differs, "print who calls, what was signed, what was sent and how long it took",
		"it also shows what was signed, and hides passwords, tokens, signatures and the values of cookies", "", false},
	{"write-out", "w", Differs, "print this `text` at the end, with %{variables} as in curl, or that of @FILE",
		"the variables of HTTP, and refused_by, request_id and explain", "", false},
}
