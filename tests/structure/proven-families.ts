import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { changesSomething } from '../../main/checkpoint/config-keys.ts';
import { families, familyOf } from '../../main/checkpoint/families/families.ts';
import { llamaArchitectures } from '../../main/checkpoint/gguf/llama-architectures.ts';
import { familyOfConfig } from '../../main/checkpoint/open-checkpoint.ts';
import { familyReasons } from '../../main/export/gguf/architectures.ts';
import { parsePythonJson } from '../../main/files/parse-json.ts';
import { jsonLines, root } from './project-files.ts';

/** What the tests prove of each family, from the released configs that they hold against a referee. */

const fixture = z.object({
  model: z.string(),
  source: z.string(),
  config: z.record(z.string(), z.unknown()),
  referee: z.enum(['transformers', 'formulas']).default('transformers'),
  tensors: z.record(z.string(), z.array(z.tuple([z.array(z.number()), z.string(), z.string()]))),
  variants: z.array(z.object({ path: z.array(z.string()) })),
});
type Fixture = z.infer<typeof fixture>;

const folder = path.join(root, 'tests', 'fixtures', 'published');

const readFixtures = async (): Promise<readonly (Fixture & { readonly name: string })[]> =>
  Promise.all(
    (await readdir(folder))
      .filter((file) => file.endsWith('.json'))
      .sort()
      .map(async (file) => ({
        name: path.basename(file, '.json'),
        ...fixture.parse(parsePythonJson(await readFile(path.join(folder, file), 'utf8'))),
      })),
  );

const ratio = z.object({ median: z.number(), least: z.number(), most: z.number() });

/** A line of tests/bench/families.jsonl: processor time of a forward pass, ours divided by that of transformers. */
export const measuredFamily = z.object({
  /** Name of the fixture. */
  family: z.string(),
  /** Why it is not measured. */
  why: z.string().optional(),
  parameters: z.number().optional(),
  float32: ratio.optional(),
  bfloat16: ratio.optional(),
});

export type MeasuredFamily = z.infer<typeof measuredFamily>;
export type Ratio = z.infer<typeof ratio>;

const speeds = new Map(
  jsonLines(path.join(root, 'tests', 'bench', 'families.jsonl'), measuredFamily).map((each) => [each.family, each]),
);

const speedOf = (name: string): string => {
  const { float32, bfloat16 } = speeds.get(name) ?? {};
  return float32 === undefined || bfloat16 === undefined
    ? 'not measured'
    : `${float32.median.toFixed(2)} (${bfloat16.median.toFixed(2)})`;
};

/** Families with quantised forms of their own. */
const OWN_FORMS: Readonly<Record<string, string>> = { gpt_oss: 'MXFP4', deepseek_v4: 'FP8 with MXFP4 experts' };

/** Quantised forms in which experts open that lie one by one, and those of all experts of a layer in one tensor. */
const storageOf = (family: string, { tensors }: Fixture): string => {
  const areJoined =
    familyOf(family)?.layouts.some(({ kind }) => kind === 'joined-rows') === true ||
    Object.entries(tensors).some(([name, [first]]) => !name.includes('conv') && first?.[0].length === 3);
  const scales = areJoined ? [] : ['FP8', 'compressed-tensors', 'GPTQ', 'AWQ'];
  return ['plain', ...scales, OWN_FORMS[family] ?? []].flat().join(', ');
};

const ggufOf = (family: string): string => {
  const architecture = llamaArchitectures.get(family);
  return architecture === undefined ? `refused: ${familyReasons.get(family) ?? ''}` : `\`${architecture.name}\``;
};

/** Rows of the table, one for each released config: in the order of families. */
export const provenFamilies = async (): Promise<readonly (readonly string[])[]> => {
  const fixtures = await readFixtures();
  const rows = fixtures.map((each) => {
    const family = familyOfConfig(each.config, each.model);
    const inner = family.wrapper === null ? each.config : each.config[family.wrapper.configKey];
    const keys = Object.keys(z.record(z.string(), z.unknown()).parse(inner));
    const effective = keys.filter(changesSomething);
    const changed = new Set(each.variants.flatMap(({ path: own }) => own));
    const own = family.wrapper?.modelTypes[0] ?? family.modelType;
    const type = llamaArchitectures.has(family.modelType) ? family.modelType : own;
    return {
      at: families.indexOf(family),
      cells: [
        `\`${family.modelType}\``,
        `${each.model} (${each.source})`,
        `${effective.filter((key) => changed.has(key)).length} of ${effective.length}`,
        each.referee === 'transformers' ? 'transformers' : 'published formulas',
        storageOf(family.modelType, each),
        ggufOf(llamaArchitectures.has(type) || familyReasons.has(type) ? type : family.modelType),
        speedOf(each.name),
      ],
    };
  });
  return rows.toSorted((a, b) => a.at - b.at).map(({ cells }) => cells);
};

/** Types of families that no released config stands for, by the one whose text model they are. */
export const unprovenFamilies = async (): Promise<readonly string[]> => {
  const fixtures = await readFixtures();
  const proven = new Set(
    fixtures.flatMap(({ config, model }) => {
      const family = familyOfConfig(config, model);
      return [family.modelType, ...(family.wrapper?.modelTypes ?? [])];
    }),
  );
  return families.map(({ modelType }) => modelType).filter((type) => !proven.has(type));
};
