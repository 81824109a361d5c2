//go:build unix

// Package apply makes a furl server equal to what a stack declares, through the public APIs of Lambda and IAM only. It
// reads what is there, makes a [Plan] of what differs and carries it out.
//
//	applier, err := apply.New(apply.Config{AWS: config, Account: account, Region: region, Code: project.CodePath})
//	plan, err := applier.Plan(ctx, stack)
//	fmt.Print(plan.Diff())
//	result, err := plan.Apply(ctx, func(step apply.Step) { … })
//
// What a stack makes has its name in tags, and only that is ever changed or deleted: functions, roles, users, groups
// and managed policies that others made are left alone, and a declared name that somebody else has is an error. What
// cannot have tags, such as a function URL, a statement or an inline policy, is noted in the tags of the function,
// role or user that it belongs to; a group keeps its notes in an inline policy that allows nothing.
//
// It works on furl servers only, and refuses AWS and whatever else speaks the same APIs.
package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/furl-dev/furl/internal/template"
)

// Config says which server is made equal to a stack, and what the stack does not say.
type Config struct {
	// AWS has the endpoint of the server and credentials of an administrator of the account.
	AWS             aws.Config
	Account, Region string
	// Code finds the code that a function or a layer of the stack has: the path of a directory or of a .zip file. It is
	// not asked about code that stands in the template, and about the buckets that a server has for code in place.
	Code func(*template.Stack, template.Code) (path string, err error)
	// Environment has variables for all functions, which are stronger than the declared ones. Their values are never
	// shown.
	Environment map[string]string
	// Environments are variables of single functions, by name, which are stronger still and never shown either.
	Environments map[string]map[string]string
	// Others are credentials for further accounts of the server, where placeholders for principals of these are made.
	Others map[string]aws.CredentialsProvider
	// KeyFile keeps the secrets of access keys that were made, since no API shows them again. Without one, an access
	// key whose secret the template uses is replaced at each start.
	KeyFile string
	// Strict refuses what else a notice tells: what is left out or stood for by something else.
	Strict bool
	// Secret is the one of the server, with which it proves that it is the one that is meant; "" if it is not known.
	Secret string
}

// parallel is how many requests are under way at a time.
const parallel = 16

// Applier makes servers equal to stacks, one after the other: it tells each what those before it export.
type Applier struct {
	config  Config
	lambda  *awslambda.Client
	iam     *awsiam.Client
	others  map[string]*awsiam.Client // by account
	http    aws.HTTPClient
	keys    *keyRing
	zips    *zips
	checked bool
	imports map[string]string // exports of the stacks that were planned before
	slots   chan struct{}
}

// New makes an Applier. It sends nothing.
func New(config Config) (*Applier, error) {
	switch {
	case config.Account == "" || config.Region == "":
		return nil, errors.New("apply: the configuration has no account or no region")
	case config.Code == nil:
		return nil, errors.New("apply: the configuration does not say where code is")
	}
	config.AWS.Region = config.Region
	switch client := config.AWS.HTTPClient.(type) {
	case nil:
		config.AWS.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(keepAll)
	case *awshttp.BuildableClient:
		config.AWS.HTTPClient = client.WithTransportOptions(keepAll)
	}
	a := &Applier{
		config: config, lambda: awslambda.NewFromConfig(config.AWS), iam: awsiam.NewFromConfig(config.AWS),
		others: map[string]*awsiam.Client{}, imports: map[string]string{}, http: config.AWS.HTTPClient,
		slots: make(chan struct{}, parallel), zips: &zips{},
	}
	for account, credentials := range config.Others {
		if account == config.Account {
			continue
		}
		other := config.AWS
		other.Credentials = credentials
		a.others[account] = awsiam.NewFromConfig(other)
	}
	var err error
	a.keys, err = openKeyRing(config.KeyFile)
	return a, err
}

// export tells the plans that follow what a stack exports, as far as it is known: the template of another stack may
// have been loaded with imports that are not known.
func (a *Applier) export(stack *template.Stack, known template.Attributes) {
	outputs, err := stack.Outputs(known)
	if err != nil {
		return // what is wrong with outputs keeps nothing from being made
	}
	for _, output := range outputs {
		if output.Export != "" && !isUnknown(output.Export) && !isUnknown(output.Value) {
			a.imports[output.Export] = output.Value
		}
	}
}

// keepAll has the connections of all parallel requests stay open.
func keepAll(t *http.Transport) {
	t.MaxIdleConnsPerHost, t.MaxIdleConns = 2*parallel, 4*parallel
}

// do calls f when there is room for one more request.
func (a *Applier) do(ctx context.Context, f func() error) error {
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
		return f()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hidden stands for a value that is not shown.
const hidden = "(hidden)"

// secrets are the values that no diff and no message shows, the longest first.
func (a *Applier) secrets() []string {
	var all []string
	given := append(slices.Collect(maps.Values(a.config.Environments)), a.config.Environment)
	for _, variables := range given {
		for name, value := range variables {
			if !isEndpoint(name) {
				all = append(all, value)
			}
		}
	}
	all = append(all, a.keys.secrets()...)
	const short = 4 // would hide what only looks like it
	all = slices.DeleteFunc(all, func(value string) bool { return len(value) < short })
	slices.SortFunc(all, func(x, y string) int { return cmp.Or(len(y)-len(x), strings.Compare(x, y)) })
	return slices.Compact(all)
}

// isEndpoint reports whether a variable names the address of a service, which is no secret.
func isEndpoint(name string) bool { return strings.HasPrefix(name, "AWS_ENDPOINT_URL") }

// looksSecret reports whether a name is one that people give to secrets.
func looksSecret(name string) bool {
	name = strings.ToUpper(name)
	return slices.ContainsFunc([]string{"SECRET", "PASSWORD", "PASSWD", "TOKEN", "KEY", "CREDENTIAL", "PRIVATE"},
		func(part string) bool { return strings.Contains(name, part) })
}

// property is one of a resource, as text.
type property struct {
	name, text string
	hidden     bool
}

// properties are built one after the other; "" is none.
type properties []property

func (p *properties) add(name, text string) {
	if text != "" {
		*p = append(*p, property{name: name, text: text})
	}
}

func (p *properties) number(name string, n int) {
	if n != 0 {
		p.add(name, fmt.Sprint(n))
	}
}

func (p *properties) list(name string, items []string) { p.add(name, strings.Join(items, ", ")) }

// Change is a property before and after; "" is none.
type Change struct {
	Name, Before, After string
}

// changes says what differs. What is not known yet differs from everything.
func (b *builder) changes(have, want properties) (changes []Change) {
	before := map[string]property{}
	for _, p := range have {
		before[p.name] = p
	}
	for _, p := range want {
		was, ok := before[p.name]
		delete(before, p.name)
		if ok && was.text == p.text && !isUnknown(p.text) || have == nil && isUsual(p) {
			continue
		}
		changes = append(changes, Change{p.name, b.shown(was, ok), b.show(p)})
	}
	for _, p := range have {
		if _, gone := before[p.name]; gone {
			changes = append(changes, Change{p.name, b.shown(p, true), ""})
		}
	}
	return changes
}

// isUsual reports whether a property is what it is without being declared, so that nobody needs to read it of what is
// new.
func isUsual(p property) bool {
	switch p.name + "=" + p.text {
	case "PackageType=Zip", "Timeout=3", "MemorySize=128", "EphemeralStorage=512", "Architectures=x86_64",
		"TracingConfig=PassThrough", "LogFormat=Text", "Path=/", "MaxSessionDuration=3600", "InvokeMode=BUFFERED":
		return true
	}
	return p.name == "LogGroup" && strings.HasPrefix(p.text, "/aws/lambda/")
}

// shown is a value that is replaced. Of variables it is never shown: it may come from a file of secrets that is not
// given any more.
func (b *builder) shown(p property, ok bool) string {
	if ok && strings.HasPrefix(p.name, environmentPrefix) {
		return hidden
	}
	return b.show(p)
}

// show is a value as a diff may show it.
func (b *builder) show(p property) string {
	if p.hidden && !isUnknown(p.text) {
		return hidden
	}
	return b.redact(p.text)
}

// redact hides secrets in a text.
func (b *builder) redact(text string) string {
	text = b.stack.Redact(text)
	for _, secret := range b.a.secrets() {
		text = strings.ReplaceAll(text, secret, hidden)
	}
	return text
}

func isUnknown(text string) bool { return strings.Contains(text, template.Unknown) }
