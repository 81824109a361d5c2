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
	terminal := isTerminal(p.streams.Err)
	switch {
	case format == "json" || format == "auto" && !terminal:
		return slog.New(slog.NewJSONHandler(p.streams.Err, &slog.HandlerOptions{Level: least})), nil
	case format == "text" || format == "auto":
		return slog.New(newTextLog(p.streams.Err, least, terminal && p.getenv("NO_COLOR") == "")), nil
	default:
		return nil, fmt.Errorf("log-format: %q is none of auto, text and json", format)
	}
}

// textLog is the log as a person reads it: time, level, message and facts in a line. Only the colors are furl's own.
// The text comes from outside, and a terminal gets it escaped, as from a screen.
type textLog struct {
	*textLine
	facts slog.Handler // writes NAME=VALUE pairs into the line's buffer
	color bool
}

// textLine is the line that is being written, shared by all loggers of one stream.
type textLine struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	buffer   bytes.Buffer
	line     []byte
}

func newTextLog(out io.Writer, least slog.Level, color bool) *textLog {
	line := &textLine{out: raw(out), terminal: isTerminal(out)}
	facts := slog.NewTextHandler(&line.buffer, &slog.HandlerOptions{Level: least, ReplaceAttr: onlyFacts})
	return &textLog{textLine: line, facts: facts, color: color}
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
	return &textLog{textLine: l.textLine, facts: l.facts.WithAttrs(attributes), color: l.color}
}

func (l *textLog) WithGroup(name string) slog.Handler {
	return &textLog{textLine: l.textLine, facts: l.facts.WithGroup(name), color: l.color}
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
	l.line = l.line[:0]
	l.add(faint, record.Time.Format("15:04:05.000"))
	l.line = append(l.line, ' ')
	switch level := record.Level; {
	case level < slog.LevelInfo:
		l.add(plain, "DBG")
	case level < slog.LevelWarn:
		l.add(green, "INF")
	case level < slog.LevelError:
		l.add(yellow, "WRN")
	default:
		l.add(red, "ERR")
	}
	// A message of several lines, such as the stack of a panic, must not look like several messages.
	l.add(plain, " "+strings.ReplaceAll(record.Message, "\n", "\n    "))
	l.addFacts(strings.TrimSuffix(l.buffer.String(), "\n"))
	l.line = append(l.line, '\n')
	_, err := l.out.Write(l.line)
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
		l.add(faint, " "+name+"=")
		l.add(plain, value)
		pairs = strings.TrimPrefix(rest[len(value):], " ")
	}
}

// Colors, as the terminal is set.
const (
	plain  = ""
	faint  = "\x1b[2m"
	red    = "\x1b[91m"
	green  = "\x1b[92m"
	yellow = "\x1b[93m"
	reset  = "\x1b[0m"
)

// add adds text to the line, in a color.
func (l *textLog) add(color, text string) {
	styled := l.color && color != plain
	if styled {
		l.line = append(l.line, color...)
	}
	if l.terminal {
		l.line, _ = appendShown(l.line, []byte(text), true)
	} else {
		l.line = append(l.line, text...)
	}
	if styled {
		l.line = append(l.line, reset...)
	}
}
