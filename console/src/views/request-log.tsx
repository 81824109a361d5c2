// The lines that a function wrote during a request.

import type { LogLine } from '../api'
import { Text } from '../text'

export function RequestLog({ lines, reached }: { lines: LogLine[]; reached: boolean }) {
  if (lines.length === 0) {
    return (
      <p class="quiet">
        {reached ? 'Nothing is kept of it: its log may have been removed since.' : 'The function did not run.'}
      </p>
    )
  }
  return (
    <ol class="request-log mono" tabIndex={0} aria-label="Log of the request">
      {lines.map((line, i) => (
        <li key={i} class={line.stream === 'platform' ? 'quiet' : undefined}>
          <time dateTime={line.time}>{new Date(line.time).toISOString().slice(11, 23)}</time>{' '}
          <span class="sr">{line.stream === 'platform' ? 'platform' : 'function'}: </span>
          <Text>{line.text}</Text>
        </li>
      ))}
    </ol>
  )
}
