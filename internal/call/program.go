package call

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/sigv4"
)

// Program says how a program signs a request: it finds the credentials by itself.
type Program struct {
	Region, Service string
	Profile         string // "" for the environment's
	SignHost        string // "" for the URL's
	// Path and Query are the canonical ones of the request. A program whose library would make others of the URL has them.
	Path, Query string
}

// Languages are the formats that are programs, which sign by themselves.
func Languages() []string { return []string{"python", "js", "go"} }

// Write writes the program for the request, in a form that the libraries of the language send as it is. sign signs a
// request, for its canonical path and query.
func (program Program) Write(w io.Writer, p *Prepared, language string, sign func(*http.Request) (sigv4.Signed, error)) error {
	if language != "go" { // which sends the target as it was typed
		if err := p.Normalize(); err != nil {
			return err
		}
	}
	r := p.HTTP.Clone(p.HTTP.Context())
	if !p.Body.Empty() {
		r.Body, r.ContentLength = http.NoBody, 0 // which is the program's to read
	}
	signed, err := sign(r)
	if err != nil {
		return err
	}
	lines := strings.SplitN(signed.CanonicalRequest, "\n", 4) // method, path, query
	program.Path, program.Query = lines[1], lines[2]
	if err := p.WriteProgram(w, language, program); err != nil {
		return &ProgramError{err}
	}
	return nil
}

// ProgramError says what a program of the language cannot send.
type ProgramError struct{ error }

// WriteProgram writes a program that sends the request. The request is not signed.
func (p *Prepared) WriteProgram(w io.Writer, language string, program Program) error {
	write := map[string]func(Program, programBody) (string, error){"python": p.python, "js": p.js, "go": p.golang}[language]
	body, err := p.programBody()
	if err != nil {
		return err
	}
	for name, values := range p.HTTP.Header {
		for _, value := range values {
			if !utf8.ValidString(name + value) {
				return fmt.Errorf("header %s is not UTF-8, which no string of a program can hold", name)
			}
		}
	}
	text, err := write(program, body)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// Normalize writes the target as the HTTP libraries of Python and JavaScript send it: escapes in capitals, and all
// characters escaped that a URL cannot have. It is the same request.
func (p *Prepared) Normalize() error {
	path, query, hasQuery := strings.Cut(p.URL.Target, "?")
	target := normalText(path, "/")
	if hasQuery {
		target += "?" + normalText(query, "/?")
	}
	if target == p.URL.Target {
		return nil
	}
	normal, err := url.Parse(p.URL.Scheme + "://" + p.URL.Host + target)
	if err != nil {
		return err
	}
	p.URL.Target, p.HTTP.URL = target, normal
	return nil
}

func normalText(text, more string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '%' && i+2 < len(text):
			out.WriteString(strings.ToUpper(text[i : i+3]))
			i += 2
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~!$&'()*+,;=:@"+more, c) >= 0:
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}

// IsPlain reports whether every library signs the target as it is sent: no dots, no empty segments, and a query of sorted
// pairs with characters that are not escaped.
func IsPlain(target string) bool {
	path, query, hasQuery := strings.Cut(target, "?")
	simple := func(text, more string) bool {
		return !strings.ContainsFunc(text, func(c rune) bool {
			return !(c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c)) || strings.ContainsRune("-._~"+more, c))
		})
	}
	if !simple(path, "/") || strings.Contains(path, "//") || hasDots(path) || hasQuery && query == "" {
		return false
	}
	pairs := strings.Split(query, "&")
	return query == "" || simple(query, "=&") && slices.IsSorted(pairs) && !slices.ContainsFunc(pairs, func(pair string) bool {
		return strings.Count(pair, "=") != 1 || pair[0] == '='
	})
}

// hasDots reports whether a path has a segment that means another one.
func hasDots(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(segment string) bool {
		segment = strings.ReplaceAll(strings.ToLower(segment), "%2e", ".")
		return segment == "." || segment == ".."
	})
}

// programBody is the body as a program has it: a file, or bytes.
type programBody struct {
	file  string
	bytes []byte // nil for no body
}

func (p *Prepared) programBody() (programBody, error) {
	if p.Body.Empty() {
		return programBody{}, nil
	}
	if name := p.Body.file(); name != "" {
		return programBody{file: name}, nil
	}
	body, err := io.ReadAll(io.LimitReader(p.HTTP.Body, maxInline+1))
	if err != nil {
		return programBody{}, err
	}
	if len(body) > maxInline {
		return programBody{}, fmt.Errorf("the body has more than %d bytes, too many for a program: "+
			"put it into a file and use --data-binary @FILE", maxInline)
	}
	return programBody{bytes: append([]byte{}, body...)}, nil
}

// headers are the headers in order, each with one value: Lambda joins those of one name with commas, and so does the
// signature.
func (p *Prepared) headers() (lines [][2]string) {
	for _, name := range slices.Sorted(maps.Keys(p.HTTP.Header)) {
		if values := p.HTTP.Header[name]; name != "User-Agent" || values[0] != "" {
			lines = append(lines, [2]string{name, strings.Join(values, ",")})
		}
	}
	return lines
}

// table is a table of strings in the syntax of Python, JavaScript and Go, which have the same.
func (p *Prepared) table(indent string, quote func(string) string) string {
	var out strings.Builder
	for _, line := range p.headers() {
		fmt.Fprintf(&out, "%s%s: %s,\n", indent, quote(line[0]), quote(line[1]))
	}
	return out.String()
}

func (p *Prepared) python(program Program, body programBody) (string, error) {
	plain := IsPlain(p.URL.Target) && program.SignHost == ""
	var out strings.Builder
	out.WriteString("# pip install botocore requests\nimport sys\n\nimport botocore.session\nimport requests\nfrom botocore.auth import SigV4Auth\n" +
		"from botocore.awsrequest import AWSRequest\nfrom urllib3.util import SKIP_HEADER\n\n")
	fmt.Fprintf(&out, "url = %s\nheaders = {\n%s}\n", strconv.Quote(p.URL.String()), p.table("    ", strconv.Quote))
	switch {
	case body.file != "":
		fmt.Fprintf(&out, "body = open(%s, \"rb\").read()\n", strconv.Quote(body.file))
	case body.bytes == nil:
		out.WriteString("body = None\n")
	case utf8.Valid(body.bytes):
		fmt.Fprintf(&out, "body = %s.encode()\n", strconv.Quote(string(body.bytes)))
	default:
		fmt.Fprintf(&out, "body = b%s\n", asciiQuote(body.bytes))
	}
	auth := "SigV4Auth"
	if !plain {
		auth = "Auth"
		fmt.Fprintf(&out, `

class Auth(SigV4Auth):  # signs the URL as AWS reads it, which botocore does not do for every URL
    def _normalize_url_path(self, path):
        return %s

    def canonical_query_string(self, request):
        return %s


`, strconv.Quote(program.Path), strconv.Quote(program.Query))
	}
	signed := "url"
	if program.SignHost != "" {
		signed = strconv.Quote("https://" + program.SignHost + p.URL.Target)
	}
	session := ""
	if program.Profile != "" {
		session = "profile=" + strconv.Quote(program.Profile)
	}
	fmt.Fprintf(&out, "signed = AWSRequest(%s, %s, data=body, headers=headers)\n", strconv.Quote(p.HTTP.Method), signed)
	fmt.Fprintf(&out, "%s(botocore.session.Session(%s).get_credentials(), %s, %s).add_auth(signed)\n\n",
		auth, session, strconv.Quote(program.Service), strconv.Quote(program.Region))
	out.WriteString("headers = {name: value.encode() for name, value in signed.headers.items()}\n")
	for _, name := range []string{"Accept-Encoding", "User-Agent"} {
		if p.HTTP.Header.Get(name) == "" {
			fmt.Fprintf(&out, "headers[%q] = SKIP_HEADER\n", name)
		}
	}
	fmt.Fprintf(&out, "request = requests.Request(%s, url, data=body, headers=headers).prepare()\n"+
		"request.url = url  # as it was signed\nsession = requests.Session()\n"+
		"settings = session.merge_environment_settings(url, {}, None, None, None)\n"+
		"response = session.send(request, allow_redirects=False, **settings)\n"+
		"print(response.status_code, file=sys.stderr)\nsys.stdout.buffer.write(response.content)\n", strconv.Quote(p.HTTP.Method))
	text := out.String()
	if strings.Count(text, "SKIP_HEADER") == 1 {
		text = strings.Replace(text, "from urllib3.util import SKIP_HEADER\n", "", 1)
	}
	return text, nil
}

// asciiQuote quotes bytes for Python.
func asciiQuote(b []byte) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, c := range b {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			fmt.Fprintf(&out, `\x%02x`, c)
		} else {
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// jsQuote quotes for JavaScript.
func jsQuote(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteString(`\` + string(r))
		case r == '\n':
			out.WriteString(`\n`)
		case unicode.IsPrint(r):
			out.WriteRune(r)
		default:
			fmt.Fprintf(&out, `\u{%x}`, r)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// What fetch and aws4fetch cannot send.
func (p *Prepared) jsCannot(program Program, body programBody) error {
	path, query, _ := strings.Cut(p.URL.Target, "?")
	switch method := p.HTTP.Method; {
	case hasDots(path):
		return errors.New("fetch removes the . and .. of the path")
	case slices.ContainsFunc(strings.Split(query, "&"), func(pair string) bool { return strings.HasPrefix(pair, "=") }):
		return errors.New("aws4fetch does not sign a parameter without a name")
	case (method == http.MethodGet || method == http.MethodHead) && (body.file != "" || body.bytes != nil):
		return fmt.Errorf("fetch sends no body with %s", method)
	case p.HTTP.Host != "" && p.HTTP.Host != p.URL.Host:
		return errors.New("fetch sends no other Host header than that of the URL")
	}
	for _, line := range p.headers() {
		if strings.ContainsFunc(line[1], func(r rune) bool { return r >= utf8.RuneSelf }) {
			return fmt.Errorf("fetch sends header %s with other bytes than aws4fetch signs: it is not ASCII", line[0])
		}
	}
	return nil
}

func (p *Prepared) js(program Program, body programBody) (string, error) {
	if err := p.jsCannot(program, body); err != nil {
		return "", fmt.Errorf("--as js: %w", err)
	}
	var out strings.Builder
	out.WriteString("// npm install aws4fetch, and save it as call.mjs\nimport { AwsV4Signer } from \"aws4fetch\";\n")
	if body.file != "" {
		out.WriteString("import { readFileSync } from \"node:fs\";\n")
	}
	signed := p.URL.String()
	if program.SignHost != "" {
		signed = "https://" + program.SignHost + p.URL.Target
	}
	fmt.Fprintf(&out, "\nconst signer = new AwsV4Signer({\n  method: %s,\n  url: %s,\n  headers: {\n%s  },\n",
		jsQuote(p.HTTP.Method), jsQuote(signed), p.table("    ", jsQuote))
	switch {
	case body.file != "":
		fmt.Fprintf(&out, "  body: readFileSync(%s),\n", jsQuote(body.file))
	case body.bytes == nil:
	case utf8.Valid(body.bytes):
		fmt.Fprintf(&out, "  body: Buffer.from(%s),\n", jsQuote(string(body.bytes)))
	default:
		fmt.Fprintf(&out, "  body: Buffer.from(%s, \"base64\"),\n", jsQuote(base64.StdEncoding.EncodeToString(body.bytes)))
	}
	fmt.Fprintf(&out, "  service: %s,\n  region: %s,\n", jsQuote(program.Service), jsQuote(program.Region))
	out.WriteString("  accessKeyId: process.env.AWS_ACCESS_KEY_ID,\n  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,\n" +
		"  sessionToken: process.env.AWS_SESSION_TOKEN,\n});\nconst { method, url, headers, body } = await signer.sign();\n")
	sent := "url"
	if program.SignHost != "" {
		sent = jsQuote(p.URL.String())
	}
	fmt.Fprintf(&out, "const response = await fetch(%s, { method, headers, body, redirect: \"manual\" });\n"+
		"console.error(response.status);\nprocess.stdout.write(Buffer.from(await response.arrayBuffer()));\n", sent)
	return out.String(), nil
}

func (p *Prepared) golang(program Program, body programBody) (string, error) {
	imports := []string{"context", "io", "log", "net/http", "os"}
	source := "nil"
	switch {
	case body.file != "":
		source = "body"
	case body.bytes != nil:
		imports, source = append(imports, "strings"), "strings.NewReader("+strconv.Quote(string(body.bytes))+")"
	}
	slices.Sort(imports)
	var out strings.Builder
	out.WriteString("// go get github.com/furl-dev/furl github.com/aws/aws-sdk-go-v2/config\npackage main\n\nimport (\n")
	for _, path := range imports {
		fmt.Fprintf(&out, "\t%q\n", path)
	}
	out.WriteString("\n\t\"github.com/aws/aws-sdk-go-v2/config\"\n\n\t\"github.com/furl-dev/furl\"\n)\n\nfunc main() {\n\tctx := context.Background()\n")
	options := ""
	if program.Profile != "" {
		options = ", config.WithSharedConfigProfile(" + strconv.Quote(program.Profile) + ")"
	}
	const check = "\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n"
	fmt.Fprintf(&out, "\tcfg, err := config.LoadDefaultConfig(ctx%s)\n%s\ttransport := furl.NewTransport(cfg)\n", options, check)
	host := strings.ToLower(p.URL.Host)
	hosts := []string{host}
	if program.SignHost != "" {
		fmt.Fprintf(&out, "\ttransport.SignHosts = map[string]string{%s: %s}\n", strconv.Quote(host), strconv.Quote(program.SignHost))
		hosts = append(hosts, strings.ToLower(program.SignHost))
	}
	if p.HTTP.Host != "" {
		hosts = append(hosts, strings.ToLower(p.HTTP.Host))
	}
	var domains []string
	for _, host := range hosts {
		if parsed, err := furl.ParseURL("https://" + host); err != nil || parsed.Region != program.Region {
			domains = append(domains, strconv.Quote(host)+": "+strconv.Quote(program.Region))
		}
	}
	if len(domains) > 0 {
		fmt.Fprintf(&out, "\ttransport.Domains = map[string]string{%s}\n", strings.Join(slices.Compact(domains), ", "))
	}
	if program.Service != "lambda" {
		fmt.Fprintf(&out, "\ttransport.Service = %s\n", strconv.Quote(program.Service))
	}
	if body.file != "" {
		fmt.Fprintf(&out, "\tbody, err := os.Open(%s)\n%s", strconv.Quote(body.file), check)
	}
	fmt.Fprintf(&out, "\trequest, err := http.NewRequestWithContext(ctx, %s, %s, %s)\n%s",
		strconv.Quote(p.HTTP.Method), strconv.Quote(p.URL.String()), source, check)
	if body.file != "" {
		fmt.Fprintf(&out, "\tif info, err := body.Stat(); err == nil {\n\t\trequest.ContentLength = info.Size()\n\t}\n")
	}
	out.WriteString("\trequest.Header = http.Header{\n")
	for _, name := range slices.Sorted(maps.Keys(p.HTTP.Header)) {
		var values []string
		for _, value := range p.HTTP.Header[name] {
			values = append(values, strconv.Quote(value))
		}
		fmt.Fprintf(&out, "\t\t%s: {%s},\n", strconv.Quote(name), strings.Join(values, ", "))
	}
	out.WriteString("\t}\n")
	if p.HTTP.Host != "" {
		fmt.Fprintf(&out, "\trequest.Host = %s\n", strconv.Quote(p.HTTP.Host))
	}
	out.WriteString("\tresponse, err := transport.RoundTrip(request)\n" + check +
		"\tdefer response.Body.Close()\n\tlog.Print(response.Status)\n\tio.Copy(os.Stdout, response.Body)\n}\n")
	return out.String(), nil
}
