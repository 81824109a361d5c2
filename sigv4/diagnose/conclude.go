package diagnose

import (
	"strconv"
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
	if !x.known || x.long {
		return d
	}
	d.Tested++
	if d.Proven = x.reproduces(&x.base); d.Proven {
		d.CanonicalRequest = string(x.text)
	}
	return d
}

// clock explains a date outside the window.
func (x *exam) clock() Diagnosis {
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
		return x.prove(Diagnosis{Fault: Clock, Explanation: off + ".",
			Fix: "Set the client's clock by a time server, and sign each request when it is sent."})
	}
	return x.suppose(Diagnosis{Fault: LocalTime,
		Explanation: off + ", as if local time had been passed off as UTC.",
		Fix:         "Write the date in UTC, and sign each request when it is sent."})
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
	for _, zone := range zones {
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
		return x.prove(Diagnosis{Fault: TokenMissing,
			Explanation: "The access key is a temporary one, but its session token did not come with it.",
			Fix: "Send the session token in X-Amz-Security-Token and sign it (AWS_SESSION_TOKEN must be set along " +
				"with key id and secret)."})
	case !canonical.Equal(x.claim.Token, key.SessionToken):
		d := Diagnosis{Fault: TokenForeign,
			Explanation: "The session token is not the one that was issued with this access key.",
			Fix:         "Use access key id, secret access key and session token of one set of credentials."}
		for _, k := range x.ev.Others {
			if k.SessionToken != "" && canonical.Equal(x.claim.Token, k.SessionToken) {
				d.Explanation = "The session token is that of access key " + quote(k.AccessKeyID) + "."
			}
		}
		return x.prove(d)
	}
	return x.prove(Diagnosis{Fault: SessionExpired,
		Explanation: "The session ended at " + key.Expires.UTC().Format(time.RFC3339) + ".",
		Fix:         "Get new temporary credentials."})
}
