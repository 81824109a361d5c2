package wire

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/auth"
)

// Tag is a tag in a request or an answer.
type Tag struct{ Key, Value string }

// TagList is the tags in the order of their keys, as AWS lists them.
func TagList(tags map[string]string) []Tag {
	list := make([]Tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, Tag{key, tags[key]})
	}
	return list
}

// Same says which tag keys are the same: those of users, roles and sessions by [strings.EqualFold], others by [Exactly].
type Same func(a, b string) bool

// Exactly is the [Same] of keys that differ by case.
func Exactly(a, b string) bool { return a == b }

// AddTags is the tags with more added, in which a new value keeps the new spelling of the key. It refuses keys that
// occur twice among the new ones and those that only AWS may set.
func AddTags(tags map[string]string, more []Tag, same Same) (map[string]string, error) {
	changed := maps.Clone(tags)
	if changed == nil {
		changed = map[string]string{}
	}
	for i, t := range more {
		if slices.ContainsFunc(more[:i], func(other Tag) bool { return same(other.Key, t.Key) }) {
			text := "Duplicate tag keys found."
			if same("a", "A") {
				text += " Please note that Tag keys are case insensitive."
			}
			return nil, &Error{Message: text}
		}
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, Errorf("", "The tag key %s is reserved: keys that begin with aws: cannot be set.", cut(t.Key))
		}
		maps.DeleteFunc(changed, func(key, _ string) bool { return same(key, t.Key) })
		changed[t.Key] = t.Value
	}
	return changed, nil
}

// RemoveTags is the tags without the keys.
func RemoveTags(tags map[string]string, keys []string, same Same) map[string]string {
	changed := maps.Clone(tags)
	maps.DeleteFunc(changed, func(key, _ string) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return same(k, key) })
	})
	return changed
}

// RequestTags are the condition keys for the tags that a request sets: aws:RequestTag/KEY and aws:TagKeys.
func RequestTags(tags iter.Seq2[string, string]) []auth.Fact {
	var facts []auth.Fact
	for key, value := range tags {
		facts = append(facts, auth.Fact{Key: "aws:RequestTag/" + key, Value: value}, auth.Fact{Key: "aws:TagKeys", Value: key})
	}
	return facts
}

// Tags are the tags of a list, for [RequestTags].
func Tags(list []Tag) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, t := range list {
			if !yield(t.Key, t.Value) {
				return
			}
		}
	}
}

// TagKeys is the condition key aws:TagKeys, which has as many values as there are keys.
func TagKeys(keys []string) []auth.Fact {
	facts := make([]auth.Fact, len(keys))
	for i, key := range keys {
		facts[i] = auth.Fact{Key: "aws:TagKeys", Value: key}
	}
	return facts
}

// ResourceTags are the condition keys for the tags that a resource has: aws:ResourceTag/KEY, and the same with the
// prefix of a service that has a key of its own.
func ResourceTags(tags map[string]string, prefixes ...string) []auth.Fact {
	var facts []auth.Fact
	for _, t := range TagList(tags) {
		for _, prefix := range append([]string{"aws"}, prefixes...) {
			facts = append(facts, auth.Fact{Key: prefix + ":ResourceTag/" + t.Key, Value: t.Value})
		}
	}
	return facts
}
