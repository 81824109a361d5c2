//go:build unix

package main_test

import (
	"encoding/json"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/furl-dev/furl/internal/snippet"
)

// account gives the script the root key of an account.
func account(ts *testscript.TestScript, _ bool, args []string) {
	setRoot(ts, ts.MkAbs(args[0]), args[1])
}

// applyCommands runs the commands of the AWS CLI in a file that furl printed, as the root users of the accounts that its
// comments name.
func applyCommands(ts *testscript.TestScript, _ bool, args []string) {
	const inAccount = "# In account "
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		line = strings.TrimSpace(line)
		if id, ok := strings.CutPrefix(line, inAccount); ok {
			account(ts, false, []string{args[0], strings.TrimSuffix(id, ":")})
		}
		words := snippet.Words(line)
		if strings.HasPrefix(line, "#") || len(words) == 0 {
			continue
		}
		members := map[string]any{}
		for i := 3; i < len(words); i++ {
			name, ok := strings.CutPrefix(words[i], "--")
			switch {
			case !ok:
				ts.Fatalf("%q of %s is no option", words[i], line)
			case i+1 == len(words) || strings.HasPrefix(words[i+1], "--"):
				members[camel(name)] = true
			default:
				i++
				members[camel(name)] = words[i]
			}
		}
		switch operation := strings.Join(words[:3], " "); operation {
		case "aws iam put-user-policy", "aws iam put-role-policy":
			form := []string{camel(words[2])}
			for name, value := range members {
				form = append(form, name+"="+value.(string))
			}
			iamAPI(ts, false, form)
		case "aws lambda add-permission":
			path := "/2015-03-31/functions/" + members["FunctionName"].(string) + "/policy"
			delete(members, "FunctionName")
			delete(members, "Region")
			body, err := json.Marshal(members)
			ts.Check(err)
			file := ts.MkAbs("add-permission.json")
			ts.Check(os.WriteFile(file, body, 0o600))
			lambdaAPI(ts, false, []string{"POST", path, file})
		default:
			ts.Fatalf("unexpected command %s", line)
		}
	}
}

// camel is the name of an option as the API has it.
func camel(option string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(option, "-") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}
