//go:build unix

package interop_test

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
)

// signCase is one request that each client has to sign and send.
type signCase struct {
	ID      int               `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`              // a character stands for the byte of that number
	Expires int               `json:"expires,omitempty"` // seconds, of what is to be presigned

	parts []part // what it is made of, to find out what a client gets wrong
	path  string // of the URL, below the function URL
	query string
	body  []byte
}

// part is one feature of a request, by a name that documentation can use.
type part struct {
	name string
	text string
}

// Paths are below the function URL, without the slash that it ends with.
var paths = []part{
	{"plain path", "book"},
	{"no path", ""},
	{"slash at the end", "a/b/"},
	{"unreserved in the path", "a-b_c.d~e"},
	{"%20 in the path", "with%20space"},
	{"UTF-8 escapes in the path", "caf%C3%A9/%E6%97%A5%E6%9C%AC/%F0%9F%98%80"},
	{"lower-case escapes in the path", "caf%c3%a9"},
	{"%2F in the path", "a%2Fb"},
	{"%25 in the path", "100%25"},
	{"escaped unreserved in the path", "%7Euser/%41"},
	{"sub-delims in the path", "a!b$c&d'e(f)g*h+i,j;k=l"},
	{": and @ in the path", "a:b@c"},
	{"escaped reserved in the path", "a%3Ab%40c%5B1%5D%3F"},
	{"// in the path", "a//b"},
	{"// at the start of the path", "/a"},
	{". in the path", "a/./b"},
	{".. in the path", "a/../b"},
	{". at the end of the path", "a/b/."},
	{".. at the end of the path", "a/b/.."},
	{"%2e%2e in the path", "a/%2e%2e/b"},
	{"three dots in the path", "a/.../b"},
	{"raw space in the path", "with space"},
	{"raw UTF-8 in the path", "café"},
	{"raw brackets in the path", "a[1]"},
	{"raw ^ and | in the path", "a^b|c"},
}

var queries = []part{
	{"no query", ""},
	{"one parameter", "page=5"},
	{"sorted parameters", "a=1&b=2"},
	{"unsorted parameters", "b=2&a=1"},
	{"upper before lower case", "a=1&B=2&A=3"},
	{"- after a key", "a-b=1&a=2"},
	{"one key twice", "a=1&a=2"},
	{"one key twice, unsorted", "a=2&a=1"},
	{"one pair twice", "a=1&a=1"},
	{"empty value", "k="},
	{"no =", "k"},
	{"no = among others", "b&a=1&c"},
	{"empty pair", "a=1&&b=2"},
	{"empty key", "=v"},
	{"& at the end", "a=1&"},
	{"%20 in the query", "q=hello%20world"},
	{"+ in the query", "q=hello+world"},
	{"%2B in the query", "q=1%2B1"},
	{"%2F in the query", "q=a%2Fb"},
	{"/ in the query", "q=a/b"},
	{": in the query", "t=12:30"},
	{"@ and , in the query", "q=a@b.c,d"},
	{"; in the query", "q=a;b"},
	{"? in the query", "q=a?b"},
	{"$ in the query", "$filter=x"},
	{"( ) ! ' * in the query", "q=(a)!b'c*"},
	{"escaped ( ) ! ' * in the query", "q=%28a%29%21b%27c%2A"},
	{"= in a value", "q=a=b"},
	{"%3D in a value", "q=a%3Db"},
	{"%26 in a value", "q=a%26b"},
	{"%25 in the query", "q=100%25"},
	{"~ in the query", "q=~x"},
	{"%7E in the query", "q=%7Ex"},
	{"UTF-8 escapes in the query", "q=%C3%A9&%E6%97%A5=1"},
	{"lower-case escapes in the query", "q=%c3%a9%2f"},
	{"non-ASCII key before another", "%C3%A9=1&z=2&a=3"},
	{"brackets in the query", "x[]=1&x[0]=2"},
	{"escaped brackets in the query", "x%5B%5D=1&x%5B0%5D=2"},
	{"raw space in the query", "q=hello world"},
	{"raw UTF-8 in the query", "q=café"},
	{`raw " < > in the query`, `q="<a>"`},
	{"raw { | } ^ ` in the query", "q={a|b}^`"},
}

// Methods have no body but those of bodies.
var methods = []part{
	{"GET", "GET"},
	{"POST", "POST"},
	{"PUT", "PUT"},
	{"PATCH", "PATCH"},
	{"DELETE", "DELETE"},
	{"HEAD", "HEAD"},
	{"OPTIONS", "OPTIONS"},
}

// Bodies go with POST, PUT, PATCH and DELETE.
var bodies = []part{
	{"no body", ""},
	{"JSON body", `{"user":"my-user","token":"ABC123"}`},
	{"UTF-8 body", `{"title":"café 日本 😀"}`},
	{"body with a newline at the end", "line\n"},
	{"body with CRLF", "one\r\ntwo\r\n"},
	{"body of white space", " \n "},
	{"body that is a form", "a=b+c&d=%2F&e=(f)"},
	{"binary body", allBytes()},
	{"large body", strings.Repeat("0123456789abcdef", 8<<10)},
}

// Headers are "name: value", or nothing.
var headers = []part{
	{"no header", ""},
	{"content type with charset", "Content-Type: application/json; charset=UTF-8"},
	{"binary content type", "Content-Type: application/octet-stream"},
	{"form content type", "Content-Type: application/x-www-form-urlencoded"},
	{"header of one's own", "X-Custom: value"},
	{"spaces within a header", "X-Custom: a   b    c"},
	{"quoted spaces within a header", `X-Custom: "a   b"`},
	{"comma within a header", "Accept: text/html, application/json;q=0.9,*/*"},
	{"user agent", "User-Agent: interop/1.0"},
	{"accept-encoding", "Accept-Encoding: gzip"},
	{"x-amz header", "X-Amz-Meta: Something"},
	{"trace id", "X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678"},
}

func allBytes() string {
	var all strings.Builder
	for b := range 256 {
		all.WriteByte(byte(b))
	}
	return all.String()
}

// makeCases makes each part once on its own, each method with each body that it can have, and then mixtures of
// everything until there are as many as wanted. It makes the same ones each time.
func makeCases(base string, count int) []signCase {
	var cases []signCase
	add := func(method, path, query, header, body part) {
		if method.text == "GET" || method.text == "HEAD" || method.text == "OPTIONS" {
			body = bodies[0]
		}
		c := signCase{
			ID: len(cases), Method: method.text, URL: base + path.text, Headers: map[string]string{},
			Body: latin1([]byte(body.text)), parts: []part{method, path, query, header, body},
			path: "/" + path.text, query: query.text, body: []byte(body.text),
		}
		if query.text != "" {
			c.URL += "?" + query.text
		}
		if name, value, ok := strings.Cut(header.text, ": "); ok {
			c.Headers[name] = value
		}
		cases = append(cases, c)
	}
	get, post := methods[0], methods[1]
	for _, path := range paths {
		add(get, path, queries[0], headers[0], bodies[0])
		add(post, path, queries[0], headers[1], bodies[1])
	}
	for _, query := range queries {
		add(get, paths[0], query, headers[0], bodies[0])
		add(post, paths[0], query, headers[1], bodies[1])
	}
	for _, method := range methods {
		add(method, paths[0], queries[1], headers[0], bodies[0])
	}
	for _, body := range bodies {
		for _, method := range []part{post, methods[2], methods[3], methods[4]} {
			add(method, paths[0], queries[0], headers[0], body)
		}
	}
	for _, header := range headers {
		add(get, paths[0], queries[0], header, bodies[0])
		add(post, paths[0], queries[0], header, bodies[1])
	}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(parts []part) part { return parts[random.IntN(len(parts))] }
	for len(cases) < count {
		add(pick(methods), pick(paths), pick(queries), pick(headers), pick(bodies[:len(bodies)-1]))
	}
	return cases
}

// makePresignCases are the cases that need no header: all paths and queries alone, all methods and bodies, and mixtures.
func makePresignCases(base string, count int) []signCase {
	var cases []signCase
	for _, c := range makeCases(base, count) {
		if c.Method == methods[0].text {
			c.parts[3], c.Headers = headers[0], map[string]string{}
		}
		if len(c.Headers) == 0 {
			c.ID, c.Expires = len(cases), 300
			cases = append(cases, c)
		}
	}
	return cases
}

// names are the parts of the case that are not the plain ones.
func (c *signCase) names() string {
	var names []string
	for i, p := range c.parts {
		if p != []part{methods[0], paths[0], queries[0], headers[0], bodies[0]}[i] {
			names = append(names, p.name)
		}
	}
	return strings.Join(names, "; ")
}

func latin1(text []byte) string {
	runes := make([]rune, len(text))
	for i, b := range text {
		runes[i] = rune(b)
	}
	return string(runes)
}

// differs says in what an echo differs from what the case means, and is empty if it does not. Clients may write a URL
// in another way that means the same.
func (c *signCase) differs(got echo) string {
	hash := sha256.Sum256(c.body)
	switch {
	case got.Method != c.Method:
		return "method " + got.Method
	case got.Body != hex.EncodeToString(hash[:]):
		return "another body"
	case !slices.Equal(segments(got.RawPath), segments(c.path)):
		return "path " + got.RawPath
	case !slices.Equal(pairs(got.RawQuery), pairs(c.query)):
		return "query " + got.RawQuery
	default:
		return ""
	}
}

// segments is what a path means: its decoded segments, dots resolved, empty ones left out.
func segments(raw string) []string {
	var list []string
	for segment := range strings.SplitSeq(raw, "/") {
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			decoded = segment
		}
		switch decoded {
		case "", ".":
		case "..":
			list = list[:max(0, len(list)-1)]
		default:
			list = append(list, decoded)
		}
	}
	return list
}

// pairs is what a query means: its decoded pairs, in no order, without those that have presigned it.
func pairs(raw string) []string {
	var list []string
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" || strings.HasPrefix(pair, "X-Amz-") {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		list = append(list, decodeQuery(key)+"="+decodeQuery(value))
	}
	slices.Sort(list)
	return list
}

func decodeQuery(raw string) string {
	decoded, err := url.QueryUnescape(raw)
	if err != nil {
		return raw
	}
	return decoded
}
