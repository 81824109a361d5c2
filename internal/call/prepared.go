package call

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/furl-dev/furl"
)

// Prepared is a request that is ready to be signed, or that has been signed to be printed.
type Prepared struct {
	HTTP *http.Request
	URL  furl.URL // as it will be sent, with the additions of -G and -T
	Body Body     // of the request

	jar         *Jar     // nil for none
	cookies     string   // of -b
	ownCookies  []string // of -H
	autoReferer bool     // redirects send the URL that they come from
}

// Formats returns the names of the formats that a signed request can be printed in.
func Formats() []string {
	return append([]string{"curl", "http", "headers", "json", "url"}, Languages()...)
}

// maxInline is the longest body that is printed in a command line. Linux accepts 128 KiB in one argument, and a quoted
// byte may take four.
const maxInline = 32 << 10

// WriteCurl writes a signed request as a curl command for a POSIX shell.
func (p *Prepared) WriteCurl(w io.Writer) error {
	return p.writeCommand(w, []string{"curl"}, []string{"-g", "--path-as-is"}, true)
}

// WriteSigning writes a request that is not signed as a command that signs it, with the keys in the environment: "curl", or
// "furl" for furl call.
func (p *Prepared) WriteSigning(w io.Writer, tool, region string) error {
	if tool == "furl" {
		return p.writeCommand(w, []string{"furl", "call", "--region", shellQuote(region)}, nil, true)
	}
	return p.writeCommand(w, []string{"curl", "--aws-sigv4", shellQuote("aws:amz:" + region + ":lambda"),
		"--user", `"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"`,
		`${AWS_SESSION_TOKEN:+-H "X-Amz-Security-Token: $AWS_SESSION_TOKEN"}`}, []string{"-g", "--path-as-is"}, false)
}

// writeCommand writes a command that understands curl's flags. exact are those that keep the target as it is. removes has it
// send no header of its own, which curl cannot do where it signs: it signs what it was told to leave out (seen with 7.88).
func (p *Prepared) writeCommand(w io.Writer, command, exact []string, removes bool) error {
	r := p.HTTP
	switch {
	case r.Method == http.MethodHead && p.Body.Empty():
		command = append(command, "-I")
	case r.Method == http.MethodGet && p.Body.Empty(), r.Method == http.MethodPost && !p.Body.Empty():
	default:
		command = append(command, "-X", shellQuote(r.Method))
	}
	command = append(command, exact...)
	url := p.URL.Scheme + "://" + p.URL.Host
	if exact == nil || curlKeeps(p.URL.Target) {
		url += p.URL.Target
	} else {
		command = append(command, "--request-target", shellQuote(p.URL.Target))
		url += "/"
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			line := name + ": " + value
			if !removes && line == "Accept: */*" { // which curl sends, and 7.88 sorts behind Accept-Encoding where it signs it
				continue
			}
			if value == "" && name == "User-Agent" {
				if !removes {
					continue
				}
				line = "User-Agent:" // do not send curl's
			} else if value == "" {
				line = name + ";"
			}
			command = append(command, "-H", shellQuote(line))
		}
	}
	if r.Host != "" && r.Host != r.URL.Host {
		command = append(command, "-H", shellQuote("Host: "+r.Host))
	}
	// Keep curl from adding headers that were not signed, which the function would see.
	if r.Header["Accept"] == nil && removes {
		command = append(command, "-H", "'Accept:'")
	}
	if !p.Body.Empty() && r.Header["Content-Type"] == nil && removes {
		command = append(command, "-H", "'Content-Type:'")
	}
	source, data, err := p.curlBody()
	if err != nil {
		return err
	}
	command = append(append(command, data...), shellQuote(url))
	_, err = fmt.Fprintln(w, source+strings.Join(command, " "))
	return err
}

// curlKeeps reports whether curl sends a target unchanged with -g and --path-as-is: it has only characters that no
// version of curl escapes.
func curlKeeps(target string) bool {
	escaped := func(c rune) bool { return c >= 0x7f || strings.ContainsRune("\"<>\\^`{|}", c) }
	return !strings.ContainsFunc(target, escaped) && !strings.HasSuffix(target, "?")
}

// curlBody returns the flags with which curl sends the body, and for some bodies a command that writes it to curl.
func (p *Prepared) curlBody() (source string, flags []string, err error) {
	if p.Body.Empty() {
		return "", nil, nil
	}
	if name := p.Body.file(); name != "" {
		return "", []string{"--data-binary", shellQuote("@" + name)}, nil
	}
	body, err := io.ReadAll(io.LimitReader(p.HTTP.Body, maxInline+1))
	if err != nil {
		return "", nil, err
	}
	if len(body) > maxInline {
		return "", nil, fmt.Errorf("the body has more than %d bytes, too many for a command line: "+
			"put it into a file and use --data-binary @FILE", maxInline)
	}
	if plainText(body) {
		return "", []string{"--data-raw", shellQuote(string(body))}, nil
	}
	return "printf " + printfQuote(body) + " | ", []string{"--data-binary", "@-"}, nil
}

// plainText reports whether a body can be part of a command that is copied from a terminal, which does not show other
// characters as they are.
func plainText(body []byte) bool {
	return utf8.Valid(body) && !bytes.ContainsFunc(body, func(r rune) bool {
		return unicode.IsControl(r) && r != '\t' && r != '\n' || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
	})
}

// shellQuote quotes for a POSIX shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// printfQuote quotes bytes as the format of printf(1).
func printfQuote(b []byte) string {
	var out strings.Builder
	out.WriteByte('\'')
	for i, c := range b {
		switch {
		case c == '%':
			out.WriteString("%%")
		case i == 0 && c == '-', c < ' ', c >= 0x7f, c == '\'', c == '\\': // a '-' at the beginning starts an option
			fmt.Fprintf(&out, `\%03o`, c)
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('\'')
	return out.String()
}

// WriteHTTP writes a signed request as the HTTP/1.1 message that is sent.
func (p *Prepared) WriteHTTP(w io.Writer) error {
	r := p.HTTP
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, p.URL.Target, p.host())
	if err := r.Header.WriteSubset(&head, map[string]bool{"User-Agent": r.UserAgent() == ""}); err != nil {
		return err
	}
	if !p.Body.Empty() {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", r.ContentLength)
	}
	head.WriteString("\r\n")
	if _, err := io.WriteString(w, head.String()); err != nil || r.Body == nil {
		return err
	}
	_, err := io.Copy(w, r.Body)
	return err
}

// WriteHeaders writes the headers of a signed request, one on each line, as curl -H @FILE reads them.
func (p *Prepared) WriteHeaders(w io.Writer) error {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p.HTTP.Header)) {
		for _, value := range p.HTTP.Header[name] {
			fmt.Fprintf(&out, "%s: %s\n", name, value)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// WriteJSON writes a signed or presigned request for programs. expires is the time when the signature expires.
func (p *Prepared) WriteJSON(w io.Writer, bodySHA256 string, expires time.Time) error {
	headers := map[string]string{"Host": p.host()}
	for name, values := range p.HTTP.Header {
		headers[name] = strings.Join(values, ",") // as in the signature
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Method     string            `json:"method"`
		URL        string            `json:"url"`
		Headers    map[string]string `json:"headers"`
		BodySHA256 string            `json:"bodySha256"`
		BodyBytes  int64             `json:"bodyBytes"`
		Expires    time.Time         `json:"expires"`
	}{p.HTTP.Method, p.URL.String(), headers, bodySHA256, p.HTTP.ContentLength, expires.UTC()})
}

func (p *Prepared) host() string { return cmp.Or(p.HTTP.Host, p.HTTP.URL.Host) }
