package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

const (
	maxConfig       = 1 << 20 // bytes of a file of --config
	maxConfigsDepth = 8       // of files that name others
)

// readConfig sets the flags of a file as curl's --config does: one a line, as NAME, NAME VALUE, NAME = VALUE or
// NAME: VALUE, with or without dashes. Its errors name the line and the flag, and not the value, which may be a secret.
func (q *requestFlags) readConfig(p *program, f *pflag.FlagSet, name string) error {
	if q.configs++; q.configs > maxConfigsDepth {
		return errors.New("files of --config name one another")
	}
	defer func() { q.configs-- }()
	r := p.streams.In
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		r = file
	}
	if r == nil {
		return errors.New("there is no standard input to read")
	}
	lines := bufio.NewScanner(io.LimitReader(r, maxConfig))
	lines.Buffer(nil, maxConfig)
	for number := 1; lines.Scan(); number++ {
		if err := q.setLine(f, lines.Text()); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	return lines.Err()
}

// setLine sets the flag of one line.
func (q *requestFlags) setLine(f *pflag.FlagSet, line string) error {
	line = strings.Trim(strings.TrimPrefix(line, "\ufeff"), " \t\r")
	if line == "" || line[0] == '#' {
		return nil
	}
	separators := " \t=:"
	if line[0] == '-' { // as in curl
		separators = " \t"
	}
	end := strings.IndexAny(line, separators)
	if end < 0 {
		end = len(line)
	}
	name, value := line[:end], strings.TrimLeft(line[end:], " \t")
	hasValue := value != ""
	if hasValue && line[0] != '-' && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], " \t")
	}
	value, err := configValue(value)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	flag, value, err := findFlag(f, name, value)
	if err != nil {
		return err
	}
	if flag.NoOptDefVal != "" { // one without a value
		if hasValue {
			return fmt.Errorf("--%s takes no value", flag.Name)
		}
		value = flag.NoOptDefVal
	} else if !hasValue && value == "" {
		return fmt.Errorf("--%s needs a value", flag.Name)
	}
	err = f.Set(flag.Name, value)
	if wrapped, ok := errors.AsType[*pflag.InvalidValueError](err); ok && flag.Name == "config" {
		return fmt.Errorf("%s: %w", value, wrapped.Unwrap())
	}
	if err != nil {
		return fmt.Errorf("--%s does not take that value", flag.Name)
	}
	return nil
}

// findFlag finds the flag of a line. A short one may have its value right behind it.
func findFlag(f *pflag.FlagSet, name, value string) (*pflag.Flag, string, error) {
	long, isLong := strings.CutPrefix(name, "--")
	if !isLong {
		if short, ok := strings.CutPrefix(name, "-"); ok && short != "" {
			if flag := f.ShorthandLookup(short[:1]); flag != nil {
				return flag, short[1:] + value, nil
			}
			return nil, "", fmt.Errorf("there is no flag %s", name)
		}
	}
	if flag := f.Lookup(long); flag != nil {
		return flag, value, nil
	}
	return nil, "", fmt.Errorf("there is no flag --%s", long)
}

// configValue is the value of a line: up to white space, or within quotes with curl's escapes.
func configValue(text string) (string, error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, " \t")
		if end < 0 {
			return text, nil
		}
		if rest := strings.TrimLeft(text[end:], " \t"); rest != "" && rest[0] != '#' {
			return "", errors.New("a value with spaces needs quotes")
		}
		return text[:end], nil
	}
	var value strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return value.String(), nil
		case c == '\\' && i+1 < len(text):
			i++
			switch text[i] {
			case 't':
				value.WriteByte('\t')
			case 'n':
				value.WriteByte('\n')
			case 'r':
				value.WriteByte('\r')
			case 'v':
				value.WriteByte('\v')
			default:
				value.WriteByte(text[i])
			}
		default:
			value.WriteByte(c)
		}
	}
	return "", errors.New("a quote is not closed")
}
