import { resolve } from 'node:path';
import { describedEngineSettings, torchDevice, type TorchPrecision } from '../contract/device.ts';
import { refuse } from '../contract/errors.ts';
import { openTorchModel } from '../torch/open-torch-model.ts';
import { type TorchChoice, torchOrder } from '../torch/torch-choice.ts';
import { type ComputedBy, TorchWorkers } from '../torch/torch-model.ts';
import { DEVICE_OPTION, machineSettings, type withRunner } from './open-runner.ts';
import { engineText } from '../words/devices.ts';
import { badValue, type OptionReader, readSettings, settingOptions } from './option-values.ts';
import type { VerbHost, VerbOption } from './verb.ts';

/** For verbs that compute with either engine: `--device` and what chooses the engine. */
export const ENGINE_OPTIONS: Readonly<Record<string, VerbOption>> = {
  ...settingOptions(describedEngineSettings),
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
 * The choice made by `--engine torch` and its options; null for onnxruntime, the default.
 *
 * @throws WorkbenchError refused: `bad-usage`, `bad-value`.
 */
export const readTorchChoice = (reader: OptionReader): TorchChoice | null => {
  const { engine, python, precision } = describedEngineSettings.parse(readSettings(reader, describedEngineSettings));
  if (engine === 'onnxruntime') {
    if (python !== undefined)
      throw refuse('bad-usage', '--python is for --engine torch alone.', 'Add --engine torch, or leave out --python.');
    return null;
  }
  const device = reader.text('device') ?? 'cpu';
  if (!torchDevice.safeParse(device).success) throw badValue('device', device, 'cpu or cuda:N with --engine torch');
  return { python: resolve(reader.requiredText('python')), precision: precision ?? null, device };
};

/**
 * The engine of a verb that opens one model; null for onnxruntime.
 *
 * @throws WorkbenchError refused: `bad-usage`, `bad-value`, or what is wrong with the Python.
 */
export const readEngine = async (
  reader: OptionReader,
  { resources }: Pick<VerbHost, 'resources'>,
): Promise<TorchEngine | null> => {
  const choice = readTorchChoice(reader);
  if (choice === null) return null;
  const { precision, ...order } = await torchOrder(choice, { resources, threads: machineSettings(reader).threads });
  let computed: { readonly by: ComputedBy; readonly precision: TorchPrecision } | null = null;
  return {
    open: (checkpoint, settings) =>
      openTorchModel(checkpoint, settings, new TorchWorkers(order, { keepsOne: false }), precision, (by, own) => {
        computed = { by, precision: own };
      }),
    made: () => {
      if (computed === null) throw new Error('no model was opened');
      const { device, card, versions } = computed.by;
      const engine = { name: 'torch', precision: computed.precision, device, card, versions };
      const used = { provider: device, precision: computed.precision, ...(card === null ? {} : { name: card }) };
      return { document: { engine }, text: ` Computed by ${engineText({ device: used, versions })}.` };
    },
  };
};

/** For the default engine, whose document and text do not change. */
export const madeBy = (engine: TorchEngine | null): { readonly document: object; readonly text: string } =>
  engine?.made() ?? { document: {}, text: '' };
