// Package call implements furl call and furl sign: it builds a request from flags with curl's names and meanings, signs
// and sends it, and prints the response.
//
// It sends the request target byte for byte as typed. It reads bodies from their files while it sends them, and writes
// responses as they arrive. It supports no protocol other than HTTP, and sends credentials, cookies and passwords to no
// host but the one that the person named.
package call

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/furl-dev/furl"
)

// Request is the request that the flags of a command describe.
type Request struct {
	URL        string   // absolute; its target is sent unchanged
	Method     string   // -X; "" for the one that the body implies
	Headers    []string // -H: "Name: value", "Name:" for none, "Name;" for an empty one, "@file" for a file of headers
	Data       []Data   // -d and the flags like it, in order
	Form       []Field  // -F and --form-string, in order
	Upload     string   // -T: a file, or "-"
	Get        bool     // -G: Data goes into the query
	Head       bool     // -I
	Compressed bool     // --compressed
	UserAgent  string
	Referer    string    // -e; with ";auto" at its end, redirects send the URL that they come from
	Range      string    // -r
	URLQuery   []string  // --url-query, in order
	Cookies    []string  // -b NAME=VALUE, in order
	Jar        *Jar      // cookies of -b FILE and of responses; nil for none
	Login      string    // the header Authorization of -u and --oauth2-bearer
	Unsigned   bool      // the request goes out as it is
	Bare       bool      // send only what the flags name
	Stdin      io.Reader // the file "-"

	read []header // Headers, with those in files; nil before ReadHeaders
}

// ReadHeaders reads the headers of the flags. Build does it if nobody has.
func (q *Request) ReadHeaders() (err error) {
	if q.read == nil {
		q.read, err = q.readHeaders()
	}
	return err
}

// Has reports whether the flags have a header. ReadHeaders comes first.
func (q *Request) Has(name string) bool {
	return slices.ContainsFunc(q.read, func(h header) bool { return h.name == name })
}

// Take removes a header from the flags and returns its value, the last if there are several; "" for none. ReadHeaders
// comes first.
func (q *Request) Take(name string) (value string) {
	q.read = slices.DeleteFunc(q.read, func(h header) bool {
		if h.name == name {
			value = h.value
		}
		return h.name == name
	})
	return value
}

// Build makes the request. It opens only the files of -G and of headers; other files are opened when the request is
// sent.
func (q Request) Build(ctx context.Context) (*Prepared, error) {
	if err := q.ReadHeaders(); err != nil {
		return nil, err
	}
	headers := q.read
	if err := q.checkSigned(); err != nil {
		return nil, err
	}
	method, body, err := q.methodAndBody(headers)
	if err != nil {
		return nil, err
	}
	raw, err := q.withQuery()
	if err != nil {
		return nil, err
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
	q.setHeaders(r, headers, body)
	if err := body.attach(r); err != nil {
		return nil, err
	}
	p := &Prepared{HTTP: r, URL: u, Body: body, jar: q.Jar, ownCookies: r.Header["Cookie"]}
	if !q.Has("Cookie") {
		p.cookies = strings.Join(q.Cookies, ";")
	}
	_, p.autoReferer = strings.CutSuffix(q.Referer, autoReferer)
	p.setCookies(r, true)
	return p, nil
}

// checkSigned refuses the headers that the signature takes, unless the request goes out unsigned.
func (q Request) checkSigned() error {
	for _, h := range q.read {
		switch h.name {
		case "Authorization", "X-Amz-Date", "X-Amz-Security-Token":
			if !q.Unsigned {
				return fmt.Errorf("header %s is part of the signature: send yours under another name", h.name)
			}
		}
	}
	return nil
}

// autoReferer is what ends a -e that counts for redirects, too.
const autoReferer = ";auto"

// setCookies sets the cookies for a request: those of the jar, and those of the flags on the host that the person
// named.
func (p *Prepared) setCookies(r *http.Request, own bool) {
	delete(r.Header, "Cookie")
	var found []string
	if p.jar != nil {
		if kept := p.jar.Cookies(r); kept != "" {
			found = append(found, kept)
		}
	}
	if own && p.cookies != "" {
		found = append(found, p.cookies)
	}
	if len(found) > 0 {
		r.Header["Cookie"] = []string{strings.Join(found, "; ")}
	}
	if own && len(p.ownCookies) > 0 {
		r.Header["Cookie"] = append(r.Header["Cookie"], p.ownCookies...)
	}
}

// basic is the header Authorization of a user.
func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// Basic is the Login of a user and a password, as "USER:PASSWORD".
func Basic(login string) string {
	user, password, _ := strings.Cut(login, ":")
	return basic(user, password)
}

// Bearer is the Login of a token.
func Bearer(token string) string { return "Bearer " + token }

// methodAndBody returns the body, and the method that -X names or that the body implies.
func (q Request) methodAndBody(headers []header) (method string, body Body, err error) {
	sorts := 0
	method = http.MethodGet
	if len(q.Data) > 0 && !q.Get {
		sorts++
		method, body = http.MethodPost, dataBody(q.Data, q.Stdin, formEncoded)
	}
	if len(q.Form) > 0 {
		sorts++
		method = http.MethodPost
		if body, err = formBody(q.Form, q.Stdin, disposition(headers)); err != nil {
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
		return "", Body{}, errors.New("use only one of --data, --form, --upload-file and --head: a request has one body")
	}
	if q.Method != "" {
		method = q.Method
	}
	return method, body, nil
}

// maxQuery bounds what -G adds to the query. Lambda takes 1 MB of request line and headers.
const maxQuery = 1 << 20

// withQuery returns the URL with the parts that --url-query and -G add to its query.
func (q Request) withQuery() (string, error) {
	// A space becomes "%20", since verifiers do not agree on the meaning of '+' in a query.
	var body Body
	for _, part := range q.URLQuery {
		if len(body.sources) > 0 {
			body.sources = append(body.sources, text("&"))
		}
		if plain, ok := strings.CutPrefix(part, "+"); ok {
			body.sources = append(body.sources, text(plain))
		} else {
			body.sources = append(body.sources, urlEncoded(part, q.Stdin, percentEncoded)...)
		}
	}
	if q.Get && len(q.Data) > 0 {
		if len(body.sources) > 0 {
			body.sources = append(body.sources, text("&"))
		}
		body.sources = append(body.sources, dataBody(q.Data, q.Stdin, percentEncoded).sources...)
	}
	if body.Empty() {
		return q.URL, nil
	}
	reader, err := body.open()
	if err != nil {
		return "", err
	}
	defer reader.Close()
	query, err := io.ReadAll(io.LimitReader(reader, maxQuery+1))
	if err != nil {
		return "", err
	}
	if len(query) > maxQuery {
		return "", fmt.Errorf("the data for the query has more than %d bytes", maxQuery)
	}
	raw, _, _ := strings.Cut(q.URL, "#") // the fragment is not sent
	switch {
	case !strings.Contains(raw, "?"):
		raw += "?"
	case !strings.HasSuffix(raw, "?") && !strings.HasSuffix(raw, "&"):
		raw += "&"
	}
	return raw + string(query), nil
}

// rangeHeader is the header of -r: a single number is a beginning, as in curl.
func (q Request) rangeHeader() string {
	if q.Range == "" {
		return ""
	}
	if !strings.ContainsFunc(q.Range, func(c rune) bool { return c < '0' || c > '9' }) {
		return "bytes=" + q.Range + "-"
	}
	return "bytes=" + q.Range
}

// setHeaders sets the headers of the flags, and those that curl adds.
func (q Request) setHeaders(r *http.Request, headers []header, body Body) {
	defaults := map[string]string{
		"User-Agent": q.UserAgent, "Accept": cmp.Or(body.accept, "*/*"), "Content-Type": body.contentType,
	}
	if q.Compressed {
		defaults["Accept-Encoding"] = "gzip, deflate"
	}
	if q.Bare {
		defaults = map[string]string{}
	}
	defaults["Referer"], defaults["Range"] = strings.TrimSuffix(q.Referer, autoReferer), q.rangeHeader()
	defaults["Authorization"] = q.Login
	for name, value := range defaults {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if q.UserAgent == "" && !q.Bare {
		r.Header["User-Agent"] = []string{""} // without it net/http sends its own
	}
	for _, h := range headers {
		if _, isDefault := defaults[h.name]; isDefault {
			r.Header.Del(h.name)
			delete(defaults, h.name)
		}
		switch {
		case h.name == "Host":
			r.Host = h.value
		case h.name == "Content-Type" && body.boundary != "" && !h.remove:
			// curl 7.88 sends the first one, and adds the boundary to it whatever it says.
			if r.Header[h.name] == nil {
				r.Header.Set(h.name, h.value+"; boundary="+body.boundary)
			}
		case h.remove:
			if h.name == "User-Agent" {
				r.Header[h.name] = []string{""} // without it net/http sends its own
			}
		default:
			r.Header.Add(h.name, h.value)
		}
	}
}

// readHeaders returns the headers of the flags, with those in files.
func (q Request) readHeaders() ([]header, error) {
	var lines []string
	for _, header := range q.Headers {
		name, isFile := strings.CutPrefix(header, "@")
		if !isFile {
			lines = append(lines, header)
			continue
		}
		read, err := linesOf(name, q.Stdin)
		if err != nil {
			return nil, err
		}
		lines = append(lines, read...)
	}
	headers := make([]header, len(lines))
	for i, line := range lines {
		var err error
		if headers[i], err = parseHeader(line); err != nil {
			return nil, err
		}
	}
	return headers, nil
}

// maxHeaders bounds a file of headers; Lambda accepts 1 MB.
const maxHeaders = 1 << 20

func linesOf(name string, stdin io.Reader) ([]string, error) {
	r, err := file(name, stdin).open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var lines []string
	scanner := bufio.NewScanner(io.LimitReader(r, maxHeaders))
	scanner.Buffer(nil, maxHeaders)
	for scanner.Scan() {
		if line := strings.TrimRight(scanner.Text(), "\r"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, scanner.Err()
}

// header is one header of the flags.
type header struct {
	name, value string
	remove      bool // "Name:" without a value: do not send the default
}

func parseHeader(line string) (header, error) {
	name, value, ok := strings.Cut(line, ":")
	h := header{value: strings.TrimSpace(value)}
	switch {
	case ok:
		h.remove = h.value == ""
	case strings.HasSuffix(line, ";"):
		name = strings.TrimSuffix(line, ";")
	default:
		return header{}, fmt.Errorf("header %q is not NAME: VALUE", line)
	}
	h.name = textproto.CanonicalMIMEHeaderKey(name)
	if strings.ContainsAny(h.value, "\r\n\x00") {
		return header{}, fmt.Errorf("header %s has a line end or a NUL in its value", name)
	}
	if name == "" || strings.ContainsAny(name, " \t\r\n\x00\"(),/:;<=>?@[\\]{}") {
		return header{}, fmt.Errorf("%q is not the name of a header", name)
	}
	switch h.name {
	case "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade":
		if !h.remove {
			return header{}, fmt.Errorf("header %s follows from the request and cannot be set", h.name)
		}
	}
	return h, nil
}
