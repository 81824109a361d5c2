package stsapi

import (
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/iam"
)

// tag is a session tag in a request.
type tag struct {
	Key   string `query:"required,min=1,max=128,pattern=tagKey"`
	Value string `query:"required,max=256,pattern=tagValue"`
}

// sessionTags are the tags of a session in the making.
type sessionTags struct {
	values     map[string]string
	transitive []string // keys of those that sessions made from this one have too
}

// sessionTags are the tags of the request and the transitive ones of the session that calls, which it hands on and
// which can not be set anew. The refusals are recorded answers (LocalStack's test snapshots of STS, 2025).
func (in *assumeRoleInput) sessionTags(caller *iam.Session) (sessionTags, error) {
	tags, err := newSessionTags(in.Tags)
	if err != nil {
		return sessionTags{}, err
	}
	for _, key := range in.TransitiveTagKeys {
		spelled, ok := tags.find(key)
		if !ok {
			return sessionTags{}, invalidValue("The specified transitive tag key must be included in the requested tags.")
		}
		tags.transitive = append(tags.transitive, spelled)
	}
	if caller == nil {
		return tags, nil
	}
	for _, key := range caller.TransitiveTags {
		if _, ok := tags.find(key); ok {
			return sessionTags{}, invalidValue("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		tags.values[key] = caller.Tags[key]
		tags.transitive = append(tags.transitive, key)
	}
	return tags, nil
}

func newSessionTags(given []tag) (sessionTags, error) {
	tags := sessionTags{values: map[string]string{}}
	for _, t := range given {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return sessionTags{}, invalidValue("The tag key %s is reserved: keys that begin with aws: can not be set.", t.Key)
		}
		if _, twice := tags.find(t.Key); twice {
			return sessionTags{}, invalidValue("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		tags.values[t.Key] = t.Value
	}
	return tags, nil
}

// find is the key of a tag as it is spelled, whatever the case of the one asked for.
func (t sessionTags) find(key string) (spelled string, ok bool) {
	for k := range t.values {
		if strings.EqualFold(k, key) {
			return k, true
		}
	}
	return "", false
}

// facts are the condition keys of the tags.
func (t sessionTags) facts() []auth.Fact {
	var facts []auth.Fact
	for _, key := range slices.Sorted(maps.Keys(t.values)) {
		facts = append(facts, tagFacts(key, t.values[key])...)
	}
	for _, key := range t.transitive {
		facts = append(facts, auth.Fact{Key: "sts:TransitiveTagKeys", Value: key})
	}
	return facts
}

func tagFacts(key, value string) []auth.Fact {
	return []auth.Fact{{Key: "aws:RequestTag/" + key, Value: value}, {Key: "aws:TagKeys", Value: key}}
}
