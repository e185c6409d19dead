/** Whether a word can be the id of a run. */
export const isRunId = (word: string): boolean => /^[a-z0-9][a-z0-9-]{0,127}$/.test(word);

/** The value of a JSON text; null for other texts. */
export const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
};

/** A word of an address that was encoded twice, since no value there may hold a slash. */
export const decodedWord = (word: string): string => {
  try {
    return decodeURIComponent(word);
  } catch (error) {
    // A typed address may hold a single per cent sign.
    if (error instanceof URIError) return word;
    throw error;
  }
};
