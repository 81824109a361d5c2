package call

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/tint"
)

// The bounds of what is held back to be indented.
const (
	maxPretty      = 1 << 20     // the longest JSON value
	prettyPatience = time.Second // for the rest of one that began
)

// NewPretty returns a writer that indents and colors the body of a response for a person, if it is JSON; nil otherwise. A
// body whose length is known is one value. Of a stream it writes each value when it is complete, and on one line if the
// type is one of lines. What is no JSON, is too long, or stays unfinished for a second in a stream passes as it is, and with
// it the rest of the body. Names, their order and the spelling of numbers stay as they are.
func NewPretty(resp *http.Response, decoded bool, w io.Writer) io.WriteCloser {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || resp.Header.Get("Content-Encoding") != "" && !decoded {
		return nil
	}
	lines := strings.HasSuffix(kind, "ndjson") || strings.HasSuffix(kind, "jsonl") || strings.HasSuffix(kind, "jsonlines")
	if !lines && kind != "application/json" && kind != "text/json" && !strings.HasSuffix(kind, "+json") {
		return nil
	}
	whole := !lines && !decoded && resp.ContentLength >= 0 && resp.ContentLength <= maxPretty
	return &pretty{w: w, lines: lines, whole: whole}
}

// pretty holds back what it has of a JSON value.
type pretty struct {
	w     io.Writer
	lines bool // each value on one line
	whole bool // the body is one value

	mu     sync.Mutex
	held   []byte
	scan   scanner
	timer  *time.Timer // for what is held; nil without
	asIs   bool        // the rest of the body
	failed error       // of a write that the timer made
}

func (p *pretty) Write(body []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return 0, p.failed
	}
	if p.asIs {
		return p.w.Write(body)
	}
	if p.whole {
		p.held = append(p.held, body...)
		return len(body), nil
	}
	for i, c := range body {
		if len(p.held) == 0 && isSpace(c) { // between two values
			continue
		}
		ended, beyond := p.scan.next(c)
		if !beyond {
			p.held = append(p.held, c)
		}
		if ended {
			if err := p.value(); err != nil {
				return 0, err
			}
			if beyond && !isSpace(c) && !p.asIs {
				p.scan.next(c)
				p.held = append(p.held, c)
			}
		}
		if len(p.held) > maxPretty {
			p.giveUp()
		}
		if p.asIs {
			rest := body[i+1:]
			if ended && beyond { // which value has not written
				rest = body[i:]
			}
			if _, err := p.w.Write(rest); err != nil {
				return 0, err
			}
			break
		}
	}
	p.await()
	return len(body), p.failed
}

// await bounds how long something is held.
func (p *pretty) await() {
	switch {
	case len(p.held) == 0 && p.timer != nil:
		p.timer.Stop()
		p.timer = nil
	case len(p.held) > 0 && p.timer == nil && !p.asIs:
		p.timer = time.AfterFunc(prettyPatience, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if len(p.held) > 0 {
				p.giveUp()
			}
		})
	}
}

// giveUp writes what is held as it is, and has the rest pass. The caller holds mu.
func (p *pretty) giveUp() {
	p.asIs = true
	_, p.failed = p.w.Write(p.held)
	p.held = nil
}

// value writes the value that is held. The caller holds mu.
func (p *pretty) value() error {
	var indented bytes.Buffer
	value := bytes.TrimSpace(p.held)
	err := json.Indent(&indented, value, "", "  ")
	if p.lines && err == nil {
		indented.Reset()
		err = json.Compact(&indented, value)
	}
	if err != nil {
		p.giveUp()
		return p.failed
	}
	p.held, p.scan = p.held[:0], scanner{}
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	text := colored(indented.Bytes())
	text.Add(tint.Plain, "\n")
	_, err = text.WriteTo(p.w)
	return err
}

// Close writes what is left: a number, whose end nothing else shows, or what never ended.
func (p *pretty) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
	if len(p.held) == 0 || p.failed != nil {
		return p.failed
	}
	return p.value()
}

// scanner finds the end of a JSON value. What is no JSON has ends, too: json.Indent finds that out.
type scanner struct {
	depth             int
	bare              bool // a number, true, false or null
	quoted, backslash bool
}

// next reads a byte. ended says that the value has ended, beyond that it did so before this byte.
func (s *scanner) next(c byte) (ended, beyond bool) {
	if s.quoted {
		switch {
		case s.backslash:
			s.backslash = false
		case c == '\\':
			s.backslash = true
		case c == '"':
			s.quoted = false
			return s.depth == 0, false
		}
		return false, false
	}
	if s.bare && s.depth == 0 && (isSpace(c) || strings.IndexByte(`{}[]",:`, c) >= 0) {
		return true, true
	}
	switch c {
	case '"':
		s.quoted = true
	case '{', '[':
		s.depth++
	case '}', ']':
		s.depth--
		return s.depth <= 0, false
	default:
		s.bare = s.depth == 0
	}
	return false, false
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// colored is valid JSON with a style for its names and values.
func colored(valid []byte) *tint.Text {
	text := &tint.Text{}
	for i := 0; i < len(valid); {
		end, style := i+1, tint.Plain
		switch c := valid[i]; {
		case c == '"':
			for valid[end] != '"' {
				if valid[end] == '\\' {
					end++
				}
				end++
			}
			end++
			if style = tint.Quoted; end < len(valid) && valid[end] == ':' {
				style = tint.Name
			}
		case c == 't' || c == 'f' || c == 'n':
			for end < len(valid) && 'a' <= valid[end] && valid[end] <= 'z' {
				end++
			}
			style = tint.Literal
		default:
			for end < len(valid) && valid[end] != '"' && valid[end] != 't' && valid[end] != 'f' && valid[end] != 'n' {
				end++
			}
		}
		text.Add(style, string(valid[i:end]))
		i = end
	}
	return text
}
