package attack_test

import (
	"fmt"
	"testing"
)

// How long a body is and how it is framed are no headers to net/http; who signs them is taken at their word all the same.
func TestFraming(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, p := range w.readers() {
		body := p.request.body
		length := fmt.Sprint(len(body))
		for _, test := range []struct {
			name   string
			header string
			value  string // that was signed
			lines  []string
			body   string
			good   bool
		}{
			{"length", "content-length", length, []string{"Content-Length: " + length}, body, true},
			{"another length", "content-length", length + "0", []string{"Content-Length: " + length}, body, false},
			{"a length with a zero before it", "content-length", length, []string{"Content-Length: 0" + length}, body, false},
			{"a length, and then chunks", "content-length", length, []string{"Transfer-Encoding: chunked"}, chunked(body, ""), false},
			{"a length beside chunks", "content-length", length, []string{"Content-Length: " + length, "Transfer-Encoding: chunked"}, chunked(body, ""), false},
			{"chunks", "transfer-encoding", "chunked", []string{"Transfer-Encoding: chunked"}, chunked(body, ""), true},
			{"chunks in capitals", "transfer-encoding", "chunked", []string{"Transfer-Encoding: CHUNKED"}, chunked(body, ""), true},
			{"other chunks", "transfer-encoding", "gzip", []string{"Transfer-Encoding: chunked"}, chunked(body, ""), false},
			{"chunks, and then none", "transfer-encoding", "chunked", []string{"Content-Length: " + length}, body, false},
			{"names of trailers", "trailer", "X-A", []string{"Transfer-Encoding: chunked", "Trailer: X-A"}, chunked(body, "X-A: b\r\n"), false},
			{"an encoding of the content", "content-encoding", "identity", []string{"Content-Encoding: identity", "Content-Length: " + length}, body, true},
		} {
			t.Run(p.name+"/"+test.name, func(t *testing.T) {
				s := w.good(p)
				s.names, s.values = []string{test.header}, map[string]string{test.header: test.value}
				r := p.request.signed(s).with(test.lines...)
				r.framed, r.body = true, test.body
				if a := w.send(t, r); test.good {
					p.accepts(t, w, a)
				} else {
					p.refuses(t, a, mismatch, messageMismatch)
				}
			})
		}
	}
}

// chunk is a chunk of a body; none for no text, which would end the body.
func chunk(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf("%x\r\n%s\r\n", len(text), text)
}

// chunked is a body in two chunks, with trailers.
func chunked(body, trailers string) string {
	half := len(body) / 2
	return chunk(body[:half]) + chunk(body[half:]) + "0\r\n" + trailers + "\r\n"
}
