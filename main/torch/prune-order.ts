import { valuesIn } from '../arithmetic/vectors.ts';
import type { ExpertTensors, MoeDescriptor, TensorView, Weight } from '../checkpoint/descriptor.ts';
import { familyOf } from '../checkpoint/families/families.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { tableOf } from '../checkpoint/routing.ts';
import { refuse } from '../contract/errors.ts';
import { constantsOf, isMergePlan, type Plan } from '../contract/plan.ts';
import { configOf, exportedConfig } from '../export/export-config.ts';
import { familyConfig } from '../export/gguf/family-tensors.ts';
import { isGgufPath } from '../files/list-folder.ts';
import { prunedTable } from '../export/router-tensors.ts';
import { openConstants } from '../inference/expert-constants.ts';
import type { LayerVariant } from '../inference/layer-variant.ts';
import type { Overlays } from '../inference/overlays.ts';
import type { MoeLayer } from '../graph/moe.ts';

/** A tensor in a file, for the worker: dtype, shape, file, offset and length in bytes, and a factor if it has one. */
type TensorOrder = readonly [string, readonly number[], string, number, number, ...(readonly [] | readonly [number])];

/** One MoE layer of a pruned model (`pruned` of resources/torch/worker.py describes it). */
interface LayerOrder {
  readonly experts: number;
  readonly config: number;
  readonly rows: readonly number[];
  readonly carriers: readonly number[];
  readonly numbers: readonly number[];
  /** Position among `carriers`, role, whether it is stored as [in, out], and the matrix. */
  readonly copies: readonly (readonly [number, string, boolean, TensorOrder])[];
  readonly router: TensorOrder | null;
  /** Name of the table, without that of its module, and the table. */
  readonly table: readonly [string, ...TensorOrder] | null;
  readonly constants: TensorOrder | null;
  /** Whether its kept experts have the gates of the unpruned router. */
  readonly trained: boolean;
}

/** How the worker makes a pruned model from the unpruned one. */
export interface PruneOrder {
  /** config.json for each number of rows that routers have. */
  readonly configs: readonly string[];
  readonly layers: readonly LayerOrder[];
  /** Parameters of experts that the model does not share with the unpruned one. */
  readonly ownParameters: number;
}

const roles = ['gate', 'up', 'down'] as const;

const tensorOrder = ({ dtype, shape, file, byteOffset, byteLength, factor }: TensorView): TensorOrder => [
  dtype,
  shape,
  file,
  byteOffset,
  byteLength,
  ...(factor === undefined ? ([] as const) : ([factor] as const)),
];

/**
 * The order for a valid plan, from the variants of its layers, which are those that onnxruntime computes.
 *
 * @throws WorkbenchError `torch-plan` for router treatments that no class of transformers has.
 */
export const pruneOrder = async (
  checkpoint: Checkpoint,
  plan: Plan,
  variants: readonly LayerVariant[],
  overlays: Overlays,
): Promise<PruneOrder> => {
  const { moeLayers } = checkpoint.descriptor;
  const left = constantsOf(plan);
  const constants = left === undefined ? null : await openConstants(left, checkpoint, overlays);
  if (constants !== null && moeLayers.some(({ moe }) => moe.latent !== null))
    throw refuse(
      'torch-plan',
      `PyTorch cannot compute this plan here: experts of ${checkpoint.name} work in a latent space, and the ` +
        'constants are hidden states.',
      'Use --engine onnxruntime.',
    );
  const counts: number[] = [];
  const layers: LayerOrder[] = [];
  let ownParameters = 0;
  for (const [index, { block, moe }] of moeLayers.entries()) {
    const layer = variants[block]?.layer;
    if (layer === undefined || layer === null) throw new Error(`MoE layer ${index} has no experts`);
    const carriers = isMergePlan(plan)
      ? (plan.groups[index] ?? []).map(({ members }) => members[0] ?? -1)
      : (plan.kept[index] ?? []);
    const { rows, numbers } = rowsOf(layer, moe, carriers, {
      isMerge: isMergePlan(plan),
      hasConstants: constants !== null,
    });
    if (!counts.includes(rows.length)) counts.push(rows.length);
    const experts = isMergePlan(plan) ? layer.experts : carriers.map((carrier) => layer.experts[carrier]);
    const copies = constants === null ? copiesOf(moe, carriers, experts) : [];
    if (copies.length > 0) ownParameters += carriers.length * parametersOf(moe.expertTensors[0]);
    const table = tableOf(moe.routing);
    const vectors = constants?.[index];
    layers.push({
      experts: moe.experts,
      config: counts.indexOf(rows.length),
      rows,
      carriers,
      numbers,
      copies,
      router: layer.router === moe.router ? null : tensorOrder(layer.router),
      table:
        table === null || isMergePlan(plan) || constants !== null
          ? null
          : [
              tableName(checkpoint),
              ...tensorOrder(await prunedTable(moe, table, carriers, checkpoint.identity, overlays)),
            ],
      constants: vectors === undefined ? null : tensorOrder(vectors),
      trained: layer.gates === 'trained',
    });
  }
  const configs: string[] = [];
  for (const rows of counts) {
    const kept = moeLayers.map(() => Array.from({ length: rows }, (_, expert) => expert));
    const text = await exportedConfig(checkpoint, { kept });
    const isGguf = isGgufPath(checkpoint.folder);
    configs.push(isGguf ? JSON.stringify(familyConfig({ ...checkpoint, config: configOf(text) })) : text);
  }
  return { configs, layers, ownParameters };
};

/** Name of a table in its module, as transformers has it: a GGUF file has another one. */
const tableName = ({ descriptor }: Checkpoint): string => {
  const routing = familyOf(descriptor.family)?.routing;
  return (routing?.kind === 'scores' ? routing.table?.name.split('.').at(-1) : undefined) ?? '';
};

/** The unpruned experts whose rows of the router stay, and the position among `carriers` that each row leads to. */
const rowsOf = (
  { map }: MoeLayer,
  { experts }: MoeDescriptor,
  carriers: readonly number[],
  { isMerge, hasConstants }: { readonly isMerge: boolean; readonly hasConstants: boolean },
): { readonly rows: readonly number[]; readonly numbers: readonly number[] } => {
  const all = Array.from({ length: experts }, (_, expert) => expert);
  if (map.kind === 'rows') return { rows: all, numbers: map.experts };
  if (isMerge && map.kind !== 'direct')
    throw refuse(
      'torch-plan',
      'PyTorch cannot compute this plan here: it chooses experts by sums of probabilities, which no class of ' +
        'transformers does.',
      'Use --engine onnxruntime, or the router treatment reference-row or mapped-rows.',
    );
  if (hasConstants) return { rows: all, numbers: all.map((expert) => carriers.indexOf(expert)) };
  return { rows: carriers, numbers: carriers.map((_, position) => position) };
};

/** Matrices that differ from those of the experts which carry them. */
const copiesOf = (
  { expertTensors }: MoeDescriptor,
  carriers: readonly number[],
  experts: readonly (ExpertTensors | undefined)[],
): LayerOrder['copies'] =>
  experts.flatMap((expert, position) => {
    const carrier = expertTensors[carriers[position] ?? -1];
    return roles.flatMap((role) => {
      const weight = expert?.[role];
      return weight === undefined || weight === null || weight === carrier?.[role]
        ? []
        : [[position, role, weight.transposed === true, tensorOrder(plainView(weight))] as const];
    });
  });

const plainView = ({ stored, select }: Weight): TensorView => {
  if (stored.kind === 'plain' && select === undefined) return stored.view;
  throw new Error('a new matrix of an expert is not plain');
};

const parametersOf = (expert: ExpertTensors | undefined): number =>
  roles.reduce((sum, role) => sum + valuesIn(expert?.[role]?.shape ?? [0]), 0);
