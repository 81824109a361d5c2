// Command furl calls, sets up, runs and explains AWS Lambda function URLs with IAM auth. See the README.
package main

import (
	"os"

	"github.com/furl-dev/furl/internal/cli"
)

func main() { os.Exit(cli.Main()) }
