//go:build unix

package logs_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/furl-dev/furl/internal/logs"
)

func Example() {
	dir, err := os.MkdirTemp("", "furl-logs-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the example is over
	store, err := logs.Open(logs.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	store.Append("my-function", logs.Line{Time: time.Now(), Stream: logs.Stdout, Text: "hello"})
	for line, err := range store.Tail(context.Background(), 10, logs.Log{Function: "my-function"}) { // Follow goes on
		fmt.Println(line.Stream, line.Text, err)
	}
	// Output: stdout hello <nil>
}
