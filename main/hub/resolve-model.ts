import { refuse } from '../contract/errors.ts';
import { hubNameText, type HubName } from '../contract/hub.ts';
import { findInCache } from './hub-cache.ts';
import type { HubSettings } from './hub-settings.ts';

/** Refuses to ask the Hub where that is forbidden. @throws WorkbenchError `hub-forbidden`. */
export const requireHub = ({ forbiddenBy, endpoint }: HubSettings, missing: string): string => {
  if (forbiddenBy !== null)
    throw refuse(
      'hub-forbidden',
      `${missing}, and ${forbiddenBy} forbids asking the Hub.`,
      'Allow it, or copy the files into the cache (HF_HUB_CACHE) from a machine that may.',
    );
  const address = endpoint !== null && URL.canParse(endpoint) ? new URL(endpoint) : null;
  // No request can carry them, and its error would show them.
  if (address !== null && (address.username !== '' || address.password !== ''))
    throw refuse(
      'hub-forbidden',
      `${missing}, and HF_ENDPOINT holds a user name or a password for ${address.host}.`,
      'Leave them out of the address, and set HF_TOKEN.',
    );
  if (endpoint !== null && address !== null && /^https?:$/.test(address.protocol)) return endpoint;
  throw refuse(
    'hub-forbidden',
    `${missing}, and HF_ENDPOINT ("${endpoint ?? ''}") is not the address of a Hub.`,
    'Unset HF_ENDPOINT, or set it to an address that begins with https://.',
  );
};

/** Fetches a model that is not in the cache; resolves to its path there. */
export type FetchModel = (name: HubName, missing: string) => Promise<string>;

/** The path of a model by its name on the Hub: from the cache, else fetched. */
export const hubModelPath = async (name: HubName, settings: HubSettings, fetchModel: FetchModel): Promise<string> => {
  const cached = await findInCache(settings.cache, name);
  if (cached.kind === 'found') return cached.path;
  const missing = `${hubNameText(name)} is not on this machine: ${cached.what}`;
  requireHub(settings, missing);
  return fetchModel(name, missing);
};
