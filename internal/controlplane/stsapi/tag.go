package stsapi

import (
	"strings"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/iam"
)

// sessionTags are the tags of a session in the making.
type sessionTags struct {
	values     map[string]string
	transitive []string // keys of those that sessions made from this one have too
}

// sessionTags are the tags of the request and the transitive ones of the session that calls, which it hands on and
// which cannot be set anew. The refusals are recorded answers (LocalStack's test snapshots of STS, 2025).
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

func newSessionTags(given []wire.Tag) (sessionTags, error) {
	values, err := wire.AddTags(nil, given, strings.EqualFold)
	return sessionTags{values: values}, err
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
	facts := wire.RequestTags(wire.Tags(wire.TagList(t.values)))
	for _, key := range t.transitive {
		facts = append(facts, auth.Fact{Key: "sts:TransitiveTagKeys", Value: key})
	}
	return facts
}
