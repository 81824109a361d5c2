// Package template says what a CloudFormation template declares: the functions, function URLs, permissions, roles and
// the like of a stack, in the order in which they can be made, with every intrinsic function worked out. It is pure: it
// reads no files and makes nothing. A template of SAM goes through package sam first, which Load does.
//
//	root, err := tree.Parse("template.yaml", text)
//	stack, err := template.Load(root, template.Options{Stack: "demo", Account: "123456789012", Region: "us-east-1"})
//	known := template.Attributes{}
//	for _, resource := range stack.Resources {
//		value, err := stack.Value(resource, known)
//		…                                 // make it
//		known.Set(resource.ID, "Ref", …)  // what is known only once it is made
//	}
//
// Some attributes are known only once a resource is made, such as the address of a function URL. Value takes those that
// are known, and works out everything else with Unknown in their place.
package template

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/template/sam"
	"github.com/furl-dev/furl/internal/template/tree"
)

// Options are what a template needs besides its text.
type Options struct {
	Stack           string // name of the stack
	Account, Region string
	Parameters      map[string]string // values of the template's parameters, and of exports that no other stack gives
	Imports         map[string]string // exports of other stacks, for Fn::ImportValue; one may be Unknown
	Strict          bool              // resources that are not run here are faults
}

// Unknown stands for what is known only once a resource is made.
const Unknown = "(known after apply)"

// Import is where Attributes have exports of other stacks that were Unknown in Options.Imports.
const Import = "Fn::ImportValue"

// Attributes are what is known of resources that were made: by logical id, and then by the name of the attribute, which
// is Ref for what {Ref: ID} is.
type Attributes map[string]map[string]string

// Set notes an attribute.
func (a Attributes) Set(id, name, value string) {
	if a[id] == nil {
		a[id] = map[string]string{}
	}
	a[id][name] = value
}

// Stack is what a template declares. It does not change.
type Stack struct {
	Name      string
	Resources []*Resource // in an order in which they can be made; those of false conditions are left out
	NotRun    []NotRun    // resources that only have a name here
	Notices   []Notice    // what is read otherwise than one may expect

	options    Options
	mappings   *tree.Node
	outputs    *tree.Node
	parameters map[string]*parameter
	conditions map[string]*condition
	resources  map[string]*Resource // all of the template
	order      []*Resource          // the same, as the template has them

	hiding  sync.Mutex
	secrets []string // values of parameters with NoEcho, and what is made of them, the longest first
}

// Resource is one that furl runs.
type Resource struct {
	ID     string // logical
	Type   string // such as AWS::Lambda::Function
	Pos    tree.Position
	Needs  []string // logical ids of the resources that must be there before
	Origin string   // logical id in the source, where SAM made this resource of another one; else ID

	node     *tree.Node
	kind     *kind // nil for a type that is not run
	active   bool  // its condition holds
	isNotRun bool
	uses     map[string]bool
	before   map[string]bool // what of these is run, or stands before one that is not
	name     *tree.Node      // the physical name, nil if it is not known yet
}

// NotRun is a resource of a type that is not run here.
type NotRun struct {
	ID, Type string
	Pos      tree.Position
}

// Notice is a remark about a place.
type Notice struct {
	Pos  tree.Position
	Text string
}

// Output is a value that the stack gives away.
type Output struct {
	Name, Description, Value string
	Export                   string // name of the export, "" for none
	Pos                      tree.Position
}

// maxResources bounds a template. CloudFormation takes 500 resources (AWS CloudFormation User Guide, "CloudFormation
// quotas"); what SAM makes of a template may be more.
const maxResources = 2000

// maxFaults is how many faults of a template are found at once.
const maxFaults = 200

// sections are what a template has at its top (AWS CloudFormation User Guide, "Template sections"; Globals is SAM's).
var sections = []string{
	"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions", "Transform",
	"Globals", "Resources", "Outputs", "Hooks",
}

// Load reads a template. The error is of type tree.Faults and has all that is wrong with it.
func Load(root *tree.Node, o Options) (*Stack, error) {
	l := &loader{index: map[string]int{}, imports: map[string]bool{}, work: new(int), stack: &Stack{
		Name: o.Stack, options: o, parameters: map[string]*parameter{}, conditions: map[string]*condition{},
		resources: map[string]*Resource{},
	}}
	if !root.Is(tree.Map) {
		l.faults.Add(root.Pos, "the template is %s, expected a map with Resources", root.Kind)
		return nil, l.faults.Err()
	}
	l.head(root)
	if out := l.transform(root); out != nil {
		l.load(out)
	}
	l.faults = slices.DeleteFunc(l.faults, func(f *tree.Fault) bool { // said once is enough
		return slices.ContainsFunc(l.inSAM, func(other *tree.Fault) bool { return f.Pos == other.Pos })
	})
	l.faults = append(l.faults, l.inSAM...)
	if err := l.faults.Err(); err != nil {
		return nil, capped(err.(tree.Faults))
	}
	return l.stack, nil
}

// capped are as many faults as anybody reads.
func capped(faults tree.Faults) error {
	if len(faults) > maxFaults {
		last := faults[maxFaults]
		last.What = fmt.Sprintf("more than %d things are wrong, and this is one more: %s", maxFaults, last.What)
		return faults[:maxFaults+1]
	}
	return faults
}

// isFull reports whether enough was found wrong.
func (l *loader) isFull() bool { return len(l.faults) > maxFaults }

// loader makes a stack.
type loader struct {
	stack   *Stack
	faults  tree.Faults
	index   map[string]int           // of resources in the template, by logical id
	inSAM   tree.Faults              // of SAM's transform, which has then left resources out
	isSAM   bool                     // the template names SAM's transform
	origins map[tree.Position]string // resources before it, by the place of their names
	imports map[string]bool          // names of Fn::ImportValue
	notRun  map[string]*unrun        // properties that are not run, by what says so
	notices []Notice
	work    *int // what all evaluators made so far
}

// unrun is a property that furl does not run, with the resources that have it.
type unrun struct {
	pos tree.Position
	ids []string
}

// transform does SAM's transform, if the template names it. It is nil if something is wrong.
func (l *loader) transform(root *tree.Node) *tree.Node {
	names := root.Get("Transform")
	if names == nil {
		return root
	}
	list, others := []*tree.Node{names}, false
	if names.Is(tree.List) {
		list = names.Items
	}
	for _, name := range list {
		text := name.TextOr("")
		if name.Is(tree.Map) {
			text = name.Get("Name").TextOr("")
		}
		if text == sam.Name {
			l.isSAM = true
			continue
		}
		others = true
		l.faults.Add(name.Pos, "furl does not do the transform %s, expected %s or none; "+
			"give furl the template that the transform makes", quote(cmp.Or(text, name.Kind.String())), sam.Name)
	}
	if others {
		return nil
	}
	l.origins = map[tree.Position]string{}
	if resources := root.Get("Resources"); resources.Is(tree.Map) {
		for _, member := range resources.Members {
			l.origins[member.Pos] = member.Name
		}
	}
	parameters := map[string]string{
		"AWS::Region": l.stack.options.Region, "AWS::Partition": arn.PartitionOf(l.stack.options.Region),
	}
	maps.Copy(parameters, l.stack.options.Parameters)
	out, notices, err := sam.Transform(root, parameters)
	for _, notice := range notices {
		l.notices = append(l.notices, Notice{notice.Pos, notice.Text})
		if notice.NotRun {
			l.refuse(notice.Pos, notice.Text)
		}
	}
	l.inSAM, _ = errors.AsType[tree.Faults](err)
	return out
}

// head reads what stands before resources. SAM's transform leaves it as it is.
func (l *loader) head(root *tree.Node) {
	for _, section := range root.Members {
		if why := elsewhere(section.Name); why != "" {
			l.faults.Add(section.Pos, "%s%s", section.Name, why)
		} else if !slices.Contains(sections, section.Name) {
			l.faults.Add(section.Pos, "a template has no section %s%s", quote(section.Name), expected(section.Name, sections))
		}
	}
	if version := root.Get("AWSTemplateFormatVersion"); version != nil && version.Text != "2010-09-09" {
		l.faults.Add(version.Pos, `AWSTemplateFormatVersion is %s, expected "2010-09-09"`, shown(version))
	}
	l.rules(root.Get("Rules"))
	l.readParameters(root)
}

func (l *loader) load(root *tree.Node) {
	l.stack.mappings = l.section(root, "Mappings")
	l.readMappings()
	l.readConditions(l.section(root, "Conditions"))
	resources := root.Get("Resources")
	if !resources.Is(tree.Map) || len(resources.Members) == 0 {
		if len(l.inSAM) > 0 {
			return
		}
		l.faults.Add(root.Pos, "the template has no resources, expected a map Resources with one at least")
		return
	}
	if len(resources.Members) > maxResources {
		l.faults.Add(resources.Pos, "the template has %d resources, expected at most %d", len(resources.Members),
			maxResources)
		return
	}
	l.readResources(resources)
	l.stack.outputs = l.section(root, "Outputs")
	l.check()
	l.evaluate()
	l.checkGiven(root)
	l.sort()
	l.finish()
}

// section is a part of the template that must be a map if it is there.
func (l *loader) section(root *tree.Node, name string) *tree.Node {
	node := root.Get(name)
	if node != nil && !node.Is(tree.Map, tree.Null) {
		l.faults.Add(node.Pos, "%s is %s, expected a map", name, node.Kind)
		return nil
	}
	return node
}

// rules notices rules, which are not checked. CDK writes one about the stack that it sets an account up with.
func (l *loader) rules(rules *tree.Node) {
	if rules == nil {
		return
	}
	for _, rule := range rules.Members {
		if rule.Name != "CheckBootstrapVersion" {
			l.notices = append(l.notices, Notice{rule.Pos, "not run here: the rule " + rule.Name})
			l.refuse(rule.Pos, "not run here: the rule "+rule.Name)
		}
	}
}

// finish puts together what the stack shows.
func (l *loader) finish() {
	stack := l.stack
	for _, r := range stack.order {
		if r.active && r.isNotRun && r.Type != "AWS::CDK::Metadata" { // which is nothing anywhere
			stack.NotRun = append(stack.NotRun, NotRun{r.ID, r.Type, r.Pos})
			l.refuse(r.Pos, "not run here: "+r.Type+" "+r.ID)
		}
	}
	const most = 5
	for _, what := range slices.Sorted(maps.Keys(l.notRun)) {
		found := l.notRun[what]
		ids, more := found.ids, ""
		if len(ids) > most {
			ids, more = ids[:most], fmt.Sprintf(" and %d more", len(ids)-most)
		}
		text := "not run here: " + what + " of " + strings.Join(ids, ", ") + more
		l.refuse(found.pos, text)
		l.notices = append(l.notices, Notice{found.pos, text})
	}
	slices.SortStableFunc(l.notices, func(a, b Notice) int {
		return cmp.Or(a.Pos.Line-b.Pos.Line, a.Pos.Column-b.Pos.Column)
	})
	for i := range l.notices {
		l.notices[i].Text = tree.OneLine(l.notices[i].Text)
	}
	stack.Notices = l.notices
}

// refuse finds a fault with what is not run here, in strict mode.
func (l *loader) refuse(pos tree.Position, text string) {
	if l.stack.options.Strict {
		l.faults.Add(pos, "%s, and --strict refuses that", text)
	}
}

// unrunProperty notes a property that furl does not run.
func (l *loader) unrunProperty(pos tree.Position, what, id string) {
	if l.notRun == nil {
		l.notRun = map[string]*unrun{}
	}
	if found := l.notRun[what]; found != nil {
		if !slices.Contains(found.ids, id) {
			found.ids = append(found.ids, id)
		}
		return
	}
	l.notRun[what] = &unrun{pos, []string{id}}
}

// Redact hides the values of the parameters that have NoEcho in a text, and what is made of them.
func (s *Stack) Redact(text string) string {
	const mark, shortest = "****", 4
	s.hiding.Lock()
	defer s.hiding.Unlock()
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, mark)
	}
	parts := strings.Split(text, ellipsis)
	for i, part := range parts[:len(parts)-1] { // which may end with the beginning of a secret
		for _, secret := range s.secrets {
			size := min(len(secret), len(part))
			for size >= shortest && !strings.HasSuffix(part, secret[:size]) {
				size--
			}
			if size >= shortest {
				parts[i] = part[:len(part)-size] + mark
				break
			}
		}
	}
	return strings.Join(parts, ellipsis)
}

// hide has Redact hide texts, also as they stand in quotes and in JSON.
func (s *Stack) hide(texts ...string) {
	s.hiding.Lock()
	defer s.hiding.Unlock()
	for _, text := range texts {
		quoted := strconv.Quote(text)
		inJSON, err := json.Marshal(text)
		forms := []string{text, quoted[1 : len(quoted)-1]}
		if err == nil {
			forms = append(forms, string(inJSON[1:len(inJSON)-1]))
		}
		for _, form := range forms {
			if form != "" && !slices.Contains(s.secrets, form) {
				s.secrets = append(s.secrets, form)
			}
		}
	}
	slices.SortStableFunc(s.secrets, func(a, b string) int { return len(b) - len(a) })
}

// hideParts has Redact hide the parts of secrets that a text with them is split into, but for those that are so short
// that they are parts of other texts too.
func (s *Stack) hideParts(text, between string) {
	const short = 3
	s.hiding.Lock()
	secrets := slices.Clone(s.secrets)
	s.hiding.Unlock()
	for _, secret := range secrets {
		if strings.Contains(secret, between) && strings.Contains(text, secret) {
			s.hide(slices.DeleteFunc(strings.Split(secret, between), func(part string) bool { return len(part) <= short })...)
		}
	}
}
