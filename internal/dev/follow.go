//go:build unix

package dev

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/furl-dev/furl/internal/furlproto"
)

// follow shows the logs of all functions and the refusals from now on. It returns when the server knows that.
func (s *Session) follow(ctx context.Context) {
	var asked sync.WaitGroup
	keep := func(path string, query url.Values, tell func([]byte)) {
		asked.Add(1)
		s.follower.Go(func() { s.keep(ctx, path, query, sync.OnceFunc(asked.Done), tell) })
	}
	keep(furlproto.Requests, url.Values{"follow": {"1"}}, s.tellRefusal)
	keep(furlproto.Logs, url.Values{"follow": {"1"}, "lines": {"0"}, "region": {s.Region}, "account": {s.Account}}, s.tellLog)
	asked.Wait()
}

// keep reads a page line by line for as long as the context lasts, and again when it ends. It calls asked whenever the
// server has begun to answer, or will not.
func (s *Session) keep(ctx context.Context, path string, query url.Values, asked func(), tell func([]byte)) {
	defer asked()
	for failures := 0; ctx.Err() == nil; failures++ {
		err := s.readLines(ctx, path, query, asked, func(line []byte) {
			failures = 0
			tell(line)
		})
		if ctx.Err() != nil {
			return
		}
		if failures == 1 {
			s.fail(fmt.Errorf("%s of the server cannot be followed: %w", path, cmp.Or(err, errors.New("the server ended it"))))
		}
		select {
		case <-ctx.Done():
		case <-time.After(backOff(failures)):
		}
	}
}

func (s *Session) readLines(ctx context.Context, path string, query url.Values, asked func(), tell func([]byte)) error {
	body, err := s.server.Page(ctx, path, query)
	asked()
	if err != nil {
		return err
	}
	defer body.Close()
	const longest = 8 << 20
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, longest)
	for lines.Scan() {
		tell(lines.Bytes())
	}
	return lines.Err()
}

// tellLog tells a line of a function.
func (s *Session) tellLog(text []byte) {
	var line struct {
		Function, Stream, Version, Text string
		Time                            time.Time
	}
	if json.Unmarshal(text, &line) != nil {
		return
	}
	if at := strings.LastIndexByte(line.Function, ':'); at >= 0 { // an ARN
		line.Function = line.Function[at+1:]
	}
	names := *s.names.Load()
	if only := s.only.Load(); !slices.Contains(names, line.Function) || only != nil && *only != line.Function {
		return
	}
	s.emit(Event{
		Event: EventLog, Function: line.Function, Time: &line.Time, Stream: line.Stream, Version: line.Version, Text: line.Text,
	})
}

// nextLog shows the log of the next function alone, and after the last one those of all.
func (s *Session) nextLog() {
	names, next := *s.names.Load(), 0
	if only := s.only.Load(); only != nil {
		next = slices.Index(names, *only) + 1
	}
	if next == len(names) {
		s.only.Store(nil)
		s.emit(Event{Event: EventNotice, Text: "the logs of all functions"})
		return
	}
	s.only.Store(&names[next])
	s.emit(Event{Event: EventNotice, Text: "the log of " + names[next] + " alone"})
}

// lastRefusal is the latest request that was refused.
type lastRefusal struct {
	mu sync.Mutex
	id string
}

// report is what the server says about a request.
type report struct {
	RequestID string    `json:"requestId"`
	Time      time.Time `json:"time"`
	Method    string    `json:"method"`
	Target    string    `json:"target"`
	Host      string    `json:"host"`
	Status    int       `json:"status"`
	API       bool      `json:"api"`
	Probe     bool      `json:"probe"`
	Steps     []struct {
		Step, Verdict, Summary string
		Details                []string
	} `json:"steps"`
	Fix []string `json:"fix"`
}

// tellRefusal tells a request to a function URL that was refused.
func (s *Session) tellRefusal(text []byte) {
	var request report
	if json.Unmarshal(text, &request) != nil || request.API || request.Probe {
		return
	}
	var reasons []string
	for _, step := range request.Steps {
		if step.Verdict == "refused" || step.Verdict == "failed" {
			reasons = append(reasons, step.Summary)
		}
	}
	if len(reasons) == 0 {
		return
	}
	s.refusals.mu.Lock()
	s.refusals.id = request.RequestID
	s.refusals.mu.Unlock()
	at := request.Time
	s.emit(Event{
		Event: EventRefused, Time: &at, RequestID: request.RequestID, Method: request.Method, Target: request.Target,
		Status: request.Status, Text: strings.Join(reasons, "; "), Fix: request.Fix, Function: s.functionOf(request),
	})
}

// functionOf is the function whose URL a request was for, "" if it is none of the project's.
func (s *Session) functionOf(request report) string {
	for _, event := range *s.urls.Load() {
		at, err := url.Parse(event.URL)
		if err != nil {
			continue
		}
		if prefix := at.Path; prefix != "/" && prefix != "" && strings.HasPrefix(request.Target, prefix) {
			return event.Function
		} else if (prefix == "/" || prefix == "") && strings.EqualFold(at.Host, request.Host) {
			return event.Function
		}
	}
	return ""
}

// explainLast tells all about the latest refusal.
func (s *Session) explainLast(ctx context.Context) {
	s.refusals.mu.Lock()
	id := s.refusals.id
	s.refusals.mu.Unlock()
	if id == "" {
		s.emit(Event{Event: EventNotice, Text: "no request has been refused yet"})
		return
	}
	var request report
	body, err := s.server.Page(ctx, furlproto.Requests+"/"+url.PathEscape(id), nil)
	if err == nil {
		defer body.Close()
		err = json.NewDecoder(body).Decode(&request)
	}
	if err != nil {
		s.fail(err)
		return
	}
	var lines strings.Builder
	fmt.Fprintf(&lines, "%s %s answered %d\n", request.Method, request.Target, request.Status)
	for _, step := range request.Steps {
		fmt.Fprintf(&lines, "  %-8s %-13s %s\n", step.Verdict, step.Step, step.Summary)
		for _, detail := range step.Details {
			fmt.Fprintf(&lines, "    %s\n", detail)
		}
	}
	for _, fix := range request.Fix {
		fmt.Fprintf(&lines, "  fix: %s\n", fix)
	}
	s.emit(Event{Event: EventNotice, RequestID: id, Text: strings.TrimRight(lines.String(), "\n")})
}
