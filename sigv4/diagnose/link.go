package diagnose

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// maxLink bounds the presigned links that are mended.
const maxLink = 2 * maxText

// LinkLike reports whether a request looks like a presigned link, however damaged. Of such a request [Diagnose]
// may have something to say even if its refusal is not [Diagnosable].
func LinkLike(r *http.Request) bool {
	target := canonical.Target(r)
	if len(target) > maxLink {
		return false
	}
	lower := strings.ToLower(target)
	for _, name := range []string{canonical.ParamAlgorithm, canonical.ParamCredential, canonical.ParamSignature} {
		if strings.Contains(lower, strings.ToLower(name)) {
			return true
		}
	}
	return false
}

// mending undoes a kind of damage to a link.
type mending struct {
	fault       Fault
	explanation string
	fix         string
	mend        func(link) []link // each way to undo it, none where there is no such damage
}

// link is a request as far as mending changes it.
type link struct {
	target string
	header http.Header
	scope  string // that a credential ends in, for this verifier
}

// rewrites makes a mending of functions that return another target.
func rewrites(functions ...func(target string) string) func(link) []link {
	return func(l link) (list []link) {
		for _, f := range functions {
			if target := f(l.target); target != l.target {
				list = append(list, link{target, l.header, l.scope})
			}
		}
		return list
	}
}

// mendings are the damage that links take in mails, chats, JSON and on command lines.
var mendings = []mending{
	// curl -L and proxies pass Authorization on to where they are redirected (request/request#860, penpot/penpot#10776).
	{LinkAuthorization, "The presigned link is right, but the client sent an Authorization header besides, and AWS " +
		"takes one of the two only.", "Call the link without an Authorization header.", withoutAuthorization},
	// A sentence ends with the link (awsdocs/amazon-s3-userguide#88), or the link stands in quotes or brackets.
	{LinkPunctuation, "The presigned link has a punctuation mark at its end that does not belong to it.",
		"Copy the link without what follows it.", rewrites(withoutPunctuation)},
	// Templates escape what is escaped already (laravel/framework#25501, opengovsg/isomer#2606).
	{LinkHTML, "The presigned link was escaped for HTML: it has &amp; where & belongs.",
		"Write HTML escapes into HTML only; what reads it turns &amp; into & again.", rewrites(unescapeHTML)},
	// The JSON encoders of Go and .NET write \u0026 for &, and PHP's writes \/ for /.
	{LinkJSON, "The presigned link has escapes of JSON, such as \\u0026 for &.",
		"Take the link out of the JSON text with a JSON parser (jq -r).", rewrites(unescapeJSON, withBackslashes)},
	// localstack/localstack#10844
	// Shells write them before the marks of a link that is typed or pasted, and keep them if it is in quotes.
	{LinkShell, "The presigned link has the escapes of a shell, such as \\& for &.",
		"Put the link in quotes, without backslashes or carets.", rewrites(unescapeShell)},
	{LinkEncoded, "The presigned link was percent-encoded once too often.",
		"Use the link as it is; what takes a URL must not encode it again.",
		rewrites(decodedValues, decodedAgain, decodedWhole, decodedMark)},
	// Mail is broken at 998 characters (aws-samples/aws-security-hub-full-report-email#4), and terminals break lines too.
	{LinkWrapped, "The presigned link was broken into lines: it has spaces or line ends within.",
		"Copy the link in one piece, without line ends and spaces.", rewrites(withoutLineEnds, withoutSpaces)},
	{LinkWrapped, "The presigned link is in quoted-printable, as in the source of a mail: it has =3D where = belongs.",
		"Copy the link from the mail as it is shown.", rewrites(unquotedPrintable)},
	{LinkCase, "The presigned link was written in other letters: small for capitals or the reverse.",
		"Keep the letters of the link as they are.", rewrites(rightCase)},
	{LinkCut, "The presigned link was cut off within its last parameter.", fixCut, completed},
	{LinkParameter, "Parameters of the presigned link got lost.", "Copy the whole link, in quotes on a command line.",
		rewrites(withParameters()...)},
	{QueryParameter, "Parameters were added to the presigned link: ",
		"Keep trackers away from links that are signed, and presign a URL after all parameters are in it.",
		rewrites(withoutTrackers, withoutOthers)},
}

// linkDiagnosis is one of a presigned link that was damaged, if the request is one.
func linkDiagnosis(ctx context.Context, b *budget, ev Evidence) Diagnosis {
	if !LinkLike(ev.Request) || signedInHeader(ev.Request) {
		return Diagnosis{}
	}
	sent := link{canonical.Target(ev.Request), ev.Request.Header,
		"/" + ev.Region + "/" + ev.Service + "/" + canonical.Terminator}
	right, d := signedLink(ctx, b, ev, sent)
	if d.Proven {
		return d // of a link that is right but was refused for another reason, it says nothing
	}
	var legible *exam // what a mending has made of a link that could not be read
	var likely mending
	for _, first := range mendings {
		if first.fault == QueryParameter { // alone it leaves a link legible, and the search finds it
			continue
		}
		for _, once := range first.mend(sent) {
			x, d := signedLink(ctx, b, ev, once, first)
			if d.Proven {
				return d
			}
			if x != nil && right == nil && legible == nil {
				legible, likely = x, first
			}
		}
	}
	for i, first := range mendings {
		for _, once := range first.mend(sent) {
			for _, second := range mendings[i+1:] {
				for _, twice := range second.mend(once) {
					if !b.left() {
						return Diagnosis{}
					}
					if _, d := signedLink(ctx, b, ev, twice, first, second); d.Proven {
						return d
					}
				}
			}
		}
	}
	switch {
	case right != nil || likely.fault == LinkAuthorization: // which is a contradiction
		return Diagnosis{}
	case legible != nil:
		d.add(likely.fault, likely.explanation, likely.fix)
		if legible.base.secret == "" {
			return d
		}
		if more := legible.mismatch(); more.Proven && more.And == "" {
			d.add(more.Fault, more.Explanation, more.Fix)
			d.Proven, d.CanonicalRequest = true, more.CanonicalRequest
		}
		return d
	}
	return lostParameters(sent.target)
}

// signedInHeader reports whether the request was signed in its header, if parameters of a link are there too.
func signedInHeader(r *http.Request) bool {
	authorization := r.Header[canonical.KeyAuthorization]
	return len(authorization) > 0 && strings.HasPrefix(authorization[0], canonical.Algorithm) &&
		!strings.Contains(canonical.Target(r), canonical.ParamAlgorithm)
}

// minSignature is how many digits of a signature are no chance.
const minSignature = 16

// signedLink reads a link from which that damage was taken, and reports whether its signature is right then. It returns
// no exam of what cannot be read, and one without secret if the key is not known.
func signedLink(ctx context.Context, b *budget, ev Evidence, l link, undone ...mending) (*exam, Diagnosis) {
	_, query := canonical.SplitTarget(canonical.Target(ev.Request))
	r := *ev.Request
	r.RequestURI, r.Header = l.target, l.header
	ev.Request = &r
	x, ok := newExam(b, ev)
	if !ok || x.long || !x.claim.InQuery {
		return nil, Diagnosis{}
	}
	if id := x.claim.Scope.AccessKeyID; id != ev.Refusal.AccessKeyID {
		x.ev.Key = sigv4.Key{}
		if ev.Lookup != nil {
			if key, err := ev.Lookup(ctx, id); err == nil {
				x.ev.Key = key
			}
		}
		x.base.secret = x.ev.Key.Secret.Reveal()
	}
	if x.base.secret == "" {
		return x, Diagnosis{}
	}
	var d Diagnosis
	for _, m := range undone {
		if m.fault == QueryParameter {
			m.explanation += added(query, x.query)
		}
		d.add(m.fault, m.explanation, m.fix)
	}
	x.tested++
	signature, sent := x.sign(&x.base), x.claim.Signature
	switch {
	case canonical.Equal(signature, sent):
	case len(sent) >= minSignature && strings.HasPrefix(signature, sent):
		d.add(LinkCut, "The presigned link was cut off: only "+strconv.Itoa(len(sent))+" of the "+
			strconv.Itoa(len(signature))+" digits of its signature arrived.", fixCut)
	case strings.HasPrefix(sent, signature):
		d.add(LinkPunctuation, "The presigned link has "+quote(sent[len(signature):])+" after its signature, which does not "+
			"belong to it.", "Copy the link without what follows it.")
	default:
		return x, Diagnosis{}
	}
	d.Proven, d.CanonicalRequest = true, string(x.text)
	if seconds, err := strconv.Atoi(x.claim.Expires); d.Fault != "" && err == nil && !ev.Now.IsZero() &&
		ev.Now.After(x.claim.Date.Add(time.Duration(min(seconds, int(sigv4.MaxPresign/time.Second)))*time.Second)) {
		d.add(URLExpired, "The link has expired, too.", "Presign a new URL.")
	}
	return x, d
}

const fixCut = "Copy the whole link, in quotes on a command line, where a '&' ends a command."

// lostParameters tells which parameters of a link are missing: the signature of one that was cut off, since it comes
// last.
func lostParameters(target string) Diagnosis {
	lower := strings.ToLower(target)
	var lost []string
	for _, name := range []string{canonical.ParamAlgorithm, canonical.ParamCredential, canonical.ParamDate,
		canonical.ParamSignedHeaders, canonical.ParamSignature} {
		if !strings.Contains(lower, strings.ToLower(name)+"=") {
			lost = append(lost, name)
		}
	}
	switch {
	case len(lost) == 0:
		return Diagnosis{}
	case slices.Contains(lost, canonical.ParamSignature):
		return Diagnosis{Fault: LinkCut, Fix: fixCut,
			Explanation: "The presigned link was cut off: it has no " + strings.Join(lost, ", ") + "."}
	}
	return Diagnosis{Fault: LinkParameter, Fix: fixCut,
		Explanation: "The presigned link has no " + strings.Join(lost, ", ") + "."}
}

// withoutAuthorization takes the Authorization header off a link.
func withoutAuthorization(l link) []link {
	if len(l.header[canonical.KeyAuthorization]) == 0 {
		return nil
	}
	header := l.header.Clone()
	delete(header, canonical.KeyAuthorization)
	return []link{{l.target, header, l.scope}}
}

// punctuation are the marks that follow links in texts, as they are and as they are sent.
var punctuation = strings.Fields(". , ; : / # ! ? ' \" ` ) ] } > * _ | … ” ’ » &gt; &quot; " +
	"%2E %2C %3B %3A %2F %23 %21 %3F %27 %22 %60 %29 %5D %7D %3E %2A %7C %5C %E2%80%A6 %E2%80%9D %E2%80%99 %C2%BB \\")

func withoutPunctuation(target string) string {
	for {
		before := len(target)
		for _, mark := range punctuation {
			if rest := len(target) - len(mark); rest > 0 && strings.EqualFold(target[rest:], mark) {
				target = target[:rest]
			}
		}
		if len(target) == before {
			return target
		}
	}
}

// unescapeJSON undoes the escapes of a JSON string. A backslash may have been percent-encoded by a browser.
func unescapeJSON(target string) string {
	target = strings.NewReplacer("%5C%5Cu00", `\u00`, `\\u00`, `\u00`, "%5Cu00", `\u00`, "%5cu00", `\u00`, "%5C/", "/",
		"%5c/", "/", `\/`, "/").Replace(target)
	parts := strings.Split(target, `\u00`)
	for i, part := range parts[1:] {
		if len(part) < 2 {
			return target
		}
		c, err := strconv.ParseUint(part[:2], 16, 8)
		if err != nil {
			return target
		}
		parts[i+1] = string([]byte{byte(c)}) + part[2:]
	}
	return strings.Join(parts, "")
}

func unescapeShell(target string) string {
	return strings.NewReplacer(`\&`, "&", `\=`, "=", `\?`, "?", "%5C&", "&", "%5C=", "=", "%5C?", "?", "^&", "&", "%5E&", "&",
		"`&", "&", "%60&", "&").Replace(target)
}

// withBackslashes undoes them where a shell has dropped the backslash.
func withBackslashes(target string) string { return strings.ReplaceAll(target, "u0026", "&") }

// decodedValues decodes what was encoded twice in a query whose separators were not.
func decodedValues(target string) string {
	path, query, found := strings.Cut(target, "?")
	if !found {
		return target
	}
	return path + "?" + strings.ReplaceAll(query, "%25", "%")
}

// decodedAgain does so until there is nothing left to decode.
func decodedAgain(target string) string {
	for {
		once := decodedValues(target)
		if once == target {
			return target
		}
		target = once
	}
}

// decodedWhole decodes a target in which the separators are encoded, too.
func decodedWhole(target string) string {
	if strings.Contains(target, canonical.ParamAlgorithm+"=") {
		return target
	}
	return canonical.Unescape(target)
}

// decodedMark decodes the first '?'.
func decodedMark(target string) string {
	if strings.Contains(target, "?") {
		return target
	}
	return strings.Replace(strings.Replace(target, "%3f", "?", 1), "%3F", "?", 1)
}

// Of a link that was broken into lines, spaces may be the indentation, and line ends may have become spaces.
func withoutLineEnds(target string) string {
	// Chats put marks into long words at which they may be broken: zero width space, soft hyphen, word joiner.
	return strings.NewReplacer("%0D", "", "%0A", "", "%0d", "", "%0a", "", "%09", "", "%E2%80%8B", "", "%C2%AD", "",
		"%E2%81%A0", "", "%EF%BB%BF", "", "\u200b", "", "\u00ad", "", "\u2060", "", "\ufeff", "").Replace(target)
}

func withoutSpaces(target string) string {
	path, query, _ := strings.Cut(withoutLineEnds(target), "?")
	return strings.ReplaceAll(path, "%20", "") + "?" + strings.NewReplacer("%20", "", "+", "", "%C2%A0", "").Replace(query)
}

func unquotedPrintable(target string) string {
	if !strings.Contains(target, "=3D") && !strings.Contains(target, "=3d") {
		return target
	}
	return strings.NewReplacer("=0D=0A", "", "=%0D%0A", "", "=%0A", "", "=%20", "", "=3D", "=", "=3d", "=", "=26", "&",
		"=3F", "?").Replace(target)
}

// authNames are the names of the parameters of a presigned link.
var authNames = []string{canonical.ParamAlgorithm, canonical.ParamCredential, canonical.ParamDate,
	canonical.ParamExpires, canonical.ParamSignedHeaders, canonical.ParamToken, canonical.ParamSignature}

// rightCase writes the parameters of a link in the letters that they have.
func rightCase(target string) string {
	path, query, _ := strings.Cut(target, "?")
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, text, _ := strings.Cut(part, "=")
		at := slices.IndexFunc(authNames, func(right string) bool { return strings.EqualFold(right, name) })
		if at < 0 || authNames[at] == name {
			continue
		}
		switch name = authNames[at]; name {
		case canonical.ParamAlgorithm, canonical.ParamDate:
			text = strings.ToUpper(text)
		case canonical.ParamSignature, canonical.ParamSignedHeaders:
			text = escapeCase(strings.ToLower(text), strings.ToUpper)
		case canonical.ParamCredential:
			text = strings.ReplaceAll(strings.ReplaceAll(text, "%2f", "/"), "%2F", "/")
			id, scope, _ := strings.Cut(text, "/")
			text = strings.ToUpper(id) + "/" + strings.ToLower(scope)
		}
		parts[i] = name + "=" + text
	}
	return path + "?" + strings.Join(parts, "&")
}

// lifetimes are the usual values of X-Amz-Expires, which a link may have lost.
var lifetimes = []int{900, 3600, 300, 60, 86400, 604800, 600, 1800, 7200, 43200, 21600, 120, 30, 10, 5, 1200, 2700,
	10800, 14400, 28800, 36000, 172800, 259200, 432000, 518400}

// completed are the ways in which the last parameter of a link may go on that was cut off in one other than the
// signature.
func completed(l link) (list []link) {
	at := strings.LastIndexByte(l.target, '&')
	name, value, _ := strings.Cut(l.target[at+1:], "=")
	value = canonical.Unescape(value)
	add := func(whole string) {
		if whole != value && strings.HasPrefix(whole, value) {
			list = append(list, link{l.target[:at+1] + name + "=" + canonical.Escape(whole), l.header, l.scope})
		}
	}
	switch name {
	case canonical.ParamAlgorithm:
		add(canonical.Algorithm)
	case canonical.ParamSignedHeaders:
		add(canonical.Host)
	case canonical.ParamExpires:
		for _, lifetime := range lifetimes {
			add(strconv.Itoa(lifetime))
		}
	case canonical.ParamCredential:
		const day = len("20261123")
		if id, rest, found := strings.Cut(value, "/"); found && len(rest) >= day {
			add(id + "/" + rest[:day] + l.scope)
		}
	}
	return list
}

// withParameters are the ways to give a link the parameters that it lost, of those that are much the same for all links.
func withParameters() (list []func(string) string) {
	for _, lifetime := range lifetimes {
		list = append(list, func(target string) string {
			for _, lost := range [][2]string{{canonical.ParamAlgorithm, canonical.Algorithm},
				{canonical.ParamSignedHeaders, canonical.Host}, {canonical.ParamExpires, strconv.Itoa(lifetime)}} {
				if !strings.Contains(target, lost[0]+"=") {
					target += "&" + lost[0] + "=" + lost[1]
				}
			}
			return target
		})
	}
	return list
}

// selected keeps the parameters of a link for which keep reports true.
func selected(target string, keep func(i int, name string) bool) string {
	path, query, _ := strings.Cut(target, "?")
	var kept []string
	for i, part := range strings.Split(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if keep(i, canonical.Unescape(name)) {
			kept = append(kept, part)
		}
	}
	return path + "?" + strings.Join(kept, "&")
}

// added names the parameters of a query that another has not.
func added(query, signed string) string {
	args, _ := splitQuery(query, true)
	kept, _ := splitQuery(signed, true)
	var names []string
	for _, a := range args {
		if !slices.ContainsFunc(kept, func(k rawArg) bool { return k.key == a.key }) {
			names = append(names, a.key)
		}
	}
	return short(strings.Join(names, ", ")) + "."
}

func withoutTrackers(target string) string {
	return selected(target, func(_ int, name string) bool { return !tracker(name) })
}

func withoutOthers(target string) string {
	return selected(target, func(_ int, name string) bool { return strings.HasPrefix(name, "X-Amz-") })
}
