// Text from outside, made harmless to read: it is text and never markup, which Preact sees to. What nobody would see, and
// what would change the order of what is read, is shown as an escape.

const steering =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|[\u{e0000}-\u{e0fff}]/gu

/** visible is the text with control characters, and those that steer the direction of text, as \u escapes. */
export function visible(text: string): string {
  return text.replace(steering, (c) => {
    const code = c.codePointAt(0)!
    return code > 0xffff ? `\\u{${code.toString(16)}}` : '\\u' + code.toString(16).padStart(4, '0')
  })
}

/** Text shows text from outside, in a direction of its own that the text around it does not follow. */
export function Text({ children }: { children: string }) {
  return <bdi>{visible(children)}</bdi>
}
