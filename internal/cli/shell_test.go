package cli_test

import (
	"testing"

	"github.com/furl-dev/furl/internal/cli"
)

// What furl says to type is for the shell of the system: PowerShell on Windows, where the server runs in WSL.
func TestHintsAreForTheShellOfTheSystem(t *testing.T) {
	for _, test := range []struct{ hint, windows string }{
		{`eval "$(furl env)"`, "furl env --shell powershell | Out-String | Invoke-Expression"},
		{
			`eval "$(furl env --data '/a b')"   # the local server` + "\n--region REGION, for example --region eu-central-1",
			"furl env --data '/a b' --shell powershell | Out-String | Invoke-Expression   # the local server\n" +
				"--region REGION, for example --region eu-central-1",
		},
		{
			`aws sts get-caller-identity   # or, for a local server: eval "$(furl env)"`,
			"aws sts get-caller-identity   # or, for a local server: " +
				"furl env --shell powershell | Out-String | Invoke-Expression",
		},
		{"unset AWS_SESSION_TOKEN   # it belongs to other keys", "Remove-Item Env:AWS_SESSION_TOKEN   # it belongs to other keys"},
		{"date   # is this machine's clock right?", "Get-Date   # is this machine's clock right?"},
		{"furl serve   # nothing listens at 127.0.0.1:9000", "wsl furl serve   # nothing listens at 127.0.0.1:9000"},
		{"furl dev PATH   # a template", "wsl furl dev PATH   # a template"},
		{"furl grant f --to role/x\nfurl check f", "furl grant f --to role/x\nfurl check f"},
		{`furl check 'it'\''s'`, "furl check 'it''s'"},
		{"furl server", "furl server"},
		{"", ""},
	} {
		if got := cli.ForShell("windows", test.hint); got != test.windows {
			t.Errorf("%s\n on Windows is\n%s\n and not\n%s", test.hint, got, test.windows)
		}
		for _, system := range []string{"linux", "darwin"} {
			if got := cli.ForShell(system, test.hint); got != test.hint {
				t.Errorf("%s\n on %s is\n%s", test.hint, system, got)
			}
		}
	}
	for system, want := range map[string]string{"windows": "powershell", "linux": "sh", "darwin": "sh"} {
		if got := cli.ShellOn(system); got != want {
			t.Errorf("the shell of %s is %s and not %s", system, got, want)
		}
	}
}
