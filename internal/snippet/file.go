package snippet

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
)

// File collects parts of grants, of any number of functions and callers, and writes them down as one text.
//
// Without Head the text is a fragment: it can be appended to a file of its form, and so can the fragments of other
// functions, in any order. A part has the same name in each text, and no two parts have the same one. A part of another
// account than the first is then a comment with the command of the AWS CLI.
//
//	file := snippet.File{Form: snippet.Terraform}
//	file.Add("Lets caller call the URL of web", parts...)
//	text, err := file.Text()
type File struct {
	Form Form // one of Files
	Head bool // write what a file of the form has once, so that it stands by itself
	// Profiles are those of the AWS configuration that commands name, by their accounts: a command without one would
	// change the function of the same name in another account.
	Profiles map[string]string

	groups []group
	kept   map[string]bool // the keys of parts
}

// group is parts under one title.
type group struct {
	title string
	parts []Part
}

// Files are the forms of a File.
func Files() []Form { return append([]Form{CLI}, Wholes()...) }

// Add adds parts under a title, which is a sentence without its period. Parts that are there already are left out, and
// whole policies of one function become one.
func (f *File) Add(title string, parts ...Part) {
	if f.kept == nil {
		f.kept = map[string]bool{}
	}
	added := group{title: title}
	for _, part := range parts {
		whole, isWhole := part.(WholePolicy)
		switch {
		case isWhole && f.merge(whole):
		case !f.kept[part.key()]:
			f.kept[part.key()] = true
			added.parts = append(added.parts, part)
		}
	}
	if len(added.parts) > 0 {
		f.groups = append(f.groups, added)
	}
}

// IsEmpty reports whether the file has no part.
func (f *File) IsEmpty() bool { return len(f.groups) == 0 }

// Accounts are the accounts of the parts, in the order in which they were added.
func (f *File) Accounts() (accounts []string) {
	for part := range f.parts {
		if account := part.place().account; !slices.Contains(accounts, account) {
			accounts = append(accounts, account)
		}
	}
	return accounts
}

func (f *File) parts(yield func(Part) bool) {
	for _, group := range f.groups {
		for _, part := range group.parts {
			if !yield(part) {
				return
			}
		}
	}
}

// merge adds the statements of a policy to those of the same function's that the file has.
func (f *File) merge(more WholePolicy) bool {
	for _, group := range f.groups {
		for i, part := range group.parts {
			if there, ok := part.(WholePolicy); ok && there.Function == more.Function {
				there.Document = mergeStatements(there.Document, more.Document)
				group.parts[i] = there
				return true
			}
		}
	}
	return false
}

// mergeStatements is the first policy with the statements that only the second one has.
func mergeStatements(first, second string) string {
	type document struct {
		Version   string            `json:",omitempty"`
		ID        string            `json:"Id,omitempty"`
		Statement []json.RawMessage // which lambda.WithStatements makes a list
	}
	var into, from document
	if json.Unmarshal([]byte(first), &into) != nil || json.Unmarshal([]byte(second), &from) != nil {
		return first
	}
	compact := func(text []byte) string {
		var out bytes.Buffer
		_ = json.Compact(&out, text) // it was parsed
		return out.String()
	}
	for _, statement := range from.Statement {
		if !slices.ContainsFunc(into.Statement, func(there json.RawMessage) bool { return compact(there) == compact(statement) }) {
			into.Statement = append(into.Statement, statement)
		}
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(into); err != nil {
		return first
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// Text is the file. A form that is not one of Files is an error.
func (f *File) Text() (string, error) {
	places := f.places()
	var t lines
	switch f.Form {
	case CLI:
		f.commands(&t, places)
	case SAM, CloudFormation:
		f.template(&t, places)
	case Terraform:
		f.configuration(&t, places)
	case CDK:
		f.program(&t, places)
	default:
		return "", fmt.Errorf("%q is none of %v", f.Form, Files())
	}
	return t.String(), nil
}

// place is where a part is made. Policies of users and roles have no region.
type place struct{ account, region string }

func (p place) String() string {
	return strings.TrimSuffix("account "+p.account+", region "+p.region, ", region ")
}

// places are all of them. What has no region is made along with the functions of its account, or of the file.
func (f *File) places() (all []place) {
	for part := range f.parts {
		if at := part.place(); at.region != "" && !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	for part := range f.parts {
		account := part.place().account
		if slices.ContainsFunc(all, func(p place) bool { return p.account == account }) {
			continue
		}
		at := place{account: account}
		if len(all) > 0 {
			at.region = all[0].region
		}
		all = append(all, at)
	}
	return all
}

// among is the number of the part's place among the places.
func (p place) among(places []place) int {
	return slices.IndexFunc(places, func(other place) bool {
		return other.account == p.account && (p.region == "" || p.region == other.region)
	})
}

// each writes the groups. A part of a fragment that is of another account is a comment behind the mark.
func (f *File) each(t *lines, places []place, mark string, write func(part Part, place int)) {
	for _, group := range f.groups {
		comment := func(text string) { t.add("%s %s", mark, strings.ReplaceAll(text, "\n", "\n"+mark+" ")) }
		comment(group.title + ".")
		about := ""
		for _, part := range group.parts {
			if at := part.place(); !f.Head && at.account != places[0].account {
				comment("In account " + at.account + ": " + part.command())
				continue
			}
			if hint := f.aboutName(part); hint != "" && hint != about {
				about = hint
				comment(hint)
			}
			write(part, part.place().among(places))
		}
	}
}

// commands writes commands of the AWS CLI, with the account before those of another account than the command before.
func (f *File) commands(t *lines, places []place) {
	if f.Head {
		t.add("#!/bin/sh\nset -e")
	}
	account := places[0].account
	for _, group := range f.groups {
		t.add("# %s.", strings.ReplaceAll(group.title, "\n", " "))
		for _, part := range group.parts {
			if at := part.place().account; at != account {
				account = at
				t.add("# In account %s:", at)
			}
			t.add("%s", InProfile(part.command(), f.Profiles[account]))
		}
	}
}

// nameOf is a name for a part that no other has: the words for people, and a hash of what tells the part from others,
// which words do not once they are in the characters of a form.
func nameOf(part Part) (words []string, hash string) {
	sum := fnv.New64a()
	sum.Write([]byte(part.key()))
	return part.words(), fmt.Sprintf("%08x", uint32(sum.Sum64()^sum.Sum64()>>32))
}

// longest is how many characters of a word are in a name: CloudFormation takes 255 in all.
const longest = 60

// logicalID is the name of a part for CloudFormation and the CDK.
func logicalID(part Part) string {
	words, hash := nameOf(part)
	var id strings.Builder
	for _, word := range words {
		word = LogicalID(word)
		id.WriteString(word[:min(longest, len(word))])
	}
	return id.String() + strings.ToUpper(hash)
}

// resourceName is the name of a part for Terraform, which begins with a letter or underscore.
func resourceName(part Part) string {
	words, hash := nameOf(part)
	var kept []string
	words[len(words)-1] = delimited(words[len(words)-1], "_") // what it is, which is not a name from elsewhere
	for _, word := range append(words, hash) {
		if word = underscored(StatementName(word)); word != "" {
			kept = append(kept, word[:min(longest, len(word))])
		}
	}
	text := strings.Join(kept, "_")
	if text[0] >= '0' && text[0] <= '9' {
		text = "function_" + text
	}
	return text
}

func (p Permission) key() string {
	return strings.Join([]string{
		"permission", p.Function.String(), p.StatementID, p.Action, p.Principal.String(), p.SourceARN, p.PrincipalOrgID,
	}, "\n")
}

func (p Permission) words() []string {
	return []string{p.Function.Name, p.Function.Qualifier, p.label(), Suffix(p.Permission)}
}

// Suffix is the end of a permission's name: what it lets do.
func Suffix(p lambda.Permission) string {
	switch _, action, _ := strings.Cut(p.Action, ":"); {
	case p.Action == lambda.ActionInvokeURL:
		return "CallUrl"
	case p.Action == lambda.ActionInvoke && p.InvokedViaURL != nil && *p.InvokedViaURL:
		return "InvokeViaUrl"
	default:
		return cmp.Or(LogicalID(action), "All")
	}
}

// label is a short name of the principal.
func (p Permission) label() string {
	principal, err := arn.ParsePrincipal(p.Principal.AWS)
	service, _, _ := strings.Cut(p.Principal.Service, ".")
	switch {
	case p.Principal.Anyone:
		return cmp.Or(p.PrincipalOrgID, "everyone")
	case err != nil:
		return cmp.Or(service, p.Principal.AWS)
	case principal.Type == "root":
		return "account" + principal.Account
	default:
		return principal.Name
	}
}

func (p Permission) place() place { return place{p.Function.Account, p.Function.Region} }

func (p Permission) command() string { return AddPermission(p.Function, p.Permission) }

func (p InlinePolicy) key() string {
	return strings.Join([]string{"policy", p.Account, string(p.Owner.Kind), p.Owner.Name, p.Name}, "\n")
}

func (p InlinePolicy) words() []string { return []string{p.Owner.Name, p.Name, "Policy"} }

func (p InlinePolicy) place() place { return place{account: p.Account} }

func (p InlinePolicy) command() string {
	if p.Owner == (iam.Owner{}) {
		return CreatePolicy(p.Name, p.Document) + "   # to attach to the caller"
	}
	return PutPolicy(p.Owner, p.Name, p.Document)
}

// WholePolicy is the resource-based policy of a function or alias, which is put in the place of the one that there is.
type WholePolicy struct {
	Function lambda.ARN // with the alias
	Document string     // IAM JSON
}

var _ Part = WholePolicy{}

// As writes the policy in the form.
func (p WholePolicy) As(form Form) string { return as(p, form) }

func (p WholePolicy) key() string { return "whole\n" + p.Function.String() }

func (p WholePolicy) words() []string {
	return []string{p.Function.Name, p.Function.Qualifier, "FunctionPolicy"}
}

func (p WholePolicy) place() place { return place{p.Function.Account, p.Function.Region} }

func (p WholePolicy) command() string { return PutResourcePolicy(p.Function, p.Document, "") }

func (p WholePolicy) json() string { return p.Document }
