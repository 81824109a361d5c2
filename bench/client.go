package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// client is one connection over which the same bytes are sent again and again. It does as little as a client can, since
// it shares the machine with the server that it measures.
type client struct {
	conn   net.Conn
	reader *bufio.Reader
}

func dial(address string) (*client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn, bufio.NewReader(conn)}, nil
}

func (c *client) close() { c.conn.Close() }

// patience is how long an answer may take. The first one of a function waits for a process.
const patience = 30 * time.Second

// call sends a request and reads the answer, which must be 200.
func (c *client) call(request []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	status, err := c.reader.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("the answer is %q, want 200", bytes.TrimSpace(status))
	}
	length := -1
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			break // the empty line
		}
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return errors.New("the answer has no Content-Length")
	}
	_, err = c.reader.Discard(length)
	return err
}

// wire is a request as it is sent.
func wire(r *http.Request, body []byte) ([]byte, error) {
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	var sent bytes.Buffer
	err := r.Write(&sent)
	return sent.Bytes(), err
}

// latency is the median time of one call by a single caller, in nanoseconds.
func (c *client) latency(during time.Duration, request []byte) (float64, error) {
	if err := c.conn.SetDeadline(time.Now().Add(during + patience)); err != nil {
		return 0, err
	}
	var times []float64
	for end := time.Now().Add(during); time.Now().Before(end); {
		begin := time.Now()
		if err := c.call(request); err != nil {
			return 0, err
		}
		times = append(times, float64(time.Since(begin)))
	}
	return median(times), nil
}

// target is where load goes: an address and the request to send.
type target struct {
	address string
	request []byte
}

func newTarget(r *http.Request, body []byte) (target, error) {
	request, err := wire(r, body)
	return target{strings.TrimPrefix(r.URL.Host, "http://"), request}, err
}

// throughput is how many calls some callers together get answered in a second, each waiting for its answer.
func (t target) throughput(ctx context.Context, callers int, during time.Duration) (float64, error) {
	begin := time.Now()
	answered, err := t.load(ctx, callers, during)
	return float64(answered) / time.Since(begin).Seconds(), err
}

// load makes calls for a while and returns how many were answered.
func (t target) load(ctx context.Context, callers int, during time.Duration) (answered int, err error) {
	counts, faults := make([]int, callers), make([]error, callers)
	var all sync.WaitGroup
	end := time.Now().Add(during)
	for i := range callers {
		all.Go(func() { counts[i], faults[i] = t.callUntil(ctx, end) })
	}
	all.Wait()
	for _, n := range counts {
		answered += n
	}
	return answered, errors.Join(append(faults, ctx.Err())...)
}

// callUntil is one of the callers of a load.
func (t target) callUntil(ctx context.Context, end time.Time) (answered int, err error) {
	c, err := dial(t.address)
	if err != nil {
		return 0, err
	}
	defer c.close()
	if err := c.conn.SetDeadline(end.Add(patience)); err != nil {
		return 0, err
	}
	for ; ctx.Err() == nil && time.Now().Before(end); answered++ {
		if err := c.call(t.request); err != nil {
			return answered, err
		}
	}
	return answered, nil
}
