package code

import (
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

// A package is a directory named by its hash, with these two in it.
const (
	zipName  = "package.zip"
	treeName = "tree"
)

// partPrefix begins the name of a directory that is being filled.
const partPrefix = "part-"

// grace is how long after its last Put a package is safe from Sweep, so that there is time between Put and whatever
// comes to refer to the package.
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
	mu     sync.RWMutex // held for reading by Put, for writing by Sweep
	swept  bool         // under mu: a Sweep has begun
}

// Open opens the store in dir, making the directory if need be. What an interrupted Put or Sweep left, the first Sweep
// removes.
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

// Put checks, unpacks and keeps an archive. When it returns without error the package is complete and durable. An
// archive that is there already is not unpacked again.
//
// The error is [ErrNotZip], [ErrEmpty], [ErrZippedTooLarge], [ErrUnzippedTooLarge], [ErrTooManyEntries] or
// [ErrUnsafeEntry] if the archive is at fault, and says what is wrong with it; any other error is of the disk or the
// context.
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
	if err := s.add(ctx, p.Hex, archive, content); err != nil {
		return Package{}, err
	}
	return p, nil
}

// touch marks a package as just put. It fails if there is none.
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
func (s *Store) add(ctx context.Context, hex string, archive []byte, c *content) error {
	part, err := os.MkdirTemp(s.dir, partPrefix)
	if err != nil {
		return fmt.Errorf("store the code: %w", err)
	}
	// There is nothing if all went well. What cannot be removed is tried again at the next start, and reported then.
	defer s.bin.Remove(context.WithoutCancel(ctx), filepath.Base(part)) //nolint:errcheck // as said
	if err := fill(ctx, part, archive, c); err != nil {
		return err
	}
	err = os.Rename(part, filepath.Join(s.dir, hex))
	if err != nil && s.touch(hex) == nil {
		return nil // another Put of the same archive was faster
	}
	if err != nil {
		return fmt.Errorf("store the code: %w", err)
	}
	if err := errors.Join(s.touch(hex), s.sync()); err != nil {
		return fmt.Errorf("store the code: %w", err)
	}
	return nil
}

// fill puts the archive and what is in it into part.
func fill(ctx context.Context, part string, archive []byte, c *content) error {
	root, err := os.OpenRoot(part)
	if err != nil {
		return fmt.Errorf("store the code: %w", err)
	}
	defer root.Close()
	if err := writeArchive(root, archive); err != nil {
		return fmt.Errorf("store the code: %w", err)
	}
	if err := root.Mkdir(treeName, 0o755); err != nil {
		return fmt.Errorf("store the code: %w", err)
	}
	tree, err := root.OpenRoot(treeName)
	if err != nil {
		return fmt.Errorf("store the code: %w", err)
	}
	defer tree.Close()
	if err := unpack(ctx, tree, c); err != nil {
		return err
	}
	if err := finishDirectory(root, ".", 0o500); err != nil {
		return fmt.Errorf("store the code: %w", err)
	}
	return nil
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
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Dir is the directory a package is unpacked in, an absolute path. It is shared: nothing may be written there.
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

// isHash says whether name is one a package can have, and so not a path to somewhere else.
func isHash(name string) bool {
	if len(name) != hex.EncodedLen(sha256.Size) {
		return false
	}
	return strings.Trim(name, "0123456789abcdef") == ""
}

// Sweep removes the packages for which keep is false, except those that were put within the last ten minutes: they
// may be about to be referred to. A function that still runs from a removed package may miss files it has not opened.
// The first Sweep also removes what earlier processes left.
//
// What cannot be removed is not found any more, but lies aside. Sweep goes on after an error and returns the first,
// which says how many more there are.
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

// setAside moves what is to be removed out of the way, each package in one step, and returns where it is now. Put
// waits for that, but not for the deleting file by file.
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

// isStale reports whether an entry of the store is to be removed: a package that nobody has, or, since no Put is under
// way, what one has not finished.
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
