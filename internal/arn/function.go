package arn

import (
	"cmp"
	"regexp"
	"strings"
	"sync"
)

// Function names a function, or one of its versions or aliases when Qualifier is set:
// arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]. The region says which partition it is.
type Function struct {
	Region    string
	Account   string // twelve digits
	Name      string
	Qualifier string // "" for the function itself
}

// Latest is the qualifier of the version that can be changed.
const Latest = "$LATEST"

// The longest bare name of a function, and the longest text that the Lambda API takes for one in any form.
const (
	MaxFunctionName = 64
	maxFunctionText = 170
)

// Partition is the partition of the function's region.
func (f Function) Partition() string { return PartitionOf(f.Region) }

// String is the full ARN, with the qualifier where there is one.
func (f Function) String() string {
	if f.Qualifier == "" {
		return "arn:" + f.Partition() + ":lambda:" + f.Region + ":" + f.Account + ":function:" + f.Name
	}
	return "arn:" + f.Partition() + ":lambda:" + f.Region + ":" + f.Account + ":function:" + f.Name + ":" + f.Qualifier
}

// Unqualified is the name of the function itself.
func (f Function) Unqualified() Function {
	f.Qualifier = ""
	return f
}

// Short is the function as a person types it: NAME, or NAME:QUALIFIER.
func (f Function) Short() string { return strings.TrimSuffix(f.Name+":"+f.Qualifier, ":") }

// Key identifies the function among all functions of a server, whatever the qualifier.
func (f Function) Key() string { return f.Account + "/" + f.Region + "/" + f.Name }

// AppendQualifiedKey appends Key, a slash and the qualifier.
func (f Function) AppendQualifiedKey(b []byte) []byte {
	b = append(append(append(b, f.Account...), '/'), f.Region...)
	b = append(append(append(b, '/'), f.Name...), '/')
	return append(b, f.Qualifier...)
}

// functionForm is any form of a function's name, in groups: partition, region, account, the word function, name, and
// qualifier.
var functionForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:arn:([^:]+):lambda:)?(?:(` + regionForm + `):)?(?:(\d{12}):)?(function:)?` +
		`([a-zA-Z0-9-_]+)(?::(\$LATEST|[a-zA-Z0-9-_]+))?$`)
})

// ParseFunction reads a function's name in any form that the Lambda API documents: NAME[:QUALIFIER],
// ACCOUNT:function:NAME[:QUALIFIER] and the ARN. What the text leaves out is taken from region and account.
func ParseFunction(text, region, account string) (Function, error) {
	if len(text) > maxFunctionText {
		return Function{}, refuse("function name of %d characters is longer than %d", len(text), maxFunctionText)
	}
	f, err := LookupFunction(text, region, account)
	switch {
	case strings.HasPrefix(text, "arn:") && !strings.Contains(text, ":function:"):
		return Function{}, notFunctionARN(text)
	case err == nil && len(f.Name) > MaxFunctionName:
		return Function{}, refuse("function name %q is longer than %d characters", f.Name, MaxFunctionName)
	}
	return f, err
}

// LookupFunction reads a function's name as the Lambda API does where it looks for one: names of any length, and ARNs
// that leave out the word function. It then finds no function of such a name (recorded answers in LocalStack's
// snapshots: arn:aws:lambda:REGION:ACCOUNT:function is the function named "function").
func LookupFunction(text, region, account string) (Function, error) {
	isARN := strings.HasPrefix(text, "arn:")
	parts := functionForm().FindStringSubmatch(text)
	switch {
	case isARN && parts == nil:
		return Function{}, notFunctionARN(text)
	case parts == nil:
		return Function{}, refuse("function name %q is neither a name, a partial ARN nor an ARN", text)
	}
	f := Function{cmp.Or(parts[2], region), cmp.Or(parts[3], account), parts[5], parts[6]}
	switch {
	case isARN && parts[1] != f.Partition():
		return Function{}, refuse("%q is not the ARN of a function: the region %s is in the partition %s, not in %s",
			text, f.Region, f.Partition(), parts[1])
	}
	return f, nil
}

// ParseFunctionARN reads the full ARN of a function.
func ParseFunctionARN(text string) (Function, error) {
	if !strings.HasPrefix(text, "arn:") {
		return Function{}, notFunctionARN(text)
	}
	f, err := ParseFunction(text, "", "")
	if err == nil && (f.Region == "" || f.Account == "") {
		return Function{}, notFunctionARN(text)
	}
	return f, err
}

func notFunctionARN(text string) *Error {
	return refuse("%q is not the ARN of a Lambda function: arn:aws:lambda:REGION:ACCOUNT:function:NAME", text)
}

// maxAlias is the longest name of an alias.
const maxAlias = 128

// IsVersion reports whether the qualifier is that of a published version: a number.
func (f Function) IsVersion() bool { return isMade(f.Qualifier, digits) }

// IsAlias reports whether the qualifier may be the name of an alias.
func (f Function) IsAlias() bool {
	return isName(f.Qualifier) && len(f.Qualifier) <= maxAlias && !f.IsVersion()
}

func isName(text string) bool { return isMade(text, letters+digits+"-_") }
