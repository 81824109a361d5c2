// One user, role, group, policy or session.

import { link } from '../address'
import type { Entity } from '../api'
import { Copy } from '../parts/copy'
import { Text } from '../text'
import { When } from './accounts-entities'
import { PolicyShown } from './accounts-policy'
import { Panel } from './panel'

export function EntityPanel({ arn, entity, onClose }: { arn: string; entity?: Entity; onClose: () => void }) {
  return (
    <Panel title={entity ? titles[entity.kind] : 'Not found'} label={arn} onClose={onClose}>
      {entity ? <Opened entity={entity} /> : <p>The account has it no longer.</p>}
    </Panel>
  )
}

const titles = { user: 'User', role: 'Role', group: 'Group', policy: 'Policy', session: 'Session' }

function Opened({ entity }: { entity: Entity }) {
  const { kind } = entity
  const calls = kind === 'user' || kind === 'role'
  return (
    <>
      <p class="world-sentence">
        <strong>
          <Text>{entity.name}</Text>
        </strong>
      </p>
      <dl class="world-list">
        <dt>ARN</dt>
        <dd class="mono">
          <Text>{entity.arn}</Text> <Copy text={entity.arn} label="Copy the ARN" />
        </dd>
        {entity.created && <dt>Created</dt>}
        {entity.created && (
          <dd>
            <When time={entity.created} />
          </dd>
        )}
        {entity.expires && <dt>Expires</dt>}
        {entity.expires && (
          <dd>
            <When time={entity.expires} />
          </dd>
        )}
        <Values name="Session of" values={entity.principal ? [entity.principal] : undefined} />
        <Values name="Groups" values={entity.groups} />
        <Values name="Members" values={entity.members} />
        <Values name="Boundary" values={entity.boundary ? [entity.boundary] : undefined} />
      </dl>
      {calls && (
        <p class="world-links">
          <a href={link('access', '', { callerSearch: entity.arn })}>What it may call</a>
          <a href={link('requests', '', { caller: entity.arn })}>Its requests</a>
        </p>
      )}
      {entity.keys && entity.keys.length > 0 && <Keys keys={entity.keys} />}
      {entity.tags && entity.tags.length > 0 && <Tags tags={entity.tags} />}
      {(kind !== 'session' || entity.policies.length > 0) && (
        <section aria-label="Policies">
          <h4>Policies</h4>
          {entity.policies.length === 0 && <p class="quiet">It has none.</p>}
          {entity.policies.map((policy) => (
            <PolicyShown
              key={policy.id}
              policy={policy}
              caller={calls ? entity.arn : ''}
              open={entity.policies.length === 1}
            />
          ))}
        </section>
      )}
    </>
  )
}

function Values({ name, values }: { name: string; values?: string[] }) {
  if (!values || values.length === 0) return null
  return (
    <>
      <dt>{name}</dt>
      {values.map((value) => (
        <dd key={value}>
          <Text>{value}</Text>
        </dd>
      ))}
    </>
  )
}

function Keys({ keys }: { keys: NonNullable<Entity['keys']> }) {
  const used = keys.some((key) => key.lastUsed)
  return (
    <section aria-label="Access keys">
      <h4>Access keys</h4>
      <table class="world-table">
        <thead>
          <tr>
            <th scope="col">Id</th>
            <th scope="col">Status</th>
            {used && <th scope="col">Last used</th>}
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <tr key={key.id}>
              <th scope="row" class="mono">
                {key.id}
              </th>
              <td>
                <span class={key.status === 'Active' ? 'tag good' : 'tag'}>
                  <span aria-hidden="true">{key.status === 'Active' ? '● ' : '○ '}</span>
                  {key.status}
                </span>
              </td>
              {used && (
                <td>
                  <When time={key.lastUsed} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Tags({ tags }: { tags: NonNullable<Entity['tags']> }) {
  return (
    <section aria-label="Tags">
      <h4>Tags</h4>
      <dl class="world-list">
        {tags.map(([name, value]) => (
          <>
            <dt>
              <Text>{name}</Text>
            </dt>
            <dd>
              <Text>{value}</Text>
            </dd>
          </>
        ))}
      </dl>
    </section>
  )
}
