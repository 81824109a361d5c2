package call

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"strings"
)

// setHeaders sets the headers that were said and those that curl sends besides.
func (q Request) setHeaders(r *http.Request, body Body) error {
	lines, err := q.headerLines()
	if err != nil {
		return err
	}
	defaults := map[string]string{"User-Agent": q.UserAgent, "Accept": "*/*", "Content-Type": body.contentType}
	if body.accept != "" {
		defaults["Accept"] = body.accept
	}
	if q.Compressed {
		defaults["Accept-Encoding"] = "gzip, deflate"
	}
	if q.Bare {
		defaults = nil
	}
	for name, value := range defaults {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	for _, line := range lines {
		h, err := parseHeader(line)
		if err != nil {
			return err
		}
		if _, isDefault := defaults[h.name]; isDefault {
			r.Header.Del(h.name)
			delete(defaults, h.name)
		}
		switch {
		case h.name == "Host":
			r.Host = h.value
		case h.remove:
			if h.name == "User-Agent" {
				r.Header[h.name] = []string{""} // net/http sends its own if there is none
			}
		default:
			r.Header.Add(h.name, h.value)
		}
	}
	return nil
}

// headerLines are the headers said, those in files included.
func (q Request) headerLines() ([]string, error) {
	var lines []string
	for _, header := range q.Headers {
		name, isFile := strings.CutPrefix(header, "@")
		if !isFile {
			lines = append(lines, header)
			continue
		}
		read, err := readHeaders(name, q.Stdin)
		if err != nil {
			return nil, err
		}
		lines = append(lines, read...)
	}
	return lines, nil
}

// maxHeaders bounds a file of headers; Lambda takes 1 MB.
const maxHeaders = 1 << 20

func readHeaders(name string, stdin io.Reader) ([]string, error) {
	r := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	if r == nil {
		return nil, fmt.Errorf("there is no standard input to read headers from")
	}
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

// header is one header that was said.
type header struct {
	name, value string
	remove      bool // "Name:" without value: do not send the one that would be sent by default
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
	case "Authorization", "X-Amz-Date", "X-Amz-Security-Token":
		return header{}, fmt.Errorf("header %s is part of the signature: send yours under another name", h.name)
	case "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade":
		if !h.remove {
			return header{}, fmt.Errorf("header %s follows from the request and can not be set", h.name)
		}
	}
	return h, nil
}
