//go:build unix

package main_test

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/usertest"
)

// remoteAWS is a Lambda API that is not on this machine, as far as furl can see: it is behind a proxy.
type remoteAWS struct {
	mu    sync.Mutex
	names []string
	asked int
	hangs bool
}

func (a *remoteAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked++
	hangs, names := a.hangs, a.names
	a.mu.Unlock()
	if hangs {
		io.Copy(io.Discard, r.Body) // after which the server sees that the client is gone
		<-r.Context().Done()
		return
	}
	if strings.Contains(r.URL.Path, "/aliases") {
		fmt.Fprint(w, `{"Aliases":[{"Name":"live"},{"Name":"$(touch evil)"},{"Name":"a;ls"},{"Name":"a\nb"},{"Name":"\u001b[31m"}]}`)
		return
	}
	var functions []string
	for _, name := range names {
		functions = append(functions, `{"FunctionArn":"arn:aws:lambda:eu-central-1:123456789012:function:`+name+`"}`)
	}
	fmt.Fprintf(w, `{"Functions":[%s]}`, strings.Join(functions, ","))
}

func (a *remoteAWS) requests() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// start returns the environment in which furl asks it.
func (a *remoteAWS) start(t *testing.T) []string {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	return append(anyone(dir), "HTTP_PROXY="+server.URL, "http_proxy="+server.URL, "NO_PROXY=", "no_proxy=",
		"AWS_ENDPOINT_URL=http://lambda.example.com", "AWS_REGION=eu-central-1", "AWS_MAX_ATTEMPTS=1",
		"AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret")
}

// anyone is the environment of a user with an empty home.
func anyone(home string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, "cache"),
		"XDG_CONFIG_HOME=" + filepath.Join(home, "config"), "AWS_CONFIG_FILE=none", "AWS_SHARED_CREDENTIALS_FILE=none",
	}
}

// complete asks as a shell does.
func complete(t *testing.T, env []string, words ...string) string {
	t.Helper()
	command := exec.Command("furl", append([]string{"__completeNoDesc"}, words...)...)
	command.Env = env
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer nowhere.Close()
	command.Stderr = nowhere // as in the scripts of the shells, which so do not wait for a program that has it, too
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// What AWS answered is kept for a minute, in a file that only the user can read, apart for each region and key.
func TestCompletionAsksAWSOnce(t *testing.T) {
	aws := &remoteAWS{names: []string{"web", "other"}}
	env := aws.start(t)
	const want = "other\nweb\n:4\n"
	for range 3 {
		if got := complete(t, env, "call", ""); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	if n := aws.requests(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	files := 0
	err := filepath.WalkDir(valueOf(env, "XDG_CACHE_HOME"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 && path != valueOf(env, "XDG_CACHE_HOME") {
			t.Errorf("%s: %v", path, info.Mode())
		}
		if !entry.IsDir() {
			files++
			old := time.Now().Add(-2 * time.Minute)
			return os.Chtimes(path, old, old)
		}
		return err
	})
	if err != nil || files != 1 {
		t.Errorf("%d files, %v", files, err)
	}
	if got := complete(t, env, "call", "w"); got != "web\n:4\n" || aws.requests() != 2 {
		t.Errorf("after a minute: %q, %d requests", got, aws.requests())
	}
	complete(t, append(env, "AWS_ACCESS_KEY_ID=AKIAOTHER"), "call", "")
	complete(t, env, "call", "--region", "us-east-1", "")
	if n := aws.requests(); n != 4 {
		t.Errorf("%d requests, want 4: another key and another region have lists of their own", n)
	}
}

// valueOf is a variable of an environment.
func valueOf(env []string, name string) string {
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// A name that a shell could take for more than a word is not offered.
func TestCompletionLeavesOutWhatAShellEvaluates(t *testing.T) {
	env := (&remoteAWS{}).start(t)
	if got := complete(t, env, "call", "web:"); got != "web:live\n:4\n" {
		t.Errorf("%q", got)
	}
}

// An API that does not answer costs a Tab a few seconds, and so do credentials that never come.
func TestCompletionDoesNotHang(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "config")
	program := filepath.Join(dir, "slow")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexec sleep 60\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte("[profile slow]\nregion = eu-central-1\ncredential_process = "+program+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	aws := &remoteAWS{hangs: true}
	for name, env := range map[string][]string{
		"no answer":      aws.start(t),
		"no credentials": append(anyone(dir), "AWS_CONFIG_FILE="+config, "AWS_PROFILE=slow"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			started := time.Now()
			for _, words := range [][]string{{"call", ""}, {"grant", "web", "--to", ""}} {
				if got := complete(t, env, words...); !strings.HasSuffix(got, ":4\n") || strings.Contains(got, "web") {
					t.Errorf("%q: %q", words, got)
				}
			}
			if took := time.Since(started); took > 40*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestBashCompletes has bash run what furl completion prints. The two functions of bash-completion that the script needs
// are stood in for, since not every machine has the package.
func TestBashCompletes(t *testing.T) {
	bash := usertest.Program(t, "bash")
	env := (&remoteAWS{names: []string{"web", "other"}}).start(t)
	const drive = `
_get_comp_words_by_ref() { cur=${COMP_WORDS[COMP_CWORD]} words=("${COMP_WORDS[@]}") cword=$COMP_CWORD; }
compopt() { :; } # which works within a completion of readline only
_filedir() { COMPREPLY=(FILES "$@"); }
source <(furl completion bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_TYPE=9
COMP_POINT=${#COMP_LINE}
$(complete -p furl | sed 's/.*-F \([^ ]*\).*/\1/')
printf '%s\n' "${COMPREPLY[@]}"
`
	for _, test := range []struct{ line, want string }{
		{"furl call w", "web"},
		{"furl call web:", "live"}, // behind the colon, where bash begins a word
		{"furl sign --as he", "headers"},
		{"furl url create web --invoke-mode=R", "RESPONSE_STREAM"},
		{"furl serve --data d", "FILES\n-d"},
		{"furl call --max-time ", ""},
	} {
		words := strings.Split(test.line, " ")
		command := exec.Command(bash, append([]string{"--norc", "--noprofile", "-c", drive, "bash"}, words...)...)
		command.Env, command.Dir = env, t.TempDir()
		out, err := command.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != test.want {
			t.Errorf("%s: %q, %v, want %q", test.line, got, err, test.want)
		}
		if entries, err := os.ReadDir(command.Dir); err != nil || len(entries) > 0 {
			t.Errorf("%s: left %v, %v", test.line, entries, err)
		}
	}
}
