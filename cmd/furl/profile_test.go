//go:build unix

package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// addProfile adds a profile with an account's root key to the AWS configuration that clients of the script read.
func addProfile(ts *testscript.TestScript, _ bool, args []string) {
	var file struct {
		Accounts map[string]struct{ AccessKeyID, SecretAccessKey string }
	}
	text, err := os.ReadFile(filepath.Join(ts.MkAbs(args[0]), "root-credentials.json"))
	ts.Check(err)
	ts.Check(json.Unmarshal(text, &file))
	path := ts.MkAbs("aws-config")
	config, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer config.Close()
	key := file.Accounts[args[1]]
	_, err = fmt.Fprintf(config, "[profile %s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", args[2], key.AccessKeyID, key.SecretAccessKey)
	ts.Check(err)
	ts.Setenv("AWS_CONFIG_FILE", path)
}
