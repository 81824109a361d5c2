//go:build unix

package lambdaapi

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
)

// taggedInput names a resource by its ARN.
type taggedInput struct {
	Resource string
}

func (in *taggedInput) resourceARN() string { return in.Resource }

// taggable is what AWS calls things that have tags and that do not exist here, where that was recorded (LocalStack's
// snapshots of test_tag_exceptions).
var taggable = map[string]string{"event-source-mapping": "Event source mapping", "capacity-provider": "Capacity provider"}

// byTagged is the function whose ARN the input gives, unqualified: tags are the function's.
func byTagged[In interface{ resourceARN() string }](call *controlplane.Call, in In) (*request, error) {
	text := in.resourceARN()
	if named, err := arn.Parse(text); err == nil && !strings.HasPrefix(named.Resource, "function:") {
		kind, _, _ := strings.Cut(named.Resource, ":")
		return nil, notFound("%s not found: %s", cmp.Or(taggable[kind], "Resource"), text)
	}
	arn, err := arn.LookupFunction(text, call.Region, call.Caller.Account)
	if err != nil {
		return nil, badName(text)
	}
	if arn.Region != call.Region {
		return nil, notFound("Functions from '%s' are not reachable in this region ('%s')", arn.Region, call.Region)
	}
	function, _ := call.State.Now().Function(arn)
	return ask(call, in, target{arn: arn, resource: arn.Unqualified(), function: function}), nil
}

func (t target) tagged() (*lambda.Function, error) {
	if t.arn.Qualifier != "" {
		return nil, invalidParameter("Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	return t.existing()
}

type tagResourceInput struct {
	taggedInput
	Tags map[string]*string
}

func (in *tagResourceInput) facts(target) []auth.Fact { return requestTags(in.Tags) }

func (s *service) tagResource(r *request, in *tagResourceInput) (any, error) {
	if len(in.Tags) == 0 { // recorded, as the change of the revision is
		return nil, invalidParameter("An error occurred and the request cannot be processed.")
	}
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
	TagKeys []string
}

func (in *untagResourceInput) facts(target) []auth.Fact { return wire.TagKeys(in.TagKeys) }

func (s *service) untagResource(r *request, in *untagResourceInput) (any, error) {
	return nil, r.changeTags(func(tags map[string]string) error {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return nil
	})
}

// changeTags changes the tags of the target's function, which is a new revision of it even if the tags are the same.
func (r *request) changeTags(edit func(map[string]string) error) error {
	if _, err := r.target.tagged(); err != nil {
		return err
	}
	return r.change(nil, "", func(_ *state.Tx, function *lambda.Function) error {
		function.RevisionID = trace.NewRequestID()
		if function.Tags == nil {
			function.Tags = map[string]string{}
		}
		return edit(function.Tags)
	})
}

func (s *service) listTags(r *request, _ *taggedInput) (any, error) {
	function, err := r.target.tagged()
	if err != nil {
		return nil, err
	}
	tags := function.Tags
	if tags == nil {
		tags = map[string]string{}
	}
	return struct{ Tags map[string]string }{tags}, nil
}

// tagNew asks whether the caller may tag the function that is about to exist (openshift/installer#1073 and the like).
func (r *request) tagNew(tags map[string]*string) error {
	if len(tags) == 0 {
		return nil
	}
	return r.Authorize(controlplane.Permission{
		Action: tagResource, Resource: r.target.resource.String(), ResourceAccount: r.target.resource.Account,
		Facts: requestTags(tags),
	})
}

// checkTags refuses tags that cannot be added to those that are there.
func checkTags(present map[string]string, added map[string]*string) error {
	count := len(present)
	for _, key := range slices.Sorted(maps.Keys(added)) {
		value := added[key]
		if _, ok := present[key]; !ok {
			count++
		}
		switch {
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalidParameter("The tag key %q is reserved: keys must not begin with aws:.", key)
		case value == nil:
			return invalidParameter("The value of the tag %q must have 0 to 256 characters.", key)
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

// requestTags are the condition keys for the tags of a request. A tag without a value is refused later.
func requestTags(tags map[string]*string) []auth.Fact {
	return wire.RequestTags(maps.All(tagValues(tags)))
}
