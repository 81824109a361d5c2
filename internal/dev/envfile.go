//go:build unix

package dev

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
)

// ReadEnvFile reads a file of NAME=VALUE lines, as dotenv has them: with comments, "export", and quotes over several
// lines. Nothing in a value is replaced by another variable. An error names the line, and never a value.
func ReadEnvFile(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values, faults := parseEnv(strings.TrimPrefix(string(text), "\ufeff"))
	var errs []error
	for _, fault := range faults {
		fault.Path = path
		errs = append(errs, fault)
	}
	return values, errors.Join(errs...)
}

// parseEnv reads the text of such a file.
func parseEnv(text string) (map[string]string, []*FileError) {
	values := map[string]string{}
	var faults []*FileError
	text = strings.ReplaceAll(text, "\r\n", "\n")
	for number := 1; text != ""; {
		line, rest, _ := strings.Cut(text, "\n")
		at := number
		fault := func(format string, arguments ...any) {
			faults = append(faults, &FileError{Line: at, Text: fmt.Sprintf(format, arguments...)})
		}
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || trimmed[0] == '#' {
			text, number = rest, number+1
			continue
		}
		name, value, ok := strings.Cut(trimmed, "=")
		if exported, ok := strings.CutPrefix(name, "export "); ok {
			name = exported
		}
		name = strings.TrimSpace(name)
		switch {
		case !ok:
			fault("want NAME=VALUE; the line has no =")
		case !isVariable(name):
			fault("the part before = is not the name of a variable, which has letters, digits and _, and no digit first")
		}
		value = strings.TrimLeft(value, " \t")
		if value == "" || value[0] != '"' && value[0] != '\'' {
			if ok && isVariable(name) {
				values[name] = plainValue(value)
			}
			text, number = rest, number+1
			continue
		}
		// A value in quotes may go on over the ends of lines.
		quote := value[0]
		begin := len(line) - len(strings.TrimRight(line, " \t")) // what TrimSpace took from the end
		all := text[len(line)-begin-len(value)+1:]
		unquoted, length := quoted(all, quote)
		if length < 0 {
			fault("the quotes are not closed")
			text, number = rest, number+1
			continue
		}
		number += strings.Count(all[:length], "\n")
		after, following, _ := strings.Cut(all[length:], "\n")
		if after = strings.TrimSpace(after); after != "" && after[0] != '#' {
			fault("there is text after the closing quotes")
		} else if ok && isVariable(name) {
			values[name] = unquoted
		}
		text, number = following, number+1
	}
	return values, faults
}

// plainValue is a value without quotes: a comment begins with # after a space.
func plainValue(value string) string {
	if strings.HasPrefix(value, "#") {
		return ""
	}
	for i := 1; i < len(value); i++ {
		if value[i] == '#' && (value[i-1] == ' ' || value[i-1] == '\t') {
			value = value[:i]
			break
		}
	}
	return strings.TrimSpace(value)
}

// quoted reads a text up to the closing quotes, and says how long it is with them; -1 if they are not closed. Only in
// double quotes a backslash means something.
func quoted(text string, quote byte) (value string, length int) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			return out.String(), i + 1
		case c == '\\' && quote == '"' && i+1 < len(text):
			i++
			switch text[i] {
			case 'n':
				out.WriteByte('\n')
			case 'r':
				out.WriteByte('\r')
			case 't':
				out.WriteByte('\t')
			case '"', '\\', '$':
				out.WriteByte(text[i])
			default:
				out.WriteByte('\\')
				out.WriteByte(text[i])
			}
		default:
			out.WriteByte(c)
		}
	}
	return "", -1
}

// isVariable reports whether a text can be the name of an environment variable of a function.
func isVariable(name string) bool {
	return name != "" && strings.Trim(strings.ToUpper(name), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" &&
		(name[0] < '0' || name[0] > '9')
}

// isAddress reports whether a text is the address of a server.
func isAddress(text string) bool {
	at, err := url.Parse(text)
	return err == nil && (at.Scheme == "http" || at.Scheme == "https") && at.Host != ""
}
