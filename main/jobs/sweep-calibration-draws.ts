import { present, refuse } from '../contract/errors.ts';
import type { Plan } from '../contract/plan.ts';
import { type CalibrationDraw, FEW_TOKENS, type SweepSettings } from '../contract/sweep.ts';
import { meanRankCorrelation, sharedChoice } from '../evaluation/calibration-luck.ts';
import { drawnExtras, drawnTimes } from '../profile/calibration-draws.ts';
import type { ExtraStatistic, RoutingStatistics } from '../profile/routing-statistics.ts';
import { scoresForModel } from '../pruning/make-plan.ts';
import { extrasInWords } from '../pruning/plan-needs.ts';
import { listed } from '../words/numbers.ts';
import { profileContent, readProfileFile } from '../workspace/profile-file.ts';
import { isFileMethod } from './file-methods.ts';
import type { JobContext } from './job-context.ts';
import { makePlan, requestOf, taskProfileKey } from './plan-step.ts';
import type { PlanSubject } from './search-step.ts';
import { drawnProfilesKey, type PlannedStep, runStep, type SingleStep } from './step.ts';
import { measurePlans } from './sweep-elsewhere.ts';
import {
  candidatesOf,
  type CountedCurve,
  type CurvePlan,
  drawsPlans,
  isSameCurve,
  needsOfMethod,
  type PlannedStage,
  type Stage,
} from './sweep-stages.ts';

/**
 * Plans made from calibration items that were drawn again. The profiles of all draws of a task come from one pass over
 * its items; after that a draw costs its plans and their answers. Every such plan is compared with the plan of all
 * items.
 */

interface Draw {
  readonly draw: number;
  /** Wanted number of items; null: as many as there are. */
  readonly size: number | null;
}

const drawsOf = ({ calibrationDraws = 0, calibrationSizes }: SweepSettings): readonly Draw[] => {
  const sizes = calibrationSizes === undefined ? [null] : [...new Set(calibrationSizes.split(',').map(Number))];
  return sizes.flatMap((size) => Array.from({ length: calibrationDraws }, (_, draw) => ({ draw, size })));
};

/** Whether plans of a curve are made from the calibration items at all, and from a profile of them. */
const readsProfile = (settings: SweepSettings, { method, weights }: CountedCurve): boolean =>
  weights === undefined && !isFileMethod(settings, method) && needsOfMethod(settings, method).profile;

/** The curves of a stage whose plans are drawn again: those with seeds by their first one. */
export const drawnCurves = ({ settings, curves }: Pick<PlannedStage, 'settings' | 'curves'>): readonly CountedCurve[] =>
  curves.filter(
    (curve) => readsProfile(settings, curve) && (curve.seed === null || curve.seed === (settings.seeds[0] ?? 0)),
  );

/**
 * Refuses (`bad-usage`) calibration draws where a plan cannot be made from the profile of a draw, by name, or where
 * nothing depends on the calibration items.
 */
export const requireDrawable = (settings: SweepSettings, experts: number, topK: number): void => {
  const { calibrationDraws, calibrationSizes, stop, recovery, weights, methods } = settings;
  if (calibrationDraws === undefined) {
    if (calibrationSizes === undefined) return;
    throw refuse(
      'bad-usage',
      'Sizes of calibration draws are given, but no calibration draws.',
      'Add --calibration-draws N.',
    );
  }
  const leaveOut = (what: string): string => `Leave out --calibration-draws, or ${what}.`;
  if (stop !== undefined)
    throw refuse(
      'bad-usage',
      'Calibration draws are measured on every item; a search that stops early does not measure every item.',
      leaveOut('--stop early'),
    );
  if (recovery !== 'none')
    throw refuse(
      'bad-usage',
      'A refit reads the calibration items themselves, not sums over them, so it has no calibration draws.',
      leaveOut('--recovery'),
    );
  const rounded = weights?.find((type) => type !== 'stored');
  if (rounded !== undefined)
    throw refuse(
      'bad-usage',
      `Calibration draws are measured with stored weights only, not with ${rounded}.`,
      leaveOut('--weights'),
    );
  if (settings.budget === 'measured')
    throw refuse(
      'bad-usage',
      'The budget measured answers the calibration items themselves, which no draw does again.',
      leaveOut('--budget measured'),
    );
  const made = methods.filter((method) => !isFileMethod(settings, method));
  for (const method of made) {
    const { search, extras } = needsOfMethod(settings, method);
    const isNoSum = (extra: ExtraStatistic): boolean => !drawnExtras.includes(extra);
    const words = extrasInWords(extras.filter(isNoSum), experts, topK);
    const why =
      search !== null ? 'it searches on the calibration items themselves' : words === null ? null : `it reads ${words}`;
    if (why !== null)
      throw refuse(
        'bad-usage',
        `The plans of ${method} cannot be made from the profile of a calibration draw: ${why}, and only sums over ` +
          'single items can be added up again.',
        leaveOut('this method (or the budget that needs it)'),
      );
  }
  if (!made.some((method) => needsOfMethod(settings, method).profile))
    throw refuse(
      'bad-usage',
      `No plan of this sweep is made from calibration items: ${listed(methods)} read none.`,
      'Add a method that reads a profile, or leave out --calibration-draws.',
    );
};

/** The steps of a stage's calibration draws: one pass over the items, then the answers of each plan. */
export const calibrationDrawSteps = (planned: PlannedStage): readonly PlannedStep[] => {
  const { settings, measurement, calibration } = planned;
  const draws = drawsOf(settings);
  if (draws.length === 0) return [];
  const plans = drawnCurves(planned).flatMap(({ counts }) => counts.flatMap(() => draws.map(() => measurement)));
  return [{ work: calibration.profiling }, ...plans];
};

/** The profiles of draws of a subject's calibration items. */
const drawnProfiles = (
  { runners, numerics }: JobContext,
  { model, task: { name, task }, calibration }: PlanSubject,
  times: readonly (readonly number[])[],
  extras: readonly ExtraStatistic[],
): SingleStep<readonly RoutingStatistics[]> => {
  const { checkpoint } = model;
  const key = drawnProfilesKey(taskProfileKey(checkpoint.identity, task, numerics, extras), times);
  return {
    key,
    work: calibration.profiling,
    title: `Profiling draws of the calibration items of ${name} on ${model.name}`,
    checkpoint,
    read: async (steps) => {
      const file = await steps.readTensors(key, 'profile');
      return file === null ? null : (await readProfileFile(file)).tasks.map(({ statistics }) => statistics);
    },
    write: async (steps, draws) => {
      const tasks = draws.map((statistics, draw) => ({ name: `draw ${String(draw)}`, hash: task.hash, statistics }));
      const { name: modelName, fingerprint, identity: sha256 } = checkpoint;
      await steps.writeTensors(key, 'profile', profileContent({ model: modelName, fingerprint, sha256, tasks }));
    },
    compute: async (control) => (await runners.open(checkpoint)).profileDraws(task.calibration, times, control, extras),
  };
};

const thinExperts = ({ counts }: RoutingStatistics): number => counts.filter((count) => count < FEW_TOKENS).length;

/** A plan of all calibration items that draws are compared with. */
interface WholePlan {
  readonly curve: CountedCurve;
  readonly keep: number;
  readonly plan: Plan;
  readonly scores: readonly Float64Array[];
}

/** A plan of a draw, and how it differs from the plan of all items. */
interface DrawnPlan extends CurvePlan {
  readonly point: Omit<CalibrationDraw, 'result'>;
}

/** The scores behind the plan of a curve with `keep` experts, from a profile. */
const scoresOf = (
  { source }: Stage,
  curve: CountedCurve,
  keep: number,
  profile: RoutingStatistics,
): readonly Float64Array[] => {
  const request = requestOf(curve, keep);
  return scoresForModel(source.model.checkpoint, { ...request, statistics: [profile], tasks: [source.task.task.name] });
};

/** The plans of all items at the counts of every curve; a worker makes those that it has not measured. */
const wholePlans = async (
  stage: Stage,
  curves: readonly CountedCurve[],
  statistics: RoutingStatistics,
): Promise<readonly WholePlan[]> => {
  const found: WholePlan[] = [];
  for (const curve of curves)
    for (const keep of curve.counts) {
      const known = stage.candidates.find((made) => made.keep === keep && isSameCurve(made, curve));
      for (const { plan } of known === undefined ? await candidatesOf(stage, [curve], [keep]) : [known])
        found.push({ curve, keep, plan, scores: scoresOf(stage, curve, keep, statistics) });
    }
  return found;
};

/**
 * Measures the calibration draws of curves of a stage; the unpruned model was measured there. The profiles of the draws
 * are those of all curves together, whichever are measured.
 */
export const measureCalibrationDraws = async (stage: Stage, measured = drawnCurves(stage)): Promise<void> => {
  const { context, settings, source, curves, record } = stage;
  const items = source.task.task.calibration;
  const draws = drawsOf(settings);
  const drawn = drawnCurves(stage);
  const others = curves.filter((curve) => !readsProfile(settings, curve)).map(({ method }) => method);
  if (others.length > 0) record.note({ code: 'no-calibration-items', methods: [...new Set(others)] });
  if (drawn.some(({ method }) => drawsPlans(settings, method))) record.note({ code: 'first-seed-only' });
  const times = draws.map(({ draw, size }) => drawnTimes(items, size ?? items.length, draw));
  const extras = [...new Set(drawn.flatMap(({ method }) => needsOfMethod(settings, method).extras))].sort();
  const profiles = await runStep(context, drawnProfiles(context, source, times, extras));
  const { statistics: ofAll } = source;
  if (ofAll === null) throw new Error('calibration draws without a profile');
  const wholes = await wholePlans(stage, measured, ofAll);
  const plans: DrawnPlan[] = [];
  for (const [index, { draw, size }] of draws.entries()) {
    const statistics = present(profiles[index], 'a calibration draw without a profile');
    for (const { curve, keep, plan: whole, scores } of wholes) {
      const plan = await makePlan(context, { ...source, statistics }, curve, keep);
      const point = {
        draw,
        size,
        items: statistics.items,
        inCommon: sharedChoice(whole, plan),
        rankCorrelation: meanRankCorrelation(scores, scoresOf(stage, curve, keep, statistics)),
        experts: statistics.counts.length,
        fewTokens: thinExperts(statistics),
        fewTokensOfAll: thinExperts(ofAll),
      };
      plans.push({ ...curve, plan, point });
    }
  }
  await measurePlans(stage, plans, ({ point }, result) =>
    record.add({ what: 'calibration-draw', point: { ...point, result } }),
  );
};
