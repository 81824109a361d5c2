// What the console changes: a request is sent again as another caller, and a policy is tried before it is saved.

import { call, check, go, innocent, open, opened, run, tell, world } from './lib.mjs'

await run(async (browser) => {
  const one = await open(browser)
  const { page } = one
  await page.getByRole('heading', { name: 'Requests' }).waitFor()
  const denied = await call(world.urls.echo + 'again?a=1', 'alice', { method: 'POST', body: '{"page":5}' })
  check('the call is refused', denied.status === 403, denied)

  await opened(one, denied.id)
  await page.getByRole('button', { name: /Send it again/ }).click()
  const dialog = page.getByRole('dialog', { name: 'Send it again' })
  await dialog.getByRole('combobox').selectOption({ label: 'arn:aws:iam::123456789012:user/carol' })
  await dialog.getByRole('button', { name: 'Send', exact: true }).click()
  await dialog.getByRole('heading', { name: /The answer/ }).waitFor()
  check('as carol, the answer is 200', (await dialog.getByRole('heading', { name: /The answer: 200/ }).count()) === 1, await dialog.innerText())
  const answer = await dialog.innerText()
  check('as carol, it is answered', answer.includes('/again'), answer)
  await dialog.getByLabel('edited').check()
  await dialog.getByLabel('Path and query').fill(new URL(world.urls.echo).pathname + 'edited')
  await dialog.getByRole('button', { name: 'Send', exact: true }).click()
  await dialog.getByText('/edited').first().waitFor()
  check('edited, too', true)
  await dialog.getByRole('link', { name: 'open it' }).click()
  await page.getByRole('heading', { name: /edited/ }).waitFor()
  check('the new request explains itself', (await page.getByRole('article').textContent()).includes('user/carol'))

  // The first request as code.
  await opened(one, denied.id)
  for (const [form, label] of [['furl', 'furl call'], ['curl', 'curl'], ['python', /Python/], ['js', /JavaScript/], ['go', / Go$/]]) {
    await page.getByLabel(label, { exact: typeof label === 'string' }).check()
    const code = page.getByLabel('Code', { exact: true })
    const wanted = { furl: /^furl call/, curl: /curl --aws-sigv4/, python: /import requests/, js: /aws4fetch/, go: /package main/ }[form]
    await code.filter({ hasText: wanted }).waitFor()
    tell(form, await code.textContent())
  }

  // What if bob may call from everywhere?
  await go(one, '#/access?policy=' + encodeURIComponent('inline/123456789012/user/bob/call'))
  const editor = page.getByRole('textbox', { name: /policy|document/i }).last()
  await editor.waitFor()
  const was = await editor.inputValue()
  check('the policy is shown', was.includes('"10.0.0.0/8"'), was)
  await editor.fill(was.replace('10.0.0.0/8', '127.0.0.0/8'))
  await page.getByText(/depends\s*→|→\s*may call/).first().waitFor()
  check('what-if names the cells that would change', true)
  const before = await call(world.urls.echo, 'bob')
  check('nothing is saved yet', before.status === 403, before)
  await editor.fill(was.replace('"Effect"', '"Efect"'))
  await page.getByText(/line \d+/i).first().waitFor()
  check('a fault of the document is told', true)
  await editor.fill(was.replace('10.0.0.0/8', '127.0.0.0/8'))
  await page.getByText(/depends\s*→|→\s*may call/).first().waitFor()
  await page.getByRole('button', { name: /^Save/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: /^Save/ }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  const after = await call(world.urls.echo, 'bob')
  check('saved, the call is answered', after.status === 200, after)
  innocent('change', one)
})
