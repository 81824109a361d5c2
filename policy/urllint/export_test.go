package urllint

import "strings"

// Holes for the tests of package urllint_test.

func IsRegion(s string) bool { return isRegion(s) }

func PartitionOf(region string) string { return partitionOf(region) }

// IsOperation reports whether an operation of Lambda's API is an action, or is known to ask for one of another name.
func IsOperation(name string) bool {
	return isActionOfLambda(name) || operations[strings.ToLower(name)] != ""
}
