/** Definition of a displayed number. `formula` is plain text that screen readers can read. */
export interface DefinitionText {
  readonly term: string;
  readonly text: string;
  readonly formula?: string;
}

/** Keeps the keys as a type, so that an unknown term is a compile error. */
export const define = <K extends string>(
  definitions: Readonly<Record<K, DefinitionText>>,
): Readonly<Record<K, DefinitionText>> => definitions;
