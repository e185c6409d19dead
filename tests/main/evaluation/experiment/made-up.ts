import {
  type ArmTreatment,
  type ExperimentArm,
  type ExperimentRecord,
  experimentSettings,
} from '../../../../main/contract/experiment.ts';

/** Items of a made-up task: enough for a threshold at a margin of 2 points. */
export const ITEMS = 300;

/** `wrong` items are wrong, from item `from` on. */
export const answers = (wrong: number, from = 0, items = ITEMS): string =>
  Array.from({ length: items }, (_, item) => (item >= from && item < from + wrong ? '0' : '1')).join('');

export const arm = (
  experts: number,
  kept: number,
  right: string,
  {
    task = 'one',
    treatment = 'as-is',
    gates = null,
    seed = null,
  }: {
    readonly task?: string;
    readonly treatment?: ArmTreatment;
    readonly gates?: ExperimentArm['gates'];
    readonly seed?: number | null;
  } = {},
): ExperimentArm => ({
  task,
  model: `family-${String(experts)}`,
  experts,
  kept,
  method: experts === kept ? null : 'uncurl',
  treatment,
  gates,
  seed,
  right,
  truncated: 0,
  training: treatment === 'tuned' ? { steps: 3, firstLoss: 2, lastLoss: 1 } : null,
});

export const record = (
  arms: readonly ExperimentArm[],
  { groups = null, sizes = [8, 32, 64] }: { groups?: readonly string[] | null; sizes?: readonly number[] } = {},
): ExperimentRecord => ({
  run: 'made-up',
  settings: experimentSettings.parse({
    training: {},
    treatments: [...new Set(arms.map(({ treatment }) => treatment))],
  }),
  models: sizes.map((experts) => ({ name: `family-${String(experts)}`, experts })),
  tasks: [...new Set(arms.map(({ task }) => task))].map((name) => ({
    name,
    metric: 'acc' as const,
    n: arms[0]?.right.length ?? 0,
    groups: groups === null ? null : [...groups],
  })),
  arms: [...arms],
  python: {},
  mixture: null,
});
