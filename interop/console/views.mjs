// Each view is there for everybody: without violations of axe-core, light and dark, on narrow pages and by the keyboard
// alone. It also takes the pictures of the documentation.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { call, check, go, innocent, open, run, world } from './lib.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** violations are those that keep somebody from using the page. The page's policy lets no script of others in, so the
 * debugger evaluates it. */
async function violations({ context, page }) {
  const debug = await context.newCDPSession(page)
  await debug.send('Runtime.evaluate', { expression: axe })
  await debug.detach()
  return page.evaluate(async () => {
    const { violations } = await window.axe.run()
    const told = ({ id, impact, nodes }) => `${id} (${impact}): ${nodes[0].html.slice(0, 200)}`
    return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(told)
  })
}

await run(async (browser) => {
  const denied = await call(world.urls.echo + 'orders?page=5', 'bob')
  await call(world.urls.echo + 'orders', 'carol', { method: 'POST', body: '{"page":5}' })
  await call(world.urls.echo + 'orders', 'alice')
  const account = '123456789012'
  const views = [
    { name: 'requests', hash: '#/requests', there: (page) => page.getByRole('link', { name: '/orders?page=5' }).first() },
    { name: 'request', hash: '#/requests/' + denied.id, there: (page) => page.getByRole('tab').first() },
    { name: 'functions', hash: '#/functions', there: (page) => page.getByRole('link', { name: 'echo' }).first() },
    {
      name: 'function', hash: `#/functions/arn%3Aaws%3Alambda%3A${world.region}%3A${account}%3Afunction%3Aecho`,
      there: (page) => page.getByRole('heading', { name: 'Last ten minutes' }),
    },
    { name: 'access', hash: '#/access', there: (page) => page.getByText(/may not call/).first() },
    { name: 'accounts', hash: `#/accounts/${account}`, there: (page) => page.getByRole('link', { name: /alice/ }).first() },
  ]
  const sizes = [
    { name: 'light', options: { colorScheme: 'light' } },
    { name: 'dark', options: { colorScheme: 'dark' } },
    { name: '360 px', options: { viewport: { width: 360, height: 740 } } },
    { name: '400 % zoom', options: { viewport: { width: 320, height: 256 } } },
  ]
  for (const size of sizes) {
    const one = await open(browser, size.options)
    const { page } = one
    await page.getByRole('heading', { name: 'Requests' }).waitFor()
    for (const view of views) {
      await go(one, view.hash)
      await view.there(page).waitFor()
      const found = await violations(one)
      check(`${view.name}, ${size.name}: axe-core finds nothing serious`, found.length === 0, found.join('\n'))
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      check(`${view.name}, ${size.name}: no scrolling sideways`, wide <= 0, wide + ' px too wide')
      if (world.pictures && size.name === 'light' && view.name !== 'functions') {
        await page.setViewportSize({ width: 960, height: 600 })
        await page.screenshot({ path: `${world.pictures}/${view.name}.png` })
        await page.setViewportSize({ width: 1200, height: 760 })
      }
    }
    innocent(size.name, one)
    await one.context.close()
  }

  // By the keyboard alone: to a request and its fix, and back.
  const one = await open(browser)
  const { page } = one
  await page.getByRole('link', { name: '/orders?page=5' }).first().waitFor()
  await page.keyboard.press('/')
  check('/ leads to the first filter', await page.getByLabel('Text').evaluate((field) => field === document.activeElement))
  await page.keyboard.type('page=5')
  await page.waitForURL(/text=page/)
  await page.getByRole('row').nth(2).waitFor({ state: 'detached' })
  for (let i = 0; i < 30 && !(await page.evaluate(() => document.activeElement?.closest('tbody'))); i++) {
    await page.keyboard.press('Tab')
  }
  await page.keyboard.press('Enter')
  await page.getByRole('tab', { name: 'AWS CLI' }).waitFor()
  for (let i = 0; i < 60 && (await page.evaluate(() => document.activeElement?.role)) !== 'tab'; i++) {
    await page.keyboard.press('Tab')
  }
  await page.keyboard.press('ArrowRight')
  check('arrows move among the forms', await page.getByRole('tab', { selected: true }).evaluate((tab) => tab === document.activeElement))
  await page.keyboard.press('Home')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByText('Copied').first().waitFor()
  const copied = await page.evaluate(() => navigator.clipboard.readText())
  check('Enter copies a fix', copied.startsWith('aws lambda add-permission'), copied)
  await page.keyboard.press('Escape')
  await page.getByRole('search').waitFor()
  check('Escape leads back, and keeps the filter', page.url().includes('text=page'), page.url())

  // To a cell of the matrix, and back.
  await go(one, '#/access')
  await page.getByRole('grid').waitFor()
  for (let i = 0; i < 40 && !(await page.evaluate(() => document.activeElement?.closest('[role=grid] td'))); i++) {
    await page.keyboard.press('Tab')
  }
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Why' }).waitFor()
  await page.waitForFunction(() => document.activeElement?.closest('aside')) // it takes the focus
  check('Enter opens a cell', true)
  await page.keyboard.press('Escape')
  await page.getByRole('heading', { name: 'Why' }).waitFor({ state: 'detached' })
  check('Escape closes it', await page.evaluate(() => !!document.activeElement?.closest('[role=grid] td')))
  innocent('keyboard', one)
})
