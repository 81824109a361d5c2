//go:build unix

package pages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/furl-dev/furl/internal/logs"
	"github.com/furl-dev/furl/internal/trace"
)

// maxLines is how many lines of logs a page begins with at most.
const maxLines = 100_000

// Functions finds the logs of functions.
type Functions interface {
	// FindLog is the log of a function, by its name or ARN; region and account may be empty. If only is not empty, there
	// are only the functions of that account. The client sees its error.
	FindLog(name, region, account, only string) (FunctionLog, error)
	// Logs are those of all functions that there are now, of a region and an account if these are not empty.
	Logs(region, account, only string) []FunctionLog
}

// FunctionLog is the log of a function.
type FunctionLog struct {
	Key      string
	Name     string   // for people: the function's name, or its ARN in another account or region than the server's first
	Versions []string // that a qualifier stands for, nil for all
}

// LogRequest says which lines of which logs are wanted. The zero one is all of what there is.
type LogRequest struct {
	Functions       []string // names or ARNs; none is all functions
	Region, Account string   // of the functions, if their names leave that open; empty is the server's own
	Lines           int      // how many of the latest lines come first
	Follow          bool     // and then further lines as they come, of functions that are created later, too
	Since           time.Time
	RequestID       string
	Level           logs.Level // the lowest
}

// ReadLogs yields the lines that a request wants, of functions of all accounts. The Function of a line is the Name of its
// FunctionLog.
func (p *Pages) ReadLogs(ctx context.Context, request LogRequest) (iter.Seq2[logs.Entry, error], error) {
	lines, _, err := p.readLogs(ctx, request, "")
	return lines, err
}

// readLogs is ReadLogs for a reader of one account, if only is not empty. It also answers how wide the names are.
func (p *Pages) readLogs(
	ctx context.Context, request LogRequest, only string,
) (lines iter.Seq2[logs.Entry, error], width int, err error) {
	found, err := p.findLogs(request, only)
	if err != nil {
		return nil, 0, err
	}
	names := map[string]string{}
	var chosen []logs.Log
	for _, log := range found {
		names[log.Key] = log.Name
		width = max(width, len(log.Name))
		chosen = append(chosen, request.log(log))
	}
	entries := p.Logs.Tail(ctx, request.Lines, chosen...)
	if request.Follow {
		more := func(key string) (logs.Log, bool) {
			all := p.Functions.Logs(request.Region, request.Account, only)
			i := slices.IndexFunc(all, func(log FunctionLog) bool { return log.Key == key })
			if i < 0 {
				return logs.Log{}, false
			}
			names[key] = all[i].Name
			return request.log(all[i]), true
		}
		if len(request.Functions) > 0 {
			more = nil
		}
		entries = p.Logs.Follow(ctx, request.Lines, more, chosen...)
	}
	return func(yield func(logs.Entry, error) bool) {
		for entry, err := range entries {
			entry.Function = names[entry.Function]
			if !yield(entry, err) {
				return
			}
		}
	}, width, nil
}

// findLogs are the logs that the request names, each once.
func (p *Pages) findLogs(request LogRequest, only string) ([]FunctionLog, error) {
	if len(request.Functions) == 0 {
		return p.Functions.Logs(request.Region, request.Account, only), nil
	}
	var found []FunctionLog
	var missing []error
	for _, name := range request.Functions {
		log, err := p.Functions.FindLog(name, request.Region, request.Account, only)
		if err != nil {
			missing = append(missing, err)
			continue
		}
		i := slices.IndexFunc(found, func(other FunctionLog) bool { return other.Key == log.Key })
		switch {
		case i < 0:
			found = append(found, log)
		case found[i].Versions == nil || log.Versions == nil:
			found[i].Versions = nil
		default:
			found[i].Versions = append(found[i].Versions, log.Versions...)
		}
	}
	return found, errors.Join(missing...)
}

// log is what the request wants of a log.
func (r LogRequest) log(log FunctionLog) logs.Log {
	wanted := logs.Log{Function: log.Key}
	if log.Versions == nil && r.Since.IsZero() && r.RequestID == "" && r.Level == 0 {
		return wanted
	}
	wanted.Wanted = func(entry logs.Entry) bool {
		return (log.Versions == nil || slices.Contains(log.Versions, entry.Version)) && !entry.Time.Before(r.Since) &&
			(r.RequestID == "" || r.RequestID == entry.RequestID) && entry.Level >= r.Level
	}
	return wanted
}

// logs shows the logs of the functions that the query names, or of all, and with follow=1 what is added to them.
func (p *Pages) logs(w http.ResponseWriter, r *http.Request, reader reader) {
	query, only := r.URL.Query(), string(reader)
	if reader == allAccounts {
		only = ""
	}
	wanted := LogRequest{
		Functions: query["function"], Region: query.Get("region"), Account: query.Get("account"),
		Lines: number(r, "lines", 1000, 0, maxLines), Follow: query.Get("follow") != "", RequestID: query.Get("request-id"),
	}
	var err error
	if since := query.Get("since"); since != "" {
		if wanted.Since, err = time.Parse(time.RFC3339, since); err != nil {
			fail(w, http.StatusBadRequest, fmt.Sprintf("since: %q is not a time such as 2026-11-23T15:00:00Z", trace.Cut(since, 64)))
			return
		}
	}
	if level := query.Get("level"); level != "" {
		var ok bool
		if wanted.Level, ok = logs.ParseLevel(level); !ok {
			fail(w, http.StatusBadRequest, fmt.Sprintf("level: %q is none of %s", trace.Cut(level, 64), logs.LevelNames))
			return
		}
	}
	lines, width, err := p.readLogs(r.Context(), wanted, only)
	if err != nil {
		fail(w, http.StatusNotFound, err.Error())
		return
	}
	write := func(w io.Writer, entry logs.Entry) error { return writeText(w, "", entry) }
	w.Header().Set("Content-Type", plain)
	switch {
	case wantsJSON(r):
		w.Header().Set("Content-Type", "application/x-ndjson")
		write = writeJSONLine
	case len(wanted.Functions) != 1:
		const widest = 24 // of those that are padded
		width = min(width, widest)
		write = func(w io.Writer, entry logs.Entry) error {
			return writeText(w, fmt.Sprintf("%-*s  ", width, entry.Function), entry)
		}
	}
	out := io.Writer(w)
	if wanted.Follow { // each line goes out as it comes; those that are there must not wait for the next one
		flushing := flushing{w, http.NewResponseController(w)}
		flushing.flusher.Flush() //nolint:errcheck // the client is gone
		out = flushing
	}
	for entry, err := range lines {
		if err != nil || write(out, entry) != nil {
			return // the client is gone
		}
	}
}

func writeText(w io.Writer, before string, entry logs.Entry) error {
	_, err := io.WriteString(w, before+entry.Time.Format(logs.TimeFormat)+"  "+writer(entry.Stream)+"  "+entry.Text+"\n")
	return err
}

func writeJSONLine(w io.Writer, entry logs.Entry) error {
	encoded, err := json.Marshal(struct {
		Time      time.Time `json:"time"`
		Stream    string    `json:"stream"`
		Version   string    `json:"version,omitempty"` // but for $LATEST
		Text      string    `json:"text"`
		Function  string    `json:"function"`
		RequestID string    `json:"requestId,omitempty"`
		Level     string    `json:"level"`
	}{
		entry.Time, entry.Stream.String(), entry.Version, entry.Text, entry.Function, entry.RequestID, entry.Level.String(),
	})
	if err != nil {
		return err
	}
	_, err = w.Write(append(encoded, '\n'))
	return err
}

// writer is who wrote a line. It stands before the text: a function may print a line that looks like a REPORT.
func writer(stream logs.Stream) string {
	if stream == logs.Platform {
		return "platform"
	}
	return "function"
}

// flushing flushes after each write.
type flushing struct {
	io.Writer
	flusher *http.ResponseController
}

func (f flushing) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	if err == nil {
		err = f.flusher.Flush()
	}
	return n, err
}
