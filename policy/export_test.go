package policy

// Holes for the tests of package policy_test.

// ValidJSON reports whether the reader accepts the text, and whether it did so only for being nested too deeply.
func ValidJSON(text string) (ok, tooDeep bool) {
	_, err := readJSON(text)
	return err == nil, err != nil && err.message == "not JSON: nested too deeply"
}

// GlobMatch matches a pattern of * and ?, and of wildcards that stay within a part of an ARN if arn is set.
func GlobMatch(pattern, s string, arn, fold bool) bool {
	t := template{text: encodeWildcards(pattern)}
	if arn {
		colons := 0
		t.text = confine(t.text, &colons, true)
	}
	return globMatch(t.text, s, fold)
}

// KnownKeys returns the spellings of condition keys that Lookup is promised.
func KnownKeys() map[string]string { return knownKeys }
