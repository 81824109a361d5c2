package tint_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/tint"
)

// painter keeps what it is given.
type painter struct {
	bytes.Buffer
	spans []tint.Span
}

func (p *painter) Paint(text []byte, spans []tint.Span) error {
	p.spans = append(p.spans, spans...)
	_, err := p.Write(text)
	return err
}

// painted are the parts of a text that have a style.
func painted(t *testing.T, text *tint.Text) map[string]tint.Style {
	t.Helper()
	var to painter
	if n, err := text.WriteTo(&to); err != nil || n != int64(len(text.String())) || to.String() != text.String() {
		t.Fatalf("wrote %d bytes %q, %v", n, &to, err)
	}
	parts := map[string]tint.Style{}
	for _, span := range to.spans {
		parts[to.String()[span.From:span.To]] = span.Style
	}
	return parts
}

func TestText(t *testing.T) {
	var text tint.Text
	text.Addf("%s is ", "é")
	text.Pad(tint.Good, "ök", 4)
	text.Add(tint.Bad, "")
	text.Write([]byte("| "))
	text.Pad(tint.Bad, "refused", 3)
	const want = "é is ök  | refused"
	if text.String() != want {
		t.Errorf("%q", text.String())
	}
	if diff := cmp.Diff(map[string]tint.Style{"ök": tint.Good, "refused": tint.Bad}, painted(t, &text)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var file bytes.Buffer
	if n, err := text.WriteTo(&file); err != nil || n != int64(len(want)) || file.String() != want {
		t.Errorf("a file got %d bytes %q, %v", n, &file, err)
	}
	if text.Reset(); text.String() != "" || len(painted(t, &text)) != 0 {
		t.Errorf("after Reset: %q", text.String())
	}
}

type closed struct{}

func (closed) Write([]byte) (int, error)       { return 0, errors.New("closed") }
func (closed) Paint([]byte, []tint.Span) error { return errors.New("closed") }

func TestTextTellsErrors(t *testing.T) {
	var text tint.Text
	text.Add(tint.Good, "ok")
	if _, err := text.WriteTo(closed{}); err == nil {
		t.Error("no error")
	}
}

func TestDiff(t *testing.T) {
	const diff = "--- a\n+++ b\n@@ -1 +1 @@\n same\n-old\n+new\n~ changed\n± again\n      -inner\n     -not"
	text := tint.Diff(diff, "      ")
	if text.String() != diff {
		t.Errorf("the text is %q", text.String())
	}
	want := map[string]tint.Style{
		"--- a": tint.Strong, "+++ b": tint.Strong, "@@ -1 +1 @@": tint.Note, "-old": tint.Bad, "+new": tint.Good,
		"~ changed": tint.Doubt, "± again": tint.Doubt, "      -inner": tint.Bad,
	}
	if diff := cmp.Diff(want, painted(t, text)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
