/** Keeps small interface settings between starts. A browser that refuses storage only forgets them. */
export interface Remembered {
  readonly read: (key: string) => string | null;
  readonly write: (key: string, value: string) => void;
}

const PREFIX = 'uncurl.';

export const rememberedIn = (storage: Storage | null): Remembered => ({
  read: (key) => storage?.getItem(PREFIX + key) ?? null,
  write: (key, value) => storage?.setItem(PREFIX + key, value),
});

const available = (): Storage | null => {
  try {
    return globalThis.localStorage;
  } catch (error) {
    if (error instanceof DOMException) return null;
    throw error;
  }
};

export const remembered = rememberedIn(available());
