//go:build unix

package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// exportFile is the path of a file with the exports of a server, "" for none. It is there while the server runs.
type exportFile string

// check refuses a path at which there is something else: a program that reads settings from such a file would miss them.
func (e exportFile) check() error {
	if e == "" {
		return nil
	}
	info, err := os.Stat(string(e))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("--env-file %s is not a file: name one that the server may replace and remove", e)
	}
	text, err := os.ReadFile(string(e))
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		name, _, _ := strings.Cut(strings.TrimSpace(string(line)), "=")
		if name != "" && !slices.Contains(exportNames[:], name) {
			return fmt.Errorf("--env-file %s has other settings in it than those of a server: name another file, since it is "+
				"replaced, and removed at the end", e)
		}
	}
	return nil
}

// write writes the file as a whole, readable for the user alone.
func (e exportFile) write(variables []variable) error {
	temporary, err := os.CreateTemp(filepath.Dir(string(e)), ".furl-env-*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) //nolint:errcheck // it is renamed
	_, err = temporary.WriteString(dotenv(variables))
	if err := errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), string(e))
}

// remove removes the file, unless somebody has put another into its place.
func (e exportFile) remove() error {
	if e == "" || e.check() != nil {
		return nil
	}
	if err := os.Remove(string(e)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// dotenv is variables as lines that shells, dotenv libraries and Docker read alike. A value that shells would not take as
// it is, such as a path with a space, stands in quotes, which Docker takes for a part of it.
func dotenv(variables []variable) string {
	var text strings.Builder
	for _, v := range variables {
		value := v.value
		if strings.ContainsFunc(value, func(r rune) bool {
			return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || strings.ContainsRune("0123456789_./:@%+=,-", r))
		}) {
			value = "'" + shells["sh"].quote.Replace(value) + "'"
		}
		fmt.Fprintf(&text, "%s=%s\n", v.name, value)
	}
	return text.String()
}
