//go:build unix

package runtime

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/furl-dev/furl/internal/lambda"
)

// systemPath is where functions find programs, behind the directory of their interpreter and before the layers. It is
// Lambda's own PATH (recorded from AWS, with the slash) with that directory in place of /var/lang/bin, which exists
// only there.
const systemPath = "/usr/local/bin:/usr/bin/:/bin:"

// variables is the whole environment of a function's process. Nothing comes from the server's own environment. Later
// layers win: what Lambda presets and a user may change, what the server adds, what the user says, what is reserved.
//
// Where Lambda has fixed directories the real ones are named: CodeDir for /var/task, the directory of the embedded
// runtimes for /var/runtime, and the directory of the layers for /opt if the function does not see it there. Lambda's
// LD_LIBRARY_PATH has the system's directories, too; here they would come before the interpreter's own. HOME and TMPDIR are the environment's own directory; Lambda sets neither, but there
// nobody else's home is in reach. The X-Ray variables point at loopback, where nobody listens.
func variables(e *environment, c *command, keys Credentials, extra map[string]string) []string {
	fn, opt := e.fn, e.pool.sandbox.Opt(e.fn.Opt)
	all := map[string]string{
		"HOME":                     e.dir,
		"TMPDIR":                   e.dir,
		"LANG":                     "en_US.UTF-8",
		"LD_LIBRARY_PATH":          fn.CodeDir + ":" + fn.CodeDir + "/lib:" + opt + "/lib",
		"PATH":                     systemPath + opt + "/bin",
		"TZ":                       ":UTC",
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
		"AWS_XRAY_DAEMON_ADDRESS":  "127.0.0.1:2000",
		"_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
		"_AWS_XRAY_DAEMON_PORT":    "2000",
	}
	if c.binDir != "" {
		all["PATH"] = c.binDir + ":" + all["PATH"]
	}
	for _, assignment := range c.extra {
		name, value, _ := strings.Cut(assignment, "=")
		all[name] = value
	}
	maps.Copy(all, extra)
	maps.Copy(all, fn.Environment)
	if e.app != nil {
		maps.Copy(all, e.app.Variables())
	}
	if c.packages != "" {
		all[c.search] = strings.TrimPrefix(all[c.search]+":"+c.packages, ":")
	}
	maps.DeleteFunc(all, func(name, _ string) bool { return lambda.ReservedVariable(name) })
	maps.Copy(all, map[string]string{
		"AWS_DEFAULT_REGION":              fn.Region,
		"AWS_REGION":                      fn.Region,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(fn.MemoryMB),
		"AWS_LAMBDA_FUNCTION_NAME":        fn.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     fn.Version,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  e.initializationType(),
		"AWS_LAMBDA_LOG_GROUP_NAME":       fn.logGroup(),
		"AWS_LAMBDA_LOG_STREAM_NAME":      e.logStream,
		"AWS_LAMBDA_RUNTIME_API":          e.api.Addr(),
		"LAMBDA_RUNTIME_DIR":              e.pool.runtimeDir,
		"LAMBDA_TASK_ROOT":                fn.CodeDir,
		"_HANDLER":                        fn.Handler,
	})
	if !strings.HasPrefix(fn.Runtime, "provided") {
		all["AWS_EXECUTION_ENV"] = "AWS_Lambda_" + fn.Runtime
		// As in Lambda's managed runtimes, whose shell starts them in /var/task (recorded from AWS).
		setMissing(all, "PWD", fn.CodeDir)
		setMissing(all, "SHLVL", "0")
	}
	if keys.AccessKeyID != "" {
		all["AWS_ACCESS_KEY_ID"] = keys.AccessKeyID
		all["AWS_SECRET_ACCESS_KEY"] = keys.SecretAccessKey
		if keys.SessionToken != "" {
			all["AWS_SESSION_TOKEN"] = keys.SessionToken
		}
		if fn.Runtime == "java8.al2" || fn.Runtime == "java11" { // recorded from AWS
			all["AWS_ACCESS_KEY"], all["AWS_SECRET_KEY"] = keys.AccessKeyID, keys.SecretAccessKey
		}
	}
	list := make([]string, 0, len(all))
	for name, value := range all {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

func setMissing(all map[string]string, name, value string) {
	if _, ok := all[name]; !ok {
		all[name] = value
	}
}
