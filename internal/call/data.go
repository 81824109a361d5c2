package call

import (
	"io"
	"net/url"
	"strings"
)

// Encoding is the meaning of a piece of data on the command line, named for curl's flags.
type Encoding uint8

const (
	Plain     Encoding = iota // -d: "@file" is a file, without its line ends
	Raw                       // --data-raw: '@' has no meaning
	Binary                    // --data-binary: "@file" is a whole file
	URLEncode                 // --data-urlencode: content, =content, name=content, @file, name@file
	JSON                      // --json: like Binary, but not joined with '&'
)

// Data is the value of one data flag.
type Data struct {
	Encoding Encoding
	Value    string
}

// encoder appends src to dst in an encoding that works byte by byte.
type encoder func(dst, src []byte) []byte

// dataBody joins data as curl does. encode is for URLEncode.
func dataBody(data []Data, stdin io.Reader, encode encoder) Body {
	b := Body{contentType: "application/x-www-form-urlencoded"}
	for i, d := range data {
		if d.Encoding == JSON {
			b.contentType, b.accept = "application/json", "application/json"
		} else if i > 0 {
			b.sources = append(b.sources, text("&"))
		}
		b.sources = append(b.sources, d.sources(stdin, encode)...)
	}
	return b
}

func (d Data) sources(stdin io.Reader, encode encoder) []source {
	name, isFile := strings.CutPrefix(d.Value, "@")
	switch {
	case d.Encoding == URLEncode:
		return urlEncoded(d.Value, stdin, encode)
	case d.Encoding == Raw || !isFile:
		return []source{text(d.Value)}
	case d.Encoding == Plain:
		return []source{file(name, stdin).converted(withoutLineEnds)}
	}
	return []source{file(name, stdin)}
}

// withoutLineEnds leaves out the bytes that curl leaves out of a file for --data.
func withoutLineEnds(dst, src []byte) []byte {
	for _, c := range src {
		if c != '\r' && c != '\n' && c != 0 {
			dst = append(dst, c)
		}
	}
	return dst
}

// urlEncoded reads the forms of --data-urlencode. It encodes the text after '=' and the content of a file, and does not
// encode a name.
func urlEncoded(value string, stdin io.Reader, encode encoder) []source {
	at := strings.IndexAny(value, "=@")
	if at < 0 {
		return []source{text(string(encode(nil, []byte(value))))}
	}
	var sources []source
	if at > 0 {
		sources = append(sources, text(value[:at]+"="))
	}
	if value[at] == '@' {
		return append(sources, file(value[at+1:], stdin).converted(encode))
	}
	return append(sources, text(string(encode(nil, []byte(value[at+1:])))))
}

// formEncoded encodes for application/x-www-form-urlencoded: all bytes except the unreserved ones of RFC 3986, a space
// as '+'.
func formEncoded(dst, src []byte) []byte { return append(dst, url.QueryEscape(string(src))...) }

// percentEncoded encodes all bytes except the unreserved ones of RFC 3986.
func percentEncoded(dst, src []byte) []byte {
	return append(dst, strings.ReplaceAll(url.QueryEscape(string(src)), "+", "%20")...)
}

// uploadBody is the body for --upload-file. "-" and "." are the standard input.
func uploadBody(name string, stdin io.Reader) Body {
	if name == "." {
		name = "-"
	}
	return Body{sources: []source{file(name, stdin)}}
}

// withFileName appends the name of the uploaded file to a URL that ends with a slash, as curl does.
func withFileName(raw, name string) string {
	if name == "-" || name == "." {
		return raw
	}
	end := strings.IndexAny(raw, "?#")
	if end < 0 {
		end = len(raw)
	}
	base := string(percentEncoded(nil, []byte(name[strings.LastIndexAny(name, `/\`)+1:])))
	switch _, path, _ := strings.Cut(raw[:end], "://"); {
	case !strings.Contains(path, "/"):
		base = "/" + base
	case !strings.HasSuffix(path, "/"):
		return raw
	}
	return raw[:end] + base + raw[end:]
}
