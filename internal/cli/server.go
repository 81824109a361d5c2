package cli

import "github.com/spf13/cobra"

// The commands that run a server, or have a part of one, as their help texts describe them. A system that runs no server
// has the texts, too, and in place of each command one that says so.

func describeServe() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run Lambda, function URLs, IAM and STS on this machine, on one port",
		Long: `Run Lambda, function URLs, IAM and STS on this machine, on one port.

The data directory keeps the state: one database, the code of the functions, their logs, the root keys in
root-credentials.json, and in page-token the token with which furl explain and furl logs read the server's own pages.
The first SIGTERM or Ctrl-C lets running invocations finish, the second one stops at once.

A function URL of auth type NONE answers in path style (http://127.0.0.1:9000/_furl/url/ID/) only under localhost, names
below it and loopback addresses: otherwise a web page could reach it whose own name leads to this machine. --listen with
another address adds that one, or all addresses if it is 0.0.0.0; --allow-host adds a name.

--env-file writes what furl env exports to a file, as lines of NAME=VALUE, when the server is ready to answer, and
removes the file when the server has ended. Tests can wait for the file, and read it with set -a; . FILE; set +a, or as
a dotenv file. A file with anything else in it is not replaced.

Each flag but --check and --env-file is also an environment variable, such as FURL_DATA for --data; the flag wins.
FURL_ROOT_ACCESS_KEY_ID and FURL_ROOT_SECRET_ACCESS_KEY set the root keys of the first account.

` + exitStatus(status{exitOK: "stopped by a signal", exitFailed: "could not start or serve"}, exitUsage),
		Example: "  furl serve --data .furl &\n  eval \"$(furl env)\"\n  aws lambda list-functions",
	}
}

func describeDev() *cobra.Command {
	return &cobra.Command{
		Use:   "dev [PATH]",
		Short: "Run what a project declares, and run it anew when a file changes",
		Long: `Run what a project declares, and run it anew when a file changes: furl makes a server equal to the declaration,
shows the function URLs with what to type to call them, and then the logs of all functions and the refused requests.

PATH is the working directory or
  a SAM or CloudFormation template, or a directory that has one; .aws-sam/build
  a cdk.out, or a CDK project (--build 'npx cdk synth -q' makes it anew); a Serverless project with .serverless/
  a source directory, with --handler and --runtime where it is not plain what they are
With --http it is a web server instead: a command that furl starts and keeps running, which has to listen on $PORT of
127.0.0.1, or the address of one that runs.

The code of functions is used where it is. A changed file of it is what the next call runs; running calls finish on the
old code. A changed declaration is planned and applied; if it has faults, what was there stays. The data is in .furl of
the project. If a server runs on it, or on --data, that one is used; it needs --code-dir or --http-upstream.

furl.toml beside the declaration has, in [dev], what the flags say. .furlignore has gitignore's syntax and names files
that need no watch. docs/dev.md describes both, and the events of --json.

The build command and the web server are programs of your own: they run with your shell, environment and rights, in the
project's directory, without a sandbox, and end with furl dev.

On a terminal one key each does something; the last line lists them.

` + exitStatus(status{exitOK: "stopped by a signal or by q", exitFailed: "could not start, read the project or apply it"},
			exitUsage),
		Example: "  furl dev\n  furl dev --http 'uvicorn main:app --port $PORT'\n  furl dev --dry-run template.yaml",
	}
}

func describeExec() *cobra.Command {
	return &cobra.Command{
		Use:   "exec [--dev PATH] [flags] -- COMMAND [ARGUMENT]...",
		Short: "Run a command, such as a test, with a local server of its own",
		Long: `Run a command, such as a test, with a local server of its own. The server is in memory, on a free port of the
loopback interface, and is gone when the command has ended. With --data, or $FURL_DATA, it is the one that runs with
that data directory, which stays.

With --dev the server is first made equal to what the project at PATH declares, as furl dev does, with its flags and
furl.toml, which furl dev --help describes; a build command runs once. If the project cannot be read, built or applied,
the command does not start.

The command has the variables that furl env exports, for the user admin, --user or --role, and not those variables of
its surroundings that would contradict them: other credentials, profiles, and endpoints for Lambda, IAM and STS. For
each function URL in the server's region it has FURL_URL_NAME, where NAME is the name of the function in capitals, with
_ for each character that is no letter or digit: FURL_URL_MY_FUNCTION for my-function. The URL of an alias is
FURL_URL_MY_FUNCTION_LIVE. If two URLs would have the same name, neither is set, and furl says so.

If the project declares a user without an access key, the user gets one, on a server that furl exec starts.

If the command fails, furl prints what was refused or failed meanwhile, and why, in the words of furl explain.

Signals go to the command, and furl waits for it. Programs that the command leaves running are left alone, as env and
timeout leave them.

The exit status is that of the command; for one that a signal ended, the number of the signal plus 128.

` + exitStatus(status{
			exitOK: "the command succeeded", exitFailed: "no server, or the project cannot be applied",
			exitUnrunnable: "the command cannot be run", exitNoCommand: "there is no such command",
		}, exitUsage, exitDenied),
		Example: "  furl exec -- go test ./...\n  furl exec --dev . -- pytest\n  furl exec --data .furl --user alice -- npm test",
	}
}

func describeDemo() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Play the whole story on a server in memory: refusals, reasons, permissions, signed calls",
		Long: `Play the whole story on a server in memory, with nothing to install: two functions, a function URL with
IAM authentication, a call that is refused and the reason, the two permissions, then the signed GET and the signed POST
that one function sends to the other with its own role's credentials.

` + exitStatus(status{exitOK: "every step came out as it should", exitFailed: "one step did not"},
			exitUsage, exitInterrupted),
		Example: "  furl demo",
	}
}

func describeCA() *cobra.Command {
	return &cobra.Command{
		Use:   "ca",
		Short: "The authority that signs the certificates of furl serve --tls",
		Long: `The authority that signs the certificates of furl serve --tls.

Each user has one, which the first use makes. All servers of the user on this machine use it, whatever their data
directory. It can sign for localhost, names below it and loopback addresses only, so no program that trusts it believes
it about another name. The certificates that it signs are good for a day, and the server makes a new one for each
connection.`,
		Example: "  curl --cacert \"$(furl ca path)\" https://localhost:9000/_furl/health\n  furl ca install",
	}
}
