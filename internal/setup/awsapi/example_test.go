package awsapi_test

import (
	"context"
	"fmt"
	"log"

	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

func Example() {
	ctx := context.Background()
	client, err := awsapi.Open(ctx, awsconfig.Options{Region: "eu-central-1"})
	if err != nil {
		log.Fatal(err)
	}
	url, err := client.URL(ctx, lambda.ARN{Region: "eu-central-1", Account: "123456789012", Name: "books"})
	if action, denied := awsapi.DeniedAction(err); denied {
		log.Fatalf("ask for the permission %s", action)
	}
	fmt.Println(url.Address, err)
}
