import type { ConfigReader } from './config-reader.ts';
import { MAX_LAYERS } from './describe-moe.ts';
import type { Family } from './families/family.ts';

/** The word of each layer for its kind, in `layer_types` or where `halves` has it; null: none are given. */
export const layerWords = ({ halves }: Family, reader: ConfigReader): readonly string[] | null => {
  if (halves === undefined) return reader.strings('layer_types');
  const { listKey, lettersKey } = halves;
  if (reader.raw(listKey) !== null) return reader.strings(listKey);
  const letters = reader.raw(lettersKey);
  if (typeof letters !== 'string') throw reader.bad(lettersKey, letters, 'a letter for each layer');
  return Array.from(letters);
};

/** Each layer's half of a block; null where layers are whole blocks. */
export const layerHalves = (
  family: Family,
  reader: ConfigReader,
): readonly ('mixing' | 'experts' | 'dense')[] | null => {
  const { halves, state } = family;
  if (halves === undefined) return null;
  const words = layerWords(family, reader) ?? [];
  const stated = reader.optionalInteger('num_hidden_layers');
  if (words.length === 0 || words.length > MAX_LAYERS || (stated !== null && stated !== words.length))
    throw reader.inconsistent(
      `"${halves.listKey}" or "${halves.lettersKey}" names ${words.length} layers, "num_hidden_layers" ` +
        (stated === null ? 'none' : String(stated)),
    );
  const mixing = [...(state?.words ?? []), ...(state?.attentionWords ?? [])];
  return words.map((word) => {
    if (halves.experts.includes(word)) return 'experts';
    if (halves.dense.includes(word)) return 'dense';
    if (mixing.includes(word)) return 'mixing';
    const known = [...mixing, ...halves.experts, ...halves.dense];
    throw reader.unsupported(`a layer is ${JSON.stringify(word)}; only ${known.join(', ')} are supported here`);
  });
};
