//go:build unix

package attack_test

import (
	"strings"
	"testing"
)

// spelling is a part of a target as it is sent, and the part of the canonical request that was signed for it.
type spelling struct {
	name   string
	sent   string
	signed string
	good   bool
}

// What stands in a path is normalized as it stands, and every byte of it encoded once more. Two forms of the rest are
// accepted where AWS's own clients differ; whatever was signed, the function sees what was sent, and nobody is
// redirected.
func TestPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spellings := []spelling{
		{"an escape", "/a%20b", "/a%2520b", true},
		{"an escape, encoded once", "/a%20b", "/a%20b", false},
		{"an escaped slash", "/a%2Fb", "/a%252Fb", true},
		{"an escaped slash, decoded", "/a%2Fb", "/a/b", false},
		{"an escaped question mark", "/_search/%3Fa=b%20c", "/_search/%253Fa%3Db%2520c", true}, // aws-sdk-js#853
		{"a null byte", "/a%00b", "/a%2500b", true},
		{"brackets", "/a(b)", "/a%28b%29", true},
		{"brackets, as they stand", "/a(b)", "/a(b)", false},
		{"colon, equals sign and plus", "/a:b=c+d", "/a%3Ab%3Dc%2Bd", true},
		{"colon, equals sign and plus, as they stand", "/a:b=c+d", "/a:b=c+d", false},
		{"unreserved", "/a-b_c.d~e", "/a-b_c.d~e", true},
		{"unreserved, escaped", "/%7Ea", "/%257Ea", true},
		{"unreserved, escaped and signed as they are", "/%7Ea", "/~a", false},
		{"raw UTF-8", "/\xc3\xbc", "/%C3%BC", true},
		{"raw UTF-8 as if it had been escaped", "/\xc3\xbc", "/%25C3%25BC", false},
		{"lower-case escapes", "/%c3%bc", "/%25c3%25bc", true},
		{"lower-case escapes, in capitals", "/%c3%bc", "/%25C3%25BC", false},
		{"lower-case escapes, the second encoding in lower case", "/a%20(", "/a%2520%28", true},
		{"the second encoding in lower case", "/a:b", "/a%3ab", false},
		{"two slashes", "/a//b", "/a/b", true},
		{"two slashes, as sent", "/a//b", "/a//b", true},
		{"three slashes for two", "/a///b", "/a//b", false},
		{"two slashes at the start", "//a", "/a", true},
		{"a dot", "/a/./b", "/a/b", true},
		{"a dot, as sent", "/a/./b", "/a/./b", true},
		{"two dots", "/a/../b", "/b", true},
		{"two dots, as sent", "/a/../b", "/a/../b", true},
		{"two dots, left out", "/a/../b", "/a/b", false},
		{"three dots", "/a/.../b", "/a/.../b", true},
		{"a dot at the end", "/a/.", "/a/", true},
		{"a dot at the end, without the slash", "/a/.", "/a", true},
		{"a dot at the end, as sent", "/a/.", "/a/.", true},
		{"two dots at the end", "/a/b/..", "/a/", true},
		{"two dots at the end, without the slash", "/a/b/..", "/a", true},
		{"two dots at the end, as sent", "/a/b/..", "/a/b/..", true},
		{"two dots at the end, not resolved", "/a/b/..", "/a/b/", false},
		{"escaped dots", "/a/%2e%2e/b", "/a/%252e%252e/b", true},
		{"escaped dots, resolved", "/a/%2e%2e/b", "/b", false},
		{"a slash at the end", "/a/", "/a/", true},
		{"a slash at the end, left out", "/a/", "/a", false},
		{"no slash at the end, one added", "/a", "/a/", false},
		{"a semicolon", "/a;b=c", "/a%3Bb%3Dc", true},
		{"a semicolon and what follows left out", "/a;b=c", "/a", false},
	}
	for _, p := range w.readers() {
		base := strings.TrimSuffix(p.request.target, "/") // of unreserved characters only
		for _, path := range spellings {
			for form, with := range forms {
				t.Run(p.name+"/"+path.name+"/"+form, func(t *testing.T) {
					r, s := p.request, w.good(p)
					r.target, s.encoded = base+path.sent, base+path.signed
					a := w.send(t, with(r, s))
					if !path.good {
						p.refuses(t, a, mismatch, messageMismatch)
						return
					}
					if p.codes == &lambdaCodes && path.sent != "" {
						p.findsNothing(t, a, "UnknownOperationException")
						return
					}
					seen := p.accepts(t, w, a)
					if p.codes == &urlCodes && !strings.HasSuffix(seen.RawPath, path.sent) {
						t.Errorf("the function saw %+v", seen)
					}
				})
			}
		}
	}
}

// A query is split at '&' and the first '=', decoded, encoded strictly and sorted by person and value.
func TestQueries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spellings := []spelling{
		{"sorted", "a=1&b=2", "a=1&b=2", true},
		{"unsorted", "b=2&a=1", "a=1&b=2", true}, // the order on the wire is not protected
		{"unsorted, as sent", "b=2&a=1", "b=2&a=1", false},
		{"a key that another begins with", "a-b=1&a=2", "a=2&a-b=1", true},
		{"a key that another begins with, sorted with its value", "a-b=1&a=2", "a-b=1&a=2", false},
		{"values of one key", "a=2&a=1", "a=1&a=2", true},
		{"values of one key, as sent", "a=2&a=1", "a=2&a=1", false},
		{"one pair twice", "a=1&a=1", "a=1&a=1", true},
		{"one pair twice, signed once", "a=1&a=1", "a=1", false},
		{"capitals", "a=1&B=2", "B=2&a=1", true},
		{"capitals, sorted as if there were none", "a=1&B=2", "a=1&B=2", false},
		{"an encoded key", "z=2&%C3%A9=1", "%C3%A9=1&z=2", true},
		{"an encoded key, sorted by what it means", "z=2&%C3%A9=1", "z=2&%C3%A9=1", false},
		{"no value", "k", "k=", true},
		{"no value, as sent", "k", "k", false},
		{"an empty value", "k=", "k=", true},
		{"an equals sign in a value", "k=a=b", "k=a%3Db", true},
		{"an equals sign in a value, as sent", "k=a=b", "k=a=b", false},
		{"a semicolon", "a=1;b=2", "a=1%3Bb%3D2", true},
		{"a semicolon for an ampersand", "a=1;b=2", "a=1&b=2", false},
		{"a semicolon and what follows left out", "a=1;b=2&c=3", "c=3", false}, // as url.ParseQuery has it
		{"an empty pair", "a=1&&b=2", "a=1&b=2", true},
		{"an empty pair, signed as a parameter", "a=1&&b=2", "=&a=1&b=2", false},
		{"an ampersand at the end", "a=1&", "a=1", true},
		{"an empty key", "=v", "=v", true},
		{"an empty key, left out", "=v&a=1", "a=1", false},
		{"an equals sign alone", "=", "=", true},
		{"a raw plus", "q=a+b", "q=a%20b", true}, // assumed
		{"a raw plus, as a plus", "q=a+b", "q=a%2Bb", false},
		{"an escaped plus", "q=a%2Bb", "q=a%2Bb", true},
		{"an escaped plus, as a space", "q=a%2Bb", "q=a%20b", false},
		{"an escaped space", "q=a%20b", "q=a%20b", true},
		{"raw reserved characters", "t=12:30&x=a/b?c@d,e", "t=12%3A30&x=a%2Fb%3Fc%40d%2Ce", true},
		{"raw reserved characters, as sent", "t=12:30", "t=12:30", false}, // awscurl#216
		{"raw UTF-8", "q=\xc3\xa9", "q=%C3%A9", true},
		{"a raw byte that is no UTF-8", "q=\xe9", "q=%E9", true},
		{"an escaped byte that is no UTF-8, replaced", "q=%E9", "q=%EF%BF%BD", false},
		{"a null byte", "q=a%00b", "q=a%00b", true},
		{"a null byte and what follows left out", "q=a%00b", "q=a", false},
		{"lower-case escapes", "q=%c3%a9", "q=%C3%A9", true},
		{"lower-case escapes, as sent", "q=%c3%a9", "q=%c3%a9", false},
		{"unreserved, escaped", "q=%7E%61", "q=~a", true},
		{"unreserved, escaped, as sent", "q=%7E", "q=%7E", false},
		{"escapes, encoded once more", "q=a%20b", "q=a%2520b", false},
		{"a query left out", "a=1", absent, false},
	}
	for _, p := range w.readers() {
		for _, query := range spellings {
			t.Run(p.name+"/"+query.name, func(t *testing.T) {
				r, s := p.request, w.good(p)
				r.target, s.query = r.target+"?"+query.sent, query.signed
				a := w.send(t, r.signed(s))
				if !query.good {
					p.refuses(t, a, mismatch, messageMismatch)
					return
				}
				if p.codes == &queryCodes && strings.Contains(query.sent, "\xe9") {
					p.findsNothing(t, a, "MalformedQueryString")
					return
				}
				seen := p.accepts(t, w, a)
				if p.codes == &urlCodes && seen.RawQueryString != query.sent && !strings.Contains(query.sent, "\xe9") {
					t.Errorf("the function saw %+v", seen)
				}
			})
		}
	}
}
