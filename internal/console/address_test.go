//go:build unix

package console_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/console"
)

var update = flag.Bool("update", false, "write the table of addresses in docs/console.md")

const (
	document = "../../docs/console.md"
	contract = "../../console/src/api.ts"
	tableTop = "| address | what it is | needs |\n|---|---|---|\n"
)

// patterns are those of the source, and whether each wants edit.
func patterns(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			code, _, _ := strings.Cut(line, "//")
			for _, found := range regexp.MustCompile(`"((?:GET|POST|PUT|DELETE|PATCH) /[^"]*)"`).FindAllStringSubmatch(code, -1) {
				all[found[1]] = strings.Contains(code, "edits:")
			}
		}
	}
	return all
}

// shown is a pattern as people read it: GET /_furl/v1/requests/ID.
func shown(pattern string) string {
	method, path, _ := strings.Cut(pattern, " ")
	path = regexp.MustCompile(`\{[a-z]+(\.\.\.)?\}`).ReplaceAllStringFunc(path, func(name string) string {
		return strings.ToUpper(strings.Trim(name, "{}."))
	})
	return method + " /_furl/v1" + path
}

// shape is an address whose variable parts have no names: the contract and a route may name them differently.
func shape(address string) string {
	return regexp.MustCompile(`/[A-Z]+\b`).ReplaceAllString(address, "/*")
}

// described is what the contract says of each address, by shape.
func described(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(contract)
	if err != nil {
		t.Fatal(err)
	}
	begin := regexp.MustCompile(`^// ((?:GET|POST|PUT|DELETE) /_furl/v1/[A-Za-z0-9/-]+)(\S*?)([:,.]?)(?: (.*))?$`)
	all := map[string]string{}
	address := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		found := begin.FindStringSubmatch(line)
		comment, isComment := strings.CutPrefix(line, "// ")
		name, isType := strings.CutPrefix(line, "export interface ")
		switch {
		case found != nil:
			address = shape(found[1])
			all[address] = strings.TrimSpace(found[4])
		case isComment && address != "":
			all[address] += " " + comment
		case isType && address != "":
			all[address] = cmp.Or(all[address], "`"+strings.Fields(name)[0]+"`")
			address = ""
		default:
			address = ""
		}
	}
	return all
}

// docs/console.md lists the addresses that there are, and each answers.
func TestAddresses(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, table, ok := strings.Cut(string(text), tableTop)
	if !ok {
		t.Fatalf("%s has no table of addresses", document)
	}
	rows, after := "", table
	kept := map[string]string{}
	for strings.HasPrefix(after, "|") {
		row, rest, _ := strings.Cut(after, "\n")
		rows, after = rows+row+"\n", rest
		cells := strings.Split(row, "|")
		kept[strings.Trim(cells[1], " `")] = strings.TrimSpace(cells[2])
	}
	says := described(t)
	var want strings.Builder
	all := patterns(t)
	for _, pattern := range slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return cmp.Or(cmp.Compare(shown(a)[strings.Index(shown(a), "/"):], shown(b)[strings.Index(shown(b), "/"):]), cmp.Compare(a, b))
	}) {
		address, needs := shown(pattern), ""
		if all[pattern] {
			needs = "`--console=edit`"
		}
		if says[shape(address)] == "" {
			t.Errorf("%s does not describe %s", contract, address)
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", address, cmp.Or(kept[address], says[shape(address)]), needs)
	}
	if *update {
		if err := os.WriteFile(document, []byte(before+tableTop+want.String()+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if rows != want.String() {
		t.Errorf("the addresses are these; write them with go test ./internal/console -update:\n%s\nand not:\n%s", want.String(), rows)
	}

	c := &console.Console{}
	c.Open()
	for pattern, edits := range all {
		if !edits {
			continue
		}
		method, path, _ := strings.Cut(shown(pattern), " ")
		recorder := httptest.NewRecorder()
		c.ServeHTTP(recorder, httptest.NewRequest(method, path, strings.NewReader("{}")))
		if recorder.Code != http.StatusForbidden || !strings.Contains(recorder.Body.String(), "--console=edit") {
			t.Errorf("%s without edit: %d %s", pattern, recorder.Code, recorder.Body)
		}
	}
}
