package cli_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/furl-dev/furl/internal/urltest"
)

// asked is a request that a server got: who signed it and for which region, and the request itself.
type asked struct{ by, region, target string }

// refusing is an endpoint that notes who asks it, and refuses everything.
type refusing struct {
	*httptest.Server
	mu   sync.Mutex
	asks []asked
}

var credential = regexp.MustCompile(`Credential=([^/]*)/[^/]*/([^/]*)/([^/]*)/`)

func refuse(t *testing.T) *refusing {
	s := &refusing{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		ask := asked{target: r.RequestURI}
		if m := credential.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
			ask.by, ask.region = m[1], m[2]
			if m[3] == "iam" {
				ask.region = "" // IAM has one region
			}
		}
		s.asks = append(s.asks, ask)
		http.Error(w, "no", http.StatusBadRequest)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *refusing) take() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.asks
	s.asks = nil
	return taken
}

// setAll sets NAME=VALUE variables, none of which has a space in it.
func setAll(t *testing.T, variables string) {
	for variable := range strings.FieldsSeq(variables) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
}

// write writes files into a directory and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// An explicit flag wins over the environment, and the environment over a file: for each command that calls the APIs.
func TestFlagsThenEnvironmentThenFile(t *testing.T) {
	environment(t)
	byFlag, byEnvironment, byFile := refuse(t), refuse(t), refuse(t)
	const profile = "aws_access_key_id = PROFILE\naws_secret_access_key = s\nregion = eu-west-3\nendpoint_url = "
	files := write(t, map[string]string{"config": "[profile other]\n" + profile + byFile.URL + "\n"})
	everywhere := "AWS_REGION=us-west-2 AWS_DEFAULT_REGION=us-west-1 AWS_ACCESS_KEY_ID=ENVIRONMENT" +
		" AWS_SECRET_ACCESS_KEY=s AWS_ENDPOINT_URL=" + byEnvironment.URL
	perService := " AWS_ENDPOINT_URL_LAMBDA=" + byEnvironment.URL + " AWS_ENDPOINT_URL_STS=" + byEnvironment.URL +
		" AWS_ENDPOINT_URL_IAM=" + byEnvironment.URL
	const nowhere = "AWS_REGION= AWS_DEFAULT_REGION= AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY= AWS_SESSION_TOKEN= "
	for _, command := range []string{
		"url get web", "url list", "url list web", "url create web", "url update web --auth NONE", "url delete web",
		"grant web --to user/alice", "revoke web --from user/alice", "check web", "check --all",
		"call web", "sign web", "proxy web",
	} {
		for _, test := range []struct {
			name        string
			flags       string
			environment string
			to          *refusing
			by, region  string
		}{
			{
				"flags", "--endpoint-url " + byFlag.URL + " --region eu-west-1 --profile other",
				everywhere + perService + " AWS_PROFILE=nobody", byFlag, "PROFILE", "eu-west-1",
			},
			{
				"flags, with configured endpoints ignored", "--endpoint-url " + byFlag.URL,
				everywhere + " AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true", byFlag, "ENVIRONMENT", "us-west-2",
			},
			{"environment", "", everywhere + " AWS_PROFILE=other", byEnvironment, "ENVIRONMENT", "us-west-2"},
			{"profile as a flag", "--profile other", everywhere, byEnvironment, "PROFILE", "us-west-2"},
			{"file", "--profile other", nowhere, byFile, "PROFILE", "eu-west-3"},
			{"file of the environment", "", nowhere + "AWS_PROFILE=other", byFile, "PROFILE", "eu-west-3"},
		} {
			t.Run(command+"/"+test.name, func(t *testing.T) {
				for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"} {
					os.Unsetenv(name) // environment has it put back: the SDK takes an empty one for an endpoint
				}
				setAll(t, test.environment)
				t.Setenv("AWS_CONFIG_FILE", filepath.Join(files, "config"))
				code, _, stderr := run(t, nil, strings.Fields(command+" "+test.flags)...)
				if code == 0 || code == 2 {
					t.Errorf("exit status %d: %s", code, stderr)
				}
				asks := test.to.take()
				if len(asks) == 0 {
					t.Errorf("the endpoint was not asked: %s", stderr)
				}
				for _, ask := range asks {
					if ask.by != test.by || ask.region != test.region && ask.region != "" {
						t.Errorf("asked by %s in %s, want %s in %s", ask.by, ask.region, test.by, test.region)
					}
				}
				for _, other := range []*refusing{byFlag, byEnvironment, byFile} {
					if others := other.take(); len(others) > 0 {
						t.Errorf("another endpoint was asked: %v", others)
					}
				}
			})
		}
	}
}

// The same for the commands that ask a local server: --data wins over every address in the environment, and says so
// where no server runs.
func TestDataWinsOverTheEnvironment(t *testing.T) {
	environment(t)
	home, away := refuse(t), refuse(t)
	running := write(t, map[string]string{
		"page-token":  strings.Repeat("0123456789abcdef", 4) + "\n",
		"server.json": `{"endpoint":"` + home.URL + `","region":"eu-west-1","account":"123456789012"}`,
		"root-credentials.json": `{"accounts":{"123456789012":{"accessKeyId":"ROOT","secretAccessKey":"s"},` +
			`"210987654321":{"accessKeyId":"OTHERROOT","secretAccessKey":"s"}}}`,
	})
	empty := t.TempDir()
	for _, command := range []string{"explain --last", "logs web", "env"} {
		for _, test := range []struct {
			name        string
			flags       string
			environment string
			to          *refusing // nil: no server
		}{
			{"flag", "--data " + running, "FURL_DATA=" + empty + " AWS_ENDPOINT_URL=" + away.URL, home},
			{"environment", "", "FURL_DATA=" + running, home},
			{"flag without a server", "--data " + empty, "FURL_DATA=" + running + " AWS_ENDPOINT_URL=" + away.URL, nil},
			{"flag without a directory", "--data " + empty + "/no", "AWS_ENDPOINT_URL=" + away.URL, nil},
		} {
			t.Run(command+"/"+test.name, func(t *testing.T) {
				setAll(t, test.environment)
				code, stdout, stderr := run(t, nil, strings.Fields(command+" "+test.flags)...)
				if test.to == nil {
					directory := strings.TrimPrefix(test.flags, "--data ")
					if code != 1 || !strings.Contains(stderr, "no server is running on the data directory "+directory+"\n") {
						t.Errorf("exit status %d: %s", code, stderr)
					}
					if !strings.Contains(stderr, "furl: hint: furl serve --data "+directory+"\n") {
						t.Errorf("no hint: %s", stderr)
					}
				}
				if command == "env" {
					if strings.Contains(stdout, "'"+home.URL+"'") != (test.to == home) {
						t.Errorf("printed %q", stdout)
					}
				} else if got := len(home.take()); (got == 1) != (test.to == home) {
					t.Errorf("the server of the directory got %d requests", got)
				}
				if got := away.take(); len(got) > 0 {
					t.Errorf("the server of the environment got %v", got)
				}
			})
		}
	}
}

// The region and account of a function of the local server.
func TestLogsOfARegion(t *testing.T) {
	environment(t)
	server := refuse(t)
	const arn = "arn:aws:lambda:eu-west-3:123456789012:function:web"
	for _, test := range []struct{ args, environment, want string }{
		{"web --region eu-west-1", "AWS_REGION=us-west-2", "region=eu-west-1"},
		{"web", "AWS_REGION=us-west-2 AWS_DEFAULT_REGION=us-west-1", "region=us-west-2"},
		{"web", "AWS_REGION= AWS_DEFAULT_REGION=us-west-1", "region=us-west-1"},
		{arn, "AWS_REGION=us-west-2", "region=eu-west-3"},
		{arn + " --region eu-west-3", "AWS_REGION=us-west-2", "region=eu-west-3"},
		{"web --account 210987654321", "AWS_REGION=us-west-2", "account=210987654321"},
	} {
		setAll(t, test.environment)
		_, _, stderr := run(t, nil, strings.Fields("logs --endpoint-url "+server.URL+" "+test.args)...)
		if asks := server.take(); len(asks) != 1 || !strings.Contains(asks[0].target+"&", test.want+"&") {
			t.Errorf("%s with %s: asked %v, want %s: %s", test.args, test.environment, asks, test.want, stderr)
		}
	}
	code, _, stderr := run(t, nil, "logs", arn, "--region", "eu-west-1", "--endpoint-url", server.URL)
	if code != 2 || !strings.Contains(stderr, "in region eu-west-3, not in eu-west-1\nfurl: hint: leave --region out\n") {
		t.Errorf("exit status %d: %s", code, stderr)
	}
}

// A flag whose value is empty, as in --region "$UNSET", does not leave the choice to the environment or to the default:
// check --as "$UNSET" would say of another caller that it may call. curl takes an empty -A and -w.
func TestEmptyFlags(t *testing.T) {
	environment(t)
	server := refuse(t)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	for command, flags := range map[string]string{
		"url get web":               "profile region endpoint-url",
		"url list":                  "profile region endpoint-url",
		"grant web --to user/alice": "profile region endpoint-url qualifier via print caller-profile",
		"revoke web --from alice":   "qualifier via print",
		"url create web":            "qualifier auth invoke-mode",
		"check web":                 "profile region endpoint-url as qualifier path method caller-profile",
		"check --all":               "callers",
		"call web":                  "profile region endpoint-url role-arn cacert sign-host service request output",
		"sign web":                  "profile region endpoint-url role-arn as sign-host",
		"proxy web":                 "profile region endpoint-url role-arn cacert",
		"explain --last":            "data profile endpoint-url fix",
		"logs web":                  "data profile endpoint-url region account",
		"env":                       "data account shell",
	} {
		for flag := range strings.FieldsSeq(flags) {
			code, stdout, stderr := run(t, nil, append(strings.Fields(command), "--"+flag, "")...)
			if code != 2 || (stdout != "") != (command == "env") || // env prints a statement that fails
				!strings.Contains(stderr, "furl: error: --"+flag+" is empty: ") {
				t.Errorf("%s --%s '': exit status %d: %s%s", command, flag, code, stdout, stderr)
			}
		}
	}
	if asks := server.take(); len(asks) > 0 {
		t.Errorf("asked %v", asks)
	}
}

// The root key in the environment is that of a server which was given this key, and of no other.
func TestEnvPrintsTheKeyOfTheServer(t *testing.T) {
	const root = `{"accounts":{"123456789012":{"accessKeyId":"ROOT","secretAccessKey":"of the directory"}}}`
	const running = `{"endpoint":"http://127.0.0.1:1","region":"eu-west-1","account":"123456789012"`
	generated := write(t, map[string]string{"server.json": running + "}", "root-credentials.json": root})
	given := write(t, map[string]string{
		"server.json": running + `,"rootAccessKeyId":"GIVEN"}`, "root-credentials.json": root,
	})
	for _, test := range []struct {
		name, data, key string
		code            int
		says            string
	}{
		{"none in the environment", generated, "", 0, "export AWS_ACCESS_KEY_ID='ROOT'\n"},
		{"another server's in the environment", generated, "GIVEN", 0, "export AWS_SECRET_ACCESS_KEY='of the directory'\n"},
		{"its own in the environment", given, "GIVEN", 0, "export AWS_SECRET_ACCESS_KEY='of the environment'\n"},
		{"another in the environment", given, "OTHER", 1, "root key GIVEN of account 123456789012 is not in " + given},
		{"its own is missing", given, "", 1, "furl: hint: set FURL_ROOT_ACCESS_KEY_ID and FURL_ROOT_SECRET_ACCESS_KEY"},
	} {
		t.Run(test.name, func(t *testing.T) {
			environment(t)
			t.Setenv("FURL_ROOT_ACCESS_KEY_ID", test.key)
			t.Setenv("FURL_ROOT_SECRET_ACCESS_KEY", "of the environment")
			code, stdout, stderr := run(t, nil, "env", "--data", test.data)
			if code != test.code || !strings.Contains(stdout+stderr, test.says) {
				t.Errorf("exit status %d: %s%s; want %d and %q", code, stdout, stderr, test.code, test.says)
			}
		})
	}
}

// Flags about certificates win over a bundle in the environment that is not there.
func TestCertificatesOfTheEnvironment(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	t.Setenv("AWS_CA_BUNDLE", filepath.Join(t.TempDir(), "none"))
	if code, _, stderr := run(t, nil, "call", server.URL); code != 0 {
		t.Errorf("without TLS: exit status %d: %s", code, stderr)
	}
	const closed = "https://127.0.0.1:1" // past the certificates, the connection fails
	for _, test := range []struct {
		flags string
		code  int
	}{{"", 2}, {"--insecure", 5}, {"--cacert none", 2}} {
		args := append([]string{"call", closed, "--region", "eu-central-1"}, strings.Fields(test.flags)...)
		if code, _, stderr := run(t, nil, args...); code != test.code {
			t.Errorf("%q: exit status %d, want %d: %s", test.flags, code, test.code, stderr)
		}
	}
}
