package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// IgnoreFile is the name of the files that keep others from the watch.
const IgnoreFile = ".furlignore"

// usual is what nobody edits, as an ignore file would say it: what tools make, and what editors leave while they save.
// A line of an ignore file outranks it.
const usual = `
node_modules/
__pycache__/
.git/
.hg/
.svn/
.jj/
.venv/
venv/
.tox/
.nox/
.mypy_cache/
.pytest_cache/
.ruff_cache/
.aws-sam/
.serverless/
cdk.out/
.cdk.staging/
target/
.gradle/
.terraform/
.furl/
.idea/
.DS_Store
*.pyc
*.sw?
*~
.#*
\#*#
4913
`

// pattern is a line of an ignore file.
type pattern struct {
	negated   bool
	directory bool // only directories
	base      bool // it is for the name alone, in any directory
	match     *regexp.Regexp
}

// Ignore is the content of one ignore file. Its syntax is that of gitignore.
type Ignore struct{ patterns []pattern }

// ParseIgnore reads an ignore file. As with git, a line that cannot match anything is no error.
func ParseIgnore(text string) Ignore {
	var list Ignore
	text = strings.TrimPrefix(text, "\ufeff")
	for line := range strings.SplitSeq(text, "\n") {
		line = trimSpaces(strings.TrimSuffix(line, "\r"))
		if strings.HasPrefix(line, "#") {
			continue
		}
		var p pattern
		line, p.negated = strings.CutPrefix(line, "!")
		line, p.directory = strings.CutSuffix(line, "/")
		p.base = !strings.Contains(line, "/")
		line = strings.TrimPrefix(line, "/")
		if line == "" {
			continue
		}
		expression, ok := translate(line)
		if !ok {
			continue
		}
		p.match = regexp.MustCompile(expression)
		list.patterns = append(list.patterns, p)
	}
	return list
}

// trimSpaces removes spaces at the end, unless a backslash keeps them.
func trimSpaces(line string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ' ':
			continue
		case '\\':
			i++
		}
		end = min(i+1, len(line))
	}
	return line[:end]
}

// Match says what the file has to say of a path, which is relative to the directory of the file and has slashes. The last
// line that matches decides; known is false if none does.
func (l Ignore) Match(path string, directory bool) (ignored, known bool) {
	name := path[strings.LastIndexByte(path, '/')+1:]
	path, name = latin1(path), latin1(name)
	for i := len(l.patterns) - 1; i >= 0; i-- {
		p := l.patterns[i]
		text := path
		if p.base {
			text = name
		}
		if (directory || !p.directory) && p.match.MatchString(text) {
			return !p.negated, true
		}
	}
	return false, false
}

// latin1 makes each byte a character: patterns match bytes, as git's do.
func latin1(text string) string {
	for i := range len(text) {
		if text[i] >= 0x80 {
			runes := make([]rune, len(text))
			for i := range len(text) {
				runes[i] = rune(text[i])
			}
			return string(runes)
		}
	}
	return text
}

// translate writes a glob of git as a regular expression, which takes linear time whatever the pattern is. ok is false
// for a pattern that matches nothing. The rules are those of gitignore(5) and of git's own tests (t3070-wildmatch).
func translate(glob string) (expression string, ok bool) {
	var out strings.Builder
	out.WriteString("(?s)^")
	for i := 0; i < len(glob); {
		switch c := glob[i]; c {
		case '*':
			start := i
			for i < len(glob) && glob[i] == '*' {
				i++
			}
			rest := glob[i:]
			alone := i-start > 1 && (start == 0 || glob[start-1] == '/')
			switch {
			case alone && strings.HasPrefix(rest, "/"):
				out.WriteString("(?:.*/)?")
				i++
			case alone && (rest == "" || strings.HasPrefix(rest, `\/`)):
				out.WriteString(".*")
			default:
				out.WriteString("[^/]*")
			}
		case '?':
			out.WriteString("[^/]")
			i++
		case '[':
			set, length, ok := class(glob[i:])
			if !ok {
				return "", false
			}
			out.WriteString(set)
			i += length
		case '\\':
			if i++; i == len(glob) {
				return "", false
			}
			fallthrough
		default:
			fmt.Fprintf(&out, `\x%02x`, glob[i])
			i++
		}
	}
	out.WriteString("$")
	return out.String(), true
}

// named are the classes with a name in brackets, for ASCII.
func named(name string, b byte) (in, known bool) {
	lower, upper, digit := 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9'
	graph := '!' <= b && b <= '~'
	switch name {
	case "alnum":
		return lower || upper || digit, true
	case "alpha":
		return lower || upper, true
	case "blank":
		return b == ' ' || b == '\t', true
	case "cntrl":
		return b < ' ' || b == 0x7f, true
	case "digit":
		return digit, true
	case "graph":
		return graph, true
	case "lower":
		return lower, true
	case "print":
		return graph || b == ' ', true
	case "punct":
		return graph && !lower && !upper && !digit, true
	case "space":
		return b == ' ' || '\t' <= b && b <= '\r', true
	case "upper":
		return upper, true
	case "xdigit":
		return digit || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F', true
	}
	return false, false
}

// class reads the brackets at the start of a glob.
func class(glob string) (expression string, length int, ok bool) {
	var in [256]bool
	i := 1
	negated := strings.HasPrefix(glob[i:], "!") || strings.HasPrefix(glob[i:], "^")
	if negated {
		i++
	}
	last := -1 // what a range may begin with
	for first := true; ; first = false {
		if i >= len(glob) {
			return "", 0, false
		}
		c := glob[i]
		switch {
		case c == ']' && !first:
			i++
			return bytesOf(in, negated), i, true
		case c == '-' && last >= 0 && i+1 < len(glob) && glob[i+1] != ']':
			i++
			if glob[i] == '\\' {
				if i++; i == len(glob) {
					return "", 0, false
				}
			}
			for b := last; b <= int(glob[i]); b++ {
				in[b] = true
			}
			last = -1
			i++
		case c == '[' && strings.HasPrefix(glob[i+1:], ":"):
			rest := glob[i+2:]
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return "", 0, false
			}
			if end == 0 || rest[end-1] != ':' { // an ordinary bracket
				in['['], last = true, '['
				i++
				continue
			}
			for b := range in {
				found, known := named(rest[:end-1], byte(b))
				if !known {
					return "", 0, false
				}
				in[b] = in[b] || found
			}
			last = -1
			i += 2 + end + 1
		default:
			if c == '\\' {
				if i++; i == len(glob) {
					return "", 0, false
				}
				c = glob[i]
			}
			in[c], last = true, int(c)
			i++
		}
	}
}

// bytesOf is a set of bytes as a regular expression. A slash is in none.
func bytesOf(in [256]bool, negated bool) string {
	var out strings.Builder
	out.WriteString("[")
	for b := range in {
		if in[b] != negated && b != '/' {
			fmt.Fprintf(&out, `\x{%02x}`, b)
		}
	}
	if out.Len() == 1 {
		return `[^\x00-\x{10ffff}]`
	}
	out.WriteString("]")
	return out.String()
}

// rules are the ignore files of a project, and what is usual.
type rules struct {
	base  string // the directory where ignore files begin to count, "" for that of each root
	usual Ignore
	files map[string]Ignore // by directory
}

// file is the ignore file of a directory.
func (r *rules) file(dir string) Ignore {
	list, ok := r.files[dir]
	if !ok {
		const most = 1 << 20
		path := filepath.Join(dir, IgnoreFile)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() <= most {
			if text, err := os.ReadFile(path); err == nil {
				list = ParseIgnore(string(text))
			}
		}
		r.files[dir] = list
	}
	return list
}

// ignores reports whether a path below a root, or the root itself, is kept from the watch, if no directory above it is.
func (r *rules) ignores(root, path string, directory bool) bool {
	top := root
	if within(r.base, path) {
		top = r.base
	}
	if path == top {
		return false
	}
	for dir := filepath.Dir(path); within(top, dir); dir = filepath.Dir(dir) {
		if ignored, known := r.file(dir).Match(relative(dir, path), directory); known {
			return ignored
		}
		if dir == top {
			break
		}
	}
	if path == root || !within(root, path) {
		return false
	}
	ignored, _ := r.usual.Match(relative(root, path), directory)
	return ignored
}

// ignoresAbove reports whether a directory between the base and a root is kept from the watch, or the root itself.
func (r *rules) ignoresAbove(root string, directory bool) bool {
	if !within(r.base, root) || root == r.base {
		return false
	}
	if r.ignores(root, root, directory) {
		return true
	}
	for dir := filepath.Dir(root); dir != r.base && within(r.base, dir); dir = filepath.Dir(dir) {
		if r.ignores(root, dir, true) {
			return true
		}
	}
	return false
}

// within reports whether a path is a directory or below it.
func within(dir, path string) bool {
	if dir == "" || !strings.HasPrefix(path, dir) {
		return false
	}
	return len(path) == len(dir) || path[len(dir)] == filepath.Separator || dir[len(dir)-1] == filepath.Separator
}

// relative is a path from a directory above it, with slashes.
func relative(dir, path string) string {
	return filepath.ToSlash(strings.TrimPrefix(path[len(dir):], string(filepath.Separator)))
}
