/** Whether a word can be the id of a run. */
export const isRunId = (word: string): boolean => /^[a-z0-9][a-z0-9-]{0,127}$/.test(word);

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
