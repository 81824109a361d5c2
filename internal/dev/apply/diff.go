//go:build unix

package apply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// signs begin the lines of a diff.
var signs = map[Action]string{Create: "+", Alter: "~", Replace: "±", Delete: "-"}

// Diff is the plan for a person to read, a line for each step and below it what changes; "" if nothing does. Secrets
// are hidden.
func (p *Plan) Diff() string {
	var text strings.Builder
	for _, step := range p.Steps {
		fmt.Fprintf(&text, "%s %s", signs[step.Action], step.What)
		if step.LogicalID != "" {
			fmt.Fprintf(&text, " (%s)", step.LogicalID)
		}
		if step.Pos.File != "" {
			fmt.Fprintf(&text, " %s", step.Pos)
		}
		text.WriteString("\n")
		for _, change := range step.Changes {
			text.WriteString(change.diff())
		}
	}
	return text.String()
}

func (c Change) diff() string {
	before, after := lines(c.Before), lines(c.After)
	switch {
	case bytes.Count(before, []byte{'\n'}) > 1 || bytes.Count(after, []byte{'\n'}) > 1:
		_, hunks, _ := strings.Cut(string(diff.Diff("before", before, "after", after)), "@@")
		var text strings.Builder
		fmt.Fprintf(&text, "    %s:\n", c.Name)
		for line := range strings.Lines(hunks) {
			if strings.Contains(line, "@@") { // the numbers say nothing of a text that is in no file
				continue
			}
			text.WriteString("      " + line)
		}
		return text.String()
	case c.Before == "":
		return fmt.Sprintf("    %s = %s\n", c.Name, c.After)
	case c.After == "":
		return fmt.Sprintf("    %s = %s → (none)\n", c.Name, c.Before)
	}
	return fmt.Sprintf("    %s = %s → %s\n", c.Name, c.Before, c.After)
}

// lines is a value; a JSON object is indented.
func lines(text string) []byte {
	if text == "" {
		return nil
	}
	var indented bytes.Buffer
	if strings.HasPrefix(text, "{") && json.Indent(&indented, []byte(text), "", "  ") == nil {
		return append(indented.Bytes(), '\n')
	}
	return []byte(text + "\n")
}
