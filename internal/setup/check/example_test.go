package check_test

import (
	"context"
	"log"
	"os"

	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/setup/awsapi"
	"github.com/furl-dev/furl/internal/setup/check"
)

func Example() {
	ctx := context.Background()
	client, err := awsapi.Open(ctx, awsconfig.Options{Region: "eu-central-1"})
	if err != nil {
		log.Fatal(err)
	}
	checker := &check.Checker{Owner: check.NewSide(client)}
	report, err := checker.Run(ctx, check.Question{Target: "books", As: "function:reader"})
	if err != nil {
		log.Fatal(err)
	}
	report.WriteTo(os.Stdout)
}
