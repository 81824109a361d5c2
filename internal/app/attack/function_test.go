//go:build unix

package attack_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

// runFunction is the function that is attacked: this program once more. It notes that it ran, and answers with the
// event that it was called with; if that asks for them, with its credentials.
func runFunction(ledger string) error {
	threads, _ := strconv.Atoi(os.Getenv("ATTACK_THREADS")) //nolint:errcheck // 0 without
	var made sync.WaitGroup
	for range threads {
		made.Add(1)
		go func() {
			goruntime.LockOSThread() // and keep it
			made.Done()
			select {}
		}()
	}
	made.Wait()
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		next, err := http.Get(api + "next")
		if err != nil {
			return err
		}
		payload, err := io.ReadAll(next.Body)
		next.Body.Close()
		if err != nil {
			return err
		}
		id := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
		if err := note(ledger, id); err != nil {
			return err
		}
		var called struct{ RawPath, RawQueryString string }
		json.Unmarshal(payload, &called) //nolint:errcheck // an event of Invoke need not be an object
		verb, result := "/response", reply(payload)
		switch called.RawPath {
		case "/fail": // with an error that has all of the event in it
			verb, result = "/error", map[string]any{"errorType": "Oops", "errorMessage": string(payload)}
		case "/hold": // until the test lets go
			hold(ledger)
		case "/processes": // as many as there are, until the test lets go
			stop := takeProcesses()
			hold(ledger)
			stop()
		case "/keep": // so many processes, or as many as there are
			most, _ := strconv.Atoi(called.RawQueryString) //nolint:errcheck // none then
			for range most {
				if exec.Command("sleep", "1000").Start() != nil {
					break
				}
			}
		case "/threads": // until the system refuses one, with which Go ends the program
			for {
				go func() {
					goruntime.LockOSThread() // and keep it
					select {}
				}()
				time.Sleep(time.Millisecond / 10)
			}
		case "/end": // after some last words
			text, err := url.QueryUnescape(called.RawQueryString)
			fmt.Fprintln(os.Stderr, text, err)
			os.Exit(2)
		case "/connections": // to the Runtime API, as many as there may be, until the test lets go
			for range 64 {
				if c, err := net.Dial("tcp", os.Getenv("AWS_LAMBDA_RUNTIME_API")); err == nil {
					defer c.Close()
				}
			}
			hold(ledger)
		}
		text, err := json.Marshal(result)
		if err != nil {
			return err
		}
		done, err := http.Post(api+id+verb, "application/json", bytes.NewReader(text))
		if err != nil {
			return err
		}
		done.Body.Close()
	}
}

// hold waits until the test lets go.
func hold(ledger string) {
	for {
		if _, err := os.Stat(ledger + ".go"); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// takeProcesses starts processes until the system refuses one, over and over.
func takeProcesses() (stop func()) {
	shell := exec.Command("/bin/sh", "-c", `while :; do sleep 1000 2>/dev/null & done`)
	if err := shell.Start(); err != nil {
		return func() {}
	}
	return func() {
		shell.Process.Kill() //nolint:errcheck // it has not been waited for
		shell.Wait()         //nolint:errcheck // it was killed
	}
}

func note(ledger, id string) error {
	file, err := os.OpenFile(ledger, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(id + "\n")
	return err
}

// readPages tries to read pages of the server in all ways that a function has, and says what came of it.
func readPages(pages []string) []string {
	var answers []string
	for _, page := range pages {
		plain, err := http.NewRequest("GET", os.Getenv("AWS_ENDPOINT_URL")+page, nil)
		if err != nil {
			return []string{err.Error()}
		}
		attempts := []*http.Request{plain}
		for _, variable := range os.Environ() {
			attempt := plain.Clone(plain.Context())
			_, value, _ := strings.Cut(variable, "=")
			attempt.Header["Authorization"] = []string{"Bearer " + value}
			attempts = append(attempts, attempt)
		}
		signed := plain.Clone(plain.Context())
		signer := sigv4.Signer{Region: os.Getenv("AWS_REGION"), Service: "lambda"}
		if _, err := signer.Sign(signed, sigv4.Credentials{
			AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), Secret: sigv4.NewSecret(os.Getenv("AWS_SECRET_ACCESS_KEY")),
			SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
		}, sigv4.PayloadBytes(nil)); err != nil {
			return []string{err.Error()}
		}
		for _, attempt := range append(attempts, signed) {
			answer, err := http.DefaultClient.Do(attempt)
			if err != nil {
				answers = append(answers, err.Error())
				continue
			}
			body, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			answers = append(answers, fmt.Sprintf("%d %s %v", answer.StatusCode, body, err))
		}
	}
	return answers
}

func reply(payload []byte) map[string]any {
	if string(payload) == `"credentials"` {
		return map[string]any{
			"id": os.Getenv("AWS_ACCESS_KEY_ID"), "secret": os.Getenv("AWS_SECRET_ACCESS_KEY"),
			"token": os.Getenv("AWS_SESSION_TOKEN"),
		}
	}
	if pages, ok := strings.CutPrefix(string(payload), `"read `); ok {
		return map[string]any{"read": readPages(strings.Fields(strings.Trim(pages, `"`)))}
	}
	return map[string]any{"statusCode": 200, "headers": map[string]string{"content-type": "application/json"},
		"body": string(payload)}
}

// packed is one entry of a deployment package.
type packed struct {
	name, content string
	mode          fs.FileMode
}

func pack(t testing.TB, entries ...packed) []byte {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name}
		header.SetMode(e.mode)
		entry, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(entry, e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}
