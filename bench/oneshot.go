package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/furl-dev/furl/sigv4"
)

// shotsPerStart is how many calls are measured for one start of the server in other sections.
const shotsPerStart = 10

// measureOneShot is what a shell script waits for furl call: from the start of the process to its end.
func measureOneShot(ctx context.Context, b *bench, e effort) ([]row, error) {
	callee, err := b.deploy(ctx, goFunction)
	if err != nil {
		return nil, err
	}
	furl, err := b.furl(ctx)
	if err != nil {
		return nil, err
	}
	program, err := b.function(ctx)
	if err != nil {
		return nil, err
	}
	env := b.clientEnv(callee.caller)
	commands := [][]string{
		{furl, "call", "http://" + callee.server.address + callee.path + book},
		{furl, "version"},
		{program, "nothing"},
	}
	times := make([][]float64, len(commands))
	for i := range shotsPerStart*e.starts + 1 {
		for j, command := range commands {
			took, err := timeCommand(ctx, env, command)
			if err != nil {
				return nil, fmt.Errorf("%w\n%s", err, callee.server.log.String())
			}
			if i > 0 { // the first call starts the function
				times[j] = append(times[j], float64(took))
			}
		}
	}
	call, version, nothing := median(times[0]), median(times[1]), median(times[2])
	return []row{{
		"furl call, start to exit", took(call), "≤ 10 ms", call <= float64(10*time.Millisecond),
		fmt.Sprintf("median of %d; furl version: %s; a Go program that does nothing: %s", len(times[0]), took(version), took(nothing)),
	}}, nil
}

// timeCommand is how long a command takes, which must succeed. What it prints goes to nobody, but its complaints do not.
func timeCommand(ctx context.Context, env, command []string) (time.Duration, error) {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Env, c.Stderr = env, os.Stderr
	begin := time.Now()
	if err := c.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w", c, err)
	}
	return time.Since(begin), nil
}

// clientEnv is the environment of a client with the credentials, and with no other configuration of AWS.
func (b *bench) clientEnv(as sigv4.Credentials) []string {
	return []string{
		"HOME=" + b.dir, "AWS_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + as.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + as.Secret.Reveal(), "AWS_SESSION_TOKEN=" + as.SessionToken,
	}
}
