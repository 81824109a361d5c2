package awsconfig_test

import (
	"context"
	"fmt"
	"log"

	"github.com/furl-dev/furl/internal/awsconfig"
)

func Example() {
	ctx := context.Background()
	cfg, err := awsconfig.Load(ctx, awsconfig.Options{Profile: "dev"})
	if err != nil {
		log.Fatal(err)
	}
	url, err := awsconfig.FunctionURL(ctx, cfg, "my-function", "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(url)
}
