package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// diff is the revision as one hunk of a unified diff with all lines of both texts; "" if they say the same.
func (r Revision) diff() string {
	before, after := lines(r.Before), lines(r.After)
	edits := compare(before, after)
	changed := false
	var body strings.Builder
	for _, edit := range edits {
		changed = changed || edit.mark != ' '
		fmt.Fprintf(&body, "%c%s\n", edit.mark, edit.line)
	}
	if !changed {
		return ""
	}
	from, to := r.Name, r.Name
	if r.Before == "" {
		from = "/dev/null"
	}
	if r.After == "" {
		to = "/dev/null"
	}
	return fmt.Sprintf("--- %s\n+++ %s\n@@ -%s +%s @@\n%s", from, to, extent(before), extent(after), body.String())
}

// extent is a range of lines in a hunk's header.
func extent(lines []string) string {
	if len(lines) == 0 {
		return "0,0"
	}
	return fmt.Sprintf("1,%d", len(lines))
}

// lines are the lines of a JSON text, indented.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(text), "", "  "); err != nil {
		return strings.Split(text, "\n")
	}
	return strings.Split(indented.String(), "\n")
}

// edit is one line of a diff: ' ' in both texts, '-' in the first, '+' in the second.
type edit struct {
	mark byte
	line string
}

// compare finds the longest common subsequence of lines. A function's policy has at most 20 KB, so that the table is
// small.
func compare(before, after []string) []edit {
	common := make([][]int, len(before)+1)
	for i := range common {
		common[i] = make([]int, len(after)+1)
	}
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(after) - 1; j >= 0; j-- {
			if before[i] == after[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var edits []edit
	i, j := 0, 0
	for i < len(before) || j < len(after) {
		switch {
		case i < len(before) && j < len(after) && before[i] == after[j]:
			edits = append(edits, edit{' ', before[i]})
			i, j = i+1, j+1
		case j == len(after) || i < len(before) && common[i+1][j] >= common[i][j+1]:
			edits = append(edits, edit{'-', before[i]})
			i++
		default:
			edits = append(edits, edit{'+', after[j]})
			j++
		}
	}
	return edits
}
