package iam

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for aws.json
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl/policy"
)

// AWSPolicy finds one of AWS's managed policies by its ARN.
func AWSPolicy(arn string) (*ManagedPolicy, bool) {
	if !strings.HasPrefix(arn, "arn:aws:iam::aws:policy/") {
		return nil, false
	}
	found, ok := awsPolicies()[arn]
	return found, ok
}

// AWSPolicies yields AWS's managed policies in the order of their ARNs.
func AWSPolicies() iter.Seq[*ManagedPolicy] {
	policies := awsPolicies()
	return func(yield func(*ManagedPolicy) bool) {
		for _, arn := range slices.Sorted(maps.Keys(policies)) {
			if !yield(policies[arn]) {
				return
			}
		}
	}
}

// awsTable is AWS's managed policies as furl has them: those that people attach to the roles of functions and to those
// who work on them, with the actions that they are attached for (AWS Managed Policy Reference Guide). They are shorter
// than AWS's own wherever that makes no difference to the services that furl has.
//
//go:embed aws.json
var awsTable []byte

// awsCreated is when AWS made its first managed policies.
var awsCreated = time.Date(2015, 2, 6, 18, 39, 46, 0, time.UTC)

// awsPolicies compiles the table on first use. A fault in it is a mistake in the program.
var awsPolicies = sync.OnceValue(func() map[string]*ManagedPolicy {
	var table []struct {
		Path, Name, Description string
		Document                json.RawMessage
	}
	if err := json.Unmarshal(awsTable, &table); err != nil {
		panic(err)
	}
	policies := make(map[string]*ManagedPolicy, len(table))
	for _, row := range table {
		var text bytes.Buffer
		if err := json.Compact(&text, row.Document); err != nil {
			panic(err)
		}
		document, err := ParsePolicy(text.String(), policy.Identity)
		if err != nil {
			panic(row.Name + ": " + err.Error())
		}
		made := &ManagedPolicy{
			Account: AWS, Path: row.Path, Name: row.Name, Description: row.Description, Created: awsCreated,
		}
		made.ID = awsID(made.ARN())
		made.AddVersion(document, true, awsCreated)
		policies[made.ARN()] = made
	}
	return policies
})

// awsID is an id that is the same on every server.
func awsID(arn string) string {
	sum := sha256.Sum256([]byte(arn))
	id, err := NewID(strings.NewReader(string(sum[:])), PrefixPolicy)
	if err != nil {
		panic(err) // 32 bytes are enough
	}
	return id
}
