package logs_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/furl-dev/furl/internal/logs"
)

func Example() {
	dir, err := os.MkdirTemp("", "logs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := logs.Open(logs.Config{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	store.Append("my-function", logs.Line{Time: time.Now(), Stream: logs.Stdout, Text: "hello"})
	for line, err := range store.Tail(context.Background(), "my-function", 10) {
		fmt.Println(line.Text, err)
	}
	// Output: hello <nil>
}
