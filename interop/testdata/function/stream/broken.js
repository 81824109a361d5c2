// Fails in the middle of its answer, as the path says.
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.write('tea');
  await new Promise((resolve) => setTimeout(resolve, 100)); // until it is on its way
  if (event.rawPath === '/throws') throw new Error('late');
  if (event.rawPath === '/exits') process.exit(3);
  process.kill(process.pid, 'SIGKILL');
});
