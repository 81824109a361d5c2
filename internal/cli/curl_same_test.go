package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/call"
	"github.com/furl-dev/furl/internal/urltest"
	"github.com/furl-dev/furl/internal/usertest"
)

// sameAsCurl are command lines that curl and furl call understand alike. {u} is the server, {s} the one with TLS, {port} and
// {sport} their ports, {ca} the file of its certificate, {proxy} and {socks} are proxies. NAME=VALUE before the first flag
// is a variable of the environment, and "< TEXT" at the end the standard input. Each option that the table calls the same
// has to be in one of them.
const sameAsCurl = `
{u}/
{u}
{u}/a?x=1
-X DELETE {u}/x
-XPATCH -d x {u}/x
-I {u}/x
-I -X GET {u}/empty
-i {u}/x
-i -I {u}/404
-i -L {u}/302
-H 'X-One: 1' -H 'X-One:2' -H 'x-two:  a  b ' -H 'X-Empty;' -H Accept: {u}/
-H @headers.txt {u}/
-H 'Content-Type: text/plain' -d x {u}/
-H Content-Type: -d x {u}/
-H 'Host: other.example:80' {u}/
-A agent {u}/
-A '' {u}/
-d a=1 -d b=2 {u}/
-d '' {u}/
-d @lines.txt {u}/
--data-ascii @lines.txt {u}/
--data-binary @lines.txt {u}/
--data-binary @bytes.bin --data-binary x {u}/
--data-raw @lines.txt {u}/
-d @empty {u}/
-d @- {u}/ < typed
--data-urlencode 'a b&c' --data-urlencode =a=b --data-urlencode n=ü/~ --data-urlencode @bytes.bin --data-urlencode f@lines.txt {u}/
--json '{"a":' --json 1} {u}/
--json @page.html -H 'Accept: text/html' {u}/
-F a=1 -F b=<lines.txt -F c=@page.html -F 'd=@bytes.bin;type=image/x' --form-string 'e=@x;type=y' {u}/
--form-string 'a=<b;type=c' {u}/
-F a=x -H 'Content-Type: multipart/related; type=a' {u}/
-G -d a=1 --data-urlencode b=x {u}/p?q
-G -I -d a {u}/p
-T bytes.bin {u}/up/
-T bytes.bin {u}/up/name
-T 'with space.txt' {u}/
-T bytes.bin {u}
-T page.html -X POST {u}/
-T bytes.bin {u}/one/ {u}/two/
-T bytes.bin -T page.html {u}/one/ {u}/two/
--compressed {u}/gzip
-g --path-as-is {u}/a/./b//c?x[1]={y}
-L -d x {u}/302
-L -d x {u}/303
-L -d x {u}/307
-L -d x --post301 {u}/301
-L -d x --post302 {u}/302
-L -d x --post303 {u}/303
-L -d x --post301 {u}/302
-L -T page.html {u}/302
-L -X DELETE {u}/303
-L -d x {u}/300
-L -i {u}/305
-L {u}/elsewhere
-L -H 'X-Kept: 1' -u a:b {u}/elsewhere
-L -H 'X-Kept: 1' {u}/elsewhere
-L -H 'Authorization: mine' -H 'Cookie: a=1' {u}/elsewhere
-L --max-redirs 3 {u}/loop
-L --max-redirs 0 {u}/302
-L --max-redirs -1 {u}/302
{u}/302
-f {u}/404
-f {u}/302
-f -o f {u}/500
--fail-with-body {u}/404
--fail-with-body -o f {u}/404
-f {u}/404 {u}/x
-f {u}/x {u}/404
-f --fail-early {u}/404 {u}/x
--fail-early http://127.0.0.1:1/ {u}/x
http://127.0.0.1:1/ {u}/x
{u}/x http://127.0.0.1:1/
http://127.0.0.1:1/
-s -S -f {u}/404
-f --no-fail {u}/404
--no-fail -f {u}/404
-L --no-location {u}/302
-i --no-include --no-compressed --no-insecure {u}/x
-G --no-get -d x {u}/x
--no-progress-meter --progress-meter -s {u}/x
--create-dirs --no-create-dirs -o no/x {u}/x
--no-progress-meter {u}/x
-N {u}/x
-q {u}/x
{u}/a {u}/b {u}/c
-d x {u}/a {u}/b
-d @- {u}/a {u}/b < typed
--url {u}/a {u}/b --url {u}/c
--url {u}/a
-o one {u}/a
-o one {u}/a -o two {u}/b
-o one {u}/a {u}/b
-o one -o two {u}/a
-o - {u}/a
-i -o one {u}/a
-O {u}/p/file.txt?x=1
-O {u}/p/one -O {u}/p/two
-O {u}/p/one {u}/p/two
-o x -O {u}/p/one {u}/p/two
--remote-name-all {u}/p/one {u}/p/two
--remote-name-all -o x {u}/p/one {u}/p/two
-OJ {u}/named
-O -J {u}/unnamed
-OJ {u}/semicolon
-J -o given {u}/named
--output-dir out -OJ --create-dirs {u}/named
-OJ {u}/named {u}/named -O
--create-dirs -o a/b/c {u}/x
-o a/b/c {u}/x
--output-dir out --create-dirs -O {u}/p/file.txt
--output-dir out -o file {u}/x
--output-dir dir -o file -D heads {u}/x
-o one {u}/204
-o one {u}/empty
-D heads {u}/a
-D heads -o body -L {u}/302
-D heads {u}/a {u}/b
-D - {u}/a
-D - -o body {u}/a
-D heads -i {u}/a
-D heads -I {u}/a
-D heads -f {u}/404
-b a=1 {u}/
-b a=1 -b 'c=d; e=f' {u}/
-b jar.txt {u}/x
-b jar.txt {u}/sub
-b jar.txt {u}/sub/deep
-b jar.txt {u}/subx
-b jar.txt http://localhost:{port}/
-b jar.txt -b typed=1 {u}/x
-b jar.txt -H 'Cookie: own=1' -b z=1 {u}/x
-b jar.txt -H 'Host: www.example.com' {u}/x
-b jar.txt -H 'Host: example.com' {u}/x
-b jar.txt -H 'Host: notexample.com' {u}/x
-b jar.txt -H 'Host: hostonly.example' {u}/x
-b jar.txt -H 'Host: sub.hostonly.example' {u}/x
-b jar.txt -j {u}/x
-b jar.txt -j -c out.txt {u}/x
-b jar.txt -c out.txt {u}/x
-b none-such.txt {u}/x
-b @jar.txt {u}/x
-b @none=such {u}/x
-b '' {u}/cookies {u}/x {u}/x/y
-c out.txt {u}/cookies
-c out.txt {u}/x
-c - {u}/cookies
-c out.txt -b jar.txt {u}/cookies
-c out.txt {u}/cookies {u}/unset {u}/x
-L -b '' {u}/302cookies
-L -c out.txt -b typed=1 {u}/302cookies
-c out.txt --cacert {ca} {s}/cookies {s}/x/
-c out.txt http://localhost:{port}/cookies http://localhost:{port}/x
-b '' {u}/cookies http://localhost:{port}/x
-b headers-with-cookies.txt {u}/x
-e http://from/ {u}/
-e 'http://from/;auto' -L {u}/302
-e ';auto' -L {u}/302
-e http://from/ -L {u}/302
-r 2-4 {u}/range
-r 5 {u}/x
-r 1-2,5- -i {u}/x
-r 1-2 -H 'Range: bytes=7-' {u}/x
-u user:pass {u}/
-u user: {u}/
-u user:pa:ss:é {u}/
--basic -u user:pass {u}/
-u user:pass -H 'Authorization: own' {u}/
-u user:pass -L {u}/302
--oauth2-bearer token {u}/
--oauth2-bearer token -L {u}/elsewhere
-H 'Authorization: Bearer x' {u}/
--aws-sigv4 aws:amz:eu-central-1:lambda -u {key} -H {token} {u}/
--aws-sigv4 aws:amz:eu-central-1:lambda -u {key} -H {token} -d x=1 {u}/p
--aws-sigv4 aws:amz:eu-central-1:lambda -u {key} -H {token} -X DELETE {u}/p?a=1
--aws-sigv4 aws:amz:eu-central-1:lambda -u {key} -H {token} -b a=1 -e http://from/ {u}/p
--aws-sigv4 aws:amz:eu-central-1:lambda -u {key} -H {token} -o one -O {u}/p {u}/q
--aws-sigv4 aws:amz:eu-central-1:lambda -u {key} -H {token} -K flags.txt
-K flags.txt
-K - < url = "{u}/k"
-K - {u}/b < user = "user:pass"
-K quoted.txt {u}/x
-K outer.txt
-x http://{proxy} http://there.example/x
-x {proxy} http://there.example/x
-x http://user:pass@{proxy} http://there.example/x
-x {proxy} -U user:pass http://there.example/x
-x {proxy} -U us%3aer:p%20 http://there.example/x
-x {proxy} -U user:100% http://there.example/x
-x {proxy} -U user:pass --proxy-basic -k https://there.example:{sport}/x
-x {proxy} -k https://there.example:{sport}/x
-x {proxy} -p http://there.example/x
-x {proxy} {u}/x
-x {proxy} --noproxy 127.0.0.1 {u}/x
-x {proxy} --noproxy '*' {u}/x
-x {proxy} --noproxy example http://there.example/x http://there.other/x
-x {proxy} --noproxy 127.0.0.0/8 {u}/x
-x {proxy} --noproxy .127.0.0.1,other {u}/x
NO_PROXY=127.0.0.1 -x {proxy} {u}/x
no_proxy=other,127.0.0.1 -x {proxy} {u}/x
NO_PROXY=127.0.0.1 -x {proxy} --noproxy '' {u}/x
http_proxy=http://{proxy} http://there.example/x
http_proxy={proxy} http://there.example/x
HTTP_PROXY=http://{proxy} -m 5 http://127.0.0.1:1/x
https_proxy=http://{proxy} -k https://there.example:{sport}/x
HTTPS_PROXY=http://{proxy} -k https://there.example:{sport}/x
https_proxy=http://{proxy} HTTPS_PROXY=http://127.0.0.1:1 -k https://there.example:{sport}/x
all_proxy=http://{proxy} http://there.example/x
ALL_PROXY=socks5h://{socks} http://there.example/x
ALL_PROXY=http://127.0.0.1:1 http_proxy=http://{proxy} http://there.example/x
http_proxy=http://127.0.0.1:1 -x {proxy} http://there.example/x
http_proxy=http://{proxy} no_proxy=there.example --resolve there.example:{port}:127.0.0.1 http://there.example:{port}/x
http_proxy=http://{proxy} -x '' {u}/x
-x {proxy} -k https://refused.example/
-x 127.0.0.1:1 http://there.example/
-x socks5h://{socks} http://there.example:{port}/x
-x socks5://{socks} {u}/x
-x socks5h://user:pass@{socks} {u}/x
--socks5 {socks} {u}/x
--socks5-hostname {socks} http://there.example:{port}/x
--socks5-hostname {socks} -k https://there.example:{sport}/x
-4 http://localhost:{port}/x
-6 http://127.0.0.1:{port}/x
--ipv4 {u}/x
--resolve there.example:{port}:127.0.0.1 http://there.example:{port}/x
--resolve '*:{port}:127.0.0.1' http://there.example:{port}/x
--resolve '+there.example:{port}:127.0.0.1' http://there.example:{port}/x
--connect-to there.example:80:127.0.0.1:{port} http://there.example/x
--connect-to ::127.0.0.1:{port} http://there.example/x
--connect-to other.example:80:127.0.0.1:1 --connect-to there.example::127.0.0.1:{port} http://there.example/x
--connect-to ::[127.0.0.1]:{port} http://there.example/x
--connect-to there.example:{port}:127.0.0.1 http://there.example:{port}/x
--connect-to there.example:{port}:127.0.0.1: http://there.example:{port}/x
-k {s}/x
{s}/x
--cacert {ca} {s}/x
CURL_CA_BUNDLE={ca} {s}/x
-k -i --http1.1 {s}/x
--http1.1 {u}/x
--connect-timeout 5 {u}/x
-m 5 {u}/x
-m 0.3 {u}/slow
--limit-rate 100k {u}/long
--limit-rate 1M -T bytes.bin {u}/up
--proto-default http 127.0.0.1:{port}/x
--proto-default HTTP 127.0.0.1:{port}/x
--proto-default https -k 127.0.0.1:{sport}/x
--url-query a=1 --url-query b=2 {u}/p?x
--url-query +c=%20 --url-query @page.txt {u}/p
--url-query a {u}/p
-w '%{http_code} %{size_download} %{num_headers} %{method} %{content_type}|\n' {u}/x {u}/404
-w '%{filename_effective}' -OJ {u}/named
-w '%{filename_effective}' --output-dir dir -o f {u}/x
-w '%{urlnum} %{ssl_verify_result} %{onerror}no' {u}/x {u}/404 http://127.0.0.1:1/
-f -w '%{urlnum} %{onerror}yes' {u}/404
-w '%header{alpha} %{redirect_url} %{num_redirects}' {u}/302
`

// curlClasses are the exit statuses of furl for those of curl.
func curlClass(code int) int {
	switch code {
	case 0:
		return 0
	case 2, 3, 26:
		return 2
	case 22:
		return 3
	case 5, 6, 7, 35, 51, 56, 60, 97:
		return 5
	}
	return 1
}

// TestCallIsLikeCurl gives the same command lines to curl and to furl call, and compares what arrives at the servers, what
// is printed, the files that are there afterwards, and the kind of exit status.
func TestCallIsLikeCurl(t *testing.T) {
	needCurl(t)
	server := newEcho(t)
	covered := map[string]bool{}
	for line := range strings.Lines(strings.TrimSpace(sameAsCurl)) {
		line = strings.TrimSpace(line)
		t.Run(line, func(t *testing.T) { server.compare(t, line) })
		for _, name := range optionsOf(line) {
			covered[name] = true
		}
	}
	count := len(strings.Split(strings.TrimSpace(sameAsCurl), "\n"))
	if count < 100 {
		t.Errorf("there are only %d command lines", count)
	}
	for _, o := range call.CurlOptions() {
		if o.Likeness == call.Same && !covered[o.Long] {
			t.Errorf("the table calls --%s the same as in curl, and no command line shows it", o.Long)
		}
	}
}

func needCurl(t *testing.T) {
	t.Helper()
	usertest.Program(t, "curl")
	version, err := exec.CommandContext(t.Context(), "curl", "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(version), "curl "+call.CurlVersion+" ") {
		if os.Getenv("FURL_STRICT") != "" {
			t.Fatalf("the table is that of curl %s, and this is %.20q", call.CurlVersion, version)
		}
		t.Skipf("SKIPPED: the table is that of curl %s, and this is %.20q", call.CurlVersion, version)
	}
}

// optionsOf are the options of curl that a line has, by their long names.
func optionsOf(line string) (names []string) {
	shorts := map[string]call.CurlOption{}
	for _, o := range call.CurlOptions() {
		if o.Short != "" {
			shorts[o.Short] = o
		}
	}
	for _, word := range words(line) {
		if long, ok := strings.CutPrefix(word, "--"); ok {
			names = append(names, long)
			continue
		}
		for i := 1; strings.HasPrefix(word, "-") && i < len(word); i++ {
			o, ok := shorts[word[i:i+1]]
			if !ok {
				break
			}
			names = append(names, o.Long)
			if flag := call.CurlFlag(o.Long); strings.Contains(flag.Usage, "\x60") { // the rest is its value
				break
			}
		}
	}
	return names
}

// words splits a line as a shell does, with single quotes only.
func words(line string) []string {
	var all []string
	for i, part := range strings.Split(line, "'") {
		switch {
		case i%2 == 0:
			fields := strings.Fields(part)
			if i > 0 && part != "" && part[0] != ' ' && len(fields) > 0 {
				all[len(all)-1] += fields[0]
				fields = fields[1:]
			}
			all = append(all, fields...)
		default:
			all = append(all, part)
		}
	}
	return all
}

// files are what both programs find in their directory.
func (e *echo) files() map[string]string {
	const tab = "\t"
	netscape := func(fields ...string) string { return strings.Join(fields, tab) + "\n" }
	return map[string]string{
		"lines.txt": "a=1\r\n&b=ü \x00\n", "bytes.bin": "\x00\xff\r\n", "page.html": "<p>", "headers.txt": "X-One: 1\r\nX-Two: 2\n\n",
		"page.txt": "a-b", "empty": "", "with space.txt": "x", "dir/there": "",
		"jar.txt": "# Netscape HTTP Cookie File\n\n" +
			netscape("localhost", "FALSE", "/", "FALSE", "0", "l", "1") +
			netscape(".example.com", "TRUE", "/", "FALSE", "0", "t", "1") +
			netscape("hostonly.example", "FALSE", "/", "FALSE", "0", "h", "1") +
			netscape("#HttpOnly_127.0.0.1", "FALSE", "/", "TRUE", "0", "ho", "1") +
			netscape("127.0.0.1", "FALSE", "/", "FALSE", "1", "expired", "1") +
			netscape("127.0.0.1", "FALSE", "/", "FALSE", "0", "empty") +
			netscape("127.0.0.1", "FALSE", "/", "FALSE", "0", "empty7", "") +
			"a bad line\n" +
			netscape("127.0.0.1", "FALSE", "/sub", "FALSE", "2147483647", "sub", "1") +
			netscape("127.0.0.1", "FALSE", "/sub/", "FALSE", "2147483647", "slash", "1") +
			netscape("127.0.0.1", "FALSE", "/", "FALSE", "4102444800", "bb", "old") +
			netscape("127.0.0.1", "FALSE", "/", "FALSE", "0", "session", "a=b c"),
		"headers-with-cookies.txt": "HTTP/1.1 200 OK\r\nSet-Cookie: sc=1; path=/\r\nset-cookie: later=2; path=/elsewhere\r\n\r\n",
		"flags.txt":                "# a comment\nurl = " + e.at("{u}/from/file") + "\n--header \"X-One: 1\"\nheader: \"X-Two: \\\"2\\\"\\\\\"\n-A agent\nsilent\n\n",
		"quoted.txt":               "data \"a b\\tc\\n\"\n-H \"X-Y: z\"\nno-location\nuser-agent = \"\"\n",
		"outer.txt":                "config = flags.txt\n",
	}
}

// at fills in the places of a command line.
func (e *echo) at(text string) string {
	return strings.NewReplacer("{u}", "http://"+e.plain, "{s}", "https://"+e.secure, "{port}", e.port, "{sport}", e.securePort,
		"{ca}", e.ca, "{proxy}", e.proxy, "{socks}", e.socks, "{key}", urltest.AccessKeyID+":"+urltest.Secret,
		"{token}", "X-Amz-Security-Token: "+urltest.Token).Replace(text)
}

// ran is what one program did.
type ran struct {
	Class   int
	Arrived []string
	Stdout  string
	Files   map[string]string
}

// compare runs both programs in directories of their own.
func (e *echo) compare(t *testing.T, line string) {
	environment(t)
	for _, name := range []string{"http_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"} {
		t.Setenv(name, "")
	}
	line, stdin, _ := strings.Cut(line, " < ")
	args := words(line)
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") && strings.Contains(args[0], "=") && !strings.Contains(args[0], "{u}") {
		name, value, _ := strings.Cut(e.at(args[0]), "=")
		t.Setenv(name, value)
		args = args[1:]
	}
	for i := range args {
		args[i] = e.at(args[i])
	}
	stdin = e.at(stdin)
	options := optionsOf(line)
	own := slices.ContainsFunc([]string{"user", "oauth2-bearer", "aws-sigv4"}, func(name string) bool { return slices.Contains(options, name) }) ||
		strings.Contains(line, "Authorization") || strings.Contains(stdin, "user")
	full := append([]string{"call"}, args...)
	if !own {
		full = append(full, "--no-sign")
	}

	var want, got ran
	var told string
	e.inDirectory(t, &want, func() {
		command := exec.CommandContext(t.Context(), "curl", append([]string{"-q", "-sS"}, args...)...)
		var out, errs bytes.Buffer
		command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &out, &errs
		err := command.Run()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		want.Class, want.Stdout = curlClass(command.ProcessState.ExitCode()), out.String()
		told = fmt.Sprintf("curl: exit status %d: %s", command.ProcessState.ExitCode(), &errs)
	})
	e.inDirectory(t, &got, func() {
		var errs string
		got.Class, got.Stdout, errs = run(t, strings.NewReader(stdin), full...)
		told += fmt.Sprintf("\nfurl: exit status %d: %s", got.Class, errs)
	})
	if diff := cmp.Diff(want.likened(), got.likened()); diff != "" {
		t.Errorf("(-curl +furl call)\n%s\n%s", diff, told)
	}
	if own || strings.Contains(strings.ToLower(line), "_proxy=") { // a proxy of the environment gets no signed requests
		return
	}
	var signed ran
	e.inDirectory(t, &signed, func() {
		signed.Class, signed.Stdout, told = run(t, strings.NewReader(stdin), full[:len(full)-1]...)
	})
	for n, request := range signed.Arrived {
		if n == 0 && want.Class == 0 && strings.Contains(request, "Host: ") && !strings.Contains(request, goodSignature) {
			t.Errorf("not signed: %s", request)
		}
		signed.Arrived[n] = strings.Replace(strings.Replace(request, goodSignature, "", 1), tokenHeader, "", 1)
	}
	if diff := cmp.Diff(want.likened(), signed.likened()); diff != "" {
		t.Errorf("(-curl +furl call, which signs)\n%s\n%s", diff, told)
	}
}

const (
	goodSignature = "Signed by " + urltest.AccessKeyID + ": <nil>\n"
	tokenHeader   = "X-Amz-Security-Token: " + urltest.Token + "\n"
)

// likened leaves out the comment of a cookie file, which says who wrote it.
func (r ran) likened() ran {
	r.Stdout = withoutComments(r.Stdout)
	for name, text := range r.Files {
		r.Files[name] = withoutComments(text)
	}
	return r
}

func withoutComments(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "# ") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// inDirectory runs a program in a new directory and says what it left there, and what arrived at the servers.
func (e *echo) inDirectory(t *testing.T, done *ran, program func()) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, content := range e.files() {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e.take()
	program()
	done.Arrived, done.Files = e.take(), map[string]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		done.Files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
