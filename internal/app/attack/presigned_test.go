//go:build unix

package attack_test

import (
	"strings"
	"testing"
	"time"
)

// Presigned requests with parts that are missing, repeated or in another place.
func TestPresigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var attacks []attack
	present := func(change func(target string) string) func(*world, plane) request {
		return func(w *world, p plane) request {
			r := p.request.presigned(w.good(p))
			r.target = change(r.target)
			return r
		}
	}
	drop := func(name string) func(string) string {
		return func(target string) string {
			path, query, _ := strings.Cut(target, "?")
			var kept []string
			for pair := range strings.SplitSeq(query, "&") {
				if !strings.HasPrefix(pair, name+"=") {
					kept = append(kept, pair)
				}
			}
			return path + "?" + strings.Join(kept, "&")
		}
	}
	append := func(name string, forge func(*world, plane) request, kind kind, message string) {
		attacks = append(attacks, attack{name, forge, kind, message})
	}
	for _, name := range []string{"X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature"} {
		append("without "+name, present(drop(name)), incomplete, "AWS query-string parameters must include '"+name+
			"'. Re-examine the query-string parameters.")
		append(name+" twice", present(func(target string) string { return addQuery(target, name+"=x") }), mismatch,
			messageMismatch)
	}
	append("without the algorithm", present(drop("X-Amz-Algorithm")), notSigned, "")
	append("the algorithm in lower case",
		present(func(s string) string { return strings.Replace(s, "X-Amz-Algorithm", "x-amz-algorithm", 1) }), notSigned, "")
	append("another algorithm",
		present(func(s string) string { return strings.Replace(s, "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512", 1) }), incomplete,
		"Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'.")
	append("an algorithm of control characters",
		present(func(s string) string { return strings.Replace(s, "AWS4-HMAC-SHA256", "%00%07%1B%22%5C%3Cx%3E%FF", 1) }),
		incomplete, "Unsupported AWS 'algorithm': '…")
	append("the algorithm twice",
		present(func(s string) string { return addQuery(s, "X-Amz-Algorithm=AWS4-HMAC-SHA256") }), mismatch, messageMismatch)
	append("a longer life than signed",
		present(func(s string) string { return strings.Replace(s, "X-Amz-Expires=300", "X-Amz-Expires=3000", 1) }), mismatch,
		messageMismatch)
	append("a second life", present(func(s string) string { return addQuery(s, "X-Amz-Expires=604800") }), mismatch,
		messageMismatch)
	append("a life under another spelling",
		present(func(s string) string { return addQuery(drop("X-Amz-Expires")(s), "x-amz-expires=300") }), mismatch,
		messageMismatch) // CVE-2022-2385
	append("another key", present(func(s string) string { return strings.Replace(s, w.alice.id, w.mallory.id, 1) }),
		mismatch, messageMismatch)
	append("the signature in capitals", present(func(s string) string {
		before, signature, _ := strings.Cut(s, "X-Amz-Signature=")
		return before + "X-Amz-Signature=" + strings.ToUpper(signature)
	}), mismatch, messageMismatch)
	append("a second signature in lower case",
		present(func(s string) string { return addQuery(s, "x-amz-signature="+strings.Repeat("0", 64)) }), mismatch,
		messageMismatch)
	append("parts in headers", func(w *world, p plane) request {
		r := p.request.presigned(w.good(p))
		_, query, _ := strings.Cut(r.target, "X-Amz-Algorithm")
		r.target = p.request.target
		for pair := range strings.SplitSeq("X-Amz-Algorithm"+query, "&") {
			r = r.with(strings.Replace(pair, "=", ": ", 1))
		}
		return r
	}, notSigned, "")
	append("a signed header that is not sent", func(w *world, p plane) request {
		s := w.good(p)
		s.names = []string{"x-role"}
		return p.request.with("X-Role: reader").presigned(s).without("X-Role")
	}, mismatch, messageMismatch)
	append("sent to another host", func(w *world, p plane) request { // Vault CVE-2020-16250
		s := w.good(p)
		s.values = map[string]string{"host": "sts.amazonaws.com"}
		return p.request.presigned(s)
	}, mismatch, messageMismatch)
	append("sent with the header form's date", func(w *world, p plane) request {
		s := w.good(p)
		s.at = s.at.Add(-time.Hour)
		return p.request.presigned(s).with("X-Amz-Date: " + w.good(p).stamp())
	}, mismatch, "Signature expired: …")
	w.try(t, attacks)
}
