package call

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/event"
)

// HAR keeps exchanges in the form of HTTP Archive 1.2, without the secrets in headers, cookies and URLs. Bodies are as they
// were.
type HAR struct {
	Version string // of furl
	entries []harEntry
}

// HARBodies is the most bytes that a HAR keeps of a body: what Lambda takes and gives.
const HARBodies = 6 << 20

// maxHAR is the most exchanges that a HAR keeps.
const maxHAR = 10_000

type (
	harPair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	harBody struct {
		MimeType string `json:"mimeType"`
		Text     string `json:"text"`
		Encoding string `json:"_encoding,omitempty"` // base64; HAR has no field for that in requests
		Comment  string `json:"comment,omitempty"`
	}
	harContent struct {
		Size        int64  `json:"size"`
		Compression int64  `json:"compression,omitempty"`
		MimeType    string `json:"mimeType"`
		Text        string `json:"text,omitempty"`
		Encoding    string `json:"encoding,omitempty"`
		Comment     string `json:"comment,omitempty"`
	}
	harRequest struct {
		Method      string    `json:"method"`
		URL         string    `json:"url"`
		HTTPVersion string    `json:"httpVersion"`
		Cookies     []harPair `json:"cookies"`
		Headers     []harPair `json:"headers"`
		QueryString []harPair `json:"queryString"`
		PostData    *harBody  `json:"postData,omitempty"`
		HeadersSize int64     `json:"headersSize"`
		BodySize    int64     `json:"bodySize"`
	}
	harResponse struct {
		Status      int        `json:"status"`
		StatusText  string     `json:"statusText"`
		HTTPVersion string     `json:"httpVersion"`
		Cookies     []harPair  `json:"cookies"`
		Headers     []harPair  `json:"headers"`
		Content     harContent `json:"content"`
		RedirectURL string     `json:"redirectURL"`
		HeadersSize int64      `json:"headersSize"`
		BodySize    int64      `json:"bodySize"`
	}
	harTimings struct { // in milliseconds, -1 for a step that there was not
		Blocked float64 `json:"blocked"`
		DNS     float64 `json:"dns"`
		Connect float64 `json:"connect"` // with SSL
		SSL     float64 `json:"ssl"`
		Send    float64 `json:"send"`
		Wait    float64 `json:"wait"`
		Receive float64 `json:"receive"`
	}
	harEntry struct {
		Started  string      `json:"startedDateTime"`
		Time     float64     `json:"time"`
		Request  harRequest  `json:"request"`
		Response harResponse `json:"response"`
		Cache    struct{}    `json:"cache"`
		Timings  harTimings  `json:"timings"`
		Server   string      `json:"serverIPAddress,omitempty"`
		Local    string      `json:"connection,omitempty"`
		Comment  string      `json:"comment,omitempty"`
	}
)

// Add keeps an exchange, and before it the attempts that furl repeated by itself.
func (h *HAR) Add(r Record) {
	for _, attempt := range r.Attempts {
		early := Record{Start: r.Start, Method: r.Method, URL: r.URL, Sent: attempt.Sent, Received: fieldsOf(attempt.Head)}
		proto, status, _ := strings.Cut(string(bytes.TrimSpace(firstLine(attempt.Head))), " ")
		early.Proto = proto
		fmt.Sscanf(status, "%d", &early.Status) //nolint:errcheck // 0 without a response
		_, early.Reason, _ = strings.Cut(status, " ")
		h.add(early, "furl repeated this request; its bodies and times are not known")
	}
	comment := ""
	if r.Err != nil {
		comment = hideInText(r.Err.Error(), r.URL)
	}
	h.add(r, comment)
}

func (h *HAR) add(r Record, comment string) {
	if len(h.entries) == maxHAR {
		return
	}
	entry := harEntry{
		Started: r.Start.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Timings: r.timings(), Comment: comment,
		Request: harRequest{
			Method: r.Method, URL: hideURL(r.URL), HTTPVersion: versionOf(r.Proto), Headers: pairsOf(r.Sent), Cookies: []harPair{},
			QueryString: queryOf(r.URL), HeadersSize: -1, BodySize: r.SentSize,
		},
		Response: harResponse{
			Status: r.Status, StatusText: r.Reason, HTTPVersion: versionOf(r.Proto), Headers: pairsOf(r.Received), Cookies: []harPair{},
			RedirectURL: hideURL(valueOf(r.Received, "Location")), HeadersSize: -1, BodySize: r.ReceivedSize, Content: r.content(),
		},
	}
	for _, field := range r.Sent {
		if strings.EqualFold(field.Name, "Cookie") {
			entry.Request.Cookies = append(entry.Request.Cookies, cookiesOf(strings.Split(field.Value, ";"))...)
		}
	}
	for _, field := range r.Received {
		if strings.EqualFold(field.Name, "Set-Cookie") {
			first, _, _ := strings.Cut(field.Value, ";")
			entry.Response.Cookies = append(entry.Response.Cookies, cookiesOf([]string{first})...)
		}
	}
	if r.SentSize > 0 {
		body := harBody{MimeType: valueOf(r.Sent, "Content-Type")}
		body.Text, body.Encoding = textOf(r.SentBody)
		if int64(len(r.SentBody)) < r.SentSize {
			body.Comment = fmt.Sprintf("the first %d of %d bytes", len(r.SentBody), r.SentSize)
		}
		entry.Request.PostData = &body
	}
	for _, step := range []float64{entry.Timings.DNS, entry.Timings.Connect, entry.Timings.Send, entry.Timings.Wait, entry.Timings.Receive} {
		entry.Time += max(step, 0)
	}
	if host, _, err := net.SplitHostPort(r.steps.remote); err == nil {
		entry.Server = host
	}
	if _, port, err := net.SplitHostPort(r.steps.local); err == nil {
		entry.Local = port
	}
	h.entries = append(h.entries, entry)
}

// content is the body of the response, decoded.
func (r Record) content() harContent {
	content := harContent{Size: r.ReceivedSize, MimeType: valueOf(r.Received, "Content-Type")}
	body := r.ReceivedBody
	switch encoding := valueOf(r.Received, "Content-Encoding"); {
	case int64(len(body)) < r.ReceivedSize:
		content.Comment = fmt.Sprintf("the first %d of %d bytes", len(body), r.ReceivedSize)
	case encoding != "" && len(body) > 0:
		plain, err := decodedBytes(body, encoding)
		if err != nil {
			content.Comment = "in Content-Encoding " + encoding
			break
		}
		content.Size, content.Compression = int64(len(plain)), int64(len(plain)-len(body))
		body = plain
	}
	content.Text, content.Encoding = textOf(body)
	return content
}

// decodedBytes undoes an encoding, unless the result is too long.
func decodedBytes(body []byte, encoding string) ([]byte, error) {
	plain, err := decompressed(bytes.NewReader(body), encoding)
	if err != nil {
		return nil, err
	}
	all, err := io.ReadAll(io.LimitReader(plain, HARBodies+1))
	if err == nil && len(all) > HARBodies {
		err = fmt.Errorf("more than %d bytes", HARBodies)
	}
	return all, err
}

// timings are the times of the steps, which follow each other.
func (r Record) timings() harTimings {
	at := r.offset
	step := func(end time.Duration) float64 { // -1 for one that there was not in this exchange
		if end <= at {
			return -1
		}
		took := milli(end - at)
		at = end
		return took
	}
	timings := harTimings{Blocked: -1, DNS: step(r.steps.name)}
	connect, secure := step(r.steps.connect), step(r.steps.tls)
	timings.Connect, timings.SSL = connect, secure
	if secure >= 0 {
		timings.Connect = max(connect, 0) + secure
	}
	timings.Send, timings.Wait = max(step(r.steps.wrote), 0), max(step(r.steps.first), 0)
	timings.Receive = max(step(r.offset+r.took), 0)
	return timings
}

func milli(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func versionOf(proto string) string {
	if proto == "" {
		return "unknown"
	}
	return proto
}

// textOf is a body as a text, in base64 if it is none.
func textOf(body []byte) (text, encoding string) {
	if utf8.Valid(body) && !bytes.ContainsRune(body, 0) {
		return string(body), ""
	}
	return base64.StdEncoding.EncodeToString(body), "base64"
}

func valueOf(fields []HeaderField, name string) string {
	for _, field := range fields {
		if strings.EqualFold(field.Name, name) {
			return field.Value
		}
	}
	return ""
}

func pairsOf(fields []HeaderField) []harPair {
	pairs := []harPair{}
	for _, field := range fields {
		pairs = append(pairs, harPair{field.Name, strings.ToValidUTF8(hidden(field.Name, field.Value), "\ufffd")})
	}
	return pairs
}

func cookiesOf(texts []string) (pairs []harPair) {
	for _, text := range texts {
		name, _, ok := strings.Cut(strings.TrimSpace(text), "=")
		if !ok {
			name = ""
		}
		pairs = append(pairs, harPair{name, concealed})
	}
	return pairs
}

const concealed = "(hidden)"

// hideURL hides the secrets of a URL: the password of a user, and parameters that are named like secrets.
func hideURL(text string) string {
	scheme, rest, hasScheme := strings.Cut(text, "://")
	if hasScheme {
		end := len(rest)
		if at := strings.IndexAny(rest, "/?#"); at >= 0 {
			end = at
		}
		if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
			rest = concealed + rest[at:]
		}
		text = scheme + "://" + rest
	}
	return event.HideParameters(text)
}

// hideInText hides the secrets of an address that a text quotes.
func hideInText(text, address string) string {
	shown := strings.ReplaceAll(text, address, hideURL(address))
	if parsed, err := url.Parse(address); err == nil {
		shown = strings.ReplaceAll(shown, parsed.Redacted(), hideURL(address))
	}
	return shown
}

func queryOf(address string) []harPair {
	pairs := []harPair{}
	_, query, _ := strings.Cut(hideURL(address), "?")
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if pair == "" {
			continue
		}
		pairs = append(pairs, harPair{unescaped(name), unescaped(value)})
	}
	return pairs
}

func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil && utf8.ValidString(plain) {
		return plain
	}
	return text
}

// Write writes the archive.
func (h *HAR) Write(w io.Writer) error {
	type creator struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	type log struct {
		Version string     `json:"version"`
		Creator creator    `json:"creator"`
		Entries []harEntry `json:"entries"`
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Log log `json:"log"`
	}{log{"1.2", creator{"furl", h.Version}, append([]harEntry{}, h.entries...)}})
}

// WriteFile writes the archive into a file that only this user can read, all of it or nothing.
func (h *HAR) WriteFile(name string) error {
	var text bytes.Buffer
	if err := h.Write(&text); err != nil {
		return err
	}
	return replaceFile(name, text.Bytes())
}
