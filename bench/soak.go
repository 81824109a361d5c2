package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A soak has a server run functions that misbehave, for callers that look at every answer and hang up now and then,
// while others change the world. Now and then everybody rests, and what the server holds is counted. At the end it must
// not hold more than after a fifth of the time, when everything has happened many times.
const (
	soakSamples    = 10
	referenceIndex = 1 // of the sample that the last one is compared with
)

// soak is one run.
type soak struct {
	bench     *bench
	server    *server
	callers   []principal
	strangers []*stranger
	probe     *stranger // the one that is called to find out whether a change is in force

	load           sync.RWMutex // held for reading during work, for writing during rest
	calls, changes atomic.Int64
	turns          atomic.Int64 // of changeConfiguration

	mu       sync.Mutex
	wrong    []string
	packages map[string][]byte // by the kind's name
}

// measureSoak runs a soak and prints what came of it. The error says what was wrong.
func measureSoak(ctx context.Context, b *bench, duration time.Duration, out io.Writer) error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("-soak looks at a server through /proc as Linux has it, and this is %s", runtime.GOOS)
	}
	// It ends by itself, whatever the server does.
	late := errors.New("the soak takes much longer than it was told to")
	ctx, cancel := context.WithTimeoutCause(ctx, duration+duration/2+5*time.Minute, late)
	defer cancel()
	k, err := b.newSoak(ctx)
	if err != nil {
		return err
	}
	samples, err := k.run(ctx, duration)
	left := k.end()
	if errors.Is(ctx.Err(), context.Canceled) {
		return err // interrupted
	}
	fmt.Fprintf(out, "%d functions: %s\n\n", len(k.strangers), strings.Join(k.names(), ", "))
	err = errors.Join(err, writeSamples(out, samples))
	fmt.Fprintf(out, "\n%s%s", k.report(), summarizeLog(k.server.log.Bytes()))
	var grown []string
	if len(samples) == soakSamples {
		grown = growth(samples[referenceIndex], samples[len(samples)-1])
	}
	return errors.Join(err, k.verdict(grown, left))
}

// newSoak starts a server with the functions and those who may call them.
func (b *bench) newSoak(ctx context.Context) (*soak, error) {
	data, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return nil, err
	}
	log := []string{"--log-level", "warn", "--log-format", "json"}
	s, err := b.serve(ctx, filepath.Join(data, "furl"), append(log, "--url-style", "path")...)
	if err != nil {
		return nil, err
	}
	b.atEnd(s.stop)
	k := &soak{bench: b, server: s, strangers: newStrangers(), packages: map[string][]byte{}}
	k.probe = k.strangers[0]
	for _, role := range []string{executionRole, "caller-b", "caller-c"} {
		credentials, err := s.createCaller(ctx, role)
		if err != nil {
			return nil, err
		}
		k.callers = append(k.callers, principal{sessionARN(role), credentials})
		if err := k.putPolicy(ctx, "Role", role, "Allow")(); err != nil {
			return nil, err
		}
	}
	for _, f := range k.strangers {
		if err := k.deploy(ctx, f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return k, nil
}

// executionRole is the role of all functions.
const executionRole = "caller-a"

func (k *soak) names() []string {
	var names []string
	for _, f := range k.strangers {
		name := f.name
		if !strings.HasPrefix(name, strings.ToLower(f.kind.name)) {
			name += " in " + f.kind.name
		}
		names = append(names, name)
	}
	return names
}

// zipped is the deployment package of a kind of function, made once.
func (k *soak) zipped(ctx context.Context, kind kind) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if made, ok := k.packages[kind.name]; ok {
		return made, nil
	}
	code, err := kind.code(ctx, k.bench)
	if err != nil {
		return nil, err
	}
	k.packages[kind.name], err = deploymentPackage(kind.file, code)
	return k.packages[kind.name], err
}

// deploy makes a function with its URL.
func (k *soak) deploy(ctx context.Context, f *stranger) error {
	zipped, err := k.zipped(ctx, f.kind)
	if err != nil {
		return err
	}
	handler := "stranger." + f.does.name
	f.path, err = k.server.createFunction(ctx, f.name, f.kind.runtime, handler, zipped, executionRole)
	if err != nil {
		return err
	}
	k.changes.Add(1)
	if f.does.streams {
		mode := map[string]string{"InvokeMode": "RESPONSE_STREAM"}
		if err := k.lambda(ctx, http.MethodPut, "/2021-10-31/functions/"+f.name+"/url", mode, nil); err != nil {
			return err
		}
	}
	return k.configure(ctx, f, "0")
}

// configure gives a function its timeout and its variable, and so ends its environments.
func (k *soak) configure(ctx context.Context, f *stranger, turn string) error {
	err := k.lambda(ctx, http.MethodPut, "/2015-03-31/functions/"+f.name+"/configuration", map[string]any{
		"Timeout": f.does.timeout, "Environment": map[string]any{"Variables": map[string]string{"TURN": turn}},
	}, nil)
	if err == nil {
		f.turn = turn
	}
	return err
}

func (k *soak) call(ctx context.Context, f *stranger, by principal) error {
	k.calls.Add(1)
	return k.server.call(ctx, f, by)
}

func (k *soak) invoke(ctx context.Context, f *stranger, by principal) error {
	k.calls.Add(1)
	return k.server.invoke(ctx, f, by)
}

func (k *soak) cutOff(ctx context.Context, f *stranger, by principal) error {
	k.calls.Add(1)
	return k.server.cutOff(ctx, f, by)
}

// run makes load for so long, and takes the samples.
func (k *soak) run(ctx context.Context, duration time.Duration) ([]sample, error) {
	loading, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	begin := time.Now()
	k.start(loading, &all)
	interval := duration / soakSamples
	calm := max(interval/6, 3*time.Second) // how long a rest lasts, at least until memory has gone back to the system
	var samples []sample
	for i := range soakSamples {
		// However long the last rest was, there is load in between.
		if !sleep(ctx, max(interval/2, time.Until(begin.Add(interval*time.Duration(i+1))))) {
			return samples, context.Cause(ctx)
		}
		s, err := k.rest(ctx, strconv.Itoa(i+1), calm)
		if err != nil {
			return samples, err
		}
		s.after = time.Since(begin)
		samples = append(samples, s)
		fmt.Fprintf(os.Stderr, "bench: soak, %s: %s\n", round(s.after), s)
	}
	return samples, nil
}

// sleep reports whether the context lived on for so long.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// start starts the goroutines that call functions and the goroutines that change the world.
func (k *soak) start(ctx context.Context, all *sync.WaitGroup) {
	for _, f := range k.strangers {
		for i := range f.does.callers {
			by := k.callers[i%len(k.callers)]
			all.Go(func() {
				k.work(ctx, f.does.pace, f.name, func(ctx context.Context, n int) error { return k.visit(ctx, f, by, n) })
			})
		}
	}
	for _, c := range changes {
		const names = 5 // are used again and again, as if nothing had ever had them
		faults := 0     // after one the world may not be as it was
		all.Go(func() {
			k.work(ctx, 200*time.Millisecond, "change of a "+c.name, func(ctx context.Context, n int) error {
				err := c.make(k, ctx, fmt.Sprintf("%s-%d-%d", c.name, faults, n%names))
				if err != nil {
					faults++
				}
				return err
			})
		})
	}
}

// visit calls a function in one of the ways in which it can be called.
func (k *soak) visit(ctx context.Context, f *stranger, by principal, n int) error {
	switch {
	case n%5 == 4:
		return k.cutOff(ctx, f, by)
	case n%5 == 2 && !f.does.streams:
		return k.invoke(ctx, f, by)
	default:
		return k.call(ctx, f, by)
	}
}

// work does something again and again, but for when all rest. What has begun when the context ends is ended first.
func (k *soak) work(ctx context.Context, pace time.Duration, what string, step func(context.Context, int) error) {
	for n := 0; ctx.Err() == nil; n++ {
		k.load.RLock()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 4*patience)
		err := step(limited, n)
		cancel()
		k.load.RUnlock()
		if err != nil {
			k.note(what, err)
		}
		sleep(ctx, pace)
	}
}

// note keeps what was wrong.
func (k *soak) note(what string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wrong = append(k.wrong, time.Now().UTC().Format(time.TimeOnly)+" "+what+": "+err.Error())
}

// rest has everybody wait, ends all environments, which begins another turn, and counts what the server holds then.
func (k *soak) rest(ctx context.Context, turn string, during time.Duration) (sample, error) {
	k.load.Lock()
	defer k.load.Unlock()
	http.DefaultClient.CloseIdleConnections()
	for _, f := range k.strangers {
		if err := k.configure(ctx, f, turn); err != nil {
			return sample{}, err
		}
	}
	// Functions whose caller has hung up run on for a while.
	for end := time.Now().Add(patience); time.Now().Before(end); {
		below, err := k.server.processes()
		if err != nil {
			return sample{}, err
		}
		if len(below) == 0 || !sleep(ctx, 100*time.Millisecond) {
			break
		}
	}
	held, err := k.server.observe(ctx, during)
	return sample{calls: k.calls.Load(), changes: k.changes.Load(), held: held}, err
}

// end stops the server, and reports which processes of its functions it left.
func (k *soak) end() []int {
	k.server.stop()
	left, err := k.server.processes()
	if err != nil {
		k.note("processes after the end", err)
	}
	return left
}

// shown is how many of the wrong answers are printed.
const shown = 10

// report is the first wrong answers.
func (k *soak) report() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	text := fmt.Sprintf("wrong answers: %d\n", len(k.wrong))
	for _, wrong := range k.wrong[:min(shown, len(k.wrong))] {
		text += "  " + wrong + "\n"
	}
	return text
}

// verdict is what failed.
func (k *soak) verdict(grown []string, left []int) error {
	var faults []error
	if n := len(k.wrong); n > 0 {
		faults = append(faults, fmt.Errorf("soak: %d wrong answers", n))
	}
	for _, fault := range grown {
		faults = append(faults, errors.New("soak: "+fault))
	}
	if len(left) > 0 {
		faults = append(faults, fmt.Errorf("soak: processes %v outlived the server", left))
	}
	return errors.Join(faults...)
}

// summarizeLog counts the lines of a server's log by what they say.
func summarizeLog(log []byte) string {
	counts := map[string]int{}
	for line := range bytes.Lines(log) {
		var entry struct{ Level, Msg, Error string }
		if err := json.Unmarshal(line, &entry); err != nil {
			entry.Msg = string(bytes.TrimSpace(line))
		}
		if strings.HasPrefix(entry.Msg, "furl: ") { // where it listens
			continue
		}
		counts[strings.TrimSpace(entry.Level+" "+entry.Msg)]++
	}
	text := ""
	for _, message := range slices.Sorted(maps.Keys(counts)) {
		text += fmt.Sprintf("server's log: %d × %s\n", counts[message], message)
	}
	return text
}
