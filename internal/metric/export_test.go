package metric

// ProcessIn are the metrics of a process whose directory of the system is elsewhere.
func ProcessIn(proc string) []Collector { return process(proc) }
