/** A text with its `names` set as code. */
export const Words = ({ text }: { readonly text: string }) =>
  text.split('`').map((part, place) => (place % 2 === 1 ? <code key={place}>{part}</code> : part));
