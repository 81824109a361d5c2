package lambdaapi

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// rule is one constraint of the API's model on a value, and how AWS's message words it.
type rule[V any] struct {
	must  string // follows "Member must "
	holds func(V) bool
}

// violations is what is wrong with an input, one text for each constraint that a member does not satisfy.
type violations []string

func (v violations) err() error {
	if len(v) == 0 {
		return nil
	}
	return validation(v...)
}

func violation(shown, at, must string) string {
	return "Value" + shown + " at '" + at + "' failed to satisfy constraint: Member must " + must
}

// required says that a member must be there.
func required[V any](at string, value *V) violations {
	if value == nil {
		return violations{violation(" null", at, "not be null")}
	}
	return nil
}

// check holds a member against its rules; one that is not there satisfies them all.
func check[V any](at string, value *V, rules ...rule[V]) violations {
	if value == nil {
		return nil
	}
	return checkValue(at, *value, fmt.Sprint(*value), rules)
}

// checkList is check for lists, of values or as a whole.
func checkList(at string, values []*string, rules ...rule[[]*string]) violations {
	if values == nil {
		return nil
	}
	shown := make([]string, len(values))
	for i, value := range values {
		shown[i] = "null"
		if value != nil {
			shown[i] = *value
		}
	}
	return checkValue(at, values, "["+strings.Join(shown, ", ")+"]", rules)
}

// checkKeys is check for the keys of a map. Its messages show no value: maps of the API's model hold secrets.
func checkKeys[V any](at string, values map[string]V, rules ...rule[string]) violations {
	for key := range values {
		for _, r := range rules {
			if !r.holds(key) {
				return violations{"Value at '" + at + "' failed to satisfy constraint: Map keys must satisfy constraint: [" + list(rules) + "]"}
			}
		}
	}
	return nil
}

func checkValue[V any](at string, value V, shown string, rules []rule[V]) violations {
	var found violations
	for _, r := range rules {
		if !r.holds(value) {
			found = append(found, violation(" '"+cut(shown)+"'", at, r.must))
		}
	}
	return found
}

// cut keeps a message from repeating megabytes of input.
func cut(text string) string {
	const most = 1024
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func list(rules []rule[string]) string {
	texts := make([]string, 0, len(rules)+1)
	for _, r := range rules {
		texts = append(texts, "Member must "+r.must)
	}
	return strings.Join(append(texts, "Member must not be null"), ", ")
}

// each is a constraint on every value of a list.
func each(rules ...rule[string]) rule[[]*string] {
	return rule[[]*string]{"satisfy constraint: [" + list(rules) + "]", func(values []*string) bool {
		return !slices.ContainsFunc(values, func(value *string) bool {
			return value == nil || slices.ContainsFunc(rules, func(r rule[string]) bool { return !r.holds(*value) })
		})
	}}
}

func atMostItems(n int) rule[[]*string] {
	return rule[[]*string]{"have length less than or equal to " + strconv.Itoa(n), func(values []*string) bool { return len(values) <= n }}
}

func atLeastItems(n int) rule[[]*string] {
	return rule[[]*string]{"have length greater than or equal to " + strconv.Itoa(n), func(values []*string) bool { return len(values) >= n }}
}

func maxLength(n int) rule[string] {
	return rule[string]{"have length less than or equal to " + strconv.Itoa(n), func(value string) bool { return utf8.RuneCountInString(value) <= n }}
}

func minLength(n int) rule[string] {
	return rule[string]{"have length greater than or equal to " + strconv.Itoa(n), func(value string) bool { return utf8.RuneCountInString(value) >= n }}
}

func atMost(n int) rule[int] {
	return rule[int]{"have value less than or equal to " + strconv.Itoa(n), func(value int) bool { return value <= n }}
}

func atLeast(n int) rule[int] {
	return rule[int]{"have value greater than or equal to " + strconv.Itoa(n), func(value int) bool { return value >= n }}
}

func oneOf(values ...string) rule[string] {
	return rule[string]{"satisfy enum value set: [" + strings.Join(values, ", ") + "]", func(value string) bool { return slices.Contains(values, value) }}
}

// pattern is a regular expression of the API's model, which the whole value must match. It is printed as the model
// has it, and compiled when it is first asked: together that takes longer than many a run of the program.
func pattern(expression string) rule[string] {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + expression + `)$`) })
	return rule[string]{"satisfy regular expression pattern: " + expression, func(value string) bool { return compiled().MatchString(value) }}
}

// The patterns of the model that inputs here are held to.
var (
	functionName     = pattern(`(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`)
	namespacedName   = pattern(`(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`)
	versionOrAlias   = pattern(`\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`)
	roleARN          = pattern(`arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`)
	handlerName      = pattern(`[^\s]+`)
	variableName     = pattern(`[a-zA-Z]([a-zA-Z0-9_])+`)
	logGroupName     = pattern(`[\.\-_/#A-Za-z0-9]+`)
	statementID      = pattern(`([a-zA-Z0-9-_]+)`)
	namespacedSID    = pattern(`([a-zA-Z0-9-_.]+)`)
	permissionAction = pattern(`(lambda:[*]|lambda:[a-zA-Z]+|[*])`)
	principalText    = pattern(`[^\s]+`)
	sourceARN        = pattern(`arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:([a-z]{2}(-gov)?-[a-z]+-\d{1})?:(\d{12})?:(.*)`)
	sourceAccount    = pattern(`\d{12}`)
	eventSourceToken = pattern(`[a-zA-Z0-9._\-]+`)
	organizationID   = pattern(`o-[a-z0-9]{10,32}`)
	taggableARN      = pattern(`arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)`)
	masterRegion     = pattern(`ALL|[a-z]{2}(-gov)?-[a-z]+-\d{1}`)
	anything         = pattern(`.*`)

	alias = pattern(`[0-9a-zA-Z-_]+`)

	// urlQualifier is an alias: a name that is not a number. Go's regular expressions can not look ahead.
	urlQualifier = rule[string]{`satisfy regular expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)`, func(value string) bool {
		return alias.holds(value) && strings.Trim(value, "0123456789") != ""
	}}
)
