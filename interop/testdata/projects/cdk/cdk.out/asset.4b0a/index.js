exports.handler = async (event) => ({
  statusCode: 200,
  headers: { 'content-type': 'text/plain' },
  body: `first edition for ${event.requestContext.authorizer.iam.userArn}`,
});
