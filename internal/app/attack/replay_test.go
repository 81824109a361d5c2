package attack_test

import (
	"fmt"
	"strings"
	"testing"
)

// Requests that a caller made for one part of the server, sent to another.
func TestReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.alice.signing("lambda")
	paths := func(id string) string { return "/_furl/url/" + id }

	t.Run("to another function URL of the same server", func(t *testing.T) {
		// In path style all URLs share a host: it is the signed path that tells them apart.
		open := w.createURLFor(t, "second")
		for _, sent := range []string{
			paths(w.iamURL) + "/../" + open + "/x", paths(w.iamURL) + "/./../" + open + "/x", paths(w.iamURL) + "/a/../../" + open + "/x",
			paths(w.iamURL) + "//../" + open + "/x", paths(w.iamURL) + "/../../url/" + open + "/x",
		} {
			r := w.api("GET", paths(open)+"/x", "").signed(good)
			r.target = sent
			if a := w.send(t, r); a.status != 400 || a.body != `{"message":"Bad Request"}` {
				t.Errorf("%s: %v", sent, a)
			}
		}
		for _, sent := range []string{paths(w.iamURL) + "/x", paths(open) + "/y", "//_furl/url/" + w.iamURL + "/x"} {
			r := w.api("GET", paths(open)+"/x", "").signed(good)
			r.target = sent
			if a := w.send(t, r); a.status != 403 {
				t.Errorf("%s: %v", sent, a)
			}
		}
	})

	t.Run("from the Lambda API to a function URL", func(t *testing.T) {
		r := w.api("POST", "/2015-03-31/functions/target/invocations", "{}").signed(good)
		r.target = paths(w.iamURL) + "/../../.." + r.target
		if a := w.send(t, r); a.status != 400 {
			t.Errorf("%v", a)
		}
	})

	t.Run("from a function URL to the Lambda API", func(t *testing.T) {
		for _, sent := range []string{
			"//_furl/url/" + w.iamURL + "/x", "/./_furl/url/" + w.iamURL + "/x", "/a/../_furl/url/" + w.iamURL + "/x", "/%5Ffurl/url/" + w.iamURL + "/x",
			"/_furl%2Furl/" + w.iamURL + "/x", "/_FURL/url/" + w.iamURL + "/x", "/_furl/./url/" + w.iamURL + "/x", "/_furl//url/" + w.iamURL + "/x",
			"/_furl/URL/" + w.iamURL + "/x", "/_furl/url%2F" + w.iamURL + "/x", "/_furl/url;/" + w.iamURL + "/x", "/_furl/url\\" + w.iamURL + "/x",
			"/_furl/url//" + w.iamURL + "/x", "/_furl/url/./" + w.iamURL + "/x", "/_furl/url/" + strings.ToUpper(w.iamURL) + "/x", "/_furl/url/" + w.iamURL + "%2Fx",
			"/_furl/url/" + w.iamURL + "%00/x", "/_furl/url/%" + fmt.Sprintf("%02x", w.iamURL[0]) + w.iamURL[1:] + "/x", "/_furl/url/" + w.iamURL[:31] + "/x", "/_furl/url/" + w.iamURL + "a/x",
			"/_furl/url/", "/_furl/url", "/_furl/url//", "/_furl/url/..", "/_furl/url/" + strings.Repeat("a", 2000),
		} {
			r := w.api("POST", "/_furl/url/"+w.iamURL+"/x", "").signed(good)
			r.target = sent
			if a := w.send(t, r); a.status != 403 && a.status != 404 && a.status != 405 && a.status != 400 {
				t.Errorf("%s: %v", sent, a)
			}
			r = w.api("POST", sent, "").signed(good) // signed for just this
			if a := w.send(t, r); a.status != 403 && a.status != 404 && a.status != 405 && a.status != 400 {
				t.Errorf("%s, signed for itself: %v", sent, a)
			}
		}
	})

	t.Run("through another host name", func(t *testing.T) {
		r := w.url(w.iamURL, "GET", "/", "").signed(good)
		host := r.host
		for _, sent := range []string{
			strings.ToUpper(host), strings.Replace(host, "localhost", "on.aws", 1), strings.TrimSuffix(host, ":"+w.port()), host + "0",
			strings.Replace(host, region, "us-east-1", 1), strings.Replace(host, w.iamURL, w.otherURL, 1), "x." + host, strings.Replace(host, "localhost", "localhost.", 1),
			strings.Replace(host, "localhost", "localhost.evil.example", 1), strings.Replace(host, ".lambda-url.", ".lambda-url..", 1), w.iamURL,
		} {
			r.host = sent
			if a := w.send(t, r); a.status != 403 {
				t.Errorf("%s: %v", sent, a)
			}
		}
	})

	t.Run("by somebody else", func(t *testing.T) {
		presigned := w.url(w.iamURL, "GET", "/", "").presigned(good)
		for _, r := range []request{presigned.signed(w.mallory.signing("lambda")), presigned.with("Authorization: AWS4-HMAC-SHA256 Credential=" + w.mallory.id)} {
			if a := w.send(t, r); a.status != 403 {
				t.Errorf("%v", a)
			}
		}
		presigned.target = strings.Replace(presigned.target, w.alice.id, w.rootA.id, 1)
		w.planes()[0].refuses(t, w.send(t, presigned), mismatch, messageMismatch)
	})
}
