package machine

// EnvironmentsWith is Environments for so many files.
func EnvironmentsWith(files uint64) int { return environments(files) }

// RuntimeConnectionsWith is RuntimeConnections for so many files.
func RuntimeConnectionsWith(files uint64) int { return runtimeConnections(files) }
