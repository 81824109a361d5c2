package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/tint"
)

// logFlags are the flags for the log of a server.
type logFlags struct{ level, format string }

func newLogFlags() logFlags { return logFlags{level: "info", format: "auto"} }

func (l *logFlags) settings() []setting {
	return []setting{
		{"log-level", &l.level, "logLevel", "lowest level to log: debug, info, warn or error"},
		{"log-format", &l.format, "logFormat", "text, json, or auto for text on a terminal"},
	}
}

// logger makes the program's log, on stderr.
func (p *program) logger(flags *logFlags) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(flags.level)); err != nil {
		return nil, fmt.Errorf("log-level: %q is none of debug, info, warn and error", flags.level)
	}
	format := flags.format
	switch {
	case format == "json" || format == "auto" && !isTerminal(p.streams.Err):
		return slog.New(slog.NewJSONHandler(p.streams.Err, &slog.HandlerOptions{Level: least})), nil
	case format == "text" || format == "auto":
		return slog.New(newTextLog(p.streams.Err, least)), nil
	default:
		return nil, fmt.Errorf("log-format: %q is none of auto, text and json", format)
	}
}

// textLog is the log as a person reads it: time, level, message and facts in a line.
type textLog struct {
	*textLine
	facts slog.Handler // writes NAME=VALUE pairs into the line's buffer
}

// textLine is the line that is being written, shared by all loggers of one stream.
type textLine struct {
	mu     sync.Mutex
	out    io.Writer
	buffer bytes.Buffer
	line   tint.Text
}

func newTextLog(out io.Writer, least slog.Level) *textLog {
	line := &textLine{out: out}
	facts := slog.NewTextHandler(&line.buffer, &slog.HandlerOptions{Level: least, ReplaceAttr: onlyFacts})
	return &textLog{textLine: line, facts: facts}
}

// onlyFacts leaves out what textLog writes itself: the level, and the empty message that it passes on.
func onlyFacts(groups []string, a slog.Attr) slog.Attr {
	_, isLevel := a.Value.Any().(slog.Level)
	if len(groups) == 0 && (a.Key == slog.LevelKey && isLevel || a.Equal(slog.String(slog.MessageKey, ""))) {
		return slog.Attr{}
	}
	return a
}

func (l *textLog) Enabled(ctx context.Context, level slog.Level) bool {
	return l.facts.Enabled(ctx, level)
}

func (l *textLog) WithAttrs(attributes []slog.Attr) slog.Handler {
	return &textLog{textLine: l.textLine, facts: l.facts.WithAttrs(attributes)}
}

func (l *textLog) WithGroup(name string) slog.Handler {
	return &textLog{textLine: l.textLine, facts: l.facts.WithGroup(name)}
}

func (l *textLog) Handle(ctx context.Context, record slog.Record) error {
	facts := slog.NewRecord(time.Time{}, record.Level, "", 0)
	record.Attrs(func(a slog.Attr) bool {
		facts.AddAttrs(a)
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buffer.Reset()
	if err := l.facts.Handle(ctx, facts); err != nil {
		return err
	}
	l.line.Reset()
	l.line.Add(tint.Faint, record.Time.Format("15:04:05.000"))
	l.line.Add(tint.Plain, " ")
	switch level := record.Level; {
	case level < slog.LevelInfo:
		l.line.Add(tint.Plain, "DBG")
	case level < slog.LevelWarn:
		l.line.Add(tint.Good, "INF")
	case level < slog.LevelError:
		l.line.Add(tint.Doubt, "WRN")
	default:
		l.line.Add(tint.Bad, "ERR")
	}
	// A message of several lines, such as the stack of a panic, must not look like several messages.
	l.line.Add(tint.Plain, " "+strings.ReplaceAll(record.Message, "\n", "\n    "))
	l.addFacts(strings.TrimSuffix(l.buffer.String(), "\n"))
	l.line.Add(tint.Plain, "\n")
	_, err := l.line.WriteTo(l.out)
	return err
}

// addFacts adds NAME=VALUE pairs as slog's text handler writes them: a value with a space in it is quoted.
func (l *textLog) addFacts(pairs string) {
	for pairs != "" {
		name, rest, _ := strings.Cut(pairs, "=")
		value, _, _ := strings.Cut(rest, " ")
		if quoted, err := strconv.QuotedPrefix(rest); err == nil && rest[0] == '"' {
			value = quoted
		}
		l.line.Add(tint.Faint, " "+name+"=")
		l.line.Add(tint.Plain, value)
		pairs = strings.TrimPrefix(rest[len(value):], " ")
	}
}
