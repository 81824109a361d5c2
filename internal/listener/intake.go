package listener

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// Intake is where request bodies arrive. The server has to read a body before it can check the signature, so any client
// can send one. Intake bounds the time of each body and the memory of all together.
type Intake struct {
	// timeout is how long each MiB of a body may take to arrive.
	timeout time.Duration
	// room has an element for each MiB of the room that bodies have taken; turn has one while a body takes room, so
	// that two bodies cannot wait for each other.
	room chan struct{}
	turn chan struct{}
}

const (
	mebibyte = 1 << 20
	// BodyRoom is the room for all arriving bodies, in MiB: for the largest deployment package and nine synchronous
	// invocations.
	BodyRoom = 128
	// smallBody is how much of each body, in bytes, may arrive without room. Readers that know the length allocate
	// all of it once they have seen some; package sigv4 does so at 64 KiB.
	smallBody = 32 << 10
	// chunkedBody is the room for a body of unknown length, in MiB: enough for an invocation. A longer one takes more
	// when it comes.
	chunkedBody = 8
)

// NewIntake makes an Intake that gives each MiB of a body the timeout, and all bodies together the room, in MiB. With a
// room of 0 it does not bound it, for a caller that keeps bodies in files.
func NewIntake(timeout time.Duration, room int) *Intake {
	return &Intake{timeout: timeout, room: make(chan struct{}, room), turn: make(chan struct{}, 1)}
}

// errCrowded is the error about a body that found no room in time.
var errCrowded = errors.New("too many large request bodies are arriving at once")

// Receive returns the request with a bounded body. The caller calls done when it has answered. The request is a copy:
// net/http needs the body of its own to know whether the client still waits for 100 Continue.
func (i *Intake) Receive(w http.ResponseWriter, r *http.Request) (watched *http.Request, done func()) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, func() {}
	}
	body := &arriving{
		ReadCloser: r.Body, intake: i, ctx: r.Context(), controller: http.NewResponseController(w),
		next: mebibyte, chunked: r.ContentLength < 0, need: min(chunkedBody, cap(i.room)),
	}
	if !body.chunked {
		body.need = int(min((r.ContentLength+mebibyte-1)/mebibyte, int64(cap(i.room))))
	}
	// The time runs from now to the end of the body: net/http reads what the handler does not.
	body.extend()
	watched = r.WithContext(r.Context())
	watched.Body = body
	return watched, body.release
}

// arriving is a request body on its way.
type arriving struct {
	io.ReadCloser
	intake     *Intake
	ctx        context.Context // of the request that the body is part of
	controller *http.ResponseController
	chunked    bool
	read, next int64 // bytes read, and the number at which the time begins anew
	need, held int   // MiB
}

// Read reads from the connection. The end of the body ends the deadline and frees the room.
func (a *arriving) Read(p []byte) (int, error) {
	switch {
	case a.held == a.need:
	case a.read < smallBody:
		p = p[:min(int64(len(p)), smallBody-a.read)]
	default:
		if err := a.take(); err != nil {
			a.release()
			return 0, err
		}
	}
	n, err := a.ReadCloser.Read(p)
	a.read += int64(n)
	switch {
	case errors.Is(err, io.EOF):
		a.release()
		a.controller.SetReadDeadline(time.Time{}) //nolint:errcheck // without a deadline there is none to clear
	case err != nil:
		a.release()
	case a.read >= a.next:
		a.next += mebibyte
		a.extend()
		if a.chunked && a.need > 0 && a.read >= int64(a.need)*mebibyte {
			a.need++
		}
	}
	return n, err
}

func (a *arriving) extend() {
	deadline := time.Now().Add(a.intake.timeout)
	a.controller.SetReadDeadline(deadline) //nolint:errcheck // only connections of tests have none
}

// take waits for the room that the body needs.
func (a *arriving) take() error {
	ctx, cancel := context.WithTimeoutCause(a.ctx, a.intake.timeout, errCrowded)
	defer cancel()
	select {
	case a.intake.turn <- struct{}{}:
		defer func() { <-a.intake.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for a.held < a.need {
		select {
		case a.intake.room <- struct{}{}:
			a.held++
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	a.extend()
	return nil
}

func (a *arriving) release() {
	for ; a.held > 0; a.held-- {
		<-a.intake.room
	}
}
