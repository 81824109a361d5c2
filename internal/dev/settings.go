//go:build unix

package dev

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/tomlfile"
)

// SettingsFile is the name of the file beside a declaration that says how it is run.
const SettingsFile = "furl.toml"

// Settings say what is run, and how. They are those of flags or of the settings file.
type Settings struct {
	Path       string            `toml:"path"` // a declaration, a source directory, or "" for the project's directory
	Stack      string            `toml:"stack"`
	Parameters map[string]string `toml:"params"`
	EnvFiles   list              `toml:"env-files"`
	Endpoints  map[string]string `toml:"endpoints"` // by service, such as dynamodb
	Build      string            `toml:"build"`     // a command
	HTTP       string            `toml:"http"`      // a command that starts a web server, or the address of one
	Strict     bool              `toml:"strict"`

	Handler    string `toml:"handler"` // of a source directory
	Runtime    string `toml:"runtime"`
	Name       string `toml:"name"` // also of a web server
	AuthType   string `toml:"auth"`
	InvokeMode string `toml:"invoke-mode"`

	Functions map[string]FunctionSettings `toml:"functions"` // by name or logical id
}

// FunctionSettings are those of one function.
type FunctionSettings struct {
	Environment map[string]string `toml:"env"`
	Debug       Debug             `toml:"debug"`
}

// Debug says whether a function runs under a debugger, and on which port editors find that.
type Debug struct {
	On   bool
	Port int // 0 is the usual one of its language
}

// UnmarshalTOML implements toml.Unmarshaler: true, or a port.
func (d *Debug) UnmarshalTOML(value any) error {
	switch value := value.(type) {
	case bool:
		d.On = value
		return nil
	case int64:
		if 0 < value && value <= maxPort {
			d.On, d.Port = true, int(value)
			return nil
		}
	}
	return fmt.Errorf("debug: want true or a port, not %v", value)
}

// maxPort is the highest port.
const maxPort = 65535

// list is one text or several.
type list []string

// UnmarshalTOML implements toml.Unmarshaler.
func (l *list) UnmarshalTOML(value any) error {
	values, ok := value.([]any)
	if !ok {
		values = []any{value}
	}
	for _, value := range values {
		text, ok := value.(string)
		if !ok {
			return fmt.Errorf("want a text or a list of texts, not %v", value)
		}
		*l = append(*l, text)
	}
	return nil
}

// FileError is what is wrong with a file, and where.
type FileError = tomlfile.Error

// Root is the directory of the project that a path leads to: that of a declaration, or the one that a tool's output is in.
func Root(path string) (string, error) {
	root, err := filepath.Abs(cmp.Or(path, "."))
	if err != nil {
		return "", err
	}
	info, err := os.Stat(root)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		root = filepath.Dir(root)
	}
	switch above := filepath.Dir(root); filepath.Base(root) {
	case "cdk.out", ".serverless", ".aws-sam":
		root = above
	case "build":
		if filepath.Base(above) == ".aws-sam" {
			root = filepath.Dir(above)
		}
	}
	return root, nil
}

// ReadSettings reads the settings file of a project; there need not be one. Paths in it are relative to it.
func ReadSettings(root string) (Settings, error) {
	path := filepath.Join(root, SettingsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, err
	}
	var file struct {
		Dev Settings `toml:"dev"`
	}
	read, err := tomlfile.Decode(path, text, &file)
	if err != nil {
		return Settings{}, err
	}
	unknown := read.Unknown(func(key tomlfile.Key) string {
		return fmt.Sprintf("there is no setting %s; the settings of [dev] are %s", key, known(key))
	})
	dev := file.Dev
	if dev.Path != "" && !filepath.IsAbs(dev.Path) {
		dev.Path = filepath.Join(root, dev.Path)
	}
	for i, file := range dev.EnvFiles {
		if !filepath.IsAbs(file) {
			dev.EnvFiles[i] = filepath.Join(root, file)
		}
	}
	return dev, unknown
}

// known are the keys that there are in place of an unknown one.
func known(key tomlfile.Key) string {
	if len(key) > 3 && key[1] == "functions" {
		return "functions.NAME.debug and functions.NAME.env"
	}
	return "auth, build, endpoints, env-files, functions, handler, http, invoke-mode, name, params, path, runtime, stack and strict"
}

// Over is the settings with those of flags, which win.
func (s Settings) Over(file Settings) Settings {
	s.Path = cmp.Or(s.Path, file.Path)
	s.Stack = cmp.Or(s.Stack, file.Stack)
	s.Build = cmp.Or(s.Build, file.Build)
	s.HTTP = cmp.Or(s.HTTP, file.HTTP)
	s.Handler = cmp.Or(s.Handler, file.Handler)
	s.Runtime = cmp.Or(s.Runtime, file.Runtime)
	s.Name = cmp.Or(s.Name, file.Name)
	s.AuthType = cmp.Or(s.AuthType, file.AuthType)
	s.InvokeMode = cmp.Or(s.InvokeMode, file.InvokeMode)
	s.Strict = s.Strict || file.Strict
	s.Parameters = over(s.Parameters, file.Parameters)
	s.Endpoints = over(s.Endpoints, file.Endpoints)
	s.EnvFiles = slices.Concat(file.EnvFiles, s.EnvFiles)
	functions := maps.Clone(file.Functions)
	for name, own := range s.Functions {
		if functions == nil {
			functions = map[string]FunctionSettings{}
		}
		merged := functions[name]
		if own.Debug.On {
			merged.Debug = own.Debug
		}
		functions[name] = merged
	}
	s.Functions = functions
	return s
}

func over(flags, file map[string]string) map[string]string {
	all := maps.Clone(file)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, flags)
	return all
}

// Validate reports all that is wrong with the settings, as flags say it.
func (s Settings) Validate() error {
	var faults []error
	fault := func(format string, arguments ...any) { faults = append(faults, fmt.Errorf(format, arguments...)) }
	switch s.AuthType {
	case "", "AWS_IAM", "NONE":
	default:
		fault("auth: %q is neither AWS_IAM nor NONE", s.AuthType)
	}
	switch s.InvokeMode {
	case "", "BUFFERED", "RESPONSE_STREAM":
	default:
		fault("invoke-mode: %q is neither BUFFERED nor RESPONSE_STREAM", s.InvokeMode)
	}
	for service, address := range s.Endpoints {
		if !isAddress(address) {
			fault("endpoint: %q is not the address of %s, such as http://127.0.0.1:8000", address, service)
		}
	}
	if s.HTTP != "" && (s.Handler != "" || s.Runtime != "") {
		fault("http: a web server has no handler and no runtime; leave out %s", cmp.Or(s.Handler, s.Runtime))
	}
	if s.upstream() != "" && s.Build != "" {
		fault("build: the web server at %s already runs, and furl builds nothing for it", s.HTTP)
	}
	return errors.Join(faults...)
}

// upstream is the address of a web server that already runs, "" if there is none.
func (s Settings) upstream() string {
	if strings.HasPrefix(s.HTTP, "http://") || strings.HasPrefix(s.HTTP, "https://") {
		return strings.TrimRight(s.HTTP, "/")
	}
	return ""
}
