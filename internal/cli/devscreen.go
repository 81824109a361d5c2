//go:build unix

package cli

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/furl-dev/furl/internal/dev"
	"github.com/furl-dev/furl/internal/tint"
)

// devScreen shows a session of dev to a person: function URLs, logs and refusals on the standard output, the rest on
// the standard error.
type devScreen struct {
	*program
	quit   func()
	footer *footer // nil unless keys are read

	opening    sync.WaitGroup // of the console
	endOpening context.CancelFunc

	mu    sync.Mutex
	width int    // of the names before lines
	data  string // directory of the server
}

func newDevScreen(p *program, quit func()) *devScreen {
	return &devScreen{program: p, quit: quit}
}

// nameLine prints a line with a name before it.
func (s *devScreen) nameLine(name string, style tint.Style, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const widest = 24
	s.width = min(widest, max(s.width, len(name)))
	var line tint.Text
	line.Add(style, fmt.Sprintf("%-*s", s.width, name))
	line.Add(tint.Plain, " | "+text+"\n")
	if _, err := line.WriteTo(s.streams.Out); err != nil {
		s.quit() // nobody reads it any more
	}
}

// styleOf is the style of a name, the same one each time.
func styleOf(name string) tint.Style {
	sum := fnv.New32a()
	sum.Write([]byte(name)) //nolint:errcheck // it never fails
	return tint.Named + tint.Style(sum.Sum32()%tint.Names)
}

// emit shows an event.
func (s *devScreen) emit(e dev.Event) {
	switch e.Event {
	case dev.EventServer:
		s.mu.Lock()
		s.data = e.Data
		s.mu.Unlock()
		s.note("listening on %s, data in %s", e.Endpoint, e.Data)
	case dev.EventURL:
		name := e.Function
		if e.Qualifier != "" {
			name += ":" + e.Qualifier
		}
		s.nameLine(name, styleOf(e.Function), fmt.Sprintf("%s  %s  %s  # may call: %s", e.AuthType, e.InvokeMode, e.Call, e.MayCall))
	case dev.EventLog:
		s.nameLine(e.Function, styleOf(e.Function), e.Text)
	case dev.EventOutput:
		s.nameLine(e.Program, tint.Faint, e.Text)
	case dev.EventRefused:
		text := fmt.Sprintf("%d %s %s: %s", e.Status, e.Method, e.Target, e.Text)
		s.nameLine(shortOr(e.Function, "refused"), tint.Bad, text)
		for _, fix := range e.Fix {
			s.nameLine(shortOr(e.Function, "refused"), tint.Bad, "  fix: "+fix)
		}
	case dev.EventReloaded:
		s.nameLine(e.Function, styleOf(e.Function), "reloaded"+s.files(e.Files))
	case dev.EventBuilt:
		s.note("built")
	case dev.EventPlanned:
		if e.Diff != "" && e.Plan {
			const indent = "      "                                                        // of what changes in a text of several lines
			tint.Diff(strings.TrimRight(e.Diff, "\n")+"\n", indent).WriteTo(s.streams.Out) //nolint:errcheck // as any other line
		} else if e.Plan {
			s.note("stack %s: nothing to change", e.Stack)
		}
	case dev.EventApplied:
		s.note("stack %s: %s", e.Stack, counted(e.Steps))
	case dev.EventNotice:
		s.note("%s%s", at(e), e.Text)
	case dev.EventDebug:
		s.note("%s: %s", e.Function, e.Text)
	case dev.EventEnded:
		s.note("%s: %s", e.Program, e.Text)
	case dev.EventError:
		s.tell("furl: error: ", at(e)+e.Text)
	}
}

func shortOr(name, other string) string {
	if name == "" {
		return other
	}
	return name
}

// at is the place of an event, as an editor finds it.
func at(e dev.Event) string {
	if e.File == "" {
		return ""
	}
	place := e.File
	if e.Line > 0 {
		place += fmt.Sprintf(":%d", e.Line)
	}
	if e.Column > 0 {
		place += fmt.Sprintf(":%d", e.Column)
	}
	return place + ": "
}

// files are the names of a few files.
func (s *devScreen) files(paths []string) string {
	const most = 3
	if len(paths) == 0 {
		return ""
	}
	var names []string
	for _, path := range paths[:min(most, len(paths))] {
		names = append(names, filepath.Base(path))
	}
	text := ": " + strings.Join(names, ", ")
	if more := len(paths) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// counted says how many steps of each action there were.
func counted(steps []string) string {
	var actions []string
	counts := map[string]int{}
	for _, step := range steps {
		action, _, _ := strings.Cut(step, " ")
		if counts[action] == 0 {
			actions = append(actions, action)
		}
		counts[action]++
	}
	for i, action := range actions {
		actions[i] = fmt.Sprintf("%d to %s", counts[action], action)
	}
	if len(actions) == 0 {
		return "as it was"
	}
	return strings.Join(actions, ", ") + ": done"
}

// keyLine lists the keys.
const keyLine = "e explain the last refusal  r reload  l logs  u URLs  o console  q quit"

// keys reads keys from a terminal, and has its last line list them. quit is what q and Ctrl-C do. Off a terminal there
// are no keys.
func (s *devScreen) keys(ctx context.Context, quit func(), open func(ctx context.Context, data string) error) <-chan dev.Key {
	in, ok := s.streams.In.(*os.File)
	out, isScreen := s.streams.Out.(*screen)
	if !ok || !isScreen || !term.IsTerminal(int(in.Fd())) || !inForeground(int(in.Fd())) {
		return nil
	}
	file, ok := out.terminal.(*os.File)
	if !ok {
		return nil
	}
	var openingUntil context.Context
	openingUntil, s.endOpening = context.WithCancel(ctx)
	f := &footer{in: in, out: file, text: keyLine, open: func() {
		s.mu.Lock()
		data := s.data
		s.mu.Unlock()
		if data == "" { // the server does not run yet
			return
		}
		s.opening.Go(func() {
			if err := open(openingUntil, data); err != nil && openingUntil.Err() == nil {
				s.tell("furl: error: ", err.Error())
			}
		})
	}}
	if err := f.begin(); err != nil {
		return nil
	}
	s.footer = f
	for _, stream := range []io.Writer{s.streams.Out, s.streams.Err} {
		if screen, ok := stream.(*screen); ok {
			screen.mu.Lock()
			screen.terminal = f
			screen.mu.Unlock()
		}
	}
	keys := make(chan dev.Key)
	go f.read(ctx, keys, quit)
	return keys
}

// close gives the terminal back as it was.
func (s *devScreen) close() {
	if s.footer == nil {
		return
	}
	s.endOpening()
	s.opening.Wait() // it removes its file
	for _, stream := range []io.Writer{s.streams.Out, s.streams.Err} {
		if screen, ok := stream.(*screen); ok {
			screen.mu.Lock()
			screen.terminal = s.footer.out
			screen.mu.Unlock()
		}
	}
	s.footer.end()
}

// footer is the last line of a terminal, below all that is written. While it is there, the terminal tells each key at once
// and does nothing with it itself.
type footer struct {
	in, out *os.File
	text    string
	open    func() // opens the console

	mu      sync.Mutex
	before  *term.State // of the terminal; nil while it is as it was
	partial []byte      // of a line without its end
	resumed func()      // ends the wait for the program to be continued
}

// begin takes the terminal.
func (f *footer) begin() error {
	if err := f.take(); err != nil {
		return err
	}
	f.resumed = onContinue(func() {
		if inForeground(int(f.in.Fd())) {
			f.take() //nolint:errcheck // the terminal is gone
		}
	})
	return nil
}

// take sets the terminal and draws the line.
func (f *footer) take() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	state, err := term.MakeRaw(int(f.in.Fd()))
	if err != nil {
		return err
	}
	if f.before == nil {
		f.before = state
	}
	f.draw(nil)
	return nil
}

// give takes the line away and sets the terminal as it was.
func (f *footer) give() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.before == nil {
		return
	}
	f.out.WriteString("\r\x1b[K") //nolint:errcheck // the terminal is gone
	f.out.Write(f.partial)        //nolint:errcheck // likewise
	f.partial = nil
	term.Restore(int(f.in.Fd()), f.before) //nolint:errcheck // likewise
	f.before = nil
}

// end gives the terminal back for good.
func (f *footer) end() {
	if f.resumed != nil {
		f.resumed()
	}
	f.give()
}

// Write writes whole lines above the footer.
func (f *footer) Write(text []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.before == nil {
		return f.out.Write(text)
	}
	all := append(f.partial, text...)
	end := bytes.LastIndexByte(all, '\n') + 1
	f.partial = append([]byte(nil), all[end:]...)
	if end == 0 {
		return len(text), nil
	}
	return len(text), f.draw(all[:end])
}

// draw writes lines, and the footer below them. The caller holds mu.
func (f *footer) draw(lines []byte) error {
	footer := f.text
	if width, _, err := term.GetSize(int(f.out.Fd())); err == nil && width > 0 && len(footer) >= width {
		footer = footer[:max(0, width-1)] // so that it stays one line
	}
	out := []byte("\r\x1b[K")
	out = append(out, bytes.ReplaceAll(lines, []byte("\n"), []byte("\r\n"))...)
	out = append(out, footer...)
	_, err := f.out.Write(out)
	return err
}

// read reads keys until the terminal ends.
func (f *footer) read(ctx context.Context, keys chan<- dev.Key, quit func()) {
	meant := map[byte]dev.Key{'e': dev.KeyExplain, 'r': dev.KeyReload, 'l': dev.KeyLogs, 'u': dev.KeyURLs}
	const interrupt, endOfFile, suspend, quitKey = 0x03, 0x04, 0x1a, 0x1c
	buffer := make([]byte, 64)
	for {
		n, err := f.in.Read(buffer)
		if err != nil {
			quit() // nobody can press q any more
			return
		}
		for _, b := range withoutSequences(buffer[:n]) {
			switch b = lower(b); b {
			case 'q', interrupt, endOfFile, quitKey:
				quit()
				continue
			case suspend:
				f.give()
				suspendSelf()
				continue
			case 'o':
				f.open()
				continue
			case '\r':
				f.Write([]byte("\n")) //nolint:errcheck // a line that a person sets apart
				continue
			}
			key, ok := meant[b]
			if !ok {
				continue
			}
			select {
			case keys <- key:
			case <-ctx.Done():
				return // all that is left is to wait for the end, but q again ends it at once
			}
		}
	}
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}

// withoutSequences leaves out what a terminal sends for keys that have no character, such as arrows: escape, and
// mostly a bracket, numbers and a letter.
func withoutSequences(keys []byte) (rest []byte) {
	const escape = 0x1b
	for i := 0; i < len(keys); i++ {
		if keys[i] != escape {
			rest = append(rest, keys[i])
			continue
		}
		if i+1 == len(keys) || keys[i+1] != '[' && keys[i+1] != 'O' {
			continue
		}
		for i += 2; i < len(keys) && (keys[i] < '@' || keys[i] > '~'); i++ {
		}
	}
	return rest
}

// inForeground reports whether the terminal is this program's to set: the shell takes it from a job in the background.
func inForeground(terminal int) bool {
	group, err := unix.IoctlGetInt(terminal, unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}

// suspendSelf stops the program, as Ctrl-Z does, until the shell continues it.
func suspendSelf() {
	syscall.Kill(0, syscall.SIGTSTP) //nolint:errcheck // it is the program's own group
}

// onContinue calls f each time the program is continued, until the function that it gives back is called.
func onContinue(f func()) (end func()) { return onSignal(syscall.SIGCONT, f) }

// endOnHangUp calls quit when the terminal is closed. What reads the output of a program may end before it: that is an
// error of the write then, and not the end of the program, which has others to end first.
func endOnHangUp(quit func()) (end func()) {
	endHangUp := onSignal(syscall.SIGHUP, quit)
	endPipe := onSignal(syscall.SIGPIPE, func() {})
	return func() {
		endHangUp()
		endPipe()
	}
}

func onSignal(which os.Signal, f func()) (end func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, which)
	go func() {
		for {
			select {
			case <-signals:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
