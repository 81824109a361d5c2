package query

import (
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

// Form is the parameters of one request: the tree that names such as Tags.member.1.Key span.
type Form struct {
	value    string
	present  bool // a parameter has this very name
	children map[string]*Form
}

// ParseForm reads the parameters from the query of the URL and, if the content type says that it is a form, from the
// body. Where a name occurs more than once the first value counts; so it does at AWS, which was probed on STS.
func ParseForm(r *http.Request, body []byte) (*Form, error) {
	form := &Form{}
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
			if err := form.add(pair); err != nil {
				return nil, err
			}
		}
	}
	return form, nil
}

func isForm(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/x-www-form-urlencoded"
}

// add adds one name=value pair as it stands in the request.
func (f *Form) add(pair string) error {
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

func (f *Form) child(segment string) *Form {
	if child, ok := f.children[segment]; ok {
		return child
	}
	if f.children == nil {
		f.children = map[string]*Form{}
	}
	child := &Form{}
	f.children[segment] = child
	return child
}

// Get is the value of a parameter, "" if the request does not have it.
func (f *Form) Get(name string) string {
	value, _ := f.Lookup(name)
	return value
}

// Lookup is the value of a parameter and whether the request has it.
func (f *Form) Lookup(name string) (string, bool) {
	child, ok := f.children[name]
	if !ok {
		return "", false
	}
	return child.value, child.present
}

// Value is the value of the parameter that the form stands for.
func (f *Form) Value() string { return f.value }

// Members are the elements of a list parameter, in order; none if the request does not have it or it is malformed,
// which is found out before an operation runs.
func (f *Form) Members(name string) []*Form {
	list, ok := f.children[name]
	if !ok {
		return nil
	}
	items, err := list.list()
	if err != nil {
		return nil
	}
	members := make([]*Form, len(items))
	for i, item := range items {
		members[i] = item.form
	}
	return members
}

// item is one element of a list, with the number that the client gave it.
type item struct {
	number int
	form   *Form
}

// list is the elements of the list that the form stands for, NAME.member.1, NAME.member.2 …, in the order of their
// numbers. Gaps are closed. A parameter without members, which is how clients write an empty list, has none.
func (f *Form) list() ([]item, error) {
	members, ok := f.children["member"]
	if !ok {
		return nil, nil
	}
	items := make([]item, 0, len(members.children))
	for segment, child := range members.children {
		number, err := strconv.Atoi(segment)
		if err != nil || number < 1 || strconv.Itoa(number) != segment {
			return nil, malformedQuery("%q is not the number of a list's member", segment)
		}
		items = append(items, item{number, child})
	}
	slices.SortFunc(items, func(a, b item) int { return a.number - b.number })
	return items, nil
}
