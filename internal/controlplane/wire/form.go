package wire

import (
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a form. The longest request of either API that a client has reason to send, SimulateCustomPolicy with
// its lists, stays far below them.
const (
	maxParameters = 5000
	maxDepth      = 12 // segments of a parameter's name; the deepest of the API models has 5
	maxName       = 256
)

// form is the parameters of one request: the tree that names such as Tags.member.1.Key span.
type form struct {
	value    string
	present  bool // a parameter has this very name
	children map[string]*form
}

// parseForm reads the parameters from the query of the URL and, if the content type says that it is a form, from the
// body. Where a name occurs more than once the first value counts; so it does at AWS, which was probed on STS.
func parseForm(r *http.Request, body []byte) (*form, error) {
	f := &form{}
	sources := []string{r.URL.RawQuery}
	if isForm(r.Header.Get("Content-Type")) {
		sources = append(sources, string(body))
	}
	count := 0
	for _, source := range sources {
		for pair := range strings.SplitSeq(source, "&") {
			if pair == "" {
				continue
			}
			if count++; count > maxParameters {
				return nil, malformedQuery("the request has more than %d parameters", maxParameters)
			}
			if err := f.add(pair); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

func isForm(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/x-www-form-urlencoded"
}

// add adds one name=value pair as it stands in the request.
func (f *form) add(pair string) error {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(rawName)
	if err != nil || len(name) > maxName || !utf8.ValidString(name) {
		return malformedQuery("a parameter's name is not a form-encoded name of at most %d bytes", maxName)
	}
	value, err := url.QueryUnescape(rawValue)
	if err != nil || !utf8.ValidString(value) {
		return malformedQuery("the value of the parameter %s is not form-encoded UTF-8", name)
	}
	if strings.Count(name, ".") >= maxDepth {
		return malformedQuery("the parameter %s is nested too deeply", name)
	}
	node := f
	for segment := range strings.SplitSeq(name, ".") {
		node = node.child(segment)
	}
	if !node.present {
		node.value, node.present = value, true
	}
	return nil
}

func (f *form) child(segment string) *form {
	if child, ok := f.children[segment]; ok {
		return child
	}
	if f.children == nil {
		f.children = map[string]*form{}
	}
	child := &form{}
	f.children[segment] = child
	return child
}

// lookup is the value of a parameter and whether the request has it.
func (f *form) lookup(name string) (string, bool) {
	child, ok := f.children[name]
	if !ok {
		return "", false
	}
	return child.value, child.present
}

// list is the elements of the list that the form stands for, NAME.member.1, NAME.member.2 …, in the order of their
// numbers. Gaps are closed. A parameter without members, which is how clients write an empty list, has none.
func (f *form) list() ([]item, error) {
	members, ok := f.children["member"]
	if !ok {
		return nil, nil
	}
	numbers := make([]int, 0, len(members.children))
	for segment := range members.children {
		number, err := strconv.Atoi(segment)
		if err != nil || number < 1 || strconv.Itoa(number) != segment {
			return nil, malformedQuery("%q is not the number of a list's member", segment)
		}
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	items := make([]item, len(numbers))
	for i, number := range numbers {
		label := strconv.Itoa(number)
		items[i] = item{label, members.children[label]}
	}
	return items, nil
}

// entries are the children of a map. furl has no operation that takes one, and only asks whether there are any.
func (f *form) entries() ([]item, error) {
	var items []item
	for name, child := range f.children {
		items = append(items, item{name, child})
	}
	return items, nil
}

func (f *form) structure() (members, error) {
	return func(m *member) node { return f.children[m.name] }, nil
}

func (f *form) absent() bool { return f == nil || !f.present && f.children == nil }
func (f *form) empty() bool {
	for _, child := range f.children {
		if !child.empty() {
			return false
		}
	}
	return f.value == ""
}

func (f *form) text() (string, error)  { return f.value, nil }
func (f *form) bytes() ([]byte, error) { return base64.StdEncoding.DecodeString(f.value) }

// number is a number as STS was seen to read it: 32 bits, a sign and leading zeros allowed.
func (f *form) number() (int, error) {
	if f.value == "" {
		return 0, malformedInput("missing value for decimal type")
	}
	number, err := strconv.ParseInt(f.value, 10, 32)
	if err != nil {
		return 0, malformedInput("")
	}
	return int(number), nil
}

// fraction is refused: no member of IAM or STS is one.
func (*form) fraction() (float64, error) { return 0, malformedInput("") }

func (f *form) truth() (bool, error) {
	switch strings.ToLower(f.value) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, malformedInput("")
	}
}
