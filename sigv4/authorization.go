package sigv4

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// claim is what a request says about its own signature.
type claim struct {
	form Form

	// As written.
	credential    string
	signedHeaders string
	signature     string
	expires       string // X-Amz-Expires
	hasExpires    bool
	token         string
	hasToken      bool
	plainDate     bool // the date is that of the Date header

	// As understood.
	scope      Scope
	terminator string
	kept       *kept
	signed     []string
	list       *signedList // what is known of signed, if anything
	declared   []string    // x-amz-content-sha256
	date       time.Time
	dateText   string // ISO 8601 basic format
	until      time.Time

	// fault is why the signature can not match. Said only after the key has been looked up, as a mismatch would be.
	fault string
}

// kept is what outlives a verification besides the bytes of the body: one allocation for all of it.
type kept struct {
	body  body
	names [6]string // SignedHeaders, if there are no more
}

// blame notes the first reason why the signature can not be right.
func (c *claim) blame(reason string) {
	if c.fault == "" {
		c.fault = reason
	}
}

// maxAuthorization bounds the Authorization header and thereby every text that quotes it.
const maxAuthorization = 16 << 10

// maxSignedHeaders bounds the list.
const maxSignedHeaders = 512

func incomplete(msg string) *Error { return &Error{Kind: IncompleteSignature, Message: msg} }

// read finds out how the request is authenticated and reads the parameters, in AWS's order of complaints.
func (c *claim) read(r *http.Request, q *query) *Error {
	auths := r.Header[keyAuthorization]
	_, presigned := q.get(paramAlgorithm)
	switch {
	case len(auths) > 0 && presigned > 0:
		// AWS calls it a signature mismatch and gives no text.
		return &Error{Kind: InvalidSignature, Detail: "both an Authorization header and X-Amz-Algorithm in the query"}
	case len(auths) > 1:
		// AWS reads the first. Two are never an honest client's doing.
		return &Error{Kind: InvalidSignature, Message: msgMismatch, Detail: "more than one Authorization header"}
	case len(auths) == 1:
		c.form = Header
		return c.readHeader(r, auths[0])
	case presigned > 0:
		c.form = Query
		return c.readQuery(q)
	}
	return &Error{Kind: MissingAuthentication, Message: msgMissing}
}

// readHeader reads the Authorization header and the headers that go with it.
func (c *claim) readHeader(r *http.Request, auth string) *Error {
	if len(auth) > maxAuthorization {
		return &Error{Kind: MalformedRequest, Message: "Authorization header too long"}
	}
	alg, rest, more := cut(trim(auth), ' ')
	if alg != algorithm {
		return incomplete("Unsupported AWS 'algorithm': '" + alg + "'.")
	}
	var seen struct{ credential, headers, signature bool }
	for more {
		var item string
		item, rest, more = cut(rest, ',')
		item = trim(item)
		key, value, ok := cut(item, '=')
		if !ok {
			return incomplete("'" + item + "' not a valid key=value pair (missing equal-sign) in Authorization header: '" + auth + "'")
		}
		var dup *bool
		switch key {
		case "Credential":
			c.credential, dup = value, &seen.credential
		case "SignedHeaders":
			c.signedHeaders, dup = value, &seen.headers
		case "Signature":
			c.signature, dup = value, &seen.signature
		default:
			c.blame("unknown part in the Authorization header")
			continue
		}
		if *dup { // AWS takes the last
			c.blame(key + " is there twice in the Authorization header")
		}
		*dup = true
	}

	dates := r.Header[keyAmzDate]
	if c.plainDate = len(dates) == 0; c.plainDate {
		dates = r.Header[keyDate]
	}
	missing := ""
	need := func(found bool, what string) {
		if !found {
			missing += "Authorization header requires " + what + ". "
		}
	}
	need(seen.credential, "'Credential' parameter")
	need(seen.signature, "'Signature' parameter")
	need(seen.headers, "'SignedHeaders' parameter")
	need(len(dates) > 0, "existence of either a 'X-Amz-Date' or a 'Date' header")
	if missing != "" {
		return incomplete(missing + "Authorization=" + algorithm)
	}
	if len(dates) > 1 {
		c.blame("more than one date header")
	}
	c.dateText = dates[0]
	tokens := r.Header[keyToken]
	if len(tokens) > 1 {
		c.blame("more than one X-Amz-Security-Token header")
	}
	if c.hasToken = len(tokens) > 0; c.hasToken {
		c.token = tokens[0]
	}
	return nil
}

// readQuery reads the parameters of the presigned form.
func (c *claim) readQuery(q *query) *Error {
	get := func(name string) (string, bool) {
		value, n := q.get(name)
		if n > 1 { // AWS takes the first
			c.blame(name + " is there more than once in the query")
		}
		return value, n > 0
	}
	if alg, _ := get(paramAlgorithm); alg != algorithm {
		return incomplete("Unsupported AWS 'algorithm': '" + alg + "'.")
	}
	missing := ""
	need := func(name string) string {
		value, ok := get(name)
		if !ok {
			missing += "AWS query-string parameters must include '" + name + "'. "
		}
		return value
	}
	c.credential = need(paramCredential)
	c.signature = need(paramSignature)
	c.signedHeaders = need(paramSignedHeaders)
	c.dateText = need(paramDate)
	if missing != "" {
		return incomplete(missing + "Re-examine the query-string parameters.")
	}
	c.expires, c.hasExpires = get(paramExpires)
	c.token, c.hasToken = get(paramSecurityToken)
	for _, p := range q.pairs {
		if key := q.key(p); len(key) == len(paramSignature) && string(key) != paramSignature && strings.EqualFold(string(key), paramSignature) {
			c.blame("a second spelling of " + paramSignature + " in the query")
		}
	}
	return nil
}

// readDate checks the date, and turns that of a Date header into the form that is signed.
func (c *claim) readDate() *Error {
	ok := false
	if c.plainDate {
		if c.date, ok = parseDateHeader(c.dateText); ok {
			c.dateText = c.date.Format(isoBasic)
			return nil
		}
	} else if c.date, ok = parseBasic(c.dateText); ok {
		return nil
	}
	return incomplete("Date must be in ISO-8601 'basic format'. Got '" + c.dateText +
		"'. See http://en.wikipedia.org/wiki/ISO_8601")
}

// readSignedHeaders splits the list and checks that the host is in it. lists are those that need not be checked again.
func (c *claim) readSignedHeaders(lists map[string]*signedList) *Error {
	c.kept = new(kept)
	if c.list = lists[c.signedHeaders]; c.list != nil {
		c.signed = append(c.kept.names[:0], c.list.names...)
		return nil
	}
	c.signed = c.kept.names[:0]
	rest, host := c.signedHeaders, false
	for more := true; more; {
		if len(c.signed) == maxSignedHeaders {
			return &Error{Kind: MalformedRequest, Message: "Too many signed headers"}
		}
		var name string
		name, rest, more = cut(rest, ';')
		host = host || name == nameHost || name == nameAuthority
		if !validName(name) {
			c.blame("SignedHeaders has " + strconv.Quote(name) + ", which is no lower-case header name")
		}
		c.signed = append(c.signed, name)
	}
	if !host {
		return incomplete(msgHostUnsigned)
	}
	return nil
}
