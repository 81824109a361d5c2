package lambda

import (
	"slices"
	"time"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/policy"
)

// Layer is a layer with its versions. It stays when they are deleted: their numbers are not given again.
type Layer struct {
	ARN         arn.Layer
	LastVersion int            // number of the version that was published last, be it deleted since
	Versions    []LayerVersion // in order of their numbers
}

// LayerVersion is a version of a layer. Of it only the policy changes.
type LayerVersion struct {
	Number        int
	Description   string
	Runtimes      []string // compatible ones; nil if none were given, an empty list was
	Architectures []string // the same
	License       string
	Created       time.Time

	CodeSHA256 string // base64, as the API shows it
	CodeHex    string // the same in hex: the name of the content
	CodeSize   int64  // bytes, zipped

	Policy Policy // who else may use it
}

// ActionGetLayer is the action that the permissions of layers are about, and the one that a function's creator needs
// for its layers.
const ActionGetLayer = "lambda:GetLayerVersion"

// MaxLayers is how many layers a function may have (Lambda quotas).
const MaxLayers = 5

// LayerCode names the content of the layers, lowest first, nil if none of them has one here.
func (c *Configuration) LayerCode() []string {
	var hexes []string
	for _, layer := range c.Layers {
		if layer.CodeHex != "" {
			hexes = append(hexes, layer.CodeHex)
		}
	}
	return hexes
}

// Key identifies the layer among all layers of the server.
func (l *Layer) Key() string { return l.ARN.Key() }

// Clone is a copy that may be changed without changing l.
func (l *Layer) Clone() *Layer {
	clone := *l
	clone.Versions = slices.Clone(l.Versions)
	return &clone
}

// Version is the version with the number; nil if there is none.
func (l *Layer) Version(number int) *LayerVersion {
	for i := range l.Versions {
		if l.Versions[i].Number == number {
			return &l.Versions[i]
		}
	}
	return nil
}

// Document is the resource-based policy of the version, nil if it has none.
func (v *LayerVersion) Document() *policy.Document { return v.Policy.compiled() }
