package pages

import (
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/logs"
)

// maxLines is the most lines that a page of a log begins with.
const maxLines = 100_000

// logs shows the log of the function that the query names, and with follow=1 what is added to it.
func (p *Pages) logs(w http.ResponseWriter, r *http.Request, reader string) {
	query, only := r.URL.Query(), reader
	if reader == allAccounts {
		only = ""
	}
	key, err := p.FunctionKey(query.Get("function"), query.Get("region"), query.Get("account"), only)
	if err != nil {
		fail(w, http.StatusNotFound, err.Error())
		return
	}
	lines := 1000
	if n, err := strconv.Atoi(query.Get("lines")); err == nil && n >= 0 {
		lines = min(n, maxLines)
	}
	asJSON := strings.Contains(r.Header.Get("Accept"), "application/json")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if asJSON {
		w.Header().Set("Content-Type", "application/x-ndjson")
	}
	if query.Get("follow") == "" {
		writeLines(w, p.Logs.Tail(r.Context(), key, lines), asJSON) //nolint:errcheck // a client that is gone is nobody's loss
		return
	}
	// Each line is sent as it comes; what is there already must not wait for the next one.
	flusher := http.NewResponseController(w)
	flusher.Flush()                                                                  //nolint:errcheck // the write that follows meets the same error
	writeLines(flushing{w, flusher}, p.Logs.Follow(r.Context(), key, lines), asJSON) //nolint:errcheck // as above
}

func writeLines(w io.Writer, lines iter.Seq2[logs.Line, error], asJSON bool) error {
	for line, err := range lines {
		if err != nil {
			return err
		}
		text := line.Time.Format("2006-01-02T15:04:05.000Z") + "  " + writer(line.Stream) + "  " + line.Text + "\n"
		if asJSON {
			encoded, err := json.Marshal(struct {
				Time   time.Time `json:"time"`
				Stream string    `json:"stream"`
				Text   string    `json:"text"`
			}{line.Time, line.Stream.String(), line.Text})
			if err != nil {
				return err
			}
			text = string(encoded) + "\n"
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

// writer says who wrote a line, at a place that the line's text cannot reach: a function may print what looks like a
// REPORT.
func writer(stream logs.Stream) string {
	if stream == logs.Platform {
		return "platform"
	}
	return "function"
}

// flushing sends everything that is written to it at once.
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
