import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Checkpoint } from '../../main/checkpoint/open-checkpoint.ts';
import type { DropPlan } from '../../main/contract/plan.ts';
import { parsePythonJson } from '../../main/files/parse-json.ts';
import { tensorInMemory, writeSafetensors } from '../../main/checkpoint/write-safetensors.ts';
import { temporaryFolder } from '../main/workspace/temporary-folder.ts';

/** Released configs with small sizes; `tests/fixtures/python/published-configs.py` made them. */
export const publishedFolder = path.join(path.dirname(fileURLToPath(import.meta.url)), '../fixtures/published');

/** By name with numbers replaced: shape, dtype, and the numbers of each tensor, as in "0 1,0 2". */
const groupedShapes = z.record(z.string(), z.array(z.tuple([z.array(z.number()), z.string(), z.string()])));
const config = z.record(z.string(), z.unknown());

const fixtureSchema = z.object({
  model: z.string(),
  source: z.string(),
  config,
  /** Keys whose values are smaller than as released. */
  shrunk: z
    .record(z.string(), z.unknown())
    .default({})
    .transform((keys) => Object.keys(keys)),
  tokens: z.array(z.number()),
  seed: z.number(),
  /** What computed the logits: transformers, or the published formulas. */
  referee: z.enum(['transformers', 'formulas']).default('transformers'),
  tensors: groupedShapes,
  /** Base64 of float32 [T, V]. */
  logits: z.string(),
  variants: z.array(
    z.object({
      path: z.array(z.string()),
      value: z.unknown(),
      /** As without the change; the first logits of the last token; or transformers refuses it. */
      end: z.union([z.literal('same'), z.literal('refused'), z.array(z.number())]),
      most: z.number().optional(),
      tensors: groupedShapes.optional(),
      without: z.array(z.string()).optional(),
    }),
  ),
});

export type PublishedFixture = z.infer<typeof fixtureSchema>;
export type Variant = PublishedFixture['variants'][number];
type Config = z.infer<typeof config>;

export const publishedFixture = (name: string): PublishedFixture =>
  fixtureSchema.parse(parsePythonJson(readFileSync(path.join(publishedFolder, `${name}.json`), 'utf8')));

/** Families without a folder in tests/fixtures/reference/checkpoints, where the others are exported. */
export const exportedNames = [
  ...['qwen3_vl_moe', 'deepseek', 'bailing_moe', 'bailing_moe_v2', 'glm4v_moe', 'sarvam_mla', 'mellum', 'hy_v3'],
  ...['kimi_linear', 'flex_olmo', 'cohere2_moe', 'mistral3', 'mistral4', 'dbrx', 'jamba', 'step3p5', 'minimax'],
];

/** Three of every four experts, so that groups stay equal. */
export const threeOfFour = ({ descriptor }: Checkpoint): DropPlan => ({
  kept: descriptor.moeLayers.map(({ moe }) => [...Array(moe.experts).keys()].filter((at) => at % 4 < 3)),
});

/** The config of a fixture as Python wrote it: numbers such as 1.0 have their point. */
export const publishedConfigText = (name: string): string => {
  const text = readFileSync(path.join(publishedFolder, `${name}.json`), 'utf8');
  return /^"config": (.*),$/m.exec(text)?.[1] ?? '';
};

export const decodedLogits = ({ logits }: PublishedFixture): Float32Array => {
  const bytes = new Uint8Array(Buffer.from(logits, 'base64'));
  return new Float32Array(bytes.buffer);
};

interface Shape {
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** Shapes and dtypes of tensors by name. */
export const shapesOf = (grouped: z.infer<typeof groupedShapes>): Map<string, Shape> =>
  new Map(
    Object.entries(grouped).flatMap(([pattern, kinds]) =>
      kinds.flatMap(([shape, dtype, all]) =>
        all.split(',').map((numbers) => {
          const each = numbers.split(' ')[Symbol.iterator]();
          return [pattern.replaceAll('#', () => each.next().value ?? ''), { shape, dtype }] as const;
        }),
      ),
    ),
  );

/** The value of a variant that leaves a key out. */
const ABSENT = '["absent"]';

/** Whether a variant leaves its key out. */
export const isAbsent = ({ value }: Variant): boolean => JSON.stringify(value) === ABSENT;

/** A variant in words. */
export const sentenceOf = (variant: Variant): string =>
  `${variant.path.join('.')} ${isAbsent(variant) ? 'left out' : `= ${JSON.stringify(variant.value)}`}`;

/** The config with a variant's change. */
export const changedConfig = (fixture: PublishedFixture, variant: Variant): Config => {
  const { path: keys, value } = variant;
  const whole: Config = structuredClone(fixture.config);
  if (keys.length > 1 && Array.isArray(value) && value.length === keys.length)
    return { ...whole, ...Object.fromEntries(keys.map((key, at): [string, unknown] => [key, value[at]])) };
  const key = keys.at(-1) ?? '';
  const change = (where: Config): Config => {
    const { [key]: _, ...others } = where;
    return isAbsent(variant) ? others : { ...where, [key]: value };
  };
  const [within = ''] = keys;
  return keys.length === 1 ? change(whole) : { ...whole, [within]: change(config.parse(whole[within])) };
};

/** A folder with a fixture's config, or that of a variant, and its weights. */
export const writePublished = async (fixture: PublishedFixture, variant?: Variant): Promise<string> => {
  const folder = await temporaryFolder();
  await writePublishedIn(folder, fixture, variant);
  return folder;
};

/** The same in a folder of the caller. */
export const writePublishedIn = async (folder: string, fixture: PublishedFixture, variant?: Variant): Promise<void> => {
  const own = variant === undefined ? fixture.config : changedConfig(fixture, variant);
  // Numbers that JSON has not are written as Python does, and zeros as the floats that transformers asks for.
  const text = JSON.stringify(own)
    .replaceAll(/{"__float__":"(-?Infinity|NaN)"}/g, '$1')
    .replaceAll(/"\w+_(pdrop|noise)":0(?=[,}])/g, '$&.0');
  await writeFile(path.join(folder, 'config.json'), text);
  const shapes = shapesOf(fixture.tensors);
  for (const name of variant?.without ?? []) shapes.delete(name);
  for (const [name, shape] of shapesOf(variant?.tensors ?? {})) shapes.set(name, shape);
  await writeSafetensors(
    path.join(folder, 'model.safetensors'),
    [...shapes].map(([name, { shape, dtype }]) =>
      dtype === 'I64'
        ? tensorInMemory(name, 'I64', shape, expertTable(shape, own))
        : tensorInMemory(name, 'F32', shape, seededValues(name, shape, fixture.seed)),
    ),
  );
};

/** Experts of each token as 64-bit integers, low half first. */
const expertTable = ([tokens = 0, chosen = 0]: readonly number[], own: Config): Int32Array => {
  const experts = z.number().parse(own['n_routed_experts']);
  return Int32Array.from({ length: 2 * tokens * chosen }, (_, at) => {
    const place = Math.floor(at / 2);
    return at % 2 === 1 ? 0 : (Math.floor(place / chosen) + 3 * (place % chosen)) % experts;
  });
};

/** Values of a tensor by name, shape and seed; the same bits as `values` in `published-configs.py`. */
const seededValues = (name: string, shape: readonly number[], seed: number): Float32Array => {
  let start = seed;
  for (const byte of Buffer.from(name)) start = Math.imul(start ^ byte, 16777619) >>> 0;
  const [scale, addend] = formOf(name, shape);
  const values = new Float32Array(shape.reduce((product, length) => product * length, 1));
  // A loop: a function called for each of millions of values took twenty times as long.
  for (let at = 0; at < values.length; at += 1) {
    let x = (Math.imul(at, 0x9e3779b1) + start) >>> 0;
    x ^= x >>> 16;
    x = Math.imul(x, 0x85ebca6b);
    x ^= x >>> 13;
    x = Math.imul(x, 0xc2b2ae35);
    x ^= x >>> 16;
    values[at] = (((x >>> 16) - 32768) / 32768) * scale + addend;
  }
  return values;
};

const formOf = (name: string, shape: readonly number[]): readonly [number, number] => {
  const isFactor = shape.length === 1 && /(norm|\.D|scale|skip|attn_gate_norm)(\.weight)?$/.test(name);
  if (isFactor || name.includes('layer_scalar')) return [0.25, 1];
  const [rows = 1, columns] = shape.slice(-2);
  if (columns === undefined) return [0.5, 0];
  const fanIn = shape.length === 2 ? columns : Math.min(rows, columns);
  return [name.includes('embed') ? 1 : 2 ** (1 - Math.floor(Math.log2(fanIn) / 2)), 0];
};
