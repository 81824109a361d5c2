package diagnose

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/sigv4"
	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// scope explains a credential scope that is not this verifier's. If the body is known, it also tells whether the
// signature is right for the scope claimed.
func (x *exam) scope() Diagnosis {
	c := x.claim.Scope
	var d Diagnosis
	if c.Region != x.ev.Region {
		d.add(Region, "The request is signed for the region "+quote(c.Region)+", but this is "+quote(x.ev.Region)+".",
			"Sign for the region in the host name, "+quote(x.ev.Region)+".")
	}
	if c.Service != x.ev.Service {
		d.add(Service, "The request is signed for the service "+quote(c.Service)+", but this is "+quote(x.ev.Service)+".",
			"Sign for the service "+quote(x.ev.Service)+".")
	}
	if x.claim.Terminator != canonical.Terminator {
		d.add(Terminator, "The credential ends in "+quote(x.claim.Terminator)+".",
			"End the credential scope with "+quote(canonical.Terminator)+".")
	} else if day := x.claim.DateText[:8]; c.Date != day {
		d.add(Day, "The credential is for the day "+quote(c.Date)+", but the request's date is "+quote(x.claim.DateText)+".",
			"Take day and time from one clock reading, in UTC.")
	}
	return x.prove(d)
}

// prove tells whether, but for what d says, the signature is right.
func (x *exam) prove(d Diagnosis) Diagnosis {
	if !x.hashed || x.long {
		return d
	}
	x.tested++
	if d.Proven = x.reproduces(&x.base); d.Proven {
		d.CanonicalRequest = string(x.text)
	}
	return d
}

// clock explains a date outside the window.
func (x *exam) clock() Diagnosis {
	if x.ev.Now.IsZero() {
		return Diagnosis{}
	}
	ahead := x.claim.Date.Sub(x.ev.Now).Round(time.Second)
	if x.claim.HasExpires && x.ev.Refusal.Kind == sigv4.SignatureExpired {
		return x.expired(-ahead)
	}
	side := "behind"
	if ahead > 0 {
		side = "ahead of"
	}
	off := "The request's date is " + ahead.Abs().String() + " " + side + " the server's clock"
	if !zoned(ahead, 0) {
		return x.replacedDate(x.prove(Diagnosis{Fault: Clock, Explanation: off + ".",
			Fix: "Set the client's clock by a time server, and sign each request when it is sent."}))
	}
	d := x.suppose(Diagnosis{Fault: LocalTime,
		Explanation: off + ", as if local time had been passed off as UTC.",
		Fix:         "Write the date in UTC, and sign each request when it is sent."})
	replaced := x.replacedDate(d)
	if replaced.Proven {
		replaced.Explanation, replaced.Fix = d.Explanation+" "+replaced.Explanation, d.Fix+" "+replaced.Fix
	}
	return replaced
}

// replacedDate says whether a date outside the window was put there after signing.
func (x *exam) replacedDate(d Diagnosis) Diagnosis {
	if !d.Proven && x.hashed && !x.long {
		if replaced := x.search(x.singles(x.rareTimes)); replaced.Proven {
			return replaced
		}
	}
	return d
}

// expired explains a presigned URL of that age.
func (x *exam) expired(age time.Duration) Diagnosis {
	made := "The presigned URL was made " + age.String() + " ago to live " + x.claim.Expires + " seconds"
	life, _ := strconv.Atoi(x.claim.Expires) // which the verifier has read
	if !zoned(-age, min(time.Duration(life)*time.Second, maxZoned)) {
		return x.prove(Diagnosis{Fault: URLExpired, Explanation: made + ".", Fix: "Presign a new URL."})
	}
	return x.suppose(Diagnosis{Fault: URLExpired,
		Explanation: made + ", or it was made just now and its date is local time passed off as UTC.",
		Fix:         "Presign a new URL, and write its date in UTC."})
}

// maxZoned is the longest life of a URL whose date may be local time: with a longer one every age would fit some zone.
const maxZoned = 15 * time.Minute

// zoned reports whether a clock that is so far ahead may show the local time of some zone, up to a life ago.
func zoned(ahead, life time.Duration) bool {
	const slack = 2 * time.Minute
	for _, zone := range zones() {
		if off := ahead - zone; -life-slack <= off && off <= slack {
			return true
		}
	}
	return false
}

// suppose is prove for a cause that a right signature does not prove.
func (x *exam) suppose(d Diagnosis) Diagnosis {
	if d = x.prove(d); d.Proven {
		d.Proven, d.CanonicalRequest = false, ""
		d.Explanation += " The signature itself is right."
	}
	return d
}

// token explains what is wrong with the session token.
func (x *exam) token() Diagnosis {
	key := x.ev.Key
	switch {
	case key.SessionToken == "":
		return x.prove(Diagnosis{Fault: TokenUnwanted,
			Explanation: "A session token came with a long-term access key, which has none.",
			Fix:         "Unset AWS_SESSION_TOKEN, or use the temporary credentials it belongs to."})
	case x.claim.Token == "":
		d := x.prove(Diagnosis{Fault: TokenMissing,
			Explanation: "The access key is a temporary one, but its session token did not come with it.",
			Fix: "Send the session token in X-Amz-Security-Token and sign it (AWS_SESSION_TOKEN must be set along " +
				"with key id and secret)."})
		return x.withToken(d, "The session token was signed, but got lost on the way.")
	case !canonical.Equal(x.claim.Token, key.SessionToken):
		return x.otherToken()
	}
	return x.prove(Diagnosis{Fault: SessionExpired,
		Explanation: "The session ended at " + key.Expires.UTC().Format(time.RFC3339) + ".",
		Fix:         "Get new temporary credentials."})
}

// otherToken explains a session token that is not the one that was issued with the key.
func (x *exam) otherToken() Diagnosis {
	issued, token := x.ev.Key.SessionToken, x.claim.Token
	d := Diagnosis{Fault: TokenForeign,
		Explanation: "The session token is not the one that was issued with this access key.",
		Fix:         "Use access key id, secret access key and session token of one set of credentials."}
	for _, k := range x.ev.Others {
		if k.SessionToken != "" && canonical.Equal(token, k.SessionToken) {
			d.Explanation = "The session token is that of access key " + quote(k.AccessKeyID) + "."
		}
	}
	const shortest = 16 // of a piece of a token that is no chance
	if len(token) >= shortest && strings.HasPrefix(issued, token) {
		d = Diagnosis{Fault: TokenEncoded, Fix: fixToken,
			Explanation: "The session token was cut off: only " + strconv.Itoa(len(token)) + " of its " +
				strconv.Itoa(len(issued)) + " bytes arrived."}
	}
	for _, r := range recodings(issued) {
		if canonical.Equal(token, r.text) {
			d = Diagnosis{Fault: TokenEncoded, Explanation: "The session token arrived " + r.how + ".", Fix: fixToken}
		}
	}
	return x.withToken(x.prove(d), "It was signed as it was issued, and changed on the way.")
}

// withToken says, where no diagnosis is proven, whether the signature is right with the token that was issued.
func (x *exam) withToken(d Diagnosis, more string) Diagnosis {
	if d.Proven || !x.hashed || x.long {
		return d
	}
	args, _ := splitQuery(x.query, x.claim.InQuery)
	a := x.base
	if x.claim.InQuery {
		a.query = without(args, canonical.ParamToken, canonical.Escape(x.ev.Key.SessionToken))()
	} else {
		a.headers = slices.DeleteFunc(slices.Clone(a.headers), func(l line) bool { return l.name == canonical.Token })
		a.headers = append(a.headers, line{canonical.Token, x.ev.Key.SessionToken})
		slices.SortFunc(a.headers, byName)
	}
	x.tested++
	if d.Proven = x.reproduces(&a); d.Proven {
		d.Explanation, d.CanonicalRequest = d.Explanation+" "+more, string(x.text)
	}
	return d
}

// fixToken is what to do about a session token that was written otherwise.
const fixToken = "Copy the session token exactly as it was issued; in a URL, percent-encode it once, '+' as %2B."

// recoding is a way to write a session token otherwise.
type recoding struct{ how, text string }

// recodings are how a token is changed on its way through forms, URLs, JSON and files: it has '/', '+' and '='
// (rusoto/rusoto#1653, minio/minio-js#920, discourse/discourse#8818).
func recodings(token string) []recoding {
	const decoded, encoded = "decoded once too often, with a space for each '+'", "percent-encoded once too often"
	escaped := canonical.Escape(token)
	list := []recoding{
		{decoded, strings.ReplaceAll(token, "+", " ")},
		{encoded, escaped}, {encoded, canonical.Escape(escaped)}, {encoded, escapeCase(escaped, strings.ToLower)},
		{encoded, strings.ReplaceAll(escaped, "%2F", "/")}, {encoded, strings.ReplaceAll(token, "+", "%2B")},
		{"percent-decoded once too often", canonical.Unescape(token)},
		{"with the escapes of JSON", strings.ReplaceAll(token, "/", `\/`)},
		{"with the escapes of JSON", strings.ReplaceAll(token, "+", `\u002B`)},
		{"with the escapes of JSON", strings.ReplaceAll(token, "=", `\u003d`)},
		{"in quotes", strconv.Quote(token)},
		{"with a line end after it", token + "\n"},
		{"without the '=' at its end", strings.TrimRight(token, "=")},
	}
	return slices.DeleteFunc(list, func(r recoding) bool { return r.text == token })
}
