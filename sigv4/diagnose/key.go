package diagnose

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// signatures: the right signature, written otherwise.
func (x *exam) signatures(try tries) {
	const fix = "Write the signature in lower-case hexadecimal."
	upper := func(mac []byte) string { return strings.ToUpper(hex.EncodeToString(mac)) }
	try(hypothesis{SignatureCase, inSignature, false,
		"The signature is right, but written in upper-case hexadecimal.", fix,
		func(a *attempt) { a.write = upper }},
		hypothesis{SignatureBase64, inSignature, false, "The signature is right, but written in base64.", fix,
			func(a *attempt) { a.write = base64.StdEncoding.EncodeToString }})
}

// secrets: copied with too much, encoded, mixed up.
func (x *exam) secrets(try tries) {
	secret := x.base.secret
	set := func(s string) func(*attempt) { return func(a *attempt) { a.secret = s } }
	const space = "Take the white space and quotes off the secret access key where it is read (a newline at the end of " +
		"a file is the usual one)."
	for _, s := range []string{
		secret + "\n", secret + "\r\n", secret + " ", secret + "\r", secret + "\t", secret + "\n\n", " " + secret,
		"\t" + secret, " " + secret + " ", strings.TrimSpace(secret), `"` + secret + `"`, `'` + secret + `'`,
	} {
		if s != secret {
			try(hypothesis{SecretSpace, inSecret, s == secret+"\n",
				"The secret access key was used with stray white space or quotes around it, or without those it has.", space,
				set(s)})
		}
	}
	// Secrets have '+' and '/' besides letters and digits. Python's quote leaves '/' alone unless told otherwise.
	escaped := canonical.Escape(secret)
	lower := escapeCase(escaped, strings.ToLower)
	seen := map[string]bool{secret: true}
	for _, s := range []string{
		strings.ReplaceAll(escaped, "%2F", "/"), escaped, lower, strings.ReplaceAll(lower, "%2f", "/"),
		strings.ReplaceAll(secret, "/", "%2F"), strings.ReplaceAll(secret, "/", "%2f"),
		canonical.Unescape(secret), strings.ReplaceAll(secret, "+", " "), strings.ReplaceAll(secret, `/`, `\/`),
	} {
		if !seen[s] {
			seen[s] = true
			try(hypothesis{SecretEncoded, inSecret, false,
				"The secret access key was used in an encoded or decoded form.",
				"Use the secret access key exactly as it was issued: '/' and '+' belong to it.", set(s)})
		}
	}
	for i, k := range x.ev.Others[:min(len(x.ev.Others), MaxOtherKeys)] {
		if !k.Secret.Equal(x.ev.Key.Secret) {
			try(hypothesis{SecretOther, inSecret, i < 2,
				"The request was signed with the secret of access key " + quote(k.AccessKeyID) + ".",
				"Use access key id and secret access key of one key.", set(k.Secret.Reveal())})
		}
	}
	for _, nothing := range []string{"", "undefined", "None", "null"} { // what languages write for a variable that is not set
		what := "The request was signed with an empty secret access key."
		if nothing != "" {
			what = "The request was signed with the word " + nothing + " for the secret access key."
		}
		try(hypothesis{SecretMissing, inSecret, false, what,
			"Set the secret access key where the client reads it, such as in AWS_SECRET_ACCESS_KEY.", set(nothing)})
	}
	try(hypothesis{SecretIsID, inSecret, false, "The access key id was used as the secret.",
		"Check the order in which id and secret are handed to the signer.", set(x.claim.Scope.AccessKeyID)},
		hypothesis{KeyPrefix, inSecret, false, `The signing key was derived without "AWS4" before the secret.`,
			`Begin the key derivation with "AWS4" + secret.`, func(a *attempt) { a.style = keyUnprefixed }},
		hypothesis{KeyHex, inSecret, false, "The signing key was derived from hexadecimal texts.",
			"Use the raw bytes of each HMAC as the key of the next; only the last is written in hexadecimal.",
			func(a *attempt) { a.style = keyHexed }})
}

// services are near misses of "lambda" and of each other.
var services = []string{"lambda", "execute-api", "lambda-url", "s3", "sts", "iam", "Lambda", "apigateway",
	"lambda.amazonaws.com", ""}

// regions that clients fall back to or are most often set up for.
var regions = []string{
	"us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1", "ap-southeast-2",
	"ap-northeast-1", "ap-south-1", "",
}

// farRegions are the others that have function URLs.
var farRegions = []string{
	"us-west-1", "ca-central-1", "sa-east-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1", "ap-northeast-2",
	"ap-northeast-3", "ap-southeast-3", "ap-east-1", "me-south-1", "af-south-1",
}

// What a client may have made for another scope than the credential names.
func setKeyScope(a *attempt, s canonical.Scope)    { a.keyScope = s }
func setSignedScope(a *attempt, s canonical.Scope) { a.scope = s }
func setBothScopes(a *attempt, s canonical.Scope)  { a.keyScope, a.scope = s, s }

// scopes: a signing key, or a whole signature, made for another scope than the credential names, or another scope in
// the string to sign only.
func (x *exam) scopes(try tries) {
	for _, o := range x.others(services, regions) {
		try(o.with(setKeyScope, o.common), o.with(setBothScopes, false), o.with(setSignedScope, false))
	}
	for _, o := range x.others(nil, farRegions) {
		try(o.with(setKeyScope, false), o.with(setBothScopes, false), o.with(setSignedScope, false))
	}
}

// otherScope is a scope other than that of the credential, and what to say about it.
type otherScope struct {
	hypothesis
	scope canonical.Scope
}

func (o otherScope) with(set func(*attempt, canonical.Scope), common bool) hypothesis {
	o.common, o.apply = common, func(a *attempt) { set(a, o.scope) }
	return o.hypothesis
}

// others are the scopes with another service, region or day.
func (x *exam) others(services, regions []string) (list []otherScope) {
	claimed := x.base.scope
	add := func(fault Fault, common bool, s canonical.Scope, explanation, fix string) {
		if s != claimed {
			list = append(list, otherScope{hypothesis{fault, inScope, common, explanation, fix, nil}, s})
		}
	}
	wrong := func(fault Fault, common bool, s canonical.Scope, claimed, signed string) {
		what := string(fault) + " " + quote(claimed)
		add(fault, common, s, "The credential says "+what+", but the signature was made for "+quote(signed)+".",
			"Sign for the "+what+" throughout.")
	}
	for _, service := range services {
		s := claimed
		s.Service = service
		wrong(Service, service == "execute-api", s, claimed.Service, service)
	}
	for _, region := range regions {
		s := claimed
		s.Region = region
		wrong(Region, region == "us-east-1", s, claimed.Region, region)
	}
	if services == nil {
		return list
	}
	for _, days := range []int{-1, 1} {
		s := claimed
		s.Date = x.claim.Date.AddDate(0, 0, days).Format("20060102")
		add(Day, days == -1, s, "The signature was made for the day "+s.Date+", not for that of the request's date.",
			"Take day and time from one clock reading, in UTC.")
	}
	return list
}

// times: another time in the string to sign than in the header.
func (x *exam) times(try tries) {
	signed := func(fault Fault, explanation, fix, text string) {
		try(hypothesis{fault, inTime, false, explanation, fix, func(a *attempt) { a.date = text }})
	}
	const basic = "Write the time as 20060102T150405Z"
	signed(DateFormat, "The time was signed in extended format.", basic+", without - and :.",
		x.claim.Date.Format("2006-01-02T15:04:05Z"))
	signed(DateFormat, "The time was signed in HTTP format.", basic+".", x.claim.Date.Format(http.TimeFormat))
	for _, zone := range zones() {
		signed(LocalTime,
			"The string to sign has the time "+zone.String()+" off the date header: local time passed off as UTC.",
			"Take the time from one clock reading, in UTC, for header, scope and string to sign.",
			x.claim.Date.Add(zone).Format(canonical.ISOBasic))
	}
}

// maxRestamp is by how much a time that was replaced may differ from the one that was signed.
const maxRestamp = 15 * time.Minute

// rareTimes: the date was replaced after signing, by a client that sends a signed request again (BerriAI/litellm#27513)
// or something on the way.
func (x *exam) rareTimes(try tries) {
	if len(x.ev.Request.Header[canonical.KeyDate]) == 0 && !x.claim.InQuery {
		return // the date is that of the Date header
	}
	replaced := func(signed time.Time) {
		text := signed.UTC().Format(canonical.ISOBasic)
		query := strings.Replace(x.base.query, canonical.ParamDate+"="+x.claim.DateText, canonical.ParamDate+"="+text, 1)
		in := inTime | inQuery
		if x.claim.InHeader {
			in, query = inTime|x.in(canonical.Date), x.base.query
		}
		try(hypothesis{DateReplaced, in, false, "The request was signed with the date " + text + ", which was replaced by " +
			x.claim.DateText + " afterwards.",
			"Sign a request anew each time it is sent, and change X-Amz-Date in no other way.",
			func(a *attempt) {
				a.date, a.query = text, query
				if x.claim.InHeader {
					setHeader(canonical.Date, text)(a)
				}
			}})
	}
	for _, value := range x.ev.Request.Header["Date"] {
		if date, err := http.ParseTime(value); err == nil {
			replaced(date)
		}
	}
	for off := time.Second; off <= maxRestamp && x.left(); off += time.Second {
		replaced(x.claim.Date.Add(-off))
		replaced(x.claim.Date.Add(off))
	}
	for _, zone := range zones() {
		replaced(x.claim.Date.Add(zone))
	}
}

// zones are how far the clocks of the world are off UTC (IANA time zone database, 2025): whole hours first.
var zones = sync.OnceValue(func() (list []time.Duration) {
	for hours := -12; hours <= 14; hours++ {
		if hours != 0 {
			list = append(list, time.Duration(hours)*time.Hour)
		}
	}
	for _, minutes := range []time.Duration{-9*60 - 30, -3*60 - 30, -2*60 - 30, 3*60 + 30, 4*60 + 30, 5*60 + 30, 5*60 + 45,
		6*60 + 30, 8*60 + 45, 9*60 + 30, 10*60 + 30, 12*60 + 45, 13*60 + 45} {
		list = append(list, minutes*time.Minute)
	}
	return list
})
