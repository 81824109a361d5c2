//go:build unix

package attack_test

import (
	"strings"
	"testing"
	"time"
)

// The Authorization header in all the forms that are not the one.
func TestAuthorizationHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	header := func(change func(string) string) func(*world, plane) request {
		return func(w *world, p plane) request { return p.request.signed(w.good(p)).edit("Authorization", change) }
	}
	replace := func(old, with string) func(*world, plane) request {
		return header(func(v string) string { return strings.Replace(v, old, with, 1) })
	}
	signature := func(change func(string) string) func(*world, plane) request {
		return header(func(v string) string {
			before, s, _ := strings.Cut(v, "Signature=")
			return before + "Signature=" + change(s)
		})
	}
	algorithm := func(name string) attack {
		return attack{"algorithm " + name, replace("AWS4-HMAC-SHA256", name), incomplete,
			"Unsupported AWS 'algorithm': '" + name + "'."}
	}
	w.try(t, []attack{
		{"none", func(_ *world, p plane) request { return p.request }, notSigned, ""},
		{"under another name", func(w *world, p plane) request {
			r := p.request.signed(w.good(p))
			return r.with("X-Authorization: "+r.value("Authorization"), "Proxy-Authorization: "+
				r.value("Authorization")).without("Authorization")
		}, notSigned, ""},
		{"as a trailer", func(w *world, p plane) request {
			r := p.request.signed(w.good(p))
			trailer := "Authorization: " + r.value("Authorization") + "\r\n"
			r = r.without("Authorization").with("Transfer-Encoding: chunked", "Trailer: Authorization")
			r.framed, r.body = true, chunked(r.body, trailer)
			return r
		}, notSigned, ""},
		{"as a cookie", func(w *world, p plane) request {
			r := p.request.signed(w.good(p))
			return r.without("Authorization").with("Cookie: Authorization=" +
				strings.ReplaceAll(r.value("Authorization"), " ", ""))
		}, notSigned, ""},
		algorithm("AWS4-HMAC-SHA512"), algorithm("AWS4-HMAC-SHA1"), algorithm("aws4-hmac-sha256"), // rustfs#7796
		algorithm("AWS4-ECDSA-P256-SHA256"), algorithm("AWS4-X509-RSA-SHA256"), algorithm("AWS4-HMAC-SHA256-PAYLOAD"),
		algorithm("AWS"), algorithm("Bearer"), algorithm("none"),
		{"Basic", header(func(string) string { return "Basic cm9vdDpyb290" }), incomplete,
			"Unsupported AWS 'algorithm': 'Basic'."},
		{"the access key alone", func(w *world, p plane) request { // MinIO CVE-2020-11012
			return p.request.with("X-Amz-Date: "+w.good(p).stamp(), "Authorization: AWS4-HMAC-SHA256 Credential="+w.alice.id)
		}, incomplete,
			lacking("Signature", "SignedHeaders")},
		{"AWS signature version 2", header(func(string) string { return "AWS " + w.alice.id + ":c2lnbmF0dXJl" }), incomplete,
			"Unsupported AWS 'algorithm': 'AWS'."},
		{"empty", header(func(string) string { return "" }), incomplete, "Unsupported AWS 'algorithm': ''."},
		{"a tab behind the algorithm", replace("SHA256 ", "SHA256\t"), incomplete, "Unsupported AWS 'algorithm': '…"},
		{"nothing but the algorithm", header(func(string) string { return "AWS4-HMAC-SHA256" }), incomplete,
			lacking("Credential", "Signature", "SignedHeaders")},
		{"no signature", header(func(v string) string { before, _, _ := strings.Cut(v, ", Signature="); return before }),
			incomplete,
			lacking("Signature")},
		{"the signature's name in lower case", replace("Signature=", "signature="), incomplete,
			lacking("Signature")},
		{"semicolons for commas", header(func(v string) string { return strings.ReplaceAll(v, ", ", "; ") }), incomplete,
			lacking("Signature", "SignedHeaders")},
		{"a part without a value", replace(", Signature", ", Extra, Signature"), incomplete,
			"'Extra' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 …"},
		{"no date", func(w *world, p plane) request { return p.request.signed(w.good(p)).without("X-Amz-Date") }, incomplete,
			"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " +
				"Authorization=AWS4-HMAC-SHA256"},
		{"a slash more in the credential", replace("/aws4_request", "/aws4_request/"), incomplete,
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '…"},
		{"a slash in the key", replace(w.alice.id, w.alice.id[:8]+"/"+w.alice.id[8:]), incomplete,
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '…"},
	})

	same := func(name string, forge func(*world, plane) request) attack {
		return attack{name, forge, mismatch, messageMismatch}
	}
	w.try(t, []attack{
		same("a part that nobody knows", replace(", Signature", ", Extra=1, Signature")),
		same("two signatures, the good one first",
			signature(func(s string) string { return s + ", Signature=" + strings.Repeat("0", 64) })),
		same("two signatures, the good one last",
			signature(func(s string) string { return strings.Repeat("0", 64) + ", Signature=" + s })),
		same("two credentials", replace("Credential=", "Credential="+w.mallory.id+"/20000101/x/y/aws4_request, Credential=")),
		same("two lists of signed headers", replace("SignedHeaders=", "SignedHeaders=host, SignedHeaders=")),
		same("two headers, the good one first", func(w *world, p plane) request {
			return p.request.signed(w.good(p)).with("Authorization: AWS4-HMAC-SHA256 Credential=" + w.mallory.id)
		}),
		same("two headers, the good one last", func(w *world, p plane) request {
			return p.request.signed(w.good(p)).before("Authorization: AWS4-HMAC-SHA256 Credential=" + w.mallory.id)
		}),
		same("two headers, the same", func(w *world, p plane) request {
			r := p.request.signed(w.good(p))
			return r.with("authorization: " + r.value("Authorization"))
		}),
		same("signature in upper case", signature(strings.ToUpper)), // minio#5334, chimera#497
		same("signature empty", signature(func(string) string { return "" })),
		same("signature of one character", signature(func(s string) string { return s[:1] })),
		same("all of the signature but the last character", signature(func(s string) string { return s[:63] })),
		same("a character behind the signature", signature(func(s string) string { return s + "0" })),
		same("the signature twice", signature(func(s string) string { return s + s })),
		same("the last bit of the signature", signature(func(s string) string {
			return s[:63] + string("123456789abcdef0"[strings.IndexByte("0123456789abcdef", s[63])])
		})),
		same("zeros", signature(func(s string) string { return strings.Repeat("0", len(s)) })),
		same("the signature quoted", signature(func(s string) string { return `"` + s + `"` })),
		same("the signature escaped", signature(func(s string) string { return "%" + "61" + s[1:] })),
		same("a mock signature", signature(func(string) string { return "mock-signature" })), // SeaweedFS#8878
		same("the signature of a streaming seed",
			signature(func(string) string { return "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" })),
		same("SignedHeaders with a name twice", replace("SignedHeaders=host;", "SignedHeaders=host;host;")),
		same("SignedHeaders with an empty name", replace("SignedHeaders=host;", "SignedHeaders=host;;")),
		same("SignedHeaders with a capital", replace(";x-amz-date", ";X-Amz-Date")),
		same("SignedHeaders with a space", replace(";x-amz-date", "; x-amz-date")),
		same("SignedHeaders with one more", replace(";x-amz-date", ";x-amz-date;x-role")),
		same("SignedHeaders with one less", replace(";x-amz-date", "")),
		same("signed with the key id for a secret", func(w *world, p plane) request { // floci#2680
			s := w.good(p)
			s.key.secret = s.key.id
			return p.request.signed(s)
		}),
		same("signed with an empty secret", func(w *world, p plane) request {
			s := w.good(p)
			s.key.secret = ""
			return p.request.signed(s)
		}),
		same("signed with another user's secret", func(w *world, p plane) request {
			s := w.good(p)
			s.key.secret = w.mallory.secret
			return p.request.signed(s)
		}),
		same("signed by one, sent as another", replace(w.alice.id, w.mallory.id)),
		same("signed with the root key's secret", func(w *world, p plane) request {
			s := w.good(p)
			s.key.secret = w.rootA.secret
			return p.request.signed(s)
		}),
		same("signed for another host", func(w *world, p plane) request { // s3-orchestrator#65
			s := w.good(p)
			s.values = map[string]string{"host": "lambda.eu-central-1.amazonaws.com"}
			return p.request.signed(s)
		}),
		same("signed for the host without its port", func(w *world, p plane) request {
			s := w.good(p)
			s.values = map[string]string{"host": strings.TrimSuffix(p.request.host, ":"+w.port())}
			return p.request.signed(s)
		}),
		same("the host it was signed for as X-Forwarded-Host", func(w *world, p plane) request { // SeaweedFS#7330
			s := w.good(p)
			s.values = map[string]string{"host": "lambda.eu-central-1.amazonaws.com"}
			return p.request.signed(s).with("X-Forwarded-Host: lambda.eu-central-1.amazonaws.com",
				"Forwarded: host=lambda.eu-central-1.amazonaws.com", "X-Original-Host: lambda.eu-central-1.amazonaws.com")
		}),
		same("the path it was signed for as X-Forwarded-Prefix", func(w *world, p plane) request {
			s := w.good(p)
			path, _, _ := strings.Cut(p.request.target, "?")
			s.path = "/prefix" + path
			return p.request.signed(s).with("X-Forwarded-Prefix: /prefix", "X-Original-URL: /prefix"+p.request.target,
				"X-Rewrite-URL: /prefix"+p.request.target)
		}),
		same("the method it was signed for as X-HTTP-Method-Override", func(w *world, p plane) request {
			s := w.good(p)
			s.method = "GET"
			return p.request.signed(s).with("X-HTTP-Method-Override: GET", "X-HTTP-Method: GET", "X-Method-Override: GET")
		}),
		same(":authority over HTTP/1.1", func(w *world, p plane) request {
			return p.request.signed(w.good(p)).auth("SignedHeaders=host;", "SignedHeaders=:authority;")
		}),
	})

	t.Run("the host is not signed", func(t *testing.T) { // predastore#19, vinyldns#1525
		w.try(t, []attack{
			{"header", func(w *world, p plane) request { s := w.good(p); s.noHost = true; return p.request.signed(s) },
				incomplete, messageHost},
			{"presigned", func(w *world, p plane) request {
				s := w.good(p)
				s.noHost, s.names = true, []string{"content-type"}
				return p.request.presigned(s)
			}, incomplete, messageHost},
			{"empty list", replace("SignedHeaders=host;x-amz-date", "SignedHeaders="), incomplete, messageHost},
			{"the host in capitals", replace("SignedHeaders=host", "SignedHeaders=Host"), incomplete, messageHost},
		})
	})
}

// The Authorization header in the forms that AWS takes.
func TestAuthorizationForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	replace := func(old, with string) func(string) string {
		return func(value string) string { return strings.ReplaceAll(value, old, with) }
	}
	for _, p := range w.readers() {
		for name, change := range map[string]func(string) string{
			"no spaces":        replace(", ", ","),
			"many spaces":      replace(", ", "  ,   "),
			"tabs":             replace(", ", ",\t"),
			"a space more":     replace("SHA256 ", "SHA256  "),
			"another order":    func(v string) string { return reorder(v, 2, 1, 0) },
			"yet another":      func(v string) string { return reorder(v, 1, 0, 2) },
			"unsorted headers": replace("host;x-amz-date", "x-amz-date;host"), // which AWS sorts
		} {
			t.Run(p.name+"/"+name, func(t *testing.T) {
				p.accepts(t, w, w.send(t, p.request.signed(w.good(p)).edit("Authorization", change)))
			})
		}
		s := w.good(p)
		s.noOrder = true
		p.refuses(t, w.send(t, p.request.signed(s)), mismatch, messageMismatch)
	}
}

// reorder puts the three parts of an Authorization header in another order.
func reorder(value string, order ...int) string {
	algorithm, rest, _ := strings.Cut(value, " ")
	parts := strings.Split(rest, ", ")
	for i, from := range order {
		algorithm += []string{" ", ", ", ", "}[i] + parts[from]
	}
	return algorithm
}

// Of several faults, the refusal names the one that AWS looks for first.
func TestOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	type fault struct {
		name    string
		sign    func(*signing)
		send    func(request) request
		kind    kind
		message string
	}
	auth := func(old, with string) func(request) request {
		return func(r request) request { return r.auth(old, with) }
	}
	// Each request has the faults from one on to the end.
	faults := []fault{
		{"query", nil, func(r request) request { r.target = addQuery(r.target, "x=%zz"); return r }, malformed,
			"Illegal hex character in escape % pattern: %zz"},
		{"both forms", nil, func(r request) request {
			r.target = addQuery(r.target, "X-Amz-Algorithm=AWS4-HMAC-SHA256")
			return r
		}, mismatch, ""},
		{"algorithm", nil, auth("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5"), incomplete,
			"Unsupported AWS 'algorithm': 'AWS4-HMAC-MD5'."},
		{"no signature", nil, auth(", Signature=", ", Other="), incomplete,
			lacking("Signature")},
		{"host", nil, auth("SignedHeaders=host;", "SignedHeaders="), incomplete, messageHost},
		{"date", nil, func(r request) request {
			return r.edit("X-Amz-Date", func(string) string { return "now" })
		}, incomplete, "Date must be in ISO-8601 'basic format'. Got 'now'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{"expired", func(s *signing) { s.at = s.at.Add(-time.Hour) }, nil, mismatch, "Signature expired: …"},
		{"credential", nil, auth("/aws4_request", "/aws4_request/x"), incomplete,
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '…"},
		{"scope", func(s *signing) { s.scope = "20200101/" + s.region + "/" + s.service + "/aws4_request" }, nil, mismatch,
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20200101' != '…"},
		{"token", func(s *signing) { s.key.token = "token" }, nil, invalidToken, messageToken},
		{"signature", nil, auth("Signature=", "Signature=0"), mismatch, messageMismatch},
	}
	var attacks []attack
	for i, first := range faults {
		attacks = append(attacks, attack{first.name, func(w *world, p plane) request {
			s := w.good(p)
			for _, f := range faults[i:] {
				if f.sign != nil {
					f.sign(&s)
				}
			}
			r := p.request.signed(s)
			for _, f := range faults[i:] {
				if f.send != nil {
					r = f.send(r)
				}
			}
			return r
		}, first.kind, first.message})
	}
	w.try(t, attacks)
}

// Two forms of authentication in one request, whichever is the good one.
func TestBothForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// AWS calls that a mismatch and gives no text.
	var attacks []attack
	add := func(name string, forge func(*world, plane) request) {
		attacks = append(attacks, attack{name, forge, mismatch, ""})
	}
	add("both good", func(w *world, p plane) request { return p.request.presigned(w.good(p)).signed(w.good(p)) })
	add("presigned by one, sent by another", func(w *world, p plane) request {
		mallory := w.good(p)
		mallory.key = w.mallory.key
		return p.request.presigned(w.good(p)).signed(mallory)
	})
	add("presigned, and an empty header",
		func(w *world, p plane) request { return p.request.presigned(w.good(p)).with("Authorization:") })
	add("signed, and the algorithm in the query", func(w *world, p plane) request {
		r := p.request.signed(w.good(p))
		r.target = addQuery(r.target, "X-Amz-Algorithm=AWS4-HMAC-SHA256")
		return r
	})
	add("signed, and the algorithm in the query under an escaped name", func(w *world, p plane) request {
		r := p.request.signed(w.good(p))
		r.target = addQuery(r.target, "X-Amz-%41lgorithm=AWS4-HMAC-SHA256")
		return r
	})
	w.try(t, attacks)
}

// lacking is what AWS says of a header without the parts.
func lacking(parts ...string) string {
	text := ""
	for _, part := range parts {
		text += "Authorization header requires '" + part + "' parameter. "
	}
	return text + "Authorization=AWS4-HMAC-SHA256"
}
