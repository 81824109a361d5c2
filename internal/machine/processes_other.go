//go:build unix && !linux

package machine

import "math"

// limits are not known before the system refuses something.
type limits struct{}

func newLimits(bool) *limits { return &limits{} }

func (*limits) free() int { return math.MaxInt }

func (*limits) shortOf(int) *Lack { return nil }

// refuses is what has refused a function something: it has no limit of its own.
func (l *limits) refuses() *Lack {
	lack := l.tightest()
	return &lack
}

// tightest is the Lack of a process that the system has refused.
func (*limits) tightest() Lack {
	return Lack{
		Of: OfProcesses, Limit: "RLIMIT_NPROC, or kern.maxprocperuid",
		Fix: "start furl with a higher limit, such as after ulimit -u 2048",
	}
}
