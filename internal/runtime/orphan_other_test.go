//go:build unix && !linux

package runtime_test

// serverMain is for tests of what only Linux promises.
func serverMain(string, string) { panic("no test starts it here") }
