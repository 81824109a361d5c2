//go:build unix

package attack_test

import (
	"strings"
	"testing"
)

// The credential's scope is for another day, region, service or purpose.
func TestScope(t *testing.T) { // chimera#1187, minio#9421
	t.Parallel()
	w := newWorld(t)
	scope := func(change func(string) string) func(*world, plane) request {
		return func(w *world, p plane) request {
			s := w.good(p).fill()
			s.scope = change(s.scope)
			return p.request.signed(s)
		}
	}
	const anotherDay = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '…"
	w.try(t, []attack{
		{"another day", scope(func(s string) string { return "20200101" + s[8:] }), mismatch, anotherDay},
		{"no day", scope(func(s string) string { return s[8:] }), mismatch, anotherDay},
		{"the day with hyphens", scope(func(s string) string { return s[:4] + "-" + s[4:6] + "-" + s[6:] }), mismatch,
			anotherDay},
		{"another terminator", scope(func(s string) string { return strings.Replace(s, "aws4_request", "aws5_request", 1) }),
			mismatch, "Credential should be scoped …"},
		{"the terminator in capitals", scope(strings.ToUpper), mismatch, "Credential should be scoped …"},
	})

	// Signed for another scope than the one that is claimed, which is right.
	claimed := func(change func(string) string) func(*world, plane) request {
		return func(w *world, p plane) request {
			right := w.good(p).fill()
			other := right
			other.scope = change(right.scope)
			return p.request.signed(other).auth(other.scope, right.scope)
		}
	}
	part := func(i int, with string) func(string) string {
		return func(scope string) string {
			parts := strings.Split(scope, "/")
			parts[i] = with
			return strings.Join(parts, "/")
		}
	}
	w.try(t, []attack{
		{"signed for another day", claimed(part(0, "20200101")), mismatch, messageMismatch},
		{"signed for another region", claimed(part(1, "us-west-2")), mismatch, messageMismatch},
		{"signed for another service", claimed(part(2, "s3")), mismatch, messageMismatch},
		{"signed for another terminator", claimed(part(3, "aws5_request")), mismatch, messageMismatch},
		{"signed for no region", claimed(part(1, "")), mismatch, messageMismatch},
	})

	urlOf := func(service, region string) answer {
		s := w.alice.signing(service)
		s.region = region
		return w.send(t, w.url(w.iamURL, "GET", "/", "").signed(s))
	}
	url := w.planes()[0]
	url.refuses(t, urlOf("lambda", "us-east-1"), mismatch, "Credential should be scoped to a valid region. ")
	url.refuses(t, urlOf("s3", region), mismatch, "Credential should be scoped to correct service: 'lambda'. ")
	url.refuses(t, urlOf("iam", "us-east-1"), mismatch,
		"Credential should be scoped to a valid region. Credential should be scoped to correct service: 'lambda'. ")

	// What is signed for one API is not a request to another, whose name takes its place in the scope.
	for _, p := range w.planes()[2:] {
		for _, service := range []string{"lambda", "iam", "sts", "s3", "execute-api", ""} {
			if service == p.service {
				continue
			}
			forged := p.request.signed(w.good(p)).auth("/"+p.service+"/", "/"+service+"/")
			if a := w.send(t, forged); a.status != 403 {
				t.Errorf("%s, sent as %s: %v", p.name, service, a)
			}
			p.harm(t)
		}
		// An API takes the region from the scope, which is signed.
		p.refuses(t, w.send(t, p.request.signed(w.good(p)).auth("/"+w.good(p).region+"/", "/us-west-2/")), mismatch,
			messageMismatch)
	}
}
