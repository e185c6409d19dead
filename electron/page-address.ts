/** The page's scheme and origin: a custom scheme, since file:// pages could read every file. */
export const PAGE_SCHEME = 'uncurl';
export const PAGE_HOST = 'app';
export const PAGE_URL = `${PAGE_SCHEME}://${PAGE_HOST}/`;

/** Null for an invalid address. (`URL.canParse` is newer than the Node of Electron 25.) */
export const parseAddress = (address: string): URL | null => {
  try {
    return new URL(address);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
};

/** Whether an address belongs to the page's origin. `URL.origin` does not help: it is "null" for custom schemes. */
export const isPageUrl = (address: string): boolean => {
  const url = parseAddress(address);
  if (url === null) return false;
  const { protocol, host, username, password } = url;
  return protocol === `${PAGE_SCHEME}:` && host === PAGE_HOST && username === '' && password === '';
};
