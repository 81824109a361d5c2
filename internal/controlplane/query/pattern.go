package query

import (
	"regexp"
	"sync"
)

// pattern is a constraint on the characters of a parameter.
type pattern struct {
	matches func(string) bool
	text    string // the regular expression as AWS prints it, which is Java's
	message string // what IAM says instead, in place of %s the parameter
}

// patterns are the constraints of the IAM and STS API models (botocore 1.43) by the name that input types give in
// their tags. IAM checks some in its own words.
var patterns = map[string]pattern{
	"name": {
		matches: expression(`[\w+=,.@-]+`),
		text:    `[\w+=,.@-]+`,
		message: "The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
	},
	"path": {
		matches: expression(`/|/[!-~]+/`),
		text:    `(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`,
		message: "The specified value for %s is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
	},
	"policyPath": {
		matches: expression(`((/[A-Za-z0-9.,+@=_-]+)*)/`),
		text:    `((/[A-Za-z0-9\.,\+@=_-]+)*)/`,
		message: "The specified value for %s is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
	},
	"pathPrefix": {
		matches: expression(`/[!-\x7f]*`),
		text:    `\u002F[\u0021-\u007F]*`,
		message: "The specified value for %s is invalid. It must begin with / and contain only alphanumeric characters and/or / characters.",
	},
	"document": {
		matches: expression(`[\t\n\r -\x{ff}]+`),
		text:    `[\u0009\u000A\u000D\u0020-\u00FF]+`,
		message: "The specified value for %s is invalid. It must contain only printable ASCII characters.",
	},
	"description": {
		matches: expression(`[\t\n\r -~\x{a1}-\x{ff}]*`),
		text:    `[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`,
	},
	"tagKey":    {matches: expression(`[\p{L}\p{Z}\p{N}_.:/=+\-@]+`), text: `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`},
	"tagValue":  {matches: expression(`[\p{L}\p{Z}\p{N}_.:/=+\-@]*`), text: `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`},
	"keyID":     {matches: expression(`\w+`), text: `[\w]+`},
	"versionID": {matches: expression(`v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`), text: `v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`},
	"marker":    {matches: expression(`[ -\x{ff}]+`), text: `[\u0020-\u00FF]+`},
	"session":   {matches: expression(`[\w+=,.@-]*`), text: `[\w+=,.@-]*`},
	"external":  {matches: expression(`[\w+=,.@:/-]*`), text: `[\w+=,.@:\/-]*`},
	"serial":    {matches: expression(`[\w+=/:,.@-]*`), text: `[\w+=/:,.@-]*`},
	"digits":    {matches: expression(`\d*`), text: `[\d]*`},
	"policy":    {matches: expression(`[\t\n\r -\x{ff}]+`), text: `[\u0009\u000A\u000D\u0020-\u00FF]+`},
	"namespace": {matches: expression(`[\w-]*`), text: `[\w-]*`},
	// In Java \u10000 is U+1000 followed by the digit 0, so characters outside the Basic Multilingual Plane do not
	// match at AWS, whatever the model's author wanted.
	"arn": {
		matches: expression(`[\t\n\r -~\x{85}\x{a0}-\x{d7ff}\x{e000}-\x{fffd}]+`),
		text:    `[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+`,
	},
}

// expression matches whole values, as AWS does. It is compiled when it is first asked: together that takes longer than
// many a run of the program.
func expression(text string) func(string) bool {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + text + `)$`) })
	return func(value string) bool { return compiled().MatchString(value) }
}
