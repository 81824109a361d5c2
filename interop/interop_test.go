//go:build unix

// Package interop_test proves furl against software that it does not control: the AWS CLI, boto3 and the AWS SDK for
// Go on the control plane, and cargo-lambda, Chalice and Terraform, which deploy through it; FastAPI, aws-lambda-go
// and Node.js behind function URLs; eight SigV4 clients in front of them, and five that presign URLs; two signers that
// sign once more what furl's own clients have sent; cfn-lint on the templates that furl writes, the schema of SARIF on
// its reports, and AWS's own SAM transform on those that it reads; the SDKs of MCP on both sides of furl mcp; six whole
// projects under furl dev, Chromium in front of the console, and the first commands of the README. Each test starts servers of its own on free ports, with
// their state in temporary directories, and gives clients nothing but what `furl env` prints. install.sh installs what
// they need; tests whose needs are not installed skip, which is a failure if FURL_STRICT=1.
package interop_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	region  = "eu-central-1"
	account = "123456789012"
)

// need skips the test unless install.sh has installed the steps, or fails it under FURL_STRICT.
func need(t *testing.T, steps ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "./install.sh", append([]string{"--check"}, steps...)...).CombinedOutput()
	if err != nil {
		skip(t, "%s (%v)", bytes.TrimSpace(out), err)
	}
}

// needProgram skips the test unless the program is on PATH, or fails it under FURL_STRICT.
func needProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		skip(t, "no %s on PATH", name)
	}
}

func skip(t *testing.T, format string, arguments ...any) {
	t.Helper()
	if os.Getenv("FURL_STRICT") == "1" {
		t.Fatalf(format, arguments...)
	}
	t.Skipf(format, arguments...)
}

// installed is the absolute path of something that install.sh has installed.
func installed(t *testing.T, elements ...string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(append([]string{".env"}, elements...)...))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func python(t *testing.T) string { return installed(t, "python", "bin", "python") }

// buildFurl builds the program under test, once.
var buildFurl = sync.OnceValues(func() (string, error) {
	return build("../cmd/furl", "furl")
})

// buildWebServer builds the web application testdata/function/webserver, once.
var buildWebServer = sync.OnceValues(func() (string, error) {
	return build("./testdata/function/webserver", "webserver")
})

// buildWebEcho builds the web application testdata/function/webecho, once.
var buildWebEcho = sync.OnceValues(func() (string, error) {
	return build("./testdata/function/webecho", "webecho")
})

// buildEcho builds the Go function testdata/function/echo as Lambda wants it, once.
var buildEcho = sync.OnceValues(func() (string, error) {
	return build("./testdata/function/echo", "bootstrap")
})

// buildGoCaller builds the Go function testdata/function/gocaller as Lambda wants it, once.
var buildGoCaller = sync.OnceValues(func() (string, error) {
	return build("./testdata/function/gocaller", "gocaller")
})

func build(pkg, name string) (string, error) {
	dir, err := filepath.Abs(filepath.Join(".env", "bin"))
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	program := filepath.Join(dir, name)
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return program, nil
}

func must[T any](t *testing.T, make func() (T, error)) T {
	t.Helper()
	value, err := make()
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// baseEnv is the environment of every process that a test starts: nothing of the user's configuration is in it.
func baseEnv(home string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + os.TempDir(), "LANG=C.UTF-8"}
}

// result is what a process printed and how it ended.
type result struct {
	stdout string
	stderr string
	code   int
}

// commandTimeout bounds every process that a test waits for.
const commandTimeout = 5 * time.Minute

// run runs a program to its end.
func run(t *testing.T, env []string, stdin io.Reader, name string, arguments ...string) result {
	t.Helper()
	return runIn(t, "", env, stdin, name, arguments...)
}

// runIn is run in a directory.
func runIn(t *testing.T, dir string, env []string, stdin io.Reader, name string, arguments ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, arguments...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, env, stdin, &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		t.Fatalf("%s: %v\n%s", name, err, stderr.String())
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("not the JSON that was expected: %v\n%s", err, text)
	}
	return value
}

// writeZip writes a deployment package of everything below the directories, and of files by their name in it.
func writeZip(t *testing.T, dirs []string, files map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "function.zip")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(out)
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || strings.HasSuffix(file, ".pyc") {
				return err
			}
			name, err := filepath.Rel(dir, file)
			if err != nil {
				return err
			}
			return addFile(w, filepath.ToSlash(name), file)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, file := range files {
		if err := addFile(w, name, file); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), out.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func addFile(w *zip.Writer, name, file string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: info.ModTime()}
	header.SetMode(info.Mode())
	out, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return err
}
