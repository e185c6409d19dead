import { readdirSync } from 'node:fs';
import { whyUnread } from '../../main/checkpoint/config-keys.ts';
import { describeModel } from '../../main/checkpoint/describe-model.ts';
import type { TensorView } from '../../main/checkpoint/descriptor.ts';
import { familyOfConfig } from '../../main/checkpoint/open-checkpoint.ts';
import { publishedFixture, publishedFolder, shapesOf } from './published-fixture.ts';

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
export const publishedKeys = (name: string): readonly PublishedKey[] => {
  const fixture = publishedFixture(name);
  const family = familyOfConfig(fixture.config, name);
  const tensors = [...shapesOf(fixture.tensors)].map(([tensor, { shape, dtype }]): [string, TensorView] => [
    tensor,
    { file: '', tensor, shape, dtype: dtype === 'I64' ? 'I64' : 'BF16', byteOffset: 0, byteLength: 0 },
  ]);
  const descriptor = describeModel(family, fixture.config, new Map(tensors), name);
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
