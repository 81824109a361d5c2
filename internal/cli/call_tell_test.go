package cli_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/urltest"
)

// Only with -v, and only to servers on this machine, call sends what it signed, without the session token.
func TestCallTellsLocalServersWhatItSigned(t *testing.T) {
	environment(t)
	const header = "Furl-Canonical-Request"
	var told []string
	server := urltest.Start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		told = append(told, r.Header.Get(header))
		if strings.Contains(r.Header.Get("Authorization"), strings.ToLower(header)) {
			t.Error("the header is signed")
		}
	}))
	port := server.URL[strings.LastIndexByte(server.URL, ':')+1:]
	remote := urltest.ID + ".lambda-url." + urltest.Region + ".on.aws"
	local := strings.TrimSuffix(strings.TrimPrefix(server.URL, "http://"), ":"+port)
	for _, test := range []struct {
		name string
		args []string
		want bool
	}{
		{"host style", []string{"-v", server.URL + "/a?b=c"}, true},
		{"without -v", []string{server.URL + "/a?b=c"}, false},
		{"another host", []string{"-v", "http://" + remote + ":" + port + "/a?b=c", "--resolve", remote + ":" + port + ":127.0.0.1"}, false},
		{"a local name that may be elsewhere", []string{"-v", server.URL + "/a?b=c", "--resolve", local + ":" + port + ":127.0.0.1"}, false},
		{"too long", []string{"-v", server.URL + "/a?b=c", "-H", "X-Long: " + strings.Repeat("x", 200<<10)}, false},
	} {
		told = nil
		code, _, stderr := run(t, nil, append([]string{"call"}, test.args...)...)
		if code != 0 || len(told) != 1 {
			t.Fatalf("%s: exit status %d, %d requests: %s", test.name, code, len(told), stderr)
		}
		if (told[0] != "") != test.want {
			t.Errorf("%s: the server is told %q", test.name, told[0])
		}
		if !test.want {
			continue
		}
		text, err := base64.StdEncoding.DecodeString(told[0])
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "GET\n/a\nb=c\naccept:*/*\nhost:") || !strings.Contains(string(text), "\nx-amz-security-token:(32 bytes)\n") {
			t.Errorf("%s: the server is told %q", test.name, text)
		}
		if !strings.Contains(stderr, "> "+header+": (the canonical request as it stands above") {
			t.Errorf("%s: does not say what is sent:\n%s", test.name, stderr)
		}
	}
}

// A header of that name on the command line goes out as typed.
func TestCallSendsTheHeaderThatWasTyped(t *testing.T) {
	environment(t)
	var told []string
	server := urltest.Start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		told = r.Header.Values("Furl-Canonical-Request")
	}))
	if code, _, stderr := run(t, nil, "call", "-v", server.URL, "-H", "Furl-Canonical-Request: mine"); code != 0 || len(told) != 1 || told[0] != "mine" {
		t.Errorf("exit status %d, told %q: %s", code, told, stderr)
	}
}
