package trace_test

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/furl-dev/furl/internal/trace"
)

// exchange has about so many bytes in each of its parts.
func exchange(id string, size int) *trace.Exchange {
	large := bytes.Repeat([]byte("a"), size)
	head := func() (m trace.Message) {
		header := http.Header{"X-Large": {strings.Repeat("b", size)}, "X-Many": strings.Split(strings.Repeat("c,", size/64), ",")}
		target := "/" + strings.Repeat("d", size)
		m.KeepHead(target, target, header, header)
		m.Body = trace.KeepBody(large, size, false, false)
		return m
	}
	return &trace.Exchange{RequestID: id, Request: head(), Event: trace.KeepBody(large, size, false, false), Answer: head()}
}

// held counts the bytes of an exchange.
func held(e trace.Exchange) (total int) {
	for _, m := range []trace.Message{e.Request, e.Answer} {
		total += len(m.Target) + cap(m.Body.Bytes)
		for _, field := range m.Header {
			total += len(field.Name) + len(field.Value)
		}
	}
	return total + cap(e.Event.Bytes)
}

// The latest exchanges are kept: 200 of them, 64 KiB of each part and 16 MiB of all, however large they are.
func TestExchangesAreBounded(t *testing.T) {
	const count = 250
	for _, size := range []int{0, 100, 20 << 10, 64 << 10, 64<<10 + 1, 1 << 20} {
		var exchanges trace.Exchanges
		for i := range count {
			exchanges.Record(exchange(strconv.Itoa(i), size))
		}
		total, kept, gap := 0, 0, false
		for i := count - 1; i >= 0; i-- {
			found, ok := exchanges.Find(strconv.Itoa(i))
			if !ok {
				gap = true
				continue
			}
			if gap {
				t.Errorf("%d bytes: %d is kept, and a later one is not", size, i)
			}
			for _, part := range []trace.Body{found.Request.Body, found.Event, found.Answer.Body} {
				if len(part.Bytes) != min(size, 64<<10) || part.Cut != (size > 64<<10) || part.Size != size {
					t.Fatalf("%d bytes: a part has %d of %d, cut %v", size, len(part.Bytes), part.Size, part.Cut)
				}
			}
			kept++
			total += held(found)
		}
		if kept > 200 || total > 16<<20 {
			t.Errorf("%d bytes: keeps %d exchanges with %d bytes", size, kept, total)
		}
		if size <= 100 && kept != 200 || size > 100 && total < 11<<20 {
			t.Errorf("%d bytes: keeps only %d exchanges with %d bytes", size, kept, total)
		}
	}
}

// One large exchange does not cost more of the others than it needs.
func TestExchangesEvictTheOldest(t *testing.T) {
	var exchanges trace.Exchanges
	for i := range 200 {
		exchanges.Record(exchange("small"+strconv.Itoa(i), 1<<10))
	}
	exchanges.Record(exchange("large", 64<<10))
	if _, ok := exchanges.Find("small0"); ok {
		t.Error("the oldest is still there")
	}
	if _, ok := exchanges.Find("small1"); !ok {
		t.Error("more than the oldest is gone")
	}
}

// What is kept of a head is in memory of its own, in the order of the names, and says what of it is hidden or missing.
func TestKeepHead(t *testing.T) {
	var m trace.Message
	header := http.Header{"B": {"2", "1"}, "A": {"secret"}, "C": {""}}
	open := http.Header{"B": {"2", "1"}, "A": {"(hidden)"}, "C": {""}}
	m.KeepHead("/?token=secret", "/?token=(hidden)", header, open)
	var exchanges trace.Exchanges
	exchanges.Record(&trace.Exchange{RequestID: "a", Request: m})
	kept, _ := exchanges.Find("a")
	want := trace.Message{
		Target: "/?token=(hidden)", HiddenTarget: true, Hidden: []string{"A"},
		Header: []trace.Field{{"A", "(hidden)"}, {"B", "2"}, {"B", "1"}, {"C", ""}},
	}
	if diff := cmp.Diff(want, kept.Request); diff != "" {
		t.Error(diff)
	}

	large := http.Header{"A": {strings.Repeat("x", 64<<10)}, "B": {"kept"}}
	m.KeepHead("/", "/", large, large)
	if diff := cmp.Diff([]trace.Field{{"B", "kept"}}, m.Header); diff != "" || !m.Cut {
		t.Errorf("cut %v: %s", m.Cut, diff)
	}
}

func TestExchangesKeepACopy(t *testing.T) {
	body := []byte("a")
	kept := trace.KeepBody(body, 1, false, false)
	body[0] = 'b'
	if string(kept.Bytes) != "a" {
		t.Error("the body is a piece of memory that somebody else writes to")
	}
	var none *trace.Exchanges
	none.Record(&trace.Exchange{RequestID: "a"})
	if _, ok := none.Find("a"); ok {
		t.Error("nothing keeps an exchange")
	}
}

// Many may record and read at the same time.
func TestExchangesAreForAll(t *testing.T) {
	var exchanges trace.Exchanges
	var all sync.WaitGroup
	for writer := range 8 {
		all.Go(func() {
			for i := range 40 {
				id := strconv.Itoa(writer*1000 + i)
				exchanges.Record(exchange(id, 4<<10))
				if found, ok := exchanges.Find(id); ok && found.RequestID != id {
					t.Errorf("%s is %s", id, found.RequestID)
				}
			}
		})
	}
	all.Wait()
}
