package cli_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// control is the Lambda API of several accounts and regions: each function has a URL of auth type AWS_IAM, and comes out
// of a check as its name begins: ok, half, nobody or denied. A key is an account.
type control struct {
	*httptest.Server
	names   map[string][]string // by account and region, such as 111122223333/eu-west-1
	closed  map[string]bool     // regions that do not take the key
	refuse  func(r *http.Request, name string) (status int, code string)
	mu      sync.Mutex
	asked   map[string]int // calls, by operation
	regions map[string]bool
}

const (
	here  = "111122223333"
	there = "444455556666"
)

func newControl(t *testing.T, names map[string][]string) *control {
	c := &control{names: names, closed: map[string]bool{}, asked: map[string]int{}, regions: map[string]bool{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	environment(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIA"+here)
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ENDPOINT_URL", c.URL)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(write(t, map[string]string{"config": "[profile one]\naws_access_key_id = AKIA" + here +
		"\naws_secret_access_key = s\n[profile two]\naws_access_key_id = AKIA" + there + "\naws_secret_access_key = s\n"}), "config"))
	return c
}

var functionPath = regexp.MustCompile(`/functions/(?:arn:aws:lambda:[^/]*:function:)?([^/:]+)/(urls|policy|url)$`)

func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	signer := credential.FindStringSubmatch(r.Header.Get("Authorization"))
	if signer == nil {
		http.Error(w, "unsigned", http.StatusForbidden)
		return
	}
	account, region := strings.TrimPrefix(signer[1], "AKIA"), signer[2]
	answer := func(value any) { json.NewEncoder(w).Encode(value) }
	fail := func(status int, code, message string) {
		w.Header().Set("X-Amzn-Errortype", code)
		w.WriteHeader(status)
		answer(map[string]any{"message": message, "Message": message})
	}
	path := strings.ReplaceAll(r.URL.Path, "%3A", ":")
	name, operation := "", "functions"
	if m := functionPath.FindStringSubmatch(path); m != nil {
		name, operation = m[1], m[2]
	}
	c.mu.Lock()
	c.asked[operation]++
	c.regions[region] = true
	refuse := c.refuse
	c.mu.Unlock()
	arn := func(name string) string { return "arn:aws:lambda:" + region + ":" + account + ":function:" + name }
	if c.closed[region] {
		fail(http.StatusForbidden, "UnrecognizedClientException", "The security token included in the request is invalid.")
		return
	}
	if refuse != nil {
		if status, code := refuse(r, name); status != 0 {
			fail(status, code, "Rate exceeded")
			return
		}
	}
	caller := "arn:aws:iam::" + account + ":role/caller"
	statement := func(sid, action string) map[string]any {
		return map[string]any{
			"Sid": sid, "Effect": "Allow", "Principal": map[string]string{"AWS": caller}, "Action": action, "Resource": arn(name),
		}
	}
	both := []any{statement("url", "lambda:InvokeFunctionUrl"), statement("invoke", "lambda:InvokeFunction")}
	switch {
	case r.FormValue("Action") == "GetCallerIdentity":
		fmt.Fprintf(w, "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>%s</Account><Arn>arn:aws:iam::%s:user/me</Arn>"+
			"<UserId>A</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>", account, account)
	case r.FormValue("Action") != "":
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>")
	case operation == "functions" && strings.Contains(path, "/resource-policy/"):
		fail(http.StatusForbidden, "AccessDeniedException", "not authorized to perform: lambda:GetResourcePolicy")
	case operation == "functions":
		functions := []any{}
		for _, name := range c.names[account+"/"+region] {
			functions = append(functions, map[string]string{"FunctionArn": arn(name), "Role": caller})
		}
		answer(map[string]any{"Functions": functions})
	case !slices.Contains(c.names[account+"/"+region], name):
		fail(http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+arn(name))
	case operation == "urls":
		answer(map[string]any{"FunctionUrlConfigs": []any{map[string]string{
			"FunctionArn": arn(name), "FunctionUrl": c.URL + "/_furl/url/" + name + "/", "AuthType": "AWS_IAM",
		}}})
	case strings.HasPrefix(name, "denied"):
		fail(http.StatusForbidden, "AccessDeniedException", "not authorized to perform: lambda:GetPolicy")
	case strings.HasPrefix(name, "nobody"):
		fail(http.StatusNotFound, "ResourceNotFoundException", "The resource you requested does not exist.")
	case strings.HasPrefix(name, "half"):
		answer(map[string]any{"Policy": policyOf(both[:1])})
	default:
		answer(map[string]any{"Policy": policyOf(both)})
	}
}

func policyOf(statements []any) string {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// named are n names that begin in the same way.
func named(prefix string, n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("%s%02d", prefix, i))
	}
	return names
}

// lastLine is the last line of a text.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1]
}

// The last line counts the function URLs by how they came out, and the exit status tells problems from what could not be
// looked at: a problem is one, whatever else could not be looked at.
func TestCountsOfAFleet(t *testing.T) {
	for _, test := range []struct {
		names []string
		want  string
		code  int
	}{
		{slices.Concat(named("ok", 18), named("half", 22)), "40 function URLs: 18 ok, 22 problems", 4},
		{named("ok", 1), "1 function URL: 1 ok, 0 problems", 0},
		{named("half", 1), "1 function URL: 0 ok, 1 problem", 4},
		{nil, "0 function URLs: 0 ok, 0 problems", 0},
		{named("nobody", 1), "1 function URL: 0 ok, 0 problems, 1 depends", 1},
		{named("nobody", 2), "2 function URLs: 0 ok, 0 problems, 2 depend", 1},
		{append(named("ok", 1), "denied"), "2 function URLs: 1 ok, 0 problems, 1 could not look", 1},
		{append(named("half", 1), "denied"), "2 function URLs: 0 ok, 1 problem, 1 could not look", 4},
		{[]string{"ok", "half", "nobody", "denied"}, "4 function URLs: 1 ok, 1 problem, 1 depends, 1 could not look", 4},
	} {
		newControl(t, map[string][]string{here + "/eu-west-1": test.names})
		code, stdout, stderr := run(t, nil, "check", "--all")
		if lastLine(stdout) != test.want || code != test.code {
			t.Errorf("exit status %d, want %d: %q, want %q; %s", code, test.code, lastLine(stdout), test.want, stderr)
		}
	}
}

func TestQuietFleet(t *testing.T) {
	newControl(t, map[string][]string{here + "/eu-west-1": {"ok1", "half1", "nobody1", "denied1"}})
	code, stdout, _ := run(t, nil, "check", "--all", "--quiet")
	if code != 4 || strings.Contains(stdout, "function:ok1") || strings.Contains(stdout, "function:nobody1") ||
		!strings.Contains(stdout, "problem         arn:aws:lambda:eu-west-1:"+here+":function:half1 ") ||
		!strings.Contains(stdout, "could not look  arn:aws:lambda:eu-west-1:"+here+":function:denied1 ") ||
		lastLine(stdout) != "4 function URLs: 1 ok, 1 problem, 1 depends, 1 could not look" {
		t.Errorf("exit status %d: %s", code, stdout)
	}
	newControl(t, map[string][]string{here + "/eu-west-1": named("ok", 3)})
	if code, stdout, stderr := run(t, nil, "check", "--all", "-q"); code != 0 || stdout+stderr != "" {
		t.Errorf("exit status %d, nothing wrong: %s%s", code, stdout, stderr)
	}
}

// Regions may be listed in each way, and the same function in two of them is two.
func TestRegionsOfAFleet(t *testing.T) {
	names := map[string][]string{here + "/eu-west-1": {"half"}, here + "/us-east-1": {"half", "ok"}}
	for _, flags := range []string{
		"--region eu-west-1,us-east-1", "--region us-east-1 --region eu-west-1", "--region all", "--region=eu-west-1,all",
		"--region eu-west-1,us-east-1,eu-west-1",
	} {
		server := newControl(t, names)
		code, stdout, stderr := run(t, nil, strings.Fields("check --all "+flags)...)
		if lastLine(stdout) != "3 function URLs: 1 ok, 2 problems" || code != 4 || stderr != "" {
			t.Errorf("%s: exit status %d: %s%s", flags, code, stdout, stderr)
		}
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			fix := "furl grant arn:aws:lambda:" + region + ":" + here + ":function:half --to arn:aws:iam::" + here + ":role/caller --region " + region
			if !strings.Contains(stdout, "\n  "+fix+"\n") {
				t.Errorf("%s: no %s in %s", flags, fix, stdout)
			}
		}
		if strings.Contains(flags, "all") != (len(server.regions) > 30) {
			t.Errorf("%s: %d regions were asked", flags, len(server.regions))
		}
	}
	for flags, says := range map[string]string{
		"--region eu-west-1,mars": `"mars" in --region is not the name of a region`,
		"--region eu-west-1,":     "an empty value between commas",
	} {
		if code, _, stderr := run(t, nil, strings.Fields("check --all "+flags)...); code != 2 || !strings.Contains(stderr, says) {
			t.Errorf("%s: exit status %d: %s", flags, code, stderr)
		}
	}
}

// A region that does not take the key is not enabled for the account, if others take it and all were meant. One that a
// person names could not be looked at. If none takes the key, the key is wrong.
func TestRegionThatIsNotEnabled(t *testing.T) {
	names := map[string][]string{here + "/eu-west-1": {"ok"}}
	server := newControl(t, names)
	server.closed["af-south-1"], server.closed["me-south-1"] = true, true
	code, stdout, _ := run(t, nil, "check", "--all", "--region", "all")
	if code != 0 || !strings.Contains(stdout, "note: not enabled for the account, since they do not take a key that other regions take: af-south-1, me-south-1\n") {
		t.Errorf("exit status %d: %s", code, stdout)
	}
	code, stdout, _ = run(t, nil, "check", "--all", "--region", "eu-west-1,af-south-1")
	if code != 1 || !strings.Contains(stdout, "\ncould not look  af-south-1  lambda:ListFunctions of af-south-1: The security token") ||
		lastLine(stdout) != "1 function URL: 1 ok, 0 problems; 1 region could not be looked at" {
		t.Errorf("exit status %d: %s", code, stdout)
	}
	server.closed["eu-west-1"] = true
	code, stdout, stderr := run(t, nil, "check", "--all", "--region", "eu-west-1,af-south-1")
	if code != 1 || stdout != "" || !strings.Contains(stderr, "The security token included in the request is invalid") {
		t.Errorf("exit status %d: %s%s", code, stdout, stderr)
	}
}

// A region whose list is refused is told as one that could not be looked at, and a problem elsewhere still decides.
func TestRegionThatIsDenied(t *testing.T) {
	server := newControl(t, map[string][]string{here + "/eu-west-1": {"half"}})
	server.refuse = func(r *http.Request, name string) (int, string) {
		if name == "" && strings.Contains(r.Header.Get("Authorization"), "us-east-1") {
			return http.StatusForbidden, "AccessDeniedException"
		}
		return 0, ""
	}
	code, stdout, _ := run(t, nil, "check", "--all", "--region", "eu-west-1,us-east-1")
	if code != 4 || lastLine(stdout) != "1 function URL: 0 ok, 1 problem; 1 region could not be looked at" {
		t.Errorf("exit status %d: %s", code, stdout)
	}
	code, stdout, stderr := run(t, nil, "check", "--all", "--region", "us-east-1")
	if code != 1 || stdout != "" || !strings.Contains(stderr, "lambda:ListFunctions") || !strings.Contains(stderr, "furl: hint: ") {
		t.Errorf("one region alone: exit status %d: %s%s", code, stdout, stderr)
	}
}

// A look that AWS refuses as one too many is made again; one that it always refuses could not be made, and is never ok.
func TestThrottledFleet(t *testing.T) {
	names := []string{"ok0", "ok1", "ok2", "half3"}
	server := newControl(t, map[string][]string{here + "/eu-west-1": names})
	var mu sync.Mutex
	seen := map[string]int{}
	server.refuse = func(r *http.Request, name string) (int, string) { // each call once, as each service words it
		mu.Lock()
		defer mu.Unlock()
		if seen[r.URL.Path]++; name == "" || seen[r.URL.Path] > 1 {
			return 0, ""
		}
		i := slices.Index(names, name)
		return []int{429, 400, 429, 400}[i], []string{"TooManyRequestsException", "ThrottlingException", "Unheard", "Throttling"}[i]
	}
	code, stdout, stderr := run(t, nil, "check", "--all")
	if code != 4 || lastLine(stdout) != "4 function URLs: 3 ok, 1 problem" {
		t.Errorf("exit status %d: %s%s", code, stdout, stderr)
	}
	server = newControl(t, map[string][]string{here + "/eu-west-1": {"ok", "ok2", "half"}})
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	server.refuse = func(_ *http.Request, name string) (int, string) {
		if name == "ok2" {
			return 429, "TooManyRequestsException"
		}
		return 0, ""
	}
	code, stdout, _ = run(t, nil, "check", "--all")
	if code != 4 || lastLine(stdout) != "3 function URLs: 1 ok, 1 problem, 1 could not look" ||
		!strings.Contains(stdout, "could not look  arn:aws:lambda:eu-west-1:"+here+":function:ok2  lambda:ListFunctionUrlConfigs of ") {
		t.Errorf("exit status %d: %s", code, stdout)
	}
}

// What cannot be looked at is no problem: a denial of the callers' policies ends with the status for that.
func TestCallersThatAreDenied(t *testing.T) {
	newControl(t, map[string][]string{here + "/eu-west-1": {"ok"}})
	code, stdout, stderr := run(t, nil, "check", "--all", "--callers")
	if code != 1 || stdout != "" || !strings.Contains(stderr, "iam:GetAccountAuthorizationDetails") || !strings.Contains(stderr, "furl: hint: ") {
		t.Errorf("exit status %d: %s%s", code, stdout, stderr)
	}
}

// The same name in two accounts and regions is told apart in each form.
func TestSameNameInTwoAccounts(t *testing.T) {
	newControl(t, map[string][]string{
		here + "/eu-west-1": {"half"}, here + "/us-east-1": {"half"}, there + "/eu-west-1": {"half"}, there + "/us-east-1": {"half"},
	})
	places := []string{}
	for profile, account := range map[string]string{"one": here, "two": there} {
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			places = append(places, profile+" arn:aws:lambda:"+region+":"+account+":function:half")
		}
	}
	slices.Sort(places)
	for form, found := range map[string]func(text string) []string{
		"text": func(text string) (list []string) {
			for _, m := range regexp.MustCompile(`(?m)^problem +profile (\w+): (arn\S+) `).FindAllStringSubmatch(text, -1) {
				list = append(list, m[1]+" "+m[2])
			}
			return list
		},
		"json": func(text string) (list []string) {
			var audit struct {
				Version   int
				Functions []struct {
					Profile, Function, Region, Account string
					Fix                                []string
				}
				Regions []struct{ Profile, Region, Account, Status string }
			}
			if err := json.Unmarshal([]byte(text), &audit); err != nil || audit.Version != 1 || len(audit.Regions) != 4 {
				t.Errorf("%v: %s", err, text)
			}
			for _, f := range audit.Functions {
				list = append(list, f.Profile+" "+f.Function)
				fix := "furl grant " + f.Function + " --to arn:aws:iam::" + f.Account + ":role/caller --profile " + f.Profile + " --region " + f.Region
				if diff := cmp.Diff([]string{fix}, f.Fix); diff != "" {
					t.Error(diff)
				}
			}
			return list
		},
		"sarif": func(text string) (list []string) {
			for _, result := range sarifOf(t, text) {
				profile, _, _ := strings.Cut(result.Properties.Suite, "/")
				list = append(list, profile+" "+result.Locations[0].LogicalLocations[0].FullyQualifiedName)
			}
			return list
		},
		"github": func(text string) (list []string) {
			for _, command := range commandsOf(t, text) {
				suite, rest, _ := strings.Cut(command.message, "/")
				_, rest, _ = strings.Cut(rest, ": ")
				list = append(list, suite+" "+rest[:strings.Index(rest, ": ")])
			}
			return list
		},
		"junit": func(text string) (list []string) {
			for _, suite := range junitOf(t, text).Suites {
				for _, c := range suite.Cases {
					profile, _, _ := strings.Cut(suite.Name, "/")
					list = append(list, profile+" "+c.Name)
				}
			}
			return list
		},
	} {
		code, stdout, stderr := run(t, nil, "check", "--all", "--profile", "one", "--profile", "two", "--region", "eu-west-1,us-east-1", "--format", form)
		if got := slices.Sorted(slices.Values(found(stdout))); code != 4 || !slices.Equal(got, places) {
			t.Errorf("%s: exit status %d: %q, want %q; %s", form, code, got, places, stderr)
		}
	}
	for _, whole := range []bool{false, true} {
		code, stdout, stderr := run(t, nil, "check", "--all", "--profile", "one,two", "--region", "eu-west-1,us-east-1",
			"--fix", "cli", "--whole="+strconv.FormatBool(whole))
		commands := regexp.MustCompile(`(?m)^aws (.*?)lambda .*iam::(\d+):role/caller`).FindAllStringSubmatch(stdout, -1)
		for _, command := range commands {
			want := map[string]string{here: "--profile one ", there: "--profile two "}[command[2]]
			if command[1] != want {
				t.Errorf("whole=%v: a command for account %s has %q, want %q", whole, command[2], command[1], want)
			}
		}
		if code != 4 || len(commands) < 4 {
			t.Errorf("whole=%v: exit status %d: %s%s", whole, code, stdout, stderr)
		}
	}
}

// Several functions are one check, with one summary.
func TestCheckOfSeveralFunctions(t *testing.T) {
	newControl(t, map[string][]string{here + "/eu-west-1": {"ok", "half"}, here + "/us-east-1": {"ok"}})
	code, stdout, stderr := run(t, nil, "check", "ok", "none", "arn:aws:lambda:us-east-1:"+here+":function:ok", "--as", "arn:aws:iam::"+there+":role/stranger")
	if code != 4 || !strings.HasPrefix(lastLine(stdout), "3 function URLs: ") ||
		!strings.Contains(stdout, "function:none ") || !strings.Contains(stdout, "arn:aws:lambda:us-east-1:"+here+":function:ok ") {
		t.Errorf("exit status %d: %s%s", code, stdout, stderr)
	}
	code, _, stderr = run(t, nil, "check", "ok", "arn:aws:lambda:us-east-1:"+here+":function:ok", "--region", "eu-west-1")
	if code != 2 || !strings.Contains(stderr, "leave --region out") {
		t.Errorf("exit status %d: %s", code, stderr)
	}
	code, stdout, stderr = run(t, nil, "check", "ok", "--region", "eu-west-1,us-east-1", "--json")
	if strings.Count(stdout, `:function:ok",`) < 2 || !strings.Contains(stdout, `"regionsNotLookedAt": 0`) {
		t.Errorf("exit status %d: %s%s", code, stdout, stderr)
	}
	if code, _, stderr := run(t, nil, "check", "ok", "a b"); code != 2 {
		t.Errorf("a name that is none: exit status %d: %s", code, stderr)
	}
}

func TestFormatFlag(t *testing.T) {
	newControl(t, map[string][]string{here + "/eu-west-1": {"ok"}})
	for _, command := range []string{"check --all", "check ok", "check --offline x", "policy lint x"} {
		for flags, says := range map[string]string{
			"--format yaml":         `--format: "yaml" is none of text, json, sarif, github and junit`,
			"--format sarif --json": "--json is --format json, and not sarif",
			"--format=":             "--format is empty",
		} {
			code, _, stderr := run(t, nil, strings.Fields(command+" "+flags)...)
			if code != 2 || !strings.Contains(stderr, says) {
				t.Errorf("%s %s: exit status %d: %s", command, flags, code, stderr)
			}
		}
	}
	_, one, _ := run(t, nil, "check", "--all", "--json")
	_, other, _ := run(t, nil, "check", "--all", "--format", "json")
	if diff := cmp.Diff(one, other); diff != "" {
		t.Error(diff)
	}
}

// sarifResult is what readers of SARIF ask of a result (GitHub Docs, "SARIF support for code scanning").
type sarifResult struct {
	RuleID    string
	RuleIndex int
	Level     string
	Message   struct{ Text string }
	Locations []struct {
		PhysicalLocation struct {
			ArtifactLocation struct{ URI string }
			Region           struct{ StartLine int }
		}
		LogicalLocations []struct{ FullyQualifiedName string }
	}
	PartialFingerprints map[string]string
	Properties          struct{ Suite, Outcome string }
}

func sarifOf(t *testing.T, text string) []sarifResult {
	t.Helper()
	var log struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct{ ID string }
				}
			}
			Results []sarifResult
		}
	}
	if err := json.Unmarshal([]byte(text), &log); err != nil || log.Version != "2.1.0" || len(log.Runs) != 1 || log.Runs[0].Tool.Driver.Name != "furl" {
		t.Fatalf("%v: %s", err, text)
	}
	for _, result := range log.Runs[0].Results {
		rules := log.Runs[0].Tool.Driver.Rules
		if result.RuleIndex < 0 || result.RuleIndex >= len(rules) || rules[result.RuleIndex].ID != result.RuleID {
			t.Errorf("rule %s at %d is none of %v", result.RuleID, result.RuleIndex, rules)
		}
		if result.Message.Text == "" || len(result.Locations) != 1 || result.Locations[0].PhysicalLocation.ArtifactLocation.URI == "" ||
			result.Locations[0].PhysicalLocation.Region.StartLine < 1 || len(result.PartialFingerprints) != 1 {
			t.Errorf("a result lacks something: %+v", result)
		}
	}
	return log.Runs[0].Results
}

// workflowCommand is a command as the runner reads it (actions/runner, ActionCommand.TryParseV2).
type workflowCommand struct {
	name       string
	properties map[string]string
	message    string
}

func commandsOf(t *testing.T, text string) (list []workflowCommand) {
	t.Helper()
	unescape := func(text string, escapes ...string) string { return strings.NewReplacer(escapes...).Replace(text) }
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if !strings.HasPrefix(strings.TrimLeft(line, " \t"), "::") {
			continue
		}
		head, message, ok := strings.Cut(line[2:], "::")
		if !ok {
			t.Errorf("%q is no command", line)
			continue
		}
		name, properties, _ := strings.Cut(head, " ")
		command := workflowCommand{name, map[string]string{}, unescape(message, "%0D", "\r", "%0A", "\n", "%25", "%")}
		for property := range strings.SplitSeq(properties, ",") {
			key, value, ok := strings.Cut(property, "=")
			if !ok {
				t.Errorf("%q is no property in %q", property, line)
			}
			command.properties[key] = unescape(value, "%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%")
		}
		list = append(list, command)
	}
	return list
}

type junitSuites struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
	Suites   []struct {
		Name  string `xml:"name,attr"`
		Tests int    `xml:"tests,attr"`
		Cases []struct {
			Name                    string `xml:"name,attr"`
			Class                   string `xml:"classname,attr"`
			File                    string `xml:"file,attr"`
			Failure, Error, Skipped []struct {
				Message string `xml:"message,attr"`
				Text    string `xml:",chardata"`
			} `xml:"-"`
			Outcomes []struct {
				XMLName xml.Name
				Message string `xml:"message,attr"`
			} `xml:",any"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func junitOf(t *testing.T, text string) (all junitSuites) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&all); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if _, err := decoder.Token(); err != nil && err != io.EOF {
		if _, err = decoder.Token(); err != io.EOF {
			t.Errorf("something follows: %v", err)
		}
	}
	tests, outcomes := 0, map[string]int{}
	for _, suite := range all.Suites {
		if suite.Tests != len(suite.Cases) || suite.Name == "" {
			t.Errorf("suite %q has %d cases, not %d", suite.Name, len(suite.Cases), suite.Tests)
		}
		tests += suite.Tests
		for _, c := range suite.Cases {
			if c.Name == "" || c.Class == "" || len(c.Outcomes) > 1 {
				t.Errorf("a case is odd: %+v", c)
			}
			for _, outcome := range c.Outcomes {
				outcomes[outcome.XMLName.Local]++
			}
		}
	}
	want := map[string]int{"failure": all.Failures, "error": all.Errors, "skipped": all.Skipped}
	maps.DeleteFunc(want, func(_ string, n int) bool { return n == 0 })
	if diff := cmp.Diff(want, outcomes); diff != "" || tests != all.Tests {
		t.Errorf("%d of %d tests: %s", tests, all.Tests, diff)
	}
	return all
}

// Each outcome has its form: SARIF's levels, GitHub's commands, JUnit's elements.
func TestOutcomesInEachForm(t *testing.T) {
	newControl(t, map[string][]string{here + "/eu-west-1": {"ok", "half", "nobody", "denied"}})
	form := func(name string) string {
		code, stdout, stderr := run(t, nil, "check", "--all", "--format", name)
		if code != 4 || stderr != "" {
			t.Errorf("%s: exit status %d: %s", name, code, stderr)
		}
		return stdout
	}
	got := map[string]string{}
	for _, result := range sarifOf(t, form("sarif")) {
		name := result.Locations[0].LogicalLocations[0].FullyQualifiedName
		got["sarif "+name[strings.LastIndex(name, ":")+1:]] = result.RuleID + " " + result.Level + " " + result.Properties.Outcome
		if name != result.Locations[0].PhysicalLocation.ArtifactLocation.URI {
			t.Errorf("%s is at %s", name, result.Locations[0].PhysicalLocation.ArtifactLocation.URI)
		}
	}
	text := form("github")
	for _, command := range commandsOf(t, text) {
		name, _, _ := strings.Cut(command.message[strings.Index(command.message, "function:")+len("function:"):], ":")
		got["github "+name] = command.name + " " + command.properties["title"]
		if name == "half" && !strings.Contains(command.message, "\nfix: furl grant ") {
			t.Errorf("no fix in %q", command.message)
		}
	}
	if lastLine(text) != "4 function URLs: 1 ok, 1 problem, 1 depends, 1 could not look" {
		t.Errorf("last line %q", lastLine(text))
	}
	for _, c := range junitOf(t, form("junit")).Suites[0].Cases {
		name := c.Name[strings.LastIndex(c.Name, ":")+1:]
		got["junit "+name] = "passed"
		if len(c.Outcomes) > 0 {
			got["junit "+name] = c.Outcomes[0].XMLName.Local
		}
	}
	want := map[string]string{
		"sarif half": "missing-action error problem", "sarif nobody": "depends-on-callers note note",
		"sarif denied": "could-not-look warning could not look", "github half": "error furl check missing-action",
		"github nobody": "notice furl check depends-on-callers", "github denied": "warning furl check could-not-look",
		"junit ok": "passed", "junit half": "failure", "junit nobody": "skipped", "junit denied": "error",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
