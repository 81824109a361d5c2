//go:build unix

package interop_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/furl-dev/furl/policy"
)

// evaluationCase is a case of policy/testdata/evaluation-logic.json, and what python/authorization.py has to know of it
// besides. A test of package policy says what the words of the file mean.
type evaluationCase struct {
	Caller, Identity, Boundary, Session string
	SCPs                                []string
	Resource                            string
	Instead                             string // how it is asked, if not by a call of a function URL; the file says why
	Want                                string // the reason

	ID          int
	Owner, Home string // the accounts of the function and of the caller
}

// evaluationAnswer is how the server answered a case.
type evaluationAnswer struct {
	ID        int
	ARN       string // of the caller
	Status    int
	ErrorType string
	RequestID string
	Body      string // for an API call the message of the error
	Resource  string // the role that was to be assumed
	Error     string // what went wrong before there was an answer
}

// TestEvaluationLogic asks a running server the cases of AWS's pages on policy evaluation that package policy is tested
// with. boto3 makes the users, roles, sessions and policies of each, botocore signs a call of a function URL, and furl
// explain has to name the policy that decided.
func TestEvaluationLogic(t *testing.T) {
	need(t, "python")
	pages, why := evaluationLogic(t)
	world := &evaluationWorld{dir: t.TempDir(), accounts: map[string]string{}}
	reasons := map[string]bool{}
	for _, page := range pages {
		for i := range page.Cases {
			c := &page.Cases[i]
			world.place(t, c)
			reasons[c.Want] = reasons[c.Want] || c.Instead != notAsked
		}
	}
	for reason := policy.ReasonAllowed; reason <= policy.ReasonDeniedBySCP; reason++ {
		if !reasons[reason.String()] {
			t.Errorf("no case is about: %s", reason)
		}
	}
	s := startServer(t, world.flags...)
	answers := world.ask(t, s, pages)

	for _, page := range pages {
		t.Run(page.Title, func(t *testing.T) {
			for _, c := range page.Cases {
				if c.Instead == notAsked {
					t.Logf("not asked: %s: %s", c.name(), why[c.Instead])
					continue
				}
				t.Run(c.name(), func(t *testing.T) {
					answer := answers[c.ID]
					if answer.Error != "" {
						t.Fatal(answer.Error)
					}
					if problem := c.judge(t, s, answer); problem != "" {
						t.Errorf("%s\n%s: want %s\nanswered %+v", page.URL, problem, c.Want, answer)
					}
				})
			}
		})
	}
}

type evaluationPage struct {
	Title, URL string
	Cases      []evaluationCase
}

// What stands in the field instead of a case.
const (
	byAssumeRole     = "AssumeRole"
	bySimulation     = "SimulatePrincipalPolicy"
	byCreateFunction = "CreateFunction"
	bySilentSCP      = "silent SCP"
	notAsked         = "nothing"
)

// evaluationLogic reads the cases, and why some cannot be asked by a call of a function URL.
func evaluationLogic(t *testing.T) (pages []evaluationPage, why map[string]string) {
	t.Helper()
	text, err := os.ReadFile("../policy/testdata/evaluation-logic.json")
	if err != nil {
		t.Fatal(err)
	}
	file := decode[struct {
		Instead map[string]string
		Pages   []evaluationPage
	}](t, string(text))
	return file.Pages, file.Instead
}

// name is the case in words.
func (c evaluationCase) name() string {
	words := []string{c.Caller}
	for _, part := range []struct{ kind, text string }{
		{"identity", c.Identity}, {"boundary", c.Boundary}, {"session", c.Session},
		{"SCPs", strings.Join(c.SCPs, ",")}, {"resource", c.Resource},
	} {
		if part.text != "" {
			words = append(words, part.kind+" "+part.text)
		}
	}
	return strings.Join(words, "; ")
}

// evaluationWorld is the accounts that the cases need: service control policies belong to an account, so that cases
// with different ones have different accounts.
type evaluationWorld struct {
	dir      string
	flags    []string
	accounts map[string]string // by what stands for their service control policies
	cases    int
}

// evaluated are the actions that the policies of cases are about.
var evaluated = []string{"lambda:InvokeFunctionUrl", "lambda:InvokeFunction", "sts:AssumeRole"}

// place gives the case its accounts.
func (w *evaluationWorld) place(t *testing.T, c *evaluationCase) {
	t.Helper()
	c.ID = w.cases
	w.cases++
	switch c.Caller {
	case "eve", "foreign":
		c.Owner, c.Home = w.account(t, "owner", nil), w.account(t, "stranger", c.SCPs)
	default:
		c.Owner = w.account(t, "owner", c.SCPs)
		c.Home = c.Owner
	}
}

func (w *evaluationWorld) account(t *testing.T, kind string, scps []string) string {
	t.Helper()
	key := fmt.Sprintf("%s %q", kind, scps)
	if id, ok := w.accounts[key]; ok {
		return id
	}
	id := fmt.Sprintf("%012d", 111122223333+len(w.accounts))
	w.accounts[key] = id
	w.flags = append(w.flags, "--account", id)
	for _, scp := range scps {
		w.flags = append(w.flags, "--scp", id+"="+w.scp(t, scp))
	}
	return id
}

// scp writes a service control policy. Whatever it says of the actions in question, the account can be set up under it.
func (w *evaluationWorld) scp(t *testing.T, effect string) string {
	t.Helper()
	actions := `"` + strings.Join(evaluated, `","`) + `"`
	statements := map[string]string{
		"Allow": `{"Effect":"Allow","Action":"*","Resource":"*"}`,
		"none":  `{"Effect":"Allow","NotAction":[` + actions + `],"Resource":"*"}`,
		"":      `{"Effect":"Allow","NotAction":[` + actions + `],"Resource":"*"}`,
		"Deny":  `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":[` + actions + `],"Resource":"*"}`,
	}
	path := filepath.Join(w.dir, "scp-"+effect+".json")
	document := `{"Version":"2012-10-17","Statement":[` + statements[effect] + `]}`
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ask has python/authorization.py ask the cases, and returns the answers by the number of the case.
func (w *evaluationWorld) ask(t *testing.T, s *server, pages []evaluationPage) map[int]evaluationAnswer {
	t.Helper()
	type keys struct{ AccessKeyId, SecretAccessKey string } //nolint:revive // as boto3 names them
	task := struct {
		Cases    []evaluationCase `json:"cases"`
		Accounts map[string]keys  `json:"accounts"`
		Actions  []string         `json:"actions"`
	}{Accounts: map[string]keys{}, Actions: evaluated}
	for _, page := range pages {
		for _, c := range page.Cases {
			if c.Instead != notAsked {
				task.Cases = append(task.Cases, c)
			}
		}
	}
	for _, id := range w.accounts {
		env := s.in(t, id).vars
		task.Accounts[id] = keys{env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]}
	}
	stdin, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	done := run(t, s.env(), bytes.NewReader(stdin), python(t), "python/authorization.py")
	if done.code != 0 {
		t.Fatalf("exit %d: %s", done.code, done.stderr)
	}
	answers := map[int]evaluationAnswer{}
	for lines := bufio.NewScanner(strings.NewReader(done.stdout)); lines.Scan(); {
		answer := decode[evaluationAnswer](t, lines.Text())
		answers[answer.ID] = answer
	}
	if len(answers) != len(task.Cases) {
		t.Fatalf("%d cases were asked, not %d: %s", len(answers), len(task.Cases), done.stderr)
	}
	return answers
}

// judge says what is wrong with the answer to a case, and is empty if nothing is.
func (c evaluationCase) judge(t *testing.T, s *server, got evaluationAnswer) string {
	t.Helper()
	allowed := c.Want == policy.ReasonAllowed.String()
	switch c.Instead {
	case byAssumeRole:
		if allowed {
			return expect(got, 200, "", "")
		}
		message := fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s with an %s",
			got.ARN, got.Resource, c.Want)
		return orElse(expect(got, 403, "AccessDenied", message), c.explained(t, s, got, "sts:AssumeRole"))
	case bySimulation:
		if allowed {
			return expect(got, 200, "", "allowed IAM Policy")
		}
		return expect(got, 200, "", "explicitDeny Resource Policy") // which is the only reason of those cases
	case byCreateFunction:
		if allowed {
			return expect(got, 201, "", "")
		}
		// Like AWS, furl does not say why a role does not let Lambda assume it.
		const message = "The role defined for the function cannot be assumed by Lambda."
		return expect(got, 400, "InvalidParameterValueException", message)
	case "", bySilentSCP:
		if allowed {
			return orElse(expect(got, 200, "", got.Body), called(t, got))
		}
		refused := expect(got, 403, accessDenied, forbidden)
		return orElse(refused, c.explained(t, s, got, "lambda:InvokeFunctionUrl", "lambda:InvokeFunction"))
	default:
		return "there is no way to ask by " + c.Instead
	}
}

func orElse(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

func expect(got evaluationAnswer, status int, errorType, body string) string {
	if got.Status != status || got.ErrorType != errorType || got.Body != body {
		return fmt.Sprintf("the answer is not %d %s %s", status, errorType, body)
	}
	return ""
}

// called says what is wrong with a call that the function has answered: it has to be told who the caller is.
func called(t *testing.T, got evaluationAnswer) string {
	t.Helper()
	if caller := decode[struct{ Caller string }](t, got.Body).Caller; caller != got.ARN {
		return fmt.Sprintf("the function was called by %q", caller)
	}
	return ""
}

// explained says what furl explain leaves out: for each action it has to name the reason of the case.
func (c evaluationCase) explained(t *testing.T, s *server, got evaluationAnswer, actions ...string) string {
	t.Helper()
	reason := c.Want
	if reason == policy.ReasonNoIdentityPolicy.String() && c.Owner == c.Home {
		reason = nobodyAllows // either side would do
	}
	var texts []string
	for _, action := range actions {
		texts = append(texts, action+" denied: "+reason)
	}
	if strings.HasSuffix(c.Resource, ".former") {
		texts = append(texts, "that is the id of a user or role that was deleted")
	}
	return missing(s.explain(t, got.RequestID), texts)
}
