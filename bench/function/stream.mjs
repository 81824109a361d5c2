// The streamed answers of the benchmarks: the times at which they are written.
const pieces = 8;
const pause = 5; // ms, for what comes before to be on its way

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  for (let n = 0; n < pieces; n++) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    stream.write(`${Math.round((performance.timeOrigin + performance.now()) * 1000)}000\n`);
  }
  stream.end();
});
