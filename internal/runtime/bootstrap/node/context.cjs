'use strict';

const { hasCallbacks } = require('./errors.cjs');

// contextOf is the context object of an invocation ("AWS Lambda context object in Node.js", AWS Lambda Developer
// Guide), without what belongs to callbacks. Its properties have the order of AWS's client.
function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const names = {
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
  };
  const invocation = {
    clientContext: parse(headers['lambda-runtime-client-context']),
    identity: parse(headers['lambda-runtime-cognito-identity']),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    tenantId: headers['lambda-runtime-aws-tenant-id'],
  };
  const getRemainingTimeInMillis = () => deadline - Date.now();
  if (hasCallbacks()) return { ...names, ...invocation, getRemainingTimeInMillis };
  const { functionVersion, functionName, ...others } = names;
  const xRayTraceId = headers['lambda-runtime-trace-id'];
  return { ...invocation, xRayTraceId, getRemainingTimeInMillis, functionName, functionVersion, ...others };
}

const parse = (json) => (json ? JSON.parse(json) : undefined);

module.exports = { contextOf };
