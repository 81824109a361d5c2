package arn

import (
	"cmp"
	"regexp"
	"strconv"
	"sync"
)

// Layer names a layer: arn:PARTITION:lambda:REGION:ACCOUNT:layer:NAME, or one of its versions with its number behind.
// The region says which partition it is.
type Layer struct {
	Region  string
	Account string // twelve digits
	Name    string
}

// String is the ARN of the layer.
func (l Layer) String() string {
	return "arn:" + PartitionOf(l.Region) + ":lambda:" + l.Region + ":" + l.Account + ":layer:" + l.Name
}

// Version is the ARN of a version of the layer.
func (l Layer) Version(number int) LayerVersion { return LayerVersion{l, number} }

// Key identifies the layer among all layers of a server.
func (l Layer) Key() string { return l.Account + "/" + l.Region + "/" + l.Name }

// LayerVersion names a version of a layer.
type LayerVersion struct {
	Layer
	Number int
}

// String is the ARN of the version.
func (v LayerVersion) String() string { return v.Layer.String() + ":" + strconv.Itoa(v.Number) }

// layerForm is a layer's name or ARN, in groups: partition, region, account, name, and number of a version.
var layerForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:arn:([^:]+):lambda:(` + regionForm + `):(\d{12}):layer:)?([a-zA-Z0-9-_]+)(?::([0-9]+))?$`)
})

// ParseLayer reads the name of a layer, its ARN, or the ARN of a version of it. What the text leaves out is taken from
// region and account; without a number of a version that is 0. Names may be of any length here: the longest one is in the
// API's model. The ARNs of AWS's own layers, which name neither a region nor an account, are refused: nobody but AWS has
// those layers.
func ParseLayer(text, region, account string) (LayerVersion, error) {
	parts := layerForm().FindStringSubmatch(text)
	if parts == nil || parts[1] == "" && parts[5] != "" || parts[1] != "" && parts[1] != PartitionOf(parts[2]) {
		return LayerVersion{}, refuse("%q is neither the name of a layer nor an ARN: arn:aws:lambda:REGION:ACCOUNT:layer:NAME", text)
	}
	layer := Layer{cmp.Or(parts[2], region), cmp.Or(parts[3], account), parts[4]}
	if parts[5] == "" {
		return LayerVersion{layer, 0}, nil
	}
	number, err := strconv.Atoi(parts[5])
	if err != nil {
		return LayerVersion{}, refuse("%q has a number of a version that no layer has", text)
	}
	return LayerVersion{layer, number}, nil
}
