//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

// measureCold is what the sandbox adds to the first call of a function, the one that starts its process.
func measureCold(ctx context.Context, b *bench, e effort) ([]row, error) {
	var rows []row
	for _, k := range append([]kind{goFunction}, interpreted...) {
		if !k.available() {
			continue
		}
		confined, free, err := b.coldStarts(ctx, k, e.colds)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
		added := confined - free
		target, met := "≤ 10 %", added <= free/10
		if k.name == goFunction.name {
			target, met = "≤ 5 ms", added <= float64(5*time.Millisecond)
		}
		rows = append(rows, row{
			"sandbox, added to a cold start of " + k.name, took(added), target, met,
			fmt.Sprintf("%+.0f %%: %s, less %s with --sandbox=off; medians of %d", 100*added/free, took(confined), took(free), e.colds),
		})
	}
	return rows, nil
}

// coldStarts is the median time of a first call, with a sandbox and without, in turns.
func (b *bench) coldStarts(ctx context.Context, k kind, times int) (confined, free float64, err error) {
	var took [2][]float64
	var callees [2]*callee
	for i, mode := range []string{"strict", "off"} {
		if callees[i], err = b.deploy(ctx, k, "--sandbox="+mode); err != nil {
			return 0, 0, err
		}
	}
	for n := range times + 1 {
		for i, c := range callees {
			first, err := c.cold(ctx, n)
			if err != nil {
				return 0, 0, fmt.Errorf("%w\n%s", err, c.server.log.String())
			}
			if n > 0 { // the first finds the interpreter, and reads all from the disk
				took[i] = append(took[i], first)
			}
		}
	}
	return median(took[0]), median(took[1]), nil
}

// cold changes the function, so that its next call needs a new process, and measures that call.
func (c *callee) cold(ctx context.Context, n int) (float64, error) {
	change := map[string]any{"Environment": map[string]any{"Variables": map[string]string{"TURN": fmt.Sprint(n)}}}
	if err := c.server.lambda(ctx, http.MethodPut, "/2015-03-31/functions/page/configuration", change, nil); err != nil {
		return 0, err
	}
	caller, err := c.dial(ctx)
	if err != nil {
		return 0, err
	}
	defer caller.close()
	begin := time.Now()
	err = caller.call()
	return float64(time.Since(begin)), err
}

// settle is how long a server is left alone before its memory counts as that of an idle one.
const settle = 300 * time.Millisecond

// measureStart is how fast the server is there, and how large.
func measureStart(ctx context.Context, b *bench, e effort) ([]row, error) {
	program, err := b.furl(ctx)
	if err != nil {
		return nil, err
	}
	file, err := os.Stat(program)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(b.dir, "start")
	var ready, memory []float64
	for i := range e.starts + 1 {
		s, err := b.serve(ctx, data)
		if err != nil {
			return nil, err
		}
		time.Sleep(settle)
		now, _, err := s.memory()
		s.stop()
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first start makes the data directory, and finds the program on the disk
			ready, memory = append(ready, float64(s.ready)), append(memory, float64(now))
		}
	}
	start, idle := median(ready), median(memory)
	return []row{
		{"start to /_furl/health 200", took(start), "≤ 15 ms", start <= float64(15*time.Millisecond), fmt.Sprintf("median of %d starts, existing data directory", e.starts)},
		{"idle memory after start", megabytes(int64(idle)), "≤ 30 MB", idle <= 30<<20, "resident, pages of the program file included"},
		{"size of the program", megabytes(file.Size()), "", true, "stripped"},
	}, nil
}

// shotsPerStart is how many calls are measured for one start of the server in other sections.
const shotsPerStart = 10

// measureOneShot is what a shell script waits for commands that are soon done: from the start of the process to its end,
// against a program that does nothing.
func measureOneShot(ctx context.Context, b *bench, e effort) ([]row, error) {
	callee, err := b.deploy(ctx, goFunction)
	if err != nil {
		return nil, err
	}
	furl, err1 := b.furl(ctx)
	nothing, err2 := b.nothing(ctx)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	env := b.clientEnv(callee.caller)
	commands := [][]string{
		{nothing},
		{furl, "version"},
		{furl, "call", "http://" + callee.server.address + callee.path + book},
	}
	waits, works := make([][]float64, len(commands)), make([][]float64, len(commands))
	for i := range shotsPerStart*e.starts + 1 {
		for j, command := range commands {
			wait, work, err := timeCommand(ctx, env, command)
			if err != nil {
				return nil, fmt.Errorf("%w\n%s", err, callee.server.log.String())
			}
			if i > 0 { // the first call starts the function
				waits[j], works[j] = append(waits[j], float64(wait)), append(works[j], float64(work))
			}
		}
	}
	wait, work := median(waits[0]), median(works[0])
	against := func(j int, name string, most float64) row {
		ours, busy := median(waits[j]), median(works[j])
		return row{
			name + ", start to exit", fmt.Sprintf("%s, %.1f×", took(ours), ours/wait), fmt.Sprintf("≤ %.3g×", most), ours <= most*wait,
			fmt.Sprintf("a Go program that does nothing: %s; processor time %s, %.1f×; medians of %d", took(wait), took(busy), busy/work, len(waits[j])),
		}
	}
	return []row{against(1, "furl version", 2.5), against(2, "furl call", 4)}, nil
}

// timeCommand is how long a command takes, which must succeed, and how long it keeps processors busy. What it prints
// goes to nobody, but its complaints do not.
func timeCommand(ctx context.Context, env, command []string) (wait, work time.Duration, err error) {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Env, c.Stderr = env, os.Stderr
	begin := time.Now()
	if err := c.Run(); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", c, err)
	}
	return time.Since(begin), c.ProcessState.UserTime() + c.ProcessState.SystemTime(), nil
}

// clientEnv is the environment of a client with the credentials, and with no other configuration of AWS.
func (b *bench) clientEnv(as sigv4.Credentials) []string {
	return []string{
		"HOME=" + b.dir, "AWS_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + as.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + as.Secret.Reveal(), "AWS_SESSION_TOKEN=" + as.SessionToken,
	}
}
