import { readdirSync } from 'node:fs';
import { whyUnread } from '../../main/checkpoint/config-keys.ts';
import { familyOfConfig, openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { publishedFixture, publishedFolder, writePublished } from './published-fixture.ts';

/** What becomes of each key of the configs as their makers released them. */

export interface PublishedKey {
  readonly key: string;
  /** Read by the family; without effect, with the reason; or not known. */
  readonly use: 'read' | 'without effect' | 'unknown';
  readonly why: string | null;
  /** How a fixture exercises it: changed, with a size of its own, or as released. */
  readonly exercised: 'changed' | 'shrunk' | 'as released';
}

export const publishedNames = (): readonly string[] =>
  readdirSync(publishedFolder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.replace(/\.json$/, ''));

/** Keys of the text model in a released config, none left out. */
export const publishedKeys = async (name: string): Promise<readonly PublishedKey[]> => {
  const fixture = publishedFixture(name);
  const folder = await writePublished(fixture);
  const family = familyOfConfig(fixture.config, folder);
  const { descriptor } = await openCheckpoint(folder);
  const inner = family.wrapper === null ? fixture.config : fixture.config[family.wrapper.configKey];
  const config = typeof inner === 'object' && inner !== null ? Object.entries(inner) : [];
  const unread = new Set(descriptor.unreadKeys);
  const changed = new Set(fixture.variants.flatMap(({ path }) => path));
  return config.map(([key, value]: [string, unknown]) => {
    const why = unread.has(key) ? whyUnread(family, key, value) : null;
    return {
      key,
      use: !unread.has(key) ? 'read' : why === null ? 'unknown' : 'without effect',
      why,
      exercised: changed.has(key) ? 'changed' : fixture.shrunk.includes(key) ? 'shrunk' : 'as released',
    };
  });
};
