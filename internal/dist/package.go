package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// system is one that furl is packaged for.
type system struct {
	goos, goarch string
	wheels       []string // tags of Python's platforms
}

// systemOf finds the tags of a system. The programs for Linux are static and run with every C library. macOS 12 is the
// oldest that Go 1.26 supports (https://go.dev/doc/go1.26#darwin).
func systemOf(goos, goarch string) (system, bool) {
	for _, s := range []system{
		{"linux", "amd64", []string{"manylinux2014_x86_64", "musllinux_1_1_x86_64"}},
		{"linux", "arm64", []string{"manylinux2014_aarch64", "musllinux_1_1_aarch64"}},
		{"darwin", "amd64", []string{"macosx_12_0_x86_64"}},
		{"darwin", "arm64", []string{"macosx_12_0_arm64"}},
		{"windows", "amd64", []string{"win_amd64"}},
		{"windows", "arm64", []string{"win_arm64"}},
	} {
		if s.goos == goos && s.goarch == goarch {
			return s, true
		}
	}
	return system{}, false
}

func (s system) program() string {
	if s.goos == "windows" {
		return "furl.exe"
	}
	return "furl"
}

func (s system) archive(version string) string {
	form := ".tar.gz"
	if s.goos == "windows" {
		form = ".zip"
	}
	return "furl_" + version + "_" + s.goos + "_" + s.goarch + form
}

// npmOS and npmCPU are the names of Node.js: process.platform and process.arch.
func (s system) npmOS() string {
	if s.goos == "windows" {
		return "win32"
	}
	return s.goos
}

func (s system) npmCPU() string {
	if s.goarch == "amd64" {
		return "x64"
	}
	return s.goarch
}

func (s system) npm() string { return s.npmOS() + "-" + s.npmCPU() }

const (
	repository = "https://github.com/furl-dev/furl"
	summary    = "Call, set up and check AWS Lambda function URLs with IAM auth, and run them locally"
)

// about is what the pages of a package index show.
const about = `# furl

furl is a tool for AWS Lambda function URLs with IAM authentication. It calls a function URL, sets it up, and runs it on
your machine with AWS's rules enforced. It says why a call is refused.

This package installs the program ` + "`furl`" + `, and nothing to import.

    furl --version
    furl help

Documentation: ` + repository + `
`

// pythonVersion writes a version as PEP 440 has it: 1.2.3-rc.1 as 1.2.3rc1, 0.0.0-dev.N+gCOMMIT as 0.0.0.dev0N+….
func pythonVersion(version string) (string, error) {
	public, local, isLocal := strings.Cut(version, "+")
	parts := regexp.MustCompile(`^([0-9.]+)(?:-(dev|alpha|beta|rc)(?:\.([0-9]+))?)?$`).FindStringSubmatch(public)
	if parts == nil {
		return "", fmt.Errorf("version %s: Python has no such version: end it with -alpha.N, -beta.N or -rc.N", version)
	}
	python := parts[1]
	if kind := parts[2]; kind != "" {
		number := parts[3]
		if number == "" {
			number = "0"
		}
		python += map[string]string{"dev": ".dev", "alpha": "a", "beta": "b", "rc": "rc"}[kind] + number
	}
	if isLocal {
		python += "+" + local
	}
	return python, nil
}

// wheel is the wheel of a system, by its name, from the files of its archive. The program is one of its scripts, which
// pip puts on the path; the man pages are data beside it.
func (r *release) wheel(s system, archive []file) (name string, members []file, err error) {
	version, err := pythonVersion(r.build.Version)
	if err != nil {
		return "", nil, err
	}
	stem := "furl_cli-" + version
	for _, f := range archive {
		switch {
		case f.name == s.program():
			f.name = stem + ".data/scripts/" + f.name
		case strings.HasPrefix(f.name, "man/"):
			f.name = stem + ".data/data/share/" + f.name
		case f.name == "LICENSE", f.name == "THIRD-PARTY.txt":
			f.name = stem + ".dist-info/licenses/" + f.name
		default:
			continue
		}
		members = append(members, f)
	}
	metadata := "Metadata-Version: 2.4\nName: furl-cli\nVersion: " + version + "\nSummary: " + summary +
		"\nProject-URL: Repository, " + repository + "\nLicense-Expression: Apache-2.0" +
		"\nLicense-File: LICENSE\nLicense-File: THIRD-PARTY.txt\n" +
		"Requires-Python: >=3.8\nDescription-Content-Type: text/markdown\n\n" + about
	description := "Wheel-Version: 1.0\nGenerator: furl internal/dist\nRoot-Is-Purelib: false\n"
	for _, platform := range s.wheels {
		description += "Tag: py3-none-" + platform + "\n"
	}
	members = append(members,
		file{stem + ".dist-info/METADATA", 0o644, []byte(metadata)},
		file{stem + ".dist-info/WHEEL", 0o644, []byte(description)})
	var record bytes.Buffer
	for _, f := range members {
		sum := sha256.Sum256(f.content)
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", f.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.content))
	}
	fmt.Fprintf(&record, "%s.dist-info/RECORD,,\n", stem)
	members = append(members, file{stem + ".dist-info/RECORD", 0o644, record.Bytes()})
	return stem + "-py3-none-" + strings.Join(s.wheels, ".") + ".whl", members, nil
}

// manifest is a package.json.
type manifest struct {
	Name        string            `json:"name"`
	Version     string            `json:"version"`
	Description string            `json:"description"`
	License     string            `json:"license"`
	Repository  map[string]string `json:"repository"`
	OS          []string          `json:"os"`
	CPU         []string          `json:"cpu"`
	Bin         map[string]string `json:"bin"`
	Man         []string          `json:"man"`
}

// npmPackage is the npm package of a system, from the files of its archive. npm links the program itself.
//
// There is no package that has those of all systems as optional dependencies and chooses: its command would have the
// name of theirs, and up to npm 10 the packages that are not for this system take the link away with them
// (npm/cli#3446, evanw/esbuild#2558).
func (r *release) npmPackage(s system, archive []file) []file {
	m := manifest{
		Name: "furl-cli-" + s.npm(), Version: r.build.Version, Description: summary, License: "Apache-2.0",
		Repository: map[string]string{"type": "git", "url": "git+" + repository + ".git"},
		OS:         []string{s.npmOS()}, CPU: []string{s.npmCPU()}, Bin: map[string]string{"furl": "bin/" + s.program()},
	}
	var files []file
	for _, f := range archive {
		switch {
		case f.name == s.program():
			f.name = "bin/" + f.name
		case strings.HasPrefix(f.name, "man/"):
			f.name = "man/" + path.Base(f.name)
			m.Man = append(m.Man, f.name)
		case f.name != "LICENSE" && f.name != "THIRD-PARTY.txt":
			continue
		}
		files = append(files, f)
	}
	text, err := json.MarshalIndent(m, "", "  ")
	must(err)
	return append([]file{
		{"package.json", 0o644, append(text, '\n')},
		{"README.md", 0o644, []byte(about)},
	}, files...)
}
