import type { ExpertDamage as Damage } from '../../../main/contract/damage.ts';
import type { ModelEntry } from '../../../main/contract/model.ts';
import type { MetricName, TaskEntry } from '../../../main/contract/task.ts';
import {
  formatCount,
  formatDifference,
  formatDifferenceInUnit,
  formatInterval,
  formatProbability,
  formatValue,
} from '../../../main/words/numbers.ts';
import { truncationSentence } from '../../../main/words/truncation.ts';
import { Button } from '../../components/button.tsx';
import { fact, FactList } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { useRequest } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { useChatOf } from '../../plan/chat.tsx';
import { knownDamage, useDamage } from '../../profile/damage-runs.ts';
import { selectionStore } from '../../state/selection-store.ts';
import type { ExpertPosition } from '../../state/selection.ts';
import { maxOf, minOf } from '../../../main/statistics/extremes.ts';
import { walkMembers } from '../../components/walk-members.ts';

interface ExpertDamageProps extends ExpertPosition {
  readonly model: ModelEntry;
  readonly task: TaskEntry;
}

/** Loss on the task with only this expert removed, as far as measured, and buttons to measure it. */
export const ExpertDamage = ({ model, task, layer, expert }: ExpertDamageProps) => {
  const facts = useFacts();
  const chat = useChatOf(model);
  const documents = useDamage(model, task, [layer]);
  const { busy, start } = useRequest();
  const known = knownDamage(documents);
  const [first] = documents;
  const isUnderWay = busy || facts.jobs.some(({ kind }) => kind === 'damage');
  const experts = model.info?.experts ?? 0;
  const measure = (only: number | null): void =>
    start(async ({ bridge }) => {
      await bridge.call('damage.start', {
        model: model.handle,
        task: task.handle,
        layer,
        experts: only === null ? undefined : [only],
        chat,
      });
    });
  const damage = known.get(expert);
  return (
    <section className="stack expert-part" aria-label="Damage of this expert">
      <h3>
        <Definition of="damageAlone" />
      </h3>
      {damage !== undefined && first !== undefined && (
        <DamageFacts damage={damage} metric={first.metric} unpruned={first.unpruned} n={first.n} />
      )}
      {first?.ranOut !== undefined && <p>{truncationSentence({ ...first, ranOut: first.ranOut })}</p>}
      {first !== undefined && known.size > 1 && (
        <DamageChart
          layer={layer}
          metric={first.metric}
          results={[...known.values()].sort((left, right) => left.expert - right.expert)}
          selected={expert}
          onSelect={(chosen) => selectionStore.getState().selectExpert(layer, chosen)}
        />
      )}
      <div className="line">
        {damage === undefined && (
          <Button disabled={isUnderWay} onClick={() => measure(expert)}>
            Measure this expert
          </Button>
        )}
        {known.size < experts && (
          <Button disabled={isUnderWay} onClick={() => measure(null)}>
            Measure the layer ({formatCount(experts)} experts)
          </Button>
        )}
      </div>
      {isUnderWay && <p className="muted">Measuring…</p>}
    </section>
  );
};

interface DamageFactsProps {
  readonly damage: Damage;
  readonly metric: MetricName;
  readonly unpruned: number;
  readonly n: number;
}

export const DamageFacts = ({ damage, metric, unpruned, n }: DamageFactsProps) => (
  <FactList
    facts={[
      fact(metric, `${formatValue(damage.value, metric)} (unpruned ${formatValue(unpruned, metric)})`),
      fact(
        'pairedDifference',
        `${formatDifferenceInUnit(damage.difference, metric)} ${formatInterval(damage, metric)}`,
      ),
      fact('mcnemar', damage.p === null ? null : formatProbability(damage.p)),
      fact('lostGained', `${formatCount(damage.lost)} lost, ${formatCount(damage.gained)} gained of ${formatCount(n)}`),
    ]}
  />
);

interface DamageChartProps {
  readonly layer: number;
  readonly metric: MetricName;
  /** In display order: by decreasing harm or by number. */
  readonly results: readonly Damage[];
  readonly selected: number;
  readonly onSelect: (expert: number) => void;
}

const SIZE = { width: 288, height: 132, left: 34, right: 4, top: 8, bottom: 18 } as const;
/** Narrower bars have no whisker ends and no numbers. */
const ROOM_FOR_ENDS_PX = 7;
const ROOM_FOR_NUMBER_PX = 15;

/**
 * Differences for the experts of a layer, each with only that expert removed: one bar per expert, with its interval.
 */
export const DamageChart = ({ layer, metric, results, selected, onSelect }: DamageChartProps) => {
  const low = minOf([0, ...results.map((result) => result.low)]);
  const high = maxOf([0, ...results.map((result) => result.high)]);
  const span = high - low || 1;
  const across = SIZE.width - SIZE.left - SIZE.right;
  const down = SIZE.height - SIZE.top - SIZE.bottom;
  const y = (value: number): number => SIZE.top + ((high - value) / span) * down;
  const step = across / Math.max(1, results.length);
  const bar = Math.max(0.5, step * 0.7);
  const stop = results.some(({ expert }) => expert === selected) ? selected : results[0]?.expert;
  return (
    <svg
      className="damage-chart"
      viewBox={`0 0 ${SIZE.width} ${SIZE.height}`}
      role="group"
      onKeyDown={walkMembers('row')}
      aria-label={`Layer ${layer}: difference with one expert removed, for each expert. Arrow keys move between them.`}
    >
      {[high, 0, low].map((value, index) =>
        index !== 1 && Math.abs(y(value) - y(0)) < 11 ? null : (
          <g key={index}>
            <line x1={SIZE.left} x2={SIZE.width - SIZE.right} y1={y(value)} y2={y(value)} className="damage-line" />
            <text x={SIZE.left - 4} y={y(value) + 3.5} textAnchor="end">
              {formatDifference(value, metric)}
            </text>
          </g>
        ),
      )}
      {results.map((result, index) => {
        const middle = SIZE.left + (index + 0.5) * step;
        const ends = step >= ROOM_FOR_ENDS_PX ? Math.min(3, bar / 3) : 0;
        const text =
          `Expert ${result.expert} removed: ${formatDifferenceInUnit(result.difference, metric)} ` +
          formatInterval(result, metric);
        return (
          <g
            key={result.expert}
            className={`damage-bar${result.expert === selected ? ' damage-bar-selected' : ''}`}
            role="button"
            aria-label={text}
            aria-pressed={result.expert === selected}
            data-member=""
            tabIndex={result.expert === stop ? 0 : -1}
            onClick={() => onSelect(result.expert)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' && event.key !== ' ') return;
              event.preventDefault();
              onSelect(result.expert);
            }}
          >
            <title>{text}</title>
            <rect className="damage-reach" x={middle - step / 2} y={SIZE.top} width={step} height={down} />
            <rect
              x={middle - bar / 2}
              y={Math.min(y(0), y(result.difference))}
              width={bar}
              height={Math.max(0.75, Math.abs(y(result.difference) - y(0)))}
            />
            <path
              d={
                `M${middle} ${y(result.low)}V${y(result.high)}` +
                (ends === 0
                  ? ''
                  : `M${middle - ends} ${y(result.low)}h${2 * ends}M${middle - ends} ${y(result.high)}h${2 * ends}`)
              }
            />
            {(step >= ROOM_FOR_NUMBER_PX || result.expert === selected) && (
              <text x={middle} y={SIZE.height - 5} textAnchor="middle">
                {result.expert}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
};
