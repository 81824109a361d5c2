// Package spare has Go make threads ahead. Go ends a program that is refused a thread, so a program that must live on
// when others have taken all processes of its user makes the threads that it needs before. The package imports nothing
// that package syscall does not import.
package spare

import (
	"runtime"
	"sync"
)

// Threads makes so many threads, which Go keeps until the program needs them. That takes a millisecond at most.
func Threads(n int) {
	var made, ended sync.WaitGroup
	release := make(chan struct{})
	made.Add(n)
	for range n {
		ended.Go(func() {
			runtime.LockOSThread() // a goroutine that waits like this occupies its thread
			defer runtime.UnlockOSThread()
			made.Done()
			<-release
		})
	}
	made.Wait()
	close(release)
	ended.Wait()
}
