package cli_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/urltest"
)

// A function whose URL has the auth type NONE is called unsigned, by its name, unless the person wants a signature.
func TestCallSignsByTheAuthType(t *testing.T) {
	environment(t)
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	defer server.Close()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth := "AWS_IAM"
		if strings.Contains(r.URL.Path, "open") {
			auth = "NONE"
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]string{"FunctionUrl": server.URL + "/", "AuthType": auth})
	}))
	defer api.Close()
	t.Setenv("AWS_ENDPOINT_URL", api.URL)
	for _, test := range []struct {
		args   []string
		signed []bool
	}{
		{[]string{"open"}, []bool{false}},
		{[]string{"open:live/path"}, []bool{false}},
		{[]string{"closed"}, []bool{true}},
		{[]string{"open", "--no-sign=false"}, []bool{true}},
		{[]string{"closed", "--no-sign"}, []bool{false}},
		{[]string{"closed", "--oauth2-bearer", "t"}, []bool{false}},
		{[]string{"closed", "-u", "a:b"}, []bool{false}},
		{[]string{"closed", "-u", "AKIDEXAMPLE:b", "--aws-sigv4", "aws:amz"}, []bool{true}},
		{[]string{"closed", "-H", "Authorization: x"}, []bool{false}},
		{[]string{"closed", "-H", "authorization;"}, []bool{false}},
	} {
		code, _, stderr := run(t, nil, append([]string{"call"}, test.args...)...)
		if signed := strings.HasPrefix(got.Get("Authorization"), "AWS4-"); code != 0 || signed != test.signed[0] {
			t.Errorf("%q: exit status %d, signed %t: %s", test.args, code, signed, stderr)
		}
		if signed := got.Get("X-Amz-Date") != ""; signed != test.signed[0] {
			t.Errorf("%q: X-Amz-Date %t", test.args, signed)
		}
	}
	// The commands that are about signatures sign.
	if code, stdout, stderr := run(t, nil, "sign", "open", "--as", "headers"); code != 0 || !strings.Contains(stdout, "Authorization: AWS4-") {
		t.Errorf("exit status %d, printed %q: %s", code, stdout, stderr)
	}
}

// A URL alone needs no credentials, no region and no configuration where nothing is signed.
func TestCallUnsignedNeedsNoCredentials(t *testing.T) {
	environment(t)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_PROFILE", "none-such")
	server := newEcho(t)
	for _, target := range []string{"/x", "/a|b", "//a{b}", "//x"} {
		server.take()
		code, _, stderr := run(t, nil, "call", "--no-sign", "http://"+server.plain+target)
		arrived := server.take()
		if code != 0 || stderr != "" || len(arrived) != 1 || !strings.HasPrefix(arrived[0], "GET "+target+"\n") {
			t.Errorf("%s: exit status %d: %s\n%q", target, code, stderr, arrived)
		}
	}
	if code, _, _ := run(t, nil, "call", "--no-sign", "http://"+server.plain+"/403", "--repeat", "3"); code != 0 {
		t.Errorf("--repeat: exit status %d", code)
	}
}

func TestCallTakesTheHintOfSigV4(t *testing.T) {
	environment(t)
	server := urltest.Start(t, nil)
	t.Setenv("AWS_REGION", "us-east-1")
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		t.Setenv(name, "")
	}
	keys := []string{"-u", urltest.AccessKeyID + ":" + urltest.Secret, "-H", "x-amz-security-token: " + urltest.Token}
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--aws-sigv4", "aws:amz:eu-central-1:lambda"}, 0, ""},
		{[]string{"--aws-sigv4", "aws:amz:eu-central-1"}, 0, ""},
		{[]string{"--aws-sigv4", "AWS:AMZ::lambda"}, 0, ""},
		{[]string{"--aws-sigv4", ""}, 0, ""},
		{[]string{"--aws-sigv4", "aws:amz:eu-central-1:s3"}, 4, "correct service"},
		{[]string{"--aws-sigv4", "aws:amz:eu-west-1:lambda"}, 4, "valid region"},
		{[]string{"--aws-sigv4", "aws:amz:eu-central-1:lambda", "--region", "eu-west-1"}, 2, "contradict"},
		{[]string{"--aws-sigv4", "goog:storage"}, 2, "is not for AWS"},
	} {
		code, _, stderr := run(t, nil, append(append([]string{"call", server.URL + "/x"}, keys...), test.args...)...)
		if code != test.code || !strings.Contains(stderr, test.says) {
			t.Errorf("%q: exit status %d: %s", test.args, code, stderr)
		}
	}
	code, stdout, stderr := run(t, nil, append([]string{"sign", server.URL, "--as", "headers", "--aws-sigv4", "aws:amz:eu-central-1"}, keys...)...)
	if code != 0 || !strings.Contains(stdout, "Credential="+urltest.AccessKeyID) {
		t.Errorf("exit status %d, printed %q: %s", code, stdout, stderr)
	}
}

// A proxy of the environment gets no signed request over http, since it would see the session token, and none to this
// machine. One of the command line does.
func TestCallProxyOfTheEnvironment(t *testing.T) {
	environment(t)
	server := newEcho(t)
	for _, name := range []string{"http_proxy", "all_proxy"} {
		t.Setenv("http_proxy", "")
		t.Setenv("all_proxy", "")
		t.Setenv(name, "http://"+server.proxy)
		there := []string{"call", "http://there.example:" + server.port + "/x"}
		for _, test := range []struct {
			args    []string
			proxied bool
		}{
			{append(there, "--resolve", "there.example:"+server.port+":127.0.0.1"), false},
			{append(there, "--connect-to", "::127.0.0.1:"+server.port), false},
			{append(there, "--no-sign"), true},
			{append(there, "-x", server.proxy), true},
			{[]string{"call", "http://" + server.plain + "/x", "--no-sign"}, false},
			{[]string{"call", "http://" + server.plain + "/x", "--no-sign", "-x", server.proxy}, true},
		} {
			server.take()
			code, _, stderr := run(t, nil, test.args...)
			arrived := server.take()
			if code != 0 || len(arrived) != 1 || strings.HasPrefix(arrived[0], "PROXY") != test.proxied {
				t.Errorf("%s: %q: exit status %d: %s\n%q", name, test.args, code, stderr, arrived)
			}
		}
	}
}

// Flags that contradict each other, and values that cannot be read.
func TestCallRefusesFlags(t *testing.T) {
	environment(t)
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"-4", "-6"}, "use one of --ipv4 and --ipv6"},
		{[]string{"-OJi"}, "use one of --remote-header-name and --include"},
		{[]string{"-u", "a:b", "--oauth2-bearer", "t"}, "use one of --user and --oauth2-bearer"},
		{[]string{"-u", "name"}, "--user has no password"},
		{[]string{"--limit-rate", "fast"}, "--limit-rate \"fast\" is not a number of bytes"},
		{[]string{"--limit-rate", "1kk"}, "is not a number of bytes"},
		{[]string{"--limit-rate", "9999999999999999g"}, "is not a number of bytes"},
		{[]string{"--proto-default", "ftp"}, "is neither http nor https"},
		{[]string{"--connect-to", "a:b"}, "is not HOST1:PORT1:HOST2:PORT2"},
		{[]string{"-x", "socks4://h"}, "socks4://"},
		{[]string{"-x", "http://"}, "--proxy is not the address of a proxy"},
		{[]string{"--max-redirs", "-2"}, "must not be negative"},
		{[]string{"-o", ""}, "--output is empty"},
		{[]string{"-c", ""}, "--cookie-jar is empty"},
		{[]string{"--repeat", "2", "-D", "x"}, "leave out -o"},
		{[]string{"--repeat", "2", "https://example.org/"}, "--repeat is for one URL, and there are 2"},
		{[]string{"-K", "none-such"}, "none-such"},
		{[]string{"-K", "curl_same_test.go"}, "line 1: there is no flag --package"},
		{[]string{"-b", "."}, "is a directory"},
	} {
		code, stdout, stderr := run(t, nil, append([]string{"call", "http://127.0.0.1:1/"}, test.args...)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, test.says) || !strings.Contains(stderr, "furl: hint: ") {
			t.Errorf("%q: exit status %d, printed %q: %s", test.args, code, stdout, stderr)
		}
	}
	for stdin, says := range map[string]string{
		"config = -\n": "", "nonsense": "there is no flag --nonsense", "-Z": "there is no flag -Z", "silent = yes": "--silent takes no value",
		"user": "--user needs a value", "data = \"open": "a quote is not closed", "data = a b": "a value with spaces needs quotes",
		"retry = many": "--retry does not take that value",
	} {
		code, _, stderr := run(t, strings.NewReader(stdin), "call", "--no-sign", "http://127.0.0.1:1/", "-K", "-")
		if want := map[bool]int{true: 5, false: 2}[says == ""]; code != want || !strings.Contains(stderr, says) {
			t.Errorf("%q: exit status %d: %s", stdin, code, stderr)
		}
	}
}
