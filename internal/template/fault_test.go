package template_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
)

var update = flag.Bool("update", false, "write the golden files anew")

// load reads a template. Comments at its top say what is given besides: # strict, and # param NAME=VALUE.
func load(text string) (*template.Stack, error) {
	root, err := tree.Parse("template.yaml", []byte(text))
	if err != nil {
		return nil, err
	}
	o := options
	o.Parameters = map[string]string{}
	o.Imports = map[string]string{"shared-name": "a value of another stack", "later": template.Unknown}
	for line := range strings.Lines(text) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !ok {
			break
		}
		if name, value, isGiven := strings.Cut(strings.TrimPrefix(comment, "param "), "="); isGiven {
			o.Parameters[name] = value
		}
		o.Strict = o.Strict || comment == "strict"
	}
	return template.Load(root, o)
}

// TestFaults: each fault of the templates in testdata/fault is one line with the place, what is wrong, and what was
// expected.
func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/fault/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(archive.Files); i += 2 {
			source, want := archive.Files[i], &archive.Files[i+1]
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+source.Name, func(t *testing.T) {
				_, err := load(string(source.Data))
				if err == nil {
					t.Fatal("nothing is wrong")
				}
				got := err.Error() + "\n"
				if *update {
					want.Data = []byte(got)
				}
				if diff := cmp.Diff(string(want.Data), got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
