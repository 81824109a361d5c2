//go:build unix

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// measureConsole is what the console costs: until its page is painted, until the detail of a request is there, and what
// an open one takes from the calls of others and of the server's memory.
func measureConsole(ctx context.Context, b *bench, e effort) ([]row, error) {
	callee, err := b.deploy(ctx, goFunction)
	if err != nil {
		return nil, err
	}
	c, err := callee.openConsole()
	if err != nil {
		return nil, err
	}
	caller, err := callee.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer caller.close()
	if _, err := caller.latency(e.round); err != nil { // starts the function
		return nil, fmt.Errorf("%w\n%s", err, callee.server.log.String())
	}
	painted, err := c.measurePaint(ctx, b, e)
	if err != nil {
		return nil, err
	}
	detail, err := c.measureDetail(ctx, e)
	if err != nil {
		return nil, err
	}
	p, err := e.alternate(
		func() (float64, error) {
			end, err := c.watch(ctx)
			if err != nil {
				return 0, err
			}
			defer end()
			return caller.latency(2 * e.round)
		},
		func() (float64, error) { return caller.latency(2 * e.round) },
	)
	if err != nil {
		return nil, err
	}
	grown, err := c.measureMemory(ctx, e, caller)
	if err != nil {
		return nil, err
	}
	return []row{
		painted, detail,
		{"warm signed GET with an open console", p.more(), "within 5 %", p.ratio <= 1.05, "without one: " + took(p.theirs)},
		grown,
	}, nil
}

// console is the console of a server, as a page has it.
type console struct {
	*callee
	token    string
	function string // ARN
}

func (c *callee) openConsole() (*console, error) {
	token, err := os.ReadFile(filepath.Join(c.server.data, "page-token"))
	if err != nil {
		return nil, err
	}
	arn := "arn:aws:lambda:" + region + ":" + account + ":function:page"
	return &console{c, strings.TrimSpace(string(token)), arn}, nil
}

// get reads JSON of the console.
func (c *console) get(ctx context.Context, path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.server.address+"/_furl/v1/"+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s: %s", path, response.Status)
	}
	return response, nil
}

// read reads an answer to its end.
func (c *console) read(ctx context.Context, path string, into any) error {
	response, err := c.get(ctx, path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if into == nil {
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// watch does what an open page does: it follows the requests, and reads a function every five seconds. What it returns
// closes the page.
func (c *console) watch(ctx context.Context) (end func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	live, err := c.get(ctx, "requests/live")
	if err != nil {
		cancel()
		return nil, err
	}
	done := make(chan struct{}, 2)
	go func() {
		io.Copy(io.Discard, bufio.NewReader(live.Body)) //nolint:errcheck // until the page is closed
		live.Body.Close()
		done <- struct{}{}
	}()
	go func() {
		const refresh = 5 * time.Second
		for ctx.Err() == nil {
			c.read(ctx, "function?arn="+url.QueryEscape(c.function), nil) //nolint:errcheck // the page may be closed
			select {
			case <-ctx.Done():
			case <-time.After(refresh):
			}
		}
		done <- struct{}{}
	}()
	return func() { cancel(); <-done; <-done }, nil
}

// measureDetail is how soon all that the server knows of a request is there.
func (c *console) measureDetail(ctx context.Context, e effort) (row, error) {
	var list struct{ Requests []struct{ ID string } }
	if err := c.read(ctx, "requests?limit=1", &list); err != nil {
		return row{}, err
	}
	if len(list.Requests) == 0 {
		return row{}, errors.New("the console lists no request")
	}
	each, err := latency(e.load, func() error { return c.read(ctx, "requests/"+list.Requests[0].ID, nil) })
	return row{"console: the detail of a request", took(each), "≤ 50 ms", each <= float64(50*time.Millisecond), ""}, err
}

// measureMemory is how much the server grows while it answers 500 requests a second with an open console. What it keeps
// of requests is full in the first half of the time.
func (c *console) measureMemory(ctx context.Context, e effort, caller *client) (row, error) {
	end, err := c.watch(ctx)
	if err != nil {
		return row{}, err
	}
	defer end()
	const rate = 500
	during := cmp.Or(e.console, max(20*e.load, 10*time.Second))
	var settled, most int64 // that the server had in the first half and in the second
	calls := 0
	for begin := time.Now(); time.Since(begin) < during; {
		for range rate / 20 {
			if err := caller.call(); err != nil {
				return row{}, err
			}
			calls++
		}
		now, _, err := c.server.memory()
		if err != nil {
			return row{}, err
		}
		if time.Since(begin) < during/2 {
			settled = max(settled, now)
		} else {
			most = max(most, now)
		}
		if ahead := time.Duration(calls)*time.Second/rate - time.Since(begin); ahead > 0 {
			time.Sleep(ahead)
		}
	}
	seconds := strconv.Itoa(int(during.Seconds()))
	more := most - settled
	return row{
		"memory with an open console, 500 requests/s for " + seconds + " s", megabytes(most), "flat",
		more <= settled/20, fmt.Sprintf("%+.1f MB against the first half", float64(more)/(1<<20)),
	}, nil
}

// paint has Chromium open a page several times, and prints when it had painted anything, in milliseconds.
const paint = `import { chromium } from 'playwright-core'
const [program, times, ...pages] = process.argv.slice(2)
const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox', '--disable-gpu', '--disable-quic',
  '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] })
for (let i = 0; i < Number(times); i++) {
  for (const page of pages) {
    const context = await browser.newContext()
    const tab = await context.newPage()
    await tab.goto(page)
    const at = await tab.evaluate(() => new Promise((done) => {
      const seen = () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime
      if (seen()) done(seen())
      else new PerformanceObserver(() => seen() && done(seen())).observe({ type: 'paint', buffered: true })
    }))
    console.log(JSON.stringify({ page, at }))
    await context.close()
  }
}
await browser.close()
`

// measurePaint is how soon a browser has painted the page, against a page that has one word.
func (c *console) measurePaint(ctx context.Context, b *bench, e effort) (row, error) {
	const name = "console: first paint in Chromium, before a session"
	modules, err := filepath.Abs("interop/.env/console/node_modules")
	if err != nil {
		return row{}, err
	}
	program, missing := exec.LookPath("chromium")
	if _, err := os.Stat(modules); err != nil || missing != nil {
		return row{name: name, measured: "not measured", against: "interop/install.sh console installs what it needs"}, nil
	}
	dir, err := os.MkdirTemp(b.dir, "paint-")
	if err != nil {
		return row{}, err
	}
	script := filepath.Join(dir, "paint.mjs")
	if err := os.WriteFile(script, []byte(paint), 0o600); err != nil {
		return row{}, err
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		return row{}, err
	}
	word := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<!doctype html><title>furl</title><p>furl") //nolint:errcheck // the browser is gone
	}))
	defer word.Close()
	_, port, _ := strings.Cut(c.server.address, ":")
	page := "http://console.localhost:" + port + "/_furl/"
	command := exec.CommandContext(ctx, "node", script, program, strconv.Itoa(2*e.rounds+1), page, word.URL)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return row{}, fmt.Errorf("chromium: %w", err)
	}
	times := map[string][]float64{}
	for line := range strings.Lines(string(out)) {
		var one struct {
			Page string
			At   float64
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			return row{}, err
		}
		times[one.Page] = append(times[one.Page], one.At*float64(time.Millisecond))
	}
	painted, bare := median(times[page]), median(times[word.URL])
	return row{name, took(painted), "≤ 150 ms", painted <= float64(150*time.Millisecond), took(bare) + " for a page of one word"}, nil
}
