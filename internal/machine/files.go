package machine

import "os"

// The files that furl may have open are shared out before they run out. Half of them are for the connections of
// clients. Some of the other half are for the state, the logs and short uses; the rest are for environments. With 1,024
// files there are 54 environments, with 8,192 there are 445.
const (
	filesFixed     = 16                 // for the state and its lock, the listener, the poller and the standard files
	filesEach      = 4 + minConnections // of an environment: a socket, a process, its output and its listener
	minConnections = 4                  // that every environment may have to its Runtime API
	maxConnections = 64
)

// Connections is how many connections of clients there are files for.
func Connections() int { return int(max(1, fileLimit()/2)) }

// Environments is how many environments there are files for, and the lack of files that one more would meet.
func Environments() (int, *Lack) {
	lack := lackOfFiles()
	return environments(fileLimit()), &lack
}

func environments(files uint64) int { return max(1, share(files)/filesEach) }

// RuntimeConnections is how many connections a function may have to its Runtime API; it needs one or two. With this
// many each, the functions that run by default do not use up all files.
func RuntimeConnections() int { return runtimeConnections(fileLimit()) }

func runtimeConnections(files uint64) int {
	const byDefault = 256
	return min(maxConnections, max(minConnections, share(files)/byDefault-(filesEach-minConnections)))
}

// share is how many files are for environments.
func share(files uint64) int { return int(files/2) - int(files/16) - filesFixed }

// ShortOfFiles says that so many files cannot be opened at this moment; nil if they can. It finds out by opening them.
func ShortOfFiles(need int) *Lack {
	for range need {
		file, err := os.Open(os.DevNull)
		if err != nil {
			return Lacking(err)
		}
		defer file.Close()
	}
	return nil
}
