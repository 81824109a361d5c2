//go:build unix

package attack_test

import (
	"testing"
)

// A URL with a CORS configuration answers preflight requests itself, which browsers do not sign. No other request is
// let in for looking like one, and no preflight request reaches the function.
func TestCORS(t *testing.T) { // ceph#55458, Ceph RGW
	t.Parallel()
	w := newWorld(t)
	w.rootA.createFunction(t, "shared")
	a := w.rootA.lambda(t, "POST", "/2021-10-31/functions/shared/url", `{"AuthType":"AWS_IAM","Cors":{
		"AllowOrigins":["https://good.example"],"AllowMethods":["*"],"AllowHeaders":["*"],"AllowCredentials":true}}`)
	id := functionURL(t, a)
	const origin, evil, method = "Origin: https://good.example", "Origin: https://evil.example",
		"Access-Control-Request-Method: POST"
	url := w.planes()[0]

	t.Run("preflight", func(t *testing.T) {
		for _, test := range []struct {
			lines   []string
			allowed string
		}{
			{[]string{origin, method}, "https://good.example"}, {[]string{evil, method}, ""},
		} {
			r := w.url(id, "OPTIONS", "/orders", "").with(test.lines...)
			for name, p := range map[string]person{"unsigned": w.unsigned, "alice": w.alice, "mallory": w.mallory} {
				a := p.send(t, r)
				allowed := a.header.Get("Access-Control-Allow-Origin")
				if a.status != 200 || a.body != "" || allowed != test.allowed {
					t.Errorf("%s, %q: %v", name, test.lines, a)
				}
			}
		}
	})
	for _, test := range []struct {
		name   string
		method string
		lines  []string
		body   string
	}{
		{"OPTIONS", "OPTIONS", nil, ""},
		{"OPTIONS with an origin", "OPTIONS", []string{origin}, ""},
		{"OPTIONS without an origin", "OPTIONS", []string{method}, ""},
		{"OPTIONS with an empty method", "OPTIONS", []string{origin, "Access-Control-Request-Method:"}, ""},
		{"OPTIONS with headers that are asked for", "OPTIONS",
			[]string{origin, "Access-Control-Request-Headers: authorization"}, ""},
		{"OPTIONS with the method under another name", "OPTIONS", []string{origin, "Access_Control_Request_Method: POST"},
			""},
		{"options in lower case", "options", []string{origin, method}, ""},
		{"POST that claims to be a preflight", "POST", []string{origin, method}, `{"order":1}`},
		{"GET that claims to be a preflight", "GET", []string{origin, method}, ""},
		{"HEAD that claims to be a preflight", "HEAD", []string{origin, method}, ""},
		{"POST with another method", "POST", []string{origin, method, "X-HTTP-Method-Override: OPTIONS"}, `{"order":1}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := w.url(id, test.method, "/orders", test.body).with(test.lines...)
			forged := w.alice.signing("lambda")
			forged.key.secret = "wrong"
			unsignedAnswer, forgedAnswer := w.send(t, r), w.send(t, r.signed(forged))
			if test.method == "HEAD" {
				if unsignedAnswer.status != 403 || forgedAnswer.status != 403 {
					t.Errorf("unsigned: %v, forged: %v", unsignedAnswer, forgedAnswer)
				}
				return
			}
			url.refuses(t, unsignedAnswer, notSigned, "")
			url.refuses(t, forgedAnswer, mismatch, messageMismatch)
			forbidden(t, "mallory", w.mallory.send(t, r))
			if seen := w.ran(t, w.alice.send(t, r)); seen.RequestContext.HTTP.Method != test.method {
				t.Errorf("the function saw %+v", seen)
			}
		})
	}
}
