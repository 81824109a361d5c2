package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/template"
)

// hotReload is the bucket whose keys are directories, for a server of furl or of LocalStack.
const hotReload = "hot-reload"

// CodePath is the absolute path of the directory or the zip file where a function of a stack, or a layer, has its code.
// Links in it are resolved. An error does not say which resource it is about.
func (p *Project) CodePath(stack *template.Stack, code template.Code) (string, error) {
	named := code.Path
	switch {
	case code.Inline != "":
		return "", fmt.Errorf("the code stands in the template, and has no path")
	case named != "":
	case code.Bucket == hotReload && filepath.IsAbs(code.Key):
		named = code.Key
	case p.Form == Serverless && code.Key != "":
		named = path.Base(code.Key)
	case p.Form == CDK && code.Key != "":
		named = p.asset(p.code[stack], strings.TrimSuffix(path.Base(code.Key), path.Ext(code.Key)))
	}
	if named == "" {
		return "", fmt.Errorf("the code is in S3, s3://%s/%s, which furl does not have: name a directory or a zip file beside the "+
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
		return "", fmt.Errorf("the code %s: %w%s", named, err, hint)
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return "", fmt.Errorf("the code %s: %w", named, err)
	}
	switch ext := strings.ToLower(filepath.Ext(resolved)); {
	case info.IsDir():
	case info.Mode().IsRegular() && (ext == ".zip" || ext == ".jar"):
	default:
		return "", fmt.Errorf("the code %s is %s, and must be a directory or a zip file", named, resolved)
	}
	bounds := append([]string{Bound(p.Root)}, p.codeDirs...)
	if !slices.ContainsFunc(bounds, func(bound string) bool { return within(bound, resolved) }) {
		return "", fmt.Errorf("the code %s is %s, outside of the project in %s: furl uses code of the project only, which is "+
			"the directory of the declaration, or the git repository that it is in, unless --code-dir names the directory",
			named, resolved, bounds[0])
	}
	return resolved, nil
}

// Bound is the directory that the code of a project must be in, by the directory of the project: the git repository that
// it is in, or else itself. Links in it are resolved. A repository of all that a user has, with the settings of programs,
// is none of a project.
func Bound(root string) string {
	root = realPath(root)
	home, _ := os.UserHomeDir() // if nothing says it, it is in no directory
	home = realPath(home)
	for dir := root; dir != filepath.Dir(dir) && !within(dir, home); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
	}
	return root
}

// realPath follows the links of a path, if it can.
func realPath(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return path
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
