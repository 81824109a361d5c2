//go:build unix

package attack_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// signing is how a request is signed. What is empty is right.
type signing struct {
	key     key
	service string
	region  string
	at      time.Time
	scope   string            // all behind the access key id
	names   []string          // of headers to sign besides host, x-amz-date and, if it is sent, the token
	values  map[string]string // signed in place of what a header says
	payload string            // signed in place of the body's hash
	path    string            // signed in place of the target's path, once it is encoded
	encoded string            // signed in place of the encoded path
	query   string            // signed in place of the target's query
	method  string            // signed in place of the request's method
	noHost  bool              // the host is not signed
	noToken bool              // the token is not sent
	noDate  bool              // the date is sent, and not among the signed headers
	noOrder bool              // the signed headers are not sorted
	date    string            // layout of a Date header to send in place of X-Amz-Date
	expires string            // presigned only
}

// key is an access key with its secret.
type key struct{ id, secret, token string }

func (s signing) stamp() string { return s.at.UTC().Format("20060102T150405Z") }

func (s signing) fill() signing {
	if s.at.IsZero() {
		s.at = time.Now()
	}
	if s.scope == "" {
		s.scope = s.stamp()[:8] + "/" + s.region + "/" + s.service + "/aws4_request"
	}
	if s.expires == "" {
		s.expires = "300"
	}
	return s
}

// signed adds the headers of a signature.
func (r request) signed(s signing) request {
	s = s.fill()
	names := slices.Clone(s.names)
	if s.date != "" {
		r = r.with("Date: " + s.at.UTC().Format(s.date))
		names = append(names, "date")
	} else {
		r = r.with("X-Amz-Date: " + s.stamp())
		names = append(names, "x-amz-date")
	}
	if s.noDate {
		names = names[:len(names)-1]
	}
	if s.key.token != "" && !s.noToken {
		r = r.with("X-Amz-Security-Token: " + s.key.token)
		names = append(names, "x-amz-security-token")
	}
	signature, signed := r.signature(s, names)
	return r.with("Authorization: AWS4-HMAC-SHA256 Credential=" + s.key.id + "/" + s.scope +
		", SignedHeaders=" + signed + ", Signature=" + signature)
}

// presigned adds the query parameters of a signature.
func (r request) presigned(s signing) request {
	s = s.fill()
	names := slices.Clone(s.names)
	list := slices.Clone(names)
	if !s.noHost {
		list = append(list, "host")
	}
	slices.Sort(list)
	add := func(name, value string) {
		separator := "?"
		if strings.Contains(r.target, "?") {
			separator = "&"
		}
		r.target += separator + name + "=" + escape(value, "")
	}
	add("X-Amz-Algorithm", "AWS4-HMAC-SHA256")
	add("X-Amz-Credential", s.key.id+"/"+s.scope)
	add("X-Amz-Date", s.stamp())
	if s.expires != absent {
		add("X-Amz-Expires", s.expires)
	}
	add("X-Amz-SignedHeaders", strings.Join(list, ";"))
	if s.key.token != "" && !s.noToken {
		add("X-Amz-Security-Token", s.key.token)
	}
	signature, _ := r.signature(s, names)
	add("X-Amz-Signature", signature)
	return r
}

// absent as a value leaves the parameter out.
const absent = "\x00"

// signature is the signature and the list of signed headers.
func (r request) signature(s signing, names []string) (signature, signed string) {
	if !s.noHost {
		names = append(slices.Clone(names), "host")
	}
	if !s.noOrder {
		slices.Sort(names)
	}
	path, query, _ := strings.Cut(r.target, "?")
	if s.path != "" {
		path = s.path
	}
	if s.encoded == "" {
		s.encoded = escape(path, "/")
	}
	canonicalQuery := canonicalQuery(query)
	if s.query != "" {
		canonicalQuery = strings.TrimPrefix(s.query, absent)
	}
	if s.payload == "" {
		s.payload = hash(r.body)
	}
	if s.method == "" {
		s.method = r.method
	}
	signed = strings.Join(names, ";")
	text := s.method + "\n" + s.encoded + "\n" + canonicalQuery + "\n"
	for _, name := range names {
		text += name + ":" + r.canonicalValue(s, name) + "\n"
	}
	text = s.stamp() + "\n" + s.scope + "\n" + hash(text+"\n"+signed+"\n"+s.payload)
	mac := []byte("AWS4" + s.key.secret)
	for part := range strings.SplitSeq(s.scope, "/") {
		mac = sum(mac, part)
	}
	return hex.EncodeToString(sum(mac, "AWS4-HMAC-SHA256\n"+text)), signed
}

func (r request) canonicalValue(s signing, name string) string {
	if value, ok := s.values[name]; ok {
		return value
	}
	if name == "host" {
		return r.host
	}
	var values []string
	for _, line := range r.lines {
		if isHeader(line, name) {
			_, value, _ := strings.Cut(line, ":")
			values = append(values, strings.Join(strings.Fields(value), " "))
		}
	}
	return strings.Join(values, ",")
}

// canonicalQuery sorts the parameters of a query that is encoded as it should be.
func canonicalQuery(query string) string {
	if query == "" {
		return ""
	}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		if !strings.Contains(pair, "=") {
			pairs[i] = pair + "="
		}
	}
	slices.SortFunc(pairs, func(a, b string) int {
		return strings.Compare(strings.Replace(a, "=", "\x01", 1), strings.Replace(b, "=", "\x01", 1))
	})
	return strings.Join(pairs, "&")
}

// escape encodes all bytes that are neither unreserved nor kept.
func escape(text, keep string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~"+keep, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func sum(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// forms are the two ways to sign a request.
var forms = map[string]func(request, signing) request{"header": request.signed, "presigned": request.presigned}
