package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
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
	get, err := c.get(ctx)
	if err != nil {
		return 0, err
	}
	caller, err := dial(get.address)
	if err != nil {
		return 0, err
	}
	defer caller.close()
	begin := time.Now()
	err = caller.call(get.request)
	return float64(time.Since(begin)), err
}
