package diagnose

import (
	"cmp"
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

func byKeyValue(a, b coded) int { return cmp.Or(byKey(a, b), strings.Compare(a.value, b.value)) }
func byKey(a, b coded) int      { return strings.Compare(a.key, b.key) }
func byText(a, b coded) int     { return strings.Compare(a.text, b.text) }
func byDecoded(a, b coded) int {
	return byKeyValue(coded{key: canonical.Unescape(a.key), value: canonical.Unescape(a.value)},
		coded{key: canonical.Unescape(b.key), value: canonical.Unescape(b.value)})
}

// writeQuery builds a query from the parameters, encoded with enc and sorted; nil leaves the order of sending. With
// bare, a parameter sent without '=' gets none.
func writeQuery(args []rawArg, enc func(string) string, by order, bare bool) string {
	list := make([]coded, len(args))
	for i, a := range args {
		k, v := enc(a.key), enc(a.value)
		list[i] = coded{k, v, k + "=" + v}
		if bare && a.bare {
			list[i].text = k
		}
	}
	if by != nil {
		slices.SortStableFunc(list, by)
	}
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = c.text
	}
	return strings.Join(texts, "&")
}

// rightQuery is the right query of the parameters.
func rightQuery(args []rawArg) string { return writeQuery(args, strict, byKeyValue, false) }

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

// same leaves a parameter as it was sent.
func same(raw string) string { return raw }

// swapped encodes strictly, with one text in place of another after that.
func swapped(from, to string) func(string) string {
	return func(raw string) string { return strings.ReplaceAll(strict(raw), from, to) }
}

// queries: encodings and orders.
func (x *exam) queries(try tries) {
	const unsigned, fixUnsigned = "The request was signed without its query.", "Sign the URL with its query."
	const fixRaw = "Decode each parameter and encode it strictly (all but A-Z a-z 0-9 - . _ ~, upper-case " +
		"hexadecimal), then sort by key and value."
	set := func(q string) func(*attempt) { return func(a *attempt) { a.query = q } }
	if len(x.query) > maxText || strings.Count(x.query, "&") >= maxParts {
		x.skip("query")
		try(hypothesis{QueryUnsigned, inQuery, false, unsigned, fixUnsigned, set("")})
		return
	}
	args, asSent := splitQuery(x.query, x.claim.InQuery)
	write := func(enc func(string) string, by order) func() string {
		return func() string { return writeQuery(args, enc, by, false) }
	}
	x.guesses(try, inQuery, map[string]bool{x.base.query: true}, set, []guess{
		{QueryUnsorted, true, write(strict, nil), "The query was signed in the order it was sent in.",
			"Sort the parameters of the canonical query by encoded key, then by encoded value."},
		{QueryRaw, true, write(same, byKeyValue),
			"The query was signed as it stands in the URL, with characters that have to be encoded.", fixRaw},
		{QueryRaw, true, write(same, nil), "The query was signed as it stands in the URL, neither encoded nor sorted.",
			fixRaw},
		{QueryPlus, true, write(func(s string) string { return canonical.Escape(canonical.Unescape(s)) }, byKeyValue),
			"The '+' in the query was signed as a plus sign; it is read as a space.",
			"Send %2B for a plus sign and %20 for a space."},
		{QuerySpacePlus, true, write(swapped("%20", "+"), byKeyValue),
			"Spaces in the query were signed as '+'.", "Encode a space as %20 in the canonical query."},
		{QueryPlus, false, write(swapped("%2B", "%20"), byKeyValue),
			"The '+' in the query was signed as a space but sent as %2B, a plus sign.",
			"Send %2B for a plus sign and %20 for a space."},
		{QueryPlus, false, write(swapped("%20", "%2B"), byKeyValue),
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
		{QueryBareKey, true, func() string { return writeQuery(args, strict, byKeyValue, true) },
			"A parameter without value was signed without its '='.", "Write k= in the canonical query for a bare k."},
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
		{QueryTilde, false, write(swapped("~", "%7E"), byKeyValue),
			"The '~' in the query was signed as %7E.", "Leave '~' as it is."},
		{QueryUnsigned, true, func() string { return "" }, unsigned, fixUnsigned},
		{QueryHTML, true, func() string {
			plain, _ := splitQuery(unescapeHTML(x.query), x.claim.InQuery)
			return rightQuery(plain)
		}, "The query was signed with '&' and sent with '&amp;', as HTML writes it.",
			"Write HTML escapes into HTML only; what reads it turns &amp; into & again."},
	})
	seen := make(map[string]bool)
	if x.claim.InHeader {
		seen[x.base.query] = true
	}
	x.guesses(try, inQuery, seen, set, append(x.queryTokens(args), queryExtras(args)...))
}

// withoutBareKeys is the right query without the parameters sent without '='.
func withoutBareKeys(args []rawArg) string {
	return rightQuery(slices.DeleteFunc(slices.Clone(args), func(a rawArg) bool { return a.bare }))
}

// withEmptyPairs is the query as botocore signs it: not encoded, and what is empty between two '&' is a parameter.
func withEmptyPairs(args []rawArg, asSent string) string {
	args = slices.Clone(args)
	for pair := range strings.SplitSeq(asSent, "&") {
		if pair == "" {
			args = append(args, rawArg{})
		}
	}
	return writeQuery(args, same, byKeyValue, false)
}

// without is the right query without the parameters of that name, and with one of that name for each value put in.
func without(args []rawArg, name string, put ...string) func() string {
	return func() string {
		left := slices.DeleteFunc(slices.Clone(args), func(a rawArg) bool { return canonical.Unescape(a.key) == name })
		for _, value := range put {
			left = append(left, rawArg{key: name, value: value})
		}
		return rightQuery(left)
	}
}

// queryTokens: what signers do with the authentication parameters.
func (x *exam) queryTokens(args []rawArg) []guess {
	if x.claim.InHeader {
		return []guess{{QuerySignature, false, without(args, canonical.ParamSignature),
			"X-Amz-Signature was left out of the canonical query although the Authorization header is used.",
			"Take the X-Amz- parameters of an earlier presigning out of the URL."}}
	}
	list := []guess{{QuerySignature, false, without(args, canonical.ParamSignature, ""),
		"An empty X-Amz-Signature was part of what was signed.", "Add X-Amz-Signature after signing."}}
	if !x.claim.HasToken {
		return list
	}
	token := canonical.Escape(x.claim.Token)
	list = append(list,
		guess{TokenUnsigned, true, without(args, canonical.ParamToken),
			"The session token was added to the URL after signing.",
			"Make X-Amz-Security-Token part of the query that is signed; only AWS IoT wants it after signing."},
		guess{TokenTwice, false, without(args, canonical.ParamToken, token, token),
			"The session token was signed twice.", "Put the session token into the query once."},
		guess{TokenTwice, false, without(args, canonical.ParamToken, canonical.Escape(token)),
			"The session token was encoded twice before signing.", "Encode the session token once."})
	for _, r := range recodings(x.claim.Token) {
		list = append(list, guess{TokenEncoded, false, without(args, canonical.ParamToken, canonical.Escape(r.text)),
			"The session token was signed " + r.how + ", and not as it was sent.", fixToken})
	}
	return list
}

// queryExtras: parameters too many, added on the way: one, all that follow another, and those that trackers add.
func queryExtras(args []rawArg) (list []guess) {
	if len(args) < 2 {
		return nil
	}
	var trackers []string
	for _, a := range args {
		if name := canonical.Unescape(a.key); tracker(name) {
			trackers = append(trackers, name)
		}
	}
	if len(trackers) > 0 {
		list = append(list, guess{QueryParameter, true, func() string {
			return rightQuery(slices.DeleteFunc(slices.Clone(args), func(a rawArg) bool {
				return tracker(canonical.Unescape(a.key))
			}))
		}, "Parameters that trackers add were not there when the request was signed: " +
			short(strings.Join(trackers, ", ")) + ".",
			"Keep trackers away from links that are signed."})
	}
	const fix = "Sign the URL after all parameters are in it."
	for i, a := range args[:min(len(args), 16)] {
		if canonical.AuthParam([]byte(strict(a.key))) {
			continue
		}
		name := quote(canonical.Unescape(a.key))
		list = append(list, guess{QueryParameter, false,
			func() string { return rightQuery(slices.Delete(slices.Clone(args), i, i+1)) },
			"The parameter " + name + " was not there when the request was signed.", fix})
		if i > 0 && i < len(args)-1 && !slices.ContainsFunc(args[i:], func(a rawArg) bool {
			return canonical.AuthParam([]byte(strict(a.key)))
		}) {
			list = append(list, guess{QueryParameter, false, func() string { return rightQuery(args[:i]) },
				"The parameter " + name + " and those after it were not there when the request was signed.", fix})
		}
	}
	list = append(list, repeated(args)...)
	if own, _ := divided(args); own == "" {
		return list
	}
	return append(list, guess{QueryParameter, false, func() string {
		_, signature := divided(args)
		args, _ := splitQuery(signature, false)
		return rightQuery(args)
	}, "Only the parameters of the signature itself were there when the request was signed.", fix})
}

// repeated: of parameters of one name, one was signed, as by clients that keep parameters in a map, or all together.
func repeated(args []rawArg) (list []guess) {
	const fix = "Sign each parameter that is sent, those of one name too, sorted by their values."
	names := make(map[string]bool)
	for _, a := range args {
		names[a.key] = true
	}
	if len(names) == len(args) {
		return nil
	}
	add := func(which string, join func(first, next rawArg) rawArg) {
		list = append(list, guess{QueryRepeated, false, func() string {
			var merged []rawArg
			for _, a := range args {
				at := slices.IndexFunc(merged, func(m rawArg) bool { return m.key == a.key })
				if at < 0 {
					merged = append(merged, a)
				} else {
					merged[at] = join(merged[at], a)
				}
			}
			return rightQuery(merged)
		}, "Of the parameters of one name, " + which + ".", fix})
	}
	add("the last was signed only", func(_, next rawArg) rawArg { return next })
	add("the first was signed only", func(first, _ rawArg) rawArg { return first })
	add("the values were signed together, with a comma between them", func(first, next rawArg) rawArg {
		return rawArg{key: first.key, value: first.value + "%2C" + next.value}
	})
	return list
}

// tracker reports whether mail services and social networks add a parameter of that name to links.
func tracker(name string) bool {
	switch name {
	case "fbclid", "gclid", "gbraid", "wbraid", "dclid", "msclkid", "twclid", "ttclid", "li_fat_id", "igshid", "igsh",
		"yclid", "mc_cid", "mc_eid", "_ga", "_gl", "_hsenc", "_hsmi", "mkt_tok", "vero_id", "si", "ref", "s_cid",
		"ck_subscriber_id":
		return true
	}
	return strings.HasPrefix(name, "utm_") || strings.HasPrefix(name, "pk_") || strings.HasPrefix(name, "mtm_")
}
