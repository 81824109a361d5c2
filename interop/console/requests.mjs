// A refused call appears at once, and explains itself.

import { call, check, go, innocent, open, opened, run, world } from './lib.mjs'

await run(async (browser) => {
  const one = await open(browser)
  const { page } = one
  await page.getByRole('heading', { name: 'Requests' }).waitFor()
  await page.getByText('● live').waitFor()

  // The page itself notes when a row is there, by the clock that the script reads, too.
  await page.evaluate(() => {
    window.seen = {}
    new MutationObserver(() => {
      for (const link of document.querySelectorAll('main tbody th a')) {
        window.seen[link.textContent.split('/').at(-1)] ??= Date.now()
      }
    }).observe(document.body, { childList: true, subtree: true })
  })
  const times = []
  for (let i = 0; i < 5; i++) {
    const name = 'refused-' + i
    const refused = await call(world.urls.echo + name, 'alice')
    if (refused.status !== 403) check('a call is refused', false, refused)
    await page.waitForFunction((name) => window.seen[name], name, { polling: 20 })
    times.push((await page.evaluate((name) => window.seen[name], name)) - refused.at)
  }
  times.sort((a, b) => a - b)
  check('a refused call appears at once', times[2] <= 200 * world.slowness, `${times.join(', ')} ms after the answer`)

  const denied = await call(world.urls.echo + 'near?a=1', 'bob')
  await page.getByRole('link', { name: '/near?a=1' }).click()
  await page.getByRole('heading', { name: '/near?a=1' }).waitFor()
  check('a click opens it', page.url().endsWith('#/requests/' + denied.id), page.url())
  const way = page.getByRole('region', { name: 'The way of the request' })
  const steps = await way.getByRole('listitem').filter({ has: page.getByRole('heading') }).allTextContents()
  const ways = ['route.*ok', 'authenticate.*ok', 'authorize.*refused', 'event.*not reached', 'invoke.*not reached', 'response']
  for (const [i, wanted] of ways.entries()) {
    check('a step of the way is ' + wanted.replace('.*', ': '), new RegExp('^' + wanted).test(steps[i] ?? ''), steps)
  }
  const article = page.getByRole('article')
  const why = await article.textContent()
  const told = ['lambda:InvokeFunctionUrl', 'lambda:InvokeFunction', 'aws:SourceIp', '10.0.0.0/8', '127.0.0.1', 'nearly']
  for (const wanted of told) {
    check('the denial names ' + wanted, why.includes(wanted), why)
  }
  check('the fix has tabs', (await page.getByRole('tab').count()) >= 5, await page.getByRole('tab').allTextContents())

  const answered = await call(world.urls.echo + 'answered', 'carol', { method: 'POST', body: '{"asked":"this"}' })
  check('a call is answered', answered.status === 200, answered)
  await opened(one, answered.id)
  await article.getByText('START RequestId: ' + answered.id).waitFor()
  const text = await article.textContent()
  for (const wanted of ['"rawPath": "/answered"', 'asked', 'REPORT RequestId', 'user/carol']) {
    check('an answered call shows ' + wanted, text.includes(wanted), text)
  }

  await go(one, '#/requests?status=403&caller=bob')
  await page.getByRole('link', { name: '/near?a=1' }).waitFor()
  check('filters hide the others', (await page.getByRole('link', { name: /refused-|answered/ }).count()) === 0)
  innocent('requests', one)
})
