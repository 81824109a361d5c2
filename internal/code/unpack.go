//go:build unix

package code

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// unpackers is how many files unpack at once. Small files mostly wait for the disk, which takes several as fast as one.
const unpackers = 8

// unpack writes the content of an archive below root, read-only and durable. Whatever the names are, os.Root keeps it
// inside root. It writes through no link, since links come last. After an error a part of the content is there.
func unpack(ctx context.Context, root *os.Root, c *content) error {
	for _, name := range c.directories {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := root.Mkdir(name, 0o755); err != nil {
			return notMade(name, err)
		}
	}
	if err := unpackFiles(ctx, root, c.files); err != nil {
		return err
	}
	for _, l := range c.links {
		if err := root.Symlink(l.target, l.name); err != nil {
			return notMade(l.name, err)
		}
	}
	for _, name := range append(c.directories, ".") {
		if err := finishDirectory(root, name, 0o555); err != nil {
			return fmt.Errorf("unpack: %w", err)
		}
	}
	return nil
}

// unpackFiles returns after the first error, when all writing has ended.
func unpackFiles(ctx context.Context, root *os.Root, files []file) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan file)
	var group sync.WaitGroup
	for range min(unpackers, len(files)) {
		group.Go(func() {
			for f := range work {
				if err := unpackFile(ctx, root, f); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, f := range files {
		if ctx.Err() != nil {
			break
		}
		work <- f
	}
	close(work)
	group.Wait()
	return context.Cause(ctx)
}

// unpackFile writes one file: readable, executable if the archive says so, and not writable, since all environments of
// the function share the package.
func unpackFile(ctx context.Context, root *os.Root, f file) error {
	in, err := f.zip.Open()
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotZip, f.name, err)
	}
	defer in.Close()
	out, err := root.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return notMade(f.name, err)
	}
	defer out.Close()
	if err := copyExactly(ctx, out, in, f); err != nil {
		return err
	}
	mode := fs.FileMode(0o444)
	if f.zip.Mode()&0o111 != 0 {
		mode = 0o555
	}
	if err := errors.Join(out.Chmod(mode), out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	return nil
}

// notMade is the error about an entry that cannot be made. Its name may be taken although the archive has it only once.
func notMade(name string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return unsafeEntry(name,
			"differs from another entry only in upper and lower case, which are the same to this file system")
	}
	return fmt.Errorf("unpack: %w", err)
}

// copyExactly copies as many bytes as the archive declares for the file, which checkSize has counted. More or fewer are
// an error, as is a wrong checksum.
func copyExactly(ctx context.Context, out io.Writer, in io.Reader, f file) error {
	declared := int64(f.zip.UncompressedSize64)
	source := &archiveReader{ctx: ctx, reader: io.LimitReader(in, declared+1)}
	n, err := io.Copy(out, source)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case source.err != nil:
		return fmt.Errorf("%w: %s: %w", ErrNotZip, f.name, source.err)
	case err != nil:
		return fmt.Errorf("unpack: %w", err)
	case n != declared:
		return fmt.Errorf("%w: %s is not of the size it is declared to be", ErrNotZip, f.name)
	}
	return nil
}

// archiveReader separates an error of reading the archive from one of writing the file, and stops with the context.
type archiveReader struct {
	ctx    context.Context
	reader io.Reader
	err    error
}

func (r *archiveReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.reader.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// finishDirectory gives a directory its final mode, and makes the mode and the names in it durable.
func finishDirectory(root *os.Root, name string, mode fs.FileMode) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return errors.Join(dir.Chmod(mode), dir.Sync())
}
