// The view of accounts: all of them, or what one of them has.

import { address, link } from '../address'
import type { AccountList } from '../api'
import { useLoad } from '../load'
import { Problem, Waiting } from '../parts/states'
import { Entities, kinds } from './accounts-entities'
import { number } from './words'
import './world.css'
import './accounts.css'

export function Accounts() {
  const [account = '', kind = 'users'] = address.value.item.split('/')
  const { value, error, again } = useLoad<AccountList>('v1/accounts')
  const counts = value?.accounts.find((one) => one.account === account)
  return (
    <>
      {account && (
        <p class="world-back">
          <a href={link('accounts')}>← All accounts</a>
        </p>
      )}
      <header class="world-title">
        <h2>{account ? 'Account ' + account : 'Accounts'}</h2>
      </header>
      {error && <Problem message={error} again={again} />}
      {!value && !error && <Waiting what="accounts" />}
      {!account && value && <All list={value} />}
      {account && <Entities key={account + kind} account={account} kind={kind} counts={counts} />}
    </>
  )
}

function All({ list }: { list: AccountList }) {
  return (
    <table class="world-table stack" aria-label="Accounts">
      <thead>
        <tr>
          <th scope="col">Account</th>
          {kinds.map(({ name, title }) => (
            <th scope="col" class="number" key={name}>
              {title}
            </th>
          ))}
          <th scope="col" class="number">
            Functions
          </th>
        </tr>
      </thead>
      <tbody>
        {list.accounts.map((one) => (
          <tr key={one.account}>
            <th scope="row">
              <a class="mono" href={link('accounts', one.account + '/users')}>
                {one.account}
              </a>
            </th>
            {kinds.map(({ name, title }) => (
              <td class="number" key={name} data-label={title}>
                <a
                  href={link('accounts', one.account + '/' + name)}
                  aria-label={`${number(one[name])} ${name} of ${one.account}`}
                >
                  {number(one[name])}
                </a>
              </td>
            ))}
            <td class="number" data-label="Functions">
              <a
                href={link('functions', '', { account: one.account })}
                aria-label={`${number(one.functions)} functions of ${one.account}`}
              >
                {number(one.functions)}
              </a>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
