package urllint

import (
	"cmp"
	"strings"
)

// maxWord is the length up to which a word may be a misspelled name.
const maxWord = 80

// nearest returns the name that a misspelled word is most like; "" if none is like it: one that differs in few letters
// or begins with it, else the shortest that has all letters of the word in their order, else the longest that the word
// has all letters of.
func nearest(word string, names []string) string {
	if len(word) > maxWord {
		return ""
	}
	word = strings.ToLower(word)
	best, begun, longer, shorter := "", "", "", ""
	least := 0
	for _, name := range names {
		lower := strings.ToLower(name)
		if isNearlyAsLong(word, name) {
			if d := distance(word, lower); best == "" || d < least {
				best, least = name, d
			}
		}
		if isWithin(word, lower) && (longer == "" || len(name) < len(longer)) {
			longer = name
		}
		if word != "" && strings.HasPrefix(lower, word) && (begun == "" || len(name) < len(begun)) {
			begun = name
		}
		if isWithin(lower, word) && len(name) > len(shorter) {
			shorter = name
		}
	}
	if isLike(word, best) {
		return cmp.Or(begun, best)
	}
	return cmp.Or(longer, shorter)
}

// isLike reports whether two words differ in a quarter of their letters at most, or in one.
func isLike(word, name string) bool {
	return isNearlyAsLong(word, name) && distance(strings.ToLower(word), strings.ToLower(name)) <= max(1, len(name)/4)
}

// isNearlyAsLong reports whether the lengths of two words let them be alike.
func isNearlyAsLong(word, name string) bool {
	return max(len(word)-len(name), len(name)-len(word)) <= max(1, len(name)/4)
}

// isWithin reports whether name has all letters of word, at least six, in their order, and begins or ends with some.
func isWithin(word, name string) bool {
	if len(word) < 6 || len(name) < 6 || name[:3] != word[:3] && !strings.HasSuffix(name, word) {
		return false
	}
	for i := range len(name) {
		if word != "" && word[0] == name[i] {
			word = word[1:]
		}
	}
	return word == ""
}

// distance is the number of letters to add, drop, change or swap with the next that makes one word of the other.
func distance(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(row[j]+1, last[j+1]+1, last[j]+change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
