package lambdaapi

// noInput is the input of an operation that takes nothing.
type noInput struct{}

// Limits of code storage that GetAccountSettings tells: AWS's, of which furl holds those of one package.
const (
	totalCodeSize    = 80_530_636_800
	codeSizeUnzipped = 262_144_000
	codeSizeZipped   = 52_428_800
)

func (s *service) getAccountSettings(r *request, _ *noInput) (any, error) {
	type limit struct {
		TotalCodeSize                  int64
		CodeSizeUnzipped               int64
		CodeSizeZipped                 int64
		ConcurrentExecutions           int
		UnreservedConcurrentExecutions int
	}
	type usage struct {
		TotalCodeSize int64
		FunctionCount int64
	}
	var used usage
	for _, function := range r.State.Now().Functions.All() {
		if function.ARN.Account == r.Caller.Account && function.ARN.Region == r.Region {
			used.FunctionCount++
			used.TotalCodeSize += function.CodeSize
		}
	}
	return struct {
		AccountLimit limit
		AccountUsage usage
	}{limit{totalCodeSize, codeSizeUnzipped, codeSizeZipped, s.config.Concurrency, s.config.Concurrency}, used}, nil
}
