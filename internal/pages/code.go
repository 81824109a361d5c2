//go:build unix

package pages

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/furl-dev/furl/internal/furlproto"
)

// codePrefix begins the paths of the links.
const codePrefix = furlproto.Prefix + "code/"

// linkLife is how long a link is good: as long as AWS's (Lambda API reference, GetFunction).
const linkLife = 10 * time.Minute

// Packages gives the zip of the package with the hash.
type Packages interface {
	Zip(hex string) (zip io.ReadSeekCloser, size int64, err error)
}

// CodeLinks makes and serves the short-lived addresses that GetFunction gives for a function's code. A link is a
// capability, as at AWS: its holder can read the code until it expires, and needs nothing else.
type CodeLinks struct {
	packages Packages
	now      func() time.Time
	key      [32]byte
}

// NewCodeLinks makes links that are good at most until the process ends.
func NewCodeLinks(packages Packages, now func() time.Time) *CodeLinks {
	links := &CodeLinks{packages: packages, now: now}
	rand.Read(links.key[:]) // never fails
	return links
}

// Path is the path and query of a link to the package with the hash, good for ten minutes.
func (l *CodeLinks) Path(hash string) string {
	expires := strconv.FormatInt(l.now().Add(linkLife).Unix(), 10)
	signature := hex.EncodeToString(l.sign(hash, expires))
	return codePrefix + url.PathEscape(hash) + "?expires=" + expires + "&signature=" + signature
}

func (l *CodeLinks) sign(hash, expires string) []byte {
	mac := hmac.New(sha256.New, l.key[:])
	mac.Write([]byte(hash + "\n" + expires))
	return mac.Sum(nil)
}

func (l *CodeLinks) serve(w http.ResponseWriter, r *http.Request, hash string) {
	query := r.URL.Query()
	expires := query.Get("expires")
	given, err := hex.DecodeString(query.Get("signature"))
	if err != nil || !hmac.Equal(given, l.sign(hash, expires)) {
		fail(w, http.StatusForbidden, "this is not a link that GetFunction gave")
		return
	}
	seconds, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || l.now().Unix() > seconds {
		fail(w, http.StatusForbidden, "the link has expired; GetFunction gives a new one")
		return
	}
	zip, size, err := l.packages.Zip(hash)
	if err != nil {
		fail(w, http.StatusNotFound, "the code of the function has been replaced; GetFunction gives a new link")
		return
	}
	defer zip.Close()
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	if r.Method == http.MethodGet {
		io.Copy(w, zip) //nolint:errcheck // the client is gone
	}
}
