//go:build unix

package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/furl-dev/furl/internal/trace"
)

func (c *Console) requestRoutes() []route {
	return []route{
		{pattern: "GET /requests", answer: c.requests},
		{pattern: "GET /requests/{id}", answer: c.request},
	}
}

// requestLine is a request in a line of a list.
type requestLine struct {
	ID        string        `json:"id"`
	Time      time.Time     `json:"time"`
	Method    string        `json:"method"`
	Target    string        `json:"target"`
	Host      string        `json:"host"`
	SourceIP  string        `json:"sourceIp"`
	Function  string        `json:"function,omitempty"`
	Operation string        `json:"operation,omitempty"`
	Caller    string        `json:"caller,omitempty"`
	Status    int           `json:"status"`
	ErrorType string        `json:"errorType,omitempty"`
	Micros    int64         `json:"micros"`
	Verdict   trace.Verdict `json:"verdict"`
	Reason    string        `json:"reason,omitempty"`
	API       bool          `json:"api"`
	Probe     bool          `json:"probe"`
}

func lineOf(found *trace.Trace) requestLine {
	verdict, reason := found.Outcome()
	return requestLine{
		ID: found.RequestID, Time: found.Started.UTC(), Method: found.Method, Target: found.Target, Host: found.Host,
		SourceIP: found.SourceIP, Function: found.Function.String(), Operation: found.Operation.String(),
		Caller: found.Caller.String(), Status: found.Status, ErrorType: found.ErrorType, Micros: found.Took.Microseconds(),
		Verdict: verdict, Reason: reason, API: found.API, Probe: found.Probe,
	}
}

// filter says which requests are wanted.
type filter struct {
	function     string // a name or an ARN, with or without a qualifier
	status       string // such as 403 or 4xx
	caller, text string // in lower case: parts of what is shown
	api, probes  bool   // those too
}

// maxQuery bounds, in bytes, what a filter may have of a text.
const maxQuery = 1024

func readFilter(query url.Values) (filter, error) {
	wanted := filter{
		function: query.Get("function"), status: strings.ToLower(query.Get("status")),
		caller: strings.ToLower(query.Get("caller")), text: strings.ToLower(query.Get("text")),
	}
	for _, name := range []string{"function", "status", "caller", "text", "before"} {
		if len(query.Get(name)) > maxQuery {
			return wanted, &Fault{http.StatusBadRequest, fmt.Sprintf("%s: more than %d bytes", name, maxQuery)}
		}
	}
	if !isStatus(wanted.status) {
		return wanted, &Fault{http.StatusBadRequest,
			fmt.Sprintf("status: %q is no status such as 403, and no class of them such as 4xx", query.Get("status"))}
	}
	var err error
	if wanted.api, err = readSwitch(query, "api"); err == nil {
		wanted.probes, err = readSwitch(query, "probes")
	}
	return wanted, err
}

// isStatus reports whether a filter can have the status: three digits, or one and xx; empty is any.
func isStatus(status string) bool {
	if status == "" {
		return true
	}
	if len(status) != 3 || status[0] < '1' || status[0] > '5' {
		return false
	}
	isDigit := func(c byte) bool { return '0' <= c && c <= '9' }
	return status[1:] == "xx" || isDigit(status[1]) && isDigit(status[2])
}

// readSwitch is a parameter that is 1 or not there.
func readSwitch(query url.Values, name string) (bool, error) {
	switch value := query.Get(name); value {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, &Fault{http.StatusBadRequest, fmt.Sprintf("%s: %q is neither 1 nor 0", name, trace.Cut(value, 64))}
	}
}

// line is the line of a request that is wanted.
func (f *filter) line(found *trace.Trace) (line requestLine, wanted bool) {
	if found.API && !f.api || found.Probe && !f.probes {
		return line, false
	}
	if f.function != "" && !isFunction(found.Function.String(), f.function) {
		return line, false
	}
	if f.status != "" {
		status := strconv.Itoa(found.Status)
		if class, ok := strings.CutSuffix(f.status, "xx"); ok && !strings.HasPrefix(status, class) || !ok && status != f.status {
			return line, false
		}
	}
	if f.caller != "" && !holds(found.Caller.String(), f.caller) {
		return line, false
	}
	line = lineOf(found)
	return line, f.text == "" || line.holds(f.text)
}

// isFunction reports whether an ARN is the function's: wanted is its name or ARN, and without a qualifier any of these.
func isFunction(arn, wanted string) bool {
	const colons = 6 // before the name
	parts := strings.SplitN(arn, ":", colons+2)
	if len(parts) <= colons {
		return false
	}
	name := parts[colons]
	unqualified := strings.Join(parts[:colons+1], ":")
	if len(parts) > colons+1 {
		name += ":" + parts[colons+1]
	}
	return wanted == parts[colons] || wanted == name || wanted == unqualified || wanted == arn
}

// holds reports whether a text that is shown has a part in it, in whatever case. The part is in lower case.
func holds(text, part string) bool { return strings.Contains(strings.ToLower(text), part) }

func (l *requestLine) holds(part string) bool {
	return holds(strings.Join([]string{
		l.ID, l.Method, l.Target, l.Host, l.SourceIP, l.Function, l.Operation, l.Caller, strconv.Itoa(l.Status), l.ErrorType,
		string(l.Verdict), l.Reason,
	}, "\n"), part)
}

// requests is the latest requests that are wanted, newest first.
func (c *Console) requests(r *http.Request) (any, error) {
	const usual = 100
	query := r.URL.Query()
	wanted, err := readFilter(query)
	if err != nil {
		return nil, err
	}
	limit := usual
	if given := query.Get("limit"); given != "" {
		if limit, err = strconv.Atoi(given); err != nil || limit < 1 || limit > trace.Kept {
			return nil, &Fault{http.StatusBadRequest,
				fmt.Sprintf("limit: %q is no number from 1 to %d", trace.Cut(given, 64), trace.Kept)}
		}
	}
	list := struct {
		Requests []requestLine `json:"requests"`
		Before   string        `json:"before,omitempty"` // of the next page
		Kept     int           `json:"kept"`
	}{[]requestLine{}, "", trace.Kept}
	before := query.Get("before")
	for _, found := range c.Traces.Latest(trace.Kept) {
		if before != "" { // what is newer than the next page
			if found.RequestID == before {
				before = ""
			}
			continue
		}
		line, ok := wanted.line(found)
		if !ok {
			continue
		}
		if len(list.Requests) == limit {
			list.Before = list.Requests[limit-1].ID
			break
		}
		list.Requests = append(list.Requests, line)
	}
	return list, nil
}
