package policy

import (
	"slices"
	"strconv"
	"strings"
)

// Messages of IAM's MalformedPolicyDocument error that do not quote the input.
const (
	awsSyntax         = "Syntax errors in policy."
	awsSidUnique      = "Statement IDs (SID) in a single policy must be unique."
	awsSidCharacters  = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
	awsNoActions      = "Policy statement must contain actions."
	awsNoResources    = "Policy statement must contain resources."
	awsNoVendor       = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	awsOneColon       = "Actions/Condition can contain only one colon."
	awsResourceVendor = "Resource vendor must be fully qualified and cannot contain regexes."
	awsLegacy         = "The policy failed legacy parsing"
	awsIAMPath        = `IAM resource path must either be "*", root, or start with user/, federated-user/, role/, group/, ` +
		`instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, ` +
		`access-report/.`
	awsVendor        = "Vendor " // SERVICE is not valid
	awsNoPrincipal   = "Policy document should not specify a principal."
	awsNeedPrincipal = "Missing required field Principal"
	awsTrustResource = "Has prohibited field Resource"
	awsTrustActions  = "AssumeRole policy may only specify STS AssumeRole actions."
	awsInvalidPrinc  = "Invalid principal in policy"
)

// Fault is one thing wrong with a document.
type Fault struct {
	Line, Column int    // where it is, both from 1; columns count characters
	Path         string // the element, such as `Statement[1].Condition.Bool["aws:SecureTransport"]`; "" for the whole text
	Message      string // what is wrong and what would be right
	AWS          string // what AWS says in its MalformedPolicyDocument error for this fault
}

// Error returns "line:column: path: message".
func (f Fault) Error() string {
	s := strconv.Itoa(f.Line) + ":" + strconv.Itoa(f.Column) + ": "
	if f.Path != "" {
		s += f.Path + ": "
	}
	return s + f.Message
}

// Faults is the error of [Parse]: the faults of a document in the order of its text, never empty.
type Faults []Fault

// Error returns one line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

// AWS returns the message AWS would give for the document. It reports one fault only, that of the check that comes
// first; the order is known from policies that fail several (LocalStack's test snapshots of CreatePolicy, 2026-02-18).
func (f Faults) AWS() string {
	return slices.MinFunc(f, func(a, b Fault) int { return a.stage() - b.stage() }).AWS
}

// Syntax reports whether AWS would find an error of the grammar, which comes before everything else.
func (f Faults) Syntax() bool { return f.AWS() == awsSyntax }

// stage is when AWS would find the fault.
func (f Fault) stage() int {
	switch f.AWS {
	case awsSyntax:
		return 0
	case awsLegacy:
		return 1
	case awsSidUnique, awsSidCharacters:
		return 2
	case awsNoActions:
		return 3
	case awsNoResources:
		return 4
	case awsNoVendor, awsOneColon:
		return 6
	}
	if strings.HasPrefix(f.AWS, awsVendor) {
		return 6
	}
	return 5 // resources, principals, and what only trust policies have
}

// lineColumn converts a byte offset into a line and a column, both from 1, columns in characters.
func lineColumn(source string, offset int) (line, column int) {
	before := source[:offset]
	line = 1 + strings.Count(before, "\n")
	last := before[strings.LastIndexByte(before, '\n')+1:]
	return line, 1 + len([]rune(last))
}
