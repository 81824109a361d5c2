package code_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/furl-dev/furl/internal/code"
)

func Example() {
	dir, err := os.MkdirTemp("", "code")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	packages, err := code.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	file, err := writer.Create("app.py")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(file, "print('hello')")
	if err := writer.Close(); err != nil {
		log.Fatal(err)
	}
	stored, err := packages.Put(context.Background(), archive.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	unpacked, err := packages.Dir(stored.Hex)
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(unpacked, "app.py"))
	fmt.Println(string(text), err)
	// Output: print('hello') <nil>
}
