package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/furl-dev/furl/internal/template"
)

// hotReload is the bucket whose keys are directories, for a server of furl or of LocalStack.
const hotReload = "hot-reload"

// CodePath is the absolute path of the directory or the zip file where a function of a stack, or a layer, has its code.
// Links in it are resolved.
func (p *Project) CodePath(stack *template.Stack, code template.Code) (string, error) {
	at := func(format string, arguments ...any) error {
		return fmt.Errorf("%s%w", p.place(stack, code), fmt.Errorf(format, arguments...))
	}
	named := code.Path
	switch {
	case code.Inline != "":
		return "", at("the code stands in the template, and has no path")
	case named != "":
	case code.Bucket == hotReload && filepath.IsAbs(code.Key):
		named = code.Key
	case p.Form == Serverless && code.Key != "":
		named = path.Base(code.Key)
	case p.Form == CDK && code.Key != "":
		named = p.asset(p.code[stack], strings.TrimSuffix(path.Base(code.Key), path.Ext(code.Key)))
	}
	if named == "" {
		return "", at("the code is in S3, s3://%s/%s, which furl does not have: name a directory or a zip file beside the "+
			"template", code.Bucket, code.Key)
	}
	whole := named
	if !filepath.IsAbs(whole) {
		whole = filepath.Join(p.code[stack], filepath.FromSlash(named))
	}
	resolved, err := filepath.EvalSymlinks(whole)
	if err != nil {
		hint := ""
		switch {
		case !errors.Is(err, fs.ErrNotExist):
		case p.Form == Serverless:
			hint = `; run "serverless package"`
		case p.Form == CDK:
			hint = `; run "npx cdk synth -q"`
		}
		return "", at("the code %s: %w%s", named, err, hint)
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return "", at("the code %s: %w", named, err)
	}
	switch ext := strings.ToLower(filepath.Ext(resolved)); {
	case info.IsDir():
	case info.Mode().IsRegular() && (ext == ".zip" || ext == ".jar"):
	default:
		return "", at("the code %s is %s, and must be a directory or a zip file", named, resolved)
	}
	if bound := Bound(p.Root); !within(bound, resolved) {
		return "", at("the code %s is %s, outside of the project in %s: furl uses code of the project only, which is the "+
			"directory of the declaration, or the git repository that it is in", named, resolved, bound)
	}
	return resolved, nil
}

// place is where the resource with a code stands, for an error; "" if there is none.
func (p *Project) place(stack *template.Stack, code template.Code) string {
	for _, resource := range stack.Resources {
		value, err := stack.Value(resource, nil)
		if err != nil {
			continue
		}
		switch value := value.(type) {
		case *template.Function:
			if value.Code == code {
				return resource.Pos.String() + ": " + resource.ID + ": "
			}
		case *template.Layer:
			if value.Code == code {
				return resource.Pos.String() + ": " + resource.ID + ": "
			}
		}
	}
	return ""
}

// Bound is the directory that the code of a project must be in, by the directory of the project: the git repository that
// it is in, or else itself. Links in it are resolved.
func Bound(root string) string {
	if resolved, err := filepath.EvalSymlinks(root); err == nil {
		root = resolved
	}
	for dir := root; ; {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		above := filepath.Dir(dir)
		if above == dir {
			return root
		}
		dir = above
	}
}

// within reports whether a path is a directory or in it.
func within(dir, path string) bool {
	short, err := filepath.Rel(dir, path)
	return err == nil && short != ".." && !strings.HasPrefix(short, ".."+string(filepath.Separator))
}

// asset finds the code of a function of CDK by the name of its object, where its template does not say the path: the
// manifests of the assets do. It is "" if they do not.
func (p *Project) asset(dir, hash string) string {
	files, err := filepath.Glob(filepath.Join(dir, "*.assets.json"))
	if err != nil {
		return ""
	}
	for _, file := range files {
		var manifest struct {
			Files map[string]struct {
				Source struct{ Path string }
			}
		}
		if text, err := readFile(file); err == nil && json.Unmarshal(text, &manifest) == nil {
			if source := manifest.Files[hash].Source.Path; source != "" {
				return source
			}
		}
	}
	return ""
}
