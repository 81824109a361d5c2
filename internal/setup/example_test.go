package setup_test

import (
	"context"
	"fmt"
	"log"

	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/setup"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

func Example() {
	ctx := context.Background()
	client, err := awsapi.Open(ctx, awsconfig.Options{Region: "eu-central-1"})
	if err != nil {
		log.Fatal(err)
	}
	identity, err := client.Identity(ctx)
	if err != nil {
		log.Fatal(err)
	}
	granter := &setup.Granter{Owner: setup.NewAccount(identity, client)}
	plan, err := granter.Grant(ctx, setup.Request{Function: "books", Principal: "function:reader"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(plan.Diff())
	if err := plan.Apply(ctx, func(change setup.Change) { fmt.Println("done:", change) }); err != nil {
		log.Fatal(err)
	}
}
