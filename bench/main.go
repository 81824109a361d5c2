//go:build unix

// Command bench measures furl: against the peers that a user would have instead (AWS's own signer, a reverse proxy), and
// against the floor below which nobody can go (bare hashes, a bare Runtime API). It prints one table and always
// succeeds if it could measure: on a busy machine a number is worse than it should be, which is no reason to fail.
//
//	go run ./bench         # everything, some minutes
//	go run ./bench -quick  # everything in shorter rounds, half a minute
//	go run ./bench -only sign,policy
//
// A target that compares is measured on both sides in one run, in short rounds that alternate; the medians of the
// rounds count. Everything stays on loopback and in a temporary directory, and ends with the program.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// effort is how much a run takes upon itself.
type effort struct {
	rounds int           // of each measurement; odd, for the median
	round  time.Duration // of one side of one round
	load   time.Duration // the same where several callers share the machine
	starts int           // of the server
	colds  int           // cold starts of each function, with and without a sandbox
	// callers is how many callers make a load.
	callers int
	large   population    // of the large world
	loads   int           // of the large world
	console time.Duration // that the memory with an open console is watched; 0 for the usual
	rust    bool          // the function in Rust, too, which takes a minute to build
}

var (
	full = effort{rounds: 9, round: 200 * time.Millisecond, load: 1500 * time.Millisecond, starts: 15, colds: 41, callers: 8, large: targetPopulation, loads: 5, rust: true}
	// The quick effort has the whole large world as well: with a smaller one its targets would say nothing.
	quick = effort{rounds: 5, round: 40 * time.Millisecond, load: 250 * time.Millisecond, starts: 5, colds: 11, callers: 8, large: targetPopulation, loads: 1}
)

// section is a part of the program that measures one subject.
type section struct {
	name    string
	measure func(context.Context, *bench, effort) ([]row, error)
}

var sections = []section{
	{"start", measureStart},
	{"call", measureCall},
	{"cold", measureCold},
	{"load", measureLoad},
	{"stream", measureStream},
	{"webapp", measureWebApp},
	{"oneshot", measureOneShot},
	{"proxy", measureProxy},
	{"mcp", measureMCP},
	{"transport", measureTransport},
	{"sign", measureSign},
	{"verify", measureVerify},
	{"policy", measurePolicy},
	{"world", measureWorld},
	{"dev", measureDev},
	{"fleet", measureFleet},
	{"console", measureConsole},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	short := flags.Bool("quick", false, "shorter rounds: half a minute in all")
	only := flags.String("only", "", "measure some `sections` only, with commas between them: "+strings.Join(names(sections), ","))
	open := flags.Duration("console", 0, "how long the server's memory is watched with an open console; half a minute if it is not given")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	e := full
	if *short {
		e = quick
	}
	e.console = *open
	b, err := newBench()
	if err != nil {
		return err
	}
	defer b.close()
	var rows []row
	var faults []error
	for _, s := range chosen {
		fmt.Fprintf(os.Stderr, "bench: %s …\n", s.name)
		end := b.nested()
		measured, err := s.measure(ctx, b, e)
		end()
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s.name, err))
		}
		rows = append(rows, measured...)
	}
	return errors.Join(append(faults, writeTable(os.Stdout, rows))...)
}

func names(sections []section) []string {
	var names []string
	for _, s := range sections {
		names = append(names, s.name)
	}
	return names
}

func choose(only string) ([]section, error) {
	if only == "" {
		return sections, nil
	}
	var chosen []section
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(sections, func(s section) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-only: %q is none of %s", name, strings.Join(names(sections), ", "))
		}
		chosen = append(chosen, sections[i])
	}
	return chosen, nil
}
