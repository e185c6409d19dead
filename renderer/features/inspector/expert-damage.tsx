import type { ExpertDamage as Damage } from '../../../main/contract/damage.ts';
import type { ModelEntry } from '../../../main/contract/model.ts';
import type { MetricName, TaskEntry } from '../../../main/contract/task.ts';
import {
  formatCount,
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
import { useChatOf } from '../../plan/chat.ts';
import { knownDamage, useDamage } from '../../profile/damage-runs.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { DamageChart } from './damage-chart.tsx';
import { type ExpertPosition } from '../../state/selection.ts';

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
