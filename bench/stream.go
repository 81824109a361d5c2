//go:build unix

package main

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

var (
	//go:embed function/stream.py
	pythonStream []byte
	//go:embed function/stream.mjs
	nodeStream []byte
	//go:embed function/rust
	rustStream embed.FS
)

// streams are functions that write the times at which they write them.
var streams = []kind{
	goFunction,
	{name: "Node", runtime: "nodejs22.x", handler: "stream.handler", file: "stream.mjs", needs: "node", code: text(nodeStream)},
	{name: "Python", runtime: "provided.al2023", handler: "bootstrap", file: "bootstrap", needs: "python3", code: text(pythonStream)},
	{name: "Rust", runtime: "provided.al2023", handler: "bootstrap", file: "bootstrap", needs: "cargo", code: rustFunction},
}

// measureStream is how late the bytes of a streamed answer come, and how fast.
func measureStream(ctx context.Context, b *bench, e effort) ([]row, error) {
	var rows []row
	for _, k := range streams {
		name := "first streamed byte, " + k.name + " function"
		if !k.available() || k.needs == "cargo" && !e.rust {
			rows = append(rows, row{name: name, measured: "not measured", against: "it needs " + k.needs})
			continue
		}
		first, later, err := b.lateness(ctx, k, e)
		if err != nil {
			return rows, fmt.Errorf("%s function: %w", k.name, err)
		}
		rows = append(rows, row{
			name, took(first), "≤ 1 ms", first <= float64(time.Millisecond),
			fmt.Sprintf("median of %d, from the moment the function wrote it; the bytes after it: %s", streamCalls(e), took(later)),
		})
	}
	bulk, err := measureBulk(ctx, b, e)
	return append(rows, bulk...), err
}

func streamCalls(e effort) int { return 5 * e.rounds }

// lateness is how long after they were written the first bytes of an answer arrive, and those that follow.
func (b *bench) lateness(ctx context.Context, k kind, e effort) (first, later float64, err error) {
	end := b.nested()
	defer end()
	callee, err := b.deployStream(ctx, k)
	if err != nil {
		return 0, 0, err
	}
	var firsts, laters []float64
	for n := range streamCalls(e) + 1 {
		times, err := callee.times(ctx)
		if err != nil {
			return 0, 0, fmt.Errorf("%w\n%s", err, callee.server.log.String())
		}
		if n > 0 { // the first starts the function
			firsts, laters = append(firsts, times[0]), append(laters, times[1:]...)
		}
	}
	return median(firsts), median(laters), nil
}

// deployStream is deploy for a URL that streams.
func (b *bench) deployStream(ctx context.Context, k kind) (*callee, error) {
	k.streams = true
	return b.deploy(ctx, k)
}

// times is how late each piece of one answer was.
func (c *callee) times(ctx context.Context) ([]float64, error) {
	r, err := c.signed(ctx, "times")
	if err != nil {
		return nil, err
	}
	return lateness(r)
}

// lateness is how late each piece of the answer to a request for times was.
func lateness(r *http.Request) ([]float64, error) {
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var late []float64
	for lines := bufio.NewReader(answer.Body); ; {
		line, err := lines.ReadString('\n')
		now := time.Now().UnixNano()
		if errors.Is(err, io.EOF) && len(late) > 1 && answer.StatusCode == http.StatusOK {
			return late, nil
		}
		written, err1 := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		if err := errors.Join(err, err1); err != nil {
			return nil, fmt.Errorf("status %d, piece %d: %w", answer.StatusCode, len(late)+1, err)
		}
		late = append(late, float64(now-written))
	}
}

// measureBulk compares an answer of 200 MB, signed and by way of a function, with the same from a plain handler behind a
// bare reverse proxy.
func measureBulk(ctx context.Context, b *bench, e effort) ([]row, error) {
	end := b.nested()
	defer end()
	callee, err := b.deployStream(ctx, goFunction)
	if err != nil {
		return nil, err
	}
	r, err := callee.signed(ctx, "bulk")
	if err != nil {
		return nil, err
	}
	ours, err1 := untilClosed(r)
	handler, err2 := b.helper(ctx, "serve")
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	proxy, err := b.helper(ctx, "proxy", "http://"+handler)
	if err != nil {
		return nil, err
	}
	r, err1 = http.NewRequestWithContext(ctx, http.MethodGet, "http://"+proxy+"/bulk", nil)
	if err1 != nil {
		return nil, err1
	}
	theirs, err := untilClosed(r)
	if err != nil {
		return nil, err
	}
	if _, err := callee.times(ctx); err != nil { // starts the function
		return nil, fmt.Errorf("%w\n%s", err, callee.server.log.String())
	}
	_, before, err := callee.server.memory()
	if err != nil {
		return nil, err
	}
	p, err := e.alternate(ours.bulk, theirs.bulk)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, callee.server.log.String())
	}
	_, after, err := callee.server.memory()
	grown := after - before
	return []row{
		{
			"200 MB streamed by a Go function", fmt.Sprintf("%.0f MB/s, %s", p.ours, percent(p.ratio)), "≥ 60 %", atLeast(p.ratio, 0.6, 2),
			fmt.Sprintf("httputil.ReverseProxy before a plain handler: %.0f MB/s", p.theirs),
		},
		{
			"memory that the server takes for it", megabytes(grown), "≤ 8 MB", grown <= 8<<20,
			fmt.Sprintf("resident, at its peak, less that before: %s", megabytes(before)),
		},
	}, err
}

// untilClosed is the request, sent so that the end of the connection ends the answer.
func untilClosed(r *http.Request) (target, error) {
	r.Close = true
	return newTarget(r, nil)
}

// bulk is how many megabytes come in a second.
func (t target) bulk() (float64, error) {
	c, err := t.dial()
	if err != nil {
		return 0, err
	}
	defer c.close()
	begin := time.Now()
	if err := c.conn.SetDeadline(begin.Add(2 * patience)); err != nil {
		return 0, err
	}
	if _, err := c.conn.Write(c.request); err != nil {
		return 0, err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c.conn}, make([]byte, 256<<10))
	if err == nil && n < 200_000_000 {
		err = fmt.Errorf("the answer ended after %d bytes", n)
	}
	return float64(n) / 1e6 / time.Since(begin).Seconds(), err
}

// rustFunction builds the function with what cargo has on this machine.
func rustFunction(ctx context.Context, b *bench) ([]byte, error) {
	dir := filepath.Join(b.dir, "rust")
	source, err := fs.Sub(rustStream, "function/rust")
	if err := errors.Join(err, os.CopyFS(dir, source)); err != nil {
		return nil, err
	}
	build := exec.CommandContext(ctx, "cargo", "build", "--quiet", "--release", "--locked", "--offline")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the function: %w\n%s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "target", "release", "bootstrap"))
}
