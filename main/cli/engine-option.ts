import { join, resolve } from 'node:path';
import { refuse } from '../contract/errors.ts';
import { checkPython } from '../finetune/find-python.ts';
import { openTorchModel } from '../torch/open-torch-model.ts';
import type { ComputedBy } from '../torch/torch-model.ts';
import { torchPrecision, type TorchPrecision } from '../torch/worker-link.ts';
import { DEVICE_OPTION, type withRunner } from './open-runner.ts';
import { badValue, type OptionReader } from './option-values.ts';
import type { VerbHost, VerbOption } from './verb.ts';

const ENGINES = ['onnxruntime', 'torch'] as const;
/** transformers is the oldest version tried; older versions of PyTorch lack number formats that the worker names. */
const LEAST = { python: [3, 10], torch: [2, 7], transformers: [5, 24] } as const;

/** For verbs that compute with either engine: `--device` and what chooses the engine. */
export const ENGINE_OPTIONS: Readonly<Record<string, VerbOption>> = {
  engine: {
    type: 'string',
    value: 'NAME',
    help: `What computes: ${ENGINES.join(', ')} (default ${ENGINES[0]}); torch is PyTorch in the Python of --python.`,
  },
  python: { type: 'string', value: 'FILE', help: 'Python with PyTorch and transformers, for --engine torch.' },
  precision: {
    type: 'string',
    value: 'P',
    help: `For --engine torch: ${torchPrecision.options.join(', ')} (default ${torchPrecision.options[0]}).`,
  },
  device: {
    type: 'string',
    value: 'NAME',
    help: `${DEVICE_OPTION['device']?.help ?? ''} With --engine torch: cpu or cuda:N.`,
  },
};

/** PyTorch, as the options name it. */
export interface TorchEngine {
  /** Opens a model for `withRunner`, behind the gate. */
  readonly open: NonNullable<Parameters<typeof withRunner>[3]['open']>;
  /** Engine, device and versions, for the verb's document and for its text; known once a model was opened. */
  readonly made: () => { readonly document: object; readonly text: string };
}

/**
 * The engine that `--engine` names; null for onnxruntime, the default.
 *
 * @throws WorkbenchError refused: `bad-usage`, `bad-value`, or what is wrong with the Python.
 */
export const readEngine = async (
  reader: OptionReader,
  { resources }: Pick<VerbHost, 'resources'>,
): Promise<TorchEngine | null> => {
  if ((reader.choice('engine', ENGINES) ?? 'onnxruntime') === 'onnxruntime') {
    const idle = ['python', 'precision'].find((name) => reader.text(name) !== undefined);
    if (idle !== undefined)
      throw refuse(
        'bad-usage',
        `--${idle} is for --engine torch alone.`,
        `Add --engine torch, or leave out --${idle}.`,
      );
    return null;
  }
  const precision = reader.choice('precision', torchPrecision.options) ?? 'float32';
  const device = reader.text('device') ?? 'cpu';
  if (!/^(?:cpu|cuda:\d{1,3})$/.test(device)) throw badValue('device', device, 'cpu or cuda:N with --engine torch');
  const { path } = await checkPython(resolve(reader.requiredText('python')), LEAST);
  const script = join(resources, 'torch', 'worker.py');
  let by: ComputedBy | null = null;
  return {
    open: (checkpoint, settings) =>
      openTorchModel(checkpoint, settings, { python: path, script, precision, device }, (started) => {
        by = started;
      }),
    made: () => {
      if (by === null) throw new Error('no model was opened');
      return { document: { engine: { name: 'torch', precision, ...withoutFree(by) } }, text: textOf(by, precision) };
    },
  };
};

/** For the default engine, whose document and text do not change. */
export const madeBy = (engine: TorchEngine | null): { readonly document: object; readonly text: string } =>
  engine?.made() ?? { document: {}, text: '' };

const withoutFree = ({ device, card, versions }: ComputedBy): Omit<ComputedBy, 'freeBytes'> => ({
  device,
  card,
  versions,
});

const textOf = ({ device, card, versions }: ComputedBy, precision: TorchPrecision): string =>
  ` Computed by PyTorch ${versions['torch'] ?? ''} (transformers ${versions['transformers'] ?? ''}, ` +
  `Python ${versions['python'] ?? ''}) in ${precision} on ${device}${card === null ? '' : ` (${card})`}.`;
