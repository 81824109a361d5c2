//go:build unix

package apply

import "fmt"

// Notes are the changes of furl's own tags.
func Notes(p *Plan) string {
	text := ""
	for k, n := range p.notes {
		text += fmt.Sprintf("%s: %v → %v\n", k, n.now, n.after)
	}
	return text
}
