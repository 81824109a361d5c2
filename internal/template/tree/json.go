package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// jsonReader makes a tree from the tokens of a JSON text.
type jsonReader struct {
	file    string
	text    []byte
	decoder *json.Decoder
	at      int // offset of the last position, which only grows
	line    int
	column  int
	nodes   int
	faults  Faults
}

// notJSON begins the faults of texts that are not JSON.
const notJSON = "this is not JSON: "

func parseJSON(file string, text []byte) (*Node, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	r := &jsonReader{file: file, text: text, line: 1, column: 1, decoder: json.NewDecoder(bytes.NewReader(text))}
	r.decoder.UseNumber()
	root, err := r.read(0)
	if err == nil {
		if _, err = r.decoder.Token(); err == nil {
			err = errors.New("there is more behind the value")
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		offset := int(r.decoder.InputOffset())
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) && int(syntax.Offset)-1 > offset {
			offset = int(syntax.Offset) - 1 // the byte that it is about is read
		}
		return nil, Faults{{r.position(offset), notJSON + err.Error()}}
	}
	return root, r.faults.Err()
}

// position is that of an offset, or of what begins behind the space, the commas and the colons there. No offset is
// before the last one.
func (r *jsonReader) position(offset int) Position {
	for offset < len(r.text) && bytes.IndexByte([]byte(" \t\r\n,:"), r.text[offset]) >= 0 {
		offset++
	}
	offset = min(offset, len(r.text))
	for ; r.at < offset; r.at++ {
		switch c := r.text[r.at]; {
		case c == '\n':
			r.line, r.column = r.line+1, 1
		case utf8.RuneStart(c):
			r.column++
		}
	}
	return Position{r.file, r.line, r.column}
}

func (r *jsonReader) read(depth int) (*Node, error) {
	if r.nodes++; r.nodes > maxNodes || depth > maxDepth {
		return nil, fmt.Errorf("it has more than %d values, or values more than %d deep", maxNodes, maxDepth)
	}
	out := &Node{Pos: r.position(int(r.decoder.InputOffset()))}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case string:
		out.Kind, out.Text = String, token
	case json.Number:
		out.Kind, out.Text = Number, token.String()
	case bool:
		out.Kind, out.Text = Bool, fmt.Sprint(token)
	case json.Delim:
		if token == '[' {
			out.Kind = List
			for r.decoder.More() {
				item, err := r.read(depth + 1)
				if err != nil {
					return nil, err
				}
				out.Items = append(out.Items, item)
			}
		} else if err := r.members(out, depth); err != nil {
			return nil, err
		}
		_, err = r.decoder.Token() // the end
	}
	return out, err
}

func (r *jsonReader) members(out *Node, depth int) error {
	out.Kind = Map
	at := map[string]Position{}
	for r.decoder.More() {
		pos := r.position(int(r.decoder.InputOffset()))
		name, err := r.decoder.Token()
		if err != nil {
			return err
		}
		value, err := r.read(depth + 1)
		if err != nil {
			return err
		}
		key := name.(string) // the decoder takes nothing else
		if first, twice := at[key]; twice {
			r.faults.Add(pos, "%q is there twice, first in line %d", key, first.Line)
			continue
		}
		at[key] = pos
		out.Members = append(out.Members, Member{key, pos, value})
	}
	return nil
}
