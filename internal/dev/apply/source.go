//go:build unix

package apply

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/template"
)

// Buckets that stand for code in place: a directory of this machine, and a web server.
const (
	bucketInPlace  = "hot-reload"
	bucketUpstream = "http-server"
)

// Limits of what is made or read as a package, those of Lambda for direct uploads (Lambda Developer Guide, "Lambda
// quotas").
const (
	maxZip      = 50 << 20
	maxUnzipped = 250 << 20
	maxEntries  = 100_000
)

// source is the code of a function or a layer.
type source struct {
	bucket, place string // of code in place
	zip           []byte
	sha           string // SHA-256 of the package in base64, as the API shows it
}

// String is the source as it is compared and shown.
func (s source) String() string {
	switch {
	case s.bucket == bucketInPlace:
		return "directory " + s.place
	case s.bucket == bucketUpstream:
		return "web server " + s.place
	case s.sha != "":
		return "package " + s.sha
	}
	return ""
}

// members are those of the API.
func (s source) members() (zip []byte, bucket, key *string) {
	if s.bucket != "" {
		return nil, &s.bucket, &s.place
	}
	return s.zip, nil, nil
}

func packageOf(zip []byte) source {
	sum := sha256.Sum256(zip)
	return source{zip: zip, sha: base64.StdEncoding.EncodeToString(sum[:])}
}

// placeOf is a directory or an address as GetFunction shows it.
func placeOf(location string) string {
	if at, err := url.Parse(location); err == nil && at.Scheme == "file" {
		return at.Path
	}
	return strings.TrimSuffix(location, "/")
}

// zips keeps packages by what they were made of, so that functions with the same code read it once.
type zips struct {
	mu    sync.Mutex
	known map[string]source
}

// source is the code of a function.
func (a *Applier) source(stack *template.Stack, runtime string, code template.Code) (source, error) {
	switch {
	case code.Inline != "":
		return inlinePackage(runtime, code.Inline)
	case code.Bucket == bucketUpstream:
		return source{bucket: bucketUpstream, place: strings.TrimSuffix(code.Key, "/")}, nil
	case code.Bucket == bucketInPlace:
		return place(code.Key)
	}
	path, info, err := a.locate(stack, code)
	switch {
	case err != nil:
		return source{}, err
	case info.IsDir():
		return place(path)
	}
	return a.packageFile(path, info)
}

// locate finds a directory or a package.
func (a *Applier) locate(stack *template.Stack, code template.Code) (path string, info os.FileInfo, err error) {
	if path, err = a.config.Code(stack, code); err == nil {
		info, err = os.Stat(path)
	}
	return path, info, err
}

// place is a directory that is used in place, by its real path.
func place(dir string) (source, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	return source{bucket: bucketInPlace, place: abs}, err
}

// inlinePackage is a package with the one file that the template has the text of (CloudFormation's reference of
// AWS::Lambda::Function Code: index.js or index.py, as the runtime has it).
func inlinePackage(runtime, text string) (source, error) {
	name := "index.py"
	switch {
	case strings.HasPrefix(runtime, "nodejs"):
		name = "index.js"
	case !strings.HasPrefix(runtime, "python"):
		return source{}, fmt.Errorf("code in a template is for Python and Node.js, not for the runtime %q: name a "+
			"directory or a .zip file instead", runtime)
	}
	made := newArchive()
	if err := made.add(name, filePermissions, strings.NewReader(text)); err != nil {
		return source{}, err
	}
	return made.finish()
}

// packageFile is a .zip file.
func (a *Applier) packageFile(path string, info fs.FileInfo) (source, error) {
	if info.Size() > maxZip {
		return source{}, fmt.Errorf("%s has %d bytes, more than the %d that Lambda takes: name the directory instead, which "+
			"is used in place", path, info.Size(), maxZip)
	}
	a.zips.mu.Lock()
	defer a.zips.mu.Unlock()
	stamp := fmt.Sprintf("%s %d %d", path, info.Size(), info.ModTime().UnixNano())
	if known, ok := a.zips.known[stamp]; ok {
		return known, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return source{}, err
	}
	a.zips.keep(stamp, packageOf(text))
	return a.zips.known[stamp], nil
}

func (z *zips) keep(stamp string, made source) {
	if z.known == nil {
		z.known = map[string]source{}
	}
	prefix, _, _ := strings.Cut(stamp, " ")
	for old := range z.known { // an earlier content of the file
		if strings.HasPrefix(old, prefix+" ") {
			delete(z.known, old)
		}
	}
	z.known[stamp] = made
}

// layerSource is the content of a layer, which has to be a package: that of a directory is made in memory.
func (a *Applier) layerSource(stack *template.Stack, code template.Code) (source, error) {
	path, info, err := a.locate(stack, code)
	switch {
	case err != nil:
		return source{}, err
	case !info.IsDir():
		return a.packageFile(path, info)
	}
	return packageDir(path)
}

const filePermissions = 0o644

// packageDir is a directory as a package: the same bytes for the same content, whenever and wherever it is made.
func packageDir(dir string) (source, error) {
	made := newArchive()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return source{}, err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := root.Stat(path) // what a link in the directory leads to
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(dir, path), err)
		}
		if info.IsDir() {
			return fmt.Errorf("%s is a link to a directory: a layer needs the directory itself", filepath.Join(dir, path))
		}
		if !info.Mode().IsRegular() {
			return nil // a socket or the like
		}
		file, err := root.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		const execute = 0o111
		return made.add(path, filePermissions|info.Mode().Perm()&execute, file)
	})
	if err != nil {
		return source{}, err
	}
	return made.finish()
}

// archive is a package in the making.
type archive struct {
	text    bytes.Buffer
	zip     *zip.Writer
	entries int
	left    int64 // bytes that may still be added
}

func newArchive() *archive {
	a := &archive{left: maxUnzipped}
	a.zip = zip.NewWriter(&a.text)
	return a
}

func (a *archive) add(name string, mode fs.FileMode, content io.Reader) error {
	if a.entries++; a.entries > maxEntries {
		return fmt.Errorf("there are more than %d files: name a smaller directory", maxEntries)
	}
	// The earliest time that a .zip file can have, so that no time changes the content.
	header := &zip.FileHeader{
		Name: filepath.ToSlash(name), Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	header.SetMode(mode)
	writer, err := a.zip.CreateHeader(header)
	if err != nil {
		return err
	}
	n, err := io.Copy(writer, io.LimitReader(content, a.left+1))
	if a.left -= n; err == nil && a.left < 0 {
		err = fmt.Errorf("there are more than %d bytes: name a smaller directory", maxUnzipped)
	}
	return err
}

func (a *archive) finish() (source, error) {
	if err := a.zip.Close(); err != nil {
		return source{}, err
	}
	if a.text.Len() > maxZip {
		return source{}, fmt.Errorf("the package has %d bytes, more than the %d that Lambda takes", a.text.Len(), maxZip)
	}
	return packageOf(a.text.Bytes()), nil
}
