package planetest

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

// RunScripts plays every script that the pattern matches against a server of its own. A script is a list of blocks:
//
//	let trust = {"Version":"2012-10-17",…}     $trust stands for the text from here on
//	advance 1h                                 sets the clock forward
//	> root iam CreateRole                      sends a request, signed by root for the service
//	  RoleName=caller
//	  AssumeRolePolicyDocument=$trust
//	200                                        the answer: status and what the result element holds
//	<Role>
//	  …
//	> root iam GetRole
//	  RoleName=nobody
//	404 NoSuchEntity: The role with name nobody cannot be found.
//	> root iam CreateAccessKey => alice        keeps the credentials in the answer under a name
//	  UserName=alice
//	> alice iam GetUser                        signs with them; $alicekey is the access key id
//
// Callers known from the start are root, other-root (of the account Other) and unsigned. Lines that begin with #, and
// blank lines, separate blocks. The envelope of an answer is checked to the byte and left out; secrets and tokens
// stand as their names in capitals. With the flag -update the answers in the scripts are replaced by those of the
// server, for a person to read.
func RunScripts(t *testing.T, pattern string, start func(*testing.T) *Server) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no script matches %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := player{server: start(t), file: file, words: map[string]string{}, lines: strings.Split(string(text), "\n")}
			p.callers = map[string]sigv4.Credentials{"unsigned": {}, "root": p.server.Root(Account), "other-root": p.server.Root(Other)}
			played := p.play(t)
			if *update {
				if err := os.WriteFile(file, []byte(played), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

var update = flag.Bool("update", false, "write the answers of the server into the scripts")

// player plays one script.
type player struct {
	server  *Server
	file    string
	lines   []string
	at      int
	words   map[string]string
	callers map[string]sigv4.Credentials
}

// play plays the script and returns it with the answers that were given.
func (p *player) play(t *testing.T) string {
	t.Helper()
	var played []string
	for p.at < len(p.lines) {
		line := p.lines[p.at]
		p.at++
		played = append(played, line)
		switch command, rest, _ := strings.Cut(line, " "); command {
		case "let":
			name, value, _ := strings.Cut(rest, " = ")
			p.words[name] = p.expand(value)
		case "advance":
			by, err := time.ParseDuration(rest)
			if err != nil {
				t.Fatalf("%s:%d: %v", p.file, p.at, err)
			}
			p.server.Advance(by)
		case ">":
			parameters := p.take(func(l string) bool { return strings.HasPrefix(l, "  ") && !strings.HasPrefix(l, "  <") })
			played = append(played, parameters...)
			played = append(played, p.request(t, rest, parameters)...)
		case "", "#":
		default:
			t.Fatalf("%s:%d: no such command: %s", p.file, p.at, line)
		}
	}
	return strings.Join(played, "\n")
}

// take takes the lines that follow as long as they are wanted.
func (p *player) take(wanted func(string) bool) []string {
	start := p.at
	for p.at < len(p.lines) && wanted(p.lines[p.at]) {
		p.at++
	}
	return p.lines[start:p.at]
}

// request sends one request, compares the answer with the lines that follow, and returns the answer's lines.
func (p *player) request(t *testing.T, line string, parameters []string) []string {
	t.Helper()
	at := p.at
	line, name, _ := strings.Cut(line, " => ")
	words := strings.Fields(line)
	if len(words) != 3 {
		t.Fatalf("%s:%d: want CALLER SERVICE ACTION", p.file, at)
	}
	who, ok := p.callers[words[0]]
	if !ok {
		t.Fatalf("%s:%d: no such caller: %s", p.file, at, words[0])
	}
	form := url.Values{"Action": {words[2]}, "Version": {versions[words[1]]}}
	for _, parameter := range parameters {
		key, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		form.Set(key, p.expand(value))
	}
	answer := p.server.Query(t, who, words[1], form)
	if name != "" {
		p.callers[name] = answer.Credentials()
		p.words[name+"key"] = p.callers[name].AccessKeyID
	}
	got := hide(answer.summary(words[1], words[2]))
	want := strings.Join(p.take(func(l string) bool {
		return l != "" && !strings.HasPrefix(l, ">") && !strings.HasPrefix(l, "#")
	}), "\n")
	if got != want && !*update {
		t.Errorf("%s:%d: %s answered\n%s\nwant\n%s", p.file, at, line, got, want)
	}
	return strings.Split(got, "\n")
}

// versions are the API versions by service.
var versions = map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}

var word = regexp.MustCompile(`\$[a-z]+`)

// expand puts the words of the script in place of their names.
func (p *player) expand(text string) string {
	return word.ReplaceAllStringFunc(text, func(name string) string {
		if value, ok := p.words[name[1:]]; ok {
			return value
		}
		return name
	})
}

// namespaces are the namespaces of answers by service.
var namespaces = map[string]string{
	"iam": "https://iam.amazonaws.com/doc/2010-05-08/",
	"sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}

// summary is the answer as a script shows it; the whole body where it is not of the form that all answers have.
func (a Answer) summary(service, action string) string {
	id := a.Header.Get("X-Amzn-Requestid")
	code, message := element(a.Body, "Code"), element(a.Body, "Message")
	text := ""
	if message != "" {
		text = "    <Message>" + message + "</Message>\n"
	}
	for namespace, mark := range map[string]string{namespaces[service]: "", "http://webservices.amazon.com/AWSFault/2005-15-09": " (early)"} {
		refusal := fmt.Sprintf("<ErrorResponse xmlns=%q>\n  <Error>\n    <Type>Sender</Type>\n    <Code>%s</Code>\n%s  </Error>\n  <RequestId>%s</RequestId>\n</ErrorResponse>\n",
			namespace, code, text, id)
		if a.Body == refusal && a.Status >= 400 {
			return fmt.Sprintf("%d %s: %s%s", a.Status, code, message, mark)
		}
	}
	opening := fmt.Sprintf("<%sResponse xmlns=%q>\n", action, namespaces[service])
	closing := fmt.Sprintf("  <ResponseMetadata>\n    <RequestId>%s</RequestId>\n  </ResponseMetadata>\n</%sResponse>\n", id, action)
	result, opened := strings.CutPrefix(a.Body, opening)
	result, closed := strings.CutSuffix(result, closing)
	if a.Status != 200 || !opened || !closed || a.Header.Get("Content-Type") != "text/xml" {
		return fmt.Sprintf("%d\n%s", a.Status, a.Body)
	}
	lines := []string{"200"}
	for line := range strings.Lines(result) {
		switch line = strings.TrimSuffix(line, "\n"); line {
		case "  <" + action + "Result>", "  </" + action + "Result>":
		default:
			lines = append(lines, strings.TrimPrefix(line, "    "))
		}
	}
	return strings.Join(lines, "\n")
}

var secret = regexp.MustCompile(`<(SecretAccessKey|SessionToken)>[^<]*<`)

// hide replaces what should not stand in a file.
func hide(body string) string {
	return secret.ReplaceAllStringFunc(body, func(found string) string {
		name, _, _ := strings.Cut(found[1:], ">")
		return "<" + name + ">" + strings.ToUpper(name) + "<"
	})
}

// element is the text of the first element of the name.
func element(body, name string) string {
	_, rest, _ := strings.Cut(body, "<"+name+">")
	text, _, _ := strings.Cut(rest, "<")
	return text
}
