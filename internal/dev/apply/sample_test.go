//go:build unix

package apply_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/furl-dev/furl/internal/dev/apply"
	"github.com/furl-dev/furl/internal/template"
	"github.com/furl-dev/furl/internal/template/tree"
)

// What SAM, CDK, Serverless and osls write for their sample projects is applied as it is, twice, and taken away again.
func TestSamples(t *testing.T) {
	const samples = "../../../../shared/declarations/"
	for _, name := range []string{
		"sam-template.yaml", "sam-build.template.yaml", "sam-template.translated-1.115.json", "cdk.FurlDemo.template.json",
		"cdk-oac.template.json", "serverless-3.cloudformation-update.json", "osls-4.3.1.cloudformation-update.json",
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(samples + name)
			if err != nil {
				if os.Getenv("FURL_STRICT") == "1" {
					t.Fatal(err)
				}
				t.Skip("there are no samples of declarations beside the work tree")
			}
			w := newWorld(t)
			w.executable("src/bootstrap")
			w.restart(func(c *apply.Config) {
				c.Code = func(*template.Stack, template.Code) (string, error) { return filepath.Join(w.dir, "src"), nil }
			})
			root, err := tree.Parse(name, text)
			if err != nil {
				t.Fatal(err)
			}
			stack, err := template.Load(root, template.Options{Stack: "demo", Account: account, Region: region})
			if err != nil {
				t.Fatal(err)
			}
			plan, err := w.applier.Plan(t.Context(), stack)
			if err != nil {
				t.Fatal(err)
			}
			result, err := plan.Apply(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(result.URLs) == 0 {
				t.Error("there are no URLs")
			}
			again, err := w.applier.Plan(t.Context(), stack)
			if err != nil || !again.IsEmpty() {
				t.Errorf("there is still to do: %v\n%s%s", err, again.Diff(), apply.Notes(again))
			}
			w.apply("\n  Nobody:\n    Type: AWS::IAM::User\n    Properties: {UserName: nobody}")
			if left := append(w.functions(), w.leftovers(w.aws(account))...); len(left) > 0 {
				t.Errorf("there still are %q", left)
			}
			for _, notice := range plan.Notices {
				t.Log(notice.Text)
			}
		})
	}
}
