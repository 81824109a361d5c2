package check

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/tint"
)

// conclude counts the functions and draws the verdict from them. Regions and files that could not be looked at leave it
// open.
func (a *Audit) conclude() {
	a.Version = jsonVersion
	a.Counts = Counts{FunctionURLs: len(a.Functions), Unread: a.Counts.Unread}
	for _, function := range a.Functions {
		switch function.Status {
		case OK:
			a.Counts.OK++
		case Problem:
			a.Counts.Problems++
		case Depends:
			a.Counts.Depend++
		case Unknown:
			a.Counts.CouldNotLook++
		}
	}
	for _, region := range a.Regions {
		if region.Status == Unknown {
			a.Counts.Unseen++
		}
	}
	switch {
	case a.Counts.Problems > 0:
		a.Verdict = Refused
	case !a.isComplete() || a.Counts.Depend > 0:
		a.Verdict = Undecided
	default:
		a.Verdict = Allowed
	}
}

// isComplete reports whether all could be looked at that there is.
func (a *Audit) isComplete() bool {
	return a.Counts.CouldNotLook+a.Counts.Unseen+a.Counts.Unread == 0
}

// Sentence is the counts in one line, such as 40 function URLs: 18 ok, 22 problems. What there may be besides is named
// only if there is some.
func (c Counts) Sentence() string {
	text := fmt.Sprintf("%s: %d ok, %s", count(c.FunctionURLs, "function URL"), c.OK, count(c.Problems, "problem"))
	switch {
	case c.Depend == 1:
		text += ", 1 depends"
	case c.Depend > 1:
		text += fmt.Sprintf(", %d depend", c.Depend)
	}
	if c.CouldNotLook > 0 {
		text += fmt.Sprintf(", %d could not look", c.CouldNotLook)
	}
	if c.Unseen > 0 {
		text += "; " + count(c.Unseen, "region") + " could not be looked at"
	}
	if c.Unread > 0 {
		text += "; " + count(c.Unread, "file") + " could not be read"
	}
	return text
}

// Quiet is the audit without the functions that are ok or depend on their callers, and without notes, but for those on
// files that could not be read. Its counts are still of all.
func (a Audit) Quiet() Audit {
	a.Functions = slices.DeleteFunc(slices.Clone(a.Functions), func(f AuditFunction) bool {
		return f.Status == OK || f.Status == Depends
	})
	a.Regions = slices.DeleteFunc(slices.Clone(a.Regions), func(r Looked) bool { return r.Status != Unknown })
	a.Notes = a.unread
	return a
}

// profiles reports whether several profiles looked, so that a function has to be told with its own.
func (a *Audit) profiles() bool {
	differ := false
	for _, region := range a.Regions {
		differ = differ || region.Profile != a.Regions[0].Profile
	}
	for _, function := range a.Functions {
		differ = differ || function.Profile != a.Functions[0].Profile
	}
	return differ
}

// name is the function, with its region if the name does not say it.
func (f AuditFunction) name() string {
	if f.Account == "" && f.Region != "" {
		return f.Function + " in " + f.Region
	}
	return f.Function
}

// oneLine keeps a text from outside, such as the name of a file or the answer of a service, from beginning a line, which
// could then look like one of the report's own.
func oneLine(text string) string { return strings.Join(strings.FieldsFunc(text, isLineEnd), " ") }

func isLineEnd(r rune) bool { return r == '\n' || r == '\r' }

// WriteTo writes the audit for a person to read.
func (a Audit) WriteTo(w io.Writer) (int64, error) {
	var text tint.Text
	by := func(profile string) string {
		if profile == "" || !a.profiles() {
			return ""
		}
		return "profile " + profile + ": "
	}
	for _, function := range a.Functions {
		where := by(function.Profile)
		if function.Place != (Place{}) {
			where += function.Place.String() + ": "
		}
		text.Pad(function.Status.style(), string(function.Status), statusWidth)
		text.Addf("  %s%s  %s\n", oneLine(where), oneLine(function.name()), oneLine(function.Summary))
		for _, detail := range function.Details {
			text.Addf("%-*s    %s\n", statusWidth, "", oneLine(detail))
		}
	}
	for _, region := range a.Regions {
		if region.Status == Unknown {
			text.Pad(region.Status.style(), string(region.Status), statusWidth)
			text.Addf("  %s%s  %s\n", by(region.Profile), region.Region, oneLine(region.Summary))
		}
	}
	for _, note := range a.Notes {
		text.Addf("note: %s\n", oneLine(note))
	}
	writeList(&text, "fix:", a.Fix)
	text.Addf("%s\n", a.Counts.Sentence())
	return text.WriteTo(w)
}
