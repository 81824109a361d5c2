package iamapi

import (
	"maps"
	"slices"
	"strings"
)

// tag is a tag on the wire, in requests and answers.
type tag struct {
	Key   string `query:"required,min=1,max=128,pattern=tagKey"`
	Value string `query:"required,max=256,pattern=tagValue"`
}

// tagList is the tags in the order of their keys, as AWS lists them.
func tagList(tags map[string]string) []tag {
	list := make([]tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, tag{key, tags[key]})
	}
	return list
}

// principalTags are the tags of a user or role with more added. Their keys are compared without regard to case, and
// a new value keeps the new spelling (IAM User Guide, "Tags for AWS Identity and Access Management resources").
func principalTags(tags map[string]string, more []tag) (map[string]string, error) {
	seen := map[string]bool{}
	changed := maps.Clone(tags)
	if changed == nil {
		changed = map[string]string{}
	}
	for _, t := range more {
		folded := strings.ToLower(t.Key)
		if seen[folded] {
			return nil, invalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[folded] = true
		maps.DeleteFunc(changed, func(key, _ string) bool { return strings.EqualFold(key, t.Key) })
		changed[t.Key] = t.Value
	}
	return checkedTags(changed)
}

// checkedTags refuses too many tags and those that only AWS may set.
func checkedTags(tags map[string]string) (map[string]string, error) {
	for key := range tags {
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return nil, invalidInput("The tag key %s is reserved: keys that begin with aws: can not be set.", key)
		}
	}
	if len(tags) > maxTags {
		return nil, limitExceeded("The number of tags has reached the maximum limit.")
	}
	return tags, nil
}

// withoutTags is the tags of a user or role without the keys.
func withoutTags(tags map[string]string, keys []string) map[string]string {
	changed := maps.Clone(tags)
	maps.DeleteFunc(changed, func(key, _ string) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, key) })
	})
	return changed
}

// exactTags are the tags of a policy or identity provider with more added. Their keys differ by case.
func exactTags(tags map[string]string, more []tag) (map[string]string, error) {
	seen := map[string]bool{}
	changed := maps.Clone(tags)
	if changed == nil {
		changed = map[string]string{}
	}
	for _, t := range more {
		if seen[t.Key] {
			return nil, invalidInput("Duplicate tag keys found.")
		}
		seen[t.Key] = true
		changed[t.Key] = t.Value
	}
	return checkedTags(changed)
}
