'use strict';

// In the place of the native module of AWS's client, which only speaks HTTP. It answers when its request is over.
const { spawnSync } = require('node:child_process');
const { request } = require('node:http');
const Module = require('node:module');

const prefix = '/2018-06-01/runtime/invocation/';

function post(path, body, headers) {
  const program =
    "const [address, path, headers] = process.argv.slice(1); const [host, port] = address.split(':');" +
    "process.stdin.pipe(require('http').request({ host, port, path, method: 'POST', headers: JSON.parse(headers) }))";
  const env = { ...process.env };
  delete env.NODE_OPTIONS;
  const all = JSON.stringify({ 'Content-Type': 'application/json', ...headers });
  spawnSync(process.execPath, ['-e', program, process.env.AWS_LAMBDA_RUNTIME_API, prefix + path, all], { input: body, env });
}

const client = {
  initializeClient() {},
  next: () =>
    new Promise((resolve, reject) => {
      const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
      request({ host, port, path: `${prefix}next` }, (response) => {
        let bodyJson = '';
        response.setEncoding('utf8').on('data', (piece) => (bodyJson += piece));
        response.on('end', () => resolve({ bodyJson, headers: response.headers }));
      })
        .on('error', reject)
        .end();
    }),
  done: (id, body) => post(`${id}/response`, body, {}),
  error: (id, body, cause) => {
    // It names the error's type only in the body, and the cause in a header that holds ASCII.
    post(`${id}/error`, body, {});
  },
};

const load = Module._load;
Module._load = function (name, ...rest) {
  return name.endsWith('rapid-client.node') ? client : load.call(this, name, ...rest);
};
