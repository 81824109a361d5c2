package awsconfig_test

import (
	"context"
	"fmt"
	"log"

	"github.com/furl-dev/furl/internal/awsconfig"
)

// The URL of a function, with the credentials of a profile.
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

func ExampleFromEnvironment() {
	environment := map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-central-1",
	}
	cfg, ok := awsconfig.FromEnvironment(func(name string) string { return environment[name] })
	fmt.Println(cfg.Region, ok)
	// Output: eu-central-1 true
}
