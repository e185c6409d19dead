import { finetuneSettings, type FinetuneSettings } from '../contract/finetune.ts';
import { type OptionReader, readSettings, settingOptions, valueOption, type VerbOption } from './verb.ts';

/** Options of fine-tuning: the contract's settings, and the file of the general stage. */
export const TRAINING_OPTIONS: Readonly<Record<string, VerbOption>> = {
  ...settingOptions(finetuneSettings),
  mixture: valueOption(
    'FILE',
    'Items of the stage general, one {"group","context","answer"} a line (default: those that the bundled models ' +
      'were pretrained on, without test items). Test items of the tasks are left out.',
  ),
};

const PYTHON_HELP =
  'Python with PyTorch and transformers (default: the environment that "uncurl doctor --python" makes).';

export const PYTHON_OPTION: Readonly<Record<string, VerbOption>> = {
  python: valueOption('FILE', PYTHON_HELP),
};

/** For verbs that may compute with PyTorch, and train in Python. */
export const ENGINE_OR_TRAINING_PYTHON: Readonly<Record<string, VerbOption>> = {
  python: valueOption('FILE', `For --engine torch, or for the fine-tuned arms of an experiment: ${PYTHON_HELP}`),
};

/** The settings that the options name; all others keep their defaults. */
export const readTraining = (reader: OptionReader): FinetuneSettings =>
  finetuneSettings.parse(readSettings(reader, finetuneSettings));
