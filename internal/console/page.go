//go:build unix

package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// dist is the page as console/build.sh builds it.
//
//go:embed all:dist
var dist embed.FS

const index = "index.html"

// pagePolicy lets the page load nothing but its own parts, talk to nobody but its own server, stand in no frame and make no
// markup of text.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// asset is a file of the page.
type asset struct {
	mediaType     string
	plain, zipped []byte
	etag          string // of plain
}

// openPage reads the parts of the page, by their paths below dist.
func openPage(from fs.FS) (map[string]asset, error) {
	parts := map[string]asset{}
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		media, err := mediaType(name)
		if err != nil {
			return err
		}
		text, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		var zipped bytes.Buffer
		zip, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
		if err != nil {
			return err
		}
		zip.Write(text) //nolint:errcheck // a buffer takes all
		if err := zip.Close(); err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		parts[name] = asset{media, text, zipped.Bytes(), hex.EncodeToString(sum[:8])}
		return nil
	})
	return parts, err
}

// mediaType is the type of a file. Those of the system differ from one machine to the next.
func mediaType(name string) (string, error) {
	switch extension := path.Ext(name); extension {
	case ".html":
		return "text/html; charset=utf-8", nil
	case ".js":
		return "text/javascript; charset=utf-8", nil
	case ".css":
		return "text/css; charset=utf-8", nil
	case ".svg":
		return "image/svg+xml", nil
	case ".woff2":
		return "font/woff2", nil
	default:
		return "", fmt.Errorf("the console's page has %s: %q is not the ending of a type that it is served with", name, extension)
	}
}

// ServePage answers with a part of the page, or with the page itself if name is "". It contains nothing of the server, so
// its clients need no token. It reports false if there is no such part.
func (c *Console) ServePage(w http.ResponseWriter, r *http.Request, name string) bool {
	parts, err := c.page()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return true
	}
	if name == "" {
		name = index
	}
	found, ok := parts[name]
	if !ok {
		return false
	}
	header := w.Header()
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Origin-Agent-Cluster", "?1") // no page of a name above can become one origin with it
	header.Set("Content-Type", found.mediaType)
	header.Add("Vary", "Accept-Encoding")
	body, etag := found.plain, found.etag
	if takesGzip(r) {
		body, etag = found.zipped, etag+"-gzip"
		header.Set("Content-Encoding", "gzip")
	}
	if name != index { // the names are the same in each version
		header.Set("Cache-Control", "no-cache")
		header.Set("ETag", `"`+etag+`"`)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return true
}

// takesGzip reports whether the client takes gzip.
func takesGzip(r *http.Request) bool {
	for one := range strings.SplitSeq(strings.Join(r.Header["Accept-Encoding"], ","), ",") {
		coding, weight, _ := strings.Cut(strings.ReplaceAll(one, " ", ""), ";")
		if strings.EqualFold(coding, "gzip") {
			return strings.Trim(strings.TrimPrefix(strings.ToLower(weight), "q="), "0.") != "" || weight == ""
		}
	}
	return false
}
