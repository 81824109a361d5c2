//go:build unix

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
	"sync"
	"time"
)

// client is one connection over which the same bytes are sent again and again. It does as little as a client can, since
// it shares the machine with the server that it measures.
type client struct {
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
}

func (t target) dial() (*client, error) {
	conn, err := net.Dial("tcp", t.address)
	if err != nil {
		return nil, err
	}
	return &client{conn, bufio.NewReader(conn), t.request}, nil
}

func (c *client) close() { c.conn.Close() }

// patience is how long an answer may take. The first one of a function waits for a process.
const patience = 30 * time.Second

// call sends the request and reads the answer, which must be 200.
func (c *client) call() error {
	if _, err := c.conn.Write(c.request); err != nil {
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

// latency is the median time of one call by a single caller, in nanoseconds.
func (c *client) latency(during time.Duration) (float64, error) {
	if err := c.conn.SetDeadline(time.Now().Add(during + patience)); err != nil {
		return 0, err
	}
	return latency(during, c.call)
}

// target is where load goes: an address and the request to send.
type target struct {
	address string
	request []byte
}

func newTarget(r *http.Request, body []byte) (target, error) {
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	var sent bytes.Buffer
	err := r.Write(&sent)
	return target{r.URL.Host, sent.Bytes()}, err
}

// plainGet is a GET that nobody has signed.
func plainGet(address, path string) target {
	return target{address, []byte("GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\nUser-Agent: bench\r\n\r\n")}
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
	c, err := t.dial()
	if err != nil {
		return 0, err
	}
	defer c.close()
	if err := c.conn.SetDeadline(end.Add(patience)); err != nil {
		return 0, err
	}
	for ; ctx.Err() == nil && time.Now().Before(end); answered++ {
		if err := c.call(); err != nil {
			return answered, err
		}
	}
	return answered, nil
}
