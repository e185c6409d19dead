import { finetuneSettings, type FinetuneSettings, finetuneStage } from '../contract/finetune.ts';
import { refuse } from '../contract/errors.ts';
import type { OptionReader } from './option-values.ts';
import type { VerbOption } from './verb.ts';

const { device } = finetuneSettings.shape;
const DEVICES = device.unwrap().options;

/** How a checkpoint is fine-tuned. */
export const TRAINING_OPTIONS: Readonly<Record<string, VerbOption>> = {
  stage: {
    type: 'string',
    multiple: true,
    value: 'LIST',
    help: 'router (all else frozen), all, or router,all: first one, then the other (default).',
  },
  'router-steps': { type: 'string', value: 'N', help: 'Steps of the stage router (default 20).' },
  epochs: { type: 'string', value: 'N', help: 'Rounds through the items in the stage all (default 50).' },
  batch: { type: 'string', value: 'N', help: 'Items a step (default 64).' },
  length: { type: 'string', value: 'N', help: 'Tokens of an item that are kept, from its end (default 128).' },
  rate: {
    type: 'string',
    value: 'X',
    help: 'Peak rate (default 0.000001, for models of some hundred millions; a bundled model takes 0.0001 to 0.001).',
  },
  'warm-up': {
    type: 'string',
    value: 'N',
    help: 'Steps in which the rate rises (default: a tenth of the stage, at most 500).',
  },
  decay: { type: 'string', value: 'X', help: 'Weight decay (default 0.001).' },
  clip: { type: 'string', value: 'X', help: 'Largest norm of the gradient (default 1).' },
  balance: { type: 'string', value: 'X', help: 'Weight of the balancing loss (default 0.01).' },
  freeze: {
    type: 'string',
    multiple: true,
    value: 'LIST',
    help: 'Weights whose name in transformers holds one of these parts do not move: embed_tokens, self_attn, ...',
  },
  'save-every': { type: 'string', value: 'N', help: 'Steps between two states on disk (default 50).' },
  seed: { type: 'string', value: 'N', help: 'Seed of the order of items (default 0).' },
  'train-on': {
    type: 'string',
    value: 'DEVICE',
    help: `${DEVICES.join(', ')} (default cpu, where the same settings give the same weights).`,
  },
};

export const PYTHON_OPTION: Readonly<Record<string, VerbOption>> = {
  python: {
    type: 'string',
    value: 'FILE',
    help: 'Python with PyTorch and transformers (default: the environment that "uncurl doctor --python" makes).',
  },
};

/** The settings that the options name; the others are defaults. */
export const readTraining = (reader: OptionReader): FinetuneSettings => {
  const stages = reader.choices('stage', finetuneStage.options);
  if (new Set(stages).size !== stages.length)
    throw refuse('bad-value', `--stage names "${stages.join(',')}".`, 'Name each stage once.');
  return finetuneSettings.parse({
    stages: stages.length === 0 ? undefined : stages,
    routerSteps: reader.whole('router-steps', 1),
    epochs: reader.whole('epochs', 1),
    batch: reader.whole('batch', 1),
    length: reader.whole('length', 2),
    rate: reader.real('rate', Number.MIN_VALUE, 1),
    warmUp: reader.whole('warm-up', 0),
    weightDecay: reader.real('decay', 0, 1),
    clip: reader.real('clip', Number.MIN_VALUE),
    balance: reader.real('balance', 0),
    freeze: reader.list('freeze'),
    saveEvery: reader.whole('save-every', 1),
    seed: reader.whole('seed', 0),
    device: reader.choice('train-on', DEVICES),
  });
};
