package runtime

import "time"

// MaxLogLine is the longest log line in bytes. A longer one arrives in pieces.
const MaxLogLine = 256 * 1024

// LogKind tells who wrote a line.
type LogKind uint8

// Who writes log lines.
const (
	LogFunction LogKind = iota // the function's standard output and standard error, in the order written
	LogPlatform                // START, END, REPORT, INIT_REPORT, "Task timed out", and furl's own remarks
)

// LogLine is one line of a function's log.
type LogLine struct {
	Time        time.Time
	Function    *Function
	LogGroup    string
	LogStream   string // one per environment
	Environment string // the environment's id, for reading concurrent streams apart
	RequestID   string // empty while the environment starts and between invocations
	Kind        LogKind
	Partial     bool   // the line was longer than MaxLogLine and goes on in the next LogLine
	Text        []byte // without the newline; valid only during the call
}

// LogSink takes the log lines of all functions.
type LogSink interface {
	// WriteLog keeps one line. It is called by many goroutines, for each environment in order. It must copy
	// Text if it keeps it. While it blocks, that one function blocks as soon as its pipe is full, so a sink
	// that can not keep up should drop lines and count them.
	WriteLog(LogLine)
}
