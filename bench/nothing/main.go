//go:build unix

// Command nothing does nothing: what every program in Go needs to start and to end.
package main

func main() {}
