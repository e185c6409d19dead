/** What a number on the screen means. `formula` is plain text, read by screen readers as it stands. */
export interface DefinitionText {
  readonly term: string;
  readonly text: string;
  readonly formula?: string;
}

/** Keeps the names of the terms, so that a term that is not there does not compile. */
export const define = <K extends string>(
  definitions: Readonly<Record<K, DefinitionText>>,
): Readonly<Record<K, DefinitionText>> => definitions;
