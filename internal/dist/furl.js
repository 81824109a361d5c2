#!/usr/bin/env node
// Runs the program of the package for this system with the same arguments, streams, signals and exit status.
'use strict';
const { spawn } = require('node:child_process');
const { constants } = require('node:os');

const name = `@furl-cli/${process.platform}-${process.arch}`;
let program;
try {
  program = require.resolve(`${name}/bin/furl${process.platform === 'win32' ? '.exe' : ''}`);
} catch {
  console.error(`furl: error: the npm package ${name} is not installed, which has furl for this system
furl: hint: npm install furl-cli --include=optional`);
  process.exit(1);
}

const child = spawn(program, process.argv.slice(2), { stdio: 'inherit' });
// Ctrl-C of a terminal reaches both processes, and furl must not get it twice. What other programs send is for this
// process alone, and goes on.
const terminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
  try {
    process.on(signal, () => {
      if (!terminal || signal === 'SIGTERM') child.kill(signal);
    });
  } catch {
    // This system does not have the signal.
  }
}
child.on('error', (error) => {
  console.error(`furl: error: ${program} could not be started: ${error.message}`);
  process.exit(1);
});
child.on('exit', (status, signal) => {
  if (!signal) process.exit(status);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  setTimeout(() => process.exit(128 + constants.signals[signal]), 100);
});
