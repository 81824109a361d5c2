package lambda

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// ARN names a function, or one of its versions or aliases when Qualifier is set:
// arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER].
type ARN struct {
	Region    string
	Account   string // twelve digits
	Name      string
	Qualifier string // "" for the function itself
}

// String is the full ARN, with the qualifier where there is one.
func (a ARN) String() string {
	unqualified := "arn:aws:lambda:" + a.Region + ":" + a.Account + ":function:" + a.Name
	if a.Qualifier == "" {
		return unqualified
	}
	return unqualified + ":" + a.Qualifier
}

// Unqualified is the ARN of the function itself.
func (a ARN) Unqualified() ARN {
	a.Qualifier = ""
	return a
}

// Latest is the qualifier of a function's only version here: the one that can be changed.
const Latest = "$LATEST"

// Key identifies the function among all functions of the server, whatever the qualifier.
func (a ARN) Key() string { return a.Account + "/" + a.Region + "/" + a.Name }

// The two name patterns of the Lambda API model: operations on functions take up to 140 characters,
// "namespaced" ones (which accept a version or alias in the name) up to 170.
const (
	FunctionNamePattern           = `(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`
	NamespacedFunctionNamePattern = `(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`
)

// The parts of FunctionNamePattern, in groups: region, account, name, qualifier.
var nameParts = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:arn:aws[a-zA-Z-]*:lambda:)?(?:([a-z]{2}(?:-[a-z]+)+-\d):)?(?:(\d{12}):)?(?:function:)?([a-zA-Z0-9-_]+)(?::(\$LATEST|[a-zA-Z0-9-_]+))?$`)
})

// MaxNameLength is the longest bare function name.
const MaxNameLength = 64

// ParseName reads a function's name in any of the four forms that the Lambda API takes (NAME, NAME:QUALIFIER,
// ACCOUNT:function:NAME[:QUALIFIER] and the full ARN). What the text leaves out is taken from the caller's
// region and account. An error of kind Invalid says what is wrong with it.
func ParseName(text, region, account string) (ARN, error) {
	const maxText = 170 // longest of the API's name shapes
	if len(text) > maxText {
		return ARN{}, Errorf(Invalid, "function name of %d characters is longer than %d", len(text), maxText)
	}
	parts := nameParts().FindStringSubmatch(text)
	isARN := strings.HasPrefix(text, "arn:")
	if parts == nil || isARN && !strings.Contains(text, ":function:") {
		return ARN{}, Errorf(Invalid, "function name %q is neither a name, a partial ARN nor an ARN", text)
	}
	arn := ARN{Region: cmp.Or(parts[1], region), Account: cmp.Or(parts[2], account), Name: parts[3], Qualifier: parts[4]}
	if len(arn.Name) > MaxNameLength {
		return ARN{}, Errorf(Invalid, "function name %q is longer than %d characters", arn.Name, MaxNameLength)
	}
	return arn, nil
}

// ParseARN reads a full function ARN.
func ParseARN(text string) (ARN, error) {
	if !strings.HasPrefix(text, "arn:aws:lambda:") || strings.Count(text, ":") < 6 {
		return ARN{}, Errorf(Invalid, "%q is not a function ARN", text)
	}
	return ParseName(text, "", "")
}

var region = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d{1,2}$`)
})

// ValidRegion reports whether text has the form of an AWS region's name.
func ValidRegion(text string) bool { return len(text) <= 32 && region().MatchString(text) }

// ValidAccount reports whether text is an AWS account id: twelve digits.
func ValidAccount(text string) bool { return len(text) == 12 && strings.Trim(text, "0123456789") == "" }

// Kind says what went wrong in words of the domain. The planes turn it into the AWS error of their protocol.
type Kind int

// The kinds of domain errors.
const (
	Invalid Kind = iota + 1
	NotFound
	Conflict
	Denied
	Limit
	Unavailable
)

// Error is a refusal of the domain.
type Error struct {
	Kind    Kind
	Message string
}

func (e *Error) Error() string { return e.Message }

// Errorf is an Error of the kind with a formatted message.
func Errorf(kind Kind, format string, arguments ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, arguments...)}
}
