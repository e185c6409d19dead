import { z } from 'zod';
import type { TensorView } from '../checkpoint/descriptor.ts';
import { contiguousPart, readTensorBytes } from '../checkpoint/read-tensor.ts';
import { readSafetensorsHeader, type SafetensorsHeader } from '../checkpoint/safetensors-header.ts';
import type { TensorContent } from '../checkpoint/sealed-tensors.ts';
import { tensorInMemory, type TensorToWrite, writeSafetensors } from '../checkpoint/write-safetensors.ts';
import { boundedList, boundedText, shortName } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import { parseForm } from '../files/parse-json.ts';
import { type ChoiceSample, type LayerSample, WINDOW } from '../profile/choice-sample.ts';
import { emptyRoutingStatistics, gateKinds, type RoutingStatistics } from '../profile/routing-statistics.ts';

/** Axes of a stored statistic: L layers, E experts, H hidden width, or a fixed number. */
export type Axis = 'L' | 'E' | 'H' | number;

/** A statistic: its name in a file and its place in memory. */
export interface StoredStatistic {
  /** Last part of the tensor's name. */
  readonly name: string;
  readonly axes: readonly Axis[];
  readonly read: (statistics: RoutingStatistics) => Float64Array | undefined;
}

const stored = (name: string, axes: readonly Axis[], read: StoredStatistic['read']): StoredStatistic => ({
  name,
  axes,
  read,
});

/** Sums that every profile contains, in the order of a file. */
export const PROFILED = {
  counts: stored('counts', ['L', 'E'], ({ counts }) => counts),
  gateMass: stored('gate_mass', ['L', 'E'], ({ gateMass }) => gateMass),
  probabilitySelected: stored('probability_selected', ['L', 'E'], ({ probabilitySelected }) => probabilitySelected),
  probabilityMass: stored('probability_mass', ['L', 'E'], ({ probabilityMass }) => probabilityMass),
  eanSum: stored('ean_sum', ['L', 'E'], ({ eanSum }) => eanSum),
  reapSum: stored('reap_sum', ['L', 'E'], ({ reapSum }) => reapSum),
  eanSquareSum: stored('ean_square_sum', ['L', 'E'], ({ eanSquareSum }) => eanSquareSum),
  gatedMoments: stored('gated_moments', ['L', gateKinds.length, 2, 3, 'E'], ({ gatedMoments }) => gatedMoments),
  logitSum: stored('logit_sum', ['L', 'E'], ({ logitSum }) => logitSum),
  logitGram: stored('logit_gram', ['L', 'E', 'E'], ({ logitGram }) => logitGram),
  probabilityGram: stored('probability_gram', ['L', 'E', 'E'], ({ probabilityGram }) => probabilityGram),
  coactivation: stored('coactivation', ['L', 'E', 'E'], ({ coactivation }) => coactivation),
};

export const STATISTICS: readonly StoredStatistic[] = Object.values(PROFILED);

/** Statistics that a profile contains only on request. */
export const OPTIONAL_STATISTICS = {
  peakOutputs: stored('peak_outputs', ['L', 'E'], ({ peakOutputs }) => peakOutputs),
  residualSum: stored('residual_sum', ['L', 'E'], ({ residualSum }) => residualSum),
  routedSum: stored('routed_output_sum', ['L', 'E', 'H'], ({ outputs }) => outputs?.routedSum),
  everywhereSum: stored('output_sum', ['L', 'E', 'H'], ({ outputs }) => outputs?.everywhere?.sum),
  everywhereCosineSum: stored('output_cosine_sum', ['L', 'E', 'E'], ({ outputs }) => outputs?.everywhere?.cosineSum),
  eliminationKept: stored('elimination_kept', ['L', 'E', 'E'], ({ elimination }) => elimination?.kept),
  eliminationLoss: stored('elimination_loss', ['L', 'E'], ({ elimination }) => elimination?.loss),
  eliminationSingle: stored('elimination_single', ['L', 'E'], ({ elimination }) => elimination?.single),
  eliminationExhaustive: stored('elimination_exhaustive', ['L', 'E'], ({ elimination }) => elimination?.exhaustive),
};

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
type SampledTask = DescribedTask & { readonly sampled: number };

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

/**
 * The sampled routing choices of a profile as tensors: `<task>.sample_windows` [N, 13] and `.sample_positions` [N]
 * (I32), `.sample_experts` [L, N, K] (I32) and `.sample_weights` [L, N, K] (F32).
 */
const sampleShapes = ({ layers, topK, sampled }: Pick<SampledTask, 'layers' | 'topK' | 'sampled'>) =>
  ({
    windows: { dtype: 'I32', shape: [sampled, WINDOW] },
    positions: { dtype: 'I32', shape: [sampled] },
    experts: { dtype: 'I32', shape: [layers, sampled, topK] },
    weights: { dtype: 'F32', shape: [layers, sampled, topK] },
  }) as const;

type SamplePart = keyof ReturnType<typeof sampleShapes>;
const sampleParts = ['windows', 'positions', 'experts', 'weights'] as const satisfies readonly SamplePart[];

const sampleName = (task: string, part: SamplePart): string => `${task}.sample_${part}`;

const sampleTensors = ({ name, statistics: { layers, topK, sample } }: ProfiledTask): readonly TensorToWrite[] => {
  if (sample === undefined) return [];
  const all = sampleShapes({ layers, topK, sampled: sample.size });
  return sampleParts.map((part) =>
    tensorInMemory(sampleName(name, part), all[part].dtype, all[part].shape, sample[part]),
  );
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
    ...sampleTensors(task),
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

/** Byte range of a tensor; undefined if the file does not contain it. */
const checkedView = (
  { tensors }: SafetensorsHeader,
  file: string,
  name: string,
  dtype: 'F64' | 'F32' | 'I32',
  shape: readonly number[],
): TensorView | undefined => {
  const view = tensors.get(name);
  if (view === undefined || (view.dtype === dtype && view.shape.join() === shape.join())) return view;
  throw notAProfile(
    file,
    `tensor "${name}" is ${view.dtype} [${view.shape.join(', ')}] instead of ${dtype} [${shape.join(', ')}]`,
  );
};

const required = <T>(file: string, name: string, found: T | undefined): T => {
  if (found !== undefined) return found;
  throw notAProfile(file, `tensor "${name}" is missing`);
};

/** A statistic of all layers of a task, or of one; undefined if the file does not contain it. */
const readStatistic = async (
  header: SafetensorsHeader,
  file: string,
  task: DescribedTask,
  { name, axes }: StoredStatistic,
  layer: number | null = null,
): Promise<Float64Array | undefined> => {
  const shape = axes.map((axis) => lengthOf(axis, task));
  const view = checkedView(header, file, `${task.name}.${name}`, 'F64', shape);
  return view === undefined ? undefined : new Float64Array((await readTensorBytes(ofLayer(view, layer))).buffer);
};

/** The part of a tensor [L, ...] that belongs to one layer; null: all of it. */
const ofLayer = (view: TensorView, layer: number | null): TensorView =>
  layer === null ? view : contiguousPart(view, layer, view.shape[0] ?? 0, view.shape.slice(1));

/** The sample of a task: choices of all layers, or of one. */
const readSample = async (
  header: SafetensorsHeader,
  file: string,
  task: SampledTask,
  layer: number | null = null,
): Promise<ChoiceSample> => {
  const all = sampleShapes(task);
  const view = (part: SamplePart): TensorView => {
    const name = sampleName(task.name, part);
    return required(file, name, checkedView(header, file, name, all[part].dtype, all[part].shape));
  };
  const [windows, positions] = [view('windows'), view('positions')];
  const [experts, weights] = [ofLayer(view('experts'), layer), ofLayer(view('weights'), layer)];
  return {
    size: task.sampled,
    windows: new Int32Array((await readTensorBytes(windows)).buffer),
    positions: new Int32Array((await readTensorBytes(positions)).buffer),
    experts: new Int32Array((await readTensorBytes(experts)).buffer),
    weights: new Float32Array((await readTensorBytes(weights)).buffer),
  };
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
    readStatistic(header, file, task, statistic);
  const sums = emptyRoutingStatistics(task.layers, task.experts, task.topK);
  for (const statistic of STATISTICS) {
    statistic.read(sums)?.set(required(file, `${task.name}.${statistic.name}`, await read(statistic)));
  }
  const optional = await readOptional(read, task.hidden);
  const { sampled } = task;
  const sample = sampled === undefined ? {} : { sample: await readSample(header, file, { ...task, sampled }) };
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
  const requireLayer = (layer: number): void => {
    if (!(layer >= 0 && layer < layers)) throw new RangeError(`layer ${layer} is not among ${layers} MoE layers`);
  };
  const readLayer = async (statistic: StoredStatistic, layer: number): Promise<Float64Array | undefined> => {
    requireLayer(layer);
    return readStatistic(header, file, task, statistic, layer);
  };
  const requiredOf = ({ name }: StoredStatistic, values: Float64Array | undefined): Float64Array =>
    required(file, `${task.name}.${name}`, values);
  return {
    layers,
    experts,
    topK,
    items,
    tokens,
    layer: readLayer,
    whole: async (statistic) => requiredOf(statistic, await readStatistic(header, file, task, statistic)),
    required: async (statistic, layer) => requiredOf(statistic, await readLayer(statistic, layer)),
    sample: async (layer) => {
      requireLayer(layer);
      return sampled === undefined
        ? undefined
        : { ...(await readSample(header, file, { ...task, sampled }, layer)), topK };
    },
  };
};
