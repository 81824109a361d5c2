// What the scripts of this directory share: a browser, the console in it, clients that sign, and a line of JSON for each
// thing that they have checked. console_test.go runs them, with the program, the data directory and the world in the
// environment.

import { execFileSync } from 'node:child_process'
import { AwsClient } from 'aws4fetch'
import { chromium } from 'playwright-core'

/** world is what console_test.go has made for the script. */
export const world = JSON.parse(process.env.WORLD)

/** patience is how long a check waits for what should be there at once: a machine of CI may be busy. */
export const patience = 20_000

/** check prints what was checked. The test fails if ok is not true. */
export function check(name, ok, detail = '') {
  const text = typeof detail === 'string' ? detail : JSON.stringify(detail)
  console.log(JSON.stringify({ name, ok: ok === true, detail: text }))
}

/** tell gives a value to the test. */
export function tell(name, value) {
  console.log(JSON.stringify({ name, ok: true, value }))
}

/** link is a new link to the console, good once. */
export function link() {
  const command = ['console', '--print', '--data', process.env.DATA]
  return execFileSync(process.env.FURL, command, { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim()
}

/** run gives a browser to the script, and ends it whatever happens. */
export async function run(script) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: [
      '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--disable-dev-shm-usage',
    ],
  })
  try {
    await script(browser)
  } catch (error) {
    check('the script ends', false, error.stack)
  } finally {
    await browser.close()
  }
}

/**
 * open opens the console in a profile of its own. What the page may not do is kept in faults: errors, refusals of its
 * Content-Security-Policy, requests that fail, and requests to another host.
 */
export async function open(browser, options = {}, at = link()) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 760 }, ...options })
  context.setDefaultTimeout(patience)
  const { origin } = new URL(at)
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin })
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      console.error(`policy violation: ${violatedDirective} ${blockedURI}`)
    })
  })
  const page = await context.newPage()
  const faults = watch(page, origin)
  await page.goto(at)
  return { context, page, faults, origin }
}

/** watch keeps what the page may not do. */
export function watch(page, origin) {
  const faults = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.type() + ': ' + message.text())
  })
  page.on('pageerror', (error) => faults.push('uncaught: ' + error.message))
  page.on('dialog', (dialog) => {
    faults.push('dialog: ' + dialog.message())
    dialog.dismiss()
  })
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== origin) faults.push('another host: ' + url)
  })
  page.on('requestfailed', (request) => {
    const { errorText } = request.failure()
    const gaveUp = errorText === 'net::ERR_ABORTED' && request.resourceType() === 'fetch' // it left the view that read
    if (!gaveUp) faults.push(`failed: ${request.url()} ${errorText}`)
  })
  return faults
}

/** innocent checks that the page has done nothing that it may not do. */
export function innocent(name, { faults }) {
  check(name + ': no errors, no refusals, no other host', faults.length === 0, faults.join('\n'))
}

/** go leads to a view of the console. */
export async function go({ page }, hash) {
  await page.evaluate((hash) => {
    location.hash = hash
  }, hash)
}

/** call sends a request as one of the users of the world, or as nobody, and says what came and when. */
export async function call(url, user, init = {}) {
  const keys = world.users?.[user]
  const client = keys && new AwsClient({ ...keys, service: 'lambda', region: world.region, retries: 0 })
  const response = client ? await client.fetch(url, init) : await fetch(url, init)
  const at = Date.now()
  return { status: response.status, id: response.headers.get('x-amzn-requestid'), text: await response.text(), at }
}

/** opened opens the page of a request, and waits until it is there. */
export async function opened(one, id) {
  await go(one, '#/requests') // what was open before goes first
  await one.page.getByRole('search').waitFor()
  await go(one, '#/requests/' + id)
  await one.page.getByRole('definition').filter({ hasText: id }).waitFor()
}
