import { createHash } from 'node:crypto';
import { curveLabel } from '../contract/method.ts';
import { waveOrder } from '../evaluation/wave-order.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import type { RunModel } from './job-context.ts';
import { drawnCurves, measureCalibrationDraws } from './sweep-calibration-draws.ts';
import type { CountedCurve } from './sweep-curves.ts';
import { measureStage } from './sweep-job.ts';
import type { Stage, SweepInput, PlannedStage } from './planned-stages.ts';
import { measureUnpruned } from './sweep-points.ts';

/** A part of a sweep that one process measures alone. */
export interface SweepUnit {
  /** Equal in every process that works on the sweep; the name of a folder. */
  readonly id: string;
  readonly planned: PlannedStage;
  /** Null: the profile and the unpruned model, which all other parts of the stage need first. */
  readonly part: string | null;
  /** Method, seed and kept experts, where the part has them. */
  readonly method: string | null;
  readonly seed: number | null;
  readonly kept: number | null;
  measure(stage: Stage): Promise<void>;
}

const HASH_CHARACTERS = 12;

const unitOf = (
  planned: PlannedStage,
  named: Pick<SweepUnit, 'part' | 'method' | 'seed' | 'kept'>,
  measure: SweepUnit['measure'],
): SweepUnit => {
  const identity = canonicalJson({
    model: planned.measurement.model.name,
    task: planned.measurement.task.name,
    ...named,
  });
  const id = createHash('sha256').update(identity).digest('hex').slice(0, HASH_CHARACTERS);
  return { id, planned, ...named, measure };
};

/** The parts of a stage's curves: the middle of every curve's range first, all curves side by side. */
const curveParts = (planned: PlannedStage, { settings }: SweepInput): readonly SweepUnit[] => {
  const { curves, measurement } = planned;
  const partOf = (curve: CountedCurve, counts: readonly number[], kept: number | null): SweepUnit => {
    const method = curveLabel(curve.method, curve.refit, curve.weights);
    const { seed } = curve;
    const drawn = seed === null ? method : `${method} (seed ${String(seed)})`;
    const part = kept === null ? drawn : `${drawn}, ${String(kept)} kept`;
    return unitOf(planned, { part, method, seed, kept }, (stage) => measureStage(stage, [{ ...curve, counts }], []));
  };
  // Where a curve's next candidate depends on the last one, the curve is one part; otherwise each candidate is.
  if (settings.adaptive || settings.stop === 'early') return curves.map((curve) => partOf(curve, curve.counts, null));
  const open = curves.map(({ counts }) => ({ missing: counts, tested: [] }));
  return waveOrder(open, measurement.model.checkpoint.info.experts).flatMap(([index, kept]) => {
    const curve = curves[index];
    return curve === undefined ? [] : [partOf(curve, [kept], kept)];
  });
};

/** The calibration draws of a stage, by curve: their plans are made from profiles of draws that every part reads. */
const drawParts = (planned: PlannedStage): readonly SweepUnit[] =>
  planned.settings.calibrationDraws === undefined
    ? []
    : drawnCurves(planned).map((curve) => {
        const method = curveLabel(curve.method, curve.refit);
        const named = { part: `${method}, calibration draws`, method, seed: curve.seed, kept: null };
        return unitOf(planned, named, (stage) => measureCalibrationDraws(stage, [curve]));
      });

/** All parts of a sweep, in the best order. */
export const sweepUnits = (stages: readonly PlannedStage[], input: SweepInput): readonly SweepUnit[] =>
  stages.flatMap((planned) => [
    unitOf(planned, { part: null, method: null, seed: null, kept: null }, async (stage) => {
      await measureUnpruned(stage);
    }),
    ...curveParts(planned, input),
    ...drawParts(planned),
    ...(input.candidates ?? []).map((folder: RunModel) =>
      unitOf(planned, { part: folder.name, method: folder.name, seed: null, kept: null }, (stage) =>
        measureStage(stage, [], [folder]),
      ),
    ),
  ]);
