import { useMemo } from 'react';
import type { Fidelity, PointCost, SweepResult } from '../../../main/contract/sweep.ts';
import { isSameFactor, isSamePoint, UNPRUNED } from '../../../main/contract/sweep.ts';
import { answersOf } from '../../../main/contract/task.ts';
import { ActionButton } from '../../actions/action-button.tsx';
import { exportPoint, showExport } from '../../actions/export.ts';
import { type Fact, fact, FactList } from '../../components/data-table.tsx';
import { Problem } from '../../components/problem.tsx';
import { Reading } from '../../components/reading.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { type Facts, focusedTask, selectedModel, useFacts } from '../../engine/facts.ts';
import {
  counted,
  differenceUnit,
  formatBytes,
  formatCount,
  formatDifference,
  formatDifferenceInUnit,
  formatDroppedShare,
  formatFactor,
  formatFixed,
  formatInterval,
  formatNats,
  formatP,
  formatParameters,
  formatPercent,
  formatProbability,
} from '../../../main/words/numbers.ts';
import { runDeviceText } from '../../format/record-words.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { choiceWarning } from '../../../main/evaluation/fidelity.ts';
import { pointVerdictText } from '../../../main/words/verdicts.ts';
import { keptAtFactor } from '../../../main/contract/keep-from-factor.ts';
import { type PointKey, pointKey } from '../../state/selection.ts';
import type { RunResult } from '../../sweep/model-points.ts';
import { measuredText } from '../../../main/figures/point-words.ts';
import { useSweepOf } from '../../sweep/shown-sweep.ts';
import { useModelPoints } from '../../sweep/use-model-points.ts';
import { ExpertCard } from './expert-card.tsx';
import { ModelFacts } from './model-facts.tsx';
import './inspector.css';
import type { SerialisedError } from '../../../main/contract/errors.ts';
import type { OutcomesDocument } from '../../../main/contract/outcomes.ts';
import { Button } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { outcomesStore } from '../../state/dialog-stores.ts';
import { ItemAnswer } from '../../sweep/item-answer.tsx';

/** All numbers of the selected expert. */
export const ExpertPart = () => {
  const { layer, expert } = useFacts().selection;
  return layer === null || expert === null ? (
    <p className="muted">Select a cell of the map to see its expert here.</p>
  ) : (
    <ExpertCard layer={layer} expert={expert} />
  );
};

/** All numbers of the selected point. */
export const PointPart = () => {
  const facts = useFacts();
  const { point } = facts.selection;
  const task = focusedTask(facts);
  const asked = useMemo(() => (point !== null || task === null ? [] : [task]), [point, task]);
  const { points, isReading } = useModelPoints(asked);
  if (point !== null) return <PointCard point={point} />;
  const onScreen = pointOnScreen(facts, points[0] ?? []);
  if (onScreen === null && isReading) return <Reading of="sweep.read" />;
  return onScreen === null ? (
    <p className="muted">Select a point of a curve to see its numbers here. The plan on screen is not measured.</p>
  ) : (
    <>
      <p className="muted">The plan on screen, as it was measured:</p>
      <PointCard point={onScreen} />
    </>
  );
};

/** Items of a point; of items that were written several times, the texts too. */
const itemsText = ({ n, metric, groups }: SweepResult): string =>
  groups !== undefined && answersOf({ metric }) === 'written'
    ? `${formatCount(n)} texts of ${formatCount(groups.count)} items`
    : formatCount(n);

const share = (value: Fidelity['changed']): string =>
  `${formatPercent(value.mean)} [${formatPercent(value.low)}, ${formatPercent(value.high)}]`;

const fidelityFacts = ({ fidelity, factor }: SweepResult): readonly Fact[] =>
  fidelity === undefined || factor === 1
    ? []
    : [
        fact('klToUnpruned', `${formatNats(fidelity.kl, 3)} nats`),
        fact('reverseKl', `${formatNats(fidelity.reverseKl, 3)} nats`),
        fact('otherToken', share(fidelity.changed)),
        fact('acceptance', share(fidelity.acceptance)),
        ...(fidelity.classes ?? []).map(({ name, positions, kl, changed }) =>
          fact(
            'tokenClass',
            `${formatNats(kl, 3)} nats, other token ${share(changed)}, ${counted(positions, 'position')}`,
            `after ${name}`,
          ),
        ),
      ];

/** How the written texts of a point end. */
const endingFacts = ({ endings, factor, metric }: SweepResult): readonly Fact[] => {
  if (endings === undefined) return [];
  const difference = `${formatDifferenceInUnit(endings.difference, metric)} ${formatInterval(endings, metric)}`;
  return [
    fact('ended', `${formatPercent(endings.ended)}${factor === 1 ? '' : ` (${difference})`}`),
    fact('looped', endings.looped === null ? null : formatPercent(endings.looped)),
  ];
};

const passFacts = ({ passAtK = [], factor, metric }: SweepResult): readonly Fact[] =>
  passAtK.map(({ k, value, ...difference }) => {
    const moved = `${formatDifferenceInUnit(difference.difference, metric)} ${formatInterval(difference, metric)}`;
    return fact('passAtK', `${formatPercent(value)}${factor === 1 ? '' : ` (${moved})`}`, `pass@${String(k)}`);
  });

/** The measured point of the current method and factor, of the first draw; null where there is none. */
const pointOnScreen = (facts: Facts, points: readonly RunResult[]): PointKey | null => {
  const info = selectedModel(facts)?.info;
  if (info === undefined || info === null) return null;
  const { method, factor } = facts.selection;
  const reached = info.experts / keptAtFactor(info, factor);
  const found = points.find(({ result }) => result.method === method && isSameFactor(result.factor, reached));
  return found === undefined ? null : pointKey(found.run, found.result);
};

export const ModelPart = () => {
  const model = selectedModel(useFacts());
  return model === null ? (
    <p className="muted">Select a model to see its facts here.</p>
  ) : (
    <section className="stack stack-wide" aria-label="Selected model">
      <h2 className="inspector-model">{model.name}</h2>
      <ModelFacts model={model} />
    </section>
  );
};

/** Exact numbers of a measured point, the cost of its plan, and a button to export it. */
const PointCard = ({ point }: { readonly point: PointKey }) => {
  const { tasks, runs, selection } = useFacts();
  const document = useSweepOf(point.run);
  const plan = useQuery('sweep.plan', point.factor > 1 ? { ...point } : null);
  // A point that is not selected is that of the plan on screen.
  const toExport = selection.point === null ? showExport : exportPoint;
  const result = document?.results.find((known) => isSamePoint(known, point));
  const unpruned = document?.results.find(
    ({ model, task, method }) => model === point.model && task === point.task && method === UNPRUNED,
  );
  const task = tasks.find((known) => known.name === point.task)?.title ?? point.task;
  const warning = result === undefined ? null : choiceWarning(result, document?.results ?? []);
  const cost = plan.data?.cost;
  const device = runs.find((run) => run.id === point.run)?.device;
  return (
    <section className="stack stack-wide" aria-label="Selected point">
      <h2>
        {methodTitle(point.method)} {formatFactor(point.factor)}
        {result?.verdict !== undefined && result.verdict !== null && `: ${pointVerdictText(result.verdict)}`}
      </h2>
      <p className="muted">
        {task}, {point.model}
        {point.seed === null ? '' : `, seed ${point.seed}`}
      </p>
      {warning !== null && <p className="inspector-warning">{warning}</p>}
      {result !== undefined && (
        <FactList
          facts={[
            fact(result.metric, measuredText(result)),
            fact('unprunedLine', unpruned === undefined ? null : measuredText(unpruned)),
            fact(
              'unprunedLine',
              unpruned?.chance === undefined
                ? null
                : `${formatPercent(unpruned.chance.accuracy)}, ${formatP(unpruned.chance.p)}`,
              'Unpruned against chance',
            ),
            fact('pairedDifference', formatDifferenceInUnit(result.difference, result.metric)),
            fact(
              'pairedDifference',
              `${formatInterval(result, result.metric)}${differenceUnit(result.metric)}`,
              '95 % interval',
            ),
            fact(
              'oneSided',
              formatDifference(result.lowOneSided, result.metric) +
                (result.metric === 'perplexity' ? ' nats per token' : differenceUnit(result.metric)),
            ),
            fact('mcnemar', result.p === null ? null : formatProbability(result.p)),
            fact('lostGained', `${formatCount(result.lost)} lost, ${formatCount(result.gained)} gained`),
            ...fidelityFacts(result),
            fact(
              'answerLoss',
              result.answerLoss === undefined || result.factor === 1 ? null : `${formatNats(result.answerLoss)} nats`,
            ),
            ...endingFacts(result),
            ...passFacts(result),
            fact('items', itemsText(result), 'Test items'),
            fact('keptExperts', formatFixed(result.kept, Number.isInteger(result.kept) ? 0 : 2)),
            fact('droppedShare', result.droppedShare === undefined ? null : formatDroppedShare(result)),
            fact('acc_norm', result.accNorm === null ? null : formatPercent(result.accNorm), 'acc_norm'),
            fact('truncated', result.truncated > 0 ? formatCount(result.truncated) : null),
            fact('computedOn', device === undefined ? null : runDeviceText(device)),
          ]}
        />
      )}
      {plan.error !== null && <Problem error={plan.error} />}
      {cost !== undefined && (
        <FactList
          facts={[
            fact(
              'totalParameters',
              `${formatParameters(cost.parameters.total)} ` +
                `(${formatPercent(cost.parameters.total / cost.before.total, 0)})`,
            ),
          ]}
        />
      )}
      {result?.cost !== undefined && <PointCostFacts cost={result.cost} unpruned={unpruned?.cost} />}
      <div className="stack inspector-actions">
        <ActionButton action={toExport} icon="save" disabled={cost === undefined}>
          Export this plan…
        </ActionButton>
      </div>
      {result !== undefined && hasItems(result) && <PointItems point={point} />}
    </section>
  );
};

/** Lost items shown at first: as many as fit beside the numbers. */
const FIRST_ITEMS = 3;

/** Whether a point can have lost or gained items: not the unpruned model itself, and not perplexity. */
export const hasItems = ({ factor, metric }: Pick<SweepResult, 'factor' | 'metric'>): boolean =>
  factor > 1 && metric !== 'perplexity';

/** Items lost by pruning at a point: the first few here, all in the dialog. */
const PointItems = ({ point }: { readonly point: PointKey }) => {
  const { data, error } = useQuery('outcomes.read', { ...point, show: 'lost', from: 0, count: FIRST_ITEMS });
  return <FirstLost document={data} error={error} onAll={() => outcomesStore.getState().show(point)} />;
};

interface FirstLostProps {
  /** Undefined until read. */
  readonly document: OutcomesDocument | undefined;
  readonly error: SerialisedError | null;
  readonly onAll: () => void;
}

/** The first lost items of a point, the counts, and a button to all items. */
export const FirstLost = ({ document, error, onAll }: FirstLostProps) => (
  <section className="stack point-items" aria-label="Lost items">
    <h3>
      <Definition of="lostGained">Lost items</Definition>
    </h3>
    {error !== null && <Problem error={error} />}
    {document === undefined ? (
      error === null && <Reading of="outcomes.read" />
    ) : (
      <>
        <p className="muted number">
          Lost {formatCount(document.counts.lost)}, gained {formatCount(document.counts.gained)}, same{' '}
          {formatCount(document.counts.same)}
        </p>
        {document.note !== null && <p className="muted">{document.note}</p>}
        {document.items.length > 0 && (
          <ol className="rows" aria-label="The first lost items">
            {document.items.map((item) => (
              <ItemAnswer key={item.item} answers={item} />
            ))}
          </ol>
        )}
        <Button onClick={onAll}>Show all items</Button>
      </>
    )}
  </section>
);

const speedText = (tokensPerSecond: number): string =>
  `${formatFixed(tokensPerSecond, tokensPerSecond < 10 ? 2 : 0)} tokens/s`;

interface PointCostFactsProps {
  readonly cost: PointCost;
  /** Costs of the unpruned model in the same sweep, if measured. */
  readonly unpruned: PointCost | undefined;
}

/** Memory and compute costs of a point's model; speeds if measured. */
export const PointCostFacts = ({ cost, unpruned }: PointCostFactsProps) => {
  const { promptTokensPerSecond: prompt, decodeTokensPerSecond: decode } = cost;
  return (
    <FactList
      facts={[
        fact(
          'pointBytes',
          formatBytes(cost.bytes) +
            (unpruned === undefined ? '' : ` (${formatPercent(cost.bytes / unpruned.bytes, 0)})`),
        ),
        fact('activeParameters', formatParameters(cost.activeParameters)),
        fact('cacheBytes', formatBytes(cost.cacheBytesPerToken)),
        fact('promptSpeed', prompt === undefined ? null : speedText(prompt)),
        fact('decodeSpeed', decode === undefined ? null : speedText(decode)),
      ]}
    />
  );
};
