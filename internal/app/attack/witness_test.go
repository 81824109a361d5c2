//go:build unix

package attack_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
)

// witness is a testing.TB for work that goes on after something went wrong: it keeps the faults, and fails no test.
type witness struct {
	testing.TB
	endings []func()
	helpers map[string]bool // names of functions
	faults  []error
}

// witnessed is what was wrong with the work. A call of Fatal ends the work.
func witnessed(t testing.TB, work func(testing.TB)) error {
	w := &witness{TB: t, helpers: map[string]bool{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer w.end()
		work(w)
	}()
	<-done
	return errors.Join(w.faults...)
}

func (w *witness) end() {
	for _, end := range w.endings {
		end()
	}
}

func (w *witness) Cleanup(end func()) { w.endings = append(w.endings, end) }

func (w *witness) Failed() bool { return len(w.faults) > 0 }

func (w *witness) Helper() {
	if caller, _, _, ok := runtime.Caller(1); ok {
		w.helpers[runtime.FuncForPC(caller).Name()] = true
	}
}

func (w *witness) Error(arguments ...any) { w.add(fmt.Sprint(arguments...)) }

func (w *witness) Errorf(format string, arguments ...any) { w.add(fmt.Sprintf(format, arguments...)) }

func (w *witness) Fatal(arguments ...any) {
	w.add(fmt.Sprint(arguments...))
	runtime.Goexit()
}

func (w *witness) Fatalf(format string, arguments ...any) {
	w.add(fmt.Sprintf(format, arguments...))
	runtime.Goexit()
}

// add keeps a fault with the line where it was found, which helpers leave to their callers.
func (w *witness) add(fault string) {
	stack := make([]uintptr, 32)
	const above = 3 // Callers, add, and the method that calls it
	frames := runtime.CallersFrames(stack[:runtime.Callers(above, stack)])
	frame, more := frames.Next()
	for more && w.helpers[frame.Function] {
		frame, more = frames.Next()
	}
	w.faults = append(w.faults, fmt.Errorf("%s:%d: %s", filepath.Base(frame.File), frame.Line, fault))
}
