package setup

import (
	"fmt"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
)

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
)

// isNumber reports whether a qualifier is that of a version.
func isNumber(qualifier string) bool { return qualifier != "" && strings.Trim(qualifier, digits) == "" }

// isAliasName reports whether a qualifier that is no number may be that of a function URL: the API's own pattern.
func isAliasName(qualifier string) bool {
	return qualifier != "" && len(qualifier) <= 128 && strings.Trim(qualifier, letters+digits+"_-") == ""
}

// ParseTarget reads a function's name in any form that the Lambda API takes, with an alias in the name or in
// qualifier. What the text leaves out comes from region and account. It refuses what can have neither a URL nor, for
// $LATEST, a policy.
func ParseTarget(text, qualifier, region, account string) (lambda.ARN, error) {
	arn, err := lambda.ParseName(text, region, account)
	if err != nil {
		return lambda.ARN{}, err
	}
	if arn.Qualifier != "" && qualifier != "" && arn.Qualifier != qualifier {
		return lambda.ARN{}, fmt.Errorf("the name %s and the qualifier %s are about different aliases", text, qualifier)
	}
	if qualifier != "" {
		arn.Qualifier = qualifier
	}
	switch {
	case arn.Qualifier == "":
		return arn, nil
	case arn.Qualifier == lambda.Latest:
		return lambda.ARN{}, refuse("leave the qualifier out: the name alone means "+lambda.Latest,
			"%s has no policy of its own, and the function URL without a qualifier calls it", lambda.Latest)
	case isNumber(arn.Qualifier):
		return lambda.ARN{}, refuse(
			fmt.Sprintf("aws lambda create-alias --function-name %s --name NAME --function-version %s   # then use --qualifier NAME", arn.Name, arn.Qualifier),
			"version %s can have no function URL: a URL belongs to the function itself or to an alias", arn.Qualifier)
	case !isAliasName(arn.Qualifier):
		return lambda.ARN{}, fmt.Errorf("qualifier %q is not the name of an alias", arn.Qualifier)
	default:
		return arn, nil
	}
}
