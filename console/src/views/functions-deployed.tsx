// What is deployed of a function and what runs of it: concurrency, environments, aliases and versions.

import type { Alias, Concurrency, FunctionDetail, FunctionVersion } from '../api'
import { Text } from '../text'
import { distance, exact, number } from './words'

export function Running({ detail }: { detail: FunctionDetail }) {
  const { inUse, limit, reserved, provisioned } = detail.concurrency
  return (
    <>
      {limit === 0 && !reserved ? (
        <p>
          <strong>{number(inUse)}</strong> in use, without a limit
        </p>
      ) : (
        <InUse {...detail.concurrency} />
      )}
      {provisioned.map((one) => (
        <p key={one.qualifier}>
          Provisioned for <Text>{one.qualifier}</Text>: {number(one.available)} of {number(one.requested)} ready,{' '}
          {one.status}
        </p>
      ))}
      <h4>Environments</h4>
      {detail.environments.length === 0 && <p class="quiet">None runs. The next call starts one.</p>}
      <ul class="world-stages">
        {detail.environments.map((version) => (
          <li key={version.version}>
            <span class="mono">{version.version}</span>
            {version.stages.map(({ stage, count }) => (
              <span class="tag" key={stage}>
                <strong>{number(count)}</strong> {stage}
              </span>
            ))}
          </li>
        ))}
      </ul>
    </>
  )
}

function InUse({ inUse, limit, reserved }: Concurrency) {
  return (
    <p class="world-meter">
      <meter
        min={0}
        max={Math.max(1, limit)}
        value={inUse}
        high={limit * 0.8}
        aria-label="Concurrency in use"
        aria-valuetext={`${inUse} of ${limit}`}
      />
      <span>
        <strong>{number(inUse)}</strong> of {number(limit)} in use, {reserved ? 'reserved' : 'shared with the account'}
      </span>
      {inUse >= limit && (
        <span class="tag bad">
          <span aria-hidden="true">✗ </span>at the limit
        </span>
      )}
    </p>
  )
}

export function Aliases({ aliases }: { aliases: Alias[] }) {
  if (aliases.length === 0) return <p class="quiet">No alias leads to a version.</p>
  return (
    <dl class="world-list" aria-label="Aliases">
      {aliases.map((alias) => (
        <>
          <dt>
            <Text>{alias.name}</Text>
          </dt>
          {alias.weights.map(({ version, weight }) => (
            <dd key={version} class="world-meter">
              <meter min={0} max={1} value={weight} aria-label={`Weight of version ${version}`} />
              <span>
                {Math.round(weight * 1000) / 10} % to version {version}
              </span>
            </dd>
          ))}
        </>
      ))}
    </dl>
  )
}

export function Versions({ versions }: { versions: FunctionVersion[] }) {
  if (versions.length === 0) return <p class="quiet">No version is published. Calls run $LATEST.</p>
  return (
    <div class="world-scroll" tabIndex={0} role="region" aria-label="All versions">
      <table class="world-table">
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Published</th>
            <th scope="col">Description</th>
            <th scope="col">SHA-256 of the code</th>
          </tr>
        </thead>
        <tbody>
          {versions.map((one) => (
            <tr key={one.version}>
              <th scope="row">{one.version}</th>
              <td>
                <time dateTime={one.modified} title={exact(one.modified)}>
                  {distance(one.modified)}
                </time>
              </td>
              <td>
                <Text>{one.description}</Text>
              </td>
              <td class="mono" title={one.sha256}>
                {one.sha256.slice(0, 12)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
