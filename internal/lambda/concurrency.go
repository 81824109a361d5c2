package lambda

import "time"

// Limits of an account's concurrency in a region, as AWS gives them to most accounts (Lambda Developer Guide, "Lambda
// quotas" and "Configuring reserved concurrency").
const (
	DefaultConcurrency = 1000
	// MinUnreserved is what functions cannot reserve or provision: it is left to those without.
	MinUnreserved = 100
	// RequestsPerSecond is how many requests each unit of reserved concurrency takes in a second.
	RequestsPerSecond = 10
)

// Provisioned is the provisioned concurrency of a version or an alias: how many execution environments are kept ready.
type Provisioned struct {
	Concurrency int
	Modified    time.Time
}

// TotalProvisioned is the provisioned concurrency of all versions and aliases of the function.
func (f *Function) TotalProvisioned() int {
	total := 0
	for _, provisioned := range f.Provisioned {
		total += provisioned.Concurrency
	}
	return total
}

// Claim is how much of its account's concurrency the function keeps from others.
func (f *Function) Claim() int {
	if f.Reserved != nil {
		return *f.Reserved
	}
	return f.TotalProvisioned()
}

// EventInvoke says what becomes of the asynchronous invocations of a function, a version or an alias.
type EventInvoke struct {
	MaxRetries *int           // nil for two
	MaxAge     *time.Duration // nil for six hours
	OnSuccess  *string        // ARN of the destination, "" for one without; nil if it was not set
	OnFailure  *string
	Modified   time.Time
}

// Bounds and defaults of asynchronous invocations (API reference of PutFunctionEventInvokeConfig).
const (
	DefaultRetries  = 2
	DefaultEventAge = 6 * time.Hour
)
