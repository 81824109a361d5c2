package lambdaapi

import (
	"iter"
	"maps"

	"github.com/furl-dev/furl/internal/auth"
)

// requestTags are the condition keys for the tags of a request: aws:RequestTag/KEY and aws:TagKeys.
func requestTags(tags map[string]*string) []auth.Fact {
	facts := tagKeys(maps.Keys(tags))
	for key, value := range tags {
		if value != nil {
			facts = append(facts, auth.Fact{Key: "aws:RequestTag/" + key, Value: *value})
		}
	}
	return facts
}

// tagKeys is aws:TagKeys, which has as many values as there are keys.
func tagKeys(keys iter.Seq[string]) []auth.Fact {
	var facts []auth.Fact
	for key := range keys {
		facts = append(facts, auth.Fact{Key: "aws:TagKeys", Value: key})
	}
	return facts
}
