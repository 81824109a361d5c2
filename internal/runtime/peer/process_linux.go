package peer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// look reads /proc/PID/stat, which every user may read. Unlike the command line, which the kernel reads from the
// process's own memory, it takes no lock that the process could hold for long.
func look(pid int) (process, error) {
	text, err := ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return process{}, err
	}
	return parseStat(text)
}

// parseStat reads "PID (COMMAND) STATE PARENT GROUP SESSION ..."; the start is field 22. The command may hold
// parentheses and spaces.
func parseStat(text []byte) (process, error) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 1 || end < open {
		return process{}, fmt.Errorf("unknown format of /proc/PID/stat: %.80q", text)
	}
	fields := bytes.Fields(text[end+1:])
	if len(fields) < 20 {
		return process{}, fmt.Errorf("unknown format of /proc/PID/stat: %.80q", text)
	}
	p := process{command: string(text[open+1 : end])}
	// A main thread may have ended before the others: field 20 counts them all.
	p.ended = bytes.ContainsAny(fields[0], "ZX") && len(fields[17]) == 1 && fields[17][0] <= '1'
	var errs [4]error
	p.pid, errs[0] = strconv.Atoi(string(bytes.TrimSpace(text[:open])))
	p.parent, errs[1] = strconv.Atoi(string(fields[1]))
	p.session, errs[2] = strconv.Atoi(string(fields[3]))
	p.start, errs[3] = strconv.ParseUint(string(fields[19]), 10, 64)
	return p, errors.Join(errs[:]...)
}

// ReadFile reads a file of /proc. It makes half of the system calls that os.ReadFile makes.
func ReadFile(path string) ([]byte, error) { return readFile(unix.AT_FDCWD, path, nil) }

// readFile is ReadFile below a directory. The result is in the buffer if that has room for it.
func readFile(directory int, path string, buffer []byte) ([]byte, error) {
	fd, err := unix.Openat(directory, path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written
	text := slices.Grow(buffer[:0], 4096)
	for {
		n, err := unix.Read(fd, text[len(text):cap(text)])
		if err != nil {
			return nil, &os.PathError{Op: "read", Path: path, Err: err}
		}
		if n == 0 {
			return text, nil
		}
		text = slices.Grow(text[:len(text)+n], 1024)
	}
}

// family reports whether the main process or one that descends from it holds a socket. The error says what it could not
// look at. A main process that has children is no such error: one that starts and reaps the others may hide its files.
func (e *Environment) family(inode uint64) (bool, error) {
	var blind error
	tree := []process{e.main}
	for n := 0; n < len(tree) && n < maxDepth; n++ {
		held, err := e.holds(tree[n], inode)
		if held {
			return true, nil
		}
		if blind == nil && err != nil {
			blind = err
		}
		// Children come after files: a process that has given the socket to its child and closed its own copy in
		// between has that child by now.
		for _, pid := range Children(tree[n].pid) {
			if child, err := look(pid); err == nil && !slices.ContainsFunc(tree, child.is) {
				tree = append(tree, child)
			}
		}
		if n == 0 && len(tree) > 1 {
			blind = nil
		}
	}
	return false, blind
}

// holds reports whether p has a socket among its files and is of the environment.
func (e *Environment) holds(p process, inode uint64) (bool, error) {
	found := false
	visit := func(held uint64) bool {
		found = held == inode
		return !found
	}
	directory := "/proc/" + strconv.Itoa(p.pid)
	files, err := sockets(directory, visit)
	if files == 0 {
		// A main thread that has ended before its process has no files; the other threads have them.
		tasks := directory + "/task"
		eachName(tasks, func(_ int, task string) bool { //nolint:errcheck // err says what is out of sight
			if n, failed := sockets(tasks+"/"+task, visit); n > 0 && failed == nil {
				files, err = n, nil
			}
			return files == 0
		})
	}
	return found && e.belongs(p), err
}

// Children are the processes that the threads of a process have started and that are still theirs. The list needs a
// kernel with CONFIG_PROC_CHILDREN, as distributions have it. It may be incomplete for a process that starts and loses
// others meanwhile.
func Children(pid int) []int {
	var pids []int
	buffer := make([]byte, 4096)
	tasks := "/proc/" + strconv.Itoa(pid) + "/task"
	eachName(tasks, func(directory int, task string) bool { //nolint:errcheck // a process that has ended has no children
		text, err := readFile(directory, task+"/children", buffer)
		if err != nil {
			return true
		}
		for field := range bytes.FieldsSeq(text) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				pids = append(pids, child)
			}
		}
		return true
	})
	return pids
}

// Session lists the processes of a session: those that run, and those that have ended and nobody has waited for.
func Session(id int) (running, ended []int) {
	eachName("/proc", func(_ int, name string) bool { //nolint:errcheck // without /proc nothing is known
		pid, err := strconv.Atoi(name)
		if err != nil {
			return true
		}
		switch p, err := look(pid); {
		case err != nil || p.session != id:
		case p.ended:
			ended = append(ended, pid)
		default:
			running = append(running, pid)
		}
		return true
	})
	return running, ended
}

// sockets passes the inode of each socket among the files of a process or thread, below /proc/ID or alike, until visit
// answers false. It answers how many files it has seen.
func sockets(path string, visit func(inode uint64) bool) (int, error) {
	files := 0
	err := eachName(path+"/fd", func(directory int, name string) bool {
		files++
		inode, ok := socketInode(directory, name)
		return !ok || visit(inode)
	})
	return files, err
}

// socketInode reads a link such as "socket:[12345]".
func socketInode(directory int, name string) (uint64, bool) {
	var buffer [64]byte
	n, err := unix.Readlinkat(directory, name, buffer[:])
	if err != nil {
		return 0, false
	}
	digits, ok := strings.CutPrefix(string(buffer[:n]), "socket:[")
	if !ok {
		return 0, false
	}
	inode, err := strconv.ParseUint(strings.TrimSuffix(digits, "]"), 10, 64)
	return inode, err == nil
}

// eachName passes the names in a directory, with its descriptor, until visit answers false. A directory of a process
// that has ended is empty.
func eachName(path string, visit func(directory int, name string) bool) error {
	directory, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(directory) //nolint:errcheck // nothing was written
	buffer := make([]byte, 4096)
	for {
		n, err := unix.ReadDirent(directory, buffer)
		if n <= 0 || err != nil {
			return nil // the end, or the end of the process
		}
		_, _, names := unix.ParseDirent(buffer[:n], -1, nil)
		for _, name := range names {
			if !visit(directory, name) {
				return nil
			}
		}
	}
}
