package controlplane

import (
	"bytes"
	"io"
	"mime"
	"net/http"
)

// maxUnsigned bounds the body of a request that nobody has signed: a web identity token and a session policy fit.
const maxUnsigned = 64 << 10

// claimed finds the API that a request without a signature is for. The body that it returns has been read from the
// request; what there is can be read again.
func (p *Plane) claimed(r *http.Request) (api API, body []byte, unsigned bool) {
	if isSigned(r) {
		return nil, nil, false
	}
	body, err := peekForm(r)
	if err != nil {
		return nil, nil, false
	}
	for _, candidate := range p.APIs {
		if mine, unsigned := candidate.Claims(r, body); mine {
			return candidate, body, unsigned
		}
	}
	return nil, nil, false
}

// isSigned reports whether the request tries to authenticate itself in any way.
func isSigned(r *http.Request) bool {
	return r.Header.Get("Authorization") != "" || r.URL.Query().Has("X-Amz-Algorithm")
}

// peekForm reads a form of at most maxUnsigned bytes and puts it back. Other bodies are left alone.
func peekForm(r *http.Request) ([]byte, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, nil
	}
	if r.ContentLength > maxUnsigned {
		return nil, io.ErrShortBuffer
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxUnsigned+1))
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	if err != nil || len(body) > maxUnsigned {
		return nil, io.ErrShortBuffer
	}
	return body, nil
}
