//go:build unix

package attack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A soak has a server run functions that misbehave, for callers that look at every answer and hang up now and then,
// while others change the world. Now and then everybody rests, and what the server holds is counted. At the end it must
// not hold more than after a fifth of the time, when everything has happened many times.
const (
	soakSamples    = 10
	referenceIndex = 1 // of the sample that the last one is compared with
)

var soaking = flag.Duration("soak", 0, "have TestSoak run functions that misbehave for so `long`")

// soak is one run.
type soak struct {
	w       *world
	callers []caller
	rogues  []*rogue
	probe   *rogue // the one that is called to find out whether a change is in force

	load           sync.RWMutex // held for reading during work, for writing during rest
	calls, changes atomic.Int64
	turns          atomic.Int64 // of changeConfiguration
	samples        []sample

	mu    sync.Mutex
	wrong []string
}

// TestSoak fails if a server under load answers wrongly, grows, or leaves processes behind.
func TestSoak(t *testing.T) {
	if *soaking <= 0 {
		t.Skip("takes as long as it is told to: -soak 10m")
	}
	k := newSoak(t)
	err := witnessed(t, func(t testing.TB) { k.run(t, *soaking) })
	left := k.end(t)
	fmt.Printf("%d functions: %s\n\n", len(k.rogues), strings.Join(k.names(), ", "))
	if err := writeSamples(os.Stdout, k.samples); err != nil {
		t.Error(err)
	}
	fmt.Printf("\n%s%s", k.report(), summarizeLog(k.w.log.String()))
	var grown []string
	if len(k.samples) == soakSamples {
		grown = growth(k.samples[referenceIndex], k.samples[soakSamples-1])
	}
	if err := errors.Join(err, k.verdict(grown, left)); err != nil {
		t.Error(err)
	}
}

// newSoak starts a server with the functions and those who may call them.
func newSoak(t *testing.T) *soak {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has the /proc in which a soak looks at a server")
	}
	k := &soak{w: newLimited(t, limits{Soaked: true}), rogues: newRogues()}
	k.probe = k.rogues[0]
	for _, role := range []string{executionRole, "caller-b", "caller-c"} {
		k.w.rootA.createRole(t, role, trust(`"Service":"lambda.amazonaws.com","AWS":"`+accountA+`"`), "")
		k.callers = append(k.callers, k.session(t, k.w.rootA.createUser(t, role+"-user", mayAssume), role))
		k.putPolicy(t, "Role", role, "Allow")
	}
	for _, f := range k.rogues {
		k.deploy(t, f)
	}
	return k
}

// executionRole is the role of all functions.
const executionRole = "caller-a"

func (k *soak) names() []string {
	var names []string
	for _, f := range k.rogues {
		name := f.name
		if !strings.HasPrefix(name, strings.ToLower(f.in.name)) {
			name += " in " + f.in.name
		}
		names = append(names, name)
	}
	return names
}

// deploy makes a function with a URL that its own role may call, by the function's policy.
func (k *soak) deploy(t testing.TB, f *rogue) {
	t.Helper()
	k.lambda(t, "POST", "/2015-03-31/functions", map[string]any{
		"FunctionName": f.name, "Runtime": f.in.runtime, "Handler": "rogue." + f.does.name, "Timeout": f.does.timeout,
		"MemorySize": 512,
		"Role":       roleARN(executionRole), "Code": map[string]any{"ZipFile": f.in.pack(t, k.w.program)},
	})
	in := map[string]string{"AuthType": "AWS_IAM"}
	if f.does.streams {
		in["InvokeMode"] = "RESPONSE_STREAM"
	}
	f.url = functionURL(t, k.lambda(t, "POST", "/2021-10-31/functions/"+f.name+"/url", in))
	k.permit(t, f.name, "caller", roleARN(executionRole), "AWS_IAM")
	k.configure(t, f, "0")
}

// configure gives a function its variable, and so ends its environments.
func (k *soak) configure(t testing.TB, f *rogue, turn string) {
	t.Helper()
	k.setVariables(t, f, map[string]string{"TURN": turn})
	f.turn = turn
}

func (k *soak) setVariables(t testing.TB, f *rogue, variables map[string]string) {
	t.Helper()
	k.lambda(t, "PUT", "/2015-03-31/functions/"+f.name+"/configuration", map[string]any{
		"Environment": map[string]any{"Variables": variables},
	})
}

func (k *soak) call(t testing.TB, f *rogue, by caller) {
	t.Helper()
	k.calls.Add(1)
	f.call(t, by)
}

func (k *soak) invoke(t testing.TB, f *rogue, by caller) {
	t.Helper()
	k.calls.Add(1)
	f.invoke(t, by)
}

// run makes load for so long, and takes the samples.
func (k *soak) run(t testing.TB, duration time.Duration) {
	// It ends by itself, whatever the server does.
	late := errors.New("the soak takes much longer than it was told to")
	ctx, cancel := context.WithTimeoutCause(t.Context(), duration+duration/2+5*time.Minute, late)
	defer cancel()
	loading, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	begin := time.Now()
	k.start(loading, t, &all)
	interval := duration / soakSamples
	calm := max(interval/6, 3*time.Second) // how long a rest lasts, at least until memory has gone back to the system
	for i := range soakSamples {
		// However long the last rest was, there is load in between.
		if !sleep(ctx, max(interval/2, time.Until(begin.Add(interval*time.Duration(i+1))))) {
			t.Fatal(context.Cause(ctx))
		}
		s := k.rest(ctx, t, strconv.Itoa(i+1), calm)
		s.after = time.Since(begin)
		k.samples = append(k.samples, s)
		fmt.Fprintf(os.Stderr, "soak, %s: %s\n", round(s.after), s)
	}
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
func (k *soak) start(ctx context.Context, t testing.TB, all *sync.WaitGroup) {
	for _, f := range k.rogues {
		for i := range f.does.callers {
			by := k.callers[i%len(k.callers)]
			all.Go(func() {
				k.work(ctx, t, f.does.pace, f.name, func(t testing.TB, n int) { k.visit(t, f, by, n) })
			})
		}
	}
	for _, c := range changes {
		const names = 5 // are used again and again, as if nothing had ever had them
		faults := 0     // after one the world may not be as it was
		all.Go(func() {
			k.work(ctx, t, 200*time.Millisecond, "change of a "+c.name, func(t testing.TB, n int) {
				defer func() {
					if t.Failed() {
						faults++
					}
				}()
				c.make(k, t, fmt.Sprintf("%s-%d-%d", c.name, faults, n%names))
			})
		})
	}
}

// visit calls a function in one of the ways in which it can be called.
func (k *soak) visit(t testing.TB, f *rogue, by caller, n int) {
	switch {
	case n%5 == 4:
		k.calls.Add(1)
		f.cutOff(t, by)
	case n%5 == 2 && !f.does.streams:
		k.invoke(t, f, by)
	default:
		k.call(t, f, by)
	}
}

// work does something again and again, except while all rest. What has begun when the context ends is ended first.
func (k *soak) work(
	ctx context.Context, t testing.TB, pace time.Duration, what string, step func(t testing.TB, n int),
) {
	for n := 0; ctx.Err() == nil; n++ {
		k.load.RLock()
		err := witnessed(t, func(t testing.TB) { step(t, n) })
		k.load.RUnlock()
		if err != nil {
			k.note(what, err.Error())
		}
		sleep(ctx, pace)
	}
}

// note keeps what was wrong.
func (k *soak) note(what, fault string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wrong = append(k.wrong, time.Now().UTC().Format(time.TimeOnly)+" "+what+": "+fault)
}

// rest has everybody wait, ends all environments, which begins another turn, and counts what the server holds then.
func (k *soak) rest(ctx context.Context, t testing.TB, turn string, during time.Duration) sample {
	k.load.Lock()
	defer k.load.Unlock()
	for _, f := range k.rogues {
		k.configure(t, f, turn)
	}
	// Functions whose caller has hung up run on for a while.
	for end := time.Now().Add(patience); time.Now().Before(end) && len(k.w.processes(t)) > 0; {
		if !sleep(ctx, 100*time.Millisecond) {
			break
		}
	}
	held := k.w.observe(ctx, t, during)
	return sample{calls: k.calls.Load(), changes: k.changes.Load(), held: held}
}

// end stops the server, and reports which processes of its functions it left.
func (k *soak) end(t testing.TB) []int {
	if err := k.w.stop(); err != nil {
		k.note("the server", err.Error())
	}
	return k.w.processes(t)
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
func summarizeLog(log string) string {
	counts := map[string]int{}
	for line := range bytes.Lines([]byte(log)) {
		var entry struct{ Level, Msg, Error string }
		if err := json.Unmarshal(line, &entry); err != nil {
			entry.Msg = string(bytes.TrimSpace(line))
		}
		counts[strings.TrimSpace(entry.Level+" "+entry.Msg)]++
	}
	text := ""
	for _, message := range slices.Sorted(maps.Keys(counts)) {
		text += fmt.Sprintf("server's log: %d × %s\n", counts[message], message)
	}
	return text
}

// TestRogues goes through all that a soak does. Whether a server grows shows in a long one only.
func TestRogues(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server and twenty functions")
	}
	k := newSoak(t)
	if len(k.rogues) != 20 {
		t.Errorf("%d functions", len(k.rogues))
	}
	t.Run("all at once", func(t *testing.T) {
		for _, f := range k.rogues {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				for _, n := range []int{0, 2, 4} { // each way to call it
					if err := witnessed(t, func(t testing.TB) { k.visit(t, f, k.callers[n%len(k.callers)], n) }); err != nil {
						t.Errorf("visit %d: %v", n, err)
					}
				}
			})
		}
		for _, c := range changes {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				for range 2 { // that it can be made again shows that it has left nothing
					if err := witnessed(t, func(t testing.TB) { c.make(k, t, c.name+"-0") }); err != nil {
						t.Error(err)
					}
				}
			})
		}
	})
	s := k.rest(t.Context(), t, "1", time.Millisecond)
	if left := k.end(t); len(left) > 0 || len(k.wrong) > 0 {
		t.Errorf("%s; left processes %v; %s", s, left, k.report())
	}
}

func TestVerdict(t *testing.T) {
	k := &soak{}
	if err := k.verdict(nil, nil); err != nil {
		t.Error(err)
	}
	for i := range 12 {
		id := map[string][]string{"X-Amzn-Requestid": {"id-" + strconv.Itoa(i)}}
		a := answer{status: 200, header: id, body: "hello", broken: errors.New("cut")}
		k.note("call of a function", a.wrong("want %d", i))
	}
	report := k.report()
	last := `call of a function: request id-9: want 9; the answer is 200  "hello" (5 bytes), broken off: cut`
	if !strings.HasPrefix(report, "wrong answers: 12\n") || strings.Count(report, "\n") != 1+shown ||
		!strings.HasSuffix(report, last+"\n") {
		t.Error(report)
	}
	err := k.verdict([]string{"RSS grew", "files grew"}, []int{7, 8})
	want := "soak: 12 wrong answers\nsoak: RSS grew\nsoak: files grew\nsoak: processes [7 8] outlived the server"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestLogIsSummarized(t *testing.T) {
	const log = `{"level":"WARN","msg":"b"}
{"level":"ERROR","msg":"a"}
{"level":"WARN","msg":"b"}
panic: x
`
	want := "server's log: 1 × ERROR a\nserver's log: 2 × WARN b\nserver's log: 1 × panic: x\n"
	if got := summarizeLog(log); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
