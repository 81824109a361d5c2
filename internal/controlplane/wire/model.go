package wire

import (
	"embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The models have one fact on each line:
//
//	api NAME VERSION PROTOCOL
//	op NAME METHOD PATH STATUS INPUT OUTPUT [unsigned]   shapes, "-" for none
//	error CODE STATUS [MEMBER …]
//	TYPE SHAPE [payload=M] [member=S] [key=S] [value=S] [min=N] [max=N] [enum=A|B] [sensitive] [pattern=…]
//	 MEMBER[!] SHAPE [uri=NAME|querystring=NAME|header=NAME]   of the structure above; ! is required
//
// overlay.txt has the same lines, which replace those of the model, and two more:
//
//	words PATTERN     the API says the next line instead of naming the pattern; %s is the parameter
//	 TEXT
//	 not PATTERN      values of the shape above must not match
//
//go:embed model overlay.txt
var files embed.FS

// model is what furl knows of an API.
type model struct {
	source     string // botocore 1.44.8
	version    string
	operations map[string]*operation
	errors     map[string]errorFacts
	shapes     map[string]*shape
	words      map[string]string // by pattern
}

// operation is what a model says of an operation.
type operation struct {
	name         string
	method, path string
	status       int
	input        *shape // nil for none
	result       bool   // the answer has a body
	unsigned     bool
}

// errorFacts is what a model says of an error.
type errorFacts struct {
	status  int
	message string // the member with the text: message or Message
	typed   bool   // it has a member Type
}

// shape is a type of a model.
type shape struct {
	kind               string // structure, list, map, string, integer, …
	members            []member
	payload            string // the member that is the body
	member, key, value *shape
	min, max           limit
	enum               []string
	sensitive          bool
	pattern, not       *pattern
}

// member is a member of a structure.
type member struct {
	name     string
	shape    *shape
	required bool
	location string // uri, querystring or header, "" for the body
	label    string // its name there
}

// limit is a bound of a number or a length.
type limit struct {
	text  string // "" is none
	value float64
}

// loaded are the models that were asked for. Reading them all takes longer than many a run of the program.
var loaded = map[string]func() *model{
	"iam": load("iam"), "lambda": load("lambda"), "sts": load("sts"),
}

func load(api string) func() *model {
	return sync.OnceValue(func() *model { return newModel(api, file("model/"+api+".txt"), file("overlay.txt")) })
}

func file(name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// newModel reads the model of an API and lays the overlay's part for it over it. Both are part of the program: what
// is wrong with them is a mistake in it.
func newModel(api, text, overlay string) *model {
	p := &parser{links: map[*string]func(*shape){}, model: &model{
		operations: map[string]*operation{}, errors: map[string]errorFacts{},
		shapes: map[string]*shape{}, words: map[string]string{},
	}}
	for line := range strings.Lines(text) {
		p.line(strings.TrimSuffix(line, "\n"))
	}
	here := false
	for line := range strings.Lines(overlay) {
		if name, ok := strings.CutPrefix(line, "api "); ok {
			here = strings.TrimSpace(name) == api
		} else if here {
			p.line(strings.TrimSuffix(line, "\n"))
		}
	}
	for name, set := range p.links {
		s, ok := p.model.shapes[*name]
		if !ok {
			panic("wire: no shape " + *name)
		}
		set(s)
	}
	return p.model
}

// parser reads the lines of a model. Shapes are named before they are there: the names are resolved at the end.
type parser struct {
	model   *model
	current *shape
	words   string
	links   map[*string]func(*shape)
}

func (p *parser) line(line string) {
	switch word, rest, _ := strings.Cut(line, " "); word {
	case "#":
		if _, source, ok := strings.Cut(rest, "API model in "); ok {
			source, _, _ = strings.Cut(source, ". ")
			p.model.source = strings.ReplaceAll(source, "-", " ")
		}
	case "":
		if rest != "" {
			p.detail(rest)
		}
	case "api":
		p.model.version = strings.Fields(rest)[1]
	case "op":
		p.operation(strings.Fields(rest))
	case "error":
		fields := strings.Fields(rest)
		facts := errorFacts{status: number(fields[1]), message: "message", typed: slices.Contains(fields[2:], "Type")}
		if slices.Contains(fields[2:], "Message") {
			facts.message = "Message"
		}
		p.model.errors[fields[0]] = facts
	case "words":
		p.words, p.current = rest, nil
	default:
		p.shape(word, rest)
	}
}

func (p *parser) operation(fields []string) {
	op := &operation{
		name: fields[0], method: fields[1], path: fields[2], status: number(fields[3]),
		result: fields[5] != "-", unsigned: len(fields) > 6 && fields[6] == "unsigned",
	}
	p.model.operations[op.name] = op
	p.refer(fields[4], func(s *shape) { op.input = s })
}

func (p *parser) shape(kind, rest string) {
	rest, text, patterned := strings.Cut(rest, " pattern=")
	fields := strings.Fields(rest)
	s := &shape{kind: kind}
	for _, attribute := range fields[1:] {
		switch key, value, _ := strings.Cut(attribute, "="); key {
		case "payload":
			s.payload = value
		case "member":
			p.refer(value, func(below *shape) { s.member = below })
		case "key":
			p.refer(value, func(below *shape) { s.key = below })
		case "value":
			p.refer(value, func(below *shape) { s.value = below })
		case "min":
			s.min = newLimit(value)
		case "max":
			s.max = newLimit(value)
		case "enum":
			s.enum = strings.Split(value, "|")
		case "sensitive":
			s.sensitive = true
		default:
			panic(fmt.Sprintf("wire: %q in the line of %s has no meaning", attribute, fields[0]))
		}
	}
	if patterned {
		s.pattern = newPattern(text)
	}
	p.model.shapes[fields[0]], p.current = s, s
}

// detail reads a line that belongs to the one before it.
func (p *parser) detail(rest string) {
	if p.current == nil {
		p.model.words[p.words] = rest
		return
	}
	if p.current.kind != "structure" {
		excluded, ok := strings.CutPrefix(rest, "not ")
		if !ok {
			panic(fmt.Sprintf("wire: %q has no meaning", rest))
		}
		p.current.not = newPattern(excluded)
		return
	}
	fields := strings.Fields(rest)
	m := member{name: strings.TrimSuffix(fields[0], "!"), required: strings.HasSuffix(fields[0], "!")}
	if len(fields) > 2 {
		m.location, m.label, _ = strings.Cut(fields[2], "=")
	}
	owner, i := p.current, len(p.current.members)
	owner.members = append(owner.members, m)
	p.refer(fields[1], func(s *shape) { owner.members[i].shape = s })
}

// refer has the shape of a name set when all are read.
func (p *parser) refer(name string, set func(*shape)) {
	if name != "-" {
		p.links[&name] = set
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

func newLimit(text string) limit {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return limit{text, value}
}

// above reports whether the number is more than the limit allows, where it is the most.
func (l limit) above(n float64) bool { return l.text != "" && n > l.value }

// below reports whether the number is less than the limit allows, where it is the least.
func (l limit) below(n float64) bool { return l.text != "" && n < l.value }

// names lists the operations of the model in order.
func (m *model) names() []string { return slices.Sorted(maps.Keys(m.operations)) }

// Pattern is the pattern of a shape as its API's refusals name it.
func Pattern(api, shape string) string { return loaded[api]().shapes[shape].pattern.text }

// pattern is a regular expression of a model, which a whole value must match. It is printed as the model has it and
// compiled when it is first asked.
type pattern struct {
	text    string
	matches func(string) bool
}

func newPattern(text string) *pattern {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + translate(text) + `)$`) })
	return &pattern{text, func(value string) bool { return compiled().MatchString(value) }}
}

var (
	unicodeEscape = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\\u([0-9A-F]{4})`)
	})
	lookaround = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\(\?<?!(\([^()]*\)|[^()])*\)`)
	})
)

// translate makes a regular expression of Go from one of Java, the language of the models. \uFFFF has four digits there,
// also where the author of the model hoped for five. Go cannot look around: an overlay line says what such a group
// excludes, for the shapes where that matters.
func translate(java string) string {
	// A surrogate is half of a character beyond the Basic Multilingual Plane: no character that Go has is in between.
	text := strings.ReplaceAll(java, `\uD7FF`, `\x{D7FF}`)
	text = unicodeEscape().ReplaceAllString(text, `\x{$1}`)
	return lookaround().ReplaceAllString(text, "")
}
