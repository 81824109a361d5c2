package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
)

// The elements of JUnit XML, which has no standard: those that GitLab and Jenkins read (GitLab Docs, "Unit test reports";
// Jenkins' junit-10.xsd).
type (
	suites struct {
		XMLName  xml.Name `xml:"testsuites"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Skipped  int      `xml:"skipped,attr"`
		Suites   []*suite `xml:"testsuite"`
	}
	suite struct {
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Errors   int        `xml:"errors,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Cases    []testCase `xml:"testcase"`
		Out      string     `xml:"system-out,omitempty"`
	}
	testCase struct {
		Class   string `xml:"classname,attr"`
		Name    string `xml:"name,attr"`
		File    string `xml:"file,attr,omitempty"`
		Line    int    `xml:"line,attr,omitempty"`
		Failure *fault `xml:"failure"`
		Error   *fault `xml:"error"`
		Skipped *fault `xml:"skipped"`
	}
	fault struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes a suite for each region or file, and a case for each result: what is wrong is a failure, what could
// not be looked at an error, and a note a case that was skipped.
func (r Report) writeJUnit(w io.Writer) error {
	all := suites{Name: line(r.Command)}
	byName := map[string]*suite{}
	named := map[[2]string]int{}
	of := func(name string) *suite {
		if name == "" {
			name = r.Command
		}
		found := byName[name]
		if found == nil {
			found = &suite{Name: line(name)}
			byName[name] = found
			all.Suites = append(all.Suites, found)
		}
		return found
	}
	for _, result := range r.Results {
		in := of(result.Suite)
		found := testCase{
			Class: in.Name, Name: line(result.Name), File: line(filepath.ToSlash(result.File)), Line: result.Line,
		}
		same := [2]string{in.Name, found.Name}
		if named[same]++; named[same] > 1 { // readers tell cases apart by their names
			found.Name += fmt.Sprintf(" (%d)", named[same])
		}
		said := &fault{line(result.Message), result.Rule, plain(result.text(true))}
		switch result.Outcome {
		case Passed:
		case Noted:
			found.Skipped = said
			in.Skipped, all.Skipped = in.Skipped+1, all.Skipped+1
		case Warned, Failed:
			found.Failure = said
			in.Failures, all.Failures = in.Failures+1, all.Failures+1
		case Unknown:
			found.Error = said
			in.Errors, all.Errors = in.Errors+1, all.Errors+1
		}
		in.Cases = append(in.Cases, found)
		in.Tests, all.Tests = in.Tests+1, all.Tests+1
	}
	notes := ""
	for _, note := range r.Notes {
		notes += "note: " + plain(note) + "\n"
	}
	if notes != "" {
		in := of("")
		if in.Tests == 0 && len(all.Suites) > 1 { // some readers take a suite without cases for a fault
			all.Suites, in = all.Suites[:len(all.Suites)-1], all.Suites[0]
		}
		in.Out = notes + plain(r.Summary) + "\n"
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
