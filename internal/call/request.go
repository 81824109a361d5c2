// Package call is what furl call and furl sign do: it builds a request from flags that have curl's names and meanings,
// sends it signed, and prints what comes back.
//
// The request target goes out byte for byte as typed. Bodies are read from their files while they are sent, and
// responses are written as they arrive. It keeps no cookies, sends no passwords, and speaks HTTP only.
package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/furl-dev/furl"
)

// Request is what is to be sent, as it was said.
type Request struct {
	URL        string   // absolute; its target goes out as it stands here
	Method     string   // -X; "" for the one that the body implies
	Headers    []string // -H: "Name: value", "Name:" for none, "Name;" for an empty one, "@file" for a file of them
	Data       []Data   // -d and its relatives, in order
	Form       []Field  // -F and --form-string, in order
	Upload     string   // -T: a file, or "-"
	Get        bool     // -G: Data go into the query
	Head       bool     // -I
	Compressed bool     // --compressed
	UserAgent  string
	Bare       bool      // no headers but those said
	Stdin      io.Reader // what "-" stands for as a file
}

// Prepared is a request that is ready to be signed.
type Prepared struct {
	HTTP *http.Request
	URL  furl.URL // as it will be sent, with what -G and -T added
	// Body is where the request's body comes from.
	Body Body
}

// Build makes the request. Files are opened when the request is sent, not here, but those of -G and of headers.
func (q Request) Build(ctx context.Context) (*Prepared, error) {
	method, body, err := q.methodAndBody()
	if err != nil {
		return nil, err
	}
	raw := q.URL
	if q.Get && len(q.Data) > 0 {
		if raw, err = q.withQuery(); err != nil {
			return nil, err
		}
	}
	if q.Upload != "" {
		raw = withFileName(raw, q.Upload)
	}
	u, err := furl.ParseURL(raw)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, raw, nil)
	if err != nil {
		return nil, err
	}
	if err := q.setHeaders(r, body); err != nil {
		return nil, err
	}
	if err := body.attach(r); err != nil {
		return nil, err
	}
	return &Prepared{HTTP: r, URL: u, Body: body}, nil
}

// methodAndBody chooses the method by what there is to send, unless it was said.
func (q Request) methodAndBody() (method string, body Body, err error) {
	sorts := 0
	method = http.MethodGet
	if len(q.Data) > 0 && !q.Get {
		sorts++
		method, body = http.MethodPost, dataBody(q.Data, q.Stdin, formEncoded)
	}
	if len(q.Form) > 0 {
		sorts++
		method = http.MethodPost
		if body, err = formBody(q.Form, q.Stdin); err != nil {
			return "", Body{}, err
		}
	}
	if q.Upload != "" {
		sorts++
		method, body = http.MethodPut, uploadBody(q.Upload, q.Stdin)
	}
	if q.Head {
		sorts++
		method = http.MethodHead
	}
	if sorts > 1 {
		return "", Body{}, errors.New("say one of --data, --form, --upload-file and --head: a request has one body")
	}
	if q.Method != "" {
		method = q.Method
	}
	return method, body, nil
}

// maxQuery bounds what -G adds to the query. Lambda takes 1 MB of request line and headers.
const maxQuery = 1 << 20

// withQuery is the URL with the data in its query.
func (q Request) withQuery() (string, error) {
	// Not with '+' for a space: verifiers do not agree on what it means in a query.
	reader, err := dataBody(q.Data, q.Stdin, percentEncoded).open()
	if err != nil {
		return "", err
	}
	defer reader.Close()
	query, err := io.ReadAll(io.LimitReader(reader, maxQuery+1))
	if err != nil {
		return "", err
	}
	if len(query) > maxQuery {
		return "", fmt.Errorf("the data for the query have more than %d bytes", maxQuery)
	}
	raw, fragment, hasFragment := strings.Cut(q.URL, "#")
	switch {
	case !strings.Contains(raw, "?"):
		raw += "?"
	case !strings.HasSuffix(raw, "?") && !strings.HasSuffix(raw, "&"):
		raw += "&"
	}
	raw += string(query)
	if hasFragment {
		raw += "#" + fragment
	}
	return raw, nil
}
