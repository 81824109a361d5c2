package bootstrap_test

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/furl-dev/furl/internal/runtime/bootstrap"
)

func Example() {
	dir, err := os.MkdirTemp("", "bootstrap")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := bootstrap.Install(dir); err != nil {
		log.Fatal(err)
	}
	command := exec.Command("python3", filepath.Join(dir, bootstrap.Python))
	_, err = os.Stat(command.Args[1])
	fmt.Println(err)
	// Output: <nil>
}
