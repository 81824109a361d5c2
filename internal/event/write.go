package event

import (
	"net/http"
	"slices"
	"strconv"
)

// remapped are the headers a function may not set: they belong to the front end, and the function's values reach
// the client under another name. www-authenticate and content-length (cargo-lambda#862) are known from real answers;
// the others are assumed after API Gateway, which does the same ("Amazon API Gateway important notes").
var remapped = [...]string{
	"Authorization", "Connection", "Content-Length", "Date", "Server", "Www-Authenticate", "X-Amzn-Requestid",
	"X-Amzn-Trace-Id",
}

// dropped are the headers that describe the transfer between two hosts, which the function has no part in. That
// they are left out is assumed.
var dropped = [...]string{"Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// WriteHeader sends status and headers through w, adding to headers that w already has. What is written to w
// afterwards is the body.
func (h *Head) WriteHeader(w http.ResponseWriter) {
	h.setHeaders(w.Header())
	w.WriteHeader(h.Status)
}

func (h *Head) setHeaders(header http.Header) {
	for name, values := range h.Header {
		if slices.Contains(dropped[:], name) {
			continue
		}
		if slices.Contains(remapped[:], name) {
			name = "X-Amzn-Remapped-" + name
		}
		header[name] = append(header[name], values...)
	}
	if len(h.Cookies) > 0 {
		header["Set-Cookie"] = append(header["Set-Cookie"], h.Cookies...)
	}
}

// Write sends the whole response through w as the answer to a request with this method: without a body for HEAD and
// for a status that has none, with a Content-Length wherever there is a body or would be one.
// The error is that of writing to the client.
func (r *Response) Write(w http.ResponseWriter, method string) error {
	bodiless := r.Status == http.StatusNoContent || r.Status == http.StatusNotModified
	if !bodiless {
		w.Header().Set("Content-Length", strconv.Itoa(len(r.Body)))
	}
	r.WriteHeader(w)
	if bodiless || method == http.MethodHead || len(r.Body) == 0 {
		return nil
	}
	_, err := w.Write(r.Body)
	return err
}
