//go:build unix

package lambdaapi

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/auth"
	"github.com/furl-dev/furl/internal/code"
	"github.com/furl-dev/furl/internal/controlplane"
	"github.com/furl-dev/furl/internal/controlplane/wire"
	"github.com/furl-dev/furl/internal/lambda"
	"github.com/furl-dev/furl/internal/state"
)

// The answers and texts of this file are those that were recorded at AWS (LocalStack's snapshots of TestLambdaLayer).

// layerRequest is a request about a layer or a version of one, decoded and authorized.
type layerRequest struct {
	wire.Request
	arn   arn.LayerVersion // Number is 0 for the layer itself
	layer *lambda.Layer    // as it was when the request was authorized, nil if there is no such layer
}

type layerInput struct{ LayerName string }

func (in *layerInput) layerName() string { return in.LayerName }

// layerVersionInput is the input of operations that only name a version of a layer.
type layerVersionInput struct {
	layerInput
	VersionNumber int
}

func (in *layerVersionInput) number() int { return in.VersionNumber }

// byLayer is the resource of actions on a layer (Lambda Developer Guide, "Lambda API permissions": for ListLayerVersions,
// too, which AWS refuses for the layer's ARN).
func byLayer[In interface{ layerName() string }](call *controlplane.Call, in In) (*layerRequest, error) {
	named, err := arn.ParseLayer(in.layerName(), call.Region, call.Caller.Account)
	return askLayer(call, named, err)
}

// byLayerVersion is the resource of actions on a version of a layer.
func byLayerVersion[In interface {
	layerName() string
	number() int
}](call *controlplane.Call, in In) (*layerRequest, error) {
	named, err := arn.ParseLayer(in.layerName(), call.Region, call.Caller.Account)
	named.Number = in.number()
	return askLayer(call, named, err)
}

func askLayer(call *controlplane.Call, named arn.LayerVersion, err error) (*layerRequest, error) {
	if err != nil || named.Region != call.Region { // the text for another region is assumed
		return nil, resourceMissing()
	}
	r := &layerRequest{Request: wire.Request{Call: call}, arn: named}
	r.layer, _ = call.State.Now().Layers.Get(named.Key())
	r.Need = layerPermission(named, r.version())
	if named.Number == 0 {
		r.Need.Resource = named.Layer.String()
	}
	return r, nil
}

// layerPermission is what a caller needs for a version of a layer, which has its own policy.
func layerPermission(named arn.LayerVersion, version *lambda.LayerVersion) controlplane.Permission {
	need := controlplane.Permission{Resource: named.String(), ResourceAccount: named.Account}
	if version != nil {
		need.Policy = version.Document()
		need.PolicyName = "resource-based policy of layer version " + named.String()
	}
	return need
}

// version is the version of the layer that the request names, nil if there is none.
func (r *layerRequest) version() *lambda.LayerVersion {
	if r.layer == nil {
		return nil
	}
	return r.layer.Version(r.arn.Number)
}

func layerVersionMissing(version string) string {
	return "Layer version " + version + " does not exist."
}

func checkLayerNumber(number int) error {
	if number < 1 {
		return invalidParameter("Layer Version Cannot be less than 1")
	}
	return nil
}

type publishLayerVersionInput struct {
	layerInput
	Content                 struct{ ZipFile []byte }
	Description             string
	CompatibleArchitectures []string
	CompatibleRuntimes      []string
	LicenseInfo             string
}

func (s *service) publishLayerVersion(r *layerRequest, in *publishLayerVersionInput) (any, error) {
	if len(in.Content.ZipFile) == 0 {
		return nil, invalidParameter("Please provide a source for layer content.") // the text is assumed
	}
	kept, err := s.keep(r.Context(), in.Content.ZipFile)
	if err != nil {
		return nil, err
	}
	version := lambda.LayerVersion{
		Description: in.Description, Runtimes: in.CompatibleRuntimes, Architectures: in.CompatibleArchitectures,
		License: in.LicenseInfo, Created: r.Now.UTC().Truncate(time.Millisecond),
		CodeSHA256: kept.SHA256, CodeHex: kept.Hex, CodeSize: kept.Size,
	}
	err = r.State.Update(r.Context(), func(tx *state.Tx) error {
		layer := &lambda.Layer{ARN: r.arn.Layer}
		if old, ok := tx.View().Layers.Get(layer.Key()); ok {
			layer = old.Clone()
		}
		layer.LastVersion++
		version.Number = layer.LastVersion
		layer.Versions = append(layer.Versions, version)
		return tx.Put(layer)
	})
	if err != nil {
		return nil, err
	}
	return s.showLayer(r.arn.Layer, &version), nil
}

// shownLayerVersion is a version of a layer as the API shows it.
type shownLayerVersion struct {
	Content                 *shownContent `json:",omitempty"`
	LayerArn                string        `json:",omitempty"`
	LayerVersionArn         string
	Description             string
	CreatedDate             string
	Version                 int
	CompatibleRuntimes      []string `json:",omitzero"` // an empty list was given, and is repeated
	CompatibleArchitectures []string `json:",omitzero"`
	LicenseInfo             string   `json:",omitempty"`
}

type shownContent struct {
	Location   string
	CodeSha256 string
	CodeSize   int64
}

// listLayer shows a version in a list.
func listLayer(layer arn.Layer, version *lambda.LayerVersion) shownLayerVersion {
	return shownLayerVersion{
		LayerVersionArn: layer.Version(version.Number).String(), Description: version.Description,
		CreatedDate: version.Created.UTC().Format(lastModified), Version: version.Number,
		CompatibleRuntimes: version.Runtimes, CompatibleArchitectures: version.Architectures, LicenseInfo: version.License,
	}
}

// showLayer shows a version with its content.
func (s *service) showLayer(layer arn.Layer, version *lambda.LayerVersion) shownLayerVersion {
	shown := listLayer(layer, version)
	shown.LayerArn = layer.String()
	shown.Content = &shownContent{s.config.Links.CodeURL(version.CodeHex), version.CodeSHA256, version.CodeSize}
	return shown
}

func (s *service) getLayerVersion(r *layerRequest, _ *layerVersionInput) (any, error) {
	if err := checkLayerNumber(r.arn.Number); err != nil {
		return nil, err
	}
	version := r.version()
	if version == nil {
		return nil, resourceMissing()
	}
	return s.showLayer(r.arn.Layer, version), nil
}

type layerARNInput struct{ Arn string }

// byLayerARN is the resource of GetLayerVersionByArn: the version that the ARN names.
func byLayerARN(call *controlplane.Call, in *layerARNInput) (*layerRequest, error) {
	named, err := arn.ParseLayer(in.Arn, call.Region, call.Caller.Account)
	return askLayer(call, named, err)
}

func (s *service) getLayerVersionByARN(r *layerRequest, _ *layerARNInput) (any, error) {
	return s.getLayerVersion(r, nil)
}

// layerFilter is the part of a list's input that says which versions of layers it is about.
type layerFilter struct {
	CompatibleArchitecture string
	CompatibleRuntime      string
}

func (f *layerFilter) takes(version *lambda.LayerVersion) bool {
	return (f.CompatibleArchitecture == "" || slices.Contains(version.Architectures, f.CompatibleArchitecture)) &&
		(f.CompatibleRuntime == "" || slices.Contains(version.Runtimes, f.CompatibleRuntime))
}

type listLayersInput struct {
	wire.Page
	layerFilter
}

func (s *service) listLayers(r *request, in *listLayersInput) (any, error) {
	type shownLayer struct {
		LayerName             string
		LayerArn              string
		LatestMatchingVersion shownLayerVersion
	}
	found := []shownLayer{}
	for _, layer := range r.State.Now().Layers.All() {
		if layer.ARN.Account != r.Caller.Account || layer.ARN.Region != r.Region {
			continue
		}
		for i := len(layer.Versions) - 1; i >= 0; i-- {
			if version := &layer.Versions[i]; in.takes(version) {
				found = append(found, shownLayer{layer.ARN.Name, layer.ARN.String(), listLayer(layer.ARN, version)})
				break
			}
		}
	}
	found, next, err := cut(in.Page, "layers", found, func(l shownLayer) string { return l.LayerName })
	if err != nil {
		return nil, err
	}
	return struct {
		NextMarker string `json:",omitempty"`
		Layers     []shownLayer
	}{next, found}, nil
}

type listLayerVersionsInput struct {
	layerInput
	wire.Page
	layerFilter
}

func (s *service) listLayerVersions(r *layerRequest, in *listLayerVersionsInput) (any, error) {
	found := []shownLayerVersion{}
	if r.layer != nil {
		for i := range r.layer.Versions {
			if version := &r.layer.Versions[i]; in.takes(version) {
				found = append(found, listLayer(r.arn.Layer, version))
			}
		}
	}
	newestFirst := func(v shownLayerVersion) string { return fmt.Sprintf("%019d", math.MaxInt64-int64(v.Version)) }
	found, next, err := cut(in.Page, "layer-versions/"+r.arn.Name, found, newestFirst)
	if err != nil {
		return nil, err
	}
	return struct {
		NextMarker    string `json:",omitempty"`
		LayerVersions []shownLayerVersion
	}{next, found}, nil
}

// deleteLayerVersion takes a version that is not there for one that was deleted.
func (s *service) deleteLayerVersion(r *layerRequest, _ *layerVersionInput) (any, error) {
	if err := checkLayerNumber(r.arn.Number); err != nil {
		return nil, err
	}
	return nil, r.State.Update(r.Context(), func(tx *state.Tx) error {
		layer, ok := tx.View().Layers.Get(r.arn.Key())
		if !ok || layer.Version(r.arn.Number) == nil {
			return nil
		}
		changed := layer.Clone()
		changed.Versions = slices.DeleteFunc(changed.Versions, func(v lambda.LayerVersion) bool { return v.Number == r.arn.Number })
		return tx.Put(changed)
	})
}

// layerFacts are the condition keys for the layers that a request gives to a function.
func layerFacts(layers []string) []auth.Fact {
	facts := make([]auth.Fact, len(layers))
	for i, layer := range layers {
		facts[i] = auth.Fact{Key: "lambda:Layer", Value: layer}
	}
	return facts
}

// layers are the layers that a request gives to a function, in its order. The caller needs the permission for each.
func (s *settings) layers(r *request) ([]lambda.LayerRef, error) {
	if len(s.Layers) > lambda.MaxLayers {
		return nil, invalidParameter("Cannot reference more than %d layers.", lambda.MaxLayers)
	}
	seen := map[arn.Layer]string{}
	refs := make([]lambda.LayerRef, len(s.Layers))
	versions := make([]arn.LayerVersion, len(s.Layers))
	for i, text := range s.Layers {
		named, err := arn.ParseLayer(text, "", "")
		if err != nil {
			return nil, invalidParameter("%s", layerVersionMissing(text))
		}
		if named.Region != r.Region {
			return nil, invalidParameter("Layers are not in the same region as the function. Layers are expected to be in region %s.", r.Region)
		}
		if first, twice := seen[named.Layer]; twice {
			return nil, invalidParameter("Two different versions of the same layer are not allowed to be referenced in the same function. %s and %s are versions of the same layer.",
				first, text)
		}
		seen[named.Layer], refs[i].ARN, versions[i] = text, text, named
	}
	for i := range refs {
		if err := resolveLayer(r, versions[i], &refs[i]); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

// resolveLayer finds what a function has to know of a version of a layer. The public layer of the Web Adapter needs no
// content: furl serves its functions itself.
func resolveLayer(r *request, named arn.LayerVersion, ref *lambda.LayerRef) error {
	var version *lambda.LayerVersion
	if layer, ok := r.State.Now().Layers.Get(named.Key()); ok {
		version = layer.Version(named.Number)
	} else if ref.IsWebAdapter() {
		everyone := lambda.Permission{Action: lambda.ActionGetLayer, Principal: lambda.PermissionPrincipal{Anyone: true}}
		version = &lambda.LayerVersion{Policy: lambda.Policy{
			Text: lambda.PolicyText([]lambda.Permission{everyone}, named, lambda.Stored),
		}}
	}
	need := layerPermission(named, version)
	need.Action = lambda.ActionGetLayer
	if err := r.Authorize(need); err != nil {
		if _, known := r.State.Now().Accounts.Get(named.Account); !known {
			r.Explain("the layer "+ref.ARN+" is of the account "+named.Account+", which this server does not have: layers "+
				"that are at AWS are not here",
				"with credentials for AWS, get the address of its content: aws lambda get-layer-version-by-arn --arn "+ref.ARN+
					" --query Content.Location --output text",
				"download that to layer.zip, publish it here: aws lambda publish-layer-version --layer-name "+named.Name+
					" --zip-file fileb://layer.zip, and give the function the LayerVersionArn of the answer")
		}
		return err
	}
	if version == nil {
		return invalidParameter("%s", layerVersionMissing(ref.ARN))
	}
	ref.CodeHex, ref.CodeSize = version.CodeHex, version.CodeSize
	return nil
}

// checkSize refuses more content than a function and its layers may have together. The texts are those of failed
// deployments (bento-video/bento#1 and, with the function, lambci/git-lambda-layer#27).
func (s *service) checkSize(codeHex string, layers []lambda.LayerRef) error {
	function := lambda.Configuration{Layers: layers}
	var total int64
	for _, hex := range function.LayerCode() {
		size, err := s.config.Code.Unzipped(hex)
		if err != nil {
			return err
		}
		total += size
	}
	if total > code.MaxUnzipped {
		return invalidParameter("Layers consume more than the available size of %d bytes", code.MaxUnzipped)
	}
	if total == 0 || codeHex == "" { // what is used in place has no limit
		return nil
	}
	size, err := s.config.Code.Unzipped(codeHex)
	if total += size; err == nil && total > code.MaxUnzipped {
		err = invalidParameter("Function code combined with layers exceeds the maximum allowed size of %d bytes. The actual size is %d bytes.",
			code.MaxUnzipped, total)
	}
	return err
}
