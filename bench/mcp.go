//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

// measureMCP is how long an MCP client waits for furl mcp: from the start of the process to the first byte of the
// answer to initialize, of a server that answers at once.
func measureMCP(ctx context.Context, b *bench, e effort) ([]row, error) {
	furl, err := b.furl(ctx)
	if err != nil {
		return nil, err
	}
	const answer = `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},` +
		`"serverInfo":{"name":"at once","version":"1"}}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, answer)
	}))
	defer server.Close()
	env := b.clientEnv(sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", Secret: sigv4.NewSecret("a secret of nobody")})
	var times []float64
	for i := range shotsPerStart*e.starts + 1 {
		took, err := timeInitialize(ctx, env, furl, server.URL+"/mcp")
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first finds the program on the disk
			times = append(times, float64(took))
		}
	}
	start := median(times)
	return []row{{
		"furl mcp, start to the answer to initialize", took(start), "≤ 30 ms", start <= float64(30*time.Millisecond),
		fmt.Sprintf("median of %d, a local server that answers at once", len(times)),
	}}, nil
}

func timeInitialize(ctx context.Context, env []string, furl, url string) (took time.Duration, err error) {
	c := exec.CommandContext(ctx, furl, "mcp", url)
	c.Env, c.Stderr = env, os.Stderr
	in, errIn := c.StdinPipe()
	out, errOut := c.StdoutPipe()
	if err := errors.Join(errIn, errOut); err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := c.Start(); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, in.Close(), c.Wait()) }()
	const initialize = `{"jsonrpc":"2.0","id":0,"method":"initialize",` +
		`"params":{"protocolVersion":"2025-11-25","capabilities":{}}}`
	if _, err := io.WriteString(in, initialize+"\n"); err != nil {
		return 0, err
	}
	reader := bufio.NewReader(out)
	if _, err := reader.ReadByte(); err != nil {
		return 0, err
	}
	took = time.Since(begin)
	_, err = reader.ReadString('\n')
	return took, err
}
