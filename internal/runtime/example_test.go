package runtime_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
)

func Example() {
	pool, err := runtime.New(runtime.Config{Dir: "/var/lib/furl/environments"})
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	function := &runtime.Function{
		Key: "web/1", AccountID: "123456789012", Region: "eu-central-1", Name: "web", Version: "$LATEST",
		Runtime: "provided.al2023", Handler: "bootstrap", CodeDir: "/srv/web", MemoryMB: 128, Timeout: 3 * time.Second, Concurrency: -1,
	}
	invocation := runtime.Invocation{RequestID: "00000000-0000-4000-8000-000000000000", Payload: []byte("{}")}
	result, err := pool.Invoke(context.Background(), function, invocation)
	if err != nil {
		log.Fatal(err)
	}
	body, err := result.ReadAll(0)
	fmt.Println(string(body), err)
}
