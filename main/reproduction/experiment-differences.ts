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
import { treatmentWords } from '../evaluation/experiment/findings.ts';
import { accuracyOf, rightItems } from '../evaluation/experiment/pairs.ts';
import { counted } from '../evaluation/wording.ts';
import { armKey } from '../jobs/experiment-arms.ts';

const nameOf = ({ task, model, experts, kept, method, treatment, seed }: ArmName): ArmName => ({
  task,
  model,
  experts,
  kept,
  method,
  treatment,
  seed,
});

const isSameTraining = (before: ArmTraining | null, after: ArmTraining | null): boolean =>
  before?.steps === after?.steps && before?.firstLoss === after?.firstLoss && before?.lastLoss === after?.lastLoss;

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

const pairKey = ({ question, task, method, treatment, model, kept, seed }: ExperimentPair): string =>
  JSON.stringify([question, task, method, treatment, model, kept, seed]);

/** Records of before arms named their draw have one of each: that of seed 0. */
const firstDraw = <T extends Pick<ArmName, 'seed'>>(arm: T): T => (arm.seed === null ? { ...arm, seed: 0 } : arm);

const pairsOf = (record: ExperimentRecord): readonly ExperimentPair[] =>
  experimentDocument(record).answers.flatMap(({ pairs }) => pairs);

export type ExperimentFindings = Pick<ExperimentReproduction, 'arms' | 'items' | 'changed' | 'missing' | 'signs'>;

/** What of an experiment's numbers came out otherwise the second time. */
export const compareExperiments = (before: ExperimentRecord, after: ExperimentRecord): ExperimentFindings => {
  const again = new Map(after.arms.map((arm) => [armKey(arm), arm]));
  const signs = new Map(pairsOf(after).map((pair) => [pairKey(pair), pair]));
  const armAgain = (arm: ArmName): ExperimentArm | undefined =>
    again.get(armKey(arm)) ?? again.get(armKey(firstDraw(arm)));
  const made = before.arms.flatMap((arm) => {
    const second = armAgain(arm);
    return second === undefined ? [] : [{ arm, second }];
  });
  return {
    arms: made.length,
    items: made.reduce((sum, { arm }) => sum + arm.right.length, 0),
    changed: made.flatMap(({ arm, second }) => changeOf(arm, second) ?? []),
    missing: before.arms.filter((arm) => armAgain(arm) === undefined).map(nameOf),
    signs: pairsOf(before).flatMap((pair) => {
      const second = signs.get(pairKey(pair)) ?? signs.get(pairKey(firstDraw(pair)));
      return second === undefined || second.sign === pair.sign ? [] : [{ before: pair, after: second }];
    }),
  };
};

/** The verdict in words. */
export const experimentSentence = ({ arms, items, changed, missing, signs }: ExperimentFindings): string => {
  const compared = `${counted(arms, 'arm')} over ${counted(items, 'item outcome')}`;
  const left = missing.length === 0 ? '' : ` ${counted(missing.length, 'arm was', 'arms were')} not made again.`;
  if (changed.length === 0 && signs.length === 0)
    return arms === 0
      ? `Nothing was compared.${left}`
      : `Every number that was made again matches: ${compared}.${left}`;
  const flipped = changed.reduce((sum, arm) => sum + arm.flipped.length, 0);
  return (
    `Not every number matches: ${String(changed.length)} of ${compared} changed, ${counted(flipped, 'item')} ` +
    `flipped, ${counted(signs.length, 'sign')} of the matrix changed.${left}`
  );
};

const armText = ({ task, model, kept, method, treatment, seed }: ArmName): string =>
  (method === null
    ? `${task}  ${model} ${treatmentWords(treatment)}`
    : `${task}  ${model} to ${String(kept)} by ${method}, ${treatmentWords(treatment)}`) +
  (seed === null ? '' : `, draw ${String(seed)}`);

const lossText = ({ steps, firstLoss, lastLoss }: ArmTraining): string =>
  `${String(firstLoss)} to ${String(lastLoss)} in ${String(steps)} steps`;

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [[title, ...lines.map((line) => `  ${line}`)].join('\n')];

const madeWith = ({ versions, device, python }: ExperimentReproduction['before']): string =>
  [
    `${device.processor}, ${device.provider}, ${counted(device.threads, 'thread')}`,
    ...Object.entries({ ...versions, ...python }).map(([name, version]) => `${name} ${version}`),
  ].join('; ');

/** Everything that a reproduction found, in words: the verdict, then what differs, arm by arm. */
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
    `First run:  ${madeWith(found.before)}\nSecond run: ${madeWith(found.after)}`,
  ].join('\n\n');
