// Command dist makes what a release of furl consists of, in a directory: an archive for each system, with the program,
// completions and man pages; a Python wheel and an npm package from each archive; the commands as one HTML page; and
// the checksums of all. `make dist` runs it.
//
// The same commit and the same Go make the same bytes, wherever and whenever it runs: each file has the date of the
// commit, and no owner. It asks no network, once the modules of go.mod are there.
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/cli"
)

// systems are those that furl is for, as GOOS/GOARCH.
const systems = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var r release
	list := flag.String("systems", systems, "systems to build for, GOOS/GOARCH, with commas between them")
	version := flag.String("version", "", "version, in place of that of the commit's tag")
	flag.StringVar(&r.root, "root", ".", "directory of the module")
	flag.StringVar(&r.out, "out", "dist", "directory to write to; its files of another release are removed")
	flag.Parse()
	err := r.identify(ctx, *version)
	if err == nil {
		err = r.make(ctx, strings.Split(*list, ","))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// release is one run.
type release struct {
	root, out string
	build     cli.Build // of the commit
	date      time.Time // of every file
	written   []string
}

// identify finds the commit, its date and its version: in the repository, or in the line of an archive of the source.
func (r *release) identify(ctx context.Context, version string) error {
	line, err := r.commit(ctx)
	if err != nil {
		return err
	}
	var known bool
	if r.build, known = cli.BuildOf(line); !known {
		r.build = cli.Built()
	}
	// Archives cannot have an earlier date than 1980.
	r.date = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	if r.build.Date != "" {
		if r.date, err = time.Parse(time.RFC3339, r.build.Date); err != nil {
			return err
		}
	}
	if version != "" {
		named, known := cli.BuildOf("- - " + version)
		if !known || named.Version != strings.TrimPrefix(version, "v") {
			return fmt.Errorf("-version %s is not a version such as 1.2.3 or 1.2.3-rc.1", version)
		}
		r.build.Version = named.Version
	}
	if _, err := pythonVersion(r.build.Version); err != nil {
		return err
	}
	return nil
}

// commit is a line for [cli.BuildOf]; empty without a repository.
func (r *release) commit(ctx context.Context) (string, error) {
	git := func(args ...string) (string, error) {
		command := exec.CommandContext(ctx, "git", args...)
		command.Dir = r.root
		out, err := command.Output()
		return strings.TrimSpace(string(out)), err
	}
	// Source that was unpacked somewhere in another repository is not of that one.
	if above, err := git("rev-parse", "--show-cdup"); err != nil || above != "" {
		return "", nil //nolint:nilerr // there is no git, or no repository
	}
	line, err := git("log", "-1", "--format=%H %cI")
	if err != nil {
		return "", fmt.Errorf("git log: %w", err)
	}
	changed, err := git("status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return "", fmt.Errorf("git status: %w", err)
	}
	if changed != "" {
		build, _ := cli.BuildOf(line)
		return line + " " + build.Version + ".dirty", nil
	}
	tag, err := git("describe", "--tags", "--exact-match", "--match", "v[0-9]*")
	if err != nil {
		return line, nil //nolint:nilerr // the commit has no tag
	}
	return line + " " + tag, nil
}

// make writes everything.
func (r *release) make(ctx context.Context, systems []string) error {
	if err := r.clear(); err != nil {
		return err
	}
	common, page, err := r.documents(ctx)
	if err != nil {
		return err
	}
	for _, name := range systems {
		goos, goarch, _ := strings.Cut(name, "/")
		s, ok := systemOf(goos, goarch)
		if !ok {
			return fmt.Errorf("there are no packages for the system %q", name)
		}
		fmt.Fprintf(os.Stderr, "dist: furl %s for %s\n", r.build.Version, name)
		program, err := r.compile(ctx, s)
		if err != nil {
			return fmt.Errorf("build for %s: %w", name, err)
		}
		others, err := r.notices(ctx, s)
		if err != nil {
			return fmt.Errorf("licenses of the modules for %s: %w", name, err)
		}
		archive := s.archive(r.build.Version)
		files := append([]file{
			{name: s.program(), mode: 0o755, content: program},
			{name: "THIRD-PARTY.txt", mode: 0o644, content: others},
		}, common...)
		if err := r.write(archive, pack(archive, "", files, r.date)); err != nil {
			return err
		}
		if err := r.repack(archive, s); err != nil {
			return err
		}
	}
	if err := r.write("furl_"+r.build.Version+"_commands.html", page); err != nil {
		return err
	}
	return r.checksums()
}

// repack makes the packages of a system from its archive.
func (r *release) repack(archive string, s system) error {
	content, err := os.ReadFile(filepath.Join(r.out, archive))
	if err != nil {
		return err
	}
	files, err := unpack(archive, content)
	if err != nil {
		return fmt.Errorf("read %s: %w", archive, err)
	}
	wheel, members, err := r.wheel(s, files)
	if err != nil {
		return err
	}
	if err := r.write(wheel, pack(wheel, "", members, r.date)); err != nil {
		return err
	}
	npm := fmt.Sprintf("furl-cli-%s-%s.tgz", s.npm(), r.build.Version)
	return r.write(npm, pack(npm, "package/", r.npmPackage(s, files), r.date))
}

// clear makes the directory, without the files of an earlier run, which the checksums would not have.
func (r *release) clear() error {
	if err := os.MkdirAll(r.out, 0o777); err != nil {
		return err
	}
	for _, pattern := range []string{"furl_*", "furl-cli-*", "SHA256SUMS"} {
		old, err := filepath.Glob(filepath.Join(r.out, pattern))
		if err != nil {
			return err
		}
		for _, path := range old {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *release) write(name string, content []byte) error {
	r.written = append(r.written, name)
	return os.WriteFile(filepath.Join(r.out, name), content, 0o666)
}

// checksums writes SHA256SUMS, as sha256sum -c reads it.
func (r *release) checksums() error {
	var sums bytes.Buffer
	for _, name := range slices.Sorted(slices.Values(r.written)) {
		content, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), name)
	}
	return r.write("SHA256SUMS", sums.Bytes())
}

// compile builds the program for a system.
func (r *release) compile(ctx context.Context, s system) ([]byte, error) {
	directory, err := os.MkdirTemp("", "furl-dist-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(directory)
	path := filepath.Join(directory, s.program())
	line := cmp.Or(r.build.Commit, "-") + " " + cmp.Or(r.build.Date, "-") + " " + r.build.Version
	if _, err := r.goTool(ctx, s, "build", "-trimpath", "-buildvcs=false", "-o", path,
		"-ldflags=-s -w -X 'github.com/furl-dev/furl/internal/cli.stamped="+line+"'", "./cmd/furl"); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// goTool runs Go for a system. What the environment says of Go's flags and of the processor would change the bytes.
func (r *release) goTool(ctx context.Context, s system, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = r.root
	command.Stderr = os.Stderr
	command.Env = append(os.Environ(), "GOOS="+s.goos, "GOARCH="+s.goarch, "CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=",
		"GOAMD64=v1", "GOARM64=v8.0", "GOWORK=off")
	return command.Output()
}

// notices are the licenses of everything from elsewhere that is linked into the program, each text once.
func (r *release) notices(ctx context.Context, s system) ([]byte, error) {
	list, err := r.goTool(ctx, s, "list", "-deps", "-f",
		"{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", "./cmd/furl")
	if err != nil {
		return nil, err
	}
	owners := map[string][]string{} // of each text
	modules := slices.Compact(slices.Sorted(strings.Lines(string(list))))
	for _, module := range modules {
		name, directory, found := strings.Cut(strings.TrimSpace(module), "\t")
		if !found {
			continue
		}
		var texts []string
		for _, pattern := range []string{"LICENSE*", "COPYING*", "NOTICE*"} {
			paths, err := filepath.Glob(filepath.Join(directory, pattern))
			if err != nil {
				return nil, err
			}
			texts = append(texts, paths...)
		}
		if len(texts) == 0 {
			return nil, fmt.Errorf("%s has no file LICENSE or COPYING in %s", name, directory)
		}
		for _, path := range texts {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			owners[string(text)] = append(owners[string(text)], name)
			// Go itself has the license of its modules, and some packages of Go come without the file.
			if strings.HasPrefix(name, "golang.org/x/term ") && strings.HasPrefix(filepath.Base(path), "LICENSE") {
				owners[string(text)] = append(owners[string(text)], "the Go standard library")
			}
		}
	}
	var out bytes.Buffer
	out.WriteString("The program contains these modules, under these licenses.\n")
	for _, text := range slices.SortedFunc(maps.Keys(owners), func(a, b string) int {
		return cmp.Or(slices.Compare(owners[a], owners[b]), strings.Compare(a, b))
	}) {
		fmt.Fprintf(&out, "\n%s\n\n%s\n\n%s\n", strings.Repeat("=", 80),
			strings.Join(owners[text], "\n"), strings.TrimSpace(text))
	}
	return out.Bytes(), nil
}

// documents are the files that all archives have, and the page of all commands.
func (r *release) documents(ctx context.Context) (files []file, page []byte, err error) {
	for _, name := range []string{"LICENSE", "README.md"} {
		content, err := os.ReadFile(filepath.Join(r.root, name))
		if err != nil {
			return nil, nil, err
		}
		files = append(files, file{name: name, mode: 0o644, content: content})
	}
	for shell, name := range map[string]string{
		"bash": "furl.bash", "zsh": "_furl", "fish": "furl.fish", "powershell": "furl.ps1",
	} {
		var script, trouble bytes.Buffer
		streams := cli.Streams{In: strings.NewReader(""), Out: &script, Err: &trouble}
		empty := func(string) string { return "" }
		if status := cli.Run(ctx, ctx, []string{"completion", shell}, empty, streams); status != 0 {
			return nil, nil, fmt.Errorf("furl completion %s: status %d: %s", shell, status, trouble.String())
		}
		files = append(files, file{name: "completions/" + name, mode: 0o644, content: script.Bytes()})
	}
	topics := topicsOf(cli.Commands())
	for _, t := range topics {
		page := t.man(r.build.Version, r.date)
		files = append(files, file{name: "man/man1/" + t.page() + ".1", mode: 0o644, content: []byte(page)})
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	page, err = html(topics, r.build.Version)
	return files, page, err
}
