package cli

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
)

// NewScreen is a screen whose terminal is any writer.
func NewScreen(terminal io.Writer) io.Writer { return &screen{terminal: terminal, colored: true} }

var (
	Raw    = raw
	Finish = finish

	WantsColor = wantsColor
)

// NewTextLog is the log as a person reads it, with all of its levels.
func NewTextLog(out io.Writer) *slog.Logger {
	return slog.New(newTextLog(out, slog.LevelDebug))
}

// Root is the whole command line.
func Root() *cobra.Command {
	p := &program{getenv: func(string) string { return "" }}
	return p.root()
}

// Leaf is the command line for the arguments of a command that has no commands below it.
func Leaf(args ...string) *cobra.Command {
	p := &program{getenv: func(string) string { return "" }, args: args}
	return p.root()
}

// Completing is the whole command line, as it answers a shell.
func Completing() *cobra.Command {
	p := &program{getenv: func(string) string { return "" }}
	root := p.root()
	p.answerTab(root)
	return root
}

// KeptNames are names that AWS gave.
type KeptNames struct{ kept keptNames }

func NewKeptNames(question ...string) KeptNames { return KeptNames{newKeptNames(question...)} }

func (k KeptNames) Read(now time.Time) ([]string, bool) { return k.kept.read(now) }
func (k KeptNames) Write(names []string, now time.Time) { k.kept.write(names, now) }
func (k KeptNames) File() string                        { return k.kept.file }

// Row is a row of the table of errors: its exit status, and whether errors of other packages are of this kind.
type Row struct {
	Code    int
	Hint    string
	Matches bool
}

// ErrorTable is the table of errors.
func ErrorTable() []Row {
	var rows []Row
	for _, row := range errorTable {
		rows = append(rows, Row{row.code, row.hint, row.match != nil})
	}
	return rows
}

// Outcome is the row of an error, and its hint.
func Outcome(err error) (row int, hint string) {
	kind, hint := outcome(context.Background(), err)
	return int(kind), hint
}

// Synonyms are words that people type for furl's commands.
var Synonyms = synonyms

// Fill puts the arguments into the places of a hint.
var Fill = fill

// RefusedConnection is the error of a port at which nothing listens.
const RefusedConnection = refusedConnection

// ForShell is a hint as the shell of a system takes it, and ShellOn the name of that shell.
var (
	ForShell = forShell
	ShellOn  = shellOn
)

// SinceTime reads the time of furl logs --since.
var SinceTime = sinceTime
