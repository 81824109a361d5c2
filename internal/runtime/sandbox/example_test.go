package sandbox_test

import (
	"fmt"
	"log"
	"os"

	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

func Example() {
	s := sandbox.New(sandbox.Config{Mode: sandbox.Auto, Dir: "/run/furl/sandbox", Hidden: []string{"/var/lib/furl"}})
	defer s.Close()
	if err := s.Ready(); err != nil {
		log.Fatal(err) // only in mode Strict
	}
	process, err := s.Start(sandbox.Command{Path: "/srv/web/bootstrap", Dir: "/srv/web", Home: "/srv/home", Output: os.Stdout})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(process.Wait())
}
