package cli_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/urltest"
)

// Passwords, tokens and the values of cookies are in no message and not in what -v shows, whatever happens.
func TestCallShowsNoSecrets(t *testing.T) {
	environment(t)
	server := newEcho(t)
	const secret = "sekret0123456789"
	config := filepath.Join(t.TempDir(), "config")
	jar := filepath.Join(t.TempDir(), "jar")
	for name, text := range map[string]string{
		config: "user = \"me:" + secret + "\"\nurl = \"http://" + server.plain + "/x\"\n",
		jar:    "127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\t" + secret + "\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	url, nothing := "http://"+server.plain+"/x", "http://127.0.0.1:1/"
	for _, args := range [][]string{
		{url, "-u", "me:" + secret}, {nothing, "-u", "me:" + secret}, {url, "--oauth2-bearer", secret}, {nothing, "--oauth2-bearer", secret},
		{url, "-H", "Authorization: Digest " + secret}, {url, "-H", "Authorization: " + secret}, {"-K", config}, {"-K", config, nothing},
		{url, "-b", "a=" + secret}, {url, "-b", "a=1;b=" + secret + "; c=" + secret}, {url, "--no-sign", "-b", "a=" + secret}, {url, "-b", jar},
		{url, "-H", "X-Api-Key: " + secret}, {url, "-H", "x-auth-token: " + secret}, {nothing, "-H", "X-Secret: " + secret},
		{url, "-H", "X-Other: Bearer " + secret}, {url + "?api_key=" + secret}, {nothing + "?a=1&token=" + secret},
		{url, "-e", "http://me:" + secret + "@there/?password=" + secret}, {url, "-L", "-H", "X-Api-Key: " + secret, "--har", os.DevNull},
		{"http://" + server.plain + "/secret", "--no-sign"}, {"http://" + server.plain + "/secret", "-L"},
		{url, "-H", "Cookie: a=" + secret}, {url, "-H", "cookie: " + secret},
		{"http://" + server.plain + "/302cookies", "-L", "-c", "-", "-o", os.DevNull, "-b", "a=" + secret},
		{url, "-x", "http://me:" + secret + "@" + server.proxy}, {url, "-x", server.proxy, "-U", "me:" + secret},
		{"https://there.example:" + server.securePort, "-k", "-x", "http://me:" + secret + "@" + server.proxy},
		{"https://refused.example/", "-x", "http://me:" + secret + "@" + server.proxy}, {url, "-x", "http://me:" + secret + "@127.0.0.1:1"},
		{url, "-x", "socks4://me:" + secret + "@127.0.0.1:1"}, {url, "-x", "http://me:" + secret + "@[bad"}, {url, "-x", "http://me:" + secret + "@"},
		{url, "-x", "socks5://me:" + secret + "@127.0.0.1:1"}, {url, "-x", "socks5h://me:" + secret + "@" + server.socks},
		{url, "--aws-sigv4", "aws:amz", "-u", "id:" + secret}, {url, "--aws-sigv4", "aws:amz", "-u", ":" + secret},
		{url, "-u", "me:" + secret, "--oauth2-bearer", secret}, {url, "-u", "me:" + secret, "--nonsense"},
		{url, "-K", "-"},
	} {
		stdin := strings.NewReader("silent\nuser = me:" + secret + "\nmax-time = \"" + secret + "\"\n")
		for _, verbose := range [][]string{{"-v"}, nil} {
			stdin.Seek(0, io.SeekStart)
			_, stdout, stderr := run(t, stdin, append(append([]string{"call", "--region", "eu-central-1"}, args...), verbose...)...)
			if strings.Contains(stderr, secret) || strings.Contains(stderr, "bWU6c2VrcmV0") { // base64
				t.Errorf("%q shows the secret:\n%s", args, stderr)
			}
			if !slices.Contains(args, "-L") && strings.Contains(stdout, secret) {
				t.Errorf("%q prints the secret: %s", args, stdout)
			}
		}
	}
	// What the server sets is hidden as well.
	_, _, stderr := run(t, nil, "call", "-v", "--no-sign", "http://"+server.plain+"/cookies")
	if strings.Contains(stderr, `{"a":1}`) || strings.Contains(stderr, "a=1") || !strings.Contains(stderr, "< Set-Cookie: c=(hidden); HttpOnly; path=/\n") {
		t.Errorf("%s", stderr)
	}
	_, _, stderr = run(t, nil, "call", "-v", url, "-b", "a=1; bb=2")
	for _, want := range []string{"> Cookie: a=(hidden); bb=(hidden)\n", "cookie:a=(hidden); bb=(hidden)\n"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("does not say %q:\n%s", want, stderr)
		}
	}
	_, _, stderr = run(t, nil, "call", "-v", url, "-u", "me:"+secret)
	for _, want := range []string{"* not signed: --user without --aws-sigv4\n", "> GET /x HTTP/1.1\n", "> Authorization: Basic (hidden)\n"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("does not say %q:\n%s", want, stderr)
		}
	}
}

// A redirect to another host gets nothing that is for the first one, signed or not, and neither does one that comes back.
func TestCallKeepsCredentialsFromOtherHosts(t *testing.T) {
	environment(t)
	server := newEcho(t)
	for _, args := range [][]string{
		{"-u", "me:secret"}, {"--oauth2-bearer", "token"}, {"-H", "Authorization: own", "-H", "X-Amz-Security-Token: own", "-H", "X-Amz-Date: own"},
		{"-H", "Cookie: own=1"}, {"-b", "own=1"}, {},
	} {
		server.take()
		code, _, stderr := run(t, nil, append([]string{"call", "-L", "http://" + server.plain + "/elsewhere"}, args...)...)
		arrived := server.take()
		if code != 0 || len(arrived) != 2 {
			t.Fatalf("%q: exit status %d, %d requests: %s", args, code, len(arrived), stderr)
		}
		for _, word := range []string{"Authorization", "X-Amz-", "Cookie", "Signed"} {
			if strings.Contains(arrived[1], word) {
				t.Errorf("%q: the other host got\n%s", args, arrived[1])
			}
		}
	}
}

// The signature covers what is sent: cookies of a jar, and the headers that flags make.
func TestCallSignsWhatFlagsAdd(t *testing.T) {
	environment(t)
	var signed []string
	server := urltest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, list, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
		list, _, _ = strings.Cut(list, ",")
		signed = strings.Split(list, ";")
		http.SetCookie(w, &http.Cookie{Name: "kept", Value: "1", Path: "/"})
	}))
	code, _, stderr := run(t, nil, "call", server.URL+"/a", server.URL+"/b", "-b", "own=1", "-b", "", "-r", "1-2", "--url-query", "x=y z")
	if code != 0 {
		t.Fatalf("exit status %d: %s", code, stderr)
	}
	list := " " + strings.Join(signed, " ") + " "
	if !strings.Contains(list, " cookie ") || !strings.Contains(list, " range ") {
		t.Errorf("signed %q", signed)
	}
}
