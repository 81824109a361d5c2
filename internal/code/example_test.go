//go:build unix

package code_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/trash"
)

func Example() {
	dir, err := os.MkdirTemp("", "furl-code-")
	if err != nil {
		fmt.Println(err)
		return
	}
	bin := trash.Bin{Dir: filepath.Dir(dir)}
	defer bin.Remove(context.Background(), filepath.Base(dir)) //nolint:errcheck // the example is over
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	writer.Create("index.py") //nolint:errcheck // in memory
	writer.Close()            //nolint:errcheck // in memory

	packages, err := code.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	kept, err := packages.Put(context.Background(), archive.Bytes()) // SHA256 and Size as in Lambda's API
	if err != nil {
		fmt.Println(err)
		return
	}
	tree, err := packages.Dir(kept.Hex) // the function starts here
	files, _ := filepath.Glob(filepath.Join(tree, "*"))
	fmt.Println(len(files), err)
	// Output: 1 <nil>
}
