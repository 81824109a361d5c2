//go:build unix

package attack_test

import (
	"strings"
	"testing"
	"time"
)

// Session tokens that are missing, another's, altered, or sent where none belongs.
func TestToken(t *testing.T) { // floci#3487, cloudemu#855
	t.Parallel()
	w := newWorld(t)
	session := w.alice.assume(t, callerRole(accountA), "first")
	other := w.alice.assume(t, callerRole(accountA), "second")
	foreign := w.bob.assume(t, callerRole(accountB), "first")
	with := func(token string) func(*world, plane) signing {
		return func(w *world, p plane) signing {
			s := w.good(p)
			s.key = session.key
			s.key.token = token
			return s
		}
	}
	var attacks []attack
	add := func(name string, sign func(*world, plane) signing, message string) {
		for form, with := range forms {
			attacks = append(attacks, attack{form + ": " + name,
				func(w *world, p plane) request { return with(p.request, sign(w, p)) },
				invalidToken, message})
		}
	}
	// All of these are signed over just what they send: the token is wrong, not the signature.
	flipped := []byte(session.token)
	flipped[len(flipped)/2] ^= 1
	add("no token", with(""), messageToken)
	add("the token of another session of the same role", with(other.token), messageTampered)
	add("the token of another account's session", with(foreign.token), messageTampered)
	add("a token with one bit changed", with(string(flipped)), messageTampered)
	add("a token and a little more", with(session.token+"A"), messageTampered)
	add("a token and a little less", with(session.token[:len(session.token)-1]), messageTampered)
	add("a token in another case", with(strings.ToLower(session.token)), messageTampered)
	add("the secret as the token", with(strings.Repeat("x", 100)), messageTampered)
	add("a user's key with a session's token", func(w *world, p plane) signing {
		s := w.good(p)
		s.key.token = session.token
		return s
	}, messageToken)
	add("the root key with a session's token", func(w *world, p plane) signing {
		s := w.good(p)
		s.key = w.rootA.key
		s.key.token = session.token
		return s
	}, messageToken)
	place := func(name string, kind kind, message string, forge func(*world, plane, signing) request) {
		attacks = append(attacks, attack{name,
			func(w *world, p plane) request { return forge(w, p, with(session.token)(w, p)) }, kind, message})
	}
	place("an empty token", invalidToken, messageToken, func(w *world, p plane, s signing) request {
		s.noToken = true
		return p.request.signed(s).with("X-Amz-Security-Token:")
	})
	place("the token in the query of a signed header form", invalidToken, messageToken,
		func(w *world, p plane, s signing) request {
			s.noToken = true
			r := p.request
			r.target = addQuery(r.target, "X-Amz-Security-Token="+escape(session.token, ""))
			return r.signed(s)
		})
	place("the token in a header of the presigned form", invalidToken, messageToken,
		func(w *world, p plane, s signing) request {
			s.noToken = true
			return p.request.with("X-Amz-Security-Token: " + session.token).presigned(s)
		})
	place("the token in a trailer", invalidToken, messageToken, func(w *world, p plane, s signing) request {
		s.noToken = true
		r := p.request.signed(s).with("Transfer-Encoding: chunked", "Trailer: X-Amz-Security-Token")
		r.framed, r.body = true, chunked(r.body, "X-Amz-Security-Token: "+session.token+"\r\n")
		return r
	})
	place("the token twice", mismatch, messageMismatch, func(w *world, p plane, s signing) request {
		return p.request.signed(s).with("X-Amz-Security-Token: " + session.token)
	})
	place("the token before another", mismatch, messageMismatch, func(w *world, p plane, s signing) request {
		return p.request.signed(s).with("X-Amz-Security-Token: " + other.token)
	})
	place("the token twice in the query", mismatch, messageMismatch, func(w *world, p plane, s signing) request {
		r := p.request.presigned(s)
		r.target = addQuery(r.target, "X-Amz-Security-Token="+escape(other.token, ""))
		return r
	})
	place("the token appended to a presigned URL", mismatch, messageMismatch, func(w *world, p plane, s signing) request {
		s.noToken = true
		r := p.request.presigned(s)
		r.target = addQuery(r.target, "X-Amz-Security-Token="+escape(session.token, ""))
		return r
	})
	w.try(t, attacks)
}

// A token in the header form need not be signed, only right.
func TestUnsignedToken(t *testing.T) { // soto#99
	t.Parallel()
	w := newWorld(t)
	session, other := w.alice.assume(t, callerRole(accountA), "unsigned"), w.alice.assume(t, callerRole(accountA), "other")
	w.rootA.allowRole(t, "caller", "all", mayDoAnything)
	for _, p := range w.readers() {
		s := w.good(p)
		s.key, s.noToken = session.key, true
		p.caller = ":assumed-role/caller/unsigned</Arn>"
		r := p.request.signed(s)
		p.accepts(t, w, w.send(t, r.with("X-Amz-Security-Token: "+session.token)))
		p.refuses(t, w.send(t, r), invalidToken, messageToken)
		p.refuses(t, w.send(t, r.with("X-Amz-Security-Token: "+other.token)), invalidToken, messageTampered)
		p.refuses(t, w.send(t, r.with("X-Amz-Security-Token: "+session.token, "X-Amz-Security-Token: "+session.token)),
			mismatch, messageMismatch)
	}
}

// Keys that are no longer, or never were.
func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := map[string]key{
		"that does not exist": {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""},
		"of a session that is none": {"ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
			strings.Repeat("token", 50)},
		"in lower case":              {strings.ToLower(w.alice.id), w.alice.secret, ""},
		"of 129 characters":          {strings.Repeat("A", 129), "secret", ""},
		"of one character":           {"A", "secret", ""},
		"of the dummy that is timed": {"AKIAIOSFODNN7EXAMPLE", "no key has this secret", ""},
		"that is empty":              {"", "", ""},
		"that names the user":        {"alice", w.alice.secret, ""},
		"in Cyrillic":                {"АКІА" + w.alice.id[4:], w.alice.secret, ""},
		"that is its own secret":     {"AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE", ""}, // floci#2680
		"of no secret":               {"AKIAIOSFODNN7EXAMPLE", "", ""},
		"with another's secret":      {"AKIAIOSFODNN7EXAMPLE", w.alice.secret, ""},
		"that emulators know":        {"test", "test", ""},
	}

	w.rootA.iam(t, "CreateUser", "UserName", "gone")
	w.rootA.allow(t, "gone", "all", mayDoAnything)
	inactive, deleted := w.rootA.createKey(t, "gone"), w.rootA.createKey(t, "gone")
	w.rootA.iam(t, "UpdateAccessKey", "UserName", "gone", "AccessKeyId", inactive.id, "Status", "Inactive")
	w.rootA.iam(t, "DeleteAccessKey", "UserName", "gone", "AccessKeyId", deleted.id)
	keys["that is inactive"], keys["that was deleted"] = inactive.key, deleted.key

	user := w.rootA.createUser(t, "short-lived", mayDoAnything)
	userSession := user.given(t, user.query(t, "sts", "GetSessionToken"))
	w.rootA.iam(t, "DeleteAccessKey", "UserName", "short-lived", "AccessKeyId", user.id)
	w.rootA.iam(t, "DeleteUserPolicy", "UserName", "short-lived", "PolicyName", "policy")
	w.rootA.iam(t, "DeleteUser", "UserName", "short-lived")
	w.rootA.createUser(t, "short-lived", mayDoAnything)
	keys["of a user who was deleted and made again"], keys["of a session of such a user"] = user.key, userSession.key

	w.rootA.createRole(t, "short-lived", trustAccount(accountA), "")
	session := w.alice.assume(t, "arn:aws:iam::"+accountA+":role/short-lived", "session")
	w.rootA.iam(t, "DeleteRole", "RoleName", "short-lived")
	w.rootA.createRole(t, "short-lived", trustAccount(accountA), mayDoAnything)
	keys["of a session of a role that was deleted and made again"] = session.key

	var attacks []attack
	for name, k := range keys {
		sign := func(w *world, p plane) signing {
			s := w.good(p)
			s.key = k
			return s
		}
		attacks = append(attacks,
			attack{"a key " + name, func(w *world, p plane) request { return p.request.signed(sign(w, p)) }, invalidToken,
				messageToken},
			attack{"a key " + name + ", presigned", func(w *world, p plane) request { return p.request.presigned(sign(w, p)) },
				invalidToken, messageToken})
	}
	// White space ends the id: what follows is left over. In a link it is part of the id.
	spaced := func(w *world, p plane) signing {
		s := w.good(p)
		s.key.id += " "
		return s
	}
	attacks = append(attacks,
		attack{"a key with a space", func(w *world, p plane) request { return p.request.signed(spaced(w, p)) },
			incomplete, "'/…"},
		attack{"a key with a space, presigned", func(w *world, p plane) request {
			return p.request.presigned(spaced(w, p))
		}, invalidToken, messageToken})
	w.try(t, attacks)
}

// A session ends when it is over, and with it what it has presigned.
func TestExpiredSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.alice.assume(t, callerRole(accountA), "expiring")
	s := session.signing("lambda")
	s.expires = "604800"
	week := w.url(w.iamURL, "GET", "/", "").presigned(s)
	w.ran(t, w.send(t, week))
	w.ahead.Store(int64(61 * time.Minute))
	const expired = "The security token included in the request is expired"
	url := w.planes()[0]
	url.refuses(t, w.send(t, week), expiredToken, expired)
	w.try(t, []attack{{"expired", func(w *world, p plane) request {
		s := w.good(p)
		s.key = session.key
		return p.request.signed(s)
	}, expiredToken, expired}})
}
