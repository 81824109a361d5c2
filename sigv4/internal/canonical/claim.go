package canonical

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Claim is what a request says about its own signature.
type Claim struct {
	Path  string // as sent
	Query Query

	InHeader, InQuery bool // where the parameters are; both false if they are nowhere or in both places

	// As written.
	Credential    string
	SignedHeaders string
	Signature     string
	Expires       string // X-Amz-Expires
	HasExpires    bool
	Token         string
	HasToken      bool

	// As understood.
	Scope      Scope
	Terminator string
	Whole      bool     // the credential has five parts
	Names      []string // SignedHeaders, split
	Declared   []string // x-amz-content-sha256
	Date       time.Time
	DateText   string // in the format ISOBasic

	// Lists are some that may come in SignedHeaders. They decide nothing: without them the same claims are read.
	Lists map[string]SignedList
	keys  []string // of Names in a header map, if Lists has them

	// Fault is why the signature cannot match. A verifier says it only once it has looked up the key, as it would a
	// mismatch.
	Fault string
}

// SignedList is a list of signed headers, sorted and without fault, as it was split.
type SignedList struct {
	names []string
	keys  []string // of the names in a header map; empty for those that net/http keeps elsewhere
}

// List returns the list of a claim that was verified, under the text that it comes as. ok is false if Lists has it
// already, or if that text is another one than the sorted list.
func (c *Claim) List(r *Request) (text string, list SignedList, ok bool) {
	if c.keys != nil || string(r.Names) != c.SignedHeaders {
		return "", list, false
	}
	text = string(r.Names) // not SignedHeaders, which is part of the request
	list.names = strings.Split(text, ";")
	for _, name := range list.names {
		list.keys = append(list.keys, headerKey(name))
	}
	return text, list, true
}

// Problem is why a claim cannot be read.
type Problem struct {
	Kind    ProblemKind
	Message string // AWS's text for the client
	Detail  string
}

// ProblemKind is what a Problem is about.
type ProblemKind uint8

// The kinds of problems.
const (
	Unsigned ProblemKind = iota
	Malformed
	Incomplete
	Contradictory
)

// AWS's texts, as a function URL was seen to answer them (aws4-axios#1553, html-share#4) or from the chart "AWS Auth
// Error Ordering" of dacut/scratchstack-aws-signature, measured on STS.
const (
	Mismatch = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	missing      = "Missing Authentication Token"
	hostUnsigned = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
)

// What a claim may take up: path and query together, more than any URL that AWS takes, session token included; the
// Authorization header and thereby every text that quotes it; the names in SignedHeaders.
const (
	maxTarget        = 64 << 10
	maxAuthorization = 16 << 10
	maxSignedHeaders = 512
)

func incomplete(message string) *Problem { return &Problem{Kind: Incomplete, Message: message} }
func malformed(message string) *Problem  { return &Problem{Kind: Malformed, Message: message} }

// blame notes the first reason why the signature cannot be right.
func (c *Claim) blame(reason string) {
	if c.Fault == "" {
		c.Fault = reason
	}
}

// Read reads a claim from a request as a server received it, in AWS's order of complaints. What it has read stays in a
// claim with a problem.
func (c *Claim) Read(r *http.Request) *Problem {
	target := Target(r)
	if len(target) > maxTarget {
		return malformed("Request target too long")
	}
	path, query := SplitTarget(target)
	if path != "" && path[0] != '/' || !ValidToken(r.Method) || r.Method == http.MethodConnect {
		return malformed("Request target is not a path")
	}
	if complaint := CheckEscapes(path); complaint != "" {
		return malformed(complaint)
	}
	if AboveRoot(path) {
		return malformed("Path is above the root")
	}
	c.Path = path
	if complaint := c.Query.Parse(query); complaint != "" {
		return malformed(complaint)
	}
	plainDate, problem := c.readParameters(r)
	if problem != nil {
		return problem
	}
	c.Scope, c.Terminator, c.Whole = ParseCredential(c.Credential)
	if problem := c.readNames(); problem != nil {
		return problem
	}
	return c.readDate(plainDate)
}

// Target returns the request target as received, or as a client's transport would send it.
func Target(r *http.Request) string {
	if r.RequestURI != "" || r.URL == nil {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// readParameters reads the parameters where they are. plainDate says that the date is that of the Date header.
func (c *Claim) readParameters(r *http.Request) (plainDate bool, problem *Problem) {
	authorizations := r.Header[KeyAuthorization]
	_, presigned := c.Query.Get(ParamAlgorithm)
	switch {
	case len(authorizations) > 0 && presigned > 0:
		// AWS calls it a signature mismatch and gives no text.
		return false, &Problem{Kind: Contradictory, Detail: "both an Authorization header and X-Amz-Algorithm in the query"}
	case len(authorizations) > 1:
		// AWS reads the first. Two are never an honest client's doing.
		return false, &Problem{Kind: Contradictory, Message: Mismatch, Detail: "more than one Authorization header"}
	case len(authorizations) == 1:
		c.InHeader = true
		return c.readHeader(r, authorizations[0])
	case presigned > 0:
		c.InQuery = true
		return false, c.readQuery()
	}
	return false, &Problem{Kind: Unsigned, Message: missing}
}

// readHeader reads the Authorization header and the headers that go with it.
func (c *Claim) readHeader(r *http.Request, authorization string) (plainDate bool, problem *Problem) {
	if len(authorization) > maxAuthorization {
		return false, malformed("Authorization header too long")
	}
	const space = " \t" // around list elements
	algorithm, rest, more := strings.Cut(strings.Trim(authorization, space), " ")
	if algorithm != Algorithm {
		return false, incomplete("Unsupported AWS 'algorithm': '" + algorithm + "'.")
	}
	var credential, headers, signature bool
	for more {
		var item string
		item, rest, more = strings.Cut(rest, ",")
		item = strings.Trim(item, space)
		key, value, ok := strings.Cut(item, "=")
		if key == "Credential" && strings.ContainsAny(value, space) {
			// For AWS white space ends a pair, too: that in an access key id leaves a word without an equal sign
			// (boto/boto3#2280, aws/aws-sdk-go#289).
			for word := range strings.FieldsSeq(item) {
				if !strings.Contains(word, "=") {
					item, ok = word, false
					break
				}
			}
		}
		if !ok {
			return false, incomplete("'" + item +
				"' not a valid key=value pair (missing equal-sign) in Authorization header: '" +
				authorization + "'")
		}
		var seen *bool
		switch key {
		case "Credential":
			c.Credential, seen = value, &credential
		case "SignedHeaders":
			c.SignedHeaders, seen = value, &headers
		case "Signature":
			c.Signature, seen = value, &signature
		default:
			c.blame("unknown part in the Authorization header")
			continue
		}
		if *seen { // AWS takes the last
			c.blame(key + " is there twice in the Authorization header")
		}
		*seen = true
	}

	dates := r.Header[KeyDate]
	if plainDate = len(dates) == 0; plainDate {
		dates = r.Header["Date"]
	}
	complaint := ""
	need := func(found bool, what string) {
		if !found {
			complaint += "Authorization header requires " + what + ". "
		}
	}
	need(credential, "'Credential' parameter")
	need(signature, "'Signature' parameter")
	need(headers, "'SignedHeaders' parameter")
	need(len(dates) > 0, "existence of either a 'X-Amz-Date' or a 'Date' header")
	if complaint != "" {
		return false, incomplete(complaint + "Authorization=" + Algorithm)
	}
	if len(dates) > 1 {
		c.blame("more than one date header")
	}
	c.DateText = dates[0]
	tokens := r.Header[KeyToken]
	if len(tokens) > 1 {
		c.blame("more than one X-Amz-Security-Token header")
	}
	if c.HasToken = len(tokens) > 0; c.HasToken {
		c.Token = tokens[0]
	}
	return plainDate, nil
}

// readQuery reads the parameters of the presigned form.
func (c *Claim) readQuery() *Problem {
	get := func(name string) (string, bool) {
		value, n := c.Query.Get(name)
		if n > 1 { // AWS takes the first
			c.blame(name + " is there more than once in the query")
		}
		return value, n > 0
	}
	if algorithm, _ := get(ParamAlgorithm); algorithm != Algorithm {
		return incomplete("Unsupported AWS 'algorithm': '" + algorithm + "'.")
	}
	complaint := ""
	need := func(name string) string {
		value, ok := get(name)
		if !ok {
			complaint += "AWS query-string parameters must include '" + name + "'. "
		}
		return value
	}
	c.Credential = need(ParamCredential)
	c.Signature = need(ParamSignature)
	c.SignedHeaders = need(ParamSignedHeaders)
	c.DateText = need(ParamDate)
	if complaint != "" {
		return incomplete(complaint + "Re-examine the query-string parameters.")
	}
	c.Expires, c.HasExpires = get(ParamExpires)
	c.Token, c.HasToken = get(ParamToken)
	if c.Query.Find(respelled) != "" {
		c.blame("a second spelling of " + ParamSignature + " in the query")
	}
	return nil
}

func respelled(key []byte) bool {
	return string(key) != ParamSignature && bytes.EqualFold(key, []byte(ParamSignature))
}

// rfc2822 is the Date header as botocore writes it; net/http knows the other formats.
const rfc2822 = "Mon, 02 Jan 2006 15:04:05 -0700"

// readDate reads the date, and turns that of a Date header (an HTTP date, RFC 2822, or ISO 8601 basic format) into the
// form that is signed.
func (c *Claim) readDate(plainDate bool) *Problem {
	var err error
	if len(c.DateText) == len(ISOBasic) { // or time.Parse would take fractions of a second
		if c.Date, err = time.Parse(ISOBasic, c.DateText); err == nil {
			return nil
		}
	}
	if plainDate {
		if c.Date, err = http.ParseTime(c.DateText); err != nil {
			c.Date, err = time.Parse(rfc2822, c.DateText)
		}
		if err == nil {
			c.Date = c.Date.UTC()
			c.DateText = c.Date.Format(ISOBasic)
			return nil
		}
	}
	return incomplete("Date must be in ISO-8601 'basic format'. Got '" + c.DateText +
		"'. See http://en.wikipedia.org/wiki/ISO_8601")
}

// readNames splits SignedHeaders and checks that the host is in it.
func (c *Claim) readNames() *Problem {
	if list, ok := c.Lists[c.SignedHeaders]; ok {
		c.Names, c.keys = list.names, list.keys
		return nil
	}
	if strings.Count(c.SignedHeaders, ";") >= maxSignedHeaders {
		return malformed("Too many signed headers")
	}
	c.Names = strings.Split(c.SignedHeaders, ";")
	host := false
	for _, name := range c.Names {
		host = host || name == Host || name == Authority
		if !ValidName(name) {
			c.blame("SignedHeaders has " + strconv.Quote(name) + ", which is no lower-case header name")
		}
	}
	if !host {
		return incomplete(hostUnsigned)
	}
	return nil
}

// Gather writes the headers of the claim to the canonical request, and takes the signature out of the query it signs.
// It writes each header once, or a list that names a long one again and again would cost many times its request. It
// leaves Names sorted, as AWS sorts them.
func (c *Claim) Gather(r *http.Request, to *Request) {
	to.Headers, to.Names = to.Headers[:0], append(to.Names[:0], c.SignedHeaders...)
	if c.keys == nil && !slices.IsSorted(c.Names) {
		slices.Sort(c.Names)
		to.Names = append(to.Names[:0], strings.Join(c.Names, ";")...)
	}
	var room [1]string
	for i, name := range c.Names {
		if i > 0 && name == c.Names[i-1] {
			c.blame("SignedHeaders has " + strconv.Quote(name) + " twice")
			continue
		}
		var values []string
		if c.keys != nil {
			values = valuesAt(r, c.keys[i], name, &room)
		} else {
			values = Values(r, name, &room)
		}
		if len(values) == 0 {
			c.blame("header " + strconv.Quote(name) + " is in SignedHeaders but not in the request")
		}
		to.Headers = AppendLine(to.Headers, name, values)
	}
	if c.Declared = r.Header[KeyContentSHA256]; len(c.Declared) > 1 {
		c.blame("more than one x-amz-content-sha256 header")
	}
	if c.InQuery {
		if value, n := c.Query.Get(paramContentSHA256); n > 0 {
			c.Declared = append(slices.Clip(c.Declared), value)
		}
		// Only here: in the header form a parameter of that name is a parameter like any other.
		c.Query.drop(ParamSignature)
	}
	for _, value := range c.Declared {
		c.blameHash(value)
	}
}

// blameHash refuses what cannot be the hash of a body. "Lambda doesn't support unsigned payloads" (CloudFront
// Developer Guide, Restrict access to an AWS Lambda function URL origin).
func (c *Claim) blameHash(value string) {
	if len(value) == 2*sha256.Size && strings.Trim(value, "0123456789abcdef") == "" {
		return
	}
	c.blame("x-amz-content-sha256 is " + strconv.Quote(value[:min(len(value), 80)]) +
		": only the lower-case hexadecimal SHA-256 of the body is accepted")
}
