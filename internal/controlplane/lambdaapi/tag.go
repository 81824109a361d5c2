package lambdaapi

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
)

// taggedInput names a resource by its ARN.
type taggedInput struct {
	Resource *string `json:"-"`
}

func (in *taggedInput) take(p parameters) { in.Resource = p.fromPath("Resource") }

func (in *taggedInput) check() violations {
	return check("resource", in.Resource, minLength(1), maxLength(256), taggableARN)
}

func (in *taggedInput) resourceARN() string { return *in.Resource }

// byTagged is the function whose ARN the input gives, unqualified: tags are the function's. Nothing else that AWS can tag exists here.
func byTagged(call *controlplane.Call, in input) (target, error) {
	text := in.(interface{ resourceARN() string }).resourceARN()
	arn, err := lambda.ParseARN(text)
	if err != nil {
		if !strings.Contains(text, ":function:") {
			return target{}, notFound("Resource not found: %s", text)
		}
		return target{}, badName(text)
	}
	if arn.Region != call.Region {
		return target{}, notFound("Functions from '%s' are not reachable in this region ('%s')", arn.Region, call.Region)
	}
	function, _ := call.State.Now().Function(arn)
	return target{arn: arn, resource: arn.Unqualified(), function: function}, nil
}

func (t target) taggable() (*lambda.Function, error) {
	if t.arn.Qualifier != "" {
		return nil, invalidParameter("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	return t.existing()
}

type tagResourceInput struct {
	taggedInput
	Tags map[string]*string
}

func (in *tagResourceInput) check() violations {
	v := in.taggedInput.check()
	if in.Tags == nil {
		v = append(v, required[any]("tags", nil)...)
	}
	return v
}

func (in *tagResourceInput) facts(target) []auth.Fact { return requestTags(in.Tags) }

func (a *API) tagResource(r *request, in *tagResourceInput) (any, error) {
	return nil, r.changeTags(func(tags map[string]string) error {
		if err := checkTags(tags, in.Tags); err != nil {
			return err
		}
		maps.Copy(tags, tagValues(in.Tags))
		return nil
	})
}

type untagResourceInput struct {
	taggedInput
	TagKeys []string `json:"-"`
}

func (in *untagResourceInput) take(p parameters) {
	in.taggedInput.take(p)
	in.TagKeys = p.query["tagKeys"]
}

func (in *untagResourceInput) check() violations {
	v := in.taggedInput.check()
	if len(in.TagKeys) == 0 {
		v = append(v, required[any]("tagKeys", nil)...)
	}
	return v
}

func (in *untagResourceInput) facts(target) []auth.Fact { return tagKeys(slices.Values(in.TagKeys)) }

func (a *API) untagResource(r *request, in *untagResourceInput) (any, error) {
	return nil, r.changeTags(func(tags map[string]string) error {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return nil
	})
}

// changeTags changes the tags of the target's function. They are not part of its revision.
func (r *request) changeTags(edit func(map[string]string) error) error {
	if _, err := r.target.taggable(); err != nil {
		return err
	}
	return r.State.Update(r.Context(), func(tx *state.Tx) error {
		now, err := current(tx.View().Function, r.target.arn)
		if err != nil {
			return err
		}
		function := now.Clone()
		if function.Tags == nil {
			function.Tags = map[string]string{}
		}
		if err := edit(function.Tags); err != nil {
			return err
		}
		return tx.PutFunction(function)
	})
}

func (a *API) listTags(r *request, _ *taggedInput) (any, error) {
	function, err := r.target.taggable()
	if err != nil {
		return nil, err
	}
	tags := function.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return struct{ Tags map[string]string }{tags}, nil
}

// Limits of tags (Lambda Developer Guide, "Using tags on Lambda functions").
const (
	maxTagKey   = 128
	maxTagValue = 256
)

// checkTags refuses tags that can not be added to those that are there.
func checkTags(present map[string]string, added map[string]*string) error {
	count := len(present)
	for _, key := range slices.Sorted(maps.Keys(added)) {
		value := added[key]
		if _, ok := present[key]; !ok {
			count++
		}
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey:
			return invalidParameter("The tag key %q must have 1 to %d characters.", cut(key), maxTagKey)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalidParameter("The tag key %q is reserved: keys must not begin with aws:.", cut(key))
		case value == nil || utf8.RuneCountInString(*value) > maxTagValue:
			return invalidParameter("The value of the tag %q must have 0 to %d characters.", cut(key), maxTagValue)
		}
	}
	if count > lambda.MaxTags {
		return invalidParameter("Number of tags exceeds resource tag limit.")
	}
	return nil
}

func tagValues(tags map[string]*string) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	values := make(map[string]string, len(tags))
	for key, value := range tags {
		if value != nil {
			values[key] = *value
		}
	}
	return values
}
