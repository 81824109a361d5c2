//go:build unix

package attack_test

import (
	"strings"
	"testing"
)

// Payloads that are declared not to be signed, or signed in another way than as a whole.
func TestPayload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// MinIO CVE-2025-31489, CVE-2026-41145, CVE-2026-40344, CVE-2021-21390; SeaweedFS#7912, #2180; chimera#1056.
	markers := []string{
		"UNSIGNED-PAYLOAD", "unsigned-payload", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
		"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
		"STREAMING-AWS4-HMAC-SHA256-EVENTS",
	}
	var attacks []attack
	add := func(name string, forge func(*world, plane) request) {
		attacks = append(attacks, attack{name, forge, mismatch, messageMismatch})
	}
	for _, marker := range markers {
		add(marker+", signed so", func(w *world, p plane) request {
			s := w.good(p)
			s.names, s.payload = []string{"x-amz-content-sha256"}, marker
			return p.request.with("X-Amz-Content-Sha256: " + marker).signed(s)
		})
		add(marker+", signed so, without the header", func(w *world, p plane) request {
			s := w.good(p)
			s.payload = marker
			return p.request.signed(s)
		})
		add(marker+", presigned so", func(w *world, p plane) request {
			s := w.good(p)
			s.payload = marker
			return p.request.presigned(s)
		})
		add(marker+", presigned so, with the header", func(w *world, p plane) request {
			s := w.good(p)
			s.payload, s.names = marker, []string{"x-amz-content-sha256"}
			return p.request.with("X-Amz-Content-Sha256: " + marker).presigned(s)
		})
		add(marker+", presigned so, with the parameter", func(w *world, p plane) request {
			s := w.good(p)
			s.payload = marker
			r := p.request
			r.target = addQuery(r.target, "X-Amz-Content-Sha256="+marker)
			return r.presigned(s)
		})
		add(marker+" beside a good signature", func(w *world, p plane) request {
			return p.request.signed(w.good(p)).with("X-Amz-Content-Sha256: " + marker)
		})
		add(marker+" with chunks that have signatures", func(w *world, p plane) request {
			s := w.good(p)
			s.names, s.payload = []string{"content-encoding", "x-amz-content-sha256", "x-amz-decoded-content-length"}, marker
			r := p.request.with("X-Amz-Content-Sha256: "+marker, "Content-Encoding: aws-chunked",
				"X-Amz-Decoded-Content-Length: 5").signed(s)
			r.body = "5;chunk-signature=" + strings.Repeat("0", 64) + "\r\nhello\r\n0;chunk-signature=" + strings.Repeat("0",
				64) + "\r\n\r\n"
			return r
		})
		add(marker+" and no signature but a credential", func(w *world, p plane) request {
			r := p.request.signed(w.good(p)).with("X-Amz-Content-Sha256: " + marker)
			return r.edit("Authorization", func(v string) string { return v[:strings.Index(v, "Signature=")] + "Signature=" })
		})
	}
	header := func(value string) func(*world, plane) request {
		return func(w *world, p plane) request {
			return p.request.signed(w.good(p)).with("X-Amz-Content-Sha256: " + value)
		}
	}
	add("the hash of another body, signed", func(w *world, p plane) request { // extenddb#351, trino aws-proxy#70
		s := w.good(p)
		s.payload, s.names = hash("another"), []string{"x-amz-content-sha256"}
		return p.request.with("X-Amz-Content-Sha256: " + s.payload).signed(s)
	})
	add("the hash of no body, signed", func(w *world, p plane) request {
		s := w.good(p)
		s.payload, s.names = hash(""), []string{"x-amz-content-sha256"}
		return p.request.with("X-Amz-Content-Sha256: " + s.payload).signed(s)
	})
	add("the hash of another body, not signed", header(hash("another")))
	add("garbage for a hash", header("garbage"))
	add("an empty hash", header(""))
	add("the hash in capitals", func(w *world, p plane) request {
		return p.request.signed(w.good(p)).with("X-Amz-Content-Sha256: " + strings.ToUpper(hash(p.request.body)))
	})
	add("the hash twice", func(w *world, p plane) request {
		line := "X-Amz-Content-Sha256: " + hash(p.request.body)
		return p.request.signed(w.good(p)).with(line, line)
	})
	add("the body as it was before its encoding", func(w *world, p plane) request {
		s := w.good(p)
		s.payload = hash("hello")
		return p.request.with("Content-Encoding: gzip").signed(s)
	})
	add("chunks hashed with their framing", func(w *world, p plane) request {
		s := w.good(p)
		framed := chunked(p.request.body, "")
		s.payload = hash(framed)
		r := p.request.signed(s).with("Transfer-Encoding: chunked")
		r.framed, r.body = true, framed
		return r
	})
	add("presigned without a body, sent with one", func(w *world, p plane) request { // s3s#622
		r := p.request
		r.body = ""
		r = r.presigned(w.good(p))
		r.body = p.request.body
		return r
	})
	w.try(t, attacks)

	t.Run("the right hash is no fault", func(t *testing.T) {
		for _, p := range w.readers() {
			s, line := w.good(p), "X-Amz-Content-Sha256: "+hash(p.request.body)
			p.accepts(t, w, w.send(t, p.request.signed(s).with(line)))
			p.accepts(t, w, w.send(t, p.request.presigned(s).with(line)))
			s.names = []string{"x-amz-content-sha256"}
			p.accepts(t, w, w.send(t, p.request.with(line).signed(s)))
			p.accepts(t, w, w.send(t, p.request.with("Content-Encoding: gzip").signed(w.good(p)))) // which nobody undoes
		}
		r := w.url(w.iamURL, "POST", "/", "hello")
		c := w.alice.signs(r).with("Transfer-Encoding: chunked")
		c.framed, c.body = true, chunked("hello", "")
		if seen := w.ran(t, w.send(t, c)); seen.Body != "aGVsbG8=" || seen.Headers["content-length"] != "5" {
			t.Errorf("the function saw %+v", seen)
		}
	})
}
