import type {
  ArmName,
  ArmTraining,
  ChangedArm,
  ExperimentArm,
  ExperimentPair,
  ExperimentRecord,
  ExperimentReproduction,
} from '../contract/experiment.ts';
import { experimentDocument } from '../evaluation/experiment/document.ts';
import { accuracyOf, curveOf, rightItems } from '../evaluation/experiment/pairs.ts';
import type { AllowanceOf } from '../evaluation/field-differences.ts';
import { armKey } from '../jobs/experiment-arms.ts';
import { EXPERIMENT_FILE } from '../runs/experiment-record.ts';
import { deviceName, precisionText } from '../words/devices.ts';
import { armWords } from '../words/methods.ts';
import { counted } from '../words/numbers.ts';
import { compareManifests, nameOtherFiles } from './compare-manifests.ts';
import type { FirstManifest } from './compare-sweep-folders.ts';
import { leftWords } from './differences.ts';
import { changedFieldsWords, FieldLedger, fieldSections, ROUNDING, ROUNDING_WORDS, section } from './field-ledger.ts';

const nameOf = ({ task, model, experts, kept, method, treatment, gates, seed }: ArmName): ArmName => ({
  task,
  model,
  experts,
  kept,
  method,
  treatment,
  gates,
  seed,
});

/** A loss is a mean of log-probabilities, and is rounded like them. */
const isSameLoss = (before: number, after: number): boolean => Math.abs(before - after) <= ROUNDING.score;

const isSameTraining = (before: ArmTraining | null, after: ArmTraining | null): boolean =>
  before === null || after === null
    ? before === after
    : before.steps === after.steps &&
      isSameLoss(before.firstLoss, after.firstLoss) &&
      isSameLoss(before.lastLoss, after.lastLoss);

const MADE_WITH = 'the circumstances of a training are shown beside the comparison';
const LEFT_OUT = 'arms that cannot be made here are left out and listed';

const allowanceOf: AllowanceOf = (field) => {
  if (field === 'run') return { kind: 'any', reason: 'names the run itself' };
  if (field === 'python' || field.startsWith('python.')) return { kind: 'any', reason: MADE_WITH };
  if (field === 'settings.treatments') return { kind: 'any', reason: LEFT_OUT };
  return field.endsWith('Loss') ? { kind: 'rounding', absolute: ROUNDING.score } : { kind: 'none' };
};

const changeOf = (before: ExperimentArm, after: ExperimentArm): ChangedArm | null => {
  const second = rightItems(after.right);
  const flipped = rightItems(before.right).flatMap((isRight, item) => (isRight === second[item] ? [] : [item]));
  const isLonger = after.right.length !== before.right.length;
  const isSame = isSameTraining(before.training, after.training);
  if (flipped.length === 0 && !isLonger && isSame) return null;
  const losses =
    isSame || before.training === null || after.training === null
      ? null
      : { before: before.training, after: after.training };
  return { ...nameOf(before), before: accuracyOf(before.right), after: accuracyOf(after.right), flipped, losses };
};

const pairKey = ({ question, task, model, kept, seed, ...curve }: ExperimentPair): string =>
  JSON.stringify([question, task, curveOf(curve), model, kept, seed]);

const pairsOf = (record: ExperimentRecord): readonly ExperimentPair[] =>
  experimentDocument(record).answers.flatMap(({ pairs }) => pairs);

export type ExperimentFindings = Pick<
  ExperimentReproduction,
  'arms' | 'items' | 'changed' | 'missing' | 'signs' | 'fields'
>;

/** The first run's manifest, the files of its folder, and those that were changed. */
export interface FirstExperiment {
  readonly edited?: readonly string[];
  readonly files?: readonly string[];
  readonly manifests?: FirstManifest;
}

/** Numbers of an experiment that differ the second time. */
export const compareExperiments = (
  before: ExperimentRecord,
  after: ExperimentRecord,
  { edited = [], files = [], manifests }: FirstExperiment = {},
): ExperimentFindings => {
  const again = new Map(after.arms.map((arm) => [armKey(arm), arm]));
  const signs = new Map(pairsOf(after).map((pair) => [pairKey(pair), pair]));
  const armAgain = (arm: ArmName): ExperimentArm | undefined => again.get(armKey(arm));
  const made = before.arms.flatMap((arm) => {
    const second = armAgain(arm);
    return second === undefined ? [] : [{ arm, second }];
  });
  const ledger = new FieldLedger();
  ledger.read(EXPERIMENT_FILE);
  // Arms that only the first record has are listed apart.
  const first = new Map(made.map(({ arm }) => [armKey(arm), arm]));
  ledger.compare(EXPERIMENT_FILE, allowanceOf, { ...before, arms: first }, { ...after, arms: again });
  if (manifests !== undefined) compareManifests(ledger, manifests.before, manifests.again);
  nameOtherFiles(ledger, files);
  return {
    arms: made.length,
    items: made.reduce((sum, { arm }) => sum + arm.right.length, 0),
    changed: made.flatMap(({ arm, second }) => changeOf(arm, second) ?? []),
    fields: ledger.found(edited, manifests?.before.provenance),
    missing: before.arms.filter((arm) => armAgain(arm) === undefined).map(nameOf),
    signs: pairsOf(before).flatMap((pair) => {
      const second = signs.get(pairKey(pair));
      return second === undefined || second.sign === pair.sign ? [] : [{ before: pair, after: second }];
    }),
  };
};

/** Whether every repeated number is the same up to rounding, and none was left out. */
export const isExperimentMatch = ({ changed, missing, signs, fields }: ExperimentFindings): boolean =>
  [changed, missing, signs, fields.changed].every((list) => list.length === 0);

export const experimentSentence = ({ arms, items, changed, missing, signs, fields }: ExperimentFindings): string => {
  const compared = `${counted(arms, 'arm')} over ${counted(items, 'item outcome')}`;
  const left = missing.length === 0 ? '' : ` ${counted(missing.length, 'arm was', 'arms were')} not made again.`;
  const others = changedFieldsWords(fields);
  if (changed.length === 0 && signs.length === 0 && others === null)
    return arms === 0
      ? `Nothing was compared.${left}`
      : `Every number that was made again and compared matches: ${compared}.${left}${leftWords(fields)}`;
  const flipped = changed.reduce((sum, arm) => sum + arm.flipped.length, 0);
  return (
    `Not every number matches: ${changed.length} of ${compared} changed, ${counted(flipped, 'item')} ` +
    `flipped, ${counted(signs.length, 'sign')} of the matrix changed${others === null ? '' : `, ${others}`}.${left}`
  );
};

const armText = ({ task, model, kept, method, seed, ...arm }: ArmName): string =>
  (method === null
    ? `${task}  ${model} ${armWords(arm)}`
    : `${task}  ${model} to ${kept} by ${method}, ${armWords(arm)}`) + (seed === null ? '' : `, draw ${seed}`);

const lossText = ({ steps, firstLoss, lastLoss }: ArmTraining): string =>
  `${firstLoss} to ${lastLoss} in ${steps} steps`;

const madeWith = ({ versions, device, python }: ExperimentReproduction['before']): string =>
  [
    `${device.processor}, ${deviceName(device)}, ${precisionText(device)}, ${counted(device.threads, 'thread')}`,
    ...Object.entries({ ...versions, ...python }).map(([name, version]) => `${name} ${version}`),
  ].join('; ');

/** The findings of a reproduction as text: the verdict, then the differences, arm by arm. */
export const experimentReproductionText = (found: ExperimentReproduction): string =>
  [
    found.sentence,
    ...section(
      'Arms that changed (items counted from 0):',
      found.changed.map((arm) => {
        const flips = arm.flipped.length === 0 ? 'no item flipped' : `items ${arm.flipped.join(', ')} flipped`;
        const losses =
          arm.losses === null ? '' : `; loss ${lossText(arm.losses.before)}, now ${lossText(arm.losses.after)}`;
        return `${armText(arm)}: ${arm.before.toFixed(4)}, now ${arm.after.toFixed(4)}, ${flips}${losses}`;
      }),
    ),
    ...section(
      'Signs that changed:',
      found.signs.map(
        ({ before, after }) => `${armText(before)} against ${before.question}: ${before.sign}, now ${after.sign}`,
      ),
    ),
    ...section(
      `Arms that were not made again${found.reason === null ? '' : ` (${found.reason})`}:`,
      found.missing.map(armText),
    ),
    ...fieldSections(found.fields),
    ROUNDING_WORDS,
    `First run:  ${madeWith(found.before)}\nSecond run: ${madeWith(found.after)}`,
  ].join('\n\n');
