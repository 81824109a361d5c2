package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/cli"
	"github.com/furl-dev/furl/internal/usertest"
)

// make dist-test sets it; other runs build for this system only.
var all = flag.Bool("all", false, "make the release for all systems")

const (
	version     = "1.2.3-rc.1"
	functionURL = "https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws/"
)

func TestRelease(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("releases are made on Linux or macOS, which have the modes of files")
	}
	here := runtime.GOOS + "/" + runtime.GOARCH
	list := []string{here}
	if *all {
		list = strings.Split(systems, ",")
	}
	var made [2]release
	for i := range made {
		made[i] = release{root: "../..", out: t.TempDir()}
		if err := made[i].identify(t.Context(), version); err != nil {
			t.Fatal(err)
		}
	}
	for i := range made {
		if err := made[i].make(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	r := made[0]
	t.Run("two runs are the same", func(t *testing.T) {
		if !slices.Equal(r.written, made[1].written) {
			t.Fatalf("first %q, then %q", r.written, made[1].written)
		}
		for _, name := range r.written {
			if !bytes.Equal(read(t, r, name), read(t, made[1], name)) {
				t.Errorf("%s is not the same", name)
			}
		}
	})
	t.Run("checksums", func(t *testing.T) { checkSums(t, r) })
	for _, name := range list {
		t.Run(name, func(t *testing.T) {
			goos, goarch, _ := strings.Cut(name, "/")
			s, _ := systemOf(goos, goarch)
			files := checkArchive(t, r, s)
			checkWheel(t, r, s, files)
			checkNPM(t, r, s, files)
		})
	}
	s, ok := systemOf(runtime.GOOS, runtime.GOARCH)
	if !ok {
		t.Skipf("there are no packages for %s", here)
	}
	t.Run("man pages", func(t *testing.T) { checkManual(t, r, s) })
	t.Run("install with pip", func(t *testing.T) { installWheel(t, r, s) })
	t.Run("install with npm", func(t *testing.T) { installNPM(t, r, s) })
	if *all {
		t.Run("source without a repository", func(t *testing.T) { buildFromArchive(t, r) })
		t.Run("go install", func(t *testing.T) { installModule(t, r, s) })
	}
}

func read(t *testing.T, r release, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(r.out, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// members reads an archive, by the names of the members, and holds their order.
func members(t *testing.T, r release, name string) map[string]file {
	t.Helper()
	files, err := unpack(name, read(t, r, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	found := map[string]file{}
	for _, f := range files {
		if _, twice := found[f.name]; twice {
			t.Errorf("%s has %s twice", name, f.name)
		}
		found[f.name] = f
	}
	return found
}

// sole is the name of the one file of the release that a pattern finds.
func sole(t *testing.T, r release, pattern string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(r.out, pattern))
	if err != nil || len(paths) != 1 {
		t.Fatalf("%s finds %q (%v), of %q", pattern, paths, err, r.written)
	}
	return filepath.Base(paths[0])
}

func checkSums(t *testing.T, r release) {
	summed := []string{"SHA256SUMS"}
	for line := range strings.Lines(string(read(t, r, "SHA256SUMS"))) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		got := sha256.Sum256(read(t, r, name))
		if !ok || sum != hex.EncodeToString(got[:]) {
			t.Errorf("wrong: %q", line)
		}
		summed = append(summed, name)
	}
	entries, err := os.ReadDir(r.out)
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, entry := range entries {
		there = append(there, entry.Name())
	}
	slices.Sort(summed)
	if diff := cmp.Diff(there, summed); diff != "" {
		t.Errorf("files and sums: %s", diff)
	}
}

// checkArchive holds the layout, which is the same on all systems.
func checkArchive(t *testing.T, r release, s system) map[string]file {
	form := ".tar.gz"
	if s.goos == "windows" {
		form = ".zip"
	}
	name := fmt.Sprintf("furl_%s_%s_%s%s", version, s.goos, s.goarch, form)
	files := members(t, r, name)
	magic := map[string]string{"linux": "\x7fELF", "darwin": "\xcf\xfa\xed\xfe", "windows": "MZ"}[s.goos]
	program := files[s.program()]
	if !bytes.HasPrefix(program.content, []byte(magic)) {
		t.Errorf("%s has no program for %s", name, s.goos)
	}
	pages := 0
	for path, f := range files {
		mode := fs.FileMode(0o644)
		if path == s.program() {
			mode = 0o755
		}
		if f.mode.Perm() != mode {
			t.Errorf("%s: %s has the mode %v", name, path, f.mode)
		}
		if len(f.content) == 0 {
			t.Errorf("%s: %s is empty", name, path)
		}
		if strings.HasPrefix(path, "man/man1/furl") && strings.HasSuffix(path, ".1") {
			pages++
			delete(files, path)
			defer func() { files[path] = f }()
		}
	}
	licenses := string(files["THIRD-PARTY.txt"].content)
	for _, text := range []string{
		"github.com/spf13/cobra v", "the Go standard library\n", "Redistributions in binary form",
	} {
		if !strings.Contains(licenses, text) {
			t.Errorf("%s does not have %q in the licenses of what it contains: %s", name, text, licenses)
		}
	}
	want := []string{
		"LICENSE", "README.md", "THIRD-PARTY.txt", "completions/_furl", "completions/furl.bash",
		"completions/furl.fish", "completions/furl.ps1", s.program(),
	}
	var others []string
	for path := range files {
		others = append(others, path)
	}
	slices.Sort(others)
	if diff := cmp.Diff(want, others); diff != "" || pages < 25 {
		t.Errorf("%s has %d man pages, and: %s", name, pages, diff)
	}
	return files
}

// checkWheel holds a wheel to https://packaging.python.org/en/latest/specifications/binary-distribution-format/.
func checkWheel(t *testing.T, r release, s system, archive map[string]file) {
	tags := map[string][]string{
		"linux/amd64":   {"py3-none-manylinux2014_x86_64", "py3-none-musllinux_1_1_x86_64"},
		"linux/arm64":   {"py3-none-manylinux2014_aarch64", "py3-none-musllinux_1_1_aarch64"},
		"darwin/amd64":  {"py3-none-macosx_12_0_x86_64"},
		"darwin/arm64":  {"py3-none-macosx_12_0_arm64"},
		"windows/amd64": {"py3-none-win_amd64"},
		"windows/arm64": {"py3-none-win_arm64"},
	}[s.goos+"/"+s.goarch]
	joined := tags[0]
	for _, tag := range tags[1:] {
		joined += "." + strings.TrimPrefix(tag, "py3-none-")
	}
	files := members(t, r, "furl_cli-1.2.3rc1-"+joined+".whl")
	program := files["furl_cli-1.2.3rc1.data/scripts/"+s.program()]
	if !bytes.Equal(program.content, archive[s.program()].content) || program.mode.Perm() != 0o755 {
		t.Errorf("the wheel has another program than the archive, or one of the mode %v", program.mode)
	}
	const info = "furl_cli-1.2.3rc1.dist-info/"
	for _, tag := range tags {
		if !strings.Contains(string(files[info+"WHEEL"].content), "Tag: "+tag+"\n") {
			t.Errorf("WHEEL does not have the tag %s: %s", tag, files[info+"WHEEL"].content)
		}
	}
	rows, err := csv.NewReader(bytes.NewReader(files[info+"RECORD"].content)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		f, there := files[row[0]]
		delete(files, row[0])
		sum := sha256.Sum256(f.content)
		want := []string{row[0], "sha256=" + base64.RawURLEncoding.EncodeToString(sum[:]), fmt.Sprint(len(f.content))}
		if row[0] == info+"RECORD" {
			want = []string{row[0], "", ""}
		}
		if !there || !slices.Equal(row, want) {
			t.Errorf("RECORD has %q, want %q", row, want)
		}
	}
	if len(files) > 0 {
		t.Errorf("RECORD does not have %v", files)
	}
}

func checkNPM(t *testing.T, r release, s system, archive map[string]file) {
	name := map[string]string{"linux": "linux", "darwin": "darwin", "windows": "win32"}[s.goos] + "-" +
		map[string]string{"amd64": "x64", "arm64": "arm64"}[s.goarch]
	files := members(t, r, "furl-cli-"+name+"-"+version+".tgz")
	program := files["package/bin/"+s.program()]
	if !bytes.Equal(program.content, archive[s.program()].content) || program.mode.Perm() != 0o755 {
		t.Errorf("the npm package has another program than the archive, or one of the mode %v", program.mode)
	}
	var m manifest
	if err := json.Unmarshal(files["package/package.json"].content, &m); err != nil {
		t.Fatal(err)
	}
	if m.Name != "furl-cli-"+name || m.Version != version || m.Bin["furl"] != "bin/"+s.program() ||
		!slices.Equal(m.OS, strings.Split(name, "-")[:1]) || !slices.Equal(m.CPU, strings.Split(name, "-")[1:]) {
		t.Errorf("package.json of %s: %+v", name, m)
	}
	for _, page := range m.Man {
		if _, there := files["package/"+page]; !there {
			t.Errorf("package.json of %s names %s, which is not there", name, page)
		}
	}
}

// checkManual reads every man page as groff does, and looks for what people look for.
func checkManual(t *testing.T, r release, s system) {
	t.Parallel()
	files := members(t, r, s.archive(version))
	html := string(read(t, r, "furl_"+version+"_commands.html"))
	for _, topic := range topicsOf(cli.Commands()) {
		if !strings.Contains(html, `<section id="`+topic.page()+`">`) {
			t.Errorf("the page of commands does not have %s", topic.Name)
		}
	}
	for _, foreign := range []string{"<script", "src=", "http-equiv", "@import"} {
		if strings.Contains(html, foreign) {
			t.Errorf("the page of commands has %s", foreign)
		}
	}
	usertest.Program(t, "groff")
	for _, topic := range topicsOf(cli.Commands()) {
		// A long word that does not fit is no fault.
		command := exec.CommandContext(t.Context(), "groff", "-man", "-ww", "-Wbreak", "-Tutf8", "-P-cbou")
		command.Stdin = bytes.NewReader(files["man/man1/"+topic.page()+".1"].content)
		var trouble strings.Builder
		command.Stderr = &trouble
		shown, err := command.Output()
		if err != nil || trouble.Len() > 0 {
			t.Errorf("groff, on %s: %v: %s", topic.page(), err, trouble.String())
		}
		words := strings.Join(strings.Fields(string(shown)), " ")
		for _, f := range topic.Flags {
			if !strings.Contains(words, strings.Join(strings.Fields(f.Name+" "+f.Text), " ")) {
				t.Errorf("%s does not show %+v:\n%s", topic.page(), f, shown)
			}
		}
		for line := range strings.Lines(topic.Examples) {
			if line := strings.TrimSpace(line); !strings.Contains(string(shown), line) {
				t.Errorf("%s does not show %q as one line:\n%s", topic.page(), line, shown)
			}
		}
	}
}

// run runs a program in an empty environment, and returns its output.
func run(t *testing.T, path string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), path, args...)
	home := t.TempDir()
	command.Dir = home
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "NO_UPDATE_NOTIFIER=1",
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	var trouble strings.Builder
	command.Stderr = &trouble
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s%s", path, args, err, out, trouble.String())
	}
	return string(out)
}

// checkProgram runs what was installed.
func checkProgram(t *testing.T, r release, path string) {
	t.Helper()
	first := "furl " + version + " "
	if r.build.Commit != "" {
		first += "(" + r.build.Commit[:12] + ", " + r.build.Date[:10] + ") "
	}
	if got := run(t, path, "--version"); !strings.HasPrefix(got, first) {
		t.Errorf("furl --version: %q, want %q first", got, first)
	}
	got, want := built(t, path), r.build
	want.Go, want.OS, want.Arch = got.Go, runtime.GOOS, runtime.GOARCH
	if got != want || !strings.HasPrefix(got.Go, "go1.") {
		t.Errorf("furl version --json: %+v, want %+v", got, want)
	}
	signed := run(t, path, "sign", functionURL, "--as", "curl")
	if !strings.Contains(signed, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") {
		t.Errorf("furl sign: %s", signed)
	}
}

func installWheel(t *testing.T, r release, s system) {
	t.Parallel()
	usertest.Program(t, "python3")
	environment := filepath.Join(t.TempDir(), "environment")
	run(t, "python3", "-m", "venv", environment)
	wheel := filepath.Join(r.out, sole(t, r, "furl_cli-*"+s.wheels[0]+"*.whl"))
	python := filepath.Join(environment, "bin/python")
	run(t, python, "-m", "pip", "--disable-pip-version-check", "install", "--no-index", wheel)
	checkProgram(t, r, filepath.Join(environment, "bin/furl"))
	if _, err := os.Stat(filepath.Join(environment, "share/man/man1/furl-policy-lint.1")); err != nil {
		t.Error(err)
	}
	found := run(t, python, "-c",
		"import importlib.util as u; print(u.find_spec('furl'), u.find_spec('furl_cli'))")
	if found != "None None\n" {
		t.Errorf("the wheel has a module: %s", found)
	}
}

func installNPM(t *testing.T, r release, s system) {
	t.Parallel()
	usertest.Program(t, "npm")
	project := t.TempDir()
	run(t, "npm", "install", "--offline", "--no-audit", "--no-fund", "--prefix", project,
		filepath.Join(r.out, "furl-cli-"+s.npm()+"-"+version+".tgz"))
	checkProgram(t, r, filepath.Join(project, "node_modules/.bin/furl"))
}

// source is what git archive writes of the commit, which is what GitHub offers and what a packager builds.
func source(t *testing.T) (files []file) {
	t.Helper()
	usertest.Program(t, "git")
	git := exec.CommandContext(t.Context(), "git", "archive", "--format=tar.gz", "HEAD")
	git.Dir = "../.."
	packed, err := git.Output()
	if err != nil {
		t.Skip("there is no repository to ask: ", err)
	}
	all, err := unpack("source.tar.gz", packed)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.mode.IsRegular() {
			files = append(files, f)
		}
	}
	return files
}

// goIn runs Go in a directory, with more of an environment.
func goIn(t *testing.T, directory string, environment []string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = directory
	command.Env = append(os.Environ(), environment...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go %q: %v: %s", args, err, out)
	}
}

func built(t *testing.T, program string) (build cli.Build) {
	t.Helper()
	if err := json.Unmarshal([]byte(run(t, program, "version", "--json")), &build); err != nil {
		t.Fatal(err)
	}
	return build
}

// buildFromArchive builds the program from an archive of the source, where there is no repository.
func buildFromArchive(t *testing.T, r release) {
	root := t.TempDir()
	for _, f := range source(t) {
		path := filepath.Join(root, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.content, f.mode.Perm()); err != nil {
			t.Fatal(err)
		}
	}
	goIn(t, root, nil, "build", "-trimpath", "-o", "bin/furl", "./cmd/furl")
	if got := built(t, filepath.Join(root, "bin/furl")); got.Commit != r.build.Commit || got.Date != r.build.Date {
		t.Errorf("a program from the archive: %+v, want the commit of %+v", got, r.build)
	}
}

// installModule installs the program as go install does, from a module proxy that is a directory.
func installModule(t *testing.T, r release, s system) {
	const tag = "v1.2.3"
	proxy, binaries, cache := t.TempDir(), t.TempDir(), t.TempDir()
	var files []file
	for _, f := range source(t) {
		if f.name == "internal/cli/source.txt" {
			// Go has Git write the files as they are in the repository.
			f.content = []byte("$Format:%H$\n")
		}
		if !strings.HasPrefix(f.name, "tools/") { // a module of its own
			files = append(files, f)
		}
	}
	zipped := pack("module.zip", "github.com/furl-dev/furl@"+tag+"/", files, r.date)
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		tag + ".zip": zipped, tag + ".mod": module, tag + ".info": []byte(`{"Version": "` + tag + `"}`),
		"list": []byte(tag + "\n"), // the latest one says whether the module is deprecated
	} {
		path := filepath.Join(proxy, "github.com/furl-dev/furl/@v", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	own, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	downloaded := filepath.Join(strings.TrimSpace(string(own)), "cache/download")
	goIn(t, proxy, []string{
		"GOPROXY=file://" + proxy + ",file://" + downloaded, "GOBIN=" + binaries, "GOMODCACHE=" + cache, "GOSUMDB=off",
		"GOFLAGS=-trimpath -modcacherw", "GOTOOLCHAIN=local",
	}, "install", "github.com/furl-dev/furl/cmd/furl@"+tag)
	program := filepath.Join(binaries, "furl")
	if got := built(t, program); got.Version != "1.2.3" || got.OS != runtime.GOOS || got.Arch != runtime.GOARCH {
		t.Errorf("furl version --json: %+v", got)
	}
	installed, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	released := len(members(t, r, s.archive(version))[s.program()].content)
	if size := installed.Size(); size > 2*int64(released) { // it has the symbols, too
		t.Errorf("go install makes a program of %d bytes, a release has %d", size, released)
	}
}

func TestVersionOfARepository(t *testing.T) {
	usertest.Program(t, "git")
	root := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), "git", args...)
		command.Dir = root
		command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE=2026-11-30T22:18:12+01:00",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_COMMITTER_DATE=2026-11-30T22:18:12+01:00")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v: %s", args, err, out)
		}
	}
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	check := func(directory, given, begin, end string) {
		t.Helper()
		r := release{root: directory}
		err := r.identify(t.Context(), given)
		if err != nil || !strings.HasPrefix(r.build.Version, begin) || !strings.HasSuffix(r.build.Version, end) {
			t.Errorf("version %q (%v), want %s…%s", r.build.Version, err, begin, end)
		}
		if r.build.Commit != "" && r.build.Date != "2026-11-30T21:18:12Z" {
			t.Errorf("date %s", r.build.Date)
		}
	}
	const development = "0.0.0-dev.20261130211812+g"
	git("init", "--quiet")
	write("file", "1")
	git("add", "file")
	git("commit", "--quiet", "--message", "one")
	check(root, "", development, "")
	git("tag", "nightly")
	check(root, "", development, "")
	git("tag", "v1.2.3")
	check(root, "", "1.2.3", "1.2.3")
	check(root, "v2.0.0-rc.1", "2.0.0-rc.1", "2.0.0-rc.1")
	write("other", "not of the commit")
	check(root, "", "1.2.3", "1.2.3")
	write("file", "2")
	check(root, "", development, ".dirty")
	git("commit", "--quiet", "--all", "--message", "two")
	check(root, "", development, "")

	// What lies in a repository is not of it, and neither is what lies in none.
	below := filepath.Join(root, "below")
	if err := os.Mkdir(below, 0o777); err != nil {
		t.Fatal(err)
	}
	own := cli.Built().Version
	check(below, "", own, own)
	check(t.TempDir(), "", own, own)
	for _, wrong := range []string{"next", "1.2", "1.2.3-snapshot"} {
		r := release{root: root}
		if err := r.identify(t.Context(), wrong); err == nil {
			t.Errorf("the version %q is taken", wrong)
		}
	}
}

func TestPythonVersion(t *testing.T) {
	for version, want := range map[string]string{
		"1.2.3":              "1.2.3",
		"1.2.3-rc.1":         "1.2.3rc1",
		"1.2.3-alpha":        "1.2.3a0",
		"0.0.0-dev":          "0.0.0.dev0",
		"0.0.0-dev.20261130": "0.0.0.dev20261130",
		"0.0.0-dev.20261130211812+g30a8941b2c3d.dirty": "0.0.0.dev20261130211812+g30a8941b2c3d.dirty",
	} {
		if got, err := pythonVersion(version); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", version, got, err, want)
		}
	}
	if got, err := pythonVersion("1.2.3-snapshot.1"); err == nil {
		t.Errorf("1.2.3-snapshot.1: %q, want an error", got)
	}
}

// Help texts become troff that shows the same characters.
func TestRoff(t *testing.T) {
	for text, want := range map[string]string{
		".profile is a file\n'tis":  "\\&.profile is a file\n\\(aqtis",
		`a\b --flag "x" ^ ~ ` + "`": `a\eb \-\-flag \(dqx\(dq \(ha \(ti \(ga`,
		"≤ 5…":                      `\[u2264] 5\[u2026]`,
	} {
		if got := roff(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestBlocks(t *testing.T) {
	got, exit := blocksOf("One\nparagraph:\n  code\n    more\nand text.\n\nExit status: 0 done,\n1 failed.")
	want := []block{{"One\nparagraph:", false}, {"code\n  more", true}, {"and text.", false}}
	if diff := cmp.Diff(want, got); diff != "" || exit != "0 done,\n1 failed." {
		t.Errorf("exit %q, blocks %s", exit, diff)
	}
}
