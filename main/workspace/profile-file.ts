import { z } from 'zod';
import { boundedList, boundedText, shortName } from '../contract/bounds.ts';
import type { TensorView } from '../checkpoint/descriptor.ts';
import { contiguousPart, readTensorBytes } from '../checkpoint/read-tensor.ts';
import { readSafetensorsHeader, type SafetensorsHeader } from '../checkpoint/safetensors-header.ts';
import type { TensorContent } from '../checkpoint/sealed-tensors.ts';
import { tensorInMemory, type TensorToWrite, writeSafetensors } from '../checkpoint/write-safetensors.ts';
import { refuse } from '../contract/errors.ts';
import { parseForm } from '../files/parse-json.ts';
import type { LayerSample } from '../profile/choice-sample.ts';
import { emptyRoutingStatistics, gateKinds, type RoutingStatistics } from '../profile/routing-statistics.ts';
import { readLayerSample, readSample, sampleTensors } from './profile-sample.ts';

/** Axes of a stored statistic: L layers, E experts, H hidden width, or a fixed number. */
export type Axis = 'L' | 'E' | 'H' | number;

/** A statistic: its name in a file and its place in memory. */
export interface StoredStatistic {
  /** Last part of the tensor's name. */
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly read: (statistics: RoutingStatistics) => Float64Array | undefined;
}

/** Sums that every profile contains, in the order of a file. */
export const PROFILED = {
  counts: { name: 'counts', axes: ['L', 'E'], read: ({ counts }) => counts },
  gateMass: { name: 'gate_mass', axes: ['L', 'E'], read: ({ gateMass }) => gateMass },
  probabilitySelected: {
    name: 'probability_selected',
    axes: ['L', 'E'],
    read: ({ probabilitySelected }) => probabilitySelected,
  },
  probabilityMass: { name: 'probability_mass', axes: ['L', 'E'], read: ({ probabilityMass }) => probabilityMass },
  eanSum: { name: 'ean_sum', axes: ['L', 'E'], read: ({ eanSum }) => eanSum },
  reapSum: { name: 'reap_sum', axes: ['L', 'E'], read: ({ reapSum }) => reapSum },
  eanSquareSum: { name: 'ean_square_sum', axes: ['L', 'E'], read: ({ eanSquareSum }) => eanSquareSum },
  gatedMoments: {
    name: 'gated_moments',
    axes: ['L', gateKinds.length, 2, 3, 'E'],
    read: ({ gatedMoments }) => gatedMoments,
  },
  logitSum: { name: 'logit_sum', axes: ['L', 'E'], read: ({ logitSum }) => logitSum },
  logitGram: { name: 'logit_gram', axes: ['L', 'E', 'E'], read: ({ logitGram }) => logitGram },
  probabilityGram: { name: 'probability_gram', axes: ['L', 'E', 'E'], read: ({ probabilityGram }) => probabilityGram },
  coactivation: { name: 'coactivation', axes: ['L', 'E', 'E'], read: ({ coactivation }) => coactivation },
} as const satisfies Readonly<Record<string, StoredStatistic>>;

export const STATISTICS: readonly StoredStatistic[] = Object.values(PROFILED);

/** Statistics that a profile contains only on request. */
export const OPTIONAL_STATISTICS = {
  peakOutputs: { name: 'peak_outputs', axes: ['L', 'E'], read: ({ peakOutputs }) => peakOutputs },
  residualSum: { name: 'residual_sum', axes: ['L', 'E'], read: ({ residualSum }) => residualSum },
  routedSum: { name: 'routed_output_sum', axes: ['L', 'E', 'H'], read: ({ outputs }) => outputs?.routedSum },
  everywhereSum: { name: 'output_sum', axes: ['L', 'E', 'H'], read: ({ outputs }) => outputs?.everywhere?.sum },
  everywhereCosineSum: {
    name: 'output_cosine_sum',
    axes: ['L', 'E', 'E'],
    read: ({ outputs }) => outputs?.everywhere?.cosineSum,
  },
  eliminationKept: { name: 'elimination_kept', axes: ['L', 'E', 'E'], read: ({ elimination }) => elimination?.kept },
  eliminationLoss: { name: 'elimination_loss', axes: ['L', 'E'], read: ({ elimination }) => elimination?.loss },
  eliminationSingle: { name: 'elimination_single', axes: ['L', 'E'], read: ({ elimination }) => elimination?.single },
  eliminationExhaustive: {
    name: 'elimination_exhaustive',
    axes: ['L', 'E'],
    read: ({ elimination }) => elimination?.exhaustive,
  },
} as const satisfies Readonly<Record<string, StoredStatistic>>;

const FORMAT = 'uncurl-profile-1';

const metadataSchema = z.object({
  format: z.literal(FORMAT),
  model: boundedText,
  fingerprint: boundedText,
  /** SHA-256 over all files of the model; profiles of earlier versions have none. */
  modelSha256: shortName.optional(),
  tasks: boundedText,
});
const tasksSchema = boundedList(
  z.object({
    name: boundedText,
    hash: boundedText,
    layers: z.number().int().positive(),
    experts: z.number().int().positive(),
    topK: z.number().int().positive(),
    /** H, if means of expert outputs are stored. */
    hidden: z.number().int().positive().optional(),
    /** Number of sampled tokens, if a sample of routing choices is stored. */
    sampled: z.number().int().nonnegative().optional(),
    items: z.number().int().nonnegative(),
    tokens: z.number().int().nonnegative(),
  }),
).min(1);
type DescribedTask = z.infer<typeof tasksSchema>[number];

export interface ProfiledTask {
  readonly name: string;
  readonly hash: string;
  readonly statistics: RoutingStatistics;
}

export interface ProfileFile {
  readonly model: string;
  readonly fingerprint: string;
  readonly sha256?: string | undefined;
  readonly tasks: readonly ProfiledTask[];
}

const lengthOf = (
  axis: Axis,
  { layers, experts, hidden = 0 }: Pick<DescribedTask, 'layers' | 'experts' | 'hidden'>,
): number => {
  if (axis === 'L') return layers;
  if (axis === 'E') return experts;
  return axis === 'H' ? hidden : axis;
};

const described = ({ name, hash, statistics }: ProfiledTask): DescribedTask => {
  const { layers, experts, topK, items, tokens, outputs, sample } = statistics;
  return {
    name,
    hash,
    layers,
    experts,
    topK,
    ...(outputs === undefined ? {} : { hidden: outputs.hidden }),
    ...(sample === undefined ? {} : { sampled: sample.size }),
    items,
    tokens,
  };
};

/**
 * The profiles of a model as the content of a safetensors file: per task `<task>.counts`, `<task>.gate_mass`, ...
 * (STATISTICS), all float64; model and tasks in the metadata.
 */
export const profileContent = ({ model, fingerprint, sha256, tasks }: ProfileFile): TensorContent => ({
  tensors: tasks.flatMap((task) => [
    ...[...STATISTICS, ...Object.values<StoredStatistic>(OPTIONAL_STATISTICS)].flatMap(
      ({ name, axes, read }): TensorToWrite[] => {
        const values = read(task.statistics);
        const shape = axes.map((axis) => lengthOf(axis, described(task)));
        return values === undefined ? [] : [tensorInMemory(`${task.name}.${name}`, 'F64', shape, values)];
      },
    ),
    ...(task.statistics.sample === undefined ? [] : sampleTensors(task.name, task.statistics.sample, task.statistics)),
  ]),
  metadata: {
    format: FORMAT,
    model,
    fingerprint,
    // The seal of a step has the name sha256.
    ...(sha256 && { modelSha256: sha256 }),
    tasks: JSON.stringify(tasks.map(described)),
  },
});

/** Writes the profiles of a model; `file` must not exist. */
export const writeProfileFile = async (file: string, profile: ProfileFile): Promise<void> => {
  const { tensors, metadata } = profileContent(profile);
  await writeSafetensors(file, tensors, metadata);
};

const notAProfile = (file: string, what: string): Error =>
  refuse(
    'bad-profile',
    `${file} is not a profile: ${what}.`,
    'Name a file that `uncurl profile` of this version wrote.',
  );

/** Byte range of a task's statistic; undefined if the file does not contain it. */
const checkedView = (
  header: SafetensorsHeader,
  file: string,
  task: DescribedTask,
  { name, axes }: StoredStatistic,
): TensorView | undefined => {
  const view = header.tensors.get(`${task.name}.${name}`);
  if (view === undefined) return undefined;
  const shape = axes.map((axis) => lengthOf(axis, task));
  if (view.dtype !== 'F64' || view.shape.join() !== shape.join()) {
    throw notAProfile(
      file,
      `tensor "${view.tensor}" is ${view.dtype} [${view.shape.join(', ')}] instead of F64 [${shape.join(', ')}]`,
    );
  }
  return view;
};

/** A statistic of a task; undefined if the file does not contain it. */
const readFloat64 = async (
  header: SafetensorsHeader,
  file: string,
  task: DescribedTask,
  statistic: StoredStatistic,
): Promise<Float64Array | undefined> => {
  const view = checkedView(header, file, task, statistic);
  return view === undefined ? undefined : new Float64Array((await readTensorBytes(view)).buffer);
};

const required = (
  file: string,
  task: DescribedTask,
  { name }: StoredStatistic,
  values: Float64Array | undefined,
): Float64Array => {
  if (values !== undefined) return values;
  throw notAProfile(file, `tensor "${task.name}.${name}" is missing`);
};

const readOptional = async (
  read: (statistic: StoredStatistic) => Promise<Float64Array | undefined>,
  hidden: number | undefined,
): Promise<Partial<RoutingStatistics>> => {
  const optional = OPTIONAL_STATISTICS;
  const [peakOutputs, residualSum, routedSum] = [
    await read(optional.peakOutputs),
    await read(optional.residualSum),
    await read(optional.routedSum),
  ];
  const [sum, cosineSum] = [await read(optional.everywhereSum), await read(optional.everywhereCosineSum)];
  const [kept, loss] = [await read(optional.eliminationKept), await read(optional.eliminationLoss)];
  const [single, exhaustive] = [await read(optional.eliminationSingle), await read(optional.eliminationExhaustive)];
  const everywhere = sum === undefined || cosineSum === undefined ? {} : { everywhere: { sum, cosineSum } };
  return {
    ...(peakOutputs === undefined ? {} : { peakOutputs }),
    ...(residualSum === undefined ? {} : { residualSum }),
    ...(routedSum === undefined || hidden === undefined ? {} : { outputs: { hidden, routedSum, ...everywhere } }),
    ...(kept === undefined || loss === undefined || single === undefined || exhaustive === undefined
      ? {}
      : { elimination: { kept, loss, single, exhaustive } }),
  };
};

const readTask = async (header: SafetensorsHeader, file: string, task: DescribedTask): Promise<RoutingStatistics> => {
  const read = (statistic: StoredStatistic): Promise<Float64Array | undefined> =>
    readFloat64(header, file, task, statistic);
  const sums = emptyRoutingStatistics(task.layers, task.experts, task.topK);
  for (const statistic of STATISTICS) {
    statistic.read(sums)?.set(required(file, task, statistic, await read(statistic)));
  }
  const optional = await readOptional(read, task.hidden);
  const { sampled, layers, topK } = task;
  const wrong = (what: string): Error => notAProfile(file, what);
  const sample =
    sampled === undefined
      ? {}
      : { sample: await readSample(header.tensors, task.name, { layers, topK, sampled }, wrong) };
  return { ...sums, items: task.items, tokens: task.tokens, ...optional, ...sample };
};

interface OpenedProfile {
  readonly header: SafetensorsHeader;
  readonly model: string;
  readonly fingerprint: string;
  readonly sha256?: string | undefined;
  readonly tasks: readonly DescribedTask[];
}

const openProfileFile = async (file: string): Promise<OpenedProfile> => {
  const header = await readSafetensorsHeader(file);
  const metadata = metadataSchema.safeParse(header.metadata);
  if (!metadata.success) throw notAProfile(file, `its metadata does not say ${FORMAT}`);
  const { model, fingerprint, modelSha256: sha256, tasks } = metadata.data;
  const list = parseForm(tasks, tasksSchema, {
    notJson: (reason) => notAProfile(file, `its list of tasks is not JSON (${reason})`),
    otherForm: () => notAProfile(file, 'its list of tasks is malformed'),
  });
  return { header, model, fingerprint, sha256, tasks: list };
};

/** Whether a run's file contains profiles, by its name: one file for one model, or one for each of several. */
export const isProfileName = (name: string): boolean => /^profile.*\.safetensors$/.test(name);

/** Reads a file of writeProfileFile; refuses any other and gives the reason. */
export const readProfileFile = async (file: string): Promise<ProfileFile> => {
  const { header, model, fingerprint, sha256, tasks: list } = await openProfileFile(file);
  const tasks: ProfiledTask[] = [];
  for (const task of list)
    tasks.push({ name: task.name, hash: task.hash, statistics: await readTask(header, file, task) });
  return { model, fingerprint, sha256, tasks };
};

/** One task's profile in a file, read in parts, since a profile of 48 layers x 512 experts has 300 MB. */
export interface ProfileParts extends Pick<DescribedTask, 'layers' | 'experts' | 'topK' | 'items' | 'tokens'> {
  /** A statistic of one MoE layer, its other axes in order; undefined if the profile does not contain it. */
  layer(statistic: StoredStatistic, layer: number): Promise<Float64Array | undefined>;
  /** A statistic of all layers that every profile contains. */
  whole(statistic: StoredStatistic): Promise<Float64Array>;
  /** A statistic of one layer that every profile contains. */
  required(statistic: StoredStatistic, layer: number): Promise<Float64Array>;
  /** Experts chosen for the sampled tokens; undefined if the profile does not contain them. */
  sample(layer: number): Promise<LayerSample | undefined>;
}

/** Opens the first task's profile of a file without reading its numbers. */
export const openProfileParts = async (file: string): Promise<ProfileParts> => {
  const { header, tasks } = await openProfileFile(file);
  const [task] = tasks;
  if (task === undefined) throw notAProfile(file, 'it contains no task');
  const { layers, experts, topK, items, tokens, sampled } = task;
  const wrong = (what: string): Error => notAProfile(file, what);
  const requireLayer = (layer: number): void => {
    if (!(layer >= 0 && layer < layers)) throw new RangeError(`layer ${layer} is not among ${layers} MoE layers`);
  };
  const readLayer = async (statistic: StoredStatistic, layer: number): Promise<Float64Array | undefined> => {
    requireLayer(layer);
    const view = checkedView(header, file, task, statistic);
    if (view === undefined) return undefined;
    const part = contiguousPart(view, layer, layers, view.shape.slice(1));
    return new Float64Array((await readTensorBytes(part)).buffer);
  };
  return {
    layers,
    experts,
    topK,
    items,
    tokens,
    layer: readLayer,
    whole: async (statistic) => required(file, task, statistic, await readFloat64(header, file, task, statistic)),
    required: async (statistic, layer) => required(file, task, statistic, await readLayer(statistic, layer)),
    sample: async (layer) => {
      requireLayer(layer);
      return sampled === undefined
        ? undefined
        : readLayerSample(layer, header.tensors, task.name, { layers, topK, sampled }, wrong);
    },
  };
};
