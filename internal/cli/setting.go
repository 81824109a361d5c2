package cli

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// setting is one value of the configuration of a server, a proxy or a log: its flag, which is also an environment
// variable, and its name in the JSON of --check. Its value is the default until the command line is read.
type setting struct {
	flag  string // "" if there is only an environment variable
	value any    // pointer to one of the types in register
	json  string
	usage string
}

// commaList is a list whose flag takes several values with commas between them. Names of files may have commas, so
// theirs are plain lists.
type commaList []string

// bandwidth is a number of bytes per second. As a flag it may have a unit; a kilobyte is 1,024 bytes, as in AWS's limits.
type bandwidth int64

// Set implements pflag.Value.
func (b *bandwidth) Set(text string) error {
	number, unit := strings.ToLower(text), int64(1)
	for _, suffix := range []string{"/s", "ps", "b", "i"} {
		number = strings.TrimSuffix(number, suffix)
	}
	for suffix, size := range map[string]int64{"k": 1 << 10, "m": 1 << 20} {
		if rest, ok := strings.CutSuffix(number, suffix); ok {
			number, unit = rest, size
		}
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if value *= float64(unit); err != nil || !(value >= 0 && value < math.MaxInt64) {
		return errors.New("want bytes per second, such as 2MB, 512KB or 2097152")
	}
	*b = bandwidth(value)
	return nil
}

func (b *bandwidth) String() string { return strconv.FormatInt(int64(*b), 10) }

// Type implements pflag.Value.
func (*bandwidth) Type() string { return "bytes" }

// register adds the flag of a setting to a command.
func (s setting) register(f *pflag.FlagSet) {
	switch value := s.value.(type) {
	case *string:
		f.StringVar(value, s.flag, *value, s.usage)
	case *bool:
		f.BoolVar(value, s.flag, *value, s.usage)
	case *int:
		f.IntVar(value, s.flag, *value, s.usage)
	case *float64:
		f.Float64Var(value, s.flag, *value, s.usage)
	case *int64:
		f.Int64Var(value, s.flag, *value, s.usage)
	case *time.Duration:
		f.DurationVar(value, s.flag, *value, s.usage)
	case *[]string:
		f.StringArrayVar(value, s.flag, *value, s.usage)
	case *bandwidth:
		f.Var(value, s.flag, s.usage)
	case *commaList:
		f.StringSliceVar((*[]string)(value), s.flag, *value, s.usage)
	}
}

// shown is the value as --check prints it.
func (s setting) shown() any {
	value := reflect.ValueOf(s.value).Elem().Interface()
	if duration, ok := value.(time.Duration); ok {
		return duration.String()
	}
	return value
}
