//go:build unix

package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/furl-dev/furl/internal/arn"
	"github.com/furl-dev/furl/internal/iam"
	"github.com/furl-dev/furl/internal/state"
	"github.com/furl-dev/furl/internal/trace"
	"github.com/furl-dev/furl/policy"
	"github.com/furl-dev/furl/policy/urllint"
	"github.com/furl-dev/furl/sigv4"
)

// shownPolicy is a Policy of the page.
type shownPolicy struct {
	PolicyRef
	Document string `json:"document"`
	Revision string `json:"revision"`
	Editable bool   `json:"editable"`
	Why      string `json:"why,omitempty"`
	Lint     []lint `json:"lint"`
}

// lint is a Lint of the page.
type lint struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Line     int    `json:"line"`
	Text     string `json:"text"`
	Fix      string `json:"fix,omitempty"`
}

// kept is a policy as the world has it.
type keptPolicy struct {
	text     string // as the API shows it; "" if there is none
	revision string
	kind     policy.Kind
}

// findPolicy is the policy with the id. Its owner exists.
func findPolicy(world *state.Snapshot, id policyID) (keptPolicy, error) {
	missing := func(what string) (keptPolicy, error) {
		return keptPolicy{}, &Fault{http.StatusNotFound, "there is no " + what}
	}
	kept := keptPolicy{kind: policy.Identity}
	switch id.kind {
	case resourcePolicy:
		function, ok := world.Function(id.function.Unqualified())
		if !ok {
			return missing("function " + id.function.Unqualified().String())
		}
		own := function.Policies[id.function.Qualifier]
		text, err := own.Shown(world.ShowPrincipal)
		return keptPolicy{text, own.RevisionID, policy.Resource}, err
	case managedPolicy, boundaryPolicy:
		found, ok := world.Policy(id.arn)
		if !ok {
			return missing("managed policy " + id.arn)
		}
		kept.text = found.InForce().Policy.Text
	case trustPolicy:
		role, ok := world.Role(id.account, id.owner.Name)
		if !ok {
			return missing(id.owner.String())
		}
		kept.text, kept.kind = role.Trust.Text, policy.Trust
	case inlinePolicy:
		grants, ok := grantsOf(world, id)
		if !ok {
			return missing(id.owner.String())
		}
		kept.text = grants.Inline[id.name].Text
	}
	sum := sha256.Sum256([]byte(kept.text)) // IAM has no revisions
	kept.revision = hex.EncodeToString(sum[:16])
	return kept, nil
}

// grantsOf are the policies of the owner of an inline policy.
func grantsOf(world *state.Snapshot, id policyID) (*iam.Grants, bool) {
	switch id.owner.Kind {
	case iam.OfUser:
		if user, ok := world.User(id.account, id.owner.Name); ok {
			return &user.Grants, true
		}
	case iam.OfRole:
		if role, ok := world.Role(id.account, id.owner.Name); ok {
			return &role.Grants, true
		}
	case iam.OfGroup:
		if group, ok := world.Group(id.account, id.owner.Name); ok {
			return &group.Grants, true
		}
	}
	return nil, false
}

// showPolicy shows a policy with what is likely wrong with it.
func (c *Console) showPolicy(r *http.Request) (any, error) {
	id, err := parsePolicyID(r.URL.Query().Get("id"))
	if err != nil {
		return nil, err
	}
	kept, err := findPolicy(c.State.Now(), id)
	if err != nil {
		return nil, err
	}
	shown := shownPolicy{PolicyRef: id.ref(), Document: indented(kept.text), Revision: kept.revision, Lint: []lint{}}
	shown.Why = c.locked(id)
	shown.Editable = shown.Why == ""
	if document, err := policy.ParseTaken([]byte(shown.Document), kept.kind); shown.Document != "" && err == nil {
		shown.Lint = c.lintOf(document, shown.Name)
	}
	return shown, nil
}

// locked says why a policy cannot be saved; "" if it can.
func (c *Console) locked(id policyID) string {
	switch {
	case strings.Contains(id.arn, "::"+iam.AWS+":"):
		return "AWS's own policies cannot be changed"
	case !c.Edit:
		return readOnly.Message
	}
	return ""
}

// indented is JSON in lines; what is no JSON stays as it is.
func indented(text string) string {
	var out bytes.Buffer
	if json.Indent(&out, []byte(text), "", "  ") != nil {
		return text
	}
	return out.String()
}

func (c *Console) lintOf(document *policy.Document, name string) []lint {
	found := []lint{}
	for _, warning := range document.Warnings() {
		found = append(found, lint{"document", "warning", warning.Line, warning.Message, ""})
	}
	for _, finding := range (&urllint.Linter{Now: c.Now}).Lint(policy.Named{Name: name, Document: document}) {
		start, _ := finding.Position()
		found = append(found, lint{string(finding.Rule), finding.Severity.String(), start.Line, finding.Message, finding.Fix})
	}
	return found
}

// whatIfWanted is a WhatIf of the page.
type whatIfWanted struct {
	Policy   string   `json:"policy"`
	Document string   `json:"document"`
	Callers  []string `json:"callers"`
	URLs     []string `json:"urls"`
}

// whatIfAnswer is a WhatIfAnswer of the page.
type whatIfAnswer struct {
	Error   *documentError `json:"error,omitempty"`
	Lint    []lint         `json:"lint"`
	Changes []change       `json:"changes"`
}

type documentError struct {
	Text string `json:"text"`
	Line int    `json:"line"`
}

type change struct {
	Caller string     `json:"caller"`
	URL    string     `json:"url"`
	Before accessCell `json:"before"`
	After  accessCell `json:"after"`
}

// whatIf says which of the cells in view would change if a policy had another document. Nothing is saved.
func (c *Console) whatIf(r *http.Request) (any, error) {
	wanted, err := readInto[whatIfWanted](r)
	if err != nil {
		return nil, err
	}
	id, err := parsePolicyID(wanted.Policy)
	if err != nil {
		return nil, err
	}
	if len(wanted.Callers) > mostInMatrix || len(wanted.URLs) > mostInMatrix {
		return nil, &Fault{http.StatusBadRequest, fmt.Sprintf("callers, urls: there are %d and %d, of %d at most", len(wanted.Callers),
			len(wanted.URLs), mostInMatrix)}
	}
	world := c.State.Now()
	kept, err := findPolicy(world, id)
	if err != nil {
		return nil, err
	}
	answer := whatIfAnswer{Lint: []lint{}, Changes: []change{}}
	var document *policy.Document
	if strings.TrimSpace(wanted.Document) != "" {
		if document, err = policy.Parse([]byte(wanted.Document), kept.kind); err != nil {
			answer.Error = &documentError{Text: err.Error()}
			if faults, ok := errors.AsType[policy.Faults](err); ok && len(faults) > 0 {
				answer.Error.Line = faults[0].Line
			}
			return answer, nil
		}
		answer.Lint = c.lintOf(document, id.ref().Name)
	}
	supposed, err := state.Suppose(world, func(tx *state.Tx) error { return replacePolicy(tx, id, document) })
	if err != nil {
		return nil, err
	}
	for _, name := range wanted.Callers {
		before, err := callerOf(world, name)
		if err != nil {
			return nil, err
		}
		after, err := callerOf(supposed, name)
		if err != nil {
			return nil, err
		}
		for _, urlID := range wanted.URLs {
			now, err := urlOf(world, urlID)
			if err != nil {
				return nil, err
			}
			then, err := urlOf(supposed, urlID)
			if err != nil {
				return nil, err
			}
			was, would := c.cell(world, before, now).cell, c.cell(supposed, after, then).cell
			if was != would {
				answer.Changes = append(answer.Changes, change{name, urlID, was, would})
			}
		}
	}
	return answer, nil
}

// replacePolicy puts the document in the place of the policy; nil for none.
func replacePolicy(tx *state.Tx, id policyID, document *policy.Document) error {
	world := tx.View()
	switch id.kind {
	case resourcePolicy:
		function, ok := world.Function(id.function.Unqualified())
		if !ok {
			return &Fault{http.StatusNotFound, "there is no function " + id.function.String()}
		}
		text := ""
		if document != nil {
			stored, err := document.MapPrincipals(func(given string) string {
				if unique, ok := world.PrincipalID(given); ok {
					return unique
				}
				return given
			})
			if err != nil {
				return err
			}
			text = stored.Source()
		}
		changed := function.Clone()
		changed.SetPolicy(id.function.Qualifier, text, "")
		return tx.Put(changed)
	case managedPolicy, boundaryPolicy:
		found, ok := world.Policy(id.arn)
		if !ok || found.Account == iam.AWS {
			return &Fault{http.StatusConflict, "the policy " + id.arn + " cannot be changed"}
		}
		if document == nil {
			document = &policy.Document{}
		}
		changed := found.Clone()
		for i := range changed.Versions {
			if changed.Versions[i].ID == changed.Default {
				changed.Versions[i].Policy = iam.NewPolicy(document)
			}
		}
		return tx.Put(changed)
	case inlinePolicy:
		return replaceInline(tx, world, id, document)
	}
	return nil // a trust policy lets nobody call
}

func replaceInline(tx *state.Tx, world *state.Snapshot, id policyID, document *policy.Document) error {
	set := func(grants *iam.Grants) {
		if document == nil {
			delete(grants.Inline, id.name)
			return
		}
		if grants.Inline == nil {
			grants.Inline = map[string]iam.Policy{}
		}
		grants.Inline[id.name] = iam.NewPolicy(document)
	}
	switch id.owner.Kind {
	case iam.OfUser:
		if user, ok := world.User(id.account, id.owner.Name); ok {
			changed := user.Clone()
			set(&changed.Grants)
			return tx.Put(changed)
		}
	case iam.OfRole:
		if role, ok := world.Role(id.account, id.owner.Name); ok {
			changed := role.Clone()
			set(&changed.Grants)
			return tx.Put(changed)
		}
	case iam.OfGroup:
		if group, ok := world.Group(id.account, id.owner.Name); ok {
			changed := group.Clone()
			set(&changed.Grants)
			return tx.Put(changed)
		}
	}
	return &Fault{http.StatusNotFound, "there is no " + id.owner.String()}
}

// savePolicyWanted is a SavePolicy of the page.
type savePolicyWanted struct {
	ID       string `json:"id"`
	Document string `json:"document"`
	Revision string `json:"revision"`
}

// savePolicy saves a policy through the server's own APIs, as the root user of its account, so that all that AWS asks of a
// document is asked of this one. One that has changed since it was read stays as it is.
func (c *Console) savePolicy(r *http.Request) (any, error) {
	wanted, err := readInto[savePolicyWanted](r)
	if err != nil {
		return nil, err
	}
	id, err := parsePolicyID(wanted.ID)
	if err != nil {
		return nil, err
	}
	if why := c.locked(id); why != "" {
		return nil, &Fault{http.StatusForbidden, why}
	}
	c.saving.Lock() // what is compared and what is saved stay together, as far as the console is concerned
	defer c.saving.Unlock()
	world := c.State.Now()
	kept, err := findPolicy(world, id)
	if err != nil {
		return nil, err
	}
	if kept.revision != wanted.Revision {
		return nil, &Fault{http.StatusConflict, "the " + id.ref().Name + " has changed since you read it: read it again, and then save"}
	}
	if err := c.save(r.Context(), world, id, kept, strings.TrimSpace(wanted.Document)); err != nil {
		return nil, err
	}
	saved, err := findPolicy(c.State.Now(), id)
	if err != nil {
		return nil, err
	}
	return struct {
		Revision string `json:"revision"`
	}{saved.revision}, nil
}

func (c *Console) save(ctx context.Context, world *state.Snapshot, id policyID, kept keptPolicy, document string) error {
	if id.kind == resourcePolicy {
		path := "/2026-07-09/resource-policy/" + url.PathEscape(id.function.String())
		if document == "" {
			if kept.text == "" {
				return nil
			}
			return c.ask(ctx, id.function.Account, "lambda", http.MethodDelete, path+"?RevisionId="+url.QueryEscape(kept.revision), "")
		}
		body := map[string]string{"Policy": document}
		if kept.revision != "" {
			body["RevisionId"] = kept.revision
		}
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		return c.ask(ctx, id.function.Account, "lambda", http.MethodPut, path, string(text))
	}
	iamCall := func(account, action string, parameters ...string) error {
		form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
		for i := 0; i < len(parameters); i += 2 {
			form.Set(parameters[i], parameters[i+1])
		}
		return c.ask(ctx, account, "iam", http.MethodPost, "/", form.Encode())
	}
	if document == "" && id.kind != inlinePolicy {
		return &Fault{http.StatusBadRequest, "the " + id.ref().Name + " cannot be without a document"}
	}
	switch id.kind {
	case trustPolicy:
		return iamCall(id.account, "UpdateAssumeRolePolicy", "RoleName", id.owner.Name, "PolicyDocument", document)
	case inlinePolicy:
		kind := map[iam.OwnerKind]string{iam.OfUser: "User", iam.OfRole: "Role", iam.OfGroup: "Group"}[id.owner.Kind]
		if document == "" {
			return iamCall(id.account, "Delete"+kind+"Policy", kind+"Name", id.owner.Name, "PolicyName", id.name)
		}
		return iamCall(id.account, "Put"+kind+"Policy", kind+"Name", id.owner.Name, "PolicyName", id.name, "PolicyDocument", document)
	}
	account := arn.AccountOf(id.arn)
	create := func() error {
		return iamCall(account, "CreatePolicyVersion", "PolicyArn", id.arn, "PolicyDocument", document, "SetAsDefault", "true")
	}
	const mostVersions = 5 // of a managed policy (IAM User Guide, "IAM and AWS STS quotas")
	// LimitExceeded is a 409 (IAM API Reference, "CreatePolicyVersion"). The API has taken the document by then, so that no
	// version goes for one that it refuses.
	err := create()
	fault, isFault := errors.AsType[*Fault](err)
	found, ok := world.Policy(id.arn)
	if !ok || !isFault || fault.Status != http.StatusConflict || len(found.Versions) < mostVersions {
		return err
	}
	for _, version := range found.Versions {
		if version.ID != found.Default { // the oldest that is not in force makes room
			if err := iamCall(account, "DeletePolicyVersion", "PolicyArn", id.arn, "VersionId", version.ID); err != nil {
				return err
			}
			return create()
		}
	}
	return err
}

// ask calls an API of the server as the root user of the account.
func (c *Console) ask(ctx context.Context, account, service, method, target, body string) error {
	credentials, err := c.credentials(ctx, arn.Root(account).String())
	if err != nil {
		return err
	}
	_, host, _ := strings.Cut(c.Endpoint, "://")
	s := &sending{method: method, target: target, host: host, region: c.Region, header: http.Header{}, body: []byte(body)}
	if service == "iam" {
		s.region = "us-east-1"
		s.header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	} else if name, err := lambdaRegion(target); err == nil {
		s.region = name
		s.header.Set("Content-Type", "application/json")
	}
	request := s.request(ctx, c.Endpoint)
	signer := &sigv4.Signer{Region: s.region, Service: service, Now: c.Now}
	if _, err := signer.Sign(request, credentials, sigv4.PayloadBytes(s.body)); err != nil {
		return err
	}
	response, err := c.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil || response.StatusCode < http.StatusMultipleChoices {
		return err
	}
	status := http.StatusBadRequest
	if response.StatusCode == http.StatusPreconditionFailed || response.StatusCode == http.StatusConflict {
		status = http.StatusConflict
	}
	return &Fault{status, "not saved: " + saidBy(string(text))}
}

const maxAnswer = 64 << 10

// lambdaRegion is the region of the function that a path of the Lambda API names.
func lambdaRegion(target string) (string, error) {
	path, _, _ := strings.Cut(target, "?")
	name, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil {
		return "", err
	}
	parsed, err := arn.ParseFunctionARN(name)
	return parsed.Region, err
}

// saidBy is the message in the error of an API, in JSON or XML.
func saidBy(text string) string {
	var answer struct{ Message string }
	if json.Unmarshal([]byte(text), &answer) == nil && answer.Message != "" {
		return answer.Message
	}
	var failed struct {
		Message string `xml:"Error>Message"`
	}
	if xml.Unmarshal([]byte(text), &failed) == nil && failed.Message != "" {
		return failed.Message
	}
	return trace.Cut(text, 512)
}
