import path from 'node:path';
import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import type { Published } from '../contract/hub.ts';
import type { ModelInfo } from '../contract/model.ts';
import { putsScalesBeside } from './compressed-tensors.ts';
import { AssumedTensors } from './tensor-index.ts';
import { expertExamples } from './describe-moe.ts';
import { describeModel } from './describe-model.ts';
import type { PlainDtype } from './descriptor.ts';
import type { Family } from './families/family.ts';
import { besideModel, modelInfo } from './model-info.ts';
import { familyOfConfig, ggufInside, INDEX_FILE, readConfig, readIndex } from './open-checkpoint.ts';
import { modelName, modelPathOf, publishedAs } from './published.ts';

/** Facts about a model whose weights are not here. */
export interface CheckpointOutline {
  readonly name: string;
  readonly published: Published | null;
  readonly folder: string;
  readonly info: ModelInfo;
}

const dtypes: Readonly<Partial<Record<string, PlainDtype>>> = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' };

const typed = z.looseObject({
  dtype: boundedText.nullish(),
  torch_dtype: boundedText.nullish(),
  quantization_config: z.looseObject({ quant_method: boundedText }).nullish(),
});

/** Facts from a config, and the names in an index where there is one; `sizeBytes`: of the files, if it is known. */
export const outlineModel = (
  family: Family,
  config: Readonly<Record<string, unknown>>,
  folder: string,
  index: { readonly names: readonly string[]; readonly sizeBytes: number | null } | null,
  environment: Readonly<Partial<Record<string, string>>> = process.env,
): ModelInfo => {
  const whole = typed.parse(config);
  const inner = family.wrapper === null ? whole : typed.parse(config[family.wrapper.configKey] ?? {});
  const stated = inner.dtype ?? inner.torch_dtype ?? whole.dtype ?? whole.torch_dtype ?? null;
  const method = whole.quantization_config?.quant_method;
  if (method !== undefined && putsScalesBeside(method))
    throw refuse(
      'unsupported-config',
      `${folder} has no weights, and the sizes of a model quantised by ${method} are not in its config.json.`,
      'Fetch the weights too.',
    );
  const names = index?.names ?? expertExamples(family, method === 'mxfp4');
  const tensors = new AssumedTensors(names, {
    dtype: dtypes[stated ?? ''] ?? 'BF16',
    isFloat8: method === 'fp8',
    isWhole: index !== null,
  });
  const descriptor = describeModel(family, config, tensors, folder);
  const reasons = [
    `The weights are not here: everything is from config.json${index === null ? '' : ` and ${INDEX_FILE}`}` +
      `${stated === null ? ', and bfloat16 is assumed' : ''}.`,
    ...besideModel(descriptor),
  ];
  return modelInfo(descriptor, index?.sizeBytes ?? tensors.assumedBytes, reasons, environment);
};

/**
 * Facts about a folder with config.json and perhaps an index, of which no weights are read.
 *
 * @throws WorkbenchError refused, as `openCheckpoint` does where config or names are not those of a family.
 */
export const outlineCheckpoint = async (folder: string): Promise<CheckpointOutline> => {
  const resolved = await modelPathOf(path.resolve(folder));
  const config = await readConfig(resolved);
  const family = familyOfConfig(config, resolved);
  const index = await readIndex(resolved);
  const info = outlineModel(
    family,
    config,
    resolved,
    index === null ? null : { names: Object.keys(index.weight_map), sizeBytes: index.metadata?.total_size ?? null },
  );
  const gguf = await ggufInside(resolved);
  const noted = gguf === null ? info : { ...info, reasons: [gguf, ...info.reasons.slice(1)] };
  const published = await publishedAs(resolved);
  return { name: modelName(resolved, published), published, folder: resolved, info: noted };
};
