package peer

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"
)

// Supported says whether this system shows who owns a connection.
const Supported = true

// Inspector has nothing to look through on this system, where the list of connections names the process.
type Inspector struct{}

// Close does nothing on this system.
func (*Inspector) Close() {}

func look(pid int) (process, error) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return process{}, err
	}
	if int(info.Proc.P_pid) != pid {
		return process{}, unix.ESRCH
	}
	session, err := unix.Getsid(pid)
	if err != nil {
		session = 0 // of a process that has ended and that no other has waited for
	}
	started := info.Proc.P_starttime
	return process{
		pid:     pid,
		start:   uint64(started.Sec)*1_000_000 + uint64(started.Usec),
		parent:  int(info.Eproc.Ppid),
		session: session,
		command: unix.ByteSliceToString(info.Proc.P_comm[:]),
	}, nil
}

// owner answers the user and the process of the client's end.
func owner(c ends) (uid, pid int, err error) {
	for range attempts {
		var list []byte
		list, err = unix.SysctlRaw("net.inet.tcp.pcblist_n")
		if errors.Is(err, unix.ENOMEM) {
			continue // there were more connections than a moment before
		}
		if err != nil {
			return 0, 0, err
		}
		if uid, pid, err = findInPCBList(list, c); err == nil {
			return uid, pid, nil
		}
	}
	return 0, 0, err
}

func (e *Environment) owns(c ends) bool {
	_, pid, err := owner(c)
	if err != nil {
		return false
	}
	p, err := look(pid)
	return err == nil && e.belongs(p)
}

func (*Environment) listening([]int) []int { return nil }

func (*Inspector) check(_ context.Context, e *Environment, c ends) error {
	uid, pid, err := owner(c)
	if err != nil {
		return unfound(err)
	}
	p, err := look(pid)
	if err != nil {
		return &Stranger{Owner: Owner{PID: pid, UID: uid}, Reason: "the process has ended or cannot be looked at: " + err.Error()}
	}
	if !e.belongs(p) {
		return stranger(uid, p, "")
	}
	return nil
}
