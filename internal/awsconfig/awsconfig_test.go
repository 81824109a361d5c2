package awsconfig_test

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl"
	"github.com/furl-dev/furl/internal/awsconfig"
)

// cloud answers as STS, IAM Identity Center and a container's credential endpoint do, with keys that say who gave them.
type cloud struct {
	*httptest.Server
	forms []url.Values // that STS received
}

func newCloud(t *testing.T) *cloud {
	c := &cloud{}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	expires := time.Now().Add(time.Hour).UTC()
	switch r.URL.Path {
	case "/container":
		if r.Header.Get("Authorization") != "container-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"AccessKeyId":"CONTAINER","SecretAccessKey":"s","Token":"t","Expiration":%q}`,
			expires.Format(time.RFC3339))
	case "/federation/credentials":
		if r.Header.Get("X-Amz-Sso_bearer_token") != "sso-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, `{"roleCredentials":{"accessKeyId":"SSO-%s","secretAccessKey":"s","sessionToken":"t","expiration":%d}}`,
			r.URL.Query().Get("role_name"), expires.UnixMilli())
	default:
		if err := r.ParseForm(); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.forms = append(c.forms, r.PostForm)
		action := r.PostForm.Get("Action")
		role := r.PostForm.Get("RoleArn")
		w.Header().Set("Content-Type", "text/xml")
		if action == "GetCallerIdentity" {
			io.WriteString(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/alice</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`)
			return
		}
		fmt.Fprintf(w, `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult><Credentials><AccessKeyId>%[2]s-%[3]s</AccessKeyId>`+
			`<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%[4]s</Expiration></Credentials>`+
			`<AssumedRoleUser><Arn>a</Arn><AssumedRoleId>i</AssumedRoleId></AssumedRoleUser></%[1]sResult></%[1]sResponse>`,
			action, action, role[strings.LastIndexByte(role, '/')+1:], expires.Format(time.RFC3339))
	}
}

const files = `
[default]
aws_access_key_id = DEFAULT
aws_secret_access_key = s
region = eu-west-1

[profile process]
credential_process = echo '{"Version":1,"AccessKeyId":"PROCESS","SecretAccessKey":"s"}'

[profile role]
role_arn = arn:aws:iam::123456789012:role/reader
source_profile = default
region = eu-west-2

[profile mfa]
role_arn = arn:aws:iam::123456789012:role/writer
source_profile = default
mfa_serial = arn:aws:iam::123456789012:mfa/alice

[profile sso]
sso_session = company
sso_account_id = 123456789012
sso_role_name = Developer

[sso-session company]
sso_region = eu-central-1
sso_start_url = https://company.awsapps.com/start
`

func TestCredentials(t *testing.T) {
	server := newCloud(t)
	home := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := write("config", files)
	identity := write("identity", "jwt")
	session := sha1.Sum([]byte("company"))
	write(".aws/sso/cache/"+hex.EncodeToString(session[:])+".json",
		`{"accessToken":"sso-token","expiresAt":"`+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+
			`","region":"eu-central-1","startUrl":"https://company.awsapps.com/start"}`)
	asked := 0
	code := func() (string, error) {
		asked++
		return "123456", nil
	}

	for _, test := range []struct {
		name    string
		env     map[string]string
		options awsconfig.Options
		key     string
		region  string
		err     string
	}{
		{name: "environment", env: map[string]string{"AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s",
			"AWS_REGION": "ap-south-1"}, key: "ENV", region: "ap-south-1"},
		{name: "default profile", key: "DEFAULT", region: "eu-west-1"},
		{name: "region option", options: awsconfig.Options{Region: "us-west-2", DefaultRegion: "sa-east-1"}, key: "DEFAULT",
			region: "us-west-2"},
		{name: "default region", options: awsconfig.Options{Profile: "process", DefaultRegion: "sa-east-1"}, key: "PROCESS",
			region: "sa-east-1"},
		{name: "AWS_PROFILE", env: map[string]string{"AWS_PROFILE": "process"}, key: "PROCESS"},
		{name: "profile before environment", env: map[string]string{"AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s"},
			options: awsconfig.Options{Profile: "process"}, key: "PROCESS"},
		{name: "role of a profile", options: awsconfig.Options{Profile: "role"}, key: "AssumeRole-reader",
			region: "eu-west-2"},
		{name: "role with an endpoint for STS", env: map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1",
			"AWS_ENDPOINT_URL_STS": server.URL}, options: awsconfig.Options{Profile: "role"}, key: "AssumeRole-reader",
			region: "eu-west-2"},
		{name: "role with an endpoint by option", env: map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
			options: awsconfig.Options{Profile: "role", EndpointURL: server.URL}, key: "AssumeRole-reader", region: "eu-west-2"},
		{name: "role with an endpoint by option, although one is set for STS",
			env:     map[string]string{"AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"},
			options: awsconfig.Options{Profile: "role", EndpointURL: server.URL}, key: "AssumeRole-reader", region: "eu-west-2"},
		{name: "role with an endpoint by option, although configured ones are ignored",
			env:     map[string]string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
			options: awsconfig.Options{Profile: "role", EndpointURL: server.URL}, key: "AssumeRole-reader", region: "eu-west-2"},
		{name: "role by option", options: awsconfig.Options{RoleARN: "arn:aws:iam::123456789012:role/x/deployer"},
			key: "AssumeRole-deployer", region: "eu-west-1"},
		{name: "MFA", options: awsconfig.Options{Profile: "mfa", DefaultRegion: "eu-west-1", MFACode: code},
			key: "AssumeRole-writer", region: "eu-west-1"},
		{name: "MFA without anyone to ask", options: awsconfig.Options{Profile: "mfa", DefaultRegion: "eu-west-1"},
			err: "MFA"},
		{name: "web identity", env: map[string]string{
			"AWS_WEB_IDENTITY_TOKEN_FILE": identity, "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/pod",
			"AWS_CONFIG_FILE": os.DevNull, "AWS_REGION": "eu-west-1",
		}, key: "AssumeRoleWithWebIdentity-pod", region: "eu-west-1"},
		{name: "container", env: map[string]string{
			"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL + "/container",
			"AWS_CONTAINER_AUTHORIZATION_TOKEN":  "container-token", "AWS_CONFIG_FILE": os.DevNull,
		}, key: "CONTAINER"},
		{name: "SSO", env: map[string]string{"AWS_ENDPOINT_URL_SSO": server.URL}, options: awsconfig.Options{Profile: "sso"},
			key: "SSO-Developer"},
		{name: "none", env: map[string]string{"AWS_CONFIG_FILE": os.DevNull}, err: "no EC2 IMDS role found"},
		{name: "no such profile", options: awsconfig.Options{Profile: "nobody"}, err: "nobody"},
		{name: "endpoint that is none", options: awsconfig.Options{EndpointURL: "nonsense"}, err: "is not an address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, entry := range os.Environ() {
				if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
					t.Setenv(name, "")
					os.Unsetenv(name) // Setenv has it put back
				}
			}
			for name, value := range map[string]string{
				"HOME": home, "USERPROFILE": home, "AWS_CONFIG_FILE": config, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
				"AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": server.URL,
			} {
				t.Setenv(name, value)
			}
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			cfg, err := awsconfig.Load(t.Context(), test.options)
			key := ""
			if err == nil {
				c, retrieveErr := cfg.Credentials.Retrieve(t.Context())
				key, err = c.AccessKeyID, retrieveErr
			}
			switch {
			case test.err == "" && err != nil:
				t.Fatal(err)
			case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Fatalf("error %v does not say %q", err, test.err)
			}
			if key != test.key || cfg.Region != test.region && test.err == "" {
				t.Errorf("key %q in %q, want %q in %q", key, cfg.Region, test.key, test.region)
			}
		})
	}
	if asked != 1 {
		t.Errorf("asked %d times for an MFA code, want once", asked)
	}
	coded := false
	for _, form := range server.forms {
		coded = coded || form.Get("TokenCode") == "123456"
	}
	if !coded {
		t.Error("the MFA code did not reach STS")
	}
}

func TestFromEnvironment(t *testing.T) {
	env := map[string]string{"AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t",
		"AWS_DEFAULT_REGION": "eu-west-3"}
	cfg, ok := awsconfig.FromEnvironment(func(name string) string { return env[name] })
	c, err := cfg.Credentials.Retrieve(t.Context())
	if !ok || err != nil || c.AccessKeyID != "ENV" || c.SessionToken != "t" || cfg.Region != "eu-west-3" {
		t.Errorf("%t, %s in %s, %v", ok, c.AccessKeyID, cfg.Region, err)
	}
	delete(env, "AWS_SECRET_ACCESS_KEY")
	if _, ok := awsconfig.FromEnvironment(func(name string) string { return env[name] }); ok {
		t.Error("credentials without a secret")
	}
}

func TestQuestions(t *testing.T) {
	server := newCloud(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "ENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	address := strings.Replace(server.URL, "127.0.0.1", "aws.localhost", 1)
	cfg, err := awsconfig.Load(t.Context(), awsconfig.Options{EndpointURL: address, Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	if arn, err := awsconfig.CallerARN(t.Context(), cfg); err != nil || arn != "arn:aws:iam::123456789012:user/alice" {
		t.Errorf("caller %q, %v", arn, err)
	}
	server.Close()
	cfg.RetryMaxAttempts = 1
	if _, err := awsconfig.CallerARN(t.Context(), cfg); !awsconfig.IsConnect(err) || awsconfig.IsDenied(err) {
		t.Errorf("error %v, want one of connecting", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	if cfg, err = awsconfig.Load(t.Context(), awsconfig.Options{Region: "eu-west-1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := awsconfig.FunctionURL(t.Context(), cfg, "f", ""); !errors.Is(err, furl.ErrCredentials) {
		t.Errorf("error %v, want one of credentials", err)
	}
	cfg.Region = ""
	if _, err := awsconfig.FunctionURL(t.Context(), cfg, "f", ""); err == nil || !strings.Contains(err.Error(), "region") {
		t.Errorf("error %v does not name the region", err)
	}
}
