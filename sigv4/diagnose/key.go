package diagnose

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"

	"github.com/furl-dev/furl/sigv4/internal/canonical"
)

// signatures: the right signature, written otherwise.
func (x *exam) signatures(yield yields) bool {
	return all(yield,
		hypothesis{SignatureCase, inSignature, false, "The signature is right, but written in upper-case hexadecimal.",
			"Write the signature in lower-case hexadecimal.",
			func(a *attempt) {
				a.write = func(mac []byte) string { return strings.ToUpper(hex.EncodeToString(mac)) }
			}},
		hypothesis{SignatureBase64, inSignature, false, "The signature is right, but written in base64.",
			"Write the signature in lower-case hexadecimal.",
			func(a *attempt) { a.write = base64.StdEncoding.EncodeToString }})
}

// secrets: copied with too much, encoded, mixed up.
func (x *exam) secrets(yield yields) bool {
	secret := x.base.secret
	set := func(s string) func(*attempt) { return func(a *attempt) { a.secret = s } }
	const space = "Take the white space and quotes off the secret access key where it is read (a newline at the end of " +
		"a file is the usual one)."
	for _, s := range []string{
		secret + "\n", secret + "\r\n", secret + " ", secret + "\r", secret + "\t", secret + "\n\n", " " + secret, "\t" +
			secret,
		" " + secret + " ", strings.TrimSpace(secret), `"` + secret + `"`, `'` + secret + `'`,
	} {
		if s != secret && !yield(hypothesis{SecretSpace, inSecret, s == secret+"\n",
			"The secret access key was used with stray white space or quotes around it, or without those it has.", space,
			set(s)}) {
			return false
		}
	}
	// Secrets have '+' and '/' besides letters and digits. Python's quote leaves '/' alone unless told otherwise.
	seen := map[string]bool{secret: true}
	for _, s := range []string{
		strings.ReplaceAll(canonical.Escape(secret), "%2F",
			"/"), canonical.Escape(secret), escapeCase(canonical.Escape(secret), strings.ToLower),
		strings.ReplaceAll(escapeCase(canonical.Escape(secret), strings.ToLower), "%2f", "/"),
		strings.ReplaceAll(secret, "/", "%2F"), strings.ReplaceAll(secret, "/", "%2f"),
		canonical.Unescape(secret), strings.ReplaceAll(secret, "+", " "), strings.ReplaceAll(secret, `/`, `\/`),
	} {
		if seen[s] {
			continue
		}
		seen[s] = true
		if !yield(hypothesis{SecretEncoded, inSecret, false,
			"The secret access key was used in an encoded or decoded form.",
			"Use the secret access key exactly as it was issued: '/' and '+' belong to it.", set(s)}) {
			return false
		}
	}
	for i, k := range x.ev.Others[:min(len(x.ev.Others), MaxOtherKeys)] {
		if !k.Secret.Equal(x.ev.Key.Secret) && !yield(hypothesis{SecretOther, inSecret, i < 2,
			"The request was signed with the secret of access key " + quote(k.AccessKeyID) + ".",
			"Use access key id and secret access key of one key.", set(k.Secret.Reveal())}) {
			return false
		}
	}
	return all(yield,
		hypothesis{SecretIsID, inSecret, false, "The access key id was used as the secret.",
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

// scopes: a signing key, or a whole signature, made for another scope than the credential names.
func (x *exam) scopes(yield yields) bool {
	for _, h := range x.others(services, regions) {
		if !yield(h.with(func(a *attempt) { a.keyScope = h.scope })) || !yield(h.rarely(func(a *attempt) {
			a.keyScope,
				a.scope = h.scope, h.scope
		})) {
			return false
		}
	}
	for _, h := range x.others(nil, farRegions) {
		if !yield(h.rarely(func(a *attempt) { a.keyScope = h.scope })) {
			return false
		}
	}
	return true
}

// rareScopes are tried last: a scope that only the string to sign has, and whole signatures for regions further off.
func (x *exam) rareScopes(yield yields) bool {
	far := x.others(nil, farRegions)
	for _, h := range append(x.others(services, regions), far...) {
		if !yield(h.rarely(func(a *attempt) { a.scope = h.scope })) {
			return false
		}
	}
	for _, h := range far {
		if !yield(h.rarely(func(a *attempt) { a.keyScope, a.scope = h.scope, h.scope })) {
			return false
		}
	}
	return true
}

// otherScope is a scope other than that of the credential, and what to say of it.
type otherScope struct {
	scope canonical.Scope
	hypothesis
}

func (o otherScope) with(apply func(*attempt)) hypothesis {
	o.apply = apply
	return o.hypothesis
}

// rarely is with for what is not worth pairing.
func (o otherScope) rarely(apply func(*attempt)) hypothesis {
	o.common = false
	return o.with(apply)
}

// others are the scopes with another service, region or day.
func (x *exam) others(services, regions []string) (list []otherScope) {
	claimed := x.base.scope
	add := func(fault Fault, common bool, s canonical.Scope, explanation, fix string) {
		if s != claimed {
			list = append(list, otherScope{s, hypothesis{fault: fault, in: inScope, common: common, explanation: explanation,
				fix: fix}})
		}
	}
	for _, service := range services {
		s := claimed
		s.Service = service
		add(Service, service == "execute-api", s,
			"The credential says service "+quote(claimed.Service)+", but the signature was made for "+quote(service)+".",
			"Sign for the service "+quote(claimed.Service)+" throughout.")
	}
	for _, region := range regions {
		s := claimed
		s.Region = region
		add(Region, region == "us-east-1", s,
			"The credential says region "+quote(claimed.Region)+", but the signature was made for "+quote(region)+".",
			"Sign for the region "+quote(claimed.Region)+" throughout.")
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
func (x *exam) times(yield yields) bool {
	if !all(yield,
		hypothesis{DateFormat, inTime, false, "The time was signed in extended format.",
			"Write the time as 20060102T150405Z, without - and :.",
			func(a *attempt) { a.date = x.claim.Date.Format("2006-01-02T15:04:05Z") }},
		hypothesis{DateFormat, inTime, false, "The time was signed in HTTP format.", "Write the time as 20060102T150405Z.",
			func(a *attempt) { a.date = x.claim.Date.Format("Mon, 02 Jan 2006 15:04:05 GMT") }}) {
		return false
	}
	for _, zone := range zones {
		if !yield(x.shifted(zone)) {
			return false
		}
	}
	return true
}

// zones are how far the clocks of the world are off UTC (IANA time zone database, 2025): whole hours first.
var zones = func() (list []time.Duration) {
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
}()

func (x *exam) shifted(d time.Duration) hypothesis {
	return hypothesis{LocalTime, inTime, false,
		"The string to sign has the time " + d.String() + " off the date header: local time passed off as UTC.",
		"Take the time from one clock reading, in UTC, for header, scope and string to sign.",
		func(a *attempt) { a.date = x.claim.Date.Add(d).Format(canonical.ISOBasic) }}
}
