//go:build unix

package interop_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// programCases are requests of which each has something that one library or another gets wrong.
func programCases(base string) []signCase {
	var all []signCase
	for _, c := range []struct{ method, path, query, header, body string }{
		{"GET", "book", "page=5", "", ""},
		{"POST", "login", "", "Content-Type: application/json", `{"user":"a \"b\" \\ ü 漢 😀","n":1}`},
		{"GET", "a%20b/100%25/caf%C3%A9", "b=2&a=1&a=0&q=hello%20world&t=12:30", "X-Text: two  words, and \"quotes\" \\", ""},
		{"PUT", "a%2Fb/%2e/x", "k&=&k=&f=(a)!b*c&q=a/b@c", "", string([]byte{0, 1, 0xff, '"', '\\', '\n', '\r', 0x80})},
		{"PATCH", "a//b;c=1,2", "q=a+b&&x=1", "X-Empty:", "line\nline\u2028\u202e'"},
		{"DELETE", "%E6%97%A5", "a=%7E&%C3%A9=%2B", "", ""},
		{"POST", "raw/café", "q=\"é\"&r={a|b}", "", "x"},
	} {
		made := signCase{ID: len(all), Method: c.method, path: "/" + c.path, query: c.query, body: []byte(c.body), Headers: map[string]string{}}
		made.URL = base + c.path
		if c.query != "" {
			made.URL += "?" + c.query
		}
		if name, value, ok := strings.Cut(c.header, ":"); ok {
			made.Headers[name] = strings.TrimSpace(value)
		}
		all = append(all, made)
	}
	return all
}

// statusIn finds the status on the standard error of a program.
var statusIn = map[string]*regexp.Regexp{
	"python": regexp.MustCompile(`^(\d+)\n$`), "js": regexp.MustCompile(`^(\d+)\n$`), "go": regexp.MustCompile(` (\d+) OK\n$`),
}

// TestPrograms runs what furl sign --as python, js and go print, as it is printed: the function gets what furl call would
// send. The body comes from the program or from a file, and the credentials from the environment.
func TestPrograms(t *testing.T) {
	s := startServer(t)
	url := s.createFunction(t, "echo", types.RuntimeProvidedal2023, "bootstrap", echoZip(t), types.InvokeModeBuffered)
	furl := must(t, buildFurl)
	session := s.sessionEnv(t)
	for _, language := range []struct {
		name, step string
		refuses    map[int]string // what the libraries cannot send, by the number of the case
		only       []int          // of the cases, if not all: a Go program takes seconds to build
		command    func(t *testing.T, program string) []string
	}{
		{"python", "python", nil, nil, func(t *testing.T, program string) []string {
			path := filepath.Join(t.TempDir(), "call.py")
			write(t, path, program)
			return []string{python(t), path}
		}},
		{"js", "node", map[int]string{3: "removes the . and .."}, nil, func(t *testing.T, program string) []string {
			file, err := os.CreateTemp("node", "call*.mjs") // where Node.js finds the package
			if err != nil {
				t.Fatal(err)
			}
			file.Close()
			t.Cleanup(func() { os.Remove(file.Name()) })
			write(t, file.Name(), program)
			return []string{"node", file.Name()}
		}},
		{"go", "", nil, []int{2, 3, 6}, func(t *testing.T, program string) []string {
			dir := t.TempDir()
			path, built := filepath.Join(dir, "main.go"), filepath.Join(dir, "call")
			write(t, path, program)
			if done := run(t, os.Environ(), nil, "go", "build", "-o", built, path); done.code != 0 {
				t.Fatalf("%s\n%s", done.stderr, program)
			}
			return []string{built}
		}},
	} {
		t.Run(language.name, func(t *testing.T) {
			t.Parallel()
			if language.step != "" {
				need(t, language.step)
			}
			for _, c := range programCases(url) {
				if language.only != nil && !slices.Contains(language.only, c.ID) {
					continue
				}
				body := []string{}
				switch {
				case len(c.body) > 0 && c.ID%2 == 0:
					path := filepath.Join(t.TempDir(), "body")
					write(t, path, string(c.body))
					body = []string{"--data-binary", "@" + path}
				case len(c.body) > 0:
					body = []string{"--data-binary", "@-"}
				}
				arguments := append([]string{"sign", c.URL, "-X", c.Method, "--as", language.name}, body...)
				for name, value := range c.Headers {
					line := name + ": " + value
					if value == "" {
						line = name + ";"
					}
					arguments = append(arguments, "-H", line)
				}
				printed := run(t, session, bytes.NewReader(c.body), furl, arguments...)
				if why, refused := language.refuses[c.ID]; refused {
					if printed.code != 2 || !strings.Contains(printed.stderr, why) || printed.stdout != "" {
						t.Errorf("%s: exit %d: %s", c.URL, printed.code, printed.stderr)
					}
					continue
				}
				if printed.code != 0 {
					t.Errorf("%s: exit %d: %s", c.URL, printed.code, printed.stderr)
					continue
				}
				for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"} {
					if strings.Contains(printed.stdout, variable(session, name)) {
						t.Errorf("%s: the program has %s", c.URL, name)
					}
				}
				command := language.command(t, printed.stdout)
				done := run(t, session, nil, command[0], command[1:]...)
				status := 0
				if said := statusIn[language.name].FindStringSubmatch(done.stderr); said != nil {
					status, _ = strconv.Atoi(said[1])
				}
				if got, note := c.verdict(outcome{Status: status, Body: done.stdout}); got != accepted {
					t.Errorf("%s %s: %s %s, exit %d: %s\n%s", c.Method, c.URL, got, note, done.code, done.stderr, printed.stdout)
				}
			}
		})
	}
}
