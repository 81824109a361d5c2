// Package logs keeps what functions print: a bounded log on disk for each function, to be read from its end and
// followed while it grows.
//
// A function must not feel its log: Append never waits for the disk. Lines wait in memory, so much for one function
// and so much in all; what a function prints beyond that is dropped, counted, and the count written to its log. On
// disk a log is at most two files of a limited size, the older of which gives way. A killed server loses the lines of
// the last moments; nothing is flushed to the disk's own memory, because a log is not state.
package logs
