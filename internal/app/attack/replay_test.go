//go:build unix

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
	paths := func(id string) string { return "/_furl/url/" + id }

	t.Run("to another function URL of the same server", func(t *testing.T) {
		// In path style all URLs share a host: it is the signed path that tells them apart.
		w.rootA.createFunction(t, "second")
		second := w.rootA.createURL(t, "second", "AWS_IAM")
		signed := w.alice.signs(w.api("GET", paths(second)+"/x", ""))
		for _, sent := range []string{
			"/../" + second + "/x", "/./../" + second + "/x", "/a/../../" + second + "/x", "//../" + second + "/x",
			"/../../url/" + second + "/x",
		} {
			a := w.mallory.replay(t, signed.to(paths(w.iamURL)+sent))
			if a.status != 400 || a.body != `{"message":"Bad Request"}` {
				t.Errorf("%s: %v", sent, a)
			}
		}
		for _, sent := range []string{paths(w.iamURL) + "/x", paths(second) + "/y", "/" + paths(w.iamURL) + "/x"} {
			if a := w.mallory.replay(t, signed.to(sent)); a.status != 403 {
				t.Errorf("%s: %v", sent, a)
			}
		}
	})

	t.Run("from the Lambda API to a function URL", func(t *testing.T) {
		signed := w.alice.signs(w.api("POST", "/2015-03-31/functions/target/invocations", "{}"))
		if a := w.mallory.replay(t, signed.to(paths(w.iamURL)+"/../../.."+signed.target)); a.status != 400 {
			t.Errorf("%v", a)
		}
	})

	t.Run("from a function URL to the Lambda API", func(t *testing.T) {
		id := w.iamURL
		escaped := "%" + fmt.Sprintf("%02x", id[0]) + id[1:]
		long := strings.Repeat("a", 2000)
		for _, test := range []struct {
			sent             string
			replayed, signed int // the statuses of what was signed for the function URL, and for just this
		}{
			// What AWS's rules normalize to the signed path is no operation of the Lambda API.
			{"//_furl/url/" + id + "/x", 404, 404},
			{"/./_furl/url/" + id + "/x", 404, 404},
			{"/a/../_furl/url/" + id + "/x", 404, 404},
			{"/_FURL/url/" + id + "/x", 403, 404},
			// Pages are read.
			{"/%5Ffurl/url/" + id + "/x", 405, 405}, {"/_furl%2Furl/" + id + "/x", 405, 405},
			{"/_furl/./url/" + id + "/x", 405, 405}, {"/_furl//url/" + id + "/x", 405, 405},
			{"/_furl/URL/" + id + "/x", 405, 405}, {"/_furl/url%2F" + id + "/x", 405, 405},
			{"/_furl/url;/" + id + "/x", 405, 405}, {"/_furl/url\\" + id + "/x", 405, 405}, {"/_furl/url", 405, 405},
			// There is no such function URL.
			{"/_furl/url//" + id + "/x", 403, 403}, {"/_furl/url/./" + id + "/x", 403, 403},
			{"/_furl/url/" + strings.ToUpper(id) + "/x", 403, 403}, {"/_furl/url/" + id + "%2Fx", 403, 403},
			{"/_furl/url/" + id + "%00/x", 403, 403}, {"/_furl/url/" + escaped + "/x", 403, 403},
			{"/_furl/url/" + id[:31] + "/x", 403, 403}, {"/_furl/url/" + id + "a/x", 403, 403},
			{"/_furl/url/", 403, 403}, {"/_furl/url//", 403, 403}, {"/_furl/url/..", 403, 403},
			{"/_furl/url/" + long, 403, 403},
		} {
			signed := w.alice.signs(w.api("POST", "/_furl/url/"+id+"/x", ""))
			if a := w.mallory.replay(t, signed.to(test.sent)); a.status != test.replayed {
				t.Errorf("%s: %v, want %d", test.sent, a, test.replayed)
			}
			if a := w.alice.ask(t, "POST", test.sent, ""); a.status != test.signed {
				t.Errorf("%s, signed for itself: %v, want %d", test.sent, a, test.signed)
			}
		}
	})

	t.Run("through another host name", func(t *testing.T) {
		signed := w.alice.signs(w.url(w.iamURL, "GET", "/", ""))
		host := signed.host
		for _, sent := range []string{
			strings.ToUpper(host), strings.Replace(host, "localhost", "on.aws", 1),
			strings.TrimSuffix(host, ":"+w.port()), host + "0", "x." + host, w.iamURL,
			strings.Replace(host, region, "us-east-1", 1), strings.Replace(host, w.iamURL, w.otherURL, 1),
			strings.Replace(host, "localhost", "localhost.", 1),
			strings.Replace(host, "localhost", "localhost.evil.example", 1),
			strings.Replace(host, ".lambda-url.", ".lambda-url..", 1),
		} {
			signed.host = sent
			if a := w.mallory.replay(t, signed); a.status != 403 {
				t.Errorf("%s: %v", sent, a)
			}
		}
	})

	t.Run("by somebody else", func(t *testing.T) {
		presigned := w.alice.presigns(w.url(w.iamURL, "GET", "/", ""))
		for _, r := range []request{
			w.mallory.signs(presigned), presigned.with("Authorization: AWS4-HMAC-SHA256 Credential=" + w.mallory.id),
		} {
			if a := w.mallory.replay(t, r); a.status != 403 {
				t.Errorf("%v", a)
			}
		}
		presigned.target = strings.Replace(presigned.target, w.alice.id, w.rootA.id, 1)
		w.planes()[0].refuses(t, w.mallory.replay(t, presigned), mismatch, messageMismatch)
	})
}
