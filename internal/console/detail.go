//go:build unix

package console

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/logs"
	"github.com/furl-dev/furl/internal/snippet"
	"github.com/furl-dev/furl/internal/trace"
)

// detail is all that the server knows of a request.
type detail struct {
	requestLine
	Steps   []step     `json:"steps"`
	Fixes   []fix      `json:"fixes"`
	Event   *body      `json:"event,omitempty"`
	Request *message   `json:"request,omitempty"`
	Answer  *message   `json:"answer,omitempty"`
	Logs    []logLine  `json:"logs"`
	Replay  replayable `json:"replay"`
}

type step struct {
	Step     string          `json:"step"`
	Verdict  trace.Verdict   `json:"verdict"`
	Summary  string          `json:"summary"`
	Details  []string        `json:"details"`
	Micros   int64           `json:"micros"`
	Mismatch *trace.Mismatch `json:"mismatch,omitempty"`
	Decision *trace.Decision `json:"decision,omitempty"`
}

type fix struct {
	Form      snippet.Form `json:"form"`
	Texts     []string     `json:"texts"`
	Sentences []string     `json:"sentences"`
}

// body is the beginning of a body. What is not UTF-8 is in base64, since JSON has no bytes.
type body struct {
	Text   string `json:"text"`
	Base64 bool   `json:"base64,omitempty"`
	Bytes  int    `json:"bytes"` // of all of it
	Cut    bool   `json:"cut"`
	Hidden bool   `json:"hidden,omitempty"` // something in it is hidden
}

type message struct {
	Method  string      `json:"method,omitempty"`
	Target  string      `json:"target,omitempty"`
	Status  int         `json:"status,omitempty"`
	Headers [][2]string `json:"headers"`
	Hidden  []string    `json:"hidden,omitempty"` // headers whose values are hidden
	Cut     bool        `json:"cut,omitempty"`    // there are more headers, or more of the target
	Body    body        `json:"body"`
}

type logLine struct {
	Time      time.Time `json:"time"`
	Stream    string    `json:"stream"`
	Text      string    `json:"text"`
	Version   string    `json:"version,omitempty"`
	Function  string    `json:"function,omitempty"`
	RequestID string    `json:"requestId,omitempty"`
	Level     string    `json:"level,omitempty"`
}

// replayable says whether a request can be sent again, and for which callers.
type replayable struct {
	Possible bool     `json:"possible"`
	Why      string   `json:"why,omitempty"`
	Hidden   []string `json:"hidden"`
	Callers  []string `json:"callers"`
}

// LogReader yields the last lines of the log of a function: of a request, or of all if requestID is empty.
type LogReader func(ctx context.Context, function, requestID string, lines int) (iter.Seq2[logs.Entry, error], error)

// find is the trace of a request.
func (c *Console) find(id string) (*trace.Trace, error) {
	found, ok := c.Traces.Find(id)
	if !ok {
		return nil, &Fault{http.StatusNotFound,
			fmt.Sprintf("no request %q is kept: the server keeps the last %d", trace.Cut(id, 64), trace.Kept)}
	}
	return found, nil
}

// request is one request and why it came out as it did.
func (c *Console) request(r *http.Request) (any, error) {
	found, err := c.find(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	shown := detail{requestLine: lineOf(found), Fixes: fixesOf(found), Logs: c.logsOf(r.Context(), found)}
	for _, one := range found.Report().Steps {
		shown.Steps = append(shown.Steps, step{
			one.Step, one.Verdict, one.Summary, some(one.Details), one.Micros, one.Mismatch, one.Decision,
		})
	}
	kept, ok := c.Exchanges.Find(found.RequestID)
	if ok {
		shown.Request, shown.Answer = messageOf(kept.Request), messageOf(kept.Answer)
		if kept.Event.Size > 0 {
			event := bodyOf(kept.Event)
			shown.Event = &event
		}
	}
	shown.Replay = c.replayableOf(found, kept, ok)
	shown.Steps = some(shown.Steps)
	return shown, nil
}

// some is a list that is never null in JSON.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// fixesOf are the fixes of a request in all forms; none if it needs none.
func fixesOf(found *trace.Trace) []fix {
	fixes := []fix{}
	for _, form := range snippet.Forms() {
		if texts, sentences := found.FixAs(string(form)); len(texts)+len(sentences) > 0 {
			fixes = append(fixes, fix{form, some(texts), some(sentences)})
		}
	}
	return fixes
}

func messageOf(kept trace.Message) *message {
	shown := &message{
		Method: kept.Method, Target: kept.Target, Status: kept.Status, Headers: [][2]string{}, Hidden: kept.Hidden, Cut: kept.Cut,
		Body: bodyOf(kept.Body),
	}
	for _, field := range kept.Header {
		shown.Headers = append(shown.Headers, [2]string{field.Name, field.Value})
	}
	return shown
}

func bodyOf(kept trace.Body) body {
	shown := body{Text: string(kept.Bytes), Bytes: kept.Size, Cut: kept.Cut, Hidden: kept.Hidden}
	if !utf8.Valid(kept.Bytes) {
		shown.Text, shown.Base64 = base64.StdEncoding.EncodeToString(kept.Bytes), true
	}
	return shown
}

const (
	maxLogLines = 1000 // of a request

	// maxLogBytes is how much of a log text is shown for a request.
	maxLogBytes = 1 << 20

	// recentLines is where a request's lines are looked for first: a log can be long, and its end is read quickly.
	recentLines = 10_000
)

// logsOf are the log lines of a request, oldest first; none if its function was not reached or is not there any more.
func (c *Console) logsOf(ctx context.Context, found *trace.Trace) []logLine {
	if c.Log == nil || found.Function.Empty() || !found.Reached("invoke") {
		return []logLine{}
	}
	function := found.Function.String()
	if parts := strings.Split(function, ":"); len(parts) > 7 {
		function = strings.Join(parts[:7], ":") // the lines of any version
	}
	lines, whole := c.readLog(ctx, function, "", recentLines, found.RequestID)
	if !whole {
		lines, _ = c.readLog(ctx, function, found.RequestID, maxLogLines, found.RequestID)
	}
	return lines
}

// readLog is the lines of a request among the last lines of a log that are asked for. whole reports that no more are
// before these.
func (c *Console) readLog(ctx context.Context, function, asked string, count int, id string) (lines []logLine, whole bool) {
	lines = []logLine{}
	entries, err := c.Log(ctx, function, asked, count)
	if err != nil {
		return lines, true // the function was deleted
	}
	read, bytes := 0, 0
	for entry, err := range entries {
		if err != nil {
			break
		}
		if read++; entry.RequestID != id {
			continue
		}
		if len(lines) == 0 && read > 1 {
			whole = true
		}
		if bytes += len(entry.Text); bytes > maxLogBytes {
			break
		}
		lines = append(lines, logLine{
			entry.Time, entry.Stream.String(), entry.Text, entry.Version, entry.Function, entry.RequestID, entry.Level.String(),
		})
	}
	if read < count {
		whole = true // that was all of the log
	}
	return slices.Clip(lines[max(0, len(lines)-maxLogLines):]), whole
}
