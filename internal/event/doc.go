// Package event translates between HTTP and the JSON that a function behind a function URL sees and answers:
// payload format 2.0 on the way in, the response envelope or the streaming prelude on the way out.
//
// Everything here is a pure function of its arguments. The package does not read from a connection, verify a
// signature, look anything up or log; it is handed a request that has already been read and verified. It refuses
// what would make an invalid HTTP answer (header values with line breaks, statuses that do not exist) and anything
// over the limits named here.
//
// The format is described in the AWS Lambda Developer Guide, "Invoking Lambda function URLs"; where real function
// URLs are known to differ from that page, the code follows what they do and says so.
package event
