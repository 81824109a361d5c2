package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/cli"
	"github.com/furl-dev/furl/internal/tint"
)

// screened is what arrives at a terminal of texts that are written one after the other.
func screened(t testing.TB, texts ...string) string {
	t.Helper()
	var terminal bytes.Buffer
	screen := cli.NewScreen(&terminal)
	for _, text := range texts {
		if n, err := io.WriteString(screen, text); n != len(text) || err != nil {
			t.Fatalf("%q: wrote %d, %v", text, n, err)
		}
	}
	cli.Finish(screen)
	return terminal.String()
}

func TestScreenShowsWhatSteers(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"plain", "GET /book?page=5\n\tüñ漢👩‍💻\n", "GET /book?page=5\n\tüñ漢👩‍💻\n"},
		{"title of the window", "\x1b]0;root@prod\x07", `\u001b]0;root@prod\u0007`},
		{"clear", "\x1b[2J\x1b[1;1H", `\u001b[2J\u001b[1;1H`},
		{"C0", "\x00\x01\x08\x0b\x0c\x0e\x1f", `\u0000\u0001\u0008\u000b\u000c\u000e\u001f`},
		{"DEL", "a\x7fb", `a\u007fb`},
		{"C1 as a byte", "\x9b31m", `\x9b31m`},
		{"C1 as a character", "\u009b31m\u0085", `\u009b31m\u0085`},
		{"C1 in an overlong form", "\xc0\x9b\xe0\x82\x9b", `\xc0\x9b\xe0\x82\x9b`},
		{"Latin 1", "caf\xe9", `caf\xe9`},
		{"half a character", "\xe2\x82", `\xe2\x82`},
		{"a surrogate", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"the replacement character", "\ufffd", "\ufffd"},
		{"over a line", "refused\rallowed", `refused\u000dallowed`},
		{"CRLF", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\n\n"},
		{"two CR", "a\r\r\n", `a\u000d` + "\n"},
		{"CR at the end", "a\r", `a\u000d`},
		{"line separators", "a\u2028b\u2029", `a\u2028b\u2029`},
		{"override", "\u202egnp.exe\u202c", `\u202egnp.exe\u202c`},
		{"isolate", "\u2066a\u2069", `\u2066a\u2069`},
		{"marks of a script", "\u200e\u200f\u061c", "\u200e\u200f\u061c"},
		{"an escape of its own", `\u001b`, `\u001b`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, screened(t, test.text)); diff != "" {
				t.Errorf("(-want +shown)\n%s", diff)
			}
		})
	}
}

// Text in a style is shown like any other: only what begins and ends the style is furl's own.
func TestScreenShowsStyles(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"plain", "a\tb\n", "\x1b[92ma\tb\n\x1b[0m"},
		{"a style of a stranger", "\x1b[31mred\x1b[0m", `\u001b[31mred\u001b[0m`},
		{"C1", "\x9b31m\u009b0m", `\x9b31m\u009b0m`},
		{"half a character", "\xe2\x82", `\xe2\x82`},
		{"CR", "a\r", `a\u000d`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var terminal bytes.Buffer
			var text tint.Text
			text.Add(tint.Plain, test.text)
			text.Add(tint.Good, test.text)
			if _, err := text.WriteTo(cli.NewScreen(&terminal)); err != nil {
				t.Fatal(err)
			}
			shown := test.want
			if test.name != "plain" {
				shown = shown + "\x1b[92m" + shown + "\x1b[0m"
			} else {
				shown = test.text + shown
			}
			if terminal.String() != shown {
				t.Errorf("shown %q, want %q", &terminal, shown)
			}
			if found := steering.FindString(ownText.ReplaceAllString(terminal.String(), "$1")); found != "" {
				t.Errorf("%q steers", found)
			}
		})
	}
}

var ownText = regexp.MustCompile("(?s)\x1b\\[92m([^\x1b]*)\x1b\\[0m")

// Every style has what a terminal takes for it.
func TestScreenKnowsAllStyles(t *testing.T) {
	for style := tint.Plain + 1; style < tint.Named+tint.Names; style++ {
		var terminal bytes.Buffer
		var text tint.Text
		text.Add(style, "a")
		text.WriteTo(cli.NewScreen(&terminal))
		if !regexp.MustCompile("^\x1b\\[[0-9]+ma\x1b\\[0m$").MatchString(terminal.String()) {
			t.Errorf("style %d is %q", style, &terminal)
		}
	}
}

// Half a character that waits is shown before a style begins.
func TestScreenPaintsAfterWhatWaits(t *testing.T) {
	var terminal bytes.Buffer
	screen := cli.NewScreen(&terminal)
	io.WriteString(screen, "\xc2")
	var text tint.Text
	text.Add(tint.Good, "\x9b")
	text.WriteTo(screen)
	if want := "\\xc2\x1b[92m\\x9b\x1b[0m"; terminal.String() != want {
		t.Errorf("shown %q, want %q", &terminal, want)
	}
}

func TestWhoWantsColor(t *testing.T) {
	for _, test := range []struct {
		variables string
		want      bool
	}{
		{"", true},
		{"NO_COLOR=", true},
		{"NO_COLOR=1", false},
		{"NO_COLOR=0", false},
		{"TERM=dumb", false},
		{"TERM=xterm", true},
		{"TERM=dumber", true},
		{"CLICOLOR=0", false},
		{"CLICOLOR=1", true},
		{"CLICOLOR_FORCE=1 NO_COLOR=1", false},
	} {
		getenv := func(name string) string {
			for _, pair := range strings.Fields(test.variables) {
				if value, ok := strings.CutPrefix(pair, name+"="); ok {
					return value
				}
			}
			return ""
		}
		if got := cli.WantsColor(getenv); got != test.want {
			t.Errorf("%q: %t", test.variables, got)
		}
	}
}

func TestScreenHoldsHalfACharacterBack(t *testing.T) {
	var terminal bytes.Buffer
	screen := cli.NewScreen(&terminal)
	for _, step := range []struct {
		w    io.Writer
		text string
		want string
	}{
		{screen, "\xc2", ""},
		{screen, "\x9b", `\u009b`},
		{screen, "\xe2\x82", ""},
		{screen, "\xac", "€"},
		{screen, "\r", ""},
		{screen, "\n", "\n"},
		{screen, "\xc2", ""},
		{cli.Raw(screen), "\x1b[1m", "\\xc2\x1b[1m"},
		{screen, "\xc2", ""},
		{screen, "a", `\xc2a`},
	} {
		terminal.Reset()
		io.WriteString(step.w, step.text)
		if terminal.String() != step.want {
			t.Errorf("%q: shown %q, want %q", step.text, &terminal, step.want)
		}
	}
}

func TestScreenKeepsJSON(t *testing.T) {
	value := "\x1b]0;a\x07\x7f\u009b\u202e\u2028\r\n\\u001b"
	encoded, err := json.Marshal(map[string]string{value: value})
	if err != nil {
		t.Fatal(err)
	}
	shown := screened(t, string(encoded))
	var back map[string]string
	if err := json.Unmarshal([]byte(shown), &back); err != nil || back[value] != value {
		t.Errorf("%s is %q, %v", shown, back, err)
	}
	if strings.ContainsAny(shown, "\x7f\u009b\u202e") {
		t.Errorf("shown %q", shown)
	}
}

func TestOtherStreamsGetAllBytes(t *testing.T) {
	const text = "\x1b]0;a\x07\x9b\u009b\x7f\r\n\xc2"
	var file bytes.Buffer
	io.WriteString(cli.Raw(&file), text)
	if file.String() != text {
		t.Errorf("wrote %q", &file)
	}
}

type closedTerminal struct{}

func (closedTerminal) Write([]byte) (int, error) { return 0, errors.New("hung up") }

func TestScreenTellsErrors(t *testing.T) {
	screen := cli.NewScreen(closedTerminal{})
	if n, err := io.WriteString(screen, "a"); n != 0 || err == nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := io.WriteString(cli.Raw(screen), "a"); n != 0 || err == nil {
		t.Errorf("raw: %d, %v", n, err)
	}
}

// steering is what of the text a terminal could obey, judged without the code under test.
var steering = regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

// FuzzScreen: nothing that steers arrives, wherever the writes begin and end; what is shown is shown as it is; and what
// does not steer is not changed.
func FuzzScreen(f *testing.F) {
	f.Add("\x1b]0;a\x07", 3, 5)
	f.Add("\xc2\x9b\r\n\r", 1, 3)
	f.Add("a\u202eb\xe2\x80", 2, 4)
	f.Fuzz(func(t *testing.T, text string, first, second int) {
		first, second = max(0, min(first, len(text))), max(0, min(second, len(text)))
		first, second = min(first, second), max(first, second)
		shown := screened(t, text)
		if found := steering.FindString(shown); found != "" || !utf8.ValidString(shown) {
			t.Errorf("%q is shown %q, with %q", text, shown, found)
		}
		if parts := screened(t, text[:first], text[first:second], text[second:]); parts != shown {
			t.Errorf("%q in three writes is shown %q, in one %q", text, parts, shown)
		}
		if again := screened(t, shown); again != shown {
			t.Errorf("%q is shown %q", shown, again)
		}
		if utf8.ValidString(text) && !steering.MatchString(text) && shown != text {
			t.Errorf("%q is shown %q", text, shown)
		}
	})
}

// ownStyle is what textLog may color: the time, the level and the names of facts.
var ownStyle = regexp.MustCompile(
	"\x1b\\[2m(\\d\\d:\\d\\d:\\d\\d\\.\\d{3}| [a-z_.]+=)\x1b\\[0m|\x1b\\[9[123]m([A-Z]{3})\x1b\\[0m")

func TestLogOnATerminal(t *testing.T) {
	var terminal bytes.Buffer
	log := cli.NewTextLog(cli.NewScreen(&terminal))
	evil := "\x1b[31mred\x1b]0;a\x07 \x9b\u009b\x7f\u202e\nERR \\x1b[31m"
	log.Info("refused", "target", evil, "path", "\x7f\x1b[31m", "quoted", `'a'b"c`, "single", "'a'b", "n", 3,
		"error", errors.New(evil), "bytes", []byte(evil))
	inner := slog.GroupValue(slog.String("a", evil))
	log.With("attached", evil).WithGroup("group").Warn("http: panic serving: "+evil, "inner", inner)
	log.Error("last")
	log.Debug("after it")
	shown := ownStyle.ReplaceAllString(terminal.String(), "$1$2")
	if found := steering.FindString(shown); found != "" || !utf8.ValidString(shown) {
		t.Errorf("shown is %q, with %q", shown, found)
	}
	for _, want := range []string{
		" INF refused target=", `"\x1b[31mred`, `path=`, `single='a'b n=3 error=`, " WRN http: panic serving: ", "\n    ERR ",
		" attached=", " group.inner.a=", " ERR last\n", " DBG after it\n",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in %q", want, shown)
		}
	}
	if lines := strings.Count(shown, "\n"); lines != 5 {
		t.Errorf("%d lines in %q", lines, shown)
	}
	for _, want := range []string{"\x1b[92mINF\x1b[0m", "\x1b[2m target=\x1b[0m"} {
		if !strings.Contains(terminal.String(), want) {
			t.Errorf("%q is not in %q", want, &terminal)
		}
	}
}

func TestLogWithoutColor(t *testing.T) {
	var file bytes.Buffer
	cli.NewTextLog(&file).Info("refused", "target", "/\x9b", "level", "x", "msg", "y", "time", "z")
	if _, shown, _ := strings.Cut(file.String(), " "); shown != `INF refused target="/\x9b" level=x msg=y time=z`+"\n" {
		t.Errorf("wrote %q", &file)
	}
}
