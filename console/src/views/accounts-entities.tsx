// The users, roles, groups, policies or sessions of an account, in pages, with the one that is open beside them.

import { address, go, link } from '../address'
import type { AccountList, Entity, EntityList } from '../api'
import { query } from '../client'
import { useLoad } from '../load'
import { Pager } from '../parts/pager'
import { Empty, Problem, Waiting } from '../parts/states'
import { Text } from '../text'
import { EntityPanel } from './accounts-entity'
import { SearchField } from './search'
import { distance, exact, number, short } from './words'

/** kinds are what an account has. */
export const kinds = [
  { name: 'users', title: 'Users' },
  { name: 'roles', title: 'Roles' },
  { name: 'groups', title: 'Groups' },
  { name: 'policies', title: 'Policies' },
  { name: 'sessions', title: 'Sessions' },
] as const

const limit = 50
const refresh = 15000 // milliseconds; only sessions come and go by themselves

interface Props {
  account: string
  kind: string
  counts?: AccountList['accounts'][0]
}

export function Entities({ account, kind, counts }: Props) {
  const { filter } = address.value
  const search = filter.get('search') ?? ''
  const offset = Number(filter.get('offset') ?? 0) || 0
  const arn = filter.get('arn') ?? ''
  const path = `v1/accounts/${encodeURIComponent(account)}/${encodeURIComponent(kind)}`
  const every = kind === 'sessions' ? refresh : 0
  const { value: list, error, loading, again } = useLoad<EntityList>(path + query({ search, limit, offset }), every)
  const here = list?.entities.find((one) => idOf(one) === arn)
  const lone = useLoad<EntityList>(arn && list && !here ? path + query({ search: arn.split(' ')[0], limit }) : '')
  const open = here ?? lone.value?.entities.find((one) => idOf(one) === arn)
  const at = (change: Record<string, string>) =>
    link('accounts', account + '/' + kind, { search, offset: offset ? String(offset) : '', arn, ...change })
  return (
    <>
      <nav class="world-kinds" aria-label="Kinds">
        {kinds.map(({ name, title }) => (
          <a key={name} href={link('accounts', account + '/' + name)} aria-current={name === kind ? 'page' : undefined}>
            {title} {counts && <small>{number(counts[name])}</small>}
          </a>
        ))}
      </nav>
      <form class="bar" role="search" onSubmit={(event) => event.preventDefault()}>
        <SearchField
          label="Search"
          hint="name or ARN"
          value={search}
          onSearch={(search) => go(at({ search, offset: '', arn: '' }), true)}
        />
        <span role="status" class="quiet">
          {list && `${number(list.total)} ${search ? 'found' : 'in all'}`}
        </span>
      </form>
      {error && <Problem message={error} again={again} />}
      {!list && !error && <Waiting what={kind} />}
      <div class={arn ? 'world-split open' : 'world-split'}>
        {list && (
          <div aria-busy={loading}>
            {list.entities.length === 0 ? (
              <Empty>{search ? `None of the ${kind} matches.` : `The account has no ${kind}.`}</Empty>
            ) : (
              <Rows kind={kind} entities={list.entities} open={arn} at={(arn) => at({ arn })} />
            )}
            <Pager
              offset={offset}
              limit={limit}
              total={list.total}
              onOffset={(offset) => go(at({ offset: offset ? String(offset) : '', arn: '' }))}
            />
          </div>
        )}
        {arn && (open || (lone.value && !lone.loading)) && (
          <EntityPanel arn={arn} entity={open} onClose={() => go(at({ arn: '' }))} />
        )}
      </div>
    </>
  )
}

// idOf names an entity in the address. Sessions of one name have one ARN; they differ in their time.
function idOf(entity: Entity): string {
  return entity.kind === 'session' ? entity.arn + ' ' + (entity.expires ?? '') : entity.arn
}

function Rows(props: { kind: string; entities: Entity[]; open: string; at: (arn: string) => string }) {
  const sessions = props.kind === 'sessions'
  return (
    <table class="world-table stack" aria-label={props.kind}>
      <thead>
        <tr>
          <th scope="col">Name</th>
          {sessions ? <th scope="col">Of</th> : <th scope="col">Lint</th>}
          {props.kind === 'users' && (
            <th scope="col" class="number">
              Keys
            </th>
          )}
          <th scope="col">{sessions ? 'Expires' : 'Created'}</th>
        </tr>
      </thead>
      <tbody>
        {props.entities.map((one) => (
          <tr key={idOf(one)} class={idOf(one) === props.open ? 'here' : undefined}>
            <th scope="row">
              <a href={props.at(idOf(one))} aria-current={idOf(one) === props.open ? 'true' : undefined}>
                <Text>{one.name}</Text>
              </a>
            </th>
            {sessions ? (
              <td data-label="Of">
                <Text>{short(one.principal ?? '')}</Text>
              </td>
            ) : (
              <td data-label="Lint">
                <Count findings={one.findings} />
              </td>
            )}
            {props.kind === 'users' && (
              <td class="number" data-label="Keys">
                {number(one.keys?.length ?? 0)}
              </td>
            )}
            <td data-label={sessions ? 'Expires' : 'Created'}>
              <When time={sessions ? one.expires : one.created} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Count({ findings }: { findings: number }) {
  if (findings === 0) return <span class="quiet">✓ none</span>
  return (
    <span class="tag doubt">
      <span aria-hidden="true">! </span>
      {number(findings)} {findings === 1 ? 'finding' : 'findings'}
    </span>
  )
}

/** When is a time, told by how far it is from now. */
export function When({ time }: { time?: string }) {
  if (!time) return <span class="quiet">–</span>
  return (
    <time dateTime={time} title={exact(time)}>
      {distance(time)}
    </time>
  )
}
