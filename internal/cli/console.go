package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/furl-dev/furl/internal/furlproto"
	"github.com/furl-dev/furl/internal/roster"
	"github.com/furl-dev/furl/internal/snippet"
)

func (p *program) console() *cobra.Command {
	opener := consoleOpener{}
	command := &cobra.Command{
		Use:   "console",
		Short: "Open the console of the local server in a browser",
		Long: `Open the console of the local server in a browser: its requests and why each was answered as it was, its
functions, who may call them, and its accounts. It changes nothing unless the server runs with --console=edit.

The server is the one of --data, the one of --endpoint-url or $AWS_ENDPOINT_URL, or the one that uses the default data
directory; you have to be the user who started it. The command gets a ticket from it, which is good once, for a minute.
It writes the ticket into a file that only you can read, has the browser open the file, which leads on to the console,
and removes the file as soon as the ticket is used. So no other user of this machine sees it in the arguments of a
process.

The browser is the one of $BROWSER, else the one that the system opens pages with. Browsers that may not read the file,
such as those of a Snap or a Flatpak, need --print.

` + exitStatus(status{
			exitOK: "opened", exitFailed: "no server, no console, or nobody opened the file within the minute",
			exitDenied: "denied by the server",
		}, exitUsage, exitInterrupted),
		Example: "  furl console\n  furl console --print",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if opener.print && opener.noBrowser {
				return usage(command, errors.New("use one of --print and --no-browser, not both"))
			}
			return opener.run(command.Context())
		},
	}
	opener.place.register(p, command, "data", "endpoint-url")
	f := command.Flags()
	f.BoolVar(&opener.print, "print", false, "print a link, good once and for a minute, such as for a browser on another machine")
	f.BoolVar(&opener.noBrowser, "no-browser", false, "print the path of the file, and wait until you have opened it")
	return command
}

// consoleOpener opens the console of a server.
type consoleOpener struct {
	place            place
	print, noBrowser bool
}

// ticketLife is how long a ticket of the console is good.
const ticketLife = time.Minute

// slowBrowser is how long a browser may take before the person reads what may be wrong.
const slowBrowser = 8 * time.Second

func (c *consoleOpener) run(ctx context.Context) error {
	running, err := c.running(ctx)
	if err != nil {
		return err
	}
	page, reached, err := running.Console(ctx)
	if err != nil {
		return err
	}
	if !reached && !c.print {
		return fail(consoleElsewhere, fmt.Errorf("browsers look for %s at 127.0.0.1 and ::1, and the server answers at %s", page,
			running.Endpoint))
	}
	server := localServer{running, true}
	ticket, err := c.ticket(ctx, server)
	if err != nil {
		return err
	}
	link := page + "#ticket=" + url.QueryEscape(ticket)
	if c.print {
		at, err := url.Parse(running.Endpoint)
		if err != nil {
			return err
		}
		c.place.p.note("the link is good once, for a minute; a browser on another machine needs: ssh -L %s:%s HOST", at.Port(), at.Host)
		_, err = fmt.Fprintln(c.place.p.streams.Out, link)
		return err
	}
	return c.open(ctx, server, page, link, ticket)
}

// running finds the server, whose data directory has to be this user's.
func (c *consoleOpener) running(ctx context.Context) (roster.Running, error) {
	endpoint := strings.TrimRight(c.place.options.EndpointURL, "/")
	if endpoint == "" || c.place.given("data") && !c.place.given("endpoint-url") {
		running, err := roster.FindRunning(ctx, c.place.data)
		if err != nil {
			err = c.place.notRunning(ctx, err)
		}
		return running, err
	}
	running, ok := c.place.own(ctx, endpoint)
	if !ok {
		err := fmt.Errorf("no server of yours is at %s: only who started a server opens its console", endpoint)
		return running, fail(noAnswer, err, c.place.again(), c.place.p.dirs(ctx))
	}
	return running, nil
}

// open writes the file that leads to the link, has it opened, and removes it when that has happened.
func (c *consoleOpener) open(ctx context.Context, server localServer, page, link, ticket string) error {
	// A terminal that is closed, and a reader of the output that ends, must not keep the file from being removed.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP, syscall.SIGQUIT)
	defer stop()
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	defer signal.Stop(pipe)

	ctx, cancel := context.WithTimeout(ctx, ticketLife)
	defer cancel()
	file, err := writeLead(server.Dir, link)
	if err != nil {
		return err
	}
	defer os.Remove(file)
	note := c.place.p.note
	if c.noBrowser {
		note("open this file in a browser within a minute:")
		if _, err := fmt.Fprintln(c.place.p.streams.Out, file); err != nil {
			return err
		}
	} else if browser, err := startBrowser(c.place.p.getenv, file); err != nil {
		note("%s; open this file in a browser within a minute, or type furl console --print: %s", err, snippet.Quote(file))
	} else {
		note("opening %s with %s", page, browser.name)
		// Browsers of a Snap show an error for a file in a directory such as .furl (jupyter/notebook#4500).
		slow := time.AfterFunc(slowBrowser, func() {
			note("the browser has not opened the console yet; if it says that it cannot read the file, type furl console --print")
		})
		defer slow.Stop()
		go func() {
			if err := browser.Wait(); err != nil && ctx.Err() == nil {
				note("%s: %s; open this file in a browser, or type furl console --print: %s", browser.name, err, snippet.Quote(file))
			}
		}()
	}
	var answer struct{ Used bool }
	err = c.post(ctx, server, furlproto.TicketUse, map[string]string{"ticket": ticket}, &answer)
	switch {
	case answer.Used:
		return nil
	case err != nil && !errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fail(ticketUnused, errors.New("no browser has opened the console within a minute"))
}

// ticket gets a ticket from the server.
func (c *consoleOpener) ticket(ctx context.Context, server localServer) (string, error) {
	var answer struct{ Ticket string }
	if err := c.post(ctx, server, furlproto.Ticket, nil, &answer); err != nil {
		return "", err
	}
	if answer.Ticket == "" {
		return "", fmt.Errorf("the server at %s gave no ticket", server.Endpoint)
	}
	return answer.Ticket, nil
}

// post sends JSON to the console of the server, and reads JSON.
func (c *consoleOpener) post(ctx context.Context, server localServer, path string, body, answer any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.Endpoint+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	token, _, err := roster.ReadPageToken(server.Dir)
	switch {
	case err == nil:
		furlproto.SetToken(request, token.Reveal())
	case errors.Is(err, fs.ErrNotExist): // of a server in memory
		request.Header.Set(furlproto.Secret, server.Secret)
	default:
		return err
	}
	response, err := c.place.send(request, server)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	const enough = 64 << 10
	text, err = io.ReadAll(io.LimitReader(response.Body, enough))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	if response.StatusCode == http.StatusOK {
		return json.Unmarshal(text, answer)
	}
	var refused struct{ Message string }
	if json.Unmarshal(text, &refused) != nil {
		refused.Message = strings.TrimSpace(string(text)) // of an older server
	}
	err = errors.New(cmp.Or(refused.Message, response.Status))
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fail(pageDenied, err)
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return fail(noConsole, err, snippet.Quote(server.Dir))
	}
	return err
}

// The names of the files that lead to a console.
const leadPrefix, leadSuffix = "console-", ".html"

// writeLead writes a page that leads on to a link. Only the user can read it. What was left over by a command that was
// killed is removed.
func writeLead(dir, link string) (file string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, leadPrefix) || !strings.HasSuffix(name, leadSuffix) {
			continue
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > 2*ticketLife {
			os.Remove(filepath.Join(dir, name))
		}
	}
	script, err := json.Marshal(link) // which escapes what ends a script
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<title>furl</title>
<script>location.replace(%s)</script>
<p><a href="%s">Open the console</a></p>
</html>
`, script, html.EscapeString(link))
	const onlyUser = 0o600
	file = filepath.Join(dir, leadPrefix+rand.Text()+leadSuffix)
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, onlyUser)
	if err != nil {
		return "", err
	}
	_, err = out.WriteString(text)
	if err = errors.Join(err, out.Close()); err != nil {
		os.Remove(file)
		return "", err
	}
	return file, nil
}

// browser is a program that opens a file.
type browser struct {
	*exec.Cmd
	name string
}

// startBrowser has a browser open a file, whose path is all that it is told. It goes on when this program ends.
func startBrowser(getenv func(string) string, file string) (browser, error) {
	var faults []string
	for _, words := range browsers(getenv) {
		path, err := exec.LookPath(words[0])
		if err != nil {
			faults = append(faults, err.Error())
			continue
		}
		command := exec.Command(path, append(words[1:], file)...)
		detach(command)
		if err := command.Start(); err != nil {
			faults = append(faults, err.Error())
			continue
		}
		return browser{command, words[0]}, nil
	}
	if len(faults) > 0 {
		return browser{}, fmt.Errorf("no browser was found (%s)", strings.Join(faults, "; "))
	}
	return browser{}, errors.New("no browser was found: there is no screen, and no $BROWSER")
}

// browsers are the programs that may open a file, each with the arguments before that one. $BROWSER has the form that
// xdg-open and Python read: a list, whose commands may have arguments.
func browsers(getenv func(string) string) (all [][]string) {
	for _, entry := range filepath.SplitList(getenv("BROWSER")) {
		if _, err := exec.LookPath(entry); err == nil {
			all = append(all, []string{entry})
			continue
		}
		words := strings.Fields(entry)
		if last := len(words) - 1; last > 0 && words[last] == "%s" {
			words = words[:last]
		}
		if len(words) > 0 {
			all = append(all, words)
		}
	}
	switch {
	case runtime.GOOS == "windows":
		return append(all, []string{"rundll32", "url.dll,FileProtocolHandler"}) // as start, but no shell reads the path
	case runtime.GOOS == "darwin":
		return append(all, []string{"open"})
	case getenv("WSL_DISTRO_NAME") != "":
		all = append(all, []string{"wslview"})
	}
	if getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != "" {
		all = append(all, []string{"xdg-open"}, []string{"x-www-browser"})
	}
	return all
}
