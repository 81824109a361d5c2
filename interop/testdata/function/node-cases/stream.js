'use strict';

// Handlers that stream, each under the name of a case.

const { streamifyResponse, HttpResponseStream } = awslambda;
const { setTimeout: wait } = require('node:timers/promises');

exports.handler = streamifyResponse(async (event, stream, context) => {
  switch (event.how) {
    case 'text':
      stream.write('one ');
      await wait(20);
      stream.write(Buffer.from('two '));
      stream.end('three');
      break;
    case 'object':
      stream.write({ a: 1 });
      stream.end();
      break;
    case 'nothing':
      stream.end();
      break;
    case 'prelude':
      stream = HttpResponseStream.from(stream, { statusCode: 201, headers: { a: 'b' }, cookies: ['c=d'] });
      stream.write('body');
      stream.end();
      break;
    case 'prelude without a write':
      HttpResponseStream.from(stream, { statusCode: 201 }).end('body');
      break;
    case 'a value besides':
      stream.end('text');
      return 'ignored';
    case 'error at first':
      throw new RangeError('before the first byte');
    case 'context':
      stream.end(JSON.stringify(Object.keys(context)));
      break;
    case 'type too late':
      stream.write('x');
      stream.setContentType('text/plain');
      break;
  }
});
