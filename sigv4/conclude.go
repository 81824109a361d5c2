package sigv4

import (
	"strconv"
	"time"
)

// scope explains a credential scope that is not this verifier's. If the body is known, it also tells whether the
// signature is right for the scope claimed.
func (x *exam) scope() Diagnosis {
	c := x.claim.scope
	var d Diagnosis
	add := func(fault Fault, explanation, fix string) {
		if d.Fault != "" {
			d.And = fault
			d.Explanation += " Also: "
			d.Fix += " Also: "
		}
		if d.Fault == "" {
			d.Fault = fault
		}
		d.Explanation += explanation
		d.Fix += fix
	}
	if c.Region != x.ev.Region {
		add(FaultRegion, "The request is signed for the region "+strconv.Quote(c.Region)+", but this is "+strconv.Quote(x.ev.Region)+".",
			"Sign for the region in the host name, "+strconv.Quote(x.ev.Region)+".")
	}
	if c.Service != x.ev.Service {
		add(FaultService, "The request is signed for the service "+strconv.Quote(c.Service)+", but this is "+strconv.Quote(x.ev.Service)+".",
			"Sign for the service "+strconv.Quote(x.ev.Service)+".")
	}
	if x.claim.terminator != terminator {
		add(FaultTerminator, "The credential ends in "+strconv.Quote(x.claim.terminator)+".", "End the credential scope with "+strconv.Quote(terminator)+".")
	} else if day := x.claim.dateText[:8]; c.Date != day {
		add(FaultDay, "The credential is for the day "+strconv.Quote(c.Date)+", but the request's date is "+strconv.Quote(x.claim.dateText)+".",
			"Take day and time from one clock reading, in UTC.")
	}
	return x.prove(d)
}

// prove tells whether, but for what d says, the signature is right.
func (x *exam) prove(d Diagnosis) Diagnosis {
	if !x.known {
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
	ahead := x.claim.date.Sub(x.ev.Now).Round(time.Second)
	if x.claim.hasExpires && ahead < 0 {
		return x.prove(Diagnosis{Fault: FaultURLExpired,
			Explanation: "The presigned URL was made " + (-ahead).String() + " ago to live " + x.claim.expires + " seconds.",
			Fix:         "Presign a new URL."})
	}
	const quarter = 15 * time.Minute // time zones differ by multiples of it
	zone := ahead.Round(quarter)
	if off := (ahead - zone).Abs(); zone != 0 && zone.Abs() <= 14*time.Hour && off <= 2*time.Minute {
		return x.prove(Diagnosis{Fault: FaultLocalTime,
			Explanation: "The request's date is " + zone.String() + " off: local time passed off as UTC.",
			Fix:         "Write the date in UTC."})
	}
	side := "behind"
	if ahead > 0 {
		side = "ahead"
	}
	return x.prove(Diagnosis{Fault: FaultClock,
		Explanation: "The request's date is " + ahead.Abs().String() + " " + side + " of the server's clock.",
		Fix:         "Set the client's clock by a time server, and sign each request when it is sent."})
}

// token explains what is wrong with the session token.
func (x *exam) token() Diagnosis {
	key := x.ev.Key
	switch {
	case key.SessionToken == "":
		return x.prove(Diagnosis{Fault: FaultTokenUnwanted,
			Explanation: "A session token came with a long-term access key, which has none.",
			Fix:         "Unset AWS_SESSION_TOKEN, or use the temporary credentials it belongs to."})
	case x.claim.token == "":
		return x.prove(Diagnosis{Fault: FaultTokenMissing,
			Explanation: "The access key is a temporary one, but its session token did not come with it.",
			Fix:         "Send the session token in X-Amz-Security-Token and sign it (AWS_SESSION_TOKEN must be set along with key id and secret)."})
	case !constantTimeEqual(x.claim.token, key.SessionToken):
		d := Diagnosis{Fault: FaultTokenForeign,
			Explanation: "The session token is not the one that was issued with this access key.",
			Fix:         "Use access key id, secret access key and session token of one set of credentials."}
		for _, k := range x.ev.Others {
			if k.SessionToken != "" && constantTimeEqual(x.claim.token, k.SessionToken) {
				d.Explanation = "The session token is that of access key " + strconv.Quote(k.AccessKeyID) + "."
			}
		}
		return x.prove(d)
	}
	return x.prove(Diagnosis{Fault: FaultSessionExpired,
		Explanation: "The session ended at " + key.Expires.UTC().Format(time.RFC3339) + ".",
		Fix:         "Get new temporary credentials."})
}
