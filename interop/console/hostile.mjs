// What a hostile client or function sends stays text, and reaches nothing of the console.

import { request } from 'node:http'
import { call, check, go, innocent, open, opened, run, world } from './lib.mjs'

const markup = '<img src=x onerror=document.title="owned"><script>document.title="owned"</script>'

/** raw sends a request as it is: fetch would escape its target. */
function raw(address, path, headers) {
  const { hostname, port, host } = new URL(address)
  return new Promise((done, fail) => {
    const sent = request({ host: '127.0.0.1', port: port || 80, path, headers: { Host: host || hostname, ...headers } }, (answer) => {
      answer.resume()
      answer.on('end', () => done({ status: answer.statusCode, id: answer.headers['x-amzn-requestid'] }))
    })
    sent.on('error', fail)
    sent.end()
  })
}

await run(async (browser) => {
  const one = await open(browser)
  const { page } = one
  await page.getByRole('heading', { name: 'Requests' }).waitFor()
  const path = new URL(world.urls.echo).pathname
  const odd = await raw(world.urls.echo, path + 'odd?q=<b>bold</b>"\'&r=%E2%80%AE', { 'X-Markup': markup, 'User-Agent': markup })
  const logged = await call(world.urls.hostile, 'carol', { headers: { 'X-Evil': markup, 'X-Markup': markup } })
  check('the function answers', logged.status === 200, logged)
  for (const { id } of [odd, logged]) {
    await opened(one, id)
    await page.getByText(/\d headers?/).first().click()
    const made = await page.evaluate(() => document.querySelectorAll('main img, main script, main b, main iframe').length)
    check('no element comes of a text', made === 0, made)
    const text = await page.getByRole('article').textContent()
    check('the markup is read as text', text.includes('<script>'), text)
    check('no control character is left', !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(text), text)
    check('nothing ran', (await page.evaluate(() => window.outside === undefined && !document.title.includes('owned'))) === true)
  }
  const log = page.getByRole('list', { name: 'Log of the request' })
  await opened(one, logged.id)
  await log.getByText('gnp.exe').waitFor()
  const lines = await log.textContent()
  for (const escape of ['\\u0000', '\\u001b', '\\u202e', '\\u2066', '\\u200b', '\\u{e0041}']) {
    check('a log line shows ' + escape, lines.includes(escape), lines)
  }
  await go(one, '#/requests')
  await page.getByRole('link', { name: /odd/ }).first().waitFor()
  check('the list shows it as text', (await page.locator('main b').count()) === 0)

  // A page of a function, in the same browser.
  check('the page is in path style', world.urls.page.includes('/_furl/url/'), world.urls.page)
  const other = await one.context.newPage()
  await other.goto(world.urls.page)
  const reached = await other.evaluate(async (port) => {
    const found = {}
    found.storage = sessionStorage.length + localStorage.length
    found.page = await fetch('/_furl/v1/server').then((answer) => answer.status, String)
    found.console = await fetch(`http://console.localhost:${port}/_furl/v1/server`).then((answer) => answer.status, () => 'refused')
    const worker = navigator.serviceWorker?.register('./worker.js', { scope: '/_furl/' })
    found.worker = await worker?.then(() => 'registered', () => 'refused')
    const frame = document.createElement('iframe')
    frame.src = `http://console.localhost:${port}/_furl/`
    document.body.append(frame)
    await new Promise((done) => frame.addEventListener('load', done))
    return found
  }, new URL(world.urls.page).port)
  check('it finds no token', reached.storage === 0, reached)
  check('it reads nothing of the server', reached.page === 401 || reached.page === 403, reached)
  check('it reads nothing of the console', reached.console === 'refused', reached)
  check('it cannot stand before the console', reached.worker !== 'registered', reached)
  const framed = await Promise.all(other.frames().slice(1).map((frame) => frame.locator('#console').count().catch(() => 0)))
  check('it cannot frame the console', framed.every((count) => count === 0), other.frames().map((frame) => frame.url()))
  innocent('hostile', one)
})
