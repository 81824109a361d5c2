package trash_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"github.com/furl-dev/furl/internal/trash"
)

func Example() {
	dir, err := os.MkdirTemp("", "trash")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(filepath.Join(dir, "environment", "1f0c", "deep"), 0o700); err != nil {
		log.Fatal(err)
	}
	bin := trash.Bin{Dir: dir}
	if err := bin.Remove(context.Background(), "environment/1f0c"); err != nil {
		log.Fatal(err)
	}
	_, err = os.Stat(filepath.Join(dir, "environment", "1f0c"))
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output: true
}
