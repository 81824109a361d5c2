// Text from outside, made harmless to read: it is text and never markup, which Preact sees to, and what would not be seen
// or would change the order of what is read is shown as an escape.

const steering = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g

/** visible is the text with control characters and those that steer the direction of text as \u escapes. */
export function visible(text: string): string {
  return text.replace(steering, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'))
}

/** Text shows text from outside. */
export function Text({ children }: { children: string }) {
  return <bdi>{visible(children)}</bdi>
}
