package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// others are the lines of the services that furl does not have.
func others(archive *zip.Reader, source string) ([]byte, error) {
	latest := map[string]string{} // by folder
	for _, file := range archive.File {
		if matched, err := path.Match("botocore/data/*/*/service-2.json.gz", file.Name); err != nil || !matched {
			continue
		}
		service := strings.Split(file.Name, "/")[2]
		latest[service] = max(latest[service], file.Name)
	}
	bySigner := map[string][]*model{}
	for _, service := range sorted(latest) {
		m, err := read(archive, latest[service])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", latest[service], err)
		}
		signer := cmp.Or(m.Metadata.SigningName, m.Metadata.EndpointPrefix)
		bySigner[signer] = append(bySigner[signer], m)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Services of AWS in %s that furl does not have. Written by tools/awsmodel: do not edit.\n", source)
	for _, signer := range sorted(bySigner) {
		var lines []string
		for i, m := range bySigner[signer] {
			if _, ours := apis[strings.ToLower(m.Metadata.ServiceID)]; ours {
				continue
			}
			others := slices.Delete(slices.Clone(bySigner[signer]), i, i+1)
			marks := strings.Join(m.marks(others), " ")
			lines = append(lines, strings.Join([]string{signer, m.Metadata.ServiceID, m.Metadata.Protocol, marks}, "\t"))
		}
		for _, line := range slices.Compact(lines) {
			out.WriteString(line + "\n")
		}
	}
	return out.Bytes(), nil
}

// marks are what requests of the service have and those of others with its signing name do not: the target, the version
// in a form, or the first segments of paths.
func (m *model) marks(others []*model) []string {
	protocols := append(m.Metadata.Protocols, m.Metadata.Protocol)
	var marks []string
	if m.Metadata.TargetPrefix != "" {
		marks = append(marks, m.Metadata.TargetPrefix)
	}
	if slices.Contains(protocols, "query") || slices.Contains(protocols, "ec2") {
		marks = append(marks, m.Metadata.APIVersion)
	}
	if len(others) == 0 || !strings.HasPrefix(m.Metadata.Protocol, "rest-") {
		return marks
	}
	theirs := map[string]bool{}
	for _, other := range others {
		for segment := range other.firstSegments() {
			theirs[segment] = other.Metadata.ServiceID != m.Metadata.ServiceID
		}
	}
	for _, segment := range sorted(m.firstSegments()) {
		if !theirs[segment] {
			marks = append(marks, segment)
		}
	}
	return marks
}

// firstSegments are the first segments of the operations' paths, "*" for a parameter.
func (m *model) firstSegments() map[string]bool {
	segments := map[string]bool{}
	for _, op := range m.Operations {
		path, _, _ := strings.Cut(op.HTTP.RequestURI, "?")
		first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		switch {
		case strings.HasPrefix(first, "{"):
			segments["*"] = true
		case first != "":
			segments[first] = true
		}
	}
	return segments
}
