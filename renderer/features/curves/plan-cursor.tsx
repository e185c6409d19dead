import { useMemo } from 'react';
import { isSameFactor } from '../../../main/contract/sweep.ts';
import { answersOf, type TaskEntry } from '../../../main/contract/task.ts';
import { pointVerdictText } from '../../../main/words/verdicts.ts';
import {
  decidingText,
  type DifferencePanel,
  type DifferencePoint,
  differenceText,
} from '../../../main/figures/difference-chart.ts';
import { formatDuration } from '../../../main/words/numbers.ts';
import { ActionButton } from '../../actions/action-button.tsx';
import { measurePlan } from '../../actions/sweep.ts';
import { Definition } from '../../components/definition.tsx';
import { Reading } from '../../components/reading.tsx';
import { selectedModel, useFacts } from '../../engine/facts.ts';
import { keptAtFactor } from '../../../main/contract/keep-from-factor.ts';
import { useCurrentPlan } from '../../plan/use-current-plan.ts';
import { shownImport } from '../../plan/plan-input.ts';
import { planName } from '../../plan/plan-name.ts';
import { currentMaking, measureObstacle, planFile } from '../../sweep/current-making.ts';
import { ownCalibrationOf, type ReadSweep, secondsFor } from '../../sweep/model-points.ts';
import { useSweep } from '../../sweep/shown-sweep.ts';

interface PlanCursorProps {
  readonly measured: readonly { readonly task: TaskEntry; readonly panel: DifferencePanel | null }[];
  readonly sweeps: readonly ReadSweep[];
  readonly largestFactor: number;
  /** Whether measurements are still being read. */
  readonly isReading: boolean;
}

const pointAt = (panel: DifferencePanel | null, method: string, factor: number): DifferencePoint | null =>
  panel?.series
    .find((series) => series.method === method)
    ?.points.find((point) => isSameFactor(point.factor, factor)) ?? null;

/** The point of a plan that is a curve of its own. */
const onlyPoint = (panel: DifferencePanel | null, method: string): DifferencePoint | null =>
  panel?.series.find((series) => series.method === method)?.points.at(-1) ?? null;

/** The verdict on the current plan with its interval, or a button to measure it. */
export const PlanCursor = ({ measured, sweeps, largestFactor, isReading }: PlanCursorProps) => {
  const facts = useFacts();
  const { manifest } = useSweep();
  const { made } = useCurrentPlan();
  const model = selectedModel(facts);
  const { method } = facts.selection;
  const calibrated = (task: TaskEntry): string =>
    answersOf(task) === 'written' ? CALIBRATED[ownCalibrationOf(manifest) ?? 'answers'] : '';
  if (model?.info === null || model === null) return null;
  // The slider moves in whole numbers of experts.
  const factor = model.info.experts / keptAtFactor(model.info, Math.min(facts.selection.factor, largestFactor));
  const imported = shownImport(facts);
  const isSwept = currentMaking(facts) !== null;
  const file = made === undefined ? null : planFile(facts, made.plan);
  const readings = measured.flatMap(({ task, panel }, index) => {
    const point = isSwept ? pointAt(panel, method, factor) : file === null ? null : onlyPoint(panel, file.method);
    const label = `${index === 0 ? 'measured' : answersOf(task)}${calibrated(task)}: `;
    return panel === null || point === null ? [] : [{ task, panel, point, label }];
  });
  const [first] = measured;
  return (
    <div
      className={measured.length > 1 ? 'plan-cursor plan-cursor-of-two' : 'plan-cursor'}
      role="status"
      aria-label="The plan on screen"
    >
      <strong className="plan-cursor-name">{planName(facts)?.text}</strong>
      {factor <= 1 && imported?.kind !== 'plan' ? (
        <span className="muted">prunes nothing: drag the slider, or choose a larger factor at the top</span>
      ) : readings[0]?.task === first?.task && readings.length > 0 ? (
        <div className="plan-readings">
          {readings.map((reading) => (
            <PointReading key={reading.task.handle} {...reading} />
          ))}
        </div>
      ) : isReading ? (
        <Reading of="sweep.read" />
      ) : (
        <NotMeasured sweeps={sweeps} task={first?.task ?? null} />
      )}
    </div>
  );
};

/** Marks points whose plans differ from the current one in this: the current plan is made from the right answers. */
const CALIBRATED = {
  answers: '',
  written: ' (calibrated on the unpruned model’s answers)',
  endings: ' (calibrated on the unpruned model’s complete answers, weighted to their ends)',
};

interface PointReadingProps {
  readonly point: DifferencePoint;
  readonly panel: DifferencePanel;
  readonly label: string;
}

/**
 * "measured: safe, −0.3 [−1.9, +1.2], one-sided lower end −1.6": the verdict, the difference with its two-sided 95 %
 * interval, and the end that decides.
 */
const PointReading = ({ point, panel, label }: PointReadingProps) => (
  <span className="plan-reading">
    <span className="muted">{label}</span>
    <strong className={`verdict-word verdict-word-${point.verdict}`}>{pointVerdictText(point.verdict)}</strong>
    {', '}
    <Definition of="oneSidedEnds">
      <span className="number">
        {[differenceText(point, panel.metric), decidingText(point, panel.metric)]
          .filter((text) => text !== '')
          .join(', ')}
      </span>
    </Definition>
  </span>
);

const NotMeasured = ({ sweeps, task }: { readonly sweeps: readonly ReadSweep[]; readonly task: TaskEntry | null }) => {
  const facts = useFacts();
  const model = selectedModel(facts);
  const { models } = facts;
  const seconds = useMemo(
    () => (model === null || task === null ? null : secondsFor(sweeps, models, model, 2 * task.items.test)),
    [sweeps, models, model, task],
  );
  const obstacle = measureObstacle(facts);
  const isRunning = facts.jobs.some(({ kind }) => kind === 'sweep');
  if (obstacle !== null) return <span className="muted">not measured: {obstacle}</span>;
  return (
    <>
      <span>not measured{isRunning ? ', a sweep is running' : ''}</span>
      <ActionButton action={measurePlan} small icon="play">
        Measure now{seconds === null ? '' : ` (about ${formatDuration(seconds * 1000)})`}
      </ActionButton>
    </>
  );
};
