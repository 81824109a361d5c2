package call

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Field is the value of one -F or, with Literal, of one --form-string.
type Field struct {
	Value   string // name=content, name="content", name=@file, name=<file; then ;type=… and ;filename=…
	Literal bool   // '@', '<' and ';' have no meaning
}

// disposition is the Content-Disposition of a form's parts: curl 7.88 calls them attachments if a header says that the
// body is something else than a form.
func disposition(headers []header) string {
	for _, h := range headers {
		if h.name == "Content-Type" && !h.remove {
			if kind, _, _ := strings.Cut(h.value, ";"); !strings.EqualFold(strings.TrimSpace(kind), formData) {
				return "attachment"
			}
			break
		}
	}
	return "form-data"
}

const formData = "multipart/form-data"

// formBody makes a multipart/form-data body (RFC 7578).
func formBody(fields []Field, stdin io.Reader, disposition string) (Body, error) {
	boundary := "furl-" + rand.Text()
	b := Body{contentType: formData + "; boundary=" + boundary, boundary: boundary}
	for _, field := range fields {
		p, err := field.parse()
		if err != nil {
			return Body{}, err
		}
		b.sources = append(b.sources, text("--"+boundary+"\r\n"+p.header(disposition)+"\r\n"))
		if p.file != "" {
			b.sources = append(b.sources, file(p.file, stdin))
		} else {
			b.sources = append(b.sources, text(p.content))
		}
		b.sources = append(b.sources, text("\r\n"))
	}
	b.sources = append(b.sources, text("--"+boundary+"--\r\n"))
	return b, nil
}

// formPart is one part of a form.
type formPart struct {
	name, content string
	file          string // the file to read the content from, unless ""
	fileName      string // sent as the name of the file
	contentType   string
}

func (f Field) parse() (formPart, error) {
	name, value, ok := strings.Cut(f.Value, "=")
	if !ok || name == "" {
		return formPart{}, fmt.Errorf("form field %q is not NAME=CONTENT, NAME=@FILE or NAME=<FILE", f.Value)
	}
	p := formPart{name: name}
	if f.Literal {
		p.content = value
		return p, nil
	}
	value, attributes, err := cutAttributes(value)
	if err != nil {
		return formPart{}, fmt.Errorf("form field %s: %w", name, err)
	}
	p.content = value
	if path, ok := strings.CutPrefix(value, "@"); ok {
		p.content, p.file, p.fileName, p.contentType = "", path, filepath.Base(path), typeByExtension(path)
	} else if path, ok := strings.CutPrefix(value, "<"); ok {
		p.content, p.file = "", path
	}
	if p.content == "" && p.file == "" && value != "" {
		return formPart{}, fmt.Errorf("form field %s has no file name", name)
	}
	if len(p.content) > 1 && strings.HasPrefix(p.content, `"`) && strings.HasSuffix(p.content, `"`) {
		p.content = unquote(p.content)
	}
	if v, ok := attributes["type"]; ok {
		p.contentType = v
	}
	if v, ok := attributes["filename"]; ok {
		p.fileName = v
	}
	return p, nil
}

// cutAttributes takes ;type=… and ;filename=… off a field's value. Other text after a semicolon belongs to the value.
func cutAttributes(value string) (rest string, attributes map[string]string, err error) {
	attributes = map[string]string{}
	end := len(value)
	for {
		before := value[:end]
		if quoted := strings.LastIndex(before, `="`); quoted >= 0 && strings.HasSuffix(before, `"`) {
			before = before[:quoted] // a quoted value may have semicolons
		}
		semicolon := strings.LastIndexByte(before, ';')
		if semicolon < 0 {
			return value[:end], attributes, nil
		}
		key, v, ok := strings.Cut(strings.TrimSpace(value[semicolon+1:end]), "=")
		if !ok || key != "type" && key != "filename" {
			return value[:end], attributes, nil
		}
		if strings.HasPrefix(v, `"`) {
			if len(v) < 2 || !strings.HasSuffix(v, `"`) {
				return "", nil, fmt.Errorf("%s=%s: a quote is not closed", key, v)
			}
			v = unquote(v)
		}
		if strings.ContainsAny(v, "\r\n") {
			return "", nil, fmt.Errorf("%s has a line end", key)
		}
		attributes[key] = v
		end = semicolon
	}
}

// unquote removes quotes, which make a semicolon part of the text.
func unquote(s string) string {
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1 : len(s)-1])
}

// header returns the header of the part, with the escapes that browsers and curl use.
func (p formPart) header(disposition string) string {
	escape := strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A")
	var h strings.Builder
	fmt.Fprintf(&h, `Content-Disposition: %s; name="%s"`, disposition, escape.Replace(p.name))
	if p.fileName != "" {
		fmt.Fprintf(&h, `; filename="%s"`, escape.Replace(p.fileName))
	}
	h.WriteString("\r\n")
	if p.contentType != "" {
		fmt.Fprintf(&h, "Content-Type: %s\r\n", p.contentType)
	}
	return h.String()
}

// typeByExtension knows the same types as curl, on every system.
func typeByExtension(path string) string {
	known := map[string]string{
		".gif": "image/gif", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".svg": "image/svg+xml",
		".txt": "text/plain", ".htm": "text/html", ".html": "text/html", ".pdf": "application/pdf",
		".xml": "application/xml",
	}
	return cmp.Or(known[strings.ToLower(filepath.Ext(path))], "application/octet-stream")
}
