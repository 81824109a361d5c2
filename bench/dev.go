//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// measureDev is how long a person waits for furl dev: until the first function URL is there, and from the edit of a file
// to the changed answer; and what a large template costs.
func measureDev(ctx context.Context, b *bench, e effort) ([]row, error) {
	rows, err := measureFirstURL(ctx, b, e)
	for _, edited := range editables {
		if err != nil {
			return rows, err
		}
		if _, missing := exec.LookPath(edited.needs); missing != nil {
			rows = append(rows, row{name: edited.name, measured: "not measured", against: edited.needs + " is not on PATH"})
			continue
		}
		var measured row
		measured, err = edited.measure(ctx, b, e)
		rows = append(rows, measured)
	}
	if err != nil {
		return rows, err
	}
	large, err := measureLargeTemplate(ctx, b, e)
	return append(rows, large...), err
}

// devRun is a running furl dev.
type devRun struct {
	began  time.Time
	server // pid, stop, log
	lines  chan devLine
}

// devLine is an event of furl dev --json, and when it came.
type devLine struct {
	Event, URL, Text string
	at               time.Duration // from the start of the process
}

// dev starts furl dev in a directory.
func (b *bench) dev(ctx context.Context, dir string, args ...string) (*devRun, error) {
	program, err := b.furl(ctx)
	if err != nil {
		return nil, err
	}
	command := exec.Command(program, append([]string{"dev", "--json", "--listen", "127.0.0.1:0", "--region", region}, args...)...)
	d := &devRun{lines: make(chan devLine, 1<<16)}
	command.Dir, command.Stderr = dir, &d.log
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	d.began = time.Now()
	if d.stop, err = start(command); err != nil {
		return nil, err
	}
	d.pid = strconv.Itoa(command.Process.Pid)
	go d.read(out)
	return d, nil
}

func (d *devRun) read(out io.Reader) {
	defer close(d.lines)
	lines := bufio.NewScanner(out)
	const longest = 8 << 20
	lines.Buffer(nil, longest)
	for lines.Scan() {
		line := devLine{at: time.Since(d.began)}
		if json.Unmarshal(lines.Bytes(), &line) == nil {
			d.lines <- line
		}
	}
}

// await is the next event of that name.
func (d *devRun) await(ctx context.Context, event string) (devLine, error) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		select {
		case line, ok := <-d.lines:
			switch {
			case !ok:
				return line, fmt.Errorf("furl dev ended before the event %s\n%s", event, d.log.String())
			case line.Event == event:
				return line, nil
			case line.Event == "error":
				return line, fmt.Errorf("furl dev: %s", line.Text)
			}
		case <-timeout.C:
			return devLine{}, fmt.Errorf("furl dev does not say %s within %s\n%s", event, patience, d.log.String())
		case <-ctx.Done():
			return devLine{}, ctx.Err()
		}
	}
}

// measureFirstURL starts the project of the examples, each time as if it were new.
func measureFirstURL(ctx context.Context, b *bench, e effort) ([]row, error) {
	examples := "examples/article"
	if _, err := os.Stat(examples); err != nil {
		examples = filepath.Join("..", examples) // a test runs in the directory of its package
	}
	dir := filepath.Join(b.dir, "article")
	if err := os.CopyFS(dir, os.DirFS(examples)); err != nil {
		return nil, err
	}
	var fresh, again []float64
	for i := range e.starts + 1 {
		data := filepath.Join(b.dir, "article-data-"+strconv.Itoa(i))
		for _, times := range []*[]float64{&fresh, &again} {
			d, err := b.dev(ctx, dir, "--data", data)
			if err != nil {
				return nil, err
			}
			url, err := d.await(ctx, "url")
			d.stop()
			if err != nil {
				return nil, err
			}
			if i > 0 { // the first start finds the program on the disk
				*times = append(*times, float64(url.at))
			}
		}
	}
	first := median(fresh)
	return []row{{
		"furl dev, start to the first function URL", took(first), "≤ 400 ms", first <= float64(400*time.Millisecond),
		fmt.Sprintf("median of %d starts with examples/article and no data directory; with one: %s", len(fresh), took(median(again))),
	}}, nil
}

// editable is a project of one file that is changed while it runs.
type editable struct {
	name, needs string
	file        string
	content     string // %s is what it answers
	flags       []string
	// self has the interpreter print where it is, since the one on PATH may be a script that looks for it, and idle has it
	// do nothing; nil if its start is not part of the wait.
	self, idle []string
	target     time.Duration
}

var editables = []editable{
	{
		name: "edit to changed answer, Python", needs: "python3", file: "app.py",
		content: "def handler(event, context):\n    return '%s'\n", flags: []string{"--handler", "app.handler"},
		self: []string{"-c", "import sys; print(sys.executable)"}, idle: []string{"-c", "pass"}, target: 300 * time.Millisecond,
	},
	{
		name: "edit to changed answer, Node", needs: "node", file: "index.mjs",
		content: "export const handler = async () => '%s';\n", flags: []string{"--handler", "index.handler"},
		self: []string{"-p", "process.execPath"}, idle: []string{"-e", "0"}, target: 300 * time.Millisecond,
	},
	{
		name: "edit to changed answer, --http", needs: "python3", file: "index.html",
		content: "%s", flags: []string{"--http", "exec python3 -m http.server --bind 127.0.0.1 $PORT"}, target: 50 * time.Millisecond,
	},
}

// measure changes the file again and again, and calls until the answer has changed.
func (p editable) measure(ctx context.Context, b *bench, e effort) (row, error) {
	end := b.nested()
	defer end()
	dir := filepath.Join(b.dir, "edited-"+p.file)
	write := func(text string) error {
		return os.WriteFile(filepath.Join(dir, p.file), fmt.Appendf(nil, p.content, text), 0o600)
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), write("answer 0")); err != nil {
		return row{}, err
	}
	d, err := b.dev(ctx, dir, append([]string{"--auth", "NONE"}, p.flags...)...)
	if err != nil {
		return row{}, err
	}
	b.atEnd(d.stop)
	url, err := d.await(ctx, "url")
	if err != nil {
		return row{}, err
	}
	if err := awaitAnswer(ctx, url.URL, "answer 0"); err != nil {
		return row{}, err
	}
	var interpreter string
	if p.self != nil {
		out, err := exec.CommandContext(ctx, p.needs, p.self...).Output()
		if err != nil {
			return row{}, err
		}
		interpreter = strings.TrimSpace(string(out))
	}
	var changed, starts []float64
	for i := range e.starts {
		time.Sleep(settle) // a person looks at the answer
		text := fmt.Sprintf("answer %d", i+1)
		begin := time.Now()
		if err := write(text); err != nil {
			return row{}, err
		}
		if err := awaitAnswer(ctx, url.URL, text); err != nil {
			return row{}, fmt.Errorf("%w\n%s", err, d.log.String())
		}
		changed = append(changed, float64(time.Since(begin)))
		if p.idle != nil {
			took, _, err := timeCommand(ctx, os.Environ(), append([]string{interpreter}, p.idle...))
			if err != nil {
				return row{}, err
			}
			starts = append(starts, float64(took))
		}
	}
	whole := median(changed)
	if p.idle == nil {
		const against = "median of %d edits of a file that the server reads for each request"
		return row{p.name, took(whole), "≤ " + took(float64(p.target)), whole <= float64(p.target), fmt.Sprintf(against, e.starts)}, nil
	}
	bare := median(starts)
	added := whole - bare
	const against = "%s, less %s for %s; medians of %d"
	return row{
		p.name, took(added) + " added", "≤ " + took(float64(p.target)), added <= float64(p.target),
		fmt.Sprintf(against, took(whole), took(bare), filepath.Base(interpreter)+" "+strings.Join(p.idle, " "), e.starts),
	}, nil
}

// awaitAnswer calls a public function URL until it answers the text.
func awaitAnswer(ctx context.Context, url, text string) error {
	var last string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if last = string(body); err == nil && last == text {
			return nil
		}
	}
	return fmt.Errorf("%s answers %q, want %q", url, last, text)
}

// measureLargeTemplate plans a template of many functions, and watches it.
func measureLargeTemplate(ctx context.Context, b *bench, e effort) ([]row, error) {
	const functions = 200
	end := b.nested()
	defer end()
	dir := filepath.Join(b.dir, "template")
	var template strings.Builder
	template.WriteString("Transform: AWS::Serverless-2016-10-31\nResources:\n")
	for i := range functions {
		name := fmt.Sprintf("F%03d", i)
		fmt.Fprintf(&template, "  %s:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: %s\n", name, name)
		template.WriteString("      Handler: app.handler\n      Runtime: python3.13\n      FunctionUrlConfig: {AuthType: AWS_IAM}\n")
		code := filepath.Join(dir, name)
		err := errors.Join(os.MkdirAll(code, 0o700), os.WriteFile(filepath.Join(code, "app.py"), []byte("def handler(e, c): pass\n"), 0o600))
		if err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "template.yaml"), []byte(template.String()), 0o600); err != nil {
		return nil, err
	}
	var planned []float64
	for range e.starts {
		d, err := b.dev(ctx, dir, "--dry-run")
		if err != nil {
			return nil, err
		}
		plan, err := d.await(ctx, "planned")
		d.stop()
		if err != nil {
			return nil, err
		}
		planned = append(planned, float64(plan.at))
	}
	d, err := b.dev(ctx, dir)
	if err != nil {
		return nil, err
	}
	b.atEnd(d.stop)
	for range functions {
		if _, err := d.await(ctx, "url"); err != nil {
			return nil, err
		}
	}
	time.Sleep(settle)
	now, peak, err := d.memory()
	if err != nil {
		return nil, err
	}
	plan := median(planned)
	return []row{
		{
			"a template of 200 functions planned", took(plan), "≤ 200 ms", plan <= float64(200*time.Millisecond),
			fmt.Sprintf("median of %d dry runs, from the start of the process to the plan", e.starts),
		},
		{"and watched", megabytes(now), "≤ 60 MB", now <= 60<<20, "resident, with the server in the same process; at its peak, while it applied the plan: " + megabytes(peak)},
	}, nil
}
