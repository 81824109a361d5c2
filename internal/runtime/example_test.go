//go:build unix

package runtime_test

import (
	"context"
	"fmt"

	"github.com/furl-dev/furl/internal/runtime"
)

func Example() {
	_ = func(ctx context.Context, function *runtime.Function, sink runtime.LogSink, event []byte) error {
		pool, err := runtime.New(runtime.Config{Dir: "/srv/furl/functions", Log: sink})
		if err != nil {
			return err
		}
		defer pool.Close()
		result, err := pool.Invoke(ctx, function, runtime.Invocation{RequestID: "1", Payload: event})
		if err != nil {
			return err
		}
		body, err := result.ReadAll(0)
		fmt.Printf("%s\n", body)
		return err
	}
}
