package trash_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/furl-dev/furl/internal/trash"
)

// TestMountedDirectoriesAreLeftAlone runs in a mount namespace of its own, where the tree and a directory in it have
// another directory mounted on them.
func TestMountedDirectoriesAreLeftAlone(t *testing.T) {
	if os.Getenv("FURL_TEST_MOUNTS") == "" {
		again := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.v", "-test.run=^"+t.Name()+"$")
		again.Env = append(os.Environ(), "FURL_TEST_MOUNTS=1")
		again.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		out, err := again.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) || strings.Contains(string(out), "--- SKIP: "+t.Name()+" ") {
			t.Skipf("no mount namespace for this user: %v\n%s", err, out)
		}
		if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Skip(err)
	}
	outside := t.TempDir()
	must(t, os.Mkdir(filepath.Join(outside, "precious"), 0o700), os.Chmod(outside, 0o500))
	bin := trash.Bin{Dir: t.TempDir()}
	for _, mounted := range []string{"tree", "tree/a/b"} {
		target := filepath.Join(bin.Dir, mounted)
		must(t, os.MkdirAll(target, 0o700), os.WriteFile(filepath.Join(bin.Dir, "tree/file"), nil, 0o600),
			syscall.Mount(outside, target, "", syscall.MS_BIND, ""))
		if err := bin.Remove(t.Context(), "tree"); !errors.Is(err, syscall.EBUSY) {
			t.Errorf("with %s mounted: %v, want %v", mounted, err, syscall.EBUSY)
		}
		if info, err := os.Stat(filepath.Join(outside, "precious")); err != nil {
			t.Errorf("with %s mounted: %v %v", mounted, info, err)
		}
		if info, err := os.Stat(outside); err != nil || info.Mode().Perm() != 0o500 {
			t.Errorf("with %s mounted: %v %v, want mode 0500", mounted, info, err)
		}
		left, err := bin.Left()
		must(t, err)
		for _, aside := range left {
			target = filepath.Join(bin.Dir, aside)
			must(t, filepath.WalkDir(target, func(path string, e os.DirEntry, err error) error {
				if err == nil && e.Name() == "b" {
					target = path
				}
				return err
			}))
		}
		must(t, syscall.Unmount(target, 0), bin.Remove(t.Context(), "tree"))
		for _, aside := range left {
			must(t, bin.Empty(t.Context(), aside))
		}
		wantEmpty(t, bin)
	}
	must(t, os.Chmod(outside, 0o700))
}
