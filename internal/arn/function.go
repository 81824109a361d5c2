package arn

import "strings"

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
	unqualified := "arn:" + f.Partition() + ":lambda:" + f.Region + ":" + f.Account + ":function:" + f.Name
	if f.Qualifier == "" {
		return unqualified
	}
	return unqualified + ":" + f.Qualifier
}

// Unqualified is the name of the function itself.
func (f Function) Unqualified() Function {
	f.Qualifier = ""
	return f
}

// Key identifies the function among all functions of a server, whatever the qualifier.
func (f Function) Key() string { return f.Account + "/" + f.Region + "/" + f.Name }

// ParseFunction reads a function's name in any form that the Lambda API takes: NAME[:QUALIFIER],
// ACCOUNT:function:NAME[:QUALIFIER] and the ARN. What the text leaves out is taken from region and account.
func ParseFunction(text, region, account string) (Function, error) {
	if len(text) > maxFunctionText {
		return Function{}, refuse("function name of %d characters is longer than %d", len(text), maxFunctionText)
	}
	none := refuse("function name %q is neither a name, a partial ARN nor an ARN", text)
	parts := strings.Split(text, ":")
	partition, isARN := "", parts[0] == "arn"
	if isARN {
		none = notFunctionARN(text)
		if len(parts) < 5 || parts[2] != "lambda" {
			return Function{}, none
		}
		partition, parts = parts[1], parts[3:]
	}
	// optional takes a part that the name may begin with. A part before $LATEST is the name itself.
	optional := func(is bool) bool {
		if is = is && len(parts) > 1 && parts[1] != Latest; is {
			parts = parts[1:]
		}
		return is
	}
	f := Function{Region: region, Account: account}
	if first := parts[0]; optional(IsRegion(first)) {
		f.Region = first
	}
	if first := parts[0]; optional(IsAccount(first)) {
		f.Account = first
	}
	named := optional(parts[0] == "function") || !isARN
	f.Name = parts[0]
	if len(parts) == 2 {
		f.Qualifier = parts[1]
	}
	switch {
	case !named, len(parts) > 2, !isName(f.Name), len(parts) == 2 && f.Qualifier != Latest && !isName(f.Qualifier):
		return Function{}, none
	case len(f.Name) > MaxFunctionName:
		return Function{}, refuse("function name %q is longer than %d characters", f.Name, MaxFunctionName)
	case isARN && partition != f.Partition():
		return Function{}, refuse("%q is not the ARN of a function: the region %s is in the partition %s, not in %s",
			text, f.Region, f.Partition(), partition)
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
