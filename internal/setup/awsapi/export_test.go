package awsapi

// Repaired is how policies of endpoints that stand in for AWS are read.
var Repaired = repaired

// Pace is the retryer of a client for hundreds of calls.
type Pace = *pace

// NewPace is a new one.
var NewPace = newPace
