//go:build unix

package attack_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/furl-dev/furl/internal/app"
)

type cell struct{ Standing, URL, Invoke string }

// matrix is who may call what, as the console shows it.
type matrix struct {
	Callers []struct{ ARN, Kind string }
	URLs    []struct{ ID, Name, AuthType string }
	Cells   [][]cell
}

func (m matrix) at(t *testing.T, caller, id string) cell {
	t.Helper()
	for i, row := range m.Callers {
		for j, column := range m.URLs {
			if row.ARN == caller && column.ID == id {
				return m.Cells[i][j]
			}
		}
	}
	t.Fatalf("no cell of %s and %s in %+v", caller, id, m)
	return cell{}
}

func (w *world) console(t *testing.T, method, target, body string, into any) answer {
	t.Helper()
	r := w.asOwner("/_furl/v1/" + target)
	r.method, r.body = method, body
	if body != "" {
		r = r.with("Content-Type: application/json")
	}
	a := w.send(t, r)
	if into != nil {
		if err := json.Unmarshal([]byte(a.body), into); err != nil || a.status != 200 {
			t.Fatalf("%s %s: %v: %v", method, target, err, a)
		}
	}
	return a
}

// Each cell is what the server answers to a real call.
func TestMatrixIsTrue(t *testing.T) {
	t.Parallel()
	for name, legacy := range map[string]bool{"both actions": false, "one action": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *app.Config) { c.LegacyURLPermissions = legacy })
			w.rootA.allow(t, "mallory", "p", document(statement("Allow", "lambda:InvokeFunctionUrl")))
			// A group gives the other action, and a boundary takes one from somebody who has a policy of his own.
			w.rootA.iam(t, "CreateGroup", "GroupName", "callers")
			w.rootA.iam(t, "PutGroupPolicy", "GroupName", "callers", "PolicyName", "p",
				"PolicyDocument", document(statement("Allow", "lambda:InvokeFunction")))
			w.rootA.iam(t, "AddUserToGroup", "GroupName", "callers", "UserName", "mallory")
			w.rootA.iam(t, "CreateUser", "UserName", "bounded")
			w.rootA.allow(t, "bounded", "p", mayDoLambda)
			made := w.rootA.iam(t, "CreatePolicy", "PolicyName", "bound",
				"PolicyDocument", document(statement("Allow", "lambda:InvokeFunction")))
			_, arn, _ := strings.Cut(made.body, "<Arn>")
			arn, _, _ = strings.Cut(arn, "</Arn>")
			w.rootA.iam(t, "PutUserPermissionsBoundary", "UserName", "bounded", "PermissionsBoundary", arn)
			bounded := w.rootA.createKey(t, "bounded")
			var m matrix
			w.console(t, "GET", "access?callerLimit=40&urlLimit=40", "", &m)
			people := map[string]person{
				"arn:aws:iam::" + accountA + ":root": w.rootA, "arn:aws:iam::" + accountB + ":root": w.rootB,
				"arn:aws:iam::" + accountA + ":user/alice": w.alice, "arn:aws:iam::" + accountA + ":user/mallory": w.mallory,
				"arn:aws:iam::" + accountA + ":user/bounded": bounded,
				"arn:aws:iam::" + accountB + ":user/alice":   w.bob, "*": w.unsigned,
			}
			seen := map[string]int{}
			for _, column := range m.URLs {
				for arn, who := range people {
					shown := m.at(t, arn, column.ID)
					a := who.call(t, column.ID)
					if a.status == http.StatusOK {
						w.mean(a)
					}
					if may := shown.Standing == "may call"; may != (a.status == http.StatusOK) {
						t.Errorf("%s of %s is %+v, and the server answers %d", arn, column.Name, shown, a.status)
					}
					seen[shown.Standing]++
				}
			}
			if seen["may call"] == 0 || seen["may not call"] == 0 {
				t.Errorf("the matrix has only %v", seen)
			}
		})
	}
}

// A cell explains itself, what-if changes it without saving, and saving does.
func TestWhatIfAndSave(t *testing.T) {
	t.Parallel()
	w := newWorld(t, editing)
	const office = `{"Version":"2012-10-17","Statement":[{"Sid":"office","Effect":"Allow",` +
		`"Action":"lambda:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}]}`
	w.rootA.allow(t, "mallory", "p", office)
	mallory := "arn:aws:iam::" + accountA + ":user/mallory"
	var why struct {
		Cell  cell
		Steps []struct {
			Status, Title, Summary string
			Details                []string
		}
		Fixes    []struct{ Form string }
		Policies []struct{ ID, Kind string }
	}
	target := "access/cell?caller=" + url.QueryEscape(mallory) + "&url=" + w.iamURL
	w.console(t, "GET", target, "", &why)
	if why.Cell.Standing != "depends" || len(why.Steps) != 2 || len(why.Fixes) != 6 ||
		!strings.Contains(strings.Join(why.Steps[0].Details, "\n"), "aws:SourceIp") {
		t.Errorf("%+v", why)
	}
	id := ""
	for _, one := range why.Policies {
		if one.Kind == "inline" {
			id = one.ID
		}
	}
	var shown struct {
		Document, Revision string
		Editable           bool
		Lint               []struct{ Rule string }
	}
	w.console(t, "GET", "policy?id="+url.QueryEscape(id), "", &shown)
	if !shown.Editable || !strings.Contains(shown.Document, "\n  \"Statement\"") {
		t.Errorf("%+v", shown)
	}
	asJSON := func(value any) string {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	open := strings.Replace(shown.Document, "203.0.113.0/24", "127.0.0.0/8", 1)
	ask := func(document string) string {
		return asJSON(map[string]any{
			"policy": id, "document": document, "callers": []string{mallory, "*"}, "urls": []string{w.iamURL},
		})
	}
	var answer struct {
		Error   *struct{ Line int }
		Changes []struct {
			Caller        string
			Before, After cell
		}
	}
	w.console(t, "POST", "access/what-if", ask(open), &answer)
	if len(answer.Changes) != 1 || answer.Changes[0].Caller != mallory || answer.Changes[0].Before.Standing != "depends" ||
		answer.Changes[0].After.Standing != "may call" {
		t.Errorf("%+v", answer)
	}
	if a := w.mallory.call(t, w.iamURL); a.status != 403 {
		t.Errorf("what-if has saved something: %v", a)
	}
	w.console(t, "POST", "access/what-if", ask("{\n\"Version\": \"2012-10-17\",\n\"Statement\": [}"), &answer)
	if answer.Error == nil || answer.Error.Line != 3 {
		t.Errorf("%+v", answer)
	}
	save := func(document, revision string) saved {
		body := asJSON(map[string]string{"id": id, "document": document, "revision": revision})
		a := w.console(t, "PUT", "policy", body, nil)
		return saved{a.status, a.body}
	}
	if a := save(open, "another"); a.status != 409 {
		t.Errorf("a stale revision: %v", a)
	}
	a := save(`{"Version":"2012-10-17"}`, shown.Revision)
	if a.status != 400 || !strings.Contains(a.body, "Syntax errors in policy") {
		t.Errorf("no policy: %v", a)
	}
	if a := save(open, shown.Revision); a.status != 200 {
		t.Errorf("save: %v", a)
	}
	w.ran(t, w.mallory.call(t, w.iamURL))
	// The function's own policy, made where there was none, and taken away again.
	id = "resource/arn:aws:lambda:" + region + ":" + accountA + ":function:target"
	w.console(t, "GET", "policy?id="+url.QueryEscape(id), "", &shown)
	deny := `{"Version":"2012-10-17","Statement":[{"Sid":"no","Effect":"Deny","Principal":{"AWS":"` + mallory + `"},` +
		`"Action":"lambda:InvokeFunctionUrl","Resource":"arn:aws:lambda:` + region + ":" + accountA + `:function:target"}]}`
	w.console(t, "POST", "access/what-if", ask(deny), &answer)
	if len(answer.Changes) != 1 || answer.Changes[0].After.Standing != "may not call" {
		t.Errorf("%+v", answer)
	}
	elsewhere := strings.Replace(deny, `"Sid":"no",`,
		`"Sid":"no","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}},`, 1)
	w.console(t, "POST", "access/what-if", ask(elsewhere), &answer)
	if len(answer.Changes) != 1 || answer.Changes[0].After.Standing != "depends" {
		t.Errorf("denied but from one network: %+v", answer)
	}
	before := shown.Document
	if a := save(deny, shown.Revision); a.status != 200 {
		t.Errorf("save: %v", a)
	}
	if a := w.mallory.call(t, w.iamURL); a.status != 403 {
		t.Errorf("the statement does not deny: %v", a)
	}
	w.console(t, "GET", "policy?id="+url.QueryEscape(id), "", &shown)
	if a := save(before, shown.Revision); a.status != 200 {
		t.Errorf("save: %v", a)
	}
	w.ran(t, w.mallory.call(t, w.iamURL))
	for _, bad := range []string{
		"policy?id=x", "access/cell?caller=x&url=" + w.iamURL, "access/cell?caller=*&url=x", "access?urlLimit=x",
	} {
		if a := w.console(t, "GET", bad, "", nil); a.status != 400 && a.status != 404 {
			t.Errorf("%s: %v", bad, a)
		}
	}
}

// A managed policy has five versions at most (IAM User Guide, "IAM and AWS STS quotas"): the oldest that is not in
// force makes room for a document that IAM takes, and none goes for one that it refuses.
func TestSaveMakesRoomForAVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, editing)
	arn := "arn:aws:iam::" + accountA + ":policy/full"
	good := document(statement("Allow", "lambda:*"))
	w.rootA.iam(t, "CreatePolicy", "PolicyName", "full", "PolicyDocument", good)
	for range 4 { // v1 stays in force
		w.rootA.iam(t, "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", good)
	}
	save := func(text string) answer {
		var shown struct{ Revision string }
		w.console(t, "GET", "policy?id="+url.QueryEscape("managed/"+arn), "", &shown)
		body, err := json.Marshal(map[string]string{"id": "managed/" + arn, "document": text, "revision": shown.Revision})
		if err != nil {
			t.Fatal(err)
		}
		return w.console(t, "PUT", "policy", string(body), nil)
	}
	versions := func(want ...string) {
		t.Helper()
		listed := w.rootA.iam(t, "ListPolicyVersions", "PolicyArn", arn).body
		for _, id := range want {
			if !strings.Contains(listed, "<VersionId>"+id+"</VersionId>") {
				t.Errorf("%s is not there: %s", id, listed)
			}
		}
		if n := strings.Count(listed, "<VersionId>"); n != len(want) {
			t.Errorf("there are %d versions, not %d", n, len(want))
		}
	}
	if a := save(`{"Version":"2012-10-17"}`); a.status != 400 || !strings.Contains(a.body, "Syntax errors in policy") {
		t.Errorf("no policy: %v", a)
	}
	versions("v1", "v2", "v3", "v4", "v5")
	if a := save(document(statement("Deny", "lambda:*"))); a.status != 200 {
		t.Errorf("save: %v", a)
	}
	versions("v1", "v3", "v4", "v5", "v6")
}

// saved is the status and the body of an answer.
type saved struct {
	status int
	body   string
}
