// Says what would be markup, or would steer a terminal or the direction of text, wherever a function can say something.
export const handler = async (event) => {
  const evil = event.headers['x-evil'] ?? ''
  console.log('<script>window.outside = "log"</script><img id="outside" src="x" onerror="window.outside = 1">' + evil)
  console.log('\u0000\u0007\u001b[2J\u001b]0;title\u0007\u202egnp.exe\u2066\u200b\u{e0041}')
  console.error(JSON.stringify({ level: 'ERROR', message: '</pre><b id="outside">log</b>' }))
  if (event.rawPath.endsWith('/worker.js')) {
    return { statusCode: 200, headers: { 'Content-Type': 'text/javascript', 'Service-Worker-Allowed': '/' }, body: '' }
  }
  return {
    statusCode: 200,
    headers: {
      'Content-Type': 'text/html',
      'X-Answer': '<img id="outside" src="x" onerror="window.outside = 2">',
      'Service-Worker-Allowed': '/',
    },
    body: '<!doctype html><title>hostile</title><b id="outside">\u202e</b><script>window.outside = "body"</script>',
  }
}
