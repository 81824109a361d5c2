package diagnose

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
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
		return presigned && canonical.Unescape(key) == canonical.ParamSignature
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
	return byKeyValue(coded{key: canonical.Unescape(a.key), value: canonical.Unescape(a.value)},
		coded{key: canonical.Unescape(b.key), value: canonical.Unescape(b.value)})
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
func strict(raw string) string {
	return canonical.Escape(canonical.Unescape(strings.ReplaceAll(raw, "+", " ")))
}

// sparing encodes strictly but leaves the characters of keep as they are.
func sparing(keep string) func(string) string {
	return func(raw string) string {
		s := strict(raw)
		for i := range len(keep) {
			s = strings.ReplaceAll(s, canonical.Escape(keep[i:i+1]), keep[i:i+1])
		}
		return s
	}
}

// queries: encodings and orders.
func (x *exam) queries(yield yields) bool {
	const unsigned, fixUnsigned = "The request was signed without its query.", "Sign the URL with its query."
	const fixRaw = "Decode each parameter and encode it strictly (all but A-Z a-z 0-9 - . _ ~, upper-case " +
		"hexadecimal), then sort by key and value."
	same := func(s string) string { return s }
	set := func(q string) func(*attempt) { return func(a *attempt) { a.query = q } }
	if len(x.query) > maxText || strings.Count(x.query, "&") >= maxParts {
		x.skip("query")
		return yield(hypothesis{QueryUnsigned, inQuery, false, unsigned, fixUnsigned, set("")})
	}
	args, asSent := splitQuery(x.query, x.claim.InQuery)
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
		{QueryUnsorted, true, write(strict, nil), "The query was signed in the order it was sent in.",
			"Sort the parameters of the canonical query by encoded key, then by encoded value."},
		{QueryRaw, true, write(same, byKeyValue),
			"The query was signed as it stands in the URL, with characters that have to be encoded.", fixRaw},
		{QueryRaw, true, write(same, nil), "The query was signed as it stands in the URL, neither encoded nor sorted.",
			fixRaw},
		{QueryPlus, true, write(func(s string) string { return canonical.Escape(canonical.Unescape(s)) }, byKeyValue),
			"The '+' in the query was signed as a plus sign; it is read as a space.",
			"Send %2B for a plus sign and %20 for a space."},
		{QuerySpacePlus, true, write(func(s string) string { return strings.ReplaceAll(strict(s), "%20", "+") }, byKeyValue),
			"Spaces in the query were signed as '+'.", "Encode a space as %20 in the canonical query."},
		{QueryPlus, false, write(func(s string) string { return strings.ReplaceAll(strict(s), "%2B", "%20") }, byKeyValue),
			"The '+' in the query was signed as a space but sent as %2B, a plus sign.",
			"Send %2B for a plus sign and %20 for a space."},
		{QueryPlus, false, write(func(s string) string { return strings.ReplaceAll(strict(s), "%20", "%2B") }, byKeyValue),
			"The '+' in the query was signed as a plus sign but sent as a space.",
			"Send %2B for a plus sign and %20 for a space."},
		{QueryEarlySort, true, write(strict, byDecoded), "The query was sorted before it was encoded.",
			"Encode the parameters first, then sort them."},
		{QueryTextSort, false, write(strict, byText), "The query was sorted by whole key=value texts.",
			"Sort by key first, then by value: '-' sorts before '='."},
		{QueryValueOrder, false, write(strict, byKey), "Values of the same key were signed in the order they were sent in.",
			"Sort parameters of the same key by their values."},
		{QueryReencoded, false, write(func(s string) string {
			once := canonical.Unescape(strings.ReplaceAll(s, "+", " "))
			if canonical.CheckEscapes(once) != "" {
				return canonical.Escape(once)
			}
			return canonical.Escape(canonical.Unescape(once))
		}, byKeyValue), "The query was encoded once more after it had been signed, so % became %25.",
			"Hand the HTTP library a URL it does not encode again."},
		{QueryDecoded, false, write(canonical.Escape, byKeyValue),
			"The query was encoded once too often for signing, or decoded after it.",
			"Sign the query as it is sent; the signer decodes and encodes it itself."},
		{QueryBareKey, true, func() string { return bareKeys(args) }, "A parameter without value was signed without its '='.",
			"Write k= in the canonical query for a bare k."},
		{QueryBareKey, false, func() string { return withoutBareKeys(args) },
			"Parameters without '=' were left out when the query was signed, as by the signer of the JavaScript SDK.",
			"Give every parameter a '='."},
		{QueryRaw, false, func() string { return asSent }, "The query was signed exactly as it stands in the URL.", fixRaw},
		{QueryReencoded, true, write(canonical.Unescape, byKeyValue),
			"The query was signed as it had been typed; the HTTP library encoded it afterwards.",
			"Encode the query first, then sign the URL and send it."},
		{QueryEmptyPair, false, func() string { return withEmptyPairs(args, asSent) },
			"The query has nothing between two '&', or after the last one, and that was signed as a parameter.",
			"Take the needless '&' out of the query."},
		{QueryEscapeCase, false, func() string { return escapeCase(x.base.query, strings.ToLower) },
			"The query was signed with lower-case percent escapes.",
			"Write percent escapes in capitals, %2F and not %2f."},
		{QueryReserved, true, write(sparing("!'()*"), byKeyValue),
			"The characters ! ' ( ) * in the query were signed unencoded, as JavaScript's encodeURIComponent leaves them.",
			fixRaw},
		{QueryReserved, true, write(sparing("/"), byKeyValue), "Slashes in the query were signed unencoded.", fixRaw},
		{QueryReserved, false, write(sparing("*"), byKeyValue), "Asterisks in the query were signed unencoded.", fixRaw},
		{QueryReserved, false, write(sparing(":/?@!$'()*,;"), byKeyValue),
			"Reserved characters in the query were signed unencoded.", fixRaw},
		{QueryTilde, false, write(func(s string) string { return strings.ReplaceAll(strict(s), "~", "%7E") }, byKeyValue),
			"The '~' in the query was signed as %7E.", "Leave '~' as it is."},
		{QueryUnsigned, true, func() string { return "" }, unsigned, fixUnsigned},
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
	args = slices.DeleteFunc(slices.Clone(args), func(a rawArg) bool { return canonical.Unescape(a.key) == name })
	return writeQuery(append(args, put...), strict, byKeyValue)
}

// queryTokens: what signers do with the authentication parameters.
func (x *exam) queryTokens(yield yields, args []rawArg, set func(string) func(*attempt)) bool {
	if x.claim.InHeader {
		if q := without(args, canonical.ParamSignature); q != x.base.query {
			return yield(hypothesis{QuerySignature, inQuery, false,
				"X-Amz-Signature was left out of the canonical query although the Authorization header is used.",
				"Take the X-Amz- parameters of an earlier presigning out of the URL.", set(q)})
		}
		return true
	}
	if !yield(hypothesis{QuerySignature, inQuery, false,
		"An empty X-Amz-Signature was part of what was signed.", "Add X-Amz-Signature after signing.",
		set(without(args, canonical.ParamSignature, rawArg{key: canonical.ParamSignature}))}) {
		return false
	}
	if !x.claim.HasToken {
		return true
	}
	token := canonical.Escape(x.claim.Token)
	return all(yield,
		hypothesis{TokenUnsigned, inQuery, true,
			"The session token was added to the URL after signing.",
			"Make X-Amz-Security-Token part of the query that is signed; only AWS IoT wants it after signing.",
			set(without(args, canonical.ParamToken))},
		hypothesis{TokenTwice, inQuery, false,
			"The session token was signed twice.", "Put the session token into the query once.",
			set(without(args, canonical.ParamToken, rawArg{key: canonical.ParamToken, value: token},
				rawArg{key: canonical.ParamToken, value: token}))},
		hypothesis{TokenTwice, inQuery, false,
			"The session token was encoded twice before signing.", "Encode the session token once.",
			set(without(args, canonical.ParamToken, rawArg{key: canonical.ParamToken, value: canonical.Escape(token)}))},
	)
}

// queryExtras: one parameter too many, added on the way.
func queryExtras(yield yields, args []rawArg, set func(string) func(*attempt)) bool {
	if len(args) < 2 {
		return true
	}
	for i, a := range args[:min(len(args), 16)] {
		if canonical.AuthParam([]byte(strict(a.key))) {
			continue
		}
		rest := slices.Delete(slices.Clone(args), i, i+1)
		if !yield(hypothesis{QueryParameter, inQuery, false,
			"The parameter " + quote(canonical.Unescape(a.key)) + " was not there when the request was signed.",
			"Sign the URL after all parameters are in it.",
			set(writeQuery(rest, strict, byKeyValue))}) {
			return false
		}
	}
	return true
}
