package snippet

import (
	"strings"

	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/lambda"
)

// AddPermission is the AWS CLI's command that adds a permission. Without a region in the function's ARN it names none.
func AddPermission(function lambda.ARN, permission lambda.Permission) string {
	words := append(functionWords("add-permission", function), "--statement-id", permission.StatementID)
	for _, m := range members(permission) {
		switch option := delimited(m.name, "-"); {
		case m.kind != raw:
			words = append(words, "--"+option, m.value)
		case m.value == "true":
			words = append(words, "--"+option)
		default:
			words = append(words, "--no-"+option)
		}
	}
	return command(words...)
}

// RemovePermission is the AWS CLI's command that removes a permission.
func RemovePermission(function lambda.ARN, statementID string) string {
	return command(append(functionWords("remove-permission", function), "--statement-id", statementID)...)
}

// PutResourcePolicy is the AWS CLI's command that replaces the policy of a function or alias, or for "" deletes it: if it
// has the revision, unless that is "".
func PutResourcePolicy(function lambda.ARN, document, revision string) string {
	words := []string{"aws", "lambda", "put-resource-policy"}
	if document == "" {
		words[2] = "delete-resource-policy"
	}
	if function.Region != "" {
		words = append(words, "--region", function.Region)
	}
	words = append(words, "--resource-arn", function.String())
	if document != "" {
		words = append(words, "--policy", document)
	}
	if revision != "" {
		words = append(words, "--revision-id", revision)
	}
	return command(words...)
}

// InProfile is a command of the AWS CLI with the credentials of a profile, unless that is "".
func InProfile(command, profile string) string {
	if profile == "" {
		return command
	}
	return strings.Replace(command, "aws ", "aws --profile "+Quote(profile)+" ", 1)
}

// functionWords begin a command about a function.
func functionWords(operation string, function lambda.ARN) []string {
	words := []string{"aws", "lambda", operation}
	if function.Region != "" {
		words = append(words, "--region", function.Region)
	}
	words = append(words, "--function-name", function.Name)
	if function.Qualifier != "" {
		words = append(words, "--qualifier", function.Qualifier)
	}
	return words
}

// PutPolicy is the AWS CLI's command that sets an inline policy of a role or user.
func PutPolicy(owner iam.Owner, name, document string) string {
	return command(append(policyWords("put", owner, name), "--policy-document", document)...)
}

// DeletePolicy is the AWS CLI's command that deletes an inline policy of a role or user.
func DeletePolicy(owner iam.Owner, name string) string {
	return command(policyWords("delete", owner, name)...)
}

// CreatePolicy is the AWS CLI's command that makes a managed policy.
func CreatePolicy(name, document string) string {
	return command("aws", "iam", "create-policy", "--policy-name", name, "--policy-document", document)
}

// policyWords begin a command about an inline policy.
func policyWords(operation string, owner iam.Owner, name string) []string {
	kind := string(owner.Kind)
	return []string{"aws", "iam", operation + "-" + kind + "-policy", "--" + kind + "-name", owner.Name, "--policy-name", name}
}

// command writes words as a POSIX shell takes them.
func command(words ...string) string {
	for i, word := range words {
		words[i] = Quote(word)
	}
	return strings.Join(words, " ")
}

// Quote writes a word as a POSIX shell takes it.
func Quote(word string) string {
	special := func(r rune) bool { return !isAlphanumeric(r) && !strings.ContainsRune("-_./:=@,+%", r) }
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Words are the words of a command that consists of what Quote writes.
func Words(command string) (words []string) {
	var word strings.Builder
	inWord, quoted := false, false
	for i := 0; i < len(command); i++ {
		switch c := command[i]; {
		case c == '\'':
			inWord, quoted = true, !quoted
		case quoted:
			word.WriteByte(c)
		case c == ' ' && !inWord:
		case c == ' ':
			words = append(words, word.String())
			word.Reset()
			inWord = false
		case c == '\\' && i+1 < len(command):
			i++
			inWord = true
			word.WriteByte(command[i])
		default:
			inWord = true
			word.WriteByte(c)
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}
