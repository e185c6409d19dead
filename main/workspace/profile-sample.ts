import type { TensorView } from '../checkpoint/descriptor.ts';
import { contiguousPart, readTensorBytes } from '../checkpoint/read-tensor.ts';
import { tensorInMemory, type TensorToWrite } from '../checkpoint/write-safetensors.ts';
import { type ChoiceSample, type LayerSample, WINDOW } from '../profile/choice-sample.ts';

// The sampled routing choices of a profile as tensors: `<task>.sample_windows` [N, 13] and `.sample_positions` [N]
// (I32), `.sample_experts` [L, N, K] (I32) and `.sample_weights` [L, N, K] (F32).

interface SampleShape {
  readonly layers: number;
  readonly topK: number;
  /** N. */
  readonly sampled: number;
}

const shapes = ({ layers, topK, sampled }: SampleShape) =>
  ({
    windows: { dtype: 'I32', shape: [sampled, WINDOW] },
    positions: { dtype: 'I32', shape: [sampled] },
    experts: { dtype: 'I32', shape: [layers, sampled, topK] },
    weights: { dtype: 'F32', shape: [layers, sampled, topK] },
  }) as const;

type Part = keyof ReturnType<typeof shapes>;
const parts = ['windows', 'positions', 'experts', 'weights'] as const satisfies readonly Part[];

const nameOf = (task: string, part: Part): string => `${task}.sample_${part}`;

export const sampleTensors = (
  task: string,
  sample: ChoiceSample,
  shape: Pick<SampleShape, 'layers' | 'topK'>,
): readonly TensorToWrite[] => {
  const all = shapes({ ...shape, sampled: sample.size });
  return parts.map((part) => tensorInMemory(nameOf(task, part), all[part].dtype, all[part].shape, sample[part]));
};

/** Byte ranges of the parts of a sample; `wrong` reports a mismatch. */
const sampleViews = (
  tensors: ReadonlyMap<string, TensorView>,
  task: string,
  shape: SampleShape,
  wrong: (what: string) => Error,
): Readonly<Record<Part, TensorView>> => {
  const all = shapes(shape);
  const view = (part: Part): TensorView => {
    const name = nameOf(task, part);
    const found = tensors.get(name);
    if (found === undefined) throw wrong(`tensor "${name}" is missing`);
    const { dtype, shape: wanted } = all[part];
    if (found.dtype === dtype && found.shape.join() === wanted.join()) return found;
    throw wrong(
      `tensor "${name}" is ${found.dtype} [${found.shape.join(', ')}] instead of ${dtype} [${wanted.join(', ')}]`,
    );
  };
  return { windows: view('windows'), positions: view('positions'), experts: view('experts'), weights: view('weights') };
};

const integers = async (view: TensorView): Promise<Int32Array> => new Int32Array((await readTensorBytes(view)).buffer);
const floats = async (view: TensorView): Promise<Float32Array> =>
  new Float32Array((await readTensorBytes(view)).buffer);

const sampleIn = async (
  { windows, positions, experts, weights }: ReturnType<typeof sampleViews>,
  { sampled }: SampleShape,
  part: (view: TensorView) => TensorView = (view) => view,
): Promise<ChoiceSample> => ({
  size: sampled,
  windows: await integers(windows),
  positions: await integers(positions),
  experts: await integers(part(experts)),
  weights: await floats(part(weights)),
});

export const readSample = (...[tensors, task, shape, wrong]: Parameters<typeof sampleViews>): Promise<ChoiceSample> =>
  sampleIn(sampleViews(tensors, task, shape, wrong), shape);

export const readLayerSample = async (
  layer: number,
  tensors: ReadonlyMap<string, TensorView>,
  task: string,
  shape: SampleShape,
  wrong: (what: string) => Error,
): Promise<LayerSample> => {
  const views = sampleViews(tensors, task, shape, wrong);
  const { layers, topK } = shape;
  const ofLayer = (view: TensorView): TensorView => contiguousPart(view, layer, layers, view.shape.slice(1));
  return { ...(await sampleIn(views, shape, ofLayer)), topK };
};
