//go:build unix

package trash_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/furl-dev/furl/internal/trash"
)

func ExampleBin_Remove() {
	dir, err := os.MkdirTemp("", "furl-trash-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the example is over
	if err := os.MkdirAll(filepath.Join(dir, "environment", "1f0c", "deep"), 0o700); err != nil {
		fmt.Println(err)
		return
	}
	bin := trash.Bin{Dir: dir}
	err = bin.Remove(context.Background(), "environment/1f0c")
	left, _ := os.ReadDir(filepath.Join(dir, "environment"))
	fmt.Println(len(left), err)
	// Output: 0 <nil>
}
