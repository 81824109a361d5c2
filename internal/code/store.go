//go:build unix

// Package code keeps the deployment packages of functions and the content of layers: zip archives, each stored once
// under the SHA-256 of its bytes, and unpacked beside it for functions to run from. It merges the layers of a function
// into one more such directory.
//
// An archive comes from outside and is not trusted. The store limits its sizes, packed and unpacked, and the number of
// its entries, before and during unpacking. It refuses the whole archive if one entry is a device, is encrypted, leads
// out of the directory or has the place of another one. It keeps symbolic links that lead into the package, even to a
// missing file, or to /opt, where Lambda has the layers. It refuses other links: those that lead to themselves, and
// those into /var/task, where only Lambda has the package.
//
// A package that Put has returned is complete and survives a restart; an interrupted Put leaves nothing that is ever
// used. Files and directories are read-only, whatever modes the archive has, and executable if it says so.
package code

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/trash"
)

// These say what is wrong with an archive, for errors.Is. The error itself says more.
var (
	ErrNotZip           = errors.New("not a zip archive")
	ErrEmpty            = errors.New("zip archive has no files in it")
	ErrZippedTooLarge   = errors.New("zip archive is too large")
	ErrUnzippedTooLarge = errors.New("unzipped content is too large")
	ErrTooManyEntries   = errors.New("zip archive has too many entries")
	ErrUnsafeEntry      = errors.New("zip archive has an unsafe entry")
)

// ErrNotFound is the error about a package that is not in the store.
var ErrNotFound = errors.New("no such code package")

// MaxZipped is Lambda's limit on the archive of a deployment package, in bytes.
const MaxZipped = 50 << 20

// limits bound an archive.
type limits struct {
	zipped   int64 // bytes of the archive
	unzipped int64 // bytes of all files together
	entries  int   // files, directories and links
}

// defaultLimits has Lambda's sizes (AWS Lambda Developer Guide, "Lambda quotas"), in binary megabytes as the error
// messages of the API show. Lambda documents no number of entries; an archive without the zip64 extension can have as
// many as this.
var defaultLimits = limits{zipped: MaxZipped, unzipped: MaxUnzipped, entries: 65_535}

// A package is a directory named by its hash, with these two in it. Merged layers have a name of the same form, and a
// tree alone.
const (
	zipName  = "package.zip"
	treeName = "tree"
)

// partPrefix begins the name of an unfinished directory.
const partPrefix = "part-"

// grace is how long after its last Put a package is safe from Sweep, so that there is time to refer to it.
const grace = 10 * time.Minute

// Package describes a stored package.
type Package struct {
	SHA256 string // of the archive, in base64, as in Lambda's CodeSha256
	Hex    string // the same in lower-case hexadecimal; names the package in this store
	Size   int64  // bytes of the archive, as in Lambda's CodeSize
}

// Store is a directory of packages. Its methods may be called from several goroutines. Only one process may use the
// directory, which the store does not check.
type Store struct {
	Now func() time.Time // for tests; time.Now if nil

	dir    string // absolute
	bin    trash.Bin
	limits limits
	mu     sync.RWMutex // held for reading by Put and Layers, for writing by Sweep
	swept  bool         // under mu: a Sweep has begun
}

// Open opens the store in dir, and makes the directory if it is missing. The first Sweep removes what an interrupted
// Put or Sweep left.
func Open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the code store: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the code store: %w", err)
	}
	return &Store{dir: dir, bin: trash.Bin{Dir: dir}, limits: defaultLimits}, nil
}

// Put checks, unpacks and keeps an archive. When it returns without an error the package is complete and durable. It
// does not unpack an archive again that is there already.
//
// The error is [ErrNotZip], [ErrEmpty], [ErrZippedTooLarge], [ErrUnzippedTooLarge], [ErrTooManyEntries] or
// [ErrUnsafeEntry] if the archive is at fault, and says what is wrong with it. Any other error comes from the disk or
// the context.
func (s *Store) Put(ctx context.Context, archive []byte) (Package, error) {
	if int64(len(archive)) > s.limits.zipped { // before the work of hashing it
		_, err := examine(archive, s.limits)
		return Package{}, err
	}
	sum := sha256.Sum256(archive)
	p := Package{
		SHA256: base64.StdEncoding.EncodeToString(sum[:]),
		Hex:    hex.EncodeToString(sum[:]),
		Size:   int64(len(archive)),
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.touch(p.Hex) == nil {
		return p, nil
	}
	content, err := examine(archive, s.limits)
	if err != nil {
		return Package{}, err
	}
	err = s.add(ctx, p.Hex, func(part string) error { return fill(ctx, part, archive, content) })
	if err != nil {
		return Package{}, err
	}
	return p, nil
}

// touch marks a package as new. It fails if there is none.
func (s *Store) touch(hex string) error {
	now := s.now()
	return os.Chtimes(filepath.Join(s.dir, hex), now, now)
}

func (s *Store) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// add fills a directory aside and moves it into place when everything in it is durable.
func (s *Store) add(ctx context.Context, hex string, fill func(part string) error) error {
	part, err := os.MkdirTemp(s.dir, partPrefix)
	if err != nil {
		return notStored(err)
	}
	// There is nothing if all went well. The first Sweep after the next start tries again, and reports an error.
	defer s.bin.Remove(context.WithoutCancel(ctx), filepath.Base(part)) //nolint:errcheck // see above
	if err := fill(part); err != nil {
		return err
	}
	err = os.Rename(part, filepath.Join(s.dir, hex))
	if err != nil && s.touch(hex) == nil {
		return nil // another one with the same was faster
	}
	if err != nil {
		return notStored(err)
	}
	return notStored(errors.Join(s.touch(hex), s.sync()))
}

// notStored is the error about a disk; nil if there is none.
func notStored(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("store the code: %w", err)
}

// fill puts the archive and its content into part.
func fill(ctx context.Context, part string, archive []byte, c *content) error {
	root, err := os.OpenRoot(part)
	if err != nil {
		return notStored(err)
	}
	defer root.Close()
	if err := cmp.Or(writeArchive(root, archive), root.Mkdir(treeName, 0o755)); err != nil {
		return notStored(err)
	}
	tree, err := root.OpenRoot(treeName)
	if err != nil {
		return notStored(err)
	}
	defer tree.Close()
	if err := unpack(ctx, tree, c); err != nil {
		return err
	}
	return notStored(finishDirectory(root, ".", 0o500))
}

func writeArchive(root *os.Root, archive []byte) error {
	file, err := root.OpenFile(zipName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(archive); err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// sync makes the names of the packages durable.
func (s *Store) sync() error {
	dir, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Dir is the directory of an unpacked package, an absolute path. All its users share it: nothing may write there.
// The error is [ErrNotFound] if there is no such package.
func (s *Store) Dir(hex string) (string, error) {
	dir, err := s.find(hex)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, treeName), nil
}

// Zip opens the archive of a package, which is size bytes long; the caller closes it.
// The error is [ErrNotFound] if there is no such package.
func (s *Store) Zip(hex string) (archive io.ReadSeekCloser, size int64, err error) {
	dir, err := s.find(hex)
	if err != nil {
		return nil, 0, err
	}
	file, err := os.Open(filepath.Join(dir, zipName))
	if err != nil {
		return nil, 0, fmt.Errorf("code package %s: %w", hex, err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("code package %s: %w", hex, err), file.Close())
	}
	return file, info.Size(), nil
}

// find is the directory of a package.
func (s *Store) find(hex string) (string, error) {
	if !isHash(hex) {
		return "", fmt.Errorf("%w: %.80q is not a SHA-256 in hexadecimal", ErrNotFound, hex)
	}
	dir := filepath.Join(s.dir, hex)
	if _, err := os.Stat(filepath.Join(dir, treeName)); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %s", ErrNotFound, hex)
	} else if err != nil {
		return "", fmt.Errorf("code package %s: %w", hex, err)
	}
	return dir, nil
}

// isHash reports whether a package can have the name. Other names could be paths to somewhere else.
func isHash(name string) bool {
	if len(name) != hex.EncodedLen(sha256.Size) {
		return false
	}
	return strings.Trim(name, "0123456789abcdef") == ""
}

// Sweep removes the packages for which keep is false, except those that were put within the last ten minutes: something
// may soon refer to them. A function that still runs from a removed package may miss files that it has not opened. The
// first Sweep also removes what earlier processes left.
//
// A package that Sweep cannot remove lies aside, and the store does not have it. Sweep goes on after an error. It
// returns the first one, which says how many more there are.
func (s *Store) Sweep(ctx context.Context, keep func(hex string) bool) error {
	aside, errs := s.setAside(keep)
	for _, name := range aside {
		if err := s.bin.Empty(ctx, name); err != nil {
			errs = append(errs, err)
		}
	}
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("sweep the code store: %w", errs[0])
	default:
		return fmt.Errorf("sweep the code store: %w, and %d errors more", errs[0], len(errs)-1)
	}
}

// setAside moves stale packages out of the way, each in one step, and returns their new names. Put waits for that, but
// not for the removal file by file.
func (s *Store) setAside(keep func(hex string) bool) (aside []string, errs []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, []error{err}
	}
	if !s.swept {
		s.swept = true
		if aside, err = s.bin.Left(); err != nil {
			errs = append(errs, err)
		}
	}
	for _, e := range entries {
		if stale, err := s.isStale(e, keep); err != nil {
			errs = append(errs, err)
		} else if stale {
			name, err := s.bin.Aside(e.Name())
			if err != nil {
				errs = append(errs, err)
			} else if name != "" {
				aside = append(aside, name)
			}
		}
	}
	return aside, errs
}

// isStale reports whether Sweep removes an entry of the store: a package that nothing refers to or, since no Put is
// under way, an unfinished one.
func (s *Store) isStale(e fs.DirEntry, keep func(hex string) bool) (bool, error) {
	if strings.HasPrefix(e.Name(), partPrefix) {
		return true, nil
	}
	if !isHash(e.Name()) || keep(e.Name()) {
		return false, nil
	}
	info, err := e.Info()
	if err != nil {
		return false, err
	}
	return s.now().Sub(info.ModTime()) >= grace, nil
}
