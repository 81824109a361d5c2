package sigv4

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// signatures: the right signature, written otherwise.
func (x *exam) signatures(yield yields) bool {
	return all(yield,
		hypothesis{FaultSignatureCase, inSignature, false, "The signature is right, but written in upper-case hexadecimal.",
			"Write the signature in lower-case hexadecimal.",
			func(a *attempt) {
				a.write = func(mac []byte) string { return strings.ToUpper(hex.EncodeToString(mac)) }
			}},
		hypothesis{FaultSignatureBase64, inSignature, false, "The signature is right, but written in base64.",
			"Write the signature in lower-case hexadecimal.",
			func(a *attempt) { a.write = base64.StdEncoding.EncodeToString }})
}

// secrets: copied with too much, encoded, mixed up.
func (x *exam) secrets(yield yields) bool {
	secret := x.base.secret
	set := func(s string) func(*attempt) { return func(a *attempt) { a.secret = s } }
	const space = "Take the white space and quotes off the secret access key where it is read (a newline at the end of a file is the usual one)."
	for _, s := range []string{
		secret + "\n", secret + "\r\n", secret + " ", secret + "\r", " " + secret, strings.TrimSpace(secret),
		`"` + secret + `"`, `'` + secret + `'`,
	} {
		if s != secret && !yield(hypothesis{FaultSecretSpace, inSecret, s == secret+"\n",
			"The secret access key was used with stray white space or quotes around it, or without those it has.", space, set(s)}) {
			return false
		}
	}
	for _, s := range []string{strictDecoded(secret), lenient(secret), strings.ReplaceAll(secret, "+", " "), strings.ReplaceAll(secret, `/`, `\/`)} {
		if s != secret && !yield(hypothesis{FaultSecretEncoded, inSecret, false,
			"The secret access key was used in an encoded or decoded form.", "Use the secret access key exactly as it was issued: '/' and '+' belong to it.", set(s)}) {
			return false
		}
	}
	for i, k := range x.ev.Others[:min(len(x.ev.Others), MaxOtherKeys)] {
		if !k.Secret.Equal(x.ev.Key.Secret) && !yield(hypothesis{FaultSecretOther, inSecret, i < 2,
			"The request was signed with the secret of access key " + strconv.Quote(k.AccessKeyID) + ".",
			"Use access key id and secret access key of one key.", set(k.Secret.Reveal())}) {
			return false
		}
	}
	return all(yield,
		hypothesis{FaultSecretIsID, inSecret, false, "The access key id was used as the secret.",
			"Check the order in which id and secret are handed to the signer.", set(x.claim.scope.AccessKeyID)},
		hypothesis{FaultKeyPrefix, inSecret, false, `The signing key was derived without "AWS4" before the secret.`,
			`Begin the key derivation with "AWS4" + secret.`, func(a *attempt) { a.style = keyUnprefixed }},
		hypothesis{FaultKeyHex, inSecret, false, "The signing key was derived from hexadecimal texts.",
			"Use the raw bytes of each HMAC as the key of the next; only the last is written in hexadecimal.", func(a *attempt) { a.style = keyHexed }})
}

// lenient is the percent decoding of s, or s if it has malformed escapes.
func lenient(s string) string {
	if checkEscapes(s) != "" {
		return s
	}
	return unescape(s)
}

// services are near misses of "lambda" and of each other.
var services = []string{"lambda", "execute-api", "lambda-url", "s3", "sts", "iam", "Lambda", ""}

// regions that clients fall back to or are most often set up for.
var regions = []string{
	"us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1", "ap-southeast-2",
	"ap-northeast-1", "ap-south-1", "",
}

// scopes: a scope in the signature other than the one in the credential.
func (x *exam) scopes(yield yields) bool {
	// The signing key alone, or the string to sign with it.
	try := func(fault Fault, common bool, s Scope, explanation, fix string) bool {
		return s == x.base.scope || all(yield,
			hypothesis{fault, inScope, common, explanation, fix, func(a *attempt) { a.keyScope = s }},
			hypothesis{fault, inScope, false, explanation, fix, func(a *attempt) { a.keyScope, a.scope = s, s }})
	}
	for _, service := range services {
		s := x.base.scope
		s.Service = service
		if !try(FaultService, service == "execute-api", s,
			"The credential says service "+strconv.Quote(x.base.scope.Service)+", but the signature was made for "+strconv.Quote(service)+".",
			"Sign for the service "+strconv.Quote(x.base.scope.Service)+" throughout.") {
			return false
		}
	}
	for _, region := range regions {
		s := x.base.scope
		s.Region = region
		if !try(FaultRegion, region == "us-east-1", s,
			"The credential says region "+strconv.Quote(x.base.scope.Region)+", but the signature was made for "+strconv.Quote(region)+".",
			"Sign for the region "+strconv.Quote(x.base.scope.Region)+" throughout.") {
			return false
		}
	}
	for _, days := range []int{-1, 1} {
		s := x.base.scope
		s.Date = x.claim.date.AddDate(0, 0, days).Format("20060102")
		if !try(FaultDay, days == -1, s, "The signature was made for the day "+s.Date+", not for that of the request's date.",
			"Take day and time from one clock reading, in UTC.") {
			return false
		}
	}
	return true
}

// times: another time in the string to sign than in the header.
func (x *exam) times(yield yields) bool {
	if !all(yield,
		hypothesis{FaultDateFormat, inTime, false, "The time was signed in extended format.", "Write the time as 20060102T150405Z, without - and :.",
			func(a *attempt) { a.date = x.claim.date.Format("2006-01-02T15:04:05Z") }},
		hypothesis{FaultDateFormat, inTime, false, "The time was signed in HTTP format.", "Write the time as 20060102T150405Z.",
			func(a *attempt) { a.date = x.claim.date.Format("Mon, 02 Jan 2006 15:04:05 GMT") }}) {
		return false
	}
	for minutes := -12 * 60; minutes <= 14*60; minutes += 60 {
		if minutes != 0 && !yield(x.shifted(minutes)) {
			return false
		}
	}
	for _, minutes := range []int{-9*60 - 30, -3*60 - 30, 3*60 + 30, 4*60 + 30, 5*60 + 30, 5*60 + 45, 6*60 + 30, 9*60 + 30, 10*60 + 30} {
		if !yield(x.shifted(minutes)) {
			return false
		}
	}
	return true
}

func (x *exam) shifted(minutes int) hypothesis {
	d := time.Duration(minutes) * time.Minute
	return hypothesis{FaultLocalTime, inTime, false,
		"The string to sign has the time " + d.String() + " off the date header: local time passed off as UTC.",
		"Take the time from one clock reading, in UTC, for header, scope and string to sign.",
		func(a *attempt) { a.date = x.claim.date.Add(d).Format(isoBasic) }}
}
