package archtest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestMakefileHasItsTargets: make does nothing, and says so kindly, for a phony target without a rule.
func TestMakefileHasItsTargets(t *testing.T) {
	text, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, phony, _ := strings.Cut(string(text), "\n.PHONY:")
	phony, _, _ = strings.Cut(phony, "\n")
	targets := strings.Fields(phony)
	if len(targets) == 0 {
		t.Fatal("the Makefile has no line .PHONY")
	}
	for _, target := range targets {
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:.*## `).MatchString(string(text)) {
			t.Errorf("the Makefile lists %s as a target and has no rule with a description for it", target)
		}
	}
}
