package cli

import (
	"io"
	"log/slog"
)

// NewScreen is a screen whose terminal is any writer.
func NewScreen(terminal io.Writer) io.Writer { return &screen{terminal: terminal} }

var (
	Raw    = raw
	Finish = finish
)

// NewTextLog is the log as a person reads it, with all of its levels.
func NewTextLog(out io.Writer, color bool) *slog.Logger {
	return slog.New(newTextLog(out, slog.LevelDebug, color))
}
