//go:build unix

package logs

import (
	"encoding/json"
	"strings"
)

// Level is how much a line matters, from Trace to Fatal. The zero Level is that of a line that does not say.
type Level int8

// The levels, as Lambda names them (Lambda Developer Guide, "Log-level filtering").
const (
	Trace Level = iota + 1
	Debug
	Info
	Warn
	Error
	Fatal
)

var levelNames = [...]string{Trace: "TRACE", Debug: "DEBUG", Info: "INFO", Warn: "WARN", Error: "ERROR", Fatal: "FATAL"}

// String is the name of the level, "" for the zero Level.
func (l Level) String() string { return levelNames[l] }

// LevelNames are the names that ParseLevel takes, for messages.
const LevelNames = "TRACE, DEBUG, INFO, WARN, ERROR and FATAL"

// ParseLevel reads the name of a level, in any case, also under the names that loggers give to it.
func ParseLevel(name string) (Level, bool) {
	switch strings.ToUpper(name) {
	case "TRACE":
		return Trace, true
	case "DEBUG":
		return Debug, true
	case "INFO", "INFORMATION", "NOTICE":
		return Info, true
	case "WARN", "WARNING":
		return Warn, true
	case "ERROR", "ERR":
		return Error, true
	case "FATAL", "CRITICAL", "PANIC":
		return Fatal, true
	}
	return 0, false
}

// Levels finds the level of each line of a log, in order. A line that does not say its level goes with the line before
// it in the same invocation, as those of a traceback do; the first ones are Info.
type Levels struct {
	byRequest map[string]Level
}

// maxRequests bounds the invocations whose lines may be amid each other.
const maxRequests = 1000

// Of is the level of the next line.
func (l *Levels) Of(line Line) Level {
	if line.Stream == Platform {
		if strings.HasPrefix(line.Text, "END ") {
			delete(l.byRequest, line.RequestID)
		}
		return platformLevel(line.Text)
	}
	level := levelOf(line.Text)
	if level == 0 {
		if level = l.byRequest[line.RequestID]; level == 0 {
			return Info
		}
		return level
	}
	if l.byRequest == nil || len(l.byRequest) >= maxRequests {
		l.byRequest = map[string]Level{}
	}
	l.byRequest[line.RequestID] = level
	return level
}

// platformLevel is the level of a line of the platform: what says that an invocation or a start failed is an error,
// furl's own remarks are warnings.
func platformLevel(text string) Level {
	switch {
	case strings.Contains(text, "\tStatus: "), strings.Contains(text, "Task timed out after "),
		strings.Contains(text, " Error: Runtime exited"):
		return Error
	case strings.HasPrefix(text, "furl: "):
		return Warn
	}
	return Info
}

// levelOf is the level that a line of a function says it has: as a member of an object in JSON, as the text loggers of
// AWS's runtimes write it ("[ERROR]\t…" of Python, "TIME\tID\tERROR\t…" of Node.js), as level=ERROR, or as its first
// word in capitals, but for a time and the id of a request. "Error" in other letters may begin any sentence.
func levelOf(text string) Level {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		return jsonLevel(text)
	}
	if rest, ok := strings.CutPrefix(text, "["); ok {
		name, _, closed := strings.Cut(rest, "]")
		if level, ok := ParseLevel(name); closed && ok {
			return level
		}
	}
	if fields := strings.SplitN(text, "\t", 4); len(fields) == 4 { // of the runtime of Node.js
		if level, ok := ParseLevel(fields[2]); ok {
			return level
		}
	}
	i := 0
	const enough = 4 // a date, a time, a request id and the level
	for word := range strings.FieldsSeq(text[:min(len(text), 128)]) {
		if value, ok := strings.CutPrefix(word, "level="); ok {
			level, _ := ParseLevel(strings.Trim(value, `"`))
			return level
		}
		if i++; i > enough {
			break
		}
		if strings.Trim(word, "0123456789abcdef-:./,+TZ") == "" || strings.Contains(word, "=") {
			continue // a time, the id of a request, another member
		}
		name, _, _ := strings.Cut(strings.Trim(word, "[]|<>"), ":") // WARNING:root:… of Python
		if level, ok := ParseLevel(name); ok && strings.ToUpper(name) == name {
			return level
		}
		break
	}
	return 0
}

// jsonLevel is the level of a line that is an object. Loggers name the member level, severity, log_level or lvl; pino and
// bunyan write numbers.
func jsonLevel(text string) Level {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &object) != nil {
		return 0
	}
	for _, member := range [...]string{"level", "severity", "log_level", "lvl", "levelname", "Level", "LogLevel"} {
		var name string
		var number float64
		switch value, ok := object[member]; {
		case !ok:
		case json.Unmarshal(value, &name) == nil:
			if level, ok := ParseLevel(name); ok {
				return level
			}
		case json.Unmarshal(value, &number) == nil && number >= 10:
			return min(Level(number/10), Fatal)
		}
	}
	return 0
}
