package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The objects of SARIF (OASIS, "Static Analysis Results Interchange Format Version 2.1.0"), as far as a report has them.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
		ColumnKind  string            `json:"columnKind"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Address string      `json:"informationUri"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string       `json:"id"`
		Short sarifMessage `json:"shortDescription"`
		Help  sarifMessage `json:"help"`
		Level struct {
			Level string `json:"level"`
		} `json:"defaultConfiguration"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string       `json:"level"`
		Message sarifMessage `json:"message"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		Rule         string            `json:"ruleId"`
		Index        int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifMessage      `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Properties   sarifProperties   `json:"properties"`
	}
	sarifLocation struct {
		Physical struct {
			Artifact struct {
				URI string `json:"uri"`
			} `json:"artifactLocation"`
			Region sarifRegion `json:"region"`
		} `json:"physicalLocation"`
		Logical []sarifLogical `json:"logicalLocations"`
	}
	sarifRegion struct {
		Line   int `json:"startLine"`
		Column int `json:"startColumn,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"name"`
		Full string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
	sarifProperties struct {
		Outcome string   `json:"outcome"`
		Suite   string   `json:"suite,omitempty"`
		Fix     []string `json:"fix,omitempty"`
	}
)

// levels are the outcomes as SARIF has them, and what they are called beside that.
var levels = map[Outcome][2]string{
	Passed: {"none", "ok"}, Noted: {"note", "note"}, Warned: {"warning", "warning"}, Failed: {"error", "problem"},
	Unknown: {"warning", "could not look"},
}

// writeSARIF writes a log of one run. What passed is left out: readers show each result as something to mend.
func (r Report) writeSARIF(w io.Writer) error {
	var run sarifRun
	run.ColumnKind = "unicodeCodePoints"
	run.Tool.Driver = sarifDriver{
		Name: "furl", Version: r.Version, Address: "https://github.com/furl-dev/furl", Rules: []sarifRule{},
	}
	run.Results = []sarifResult{}
	index := map[string]int{}
	for _, rule := range r.Rules {
		if !slices.ContainsFunc(r.Results, func(f Result) bool { return f.Rule == rule.ID && f.Outcome != Passed }) {
			continue
		}
		index[rule.ID] = len(run.Tool.Driver.Rules)
		written := sarifRule{ID: rule.ID, Short: sarifMessage{rule.Summary}, Help: sarifMessage{rule.Help}}
		written.Level.Level = levels[rule.Outcome][0]
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, written)
	}
	for _, result := range r.Results {
		if result.Outcome == Passed {
			continue
		}
		at, known := index[result.Rule]
		if !known {
			at = -1 // SARIF's own "none"
		}
		level := levels[result.Outcome]
		message := result.Name + ": " + result.text(true)
		if result.Suite != "" {
			message = result.Suite + ": " + message
		}
		run.Results = append(run.Results, sarifResult{
			Rule: result.Rule, Index: at, Level: level[0], Message: sarifMessage{message},
			Locations: []sarifLocation{locationOf(result)}, Fingerprints: map[string]string{"furl/v1": result.fingerprint()},
			Properties: sarifProperties{level[1], result.Suite, result.Fix},
		})
	}
	invocation := sarifInvocation{Successful: r.Complete}
	for _, note := range r.Notes {
		invocation.Notifications = append(invocation.Notifications, sarifNotification{"note", sarifMessage{note}})
	}
	run.Invocations = []sarifInvocation{invocation}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(sarifLog{
		"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", "2.1.0", []sarifRun{run},
	})
}

// locationOf is the place in the file, and what the result is about. GitHub takes no result without a file and a line
// (GitHub Docs, "SARIF support for code scanning"), so what is in no file has its name in the place of one.
func locationOf(result Result) (at sarifLocation) {
	at.Logical = []sarifLogical{{result.Name[strings.LastIndexByte(result.Name, ':')+1:], result.Name, "resource"}}
	at.Physical.Region = sarifRegion{max(result.Line, 1), result.Column}
	at.Physical.Artifact.URI = (&url.URL{Path: result.Name}).EscapedPath()
	if result.File != "" {
		at.Physical.Artifact.URI = fileURI(result.File)
	}
	return at
}

// fileURI is a file as a URI: relative to where the command ran, unless the path is absolute.
func fileURI(file string) string {
	name := path.Clean(filepath.ToSlash(file))
	if filepath.IsAbs(file) {
		if !strings.HasPrefix(name, "/") { // a drive
			name = "/" + name
		}
		return (&url.URL{Scheme: "file", Path: name}).String()
	}
	return (&url.URL{Path: name}).String()
}

// fingerprint tells a result from others for readers that follow it over several runs. Lines move, so it has none.
func (r Result) fingerprint() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{r.Rule, r.Name, filepath.ToSlash(r.File), r.Message}, "\x00")))
	return hex.EncodeToString(sum[:16])
}
