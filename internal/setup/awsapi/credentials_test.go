package awsapi_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/furl-dev/furl/internal/awsconfig"
	"github.com/furl-dev/furl/internal/setup/awsapi"
)

// Keys of the form that AWS's have (IAM User Guide, "IAM identifiers" and "Manage access keys").
const (
	goodID     = "AKIAABCDEFGHIJKLMNOP"
	goodSecret = "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"
	goodToken  = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQ+/abc="
)

func TestFlaws(t *testing.T) {
	id := func(value string) aws.Credentials {
		return aws.Credentials{AccessKeyID: value, SecretAccessKey: goodSecret, SessionToken: goodToken}
	}
	secret := func(value string) aws.Credentials {
		return aws.Credentials{AccessKeyID: goodID, SecretAccessKey: value, SessionToken: goodToken}
	}
	token := func(value string) aws.Credentials {
		return aws.Credentials{AccessKeyID: goodID, SecretAccessKey: goodSecret, SessionToken: value}
	}
	tests := []struct {
		credentials aws.Credentials
		want        string
	}{
		{id(goodID), ""},
		{token(""), ""},
		{aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test", SessionToken: "test-token_1"}, ""}, // LocalStack, moto
		{aws.Credentials{AccessKeyID: "minioadmin", SecretAccessKey: "minioadmin"}, ""},
		{aws.Credentials{AccessKeyID: "AKIAI44QH8DHBEXAMPLE", SecretAccessKey: "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY"}, ""},

		{id(goodID + " "), "the access key id ends with white space (a space)"},
		{id(" " + goodID), "the access key id begins with white space (a space)"},
		{id(goodID + "\n"), "the access key id ends with white space (a newline)"},
		{id(goodID + "\r"), "the access key id ends with white space (a carriage return)"},
		{id("\t" + goodID), "the access key id begins with white space (a tab)"},
		{id("AKIAABCDEF GHIJKLMNOP"), "the access key id contains white space (a space)"},
		{id(`"` + goodID + `"`), "the access key id begins with a quotation mark"},
		{id(goodID + "'"), "the access key id ends with a quotation mark"},
		{id("“" + goodID + "”"), "the access key id begins with a quotation mark"},
		{id("\ufeff" + goodID), "the access key id begins with a byte order mark"},
		{id("\u00a0" + goodID), "the access key id begins with white space"},
		{id(goodID + "\u200b"), "the access key id ends with a character that cannot be seen"},
		{id("АKIAABCDEFGHIJKLMNOP"), "the access key id begins with a character that is not ASCII"}, // a Cyrillic A
		{id(goodID + ","), "the access key id ends with the character ','"},
		{id("AWS_ACCESS_KEY_ID=" + goodID), "the access key id begins with the name of the setting"},
		{id("export AWS_ACCESS_KEY_ID=" + goodID), "the access key id begins with the name of the setting"},
		{id("<your key>"), "white space"},
		{id("<access-key-id>"), "the access key id is a placeholder"},
		{id("$AWS_ACCESS_KEY_ID"), "the access key id is a placeholder"},
		{id("${{secrets.ID}}"), "the access key id is a placeholder"},

		{secret(goodSecret + "\n"), "the secret access key ends with white space (a newline)"},
		{secret(goodSecret + " "), "the secret access key ends with white space (a space)"},
		{secret("'" + goodSecret + "'"), "the secret access key begins with a quotation mark"},
		{secret(goodSecret + `\n`), "the secret access key ends with a newline that is written as a backslash and a letter"},
		{secret(strings.Replace(goodSecret, "a", "%2B", 1)), "the secret access key is percent-encoded"},

		{token(goodToken + "\n"), "the session token ends with white space (a newline)"},
		{token(goodToken[:20] + "\n" + goodToken[20:]), "the session token contains white space (a newline)"},
		{token(`"` + goodToken), "the session token begins with a quotation mark"},
		{token(strings.ReplaceAll(goodToken, "/", "%2F")), "the session token is percent-encoded"},
		{token(strings.ReplaceAll(goodToken, "+", " ")), "the session token contains white space (a space)"},
		{token(goodSecret), "the session token has the form of a key"},
		{token(goodID), "the session token has the form of a key"},

		{aws.Credentials{AccessKeyID: goodSecret, SecretAccessKey: goodID}, "are swapped"},
		{aws.Credentials{AccessKeyID: goodSecret, SecretAccessKey: "ASIAABCDEFGHIJKLMNOP", SessionToken: goodToken}, "are swapped"},
		{aws.Credentials{AccessKeyID: goodSecret + "\n", SecretAccessKey: goodID + " "}, "are swapped"},
		{aws.Credentials{AccessKeyID: goodID, SecretAccessKey: goodID}, "the secret access key has the form of an access key id"},
		{aws.Credentials{AccessKeyID: goodSecret, SecretAccessKey: goodSecret}, "the access key id has the form of a secret access key"},
	}
	for _, test := range tests {
		flaw := awsapi.FlawOf(test.credentials)
		if (flaw == "") != (test.want == "") || !strings.Contains(flaw, test.want) {
			t.Errorf("%q: %q, want %q", test.credentials.AccessKeyID, flaw, test.want)
		}
		for _, part := range []string{goodSecret, goodToken, goodID} {
			if strings.Contains(flaw, part) {
				t.Errorf("%q shows a key", flaw)
			}
		}
		test.credentials.Source = "EnvConfigCredentials"
		if flaw := awsapi.FlawOf(test.credentials); flaw != "" && !strings.HasSuffix(flaw, "(found by EnvConfigCredentials)") {
			t.Errorf("%q does not say where they are from", flaw)
		}
	}
}

// Keys that AWS cannot accept are not sent: its answer, and the logs on the way, would show part of them.
func TestFlawedKeysAreNotSent(t *testing.T) {
	client := awsapi.New(aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String("http://127.0.0.1:1"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: goodSecret, SecretAccessKey: goodID}, nil
		}),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	})
	_, err := client.Identity(t.Context())
	if awsapi.KindOf(err) != awsapi.BadCredentials || !strings.Contains(err.Error(), "swapped") {
		t.Errorf("got %v", err)
	}
}

func TestSuspicions(t *testing.T) {
	long := strings.Repeat("a", 300)
	for _, test := range []struct {
		id, secret, token, want string
	}{
		{goodID, goodSecret, "", ""},
		{"ASIAABCDEFGHIJKLMNOP", goodSecret, long, ""},
		{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", "the example of AWS's documentation"},
		{"AKIDEXAMPLE", goodSecret, "", "the example of AWS's documentation"},
		{"AIDAABCDEFGHIJKLMNOPQ", goodSecret, "", "AIDA… is the id of a user, role or group"},
		{"akiaabcdefghijklmnop", goodSecret, "", "small letters"},
		{"test", goodSecret, "", "the access key id has 4 characters"},
		{goodID + "Q", goodSecret, "", "the access key id has 21 characters"},
		{goodID, goodSecret[:39], "", "the secret access key has 39 characters"},
		{"ASIAABCDEFGHIJKLMNOP", goodSecret, "cut", "the session token has 3 characters"},
	} {
		got := strings.Join(awsapi.Suspicions(aws.Credentials{AccessKeyID: test.id, SecretAccessKey: test.secret, SessionToken: test.token}), "; ")
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", test.id, got, test.want)
		}
	}
	for id, want := range map[string]string{goodID: goodID, "test": "test", goodSecret: "wJal…"} {
		if got := awsapi.ShownID(id); got != want {
			t.Errorf("%q is shown as %q", id, got)
		}
	}
}

// What the SDK cannot read in a shared file is named.
func TestSharedFiles(t *testing.T) {
	const good = "[default]\naws_access_key_id = " + goodID + "\naws_secret_access_key = " + goodSecret + "\n"
	for name, test := range map[string]struct{ text, want string }{
		"byte order mark": {"\ufeff" + good, "begins with a byte order mark"},
		"UTF-16":          {"\xff\xfe[\x00", "is in UTF-16"},
		"line ends":       {strings.ReplaceAll(good, "\n", "\r"), "carriage returns alone"},
		"shell":           {"[default]\nexport AWS_ACCESS_KEY_ID=" + goodID + "\n", "lines of a shell"},
		"nothing":         {"# nothing\n", "no AWS credentials could be found: "},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "credentials")
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			for variable, value := range map[string]string{
				"AWS_SHARED_CREDENTIALS_FILE": file, "AWS_CONFIG_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
				"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "",
			} {
				t.Setenv(variable, value)
			}
			client, err := awsapi.Open(t.Context(), awsconfig.Options{Region: "eu-central-1"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = client.Credentials(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v does not say %q", err, test.want)
			}
		})
	}
}
