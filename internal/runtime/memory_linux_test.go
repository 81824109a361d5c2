package runtime_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/furl-dev/furl/internal/runtime"
	"github.com/furl-dev/furl/internal/runtime/sandbox"
)

// limited is for newBench: functions have no more memory than they may have, confined or not.
func limited(mode sandbox.Mode) func(*runtime.Config) {
	return func(c *runtime.Config) { c.Sandbox.Mode, c.LimitMemory = mode, true }
}

// greedy takes memory, in MiB, as the event says: how much at once, how often after giving it back, in how many children
// besides, in how many that share it, behind how many small children, and how much after it has answered.
var greedy = []string{
	"import os, subprocess, sys, threading, time",
	"take = 'import sys, time; m = bytearray(b\"x\") * (int(sys.argv[1]) << 20); print(1, flush=True); time.sleep(60)'",
	"children = [subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL) for _ in range(d.get('crowd', 0))]",
	"if children:",
	"    hidden = '\"' + sys.executable + '\" -c \"$0\" 200; true'",
	"    children = [subprocess.Popen(['sh', '-c', hidden, take], stdout=subprocess.PIPE)]",
	"if 'later' in d:",
	"    def grow(): time.sleep(0.3); m = bytearray(b'x') * (d['later'] << 20); time.sleep(60)",
	"    threading.Thread(target=grow, daemon=True).start()",
	"for _ in range(d.get('children', 0)):",
	"    children.append(subprocess.Popen([sys.executable, '-c', take, str(d['each'])], stdout=subprocess.PIPE))",
	"for child in children: child.stdout.readline()",
	"for _ in range(d.get('times', 1)):",
	"    m = None; m = bytearray(b'x') * (d.get('take', 0) << 20)",
	"for _ in range(d.get('sharing', 0)):",
	"    if os.fork() == 0: time.sleep(d['wait']); os._exit(0)",
	"time.sleep(d.get('wait', 0))",
	"for child in children: child.kill()",
	"return 'done'",
}

// A function that has more memory than its size ends as at AWS: by SIGKILL, with all of its size used (the text is that
// of any killed runtime, recorded by LocalStack). What its children have counts, and what it shares with them counts
// once. One that stays below is never ended, whatever it has had altogether.
func TestMemoryIsLimited(t *testing.T) {
	t.Parallel()
	needs(t, "python3")
	const killed = `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: {id} Error: Runtime exited with error: signal: killed"}`
	for name, mode := range map[string]sandbox.Mode{"without a sandbox": sandbox.Off, "in the sandbox": sandbox.Auto} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, limited(mode))
			fn := b.python(greedy...)
			fn.Timeout = time.Minute
			for _, row := range []struct {
				name  string
				event map[string]any
				want  string
			}{
				{"all at once", map[string]any{"take": 400, "wait": 30}, killed},
				{"in children", map[string]any{"children": 3, "each": 60, "wait": 30}, killed},
				{"behind a crowd", map[string]any{"crowd": 300, "wait": 30}, killed},
				{"again and again", map[string]any{"take": 60, "times": 100}, `"done"`},
				{"shared", map[string]any{"take": 50, "sharing": 4, "wait": 1}, `"done"`},
			} {
				body, result, id := b.invoke(fn, row.event)
				if want := strings.ReplaceAll(row.want, "{id}", id); body != want {
					t.Errorf("%s: %s", row.name, body)
				}
				log := string(result.LogTail())
				if full := strings.Contains(log, "Memory Size: 128 MB\tMax Memory Used: 128 MB\t"); full != (row.want == killed) {
					t.Errorf("%s: the report has all memory used: %v\n%s", row.name, full, log)
				}
			}
		})
	}
}

// An environment runs on between two invocations, so its memory is limited then, too. Nobody waits for an answer, and the
// next invocation gets another environment.
func TestMemoryIsLimitedBetweenInvocations(t *testing.T) {
	t.Parallel()
	needs(t, "python3")
	b := newBench(t, limited(sandbox.Auto))
	fn := b.python(greedy...)
	for range 2 {
		if body, _, _ := b.invoke(fn, map[string]any{"later": 400}); body != `"done"` {
			t.Fatal(body)
		}
		b.await(0)
	}
	b.waitFor("killed between two invocations: the function had more memory than its memory size")
}

// What the kernel ends because its control group has no more memory is reported like what the watchdog ends, which
// leaves it alone. The test plays the kernel, in a directory that has the files of cgroup v2.
func TestMemoryIsLimitedByCgroups(t *testing.T) {
	t.Parallel()
	needs(t, "python3")
	const killed = `{"errorType":"Runtime.ExitError","errorMessage":` +
		`"RequestId: {id} Error: Runtime exited with error: signal: killed"}`
	groups := t.TempDir()
	set := func(name, text string) {
		if err := os.WriteFile(filepath.Join(groups, name), []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"cgroup.controllers", "cgroup.subtree_control"} {
		set(name, "cpu memory\n")
	}
	end := func(events string) { // everything in the one group that has a process, as the kernel does
		all, _ := filepath.Glob(groups + "/furl-*")
		for _, group := range all {
			text, _ := os.ReadFile(group + "/cgroup.procs")
			pid, _ := strconv.Atoi(string(text))
			if pid == 0 || syscall.Kill(pid, 0) != nil {
				continue
			}
			set(filepath.Base(group)+"/memory.peak", strconv.Itoa(90<<20))
			set(filepath.Base(group)+"/memory.events", events)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			return
		}
		t.Fatalf("no group has a process: %v", all)
	}
	b := newBench(t, limited(sandbox.Auto), func(c *runtime.Config) { c.Sandbox.Cgroup = groups })
	got := b.pool.Memory()
	if got != "the memory size of each function: one that has more is killed by the kernel (cgroup v2)" {
		t.Errorf("in force: %q", got)
	}
	fn := b.python(append([]string{"print(d.get('say', ''), flush=True)"}, greedy...)...)
	fn.Timeout = time.Minute
	if body, _, _ := b.invoke(fn, map[string]any{"take": 400, "wait": 1}); body != `"done"` {
		t.Fatalf("the watchdog: %s", body)
	}
	extended := *fn
	extended.Key, extended.Opt = "with an extension", t.TempDir()
	b.install(extended.Opt, "good")
	for _, row := range []struct {
		name, events, used string
		fn                 *runtime.Function
	}{
		{"the machine was short", "oom 0\noom_kill 2\n", "90 MB", fn},
		{"all of its own", "oom 1\noom_kill 2\n", "128 MB", fn},
		{"with an extension", "oom 1\noom_kill 3\n", "128 MB", &extended},
	} {
		answer := make(chan string, 1)
		go func() {
			result, id, err := b.start(row.fn, map[string]any{"say": row.name, "wait": 60})
			if err != nil {
				answer <- err.Error()
				return
			}
			body, err := result.ReadAll(0)
			answer <- fmt.Sprint(strings.ReplaceAll(string(body), id, "{id}"), err, string(result.LogTail()))
		}()
		b.waitFor("(?m)^" + row.name)
		end(row.events)
		got := <-answer
		if !strings.HasPrefix(got, killed) || !strings.Contains(got, "Max Memory Used: "+row.used+"\t") {
			t.Errorf("%s: %s", row.name, got)
		}
	}
	if body, _, _ := b.invoke(fn, map[string]any{}); body != `"done"` {
		t.Fatal(body)
	}
	b.await(1)
	end("oom 1\noom_kill 2\n")
	b.waitFor("killed between two invocations: the function had more memory than its memory size")
}

// Node.js looks for garbage before it has more than the function may have, as at AWS.
func TestMemoryOfNodeIsCollected(t *testing.T) {
	t.Parallel()
	needs(t, "node")
	b := newBench(t, limited(sandbox.Off))
	fn := b.function("index.handler")
	fn.Runtime, fn.CodeDir = "nodejs20.x", writeModule(t, `export const handler = async () => {
		for (let i = 0; i < 60; i++) {
			const garbage = Array.from({length: 100_000}, (_, j) => ({j}));
			Buffer.alloc(6 << 20).fill(garbage.length);
		}
		return process.execArgv.join(" ");
	};`)
	fn.Key, fn.Timeout = fn.CodeDir, time.Minute
	if body, _, _ := b.invoke(fn, nil); body != `"--max-semi-space-size=6 --max-old-space-size=116"` {
		t.Error(body)
	}
}

func writeModule(t *testing.T, text string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.mjs"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A larger size allows more, and a pool that does not limit allows anything.
func TestMemoryLimitIsTheFunctions(t *testing.T) {
	t.Parallel()
	needs(t, "python3")
	event := map[string]any{"take": 300, "wait": 1}
	large := newBench(t, limited(sandbox.Off))
	fn := large.python(greedy...)
	fn.MemoryMB = 512
	if body, _, _ := large.invoke(fn, event); body != `"done"` {
		t.Errorf("512 MB: %s", body)
	}
	free := newBench(t)
	if body, _, _ := free.invoke(free.python(greedy...), event); body != `"done"` {
		t.Errorf("without a limit: %s", body)
	}
	for pool, want := range map[*bench]string{large: "the memory size of each function", free: "off"} {
		if got := pool.pool.Memory(); !strings.HasPrefix(got, want) {
			t.Errorf("in force: %q", got)
		}
	}
}
