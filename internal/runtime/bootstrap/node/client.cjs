'use strict';

// Taken before the function's code loads: what instruments the http module must not see the runtime's own requests.
const { Agent, request } = require('node:http');
const { ascii, cause, payload } = require('./errors.cjs');

const PREFIX = '/2018-06-01/runtime/';
const MAX_CAUSE = 1024 * 1024;

// Client speaks to the Runtime API over kept-alive connections.
class Client {
  constructor(address) {
    const colon = address.lastIndexOf(':');
    this.host = address.slice(0, colon);
    this.port = Number(address.slice(colon + 1));
    this.agent = new Agent({ keepAlive: true });
  }

  // open begins a request; answer is a promise of { status, headers, body }.
  open(method, path, headers) {
    let outgoing;
    const answer = new Promise((resolve, reject) => {
      outgoing = request(
        { host: this.host, port: this.port, agent: this.agent, method, path: PREFIX + path, headers },
        (response) => {
          const pieces = [];
          response.on('data', (piece) => pieces.push(piece));
          response.on('end', () =>
            resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces) }),
          );
          response.on('error', reject);
        },
      );
      outgoing.on('error', reject);
      outgoing.setNoDelay(true);
    });
    return { outgoing, answer };
  }

  async next() {
    const { outgoing, answer } = this.open('GET', 'invocation/next');
    outgoing.end();
    const got = await answer;
    if (got.status !== 200) throw new Error(`next invocation: status ${got.status}: ${got.body}`);
    return got;
  }

  async post(path, body, headers) {
    const bytes = Buffer.from(body);
    const { outgoing, answer } = this.open('POST', path, {
      'Content-Type': 'application/json',
      'Content-Length': bytes.length,
      ...headers,
    });
    outgoing.end(bytes);
    return answer;
  }

  async respond(id, json) {
    const { status } = await this.post(`invocation/${encodeURIComponent(id)}/response`, json);
    if (status !== 202) console.error(`LAMBDA_RUNTIME Failed to post handler success response. Http response code: ${status}.`);
  }

  async fail(id, error) {
    const headers = {};
    const xray = cause(error);
    if (xray && xray.length < MAX_CAUSE) headers['Lambda-Runtime-Function-XRay-Error-Cause'] = xray;
    await this.post(`invocation/${encodeURIComponent(id)}/error`, JSON.stringify(payload(error)), headers);
  }

  async failInit(error) {
    const body = payload(error);
    await this.post('init/error', JSON.stringify(body), {
      'Lambda-Runtime-Function-Error-Type': ascii(body.errorType ?? '').replace(/[\x00-\x1f]/g, ' '),
    });
  }
}

module.exports = { Client };
