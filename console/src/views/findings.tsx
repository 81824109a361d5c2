// What lint finds in a policy.

import type { Lint } from '../api'
import { Text } from '../text'

const severities: Record<string, [string, string]> = {
  error: ['✗', 'bad'],
  warning: ['!', 'doubt'],
}

/** Findings lists them; onLine shows a line of the document, where that is possible. */
export function Findings({ lint, onLine }: { lint: Lint[]; onLine?: (line: number) => void }) {
  if (lint.length === 0) {
    return (
      <p class="quiet">
        <span aria-hidden="true">✓ </span>Lint finds nothing.
      </p>
    )
  }
  return (
    <ul class="world-findings" aria-label="Findings of lint">
      {lint.map((one, i) => {
        const [sign, kind] = severities[one.severity] ?? ['i', '']
        return (
          <li key={i}>
            <span class={'tag ' + kind}>
              <span aria-hidden="true">{sign} </span>
              {one.severity}
            </span>{' '}
            {one.line > 0 &&
              (onLine ? (
                <button type="button" class="plain" onClick={() => onLine(one.line)}>
                  line {one.line}
                </button>
              ) : (
                <b>line {one.line}</b>
              ))}{' '}
            <Text>{one.text}</Text> <code class="quiet">{one.rule}</code>
            {one.fix && (
              <p class="fix">
                <b>Fix: </b>
                <Text>{one.fix}</Text>
              </p>
            )}
          </li>
        )
      })}
    </ul>
  )
}
