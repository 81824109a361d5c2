package awsapi

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// credentials tells a missing key from all else that can go wrong with a call, and keeps a key back that AWS cannot
// accept: the service would answer with a text that shows part of it.
type credentials struct{ from aws.CredentialsProvider }

func (c credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if c.from == nil {
		return aws.Credentials{}, &Error{Kind: NoCredentials, Message: "no AWS credentials are configured"}
	}
	found, err := c.from.Retrieve(ctx)
	if err != nil {
		message := "no AWS credentials could be found"
		if flaw := sharedFileFlaw(); flaw != "" {
			message += " (" + flaw + ")"
		}
		return aws.Credentials{}, &Error{Kind: NoCredentials, Message: message, Err: err}
	}
	if flaw := FlawOf(found); flaw != "" {
		return aws.Credentials{}, &Error{Kind: BadCredentials, Message: flaw}
	}
	return found, nil
}

// sharedFileFlaw says why the SDK finds nothing in the shared files, which it reads line by line; "" if it does not
// show.
func sharedFileFlaw() string {
	home, _ := os.UserHomeDir() // without one the paths lead nowhere
	for _, path := range []string{
		cmp.Or(os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), filepath.Join(home, ".aws", "credentials")),
		cmp.Or(os.Getenv("AWS_CONFIG_FILE"), filepath.Join(home, ".aws", "config")),
	} {
		text, err := os.ReadFile(path) //nolint:gosec // the file that the SDK reads
		switch {
		case err != nil:
		case bytes.HasPrefix(text, []byte("\ufeff")):
			return path + " begins with a byte order mark: save it as UTF-8 without one"
		case bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff}):
			return path + " is in UTF-16: save it as UTF-8"
		case bytes.ContainsRune(text, '\r') && !bytes.ContainsRune(text, '\n'):
			return path + " ends its lines with carriage returns alone: save it with newlines"
		case shellLine().Match(text):
			return path + " has lines of a shell, such as export NAME=VALUE: write NAME = VALUE below [PROFILE]"
		}
	}
	return ""
}

var shellLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?im)^\s*(?:export|set)\s+aws_\w+\s*=`)
})

// FlawOf says what is certainly wrong with credentials, for a service that has never seen them: "" if nothing is. It
// names the part and never shows it.
func FlawOf(c aws.Credentials) string {
	id, secret := strings.TrimSpace(c.AccessKeyID), strings.TrimSpace(c.SecretAccessKey)
	token := strings.TrimSpace(c.SessionToken)
	found := ""
	if c.Source != "" {
		found = " (found by " + c.Source + ")"
	}
	switch {
	case isKeyID(secret) && !isKeyID(id):
		return "the access key id and the secret access key are swapped: the secret has the form of an id" + found
	case isKeyID(secret):
		return "the secret access key has the form of an access key id" + found
	case isSecret(id):
		return "the access key id has the form of a secret access key" + found
	case isKeyID(token) || token != "" && (token == secret || token == id):
		return "the session token has the form of a key, not of a token" + found
	}
	for _, part := range []struct{ name, value string }{
		{"access key id", c.AccessKeyID}, {"secret access key", c.SecretAccessKey}, {"session token", c.SessionToken},
	} {
		if flaw := flawIn(part.value); flaw != "" {
			return "the " + part.name + " " + flaw + found
		}
	}
	return ""
}

var keyID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^A[KS]IA[A-Z0-9]{12,}$`) })

// isKeyID reports whether a text is an access key id of AWS (IAM User Guide, "IAM identifiers").
func isKeyID(text string) bool { return keyID().MatchString(text) }

var secretKey = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9/+]{40}$`) })

// isSecret reports whether a text has the form of AWS's secret access keys, and none that an id can have.
func isSecret(text string) bool {
	return secretKey().MatchString(text) && strings.ToUpper(text) != text && strings.ToLower(text) != text
}

var (
	assignment = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)^(export |set |\$env:)?\s*(aws_)?` +
			`(access_key_id|secret_access_key|session_token|security_token)\s*[=:]`)
	})
	percentCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`%[0-9A-Fa-f]{2}`) })
)

// flawIn says what of a key cannot be: what shells, editors, spreadsheets and JSON leave around a value that was copied
// out of them. Keys of AWS consist of the characters of base64.
func flawIn(value string) string {
	first, _ := utf8.DecodeRuneInString(value)
	last, _ := utf8.DecodeLastRuneInString(value)
	strange := strings.IndexFunc(value, func(r rune) bool { return alien(r) != "" })
	switch {
	case value == "":
		return ""
	case alien(first) != "":
		return "begins with " + alien(first)
	case alien(last) != "":
		return "ends with " + alien(last)
	case last == ',' || last == ';':
		return fmt.Sprintf("ends with the character %q", last)
	case assignment().MatchString(value):
		return "begins with the name of the setting, which belongs before it"
	case strings.HasSuffix(value, `\n`) || strings.HasSuffix(value, `\r`):
		return "ends with a newline that is written as a backslash and a letter"
	case strange >= 0:
		r, _ := utf8.DecodeRuneInString(value[strange:])
		return "contains " + alien(r)
	case first == '<' && last == '>' || first == '$' || strings.HasPrefix(value, "{{"):
		return "is a placeholder that nothing was put in place of"
	case percentCode().MatchString(value):
		return "is percent-encoded"
	default:
		return ""
	}
}

// alien names a character that no key has; "" for one that a key may have.
func alien(r rune) string {
	switch {
	case r == ' ':
		return "white space (a space)"
	case r == '\t':
		return "white space (a tab)"
	case r == '\n':
		return "white space (a newline)"
	case r == '\r':
		return "white space (a carriage return)"
	case strings.ContainsRune("\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb", r):
		return "a quotation mark"
	case r == '\ufeff':
		return "a byte order mark, which cannot be seen"
	case unicode.IsSpace(r):
		return "white space"
	case unicode.In(r, unicode.Cf, unicode.Cc):
		return "a character that cannot be seen"
	case r > unicode.MaxASCII:
		return "a character that is not ASCII"
	default:
		return ""
	}
}

// Suspicions say what may be wrong with credentials that a service has refused. An endpoint that stands in for AWS may
// accept all of it.
func Suspicions(c aws.Credentials) (suspicions []string) {
	add := func(format string, arguments ...any) {
		suspicions = append(suspicions, fmt.Sprintf(format, arguments...))
	}
	id := c.AccessKeyID
	switch {
	case strings.Contains(id, "EXAMPLE") || strings.Contains(c.SecretAccessKey, "EXAMPLEKEY"):
		add("the key is the example of AWS's documentation, not one of yours")
	case strings.HasPrefix(id, "AIDA") || strings.HasPrefix(id, "AROA") || strings.HasPrefix(id, "AGPA"):
		add("%s is the id of a user, role or group; the ids of access keys begin with AKIA or ASIA", id[:4]+"…")
	case isKeyID(strings.ToUpper(id)) && !isKeyID(id):
		add("the access key id has small letters; AWS's have none")
	case !isKeyID(id):
		add("the access key id has %d characters and not the form of AWS's, which have 20 and begin with AKIA or ASIA",
			len(id))
	case len(id) != 20:
		add("the access key id has %d characters; AWS's have 20", len(id))
	}
	if n := len(c.SecretAccessKey); n != 40 {
		add("the secret access key has %d characters; AWS's have 40", n)
	}
	if n := len(c.SessionToken); n > 0 && n < 100 {
		add("the session token has %d characters; AWS's have several hundred", n)
	}
	return suspicions
}

// ShownID is an access key id as a message may show it: whole if it has the form of one.
func ShownID(id string) string {
	if isKeyID(id) || len(id) <= 20 {
		return id
	}
	return id[:4] + "…"
}
