'use strict';

const { pipeline } = require('node:stream/promises');
const { Readable } = require('node:stream');

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  switch (event.do) {
    case 'words':
      stream.setContentType('text/plain');
      for (const word of event.words) {
        stream.write(word + ' ');
        await later(event.pause);
      }
      stream.end();
      break;
    case 'prelude': {
      const http = awslambda.HttpResponseStream.from(stream, {
        statusCode: 418,
        headers: { 'X-Kind': 'teapot' },
        cookies: ['a=b'],
      });
      http.write('short ');
      http.end('and stout');
      break;
    }
    case 'empty':
      awslambda.HttpResponseStream.from(stream, { statusCode: 204 }).end();
      break;
    case 'objects':
      stream.write({ a: 1 });
      stream.end();
      break;
    case 'pipeline':
      await pipeline(Readable.from(['piped ', 'text']), stream);
      break;
    case 'torn':
      stream.write('half a ');
      await later(20);
      throw new RangeError('torn');
    case 'torn-at-once':
      throw new RangeError('torn');
    case 'torn-pipeline':
      await pipeline(
        (async function* () {
          yield 'half a ';
          await later(20);
          throw new RangeError('torn source');
        })(),
        stream,
      );
      break;
    case 'many':
      await pipeline(
        (function* () {
          const block = Buffer.alloc(64 * 1024, 'z');
          for (let n = 0; n < event.blocks; n++) yield block;
        })(),
        stream,
      );
      break;
    case 'late-type':
      stream.write('x');
      stream.setContentType('text/plain');
  }
});

exports.sync = awslambda.streamifyResponse((event, stream) => {
  stream.end('x');
});
