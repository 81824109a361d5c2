package store_test

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// TestFullDisk: on a full file system, which another program keeps full, all that makes room goes through.
func TestFullDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("mount: %v", err) // TestFileSizeLimit needs no rights
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	greed := &greed{path: filepath.Join(dir, "greed")}
	free := sync.OnceFunc(greed.free)
	defer free()
	starve(t, disk{dir, greed.fill, free})
}

// greed takes every byte that becomes free.
type greed struct {
	path string
	stop chan struct{}
	done sync.WaitGroup
}

func (g *greed) fill() {
	full := make(chan struct{})
	g.stop = make(chan struct{})
	g.done.Go(func() {
		file, err := os.Create(g.path)
		if err != nil {
			panic(err)
		}
		defer file.Close()
		first := sync.OnceFunc(func() { close(full) })
		defer first()
		block := make([]byte, 1<<20)
		for size := len(block); ; {
			select {
			case <-g.stop:
				return
			default:
			}
			switch _, err := file.Write(block[:size]); {
			case err == nil:
				size = min(2*size, len(block))
			case size > 1:
				size /= 2
			default:
				first()
			}
		}
	})
	<-full
}

func (g *greed) free() {
	close(g.stop)
	g.done.Wait()
	if err := os.Remove(g.path); err != nil {
		panic(err)
	}
}
