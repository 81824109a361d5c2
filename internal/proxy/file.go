package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/template/tree"
	"github.com/furl-dev/furl/internal/tomlfile"
)

// ReadConfig reads a configuration file. What over changes counts for all, and for those routes that say nothing else.
// Files that it names are beside it. All that is wrong is reported at once, with its line.
func ReadConfig(path string, over func(*Config)) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	return ParseConfig(path, text, over)
}

// fileConfig is Config as a file has it.
type fileConfig struct {
	Config
	Routes []tomlfile.Table `toml:"routes"`
}

// ParseConfig is ReadConfig for the text of a file.
func ParseConfig(path string, text []byte, over func(*Config)) (Config, error) {
	read := fileConfig{Config: Default()}
	read.Admin = DefaultAdmin
	file, err := tomlfile.Decode(path, text, &read)
	if err != nil {
		if file.Type("token") == "String" {
			err = file.At(errors.New("token is true or false, since a configuration file holds no secrets: "+
				"put the token into $FURL_PROXY_TOKEN, or name its file with token-file"), "token")
		}
		return Config{}, err
	}
	config := read.Config
	if config.Upstream != "" {
		config.At = fmt.Sprintf("%s:%d", path, tomlfile.LineOf(text, "upstream"))
	}
	for _, name := range []*string{&config.TokenFile, &config.TLSCert, &config.TLSKey, &config.ClientCA} {
		if *name != "" && !filepath.IsAbs(*name) {
			*name = filepath.Join(filepath.Dir(path), *name)
		}
	}
	if over != nil {
		over(&config)
	}
	var faults []error
	wrong := Faults(config.Validate(), "")
	for _, fault := range wrong {
		faults = append(faults, file.At(errors.New(fault.Text), fault.Key))
	}
	for i, table := range read.Routes {
		at := fmt.Sprintf("%s:%d", path, file.LineIn("routes", i, ""))
		route := Route{Signing: config.Signing, Limits: config.Limits, At: at}
		if err := file.Table("routes", i, table, &route); err != nil {
			faults = append(faults, err)
			continue
		}
		switch own := &route.Signing; { // what the route says replaces what is said for all
		case own.EnvPrefix != config.EnvPrefix && own.Profile == config.Profile:
			own.Profile = ""
		case own.Profile != config.Profile && own.EnvPrefix == config.EnvPrefix:
			own.EnvPrefix = ""
		}
		for _, fault := range Faults(route.validate(), "") {
			if !slices.Contains(wrong, fault) { // that of all routes is said already
				line := file.LineIn("routes", i, fault.Key)
				faults = append(faults, &tomlfile.Error{Path: path, Line: line, Text: fault.Text})
			}
		}
		config.Routes = append(config.Routes, route.clean())
	}
	faults = append(faults, file.Unknown(unknown))
	if len(read.Routes) == 0 && config.Upstream == "" {
		faults = append(faults, &tomlfile.Error{Path: path, Text: "there is neither upstream nor a table [[routes]]"})
	}
	return config, inOrder(errors.Join(faults...))
}

// Locate says where a file has what an error is about, such as one of Reload. An error that names a line stays.
func Locate(path string, err error) error {
	text, readErr := os.ReadFile(path)
	if readErr != nil {
		text = nil
	}
	var faults []error
	for _, fault := range Faults(err, "") {
		if fault.Key == "" && strings.HasPrefix(fault.Text, path+":") {
			faults = append(faults, errors.New(fault.Text))
			continue
		}
		faults = append(faults, &tomlfile.Error{Path: path, Line: tomlfile.LineOf(text, fault.Key), Text: fault.Text})
	}
	return errors.Join(faults...)
}

// inOrder sorts the errors within an error by their lines.
func inOrder(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var all []error
	for _, inner := range joined.Unwrap() {
		if more, ok := inner.(interface{ Unwrap() []error }); ok {
			all = append(all, more.Unwrap()...)
			continue
		}
		all = append(all, inner)
	}
	line := func(err error) int {
		if at, ok := errors.AsType[*tomlfile.Error](err); ok {
			return at.Line
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b error) int { return cmp.Compare(line(a), line(b)) })
	return errors.Join(all...)
}

// unknown is what is said about a key that there is not.
func unknown(key tomlfile.Key) string {
	known := append(tomlfile.Keys(reflect.TypeFor[Config]()), "routes")
	of := "settings"
	if key[0] == "routes" && len(key) > 1 {
		known, of = tomlfile.Keys(reflect.TypeFor[Route]()), "settings of a route"
		key = key[1:]
	}
	name := key[len(key)-1]
	if isSecret(name) {
		return fmt.Sprintf("%s: a configuration file holds no secrets: name a profile of the AWS configuration "+
			"(profile = \"NAME\"), a role (role-arn = \"ARN\"), or variables of the environment "+
			"(env-prefix = \"NAME_\")", key)
	}
	typed := strings.ReplaceAll(name, "_", "-")
	meant := cmp.Or(tree.Nearest(typed, known), tree.Nearest(typed+"s", known))
	if meant != "" {
		return fmt.Sprintf("there is no setting %s; did you mean %s?", key, meant)
	}
	return fmt.Sprintf("there is no setting %s; the %s are %s", key, of, strings.Join(known, ", "))
}

// isSecret reports whether a key is one for a secret, however it is written.
func isSecret(name string) bool {
	plain := strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name))
	for _, word := range []string{
		"secret", "accesskey", "sessiontoken", "securitytoken", "password", "credentials", "privatekey",
	} {
		if strings.Contains(plain, word) {
			return true
		}
	}
	return false
}
