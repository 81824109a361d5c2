// Package trace keeps what each step of a request saw and decided, so that a refusal can be explained although its
// answer, like AWS's, gives no reason. The log line, `furl explain` and the demo all print the same [Report].
//
// A Trace costs little: findings are facts, and become words only when a user reads them. They are small whatever the
// request was: a finding keeps a text as [Text] or [Texts], and no body, event, result or anything else of the request.
// It shows no secret and no session token.
package trace

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"iter"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/furl-dev/furl/internal/metric"
	"github.com/furl-dev/furl/sigv4"
)

// Verdict is how a step of a request came out.
type Verdict string

// The verdicts, from good to bad.
const (
	OK      Verdict = "ok"
	Warning Verdict = "warning" // passed here, but AWS may refuse it
	Refused Verdict = "refused" // the caller's fault: 4xx
	Failed  Verdict = "failed"  // the function's or the server's fault: 5xx
)

// Finding is what one step saw and decided. Any goroutine may read it after the request, so it must not change. The
// types that implement it consist of numbers, of [Text] and [Texts] and of names from a closed set, since everything
// that the last thousand traces refer to stays in memory. A test of package archtest checks that.
type Finding interface {
	Verdict() Verdict
	// Summary is one line: what was decided and by what.
	Summary() string
	// Details are further lines, in order, that say why.
	Details() []string
	// Fix is the commands or sentences that would change the verdict; empty if it needs none.
	Fix() []string
}

// Codifier is a Finding whose fix can be written in several forms, which package snippet names.
type Codifier interface {
	// FixAs is the fix in the form, and sentences for what the form cannot say.
	FixAs(form string) (texts, sentences []string)
}

// Trace is the record of one request. It belongs to the goroutine that serves the request until it is handed to
// a [Recorder], and does not change from then on.
type Trace struct {
	RequestID string
	Started   time.Time
	Method    string
	Target    string // the request target as received, cut at MaxTarget, without the caller's credentials
	Host      string
	SourceIP  string
	API       bool // a call of an API, not of a function URL
	Probe     bool // furl itself sent it

	Status    int    // of the answer
	ErrorType string // x-amzn-ErrorType, "" if there is none
	Took      time.Duration

	Function  Text // ARN of the function with the URL's qualifier; empty if no function URL was found
	Caller    Text // ARN; empty if it is not known
	Operation Text // of an API call, such as lambda:CreateFunction

	steps []step
	mark  time.Time // when the last step ended

	account string // see Account
	shared  bool   // it concerns several accounts
}

type step struct {
	name    string
	finding Finding
	took    time.Duration
}

// How many bytes are kept of a request's target, host and method, and of the address that it came from.
const (
	MaxTarget = 2048
	maxHost   = 512
	maxMethod = 32
	maxSource = 64
)

// New begins the trace of a request. It copies what it keeps of the request: method, target and host are pieces of a
// request line that may be a megabyte long.
func New(requestID string, started time.Time, method, target, host, sourceIP string) *Trace {
	method, host, sourceIP = Cut(method, maxMethod), Cut(host, maxHost), Cut(sourceIP, maxSource)
	target = Cut(hideCredentials(Cut(target, MaxTarget)), MaxTarget)
	kept := method + target + host + sourceIP
	next := func(text string) string {
		copied := kept[:len(text)]
		kept = kept[len(text):]
		return copied
	}
	return &Trace{
		RequestID: requestID, Started: started, mark: started,
		Method: next(method), Target: next(target), Host: next(host), SourceIP: next(sourceIP),
		steps: make([]step, 0, 8),
	}
}

// Add records what a step found. The step took the time since the last one, and none if the clock was set back.
func (t *Trace) Add(name string, now time.Time, finding Finding) {
	t.steps = append(t.steps, step{name, finding, max(0, now.Sub(t.mark))})
	t.mark = now
}

// End records the answer.
func (t *Trace) End(now time.Time, status int, errorType string) {
	t.Status, t.ErrorType, t.Took = status, errorType, max(0, now.Sub(t.Started))
}

// Concern notes an account that the request concerns: that of the function, of the caller's key, or of a policy. "" is
// none.
func (t *Trace) Concern(account string) {
	switch {
	case account == "" || account == t.account || t.shared:
	case t.account == "":
		t.account = account
	default:
		t.account, t.shared = "", true
	}
}

// Account is the account whose administrators may read the trace: the only one that it concerns. It is empty if there
// is none, and also if there are several, since the findings quote the policies of all.
func (t *Trace) Account() string { return t.account }

// hideCredentials takes out of a request target what readers could use to act as the caller.
func hideCredentials(target string) string {
	path, query, _ := strings.Cut(target, "?")
	var pairs []string
	at := 0
	for pair := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(pair, "="); sigv4.SecretParameter(name) {
			if pairs == nil { // rarely: without credentials nothing is allocated
				pairs = strings.Split(query, "&")
			}
			pairs[at] = name + "=(hidden)"
		}
		at++
	}
	if pairs == nil {
		return target
	}
	return path + "?" + strings.Join(pairs, "&")
}

// NewRequestID is a random UUID (version 4), the form of every AWS request id.
func NewRequestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var digits [32]byte
	hex.Encode(digits[:], b[:])
	text := string(digits[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// NewXRayID is the id of a new X-Ray trace, without the "Root=" before it: version 1, eight hexadecimal digits of
// time, 24 at random (AWS X-Ray Developer Guide, "Sending trace data").
func NewXRayID(now time.Time) string {
	var b [16]byte
	rand.Read(b[4:]) // never fails
	binary.BigEndian.PutUint32(b[:], uint32(now.Unix()))
	text := hex.EncodeToString(b[:])
	return "1-" + text[:8] + "-" + text[8:]
}

// XRay is what decides how an invocation is traced.
type XRay struct {
	Own         string // id of a new trace, from NewXRayID
	Received    string // X-Amzn-Trace-Id of the request, empty for none
	Active      bool   // the function's tracing mode; else it is PassThrough
	RequestID   string
	FunctionARN string
}

var xrayRoot = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^1-[0-9a-f]{8}-[0-9a-f]{24}$`)
})

// Header is what the function sees of its trace, and what an answer names: Root=1-…;Parent=…;Sampled=…;Lineage=1:…:0,
// in the form of 2025. The root and the decision to sample are the caller's, if it names them. The parent is Lambda's own
// segment, here made of the request id, and the lineage is extended by the function (AWS X-Ray Developer Guide,
// "Tracing header"). Without a decision a function with active tracing is sampled: AWS samples one request in a second
// and 5 % of the others.
func (x XRay) Header() string {
	root, sampled, lineage := x.Own, "0", ""
	if x.Active {
		sampled = "1"
	}
	for field := range strings.SplitSeq(x.Received, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch {
		case name == "Root" && xrayRoot().MatchString(value):
			root = value
		case name == "Sampled" && (value == "0" || value == "1"):
			sampled = value
		case name == "Lineage" && len(value) <= maxLineage && value != "":
			lineage = value + "|"
		}
	}
	function := fnv.New32a()
	function.Write([]byte(x.FunctionARN)) // never fails
	parent := x.RequestID[:8] + x.RequestID[9:13] + x.RequestID[14:18]
	return "Root=" + root + ";Parent=" + parent + ";Sampled=" + sampled + ";Lineage=" + lineage + "1:" +
		hex.EncodeToString(function.Sum(nil)) + ":0"
}

// maxLineage bounds what a caller can have passed on.
const maxLineage = 256

// Kept is how many traces a Recorder keeps.
const Kept = 1000

// Recorder keeps the latest traces. It is safe for concurrent use; recording takes no lock. The zero Recorder is
// empty and ready.
type Recorder struct {
	slots [Kept]atomic.Pointer[Trace]
	next  atomic.Uint64
}

// Record keeps a finished trace in place of the oldest.
func (r *Recorder) Record(t *Trace) {
	r.slots[(r.next.Add(1)-1)%Kept].Store(t)
}

// Collectors are the metrics of the traces.
func (r *Recorder) Collectors() []metric.Collector {
	recorded := func() float64 { return float64(r.next.Load()) }
	kept := func() float64 { return min(recorded(), Kept) }
	return []metric.Collector{
		metric.Counter("furl_traces_total", "Traces that were recorded.", recorded),
		metric.Gauge("furl_traces_kept", "Traces that are kept.", kept),
	}
}

// Find is the trace of the request, if it is still kept.
func (r *Recorder) Find(requestID string) (*Trace, bool) {
	for _, trace := range r.latest() {
		if trace.RequestID == requestID {
			return trace, true
		}
	}
	return nil, false
}

// Latest is up to n of the latest traces, newest first.
func (r *Recorder) Latest(n int) []*Trace {
	latest := r.latest()
	return latest[:min(n, len(latest))]
}

// Follow yields each trace that is recorded from now on, until the context ends, and nil after each time that is idle, if
// it is not 0. A reader that is slower than requests come misses the oldest.
func (r *Recorder) Follow(ctx context.Context, idle time.Duration) iter.Seq[*Trace] {
	const pause = 50 * time.Millisecond
	next := r.next.Load()
	return func(yield func(*Trace) bool) {
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		waited := time.Duration(0)
		for end := next; ; end = r.next.Load() { // a trace gets its number before it is in its slot: it has a pause for that
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if waited += pause; idle > 0 && waited >= idle {
				if waited = 0; !yield(nil) {
					return
				}
			}
			if last := r.next.Load(); last-next > Kept {
				next = min(end, last-Kept)
			}
			for ; next < end; next++ {
				if trace := r.slots[next%Kept].Load(); trace != nil && !yield(trace) {
					return
				}
			}
		}
	}
}

func (r *Recorder) latest() []*Trace {
	end := r.next.Load()
	latest := make([]*Trace, 0, Kept)
	for i := range uint64(Kept) {
		if i >= end {
			break
		}
		if trace := r.slots[(end-1-i)%Kept].Load(); trace != nil {
			latest = append(latest, trace)
		}
	}
	return latest
}
