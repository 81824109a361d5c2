package cli

import (
	_ "embed"
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// stamped is the line of a release, which the linker sets (-ldflags "-X …/internal/cli.stamped=…"): the commit, its
// date and the version or the tag, with - for what is not known.
var stamped string

// archived is a line of the same form. Git fills it in where it writes the source as an archive, which has no
// repository to ask; so do the archives of the source that GitHub makes.
//
//go:embed source.txt
var archived string

// Build is what a program was built from, and with.
type Build struct {
	Version string `json:"version"`          // without v in front
	Commit  string `json:"commit,omitempty"` // empty if it is not known
	Date    string `json:"date,omitempty"`   // of the commit, RFC 3339 in UTC; empty if it is not known
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// unreleased is the version of a program that does not know where it came from.
const unreleased = "0.0.0-dev"

// Built describes this program.
func Built() Build {
	if build, ok := BuildOf(stamped); ok {
		return build
	}
	if build, ok := BuildOf(archived); ok {
		return build
	}
	build := Build{Version: unreleased, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return build
	}
	if version, isVersion := strings.CutPrefix(info.Main.Version, "v"); isVersion {
		build.Version = version
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			build.Commit = setting.Value
		case "vcs.time":
			build.Date = setting.Value
		}
	}
	return build
}

// BuildOf reads a line that has a commit, its date and a version. It reports false for a line that nobody has filled
// in. A version that is missing, or that git describe has counted from an older tag, becomes one of the commit.
func BuildOf(line string) (Build, bool) {
	fields := strings.Fields(line)
	if len(fields) < 2 || strings.HasPrefix(line, "$") {
		return Build{}, false
	}
	build := Build{Version: unreleased, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if fields[0] != "-" {
		build.Commit = fields[0]
	}
	date, err := time.Parse(time.RFC3339, fields[1])
	if err == nil {
		build.Date = date.UTC().Format(time.RFC3339)
	}
	if len(fields) == 3 {
		release := regexp.MustCompile(`^v?([0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]+)?)$`).FindStringSubmatch(fields[2])
		counted := regexp.MustCompile(`-[0-9]+-g[0-9a-f]+$`).MatchString(fields[2])
		if release != nil && !counted {
			build.Version = release[1]
			return build, true
		}
	}
	if err == nil && build.Commit != "" {
		build.Version += date.UTC().Format(".20060102150405+g") + build.Commit[:min(12, len(build.Commit))]
	}
	return build, true
}

func (b Build) String() string {
	from := ""
	if b.Commit != "" {
		from = " (" + b.Commit[:min(12, len(b.Commit))]
		if day, _, dated := strings.Cut(b.Date, "T"); dated {
			from += ", " + day
		}
		from += ")"
	}
	return fmt.Sprintf("furl %s%s %s %s/%s", b.Version, from, b.Go, b.OS, b.Arch)
}

func (p *program) version() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "version",
		Short: "The version of this program",
		Long: `The version of this program, the commit that it was built from with the day of that commit, the version of
Go, and the system. A program that was built elsewhere than at a release has a version such as ` + unreleased + `.

--json prints the version, commit, date, go, os and arch as one object. The commit and the date are missing if the
program does not know them, as after go install.

` + exitStatus(status{exitOK: "printed"}, exitUsage),
		Example: "  furl version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return p.printJSON(Built())
			}
			return p.printVersion()
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return command
}

func (p *program) printVersion() error {
	_, err := fmt.Fprintln(p.streams.Out, Built())
	return err
}
