package sigv4

import (
	"slices"
	"strings"
)

// rawArg is a query parameter as sent.
type rawArg struct {
	key, value string
	bare       bool // without '='
}

// splitQuery returns the parameters of a query, and all of it as it was before its signature was added.
func splitQuery(raw string, presigned bool) (args []rawArg, asSent string) {
	parts := strings.Split(raw, "&")
	parts = slices.DeleteFunc(parts, func(part string) bool {
		key, _, _ := strings.Cut(part, "=")
		return presigned && unescape(key) == paramSignature
	})
	for _, part := range parts {
		if part != "" {
			key, value, ok := strings.Cut(part, "=")
			args = append(args, rawArg{key, value, !ok})
		}
	}
	return args, strings.Join(parts, "&")
}

// coded is a parameter as a client may have put it into its canonical query.
type coded struct{ key, value, text string }

// order is how a client sorts.
type order func(a, b coded) int

func byKeyValue(a, b coded) int {
	if c := strings.Compare(a.key, b.key); c != 0 {
		return c
	}
	return strings.Compare(a.value, b.value)
}

func byKey(a, b coded) int  { return strings.Compare(a.key, b.key) }
func byText(a, b coded) int { return strings.Compare(a.text, b.text) }
func byDecoded(a, b coded) int {
	return byKeyValue(coded{key: unescape(a.key), value: unescape(a.value)}, coded{key: unescape(b.key), value: unescape(b.value)})
}

// write builds a query from the parameters sent, encoded with enc and sorted; nil leaves the order of sending.
func writeQuery(args []rawArg, enc func(string) string, by order) string {
	list := make([]coded, len(args))
	for i, a := range args {
		k, v := enc(a.key), enc(a.value)
		list[i] = coded{k, v, k + "=" + v}
	}
	if by != nil {
		slices.SortStableFunc(list, by)
	}
	var b strings.Builder
	for i, c := range list {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(c.text)
	}
	return b.String()
}

// strict is the right encoding of a parameter as sent.
func strict(raw string) string { return strictDecoded(unescape(strings.ReplaceAll(raw, "+", " "))) }

func strictDecoded(s string) string { return string(appendEscaped(nil, s)) }

// sparing encodes strictly but leaves the characters of keep as they are.
func sparing(keep string) func(string) string {
	return func(raw string) string {
		s := strict(raw)
		for i := range len(keep) {
			s = strings.ReplaceAll(s, strictDecoded(keep[i:i+1]), keep[i:i+1])
		}
		return s
	}
}

// queries: encodings and orders.
func (x *exam) queries(yield yields) bool {
	const unsigned, fixUnsigned = "The request was signed without its query.", "Sign the URL with its query."
	const fixRaw = "Decode each parameter and encode it strictly (all but A-Z a-z 0-9 - . _ ~, upper-case hexadecimal), then sort by key and value."
	same := func(s string) string { return s }
	set := func(q string) func(*attempt) { return func(a *attempt) { a.query = q } }
	if len(x.query) > maxText || strings.Count(x.query, "&") >= maxParts {
		x.skip("query")
		return yield(hypothesis{FaultQueryUnsigned, inQuery, false, unsigned, fixUnsigned, set("")})
	}
	args, asSent := splitQuery(x.query, x.claim.form == Query)
	write := func(enc func(string) string, by order) func() string {
		return func() string { return writeQuery(args, enc, by) }
	}
	seen := map[string]bool{x.base.query: true}
	for _, h := range []struct {
		fault       Fault
		common      bool
		query       func() string
		explanation string
		fix         string
	}{
		{FaultQueryUnsorted, true, write(strict, nil), "The query was signed in the order it was sent in.",
			"Sort the parameters of the canonical query by encoded key, then by encoded value."},
		{FaultQueryRaw, true, write(same, byKeyValue), "The query was signed as it stands in the URL, with characters that have to be encoded.", fixRaw},
		{FaultQueryRaw, true, write(same, nil), "The query was signed as it stands in the URL, neither encoded nor sorted.", fixRaw},
		{FaultQueryPlus, true, write(func(s string) string { return strictDecoded(unescape(s)) }, byKeyValue),
			"The '+' in the query was signed as a plus sign; it is read as a space.", "Send %2B for a plus sign and %20 for a space."},
		{FaultQuerySpacePlus, true, write(func(s string) string { return strings.ReplaceAll(strict(s), "%20", "+") }, byKeyValue),
			"Spaces in the query were signed as '+'.", "Encode a space as %20 in the canonical query."},
		{FaultQueryPlus, false, write(func(s string) string { return strings.ReplaceAll(strict(s), "%2B", "%20") }, byKeyValue),
			"The '+' in the query was signed as a space but sent as %2B, a plus sign.", "Send %2B for a plus sign and %20 for a space."},
		{FaultQueryPlus, false, write(func(s string) string { return strings.ReplaceAll(strict(s), "%20", "%2B") }, byKeyValue),
			"The '+' in the query was signed as a plus sign but sent as a space.", "Send %2B for a plus sign and %20 for a space."},
		{FaultQueryEarlySort, true, write(strict, byDecoded), "The query was sorted before it was encoded.",
			"Encode the parameters first, then sort them."},
		{FaultQueryTextSort, false, write(strict, byText), "The query was sorted by whole key=value texts.",
			"Sort by key first, then by value: '-' sorts before '='."},
		{FaultQueryValueOrder, false, write(strict, byKey), "Values of the same key were signed in the order they were sent in.",
			"Sort parameters of the same key by their values."},
		{FaultQueryReencoded, false, write(func(s string) string {
			once := unescape(strings.ReplaceAll(s, "+", " "))
			if checkEscapes(once) != "" {
				return strictDecoded(once)
			}
			return strictDecoded(unescape(once))
		}, byKeyValue), "The query was encoded once more after it had been signed, so % became %25.",
			"Hand the HTTP library a URL it does not encode again."},
		{FaultQueryDecoded, false, write(strictDecoded, byKeyValue), "The query was encoded once too often for signing, or decoded after it.",
			"Sign the query as it is sent; the signer decodes and encodes it itself."},
		{FaultQueryBareKey, true, func() string { return bareKeys(args) }, "A parameter without value was signed without its '='.", "Write k= in the canonical query for a bare k."},
		{FaultQueryBareKey, false, func() string { return withoutBareKeys(args) }, "Parameters without '=' were left out when the query was signed, as by the signer of the JavaScript SDK.", "Give every parameter a '='."},
		{FaultQueryRaw, false, func() string { return asSent }, "The query was signed exactly as it stands in the URL.", fixRaw},
		{FaultQueryReencoded, true, write(unescape, byKeyValue), "The query was signed as it had been typed; the HTTP library encoded it afterwards.",
			"Encode the query first, then sign the URL and send it."},
		{FaultQueryEmptyPair, false, func() string { return withEmptyPairs(args, asSent) }, "The query has nothing between two '&', or after the last one, and that was signed as a parameter.", "Take the needless '&' out of the query."},
		{FaultQueryEscapeCase, false, func() string { return escapeCase(x.base.query, strings.ToLower) }, "The query was signed with lower-case percent escapes.",
			"Write percent escapes in capitals, %2F and not %2f."},
		{FaultQueryReserved, true, write(sparing("!'()*"), byKeyValue), "The characters ! ' ( ) * in the query were signed unencoded, as JavaScript's encodeURIComponent leaves them.", fixRaw},
		{FaultQueryReserved, true, write(sparing("/"), byKeyValue), "Slashes in the query were signed unencoded.", fixRaw},
		{FaultQueryReserved, false, write(sparing("*"), byKeyValue), "Asterisks in the query were signed unencoded.", fixRaw},
		{FaultQueryReserved, false, write(sparing(":/?@!$'()*,;"), byKeyValue), "Reserved characters in the query were signed unencoded.", fixRaw},
		{FaultQueryTilde, false, write(func(s string) string { return strings.ReplaceAll(strict(s), "~", "%7E") }, byKeyValue),
			"The '~' in the query was signed as %7E.", "Leave '~' as it is."},
		{FaultQueryUnsigned, true, func() string { return "" }, unsigned, fixUnsigned},
	} {
		if !x.left() {
			return false
		}
		q := h.query()
		if seen[q] {
			continue
		}
		seen[q] = true
		if !yield(hypothesis{h.fault, inQuery, h.common, h.explanation, h.fix, set(q)}) {
			return false
		}
	}
	return x.queryTokens(yield, args, set) && queryExtras(yield, args, set)
}

// bareKeys is the right query, but for parameters sent without '='.
func bareKeys(args []rawArg) string {
	list := make([]coded, len(args))
	for i, a := range args {
		k, v := strict(a.key), strict(a.value)
		list[i] = coded{k, v, k + "=" + v}
		if a.bare {
			list[i].text = k
		}
	}
	slices.SortStableFunc(list, byKeyValue)
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = c.text
	}
	return strings.Join(texts, "&")
}

// withoutBareKeys is the right query without the parameters sent without '='.
func withoutBareKeys(args []rawArg) string {
	return writeQuery(slices.DeleteFunc(slices.Clone(args), func(a rawArg) bool { return a.bare }), strict, byKeyValue)
}

// withEmptyPairs is the query as botocore signs it: not encoded, and what is empty between two '&' is a parameter.
func withEmptyPairs(args []rawArg, asSent string) string {
	args = slices.Clone(args)
	for pair := range strings.SplitSeq(asSent, "&") {
		if pair == "" {
			args = append(args, rawArg{})
		}
	}
	return writeQuery(args, func(s string) string { return s }, byKeyValue)
}

// without is the right query without the parameters of that name, and with what is put in.
func without(args []rawArg, name string, put ...rawArg) string {
	args = slices.DeleteFunc(slices.Clone(args), func(a rawArg) bool { return unescape(a.key) == name })
	return writeQuery(append(args, put...), strict, byKeyValue)
}

// queryTokens: what signers do with the authentication parameters.
func (x *exam) queryTokens(yield yields, args []rawArg, set func(string) func(*attempt)) bool {
	if x.claim.form == Header {
		if q := without(args, paramSignature); q != x.base.query {
			return yield(hypothesis{FaultQuerySignature, inQuery, false,
				"X-Amz-Signature was left out of the canonical query although the Authorization header is used.",
				"Take the X-Amz- parameters of an earlier presigning out of the URL.", set(q)})
		}
		return true
	}
	if !yield(hypothesis{FaultQuerySignature, inQuery, false,
		"An empty X-Amz-Signature was part of what was signed.", "Add X-Amz-Signature after signing.",
		set(without(args, paramSignature, rawArg{key: paramSignature}))}) {
		return false
	}
	if !x.claim.hasToken {
		return true
	}
	token := strictDecoded(x.claim.token)
	return all(yield,
		hypothesis{FaultTokenUnsigned, inQuery, true,
			"The session token was added to the URL after signing.", "Make X-Amz-Security-Token part of the query that is signed; only AWS IoT wants it after signing.",
			set(without(args, paramSecurityToken))},
		hypothesis{FaultTokenTwice, inQuery, false,
			"The session token was signed twice.", "Put the session token into the query once.",
			set(without(args, paramSecurityToken, rawArg{key: paramSecurityToken, value: token}, rawArg{key: paramSecurityToken, value: token}))},
		hypothesis{FaultTokenTwice, inQuery, false,
			"The session token was encoded twice before signing.", "Encode the session token once.",
			set(without(args, paramSecurityToken, rawArg{key: paramSecurityToken, value: strictDecoded(token)}))},
	)
}

// queryExtras: one parameter too many, added on the way.
func queryExtras(yield yields, args []rawArg, set func(string) func(*attempt)) bool {
	if len(args) < 2 {
		return true
	}
	for i, a := range args[:min(len(args), 16)] {
		if authParam([]byte(strict(a.key))) {
			continue
		}
		rest := slices.Delete(slices.Clone(args), i, i+1)
		if !yield(hypothesis{FaultQueryParameter, inQuery, false,
			"The parameter " + quote(unescape(a.key)) + " was not there when the request was signed.", "Sign the URL after all parameters are in it.",
			set(writeQuery(rest, strict, byKeyValue))}) {
			return false
		}
	}
	return true
}
