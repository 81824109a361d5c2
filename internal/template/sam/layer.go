package sam

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/template/tree"
)

func layerProperty(name string) (kinds []tree.Kind, ok bool) {
	switch name {
	case "Description", "LicenseInfo", "RetentionPolicy":
		return []tree.Kind{tree.String}, true
	case "ContentUri", "LayerName":
		return []tree.Kind{tree.String, tree.Map}, true
	case "CompatibleArchitectures", "CompatibleRuntimes":
		return []tree.Kind{tree.List}, true
	case "PublishLambdaVersion":
		return []tree.Kind{tree.Bool}, true
	}
	return nil, false
}

// uploaded are the properties of a layer as they are once its path is in S3.
func uploaded(properties *tree.Node) *tree.Node {
	uri := properties.Get("ContentUri")
	if !uri.Is(tree.String) || strings.HasPrefix(uri.Text, "s3://") {
		return properties
	}
	out := *properties
	out.Members = slices.Clone(properties.Members)
	out.Set("ContentUri", tree.Text(uri.Pos, "s3://"+bucketOfPaths+"/"+keyOf(uri.Text)))
	return &out
}

// layer makes a version of a layer, with a logical id that changes with what the template says of it.
func (r *resource) layer() {
	if !r.check(layerProperty) {
		return
	}
	id, pos := r.name.Name, r.name.Value.Pos
	if r.get("ContentUri") == nil {
		r.faults.Add(r.name.Pos, "%s has no ContentUri, which a layer needs", id)
		return
	}
	resolved := &tree.Node{Pos: pos, Kind: tree.Map}
	for _, member := range uploaded(r.properties).Members {
		switch member.Name {
		case "LayerName", "LicenseInfo", "Description", "RetentionPolicy":
			value := r.resolve(member.Value)
			if !value.Is(tree.String, tree.Map, tree.Null) {
				r.faults.Add(member.Value.Pos, "%s must be a string or a Ref to a parameter that is one", member.Name)
			}
			member.Value = value
		}
		if member.Value.Kind != tree.Null {
			resolved.Members = append(resolved.Members, member)
		}
	}
	hashed := tree.Object(pos, "Type", tree.Text(pos, layerType), "Properties", resolved)
	for _, name := range []string{"DependsOn", "UpdatePolicy", "Condition"} {
		if value := r.name.Value.Get(name); value != nil {
			hashed.Set(name, value)
		}
	}
	made := id + hash(tree.Object(pos, id, hashed))

	out, properties := r.make("AWS::Lambda::LayerVersion", passedAttributes)
	r.dependsOn(out)
	if out.Get("DeletionPolicy") == nil {
		out.Set("DeletionPolicy", tree.Text(pos, "Retain"))
	}
	if policy := resolved.Get("RetentionPolicy"); policy != nil {
		switch {
		case policy.Is(tree.String) && strings.EqualFold(policy.Text, "Retain"):
			out.Set("DeletionPolicy", tree.Text(policy.Pos, "Retain"))
		case policy.Is(tree.String) && strings.EqualFold(policy.Text, "Delete"):
			out.Set("DeletionPolicy", tree.Text(policy.Pos, "Delete"))
		default:
			r.faults.Add(r.get("RetentionPolicy").Pos, "RetentionPolicy must be Retain or Delete")
		}
	}
	if architectures := r.get("CompatibleArchitectures"); architectures.Is(tree.List) {
		for _, item := range architectures.Items {
			if !isIntrinsic(item) && !(item.Is(tree.String) && (item.Text == "arm64" || item.Text == "x86_64")) {
				r.faults.Add(item.Pos, "CompatibleArchitectures must be a list of x86_64 or arm64")
			}
		}
	}
	name := resolved.Get("LayerName")
	if given(name) == nil {
		name = tree.Text(pos, id)
	}
	properties.Set("LayerName", name)
	code, _ := r.location("ContentUri")
	properties.Set("Content", code)
	for _, name := range []string{"Description", "LicenseInfo"} {
		if value := resolved.Get(name); value != nil {
			properties.Set(name, value)
		}
	}
	r.copy(properties, "CompatibleArchitectures", "CompatibleRuntimes")
	r.renamed[id] = made
	r.add(r.name, made, out)
}
