package diagnose

import (
	"bufio"
	"cmp"
	"strings"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// targets: the ways to split a URL into path and query wrongly. A signer that takes a path often gets all of the target
// (aws-samples/sigv4-signing-examples#14).
func (x *exam) targets(try tries) {
	path := cmp.Or(x.claim.Path, "/")
	if len(path) > maxText || len(x.query) > maxText || strings.Count(x.query, "&") >= maxParts {
		return // which paths and queries have said
	}
	const fix = "Split the URL at its first '?': sign what is before it as the path, what follows as the query."
	seen := map[[2]string]bool{{x.base.path, x.base.query}: true}
	add := func(fault Fault, common bool, explanation, path, query string) {
		if target := [2]string{path, query}; !seen[target] {
			seen[target] = true
			try(hypothesis{fault, inTarget, common, explanation, fix,
				func(a *attempt) { a.path, a.query = path, query }})
		}
	}
	encoded := func(path string) string { return string(canonical.AppendPath(nil, path, canonical.Normal)) }
	args, asSent := splitQuery(x.query, x.claim.InQuery)
	canonicalQuery := func(raw string) string {
		args, _ := splitQuery(raw, x.claim.InQuery)
		return rightQuery(args)
	}

	// The query in the path: encoded like it, or not; and there and in its place.
	const inPath, inBoth = "The query was signed as a part of the path.",
		"The query was signed twice, in its place and as a part of the path."
	const mark = "The '?' without a query, at the end of the URL, was signed as a part of the path."
	for _, split := range []string{"?", "%3F"} {
		whole := path + split + asSent
		for i, p := range []string{encoded(whole), whole, canonical.Escape(whole), encodedOnce(whole)} {
			if asSent == "" {
				add(QueryMark, i == 0 && split == "?", mark, p, "")
				continue
			}
			add(QueryInPath, i == 0 && split == "?", inPath, p, "")
			add(QueryInPath, false, inBoth, p, x.base.query)
		}
		if own, added := divided(args); x.claim.InQuery && own != "" {
			add(QueryInPath, false, inPath, encoded(path+split+own), canonicalQuery(added))
		}
		for at := range asSent {
			if asSent[at] == '?' {
				add(QueryMark, false, "The URL was split into path and query at another '?' than the first.",
					encoded(path+split+asSent[:at]), canonicalQuery(asSent[at+1:]))
			}
		}
	}
	// Another '?', in the path as %3F, or in the query.
	for _, escaped := range []string{"%3F", "%3f"} {
		if before, after, ok := strings.Cut(path, escaped); ok {
			query := canonicalQuery(strings.TrimSuffix(decodedSeparators(after)+"&"+asSent, "&"))
			add(QueryMark, true, "A '?' was encoded as "+escaped+" after the URL had been signed with a query.",
				encoded(before), query)
		}
	}
	if before, after, ok := strings.Cut(asSent, "?"); ok {
		add(QueryMark, false, "A second '?' of the URL was signed as if it were a '&'.", encoded(path),
			canonicalQuery(before+"&"+after))
		add(QueryMark, false, "What follows the second '?' of the URL was not signed.", encoded(path), canonicalQuery(before))
		last := strings.LastIndexByte(asSent, '?')
		add(QueryMark, false, "Only what follows the last '?' of the URL was signed as its query.", encoded(path),
			canonicalQuery(asSent[last+1:]))
	}
	if asSent != "" {
		const signedMark = "The query was signed with the '?' before it, as a part of the first parameter's name."
		add(QueryMark, true, signedMark, encoded(path), canonicalQuery("?"+asSent))
		add(QueryMark, false, signedMark, encoded(path), "?"+asSent)
		add(QueryMark, false, signedMark, encoded(path), "?"+x.base.query)
	}

	// Parameters that are split elsewhere than at '&' and the first '='.
	add(QueryMark, false, "A ';' in the query was signed as if it stood between two parameters.", encoded(path),
		canonicalQuery(strings.ReplaceAll(asSent, ";", "&")))
	cut := make([]rawArg, len(args))
	for i, a := range args {
		a.value, _, _ = strings.Cut(a.value, "=")
		cut[i] = a
	}
	add(QueryMark, false, "What follows a second '=' in a parameter was not signed, as after JavaScript's split(\"=\").",
		encoded(path), rightQuery(cut))

	// Fragments, and the URL as a whole.
	const fragment = "The URL has a '#', and was signed without what follows it."
	for _, sign := range []string{"#", "%23"} {
		if before, _, ok := strings.Cut(asSent, sign); ok {
			add(TargetFragment, false, fragment, encoded(path), canonicalQuery(before))
		}
		if before, _, ok := strings.Cut(path, sign); ok {
			add(TargetFragment, false, fragment, encoded(before), "")
			add(TargetFragment, false, fragment, encoded(before), x.base.query)
		}
		add(TargetFragment, false, "The URL was signed with a '#' at its end, which is never sent.", encoded(path+sign),
			x.base.query)
		add(TargetFragment, false, "The URL was signed with a '#' at its end, which is never sent.", encoded(path),
			canonicalQuery(asSent+sign))
	}
	const whole = "The whole URL was signed as the path, scheme and host included."
	for _, scheme := range []string{"https://", "http://", "//", ""} {
		url := scheme + x.ev.Request.Host + path
		for _, p := range []string{url, string(canonical.AppendPath(nil, url, canonical.AsSent)), "/" + url,
			encoded("/" + url)} {
			add(TargetHost, false, whole, p, x.base.query)
			if asSent != "" && p == url {
				add(TargetHost, false, whole, url+"?"+asSent, "")
				add(TargetHost, false, whole, string(canonical.AppendPath(nil, url+"?"+asSent, canonical.AsSent)), "")
			}
		}
	}
	const root = "The request was signed for the root: the path was not handed to the signer, or all of it was put " +
		"there afterwards."
	add(PathUnsigned, true, root, "/", x.base.query)
	add(PathUnsigned, false, root, "/", "")

	x.queryInBody(try, args)
}

// divided are the parameters of a URL, and those that presigning has added to it, as queries.
func divided(args []rawArg) (own, added string) {
	var sides [2][]string
	for _, a := range args {
		side := 0
		if canonical.AuthParam([]byte(strict(a.key))) {
			side = 1
		}
		sides[side] = append(sides[side], a.key+"="+a.value)
	}
	return strings.Join(sides[0], "&"), strings.Join(sides[1], "&")
}

// encodedOnce is a path in which only what may not stand there is encoded, as it is when the target is sent.
func encodedOnce(path string) string {
	return string(canonical.AppendNormal(nil, canonical.Unescape(path), true, canonical.AppendEscaped))
}

// decodedSeparators decodes what stands between parameters, in a query that was encoded with them.
func decodedSeparators(query string) string {
	return strings.NewReplacer("%3D", "=", "%3d", "=", "%26", "&").Replace(query)
}

// queryInBody: signers of the AWS SDK for Java take the query of a POST without a body for its body, which is right for
// services such as STS (opensearch-project/opensearch-hadoop#443).
func (x *exam) queryInBody(try tries, args []rawArg) {
	if !x.known || len(x.body) > 0 || len(args) == 0 || x.claim.InQuery {
		return
	}
	for _, query := range []string{rightQuery(args), writeQuery(args, strict, nil, false), x.query} {
		x.each(x.body, []reading{{QueryInBody, false,
			func(w *bufio.Writer, _ []byte) bool { w.WriteString(query); return true },
			"The query was signed as if it were the body, with no query.",
			"Have the signer leave the query in the URL (in the AWS SDK for Java, give the request a body that is empty)."}},
			func(h hypothesis) {
				h.in |= inQuery
				payload := h.apply
				h.apply = func(a *attempt) { payload(a); a.query = "" }
				try(h)
			})
	}
}

// unescapeHTML turns &amp; into & until there is none.
func unescapeHTML(text string) string {
	for {
		plain := ampersands.Replace(text)
		if plain == text {
			return text
		}
		text = plain
	}
}

// ampersands are what HTML writes for '&', in a URL too.
var ampersands = strings.NewReplacer("&amp;", "&", "&amp%3B", "&", "&amp%3b", "&", "%26amp%3B", "&", "%26amp%3b", "&",
	"&#38;", "&", "&#x26;", "&", "&#038;", "&", "&%2338;", "&", "&%2338%3B", "&", "&%23038;", "&", "&%23x26;", "&")
