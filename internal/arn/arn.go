// Package arn reads and writes the names that AWS gives to things: ARNs of any kind, functions with their qualifier,
// layers, principals and policies of IAM, account ids, regions, partitions, and the hosts of function URLs.
//
// It checks the form of a name only. Whether the thing exists is for others to say.
package arn

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// AWS is the partition of the commercial regions. What belongs to no region is in it unless something else says so.
const AWS = "aws"

// Error says that a text is not the name that it should be. It becomes words only when somebody reads it: most callers
// ask just whether a text is such a name.
type Error struct {
	format    string
	arguments []any
}

func (e *Error) Error() string { return fmt.Sprintf(e.format, e.arguments...) }

func refuse(format string, arguments ...any) *Error { return &Error{format, arguments} }

// ARN is any ARN taken apart: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE.
type ARN struct {
	Partition string
	Service   string
	Region    string // "" for services without regions
	Account   string // "" where the resource says enough, such as a bucket
	Resource  string // the rest, colons included
}

// Parse takes an ARN apart, whatever it names.
func Parse(text string) (ARN, error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return ARN{}, refuse("%q is not an ARN: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE", text)
	}
	return ARN{parts[1], parts[2], parts[3], parts[4], parts[5]}, nil
}

// AccountOf is the account that an ARN names, "" for texts that name none.
func AccountOf(text string) string {
	if named, err := Parse(text); err == nil && IsAccount(named.Account) {
		return named.Account
	}
	return ""
}

// IsAccount reports whether text is an account id: twelve digits.
func IsAccount(text string) bool { return len(text) == 12 && isMade(text, digits) }

const regionForm = `(?:[a-z]{2}|eusc)(?:-[a-z]+)+-\d{1,2}`

var region = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("^" + regionForm + "$") })

// IsRegion reports whether text has the form of a region's name, such as eu-central-1, us-gov-west-1 or eusc-de-east-1.
func IsRegion(text string) bool { return len(text) <= 32 && region().MatchString(text) }

// IsPartition reports whether text has the form of a partition's name: aws, or aws- and more.
func IsPartition(text string) bool {
	return text == AWS || strings.HasPrefix(text, "aws-") && isMade(text, lower+"-")
}

// PartitionOf is the partition that a region belongs to. Regions that it does not know are of the partition aws.
func PartitionOf(region string) string {
	area, rest, _ := strings.Cut(region, "-")
	group, _, _ := strings.Cut(rest, "-")
	switch isolated, ok := strings.CutPrefix(group, "iso"); {
	case area == "cn":
		return "aws-cn"
	case area == "eusc":
		return "aws-eusc"
	case group == "gov":
		return "aws-us-gov"
	case ok && isolated == "":
		return "aws-iso"
	case ok && len(isolated) == 1:
		return "aws-iso-" + isolated
	}
	return AWS
}

// Regions are the regions of a partition that are public, as the AWS SDK for Go v1.48.0 lists them. AWS adds some each year, so a
// program that looks at them all misses those that are newer than it is.
func Regions(partition string) []string {
	switch partition {
	case AWS:
		return []string{
			"af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
			"ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
			"ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1",
			"eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1",
			"me-west-1", "mx-central-1", "sa-east-1", "sa-west-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
		}
	case "aws-cn":
		return []string{"cn-north-1", "cn-northwest-1"}
	case "aws-us-gov":
		return []string{"us-gov-east-1", "us-gov-west-1"}
	case "aws-eusc":
		return []string{"eusc-de-east-1"}
	}
	return nil
}

const (
	lower   = "abcdefghijklmnopqrstuvwxyz"
	digits  = "0123456789"
	letters = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// isMade reports whether text consists of the characters only, and of one at least.
func isMade(text, characters string) bool { return text != "" && strings.Trim(text, characters) == "" }
