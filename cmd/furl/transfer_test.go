//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	transferSize   = 200 << 20
	transferMemory = 64 << 20
)

// pattern is an endless reader of bytes that do not repeat within a block.
type pattern struct{ at uint64 }

func (p *pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(p.at ^ p.at>>8 ^ p.at>>16)
		p.at++
	}
	return len(b), nil
}

// transfers serves GET /download, which is transferSize bytes, PUT /upload, which answers with the SHA-256 of what it got,
// and GET /stream, which is the time in nanoseconds, a line each 300 ms.
func transfers(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		http.Error(w, "not signed", http.StatusForbidden)
		return
	}
	switch r.URL.Path {
	case "/download":
		io.CopyN(w, &pattern{}, transferSize)
	case "/upload":
		sum := sha256.New()
		n, err := io.Copy(sum, r.Body)
		fmt.Fprintf(w, "%d %x %v", n, sum.Sum(nil), err)
	case "/stream":
		for range 4 {
			fmt.Fprintln(w, time.Now().UnixNano())
			w.(http.Flusher).Flush()
			time.Sleep(300 * time.Millisecond)
		}
	}
}

// buildFurl builds the program as users have it: with the race detector it would take many times the memory.
func buildFurl(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "furl")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", name, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return name
}

// peak is the most memory that a running process has had so far, in bytes; 0 where the system does not tell.
func peak(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, _ := strconv.ParseInt(string(fields[0]), 10, 64) // 0 if it is none
	return kilobytes << 10
}

// watched starts a command and returns what tells the most memory it has had.
func watched(t *testing.T, command *exec.Cmd) (most func() int64) {
	t.Helper()
	command.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_REGION=eu-central-1")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var highest int64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			now := peak(command.Process.Pid)
			mu.Lock()
			highest = max(highest, now)
			mu.Unlock()
			select {
			case <-time.After(5 * time.Millisecond):
			case <-done:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(done)
		<-ended
	})
	return func() int64 {
		mu.Lock()
		defer mu.Unlock()
		return highest
	}
}

func digest(r io.Reader) string {
	sum := sha256.New()
	io.Copy(sum, r)
	return hex.EncodeToString(sum.Sum(nil))
}

// TestTransfers moves 200 MB in both directions through furl call and furl proxy, in 64 MB of memory, and sees that a
// slow stream comes through as it is written.
func TestTransfers(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 800 MB")
	}
	furl := buildFurl(t)
	server := httptest.NewServer(http.HandlerFunc(transfers))
	defer server.Close()
	want := digest(io.LimitReader(&pattern{}, transferSize))
	big := filepath.Join(t.TempDir(), "big")
	file, err := os.Create(big)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(file, &pattern{}, transferSize); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	uploaded := fmt.Sprintf("%d %s <nil>", transferSize, want)
	bounded := func(t *testing.T, most int64) {
		t.Helper()
		t.Logf("%.1f MB of memory", float64(most)/(1<<20))
		if most == 0 && runtime.GOOS == "linux" || most > transferMemory {
			t.Errorf("%d bytes of memory, at most %d are allowed", most, transferMemory)
		}
	}

	t.Run("call, download", func(t *testing.T) {
		command := exec.CommandContext(t.Context(), furl, "call", server.URL+"/download")
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		most := watched(t, command)
		if got := digest(out); got != want {
			t.Error("other bytes arrived")
		}
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
		bounded(t, most())
	})
	for name, stdin := range map[string]bool{"call, upload of a file": false, "call, upload of a stream": true} {
		t.Run(name, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), furl, "call", "-T", big, server.URL+"/upload")
			if stdin {
				command = exec.CommandContext(t.Context(), furl, "call", "-T", "-", server.URL+"/upload")
				command.Stdin = io.LimitReader(&pattern{}, transferSize)
			}
			var out bytes.Buffer
			command.Stdout = &out
			most := watched(t, command)
			if err := command.Wait(); err != nil || out.String() != uploaded {
				t.Errorf("%v, the server got %s, want %s", err, out.String(), uploaded)
			}
			bounded(t, most())
		})
	}
	t.Run("call, stream", func(t *testing.T) {
		command := exec.CommandContext(t.Context(), furl, "call", server.URL+"/stream")
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		watched(t, command)
		inTime(t, out)
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
	})
	t.Run("proxy", func(t *testing.T) {
		command := exec.Command(furl, "proxy", server.URL, "--listen", "127.0.0.1:0", "--print-env")
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		most := watched(t, command)
		defer func() {
			command.Process.Signal(os.Interrupt)
			command.Wait()
		}()
		lines := bufio.NewReader(out)
		first, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, lines)
		_, address, _ := strings.Cut(strings.TrimSpace(first), "=")
		address = strings.Trim(address, "'")

		resp, err := http.Get(address + "/download")
		if err != nil {
			t.Fatal(err)
		}
		if got := digest(resp.Body); got != want {
			t.Error("other bytes arrived")
		}
		resp.Body.Close()
		request, err := http.NewRequest(http.MethodPut, address+"/upload", io.LimitReader(&pattern{}, transferSize))
		if err != nil {
			t.Fatal(err)
		}
		resp, err = http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(resp.Body); err != nil || string(got) != uploaded {
			t.Errorf("%v, the server got %s, want %s", err, got, uploaded)
		}
		resp.Body.Close()
		resp, err = http.Get(address + "/stream")
		if err != nil {
			t.Fatal(err)
		}
		inTime(t, resp.Body)
		resp.Body.Close()
		bounded(t, most())
	})
}

// inTime reads lines that are the time at which they were written, and sees that each comes long before the next is
// written, however busy the machine.
func inTime(t *testing.T, r io.Reader) {
	t.Helper()
	lines := bufio.NewScanner(r)
	n := 0
	for ; lines.Scan(); n++ {
		written, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		late := time.Since(time.Unix(0, written))
		t.Logf("a line came after %s", late)
		if late > 200*time.Millisecond {
			t.Errorf("a line came after %s", late)
		}
	}
	if n != 4 {
		t.Errorf("%d lines, want 4", n)
	}
}
