package tomlfile_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/tomlfile"
)

type place struct {
	City string `toml:"city"`
}

type route struct {
	Path string `toml:"path"`
	place
}

func Example() {
	var config struct {
		Name   string           `toml:"name"`
		Routes []tomlfile.Table `toml:"routes"`
	}
	file, err := tomlfile.Decode("my.toml", []byte("name = 'x'\n\n[[routes]]\npath = '/a'\ncolor = 'red'\n"), &config)
	if err != nil {
		fmt.Println(err)
		return
	}
	for n, table := range config.Routes {
		var route struct {
			Path string `toml:"path"`
		}
		if err := file.Table("routes", n, table, &route); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(file.Unknown(func(key tomlfile.Key) string { return "there is no setting " + key.String() }))
	// Output: my.toml:5: there is no setting routes.color
}

func TestLines(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []int // of the unknown keys
	}{
		"plain":            {"a = 1\nname = 'x'\nb = 2\n", []int{1, 3}},
		"twice in tables":  {"[[routes]]\nx = 1\n[[routes]]\npath = 'x'\nx = 2\n", []int{2, 5}},
		"in line":          {"name = 'x'\nroutes = [{path = 'a', x = 1}]\n", []int{2}},
		"a table":          {"[other]\nx = 1\ny = 2\n", []int{1}},
		"with dots":        {"other.x = 1\n", []int{1}},
		"with quotes":      {"'o ther' = 1\n", []int{1}},
		"behind a comment": {"# x = 1\nx = 1\n", []int{2}},
		"behind a mark":    {"\ufeffx = 1\n", []int{1}},
	} {
		var config struct {
			Name   string           `toml:"name"`
			Routes []tomlfile.Table `toml:"routes"`
		}
		file, err := tomlfile.Decode("f", []byte(test.text), &config)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n, table := range config.Routes {
			if err := file.Table("routes", n, table, &route{}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		var lines []int
		if joined, ok := file.Unknown(func(tomlfile.Key) string { return "" }).(interface{ Unwrap() []error }); ok {
			for _, err := range joined.Unwrap() {
				at, _ := errors.AsType[*tomlfile.Error](err)
				lines = append(lines, at.Line)
			}
		}
		if diff := cmp.Diff(test.want, lines); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// The error about a value names the line of its own table, and not that of another with the same key.
func TestLineOfAValue(t *testing.T) {
	var config struct {
		Routes []tomlfile.Table `toml:"routes"`
	}
	file, err := tomlfile.Decode("f", []byte("[[routes]]\npath = 1\n[[routes]]\npath = 'x'\n"), &config)
	if err != nil {
		t.Fatal(err)
	}
	fault, _ := errors.AsType[*tomlfile.Error](file.Table("routes", 0, config.Routes[0], &route{}))
	if fault == nil || fault.Line != 2 {
		t.Errorf("error %v", fault)
	}
}

func TestKeys(t *testing.T) {
	if diff := cmp.Diff([]string{"city", "path"}, tomlfile.Keys(reflect.TypeFor[route]())); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
