package urllint_test

import (
	"os"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/policy/urllint"
)

// TestRegionsAreThoseOfARNs: the package imports nothing of furl's but package policy, so that it has these twice.
func TestRegionsAreThoseOfARNs(t *testing.T) {
	for _, name := range strings.Fields("eu-west-1 us-gov-west-1 us-iso-east-1 us-isob-east-1 eu-isoe-west-1 cn-north-1 " +
		"ap-southeast-12 eusc-de-east-1 mx-central-1 eu-west eu-west-1a EU-west-1 euw-west-1 eu--1 eu-west- -west-1 " +
		"eu-west-123 e1-west-1 eu-we5t-1 x") {
		if got, want := urllint.IsRegion(name), arn.IsRegion(name); got != want {
			t.Errorf("%s is a region: %t, of ARNs %t", name, got, want)
		} else if got && urllint.PartitionOf(name) != arn.PartitionOf(name) {
			t.Errorf("%s is of %s, of ARNs %s", name, urllint.PartitionOf(name), arn.PartitionOf(name))
		}
	}
}

// TestActionsAreThoseOfTheModel: each operation of Lambda's API is an action, or asks for one of another name.
func TestActionsAreThoseOfTheModel(t *testing.T) {
	model, err := os.ReadFile("../../internal/controlplane/wire/model/lambda.txt")
	if err != nil {
		t.Fatal(err)
	}
	operations := 0
	for line := range strings.Lines(string(model)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "op" {
			operations++
			if !urllint.IsOperation(fields[1]) {
				t.Errorf("the operation %s is unknown", fields[1])
			}
		}
	}
	if operations < 80 {
		t.Errorf("only %d operations in the model", operations)
	}
}
